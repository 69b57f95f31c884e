//! The reach of an access token at a resource of our own: userinfo, grant management (RFC 6750 §3.1).

use super::request::FixedBearer;
use super::{ALIVE, alive, broken, scope_in};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::refusal::{ErrorCode as Code, Refusal};
use crate::scope::Scope;
use oxide_auth::code_grant::resource::{Error, ErrorCode, Input, Output, Resource};
use oxide_auth::primitives::grant::{Extensions, Grant};

/// An access token as it was loaded, its key binding checked.
#[derive(Debug, Clone, Copy)]
pub struct AccessToken<'a> {
    /// The client it was issued to.
    pub client_id: &'a ClientId,
    /// Its scope.
    pub scope: &'a Scope,
    /// When it ends.
    pub expires_at: Instant,
}

/// Decides whether a token opens a resource that asks for all of `needs`. `token` is `None` for one that is unknown or
/// revoked.
///
/// # Errors
/// `invalid_token`, `insufficient_scope`.
pub fn permit(token: Option<&AccessToken<'_>>, needs: &Scope, now: Instant) -> Result<(), Refusal> {
    const DEAD: &str = "the access token is unknown, expired or revoked";
    // The machine would call an unknown token invalid_request (quirk 3).
    let token = token.ok_or(Refusal::new(Code::InvalidToken, DEAD))?;
    alive(token.expires_at, now, Code::InvalidToken, DEAD)?;
    let scopes = [scope_in(needs)?];
    let mut machine = Resource::new();
    let mut output = machine.advance(Input::None);
    loop {
        output = match output {
            Output::GetRequest => machine.advance(Input::Request { request: &FixedBearer }),
            Output::DetermineScopes => machine.advance(Input::Scopes(&scopes)),
            Output::Recover { .. } => machine.advance(Input::Recovered(Some(loaded(token)?))),
            Output::Ok(_) => return Ok(()),
            Output::Err(Error::AccessDenied { failure, .. }) => {
                return Err(match failure.code {
                    Some(ErrorCode::InsufficientScope) => {
                        Refusal::new(Code::InsufficientScope, "the access token does not reach this far")
                    }
                    _ => Refusal::new(Code::InvalidToken, DEAD),
                });
            }
            Output::Err(_) => return Err(broken()),
        }
    }
}

/// The token in the library's words.
fn loaded(token: &AccessToken<'_>) -> Result<Grant, Refusal> {
    Ok(Grant {
        owner_id: String::new(),
        client_id: token.client_id.to_string(),
        scope: scope_in(token.scope)?,
        // The machine never reads it here, the type wants one.
        redirect_uri: "urn:renkei:none".parse().map_err(|_| broken())?,
        until: ALIVE,
        extensions: Extensions::new(),
    })
}
