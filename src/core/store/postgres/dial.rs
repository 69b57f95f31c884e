//! Opens PostgreSQL connections: the URL, its hosts, and TLS.
//!
//! Besides what `tokio_postgres` parses itself (several hosts, `connect_timeout`, …) the URL may have two parameters of
//! libpq: `sslmode=disable|require|verify-full` and `sslrootcert=FILE`. A certificate is always verified, against the
//! file or the machine's own roots. Without `sslmode`, connections to a socket or loopback address use no TLS, and
//! those to any other host use TLS.
//!
//! The time limit is divided among all hosts, so that a host that accepts a connection but never answers does not
//! prevent a try of the next one. While no host can be reached, one thread tries again and all others fail at once.

use super::trouble::text;
use crate::store::{Error, Result};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The pause after no host could be reached; nobody tries during it.
const REST: Duration = Duration::from_millis(500);
/// After this time without an acknowledgement the operating system closes a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// Makes connections to one database.
pub(super) struct Dialer {
    hosts: Vec<Config>,
    tls: Option<MakeRustlsConnect>,
    limit: Duration,
    line: Mutex<Line>,
}

/// The known state of the hosts.
#[derive(Default)]
struct Line {
    /// The host that answered last; it is tried first.
    first: usize,
    /// When the last round of all hosts failed, and why. `None` after a success.
    down: Option<(Instant, Error)>,
    /// Whether a thread is trying while no host can be reached.
    tried: bool,
}

/// What PostgreSQL sent on a connection apart from query results.
#[derive(Default)]
pub(super) struct ConnectionNotices {
    /// Warnings since the last call of [`ConnectionNotices::take_warnings`].
    warnings: Mutex<Vec<String>>,
    /// Why the connection ended.
    end: Mutex<Option<String>>,
}
impl ConnectionNotices {
    /// The warnings since the last call.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// Why the connection ended, if it has.
    pub(super) fn end(&self) -> Option<String> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sends and receives the bytes of one connection, as long as it is polled.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

fn wrong(what: String) -> Error {
    Error::Unavailable(format!("the PostgreSQL URL: {what}"))
}

/// A parsed URL.
pub(super) struct Address {
    config: Config,
    mode: SslMode,
    /// The file of `sslrootcert`.
    roots: Option<String>,
}
impl Address {
    /// Parses the URL. An error does not repeat it, because it may contain a password.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (url, ours) = split(url);
        let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| wrong(text(&e)))?;
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("renkei");
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        let mut roots = None;
        let mut mode = if is_here(&config) { SslMode::Disable } else { SslMode::Require };
        for (key, value) in ours {
            match (key.as_str(), value.as_str()) {
                ("sslrootcert", file) => roots = Some(file.to_owned()),
                (_, "disable") => mode = SslMode::Disable,
                (_, "require" | "verify-full") => mode = SslMode::Require,
                _ => return Err(wrong("sslmode is disable, require or verify-full".into())),
            }
        }
        config.ssl_mode(mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("names no host".into()));
        }
        Ok(Self { config, mode, roots })
    }
    /// Whether everything, passwords too, goes to another machine without TLS.
    pub(super) fn is_plain_to_another_machine(&self) -> bool {
        self.mode == SslMode::Disable && !is_here(&self.config)
    }
}
/// Whether every host is this machine.
fn is_here(config: &Config) -> bool {
    config.get_hosts().iter().all(near) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

impl Dialer {
    /// Parses the URL. An error does not repeat the URL, because it may contain a password.
    pub(super) fn new(url: &str, limit: Duration) -> Result<Self> {
        let Address { config, mode, roots } = Address::parse(url)?;
        let tls = match mode {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(tls(roots.as_deref().map(Path::new)).map_err(wrong)?)),
        };
        let hosts = each_host(&config);
        if hosts.is_empty() {
            return Err(wrong("names no host".into()));
        }
        Ok(Self { hosts, tls, limit, line: Mutex::default() })
    }

    /// Opens a connection to the host that accepts writes.
    pub(super) async fn dial(&self) -> Result<(Client, Driver, Arc<ConnectionNotices>)> {
        let first = {
            let mut line = self.line();
            if let Some((since, e)) = &line.down {
                if line.tried || since.elapsed() < REST {
                    return Err(e.clone());
                }
                line.tried = true;
            }
            line.first
        };
        let dialed = self.round(first).await;
        let mut line = self.line();
        line.tried = false;
        match dialed {
            Ok((host, connection)) => {
                (line.first, line.down) = (host, None);
                Ok(connection)
            }
            Err(e) => {
                tracing::warn!(error = %e, "PostgreSQL cannot be reached");
                line.down = Some((Instant::now(), e.clone()));
                Err(e)
            }
        }
    }

    /// Tries every host once; if none answers, returns the error of the last one.
    async fn round(&self, first: usize) -> Result<(usize, (Client, Driver, Arc<ConnectionNotices>))> {
        let share = self.limit / u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let mut why = String::new();
        for i in 0..self.hosts.len() {
            let host = (first + i) % self.hosts.len();
            let Some(config) = self.hosts.get(host) else { continue };
            match timeout(share, self.connect(config)).await {
                Ok(Ok(connection)) => return Ok((host, connection)),
                Ok(Err(e)) => why = text(&e),
                Err(_) => why = format!("no answer to a new connection within {share:?}"),
            }
        }
        Err(Error::Unavailable(why))
    }

    async fn connect(
        &self,
        config: &Config,
    ) -> std::result::Result<(Client, Driver, Arc<ConnectionNotices>), tokio_postgres::Error> {
        let heard = Arc::new(ConnectionNotices::default());
        Ok(match &self.tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                (client, drive(connection, heard.clone()), heard)
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                (client, drive(connection, heard.clone()), heard)
            }
        })
    }

    /// Asks PostgreSQL to cancel what a connection is doing.
    pub(super) async fn cancel(&self, token: &CancelToken) {
        let asked = async {
            match &self.tls {
                Some(tls) => token.cancel_query(tls.clone()).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        // The result is not needed: the caller waits for the other connection's answer, and not for long.
        let _ = timeout(self.limit, asked).await;
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls a connection and stores its notices.
fn drive<S, T>(mut connection: Connection<S, T>, heard: Arc<ConnectionNotices>) -> Driver
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Box::pin(async move {
        loop {
            match poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    if notice.parsed_severity() == Some(Severity::Warning) {
                        let warning = format!("{} {}", notice.code().code(), notice.message());
                        heard.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(e)) => {
                    *heard.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(text(&e));
                    return;
                }
                None => return,
            }
        }
    })
}

/// One configuration for each host of a URL.
fn each_host(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let one = |i: usize| {
        let mut one = Config::new();
        if let Some(host) = hosts.get(i) {
            match host {
                Host::Tcp(name) => one.host(name),
                Host::Unix(path) => one.host_path(path),
            };
        }
        if let Some(address) = addresses.get(i) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(i).or_else(|| ports.first()) {
            one.port(*port);
        }
        config.get_user().map(|user| one.user(user));
        config.get_password().map(|password| one.password(password));
        config.get_dbname().map(|name| one.dbname(name));
        config.get_options().map(|options| one.options(options));
        config.get_application_name().map(|name| one.application_name(name));
        config.get_connect_timeout().map(|limit| one.connect_timeout(*limit));
        config.get_tcp_user_timeout().map(|limit| one.tcp_user_timeout(*limit));
        config.get_keepalives_interval().map(|pause| one.keepalives_interval(pause));
        config.get_keepalives_retries().map(|n| one.keepalives_retries(n));
        one.ssl_mode(config.get_ssl_mode())
            .ssl_negotiation(config.get_ssl_negotiation())
            .keepalives(config.get_keepalives())
            .keepalives_idle(config.get_keepalives_idle())
            .target_session_attrs(config.get_target_session_attrs())
            .channel_binding(config.get_channel_binding())
            .load_balance_hosts(config.get_load_balance_hosts());
        one
    };
    (0..hosts.len().max(addresses.len())).map(one).collect()
}

/// Separates the parameters that `tokio_postgres` does not know from the URL.
fn split(url: &str) -> (String, Vec<(String, String)>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), Vec::new()) };
    let ours = |pair: &&str| pair.starts_with("sslmode=") || pair.starts_with("sslrootcert=");
    let theirs: Vec<&str> = query.split('&').filter(|p| !ours(p)).collect();
    let ours: Vec<&str> = query.split('&').filter(ours).collect();
    let ours = url::form_urlencoded::parse(ours.join("&").as_bytes()).into_owned().collect();
    (format!("{base}?{}", theirs.join("&")), ours)
}

fn near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

fn tls(roots: Option<&Path>) -> std::result::Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    let Some(file) = roots else {
        let none = |e| {
            format!(
                "this machine has no certificates of authorities, without which the database cannot be verified: install the package \
                 ca-certificates, or name the database's authority with sslrootcert=FILE ({e})"
            )
        };
        return Ok(builder.with_platform_verifier().map_err(none)?.with_no_client_auth());
    };
    let said = |e: &dyn std::fmt::Display| format!("sslrootcert {}: {e}", file.display());
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| said(&e))? {
        store.add(certificate.map_err(|e| said(&e))?).map_err(|e| said(&e))?;
    }
    if store.is_empty() {
        return Err(said(&"holds no certificate"));
    }
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}
