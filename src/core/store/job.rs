//! A unit of work in an engine: what it may do, when its caller stops waiting, and how it is answered exactly once.

use super::load::{StoreLoad, Waiting};
use super::tx::Trouble;
use super::{Error, Result, Tx};
use crate::fact::Fact;
use crate::secret::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, oneshot};

/// Whether a unit of work may still be written when the disk is full (`endings only`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It begins something. It is refused while only endings are written.
    Ordinary,
    /// It ends something, or is an order of the staff: revocations, locks, the settling of reserved attempts, expiry,
    /// account events. If it were refused, a right would stay valid that somebody wants to end.
    Ending,
}

/// Work without a time limit. Migrating a large database or reading the whole audit record takes long, and a person
/// watches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLimit {
    /// Schema files.
    Migration,
    /// `renkei audit verify`
    AuditVerify,
    /// `renkei audit export`
    AuditExport,
}

/// The properties of a unit of work that its engine uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) reads_only: bool,
    /// It has one statement, which reads: PostgreSQL needs no transaction around it.
    pub(super) one_statement: bool,
    pub(super) urgency: Urgency,
    pub(super) no_limit: Option<NoLimit>,
}

/// How the transaction of a job must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The job succeeded.
    Commit,
    /// The job failed, or refused by an `Err`: nothing it did may stay.
    Rollback,
    /// A conflict with another transaction: roll back and run the job again.
    Retry,
    /// The connection is dead: open another one and run the job again.
    Reconnect,
    /// The engine did not answer in time: drop the connection and fail the job.
    Late,
    /// The transaction turned out to be read-only.
    ReadOnly,
    /// The disk is full.
    Full,
    /// SQLite could not read or write a file.
    Io,
}

/// A unit of work without its result type. It may run several times and is answered exactly once.
pub(super) trait Work: Send {
    /// Runs the closure once and stores its result.
    fn run(&mut self, tx: &mut Tx<'_, '_>) -> End;
    /// Its properties.
    fn order(&self) -> Order;
    /// The state of its caller.
    fn ticket(&self) -> &Ticket;
    /// The key of what it redeems, if its outcome can be undone. While the outcome of one unit is in doubt, another
    /// unit with the same key must not conclude anything from it.
    fn key(&self) -> Option<Hash>;
    /// The commit was in doubt and did not happen. Whether the job runs again: no if its caller has given up; also no
    /// if its caller has left and the result is useful to that caller only.
    fn is_retried(&self) -> bool;
    /// Sends the stored result to the caller. Only after the commit.
    fn answer(self: Box<Self>);
    /// Sends `error` to the caller instead.
    fn fail(self: Box<Self>, error: Error);
    /// The commit was in doubt and did happen: sends the stored result to the caller. If the caller already got an
    /// error, returns the unit of work that undoes it, if there is one.
    fn answer_late(self: Box<Self>) -> Option<Box<dyn Work>>;
}

/// Undoes a unit of work, from its result.
pub(super) type Undo<T> = Box<dyn Fn(&mut Tx<'_, '_>, &T) -> Result<()> + Send>;

pub(super) struct Job<T, F> {
    pub(super) work: F,
    pub(super) order: Order,
    pub(super) undo: Option<(Hash, Undo<T>)>,
    pub(super) ticket: Arc<Ticket>,
    pub(super) out: Option<Result<T>>,
    pub(super) to: oneshot::Sender<Result<T>>,
    /// What its transaction noted.
    pub(super) facts: Vec<Fact>,
    pub(super) load: Arc<StoreLoad>,
    pub(super) waiting: Option<Waiting>,
    /// The span of the request, so that what the work logs carries the request's id.
    pub(super) span: tracing::Span,
}

impl<T: Send + 'static, F: Fn(&mut Tx<'_, '_>) -> Result<T> + Send> Work for Job<T, F> {
    fn run(&mut self, tx: &mut Tx<'_, '_>) -> End {
        if let Some(waiting) = self.waiting.take() {
            waiting.end();
        }
        tx.facts.clear();
        let (end, out) = self.span.in_scope(|| run(&self.work, tx));
        self.facts = std::mem::take(&mut tx.facts);
        if end == End::Retry {
            self.load.retried();
        }
        self.out = Some(out);
        end
    }
    fn order(&self) -> Order {
        self.order
    }
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }
    fn key(&self) -> Option<Hash> {
        self.undo.as_ref().map(|(key, _)| *key)
    }
    fn is_retried(&self) -> bool {
        !(self.undo.is_some() && self.to.is_closed()) && self.ticket.retake()
    }
    fn answer(self: Box<Self>) {
        self.committed();
        // If the caller has left, what was committed stays.
        let _ = self.to.send(self.out.unwrap_or_else(|| Err(stopped())));
    }
    fn fail(self: Box<Self>, error: Error) {
        let _ = self.to.send(Err(error));
    }
    fn answer_late(self: Box<Self>) -> Option<Box<dyn Work>> {
        self.committed();
        let out = self.out?;
        let unheard = if self.ticket.close() { self.to.send(out).err()? } else { out };
        let (Ok(value), Some((_, undo))) = (unheard, self.undo) else { return None };
        Some(Box::new(Undoing { value, undo, order: self.order, ticket: Ticket::default() }))
    }
}

impl<T, F> Job<T, F> {
    /// Counts what its transaction noted, if it was not rolled back.
    fn committed(&self) {
        if matches!(self.out, Some(Ok(_))) {
            self.facts.iter().for_each(|fact| self.load.facts().count(*fact));
        }
    }
}

/// The unit of work that undoes another. Nobody waits for it.
struct Undoing<T> {
    value: T,
    undo: Undo<T>,
    order: Order,
    ticket: Ticket,
}
impl<T: Send> Work for Undoing<T> {
    fn run(&mut self, tx: &mut Tx<'_, '_>) -> End {
        let (end, out) = run(&|tx: &mut Tx<'_, '_>| (self.undo)(tx, &self.value), tx);
        if let Err(error) = out {
            tracing::warn!(%error, "what nobody was told of cannot be taken back yet");
        }
        // No caller gets its error, so it is tried again.
        if end == End::Rollback { End::Retry } else { end }
    }
    fn order(&self) -> Order {
        self.order
    }
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }
    fn key(&self) -> Option<Hash> {
        None
    }
    fn is_retried(&self) -> bool {
        true
    }
    fn answer(self: Box<Self>) {}
    fn fail(self: Box<Self>, _: Error) {}
    fn answer_late(self: Box<Self>) -> Option<Box<dyn Work>> {
        None
    }
}

/// Runs a closure, catches its panic, and returns how its transaction must end.
///
/// If a statement failed, the whole unit of work fails, even if the closure ignored the error: PostgreSQL would
/// silently turn the commit into a rollback, and both engines must behave alike.
pub(super) fn run<T>(work: &impl Fn(&mut Tx<'_, '_>) -> Result<T>, tx: &mut Tx<'_, '_>) -> (End, Result<T>) {
    let Ok(out) = catch_unwind(AssertUnwindSafe(|| work(tx))) else {
        tracing::error!("a unit of work panicked; its transaction is rolled back");
        return (End::Rollback, Err(Error::Engine("a unit of work panicked".into())));
    };
    match (tx.trouble.take(), out) {
        (Some(Trouble::Conflict), _) => (End::Retry, Err(Error::Conflict)),
        (Some(Trouble::Gone(e)), _) => (End::Reconnect, Err(e)),
        (Some(Trouble::Late(e)), _) => (End::Late, Err(e)),
        (Some(Trouble::ReadOnly(e)), _) => (End::ReadOnly, Err(e)),
        (Some(Trouble::Full(e)), _) => (End::Full, Err(e)),
        (Some(Trouble::Io(e)), _) => (End::Io, Err(e)),
        (Some(Trouble::Refused(e)), Ok(_)) => (End::Rollback, Err(e)),
        (_, Err(e)) => (End::Rollback, Err(e)),
        (None, Ok(value)) => (End::Commit, Ok(value)),
    }
}

pub(super) fn stopped() -> Error {
    Error::Unavailable("the store is stopped".into())
}

/// The progress of a unit of work, for its caller. The caller may give up only while nothing runs: in the queue, and
/// while the outcome of a commit is in doubt.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    stage: Mutex<TicketState>,
    changed: Notify,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TicketState {
    #[default]
    Waiting,
    Claimed,
    InDoubt(Instant),
    Over,
}
impl Ticket {
    fn turn(&self, next: impl FnOnce(TicketState) -> Option<TicketState>) -> bool {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let turned = next(*stage);
        *stage = turned.unwrap_or(*stage);
        turned.is_some()
    }
    /// An engine starts the job; `false` if its caller has given up.
    pub(super) fn take(&self) -> bool {
        self.turn(|stage| (stage == TicketState::Waiting).then_some(TicketState::Claimed))
    }
    /// It is unknown whether the job was committed. Its caller waits until `until`.
    pub(super) fn doubt(&self, until: Instant) {
        self.turn(|_| Some(TicketState::InDoubt(until)));
        self.changed.notify_one();
    }
    /// The job was not committed and may run again; `false` if its caller has given up.
    fn retake(&self) -> bool {
        self.turn(|stage| matches!(stage, TicketState::InDoubt(_)).then_some(TicketState::Claimed))
    }
    /// The caller gets its answer now; `false` if it has given up.
    fn close(&self) -> bool {
        self.turn(|stage| (stage != TicketState::Over).then_some(TicketState::Over))
    }
    /// The caller gives up; `false` if the job is running, so that the caller must wait for the answer.
    pub(super) fn give_up(&self) -> bool {
        self.turn(|stage| matches!(stage, TicketState::Waiting | TicketState::InDoubt(_)).then_some(TicketState::Over))
    }
    /// Waits until the outcome is in doubt. Returns how long the caller waits for a decision then.
    pub(super) async fn in_doubt(&self) -> Instant {
        loop {
            self.changed.notified().await;
            if let TicketState::InDoubt(until) = *self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
                return until;
            }
        }
    }
}
