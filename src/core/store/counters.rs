//! What statements cost, counted where SQLite runs them. Tests and benchmarks compare these numbers, because a time says
//! more about the machine than about the statement.

use std::sync::atomic::{AtomicU64, Ordering};

/// The work of one store since it was opened.
#[derive(Debug, Default)]
pub struct Counters {
    replanned: AtomicU64,
    steps: AtomicU64,
}
impl Counters {
    /// How often a statement that was prepared already was planned again (`SQLITE_STMTSTATUS_REPREPARE`).
    #[must_use]
    pub fn replanned(&self) -> u64 {
        self.replanned.load(Ordering::Relaxed)
    }
    /// How many steps of SQLite's virtual machine ran (`SQLITE_STMTSTATUS_VM_STEP`): it rises with each row visited.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }
    pub(super) fn add(&self, replanned: u64, steps: u64) {
        self.replanned.fetch_add(replanned, Ordering::Relaxed);
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }
}
