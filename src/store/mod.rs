//! The store: one SQL text, two engines (architecture §3).
//!
//! A unit of work is a synchronous closure over [`Tx`], written once; [`Store::read`] and [`Store::write`] run it on
//! SQLite or PostgreSQL. The closure is `Fn`, has no effect outside its transaction, and may run again after a
//! serialization failure. An `Err` always rolls back; a refusal that must leave a trace is an `Ok` value.
//!
//! What a read sees: the last commit and nothing half done, and every write that was acknowledged before it began.
//! PostgreSQL's database should be made with `lc_collate = 'C'`, so that both engines sort texts alike.

mod counters;
mod dial;
mod job;
pub mod migrate;
mod postgres;
mod sqlite;
mod tx;
mod value;

pub use counters::Counters;
pub use tx::Tx;
pub use value::{Row, Value};

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a store can fail with. None of it is for the eyes of a caller: the cause goes to the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The queue is full, the store is stopping, or the engine cannot be reached: try again later (503).
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

/// How a store is opened. [`Options::default`] is right for a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// PostgreSQL: connections, one worker thread each.
    pub connections: usize,
    /// Jobs that may wait; more are answered with [`Error::Unavailable`].
    pub queue: usize,
    /// Whether pending schema files are applied. Without, the schema is not even looked at.
    pub migrate: bool,
    /// The schema files.
    pub schema: &'static [migrate::File],
    /// SQLite: where the work of every statement is counted. A server counts nothing.
    pub counters: Option<Arc<Counters>>,
}
impl Default for Options {
    fn default() -> Self {
        Self { connections: 8, queue: 4096, migrate: true, schema: migrate::FILES, counters: None }
    }
}

/// A handle on the store; cheap to clone. When the last one goes, the store finishes what waits and stops.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
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
            return Ok(Self { engine: Engine::Postgres(postgres::Postgres::open(place, options)?) });
        }
        let path = Path::new(place.strip_prefix("sqlite:").unwrap_or(place));
        Ok(Self { engine: Engine::Sqlite(sqlite::Sqlite::open(path, options)?) })
    }

    /// Opens (and migrates) a SQLite file.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn sqlite(path: &Path) -> Result<Self> {
        Ok(Self { engine: Engine::Sqlite(sqlite::Sqlite::open(path, &Options::default())?) })
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
            Engine::Postgres(p) => p.submit(true, work).await,
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
            Engine::Postgres(p) => p.submit(true, work).await,
        }
    }

    /// Runs a unit of work that writes. When this returns `Ok`, the change is durable.
    ///
    /// # Errors
    /// What the closure returns, or the store's own failure. Nothing is written then, except that a PostgreSQL
    /// connection lost during its commit leaves open whether it happened.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.engine {
            Engine::Sqlite(s) => s.write(work).await,
            Engine::Postgres(p) => p.submit(false, work).await,
        }
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
        match &self.engine {
            Engine::Sqlite(s) => s.stop().await,
            Engine::Postgres(p) => p.stop().await,
        }
    }
}
