//! The log lines and the counts of refused requests. A stranger causes at most [`LINES`] lines a second for each
//! endpoint and reason; the others are counted and said in one line a second.

use super::notes::{Notes, RefusedRequest};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Lines a second for each endpoint and reason, for callers who did not authenticate.
pub const LINES: u32 = 20;

/// The lines of one second, for one endpoint and reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogWindow {
    /// The second.
    pub second: u64,
    /// Lines written in it.
    pub lines: u32,
    /// Refusals in it that got no line.
    pub unwritten: u64,
}

/// What one refusal writes to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogDecision {
    /// Whether it gets its own line.
    pub line: bool,
    /// The number of an earlier second without a line, to be said now.
    pub unwritten: Option<u64>,
}

impl LogWindow {
    /// One more refusal in this second.
    #[must_use]
    pub fn one_more(self, second: u64) -> (Self, LogDecision) {
        let (window, unwritten) = self.overdue(second);
        let line = window.lines < LINES;
        let (lines, missed) = if line { (window.lines + 1, 0) } else { (window.lines, 1) };
        (Self { second, lines, unwritten: window.unwritten + missed }, LogDecision { line, unwritten })
    }
    /// A second has passed: what the window has not said yet, if anything.
    #[must_use]
    pub fn overdue(self, second: u64) -> (Self, Option<u64>) {
        if second <= self.second {
            return (self, None);
        }
        (Self { second, lines: 0, unwritten: 0 }, (self.unwritten > 0).then_some(self.unwritten))
    }
}

/// The refused requests of this node. The keys are from closed sets, so the map does not grow with the callers.
#[derive(Debug)]
pub struct Refusals {
    since: Instant,
    counts: Mutex<BTreeMap<(Arc<str>, &'static str), (u64, LogWindow)>>,
}
impl Default for Refusals {
    fn default() -> Self {
        Self { since: Instant::now(), counts: Mutex::default() }
    }
}

impl Refusals {
    fn second(&self) -> u64 {
        self.since.elapsed().as_secs()
    }
    /// Counts a refusal, and writes its line.
    pub fn note(&self, route: &str, method: &str, address: Option<IpAddr>, notes: &Notes, refused: &RefusedRequest) {
        let limited = notes.client.is_none() || refused.reason == "over_limit";
        let decision = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let (count, window) = counts.entry((route.into(), refused.reason)).or_default();
            *count += 1;
            if limited {
                let (next, decision) = window.one_more(self.second());
                *window = next;
                decision
            } else {
                LogDecision { line: true, unwritten: None }
            }
        };
        if let Some(number) = decision.unwritten {
            unwritten(route, refused.reason, number);
        }
        write(route, method, address, notes, refused, decision.line);
    }
    /// Writes the numbers that no later refusal has said; called once a second.
    pub fn tick(&self) {
        let second = self.second();
        let mut overdue = Vec::new();
        for ((route, reason), (_, window)) in self.counts.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            let (next, number) = window.overdue(second);
            *window = next;
            overdue.extend(number.map(|number| (route.clone(), *reason, number)));
        }
        for (route, reason, number) in overdue {
            unwritten(&route, reason, number);
        }
    }
    /// Each endpoint and reason with its count.
    #[must_use]
    pub fn counts(&self) -> Vec<(Arc<str>, &'static str, u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((route, reason), (count, _))| (route.clone(), *reason, *count)).collect()
    }
}

fn unwritten(endpoint: &str, reason: &'static str, number: u64) {
    tracing::info!(endpoint, reason, number, "further requests were refused within a second");
}

/// A line over the limit is written at `debug`.
fn write(
    endpoint: &str,
    http_method: &str,
    address: Option<IpAddr>,
    notes: &Notes,
    refused: &RefusedRequest,
    line: bool,
) {
    let RefusedRequest { code, reason, why, method, registered } = *refused;
    let client = notes.client.as_ref().map(|id| id.as_str());
    let claimed = notes.claimed.as_ref().map(|id| id.as_str());
    let address = address.map(tracing::field::display);
    // The level of a line is a constant for `tracing`.
    macro_rules! line {
        ($level:ident, $($of_client:tt)*) => {
            tracing::$level!(endpoint, http_method, code, reason, why, $($of_client)* address, "a request was refused")
        };
    }
    if line && endpoint.starts_with("/hooks/") {
        // The institution's own systems: somebody configured them wrongly.
        line!(warn,);
    } else if line {
        line!(info, client, claimed, method, registered,);
    } else {
        line!(debug, client, claimed, method, registered,);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_lines_a_second_and_the_rest_as_a_number() {
        let run = |arrivals: &[(u64, u32)]| {
            let (mut window, mut lines, mut numbers) = (LogWindow::default(), Vec::new(), Vec::new());
            for (second, count) in arrivals {
                let mut written = 0;
                for _ in 0..*count {
                    let (next, decision) = window.one_more(*second);
                    window = next;
                    written += u32::from(decision.line);
                    numbers.extend(decision.unwritten);
                }
                lines.push(written);
            }
            (lines, numbers, window.overdue(u64::MAX).1)
        };
        for (arrivals, lines, numbers, left) in [
            (&[(0, 1)][..], vec![1], vec![], None),
            (&[(0, 19)], vec![19], vec![], None),
            (&[(0, 20)], vec![20], vec![], None),
            (&[(0, 21)], vec![20], vec![], Some(1)),
            (&[(0, 5000)], vec![20], vec![], Some(4980)),
            (&[(0, 25), (1, 1)], vec![20, 1], vec![5], None),
            (&[(0, 25), (7, 30)], vec![20, 20], vec![5], Some(10)),
            (&[(3, 20), (4, 20), (5, 20)], vec![20, 20, 20], vec![], None),
            (&[(4, 25), (3, 1)], vec![20, 0], vec![], Some(6)),
        ] {
            assert_eq!(run(arrivals), (lines, numbers, left), "{arrivals:?}");
        }
    }

    #[test]
    fn a_number_is_said_once() {
        let mut window = LogWindow::default();
        for _ in 0..30 {
            window = window.one_more(5).0;
        }
        assert_eq!(window.overdue(5), (window, None), "the second is not over");
        let (after, number) = window.overdue(6);
        assert_eq!((number, after.overdue(7).1), (Some(10), None));
    }
}
