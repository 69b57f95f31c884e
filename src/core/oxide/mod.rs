//! RFC 6749's decisions, taken by oxide-auth's `code_grant` state machines, driven here as pure functions: what is
//! loaded goes in, a decision or a [`Refusal`] comes out. No I/O, no clock, no randomness; the caller loads
//! before and records after, inside one transaction (decisions 1 and 4).
//!
//! | function | decides | RFC |
//! |---|---|---|
//! | [`negotiate`] | client, redirect_uri, response_type, scope and challenge of an authorization request fit | 6749 §4.1.1, 7636 §4.4 |
//! | [`exchange`] | an authorization code may be turned into a token | 6749 §4.1.3, 7636 §4.6 |
//! | [`refresh`] | a refresh token may be used, and with which scope | 6749 §6 |
//!
//! Not here: a client's own token (`token::client_credentials`) and the reach of an access token (decision 4), who the
//! client is (`client`), what OpenID Connect, PAR and DPoP add (`authorize`), what is stored.
//!
//! The library has ways of its own that we must step around: it reads the machine's clock, calls an unknown code
//! `invalid_request`, compares redirect URIs as URLs. `quirks.rs` pins each of them by a test, so that an upgrade
//! tells us; nothing of the library is seen outside this folder.

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

/// The caller of the token endpoint: the authenticated client and the key its DPoP proof was made with, if any.
#[derive(Debug, Clone, Copy)]
pub struct TokenCaller<'a> {
    /// The client that authenticated.
    pub client_id: &'a ClientId,
    /// RFC 7638 thumbprint of the key of its DPoP proof.
    pub jkt: Option<Thumbprint>,
}

/// `until` of what the library is to think alive. Expiry is judged by our own `now` before a machine is asked, because
/// the library reads the real clock; whatever reaches it has not expired.
const ALIVE: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

/// Refuses what has expired by our clock.
fn alive(expires_at: Instant, now: Instant, code: ErrorCode, description: &'static str) -> Result<(), Refusal> {
    if now < expires_at { Ok(()) } else { Err(Refusal::new(code, description)) }
}

/// Our scope in the library's words.
fn scope_in(scope: &crate::scope::Scope) -> Result<oxide_auth::primitives::scope::Scope, Refusal> {
    scope.to_string().parse().map_err(|_| broken())
}
/// The library's scope in ours: its own is a hash set and prints in random order (quirk 12).
fn scope_out(scope: &oxide_auth::primitives::scope::Scope) -> Result<crate::scope::Scope, Refusal> {
    crate::scope::Scope::parse(&scope.to_string()).ok_or_else(broken)
}

/// The machine stands where it cannot: never seen, and never the caller's fault.
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
