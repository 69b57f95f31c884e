//! Signed request objects (RFC 9101; OpenID Connect Core §6.1; FAPI 2.0 Message Signing §5.3): what a
//! client has signed becomes the parameters that count.
//!
//! The signature itself is `client`'s to verify, for it knows the keys; an object is never fetched from anywhere. A `jti`
//! is not remembered: a push is made by the authenticated client itself and each of its request_uris is good once,
//! and by value OpenID Connect Core §6.1 expects objects that were signed once to be used again.

use super::rules::{Door, Question};
use crate::client::Client;
use crate::clock::Instant;
use crate::keys::jose::{self, Alg, Claims, Header, Verified};
use crate::params::Params;
use crate::refusal::{Code, Refusal};
use serde_json::Value;
use std::time::Duration;

/// How far ahead of ours a client's clock may be; as for assertions.
const AHEAD: Duration = Duration::from_secs(30);
/// How long past its `exp` an object still counts.
const LATE: Duration = Duration::from_secs(10);
/// The longest it may be valid, and the oldest it may be (FAPI 2.0 Message Signing §5.3.1).
const LONGEST: Duration = Duration::from_secs(3600);
/// Its media type, without `application/` (RFC 9101 §9.4.1).
const TYP: &str = "oauth-authz-req+jwt";

/// A request object whose signature has been verified.
struct Object<'a> {
    question: &'a Question<'a>,
    header: &'a Header,
    claims: &'a Claims,
    now: Instant,
}
impl Object<'_> {
    fn client(&self) -> &Client {
        self.question.client
    }
    /// What OpenID Connect Core leaves open, FAPI demands.
    fn missing(&self, why: &'static str) -> Result<(), &'static str> {
        if self.client().profile.is_fapi() { Err(why) } else { Ok(()) }
    }
    fn date(&self, name: &str) -> Result<Option<Instant>, &'static str> {
        self.claims.date(name).map_err(|_| "a date of the request object is not a number")
    }
    /// Whether its parameters are all there are (RFC 9101 §5, RFC 9126 §3). Only OpenID Connect's own kind, by value
    /// and of a client that need not sign, may stand beside others, which it supersedes (OpenID Connect Core §6.1).
    fn alone(&self) -> bool {
        self.question.door != Door::Browser || self.client().require_signed_request || self.header.is_typ(TYP)
    }
}

/// One rule: what it demands and where that is written, and the check.
type Rule = (&'static str, fn(&Object<'_>) -> Result<(), &'static str>);

/// Every rule of an object, in the order they are applied.
const RULES: [Rule; 8] = [
    ("a request object or a plain JWT (RFC 9101 4, 10.8)", typ),
    ("nothing inside refers to another request (RFC 9101 4)", refers),
    ("iss is the client (RFC 9101 4)", iss),
    ("it could not serve as a client assertion (RFC 9101 10.8)", assertion),
    ("client_id is the client, and there where nothing outside counts (RFC 9101 5)", client_id),
    ("aud holds the issuer (RFC 9101 4; FAPI 2.0 Message Signing 5.3.2)", aud),
    ("exp and nbf within the hour (FAPI 2.0 Message Signing 5.3.2)", times),
    ("response_type outside says the same (OpenID Connect Core 6.1)", response_type),
];

/// The algorithms a client's request objects may be signed with: the one it registered, else those of its profile.
#[must_use]
pub fn allowed(client: &Client) -> Vec<Alg> {
    client.request_object_alg.map_or_else(|| client.profile.algs().to_vec(), |alg| vec![alg])
}

/// The parameters that count of a request that came with an object.
///
/// # Errors
/// `invalid_request_object`: it does not verify, breaks a rule, or holds what no parameter can be.
pub fn open(verified: Result<Verified, jose::Error>, question: &Question<'_>, now: Instant) -> Result<Params, Refusal> {
    let refuse = |why| Refusal::new(Code::InvalidRequestObject, why);
    let Verified { header, claims, .. } = verified.map_err(|e| refuse(explain(e)))?;
    let object = Object { question, header: &header, claims: &claims, now };
    for (_, rule) in RULES {
        rule(&object).map_err(refuse)?;
    }
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
        _ => "the request object does not verify with the client's keys",
    }
}

fn typ(o: &Object<'_>) -> Result<(), &'static str> {
    if o.header.typ.is_none() || o.header.is_typ(TYP) || o.header.is_typ("JWT") {
        return Ok(());
    }
    Err("typ of the request object must be oauth-authz-req+jwt")
}
fn refers(o: &Object<'_>) -> Result<(), &'static str> {
    let refers = ["request", "request_uri"].into_iter().any(|name| o.claims.get(name).is_some());
    if refers { Err("request and request_uri may not stand in a request object") } else { Ok(()) }
}
fn iss(o: &Object<'_>) -> Result<(), &'static str> {
    const WHY: &str = "iss of the request object must be the client_id";
    match o.claims.get("iss") {
        None => o.missing(WHY),
        Some(iss) if iss == o.client().id.as_str() => Ok(()),
        Some(_) => Err(WHY),
    }
}
fn assertion(o: &Object<'_>) -> Result<(), &'static str> {
    // It passes through browsers; whoever sees it there must not be able to authenticate with it.
    match o.claims.get("sub") {
        Some(sub) if sub == o.client().id.as_str() => Err("sub of the request object may not be the client_id"),
        _ => Ok(()),
    }
}
fn client_id(o: &Object<'_>) -> Result<(), &'static str> {
    match o.claims.get("client_id") {
        Some(id) if id == o.client().id.as_str() => Ok(()),
        None if !o.alone() => Ok(()),
        _ => Err("client_id of the request object must be the client's"),
    }
}
fn aud(o: &Object<'_>) -> Result<(), &'static str> {
    const WHY: &str = "aud of the request object must hold the issuer";
    match o.claims.get("aud") {
        None => o.missing(WHY),
        Some(Value::String(one)) if one == o.question.issuer => Ok(()),
        Some(Value::Array(list)) if list.iter().any(|aud| aud == o.question.issuer) => Ok(()),
        Some(_) => Err(WHY),
    }
}
fn times(o: &Object<'_>) -> Result<(), &'static str> {
    let (exp, nbf) = (o.date("exp")?, o.date("nbf")?);
    if exp.is_some_and(|exp| exp + LATE <= o.now) {
        return Err("the request object has expired");
    }
    if nbf.is_some_and(|nbf| nbf > o.now + AHEAD) {
        return Err("the request object is from the future");
    }
    let Some((exp, nbf)) = exp.zip(nbf) else { return o.missing("exp or nbf is missing in the request object") };
    if exp > nbf + LONGEST || nbf + LONGEST < o.now {
        return o.missing("the request object is valid for more than an hour, or older than that");
    }
    Ok(())
}
fn response_type(o: &Object<'_>) -> Result<(), &'static str> {
    let outside = (!o.alone()).then(|| o.question.params.get("response_type")).flatten();
    match (outside, o.claims.get("response_type")) {
        (Some(outside), Some(inside)) if inside != outside => {
            Err("response_type differs inside and outside the request object")
        }
        _ => Ok(()),
    }
}

/// The claims that belong to the JWT and are no parameters (RFC 7519 §4.1).
const OF_THE_JWT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
/// The parameters whose values are JSON; in an object they stand as they are, or as text.
const JSON: [&str; 3] = ["claims", "authorization_details", "registration"];
/// The parameters whose values are texts. In any other kind, what the client meant is passed over in silence.
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

/// Claims as parameters: texts as they are, numbers and truth values as they are written, JSON where a parameter is
/// JSON. Whatever else nobody knows is ignored, as an unknown parameter is.
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
