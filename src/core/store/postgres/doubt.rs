//! Commits whose outcome is unknown: the answer was lost or late, or came with a warning.
//!
//! Looking once decides nothing: a backend that waits for its standby has written everything, but nobody sees it yet,
//! and it may become visible an hour later. So a session of this thread asks in three steps, in one transaction (read
//! committed: each statement sees what was committed before it):
//!
//! 1. It takes the advisory lock that the old transaction holds on its session's audit chain. While it cannot get
//!    the lock, the old transaction has not ended, and nothing is decided.
//! 2. It looks for the trace that only the old transaction can have left: its audit record by chain, number and
//!    hash, or its marker.
//! 3. It writes a marker of its own. If this commits without a warning, everything committed before has reached the
//!    standby too.
//!
//! Found: the caller gets the stored result. Not found: the job runs again. If neither is known within the time limit,
//! the caller gets "unavailable", and this thread asks until it is decided. If the job turns out to have happened, it
//! is undone if possible ([`Store::write_or_undo`](crate::store::Store::write_or_undo)).

use super::session::{Committed, Session, Trace, WRITING};
use super::worker::{Held, Shared, Worker, lock_of};
use super::{Attempt, attempt_once, serve};
use crate::store::Error;
use crate::store::job::{Work, stopped};
use crate::store::tx::Trouble;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The interval of asking while a caller waits for the decision.
const SOON: Duration = Duration::from_millis(50);
/// The interval after that.
const LATER: Duration = Duration::from_millis(250);
/// How often PostgreSQL may refuse an undo before we give up.
const REFUSALS: u32 = 100;

/// A job whose commit is in doubt.
pub(super) struct Doubt {
    stage: DoubtStage,
    /// How long its caller waits.
    until: Instant,
    /// The audit chain that the old transaction has locked.
    chain: i32,
    trace: Trace,
    key: Option<Held>,
    /// Whether other nodes can see that the key is in doubt.
    shown: bool,
    shared: Arc<Shared>,
}
enum DoubtStage {
    /// Not decided yet.
    Asked(Box<dyn Work>),
    /// It happened after its caller got 503, so it is undone. How often that was refused.
    Undo(Box<dyn Work>, u32),
    Over,
}

impl Doubt {
    pub(super) fn new(job: Box<dyn Work>, chain: i32, trace: Trace, key: Option<Held>, shared: &Arc<Shared>) -> Self {
        let until = Instant::now() + shared.limit;
        job.ticket().doubt(until);
        shared.undecided.fetch_add(1, Ordering::AcqRel);
        Self { stage: DoubtStage::Asked(job), until, chain, trace, key, shown: false, shared: shared.clone() }
    }
    /// The store stops before it was decided.
    pub(super) fn abandon(mut self) {
        tracing::warn!(trace = ?self.trace, "the store stops; whether a commit happened stays unknown");
        if let DoubtStage::Asked(job) = std::mem::replace(&mut self.stage, DoubtStage::Over) {
            job.fail(stopped());
        }
    }
    fn is_over(&self) -> bool {
        matches!(self.stage, DoubtStage::Over)
    }
}
impl Drop for Doubt {
    fn drop(&mut self) {
        self.shared.undecided.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Decides the commits that the workers leave in doubt, until the workers have ended and nothing is left.
pub(super) fn decide_loop(worker: &Worker, doubts: &Receiver<Doubt>) {
    let mut session = None;
    let mut open: Vec<Doubt> = Vec::new();
    loop {
        let came = if open.is_empty() {
            doubts.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            doubts.recv_timeout(pause(&open))
        };
        match came {
            Ok(doubt) => open.push(doubt),
            Err(RecvTimeoutError::Disconnected) if open.is_empty() => return,
            // All senders are gone, so `recv_timeout` would return at once.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(SOON),
            Err(RecvTimeoutError::Timeout) => {}
        }
        open.extend(doubts.try_iter());
        if *worker.shared.abort.borrow() {
            open.drain(..).for_each(Doubt::abandon);
            continue;
        }
        if session.as_ref().is_none_or(Session::is_broken) {
            drop(session.take());
            open.iter_mut().for_each(|doubt| doubt.shown = false);
            session = Session::open(worker).ok();
        }
        let Some(asking) = session.as_mut() else { continue };
        // Other nodes must know first: they may get the same code again.
        open.iter_mut().for_each(|doubt| show(asking, doubt));
        match decide(asking, &open) {
            Ok(decided) => settle(&mut open, &decided, &mut session, worker),
            Err(trouble) => tracing::warn!(error = %trouble.error(), "a commit in doubt cannot be decided yet"),
        }
        if let Some(asking) = session.as_mut() {
            open.iter_mut().for_each(|doubt| undo(asking, doubt));
            open.iter_mut().filter(|doubt| doubt.is_over()).for_each(|doubt| hide(asking, doubt));
        }
        open.retain(|doubt| !doubt.is_over());
    }
}

fn pause(open: &[Doubt]) -> Duration {
    let now = Instant::now();
    if open.iter().any(|doubt| doubt.until > now) { SOON } else { LATER }
}

/// Makes it visible to other nodes that a key is in doubt.
fn show(session: &mut Session<'_>, doubt: &mut Doubt) {
    let Some(held) = doubt.key.as_ref().filter(|_| !doubt.shown) else { return };
    let sql = "select pg_try_advisory_lock_shared(?1)";
    let taken = session.rows(sql, &[lock_of(held.key()).into()]);
    doubt.shown = taken.is_ok_and(|rows| rows.first().is_some_and(|row| row.flag(0) == Ok(true)));
}
fn hide(session: &mut Session<'_>, doubt: &mut Doubt) {
    if let (true, Some(held)) = (doubt.shown, doubt.key.as_ref()) {
        // If this fails the session is dropped, which releases its locks.
        let _ = session.rows("select pg_advisory_unlock_shared(?1)", &[lock_of(held.key()).into()]);
    }
    doubt.shown = false;
}

/// The three steps for all that can be decided now: the index of each, and whether it happened.
fn decide(session: &mut Session<'_>, open: &[Doubt]) -> Result<Vec<(usize, bool)>, Trouble> {
    session.begin_read_committed()?;
    let mut seen = Vec::new();
    for (place, doubt) in open.iter().enumerate() {
        if matches!(doubt.stage, DoubtStage::Asked(_)) && has_ended(session, doubt.chain)? {
            seen.push((place, left_its_trace(session, &doubt.trace)?));
        }
    }
    if seen.is_empty() {
        session.rollback();
        return Ok(seen);
    }
    match session.commit() {
        (_, Committed::Yes) => Ok(seen),
        (_, Committed::No(trouble)) => {
            session.rollback();
            Err(trouble)
        }
        (_, Committed::Unknown(why)) => {
            // Its own marker does not matter. Cancelled, so that no backend stays behind that waits for the standby.
            if session.is_broken() {
                session.cancel_commit();
            }
            Err(Trouble::Refused(Error::Unavailable(why)))
        }
    }
}
fn has_ended(session: &mut Session<'_>, chain: i32) -> Result<bool, Trouble> {
    let params = [i64::from(WRITING).into(), i64::from(chain).into()];
    let rows = session.rows("select pg_try_advisory_xact_lock(?1::int, ?2::int)", &params)?;
    Ok(rows.first().is_some_and(|row| row.flag(0) == Ok(true)))
}
fn left_its_trace(session: &mut Session<'_>, trace: &Trace) -> Result<bool, Trouble> {
    let rows = match trace {
        Trace::Record { chain, n, hash } => session.rows(
            "select n from audit where worker = ?1 and n = ?2 and hash = ?3",
            &[chain.as_str().into(), (*n).into(), (*hash).into()],
        ),
        Trace::Marker(id) => session.rows("select at from store_markers where id = ?1", &[id.as_str().into()]),
    }?;
    Ok(!rows.is_empty())
}

/// Answers what is decided; a job that did not happen runs again here.
fn settle<'w>(open: &mut Vec<Doubt>, decided: &[(usize, bool)], session: &mut Option<Session<'w>>, worker: &'w Worker) {
    let mut again = Vec::new();
    for (place, happened) in decided {
        let Some(doubt) = open.get_mut(*place) else { continue };
        let DoubtStage::Asked(job) = std::mem::replace(&mut doubt.stage, DoubtStage::Over) else { continue };
        tracing::info!(happened, trace = ?doubt.trace, "a commit in doubt is decided");
        if *happened {
            if let Some(undo) = job.answer_late() {
                doubt.stage = DoubtStage::Undo(undo, 0);
            }
        } else if job.is_retried() {
            // The job must not find its own key in doubt.
            if let Some(asking) = session.as_mut() {
                hide(asking, doubt);
            }
            doubt.key = None;
            again.push(job);
        }
    }
    open.retain(|doubt| !doubt.is_over() || doubt.shown);
    for job in again {
        open.extend(serve(job, session, worker));
    }
}

/// Undoes a commit whose caller got an error.
fn undo(session: &mut Session<'_>, doubt: &mut Doubt) {
    let DoubtStage::Undo(job, refusals) = &mut doubt.stage else { return };
    if session.is_broken() {
        return;
    }
    match attempt_once(session, job.as_mut()) {
        Attempt::Done(_) => doubt.stage = DoubtStage::Over,
        // An undo may run twice: the second run has nothing to do, and its commit shows that the first one is
        // replicated. The first is cancelled, so that no backend stays behind that waits for the standby.
        Attempt::Unknown(..) => session.cancel_commit(),
        Attempt::Failed(_) | Attempt::Retry => {
            *refusals += 1;
            if *refusals >= REFUSALS {
                tracing::error!(trace = ?doubt.trace, "what nobody was told of could not be taken back");
                doubt.stage = DoubtStage::Over;
            }
        }
        Attempt::Dead(_) | Attempt::Late(_) => session.give_up(),
    }
}
