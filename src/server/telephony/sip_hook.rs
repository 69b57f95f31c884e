//! The report of a SIP gateway: JSON, signed as in [`crate::hook`] (docs/telephony.md).

use crate::clock::Instant;
use crate::hook::{Delivery, Refused, SignedHook};
use crate::identity::{Caller, IncomingCall};
use crate::phone::Phone;
use serde::Deserialize;

/// Verifies reports of calls, and decides which caller numbers are trusted.
#[derive(Debug, Clone)]
pub struct SipHook {
    signed: SignedHook,
    trust_from: bool,
}

const NO_REPORT: Refused = Refused::Body("a report of version 1");

#[derive(Deserialize)]
struct CallBody {
    v: u32,
    call_id: String,
    /// A gateway may omit it if the number is withheld.
    #[serde(default)]
    from: String,
    to: String,
    anonymous: u8,
    id_source: String,
}

impl SipHook {
    /// With `trust_from`, a bare From header is trusted.
    #[must_use]
    pub const fn new(signed: SignedHook, trust_from: bool) -> Self {
        Self { signed, trust_from }
    }

    /// Verifies and parses one report. An unsigned body is not parsed.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn receive(&self, delivery: &Delivery<'_>, now: Instant) -> Result<IncomingCall, Refused> {
        let at = self.signed.verify(delivery, now)?;
        let report: CallBody = serde_json::from_slice(delivery.body).map_err(|_| NO_REPORT)?;
        if report.v != 1 || report.call_id.is_empty() || report.call_id.len() > 256 {
            return Err(NO_REPORT);
        }
        let caller = self.caller(&report);
        Ok(IncomingCall { caller, called: Phone::from_network(&report.to), call_id: report.call_id, at })
    }

    /// A withheld number is never used, even if the network passes it on, because the caller does not want that (R53).
    /// A bare From header can be forged, unless the trunk is known to be safe.
    fn caller(&self, report: &CallBody) -> Caller {
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
