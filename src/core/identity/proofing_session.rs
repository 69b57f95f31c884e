//! Proofing sessions (decision 15): for some minutes, in the same browser and for the same app, ① to ⑤ need not be
//! passed again. Only for clients the institution explicitly allows; by default none.
//!
//! It begins when consent is completed, never lasts longer than its time from the moment the last check was passed, and
//! is used once for each interaction: the interaction begins at ⑥, which says so. Locks, a closed account and a changed client record count as
//! ever. It is forgotten on 中止する and 拒否する, on a lock, on an event of the account, and when the link is revoked.

use super::{FieldCrypto, Proofed, personal};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::seal::{Broken, SealContext};
use crate::secret::{self, Hash, Secret, base64url};
use crate::store::{Result, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Reference to the proofing session that an interaction used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// SHA-256 of the browser's cookie value.
    #[serde(rename = "memory", with = "personal::hash")]
    pub cookie: Hash,
    /// Until when it may be used: fixed when the checks were passed; no use extends it.
    pub until: Instant,
}

/// Whose session it is: the browser's cookie, and the app with its current record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofingSessionKey {
    /// SHA-256 of the browser's cookie value.
    pub cookie: Hash,
    /// The app.
    pub client: ClientId,
    /// The version of the app's record.
    pub version: i64,
}

/// A remembered proofing with which an interaction may begin at ⑥.
#[derive(Debug, Clone)]
pub struct Recalled {
    /// Whose it is.
    pub of: ProofingSessionKey,
    /// The result of the checks, with the accounts as they are now.
    pub proofed: Proofed,
}

/// A session ready to be written: its value is drawn and its data sealed before the transaction.
#[derive(Debug, Clone)]
pub struct ProofingSession {
    of: ProofingSessionKey,
    account: Hash,
    sealed: Vec<u8>,
    until: Instant,
}
impl ProofingSession {
    /// A new session with `proofed` for a new cookie value. If the checks were themselves remembered, it ends when
    /// that session would have; otherwise `lasting` after the last check.
    ///
    /// # Errors
    /// [`Broken`] if sealing fails.
    pub fn new(
        crypto: &FieldCrypto,
        proofed: &Proofed,
        client: &ClientId,
        version: i64,
        lasting: Duration,
    ) -> std::result::Result<(Secret, Self), Broken> {
        let value = secret::opaque(&*crypto.random);
        let of = ProofingSessionKey { cookie: value.hash(), client: client.clone(), version };
        let until = proofed.remembered.map_or(proofed.auth_time + lasting, |known| known.until);
        let kept = Proofed { remembered: Some(Remembered { cookie: of.cookie, until }), ..proofed.clone() };
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Broken)?);
        let row = base64url(of.cookie.as_bytes());
        let sealed = crypto.sealer.seal(&*crypto.random, seal_context(&row), &plain)?;
        Ok((value, Self { account: proofed.account_index, of, sealed, until }))
    }
    /// Until when it may be used.
    #[must_use]
    pub const fn until(&self) -> Instant {
        self.until
    }
}

pub(super) const fn seal_context(row: &str) -> SealContext<'_> {
    SealContext { table: "proofings", column: "sealed", row }
}

/// Writes a session, in the transaction that completes a consent.
pub fn remember(tx: &mut Tx<'_, '_>, proofing: &ProofingSession) -> Result<()> {
    tx.execute(
        "insert into proofings (cookie, client, version, account, sealed, expires_at) values (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            proofing.of.cookie.into(),
            proofing.of.client.as_str().into(),
            proofing.of.version.into(),
            proofing.account.into(),
            proofing.sealed.clone().into(),
            proofing.until.into(),
        ],
    )?;
    Ok(())
}

/// Whether a memory is still there: not forgotten, and the client's record unchanged. Its time is not checked: an interaction that
/// began within it lives by its own.
pub fn exists(tx: &mut Tx<'_, '_>, of: &ProofingSessionKey) -> Result<bool> {
    let sql = "select cookie from proofings where cookie = ?1 and client = ?2 and version = ?3";
    Ok(tx.row(sql, &[of.cookie.into(), of.client.as_str().into(), of.version.into()])?.is_some())
}

/// Forgets what one browser remembers for an app.
pub fn forget(tx: &mut Tx<'_, '_>, proofing: &Hash, client: &ClientId) -> Result<()> {
    let sql = "delete from proofings where cookie = ?1 and client = ?2";
    tx.execute(sql, &[(*proofing).into(), client.as_str().into()])?;
    Ok(())
}

/// Forgets whatever a browser remembers: its value is about to be replaced.
pub fn replace(tx: &mut Tx<'_, '_>, proofing: &Hash) -> Result<()> {
    tx.execute("delete from proofings where cookie = ?1", &[(*proofing).into()])?;
    Ok(())
}

/// Forgets an account everywhere, or for one app: it was locked or closed, or its link revoked.
pub fn forget_account(tx: &mut Tx<'_, '_>, account: &Hash, client: Option<&ClientId>) -> Result<()> {
    match client {
        Some(client) => {
            let sql = "delete from proofings where account = ?1 and client = ?2";
            tx.execute(sql, &[(*account).into(), client.as_str().into()])?
        }
        None => tx.execute("delete from proofings where account = ?1", &[(*account).into()])?,
    };
    Ok(())
}

/// Forgets everything, at most `limit` rows a call: a restored backup must not bring back what was forgotten. Returns how
/// many went.
pub fn drop_restored(tx: &mut Tx<'_, '_>, limit: i64) -> Result<u64> {
    tx.execute("delete from proofings where cookie in (select cookie from proofings limit ?1)", &[limit.into()])
}

/// Housekeeping: deletes at most `limit` sessions that had ended at `before`. Returns how many.
pub(super) fn prune(tx: &mut Tx<'_, '_>, before: Instant, limit: i64) -> Result<u64> {
    let sql = "delete from proofings where cookie in (select cookie from proofings where expires_at < ?1 limit ?2)";
    tx.execute(sql, &[before.into(), limit.into()])
}
