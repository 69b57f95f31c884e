//! In demo and test mode the `Host` header must be ours. Otherwise another site could read our pages by DNS rebinding:
//! its name points at this machine (requirements.md#modes). In production a proxy or the certificate prevents it.

use super::App;
use super::notes::{self, RefusedRequest};
use crate::config::Mode;
use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::header;

/// The answer to a request for another host: 421 (RFC 9110 §15.5.20).
#[must_use]
pub fn refusal(app: &App, req: &ServiceRequest) -> Option<HttpResponse> {
    if app.config.server.mode == Mode::Production {
        return None;
    }
    let asked = req.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    let own = [Some(app.issuer()), app.config.server.mtls_base_url.as_deref()];
    if asked.is_some_and(|host| own.into_iter().flatten().any(|url| known(host, url))) {
        return None;
    }
    notes::refused(req.request(), RefusedRequest::plain("another_host", "the Host header is not one of ours"));
    Some(HttpResponse::MisdirectedRequest().finish())
}

/// Whether it is the host of our address, or a loopback address instead. Any port is accepted, because the listener for
/// client certificates has a port of its own.
fn known(asked: &str, issuer: &str) -> bool {
    let Some((_, own)) = issuer.split_once("://") else { return false };
    let (asked, own) = (name(asked), name(own));
    asked.eq_ignore_ascii_case(own) || matches!(asked, "127.0.0.1" | "[::1]" | "localhost")
}

/// A host without its port.
fn name(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn only_our_names() {
        for (asked, want) in [
            ("localhost:8080", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("evil.example:8080", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:8080", false),
            ("", false),
        ] {
            assert_eq!(known(asked, "http://localhost:8080"), want, "{asked}");
        }
        assert!(known("link.minato.test", "https://link.minato.test"));
        assert!(known("link.minato.test:8444", "https://link.minato.test:8443"), "RFC 8705 5: the mTLS alias");
        assert!(!known("evil.test:8443", "https://link.minato.test:8443"));
    }
}
