//! A place for a store: a SQLite file or a PostgreSQL database that nobody else uses, reopened as often as a test likes.

use super::pg::{self, Database};
use renkei_core::store::{Error, Options, Store};

/// Where a store lives, and what keeps that place alive.
pub(crate) enum TestStore {
    /// A file in a folder of its own.
    Sqlite(tempfile::TempDir),
    /// A database of its own.
    Postgres(Database),
}

impl TestStore {
    /// A new SQLite file.
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }
    /// A new PostgreSQL database.
    pub(crate) fn postgres() -> Self {
        Self::Postgres(pg::database())
    }
    /// What `Store::open` takes.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(dir) => format!("sqlite:{}", dir.path().join("renkei.db").display()),
            Self::Postgres(database) => database.url(),
        }
    }
    /// Opens the product's store.
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.url()).unwrap()
    }
    /// Opens it with options.
    pub(crate) fn open_with(&self, options: &Options) -> Result<Store, Error> {
        Store::open_with(&self.url(), options)
    }
}

/// Makes of each `async fn name(place: Place)` two tests, one for each engine.
macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::support::test_store::TestStore::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::support::test_store::TestStore::postgres()).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;
