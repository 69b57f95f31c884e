//! Wiring: everything is made here once, from the configuration, and stopped here in order.
//!
//! Owns the listeners with their TLS (RFC 8446) and the jobs. Decides nothing.

mod jobs;

use crate::clock::Clock;
use crate::config::{self, Config};
use crate::keys::{master, seal::Sealer};
use crate::random::Random;
use crate::store::{self, Store};
use crate::web::{App, extract::MAX_FORM, headers, host, routes, span::Spans};
use actix_web::middleware::from_fn;
use actix_web::{HttpServer, web};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a start failed; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The store.
    #[error("store: {0}")]
    Store(#[from] store::Error),
    /// A file or an address.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// TLS material.
    #[error("server.tls_cert_file, server.tls_key_file: {0}")]
    Tls(String),
    /// Anything else that a key of the configuration names.
    #[error("{key}: {why}")]
    Key {
        /// Section and key.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// What is not configuration: the clock and the dice, so that a test can hold them.
pub struct Parts {
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub random: Arc<dyn Random>,
}

/// A running server.
pub struct Running {
    /// What the handlers share.
    pub app: web::Data<App>,
    /// The addresses it listens on, ports filled in.
    pub addresses: Vec<SocketAddr>,
    handle: actix_web::dev::ServerHandle,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Stops: says not ready, lets requests under way finish, then closes the store.
    pub async fn stop(self) {
        self.app.ready.store(false, Ordering::Release);
        self.handle.stop(true).await;
        let _ = self.task.await;
    }
}

/// Starts a server and returns when it listens.
///
/// # Errors
/// Whatever is wrong with the configuration, the files it names, the store or the addresses.
pub async fn start(config: Config, parts: Parts) -> Result<Running, Error> {
    config.check()?;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let data_dir = &config.server.data_dir;
    std::fs::create_dir_all(data_dir).map_err(|e| Error::Io(data_dir.display().to_string(), e))?;
    let master = master::read(&config.server.master_key_file).map_err(key("server.master_key_file"))?;
    let sealer = Arc::new(Sealer::new("master", &master).map_err(key("server.master_key_file"))?);
    let store = open_store(&config)?;

    let tls = tls(&config)?;
    let mut listeners = Vec::new();
    for address in &config.server.listen {
        listeners.push(TcpListener::bind(address).map_err(|e| Error::Io(address.to_string(), e))?);
    }
    let addresses = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
    let workers = if config.server.workers == 0 { processors() } else { config.server.workers };
    let grace = config.server.shutdown_grace.get().as_secs();

    let app = web::Data::new(App {
        config,
        store,
        clock: parts.clock,
        random: parts.random,
        sealer,
        ready: AtomicBool::new(true),
    });
    let shared = app.clone();
    let mut http = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(MAX_FORM))
            .wrap(from_fn(host::ours))
            .wrap(from_fn(headers::secure))
            .wrap(tracing_actix_web::TracingLogger::<Spans>::new())
            .configure(routes::public)
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(grace);
    for listener in listeners {
        let bound = match &tls {
            Some(tls) => http.listen_rustls_0_23(listener, tls.clone()),
            None => http.listen(listener),
        };
        http = bound.map_err(|e| Error::Io("server.listen".into(), e))?;
    }
    let server = http.run();
    let handle = server.handle();
    let task = tokio::spawn(server);
    Ok(Running { app, addresses, handle, task })
}

/// An error that names its key.
fn key<E: std::fmt::Display>(key: &'static str) -> impl FnOnce(E) -> Error {
    move |e| Error::Key { key, why: e.to_string() }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

fn open_store(config: &Config) -> Result<Store, Error> {
    let file = match &config.store.url_file {
        Some(file) => config::secret_file(file)?.reveal().to_owned(),
        None => config.store.url.clone(),
    };
    let wrong = || Error::Key { key: "store.url", why: "wants sqlite:FILE or postgres://…".into() };
    let path = file.strip_prefix("sqlite:").ok_or_else(wrong)?;
    Ok(Store::sqlite(&config.server.data_dir.join(path))?)
}

fn tls(config: &Config) -> Result<Option<ServerConfig>, Error> {
    let (Some(cert), Some(key)) = (&config.server.tls_cert_file, &config.server.tls_key_file) else { return Ok(None) };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| Error::Tls(format!("{}: {e}", cert.display())))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| Error::Tls(format!("{}: {e}", key.display())))?;
    // TLS 1.2 with ECDHE AEAD suites and 1.3: all the provider offers (protocol A8).
    let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    tls.map(Some).map_err(|e| Error::Tls(e.to_string()))
}
