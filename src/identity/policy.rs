//! The numbers an institution may choose (domain §1.9), with the domain's defaults.

use super::service_hours::Hours;
use super::{ABSOLUTE, IDLE};
use crate::phone::Phone;
use std::time::Duration;

/// The rules of the checks.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Closed windows (domain §1.8).
    pub hours: Hours,
    /// Whether the operator offers the service at all; if not, ② and ⑤ answer R37.
    pub offered: bool,
    /// How long a way through the screens may take at most (G28).
    pub absolute: Duration,
    /// How long it may rest (G28).
    pub idle: Duration,
    /// 規定回数: wrong answers at ② and ⑤ together, for one account within one JST day (G4).
    pub failures_a_day: i64,
    /// Wrong PINs without a success, over all days, until an operator must release the account (G5).
    pub wrong_pins: i64,
    /// R30 answers for one way through the screens (G3).
    pub refused_accounts: i64,
    /// R30 answers within an hour for one address (G3).
    pub refused_accounts_by_address: i64,
    /// R30 answers within an hour for one app (G3).
    pub refused_accounts_by_client: i64,
    /// Say R31 where R30 would tell that an account does not exist, and count it (G3).
    pub unify_account_error: bool,
    /// How many may be past ② at once (R35, G8).
    pub past_customer: i64,
    /// How many unfinished ways before ② one address may have; the oldest goes first.
    pub waiting_by_address: i64,
    /// The numbers a customer may be told to call (R54).
    pub called_numbers: Vec<Phone>,
    /// How long after ③ a call counts (G10, G11).
    pub call_window: Duration,
    /// How long after ③ 確定する counts (G11).
    pub confirm_window: Duration,
    /// How much later than its own time the report of a call may arrive (G11).
    pub call_allowance: Duration,
    /// How many numbers one way may be given (G12).
    pub call_attempts: u32,
    /// How many numbers may wait for one caller at once.
    pub pending_by_caller: usize,
    /// Whether the call to a number given out counts as made at once: for programs that walk the screens, in a test.
    pub auto_call: bool,
}
impl Default for Policy {
    fn default() -> Self {
        Self {
            hours: Hours::default(),
            offered: true,
            absolute: ABSOLUTE,
            idle: IDLE,
            failures_a_day: 3,
            wrong_pins: 10,
            refused_accounts: 5,
            refused_accounts_by_address: 30,
            refused_accounts_by_client: 1000,
            unify_account_error: false,
            past_customer: 500,
            waiting_by_address: 50,
            called_numbers: Vec::new(),
            call_window: Duration::from_secs(120),
            confirm_window: Duration::from_secs(120),
            call_allowance: Duration::from_secs(5),
            call_attempts: 1,
            pending_by_caller: 2,
            auto_call: false,
        }
    }
}
