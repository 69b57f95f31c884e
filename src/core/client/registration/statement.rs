//! Software statements (RFC 7591 §2.3): metadata signed by somebody the institution trusts.

use crate::clock::Instant;
use crate::keys::Jwk;
use crate::keys::claim_check::{ClaimCheck, ClaimRule, check, may, must};
use crate::keys::jose::{self, Alg, Verified};
use crate::refusal::{ErrorCode, Refusal};
use serde_json::{Map, Value};
use std::time::Duration;

/// The trusted issuer of statements (`registration.software_statement_*`).
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The `iss` of trusted statements.
    pub issuers: Vec<String>,
    /// The keys of the issuer.
    pub keys: Vec<Jwk>,
}

/// How far the issuer's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(60);

/// Claims about the statement itself, not about the client (RFC 7519 §4.1).
const ABOUT_ITSELF: &[&str] = &["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

const fn bad(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidSoftwareStatement, why)
}
const UNAPPROVED: Refusal = Refusal::new(
    ErrorCode::UnapprovedSoftwareStatement,
    "this server does not know the issuer of the software statement",
);

/// Takes the statement out of a record; its claims override the members beside it (RFC 7591 §3.1.1). Also returns the
/// statement as it came, for the response (§3.2.1). `known` is the client's current statement: sent back unchanged,
/// it is accepted even after it has expired.
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
    let verified = signed(&text, trust, now)?;
    if known != Some(text.as_str()) {
        check(&verified.claims, &TIMELY, now)?;
    }
    let claims = verified.claims.0;
    let about_client = claims.into_iter().filter(|(name, _)| !ABOUT_ITSELF.contains(&name.as_str()));
    for (name, value) in about_client.filter(|(name, _)| name != "software_statement") {
        sent.insert(name, value);
    }
    Ok(Some(text))
}

fn signed(text: &str, trust: &Trust, now: Instant) -> Result<Verified, Refusal> {
    let parsed = jose::parse(text).map_err(|_| bad("the software statement is not a JWT"))?;
    // The issuer is checked first: a stranger's statement needs no further check.
    let known: Vec<&str> = trust.issuers.iter().map(String::as_str).collect();
    let of_whom = [
        must("iss", ClaimRule::Text, bad("the software statement has no iss")),
        must("iss", ClaimRule::OneOf(&known), UNAPPROVED),
    ];
    check(parsed.unverified_claims(), &of_whom, now)?;
    let verified = parsed.verify(&trust.keys, &Alg::FAPI);
    verified.map_err(|_| bad("the signature of the software statement is not right"))
}

/// When a statement is valid (RFC 7519 §4.1.4, §4.1.5).
const TIMELY: [ClaimCheck<'static, Refusal>; 6] = {
    const NO_DATE: Refusal = bad("a date of the software statement is not a date");
    const TOO_SOON: Refusal = bad("the software statement is not valid yet");
    [
        may("exp", ClaimRule::Date, NO_DATE),
        may("exp", ClaimRule::GoodFor(Duration::ZERO), bad("the software statement has expired")),
        may("nbf", ClaimRule::Date, NO_DATE),
        may("iat", ClaimRule::Date, NO_DATE),
        may("nbf", ClaimRule::NotAhead(AHEAD), TOO_SOON),
        may("iat", ClaimRule::NotAhead(AHEAD), TOO_SOON),
    ]
};
