//! The fields of a span, as the text of a JSON object. The library's own writer makes a map for each span, and reads its text again
//! when a field is added: more than a third of what a span cost.

use serde_json::Value;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::Writer;

/// Writes the fields of spans.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonFields;

impl<'w> FormatFields<'w> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        // Written at once: the writer's own text would grow with each part.
        let mut object = JsonObject(String::with_capacity(USUAL));
        object.0.push('{');
        fields.record(&mut object);
        object.0.push('}');
        writer.write_str(&object.0)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut object = JsonObject(std::mem::take(&mut current.fields));
        if object.0.pop().is_none() {
            object.0.push('{');
        }
        fields.record(&mut object);
        object.0.push('}');
        current.fields = object.0;
        Ok(())
    }
}

/// The bytes of a request's fields.
const USUAL: usize = 160;

/// An object that is being written: the brace at its end is missing.
struct JsonObject(String);

impl JsonObject {
    fn name(&mut self, field: &Field) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        // An identifier of ours.
        self.0.push_str(field.name());
        self.0.push_str("\":");
    }
    fn text(&mut self, value: &str) {
        if value.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
            self.0.push('"');
            self.0.push_str(value);
            self.0.push('"');
        } else {
            self.value(value.into());
        }
    }
    fn value(&mut self, value: Value) {
        self.0.push_str(&value.to_string());
    }
}

impl Visit for JsonObject {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.text(value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field);
        self.value(value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        self.value(value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field);
        self.value(value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.name(field);
        self.value(value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        self.text(&format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};
    use tracing::field::{Empty, debug};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The fields of the span of the line that `log` writes.
    fn span_of(log: impl FnOnce()) -> Value {
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer().json().with_span_list(false).fmt_fields(JsonFields);
        let lines = tracing_subscriber::registry().with(layer.with_writer(move || writer.clone()));
        tracing::subscriber::with_default(lines, log);
        let bytes = written.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        serde_json::from_slice::<Value>(&bytes).unwrap()["span"].clone()
    }

    #[test]
    fn a_line_has_the_fields_of_its_span() {
        let read = span_of(|| {
            let span = tracing::info_span!(
                "http",
                route = "/x",
                late = Empty,
                never = Empty,
                yes = true,
                n = 3_u64,
                f = 0.5,
                nan = f64::NAN,
                odd = "店\"\\\n\u{7f}",
                d = debug("a\"b")
            );
            span.record("late", -1);
            tracing::info!(parent: &span, "line");
        });
        let want = json!({"name": "http", "route": "/x", "late": -1, "yes": true, "n": 3, "f": 0.5, "nan": null,
            "odd": "店\"\\\n\u{7f}", "d": "\"a\\\"b\""});
        assert_eq!(read, want);
    }

    #[test]
    fn a_span_whose_fields_all_come_late() {
        let read = span_of(|| {
            let span = tracing::info_span!("http", one = Empty, two = Empty);
            span.record("two", "b");
            span.record("one", "a");
            tracing::info!(parent: &span, "line");
        });
        assert_eq!(read, json!({"name": "http", "one": "a", "two": "b"}));
    }
}
