//! Whether the store writes everything, or endings only because the disk is full (docs/operations.md).
//!
//! The engine changes the state. SQLite enters it on `SQLITE_FULL` and leaves it when its ballast file exists again.
//! PostgreSQL enters it on `disk_full` (53100) and leaves it after the next ordinary commit; for that, one ordinary
//! unit of work is let through now and then.

use super::job::{Order, Urgency};
use super::{Error, Result};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What `/readyz` says while only endings are written.
pub const ENDINGS_ONLY: &str = "endings only";
/// How often an ordinary write is tried while PostgreSQL's disk is full.
const TRIAL: Duration = Duration::from_secs(5);

pub(super) struct Room {
    endings_only: watch::Sender<bool>,
    /// When the next ordinary write is tried; `None` if the engine detects free room itself.
    trial: Option<Mutex<Instant>>,
}

impl Room {
    /// For an engine that detects free room itself.
    pub(super) fn watched() -> Self {
        Self { endings_only: watch::Sender::new(false), trial: None }
    }
    /// For an engine that has to try a write.
    pub(super) fn tried() -> Self {
        Self { endings_only: watch::Sender::new(false), trial: Some(Mutex::new(Instant::now())) }
    }
    pub(super) fn endings_only(&self) -> bool {
        *self.endings_only.borrow()
    }
    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.endings_only.subscribe()
    }
    /// Whether a unit of work may run now.
    pub(super) fn admits(&self, order: Order) -> Result<()> {
        let free = order.reads_only || order.urgency == Urgency::Ending || !self.endings_only();
        if free || self.is_trial() { Ok(()) } else { Err(full()) }
    }
    fn is_trial(&self) -> bool {
        let Some(trial) = &self.trial else { return false };
        let (mut next, now) = (trial.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let due = now >= *next;
        if due {
            *next = now + TRIAL;
        }
        due
    }
    /// The disk is full.
    pub(super) fn ran_out(&self) {
        if let Some(trial) = &self.trial {
            *trial.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + TRIAL;
        }
        if !self.endings_only.send_replace(true) {
            tracing::warn!("the disk is full: only endings are written (docs/operations.md, “A full disk”)");
        }
    }
    /// There is room again.
    pub(super) fn is_back(&self) {
        if self.endings_only.send_replace(false) {
            tracing::info!("there is room on the disk again: everything is written");
        }
    }
}

/// The error while the disk is full.
pub(super) fn full() -> Error {
    Error::Unavailable("the disk is full".into())
}
