//! `[limits]`: what one network or one client may do, and from when on somebody is told.

use crate::client::rate::Rate;
use crate::identity::AlarmLevels;
use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whether networks are limited at all; production insists.
    pub by_network: bool,
    /// How many interactions one network may begin in ten minutes; a /48 ten times as many.
    pub starts: u32,
    /// How often one network may post ② in ten minutes.
    pub customer_posts: u32,
    /// How many R30 answers one network gets within an hour.
    pub unknown_accounts: u32,
    /// How many R31 answers at ② one network gets within an hour.
    pub wrong_customers: u32,
    /// From how many R30 answers of one app within an hour on somebody is told.
    pub alarm_unknown_accounts: u32,
    /// From how many locks within an hour on.
    pub alarm_locks: u32,
    /// From how many numbers for one caller within an hour on.
    pub alarm_numbers: u32,
    /// From how many withheld or unmatched calls within an hour on.
    pub alarm_calls: u32,
    /// Pushed requests of one client that nobody has begun with.
    pub pushed_requests: u32,
    /// Answers a second that one client may have stored at the PAR and token endpoints.
    pub answers_per_second: u32,
    /// How many of them it may have at once.
    pub answers_burst: u32,
}
impl Default for Limits {
    fn default() -> Self {
        Self {
            by_network: true,
            starts: 60,
            customer_posts: 60,
            unknown_accounts: 30,
            wrong_customers: 15,
            alarm_unknown_accounts: 1000,
            alarm_locks: 20,
            alarm_numbers: 10,
            alarm_calls: 100,
            // What one client may have.
            pushed_requests: 200,
            answers_per_second: 20,
            answers_burst: 200,
        }
    }
}
impl Limits {
    /// From how many on an hour's count raises an alarm.
    #[must_use]
    pub fn alarms(&self) -> AlarmLevels {
        AlarmLevels {
            unknown_accounts_by_app: self.alarm_unknown_accounts.into(),
            locks: self.alarm_locks.into(),
            numbers_by_caller: self.alarm_numbers.into(),
            other_calls: self.alarm_calls.into(),
        }
    }
    /// How fast a client may have answers stored whose record says nothing about it.
    #[must_use]
    pub const fn answers(&self) -> Rate {
        Rate { per_second: self.answers_per_second, burst: self.answers_burst }
    }
}
