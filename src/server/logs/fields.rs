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
    fn member(&mut self, field: &Field, value: impl Into<Value>) {
        self.name(field);
        self.0.push_str(&value.into().to_string());
    }
}

impl Visit for JsonObject {
    fn record_str(&mut self, field: &Field, value: &str) {
        // The usual text needs no escape, and so no second text.
        if value.bytes().any(|b| !matches!(b, b' '..=b'~') || b == b'"' || b == b'\\') {
            return self.member(field, value);
        }
        self.name(field);
        self.0.push('"');
        self.0.push_str(value);
        self.0.push('"');
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
