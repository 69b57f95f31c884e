//! The tables `access_tokens` and `refresh_tokens`.

use crate::clock::Instant;
use crate::store::{Result, Tx};
use std::time::Duration;

/// Housekeeping: expired access tokens go after a day. Returns how many went.
///
/// # Errors
/// The store's.
pub fn prune_access(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from access_tokens where hash in (select hash from access_tokens where expires_at < ?1 \
         order by expires_at limit ?2)",
        &[(now - Duration::from_hours(24)).into(), limit.into()],
    )
}

/// Housekeeping: expired refresh tokens go after a day. Returns how many went.
///
/// # Errors
/// The store's.
pub fn prune_refresh(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from refresh_tokens where hash in (select hash from refresh_tokens where expires_at < ?1 \
         order by expires_at limit ?2)",
        &[(now - Duration::from_hours(24)).into(), limit.into()],
    )
}
