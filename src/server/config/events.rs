//! `[events]`: lifecycle events and their receivers (docs/events.md).

use super::Span;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[events]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// How long before the end of a grant its app is told.
    pub warn_before: Vec<Span>,
    /// How long an endpoint may fail before its stream is paused.
    pub give_up: Span,
    /// How long a stream that stands still holds its events.
    pub hold: Span,
}
impl Default for Events {
    fn default() -> Self {
        Self { warn_before: vec![Span::days(7), Span::days(1)], give_up: Span::days(3), hold: Span::days(30) }
    }
}
impl Events {
    /// `warn_before` as durations.
    #[must_use]
    pub fn warn_before(&self) -> Vec<Duration> {
        self.warn_before.iter().map(|distance| distance.get()).collect()
    }
}
