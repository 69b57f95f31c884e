//! An app ended its registration (RFC 7592 §2.3). None of its grants is valid from the moment of its status change.
//! Here they end one by one, so that each gets its event and its audit record.

use crate::audit::Actor;
use crate::clock::Instant;
use crate::grant::{self, Reason};
use crate::id::{ClientId, GrantId};
use crate::store::{Error, Result, Tx};

/// Ends at most `limit` grants of ended apps. Returns how many; call it again if that was a full batch.
pub fn unlink(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    // In no order: to sort them, each batch would visit all links that the app still has.
    let rows = tx.rows(
        "select g.id, g.client_id from clients c join grants g on g.client_id = c.id
         where c.status = 'ended' and g.ended_at is null and g.expires_at > ?1 limit ?2",
        &[now.into(), limit.into()],
    )?;
    let mut ended = 0;
    for row in rows {
        let corrupt = |why: &str| Error::Corrupt { table: "grants", row: String::new(), why: why.into() };
        let id = GrantId::parse(row.text(0)?).ok_or_else(|| corrupt("id"))?;
        let client = ClientId::parse(row.text(1)?).ok_or_else(|| corrupt("client_id"))?;
        grant::end(tx, &id, &Reason::Client, Actor::Client(client), now)?;
        ended += 1;
    }
    Ok(ended)
}
