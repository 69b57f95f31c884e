//! The public halves of the keys that signed receipts. A receipt must be verifiable long after its key has left
//! `/oauth/jwks`, so they have a table of their own.

use crate::clock::Instant;
use crate::keys::SigningKey;
use crate::store::{Error, Result, Tx};
use serde_json::Value;

/// Whether a receipt that may be asked for until then, signed with this key, would stay verifiable.
pub fn stores_receipt_key(tx: &mut Tx<'_, '_>, kid: &str, ends_at: Instant) -> Result<bool> {
    let known = tx.row("select 1 from receipt_keys where kid = ?1 and ends_at >= ?2", &[kid.into(), ends_at.into()])?;
    Ok(known.is_some())
}

/// Keeps the public half of a key that signs a receipt about a permission that ends at `ends_at`.
pub fn store_receipt_key(tx: &mut Tx<'_, '_>, key: &SigningKey, ends_at: Instant) -> Result<()> {
    tx.execute(
        "insert into receipt_keys (kid, jwk, ends_at) values (?1, ?2, ?3) on conflict (kid) do update set ends_at = \
         case when receipt_keys.ends_at < excluded.ends_at then excluded.ends_at else receipt_keys.ends_at end",
        &[key.kid().into(), key.public().to_json().to_string().into(), ends_at.into()],
    )?;
    Ok(())
}

/// All of them, as members of a JWK set.
pub fn receipt_keys(tx: &mut Tx<'_, '_>) -> Result<Vec<Value>> {
    let rows = tx.rows("select kid, jwk from receipt_keys order by kid limit 10000", &[])?;
    let read = |row: &crate::store::Row| {
        let bad = |_| Error::Corrupt { table: "receipt_keys", row: String::new(), why: "jwk cannot be read".into() };
        serde_json::from_str(row.text(1)?).map_err(bad)
    };
    rows.iter().map(read).collect()
}

/// A key that was withdrawn proves nothing any more.
pub(super) fn withdraw(tx: &mut Tx<'_, '_>, kid: &str) -> Result<()> {
    tx.execute("delete from receipt_keys where kid = ?1", &[kid.into()]).map(drop)
}

/// Housekeeping: deletes keys that signed no receipt about a permission that ended after `before`.
pub fn prune_receipt_keys(tx: &mut Tx<'_, '_>, before: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from receipt_keys where kid in (select kid from receipt_keys where ends_at < ?1 limit ?2)",
        &[before.into(), limit.into()],
    )
}
