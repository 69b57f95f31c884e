//! Housekeeping of the checks: abandoned interactions are ended, with their record where they have one; what has had
//! its time is dropped.

use super::service::IdentityService;
use super::sql;
use super::{Interaction, lockout, proofing_session};
use crate::alarm;
use crate::clock::Instant;
use crate::store::{Result, Tx};
use std::time::Duration;

/// How long the rows of leases and calls are kept.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

impl IdentityService {
    /// One batch of housekeeping, at most `limit` rows of each kind. Returns how many rows it touched, so that the caller
    /// can go on until nothing is left.
    pub async fn sweep(&self, now: Instant, limit: i64) -> Result<u64> {
        let service = self.clone();
        let (ended, touched) = self.store.ending().write(move |tx| service.sweep_tx(tx, now, limit)).await?;
        for i in &ended {
            self.ends.note(i, now);
        }
        self.ends.tick(now);
        Ok(touched)
    }
    fn sweep_tx(&self, tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<(Vec<Interaction>, u64)> {
        let (crypto, policy) = (&self.crypto, &self.policy);
        let mut ended = Vec::new();
        for row in sql::overdue(tx, crypto, policy, now, limit)? {
            let Some(ending) = row.interaction.due(policy, now) else { continue };
            ended.push(sql::end(tx, crypto, row.interaction, ending, now)?);
        }
        let mut touched = ended.len() as u64;
        touched += lockout::sweep(tx, crypto, policy, now, limit)?;
        touched += proofing_session::prune(tx, now - policy.absolute, limit)?;
        touched += sql::prune(tx, now, limit)?;
        touched += alarm::prune(tx, now, limit)?;
        let old = [(now - RETENTION).into(), limit.into()];
        for sql in [
            "delete from call_leases where (caller, called) in \
             (select caller, called from call_leases where free_at < ?1 order by free_at limit ?2)",
            "delete from call_waits where (caller, interaction) in \
             (select caller, interaction from call_waits where at < ?1 order by at limit ?2)",
            "delete from withheld_calls where (called, at) in \
             (select called, at from withheld_calls where at < ?1 order by at limit ?2)",
            "delete from call_ids where id in (select id from call_ids where at < ?1 order by at limit ?2)",
        ] {
            touched += tx.execute(sql, &old)?;
        }
        let hours = [(now.millis() / 3_600_000 - 2).into(), limit.into()];
        let tallies =
            "delete from tallies where (name, hour) in (select name, hour from tallies where hour < ?1 limit ?2)";
        touched += tx.execute(tallies, &hours)?;
        Ok((ended, touched))
    }
}
