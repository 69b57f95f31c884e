//! Housekeeping of the checks: ways nobody finished are ended with their record, what has had its time is dropped.

use super::Seals;
use super::policy::Policy;
use super::sql;
use super::{Ending, Expired, lockout, memory};
use crate::clock::Instant;
use crate::store::{Result, Tx};
use std::time::Duration;

/// How long an ended way and a call's row are kept.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// One batch of housekeeping, at most `limit` rows of each kind. Returns how many rows it touched, so that the caller
/// can go on until nothing is left.
///
/// # Errors
/// The store's.
pub fn sweep(tx: &mut Tx<'_, '_>, seals: &Seals, policy: &Policy, now: Instant, limit: i64) -> Result<u64> {
    let mut touched = 0;
    for kept in sql::stale(tx, seals, policy, now, limit)? {
        let ending = kept.interaction.due(policy, now).unwrap_or(Ending::Expired(Expired::Time));
        sql::end(tx, seals, kept.interaction, ending, now)?;
        touched += 1;
    }
    touched += lockout::sweep(tx, seals, now, limit)?;
    touched += memory::prune(tx, now - policy.absolute, limit)?;
    let old = [(now - KEEP).into(), limit.into()];
    for sql in [
        "delete from interactions where id in (select id from interactions where started < ?1 and live = 0 limit ?2)",
        "delete from calls where (interaction, serial) in \
         (select interaction, serial from calls where since < ?1 limit ?2)",
        "delete from call_ids where id in (select id from call_ids where at < ?1 limit ?2)",
    ] {
        touched += tx.execute(sql, &old)?;
    }
    let hours = [(now.millis() / 3_600_000 - 2).into(), limit.into()];
    let tallies = "delete from tallies where (name, hour) in (select name, hour from tallies where hour < ?1 limit ?2)";
    Ok(touched + tx.execute(tallies, &hours)?)
}
