//! Spans that only a trace shows.

/// The target of spans that are part of a trace and of no log line. A log line shows the innermost span of its own, which stays the one
/// with the request id.
pub const ONLY_TRACED: &str = "trace";
