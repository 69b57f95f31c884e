//! One log span for each request, without the query, which may contain codes, hints and request objects. An interaction
//! id is not secret (it is useless without the cookie), but only the route's pattern is logged.

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use tracing_actix_web::{RequestId, RootSpanBuilder};

/// Builds the span.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spans;
impl RootSpanBuilder for Spans {
    fn on_request_start(req: &ServiceRequest) -> tracing::Span {
        let id = req.extensions().get::<RequestId>().copied();
        let route = req.match_pattern().unwrap_or_else(|| "-".to_owned());
        tracing::info_span!("http", method = %req.method(), route, request_id = id.map(tracing::field::display), status = tracing::field::Empty)
    }
    fn on_request_end<B: MessageBody>(span: tracing::Span, outcome: &Result<ServiceResponse<B>, actix_web::Error>) {
        let status = match outcome {
            Ok(answer) => answer.status(),
            Err(e) => e.as_response_error().status_code(),
        };
        span.record("status", status.as_u16());
        let _in_span = span.enter();
        tracing::info!("served");
    }
}
