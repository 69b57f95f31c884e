//! Initial access tokens (RFC 7591 §3): they decide who may register. The institution makes each for an app provider,
//! with an expiry and a number of uses; only its SHA-256 is stored.

use crate::audit::{self, Actor, AuditAction, Entry};
use crate::client::Profile;
use crate::clock::Instant;
use crate::id::TokenId;
use crate::secret::Hash;
use crate::store::{Error, Result, Row, Tx};
use serde_json::json;
use std::time::Duration;

/// How long an expired initial access token stays in the list.
const RETENTION: Duration = Duration::from_hours(90 * 24);

/// An initial access token, without the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initial {
    /// Its public id.
    pub id: TokenId,
    /// Staff's note: for whom it was made.
    pub label: String,
    /// The only profile an app may register with; `None`: one of the FAPI profiles.
    pub profile: Option<Profile>,
    /// How many registrations are left.
    pub uses_left: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it expires.
    pub expires_at: Instant,
}

/// The common beginning of the statements as a compile-time text.
macro_rules! select {
    ($tail:literal) => {
        concat!("select id, label, profile, uses_left, created_at, expires_at from initial_tokens ", $tail)
    };
}

fn from_row(row: &Row) -> Result<Initial> {
    let id = row.text(0)?;
    let corrupt = |why: &str| Error::Corrupt { table: "initial_tokens", row: id.to_owned(), why: why.into() };
    let profile = row.opt_text(2)?.map(|p| Profile::parse(p).ok_or_else(|| corrupt("profile"))).transpose()?;
    Ok(Initial {
        id: TokenId::parse(id).ok_or_else(|| corrupt("id"))?,
        label: row.text(1)?.to_owned(),
        profile,
        uses_left: row.int(3)?,
        created_at: row.instant(4)?,
        expires_at: row.instant(5)?,
    })
}

fn entry(token: &Initial, action: AuditAction, actor: &Actor, now: Instant) -> Entry {
    let detail = json!({
        "token": token.id,
        "label": token.label,
        "profile": token.profile.map(Profile::as_str),
        "uses": token.uses_left,
        "expires_at": token.expires_at.secs(),
    });
    Entry { detail, ..Entry::new(now, actor.clone(), action) }
}

/// Keeps a new one.
pub fn make(tx: &mut Tx<'_, '_>, token: &Initial, hash: Hash, actor: &Actor) -> Result<()> {
    tx.execute(
        "insert into initial_tokens (id, hash, label, profile, uses_left, created_at, expires_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            token.id.as_str().into(),
            hash.into(),
            token.label.as_str().into(),
            token.profile.map(Profile::as_str).into(),
            token.uses_left.into(),
            token.created_at.into(),
            token.expires_at.into(),
        ],
    )?;
    audit::append(tx, &entry(token, AuditAction::InitialTokenMade, actor, token.created_at))
}

/// All of them, the newest first.
pub fn list(tx: &mut Tx<'_, '_>, limit: i64) -> Result<Vec<Initial>> {
    let sql = select!("order by created_at desc, id limit ?1");
    tx.rows(sql, &[limit.into()])?.iter().map(from_row).collect()
}

/// Ends one now; `false` when there is none, or it was over already.
pub fn revoke(tx: &mut Tx<'_, '_>, id: &TokenId, actor: &Actor, now: Instant) -> Result<bool> {
    let sql = select!("where id = ?1 and expires_at > ?2 and uses_left > 0");
    let Some(row) = tx.row(sql, &[id.as_str().into(), now.into()])? else { return Ok(false) };
    tx.execute(
        "update initial_tokens set uses_left = 0, expires_at = ?2 where id = ?1",
        &[id.as_str().into(), now.into()],
    )?;
    audit::append(tx, &entry(&from_row(&row)?, AuditAction::InitialTokenRevoked, actor, now))?;
    Ok(true)
}

/// The one with this hash, while it may be used.
pub fn usable(tx: &mut Tx<'_, '_>, hash: Hash, now: Instant) -> Result<Option<Initial>> {
    let sql = select!("where hash = ?1 and expires_at > ?2 and uses_left > 0");
    tx.row(sql, &[hash.into(), now.into()])?.as_ref().map(from_row).transpose()
}

/// Uses it once; `false` when somebody else took the last use.
pub(super) fn spend(tx: &mut Tx<'_, '_>, id: &TokenId, now: Instant) -> Result<bool> {
    let rows = tx.execute(
        "update initial_tokens set uses_left = uses_left - 1 where id = ?1 and uses_left > 0 and expires_at > ?2",
        &[id.as_str().into(), now.into()],
    )?;
    Ok(rows == 1)
}

/// Housekeeping. Returns how many went.
pub fn prune(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from initial_tokens where id in (select id from initial_tokens where expires_at < ?1
         order by expires_at, id limit ?2)",
        &[(now - RETENTION).into(), limit.into()],
    )
}
