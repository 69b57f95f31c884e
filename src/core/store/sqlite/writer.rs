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

/// A group of jobs in one transaction.
type Jobs = Vec<Box<dyn Work>>;

pub(super) struct Writer {
    pub(super) c: Connection,
    pub(super) ballast: Ballast,
    pub(super) room: Arc<Room>,
    pub(super) counters: Option<Arc<Counters>>,
    pub(super) changes: Option<Arc<Changes>>,
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
        match self.transaction(first, &mut more) {
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
        let ran = match self.transaction(first, &mut || waiting.next()) {
            Ok(done) => return done.into_iter().for_each(Work::answer),
            Err((ran, _)) => ran,
        };
        for job in ran.into_iter().chain(waiting) {
            match self.transaction(job, &mut || None) {
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
    ) -> Result<Jobs, (Jobs, Trouble)> {
        let c = &self.c;
        if let Some(changes) = &self.changes {
            changes.forget_noted();
        }
        if let Err(e) = run(c, "begin immediate") {
            return Err((vec![first], e));
        }
        let mut ran: Jobs = Vec::new();
        let mut next = Some(first);
        let mut lost = None;
        while let Some(mut job) = next.take() {
            let kept = savepoint(c, job.as_mut(), self.counters.as_deref());
            ran.push(job);
            if let Err(e) = kept {
                lost = Some(e);
            } else if ran.len() < BATCH {
                next = more();
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
                if !c.is_autocommit() {
                    let _ = run(c, "rollback");
                }
                Err((ran, e))
            }
        }
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

/// Runs one job in its savepoint. An error means that the whole transaction is lost: a full disk or an I/O error may
/// end it, and we do not try to continue it.
fn savepoint(c: &Connection, job: &mut dyn Work, counters: Option<&Counters>) -> Result<(), Trouble> {
    run(c, "savepoint job")?;
    let end = job.run(&mut Tx::sqlite(c, WORKER, counters));
    match end {
        End::Full => return Err(Trouble::Full(full())),
        End::Io => return Err(Trouble::Io(Error::Engine("SQLite could not read or write a file".into()))),
        _ if c.is_autocommit() => {
            return Err(Trouble::Refused(Error::Engine("SQLite rolled the transaction back".into())));
        }
        _ => {}
    }
    if end != End::Commit {
        run(c, "rollback to job")?;
    }
    run(c, "release job")
}
