//! The tables `streams` and `stream_tokens`.

use super::set::SetPart;
use super::{StoppedBy, Stream, StreamDelivery, StreamStatus};
use crate::clock::Instant;
use crate::id::{ClientId, GrantId, StreamId};
use crate::store::{Error, Result, Row, Tx};
use std::time::Duration;

/// The columns [`from_row`] reads, in its order.
macro_rules! columns {
    () => {
        "id, client_id, method, endpoint, authorization_header, requested, description, status, reason, stopped_by, \
         stopped_at, verified, cursor, attempts, failing_since, next_at, trouble, polled_at, asked_at, fence, created_at"
    };
}

fn from_row(row: &Row) -> Result<Stream> {
    let id = row.text(0)?;
    let bad = |why: &str| Error::Corrupt { table: "streams", row: id.to_owned(), why: why.to_owned() };
    let delivery = match row.opt_text(3)? {
        Some(endpoint) => {
            StreamDelivery::Push { endpoint: endpoint.to_owned(), authorization: row.opt_bytes(4)?.map(<[u8]>::to_vec) }
        }
        None => StreamDelivery::Poll,
    };
    Ok(Stream {
        id: StreamId::parse(id).ok_or_else(|| bad("id"))?,
        client: ClientId::parse(row.text(1)?).ok_or_else(|| bad("client_id"))?,
        delivery,
        requested: row.text(5)?.split_whitespace().map(str::to_owned).collect(),
        description: row.opt_text(6)?.map(str::to_owned),
        status: StreamStatus::parse(row.text(7)?).ok_or_else(|| bad("status"))?,
        reason: row.opt_text(8)?.map(str::to_owned),
        stopped_by: row.opt_text(9)?.map(|t| StoppedBy::parse(t).ok_or_else(|| bad("stopped_by"))).transpose()?,
        stopped_at: row.opt_instant(10)?,
        verified: row.int(11)? == 1,
        cursor: row.int(12)?,
        attempts: row.int(13)?,
        failing_since: row.opt_instant(14)?,
        next_at: row.opt_instant(15)?,
        trouble: row.opt_text(16)?.map(str::to_owned),
        polled_at: row.opt_instant(17)?,
        asked_at: row.opt_instant(18)?,
        fence: row.int(19)?,
        created_at: row.instant(20)?,
    })
}

/// The stream with this id.
pub fn load(tx: &mut Tx<'_, '_>, id: &StreamId) -> Result<Option<Stream>> {
    let sql = concat!("select ", columns!(), " from streams where id = ?1");
    tx.row(sql, &[id.as_str().into()])?.as_ref().map(from_row).transpose()
}

/// The streams of a client, in order of their ids; all streams if it is `None`. At most `limit`.
pub fn list(tx: &mut Tx<'_, '_>, client: Option<&ClientId>, limit: i64) -> Result<Vec<Stream>> {
    let rows = match client {
        Some(client) => {
            let sql = concat!("select ", columns!(), " from streams where client_id = ?1 order by id limit ?2");
            tx.rows(sql, &[client.as_str().into(), limit.into()])?
        }
        None => tx.rows(concat!("select ", columns!(), " from streams order by id limit ?1"), &[limit.into()])?,
    };
    rows.iter().map(from_row).collect()
}

/// The enabled push streams; at most `limit`.
pub fn list_pushed(tx: &mut Tx<'_, '_>, limit: i64) -> Result<Vec<Stream>> {
    let sql = concat!(
        "select ",
        columns!(),
        " from streams where status = 'enabled' and endpoint is not null order by id limit ?1"
    );
    tx.rows(sql, &[limit.into()])?.iter().map(from_row).collect()
}

/// Whether any stream is enabled.
pub fn is_any_enabled(tx: &mut Tx<'_, '_>) -> Result<bool> {
    Ok(tx.row("select id from streams where status = 'enabled' limit 1", &[])?.is_some())
}

/// Writes a new stream.
pub(super) fn insert(tx: &mut Tx<'_, '_>, s: &Stream) -> Result<()> {
    let (endpoint, header) = endpoint(s);
    tx.execute(
        "insert into streams (id, client_id, method, endpoint, authorization_header, requested, description, status, \
         verified, cursor, attempts, fence, polled_at, created_at, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, 0, ?11, ?11, ?11)",
        &[
            s.id.as_str().into(),
            s.client.as_str().into(),
            s.delivery.method().into(),
            endpoint.into(),
            header.into(),
            s.requested.join(" ").into(),
            s.description.as_deref().into(),
            s.status.as_str().into(),
            i64::from(s.verified).into(),
            s.cursor.into(),
            s.created_at.into(),
        ],
    )?;
    Ok(())
}

fn endpoint(s: &Stream) -> (Option<&str>, Option<Vec<u8>>) {
    match &s.delivery {
        StreamDelivery::Push { endpoint, authorization } => (Some(endpoint), authorization.clone()),
        StreamDelivery::Poll => (None, None),
    }
}

/// Writes every column of a stream that is not the lease's.
pub(super) fn save(tx: &mut Tx<'_, '_>, s: &Stream, now: Instant) -> Result<()> {
    let (endpoint, header) = endpoint(s);
    tx.execute(
        "update streams set method = ?2, endpoint = ?3, authorization_header = ?4, requested = ?5, description = ?6, \
         status = ?7, reason = ?8, stopped_by = ?9, stopped_at = ?10, verified = ?11, cursor = ?12, attempts = ?13, \
         failing_since = ?14, next_at = ?15, trouble = ?16, polled_at = ?17, asked_at = ?18, updated_at = ?19 \
         where id = ?1",
        &[
            s.id.as_str().into(),
            s.delivery.method().into(),
            endpoint.into(),
            header.into(),
            s.requested.join(" ").into(),
            s.description.as_deref().into(),
            s.status.as_str().into(),
            s.reason.as_deref().into(),
            s.stopped_by.map(StoppedBy::as_str).into(),
            s.stopped_at.into(),
            i64::from(s.verified).into(),
            s.cursor.into(),
            s.attempts.into(),
            s.failing_since.into(),
            s.next_at.into(),
            s.trouble.as_deref().into(),
            s.polled_at.into(),
            s.asked_at.into(),
            now.into(),
        ],
    )?;
    Ok(())
}

/// Deletes a stream and what it has taken.
pub(super) fn delete(tx: &mut Tx<'_, '_>, id: &StreamId) -> Result<()> {
    tx.execute("delete from stream_tokens where stream_id = ?1", &[id.as_str().into()])?;
    tx.execute("delete from streams where id = ?1", &[id.as_str().into()])?;
    Ok(())
}

/// Forgets what a stream has taken; its dead letters stay.
pub(super) fn forget_tokens(tx: &mut Tx<'_, '_>, id: &StreamId) -> Result<()> {
    tx.execute("delete from stream_tokens where stream_id = ?1 and dead_at is null", &[id.as_str().into()])?;
    Ok(())
}

/// Forgets what a stream has taken of events from a position on, its dead letters, too: they are about to be taken again.
pub(super) fn forget_tokens_from(tx: &mut Tx<'_, '_>, id: &StreamId, pos: i64) -> Result<()> {
    tx.execute("delete from stream_tokens where stream_id = ?1 and pos >= ?2", &[id.as_str().into(), pos.into()])?;
    Ok(())
}

/// What a stream has taken and not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamToken {
    /// `jti`.
    pub jti: String,
    /// The position of the event; 0 for what is no event.
    pub pos: i64,
    /// What it says.
    pub part: SetPart,
    /// The grant, or what else must keep its order.
    pub grant: Option<GrantId>,
    /// `state` of a verification.
    pub state: Option<String>,
    /// When it was taken: `iat` of what is no event.
    pub at: Instant,
    /// Since when it is a dead letter.
    pub dead_at: Option<Instant>,
    /// Why.
    pub why: Option<String>,
}

/// Adds a token that is no event. An open one that says the same kind of thing is replaced, so that there is at most one of each.
pub(super) fn add_control(tx: &mut Tx<'_, '_>, stream: &StreamId, t: &StreamToken) -> Result<()> {
    tx.execute(
        "delete from stream_tokens where stream_id = ?1 and pos = 0 and part = ?2 and dead_at is null",
        &[stream.as_str().into(), t.part.as_str().into()],
    )?;
    add_token(tx, stream, t)
}

/// Adds a token; one that is there already stays as it is.
pub(super) fn add_token(tx: &mut Tx<'_, '_>, stream: &StreamId, t: &StreamToken) -> Result<()> {
    tx.execute(
        "insert into stream_tokens (stream_id, jti, pos, part, grant_id, state, at, dead_at, why) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict do nothing",
        &[
            stream.as_str().into(),
            t.jti.as_str().into(),
            t.pos.into(),
            t.part.as_str().into(),
            t.grant.as_ref().map(GrantId::as_str).into(),
            t.state.as_deref().into(),
            t.at.into(),
            t.dead_at.into(),
            t.why.as_deref().into(),
        ],
    )?;
    Ok(())
}

/// What a stream has taken and still tries, in order; at most `limit`.
pub fn open_tokens(tx: &mut Tx<'_, '_>, stream: &StreamId, limit: i64) -> Result<Vec<StreamToken>> {
    let sql = "select jti, pos, part, grant_id, state, at, dead_at, why from stream_tokens \
               where stream_id = ?1 and dead_at is null order by pos, part limit ?2";
    tx.rows(sql, &[stream.as_str().into(), limit.into()])?.iter().map(token_from_row).collect()
}

/// The dead letters of a stream, newest first.
pub fn dead_letters(tx: &mut Tx<'_, '_>, stream: &StreamId, limit: i64) -> Result<Vec<StreamToken>> {
    let sql = "select jti, pos, part, grant_id, state, at, dead_at, why from stream_tokens \
               where stream_id = ?1 and dead_at is not null order by dead_at desc, pos limit ?2";
    tx.rows(sql, &[stream.as_str().into(), limit.into()])?.iter().map(token_from_row).collect()
}

fn token_from_row(row: &Row) -> Result<StreamToken> {
    let jti = row.text(0)?;
    let bad = |why: &str| Error::Corrupt { table: "stream_tokens", row: jti.to_owned(), why: why.to_owned() };
    Ok(StreamToken {
        jti: jti.to_owned(),
        pos: row.int(1)?,
        part: SetPart::parse(row.text(2)?).ok_or_else(|| bad("part"))?,
        grant: row.opt_text(3)?.map(|g| GrantId::parse(g).ok_or_else(|| bad("grant_id"))).transpose()?,
        state: row.opt_text(4)?.map(str::to_owned),
        at: row.instant(5)?,
        dead_at: row.opt_instant(6)?,
        why: row.opt_text(7)?.map(str::to_owned),
    })
}

/// A token is delivered: it is forgotten. Returns whether it was there.
pub(super) fn drop_token(tx: &mut Tx<'_, '_>, stream: &StreamId, jti: &str) -> Result<bool> {
    let sql = "delete from stream_tokens where stream_id = ?1 and jti = ?2 and dead_at is null";
    Ok(tx.execute(sql, &[stream.as_str().into(), jti.into()])? > 0)
}

/// A token becomes a dead letter. Returns whether it was there.
pub(super) fn bury_token(tx: &mut Tx<'_, '_>, stream: &StreamId, jti: &str, why: &str, now: Instant) -> Result<bool> {
    let sql = "update stream_tokens set dead_at = ?3, why = ?4 where stream_id = ?1 and jti = ?2 and dead_at is null";
    Ok(tx.execute(sql, &[stream.as_str().into(), jti.into(), now.into(), why.into()])? > 0)
}

/// A token is tried again: a dead letter, or one that was delivered before.
pub(super) fn revive_token(tx: &mut Tx<'_, '_>, stream: &StreamId, t: &StreamToken) -> Result<()> {
    let dead = "delete from stream_tokens where stream_id = ?1 and jti = ?2";
    tx.execute(dead, &[stream.as_str().into(), t.jti.as_str().into()])?;
    add_token(tx, stream, t)
}

/// How long after the end of a lease another node takes it: the clocks of two nodes differ.
const CLOCKS: Duration = Duration::from_secs(5);

/// Takes or renews the lease of an enabled push stream for `owner`; `None` while another node has it. Returns its fence, which
/// grows with each change of the owner.
pub(super) fn take_lease(
    tx: &mut Tx<'_, '_>,
    id: &StreamId,
    owner: &str,
    until: Instant,
    now: Instant,
) -> Result<Option<i64>> {
    let row = tx.row(
        "update streams set fence = case when owner = ?2 then fence else fence + 1 end, owner = ?2, leased_until = ?3 \
         where id = ?1 and status = 'enabled' and endpoint is not null \
         and (owner is null or owner = ?2 or leased_until < ?4) returning fence",
        &[id.as_str().into(), owner.into(), until.into(), (now - CLOCKS).into()],
    )?;
    row.map(|row| row.int(0)).transpose()
}

/// Ends the leases of a process that was killed, if nobody else can have one: on SQLite one process has the file.
pub(super) fn end_stale_leases(tx: &mut Tx<'_, '_>) -> Result<()> {
    if tx.has_one_writer() {
        tx.execute("update streams set owner = null, leased_until = null where owner is not null", &[])?;
    }
    Ok(())
}

/// Ends every lease of a node.
pub(super) fn give_back_leases(tx: &mut Tx<'_, '_>, owner: &str) -> Result<()> {
    tx.execute("update streams set owner = null, leased_until = null where owner = ?1", &[owner.into()]).map(drop)
}

/// The streams that have stood still, or that nobody has polled, since before `before`; at most `limit`.
pub(super) fn idle(tx: &mut Tx<'_, '_>, before: Instant, limit: i64) -> Result<Vec<Stream>> {
    let sql = concat!(
        "select ",
        columns!(),
        " from streams where (status = 'paused' and stopped_at < ?1) \
         or (status = 'enabled' and endpoint is null and polled_at < ?1) order by id limit ?2"
    );
    tx.rows(sql, &[before.into(), limit.into()])?.iter().map(from_row).collect()
}

/// Deletes the streams of clients that ended before `before`. Returns how many.
pub(super) fn delete_of_ended(tx: &mut Tx<'_, '_>, before: Instant, limit: i64) -> Result<u64> {
    let rows = tx.rows(
        "select s.id from streams s join clients c on c.id = s.client_id \
         where c.status = 'ended' and c.updated_at < ?1 order by s.id limit ?2",
        &[before.into(), limit.into()],
    )?;
    for row in &rows {
        delete(tx, &StreamId::parse(row.text(0)?).unwrap_or_else(StreamId::none))?;
    }
    Ok(rows.len() as u64)
}

/// Housekeeping: dead letters are kept for `keep`. Returns how many went.
pub fn prune_dead(tx: &mut Tx<'_, '_>, now: Instant, keep: Duration, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from stream_tokens where (stream_id, jti) in (select stream_id, jti from stream_tokens \
         where dead_at < ?1 order by dead_at limit ?2)",
        &[(now - keep).into(), limit.into()],
    )
}
