//! Security headers of every answer. A handler that needs another value sets it itself; this only fills what is
//! missing, so the default is the strictest.

use super::App;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};

/// Pages run under this; forms go to ourselves.
pub const CSP_PAGE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                            base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
/// Pages whose form ends at the app carry no `form-action`: Chromium would block the redirect.
pub const CSP_LEAVING: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                               base-uri 'none'; frame-ancestors 'none'";
/// What is no page runs nothing.
const CSP_NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds the headers every answer of ours carries.
///
/// # Errors
/// The inner service's.
pub async fn secure<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let https = over_tls(&req);
    let mut answer = next.call(req).await?;
    complete(answer.headers_mut(), https);
    Ok(answer)
}

/// Whether the screens are reached over TLS.
pub(super) fn over_tls(req: &ServiceRequest) -> bool {
    req.app_data::<web::Data<App>>().is_some_and(|app| app.config.https())
}

/// Fills in what is missing.
pub(super) fn complete(headers: &mut HeaderMap, https: bool) {
    fill(headers, header::CONTENT_SECURITY_POLICY, CSP_NOTHING);
    fill(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    fill(headers, header::X_FRAME_OPTIONS, "DENY");
    // `no-referrer` would make Chromium send `Origin: null` with our own forms.
    fill(headers, header::REFERRER_POLICY, "same-origin");
    fill(headers, header::CACHE_CONTROL, "no-store");
    fill(
        headers,
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    fill(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    fill(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if https {
        fill(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
}

fn fill(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
