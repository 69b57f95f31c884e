//! The gateway's side of the hook, for the phone simulator of the demo and for tests: a report, signed as a real gateway
//! signs it. It knows nothing of the server but the address and the secret.

use crate::clock::Instant;
use crate::hook::sign;
use crate::secret::{Secret, base64url};
use serde_json::json;

/// A call somebody places.
#[derive(Debug, Clone)]
pub struct PlacedCall<'a> {
    /// The gateway's name of it.
    pub call_id: &'a str,
    /// The caller's number.
    pub from: &'a str,
    /// The number called.
    pub to: &'a str,
    /// 非通知: the number stays with the network.
    pub withheld: bool,
}

/// A report ready to be POSTed as JSON to `/hooks/telephony/sip`.
#[derive(Debug, Clone)]
pub struct Signed {
    /// `X-Hook-Timestamp`
    pub timestamp: String,
    /// `X-Hook-Signature`
    pub signature: String,
    /// The body.
    pub body: String,
}

/// Reports a call as a gateway with a carrier-verified number (P-Asserted-Identity, RFC 3325) does.
#[must_use]
pub fn report(call: &PlacedCall<'_>, secret: &Secret, now: Instant) -> Signed {
    let from = if call.withheld { "sip:anonymous@anonymous.invalid" } else { call.from };
    let body = json!({
        "v": 1,
        "call_id": call.call_id,
        "from": from,
        "to": call.to,
        "anonymous": u8::from(call.withheld),
        "id_source": "pai",
    })
    .to_string();
    let timestamp = now.secs().to_string();
    let signature = base64url(sign(secret, &timestamp, body.as_bytes()));
    Signed { timestamp, signature, body }
}
