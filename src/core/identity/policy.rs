//! The settings of the checks an institution may choose, with their defaults (requirements.md#gaps).

use super::limiter::{HOUR, Limit, TEN_MINUTES};
use super::service_hours::HoursInForce;
use super::{ABSOLUTE, IDLE};
use crate::phone::Phone;
use crate::store;
use std::time::Duration;

/// The hourly counts from which on an alarm is raised. They refuse nothing.
#[derive(Debug, Clone, Copy)]
pub struct AlarmLevels {
    /// R30 answers for one app.
    pub unknown_accounts_by_app: i64,
    /// Locks.
    pub locks: i64,
    /// Numbers given to one caller.
    pub numbers_by_caller: i64,
    /// Calls that were withheld or matched nothing.
    pub other_calls: i64,
}
impl Default for AlarmLevels {
    fn default() -> Self {
        Self { unknown_accounts_by_app: 1000, locks: 20, numbers_by_caller: 10, other_calls: 100 }
    }
}

/// How long to wait for the answer to a guess. ⑤ asks the core bank twice, one question after the other, and may wait as
/// long as one question for its turn, so it is three times `bank_timeout`. Then the store writes the answer, within `store_limit`.
#[must_use]
pub fn answer_within(bank_timeout: Duration, store_limit: Duration) -> Duration {
    bank_timeout * 3 + store_limit
}

/// How long the customer waits at ② for the core bank: both questions are asked at once, each may wait for its turn.
#[must_use]
pub fn customer_within(bank_wait: Duration, bank_timeout: Duration) -> Duration {
    bank_wait + bank_timeout
}

/// The rules of the checks.
#[derive(Debug, Clone)]
pub struct IdentityPolicy {
    /// Closed windows (requirements.md#hours).
    pub hours: HoursInForce,
    /// Whether the institution offers the service at all; if not, ② and ⑤ answer R37.
    pub offered: bool,
    /// How long an interaction may take at most (G28).
    pub absolute: Duration,
    /// The longest time without a step (G28).
    pub idle: Duration,
    /// 規定回数: wrong answers at ② and ⑤ together, for one account within one JST day (G4).
    pub failures_a_day: i64,
    /// Wrong PINs without a success, over all days, until an operator must release the account (G5).
    pub wrong_pins: i64,
    /// R30 answers after which an interaction ends (G3).
    pub unknown_accounts: i64,
    /// How many may be past ② at once (R35, G8); one account counts at most three times.
    pub concurrent: i64,
    /// How many interactions that have not passed ② are kept at once.
    pub unfinished: i64,
    /// Whether there are limits by network.
    pub by_network: bool,
    /// How often a network may begin (`limits.starts`).
    pub starts: Limit,
    /// How often a network may post ② (`limits.customer_posts`).
    pub customer_posts: Limit,
    /// How many R30 answers a network gets (`limits.unknown_accounts`).
    pub network_unknown_accounts: Limit,
    /// How many R31 answers at ② a network gets (`limits.wrong_customers`).
    pub network_wrong_customers: Limit,
    /// From how many on an hour's count raises an alarm.
    pub alarms: AlarmLevels,
    /// How many questions to the core bank may be under way (`bank.parallel`).
    pub bank_parallel: usize,
    /// How long a question waits for its turn before the customer reads R35 (`bank.wait`).
    pub bank_wait: Duration,
    /// How long both questions of ② together may take; then the core bank has failed (R36).
    pub customer_within: Duration,
    /// How long to wait for the answer to a guess before the guess counts as wrong. A crash leaves guesses that
    /// nobody settles.
    pub answer_within: Duration,
    /// The numbers a customer may be told to call (R54).
    pub called_numbers: Vec<Phone>,
    /// How long after ③ a call counts (G10, G11).
    pub call_window: Duration,
    /// How long after ③ 確定する counts (G11).
    pub confirm_window: Duration,
    /// How much later than its own time the report of a call may arrive (G11).
    pub call_allowance: Duration,
    /// How many numbers one interaction may be given (G12).
    pub call_attempts: u32,
    /// How long a number rests after its window, or after 確定する used its call, before it can be given out again.
    pub rest: Duration,
    /// Whether a number counts as called as soon as it is given out: for programs that walk the screens in a test.
    pub auto_call: bool,
}
impl Default for IdentityPolicy {
    fn default() -> Self {
        Self {
            hours: HoursInForce::default(),
            offered: true,
            absolute: ABSOLUTE,
            idle: IDLE,
            failures_a_day: 3,
            wrong_pins: 10,
            unknown_accounts: 5,
            concurrent: 500,
            unfinished: 50_000,
            by_network: true,
            starts: Limit { most: 60, window: TEN_MINUTES },
            customer_posts: Limit { most: 60, window: TEN_MINUTES },
            network_unknown_accounts: Limit { most: 30, window: HOUR },
            network_wrong_customers: Limit { most: 15, window: HOUR },
            alarms: AlarmLevels::default(),
            bank_parallel: 64,
            bank_wait: Duration::from_secs(3),
            customer_within: customer_within(Duration::from_secs(3), Duration::from_secs(8)),
            answer_within: answer_within(Duration::from_secs(8), store::TIME_LIMIT),
            called_numbers: Vec::new(),
            call_window: Duration::from_secs(120),
            confirm_window: Duration::from_secs(120),
            call_allowance: Duration::from_secs(5),
            call_attempts: 3,
            rest: Duration::from_secs(60),
            auto_call: false,
        }
    }
}
