//! How busy the store is, for monitoring: atomic numbers, so that a unit of work costs nothing more.

use crate::fact::{Durations, Facts};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The numbers since the start.
#[derive(Debug, Default)]
pub struct StoreLoad {
    waiting: AtomicU64,
    waits: Durations,
    retries: AtomicU64,
    unavailable: AtomicU64,
    facts: Facts,
}
impl StoreLoad {
    /// Units of work that wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
    /// How long they waited.
    #[must_use]
    pub const fn waits(&self) -> &Durations {
        &self.waits
    }
    /// Units of work that ran again after a conflict.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }
    /// Units of work that were refused.
    #[must_use]
    pub fn unavailable(&self) -> u64 {
        self.unavailable.load(Ordering::Relaxed)
    }
    /// What committed transactions noted.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }
    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn refused(&self) {
        self.unavailable.fetch_add(1, Ordering::Relaxed);
    }
}

/// One unit of work while it waits.
pub(super) struct Waiting {
    load: Arc<StoreLoad>,
    since: Instant,
}
impl Waiting {
    pub(super) fn begin(load: &Arc<StoreLoad>) -> Self {
        load.waiting.fetch_add(1, Ordering::Relaxed);
        Self { load: load.clone(), since: Instant::now() }
    }
    /// Its turn has come.
    pub(super) fn end(self) {
        self.load.waits.count(self.since.elapsed());
    }
}
impl Drop for Waiting {
    fn drop(&mut self) {
        self.load.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
