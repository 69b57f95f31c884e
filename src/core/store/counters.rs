//! The cost of statements, counted in SQLite's own units. Tests and benchmarks compare these numbers, because a time
//! depends more on the machine than on the statement.

use std::sync::atomic::{AtomicU64, Ordering};

/// The work of one store since it was opened.
#[derive(Debug, Default)]
pub struct Counters {
    replanned: AtomicU64,
    steps: AtomicU64,
    statements: AtomicU64,
    commits: AtomicU64,
}
impl Counters {
    /// How often a prepared statement was planned again (`SQLITE_STMTSTATUS_REPREPARE`).
    #[must_use]
    pub fn replanned(&self) -> u64 {
        self.replanned.load(Ordering::Relaxed)
    }
    /// How many steps of SQLite's virtual machine ran (`SQLITE_STMTSTATUS_VM_STEP`). It grows with each visited row.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }
    /// How many statements ran, without those that begin and end transactions.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
    /// How often the writer committed: each time, the log is synced to the disk once.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
    pub(super) fn commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn add(&self, replanned: u64, steps: u64) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.replanned.fetch_add(replanned, Ordering::Relaxed);
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }
}
