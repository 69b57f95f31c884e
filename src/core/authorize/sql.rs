//! The table `requests`: any number of browsers may begin with a pushed request; the first interaction to complete
//! consumes it.

use super::AuthorizationRequest;
use crate::clock::Instant;
use crate::id::ClientId;
use crate::secret::Hash;
use crate::store::{Error, Result, Tx};

/// A stored request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// SHA-256 of its request_uri.
    pub id: Hash,
    /// The request.
    pub request: AuthorizationRequest,
    /// Until when a browser may begin with it. An interaction that has begun has its own time limit.
    pub expires_at: Instant,
    /// When the first interaction completed it.
    pub consumed_at: Option<Instant>,
}
impl StoredRequest {
    /// Whether a browser may begin an interaction with it now.
    #[must_use]
    pub fn may_begin(&self, now: Instant) -> bool {
        self.consumed_at.is_none() && now < self.expires_at
    }
}

/// Whether the caller was the first to complete a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumed {
    /// The first: the caller gives the answer.
    First,
    /// Another interaction has completed the request, or it was deleted: no code, no redirect (decision 9).
    Before,
}

/// Stores a checked request under the hash of its request_uri, for a browser to begin with.
///
/// # Errors
/// [`Error::Corrupt`] if the id is taken, which 256 random bits exclude.
pub fn push(
    tx: &mut Tx<'_, '_>,
    id: Hash,
    request: &AuthorizationRequest,
    now: Instant,
    expires_at: Instant,
) -> Result<()> {
    insert(tx, id, request, (now, expires_at, None))
}

/// Stores a checked request that was not pushed. Its browser begins at once, so it does not count as waiting.
///
/// # Errors
/// Those of [`push`].
pub fn bring(
    tx: &mut Tx<'_, '_>,
    id: Hash,
    request: &AuthorizationRequest,
    now: Instant,
    expires_at: Instant,
) -> Result<()> {
    insert(tx, id, request, (now, expires_at, Some(now)))
}

fn insert(
    tx: &mut Tx<'_, '_>,
    id: Hash,
    request: &AuthorizationRequest,
    (now, expires_at, begun_at): (Instant, Instant, Option<Instant>),
) -> Result<()> {
    let text = serde_json::to_string(request).map_err(|e| corrupt(&e.to_string()))?;
    let client_id = request.client_id.as_str();
    let new = tx.execute(
        "insert into requests (id, client_id, request, created_at, expires_at, begun_at)
         values (?1, ?2, ?3, ?4, ?5, ?6) on conflict do nothing",
        &[id.into(), client_id.into(), text.into(), now.into(), expires_at.into(), begun_at.into()],
    )?;
    if new == 1 { Ok(()) } else { Err(corrupt("two requests under one id")) }
}

/// Notes that a browser begins with a request, in the transaction that opens its interaction. Only the first is noted.
pub fn begun(tx: &mut Tx<'_, '_>, id: Hash, now: Instant) -> Result<()> {
    tx.execute("update requests set begun_at = ?2 where id = ?1 and begun_at is null", &[id.into(), now.into()])?;
    Ok(())
}

/// A browser begins again with a request: housekeeping counts its age from now on. No other browser can begin with it.
pub fn renew(tx: &mut Tx<'_, '_>, id: Hash, now: Instant) -> Result<()> {
    tx.execute("update requests set created_at = ?2 where id = ?1 and consumed_at is null", &[id.into(), now.into()])?;
    Ok(())
}

/// The statement of [`waiting`]: it reads `limit` entries of one index at most. A test reads its plan.
pub const WAITING: &str = "select count(*), min(expires_at) from (select expires_at from requests
     where client_id = ?1 and begun_at is null and expires_at > ?2 order by expires_at limit ?3) as waiting";

/// How many pushed requests of a client wait for a browser, counted up to `most`, and when the first of them expires.
///
/// Ask in a transaction of its own, before the one that pushes: within that one PostgreSQL would find that any two pushes
/// of one client depend on each other, and let only one of them commit. So as many may slip through as come at the same
/// moment, which the rate of answers bounds.
pub fn waiting(tx: &mut Tx<'_, '_>, client: &ClientId, most: u32, now: Instant) -> Result<(u32, Option<Instant>)> {
    let row = tx.row(WAITING, &[client.as_str().into(), now.into(), i64::from(most).into()])?;
    let Some(row) = row else { return Ok((0, None)) };
    Ok((u32::try_from(row.int(0)?).unwrap_or(u32::MAX), row.opt_instant(1)?))
}

/// The request stored under `id`, even if it has expired or was used.
///
/// # Errors
/// [`Error::Corrupt`] if the row is no valid request.
pub fn load(tx: &mut Tx<'_, '_>, id: Hash) -> Result<Option<StoredRequest>> {
    let row = tx.row("select request, expires_at, consumed_at from requests where id = ?1", &[id.into()])?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredRequest {
        id,
        request: serde_json::from_str(row.text(0)?).map_err(|e| corrupt(&e.to_string()))?,
        expires_at: row.instant(1)?,
        consumed_at: row.opt_instant(2)?,
    }))
}

/// Completes a request: the atomic single-use gate of an authorization request (RFC 9126 §4). Its own end does not
/// matter here, the interaction has its own time. One that is completed without a screen (`prompt=none`) has been begun with
/// by that.
pub fn consume(tx: &mut Tx<'_, '_>, id: Hash, now: Instant) -> Result<Consumed> {
    let first = tx.execute(
        "update requests set consumed_at = ?2, begun_at = coalesce(begun_at, ?2)
         where id = ?1 and consumed_at is null",
        &[id.into(), now.into()],
    )?;
    Ok(if first == 1 { Consumed::First } else { Consumed::Before })
}

/// Deletes at most `limit` requests made before `made_before`: housekeeping. Returns how many.
pub fn sweep(tx: &mut Tx<'_, '_>, made_before: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from requests where id in
         (select id from requests where created_at < ?1 order by created_at limit ?2)",
        &[made_before.into(), limit.into()],
    )
}

/// The statement of [`sweep_unbegun`]. A test reads its plan.
pub const SWEEP_UNBEGUN: &str = "delete from requests where id in
     (select id from requests where begun_at is null and expires_at < ?1 order by expires_at limit ?2)";

/// Deletes at most `limit` pushed requests that ended before `ended_before` and that nobody began with: housekeeping.
/// Returns how many went.
pub fn sweep_unbegun(tx: &mut Tx<'_, '_>, ended_before: Instant, limit: i64) -> Result<u64> {
    tx.execute(SWEEP_UNBEGUN, &[ended_before.into(), limit.into()])
}

fn corrupt(why: &str) -> Error {
    // The id is the hash of a capability that may still be valid: it is not shown.
    Error::Corrupt { table: "requests", row: "(id not shown)".to_owned(), why: why.to_owned() }
}
