//! Values that are valid once: the `jti` of client assertions (RFC 7523 §3) and of DPoP proofs (RFC 9449 §11.1).

use crate::clock::Instant;
use crate::secret::Hash;
use crate::store::{Result, Tx};
use std::time::Duration;

/// How far the clocks of two nodes may differ: one node must not delete what another would still accept.
const APART: Duration = Duration::from_secs(60);

/// What has the `jti`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A client assertion; the owner is the client.
    Assertion,
    /// A DPoP proof; the owner is the key.
    Proof,
}

/// The key under which a `jti` is stored: a digest of fixed size, whatever the sender chose.
#[must_use]
pub fn key(usage: Use, owner: &str, jti: &str) -> Hash {
    let word = match usage {
        Use::Assertion => "assertion",
        Use::Proof => "proof",
    };
    Hash::of(format!("{word}\0{owner}\0{jti}"))
}

/// Remembers `key` until `until`; `false` when it was remembered already.
pub fn claim(tx: &mut Tx<'_, '_>, key: &Hash, until: Instant) -> Result<bool> {
    let rows = tx.execute(
        "insert into client_replays (id, expires_at) values (?1, ?2) on conflict do nothing",
        &[(*key).into(), until.into()],
    )?;
    Ok(rows == 1)
}

/// What a request may use once: its assertion and its proof. They are used up in the transaction of what the request does, so that a
/// request costs one commit and not three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsedOnce {
    pub(super) assertion: Option<(Hash, Instant)>,
    pub(super) proof: Option<(Hash, Instant)>,
}

/// Which of them was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedBefore {
    /// The client assertion.
    Assertion,
    /// The DPoP proof.
    Proof,
}

impl UsedOnce {
    /// Uses both up; or says which was used before. A transaction that is committed after that has used up what it claimed.
    ///
    /// # Errors
    /// Those of the store.
    pub fn claim(&self, tx: &mut Tx<'_, '_>) -> Result<Option<UsedBefore>> {
        for (value, replayed) in [(self.assertion, UsedBefore::Assertion), (self.proof, UsedBefore::Proof)] {
            if let Some((key, until)) = value
                && !claim(tx, &key, until)?
            {
                return Ok(Some(replayed));
            }
        }
        Ok(None)
    }
    /// Whether there is nothing to use up.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.assertion.is_none() && self.proof.is_none()
    }
}

/// Housekeeping: forgets at most `limit` of what ended by the clock of every node; how many it were.
pub fn forget(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from client_replays where id in
         (select id from client_replays where expires_at < ?1 order by expires_at limit ?2)",
        &[(now - APART).into(), limit.into()],
    )
}
