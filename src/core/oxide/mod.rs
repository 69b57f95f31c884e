//! The decisions of RFC 6749, made by oxide-auth's `code_grant` state machines. They are called here as pure functions:
//! loaded data goes in, a decision or a [`Refusal`] comes out. No I/O, no clock, no randomness; the caller loads before
//! and stores afterwards, in one transaction (decisions 1 and 4).
//!
//! | function | decides | RFC |
//! |---|---|---|
//! | [`negotiate`] | client, redirect_uri, response_type, scope and challenge of an authorization request fit | 6749 §4.1.1, 7636 §4.4 |
//! | [`exchange`] | an authorization code may be turned into a token | 6749 §4.1.3, 7636 §4.6 |
//! | [`refresh`] | a refresh token may be used, and with which scope | 6749 §6 |
//!
//! Does not own a client's own token (`token::client_credentials`), the audience of an access token (decision 4),
//! client authentication (`client`), the rules of OpenID Connect, PAR and DPoP (`authorize`), or storage.
//!
//! The library has behaviour that we must avoid: it reads the machine's clock, calls an unknown code `invalid_request`,
//! compares redirect URIs as URLs. `quirks.rs` has a test for each, so that we notice a change in an upgrade. No other
//! folder uses the library.

mod authorization;
mod code;
mod refresh;
mod request;

#[cfg(test)]
mod quirks;
#[cfg(test)]
mod tests;

pub use authorization::{Challenge, ClientContext, Negotiated, negotiate};
pub use code::{Exchanged, LoadedCode, exchange};
pub use refresh::{RefreshToken, Refreshed, refresh};

use crate::clock::Instant;
use crate::id::ClientId;
use crate::refusal::{ErrorCode, Refusal};
use crate::thumbprint::Thumbprint;
use chrono::{DateTime, Utc};
use oxide_auth::code_grant::error::{AccessTokenErrorType, AuthorizationErrorType};

/// The caller of the token endpoint: the authenticated client and the key of its DPoP proof, if any.
#[derive(Debug, Clone, Copy)]
pub struct TokenCaller<'a> {
    /// The client that authenticated.
    pub client_id: &'a ClientId,
    /// RFC 7638 thumbprint of the key of its DPoP proof.
    pub jkt: Option<Thumbprint>,
}

/// `until` for the library: never expired. We check expiry with our own `now` before calling a machine, because the
/// library reads the real clock.
const ALIVE: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

/// Refuses what has expired by `now`.
fn alive(expires_at: Instant, now: Instant, code: ErrorCode, description: &'static str) -> Result<(), Refusal> {
    if now < expires_at { Ok(()) } else { Err(Refusal::new(code, description)) }
}

/// Our scope as the library's type.
fn scope_in(scope: &crate::scope::Scope) -> Result<oxide_auth::primitives::scope::Scope, Refusal> {
    scope.to_string().parse().map_err(|_| broken())
}
/// The library's scope as our type. The library uses a hash set, which prints in random order (quirk 12).
fn scope_out(scope: &oxide_auth::primitives::scope::Scope) -> Result<crate::scope::Scope, Refusal> {
    crate::scope::Scope::parse(&scope.to_string()).ok_or_else(broken)
}

/// The machine is in an impossible state: never the caller's fault.
fn broken() -> Refusal {
    Refusal::new(ErrorCode::ServerError, "the request could not be decided")
}

fn authorization_code(kind: AuthorizationErrorType) -> ErrorCode {
    match kind {
        AuthorizationErrorType::InvalidRequest => ErrorCode::InvalidRequest,
        AuthorizationErrorType::UnauthorizedClient => ErrorCode::UnauthorizedClient,
        AuthorizationErrorType::AccessDenied => ErrorCode::AccessDenied,
        AuthorizationErrorType::UnsupportedResponseType => ErrorCode::UnsupportedResponseType,
        AuthorizationErrorType::InvalidScope => ErrorCode::InvalidScope,
        AuthorizationErrorType::ServerError => ErrorCode::ServerError,
        AuthorizationErrorType::TemporarilyUnavailable => ErrorCode::TemporarilyUnavailable,
    }
}
fn token_code(kind: AccessTokenErrorType) -> ErrorCode {
    match kind {
        AccessTokenErrorType::InvalidRequest => ErrorCode::InvalidRequest,
        AccessTokenErrorType::InvalidClient => ErrorCode::InvalidClient,
        AccessTokenErrorType::InvalidGrant => ErrorCode::InvalidGrant,
        AccessTokenErrorType::UnauthorizedClient => ErrorCode::UnauthorizedClient,
        AccessTokenErrorType::UnsupportedGrantType => ErrorCode::UnsupportedGrantType,
        AccessTokenErrorType::InvalidScope => ErrorCode::InvalidScope,
    }
}
