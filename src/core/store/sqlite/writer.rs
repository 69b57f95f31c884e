//! The writer thread: it takes jobs from the queue, runs them in groups, commits once, and then answers.
//!
//! A full disk ends SQLite's whole transaction. The endings among its jobs must not fail, so the ballast is deleted and
//! they run again in its space. Ordinary jobs are refused until the ballast exists again.

use super::ballast::Ballast;
use super::statement::run;
use crate::store::changes::Changes;
use crate::store::job::{End, Urgency, Work};
use crate::store::room::{Room, full};
use crate::store::tx::Trouble;
use crate::store::{Counters, Error, Tx};
use rusqlite::Connection;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How many jobs share one commit. More would gain nothing and delay the first of them.
const BATCH: usize = 256;
/// The only audit chain of a SQLite file.
pub(super) const WORKER: &str = "sqlite";
/// How often the writer checks for free space while the disk is full.
const LOOK: Duration = Duration::from_secs(1);
/// How long the writer waits for a reader that blocks it.
pub(super) const READERS: Duration = Duration::from_secs(5);

/// How many groups have savepoints after a job failed among others.
const GROUPS_WITH_SAVEPOINTS: u32 = 32;

/// A group of jobs in one transaction.
type Jobs = Vec<Box<dyn Work>>;

/// What a job of a group that fails takes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The whole group: it is rolled back, and runs again with savepoints. Few jobs fail; most refusals are committed.
    OfAll,
    /// Nothing but itself: each job has a savepoint, for which SQLite copies each page that the job changes.
    OfOne,
}

pub(super) struct Writer {
    pub(super) c: Connection,
    pub(super) ballast: Ballast,
    pub(super) room: Arc<Room>,
    pub(super) counters: Option<Arc<Counters>>,
    pub(super) changes: Option<Arc<Changes>>,
    /// How many of the next groups have savepoints.
    pub(super) with_savepoints: Cell<u32>,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(&mut self, jobs: &Receiver<Box<dyn Work>>) {
        let mut looked = Instant::now();
        loop {
            let next = if self.room.endings_only() {
                if looked.elapsed() >= LOOK {
                    self.look_for_room();
                    looked = Instant::now();
                }
                jobs.recv_timeout(LOOK)
            } else {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(job) => self.group(job, jobs),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // Leaves a single file, which is easy to copy. If readers are still open, the WAL stays.
        self.checkpoint(READERS);
    }

    /// Runs a job and those that came meanwhile in one transaction, and answers them.
    fn group(&mut self, first: Box<dyn Work>, jobs: &Receiver<Box<dyn Work>>) {
        let Some(first) = self.admitted(first) else { return };
        let mut more = || std::iter::from_fn(|| jobs.try_recv().ok()).find_map(|job| self.admitted(job));
        let failure = match self.with_savepoints.get() {
            0 => Failure::OfAll,
            groups => {
                self.with_savepoints.set(groups - 1);
                Failure::OfOne
            }
        };
        match self.transaction(first, &mut more, failure) {
            Ok(done) => done.into_iter().for_each(Work::answer),
            Err((ran, lost)) => self.lost(ran, &lost),
        }
    }

    /// The job, if it may run now.
    fn admitted(&self, job: Box<dyn Work>) -> Option<Box<dyn Work>> {
        if !job.ticket().take() {
            return None;
        }
        match self.room.admits(job.order()) {
            Ok(()) => Some(job),
            Err(e) => {
                job.fail(e);
                None
            }
        }
    }

    /// None of these jobs was committed.
    fn lost(&mut self, ran: Jobs, lost: &Trouble) {
        if !self.is_full(lost) {
            tracing::error!(error = %lost.error(), jobs = ran.len(), "SQLite lost a transaction");
            ran.into_iter().for_each(|job| job.fail(lost.error()));
            return;
        }
        self.room.ran_out();
        self.ballast.give_away();
        let (endings, others): (Jobs, Jobs) = ran.into_iter().partition(|job| job.order().urgency == Urgency::Ending);
        others.into_iter().for_each(|job| job.fail(full()));
        // The content of the log moves into the database, and the log starts empty.
        self.checkpoint(Duration::ZERO);
        self.endings(endings);
        self.checkpoint(Duration::ZERO);
    }
    /// All together first; if the space is not enough, one by one.
    fn endings(&mut self, endings: Jobs) {
        let mut waiting = endings.into_iter();
        let Some(first) = waiting.next() else { return };
        let ran = match self.transaction(first, &mut || waiting.next(), Failure::OfOne) {
            Ok(done) => return done.into_iter().for_each(Work::answer),
            Err((ran, _)) => ran,
        };
        for job in ran.into_iter().chain(waiting) {
            match self.transaction(job, &mut || None, Failure::OfOne) {
                Ok(done) => done.into_iter().for_each(Work::answer),
                Err((alone, lost)) => {
                    let error = if self.is_full(&lost) { full() } else { lost.error() };
                    alone.into_iter().for_each(|job| job.fail(error.clone()));
                }
            }
        }
    }

    /// Runs jobs in one transaction. An error means that none of those that ran was committed.
    fn transaction(
        &self,
        first: Box<dyn Work>,
        more: &mut dyn FnMut() -> Option<Box<dyn Work>>,
        failure: Failure,
    ) -> Result<Jobs, (Jobs, Trouble)> {
        let c = &self.c;
        if let Some(changes) = &self.changes {
            changes.forget_noted();
        }
        if let Err(e) = run(c, "begin immediate") {
            self.rollback();
            return Err((vec![first], e));
        }
        let mut ran: Jobs = Vec::new();
        let mut next = Some(first);
        let mut lost = None;
        while let Some(mut job) = next.take() {
            let done = match failure {
                Failure::OfAll => self.run_job(job.as_mut()),
                Failure::OfOne => self.in_savepoint(job.as_mut()),
            };
            ran.push(job);
            match done {
                Ok(true) if ran.len() < BATCH => next = more(),
                Ok(true) => {}
                Ok(false) => return self.failed(ran),
                Err(e) => lost = Some(e),
            }
        }
        match lost.map_or_else(|| self.commit(), Err) {
            Ok(()) => {
                if let Some(counters) = &self.counters {
                    counters.commit();
                }
                Ok(ran)
            }
            Err(e) => {
                self.rollback();
                Err((ran, e))
            }
        }
    }

    /// The last of the jobs that ran has failed, and none has a savepoint.
    fn failed(&self, ran: Jobs) -> Result<Jobs, (Jobs, Trouble)> {
        self.rollback();
        if ran.len() == 1 {
            return Ok(ran);
        }
        tracing::debug!(jobs = ran.len(), "a job failed: its group runs again, with savepoints");
        self.with_savepoints.set(GROUPS_WITH_SAVEPOINTS);
        let mut again = ran.into_iter();
        let Some(first) = again.next() else { return Ok(Jobs::new()) };
        let done = self.transaction(first, &mut || again.next(), Failure::OfOne);
        // Those that did not come to their second run are lost too, and whoever answers the rest must answer them.
        done.map_err(|(mut lost, why)| {
            lost.extend(again);
            (lost, why)
        })
    }
    fn rollback(&self) {
        if !self.c.is_autocommit() {
            let _ = run(&self.c, "rollback");
        }
    }

    /// Runs one job; whether what it did may be committed. An error means that the whole transaction is lost: a full disk or an I/O
    /// error may end it, and we do not try to continue it.
    fn run_job(&self, job: &mut dyn Work) -> Result<bool, Trouble> {
        match job.run(&mut Tx::sqlite(&self.c, WORKER, self.counters.as_deref())) {
            End::Full => Err(Trouble::Full(full())),
            End::Io => Err(Trouble::Io(Error::Engine("SQLite could not read or write a file".into()))),
            _ if self.c.is_autocommit() => {
                Err(Trouble::Refused(Error::Engine("SQLite rolled the transaction back".into())))
            }
            end => Ok(end == End::Commit),
        }
    }
    /// [`Self::run_job`] in a savepoint: if the job fails, nothing of it stays, and the rest of the group may be committed.
    fn in_savepoint(&self, job: &mut dyn Work) -> Result<bool, Trouble> {
        run(&self.c, "savepoint job")?;
        if !self.run_job(job)? {
            run(&self.c, "rollback to job")?;
        }
        run(&self.c, "release job").map(|()| true)
    }

    /// Commits. Nobody who was told of the change, or has read it, can get from memory what was there before.
    fn commit(&self) -> Result<(), Trouble> {
        let Some(changes) = &self.changes else { return run(&self.c, "commit") };
        let commit = changes.begin();
        let done = run(&self.c, "commit");
        changes.finish(&commit);
        done
    }

    fn is_full(&self, lost: &Trouble) -> bool {
        match lost {
            Trouble::Full(_) => true,
            Trouble::Io(_) => self.ballast.nothing_is_free(),
            _ => false,
        }
    }
    fn look_for_room(&self) {
        self.checkpoint(Duration::ZERO);
        if self.ballast.make() {
            self.room.is_back();
        }
    }
    /// Moves the log into the database and truncates it, as far as readers allow.
    fn checkpoint(&self, wait: Duration) {
        let _ = self.c.busy_timeout(wait);
        let _ = self.c.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
        let _ = self.c.busy_timeout(READERS);
    }
}

#[cfg(test)]
mod tests;
