//! The bounded queue in front of an engine's threads. No job waits for ever: [`Error::Unavailable`] answers a job that
//! no thread has started within the time limit, and one whose commit cannot be decided in time.

use super::job::{Job, Order, Ticket, Undo, Work, stopped};
use super::load::{StoreLoad, Waiting};
use super::room::Room;
use super::{Error, Result, Tx};
use crate::secret::Hash;
use crate::traced::ONLY_TRACED;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument as _;

/// The bounded queue and its threads.
pub(super) struct Queue {
    entrance: RwLock<Option<SyncSender<Box<dyn Work>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    limit: Duration,
    room: Arc<Room>,
    pub(super) load: Arc<StoreLoad>,
}

impl Queue {
    /// A queue for `capacity` waiting jobs, and the receiver for its workers.
    pub(super) fn new(capacity: usize, limit: Duration, room: Arc<Room>) -> (Self, Receiver<Box<dyn Work>>) {
        let (entrance, exit) = sync_channel(capacity);
        (
            Self {
                entrance: RwLock::new(Some(entrance)),
                threads: Mutex::default(),
                limit,
                room,
                load: Arc::default(),
            },
            exit,
        )
    }
    /// Adds a worker, so that [`Queue::stop`] can wait for it.
    pub(super) fn add(&self, thread: JoinHandle<()>) {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }
    /// Puts a closure into the queue and waits for its answer. Fails at once if the queue is full, or if the disk is
    /// full and the order is not an ending.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        order: Order,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
        undo: Option<(Hash, Undo<T>)>,
    ) -> Result<T> {
        let span = if order.reads_only {
            tracing::info_span!(target: ONLY_TRACED, "store.read")
        } else {
            tracing::info_span!(target: ONLY_TRACED, "store.write")
        };
        let done = self.waited(order, work, undo).instrument(span).await;
        if matches!(done, Err(Error::Unavailable(_))) {
            self.load.refused();
        }
        done
    }
    async fn waited<T: Send + 'static>(
        &self,
        order: Order,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
        undo: Option<(Hash, Undo<T>)>,
    ) -> Result<T> {
        self.room.admits(order)?;
        let (to, mut answer) = oneshot::channel();
        let ticket = Arc::new(Ticket::default());
        let span = tracing::Span::current();
        let (load, waiting) = (self.load.clone(), Some(Waiting::begin(&self.load)));
        let (out, facts, job_ticket) = (None, Vec::new(), ticket.clone());
        let job: Box<dyn Work> =
            Box::new(Job { work, order, undo, ticket: job_ticket, out, to, facts, load, waiting, span });
        {
            let entrance = self.entrance.read().unwrap_or_else(PoisonError::into_inner);
            let entrance = entrance.as_ref().ok_or_else(stopped)?;
            entrance.try_send(job).map_err(|_| Error::Unavailable("the queue is full".into()))?;
        }
        let mut until = order.no_limit.is_none().then(|| Instant::now() + self.limit);
        let mut why = "no connection was free in time";
        loop {
            let late = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                answered = &mut answer => return answered.map_err(|_| stopped())?,
                decide_by = ticket.in_doubt() => {
                    (until, why) = (Some(decide_by.into()), "whether it was committed is not known yet");
                }
                () = late => {
                    if ticket.give_up() {
                        return Err(Error::Unavailable(why.into()));
                    }
                    // It is running; every step of it has its own limit.
                    until = None;
                }
            }
        }
    }
    /// Accepts no more jobs, lets the workers finish the waiting ones, and returns when the last thread has ended.
    /// `abort` breaks off what has not ended shortly before the end of the time.
    pub(super) async fn stop(&self, within: Duration, abort: impl FnOnce()) {
        self.entrance.write().unwrap_or_else(PoisonError::into_inner).take();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let (done, mut joined) = oneshot::channel();
        // On its own thread: a worker that never ends must not keep the runtime from ending.
        std::thread::spawn(move || done.send(threads.into_iter().all(|t| t.join().is_ok())));
        let last = within / 5;
        if let Ok(ended) = timeout(within - last, &mut joined).await {
            if !matches!(ended, Ok(true)) {
                tracing::error!("a store worker ended badly");
            }
            return;
        }
        tracing::warn!("the store is still at work; it is broken off");
        abort();
        if timeout(last, joined).await.is_err() {
            tracing::error!("a store worker does not end");
        }
    }
}
