//! The door of every actor: a listener that answers to its own names only; on loopback, or with TLS beside a server in
//! test mode.

use crate::pages::{self, Language};
use crate::params::Params;
use crate::web::client_cert;
use crate::web::cookie::values;
use crate::web::headers::{CSP_LEAVING, secure};
use crate::web::page::bare;
use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType, HeaderMap, HeaderName};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A bound port that does not answer yet: actors have to know each other's addresses before any of them starts.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    name: String,
    tls: Option<rustls::ServerConfig>,
}

impl Door {
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

    /// Opens the door: serves what `configure` registers until [`Running::stop`].
    ///
    /// # Errors
    /// When the listener cannot be handed to the server.
    pub fn open(self, configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> io::Result<Running> {
        let url = self.url();
        let (port, name) = (self.address.port(), Arc::<str>::from(self.name));
        let server = HttpServer::new(move || {
            let name = name.clone();
            App::new()
                .wrap(from_fn(secure))
                .wrap(from_fn(move |request, next| guard(name.clone(), port, request, next)))
                .configure(configure.clone())
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(2)
        .client_request_timeout(Duration::from_secs(10))
        .on_connect(client_cert::on_connect);
        let server = match self.tls {
            Some(tls) => server.listen_rustls_0_23(self.listener, tls)?,
            None => server.listen(self.listener)?,
        };
        let server = server.run();
        let handle = server.handle();
        let served = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "a demo actor stopped");
            }
        });
        Ok(Running { url, address: self.address, handle, served })
    }
}

/// An actor that answers.
pub struct Running {
    url: String,
    address: SocketAddr,
    handle: ServerHandle,
    served: JoinHandle<()>,
}

impl Running {
    /// As [`Door::url`].
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
    /// Lets requests under way finish, then stops.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        if let Err(error) = self.served.await {
            tracing::error!(%error, "a demo actor ended badly");
        }
    }
}

/// Whether the Host header names this port by the door's name or a loopback one: a page elsewhere that resolves its own
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

/// Remembers the language; the actors are one site to a browser and share it.
const LANGUAGE: &str = "sample_language";

/// The language a link to the other one asks for.
fn chosen(query: &str) -> Option<Language> {
    Params::parse(query).ok()?.get("ui_locales").and_then(Language::of_ui_locales)
}

/// The language of a page: the one just chosen, or the one chosen before.
pub(super) fn language(request: &HttpRequest) -> Language {
    let before = || values(request, LANGUAGE).find_map(Language::parse);
    chosen(request.query_string()).or_else(before).unwrap_or_default()
}

/// A page. Its forms lead to the authorization server, so its policy names no `form-action`.
pub(super) fn page(html: Result<String, pages::Error>, status: StatusCode) -> HttpResponse {
    match html {
        Ok(html) => HttpResponse::build(status)
            .insert_header((header::CONTENT_SECURITY_POLICY, CSP_LEAVING))
            .content_type(ContentType::html())
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().body("the page could not be rendered\n")
        }
    }
}

/// `HEAD` of a page where a look changes something.
pub(super) async fn head() -> HttpResponse {
    bare(CSP_LEAVING)
}

/// Whether a request that changes something comes from the actor's own page, or from no browser at all. SameSite
/// cookies do not help here: to a browser every port of `localhost` is one site.
#[must_use]
pub fn own_page(headers: &HeaderMap, own: &str) -> bool {
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
