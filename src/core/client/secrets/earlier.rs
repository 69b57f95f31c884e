//! Secrets stored by earlier releases: SHA-256 of those they made, argon2id of those given to them.
//!
//! A server converts them at its start, before it listens. SHA-256 becomes HMAC; argon2id cannot be converted, so the
//! start is refused. A node of an earlier release may write more of them later: until the next start the first kind
//! is accepted and the second is not.

use super::{SecretKey, StoredSecret};
use crate::store::{self, Error, Store, Tx};

/// How many secrets are converted in one transaction.
const BATCH: i64 = 500;
/// How many clients an error names. Once they have new secrets, the next start names more.
const NAMED: i64 = 100;

/// Why the stored secrets could not all be converted.
#[derive(Debug, thiserror::Error)]
pub enum Unsettled {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Clients with a secret that can no longer be checked.
    #[error(
        "an earlier release kept the secret of {clients} as argon2id, which this one does not check. Before the server \
         can start, each of them needs a new secret: `renkei client rotate-secret ID` makes one and shows it once, \
         `renkei client import FILE` takes the client_secret in FILE, or makes one"
    )]
    Argon2id {
        /// Their ids.
        clients: String,
    },
}

/// Converts all stored secrets; returns how many. If any is argon2id, it changes none. Two nodes may do this at once,
/// and it may be interrupted.
pub async fn settle(store: &Store, key: &SecretKey) -> Result<u64, Unsettled> {
    if let Some(clients) = store.scan(argon2id).await? {
        return Err(Unsettled::Argon2id { clients });
    }
    let left = store.scan(|tx| tx.row("select id from clients where secret_kind = 'sha256' limit 1", &[]));
    // Nothing is written if there is nothing to convert: a full disk must not prevent a start.
    let (mut keyed, mut after) = (0, left.await?.map(|_| String::new()));
    while let Some(from) = after {
        let key = key.clone();
        let (some, last) = store.write(move |tx| key_batch(tx, &key, &from)).await?;
        (keyed, after) = (keyed + some, last);
    }
    Ok(keyed)
}

/// The clients with an argon2id secret, as text for an operator; `None` if there is none. Reads ids, no records.
fn argon2id(tx: &mut Tx<'_, '_>) -> store::Result<Option<String>> {
    let rows =
        tx.rows("select id from clients where secret_kind = 'argon2id' order by id limit ?1", &[(NAMED + 1).into()])?;
    let named = usize::try_from(NAMED).unwrap_or(usize::MAX);
    let ids = rows.iter().take(named).map(|row| row.text(0)).collect::<store::Result<Vec<_>>>()?;
    let more = if rows.len() > named { " and more" } else { "" };
    Ok((!ids.is_empty()).then(|| format!("{}{more}", ids.join(", "))))
}

/// Converts the next secrets after the client `after`. Returns how many, and the last client's id if there may be
/// more. The record's version does not change, because the secret is the same.
fn key_batch(tx: &mut Tx<'_, '_>, key: &SecretKey, after: &str) -> store::Result<(u64, Option<String>)> {
    let rows = tx.rows(
        "select id, secret from clients where secret_kind = 'sha256' and id > ?1 order by id limit ?2",
        &[after.into(), BATCH.into()],
    )?;
    let mut keyed = 0;
    for row in &rows {
        let id = row.text(0)?;
        let Some(StoredSecret::Digest(digest)) = StoredSecret::from_columns("sha256", row.text(1)?) else {
            return Err(Error::Corrupt { table: "clients", row: id.to_owned(), why: "broken secret".into() });
        };
        let [kind, secret] = StoredSecret::Keyed(key.keyed(&digest)).columns();
        keyed += tx.execute(
            "update clients set secret_kind = ?2, secret = ?3 where id = ?1 and secret_kind = 'sha256'",
            &[id.into(), kind, secret],
        )?;
    }
    let last = rows.last().map(|row| row.text(0).map(str::to_owned)).transpose()?;
    Ok((keyed, last))
}
