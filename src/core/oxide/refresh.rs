//! The use of a refresh token (RFC 6749 §6).

use super::request::OxideRequest;
use super::{ALIVE, TokenCaller, alive, broken, scope_in, scope_out, token_code};
use crate::clock::Instant;
use crate::id::{ClientId, GrantId};
use crate::params::Params;
use crate::refusal::{self, Refusal};
use crate::scope::Scope;
use oxide_auth::code_grant::refresh::{Error, Input, Output, Refresh};
use oxide_auth::primitives::grant::{Extensions, Grant};
use std::borrow::Cow;

/// A loaded refresh token. The key of the caller's DPoP proof is not compared: a confidential client's refresh token is
/// bound to client authentication, not to a DPoP key (RFC 9449 §5).
#[derive(Debug, Clone, Copy)]
pub struct RefreshToken<'a> {
    /// The client it was issued to.
    pub client_id: &'a ClientId,
    /// The grant it belongs to.
    pub grant: &'a GrantId,
    /// The scope the customer agreed to; a narrowed access token does not narrow the next one.
    pub scope: &'a Scope,
    /// When it expires: with the grant.
    pub expires_at: Instant,
}

/// The refresh token may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// The grant the new token belongs to.
    pub grant: GrantId,
    /// The scope of the new token: the requested one, otherwise the whole.
    pub scope: Scope,
}

/// Decides a `refresh_token` request of the token endpoint. `token` is `None` if it is unknown.
///
/// # Errors
/// `invalid_grant` for a token that is unknown, expired or another client's; `invalid_scope` for a scope that is empty
/// or exceeds the granted one; `invalid_request` if a parameter is missing; `unsupported_grant_type`.
pub fn refresh(
    token: Option<&RefreshToken<'_>>,
    params: &Params,
    by: TokenCaller<'_>,
    now: Instant,
) -> Result<Refreshed, Refusal> {
    let asked = || params.get("scope").map(Cow::Borrowed);
    let request = OxideRequest { params, client_id: by.client_id.as_str(), redirect_uri: None };
    let mut machine = Refresh::new(&request);
    // `None` only here: a second `None` makes the machine lose its state (quirk 11).
    let mut output = machine.advance(Input::None);
    loop {
        output = match output {
            Output::Unauthenticated { .. } => machine.advance(Input::Authenticated { scope: asked() }),
            Output::RecoverRefresh { .. } => {
                if let Some(token) = token {
                    alive(token.expires_at, now, refusal::ErrorCode::InvalidGrant, UNKNOWN)?;
                }
                let grant = token.map(loaded).transpose()?.map(Box::new);
                machine.advance(Input::Recovered { scope: asked(), grant })
            }
            Output::Refresh { grant, .. } => {
                let scope = scope_out(&grant.scope)?;
                if scope.is_empty() {
                    return Err(Refusal::new(refusal::ErrorCode::InvalidScope, "scope is empty"));
                }
                return Ok(Refreshed { grant: GrantId::parse(&grant.owner_id).ok_or_else(broken)?, scope });
            }
            Output::Ok(_) => return Err(broken()),
            Output::Err(error) => return Err(refused(error)),
        }
    }
}

const UNKNOWN: &str = "the refresh token is unknown, expired or was issued to another client";

/// The token in the library's type.
fn loaded(token: &RefreshToken<'_>) -> Result<Grant, Refusal> {
    Ok(Grant {
        owner_id: token.grant.to_string(),
        client_id: token.client_id.to_string(),
        scope: scope_in(token.scope)?,
        // The machine does not read it here, but the type requires one.
        redirect_uri: "urn:renkei:none".parse().map_err(|_| broken())?,
        until: ALIVE,
        extensions: Extensions::new(),
    })
}

fn refused(error: Error) -> Refusal {
    let kind = match error {
        Error::Invalid(mut description) | Error::Unauthorized(mut description, _) => description.description().kind(),
        Error::Primitive => return broken(),
    };
    match token_code(kind) {
        code @ refusal::ErrorCode::InvalidGrant => Refusal::new(code, UNKNOWN),
        code @ refusal::ErrorCode::InvalidScope => Refusal::new(code, "scope asks for more than was granted"),
        code @ refusal::ErrorCode::UnsupportedGrantType => Refusal::new(code, "this grant_type is not supported"),
        code => Refusal::new(code, "the token request is malformed"),
    }
}
