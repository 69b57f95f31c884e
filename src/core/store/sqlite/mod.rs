//! SQLite: one writer thread with group commit, a pool of read-only connections, one process for each file.
//!
//! The writer runs the queued jobs in one `BEGIN IMMEDIATE`, commits once and only then answers.
//! So every acknowledged write is on the disk (WAL, `synchronous=FULL`), and a read that starts after it sees it,
//! because a WAL reader sees the last commit.

mod ballast;
mod copy;
mod statement;
mod watch;
mod writer;

use statement::run;
pub(super) use statement::{execute, rows, trouble};

use super::changes::Changes;
use super::job;
use super::queue::Queue;
use super::room::{Room, full};
use super::tx::Trouble;
use super::{Counters, Error, Options, Result, Tx, migrate};
use ballast::{Ballast, nothing_is_free};
use rusqlite::backup::StepResult;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::cell::Cell;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use writer::{READERS, WORKER, Writer};

/// Read connections that stay open for reuse; more are opened if more threads read at once.
const IDLE_READERS: usize = 32;
/// KiB of pages that the writer may keep; they are allocated when they are used.
const WRITER_KIB: i64 = 16 * 1024;
/// KiB of pages that each reader may keep: the inner pages of the indexes of a store with millions of links.
const READER_KIB: i64 = 8 * 1024;
/// Prepared statements of each connection: more than the program has.
const STATEMENTS: usize = 1024;

pub(super) struct Sqlite {
    pub(super) queue: Queue,
    pub(super) room: Arc<Room>,
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    stopped: AtomicBool,
    counters: Option<Arc<Counters>>,
    /// `None` for a store without its schema.
    pub(super) changes: Option<Arc<Changes>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, options: &Options) -> Result<Arc<Self>> {
        let lock = lock(path)?;
        private(path, false)?;
        let ballast = Ballast::for_database(path, options.ballast);
        let mut opened = connect(path, options);
        if opened.is_err() && ballast.nothing_is_free() {
            ballast.give_away();
            opened = connect(path, options);
        }
        let (c, changes) = opened?;
        let room = Arc::new(Room::watched());
        if !ballast.make() {
            room.ran_out();
        }
        let (queue, jobs) = Queue::new(options.queue, options.time_limit, room.clone());
        let counters = options.counters.clone();
        let (counted, changed) = (counters.clone(), changes.clone());
        let mut writer = Writer {
            c,
            ballast,
            room: room.clone(),
            counters: counted,
            changes: changed,
            with_savepoints: Cell::new(0),
        };
        let thread = std::thread::Builder::new().name("store-sqlite".into());
        let thread = thread.spawn(move || {
            writer.run(&jobs);
            drop(writer);
            drop(lock);
        });
        queue.add(thread.map_err(|e| Error::Unavailable(e.to_string()))?);
        let readers = Mutex::default();
        let stopped = AtomicBool::new(false);
        Ok(Arc::new(Self { queue, room, path: path.to_owned(), readers, stopped, counters, changes }))
    }

    /// Runs on the calling thread: a look-up by key costs less than a change of threads.
    pub(super) fn read<T>(&self, work: &impl Fn(&mut Tx<'_, '_>) -> Result<T>) -> Result<T> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::Unavailable("the store is stopped".into()));
        }
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let c = match idle {
            Some(c) => c,
            None => self.reader().map_err(|e| self.unreadable(trouble(&e)))?,
        };
        run(&c, "begin").map_err(|e| self.unreadable(e))?;
        let (end, mut out) = job::run(work, &mut Tx::sqlite(&c, WORKER, self.counters.as_deref()));
        if end == job::End::Io && nothing_is_free(&self.path) {
            out = Err(full());
        }
        // A connection that cannot end its read is not reused.
        if run(&c, "rollback").is_ok() && !self.stopped.load(Ordering::Acquire) {
            let mut idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_READERS {
                idle.push(c);
            }
        }
        out
    }

    /// Why a read failed. A full disk can cause an I/O error too.
    fn unreadable(&self, why: Trouble) -> Error {
        match why {
            Trouble::Io(_) if nothing_is_free(&self.path) => full(),
            other => other.error(),
        }
    }
    fn reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let c = Connection::open_with_flags(&self.path, flags)?;
        fix_plans(&c)?;
        c.pragma_update(None, "query_only", true)?;
        c.pragma_update(None, "cache_size", -READER_KIB)?;
        c.busy_timeout(READERS)?;
        c.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(c)
    }

    /// Copies the last committed state. The copy gets its name last, so a partial copy never has it.
    pub(super) fn backup(&self, to: &Path) -> Result<()> {
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        private(&part, true)?;
        let is_over = || self.stopped.load(Ordering::Acquire);
        let copied = self.reader().and_then(|from| copy::copy(&from, &part, is_over));
        let named = match copied.map_err(|e| trouble(&e).error()) {
            Ok(Some(StepResult::Done)) => {
                std::fs::rename(&part, to).map_err(|e| Error::Engine(format!("{}: {e}", to.display())))
            }
            Ok(Some(_)) => Err(Error::Unavailable("the store is too busy to be copied".into())),
            Ok(None) => Err(Error::Unavailable("the server stops: there is no copy".into())),
            Err(cause) => Err(cause),
        };
        if named.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        named
    }

    pub(super) async fn stop(&self, within: Duration) {
        self.stopped.store(true, Ordering::Release);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // A write that waits for the disk cannot be aborted.
        self.queue.stop(within, || ()).await;
    }
}

/// Takes the lock beside the file. Only one process uses the file, so that its caches can be exact. The kernel releases
/// the lock when the process ends, however it ends.
fn lock(path: &Path) -> Result<File> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let unavailable = |e: std::io::Error| Error::Unavailable(format!("{}: {e}", path.display()));
    let file =
        File::options().create(true).truncate(false).write(true).mode(0o600).open(beside).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Unavailable(format!("{} is in use", path.display()))),
        Err(TryLockError::Error(e)) => Err(unavailable(e)),
    }
}

/// Creates the file before SQLite does, so that nobody else may read it. SQLite gives its other files the same mode.
fn private(path: &Path, new: bool) -> Result<()> {
    let mut options = File::options();
    options.write(true).mode(0o600);
    let options = if new { options.create_new(true) } else { options.create(true).truncate(false) };
    options.open(path).map(|_| ()).map_err(|e| Error::Unavailable(format!("{}: {e}", path.display())))
}

/// Keeps the plan of a prepared statement. This SQLite is compiled with STAT4: without this setting it looks at each
/// bound value and plans the statement again at every execution, which costs more than the statement itself.
fn fix_plans(c: &Connection) -> rusqlite::Result<()> {
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// The connection that writes, and what it says of its changes.
fn connect(path: &Path, options: &Options) -> Result<(Connection, Option<Arc<Changes>>)> {
    let c = Connection::open(path).map_err(|e| trouble(&e).error())?;
    prepare(&c).map_err(|e| trouble(&e).error())?;
    if options.migrate {
        migrate::sqlite(&c, options.schema)?;
    }
    let changes = watch::watched(&c).map_err(|e| trouble(&e).error())?;
    Ok((c, changes))
}

fn prepare(c: &Connection) -> rusqlite::Result<()> {
    fix_plans(c)?;
    // A savepoint must not need disk space for a temporary file.
    c.pragma_update(None, "temp_store", "MEMORY")?;
    c.pragma_update(None, "journal_mode", "WAL")?;
    c.pragma_update(None, "synchronous", "FULL")?;
    // A batch of a job changes thousands of pages. Those that do not fit are written twice.
    c.pragma_update(None, "cache_size", -WRITER_KIB)?;
    c.pragma_update(None, "foreign_keys", true)?;
    c.busy_timeout(READERS)?;
    c.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}
