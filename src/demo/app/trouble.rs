//! What goes wrong between the app and whom it asks, and what of an answer may be believed.

use crate::keys::jose;
use crate::outbound::{self, Answer};
use crate::refusal::Code;
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
    Own,
}
impl From<outbound::Error> for Trouble {
    fn from(error: outbound::Error) -> Self {
        tracing::warn!(%error, "sample app: no answer");
        Self::Unreachable
    }
}
impl From<jose::Error> for Trouble {
    fn from(error: jose::Error) -> Self {
        tracing::error!(%error, "sample app: signing");
        Self::Own
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

/// A code as it may be shown and logged: one we know, else a word of our own.
pub(super) fn known_code(code: &str) -> &'static str {
    Code::parse(code).map_or("unknown_error", Code::as_str)
}
