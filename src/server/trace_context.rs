//! To which trace a request belongs (W3C Trace Context, `traceparent`): read from callers of the institution, written into every
//! request of ours. Without `traces.endpoint` there is no trace, and nothing is read or written.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header that names a trace and the span that asks.
pub const TRACEPARENT: &str = "traceparent";

/// Makes `span` a part of the caller's trace. A header that is not as W3C Trace Context §3.2 demands begins a new trace (§4.3).
pub fn follow(span: &Span, traceparent: &str) {
    let context =
        TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &Header(traceparent));
    if context.span().span_context().is_valid() {
        // It fails where nobody traces.
        let _ = span.set_parent(context);
    }
}

/// The value of [`TRACEPARENT`] for a request that is sent within `span`; `None` where nobody traces. We pass on no `tracestate`: what
/// a caller's system writes there is not for the parties that we ask.
#[must_use]
pub fn traceparent(span: &Span) -> Option<String> {
    let mut written = Written(None);
    TraceContextPropagator::new().inject_context(&span.context(), &mut written);
    written.0
}

struct Header<'a>(&'a str);
impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }
    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

struct Written(Option<String>);
impl Injector for Written {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}
