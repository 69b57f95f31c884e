//! Step 5, tokens: issuing, introspection and revocation.
//!
//! Owns access tokens (opaque, RFC 6749 §1.4), refresh tokens (§1.5, not rotated: FAPI 2.0 Security Profile
//! §5.3.2.1), the token response, the id_token (OpenID Connect Core §2), introspection (RFC 7662), revocation (RFC
//! 7009) and userinfo (OpenID Connect Core §5.3). A token is valid while its grant is, its client is active and it
//! has not expired; its row is changed only if it is revoked alone.
//!
//! | verb | RFC |
//! |---|---|
//! | [`exchange`] a code | 6749 §4.1.3, 7636, 9449 §10 |
//! | [`refresh`] | 6749 §6 |
//! | [`client_credentials`](client_credentials::issue) | 6749 §4.4 |
//! | [`introspect`](introspect::introspect) | 7662 |
//! | [`revoke`](revoke::revoke) | 7009 |
//! | [`unanswered`](unanswered::undo): what was issued and never delivered is taken back | |

mod binding;
mod change;
pub mod client_credentials;
mod exchange;
pub mod find;
pub mod id_token;
pub mod introspect;
mod recent;
pub mod revoke;
pub mod sql;
#[cfg(test)]
mod tests;
pub mod unanswered;

pub use binding::{NO_CERTIFICATE, ProofOfPossession, TokenBinding, token_type};
pub use exchange::{TokenRequest, exchange, refresh};
pub use introspect::{Introspection, Live};
pub use recent::{RecentTokens, TokenAndCaller};
pub use sql::Access;

use crate::authorize::Details;
use crate::clock::Instant;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::random::Random;
use crate::scope::Scope;
use crate::secret::{self, Hash, Secret, SecretKind};
use std::time::Duration;

/// Values for one token response, drawn before the transaction, so that a repeated transaction uses the same ones.
#[derive(Debug, Clone)]
pub struct Minted {
    /// The access token; shown only once.
    pub access: Secret,
    /// Its public id.
    pub access_id: TokenId,
    /// A refresh token, issued only if [`Issued::refresh`] says so.
    pub refresh: Secret,
    /// Its public id.
    pub refresh_id: TokenId,
}
impl Minted {
    /// Draws new values, for tokens that are issued at `now`.
    #[must_use]
    pub fn draw(now: Instant, random: &dyn Random) -> Self {
        Self {
            access: secret::issue(SecretKind::Access, random),
            access_id: TokenId::new(now, random),
            refresh: secret::issue(SecretKind::Refresh, random),
            refresh_id: TokenId::new(now, random),
        }
    }
}

/// What was recorded: everything a token response needs, except the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The grant the tokens belong to; none when the token is the client's own.
    pub grant: Option<Grant>,
    /// The scope of the access token.
    pub scope: Scope,
    /// The part of the grant's details it covers, if that is not all.
    pub details: Option<Details>,
    /// What it is bound to.
    pub binding: Option<TokenBinding>,
    /// When it was issued.
    pub at: Instant,
    /// When it expires: a whole second, never after its grant.
    pub expires_at: Instant,
    /// Whether a refresh token is issued with it.
    pub refresh: bool,
    /// The refresh token that the request used. It does not change, and the answer repeats it: many client libraries
    /// keep what the last answer holds, and would lose it otherwise.
    pub used: Option<Secret>,
    /// The nonce for the id_token.
    pub nonce: Option<String>,
}

impl Issued {
    /// The token response (RFC 6749 §5.1, RFC 9396 §7; requirements.md#token-response). `id_token` is present if
    /// `openid` was granted.
    #[must_use]
    pub fn response(&self, minted: &Minted, id_token: Option<String>) -> serde_json::Value {
        let mut body = serde_json::json!({
            "access_token": minted.access.reveal(),
            "token_type": token_type(self.binding.as_ref()),
            "expires_in": self.expires_at.secs() - self.at.secs(),
            "scope": self.scope,
        });
        if let Some(grant) = &self.grant {
            body["grant_id"] = grant.id.as_str().into();
            body["grant_expires_at"] = grant.expires_at.secs().into();
            if let Some(details) = self.details.as_ref().unwrap_or(&grant.details).to_response() {
                body["authorization_details"] = details;
            }
        }
        let refresh = if self.refresh { Some(&minted.refresh) } else { self.used.as_ref() };
        if let Some(refresh) = refresh {
            body["refresh_token"] = refresh.reveal().into();
        }
        if let Some(token) = id_token {
            body["id_token"] = token.into();
        }
        body
    }
}

/// When an access token expires: after `lifetime`, and never after its grant. It is a whole second, so that
/// introspection says inactive from the second in `exp` on (RFC 7662 §2.2, RFC 7519 §4.1.4). A lifetime is at least a
/// second, so the token of a valid grant expires after `now`.
fn expiry(lifetime: Duration, grant: Option<Instant>, now: Instant) -> Instant {
    let own = (now + lifetime).floor_second();
    grant.map_or(own, |end| own.min(end.floor_second()))
}

/// The stored form of a presented access token; `None` if it cannot be one.
#[must_use]
pub fn access(text: &str) -> Option<Hash> {
    secret::presented(SecretKind::Access, text)
}
