//! The cost of statements, counted in SQLite's own units. Tests and benchmarks compare these numbers, because a time
//! depends more on the machine than on the statement.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The work of one store since it was opened.
#[derive(Debug, Default)]
pub struct Counters {
    replanned: AtomicU64,
    steps: AtomicU64,
    scanned: AtomicU64,
    executed: AtomicU64,
    commits: AtomicU64,
    statements: Mutex<BTreeSet<String>>,
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
    /// How many steps a scan of a whole table took (`SQLITE_STMTSTATUS_FULLSCAN_STEP`).
    #[must_use]
    pub fn scanned(&self) -> u64 {
        self.scanned.load(Ordering::Relaxed)
    }
    /// Each statement that ran.
    #[must_use]
    pub fn statements(&self) -> BTreeSet<String> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// How many statements ran, without those that begin and end transactions.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed.load(Ordering::Relaxed)
    }
    /// How often the writer committed: each time, the log is synced to the disk once.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
    pub(super) fn commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn add(&self, sql: &str, replanned: u64, steps: u64, scanned: u64) {
        self.executed.fetch_add(1, Ordering::Relaxed);
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if !statements.contains(sql) {
            statements.insert(sql.to_owned());
        }
        self.replanned.fetch_add(replanned, Ordering::Relaxed);
        self.steps.fetch_add(steps, Ordering::Relaxed);
        self.scanned.fetch_add(scanned, Ordering::Relaxed);
    }
}
