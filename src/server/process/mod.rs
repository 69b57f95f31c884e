//! Creates everything from the configuration at the start, and stops it in order.
//!
//! Owns the listeners with their TLS (RFC 8446) and the jobs. Makes no decisions.

mod admin;
mod checks;
mod demo_data;
mod examine;
mod institution;
mod jobs;
mod make_mailer;
mod operators;
mod reload;
mod running;
mod sample_bank;
mod service_manager;
mod signing;
mod sockets;
mod started;
mod streams;
#[cfg(test)]
mod tests;
mod tls;

pub use demo_data::{DEMO_CLOCK, DEMO_MARK, demo_ahead};
pub use examine::{doubts, examine, unfit_certificate};
pub use jobs::catch_up;
pub use make_mailer::test_mailer;
pub use reload::Reloaded;
pub use running::Running;
pub use sample_bank::{SampleBank, StartSampleBank};
pub use service_manager::{ServiceState, say as tell_service_manager};

use crate::alarm::Alarms;
use crate::client::{self, Authenticator, Settings as Asked};
use crate::clock::Clock;
use crate::config::{self, Config, Mode};
use crate::grant::uses::NotedUses;
use crate::identity::{CoreBank, FieldCrypto};
use crate::keys::{master, seal::Sealer};
use crate::linking::Linking;
use crate::outbound::{Network, Outbound, Settings};
use crate::pages::Pages;
use crate::random::Random;
use crate::store::{self, Options, Store};
use crate::token::RecentTokens;
use crate::traces::Traces;
use crate::web::{
    App, client_cert, extract::MAX_FORM, health::Probe, limits::LimitCounters, meters::Meters, paths,
    refusals::Refusals, routes, stream_hub::StreamHub,
};
use actix_web::{HttpServer, web};
use arc_swap::ArcSwap;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Why a start failed; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] store::Error),
    /// A file or an address cannot be used.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// Client secrets of an earlier release are left.
    #[error(transparent)]
    Secrets(#[from] client::Unsettled),
    /// The TLS certificate or key is invalid.
    #[error("server.tls_cert_file, server.tls_key_file: {0}")]
    Tls(String),
    /// The value of another configuration key is invalid.
    #[error("{key}: {why}")]
    Key {
        /// Section and key.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// What a test can replace: clock, randomness, core bank and the Japanese texts of the pages.
pub struct Parts {
    /// The source of `now`.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
    /// A core bank of the caller; `None` for the configured one.
    pub bank: Option<Arc<dyn CoreBank>>,
    /// Starts the sample bank for `bank.kind = "sample"`; without it, that kind is refused.
    pub sample_bank: Option<StartSampleBank>,
    /// Japanese texts of the caller; `None` for our own.
    pub texts: Option<String>,
}

/// Starts a server and returns when it listens.
///
/// # Errors
/// Errors of the configuration, its files, the store or the addresses.
pub async fn start(config: Config, parts: Parts) -> Result<Running, Error> {
    config.check()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let _ = provider.as_ref().clone().install_default(); // a second server in the process finds it installed
    let files = sockets::allow_many();
    let data_dir = &config.server.data_dir;
    sockets::own_folder(data_dir).map_err(|e| Error::Io(data_dir.display().to_string(), e))?;
    if config.server.mode != Mode::Demo && data_dir.join(DEMO_MARK).exists() {
        return Err(Error::Key { key: "server.data_dir", why: "belongs to a demo".into() });
    }
    let master = master::load(&config.server.master_key_file).map_err(key("server.master_key_file"))?;
    let sealer = Arc::new(Sealer::new("master", &master).map_err(key("server.master_key_file"))?);
    let store = open_store(&config)?;
    let started = start_on(store.clone(), config, parts, (provider, sealer, files)).await;
    if started.is_err() {
        // Its threads do TLS, which must not go on while `main` returns and the process takes its memory down.
        store.stop_within(AFTER_A_FAILURE).await;
    }
    started
}

/// How long the store of a start that failed may take to close.
const AFTER_A_FAILURE: Duration = Duration::from_secs(5);

/// Starts everything that stands on the store.
async fn start_on(
    store: Store,
    config: Config,
    parts: Parts,
    (provider, sealer, files): (Arc<rustls::crypto::CryptoProvider>, Arc<Sealer>, Option<u64>),
) -> Result<Running, Error> {
    let keys = signing::ring(&config, &store, &sealer, &*parts.random, parts.clock.now()).await?;

    let outbound = outbound(&config)?;
    let authenticator = Authenticator::open(
        store.clone(),
        &sealer,
        &*parts.random,
        Arc::new(outbound.clone()),
        asked(&config),
        parts.clock.now(),
    )
    .await
    .map_err(key("client authentication"))?;
    let keyed = client::settle(&store, authenticator.secret_key()).await?;
    if keyed > 0 {
        tracing::info!(clients = keyed, "secrets that an earlier release kept as SHA-256 are now kept as HMAC");
    }
    let profile = institution::profile(&config)?;
    let pages = match &parts.texts {
        Some(texts) => Pages::with_japanese(profile, texts),
        None => Pages::new(profile),
    };
    let pages = pages.map_err(key("templates"))?;

    let test_mailer = test_mailer(&config, parts.clock.clone())?;
    let mailer = test_mailer.mailer.clone();
    let crypto = FieldCrypto { sealer: sealer.clone(), random: parts.random.clone() };
    let alarms = Arc::new(Alarms::default());
    let (bank, sample_bank) = checks::bank(&config, &parts)?;
    let service =
        checks::identity_service(&config, store.clone(), crypto, bank, alarms.clone(), parts.clock.now()).await?;
    let linking = Linking {
        store: store.clone(),
        identity: service.clone(),
        keys: keys.clone(),
        sealer: sealer.clone(),
        random: parts.random.clone(),
        rules: config.linking_rules()?,
    };
    let trust = ArcSwap::from_pointee(checks::trust(&config)?);
    let hook = ArcSwap::from_pointee(checks::hook(&config)?);
    let bank_hook = ArcSwap::from_pointee(checks::bank_hook(&config)?);
    let proxies = checks::networks("server.trusted_proxies", &config.server.trusted_proxies)?;
    let proxies = ArcSwap::from_pointee(proxies);
    let followed = checks::networks("traces.follow", &config.traces.follow)?;
    let in_force = Mutex::new(reload::InForce::new(&config));

    let identity = tls::ServerCertificate::read(&config, &provider)?;
    let authorities = tls::authorities(&config, &provider)?.map(ArcSwap::from_pointee);
    let (public, mutual) = (bind(&config.server.listen)?, bind(&config.server.mtls_listen)?);
    let local = |l: &Vec<TcpListener>| l.iter().filter_map(|l| l.local_addr().ok()).collect::<Vec<_>>();
    let (addresses, mtls_addresses) = (local(&public), local(&mutual));
    let copies = public.iter().chain(&mutual).map(TcpListener::try_clone).collect::<Result<_, _>>();
    let listeners = copies.map_err(|e| Error::Io("server.listen".into(), e))?;
    let workers = if config.server.workers == 0 { processors() } else { config.server.workers };
    let most = sockets::per_worker(config.server.connections, files, workers);
    let grace = (config.server.shutdown_grace.get() - reserve(&config)).as_secs();

    let recent = RecentTokens::new(store.clone(), config.server.issuer.clone());

    let app = web::Data::new(App {
        config,
        store,
        clock: parts.clock,
        random: parts.random,
        sealer,
        pages,
        keys,
        authenticator,
        limits: LimitCounters::default(),
        meters: Meters::new(routes::patterns()),
        refusals: Refusals::default(),
        trust,
        identity: service,
        linking,
        recent,
        uses: NotedUses::default(),
        mailer: test_mailer,
        alarms,
        hook,
        bank_hook,
        proxies,
        followed,
        unreadable: client_cert::Unreadable::default(),
        authorities,
        streams: StreamHub::default(),
        probe: Probe::default(),
        ready: AtomicBool::new(true),
    });
    app.probe.run(&app.store).await;
    let shared = app.clone();
    let mut http = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(MAX_FORM))
            .configure(|cfg| drop(routes::public(cfg)))
    })
    .on_connect(client_cert::on_connect)
    .workers(workers)
    .max_connections(most)
    .disable_signals()
    .shutdown_timeout(grace);
    let refused = |e| Error::Io("server.listen".into(), e);
    for listener in public {
        http = match &identity {
            Some(identity) => http.listen_rustls_0_23(listener, identity.public()?).map_err(refused)?,
            None => http.listen(listener).map_err(refused)?,
        };
    }
    for listener in mutual {
        let identity = identity.as_ref().ok_or_else(|| Error::Tls("mtls_listen needs a certificate".into()))?;
        http = http.listen_rustls_0_23(listener, identity.mutual()?).map_err(refused)?;
    }
    started::record(&app.store, &app.config, (&addresses, &mtls_addresses), app.now()).await?;
    let admin = admin::Admin::start(&app)?;
    let operators = operators::Operators::start(&app)?;
    tls::note_end(identity.as_deref(), &app);
    let pusher = streams::pusher(&app, outbound);
    pusher.start().await?;
    // Nothing after this can fail: a start that fails leaves no worker behind.
    let server = http.run();
    let handle = server.handle();
    let task = tokio::spawn(server);
    let jobs = jobs::Jobs::start(&app, mailer, Arc::new(app.pages.clone()), pusher);
    let certificate = tls::watch_end(identity.clone(), app.clone());
    Ok(Running {
        app,
        addresses,
        mtls_addresses,
        listeners,
        operators,
        identity,
        provider,
        in_force,
        admin,
        jobs,
        certificate,
        sample_bank,
        handle,
        task,
    })
}

/// The part of the grace time that is reserved for the store; the rest is for running requests.
fn reserve(config: &Config) -> Duration {
    config.server.shutdown_grace.get() / 4
}

/// An error that names a configuration key.
fn key<E: std::fmt::Display>(key: &'static str) -> impl FnOnce(E) -> Error {
    move |e| Error::Key { key, why: e.to_string() }
}

/// What client authentication needs to know about this server: the issuer first, then the endpoints that an OpenID
/// Connect client may use as `aud` of its assertion.
fn asked(config: &Config) -> Asked {
    let issuer = &config.server.issuer;
    let mut audiences = vec![issuer.clone()];
    for base in [Some(issuer), config.server.mtls_base_url.as_ref()].into_iter().flatten() {
        let endpoints = [paths::TOKEN, paths::PAR, paths::INTROSPECT, paths::REVOKE];
        audiences.extend(endpoints.map(|path| format!("{base}{path}")));
    }
    let mtls_aliases = config.server.mtls_base_url.is_some();
    Asked { audiences, dpop_nonce_required: config.tokens.dpop_nonce_required, mtls_aliases }
}

/// The TLS of `server.mtls_listen`, for a resource server that runs next to this server with the same certificate.
///
/// # Errors
/// The certificate's files are invalid or not configured.
pub fn mutual_tls(config: &Config) -> Result<rustls::ServerConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let identity = tls::ServerCertificate::read(config, &provider)?;
    identity.ok_or_else(|| Error::Tls("are missing".into()))?.mutual()
}

/// The HTTP client for addresses from client records: public ones, and private ones only if that client's record allows
/// the network. In a demo, only this machine.
///
/// # Errors
/// `[outbound]` is invalid.
pub fn outbound(config: &Config) -> Result<Outbound, Error> {
    if config.server.mode == Mode::Demo {
        return Outbound::loopback().map_err(key("outbound"));
    }
    outbound_with(config, config.server.mode == Mode::Test, Vec::new())
}

fn outbound_with(config: &Config, plain_http: bool, networks: Vec<Network>) -> Result<Outbound, Error> {
    let wanted = &config.outbound;
    let extra_ca = match &wanted.ca_file {
        Some(file) => Some(std::fs::read(file).map_err(|e| Error::Io(file.display().to_string(), e))?),
        None => None,
    };
    let settings = Settings { plain_http, extra_ca, timeout: wanted.timeout.get(), networks, ..Settings::default() };
    // Nothing else in the settings can be wrong.
    Outbound::new(settings).map_err(key("outbound.ca_file"))
}

/// The HTTP client for the institution's own systems, whose addresses are in the configuration. It is never used for a
/// client's URL.
///
/// # Errors
/// `[outbound]` or `institution.networks` is invalid.
pub fn inside(config: &Config) -> Result<Outbound, Error> {
    let networks = checks::networks("institution.networks", &config.institution.networks)?;
    outbound(config)?.reaching(&networks).map_err(key("outbound"))
}

/// What sends traces; `None` without `traces.endpoint`.
///
/// # Errors
/// `[traces]` or `[outbound]` is invalid.
pub fn traces(config: &Config) -> Result<Option<Traces>, Error> {
    let Some(endpoint) = &config.traces.endpoint else { return Ok(None) };
    let mut networks = checks::networks("institution.networks", &config.institution.networks)?;
    networks.extend(Network::loopback());
    let https = endpoint.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    // Plain http goes to this machine alone.
    let outbound = if https {
        outbound_with(config, false, networks)?
    } else {
        Outbound::loopback().map_err(key("traces.endpoint"))?
    };
    Traces::start(outbound, endpoint, config.traces.sample).map(Some).map_err(key("traces.endpoint"))
}

fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Error> {
    addresses.iter().map(|a| sockets::listen(*a).map_err(|e| Error::Io(a.to_string(), e))).collect()
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

fn open_store(config: &Config) -> Result<Store, Error> {
    let place = match &config.store.url_file {
        Some(file) => config::secret_file(file)?.reveal().to_owned(),
        None => config.store.url.clone(),
    };
    // A relative file is in the data folder.
    let place = match place.strip_prefix("sqlite:") {
        Some(file) => format!("sqlite:{}", config.server.data_dir.join(file).display()),
        None => place,
    };
    let (connections, time_limit) = (config.store.connections, config.store.time_limit.get());
    Ok(Store::open_with(&place, &Options { connections, time_limit, ..Options::default() })?)
}
