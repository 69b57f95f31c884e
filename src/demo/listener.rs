//! The listener of every part: it answers to its own names only, on loopback or with TLS, and gives every answer its
//! security headers.

use crate::crypto::{Sha256, sha256};
use crate::pages::{self, Language};
use crate::wire::params;
use actix_web::body::{self, EitherBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{Extensions, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, ContentType, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::web::{ServiceConfig, method, resource};
use actix_web::{App, Error, FromRequest, Handler, HttpRequest, HttpResponse, HttpServer, Responder, Route};
use std::any::Any;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Pages run under this. Their forms lead to the authorization server, so it names no `form-action`.
const CSP_PAGE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                        base-uri 'none'; frame-ancestors 'none'";
/// What every answer carries unless it says otherwise.
const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // `no-referrer` would make Chromium send `Origin: null` with our own forms.
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// A bound port that does not answer yet: the parts have to know each other's addresses before any of them starts.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    name: String,
    tls: Option<rustls::ServerConfig>,
}

impl Listener {
    /// Binds `port` on loopback; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, name: "localhost".into(), tls: None })
    }

    /// Binds `address` for TLS under a host name.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn secure(address: SocketAddr, name: &str, tls: rustls::ServerConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, name: name.to_owned(), tls: Some(tls) })
    }

    /// The address as people and clients write it: `http://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.name, self.address.port())
    }

    /// Serves what `configure` registers until [`Running::stop`].
    ///
    /// # Errors
    /// When the listener cannot be handed to the server.
    pub fn open(self, configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> io::Result<Running> {
        let url = self.url();
        let (port, name) = (self.address.port(), Arc::<str>::from(self.name));
        let server = HttpServer::new(move || {
            let name = name.clone();
            App::new()
                .wrap(from_fn(move |request, next| guard(name.clone(), port, request, next)))
                .wrap(HEADERS.into_iter().fold(DefaultHeaders::new(), DefaultHeaders::add))
                .configure(configure.clone())
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(2)
        .client_request_timeout(Duration::from_secs(10))
        .on_connect(store_certificate);
        let server = match self.tls {
            Some(tls) => server.listen_rustls_0_23(self.listener, tls)?,
            None => server.listen(self.listener)?,
        };
        let server = server.run();
        let handle = server.handle();
        let served = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "a part of the demonstration stopped");
            }
        });
        Ok(Running { url, address: self.address, handle, served, background: None })
    }
}

/// A part that answers.
pub struct Running {
    url: String,
    address: SocketAddr,
    handle: ServerHandle,
    served: JoinHandle<()>,
    background: Option<JoinHandle<()>>,
}

impl Running {
    /// As [`Listener::url`].
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
    /// Has a task end with this part.
    pub(crate) fn background(mut self, task: JoinHandle<()>) -> Self {
        self.background = Some(task);
        self
    }
    /// Lets requests under way finish, then stops.
    pub async fn stop(self) {
        if let Some(task) = self.background {
            task.abort();
        }
        self.handle.stop(true).await;
        if let Err(error) = self.served.await {
            tracing::error!(%error, "a part of the demonstration ended badly");
        }
    }
}

/// Whether the Host header names this port by the listener's name or a loopback one: a page elsewhere that resolves its own
/// name to 127.0.0.1 (DNS rebinding) is turned away.
fn answers_to(host: &str, own: &str, port: u16) -> bool {
    [own, "localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        host.get(..name.len()).is_some_and(|h| h.eq_ignore_ascii_case(name))
            && host[name.len()..].strip_prefix(':').and_then(|p| p.parse().ok()) == Some(port)
    })
}

async fn guard(
    name: Arc<str>,
    port: u16,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    if answers_to(host, &name, port) {
        let chosen = chosen(request.query_string());
        let mut answer = next.call(request).await?.map_into_left_body();
        if let Some(language) = chosen {
            let cookie = Cookie::build(LANGUAGE, language.as_str()).path("/").http_only(true).same_site(SameSite::Lax);
            answer.response_mut().add_cookie(&cookie.finish())?;
        }
        return Ok(answer);
    }
    let answer = HttpResponse::MisdirectedRequest().body("this address is not served here\n");
    Ok(request.into_response(answer).map_into_right_body())
}

/// Remembers the language; all parts are one site to a browser and share it.
const LANGUAGE: &str = "sample_language";

/// The language a link to the other one asks for.
fn chosen(query: &str) -> Option<Language> {
    params(query).get("ui_locales").and_then(|tags| Language::of_ui_locales(tags))
}

/// The language of a page: the one just chosen, or the one chosen before.
pub(crate) fn language(request: &HttpRequest) -> Language {
    let before = || cookies(request, LANGUAGE).find_map(Language::parse);
    chosen(request.query_string()).or_else(before).unwrap_or_default()
}

/// The values a browser shows under a cookie's name; most have one or none. A browser sends with ours what every
/// neighbour on this host has set: what is no text is passed over.
pub(crate) fn cookies<'r>(request: &'r HttpRequest, name: &'r str) -> impl Iterator<Item = &'r str> {
    let pairs = request.headers().get_all(header::COOKIE).flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    let pairs = pairs.filter_map(|pair| std::str::from_utf8(pair.trim_ascii()).ok()?.split_once('='));
    pairs.filter(move |(shown, _)| *shown == name).map(|(_, value)| value)
}

/// A page.
pub(crate) fn page(html: Result<String, pages::Error>, status: StatusCode) -> HttpResponse {
    match html {
        Ok(html) => HttpResponse::build(status)
            .insert_header((header::CONTENT_SECURITY_POLICY, CSP_PAGE))
            .content_type(ContentType::html())
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().body("the page could not be rendered\n")
        }
    }
}

/// `HEAD` of a page where a look changes something: its head alone, and nothing is looked up. There is no
/// `Content-Length`, for what a GET would be answered with is not known (RFC 9110 §8.6).
pub(crate) async fn head_only() -> HttpResponse {
    let mut head = HttpResponse::Ok();
    head.insert_header((header::CONTENT_SECURITY_POLICY, CSP_PAGE)).content_type(ContentType::html());
    head.finish().set_body(body::None::new()).map_into_boxed_body()
}

/// For whoever waits until a part answers.
pub(crate) async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

/// Who calls an address: in their form they are told that a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callers {
    /// Browsers.
    People,
    /// Programs.
    Programs,
}

/// Registers an address with its methods: any other is 405 (RFC 9110 §15.5.6), and a body that is encoded is refused.
pub(crate) fn serve(config: &mut ServiceConfig, path: &str, by: Callers, routes: impl IntoIterator<Item = Route>) {
    let resource = routes.into_iter().fold(resource(path), actix_web::Resource::route);
    config.service(resource.wrap(from_fn(move |request, next| plain(by, request, next))));
}

/// `GET` and `HEAD` (RFC 9110 §9.3.2): the server library sends the head of the one answer for both.
pub(crate) fn look<F, Args>(handler: F) -> [Route; 2]
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    [Method::GET, Method::HEAD].map(|name| method(name).to(handler.clone()))
}

/// Refuses a body with a `Content-Encoding` other than `identity`: 415, and `Accept-Encoding` says what is read instead
/// (RFC 9110 §12.5.3, §15.5.16). Nothing is unpacked: a few kilobytes of gzip become megabytes in memory.
async fn plain<B: MessageBody>(
    by: Callers,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let mut codings = request.headers().get_all(header::CONTENT_ENCODING);
    if codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let mut answer = HttpResponse::UnsupportedMediaType();
    answer.insert_header((header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    let answer = match by {
        Callers::People => answer.content_type(ContentType::plaintext()).body("this body is encoded\n"),
        Callers::Programs => answer
            .json(serde_json::json!({"error": "invalid_request", "error_description": "the body must not be encoded"})),
    };
    Ok(request.into_response(answer).map_into_right_body())
}

/// The SHA-256 of a connection's client certificate.
#[derive(Debug, Clone, Copy)]
struct Certificate(Sha256);

/// Keeps a connection's client certificate where its requests find it.
fn store_certificate(io: &dyn Any, data: &mut Extensions) {
    let Some(tls) = io.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>() else { return };
    if let Some(own) = tls.get_ref().1.peer_certificates().and_then(<[_]>::first) {
        data.insert(Certificate(sha256(own)));
    }
}

/// SHA-256 of the certificate that the caller showed in the handshake of this very connection (RFC 8705 §3.1).
pub(crate) fn certificate(request: &HttpRequest) -> Option<Sha256> {
    request.conn_data::<Certificate>().map(|shown| shown.0)
}

/// Whether a request that changes something comes from the part's own page, or from no browser at all. SameSite
/// cookies do not help here: to a browser every port of `localhost` is one site.
#[must_use]
pub(crate) fn own_page(headers: &HeaderMap, own: &str) -> bool {
    let get = |name: HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    match (get(HeaderName::from_static("sec-fetch-site")), get(header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == own,
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_with_the_port_are_answered() {
        for (host, answered) in [
            ("localhost:8081", true),
            ("LOCALHOST:8081", true),
            ("127.0.0.1:8081", true),
            ("[::1]:8081", true),
            ("localhost:8080", false),
            ("localhost", false),
            ("localhost.evil.example:8081", false),
            ("evil.example:8081", false),
            ("localhost:8081:8081", false),
            ("", false),
        ] {
            assert_eq!(answers_to(host, "localhost", 8081), answered, "{host}");
        }
    }
}
