//! In demo and test mode the `Host` header must be ours. Otherwise another site could read our pages by DNS rebinding:
//! its name points at this machine (requirements.md#modes). In production a proxy or the certificate prevents it.

use super::App;
use super::notes::{self, RefusedRequest};
use crate::config::Mode;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

/// Refuses a request for another host with 421 (RFC 9110 §15.5.20).
///
/// # Errors
/// Those of the inner service.
pub async fn ours<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let guarded = |app: &web::Data<App>| app.config.server.mode != Mode::Production;
    if let Some(app) = req.app_data::<web::Data<App>>().filter(|app| guarded(app)) {
        let asked = req.headers().get(header::HOST).and_then(|h| h.to_str().ok());
        let own = [Some(app.issuer()), app.config.server.mtls_base_url.as_deref()];
        if !asked.is_some_and(|host| own.into_iter().flatten().any(|url| known(host, url))) {
            let why = "the Host header is not one of ours";
            notes::refused(req.request(), RefusedRequest::plain("another_host", why));
            let answer = HttpResponse::MisdirectedRequest().finish();
            return Ok(req.into_response(answer).map_into_right_body());
        }
    }
    next.call(req).await.map(ServiceResponse::map_into_left_body)
}

/// Whether it is the host of our address, or a loopback address instead. Any port is accepted, because the listener for
/// client certificates has a port of its own.
fn known(asked: &str, issuer: &str) -> bool {
    let Some((_, own)) = issuer.split_once("://") else { return false };
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned();
    name(asked).eq_ignore_ascii_case(&name(own)) || matches!(name(asked).as_str(), "127.0.0.1" | "[::1]" | "localhost")
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
