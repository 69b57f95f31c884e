//! The store: one SQL text, two engines (architecture §3).
//!
//! A unit of work is a synchronous closure over [`Tx`], written once; [`Store::read`] and [`Store::write`] run it on
//! SQLite or PostgreSQL. The closure is `Fn`, has no effect outside its transaction, and may run again after a
//! serialization failure. An `Err` always rolls back; a refusal that must leave a trace is an `Ok` value.

pub mod migrate;
mod sqlite;
mod tx;
mod value;

pub use tx::Tx;
pub use value::{Row, Value};

use std::path::Path;

/// What a store can fail with. None of it is for the eyes of a caller: the cause goes to the log.
#[derive(Debug, Clone, thiserror::Error)]
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

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
}
#[derive(Clone)]
enum Engine {
    Sqlite(sqlite::Sqlite),
}

impl Store {
    /// Opens (and migrates) a SQLite file.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when another process holds it, [`Error::Schema`] when it does not fit this program.
    pub fn sqlite(path: &Path) -> Result<Self> {
        Ok(Self { engine: Engine::Sqlite(sqlite::Sqlite::open(path)?) })
    }

    /// Runs a unit of work that only reads.
    ///
    /// # Errors
    /// What the closure returns, or the store's own failure.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write(work).await
    }

    /// Runs a unit of work that writes. When this returns `Ok`, the change is durable.
    ///
    /// # Errors
    /// What the closure returns, or the store's own failure. Nothing is written then.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.engine {
            Engine::Sqlite(s) => s.write(work).await,
        }
    }
}
