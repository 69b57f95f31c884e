//! The report of a SIP gateway: JSON, signed as [`crate::hook`] says (docs/telephony.md).

use crate::clock::Instant;
use crate::hook::{self, Unsigned};
use crate::identity::{Caller, IncomingCall};
use crate::outbound::Network;
use crate::phone::Phone;
use crate::secret::Secret;
use serde::Deserialize;
use std::net::IpAddr;

/// Who may report calls, and how far they are believed.
#[derive(Debug, Clone, Default)]
pub struct SipHook {
    secrets: Vec<Secret>,
    networks: Vec<Network>,
    trust_from: bool,
}

/// Why a report is not taken. The gateway learns 401 and nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// From an address that may not report.
    #[error("the source address is not one of telephony.hook_networks")]
    Source,
    /// Not signed, or not now.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// Signed, but not a report: a mistake in the gateway's configuration.
    #[error("the body is not a report of version 1")]
    Body,
}

#[derive(Deserialize)]
struct Report {
    v: u32,
    call_id: String,
    /// A gateway may leave it out of a withheld call.
    #[serde(default)]
    from: String,
    to: String,
    anonymous: u8,
    id_source: String,
}

impl SipHook {
    /// A hook with one secret, or two while one is being replaced.
    ///
    /// # Errors
    /// The network that cannot be read.
    pub fn new(secrets: Vec<Secret>, networks: &[String], trust_from: bool) -> Result<Self, String> {
        let networks = Network::list(networks)?;
        Ok(Self { secrets: secrets.into_iter().filter(|s| !s.reveal().is_empty()).collect(), networks, trust_from })
    }

    /// Verifies and reads one report. Nothing of an unsigned body is looked at.
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
    ) -> Result<IncomingCall, Refused> {
        if !Network::admits(&self.networks, source) {
            return Err(Refused::Source);
        }
        let at = hook::verify(&self.secrets, timestamp, signature, body, now)?;
        let report: Report = serde_json::from_slice(body).map_err(|_| Refused::Body)?;
        if report.v != 1 || report.call_id.is_empty() || report.call_id.len() > 256 {
            return Err(Refused::Body);
        }
        let caller = self.caller(&report);
        Ok(IncomingCall { caller, called: Phone::from_network(&report.to), call_id: report.call_id, at })
    }

    /// A withheld number is never looked at, even where the network passes it on: the caller asked for that
    /// (R53). A bare From is anybody's claim unless the trunk is known to be clean.
    fn caller(&self, report: &Report) -> Caller {
        let vouched = match report.id_source.as_str() {
            "pai" | "vendor" => true,
            "from" => self.trust_from,
            _ => false,
        };
        if report.anonymous != 0 || !vouched {
            return Caller::Withheld;
        }
        Phone::from_network(&report.from).map_or(Caller::Other, Caller::Known)
    }
}
