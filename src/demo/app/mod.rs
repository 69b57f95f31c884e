//! The sample fintech app: what a customer of the institution links an account to.
//!
//! It owns its keys, its browser sessions and what it knows of a link, all in memory. As client `creco` it follows the
//! FAPI 2.0 Security Profile §5.3.3 (PAR, RFC 9126; private_key_jwt, RFC 7523; PKCE, RFC 7636; DPoP, RFC 9449; `iss`,
//! RFC 9207); as client `kakeibo` it is a plain OpenID Connect client with a secret. It learns of an account only what
//! the account API tells it, and of the end of a link by the events of its stream (RFC 8936).

mod accounts;
mod flow;
mod idtoken;
mod kakeibo;
mod oauth;
mod provider;
mod received;
mod receiver;
mod session;
mod timeline;
mod trouble;
mod view;
mod web;

#[cfg(test)]
mod tests;

use crate::crypto::{Random, Secret};
use crate::jose::SigningKey;
use crate::listener::{Listener, Running};
use crate::pages::{Language, Pages};
use crate::time::Clock;
use std::io;
use std::sync::Arc;

/// Whom the app talks to, and as whom.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// The authorization server.
    pub issuer: String,
    /// The account API.
    pub api: String,
    /// The phone and mailbox simulator, for the link on the app's page.
    pub simulator: String,
    /// The FAPI client's id.
    pub client_id: String,
    /// The plain client's id.
    pub kakeibo_id: String,
    /// The plain client's secret.
    pub kakeibo_secret: Secret,
    /// The institution's name in Japanese and in English, as the app writes it.
    pub institution: [String; 2],
}

/// What the app needs from outside.
#[derive(Clone)]
pub struct AppParts {
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// State, nonce, verifier, cookies.
    pub random: Arc<dyn Random>,
    /// Asks the server and the API.
    pub http: reqwest::Client,
    /// Its pages.
    pub pages: Pages,
}

/// The app itself, shared by its handlers.
struct App {
    origin: String,
    settings: AppSettings,
    parts: AppParts,
    /// Signs client assertions; its public half stands at `/jwks`.
    key: SigningKey,
    oauth: oauth::Client,
    sessions: session::Sessions,
    events: receiver::EventReceiver,
}

impl AppSettings {
    /// The institution's name in a language.
    fn institution(&self, language: Language) -> &str {
        &self.institution[usize::from(language == Language::En)]
    }
}

/// Starts the app, with new keys.
///
/// # Errors
/// When a key cannot be made or the listener not be opened.
pub fn start(listener: Listener, settings: AppSettings, parts: AppParts) -> io::Result<Running> {
    let own = listener.url();
    let key = SigningKey::generate().map_err(io::Error::other)?;
    let proof_key = SigningKey::generate().map_err(io::Error::other)?;
    let oauth = oauth::Client::new(&settings, &own, key.clone(), proof_key, &parts);
    let events = receiver::EventReceiver::new(&settings.issuer, &settings.client_id, &parts.http);
    let app = actix_web::web::Data::new(App {
        origin: own,
        settings,
        parts,
        key,
        oauth,
        sessions: session::Sessions::default(),
        events,
    });
    let receiving = app.clone().into_inner();
    let running = listener.open(move |c| {
        c.app_data(app.clone()).configure(web::routes);
    })?;
    Ok(running.background(tokio::spawn(receiver::run(receiving))))
}
