//! Which rows the last commits changed. It lets a caller keep in memory what it has read, and use it as long as it is exactly what
//! SQLite would answer (decision 30). Only one process writes the file, so every change passes here; PostgreSQL has none of this.
//!
//! Commits are numbered. The writer
//! 1. notes each changed row of a watched table (triggers do that, so no statement can forget it);
//! 2. before COMMIT, gives the stripe of each noted row the number of this commit;
//! 3. after COMMIT has returned, or failed, says that this number is finished;
//! 4. only then answers the jobs.
//!
//! A reader takes the number of the last finished commit, reads, and keeps what it read with that number. It may use it as long as no
//! stripe of its rows has a higher number. From step 2 on it asks SQLite, before anybody can have seen the change. A reader that
//! read while a commit was under way has a lower number than this commit, so what it kept is never used if the commit touched it.

#[cfg(test)]
mod tests;

use crate::id::{ClientId, GrantId};
use crate::secret::Hash;
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Rows share a stripe if their hashes end alike. A shared stripe costs a further read, never a wrong answer.
const STRIPES: u64 = 4096;

/// The watched tables, and the column that identifies a row.
pub(super) const WATCHED: [(&str, &str); 3] = [("access_tokens", "hash"), ("grants", "id"), ("clients", "id")];

/// A row of a watched table.
#[derive(Debug, Clone, Copy)]
pub enum WatchedRow<'a> {
    /// An access token.
    AccessToken(&'a Hash),
    /// A grant.
    Grant(&'a GrantId),
    /// A client.
    Client(&'a ClientId),
}

/// The group of rows that a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stripe(u16);
impl Stripe {
    /// The stripe of a row.
    #[must_use]
    pub fn of(row: WatchedRow<'_>) -> Self {
        match row {
            WatchedRow::AccessToken(hash) => Self::at(0, hash.as_bytes()),
            WatchedRow::Grant(id) => Self::at(1, id.as_str().as_bytes()),
            WatchedRow::Client(id) => Self::at(2, id.as_str().as_bytes()),
        }
    }
    /// The stripe of the row with this key in `WATCHED[table]`.
    pub(super) fn at(table: u32, key: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        (table, key).hash(&mut hasher);
        Self(u16::try_from(hasher.finish() % STRIPES).unwrap_or_default())
    }
}

/// The number of the last finished commit at some moment: a read that begins later sees all commits up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitNumber(u64);

/// A commit that has a number and is not finished.
#[must_use]
#[derive(Debug)]
pub(super) struct Commit(u64);

/// The changes of one store since it was opened.
#[derive(Debug)]
pub struct Changes {
    /// For each stripe the last commit that changed a row of it.
    stripes: Box<[AtomicU64]>,
    last_finished: AtomicU64,
    /// What the transaction under way has changed.
    noted: Mutex<Vec<Stripe>>,
}
impl Default for Changes {
    fn default() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            last_finished: AtomicU64::new(0),
            noted: Mutex::default(),
        }
    }
}

impl Changes {
    /// Call this before reading what will be kept.
    #[must_use]
    pub fn finished(&self) -> CommitNumber {
        CommitNumber(self.last_finished.load(Ordering::SeqCst))
    }
    /// Whether rows of these stripes, read after [`Changes::finished`] returned `since`, are as SQLite would answer now.
    #[must_use]
    pub fn unchanged(&self, since: CommitNumber, rows: &[Stripe]) -> bool {
        rows.iter().all(|row| self.stripe(*row).is_none_or(|last| last.load(Ordering::SeqCst) <= since.0))
    }

    /// The writer has changed a row, in the transaction under way.
    pub(super) fn note(&self, row: Stripe) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    }
    /// A transaction begins: what a lost one has noted is not its own.
    pub(super) fn forget_noted(&self) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
    /// Before COMMIT. Only the writer calls this.
    pub(super) fn begin(&self) -> Commit {
        let commit = Commit(self.last_finished.load(Ordering::SeqCst) + 1);
        for row in self.noted.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(last) = self.stripe(row) {
                last.store(commit.0, Ordering::SeqCst);
            }
        }
        commit
    }
    /// After COMMIT has returned, or failed.
    pub(super) fn finish(&self, commit: &Commit) {
        self.last_finished.store(commit.0, Ordering::SeqCst);
    }

    fn stripe(&self, row: Stripe) -> Option<&AtomicU64> {
        self.stripes.get(usize::from(row.0))
    }
}
