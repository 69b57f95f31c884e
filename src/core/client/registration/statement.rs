//! Software statements (RFC 7591 §2.3): metadata that somebody the institution trusts has signed.

use crate::clock::Instant;
use crate::keys::Jwk;
use crate::keys::jose::{self, Alg, Verified};
use crate::refusal::{Code, Refusal};
use serde_json::{Map, Value};
use std::time::Duration;

/// Whose statements count (`registration.software_statement_*`).
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// `iss` of the statements that count.
    pub issuers: Vec<String>,
    /// The keys they are signed with.
    pub keys: Vec<Jwk>,
}

/// How far another's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(60);

/// Claims that say something about the statement and not about the client (RFC 7519 §4.1).
const ABOUT_ITSELF: &[&str] = &["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

const fn bad(why: &'static str) -> Refusal {
    Refusal::new(Code::InvalidSoftwareStatement, why)
}
const UNAPPROVED: Refusal =
    Refusal::new(Code::UnapprovedSoftwareStatement, "this server does not know the issuer of the software statement");

/// Takes the statement out of what was sent and lets its claims win over members beside it (RFC 7591 §3.1.1). Returns
/// it as it came, for the answer (§3.2.1). `known` is the one the client came with: sent back unchanged it still counts
/// when its time is over.
///
/// # Errors
/// `invalid_software_statement`, `unapproved_software_statement` (RFC 7591 §3.2.2).
pub fn apply(
    sent: &mut Map<String, Value>,
    trust: &Trust,
    known: Option<&str>,
    now: Instant,
) -> Result<Option<String>, Refusal> {
    let text = match sent.remove("software_statement") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(bad("the software statement is not text")),
    };
    let verified = signed(&text, trust)?;
    if known != Some(text.as_str()) {
        timely(&verified, now)?;
    }
    let claims = verified.claims.0;
    let about_client = claims.into_iter().filter(|(name, _)| !ABOUT_ITSELF.contains(&name.as_str()));
    for (name, value) in about_client.filter(|(name, _)| name != "software_statement") {
        sent.insert(name, value);
    }
    Ok(Some(text))
}

fn signed(text: &str, trust: &Trust) -> Result<Verified, Refusal> {
    let parsed = jose::parse(text).map_err(|_| bad("the software statement is not a JWT"))?;
    // Whose it is decides first: about what a stranger signed there is nothing to say.
    let issuer = parsed.unverified_claims().text("iss").ok_or(bad("the software statement has no iss"))?;
    if !trust.issuers.iter().any(|known| known == issuer) {
        return Err(UNAPPROVED);
    }
    let verified = parsed.verify(&trust.keys, &Alg::FAPI);
    verified.map_err(|_| bad("the signature of the software statement is not right"))
}

fn timely(verified: &Verified, now: Instant) -> Result<(), Refusal> {
    let date = |name| verified.claims.date(name).map_err(|_| bad("a date of the software statement is not a date"));
    if date("exp")?.is_some_and(|exp| exp <= now) {
        return Err(bad("the software statement has expired"));
    }
    if date("nbf")?.max(date("iat")?).is_some_and(|from| from > now + AHEAD) {
        return Err(bad("the software statement is not valid yet"));
    }
    Ok(())
}
