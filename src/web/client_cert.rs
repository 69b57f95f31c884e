//! The client certificate of a request: from our own TLS handshake, or, where `server.client_cert_header` says that
//! proxies end TLS, from a trusted proxy's `Client-Cert` header (RFC 9440). From anybody else that header is ignored.

use super::App;
use super::extract::is_proxy;
use crate::client::certificate::Certificate;
use crate::clock::Instant;
use crate::secret::Hash;
use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// A certificate is a few kilobytes; a header that is longer is none.
const MAX_HEADER: usize = 16 * 1024;

/// The chain as it came in the handshake, the client's own certificate first.
#[derive(Debug, Clone)]
struct Chain(Vec<CertificateDer<'static>>);

/// Keeps a connection's client certificates where its requests find them.
pub fn on_connect(io: &dyn Any, data: &mut Extensions) {
    let Some(tls) = io.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>() else { return };
    if let Some(chain) = tls.get_ref().1.peer_certificates() {
        data.insert(Chain(chain.iter().map(|c| c.clone().into_owned()).collect()));
    }
}

/// `x5t#S256` of the certificate shown in the handshake of this very connection: for a resource server without our
/// configuration.
#[must_use]
pub fn shown(req: &HttpRequest) -> Option<Hash> {
    req.conn_data::<Chain>()?.0.first().map(Hash::of)
}

/// The chain of the connection, the own certificate first.
fn chain(req: &HttpRequest, app: &App) -> Option<Vec<CertificateDer<'static>>> {
    match req.conn_data::<Chain>() {
        Some(Chain(chain)) => Some(chain.clone()),
        None if app.config.server.client_cert_header && is_proxy(req, app) => from_proxy(req),
        None => None,
    }
}

/// `x5t#S256` of the certificate this request's caller proved to hold (RFC 8705 §3.1).
#[must_use]
pub fn thumbprint(req: &HttpRequest, app: &App) -> Option<Hash> {
    chain(req, app)?.first().map(Hash::of)
}

/// The certificate this request's caller proved to hold, if any.
#[must_use]
pub fn presented(req: &HttpRequest, app: &App, now: Instant) -> Option<Certificate> {
    let chain = chain(req, app)?;
    let (own, intermediates) = chain.split_first()?;
    let trusted = app.authorities.as_ref().is_some_and(|a| leads_to(&a.load(), own, intermediates, now));
    Certificate::read(own, trusted).ok()
}

fn leads_to(
    authorities: &Arc<dyn ClientCertVerifier>,
    own: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    now: Instant,
) -> bool {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.secs().unsigned_abs()));
    let verdict = authorities.verify_client_cert(own, rest, now);
    // No more than `debug`: anybody may come with a certificate of their own making.
    verdict.inspect_err(|cause| tracing::debug!(%cause, "nobody vouches for a client's certificate")).is_ok()
}

/// RFC 9440 §2: one `Client-Cert`, an RFC 8941 byte sequence; `Client-Cert-Chain`, a list of them.
fn from_proxy(req: &HttpRequest) -> Option<Vec<CertificateDer<'static>>> {
    let mut own = req.headers().get_all("Client-Cert");
    let (Some(first), None) = (own.next(), own.next()) else { return None };
    let mut chain = vec![byte_sequence(first.to_str().ok()?)?];
    for line in req.headers().get_all("Client-Cert-Chain") {
        for item in line.to_str().ok()?.split(',') {
            chain.push(byte_sequence(item)?);
        }
    }
    Some(chain)
}

/// Reads one RFC 8941 byte sequence, as RFC 9440 carries a certificate; `None` for anything else.
#[must_use]
pub fn byte_sequence(text: &str) -> Option<CertificateDer<'static>> {
    let inner = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    (inner.len() <= MAX_HEADER).then(|| STANDARD.decode(inner).ok()).flatten().map(CertificateDer::from)
}
