//! Calls: what a SIP gateway does with an incoming call (docs/telephony.md).
//!
//! It takes the caller's number from the network, lets the phone ring, tells the authorization server by the signed
//! hook, and drops the call without answering it.

use super::{SimParts, SimSettings};
use crate::crypto::{Random, Secret, base64url, bytes};
use crate::hook::{Outcome, Report, deliver, signed};
use crate::time::Clock;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The most calls the page lists.
const MAX_CALLS: usize = 50;

/// A call somebody places.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Call {
    pub(super) from: String,
    pub(super) to: String,
    #[serde(default)]
    pub(super) withheld: bool,
}

/// One line of the record.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) at: DateTime<Utc>,
    /// `None` when withheld.
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) outcome: Outcome,
}

/// A number no exchange would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSuchNumber;

/// The exchange: places calls and remembers them.
pub(super) struct Exchange {
    settings: SimSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    http: reqwest::Client,
    placed: Mutex<VecDeque<Placed>>,
}

impl Exchange {
    pub(super) fn new(settings: SimSettings, parts: &SimParts) -> Self {
        let (clock, random, http) = (parts.clock.clone(), parts.random.clone(), parts.http.clone());
        Self { settings, clock, random, http, placed: Mutex::default() }
    }

    /// The calls placed, the newest first.
    pub(super) fn placed(&self) -> Vec<Placed> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Places a call: rings, reports, drops.
    pub(super) async fn dial(&self, call: &Call) -> Result<(String, Outcome), NoSuchNumber> {
        let to = network_form(&call.to).ok_or(NoSuchNumber)?;
        let from = if call.withheld { None } else { Some(network_form(&call.from).ok_or(NoSuchNumber)?) };
        let call_id = base64url(bytes::<16>(self.random.as_ref()));
        tokio::time::sleep(self.settings.ring).await;
        let at = self.clock.now();
        let report = report(&call_id, from.as_deref(), &to, &self.settings.hook_secret, at);
        let outcome = deliver(&self.http, &self.settings.hook, report).await;
        let shown = (!call.withheld).then(|| call.from.trim().to_owned());
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        placed.truncate(MAX_CALLS - 1);
        placed.push_front(Placed { at, from: shown, to: call.to.trim().to_owned(), outcome });
        Ok((call_id, outcome))
    }
}

/// The signed report of a gateway whose carrier verified the number (P-Asserted-Identity, RFC 3325); without `from`, the
/// caller withheld it.
#[must_use]
pub fn report(call_id: &str, from: Option<&str>, to: &str, secret: &Secret, at: DateTime<Utc>) -> Report {
    let body = json!({
        "v": 1,
        "call_id": call_id,
        "from": from.unwrap_or("sip:anonymous@anonymous.invalid"),
        "to": to,
        "anonymous": u8::from(from.is_none()),
        "id_source": "pai",
    })
    .to_string();
    signed(body, secret, at)
}

/// What follows the trunk zero of a Japanese number of ten or eleven digits, typed with or without hyphens, as `0…` or
/// `+81…`.
fn national(dialled: &str) -> Option<String> {
    let bare: String = dialled.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let rest = bare.strip_prefix("+81").or_else(|| bare.strip_prefix('0'))?;
    let digits = rest.bytes().all(|b| b.is_ascii_digit()) && !rest.starts_with('0');
    (digits && matches!(rest.len(), 9 | 10)).then(|| rest.to_owned())
}

/// The number as the network carries it: `+81…` for a Japanese one, bare digits for a short or foreign one.
fn network_form(dialled: &str) -> Option<String> {
    if let Some(rest) = national(dialled) {
        return Some(format!("+81{rest}"));
    }
    let digits = dialled.trim().strip_prefix('+').unwrap_or(dialled.trim());
    let fits = (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| dialled.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_the_form_of_the_network() {
        for (dialled, network) in [
            ("09012343333", Some("+819012343333")),
            ("0800-111-0001", Some("+818001110001")),
            ("+81 90 1234 3333", Some("+819012343333")),
            ("110", Some("110")),
            ("+12025550100", Some("+12025550100")),
            ("", None),
            ("12", None),
            ("alice", None),
            ("0901234333\",\"anonymous\":0", None),
        ] {
            assert_eq!(network_form(dialled).as_deref(), network, "{dialled}");
        }
    }
}
