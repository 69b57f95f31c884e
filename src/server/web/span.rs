//! One log span for each request, without the query, which may contain codes, hints and request objects. An interaction
//! id is not secret (it is useless without the cookie), but only the route's pattern is logged. When the request has
//! ended, its line and, if it was refused, the line of the refusal are written.

use super::error::ApiError;
use super::notes::{self, Notes, RefusedRequest};
use super::{Shared, extract, paths};
use crate::trace_context::{self, TRACEPARENT};
use actix_web::Error;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use std::net::IpAddr;
use std::time::Instant;
use tracing::Span;
use tracing::field::{Empty, display};
use uuid::Uuid;

/// The header that names a refused request: a caller can quote it, and the operator finds its line.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request while it is served. If its caller leaves, it is dropped, and counted without a status.
pub struct ServedRequest {
    app: Shared,
    /// Its number in the table; `None` for an address that leads nowhere.
    route: Option<usize>,
    id: Uuid,
    arrived: Instant,
    status: Option<u16>,
    /// The span of everything that is logged about it.
    pub span: Span,
}

impl Drop for ServedRequest {
    fn drop(&mut self) {
        if let Some(route) = self.route {
            self.app.meters.request(route, self.status, self.arrived.elapsed());
        }
    }
}

impl ServedRequest {
    /// A request that has arrived.
    #[must_use]
    pub fn new(app: Shared, route: Option<usize>, req: &ServiceRequest) -> Self {
        let (id, arrived) = (Uuid::new_v4(), Instant::now());
        let mut text = Uuid::encode_buffer();
        let span = tracing::info_span!(
            "http",
            method = method(req.method().as_str()),
            route = pattern(&app, route),
            request_id = &*id.as_hyphenated().encode_lower(&mut text),
            status = Empty
        );
        if let Some(traceparent) = followed(&app, req) {
            trace_context::follow(&span, traceparent);
        }
        Self { app, route, id, arrived, status: None, span }
    }

    /// Writes its lines, and names it to the caller if it is refused.
    pub fn end<B>(mut self, outcome: &mut Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(answer) => answer.status(),
            Err(e) => e.as_response_error().status_code(),
        };
        // A request that took too long has no status of its handler.
        self.status = outcome.is_ok().then_some(status.as_u16());
        let refused = outcome.as_ref().ok().and_then(refusal);
        if outcome.is_ok() && self.is_quiet(refused.as_ref()) {
            return;
        }
        // A signed number: traces know no other.
        self.span.record("status", i64::from(status.as_u16()));
        let _in_span = self.span.enter();
        match outcome {
            Ok(answer) => self.answered(answer, refused.as_ref()),
            Err(_) => tracing::info!("served"),
        }
    }

    /// Whether nothing is written about an answered request. At thousands of introspections a second a line would cost more than the
    /// request; the metrics count them.
    fn is_quiet(&self, refused: Option<&RefusedRequest>) -> bool {
        let traced = self.app.config.traces.endpoint.is_some();
        refused.is_none() && !traced && self.is_introspection() && !tracing::enabled!(tracing::Level::DEBUG)
    }

    fn is_introspection(&self) -> bool {
        pattern(&self.app, self.route) == paths::INTROSPECT
    }

    fn answered<B>(&self, answer: &mut ServiceResponse<B>, refused: Option<&RefusedRequest>) {
        let address = extract::caller(answer.request(), &self.app);
        notes::read(answer.request(), |notes| {
            if let Some(refused) = refused {
                let (route, method) = (pattern(&self.app, self.route), answer.request().method().as_str());
                self.app.refusals.note(route, method, address, notes, refused);
            }
            self.line(address, notes);
        });
        if refused.is_some()
            && let Ok(id) = HeaderValue::from_str(&self.id.to_string())
        {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
    }

    fn line(&self, address: Option<IpAddr>, notes: &Notes) {
        let milliseconds = self.arrived.elapsed().as_secs_f64() * 1000.0;
        let (client, address) = (notes.client.as_ref().map(|id| id.as_str()), address.map(display));
        if self.is_introspection() {
            tracing::debug!(milliseconds, address, client, "served");
        } else {
            tracing::info!(milliseconds, address, client, "served");
        }
    }
}

/// The pattern of a route.
fn pattern(app: &Shared, route: Option<usize>) -> &str {
    route.and_then(|route| app.meters.routes().get(route)).map_or("-", |meter| &meter.route)
}

/// The methods of RFC 9110 §9 and RFC 5789.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// The name of a method. A stranger may send any other text, which is neither for the log nor for a trace; `_OTHER` is what OpenTelemetry's
/// conventions say in its place.
fn method(sent: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == sent).unwrap_or("_OTHER")
}

/// The `traceparent` of a caller whose traces go on here. Anybody else could decide what is sent to the collector.
fn followed<'a>(app: &Shared, req: &'a ServiceRequest) -> Option<&'a str> {
    if app.followed.is_empty() {
        return None;
    }
    let header = req.headers().get(TRACEPARENT)?.to_str().ok()?;
    let caller = extract::caller(req.request(), app)?;
    // Where a proxy does not say who called, the address is the proxy's own.
    let known = !app.proxies.load().iter().any(|proxy| proxy.holds(caller));
    (known && app.followed.iter().any(|network| network.holds(caller))).then_some(header)
}

fn refusal<B>(answer: &ServiceResponse<B>) -> Option<RefusedRequest> {
    let error = match answer.response().error() {
        Some(error) => Some(error.as_error::<ApiError>()?),
        None => None,
    };
    notes::read(answer.request(), |notes| notes::refusal(notes, error))
}
