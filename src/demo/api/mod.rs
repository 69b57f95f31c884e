//! The sample account API: a resource server as the institution would run one beside its core bank.
//!
//! It owns no customer data and no decision about grants. Each call is checked by introspection (RFC 7662) over the
//! wire, the token's binding by a DPoP proof (RFC 9449 §7), the certificate of the connection (RFC 8705 §3) or neither
//! (RFC 6750), the grant's accounts by its `authorization_details` (RFC 9396). What it answers comes from the core bank,
//! over HTTP. The server pushes events to it (RFC 8935): a token whose grant has ended is refused without asking.

mod access;
mod bank;
mod challenge;
mod events;
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
    /// Whether it has a stream of events, which are pushed to `/events` here. The server's record of it must allow that.
    pub events: bool,
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
    events: events::ReceivedEvents,
}

/// Starts the API.
///
/// # Errors
/// When the listener cannot be opened.
pub fn start(listener: Listener, settings: ApiSettings, parts: ApiParts) -> io::Result<Running> {
    let nonces = nonce::Nonces::new(bytes(parts.random.as_ref()));
    let events = events::ReceivedEvents::new(&settings, &parts);
    let receives = settings.events;
    let proofs = proof::UsedProofs::default();
    let api = actix_web::web::Data::new(Api { origin: listener.url(), settings, parts, proofs, nonces, events });
    let receiving = api.clone().into_inner();
    let running = listener.open(move |c| {
        c.app_data(api.clone());
        if receives {
            events::routes(c);
        }
        c.configure(web::routes);
    })?;
    Ok(if receives { running.background(tokio::spawn(events::run(receiving))) } else { running })
}
