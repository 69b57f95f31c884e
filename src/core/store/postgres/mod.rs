//! PostgreSQL: N worker threads, a connection each, every transaction serializable, every step with a time limit.
//!
//! A unit of work is a synchronous closure and `tokio_postgres` is asynchronous, so each thread waits on a runtime of
//! its own. After a conflict with another transaction a job runs again. A dead connection is replaced before the next
//! attempt. A connection that does not answer is dropped, and its job fails (503). [`doubt`] decides a commit whose
//! outcome is unknown.

mod dial;
mod doubt;
mod session;
mod trouble;
mod value;
mod worker;

pub(super) use session::Session;

use super::job::{End, Order, Work, stopped};
use super::queue::Queue;
use super::room::Room;
use super::tx::Trouble;
use super::{Error, NoLimit, Options, Result, Tx, migrate};
use dial::Dialer;
use doubt::Doubt;
use session::Committed;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use worker::{Held, PendingKeys, Shared, Worker};

/// How often a job is tried before its caller gets an error.
const ATTEMPTS: u32 = 24;

pub(super) struct Postgres {
    pub(super) queue: Queue,
    pub(super) room: Arc<Room>,
    abort: watch::Sender<bool>,
}

/// Refuses a URL that cannot be read; otherwise whether it leads to another machine without TLS.
pub(super) fn examine(url: &str) -> Result<bool> {
    Ok(dial::Address::parse(url)?.is_plain_to_another_machine())
}

impl Postgres {
    pub(super) fn open(url: &str, options: &Options) -> Result<Arc<Self>> {
        let limit = options.time_limit;
        let (room, (abort, aborted)) = (Arc::new(Room::tried()), watch::channel(false));
        let connections = options.connections.max(1);
        let shared = Arc::new(Shared {
            dialer: Dialer::new(url, limit)?,
            limit,
            room: room.clone(),
            keys: PendingKeys::default(),
            abort: aborted,
            undecided: AtomicUsize::new(0),
            most_undecided: connections,
        });
        let (queue, jobs) = Queue::new(options.queue, limit, room.clone());
        let first = Worker::new(shared.clone())?;
        let (schema, wanted) = (options.schema, options.migrate);
        let opened = std::thread::spawn(move || {
            let done = Session::bare(&first, Some(NoLimit::Migration))
                .and_then(|mut session| if wanted { migrate::postgres(&mut session, schema) } else { Ok(()) });
            first.close();
            done
        });
        opened.join().map_err(|_| Error::Unavailable("the migration ended badly".into()))??;
        let jobs = Arc::new(Mutex::new(jobs));
        let (doubts, doubtful) = channel();
        for n in 0..connections {
            let (worker, jobs, doubts) = (Worker::new(shared.clone())?, jobs.clone(), doubts.clone());
            let thread = std::thread::Builder::new().name(format!("store-pg-{n}"));
            let thread = thread.spawn(move || {
                work_loop(&worker, &jobs, &doubts);
                worker.close();
            });
            queue.add(thread.map_err(|e| Error::Unavailable(e.to_string()))?);
        }
        let worker = Worker::new(shared)?;
        let decider = std::thread::Builder::new().name("store-pg-doubt".into());
        let decider = decider.spawn(move || {
            doubt::decide_loop(&worker, &doubtful);
            worker.close();
        });
        queue.add(decider.map_err(|e| Error::Unavailable(e.to_string()))?);
        Ok(Arc::new(Self { queue, room, abort }))
    }

    pub(super) async fn stop(&self, within: Duration) {
        let abort = || {
            self.abort.send_replace(true);
        };
        self.queue.stop(within, abort).await;
    }
}

fn work_loop(worker: &Worker, jobs: &Mutex<Receiver<Box<dyn Work>>>, doubts: &Sender<Doubt>) {
    let mut session = Session::open(worker).ok();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if !job.ticket().take() {
            continue;
        }
        if *worker.shared.abort.borrow() {
            job.fail(stopped());
            continue;
        }
        if let Some(doubt) = serve(job, &mut session, worker)
            && let Err(lost) = doubts.send(doubt)
        {
            lost.0.abandon();
        }
    }
}

/// Runs one job until it is answered, or returns it if the outcome of its commit is unknown.
fn serve<'w>(mut job: Box<dyn Work>, session: &mut Option<Session<'w>>, worker: &'w Worker) -> Option<Doubt> {
    let shared = &worker.shared;
    if !job.order().reads_only && shared.undecided.load(Ordering::Acquire) >= shared.most_undecided {
        job.fail(Error::Unavailable("the outcome of earlier commits is not known yet".into()));
        return None;
    }
    let last_start = job.order().no_limit.is_none().then(|| Instant::now() + shared.limit);
    let mut dead = 0;
    for attempt in 0..ATTEMPTS {
        if session.as_ref().is_none_or(Session::is_broken) {
            *session = None;
            match Session::open(worker) {
                Ok(new) => *session = Some(new),
                Err(e) => {
                    job.fail(e);
                    return None;
                }
            }
        }
        let Some(open) = session.as_mut() else { continue };
        match attempt_once(open, job.as_mut()) {
            Attempt::Done(held) => {
                job.answer();
                drop(held);
                return None;
            }
            Attempt::Retry => pause(attempt),
            Attempt::Dead(e) => {
                tracing::warn!(error = %e, "a PostgreSQL connection died; it is replaced");
                *session = None;
                dead += 1;
                // A job that breaks every connection it gets must not break them all.
                if dead > 3 {
                    job.fail(e);
                    return None;
                }
            }
            Attempt::Late(e) => {
                tracing::warn!(error = %e, "a PostgreSQL connection is dropped");
                *session = None;
                job.fail(e);
                return None;
            }
            Attempt::Unknown(trace, held, why) => {
                tracing::warn!(why, "whether a commit happened is not known; it is asked for");
                return Some(Doubt::new(job, open.chain(), trace, held, shared));
            }
            Attempt::Failed(e) => {
                job.fail(e);
                return None;
            }
        }
        if last_start.is_some_and(|last| Instant::now() > last) {
            break;
        }
    }
    tracing::warn!("a unit of work met other transactions too often");
    job.fail(Error::Unavailable("too many conflicts".into()));
    None
}

enum Attempt {
    Done(Option<Held>),
    Retry,
    Dead(Error),
    Late(Error),
    /// The commit was sent and not answered properly: it may have happened.
    Unknown(session::Trace, Option<Held>, String),
    Failed(Error),
}

fn attempt_once(session: &mut Session<'_>, job: &mut dyn Work) -> Attempt {
    let order = job.order();
    if let Err(trouble) = session.begin(order) {
        return stopped_by(session, trouble);
    }
    let name = session.name();
    match job.run(&mut Tx::postgres(session, &name)) {
        End::Commit if order.one_statement => Attempt::Done(None),
        End::Commit if order.reads_only => match session.commit_read() {
            Ok(()) => Attempt::Done(None),
            Err(trouble) => stopped_by(session, trouble),
        },
        End::Commit => {
            let held = job.key().map(|key| Held::new(session.shared(), key));
            match session.commit() {
                (_, Committed::Yes) => {
                    has_room(session, order);
                    Attempt::Done(held)
                }
                (_, Committed::No(trouble)) => stopped_by(session, trouble),
                (trace, Committed::Unknown(why)) => Attempt::Unknown(trace, held, why),
            }
        }
        End::Rollback | End::Io => {
            session.rollback();
            Attempt::Done(None)
        }
        End::Retry => {
            session.rollback();
            Attempt::Retry
        }
        End::ReadOnly if order.reads_only => {
            session.rollback();
            Attempt::Done(None)
        }
        End::Full => stopped_by(session, Trouble::Full(super::room::full())),
        End::Late => Attempt::Late(Error::Unavailable("PostgreSQL has not answered in time".into())),
        // A failover made this host a standby, so find the new primary.
        End::ReadOnly | End::Reconnect => Attempt::Dead(Error::Unavailable("the connection died".into())),
    }
}

/// The transaction was not committed.
fn stopped_by(session: &mut Session<'_>, trouble: Trouble) -> Attempt {
    session.rollback();
    match trouble {
        Trouble::Conflict => Attempt::Retry,
        Trouble::Gone(e) => Attempt::Dead(e),
        Trouble::Late(e) => Attempt::Late(e),
        Trouble::Full(e) => {
            session.shared().room.ran_out();
            Attempt::Failed(e)
        }
        Trouble::ReadOnly(e) | Trouble::Refused(e) | Trouble::Io(e) => Attempt::Failed(e),
    }
}

/// An ordinary commit shows that the disk has room again.
fn has_room(session: &Session<'_>, order: Order) {
    if order.urgency == super::Urgency::Ordinary {
        session.shared().room.is_back();
    }
}

/// Waits before the next try: twice as long each time up to 64 ms, with jitter, so that two rivals do not meet again.
fn pause(attempt: u32) {
    let most = 1_u64 << attempt.min(6);
    let jitter = RandomState::new().hash_one(attempt) % (most * 1000);
    std::thread::sleep(Duration::from_micros(most * 500 + jitter / 2));
}
