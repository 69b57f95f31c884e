//! One log span for each request, without the query, which may contain codes, hints and request objects. An interaction
//! id is not secret (it is useless without the cookie), but only the route's pattern is logged. When the request has
//! ended, its line and, if it was refused, the line of the refusal are written.

use super::error::ApiError;
use super::notes::{self, Notes};
use super::{Shared, extract, paths};
use crate::trace_context::{self, TRACEPARENT};
use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use std::time::Instant;
use tracing_actix_web::{RequestId, RootSpanBuilder};

/// When the request arrived.
struct Arrived(Instant);

/// Builds the span.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spans;
impl RootSpanBuilder for Spans {
    fn on_request_start(req: &ServiceRequest) -> tracing::Span {
        let id = req.extensions().get::<RequestId>().copied();
        req.extensions_mut().insert(Arrived(Instant::now()));
        let route = req.match_pattern().unwrap_or_else(|| "-".to_owned());
        let span = tracing::info_span!(
            "http",
            method = method(req.method().as_str()),
            route,
            request_id = id.map(tracing::field::display),
            status = tracing::field::Empty
        );
        if let Some(traceparent) = followed(req) {
            trace_context::follow(&span, traceparent);
        }
        span
    }
    fn on_request_end<B: MessageBody>(span: tracing::Span, outcome: &Result<ServiceResponse<B>, actix_web::Error>) {
        let status = match outcome {
            Ok(answer) => answer.status(),
            Err(e) => e.as_response_error().status_code(),
        };
        // A signed number: traces know no other.
        span.record("status", i64::from(status.as_u16()));
        let _in_span = span.enter();
        match outcome {
            Ok(answer) => ended(answer),
            Err(_) => tracing::info!("served"),
        }
    }
}

/// The methods of RFC 9110 §9 and RFC 5789.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// The name of a method. A stranger may send any other text, which is neither for the log nor for a trace; `_OTHER` is what OpenTelemetry's
/// conventions say in its place.
fn method(sent: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == sent).unwrap_or("_OTHER")
}

/// The `traceparent` of a caller whose traces go on here. Anybody else could decide what is sent to the collector.
fn followed(req: &ServiceRequest) -> Option<&str> {
    let app = req.app_data::<Shared>().filter(|app| !app.followed.is_empty())?;
    let header = req.headers().get(TRACEPARENT)?.to_str().ok()?;
    let caller = extract::caller(req.request(), app)?;
    // Where a proxy does not say who called, the address is the proxy's own.
    let known = !app.proxies.load().iter().any(|proxy| proxy.holds(caller));
    (known && app.followed.iter().any(|network| network.holds(caller))).then_some(header)
}

fn ended<B>(answer: &ServiceResponse<B>) {
    let req = answer.request();
    let Some(app) = req.app_data::<Shared>() else { return tracing::info!("served") };
    let extensions = req.extensions();
    let (nothing, noted) = (Notes::default(), extensions.get::<Notes>());
    let notes = noted.unwrap_or(&nothing);
    let address = extract::caller(req, app);
    let route = req.match_pattern();
    if let Some(refused) = refusal(notes, answer) {
        app.refusals.note(route.as_deref().unwrap_or("-"), req.method().as_str(), address, notes, &refused);
    }
    let milliseconds = extensions.get::<Arrived>().map(|at| at.0.elapsed().as_secs_f64() * 1000.0);
    let (client, address) = (notes.client.as_ref().map(|id| id.as_str()), address.map(tracing::field::display));
    if route.as_deref() == Some(paths::INTROSPECT) {
        // At thousands a second a line would cost more than the request; the metrics count them.
        tracing::debug!(milliseconds, address, client, "served");
    } else {
        tracing::info!(milliseconds, address, client, "served");
    }
}

fn refusal<B>(notes: &Notes, answer: &ServiceResponse<B>) -> Option<notes::RefusedRequest> {
    let error = answer.response().error();
    match error {
        Some(error) => notes::refusal(notes, Some(error.as_error::<ApiError>()?)),
        None => notes::refusal(notes, None),
    }
}

/// The header that names a refused request: a caller can quote it, and the operator finds its line.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds [`REQUEST_ID`] to the answer of each refused request.
///
/// # Errors
/// Those of the inner service.
pub async fn name_refused<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut answer = next.call(req).await?;
    let id = {
        let extensions = answer.request().extensions();
        let refused = refusal(extensions.get::<Notes>().unwrap_or(&Notes::default()), &answer).is_some();
        extensions.get::<RequestId>().filter(|_| refused).map(ToString::to_string)
    };
    if let Some(value) = id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(answer)
}
