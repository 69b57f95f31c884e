//! A unit of work on its way through an engine, and the bounded queue it waits in.

use super::tx::Trouble;
use super::{Error, Result, Tx};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How the transaction a job ran in must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The job is content.
    Commit,
    /// The job failed or refused by an `Err`: nothing it did may stay.
    Rollback,
    /// Two transactions met: roll back and run the job again.
    Again,
    /// The connection is gone: get another one and run the job again.
    Reconnect,
    /// The transaction turned out to be read-only.
    ReadOnly,
}

/// A unit of work without its type: run as often as the engine must, then answered exactly once.
pub(super) trait Work: Send {
    /// Runs the closure once and keeps what it returned.
    fn run(&mut self, tx: &mut Tx<'_, '_>) -> End;
    /// Whether the transaction may be read-only.
    fn reads_only(&self) -> bool;
    /// Hands the kept result to the caller. Only after the commit.
    fn answer(self: Box<Self>);
    /// Hands `error` to the caller instead.
    fn fail(self: Box<Self>, error: Error);
}

struct Job<T, F> {
    work: F,
    reads_only: bool,
    out: Option<Result<T>>,
    to: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: Fn(&mut Tx<'_, '_>) -> Result<T> + Send> Work for Job<T, F> {
    fn run(&mut self, tx: &mut Tx<'_, '_>) -> End {
        let (end, out) = run(&self.work, tx);
        self.out = Some(out);
        end
    }
    fn reads_only(&self) -> bool {
        self.reads_only
    }
    fn answer(self: Box<Self>) {
        // A caller who went away is no failure: what was committed stays.
        let _ = self.to.send(self.out.unwrap_or_else(|| Err(stopped())));
    }
    fn fail(self: Box<Self>, error: Error) {
        let _ = self.to.send(Err(error));
    }
}

/// Runs a closure, stops a panic at its edge, and says how its transaction must end.
///
/// A statement that failed fails the whole unit of work even if the closure swallowed its error: PostgreSQL would turn
/// the commit into a rollback without a word, and both engines must behave alike.
pub(super) fn run<T>(work: &impl Fn(&mut Tx<'_, '_>) -> Result<T>, tx: &mut Tx<'_, '_>) -> (End, Result<T>) {
    let Ok(out) = catch_unwind(AssertUnwindSafe(|| work(tx))) else {
        tracing::error!("a unit of work panicked; its transaction is rolled back");
        return (End::Rollback, Err(Error::Engine("a unit of work panicked".into())));
    };
    match (tx.trouble.take(), out) {
        (Some(Trouble::Conflict), _) => (End::Again, Err(Error::Conflict)),
        (Some(Trouble::Gone(e)), _) => (End::Reconnect, Err(e)),
        (Some(Trouble::ReadOnly(e)), _) => (End::ReadOnly, Err(e)),
        (Some(Trouble::Refused(e)), Ok(_)) => (End::Rollback, Err(e)),
        (_, Err(e)) => (End::Rollback, Err(e)),
        (None, Ok(value)) => (End::Commit, Ok(value)),
    }
}

fn stopped() -> Error {
    Error::Unavailable("the store is stopped".into())
}

/// The bounded queue in front of the worker threads, and the threads themselves.
pub(super) struct Queue {
    entrance: RwLock<Option<SyncSender<Box<dyn Work>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Queue {
    /// A queue for `capacity` waiting jobs, and the end its workers take from.
    pub(super) fn new(capacity: usize) -> (Self, Receiver<Box<dyn Work>>) {
        let (entrance, exit) = sync_channel(capacity);
        (Self { entrance: RwLock::new(Some(entrance)), threads: Mutex::default() }, exit)
    }
    /// Remembers a worker, so that [`Queue::stop`] can wait for it.
    pub(super) fn add(&self, thread: JoinHandle<()>) {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }
    /// Puts a closure into the queue and waits for its answer. Never waits for room: a full queue is answered at once.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        reads_only: bool,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (to, answer) = oneshot::channel();
        let job: Box<dyn Work> = Box::new(Job { work, reads_only, out: None, to });
        {
            let entrance = self.entrance.read().unwrap_or_else(PoisonError::into_inner);
            let entrance = entrance.as_ref().ok_or_else(stopped)?;
            entrance.try_send(job).map_err(|_| Error::Unavailable("the queue is full".into()))?;
        }
        answer.await.map_err(|_| stopped())?
    }
    /// Takes no more jobs, lets the workers finish those that wait, and returns when the last thread has ended.
    pub(super) async fn stop(&self) {
        self.entrance.write().unwrap_or_else(PoisonError::into_inner).take();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().all(|t| t.join().is_ok())).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("a store worker ended badly");
        }
    }
}
