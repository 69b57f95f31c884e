//! The store: one SQL text, two engines (decision 5).
//!
//! A unit of work is a synchronous closure over [`Tx`], written once; [`Store::read`] and [`Store::write`] run it on
//! SQLite or PostgreSQL. The closure is `Fn`, has no effect outside its transaction, and may run again: after a
//! serialization failure, or on SQLite because another one of its group failed. An `Err` always rolls back; a refusal that must be recorded is an `Ok` value.
//!
//! A read sees the last commit, never a part of one, and every write that was acknowledged before the read began.
//! Create PostgreSQL's database with `lc_collate = 'C'`, so that both engines sort text alike.

mod changes;
mod counters;
mod job;
mod load;
pub mod migrate;
mod postgres;
mod queue;
mod room;
mod sqlite;
mod tx;
mod value;

pub use changes::{Changes, CommitNumber, Stripe, WatchedRow};
pub use counters::Counters;
pub use job::{NoLimit, Urgency};
pub use load::StoreLoad;
pub use room::ENDINGS_ONLY;
pub use tx::Tx;
pub use value::{Row, Value};

use crate::fact::Facts;
use crate::secret::Hash;
use job::{Order, Undo};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Errors of the store. None of them is sent to a caller: the cause is logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The queue or the disk is full, the store is stopping, or the engine does not answer: try again later (503).
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The engine refused a statement or failed to commit.
    #[error("the store failed: {0}")]
    Engine(String),
    /// A row does not match the schema.
    #[error("column {column} of a row is not {expected}")]
    Column {
        /// Its index in the select list.
        column: usize,
        /// The expected type.
        expected: &'static str,
    },
    /// A row has an impossible value: which table, which row, what is wrong.
    #[error("{table} {row}: {why}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key, or a placeholder if the key is secret.
        row: String,
        /// What is wrong.
        why: String,
    },
    /// A conflict of two transactions; the engine's worker tries again.
    #[error("a serialization conflict")]
    Conflict,
    /// The schema is newer than this program, or a migration's text has changed.
    #[error("the schema does not fit: {0}")]
    Schema(String),
}

/// The result of a unit of work.
pub type Result<T> = std::result::Result<T, Error>;

/// The default time limit.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Enough for thousands of endings.
const BALLAST: u64 = 16 * 1024 * 1024;
/// The default time limit of a stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How a store is opened. [`Options::default`] is right for a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// PostgreSQL: connections, one worker thread each.
    pub connections: usize,
    /// How many jobs may wait; further ones get [`Error::Unavailable`].
    pub queue: usize,
    /// How long a job may wait; on PostgreSQL also the limit of a new connection, a statement and a commit.
    pub time_limit: Duration,
    /// SQLite: the size in bytes of the reserve file beside the database, for a full disk; 0 for none.
    pub ballast: u64,
    /// Whether pending schema files are applied. If not, the schema is not even checked.
    pub migrate: bool,
    /// The schema files.
    pub schema: &'static [migrate::File],
    /// SQLite: counts the work of every statement. `None` in a server.
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

/// A handle on the store; cheap to clone. When the last one is dropped, the store finishes waiting jobs and stops.
///
/// A handle has properties that its units of work get: [`Store::ending`] and [`Store::without_limit`] return a handle
/// on the same store with other properties.
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

/// Refuses what is no URL of a store: `sqlite:FILE` or `postgres://…`. Nothing is opened or asked.
///
/// # Errors
/// The reason; it does not repeat the URL.
pub fn examine(url: &str) -> std::result::Result<(), String> {
    let examined = match url.split_once(':') {
        Some(("sqlite", file)) if !file.is_empty() && !file.starts_with("//") => Ok(()),
        _ => postgres_url(url).and_then(|url| postgres::examine(&url.ok_or_else(no_store)?).map(drop)),
    };
    examined.map_err(|cause| if let Error::Unavailable(why) = cause { why } else { cause.to_string() })
}

/// Whether the URL of a PostgreSQL leads to another machine without TLS, because it says `sslmode=disable`.
#[must_use]
pub fn is_plain_to_another_machine(url: &str) -> bool {
    let postgres = postgres_url(url).ok().flatten();
    postgres.is_some_and(|url| postgres::examine(&url).is_ok_and(|plain| plain))
}

/// The URL as the library for PostgreSQL reads it; `None` for a file.
fn postgres_url(place: &str) -> Result<Option<String>> {
    let Some((scheme, rest)) = place.split_once("://") else { return Ok(None) };
    // Whatever a URL names, it is no file; and a message about it must not print its password.
    let known = ["postgres", "postgresql"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if known { Ok(Some(format!("postgresql://{rest}"))) } else { Err(no_store()) }
}

fn no_store() -> Error {
    Error::Unavailable("a store is sqlite:FILE or postgres://…, and nothing else".into())
}

impl Store {
    /// Opens (and migrates) `sqlite:PATH`, `postgres://…`, or a plain path.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if another process uses the file or no host answers, [`Error::Schema`] if the schema is
    /// newer than this program or has changed.
    pub fn open(place: &str) -> Result<Self> {
        Self::open_with(place, &Options::default())
    }

    /// As [`Store::open`], with options.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open_with(place: &str, options: &Options) -> Result<Self> {
        if let Some(url) = postgres_url(place)? {
            return Ok(Self::of(Engine::Postgres(postgres::Postgres::open(&url, options)?)));
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

    /// The same store, for work that ends something: it is written even when the disk is full ([`Urgency::Ending`]).
    #[must_use]
    pub fn ending(&self) -> Self {
        Self { urgency: Urgency::Ending, ..self.clone() }
    }
    /// The same store, for work without a time limit.
    #[must_use]
    pub fn without_limit(&self, why: NoLimit) -> Self {
        Self { no_limit: Some(why), ..self.clone() }
    }
    fn order(&self, reads_only: bool) -> Order {
        Order { reads_only, one_statement: false, urgency: self.urgency, no_limit: self.no_limit }
    }
    /// Whether the engine is PostgreSQL.
    #[must_use]
    pub const fn is_postgres(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }
    /// What the store cannot do now, if anything: [`ENDINGS_ONLY`].
    #[must_use]
    pub fn degraded(&self) -> Option<&'static str> {
        self.room().endings_only().then_some(ENDINGS_ONLY)
    }
    /// Becomes true when only endings are written, and false when everything is written again.
    #[must_use]
    pub fn watch_endings_only(&self) -> watch::Receiver<bool> {
        self.room().watch()
    }
    /// What lets a caller keep what it has read: see [`Changes`]. `None` on PostgreSQL, where other processes write too.
    #[must_use]
    pub fn changes(&self) -> Option<&Arc<Changes>> {
        match &self.engine {
            Engine::Sqlite(s) => s.changes.as_ref(),
            Engine::Postgres(_) => None,
        }
    }
    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> &StoreLoad {
        match &self.engine {
            Engine::Sqlite(s) => &s.queue.load,
            Engine::Postgres(p) => &p.queue.load,
        }
    }
    /// What committed transactions noted.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.load().facts()
    }
    fn room(&self) -> &room::Room {
        match &self.engine {
            Engine::Sqlite(s) => &s.room,
            Engine::Postgres(p) => &p.room,
        }
    }

    /// Runs a unit of work that only reads. On SQLite it runs on the calling thread, so use it for look-ups by key; use
    /// [`Store::scan`] for longer lists.
    ///
    /// # Errors
    /// Those of the closure and of the store; [`Error::Engine`] if it tries to write.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.engine {
            Engine::Sqlite(s) => s.read(&work),
            Engine::Postgres(p) => p.queue.submit(self.order(true), work, None).await,
        }
    }

    /// The first row of one statement that reads, a look-up by key. On PostgreSQL it is one round trip; a transaction around it would
    /// need two more. The statement sees one committed state, and is not ordered among serializable transactions.
    ///
    /// # Errors
    /// See [`Store::read`].
    pub async fn look_up<const N: usize>(&self, sql: &'static str, params: [Value; N]) -> Result<Option<Row>> {
        let work = move |tx: &mut Tx<'_, '_>| tx.row(sql, &params);
        match &self.engine {
            Engine::Sqlite(s) => s.read(&work),
            Engine::Postgres(p) => p.queue.submit(Order { one_statement: true, ..self.order(true) }, work, None).await,
        }
    }

    /// Runs a unit of work that reads many rows; never on an async thread.
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
    /// Those of the closure and of the store. Then nothing is written, with one exception: on PostgreSQL,
    /// [`Error::Unavailable`] may mean that it is not known yet whether the transaction was committed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queued(work, None).await
    }

    /// Like [`Store::write`], for a result that is useful only to the caller who gets it, such as a new token. If the
    /// caller got [`Error::Unavailable`] but the transaction was committed, `undo` undoes it. `undo` gets the result
    /// that was not delivered, may run twice, and is tried again if it fails. Until then the outcome is in doubt for
    /// every unit of work that calls [`Tx::none_in_doubt`] with the same `key`.
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

    /// Damage in the file itself, as far as the engine can find it: SQLite's integrity and foreign key checks. For
    /// PostgreSQL use its own tools (`pg_amcheck`).
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

    /// Copies a SQLite store, in its state at this moment, into a new file of mode 0600. The store may be in use.
    ///
    /// # Errors
    /// [`Error::Engine`] if the copy fails, and on PostgreSQL, which has its own tools.
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

    /// Accepts no more work, finishes waiting jobs, and closes the engine.
    pub async fn stop(&self) {
        self.stop_within(STOP_TIMEOUT).await;
    }
    /// The same. Work that has not ended within this time is aborted.
    pub async fn stop_within(&self, time: Duration) {
        match &self.engine {
            Engine::Sqlite(s) => s.stop(time).await,
            Engine::Postgres(p) => p.stop(time).await,
        }
    }
}

/// Housekeeping: deletes at most `limit` markers older than a day; they serve to decide a commit in doubt.
pub fn prune_markers(tx: &mut Tx<'_, '_>, limit: i64) -> Result<u64> {
    tx.prune_markers(limit)
}
