//! How many responses a client may have stored: a rate per second, and a burst after a pause (a token bucket).
//!
//! The buckets are in memory on each node: they protect this node's store, and a refusal needs no write. Only an
//! authenticated client gets an entry, so there are never more entries than registered clients.

use crate::clock::Instant;
use crate::id::ClientId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The highest rate or burst in a configuration or a record.
pub const MOST: u32 = 100_000;

/// One response in the bucket's unit: a thousandth, so that a millisecond gives back a whole number.
const ANSWER: u64 = 1000;

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Responses per second.
    pub per_second: u32,
    /// Responses at once, after a pause.
    pub burst: u32,
}

/// One client's bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// What is left, in thousandths of a response.
    left: u64,
    at: Instant,
}
impl Bucket {
    /// A full bucket, for a client without an entry.
    #[must_use]
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { left: u64::from(rate.burst) * ANSWER, at: now }
    }

    /// Takes one response from the bucket. Returns the new bucket, and whether it is allowed or after what time one
    /// is. If the clock was set back, nothing is gained or lost for the repeated time.
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
    /// Takes one response of `client`, which is authenticated.
    ///
    /// # Errors
    /// After what time the client may try again.
    pub fn take(&self, client: &ClientId, rate: Rate, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get(client).copied().unwrap_or_else(|| Bucket::full(rate, now));
        let (left, verdict) = bucket.take(rate, now);
        buckets.insert(client.clone(), left);
        verdict
    }
}
