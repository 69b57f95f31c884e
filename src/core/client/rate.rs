//! How many answers a client may have stored: so many a second, and some more at once after a rest (a token bucket).
//!
//! Kept in memory, on each node: it protects this node's store, and nothing has to be written to refuse. Only a client that
//! has proved who it is gets an entry, so there are never more entries than clients in the registry.

use crate::clock::Instant;
use crate::id::ClientId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most a configuration or a record may allow of anything counted here.
pub const MOST: u32 = 100_000;

/// One answer, in the unit a bucket counts in: a thousandth of an answer, so that a millisecond gives back a whole number.
const ANSWER: u64 = 1000;

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Answers a second.
    pub per_second: u32,
    /// Answers at once, after a rest.
    pub burst: u32,
}

/// What is left of one client's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// In thousandths of an answer.
    left: u64,
    at: Instant,
}
impl Bucket {
    /// Of a client that was not seen for long.
    #[must_use]
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { left: u64::from(rate.burst) * ANSWER, at: now }
    }

    /// Takes one answer: what is left, and whether it may be given, or after what time one may be. A clock that was set
    /// back gives nothing for the time it repeats, and takes nothing away.
    pub fn take(self, rate: Rate, now: Instant) -> (Self, Result<(), Duration>) {
        let passed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let per_ms = u64::from(rate.per_second.max(1));
        let left = self.left.saturating_add(passed.saturating_mul(per_ms)).min(u64::from(rate.burst) * ANSWER);
        match left.checked_sub(ANSWER) {
            Some(left) => (Self { left, at: now }, Ok(())),
            None => (Self { left, at: now }, Err(Duration::from_millis((ANSWER - left).div_ceil(per_ms)))),
        }
    }
}

/// The buckets of this node.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<ClientId, Bucket>>);
impl Rates {
    /// Takes one answer of `client`, which has proved who it is.
    ///
    /// # Errors
    /// After what time it may come again.
    pub fn take(&self, client: &ClientId, rate: Rate, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get(client).copied().unwrap_or_else(|| Bucket::full(rate, now));
        let (left, verdict) = bucket.take(rate, now);
        buckets.insert(client.clone(), left);
        verdict
    }
}
