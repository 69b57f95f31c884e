//! Sends spans to the collector, in the encoding of the `opentelemetry-otlp` crate and with our own HTTP client, which knows the
//! institution's CAs, follows no redirect and uses no proxy.

use super::span::exported;
use crate::outbound::{Method, Outbound, Request};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The collector.
#[derive(Debug)]
pub(super) struct Collector {
    exporter: opentelemetry_otlp::SpanExporter,
    fails: AtomicBool,
}

impl Collector {
    pub(super) fn new(outbound: Outbound, endpoint: &str) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient { outbound, runtime })
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self { exporter, fails: AtomicBool::new(false) })
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch.into_iter().map(exported).collect()).await;
        // A line when it begins and one when it ends: a collector may be away for a day.
        let failed = self.fails.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(cause) if !failed => tracing::warn!(%cause, "traces cannot be sent, and are dropped"),
            Ok(()) if failed => tracing::info!("traces are sent again"),
            _ => {}
        }
        sent
    }
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }
    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }
    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The HTTP client. The thread that exports waits for it, so it has a runtime of its own.
struct CollectorClient {
    outbound: Outbound,
    runtime: Runtime,
}
impl fmt::Debug for CollectorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CollectorClient")
    }
}

impl HttpClient for CollectorClient {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: opentelemetry_http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<opentelemetry_http::Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let mut ours = Request::new(Method::Post, request.uri().to_string());
        // What the operator sets in OTEL_EXPORTER_OTLP_HEADERS is among them.
        for (name, value) in request.headers() {
            if let Ok(value) = value.to_str() {
                ours = ours.header(name.as_str().to_owned(), value);
            }
        }
        let ours = ours.bytes(request.into_body().to_vec());
        Box::pin(async move {
            let answer = self.runtime.block_on(self.outbound.send_untraced(ours))?;
            Ok(opentelemetry_http::Response::builder().status(answer.status).body(Bytes::from(answer.body))?)
        })
    }
}
