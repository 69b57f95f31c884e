//! Interactions that ended before ②: one log line each and an hourly count. Strangers can start any number of them,
//! so the audit record, which is kept for years, does not contain them.

use super::sql::why;
use super::{Ending, Interaction, Stage};
use crate::clock::Instant;
use crate::id::ClientId;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What ended on this node within the hour, by reason.
#[derive(Debug, Default)]
pub struct Ends(Mutex<Hour>);

#[derive(Debug, Default)]
struct Hour {
    hour: i64,
    counts: BTreeMap<&'static str, u64>,
}

const HOUR: i64 = 3_600_000;

impl Ends {
    /// Notes the end of an interaction, unless the audit record contains it.
    pub(super) fn note(&self, i: &Interaction, now: Instant) {
        let Stage::Ended(ending) = i.stage else { return };
        if i.recorded {
            return;
        }
        let why = why(ending);
        tracing::info!(interaction = %i.id, client = i.purpose.client().map_or("-", ClientId::as_str), why, "an interaction ended before ②");
        self.count(why, now);
    }
    fn count(&self, why: &'static str, now: Instant) {
        let mut hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hour.close(now);
        *hour.counts.entry(why).or_default() += 1;
    }
    /// Writes the count of the previous hour to the log.
    pub fn tick(&self, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).close(now);
    }
    /// How many ended for this reason within the running hour.
    #[must_use]
    pub fn within_the_hour(&self, ending: Ending) -> u64 {
        let hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hour.counts.get(why(ending)).copied().unwrap_or(0)
    }
}
impl Hour {
    fn close(&mut self, now: Instant) {
        let hour = now.millis().div_euclid(HOUR);
        if hour != self.hour && !self.counts.is_empty() {
            let since = Instant::from_millis(self.hour * HOUR).rfc3339();
            tracing::info!(event = "ended_before_customer", since, counts = ?self.counts, "within an hour");
            self.counts.clear();
        }
        self.hour = hour;
    }
}
