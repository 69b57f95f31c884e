//! Housekeeping: what each table may delete, and when. Retention times are here, delete functions with their tables.

use super::{BATCH, account, notice};
use crate::client::registration;
use crate::clock::Instant;
use crate::keys::ring;
use crate::store::{self, Result, Tx};
use crate::{authorize, client, consent, grant, identity, notice_address, token};
use std::time::Duration;

/// The retention times the institution can configure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Consent records and ended grants, after the permission's end. At least three years whatever is configured.
    pub consents: Duration,
    /// Mail addresses in the outbox, after delivery.
    pub addresses: Duration,
    /// Apps that registered themselves and were never approved, after registration.
    pub pending: Duration,
}
impl Default for Retention {
    fn default() -> Self {
        Self { consents: consent::RETENTION, addresses: notice::ERASE_AFTER, pending: PENDING }
    }
}

/// How long the outbox stores that a notice was sent, without its address.
const NOTICES: Duration = Duration::from_hours(365 * 24);

/// The default for [`Retention::pending`].
const PENDING: Duration = Duration::from_hours(30 * 24);

/// One table's housekeeping.
pub type HousekeepingTask = fn(&mut Tx<'_, '_>, Instant, &Retention, i64) -> Result<u64>;

/// How long a request is stored. A browser begins with it within ten minutes; an interaction ends after an hour.
const REQUESTS: Duration = Duration::from_hours(2);

/// How long a pushed request that no browser used is stored after its expiry: its client pushes another.
const UNBEGUN: Duration = Duration::from_secs(600);

/// The housekeeping task of each table, in the order they run: children before parents. Only `identity` has
/// its own sweep: interactions must be ended and audited before they are deleted.
pub const TASKS: &[(&str, HousekeepingTask)] = &[
    ("client_replays", |tx, now, _, limit| client::replay::forget(tx, now, limit)),
    ("clients (never approved)", |tx, now, keep, limit| registration::sql::prune(tx, now - keep.pending, limit, now)),
    ("clients (former secrets)", |tx, now, _, limit| client::sql::forget_former_secrets(tx, now, limit)),
    ("initial_tokens", |tx, now, _, limit| registration::initial::prune(tx, now, limit)),
    ("requests (never begun)", |tx, now, _, limit| authorize::sql::sweep_unbegun(tx, now - UNBEGUN, limit)),
    ("requests", |tx, now, _, limit| authorize::sql::sweep(tx, now - REQUESTS, limit)),
    ("notices (held)", |tx, now, _, limit| notice::drop_held(tx, now, limit)),
    ("codes", |tx, now, _, limit| grant::code::prune(tx, now, limit)),
    ("access_tokens", |tx, now, _, limit| token::sql::prune_access(tx, now, limit)),
    ("refresh_tokens", |tx, now, _, limit| token::sql::prune_refresh(tx, now, limit)),
    ("grants", |tx, now, keep, limit| grant::sql::prune(tx, now, keep.consents, limit)),
    ("events", |tx, now, keep, limit| events(tx, now, keep.consents, limit)),
    ("consents", |tx, now, keep, limit| consent::sql::prune(tx, now, keep.consents, limit)),
    ("receipt_keys", |tx, now, keep, limit| {
        ring::prune_receipt_keys(tx, now - keep.consents.max(consent::RETENTION_LEAST), limit)
    }),
    ("consent_words", |tx, _, _, limit| consent::sql::prune_words(tx, limit)),
    ("notices (addresses)", |tx, now, keep, limit| erase(tx, now, keep.addresses, limit)),
    ("my_visits", |tx, now, _, limit| identity::prune_visits(tx, now, limit)),
    ("notices (addresses of links)", |tx, now, keep, limit| {
        notice_address::erase(tx, now - (notice::TRY_FOR + keep.addresses), now, limit)
    }),
    ("account_events", |tx, now, _, limit| account::prune(tx, now, limit)),
    ("notices", |tx, now, _, limit| forget(tx, now, limit)),
    ("store_markers", |tx, _, _, limit| store::prune_markers(tx, limit)),
];

/// Runs one task on at most [`BATCH`] rows. Returns how many it changed; call it again if that was a full batch.
pub fn run_task(tx: &mut Tx<'_, '_>, task: HousekeepingTask, now: Instant, retention: &Retention) -> Result<u64> {
    task(tx, now, retention, BATCH)
}

/// A grant's events are deleted with it; events without a grant (refusals, locks, clients), by age.
fn events(tx: &mut Tx<'_, '_>, now: Instant, retention: Duration, limit: i64) -> Result<u64> {
    let before = [(now - retention.max(consent::RETENTION_LEAST)).into(), limit.into()];
    tx.execute(
        "delete from event_audiences where pos in (select pos from events where at < ?1 and grant_id is null \
         order by at, id limit ?2)",
        &before,
    )?;
    tx.execute(
        "delete from events where id in (select id from events where at < ?1 and grant_id is null \
         order by at, id limit ?2)",
        &before,
    )
}

fn erase(tx: &mut Tx<'_, '_>, now: Instant, after: Duration, limit: i64) -> Result<u64> {
    tx.execute(
        "update notices set sealed = null where id in (select id from notices where sealed is not null \
         and done_at <= ?1 order by done_at limit ?2)",
        &[(now - after).into(), limit.into()],
    )
}

fn forget(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from notices where id in (select id from notices where done_at < ?1 order by done_at limit ?2)",
        &[(now - NOTICES).into(), limit.into()],
    )
}
