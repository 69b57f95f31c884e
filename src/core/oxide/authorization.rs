//! An authorization request (RFC 6749 §4.1.1) with its PKCE challenge (RFC 7636 §4.3).

use super::request::OxideRequest;
use super::{authorization_code, broken, scope_in, scope_out};
use crate::id::ClientId;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;
use oxide_auth::code_grant::authorization::{Authorization, Error, Input, Output};
use oxide_auth::code_grant::extensions::Pkce;
use oxide_auth::primitives::grant::Extensions;
use oxide_auth::primitives::registrar::{BoundClient, ClientUrl, PreGrant, Registrar, RegistrarError};
use oxide_auth::primitives::scope::Scope as OxideScope;
use std::borrow::Cow;

/// The requesting client, as far as [`negotiate`] needs it.
pub struct ClientContext<'a> {
    /// Its id.
    pub client_id: &'a ClientId,
    /// The scope it may request: its registered scope, as far as the server offers it.
    pub scope: &'a Scope,
    /// Whether a redirect_uri is registered for it, compared exactly (RFC 9700 §2.1).
    pub redirects_to: &'a dyn Fn(&str) -> bool,
    /// Whether it must use PKCE.
    pub pkce_required: bool,
}

/// An S256 code challenge: 43 base64url characters, the only form RFC 7636 §4.2 can produce.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Challenge(String);
impl Challenge {
    /// Parses one. The library would accept any text (quirk 2a).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (text.len() == 43 && clean).then(|| Self(text.to_owned()))
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl<'de> serde::Deserialize<'de> for Challenge {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an S256 challenge (RFC 7636 section 4.2)"))
    }
}

/// The result of an accepted request, before the customer is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The redirect_uri, exactly as requested.
    pub redirect_uri: String,
    /// The requested scope; never empty.
    pub scope: Scope,
    /// `state`, unchanged.
    pub state: Option<String>,
    /// The PKCE challenge the code will be bound to.
    pub challenge: Option<Challenge>,
}

/// The library's registrar, for one client that was loaded before.
struct Loaded<'a>(&'a ClientContext<'a>);
impl Registrar for Loaded<'_> {
    fn bound_redirect<'a>(&self, bound: ClientUrl<'a>) -> Result<BoundClient<'a>, RegistrarError> {
        let uri = bound.redirect_uri.ok_or(RegistrarError::Unspecified)?.into_owned();
        if bound.client_id != self.0.client_id.as_str() || !(self.0.redirects_to)(uri.as_str()) {
            return Err(RegistrarError::Unspecified);
        }
        // The exact URL: the library's own registrar would return a normalised one.
        Ok(BoundClient { client_id: bound.client_id, redirect_uri: Cow::Owned(uri.into()) })
    }
    fn negotiate(&self, bound: BoundClient<'_>, scope: Option<OxideScope>) -> Result<PreGrant, RegistrarError> {
        let asked = scope.ok_or(RegistrarError::Unspecified)?;
        let most = scope_in(self.0.scope).map_err(|_| RegistrarError::PrimitiveError)?;
        // An empty scope parses to a valid empty set (quirk 12), which is within every scope.
        if asked.iter().next().is_none() || !most.priviledged_to(&asked) {
            return Err(RegistrarError::Unspecified);
        }
        Ok(PreGrant {
            client_id: bound.client_id.into_owned(),
            redirect_uri: bound.redirect_uri.into_owned(),
            scope: asked,
        })
    }
    fn check(&self, client_id: &str, _passphrase: Option<&[u8]>) -> Result<(), RegistrarError> {
        if client_id == self.0.client_id.as_str() { Ok(()) } else { Err(RegistrarError::Unspecified) }
    }
}

/// Decides an authorization request.
///
/// # Errors
/// `invalid_request` (redirect_uri, response_type missing, PKCE), `unsupported_response_type`, `invalid_scope`.
/// The caller decides whether the refusal may be sent by redirect.
pub fn negotiate(params: &Params, asker: &ClientContext<'_>) -> Result<Negotiated, Refusal> {
    // The state machine would call a missing response_type unsupported (quirk 5).
    params.need("response_type")?;
    let redirect_uri = params.need("redirect_uri")?;
    let request = OxideRequest { params, client_id: asker.client_id.as_str(), redirect_uri: Some(redirect_uri) };
    let registrar = Loaded(asker);
    let mut machine = Authorization::new(&request);
    let mut output = machine.advance(Input::None);
    loop {
        output = match output {
            Output::Bind { client_id, redirect_uri } => {
                let url = ClientUrl { client_id: Cow::Owned(client_id), redirect_uri: redirect_uri.map(Cow::Owned) };
                let bound_client = registrar
                    .bound_redirect(url)
                    .map_err(|_| Refusal::invalid_request("redirect_uri is not registered for this client"))?;
                machine.advance(Input::Bound { request: &request, bound_client })
            }
            Output::Extend => machine.advance(Input::Extended(challenge(params, asker.pkce_required)?)),
            Output::Negotiate { bound_client, scope } => {
                let pre_grant = registrar.negotiate(bound_client.clone(), scope).map_err(|_| {
                    Refusal::new(ErrorCode::InvalidScope, "scope is missing or asks for more than this client may have")
                })?;
                machine.advance(Input::Negotiated { pre_grant, state: params.get("state").map(str::to_owned) })
            }
            Output::Ok { pre_grant, state, mut extensions } => {
                return Ok(Negotiated {
                    redirect_uri: pre_grant.redirect_uri.as_str().to_owned(),
                    scope: scope_out(&pre_grant.scope)?,
                    state,
                    challenge: agreed_challenge(&mut extensions)?,
                });
            }
            Output::Err(error) => return Err(refusal(error)),
        }
    }
}

/// Only S256. `plain` is refused, also as the default of a missing method. Returned in the library's form.
fn challenge(params: &Params, required: bool) -> Result<Extensions, Refusal> {
    let (method, text) = (params.get("code_challenge_method"), params.get("code_challenge"));
    if text.is_none() && method.is_some() {
        return Err(Refusal::invalid_request("code_challenge is missing"));
    }
    if text.is_some_and(|t| Challenge::parse(t).is_none()) {
        return Err(Refusal::invalid_request("code_challenge is not 43 base64url characters"));
    }
    let pkce = if required { Pkce::required() } else { Pkce::optional() };
    let value = pkce
        .challenge(method.map(Cow::Borrowed), text.map(Cow::Borrowed))
        .map_err(|()| Refusal::invalid_request("PKCE with code_challenge_method S256 is required"))?;
    let mut extensions = Extensions::new();
    if let Some(value) = value {
        extensions.set(&pkce, value);
    }
    Ok(extensions)
}
fn agreed_challenge(extensions: &mut Extensions) -> Result<Option<Challenge>, Refusal> {
    let Some(value) = extensions.remove(&Pkce::required()) else { return Ok(None) };
    let text = value.into_private_value().ok().flatten().ok_or_else(broken)?;
    // The library stores the method as the last character: `S` for S256.
    text.strip_suffix('S').and_then(Challenge::parse).map(Some).ok_or_else(broken)
}

fn refusal(error: Error) -> Refusal {
    match error {
        // Here client and redirect_uri are not bound yet: the redirect_uri is no URL.
        Error::Ignore => Refusal::invalid_request("redirect_uri is not a URL"),
        Error::Redirect(mut url) => match authorization_code(url.description().kind()) {
            code @ ErrorCode::UnsupportedResponseType => Refusal::new(code, "response_type must be code"),
            code @ ErrorCode::InvalidScope => Refusal::new(code, "scope holds a character it may not"),
            code => Refusal::new(code, "the authorization request was refused"),
        },
        Error::PrimitiveError => broken(),
    }
}
