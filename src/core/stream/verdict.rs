//! What the answer to a push means (RFC 8935 §2.3, §2.4). Pure.

use super::set::SetPart;
use std::time::Duration;

/// The answer of an endpoint, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushAnswer {
    /// An HTTP answer: its status, `err` of its body (RFC 8935 §2.4), and `Retry-After` in seconds.
    Status {
        /// The status.
        status: u16,
        /// `err`.
        err: Option<String>,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// There was none: why, for the log and for staff.
    None(String),
}

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is delivered.
    Delivered,
    /// This token will never be accepted: nothing more is tried with it, and the next ones go on.
    Dead(String),
    /// The whole stream waits: why, and for how long at least.
    Wait {
        /// Why.
        why: String,
        /// The receiver's own wish.
        at_least: Option<Duration>,
    },
}

/// The verdict on the answer to a token of this part.
#[must_use]
pub fn judge(answer: PushAnswer, part: SetPart) -> Verdict {
    match answer {
        PushAnswer::None(why) => Verdict::Wait { why, at_least: None },
        PushAnswer::Status { status: 200..=299, .. } => Verdict::Delivered,
        PushAnswer::Status { status: 400, err: Some(err), retry_after } => match err.as_str() {
            // A verification that is refused verifies nothing: nothing else may be sent.
            "invalid_request" | "invalid_issuer" | "invalid_audience" if part != SetPart::Verification => {
                Verdict::Dead(format!("the receiver answered {err}"))
            }
            _ => Verdict::Wait { why: format!("the receiver answered 400 {}", printable(&err)), at_least: retry_after },
        },
        PushAnswer::Status { status, retry_after, .. } => {
            Verdict::Wait { why: format!("the receiver answered {status}"), at_least: retry_after }
        }
    }
}

/// A receiver's word as the log and a terminal may show it.
fn printable(err: &str) -> String {
    err.chars().filter(char::is_ascii_graphic).take(40).collect()
}

/// The first wait after a failure, and the longest.
const FIRST: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_mins(15);

/// How long a stream waits after `attempts` failures in a row: 2 s, doubling to 15 min, minus up to a fifth by `jitter` (0 to 1),
/// and never less than the receiver asked for, as far as that is at most 15 min.
#[must_use]
pub fn backoff(attempts: i64, at_least: Option<Duration>, jitter: f64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 16)).unwrap_or(16);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let wait = full.mul_f64(0.2f64.mul_add(-jitter.clamp(0.0, 1.0), 1.0));
    wait.max(at_least.unwrap_or_default().min(LONGEST))
}
