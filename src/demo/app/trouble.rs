//! What goes wrong between the app and whom it asks, and what of an answer may be believed.

use crate::wire::{Answer, NoAnswer};
use serde_json::Value;

/// Why a link does not come about or does not go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The other side refused, with this code.
    Refused(String),
    /// Nobody answered.
    Unreachable,
    /// An answer that must not be believed, and what of it.
    Broken(&'static str),
    /// Our own failure.
    Internal,
}
impl From<NoAnswer> for Trouble {
    fn from(error: NoAnswer) -> Self {
        tracing::warn!(%error, "sample app: no answer");
        Self::Unreachable
    }
}
impl From<jsonwebtoken::errors::Error> for Trouble {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        tracing::error!(%error, "sample app: signing");
        Self::Internal
    }
}

/// The JSON of an answer with this status, or its refusal.
pub(super) fn expect(answer: Answer, status: u16) -> Result<Value, Trouble> {
    if answer.status == status { answer.json().map_err(|_| Trouble::Broken("json")) } else { Err(refusal(&answer)) }
}

pub(super) fn refusal(answer: &Answer) -> Trouble {
    let code = answer.json().ok().and_then(|v| v["error"].as_str().map(known_code));
    tracing::info!(status = answer.status, code, "sample app: refused");
    match code {
        Some(code) => Trouble::Refused(code.to_owned()),
        None if answer.status >= 500 => Trouble::Unreachable,
        None => Trouble::Broken("error"),
    }
}

/// The codes a client may meet (RFC 6749 §4.1.2.1, §5.2; OpenID Connect Core §3.1.2.6; RFC 9396 §5; RFC 9449 §5).
const KNOWN: [&str; 20] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_authorization_details",
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_request",
    "invalid_request_object",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "login_required",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "use_dpop_nonce",
];

/// A code as it may be shown and logged: one we know, else a word of our own.
pub(super) fn known_code(code: &str) -> &'static str {
    KNOWN.into_iter().find(|known| *known == code).unwrap_or("unknown_error")
}
