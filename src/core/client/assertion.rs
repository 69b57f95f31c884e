//! Client assertions: private_key_jwt (RFC 7523 §3, OpenID Connect Core §9, FAPI 2.0 §5.3.2.1).

use super::{Client, replay};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::jose::{self, Alg, Header, Unverified, Verified};
use crate::secret::Hash;
use serde_json::Value;
use std::time::Duration;

/// `client_assertion_type` (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far ahead of ours a client's clock may be: FAPI 2.0 §5.3.2.1 demands 10 s and forbids more than 60.
const AHEAD: Duration = Duration::from_secs(30);
/// How long past its `exp` an assertion still counts.
const LATE: Duration = Duration::from_secs(10);
/// How long an assertion may be valid: its `jti` is remembered so long.
const LONGEST: Duration = Duration::from_secs(3600);
/// What a request object holds and an assertion never does.
const OF_A_REQUEST: [&str; 3] = ["response_type", "redirect_uri", "code_challenge"];

/// Why an assertion is refused: for the log; the client reads `invalid_client` and this sentence about its own message.
pub(super) type Why = &'static str;

/// Whom the assertion says it comes from: `sub` (RFC 7523 §3.2). Unverified.
pub(super) fn issuer_of(assertion: &Unverified<'_>) -> Option<ClientId> {
    assertion.unverified_claims().text("sub").and_then(ClientId::parse)
}

/// The algorithms a client's assertion may be signed with.
pub(super) fn allowed(client: &Client) -> Vec<Alg> {
    client.auth_alg.map_or_else(|| client.profile.algs().to_vec(), |alg| vec![alg])
}

pub(super) const fn explain(e: jose::Error) -> Why {
    match e {
        jose::Error::Malformed => "the client assertion is not a compact JWS",
        jose::Error::Algorithm => "the client assertion's algorithm is not allowed",
        jose::Error::Critical => "the client assertion has a critical header",
        _ => "the client assertion does not verify with the client's keys",
    }
}

/// What must be remembered of an accepted assertion: the key of its `jti`, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) key: Hash,
    pub(super) until: Instant,
}

/// Judges an assertion whose signature is verified. `audiences[0]` is the issuer; the others are the endpoints OpenID
/// Connect clients may name instead.
pub(super) fn judge(assertion: &Verified, client: &Client, audiences: &[String], now: Instant) -> Result<Seen, Why> {
    let (claims, id) = (&assertion.claims, client.id.as_str());
    // A request object passes through browsers, and a careless one names the client as its subject (RFC 9101 §10.8).
    if of_another_kind(&assertion.header) || OF_A_REQUEST.iter().any(|name| claims.get(name).is_some()) {
        return Err("the JWT was made for something other than client authentication");
    }
    if claims.text("iss") != Some(id) || claims.text("sub") != Some(id) {
        return Err("iss and sub of the client assertion must both be the client_id");
    }
    if !audience_fits(claims.get("aud"), client, audiences) {
        return Err("aud of the client assertion must be the issuer");
    }
    let date = |name| claims.date(name).map_err(|_| "a date of the client assertion is not a number");
    let exp = date("exp")?.ok_or("the client assertion has no exp")?;
    if exp + LATE <= now {
        return Err("the client assertion has expired");
    }
    if exp > now + AHEAD + LONGEST {
        return Err("the client assertion is valid for too long");
    }
    for name in ["iat", "nbf"] {
        if date(name)?.is_some_and(|at| at > now + AHEAD) {
            return Err("the client assertion is from the future");
        }
    }
    let jti = claims.text("jti").filter(|j| !j.is_empty()).ok_or("the client assertion has no jti")?;
    Ok(Seen { key: replay::key(replay::Use::Assertion, id, jti), until: exp + LATE })
}

/// RFC 8725 §3.11: what is made for another use says so by a type of its own; an assertion has one of its own (draft
/// RFC 7523bis), the general one, or none.
fn of_another_kind(header: &Header) -> bool {
    let typed = header.typ.as_ref().is_some_and(|typ| typ.to_ascii_lowercase().ends_with("+jwt"));
    typed && !header.is_typ("client-authentication+jwt")
}

/// FAPI 2.0 §5.3.2.1 (8): the issuer as one string. OpenID Connect Core §9 also has the token endpoint, and an array.
fn audience_fits(aud: Option<&Value>, client: &Client, audiences: &[String]) -> bool {
    let known = |text: &str| audiences.iter().any(|a| a == text);
    match aud {
        Some(Value::String(one)) if client.profile.is_fapi() => audiences.first().is_some_and(|issuer| issuer == one),
        Some(Value::String(one)) => known(one),
        Some(Value::Array(list)) if !client.profile.is_fapi() => list.iter().filter_map(Value::as_str).any(known),
        _ => false,
    }
}
