//! Security headers of every response. A handler that needs another value sets it itself; this only adds missing
//! headers, with the strictest values.

use super::App;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use std::sync::atomic::Ordering;

/// For pages; forms are submitted to ourselves.
pub const CSP_PAGE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                            base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
/// For pages whose form leads to the app. Without `form-action`, because Chromium would block the redirect.
pub const CSP_LEAVING: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                               base-uri 'none'; frame-ancestors 'none'";
/// For responses that are not pages: nothing may run.
const CSP_NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds the headers of every response. A server that stops closes the connection after its response, so that the next
/// request goes to another node.
pub fn secure<B>(app: &App, answer: &mut ServiceResponse<B>) {
    complete(answer.headers_mut(), app.config.https());
    if !app.ready.load(Ordering::Acquire) {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
}

/// [`secure`] as a middleware.
///
/// # Errors
/// Those of the inner service.
pub async fn secured<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let mut answer = next.call(req).await?;
    if let Some(app) = answer.request().app_data::<web::Data<App>>().cloned() {
        secure(&app, &mut answer);
    }
    Ok(answer)
}

/// Adds missing headers.
pub(super) fn complete(headers: &mut HeaderMap, https: bool) {
    fill(headers, header::CONTENT_SECURITY_POLICY, CSP_NOTHING);
    fill(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    fill(headers, header::X_FRAME_OPTIONS, "DENY");
    // With `no-referrer` Chromium would send `Origin: null` with our own forms.
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
        // Unlike `insert` it returns nothing, and so copies less.
        headers.append(name, HeaderValue::from_static(value));
    }
}
