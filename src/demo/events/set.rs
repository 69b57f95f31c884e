//! What makes a Security Event Token believable (RFC 8417 §2, SSF 1.0 §4), and what it says.

use crate::jose::{Claims, text, typ, verify_with_set};
use crate::time::from_secs;
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

/// `typ` of such a token (RFC 8417 §2.3).
pub(crate) const TYP: &str = "secevent+jwt";
/// CAEP 1.0 §3.1: a session, here a grant, has ended.
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
/// How far two clocks may differ, in seconds.
const SKEW: i64 = 60;
/// The longest name and id that are kept.
const LONGEST: usize = 200;

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadSet {
    /// It is no such token, or a member of it is wrong: which.
    Request(&'static str),
    /// No key of the transmitter fits.
    Key,
    /// It comes from somebody else.
    Issuer,
    /// It is for somebody else.
    Audience,
}
impl BadSet {
    /// `err` (RFC 8935 §2.4).
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::Key => "invalid_key",
            Self::Issuer => "invalid_issuer",
            Self::Audience => "invalid_audience",
        }
    }
    /// `description`.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Request(what) => what,
            Self::Key => "no key of the issuer verifies the signature",
            Self::Issuer => "iss is not the issuer of this stream",
            Self::Audience => "aud is not this receiver",
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecurityEvent {
    /// The same for every repetition.
    pub(crate) jti: String,
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
    /// An event of the server's own types by its name, `grant.revoked`; another by its whole type.
    pub(crate) name: String,
    /// Whose grant.
    pub(crate) grant: Option<String>,
    /// The event's number within its grant.
    pub(crate) seq: Option<i64>,
    /// Who caused it.
    pub(crate) by: Option<String>,
    /// The token it is about.
    pub(crate) token: Option<String>,
}
impl SecurityEvent {
    /// Whether its grant has ended.
    pub(crate) fn ends_grant(&self) -> bool {
        matches!(self.name.as_str(), "grant.revoked" | "grant.replaced" | "grant.expired" | SESSION_REVOKED)
    }
    /// Whether the grant's end is told in the words of CAEP: our own type tells more of it.
    pub(crate) fn is_caep(&self) -> bool {
        self.name == SESSION_REVOKED
    }
}

/// Checks a token from `issuer` for `client_id`. It has one event; a token that has an `exp` or a `sub` is of another kind (SSF 1.0
/// §4.1.7, RFC 8417 §4.6).
pub(super) fn check(
    token: &str,
    keys: &[Jwk],
    (issuer, client_id): (&str, &str),
    now: DateTime<Utc>,
) -> Result<SecurityEvent, BadSet> {
    const fn bad<T>(what: &'static str) -> Result<T, BadSet> {
        Err(BadSet::Request(what))
    }
    if typ(token).as_deref() != Some(TYP) {
        return bad("typ");
    }
    // CAEP Interoperability Profile 1.0 §2.6.
    let claims = verify_with_set(token, keys, &[Algorithm::RS256]).map_err(|_| BadSet::Key)?;
    if text(&claims, "iss") != Some(issuer) {
        return Err(BadSet::Issuer);
    }
    let for_us = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().any(|aud| aud == client_id),
        Some(aud) => aud == client_id,
        None => false,
    };
    if !for_us {
        return Err(BadSet::Audience);
    }
    if claims.contains_key("exp") || claims.contains_key("sub") {
        return bad("a token of another kind");
    }
    let date = |name| claims.get(name).and_then(Value::as_i64);
    let Some(iat) = date("iat").filter(|iat| *iat <= now.timestamp() + SKEW) else { return bad("iat") };
    let Some(jti) = text(&claims, "jti").filter(|jti| (1..=LONGEST).contains(&jti.len())) else { return bad("jti") };
    let events = claims.get("events").and_then(Value::as_object).filter(|events| events.len() == 1);
    let Some((kind, Value::Object(payload))) = events.and_then(|events| events.iter().next()) else {
        return bad("events");
    };
    if kind.len() > LONGEST {
        return bad("events");
    }
    let name = kind.strip_prefix(issuer).and_then(|rest| rest.strip_prefix("/events/")).unwrap_or(kind);
    let member = |name| text(payload, name).filter(|text| text.len() <= LONGEST).map(str::to_owned);
    Ok(SecurityEvent {
        jti: jti.to_owned(),
        at: from_secs(date("toe").unwrap_or(iat)),
        name: name.to_owned(),
        grant: session(&claims),
        seq: payload.get("seq").and_then(Value::as_i64),
        by: member("by"),
        token: member("token"),
    })
}

/// The grant: `session` of a complex subject (SSF 1.0 §3.3), an opaque id.
fn session(claims: &Claims) -> Option<String> {
    let session = claims.get("sub_id")?.get("session")?;
    let id = session.get("id").and_then(Value::as_str)?;
    (session.get("format")? == "opaque" && id.len() <= LONGEST).then(|| id.to_owned())
}
