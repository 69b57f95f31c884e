//! What waits in the store, for monitoring: the oldest row of each table, the outbox, the streams. Every statement reads
//! one entry of an index, or a number of rows that is bounded.

use crate::clock::Instant;
use crate::identity::service_switch;
use crate::store::{Result, Tx};

/// What was found at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreBacklog {
    /// Each table with the time of its oldest row, if it has one: the time by which housekeeping deletes.
    pub oldest: Vec<(&'static str, Instant)>,
    /// The undelivered notices by state, each counted up to [`MOST`].
    pub notices: Vec<(&'static str, i64)>,
    /// The streams by status.
    pub streams: Vec<(&'static str, i64)>,
    /// Streams whose endpoint fails.
    pub failing: i64,
    /// Events that receivers refused, counted up to [`MOST`].
    pub dead_letters: i64,
    /// Since when the whole service is switched off, if it is.
    pub off_since: Option<Instant>,
}

/// No count reads more rows.
pub const MOST: i64 = 10_000;

/// The oldest row of each table.
pub const OLDEST: &[(&str, &str)] = &[
    ("access_tokens", "select min(expires_at) from access_tokens"),
    ("account_events", "select min(heard_at) from account_events"),
    ("call_ids", "select min(at) from call_ids"),
    ("call_leases", "select min(free_at) from call_leases"),
    ("call_waits", "select min(at) from call_waits"),
    ("codes", "select min(expires_at) from codes where used_at is null"),
    ("consents", "select min(ends_at) from consents"),
    ("grants", "select min(ended_at) from grants where ended_at is not null"),
    ("initial_tokens", "select min(expires_at) from initial_tokens"),
    ("interactions", "select min(started) from interactions"),
    ("my_visits", "select min(at) from my_visits"),
    ("notices", "select min(created_at) from notices where state <> 'sent'"),
    ("proofings", "select min(expires_at) from proofings"),
    ("receipt_keys", "select min(ends_at) from receipt_keys"),
    ("refresh_tokens", "select min(expires_at) from refresh_tokens"),
    ("requests", "select min(expires_at) from requests where begun_at is null"),
    ("store_markers", "select min(at) from store_markers"),
    ("stream_tokens", "select min(dead_at) from stream_tokens where dead_at is not null"),
    ("withheld_calls", "select min(at) from withheld_calls"),
];

/// The states of an undelivered notice, with the rows of each.
pub const NOTICES: &[(&str, &str)] = &[
    ("held", "select count(*) from (select 1 as one from notices where state = 'held' limit ?1) as counted"),
    ("waiting", "select count(*) from (select 1 as one from notices where state = 'waiting' limit ?1) as counted"),
    ("failed", "select count(*) from (select 1 as one from notices where state = 'failed' limit ?1) as counted"),
];
const DEAD: &str =
    "select count(*) from (select 1 as one from stream_tokens where dead_at is not null limit ?1) as counted";
/// There are tens of streams.
const STREAMS: &str = "select status, count(*), count(failing_since) from streams group by status";

/// Reads all of it.
///
/// # Errors
/// The store's.
pub fn read(tx: &mut Tx<'_, '_>) -> Result<StoreBacklog> {
    let mut found = StoreBacklog::default();
    for (table, sql) in OLDEST {
        let row = tx.row(sql, &[])?;
        let at = row.map(|row| row.opt_instant(0)).transpose()?.flatten();
        found.oldest.extend(at.map(|at| (*table, at)));
    }
    for (state, sql) in NOTICES {
        found.notices.push((state, one(tx, sql)?));
    }
    found.dead_letters = one(tx, DEAD)?;
    found.off_since = service_switch::read(tx)?.map(|off| off.since);
    let rows = tx.rows(STREAMS, &[])?;
    for status in ["enabled", "paused", "disabled"] {
        let mut count = 0;
        for row in &rows {
            if row.text(0)? == status {
                count = row.int(1)?;
                found.failing += row.int(2)?;
            }
        }
        found.streams.push((status, count));
    }
    Ok(found)
}

fn one(tx: &mut Tx<'_, '_>, sql: &'static str) -> Result<i64> {
    tx.row(sql, &[MOST.into()])?.map_or(Ok(0), |row| row.int(0))
}
