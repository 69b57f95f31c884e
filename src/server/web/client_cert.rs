//! The client certificate of a request: from our own TLS handshake, or, with `server.client_cert_header`, from a
//! trusted proxy's `Client-Cert` header (RFC 9440). From any other peer that header is ignored.

use super::App;
use super::extract::is_proxy;
use crate::client::certificate::Certificate;
use crate::clock::Instant;
use crate::secret::Hash;
use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::http::header::HeaderValue;
use actix_web::rt::net::TcpStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The longest certificate header, in bytes; a certificate has a few kilobytes.
const MAX_HEADER: usize = 16 * 1024;

/// The certificate chain of the handshake, the client's own certificate first.
#[derive(Debug, Clone)]
struct Chain(Vec<CertificateDer<'static>>);

/// Stores a connection's client certificates for its requests.
pub fn on_connect(io: &dyn Any, data: &mut Extensions) {
    let Some(tls) = io.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>() else { return };
    if let Some(chain) = tls.get_ref().1.peer_certificates() {
        data.insert(Chain(chain.iter().map(|c| c.clone().into_owned()).collect()));
    }
}

/// When we last logged an unreadable certificate header of a proxy, in milliseconds. It would happen with every
/// request, so one line a second is enough.
#[derive(Debug, Default)]
pub struct Unreadable(AtomicI64);
impl Unreadable {
    /// Whether a line is due; only the first caller gets true.
    fn due(&self, now: Instant) -> bool {
        let (now, last) = (now.millis(), self.0.load(Ordering::Relaxed));
        let passed = !(last..last.saturating_add(1000)).contains(&now);
        passed && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Tells the operator that a proxy's header cannot be read. The header is not logged.
fn unreadable(req: &HttpRequest, app: &App, why: &'static str) {
    if app.unreadable.due(app.now()) {
        let proxy = req.peer_addr().map(|peer| peer.ip().to_canonical());
        let proxy = proxy.map(tracing::field::display);
        tracing::warn!(
            proxy,
            why,
            "a trusted proxy's certificate header cannot be read; the request counts as one without a certificate"
        );
    }
}

/// Whether a proxy sends the certificate: the connection has none, and the peer is a trusted proxy.
fn is_from_proxy(req: &HttpRequest, app: &App) -> bool {
    req.conn_data::<Chain>().is_none() && app.config.server.client_cert_header && is_proxy(req, app)
}

/// The chain of the request, the client's own certificate first.
fn chain(req: &HttpRequest, app: &App) -> Option<Vec<CertificateDer<'static>>> {
    if is_from_proxy(req, app) {
        return from_proxy(req).unwrap_or_else(|why| {
            unreadable(req, app, why);
            None
        });
    }
    req.conn_data::<Chain>().map(|Chain(chain)| chain.clone())
}

/// `x5t#S256` of the certificate that the caller proved to possess (RFC 8705 §3.1).
#[must_use]
pub fn thumbprint(req: &HttpRequest, app: &App) -> Option<Hash> {
    chain(req, app)?.first().map(Hash::of)
}

/// The certificate that the caller proved to possess, if any.
#[must_use]
pub fn presented(req: &HttpRequest, app: &App, now: Instant) -> Option<Certificate> {
    let chain = chain(req, app)?;
    let (own, intermediates) = chain.split_first()?;
    let trusted = app.authorities.as_ref().is_some_and(|a| leads_to(&a.load(), own, intermediates, now));
    let read = Certificate::parse(own, trusted);
    if read.is_err() && is_from_proxy(req, app) {
        unreadable(req, app, "Client-Cert holds no X.509 certificate");
    }
    read.ok()
}

fn leads_to(
    authorities: &Arc<dyn ClientCertVerifier>,
    own: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    now: Instant,
) -> bool {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.secs().unsigned_abs()));
    let verdict = authorities.verify_client_cert(own, rest, now);
    // Only `debug`: anybody may send a self-made certificate.
    verdict.inspect_err(|cause| tracing::debug!(%cause, "nobody vouches for a client's certificate")).is_ok()
}

/// RFC 9440 §2: one `Client-Cert`, an RFC 8941 byte sequence; `Client-Cert-Chain`, a list of them. `None` if both are
/// absent; an error text if they cannot be read.
fn from_proxy(req: &HttpRequest) -> Result<Option<Vec<CertificateDer<'static>>>, &'static str> {
    let read = |text: &HeaderValue| text.to_str().ok().map(|text| text.split(',').map(byte_sequence).collect());
    let mut own = req.headers().get_all("Client-Cert");
    let mut rest = req.headers().get_all("Client-Cert-Chain").peekable();
    let mut chain: Vec<_> = match (own.next(), own.next()) {
        (None, _) if rest.peek().is_none() => return Ok(None),
        (None, _) => return Err("Client-Cert-Chain stands without Client-Cert"),
        (Some(_), Some(_)) => return Err("Client-Cert stands twice"),
        (Some(one), None) => read(one).flatten().ok_or("Client-Cert is no byte sequence")?,
    };
    if chain.len() != 1 {
        return Err("Client-Cert is a list");
    }
    for line in rest {
        let more: Option<Vec<_>> = read(line).flatten();
        chain.extend(more.ok_or("Client-Cert-Chain is no list of byte sequences")?);
    }
    Ok(Some(chain))
}

/// Parses one RFC 8941 byte sequence, the form of a certificate in RFC 9440; `None` for anything else.
#[must_use]
pub fn byte_sequence(text: &str) -> Option<CertificateDer<'static>> {
    let inner = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    (inner.len() <= MAX_HEADER).then(|| STANDARD.decode(inner).ok()).flatten().map(CertificateDer::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_once_a_second() {
        let (told, start) = (Unreadable::default(), Instant::from_secs(1_000_000));
        let due = |ms: u64| told.due(start + Duration::from_millis(ms));
        let asked = [0, 0, 1, 500, 999, 1000, 1001, 1999, 2000, 9000, 9999, 10_000];
        let lines: Vec<u64> = asked.into_iter().filter(|ms| due(*ms)).collect();
        assert_eq!(lines, [0, 1000, 2000, 9000, 10_000]);
        assert!(told.due(start), "a clock that was put back does not silence it");
    }
}
