//! HTTP: everything that the server serves.
//!
//! One file for each endpoint or screen; [`routes`] has the whole URL table, [`error`] the only table of statuses. A
//! handler gets external data, lets a step decide, writes in one transaction, and responds (decision 1). It has no
//! rules of its own.

pub mod admin;
pub mod around;
pub mod assets;
pub mod authorize;
pub mod begun;
pub mod client_auth;
pub mod client_cert;
pub mod components;
pub mod cookie;
pub mod encoding;
pub mod error;
pub mod extract;
pub mod grants;
pub mod headers;
pub mod health;
pub mod hooks;
pub mod host;
pub mod introspect;
pub mod limits;
pub mod link;
pub mod metadata;
pub mod meters;
pub mod metrics;
pub mod notes;
pub mod object;
pub mod page;
pub mod par;
pub mod paths;
pub mod protected;
pub mod public;
pub mod refusals;
pub mod register;
pub mod request_timeout;
pub mod revoke;
pub mod routes;
pub mod span;
pub mod ssf;
pub mod stream_hub;
pub mod table;
pub mod token;
pub mod typed;
pub mod userinfo;

use crate::admin::TestMailer;
use crate::alarm::Alarms;
use crate::authorize::ResponseContext;
use crate::bank::EventHook;
use crate::client::Authenticator;
use crate::client::registration::Trust;
use crate::clock::{Clock, Instant};
use crate::config::Config;
use crate::grant::uses::NotedUses;
use crate::identity::IdentityService;
use crate::keys::{Ring, seal::Sealer};
use crate::linking::Linking;
use crate::outbound::Network;
use crate::pages::Pages;
use crate::random::Random;
use crate::store::Store;
use crate::telephony::sip_hook::SipHook;
use crate::token::RecentTokens;
use arc_swap::ArcSwap;
use rustls::server::danger::ClientCertVerifier;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The state of all handlers. All workers share it; cheap to clone as an `Arc`.
pub struct App {
    /// The configuration, as checked at start. What a reload may change is used from the other members, never from here.
    pub config: Config,
    /// The store.
    pub store: Store,
    /// The source of `now`; read once for each request.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
    /// Seals personal fields.
    pub sealer: Arc<Sealer>,
    /// Templates of pages and letters.
    pub pages: Pages,
    /// Signing keys.
    pub keys: Ring,
    /// The client registry, client authentication, DPoP.
    pub authenticator: Authenticator,
    /// The limits of each client, counted on this node.
    pub limits: limits::LimitCounters,
    /// The refused requests of this node.
    pub refusals: refusals::Refusals,
    /// The counts of this node.
    pub meters: meters::Meters,
    /// The accepted issuers of software statements, replaceable at run time.
    pub trust: ArcSwap<Trust>,
    /// The five checks, and the core bank behind them.
    pub identity: IdentityService,
    /// The use cases of the consent screen.
    pub linking: Linking,
    /// The access tokens that were asked for lately.
    pub recent: RecentTokens,
    /// The uses of links that are not yet written.
    pub uses: NotedUses,
    /// What sends a test mail.
    pub mailer: TestMailer,
    /// Raises alarms.
    pub alarms: Arc<Alarms>,
    /// Verifies reports of calls, with secrets that are replaceable at run time.
    pub hook: ArcSwap<SipHook>,
    /// Verifies reports of account changes; likewise.
    pub bank_hook: ArcSwap<EventHook>,
    /// Proxies whose caller address and client certificate are believed (`server.trusted_proxies`); likewise.
    pub proxies: ArcSwap<Vec<Network>>,
    /// Networks whose `traceparent` is followed (`traces.follow`).
    pub followed: Vec<Network>,
    /// When we last logged an unreadable certificate header of a proxy.
    pub unreadable: client_cert::Unreadable,
    /// The CAs of client certificates (`server.mtls_ca_file`), replaceable at run time.
    pub authorities: Option<ArcSwap<Arc<dyn ClientCertVerifier>>>,
    /// The last probe of the store.
    pub probe: health::Probe,
    /// What wakes those who wait for events.
    pub streams: stream_hub::StreamHub,
    /// False from the start of a stop: then `/readyz` says so, and the load balancer uses another node.
    pub ready: AtomicBool,
}

impl App {
    /// The time for this request.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }
    /// The context of responses to apps at this time.
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

/// The state as handlers extract it.
pub type Shared = actix_web::web::Data<App>;
