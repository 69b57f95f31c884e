//! Signed request objects (RFC 9101; OpenID Connect Core §6.1; FAPI 2.0 Message Signing §5.3): their claims become
//! the request's parameters.
//!
//! `client` verifies the signature, because it knows the keys. We never fetch an object from an address. We do not
//! store its `jti`: at PAR the client itself is authenticated and each request_uri is valid once, and OpenID Connect
//! Core §6.1 expects that an object sent by value can be used again.

use super::rules::{RequestInput, RequestSource};
use crate::client::Client;
use crate::clock::Instant;
use crate::keys::claim_check::{ClaimCheck, ClaimRule, check, may, must};
use crate::keys::jose::{self, Alg, Claims, Header, Verified};
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use serde_json::Value;
use std::time::Duration;

/// How far a client's clock may be ahead of ours; the same as for assertions.
const AHEAD: Duration = Duration::from_secs(30);
/// How long after its `exp` an object is still accepted.
const LATE: Duration = Duration::from_secs(10);
/// The longest lifetime and the highest age (FAPI 2.0 Message Signing §5.3.1).
const LONGEST: Duration = Duration::from_secs(3600);
/// Its media type, without `application/` (RFC 9101 §9.4.1).
const TYP: &str = "oauth-authz-req+jwt";

/// A request object whose signature has been verified.
struct Object<'a> {
    input: &'a RequestInput<'a>,
    header: &'a Header,
    /// The required `aud`: our issuer.
    issuer: &'a [&'a str],
}
impl Object<'_> {
    /// Whether only its parameters count (RFC 9101 §5, RFC 9126 §3). Parameters may stand beside the object only in
    /// OpenID Connect's own form, by value and from a client that need not sign; the object's parameters override
    /// them (OpenID Connect Core §6.1).
    fn alone(&self) -> bool {
        self.input.source != RequestSource::Browser
            || self.input.client.require_signed_request
            || self.header.is_typ(TYP)
    }
}

/// The rules for its claims, in the order they are checked.
fn demands<'a>(o: &Object<'a>) -> Vec<ClaimCheck<'a, &'static str>> {
    const REFERS: &str = "request and request_uri may not stand in a request object";
    const NO_DATE: &str = "a date of the request object is not a number";
    const NO_TIMES: &str = "exp or nbf is missing in the request object";
    const TOO_LONG: &str = "the request object is valid for more than an hour, or older than that";
    const DIFFERS: &str = "response_type differs inside and outside the request object";
    let (client, fapi) = (o.input.client, o.input.client.profile.is_fapi());
    let id = client.id.as_str();
    let mut demands = vec![
        // An object must not refer to another request (RFC 9101 §4).
        may("request", ClaimRule::Absent, REFERS),
        may("request_uri", ClaimRule::Absent, REFERS),
        // The client is the issuer (RFC 9101 §4). FAPI requires what OpenID Connect Core leaves open.
        may("iss", ClaimRule::Is(id), "iss of the request object must be the client_id").needed_if(fapi),
        // The object passes through browsers; nobody who sees it there may use it to authenticate as the client (RFC
        // 9101 §10.8).
        may("sub", ClaimRule::IsNot(id), "sub of the request object may not be the client_id"),
        // Required inside if parameters outside do not count (RFC 9101 §5).
        may("client_id", ClaimRule::Is(id), "client_id of the request object must be the client's")
            .needed_if(o.alone()),
        // RFC 9101 §4; FAPI 2.0 Message Signing §5.3.2.
        may("aud", ClaimRule::Holds(o.issuer), "aud of the request object must hold the issuer").needed_if(fapi),
        may("exp", ClaimRule::Date, NO_DATE),
        may("nbf", ClaimRule::Date, NO_DATE),
        may("exp", ClaimRule::GoodFor(LATE), "the request object has expired"),
        may("nbf", ClaimRule::NotAhead(AHEAD), "the request object is from the future"),
    ];
    if fapi {
        // Within the hour (FAPI 2.0 Message Signing §5.3.2).
        demands.extend([
            must("exp", ClaimRule::Date, NO_TIMES),
            must("nbf", ClaimRule::Date, NO_TIMES),
            must("exp", ClaimRule::After("nbf", LONGEST), TOO_LONG),
            must("nbf", ClaimRule::NotOlder(LONGEST), TOO_LONG),
        ]);
    }
    // Values outside and inside must be equal (OpenID Connect Core §6.1).
    if let Some(outside) = o.input.params.get("response_type").filter(|_| !o.alone()) {
        demands.push(may("response_type", ClaimRule::Is(outside), DIFFERS));
    }
    demands
}

/// The algorithms for a client's request objects: the registered one, otherwise those of its profile.
#[must_use]
pub fn allowed(client: &Client) -> Vec<Alg> {
    client.request_object_alg.map_or_else(|| client.profile.algs().to_vec(), |alg| vec![alg])
}

/// The parameters of a request that came with an object.
///
/// # Errors
/// `invalid_request_object`: it does not verify, breaks a rule, or has a claim that cannot be a parameter.
pub fn open(
    verified: Result<Verified, jose::Error>,
    question: &RequestInput<'_>,
    now: Instant,
) -> Result<Params, Refusal> {
    let refuse = |why| Refusal::new(ErrorCode::InvalidRequestObject, why);
    let Verified { header, claims, .. } = verified.map_err(|e| refuse(explain(e)))?;
    let object = Object { input: question, header: &header, issuer: &[question.issuer] };
    typ(&header).map_err(refuse)?;
    check(&claims, &demands(&object), now).map_err(refuse)?;
    let inside = params(&claims).map_err(refuse)?;
    if object.alone() {
        return Ok(inside);
    }
    let mut all = question.params.clone();
    all.retain(|name| name != "request" && inside.get(name).is_none());
    for (name, value) in inside.iter() {
        all.push(name, value).map_err(|_| refuse("the request object holds too many parameters"))?;
    }
    Ok(all)
}

const fn explain(e: jose::Error) -> &'static str {
    match e {
        jose::Error::Malformed => "the request object is not a compact JWS",
        jose::Error::Algorithm => "the request object's algorithm is not allowed",
        jose::Error::Critical => "the request object has a critical header",
        jose::Error::UnknownKey => "the client has no key with the kid and the algorithm of the request object",
        _ => "the request object does not verify with the client's keys",
    }
}

/// A request object or a plain JWT (RFC 9101 §4, §10.8).
fn typ(header: &Header) -> Result<(), &'static str> {
    if header.typ.is_none() || header.is_typ(TYP) || header.is_typ("JWT") {
        return Ok(());
    }
    Err("typ of the request object must be oauth-authz-req+jwt")
}
/// Claims of the JWT itself that are no parameters (RFC 7519 §4.1).
const OF_THE_JWT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
/// Parameters whose values are JSON; in an object they may be JSON or text.
const JSON: [&str; 3] = ["claims", "authorization_details", "registration"];
/// Parameters whose values must be text. A value of another type is refused, so that nothing the client meant is
/// ignored.
const TEXTS: [&str; 19] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "prompt",
    "max_age",
    "dpop_jkt",
    "ui_locales",
    "acr_values",
    "id_token_hint",
    "login_hint",
    "display",
    "grant_id",
    "grant_management_action",
];

/// Claims as parameters: text as it is, numbers and booleans as they are written, JSON if the parameter is JSON.
/// Unknown claims are ignored, like unknown parameters.
fn params(claims: &Claims) -> Result<Params, &'static str> {
    let mut params = Params::default();
    let mut add = |name: &str, value: &str| match value.contains('\0') {
        true => Err("a parameter of the request object holds a NUL"),
        false => params.push(name, value).map_err(|_| "the request object holds too many parameters"),
    };
    for (name, value) in claims.0.iter().filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str())) {
        match value {
            Value::String(text) => add(name, text)?,
            Value::Number(n) if n.is_u64() || n.is_i64() => add(name, &n.to_string())?,
            Value::Bool(b) => add(name, &b.to_string())?,
            Value::Array(list) if name == "resource" => {
                for one in list {
                    add(name, one.as_str().ok_or("resource in the request object is not a text")?)?;
                }
            }
            Value::Array(_) | Value::Object(_) if JSON.contains(&name.as_str()) => add(name, &value.to_string())?,
            _ if TEXTS.contains(&name.as_str()) => return Err("a parameter of the request object is not a text"),
            _ => {}
        }
    }
    Ok(params)
}
