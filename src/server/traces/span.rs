//! What a trace may say: a closed list. Everything else that a span holds stays here, so nobody's name, number or token can leave
//! with a trace by mistake.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// The fields of our spans that leave, with the names that the semantic conventions of OpenTelemetry give them.
const FIELDS: [(&str, &str); 5] = [
    ("method", "http.request.method"),
    ("route", "http.route"),
    ("status", "http.response.status_code"),
    ("peer", "server.address"),
    ("request_id", "renkei.request_id"),
];

/// The span of a request that we serve.
const SERVED: &str = "http";
/// The span of a request that we send.
const SENT: &str = "outbound";

/// The span as the collector gets it.
pub(super) fn exported(mut span: SpanData) -> SpanData {
    let inner = std::mem::take(&mut span.attributes);
    let field = |name: &str| inner.iter().find(|pair| pair.key.as_str() == name).map(|pair| &pair.value);
    span.attributes =
        FIELDS.iter().filter_map(|(ours, theirs)| Some(KeyValue::new(*theirs, field(ours)?.clone()))).collect();
    span.dropped_attributes_count = 0;
    (span.events, span.links) = (SpanEvents::default(), SpanLinks::default());
    let text = |name| field(name).map(Value::as_str);
    match span.name.as_ref() {
        SERVED => {
            span.span_kind = SpanKind::Server;
            span.name = [text("method"), text("route")].into_iter().flatten().collect::<Vec<_>>().join(" ").into();
        }
        SENT => {
            span.span_kind = SpanKind::Client;
            span.name = text("method").unwrap_or_default().into_owned().into();
        }
        _ => span.span_kind = SpanKind::Internal,
    }
    let failed = match (&span.span_kind, field("status")) {
        // A caller's mistake is no error of the server that notices it, but one of whoever made the request.
        (SpanKind::Server, Some(Value::I64(status))) => *status >= 500,
        (SpanKind::Client, Some(Value::I64(status))) => *status >= 400,
        (SpanKind::Client, _) => true,
        _ => false,
    };
    span.status = if failed { Status::error("") } else { Status::Unset };
    span
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId};
    use std::time::SystemTime;

    fn span(name: &'static str, fields: &[(&'static str, Value)]) -> SpanData {
        SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: fields.iter().map(|(key, value)| KeyValue::new(*key, value.clone())).collect(),
            dropped_attributes_count: 3,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Ok,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    #[test]
    fn only_what_is_listed_leaves() {
        let ours = [("method", "POST".into()), ("route", "/oauth/token".into()), ("status", 500.into())];
        let personal = [("account", "1100026".into()), ("client", "kakeibo".into()), ("code.file.path", "a.rs".into())];
        let sent = exported(span("http", &[&ours[..], &personal[..]].concat()));
        let names: Vec<_> = sent.attributes.iter().map(|pair| pair.key.as_str()).collect();
        assert_eq!(names, ["http.request.method", "http.route", "http.response.status_code"]);
        assert_eq!((sent.name.as_ref(), sent.span_kind), ("POST /oauth/token", SpanKind::Server));
    }

    #[test]
    fn whose_error_it_is() {
        for (name, status, failed) in [
            ("http", Some(200), false),
            ("http", Some(404), false),
            ("http", Some(500), true),
            ("http", None, false),
            ("outbound", Some(200), false),
            ("outbound", Some(404), true),
            ("outbound", None, true),
            ("store.write", None, false),
        ] {
            let fields: Vec<(&str, Value)> = status.map(|status: i64| ("status", status.into())).into_iter().collect();
            let sent = exported(span(name, &fields));
            assert_eq!(sent.status == Status::error(""), failed, "{name} {status:?}");
        }
    }
}
