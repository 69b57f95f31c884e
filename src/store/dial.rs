//! Where a PostgreSQL connection comes from: the URL, its hosts, and TLS.
//!
//! Beside what `postgres` reads itself (several hosts, `connect_timeout`, …) the URL may say, in libpq's words:
//! `sslmode=disable|require|verify-full` and `sslrootcert=FILE`. A certificate is always verified, against the file or
//! the machine's own roots. Without `sslmode` a socket or loopback address is spoken to in the clear, any other host
//! only by TLS.

use super::postgres::text;
use super::{Error, Result};
use ::postgres::config::{Host, SslMode, TargetSessionAttrs};
use ::postgres::{Client, Config, NoTls};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres_rustls::MakeRustlsConnect;

/// After a failed connection, how long jobs are refused at once instead of waiting for another timeout each.
const REST: Duration = Duration::from_millis(500);

/// Makes connections to one database.
pub(super) struct Dialer {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    rest_until: Mutex<Option<(Instant, Error)>>,
}

impl Dialer {
    /// Reads the URL. What is wrong with it is said without repeating it: it may hold a password.
    pub(super) fn new(url: &str) -> Result<Self> {
        let wrong = |what: String| Error::Unavailable(format!("the PostgreSQL URL: {what}"));
        let (url, ours) = split(url);
        let mut config: Config = url.parse().map_err(|e: ::postgres::Error| wrong(text(&e)))?;
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("renkei");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        config.tcp_user_timeout(Duration::from_secs(20));
        let mut roots = None;
        let mut mode = if config.get_hosts().iter().all(near) { SslMode::Disable } else { SslMode::Require };
        for (key, value) in ours {
            match (key.as_str(), value.as_str()) {
                ("sslrootcert", file) => roots = Some(file.to_owned()),
                (_, "disable") => mode = SslMode::Disable,
                (_, "require" | "verify-full") => mode = SslMode::Require,
                _ => return Err(wrong("sslmode is disable, require or verify-full".into())),
            }
        }
        config.ssl_mode(mode);
        let tls = match mode {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(tls(roots.as_deref().map(Path::new)).map_err(wrong)?)),
        };
        Ok(Self { config, tls, rest_until: Mutex::default() })
    }

    /// Opens a connection. Never on an async thread.
    pub(super) fn dial(&self) -> Result<Client> {
        let mut rest = self.rest_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, e)) = rest.as_ref().filter(|(until, _)| Instant::now() < *until) {
            return Err(e.clone());
        }
        drop(rest);
        let dialed = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        rest = self.rest_until.lock().unwrap_or_else(PoisonError::into_inner);
        match dialed {
            Ok(client) => {
                *rest = None;
                Ok(client)
            }
            Err(e) => {
                let e = Error::Unavailable(text(&e));
                tracing::warn!(error = %e, "PostgreSQL cannot be reached");
                *rest = Some((Instant::now() + REST, e.clone()));
                Err(e)
            }
        }
    }
}

/// Parts the parameters `postgres` does not know from the URL.
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
        return Ok(builder.with_platform_verifier().map_err(|e| e.to_string())?.with_no_client_auth());
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
