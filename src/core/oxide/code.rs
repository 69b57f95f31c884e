//! The exchange of an authorization code (RFC 6749 §4.1.3) with its PKCE verifier (RFC 7636 §4.5).

use super::request::OxideRequest;
use super::{ALIVE, Challenge, TokenCaller, alive, broken, scope_in, scope_out, token_code};
use crate::clock::Instant;
use crate::id::{ClientId, GrantId};
use crate::params::Params;
use crate::refusal::{self, Refusal};
use crate::scope::Scope;
use crate::thumbprint::Thumbprint;
use oxide_auth::code_grant::accesstoken::{AccessToken, Error, Input, Output};
use oxide_auth::code_grant::extensions::Pkce;
use oxide_auth::primitives::grant::{Extensions, Grant};
use std::borrow::Cow;

/// A loaded code. `grant::code::redeem` has already refused one that is used, expired or another client's; the expiry is
/// checked here a second time so that this function is safe alone.
#[derive(Debug, Clone, Copy)]
pub struct LoadedCode<'a> {
    /// The client it was issued to.
    pub client_id: &'a ClientId,
    /// Its grant.
    pub grant: &'a GrantId,
    /// The redirect_uri of the authorization request, exactly.
    pub redirect_uri: &'a str,
    /// The scope the customer agreed to.
    pub scope: &'a Scope,
    /// The PKCE challenge it is bound to, if any.
    pub challenge: Option<&'a Challenge>,
    /// The DPoP key it is bound to, if any (RFC 9449 §10).
    pub dpop_jkt: Option<Thumbprint>,
    /// When it ends.
    pub expires_at: Instant,
}

/// The code may be exchanged for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The grant the token belongs to.
    pub grant: GrantId,
    /// The scope of the token.
    pub scope: Scope,
}

/// Decides an `authorization_code` request of the token endpoint. `code` is `None` if it is unknown.
///
/// # Errors
/// `invalid_grant` for a code that is unknown, expired, another client's, or bound to another redirect_uri, verifier or
/// key; `invalid_request` if a parameter is missing; `unsupported_grant_type`.
pub fn exchange(
    code: Option<&LoadedCode<'_>>,
    params: &Params,
    by: TokenCaller<'_>,
    now: Instant,
) -> Result<Exchanged, Refusal> {
    params.need("code")?;
    // The state machine would call an unknown code invalid_request (quirk 1).
    let code = code.ok_or_else(|| invalid("the code is unknown, expired or was issued to another client"))?;
    let request = OxideRequest { params, client_id: by.client_id.as_str(), redirect_uri: Some(code.redirect_uri) };
    let mut grant = Some(loaded(code)?);
    let mut machine = AccessToken::new(&request);
    let mut output = machine.advance(Input::None);
    loop {
        output = match output {
            // The client was authenticated before; the machine only compares it with the code's.
            Output::Authenticate { .. } => machine.advance(Input::Authenticated),
            Output::Recover { .. } => {
                alive(code.expires_at, now, refusal::ErrorCode::InvalidGrant, UNKNOWN)?;
                machine.advance(Input::Recovered(grant.take().map(Box::new)))
            }
            Output::Extend { extensions } => {
                // Checked only after the machine has found that the code belongs to this client, so that no other
                // client learns what it is bound to.
                redirect_uri(code, params)?;
                if code.dpop_jkt.is_some() && code.dpop_jkt != by.jkt {
                    return Err(invalid("the code is bound to another DPoP key"));
                }
                let access_extensions = verify(std::mem::take(extensions), params)?;
                machine.advance(Input::Extended { access_extensions })
            }
            Output::Issue { grant } => {
                // The token is not issued here; the scope and grant that the machine would issue are the decision.
                return Ok(Exchanged {
                    grant: GrantId::parse(&grant.owner_id).ok_or_else(broken)?,
                    scope: scope_out(&grant.scope)?,
                });
            }
            Output::Ok(_) => return Err(broken()),
            Output::Err(error) => return Err(refused(&mut { *error })),
        }
    }
}

const UNKNOWN: &str = "the code is unknown, expired or was issued to another client";

/// The code in the library's type.
fn loaded(code: &LoadedCode<'_>) -> Result<Grant, Refusal> {
    let pkce = Pkce::required();
    let mut extensions = Extensions::new();
    if let Some(challenge) = code.challenge {
        let (method, text) = (Some(Cow::Borrowed("S256")), Some(Cow::Borrowed(challenge.as_str())));
        if let Some(value) = pkce.challenge(method, text).map_err(|()| broken())? {
            extensions.set(&pkce, value);
        }
    }
    Ok(Grant {
        owner_id: code.grant.to_string(),
        client_id: code.client_id.to_string(),
        scope: scope_in(code.scope)?,
        redirect_uri: code.redirect_uri.parse().map_err(|_| broken())?,
        until: ALIVE,
        extensions,
    })
}

/// RFC 6749 §4.1.3: identical to the one of the authorization request. With PKCE it may be left out (OAuth 2.1 §4.1.3
/// removed it); without PKCE it is the only binding to the request.
fn redirect_uri(code: &LoadedCode<'_>, params: &Params) -> Result<(), Refusal> {
    match params.get("redirect_uri") {
        Some(sent) if sent == code.redirect_uri => Ok(()),
        Some(_) => Err(invalid("redirect_uri is not the one of the authorization request")),
        None if code.challenge.is_some() => Ok(()),
        None => Err(Refusal::invalid_request("redirect_uri is missing")),
    }
}

/// RFC 7636 §4.6, and RFC 9700 §2.1.1: a verifier for a code without a challenge is a downgrade attack.
fn verify(mut extensions: Extensions, params: &Params) -> Result<Extensions, Refusal> {
    let pkce = Pkce::required();
    let (bound, verifier) = (extensions.remove(&pkce), params.get("code_verifier"));
    match (bound, verifier) {
        (None, None) => Ok(extensions),
        (None, Some(_)) => Err(invalid("code_verifier was sent, but the request had no code_challenge")),
        (Some(_), None) => Err(invalid("code_verifier is missing")),
        // The library would accept a verifier of one character (quirk 2a).
        (Some(_), Some(v)) if !unreserved_43_to_128(v) => Err(invalid("code_verifier does not fit")),
        (bound, Some(v)) => match pkce.verify(bound, Some(Cow::Borrowed(v))) {
            Ok(()) => Ok(extensions),
            Err(()) => Err(invalid("code_verifier does not fit")),
        },
    }
}
fn unreserved_43_to_128(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

fn invalid(description: &'static str) -> Refusal {
    Refusal::new(refusal::ErrorCode::InvalidGrant, description)
}
fn refused(error: &mut Error) -> Refusal {
    let kind = match error {
        Error::Invalid(description) => description.description().kind(),
        Error::Unauthorized(description, _) => description.description().kind(),
        Error::Primitive(_) => return broken(),
    };
    match token_code(kind) {
        code @ refusal::ErrorCode::InvalidGrant => Refusal::new(code, UNKNOWN),
        code @ refusal::ErrorCode::UnsupportedGrantType => Refusal::new(code, "this grant_type is not supported"),
        code => Refusal::new(code, "the token request is malformed"),
    }
}
