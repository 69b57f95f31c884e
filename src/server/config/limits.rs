//! `[limits]`: limits for one network or one client, and the levels of alarms.

use crate::client::rate::Rate;
use crate::identity::AlarmLevels;
use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whether networks are limited; must be true in production.
    pub by_network: bool,
    /// How many interactions one network may begin in ten minutes; a /48 ten times as many.
    pub starts: u32,
    /// How often one network may submit ② in ten minutes.
    pub customer_posts: u32,
    /// How many R30 responses one network may get within an hour.
    pub unknown_accounts: u32,
    /// How many R31 responses at ② one network may get within an hour.
    pub wrong_customers: u32,
    /// Alarm from this many R30 responses of one app within an hour.
    pub alarm_unknown_accounts: u32,
    /// Alarm from this many locks within an hour.
    pub alarm_locks: u32,
    /// Alarm from this many numbers for one caller within an hour.
    pub alarm_numbers: u32,
    /// Alarm from this many withheld or unmatched calls within an hour.
    pub alarm_calls: u32,
    /// How many pushed requests of one client may wait for a browser.
    pub pushed_requests: u32,
    /// How many responses a second one client may have stored at the PAR and token endpoints.
    pub answers_per_second: u32,
    /// How many responses it may have stored at once.
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
            // Limits for one client.
            pushed_requests: 200,
            answers_per_second: 20,
            answers_burst: 200,
        }
    }
}
impl Limits {
    /// The counts within an hour that raise an alarm.
    #[must_use]
    pub fn alarms(&self) -> AlarmLevels {
        AlarmLevels {
            unknown_accounts_by_app: self.alarm_unknown_accounts.into(),
            locks: self.alarm_locks.into(),
            numbers_by_caller: self.alarm_numbers.into(),
            other_calls: self.alarm_calls.into(),
        }
    }
    /// The rate for clients whose record has none.
    #[must_use]
    pub const fn answers(&self) -> Rate {
        Rate { per_second: self.answers_per_second, burst: self.answers_burst }
    }
}
