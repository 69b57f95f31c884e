//! Every request we send to another party's server: limited in time and size, without redirects, without a proxy, https
//! only, and never to a private address that is not allowed. For the institution's own systems, the configuration lists
//! the allowed networks; for a client's URLs, that client's record does (by a `jwks_uri`, an unknown party chooses
//! where we connect).

mod address;
mod message;
#[cfg(test)]
mod tests;

pub use crate::network::Network;
pub use message::{Method, OutboundResponse, Request};

use crate::client::{FetchError, JwksPort};
use crate::trace_context::{self, TRACEPARENT};
use crate::traced::ONLY_TRACED;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;
use url::{Host, Url};

/// Which addresses may be reached, and the limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Private networks that may be reached.
    pub networks: Vec<Network>,
    /// Whether public addresses may be reached.
    pub world: bool,
    /// Whether plain http is allowed: in demo and test mode.
    pub plain_http: bool,
    /// Certificates to trust in addition to the system's, PEM.
    pub extra_ca: Option<Vec<u8>>,
    /// The time limit of a whole exchange.
    pub timeout: Duration,
    /// The largest response that is read.
    pub most_bytes: usize,
}
impl Default for Settings {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            world: true,
            plain_http: false,
            extra_ca: None,
            timeout: Duration::from_secs(5),
            most_bytes: 1024 * 1024,
        }
    }
}

/// What is missing where neither the machine nor the configuration has certificates of authorities, as in a slim container, and what
/// to do.
pub const NO_AUTHORITIES: &str = "is not set, and this machine has no certificates of authorities, without which no other server can be \
                                  verified: install the package ca-certificates, or name a file with the authorities here";

/// Why there is no response. For the log; the texts contain no query and no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The client could not be created, because of certificates.
    #[error("the outbound client cannot be made: {0}")]
    Setup(String),
    /// This machine has no certificates of authorities, and the configuration names none.
    #[error("{NO_AUTHORITIES} ({0})")]
    NoAuthorities(String),
    /// An address that is not allowed.
    #[error("not an address we go to: {0}")]
    Refused(&'static str),
    /// No connection, no response in time, or an incomplete response.
    #[error("no answer: {0}")]
    Transport(String),
    /// The response is too large.
    #[error("the answer is too large")]
    TooLarge,
    /// The status is not success.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The response is not JSON.
    #[error("the answer is not JSON")]
    NotJson,
}

/// The HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    http: reqwest::Client,
    settings: Arc<Settings>,
}

impl Outbound {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let setup = |e: reqwest::Error| Error::Setup(innermost(e));
        let mut builder = base(&settings);
        if let Some(pem) = &settings.extra_ca {
            let authorities = reqwest::Certificate::from_pem_bundle(pem).map_err(setup)?;
            if authorities.is_empty() {
                return Err(Error::Setup("the file of authorities holds no certificate".into()));
            }
            builder = builder.tls_certs_merge(authorities);
        }
        let http = builder.build().map_err(|e| match settings.extra_ca {
            Some(_) => setup(e),
            None => Error::NoAuthorities(innermost(e)),
        })?;
        Ok(Self { http, settings: Arc::new(settings) })
    }

    /// A client for plain http to this machine only, for the parts of the demo.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn loopback() -> Result<Self, Error> {
        let settings =
            Settings { networks: Network::loopback(), world: false, plain_http: true, ..Settings::default() };
        // No trusted certificates, so that it also works on a machine that has none.
        let http = base(&settings).tls_certs_only([]).build();
        let http = http.map_err(|e| Error::Setup(innermost(e)))?;
        Ok(Self { http, settings: Arc::new(settings) })
    }

    /// The same client that may also reach these private networks. It has its own connection pool, so that a connection
    /// into a private network is not reused by a client that may not go there. A client that may not reach public
    /// addresses (the demo's) does not change.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn reaching(&self, networks: &[Network]) -> Result<Self, Error> {
        if networks.is_empty() || !self.settings.world {
            return Ok(self.clone());
        }
        let networks = self.settings.networks.iter().chain(networks).copied().collect();
        Self::new(Settings { networks, ..Settings::clone(&self.settings) })
    }

    /// Sends a request and reads the response, whatever its status. It is a span of the trace in which it happens, and the receiver
    /// learns to which trace it belongs (W3C Trace Context).
    ///
    /// # Errors
    /// [`Error`]; a redirect is a response like any other.
    pub async fn send(&self, request: Request) -> Result<OutboundResponse, Error> {
        // The host alone: a path of the core bank names an account.
        let (method, peer) = (request.method.name(), tracing::field::Empty);
        let span = tracing::info_span!(target: ONLY_TRACED, "outbound", method, peer, status = tracing::field::Empty);
        if span.is_disabled() {
            return self.send_untraced(request).await;
        }
        if let Some(host) = Url::parse(&request.url).ok().as_ref().and_then(Url::host_str) {
            span.record("peer", host);
        }
        let request = match trace_context::traceparent(&span) {
            Some(value) => request.header(TRACEPARENT, value),
            None => request,
        };
        let sent = self.send_untraced(request).instrument(span.clone()).await;
        if let Ok(answer) = &sent {
            span.record("status", i64::from(answer.status));
        }
        sent
    }

    /// The same outside every trace.
    ///
    /// # Errors
    /// See [`Outbound::send`].
    pub async fn send_untraced(&self, request: Request) -> Result<OutboundResponse, Error> {
        let url = self.admit(&request.url)?;
        let mut builder = self.http.request(request.method.into(), url);
        for (name, value) in request.headers {
            builder = builder.header(name.as_ref(), value);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body);
        }
        let mut response = builder.send().await.map_err(transport)?;
        let most = self.settings.most_bytes;
        if response.content_length().is_some_and(|n| n > most as u64) {
            return Err(Error::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > most {
                return Err(Error::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(OutboundResponse { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// GETs a JSON document.
    ///
    /// # Errors
    /// [`Error`]; also for every status but 200.
    pub async fn get_json(&self, url: &str) -> Result<Value, Error> {
        let answer = self.send(Request::new(Method::Get, url).header("accept", "application/json")).await?;
        if answer.status == 200 { answer.json() } else { Err(Error::Status(answer.status)) }
    }

    /// POSTs JSON.
    ///
    /// # Errors
    /// [`Error`]; the caller checks the status.
    pub async fn post_json(&self, url: &str, value: &Value) -> Result<OutboundResponse, Error> {
        self.send(Request::new(Method::Post, url).header("accept", "application/json").json(value)).await
    }

    /// Whether `url` is allowed. Names are checked when they are resolved ([`Inside`]); IP addresses in a URL are not
    /// resolved, so they are checked here.
    fn admit(&self, url: &str) -> Result<Url, Error> {
        let url = Url::parse(url).map_err(|_| Error::Refused("not a URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.settings.plain_http => {}
            _ => return Err(Error::Refused("not https")),
        }
        let allowed = match url.host() {
            Some(Host::Ipv4(ip)) => address::may_reach(ip.into(), &self.settings),
            Some(Host::Ipv6(ip)) => address::may_reach(ip.into(), &self.settings),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if !allowed {
            return Err(Error::Refused("inside our own network"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Refused("a user name in the URL"));
        }
        Ok(url)
    }
}

fn base(settings: &Settings) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(settings.timeout)
        .connect_timeout(settings.timeout.min(Duration::from_secs(3)))
        .https_only(!settings.plain_http)
        .user_agent(concat!("renkei/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(Inside(settings.clone())))
}

/// Resolves names and removes addresses that are not allowed, at the time of connecting, so that a name cannot point
/// elsewhere between check and use.
struct Inside(Settings);
impl Resolve for Inside {
    fn resolve(&self, name: Name) -> Resolving {
        let settings = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept: Vec<_> = found.filter(|a| address::may_reach(a.ip(), &settings)).collect();
            if kept.is_empty() {
                return Err(Error::Refused("inside our own network").into());
            }
            let addresses: Addrs = Box::new(kept.into_iter());
            Ok(addresses)
        })
    }
}

/// The innermost cause, which says most: "connection refused" rather than "error sending request".
fn innermost(e: reqwest::Error) -> String {
    let e = e.without_url();
    let mut cause: &dyn std::error::Error = &e;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Why there was no answer.
fn transport(e: reqwest::Error) -> Error {
    let mut cause: &dyn std::error::Error = &e;
    while let Some(inner) = cause.source() {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return ours.clone();
        }
        cause = inner;
    }
    if e.is_timeout() {
        return Error::Transport("it took too long".into());
    }
    Error::Transport(innermost(e))
}

impl JwksPort for Outbound {
    fn get_json<'a>(&'a self, url: &'a str, networks: &'a [Network]) -> BoxFuture<'a, Result<Value, FetchError>> {
        Box::pin(async move {
            let failed = |e: Error| FetchError(e.to_string());
            self.reaching(networks).map_err(failed)?.get_json(url).await.map_err(failed)
        })
    }
}
