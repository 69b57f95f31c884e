//! The rules an authorization request must satisfy, as two ordered lists. They are the same for a pushed request and for one
//! in a browser's query; a rule for one of the two is in the list too. `BEFORE_OPENING` judges the request as it came. Then
//! the request object is verified, by the rules of [`super::object`]. `AFTER_OPENING` judges what is asked: with a request
//! object, that is what the client signed.
//!
//! After the lists, [`oxide::negotiate`] decides redirect_uri, response_type, scope and PKCE.

use super::{AuthorizationRequest, Demands, Details, GrantAction, Hint, Prompt, ResponseMode};
use crate::client::{Client, GrantType, Profile, redirect_match};
use crate::keys::Ring;
use crate::oxide::{self, ClientContext};
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::{CUSTOMERS, GRANT_MANAGEMENT, Scope};
use crate::thumbprint::Thumbprint;
use url::form_urlencoded::byte_serialize;

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestSource {
    /// `POST /oauth/par`, by the authenticated client. A DPoP proof may have come with it (RFC 9449 §10.1).
    Pushed {
        /// RFC 7638 thumbprint of the proof's key.
        proof_jkt: Option<Thumbprint>,
    },
    /// The query of `/oauth/authorize`, from a browser: the client is not authenticated.
    Browser,
}

/// An authorization request that is not checked yet.
#[derive(Debug, Clone, Copy)]
pub struct RequestInput<'a> {
    /// Its parameters, as they came.
    pub params: &'a Params,
    /// The parameters of its request object, which count instead, if it came with one.
    pub signed: Option<&'a Params>,
    /// The client: authenticated at PAR, only named at `/oauth/authorize`.
    pub client: &'a Client,
    /// Where it came from.
    pub source: RequestSource,
    /// The `acr` of this server's checks (OpenID Connect Core §2).
    pub acr: &'a str,
    /// The audience of a token whose request named none; a request may also name it explicitly.
    pub default_audience: &'a str,
    /// Our issuer, which an `id_token_hint` must contain.
    pub issuer: &'a str,
    /// Our keys; one of them must have signed an `id_token_hint`.
    pub keys: &'a Ring,
}
impl<'a> RequestInput<'a> {
    /// The parameters that count.
    fn asked(&self) -> &'a Params {
        self.signed.unwrap_or(self.params)
    }
    fn get(&self, name: &str) -> Option<&'a str> {
        self.asked().get(name)
    }
    fn words(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get(name).unwrap_or_default().split(' ').filter(|w| !w.is_empty())
    }
}

/// A rule for the parameters as they came: the demand, its source, and the check.
type RequestRule = (&'static str, fn(&RequestInput<'_>) -> Result<(), Refusal>);
/// A rule for the parameters that count. A check that parses a value stores it in [`Values`] for the later ones.
type ValueRule = (&'static str, fn(&RequestInput<'_>, &mut Values) -> Result<(), Refusal>);

/// The values that the checks have parsed; each parameter is parsed once.
#[derive(Default)]
struct Values {
    dpop_jkt: Option<Thumbprint>,
    response_mode: ResponseMode,
    prompt: Vec<Prompt>,
    max_age: Option<u64>,
    claims: Demands,
    grant_action: Option<GrantAction>,
    /// The detail, and the scope that agrees with it.
    detail: Option<(Details, Scope)>,
}

/// The rules before a request object is verified, in order.
const BEFORE_OPENING: [RequestRule; 6] = [
    ("a client_id is the client's own (RFC 9126 2.1)", client_id),
    ("the client may use the code flow (RFC 6749 4.1.2.1)", code_flow),
    ("a client that must push, pushes (RFC 9126 6; FAPI 2.0 5.3.2.2)", pushed),
    ("nothing pushed refers to something pushed (RFC 9126 2.1)", request_uri),
    ("a client that must sign, signs (FAPI 2.0 Message Signing 5.3.2)", signed),
    ("by value only from who registered for it (OpenID Connect Core 6.1)", by_value),
];
/// The rules after a request object is verified, in order.
const AFTER_OPENING: [ValueRule; 13] = [
    ("a request object is opened before its request is judged (RFC 9101 6)", object_verified),
    ("a known response_mode (OAuth 2.0 Multiple Response Types 2.1, JARM 2.3)", response_mode),
    ("state and nonce of a size that can be carried", lengths),
    ("known prompts, and none alone (OpenID Connect Core 3.1.2.1)", prompt),
    ("max_age is a number of seconds (OpenID Connect Core 3.1.2.1)", max_age),
    ("claims are read to the letter where they matter (OpenID Connect Core 5.5)", claims),
    ("a demanded acr is one that is given (OpenID Connect Core 5.5.1.1, RFC 9470 5)", acr),
    ("nobody registers by a request (OpenID Connect Core 7.2.1)", registration),
    ("dpop_jkt is a thumbprint (RFC 9449 10)", dpop_jkt),
    ("dpop_jkt is the key of the proof (RFC 9449 10.1)", proof_key),
    ("only resources the client may ask for (RFC 8707 2)", resource),
    ("a grant action and its grant come together (Grant Management for OAuth 2.0 5)", grant_action),
    ("authorization_details are one account_information within the scope (RFC 9396 2, 3.1, 5)", authorization_details),
];

/// The request object of a request, for [`super::object::open`]; `None` if there is none.
///
/// # Errors
/// The first rule of `BEFORE_OPENING` that is broken.
pub fn admit<'a>(input: &RequestInput<'a>) -> Result<Option<&'a str>, Refusal> {
    for (_, rule) in BEFORE_OPENING {
        rule(input)?;
    }
    Ok(input.params.get("request"))
}

/// Checks a request against every rule.
///
/// # Errors
/// The first rule that is broken, or oxide-auth's refusal.
pub fn check(input: &RequestInput<'_>) -> Result<AuthorizationRequest, Refusal> {
    admit(input)?;
    let mut values = Values::default();
    for (_, rule) in AFTER_OPENING {
        rule(input, &mut values)?;
    }
    let (client, known) = (input.client, catalogue());
    let (detail, scope) = values.detail.unzip();
    let mut params = input.asked().clone();
    if let Some(scope) = scope.or_else(|| supported_scope(&params, client)) {
        params.set("scope", &scope.to_string());
    }
    let params = &params;
    let agreed = oxide::negotiate(
        params,
        &ClientContext {
            client_id: &client.id,
            scope: &client.scope.only(|token| known.has(token)),
            redirects_to: &|uri| redirect_match(client, uri),
            pkce_required: client.require_pkce,
        },
    )?;
    if !agreed.scope.iter().any(|token| CUSTOMERS.contains(&token)) {
        return Err(Refusal::new(ErrorCode::InvalidScope, "the scope asks nothing of a customer"));
    }
    let words = |name: &'static str, known: &dyn Fn(&str) -> bool| {
        let mut words: Vec<String> = Vec::new();
        for word in input.words(name).filter(|w| known(w)) {
            if words.len() < MAX_WORDS && words.iter().all(|w| w != word) {
                words.push(word.to_owned());
            }
        }
        words
    };
    let proof_jkt = match input.source {
        RequestSource::Pushed { proof_jkt } => proof_jkt,
        RequestSource::Browser => None,
    };
    let request = AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: agreed.redirect_uri,
        response_mode: values.response_mode,
        state: agreed.state,
        nonce: params.get("nonce").map(str::to_owned),
        scope: agreed.scope,
        code_challenge: agreed.challenge,
        dpop_jkt: values.dpop_jkt.or(proof_jkt),
        resource: different(params.each("resource")),
        authorization_details: detail,
        ui_locales: words("ui_locales", &is_language_tag),
        prompt: values.prompt,
        max_age: values.max_age.or(client.default_max_age),
        // Any other value has no effect (OpenID Connect Core §3.1.2.1).
        acr_values: words("acr_values", &|acr| acr == input.acr),
        hint: params.get("id_token_hint").map(|text| Hint::parse(text, &client.id, input.issuer, input.keys)),
        claims: values.claims,
        grant_action: values.grant_action,
    };
    // Escapes make text longer, so the stored form is measured.
    match serde_json::to_vec(&request) {
        Ok(text) if text.len() <= MAX_STORED => Ok(request),
        _ => Err(Refusal::invalid_request("the request is too long")),
    }
}

/// The values of a repeatable parameter, without duplicates.
fn different(values: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// Drops scopes we ignore: `offline_access` of clients without refresh tokens (OpenID Connect Core §11), and, in OpenID
/// requests of `oidc` clients, unknown scopes such as `profile` or `email` (§3.1.2.1). The token response lists what was
/// granted.
fn supported_scope(params: &Params, client: &Client) -> Option<Scope> {
    let (scope, known) = (params.get("scope").and_then(Scope::parse)?, catalogue());
    let lenient = client.profile == Profile::Oidc && scope.has("openid");
    Some(scope.only(|token| {
        let vain = token == OFFLINE && !client.refresh_tokens;
        !vain && (known.has(token) || !lenient)
    }))
}

fn client_id(q: &RequestInput<'_>) -> Result<(), Refusal> {
    match q.params.get("client_id") {
        Some(id) if id != q.client.id.as_str() => {
            Err(Refusal::new(ErrorCode::InvalidClient, "client_id is not the authenticated client"))
        }
        _ => Ok(()),
    }
}
fn code_flow(q: &RequestInput<'_>) -> Result<(), Refusal> {
    if q.client.is_app() && q.client.may(GrantType::AuthorizationCode) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::UnauthorizedClient, "this client may not ask for an authorization code"))
}
fn pushed(q: &RequestInput<'_>) -> Result<(), Refusal> {
    if q.client.require_par && q.source == RequestSource::Browser {
        return Err(Refusal::invalid_request("this client must push its request to the PAR endpoint"));
    }
    Ok(())
}
fn request_uri(q: &RequestInput<'_>) -> Result<(), Refusal> {
    // At `/oauth/authorize` a request_uri is looked up and its parameters are all that counts: it never comes here.
    if q.params.get("request_uri").is_some() {
        return Err(Refusal::invalid_request("request_uri may not be used here"));
    }
    Ok(())
}
fn signed(q: &RequestInput<'_>) -> Result<(), Refusal> {
    if q.client.require_signed_request && q.params.get("request").is_none() {
        return Err(Refusal::invalid_request("this client must send a signed request object"));
    }
    Ok(())
}
fn by_value(q: &RequestInput<'_>) -> Result<(), Refusal> {
    let registered = q.client.request_object_alg.is_some() || q.client.require_signed_request;
    if q.params.get("request").is_some() && q.source == RequestSource::Browser && !registered {
        return Err(Refusal::new(
            ErrorCode::RequestNotSupported,
            "this client registered no request_object_signing_alg",
        ));
    }
    Ok(())
}
fn object_verified(q: &RequestInput<'_>, _: &mut Values) -> Result<(), Refusal> {
    if q.params.get("request").is_some() && q.signed.is_none() {
        return Err(Refusal::new(ErrorCode::InvalidRequestObject, "the request object was not opened"));
    }
    Ok(())
}
fn response_mode(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    const UNKNOWN: Refusal =
        Refusal::invalid_request("response_mode must be query, form_post, jwt, query.jwt or form_post.jwt");
    if let Some(text) = q.get("response_mode") {
        values.response_mode = ResponseMode::parse(text).ok_or(UNKNOWN)?;
    }
    Ok(())
}
fn lengths(q: &RequestInput<'_>, _: &mut Values) -> Result<(), Refusal> {
    for (name, refusal) in [("state", "state is too long"), ("nonce", "nonce is too long")] {
        if q.get(name).is_some_and(|v| !travels(v)) {
            return Err(Refusal::invalid_request(refusal));
        }
    }
    Ok(())
}
fn prompt(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    for word in q.words("prompt") {
        let prompt = Prompt::parse(word).ok_or(Refusal::invalid_request("prompt holds an unknown value"))?;
        if !values.prompt.contains(&prompt) {
            values.prompt.push(prompt);
        }
    }
    if values.prompt.len() > 1 && values.prompt.contains(&Prompt::None) {
        return Err(Refusal::invalid_request("prompt=none allows no other value"));
    }
    Ok(())
}
fn max_age(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    if let Some(text) = q.get("max_age") {
        values.max_age = Some(seconds(text).ok_or(Refusal::invalid_request("max_age is not a number of seconds"))?);
    }
    Ok(())
}
fn claims(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    if let Some(text) = q.get("claims") {
        values.claims = Demands::parse(text)?;
    }
    Ok(())
}
/// Runs after [`claims`], because it checks the value parsed there.
fn acr(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    const UNMET: Refusal = Refusal::new(
        ErrorCode::UnmetAuthenticationRequirements,
        "customers are not authenticated in the way the request demands",
    );
    // A voluntary acr is a wish, and `acr_values` is one in OpenID Connect (Core §3.1.2.1). Under FAPI 2.0 a step-up that names
    // only classes we do not have must fail (RFC 9470 §5), and so must an essential acr.
    let mut named = q.words("acr_values").peekable();
    let in_vain = q.client.profile.is_fapi() && named.peek().is_some() && named.all(|acr| acr != q.acr);
    if values.claims.allow_acr(q.acr) && !in_vain { Ok(()) } else { Err(UNMET) }
}
fn registration(q: &RequestInput<'_>, _: &mut Values) -> Result<(), Refusal> {
    if q.get("registration").is_some() {
        return Err(Refusal::new(ErrorCode::RegistrationNotSupported, "clients are registered beforehand"));
    }
    Ok(())
}
fn dpop_jkt(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    // Without this, the customer would pass every screen for a code that no token request can redeem.
    if q.client.certificate_bound && q.get("dpop_jkt").is_some() {
        return Err(Refusal::invalid_request("the tokens of this client are bound to its certificate, not to a key"));
    }
    if let Some(text) = q.get("dpop_jkt") {
        let jkt = Thumbprint::parse(text).ok_or(Refusal::invalid_request("dpop_jkt is not a SHA-256 thumbprint"))?;
        values.dpop_jkt = Some(jkt);
    }
    Ok(())
}
fn proof_key(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    match (values.dpop_jkt, q.source) {
        (Some(asked), RequestSource::Pushed { proof_jkt: Some(proved) }) if asked != proved => {
            Err(Refusal::invalid_request("dpop_jkt is not the key of the DPoP proof"))
        }
        _ => Ok(()),
    }
}
fn resource(q: &RequestInput<'_>, _: &mut Values) -> Result<(), Refusal> {
    let may_ask = |r: &str| r == q.default_audience || q.client.resources.iter().any(|known| known == r);
    if q.asked().all("resource").all(may_ask) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::InvalidTarget, "resource is not one this client may ask for"))
}
fn grant_action(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    values.grant_action = GrantAction::parse(q.asked())?;
    Ok(())
}
fn authorization_details(q: &RequestInput<'_>, values: &mut Values) -> Result<(), Refusal> {
    let Some(text) = q.get("authorization_details") else { return Ok(()) };
    let scope = match q.get("scope") {
        Some(_) => supported_scope(q.asked(), q.client),
        None => Some(Scope::default()),
    };
    // An invalid scope is refused as a scope.
    if let Some(scope) = scope {
        values.detail = Some(Details::asked(text, q.client, &scope)?);
    }
    Ok(())
}

/// The scope that asks for a refresh token (OpenID Connect Core §11).
pub const OFFLINE: &str = "offline_access";
/// Every scope that can be requested (requirements.md#scopes).
#[must_use]
pub fn catalogue() -> Scope {
    Scope::of_customers().and(&Scope::of(GRANT_MANAGEMENT))
}
/// The longest `state` and `nonce`, percent-encoded. Proxies must pass on the request, and the response with `state`.
pub const MAX_LENGTH: usize = 2048;
/// The largest stored request in bytes: anybody may make us store one.
pub const MAX_STORED: usize = 8 * 1024;
/// How many words of a list are kept.
const MAX_WORDS: usize = 16;

pub(super) fn travels(value: &str) -> bool {
    byte_serialize(value.as_bytes()).map(str::len).sum::<usize>() <= MAX_LENGTH
}
fn seconds(text: &str) -> Option<u64> {
    // `parse` alone would accept a sign.
    Some(text).filter(|t| t.len() <= 10 && t.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}
fn is_language_tag(text: &str) -> bool {
    text.len() <= 35 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The names of all rules, in order.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    BEFORE_OPENING.iter().map(|(name, _)| *name).chain(AFTER_OPENING.iter().map(|(name, _)| *name)).collect()
}
