//! HTTP: the only face of the server.
//!
//! One file an endpoint or a screen; [`routes`] is the whole URL table on one screen, [`error`] the only table of
//! statuses. A handler asks the world, lets a step decide, records in one transaction, answers (decision 1).
//! It holds no rule of its own.

pub mod admin;
pub mod assets;
pub mod authorize;
pub mod client_auth;
pub mod client_cert;
pub mod cookie;
pub mod encoding;
pub mod error;
pub mod extract;
pub mod headers;
pub mod health;
pub mod hooks;
pub mod host;
pub mod introspect;
pub mod limits;
pub mod link;
pub mod metadata;
pub mod object;
pub mod page;
pub mod par;
pub mod paths;
pub mod register;
pub mod request_timeout;
pub mod revoke;
pub mod routes;
pub mod span;
pub mod table;
pub mod token;
pub mod typed;
pub mod userinfo;

use crate::alarm::Alarms;
use crate::authorize::ResponseContext;
use crate::bank::EventHook;
use crate::client::Authenticator;
use crate::client::registration::Trust;
use crate::clock::{Clock, Instant};
use crate::config::Config;
use crate::identity::IdentityService;
use crate::keys::{Ring, seal::Sealer};
use crate::linking::Linking;
use crate::outbound::Network;
use crate::pages::Pages;
use crate::random::Random;
use crate::store::Store;
use crate::telephony::sip_hook::SipHook;
use arc_swap::ArcSwap;
use rustls::server::danger::ClientCertVerifier;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What every handler can reach. Shared by all workers; cheap to clone as an `Arc`.
pub struct App {
    /// The configuration, as checked at start.
    pub config: Config,
    /// The store.
    pub store: Store,
    /// Where `now` comes from; read once a request.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub random: Arc<dyn Random>,
    /// Seals personal fields.
    pub sealer: Arc<Sealer>,
    /// Every page and letter.
    pub pages: Pages,
    /// Signing keys.
    pub keys: Ring,
    /// Who asks: the registry, client authentication, DPoP.
    pub authenticator: Authenticator,
    /// How much each client has had stored on this node.
    pub limits: limits::LimitCounters,
    /// Whose software statements count.
    pub trust: Trust,
    /// The five checks, and the core bank behind them.
    pub identity: IdentityService,
    /// What happens around the consent screen.
    pub linking: Linking,
    /// Where alarms go.
    pub alarms: Arc<Alarms>,
    /// Who may report calls.
    pub hook: SipHook,
    /// Who may report changes of accounts.
    pub bank_hook: EventHook,
    /// Who may say where a caller comes from, and which certificate it showed (`server.trusted_proxies`).
    pub proxies: Vec<Network>,
    /// When the log was last told that a proxy's certificate header cannot be read.
    pub unreadable: client_cert::Unreadable,
    /// Who may vouch for a client's certificate (`server.mtls_ca_file`), exchangeable under load.
    pub authorities: Option<ArcSwap<Arc<dyn ClientCertVerifier>>>,
    /// Whether the store answers.
    pub probe: health::Probe,
    /// False from the moment a stop begins: `/readyz` says so, and a balancer looks elsewhere.
    pub ready: AtomicBool,
}

impl App {
    /// The moment this request is judged by.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }
    /// In whose name an answer to an app is given at this moment.
    #[must_use]
    pub fn response_context(&self, now: Instant) -> ResponseContext<'_> {
        ResponseContext { issuer: self.issuer(), keys: &self.keys, now }
    }
    /// `server.issuer`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.server.issuer
    }
}

/// The app as handlers extract it.
pub type Shared = actix_web::web::Data<App>;
