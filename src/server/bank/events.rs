//! Reports of the core bank about its accounts: `POST /hooks/bank/events` (docs/core-banking.md, G24). Signed like the
//! reports of calls. `lifecycle` decides what a change means for grants.

use crate::account::Account;
use crate::clock::Instant;
use crate::hook::{Delivery, Refused, SignedHook};
use crate::lifecycle::{AccountChangeKind, AccountChanged};
use chrono::DateTime;
use serde::Deserialize;

/// Verifies and parses reports of account changes.
#[derive(Debug, Clone)]
pub struct EventHook(SignedHook);

const NO_REPORT: Refused = Refused::Body("an account event of version 1");

#[derive(Deserialize)]
struct EventBody {
    v: u32,
    event_id: String,
    #[serde(rename = "type")]
    kind: String,
    account: Account,
    /// Parsed only so that an invalid one is refused; nothing is transferred to the new number (R86).
    new_account: Option<Account>,
    at: When,
}
/// Epoch seconds, or RFC 3339.
#[derive(Deserialize)]
#[serde(untagged)]
enum When {
    Seconds(i64),
    Text(String),
}
impl When {
    fn instant(&self) -> Option<Instant> {
        match self {
            Self::Seconds(secs) => (0..253_402_300_800).contains(secs).then(|| Instant::from_secs(*secs)),
            Self::Text(text) => {
                DateTime::parse_from_rfc3339(text).ok().map(|at| Instant::from_millis(at.timestamp_millis()))
            }
        }
    }
}

impl EventHook {
    /// Parses reports that `signed` verifies.
    #[must_use]
    pub const fn new(signed: SignedHook) -> Self {
        Self(signed)
    }

    /// Verifies and parses one report; `None` for an unknown type, so that a bank may add types.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn receive(&self, delivery: &Delivery<'_>, now: Instant) -> Result<Option<AccountChanged>, Refused> {
        self.0.verify(delivery, now)?;
        let report: EventBody = serde_json::from_slice(delivery.body).map_err(|_| NO_REPORT)?;
        let named = !report.event_id.is_empty() && report.event_id.len() <= 256;
        let at = report.at.instant().filter(|_| named && report.v == 1).ok_or(NO_REPORT)?;
        let Some(change) = AccountChangeKind::parse(&report.kind) else {
            tracing::info!(kind = %report.kind.escape_default(), "an account event of a type unknown here");
            return Ok(None);
        };
        if change == AccountChangeKind::Transferred && report.new_account.as_ref() == Some(&report.account) {
            return Err(NO_REPORT);
        }
        Ok(Some(AccountChanged { event_id: report.event_id, change, account: report.account, at }))
    }
}
