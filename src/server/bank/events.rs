//! What the core bank reports of its accounts: `POST /hooks/bank/events` (docs/core-banking.md, G24). Signed as the
//! telephone's reports are. What a change means for links is `lifecycle`'s.

use crate::account::Account;
use crate::clock::Instant;
use crate::hook::{self, Unsigned};
use crate::lifecycle::{AccountChanged, Change};
use crate::outbound::Network;
use crate::secret::Secret;
use chrono::DateTime;
use serde::Deserialize;
use std::net::IpAddr;

/// Who may report changes of accounts.
#[derive(Debug, Clone, Default)]
pub struct EventHook {
    secrets: Vec<Secret>,
    networks: Vec<Network>,
}

/// Why a report is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// From an address that may not report.
    #[error("the source address is not one of bank.event_networks")]
    Source,
    /// Not signed, or not now.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// Signed, but not a report: a mistake in the bank's connector.
    #[error("the body is not an account event of version 1")]
    Body,
}

#[derive(Deserialize)]
struct Report {
    v: u32,
    event_id: String,
    #[serde(rename = "type")]
    kind: String,
    account: Account,
    /// Read so that a broken one is refused; nothing is carried over to the new number (R86).
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
    /// A hook with one secret, or two while one is being replaced; with none it believes nobody.
    ///
    /// # Errors
    /// The network that cannot be read.
    pub fn new(secrets: Vec<Secret>, networks: &[String]) -> Result<Self, String> {
        Ok(Self { secrets, networks: Network::list(networks)? })
    }

    /// Verifies and reads one report; `None` for a type that says nothing to us, so that a bank may add types.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn read(
        &self,
        source: Option<IpAddr>,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: Instant,
    ) -> Result<Option<AccountChanged>, Refused> {
        if !Network::admits(&self.networks, source) {
            return Err(Refused::Source);
        }
        hook::verify(&self.secrets, timestamp, signature, body, now)?;
        let report: Report = serde_json::from_slice(body).map_err(|_| Refused::Body)?;
        let named = !report.event_id.is_empty() && report.event_id.len() <= 256;
        let at = report.at.instant().filter(|_| named && report.v == 1).ok_or(Refused::Body)?;
        let Some(change) = Change::parse(&report.kind) else {
            tracing::info!(kind = %report.kind.escape_default(), "an account event of a type unknown here");
            return Ok(None);
        };
        if change == Change::Transferred && report.new_account.as_ref() == Some(&report.account) {
            return Err(Refused::Body);
        }
        Ok(Some(AccountChanged { event_id: report.event_id, change, account: report.account, at }))
    }
}
