//! SQLite: one writer thread with group commit, a pool of read-only connections, one process for each file.
//!
//! The writer drains its queue into one `BEGIN IMMEDIATE`, a savepoint for each job, commits once and only then
//! answers: every acknowledged write is on the disk (WAL, `synchronous=FULL`), and a read that starts after an
//! acknowledged write sees it, because a WAL reader sees the last commit.

use super::job::{self, End, Queue, Work};
use super::tx::Trouble;
use super::{Counters, Error, Options, Result, Row, Tx, Value, migrate};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, StatementStatus};
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many jobs share one commit. More gain nothing and make the first of them wait.
const BATCH: usize = 256;
/// Read connections kept for reuse; more are opened when more threads read at once.
const IDLE_READERS: usize = 32;
/// Statements each connection keeps prepared: more than all verbs together have.
const STATEMENTS: usize = 1024;
/// The one audit chain of a SQLite file.
const WORKER: &str = "sqlite";

pub(super) struct Sqlite {
    queue: Queue,
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    stopped: AtomicBool,
    counters: Option<Arc<Counters>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, options: &Options) -> Result<Arc<Self>> {
        let lock = lock(path)?;
        private(path, false)?;
        let c = Connection::open(path).map_err(|e| failed(&e))?;
        prepare(&c).map_err(|e| failed(&e))?;
        if options.migrate {
            migrate::sqlite(&c, options.schema)?;
        }
        let (queue, jobs) = Queue::new(options.queue);
        let (counters, counted) = (options.counters.clone(), options.counters.clone());
        let writer = std::thread::Builder::new().name("store-sqlite".into());
        let writer = writer.spawn(move || {
            write_loop(&c, &jobs, counted.as_deref());
            // Leaves one file behind for whoever copies it; readers may still hold it, then the WAL stays.
            let _ = c.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
            drop(c);
            drop(lock);
        });
        queue.add(writer.map_err(|e| Error::Unavailable(e.to_string()))?);
        let readers = Mutex::default();
        Ok(Arc::new(Self { queue, path: path.to_owned(), readers, stopped: AtomicBool::new(false), counters }))
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queue.submit(false, work).await
    }

    /// Runs on the calling thread: a look-up by key costs less than a hop to another one.
    pub(super) fn read<T>(&self, work: &impl Fn(&mut Tx<'_, '_>) -> Result<T>) -> Result<T> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::Unavailable("the store is stopped".into()));
        }
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let c = match idle {
            Some(c) => c,
            None => self.reader().map_err(|e| failed(&e))?,
        };
        c.execute_batch("begin").map_err(|e| failed(&e))?;
        let (_, out) = job::run(work, &mut Tx::sqlite(&c, WORKER, self.counters.as_deref()));
        // A connection that cannot even end its read is not reused.
        if c.execute_batch("rollback").is_ok() && !self.stopped.load(Ordering::Acquire) {
            let mut idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_READERS {
                idle.push(c);
            }
        }
        out
    }

    fn reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let c = Connection::open_with_flags(&self.path, flags)?;
        keep_plans(&c)?;
        c.pragma_update(None, "query_only", true)?;
        c.busy_timeout(Duration::from_secs(5))?;
        c.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(c)
    }

    /// Copies the last committed state. The copy is whole or not there: it gets its name last.
    pub(super) fn backup(&self, to: &Path) -> Result<()> {
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        private(&part, true)?;
        let copied = (|| {
            let from = self.reader()?;
            let mut copy = Connection::open(&part)?;
            let step = Backup::new(&from, &mut copy)?.step(-1)?;
            // One file without a log beside it.
            copy.pragma_update(None, "journal_mode", "DELETE")?;
            Ok(step)
        })();
        let named = match copied.map_err(|e| failed(&e))? {
            StepResult::Done => std::fs::rename(&part, to).map_err(|e| Error::Engine(format!("{}: {e}", to.display()))),
            _ => Err(Error::Unavailable("the store is too busy to be copied".into())),
        };
        if named.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        named
    }

    pub(super) async fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.queue.stop().await;
    }
}

/// Takes the lock beside the file: one process owns it, so that what it caches can be exact. The kernel gives the lock
/// back when the process ends, however it ends.
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

/// Makes the file before SQLite does, so that nobody else may read it; the files SQLite puts beside it take its mode.
fn private(path: &Path, new: bool) -> Result<()> {
    let mut options = File::options();
    options.write(true).mode(0o600);
    let options = if new { options.create_new(true) } else { options.create(true).truncate(false) };
    options.open(path).map(|_| ()).map_err(|e| Error::Unavailable(format!("{}: {e}", path.display())))
}

/// Lets a prepared statement keep its plan. This SQLite is compiled with STAT4: without the guarantee it looks at each
/// bound value and plans the statement again at every execution, which costs more than the statement itself.
fn keep_plans(c: &Connection) -> rusqlite::Result<()> {
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

fn prepare(c: &Connection) -> rusqlite::Result<()> {
    keep_plans(c)?;
    c.pragma_update(None, "journal_mode", "WAL")?;
    c.pragma_update(None, "synchronous", "FULL")?;
    c.pragma_update(None, "foreign_keys", true)?;
    c.busy_timeout(Duration::from_secs(5))?;
    c.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn write_loop(c: &Connection, jobs: &Receiver<Box<dyn Work>>, counters: Option<&Counters>) {
    while let Ok(first) = jobs.recv() {
        if let Err(e) = run(c, "begin immediate") {
            first.fail(e);
            continue;
        }
        let mut ran = Vec::new();
        let mut next = Some(first);
        let mut lost = None;
        while let Some(mut job) = next.take() {
            let kept = savepoint(c, job.as_mut(), counters);
            ran.push(job);
            // A full disk or an I/O error ends SQLite's whole transaction, not only the savepoint.
            if let Err(e) = kept {
                lost = Some(e);
            } else if ran.len() < BATCH {
                next = jobs.try_recv().ok();
            }
        }
        match lost.map_or_else(|| run(c, "commit"), Err) {
            Ok(()) => ran.into_iter().for_each(|job| job.answer()),
            Err(e) => {
                tracing::error!(error = %e, jobs = ran.len(), "SQLite lost a transaction");
                if !c.is_autocommit() {
                    let _ = run(c, "rollback");
                }
                ran.into_iter().for_each(|job| job.fail(e.clone()));
            }
        }
    }
}

/// Runs one job in its savepoint. An error means that the whole transaction is lost.
fn savepoint(c: &Connection, job: &mut dyn Work, counters: Option<&Counters>) -> Result<()> {
    run(c, "savepoint job")?;
    let end = job.run(&mut Tx::sqlite(c, WORKER, counters));
    if c.is_autocommit() {
        return Err(Error::Engine("SQLite rolled the transaction back".into()));
    }
    if end != End::Commit {
        run(c, "rollback to job")?;
    }
    run(c, "release job")
}

fn run(c: &Connection, sql: &str) -> Result<()> {
    c.prepare_cached(sql).and_then(|mut s| s.execute([])).map(|_| ()).map_err(|e| failed(&e))
}

pub(super) fn execute(
    c: &Connection,
    counters: Option<&Counters>,
    sql: &str,
    params: &[Value],
) -> std::result::Result<u64, Trouble> {
    let mut statement = c.prepare_cached(sql).map_err(|e| trouble(&e))?;
    if statement.column_count() > 0 {
        drop(statement);
        return rows(c, counters, sql, params).map(|rows| rows.len() as u64);
    }
    let done = statement.execute(rusqlite::params_from_iter(params)).map(|n| n as u64).map_err(|e| trouble(&e));
    count(counters, &statement);
    done
}

pub(super) fn rows(
    c: &Connection,
    counters: Option<&Counters>,
    sql: &str,
    params: &[Value],
) -> std::result::Result<Vec<Row>, Trouble> {
    let mut statement = c.prepare_cached(sql).map_err(|e| trouble(&e))?;
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(|e| trouble(&e))?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(|e| trouble(&e))? {
        let cells = (0..columns).map(|i| value(row.get_ref(i).map_err(|e| trouble(&e))?, i));
        out.push(Row(cells.collect::<std::result::Result<_, Trouble>>()?));
    }
    drop(rows);
    count(counters, &statement);
    Ok(out)
}

fn count(counters: Option<&Counters>, statement: &Statement<'_>) {
    if let Some(counters) = counters {
        let since_last_run = |what| u64::try_from(statement.reset_status(what)).unwrap_or(0);
        counters.add(since_last_run(StatementStatus::RePrepare), since_last_run(StatementStatus::VmStep));
    }
}

fn value(v: ValueRef<'_>, column: usize) -> std::result::Result<Value, Trouble> {
    let wrong = || Trouble::Refused(Error::Column { column, expected: "BIGINT, TEXT or BYTES" });
    Ok(match v {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Int(v),
        ValueRef::Text(v) => Value::Text(std::str::from_utf8(v).map_err(|_| wrong())?.to_owned()),
        ValueRef::Blob(v) => Value::Bytes(v.to_vec()),
        ValueRef::Real(_) => return Err(wrong()),
    })
}

pub(super) fn trouble(e: &rusqlite::Error) -> Trouble {
    Trouble::Refused(failed(e))
}

pub(super) fn failed(e: &rusqlite::Error) -> Error {
    let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked, ErrorCode::CannotOpen];
    match e.sqlite_error_code() {
        Some(code) if busy.contains(&code) => Error::Unavailable(e.to_string()),
        _ => Error::Engine(e.to_string()),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(i) => ValueRef::Integer(*i),
            Self::Text(t) => ValueRef::Text(t.as_bytes()),
            Self::Bytes(b) => ValueRef::Blob(b),
        }))
    }
}
