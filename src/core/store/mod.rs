//! The store: one SQL text, two engines (decision 5).
//!
//! A unit of work is a synchronous closure over [`Tx`], written once; [`Store::read`] and [`Store::write`] run it on
//! SQLite or PostgreSQL. The closure is `Fn`, has no effect outside its transaction, and may run again after a
//! serialization failure. An `Err` always rolls back; a refusal that must leave a trace is an `Ok` value.
//!
//! What a read sees: the last commit and nothing half done, and every write that was acknowledged before it began.
//! PostgreSQL's database should be made with `lc_collate = 'C'`, so that both engines sort texts alike.

mod counters;
mod job;
pub mod migrate;
mod postgres;
mod queue;
mod room;
mod sqlite;
mod tx;
mod value;

pub use counters::Counters;
pub use job::{NoLimit, Urgency};
pub use room::ENDINGS_ONLY;
pub use tx::Tx;
pub use value::{Row, Value};

use crate::secret::Hash;
use job::{Order, Undo};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What a store can fail with. None of it is for the eyes of a caller: the cause goes to the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The queue is full, the disk is full, the store is stopping, or the engine does not answer: try again later (503).
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The engine refused a statement or failed to commit.
    #[error("the store failed: {0}")]
    Engine(String),
    /// A row does not hold what the schema promises.
    #[error("column {column} of a row is not {expected}")]
    Column {
        /// Its place in the select list.
        column: usize,
        /// What was wanted.
        expected: &'static str,
    },
    /// A row says something impossible: which table, which row, what is wrong.
    #[error("{table} {row}: {why}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key, if it may be shown.
        row: String,
        /// What is impossible.
        why: String,
    },
    /// Two transactions met; the engine's worker tries again.
    #[error("a serialization conflict")]
    Conflict,
    /// The schema is newer than this program, or a migration's text has changed.
    #[error("the schema does not fit: {0}")]
    Schema(String),
}

/// The result of a unit of work.
pub type Result<T> = std::result::Result<T, Error>;

/// The time limit where nobody says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Enough for thousands of endings.
const BALLAST: u64 = 16 * 1024 * 1024;
/// How long a stop may take where nobody says otherwise.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How a store is opened. [`Options::default`] is right for a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// PostgreSQL: connections, one worker thread each.
    pub connections: usize,
    /// Jobs that may wait; more are answered with [`Error::Unavailable`].
    pub queue: usize,
    /// How long a job may wait for its turn; on PostgreSQL also how long a new connection, a statement and a commit may take.
    pub time_limit: Duration,
    /// SQLite: bytes kept in reserve beside the database for the day on which the disk is full; 0 keeps none.
    pub ballast: u64,
    /// Whether pending schema files are applied. Without, the schema is not even looked at.
    pub migrate: bool,
    /// The schema files.
    pub schema: &'static [migrate::File],
    /// SQLite: where the work of every statement is counted. A server counts nothing.
    pub counters: Option<Arc<Counters>>,
}
impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 8,
            queue: 4096,
            time_limit: TIME_LIMIT,
            ballast: BALLAST,
            migrate: true,
            schema: migrate::FILES,
            counters: None,
        }
    }
}

/// A handle on the store; cheap to clone. When the last one goes, the store finishes what waits and stops.
///
/// What is asked through it has the properties of the handle: [`Store::ending`] and [`Store::without_limit`] give one with
/// other properties of the same store.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    urgency: Urgency,
    no_limit: Option<NoLimit>,
}
#[derive(Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(Arc<postgres::Postgres>),
}

impl Store {
    /// Opens (and migrates) `sqlite:PATH`, `postgres://…`, or a plain path.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when another process holds the file or no host answers, [`Error::Schema`] when the schema
    /// does not fit this program.
    pub fn open(place: &str) -> Result<Self> {
        Self::open_with(place, &Options::default())
    }

    /// As [`Store::open`], with options.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open_with(place: &str, options: &Options) -> Result<Self> {
        if place.starts_with("postgres://") || place.starts_with("postgresql://") {
            return Ok(Self::of(Engine::Postgres(postgres::Postgres::open(place, options)?)));
        }
        let path = Path::new(place.strip_prefix("sqlite:").unwrap_or(place));
        Ok(Self::of(Engine::Sqlite(sqlite::Sqlite::open(path, options)?)))
    }

    /// Opens (and migrates) a SQLite file.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn sqlite(path: &Path) -> Result<Self> {
        Ok(Self::of(Engine::Sqlite(sqlite::Sqlite::open(path, &Options::default())?)))
    }
    fn of(engine: Engine) -> Self {
        Self { engine, urgency: Urgency::Ordinary, no_limit: None }
    }

    /// The same store, for work that ends something: it is written even when there is room for little more.
    #[must_use]
    pub fn ending(&self) -> Self {
        Self { urgency: Urgency::Ending, ..self.clone() }
    }
    /// The same store, for work that no time limit applies to.
    #[must_use]
    pub fn without_limit(&self, why: NoLimit) -> Self {
        Self { no_limit: Some(why), ..self.clone() }
    }
    fn order(&self, reads_only: bool) -> Order {
        Order { reads_only, urgency: self.urgency, no_limit: self.no_limit }
    }
    /// What the store cannot do at present, if there is something: [`ENDINGS_ONLY`].
    #[must_use]
    pub fn degraded(&self) -> Option<&'static str> {
        self.room().endings_only().then_some(ENDINGS_ONLY)
    }
    /// Turns true when there is room for endings only, and false when there is room for everything again.
    #[must_use]
    pub fn watch_endings_only(&self) -> watch::Receiver<bool> {
        self.room().watch()
    }
    fn room(&self) -> &room::Room {
        match &self.engine {
            Engine::Sqlite(s) => &s.room,
            Engine::Postgres(p) => &p.room,
        }
    }

    /// Runs a unit of work that only reads. On SQLite it runs on the calling thread: for look-ups by key; longer lists
    /// go through [`Store::scan`].
    ///
    /// # Errors
    /// What the closure returns, or the store's own failure; [`Error::Engine`] when it tries to write.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.engine {
            Engine::Sqlite(s) => s.read(&work),
            Engine::Postgres(p) => p.queue.submit(self.order(true), work, None).await,
        }
    }

    /// Runs a unit of work that only reads, and reads much: never on an async thread.
    ///
    /// # Errors
    /// See [`Store::read`].
    pub async fn scan<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.engine {
            Engine::Sqlite(s) => {
                let s = s.clone();
                let done = tokio::task::spawn_blocking(move || s.read(&work)).await;
                done.unwrap_or_else(|_| Err(Error::Unavailable("the read ended badly".into())))
            }
            Engine::Postgres(p) => p.queue.submit(self.order(true), work, None).await,
        }
    }

    /// Runs a unit of work that writes. When this returns `Ok`, the change is durable.
    ///
    /// # Errors
    /// What the closure returns, or the store's own failure. Nothing is written then, with one exception: on PostgreSQL,
    /// [`Error::Unavailable`] may mean that nobody knows yet whether it was committed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queued(work, None).await
    }

    /// As [`Store::write`], for what is worth something only to the caller who hears of it, such as a new token. If it turns out
    /// to have been committed after its caller was told [`Error::Unavailable`], `undo` takes it back: it gets the result that
    /// nobody has heard, may run twice, and its refusal is a reason to try again. Meanwhile the outcome is in doubt for every
    /// unit of work that asks [`Tx::none_in_doubt`] for the same `key`.
    ///
    /// # Errors
    /// See [`Store::write`].
    pub async fn write_or_undo<T: Send + 'static>(
        &self,
        key: Hash,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
        undo: impl Fn(&mut Tx<'_, '_>, &T) -> Result<()> + Send + 'static,
    ) -> Result<T> {
        self.queued(work, Some((key, Box::new(undo)))).await
    }

    async fn queued<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
        undo: Option<(Hash, Undo<T>)>,
    ) -> Result<T> {
        let queue = match &self.engine {
            Engine::Sqlite(s) => &s.queue,
            Engine::Postgres(p) => &p.queue,
        };
        queue.submit(self.order(false), work, undo).await
    }

    /// What is damaged in the file itself, as far as the engine can tell: SQLite's integrity and foreign key checks.
    /// PostgreSQL's own tools (`pg_amcheck`) look after its files.
    ///
    /// # Errors
    /// See [`Store::read`].
    pub async fn damage(&self) -> Result<Vec<String>> {
        if matches!(self.engine, Engine::Postgres(_)) {
            return Ok(Vec::new());
        }
        self.scan(|tx| {
            let mut damage = Vec::new();
            for row in tx.rows("pragma integrity_check(20)", &[])? {
                damage.push(row.text(0)?.to_owned());
            }
            damage.retain(|said| said != "ok");
            for row in tx.rows("select \"table\", count(*) from pragma_foreign_key_check group by 1 limit 20", &[])? {
                damage.push(format!("{}: {} rows without their parent", row.text(0)?, row.int(1)?));
            }
            Ok(damage)
        })
        .await
    }

    /// Copies a SQLite store, as it is at this moment, into a new file of mode 0600, while it is in use.
    ///
    /// # Errors
    /// [`Error::Engine`] when the copy cannot be made, and on PostgreSQL, which has its own means.
    pub async fn backup(&self, to: PathBuf) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(s) => {
                let s = s.clone();
                let done = tokio::task::spawn_blocking(move || s.backup(&to)).await;
                done.unwrap_or_else(|_| Err(Error::Engine("the copy ended badly".into())))
            }
            Engine::Postgres(_) => Err(Error::Engine("PostgreSQL is backed up by its own means".into())),
        }
    }

    /// Takes no more work, finishes what waits, and closes the engine.
    pub async fn stop(&self) {
        self.stop_within(STOP_TIMEOUT).await;
    }
    /// The same. What has not ended within this time is broken off.
    pub async fn stop_within(&self, time: Duration) {
        match &self.engine {
            Engine::Sqlite(s) => s.stop(time).await,
            Engine::Postgres(p) => p.stop(time).await,
        }
    }
}

/// Housekeeping: forgets at most `limit` of the markers of more than a day ago, by which a commit in doubt is decided.
pub fn prune_markers(tx: &mut Tx<'_, '_>, limit: i64) -> Result<u64> {
    tx.prune_markers(limit)
}
