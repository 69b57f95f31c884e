//! Traces: for each request, and for what it asked of the store and of other systems, a span with its times. They are sent in batches to
//! the institution's collector (OpenTelemetry protocol over HTTP), from a thread of their own. No request waits for the collector: what it
//! does not take in time is dropped.
//!
//! [`span`] decides what is sent, [`collector`] sends it.

mod collector;
mod span;

use crate::outbound::Outbound;
use crate::traced::ONLY_TRACED;
use collector::Collector;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use std::time::Duration;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// The name of this service in each trace.
const SERVICE: &str = "renkei";
/// Spans that wait for the collector; further ones are dropped. About a kilobyte each.
const QUEUE: usize = 2048;
/// Spans in one request to the collector.
const BATCH: usize = 512;
/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(1);
/// How long the last spans may take at the end.
const LAST: Duration = Duration::from_secs(2);

/// What sends spans to the collector.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends to `endpoint`, a URL such as `https://collector.example/v1/traces`, this share (0 to 1) of the traces that begin here. A
    /// trace that began at a caller is sent if the caller sends it.
    ///
    /// # Errors
    /// Why the exporter cannot be made, for the operator.
    pub fn start(outbound: Outbound, endpoint: &str, sample: f64) -> Result<Self, String> {
        let exporter = Collector::new(outbound, endpoint)?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let resource = Resource::builder_empty()
            .with_service_name(SERVICE)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(config).build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sample))))
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// Spans are made and sent nowhere.
    #[cfg(test)]
    pub(crate) fn of_nobody() -> Self {
        Self(SdkTracerProvider::builder().build())
    }

    /// What makes our spans into spans of traces. Events never: a log line may name more than a trace may.
    #[must_use]
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_traced))
    }

    /// Sends what still waits, for at most two seconds.
    pub fn close(self) {
        if let Err(cause) = self.0.shutdown_with_timeout(LAST) {
            tracing::warn!(%cause, "the last traces were not sent");
        }
    }
}

/// Our own spans; those of libraries may say anything.
fn is_traced(span: &Metadata<'_>) -> bool {
    span.is_span() && (span.target() == ONLY_TRACED || span.target().starts_with("renkei"))
}
