//! The order of all events, and what each receiver hears of them.
//!
//! An event gets its position after its commit, so that a reader who has seen a position never misses a lower one. On SQLite
//! one writer commits everything in order, so the position is taken with the event. On PostgreSQL a later transaction may commit
//! first: [`assign_positions`] gives positions to what has committed, one node at a time.

use super::{Event, EventKind, columns, from_row};
use crate::clock::Instant;
use crate::id::{ClientId, EventId};
use crate::store::{Error, Result, Row, Tx};
use std::collections::BTreeMap;

/// How many events get their positions at once.
const BATCH: i64 = 500;

/// An event with its position.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionedEvent {
    /// Its position among all events.
    pub pos: i64,
    /// When the position was given: `iat` of its tokens.
    pub positioned_at: Instant,
    /// The event.
    pub event: Event,
}

/// Whose events are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// An app: its own grants and its own record.
    App(ClientId),
    /// A resource server: grants of its audiences, and the records of their clients and of itself.
    ResourceServer {
        /// The resource server.
        client: ClientId,
        /// Its audiences.
        audiences: Vec<String>,
    },
    /// The institution: everything.
    Institution,
}

/// The last position that was given.
pub fn head(tx: &mut Tx<'_, '_>) -> Result<i64> {
    tx.row("select pos from event_head where id = 1", &[])?.ok_or_else(no_head)?.int(0)
}

fn no_head() -> Error {
    Error::Corrupt { table: "event_head", row: "1".into(), why: "is missing".into() }
}

/// Takes `count` positions; returns the first. Locks the row of the head until the transaction ends.
pub(super) fn take(tx: &mut Tx<'_, '_>, count: i64) -> Result<i64> {
    if tx.has_one_writer() {
        // SQLite makes a table for `returning`, and drops it.
        tx.execute("update event_head set pos = pos + ?1 where id = 1", &[count.into()])?;
        return Ok(head(tx)? - count + 1);
    }
    let sql = "update event_head set pos = pos + ?1 where id = 1 returning pos";
    Ok(tx.row(sql, &[count.into()])?.ok_or_else(no_head)?.int(0)? - count + 1)
}

/// After a restore: positions go on far above every one that was given after the copy was made.
pub fn skip_positions(tx: &mut Tx<'_, '_>) -> Result<()> {
    tx.execute("update event_head set pos = pos + 4294967296 where id = 1", &[]).map(drop)
}

/// Notes which resource servers hear of an event.
pub(super) fn route(tx: &mut Tx<'_, '_>, kind: EventKind, aud: &[String], pos: i64) -> Result<()> {
    if !kind.audience().resource_server {
        return Ok(());
    }
    for aud in aud {
        let sql = "insert into event_audiences (aud, pos) values (?1, ?2) on conflict do nothing";
        tx.execute(sql, &[aud.as_str().into(), pos.into()])?;
    }
    Ok(())
}

/// Whether there are events without a position: on PostgreSQL, what has committed since the last look.
pub fn is_waiting(tx: &mut Tx<'_, '_>) -> Result<bool> {
    Ok(!tx.has_one_writer() && tx.row("select id from events where pos is null limit 1", &[])?.is_some())
}

/// Gives positions to at most `limit` events that have none. Returns how many; call again while it is a full batch.
///
/// Within a grant the order is `seq`: the clocks of two nodes differ.
pub fn assign_positions(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    // Nobody else gives positions until this transaction ends.
    take(tx, 0)?;
    let rows = tx.rows(
        "select id, kind, aud from events where pos is null order by grant_id, seq, at, id limit ?1",
        &[limit.into()],
    )?;
    let first = take(tx, i64::try_from(rows.len()).unwrap_or(0))?;
    for (pos, row) in (first..).zip(&rows) {
        let id = row.text(0)?;
        let bad = |why: &str| Error::Corrupt { table: "events", row: id.to_owned(), why: why.to_owned() };
        let kind = EventKind::parse(row.text(1)?).ok_or_else(|| bad("kind"))?;
        let aud: Vec<String> = row.opt_text(2)?.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        tx.execute(
            "update events set pos = ?2, positioned_at = ?3 where id = ?1",
            &[id.into(), pos.into(), now.into()],
        )?;
        route(tx, kind, &aud, pos)?;
    }
    Ok(rows.len() as u64)
}

/// The last position, once everything that has committed has one: what comes after it happens from now on.
pub fn head_of_committed(tx: &mut Tx<'_, '_>, now: Instant) -> Result<i64> {
    while is_waiting(tx)? {
        assign_positions(tx, now, BATCH)?;
    }
    head(tx)
}

/// At most `limit` events that `receiver` hears of, after the position `after`, in order. It costs as much as this receiver has
/// events, however many others there are.
pub fn read(tx: &mut Tx<'_, '_>, receiver: &Receiver, after: i64, limit: i64) -> Result<Vec<PositionedEvent>> {
    let mut found = BTreeMap::new();
    let mut add = |rows: Vec<Row>| {
        rows.iter().try_for_each(|row| {
            let event = positioned(row)?;
            found.insert(event.pos, event);
            Ok::<(), Error>(())
        })
    };
    match receiver {
        Receiver::Institution => add(tx.rows(OF_ALL, &[after.into(), limit.into()])?)?,
        Receiver::App(client) => add(tx.rows(OF_APP, &[client.as_str().into(), after.into(), limit.into()])?)?,
        Receiver::ResourceServer { client, audiences } => {
            for aud in audiences {
                add(tx.rows(OF_AUDIENCE, &[aud.as_str().into(), after.into(), limit.into()])?)?;
            }
            add(tx.rows(OF_RECORD, &[client.as_str().into(), after.into(), limit.into()])?)?;
        }
    }
    Ok(found.into_values().take(usize::try_from(limit).unwrap_or(0)).collect())
}

/// The event at a position.
pub fn at(tx: &mut Tx<'_, '_>, pos: i64) -> Result<Option<PositionedEvent>> {
    let sql = concat!("select ", columns!(), ", pos, positioned_at from events where pos = ?1");
    tx.row(sql, &[pos.into()])?.as_ref().map(positioned).transpose()
}

/// How far positions and times may differ in their order: an event waits a moment for its position, and clocks differ.
const DISORDER: i64 = 10_000;

/// The lowest position of an event from a moment on; one beyond the last if there is none.
pub fn since_position(tx: &mut Tx<'_, '_>, from: Instant) -> Result<i64> {
    let earliest = "select pos from events where at >= ?1 and pos is not null order by at, id limit 1";
    let Some(row) = tx.row(earliest, &[from.into()])? else { return Ok(head(tx)? + 1) };
    let pos = row.int(0)?;
    // An event of the same moment, or a later one, may have a lower position.
    let lowest = "select pos from events where pos >= ?2 and pos < ?3 and at >= ?1 order by pos limit 1";
    let row = tx.row(lowest, &[from.into(), (pos - DISORDER).into(), pos.into()])?;
    row.map_or(Ok(pos), |row| row.int(0))
}

/// The position of the event with this id.
pub fn position_of(tx: &mut Tx<'_, '_>, id: &EventId) -> Result<Option<i64>> {
    let row = tx.row("select pos from events where id = ?1", &[id.as_str().into()])?;
    row.map_or(Ok(None), |row| row.opt_int(0))
}

fn positioned(row: &Row) -> Result<PositionedEvent> {
    Ok(PositionedEvent { event: from_row(row)?, pos: row.int(10)?, positioned_at: row.instant(11)? })
}

const OF_ALL: &str =
    concat!("select ", columns!(), ", pos, positioned_at from events where pos > ?1 order by pos limit ?2");
/// The kinds are those of [`EventKind::audience`]; a test compares them.
pub(super) const OF_APP: &str = concat!(
    "select ",
    columns!(),
    ", pos, positioned_at from events where client_id = ?1 and pos is not null and pos > ?2 \
     and kind not in ('token.issued', 'consent.granted') and kind in ('consent.denied', 'grant.created', \
     'grant.replaced', 'grant.updated', 'grant.revoked', 'grant.expiring', 'grant.expired', 'token.revoked', \
     'client.changed', 'client.suspended', 'client.resumed', 'client.ended') order by pos limit ?3"
);
pub(super) const OF_RECORD: &str = concat!(
    "select ",
    columns!(),
    ", pos, positioned_at from events where client_id = ?1 and pos is not null and pos > ?2 \
     and kind not in ('token.issued', 'consent.granted') and kind in ('client.changed', 'client.suspended', \
     'client.resumed', 'client.ended') order by pos limit ?3"
);
const OF_AUDIENCE: &str = "select e.id, e.at, e.kind, e.client_id, e.grant_id, e.sub, e.seq, e.detail, e.aud, e.account, \
     e.pos, e.positioned_at from event_audiences a join events e on e.pos = a.pos \
     where a.aud = ?1 and a.pos > ?2 order by a.pos limit ?3";
