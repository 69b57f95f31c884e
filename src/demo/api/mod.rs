//! The sample account API: a resource server as the institution would run one beside its core bank.
//!
//! It owns no customer data and no decision about grants. Each call is checked by introspection (RFC 7662) over the
//! wire, the token's binding by a DPoP proof (RFC 9449 §7), the certificate of the connection (RFC 8705 §3) or neither
//! (RFC 6750), the grant's accounts by its `authorization_details` (RFC 9396). What it answers comes from the core bank,
//! over HTTP.

mod access;
mod bank;
mod challenge;
mod nonce;
mod proof;
mod web;

#[cfg(test)]
mod tests;

use crate::crypto::{Random, Secret, bytes};
use crate::listener::{Listener, Running};
use crate::time::Clock;
use chrono::{DateTime, Utc};
use std::io;
use std::sync::Arc;

/// The institution's service hours: when it opens again, if it is closed at that moment.
pub type Closed = Arc<dyn Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync>;

/// Whom the API asks, and as whom.
#[derive(Clone)]
pub struct ApiSettings {
    /// The authorization server.
    pub issuer: String,
    /// The resource server's id there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The audience its tokens must name.
    pub audience: String,
    /// The core bank.
    pub bank: String,
    /// The token that the core bank wants.
    pub bank_token: Secret,
    /// When it is closed; `None` for never.
    pub closed: Option<Closed>,
    /// Whether a DPoP proof must carry a nonce of ours.
    pub nonce_required: bool,
}

/// What the API needs from outside.
#[derive(Clone)]
pub struct ApiParts {
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Interaction ids for callers that send none.
    pub random: Arc<dyn Random>,
    /// Asks the server and the bank.
    pub http: reqwest::Client,
}

/// The API itself, shared by its handlers.
struct Api {
    origin: String,
    settings: ApiSettings,
    parts: ApiParts,
    proofs: proof::UsedProofs,
    nonces: nonce::Nonces,
}

/// Starts the API.
///
/// # Errors
/// When the listener cannot be opened.
pub fn start(listener: Listener, settings: ApiSettings, parts: ApiParts) -> io::Result<Running> {
    let nonces = nonce::Nonces::new(bytes(parts.random.as_ref()));
    let api = Api { origin: listener.url(), settings, parts, proofs: proof::UsedProofs::default(), nonces };
    let api = actix_web::web::Data::new(api);
    listener.open(move |c| {
        c.app_data(api.clone()).configure(web::routes);
    })
}
