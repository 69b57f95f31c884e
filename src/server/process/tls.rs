//! TLS of our listeners (RFC 8446, RFC 9325): 1.2 with the four recommended suites, and 1.3.
//!
//! The files can be replaced at run time. Only the listener of `server.mtls_listen` asks for a client certificate,
//! because a browser would show its user a dialogue. Its handshake only proves that the caller has the private key;
//! whether the certificate is a client's is decided for each client (RFC 8705 §2).

use super::{Error, key as wrong};
use crate::client::certificate::Certificate;
use crate::clock::Instant;
use crate::config::Config;
use crate::keys::guarded;
use crate::web::components::CERTIFICATE_DAYS;
use crate::web::metrics::certificate_days;
use crate::web::{App, Shared};
use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CipherSuite, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    SupportedCipherSuite,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The server's certificate, replaceable at run time.
#[derive(Debug)]
pub(super) struct ServerCertificate {
    current: ArcSwap<CertifiedKey>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertificate {
    /// Reads chain and key; `None` if they are not configured.
    pub(super) fn read(config: &Config, provider: &Arc<CryptoProvider>) -> Result<Option<Arc<Self>>, Error> {
        let (Some(cert), Some(key)) = (&config.server.tls_cert_file, &config.server.tls_key_file) else {
            return Ok(None);
        };
        let current = ArcSwap::from_pointee(certified(cert, key, provider)?);
        Ok(Some(Arc::new(Self { current, provider: provider.clone() })))
    }
    /// Reads both files again. On an error the old one must stay, also if the new one is not [fit](unfit).
    pub(super) fn fresh(&self, config: &Config, now: Instant) -> Result<Option<CertifiedKey>, Error> {
        let (Some(cert), Some(key)) = (&config.server.tls_cert_file, &config.server.tls_key_file) else {
            return Ok(None);
        };
        let fresh = certified(cert, key, &self.provider)?;
        // One that is in use already does not keep the other files from being read.
        let same = fresh.cert == self.current.load().cert;
        match unfit(&fresh, &names_shown(config), now).filter(|_| !same) {
            Some(why) => Err(wrong(CERT)(format!("{}: {why}", cert.display()))),
            None => Ok(Some(fresh)),
        }
    }
    /// New connections get this certificate.
    pub(super) fn replace(&self, fresh: CertifiedKey) {
        self.current.store(Arc::new(fresh));
    }
    /// Why no caller would accept the certificate, if so.
    pub(super) fn unfit(&self, config: &Config, now: Instant) -> Option<String> {
        unfit(&self.current.load(), &names_shown(config), now)
    }
    /// The provider with our suites. FAPI 2.0 Security Profile §5.2.2 allows for TLS 1.2 only those that RFC 9325 §4.2
    /// recommends: ECDHE with AES-GCM, four in all.
    fn suites(&self) -> Arc<CryptoProvider> {
        let served = |suite: &SupportedCipherSuite| {
            suite.tls13().is_some()
                || matches!(
                    suite.suite(),
                    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
                        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
                        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
                )
        };
        let mut provider = CryptoProvider::clone(&self.provider);
        provider.cipher_suites.retain(served);
        Arc::new(provider)
    }
    /// The TLS of the public listener.
    pub(super) fn public(self: &Arc<Self>) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(self.suites()).with_safe_default_protocol_versions();
        Ok(builder.map_err(tls)?.with_no_client_auth().with_cert_resolver(self.clone()))
    }
    /// The TLS of the listener for clients with certificates.
    pub(super) fn mutual(self: &Arc<Self>) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(self.suites()).with_safe_default_protocol_versions();
        let verifier = Arc::new(Possession(self.provider.clone()));
        Ok(builder.map_err(tls)?.with_client_cert_verifier(verifier).with_cert_resolver(self.clone()))
    }
}

/// The hosts that callers expect in our certificate: of `server.issuer`, and of `server.mtls_base_url` if we listen there ourselves.
/// Behind a proxy that ends TLS it is the proxy that shows them, and ours may have another name.
fn names_shown(config: &Config) -> Vec<&str> {
    let server = &config.server;
    if !server.trusted_proxies.is_empty() {
        return Vec::new();
    }
    let mutual = server.mtls_base_url.as_deref().filter(|_| !server.mtls_listen.is_empty());
    [Some(server.issuer.as_str()), mutual].into_iter().flatten().filter_map(host_of).collect()
}
fn host_of(base: &str) -> Option<&str> {
    let host = base.split_once("://").map(|(_, rest)| rest)?;
    let host =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(h, _)| h);
    Some(host.trim_matches(['[', ']']))
}

/// Why nobody would accept this certificate now, if so: it is over, has not begun, or is not for one of our names.
fn unfit(certified: &CertifiedKey, names: &[&str], now: Instant) -> Option<String> {
    let Some(der) = certified.cert.first() else { return Some("holds no certificate".into()) };
    let Ok(own) = Certificate::parse(der.as_ref(), false) else { return Some("cannot be read".into()) };
    if own.ends_at() < now {
        return Some(format!("ended at {}", own.ends_at().rfc3339()));
    }
    if own.begins_at() > now {
        return Some(format!("is valid only from {}", own.begins_at().rfc3339()));
    }
    let ours = |name: &str| {
        let shown = ServerName::try_from(name).map_err(drop);
        shown.is_ok_and(|shown| {
            ParsedCertificate::try_from(der).is_ok_and(|parsed| verify_server_name(&parsed, &shown).is_ok())
        })
    };
    names.iter().find(|name| !ours(name)).map(|name| format!("is not for {name}"))
}

/// Says what is not right with the certificate in use, at the start and twice a day.
pub(super) fn warn_of_end(identity: Option<&ServerCertificate>, app: &App) {
    let Some(identity) = identity else { return };
    let current = identity.current.load();
    let names = if app.proxies.load().is_empty() { host_of(app.issuer()).into_iter().collect() } else { Vec::new() };
    if let Some(why) = unfit(&current, &names, app.now()) {
        tracing::warn!(
            why,
            "the server's certificate is not accepted by callers; renew server.tls_cert_file and send SIGHUP"
        );
    } else if let Some(days) = certificate_days(app).filter(|days| *days < CERTIFICATE_DAYS) {
        tracing::warn!(
            days = days.floor(),
            "the server's certificate ends soon; renew server.tls_cert_file and send SIGHUP"
        );
    }
}

/// How often the end of the certificate is looked at.
const WATCH: Duration = Duration::from_hours(12);

/// Says it every twelve hours, until the task is aborted.
pub(super) fn watch_end(identity: Option<Arc<ServerCertificate>>, app: Shared) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(WATCH).await;
            warn_of_end(identity.as_deref(), &app);
        }
    })
}

/// Notes when the certificate ends, for the metrics.
pub(super) fn note_end(identity: Option<&ServerCertificate>, app: &App) {
    let end = identity.and_then(|identity| {
        let chain = identity.current.load();
        let own = Certificate::parse(chain.cert.first()?.as_ref(), false).ok()?;
        Some(own.ends_at())
    });
    app.meters.certificate_ends.store(end.map_or(0, Instant::millis), Ordering::Relaxed);
    warn_of_end(identity, app);
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn tls(e: impl std::fmt::Display) -> Error {
    Error::Tls(e.to_string())
}
const CERT: &str = "server.tls_cert_file";
const KEY: &str = "server.tls_key_file";

fn certified(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let chain = chain(cert).map_err(wrong(CERT))?;
    guarded::check(key).map_err(wrong(KEY))?;
    let place = key.display();
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong(KEY)(format!("{place}: {e}")))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|cause| match cause {
        rustls::Error::InconsistentKeys(_) => wrong(KEY)(format!("{place}: is not the key of {}", cert.display())),
        cause => wrong(KEY)(format!("{place}: {cause}")),
    })
}
fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|e| format!("{}: {e}", file.display()))?;
    if chain.is_empty() { Err(format!("{}: holds no certificate", file.display())) } else { Ok(chain) }
}

/// Verifies that a client's chain leads to a CA of `server.mtls_ca_file`, and that no list of `server.mtls_crl_file`
/// revokes it (RFC 5280 §6.3). If lists are configured, certificates of a CA without a current list are refused.
pub(super) fn authorities(
    config: &Config,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
    let Some(file) = &config.server.mtls_ca_file else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    for authority in chain(file).map_err(wrong("server.mtls_ca_file"))? {
        roots.add(authority).map_err(wrong("server.mtls_ca_file"))?;
    }
    let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let mut key = "server.mtls_ca_file";
    if let Some(file) = &config.server.mtls_crl_file {
        key = "server.mtls_crl_file";
        verifier = verifier.with_crls(lists(file).map_err(wrong(key))?).enforce_revocation_expiration();
    }
    verifier.build().map(Some).map_err(wrong(key))
}
fn lists(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let read = CertificateRevocationListDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let lists = read.map_err(|e| format!("{}: {e}", file.display()))?;
    // Without any list, nothing would ever count as revoked.
    if lists.is_empty() { Err(format!("{}: holds no revocation list", file.display())) } else { Ok(lists) }
}

/// Accepts any certificate whose private key the caller has, also self-signed ones (RFC 8705 §2.2).
#[derive(Debug)]
struct Possession(Arc<CryptoProvider>);
impl ClientCertVerifier for Possession {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
