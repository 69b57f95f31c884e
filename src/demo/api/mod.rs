//! The sample account API: a resource server as the institution would run one beside its core bank.
//!
//! It owns no customer data and no decision about grants. Each call is checked by introspection (RFC 7662) over the
//! wire, the token's binding by a DPoP proof (RFC 9449 §7), the certificate of the connection (RFC 8705 §3) or neither (RFC 6750), the grant's accounts by its
//! `authorization_details` (RFC 9396); what it answers with comes from the bank's own HTTP face.

mod access;
mod bank;
mod challenge;
mod proof;
mod web;

#[cfg(test)]
mod tests;

use crate::client::dpop::Nonces;
use crate::clock::Clock;
use crate::demo::door::{Door, Running};
use crate::identity::service_hours::Hours;
use crate::outbound::Outbound;
use crate::random::{self, Random};
use crate::secret::Secret;
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Whom the API asks, and as whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The authorization server.
    pub issuer: String,
    /// The resource server's id there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The audience its tokens must name.
    pub audience: String,
    /// The bank's HTTP face.
    pub bank: String,
    /// When it is closed; by default never.
    pub hours: Hours,
    /// Whether a DPoP proof must carry a nonce of ours.
    pub nonce_required: bool,
}

/// What the API needs from outside.
#[derive(Clone)]
pub struct Parts {
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Interaction ids for callers that send none.
    pub random: Arc<dyn Random>,
    /// The way to the server and the bank.
    pub wire: Outbound,
}

/// The API itself, shared by its handlers.
struct Api {
    own: String,
    settings: Settings,
    parts: Parts,
    proofs: proof::Seen,
    nonces: Nonces,
}

/// Starts the API behind `door`.
///
/// # Errors
/// When the listener cannot be opened.
pub async fn start(door: Door, settings: Settings, parts: Parts) -> io::Result<Running> {
    let nonces = Nonces::new(Zeroizing::new(random::bytes(parts.random.as_ref())));
    let api = Api { own: door.url(), settings, parts, proofs: proof::Seen::default(), nonces };
    let api = actix_web::web::Data::new(api);
    door.open(move |c| {
        c.app_data(api.clone()).configure(|c| drop(web::routes(c)));
    })
}
