//! A running transaction: the only access to the data.

use super::postgres::Session;
use super::{Counters, Error, Result, Row, Value, sqlite};
use crate::fact::Fact;
use crate::secret::Hash;

/// One transaction on either engine. The functions over it look like `fn redeem(tx: &mut Tx<'_, '_>, …) -> Result<…>`.
///
/// If a statement fails, the whole unit of work fails, even if its error is ignored. So write `insert … on conflict do
/// nothing` and count rows instead of catching a violation.
pub struct Tx<'t, 'c> {
    on: On<'t, 'c>,
    worker: &'t str,
    pub(super) trouble: Option<Trouble>,
    pub(super) facts: Vec<Fact>,
}

enum On<'t, 'c> {
    Sqlite(&'t rusqlite::Connection, Option<&'t Counters>),
    Postgres(&'t mut Session<'c>),
}

/// The error of a statement, as the engine's worker needs it.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// A conflict of two transactions.
    Conflict,
    /// The connection is dead.
    Gone(Error),
    /// There was no answer within the time limit: the state of the other side is unknown.
    Late(Error),
    /// The statement would write in a read-only transaction.
    ReadOnly(Error),
    /// The disk is full.
    Full(Error),
    /// SQLite could not read or write a file; the disk may be full.
    Io(Error),
    /// The engine refused the statement.
    Refused(Error),
}

impl Trouble {
    /// The error for the caller.
    pub(super) fn error(&self) -> Error {
        match self {
            Self::Conflict => Error::Conflict,
            Self::Gone(e) | Self::Late(e) | Self::ReadOnly(e) | Self::Full(e) | Self::Io(e) | Self::Refused(e) => {
                e.clone()
            }
        }
    }
}

impl<'t, 'c> Tx<'t, 'c> {
    pub(super) fn sqlite(c: &'t rusqlite::Connection, worker: &'t str, counters: Option<&'t Counters>) -> Self {
        Self { on: On::Sqlite(c, counters), worker, trouble: None, facts: Vec::new() }
    }
    pub(super) fn postgres(session: &'t mut Session<'c>, worker: &'t str) -> Self {
        Self { on: On::Postgres(session), worker, trouble: None, facts: Vec::new() }
    }

    /// Notes a fact, which is counted when the transaction is committed.
    pub fn note(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// The name of the worker that runs this transaction; each has its own audit chain.
    #[must_use]
    pub fn worker(&self) -> &str {
        self.worker
    }

    /// Whether one writer commits everything in the order of its statements: SQLite. A number that is taken in a transaction then
    /// becomes visible in its order. On PostgreSQL a later transaction may commit first.
    #[must_use]
    pub const fn has_one_writer(&self) -> bool {
        matches!(self.on, On::Sqlite(..))
    }

    /// Runs a statement; placeholders are `?1 ?2 …`. Returns the number of rows it changed (or returned).
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine refuses.
    pub fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        self.guard(params)?;
        let done = match &mut self.on {
            On::Sqlite(c, counters) => sqlite::execute(c, *counters, sql, params),
            On::Postgres(session) => session.execute(sql, params),
        };
        done.map_err(|trouble| self.remember_trouble(trouble))
    }

    /// All rows of a query. The query needs a `limit`.
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine refuses.
    pub fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.guard(params)?;
        let done = match &mut self.on {
            On::Sqlite(c, counters) => sqlite::rows(c, *counters, sql, params),
            On::Postgres(session) => session.rows(sql, params),
        };
        done.map_err(|trouble| self.remember_trouble(trouble))
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine refuses.
    pub fn row(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, params)?.into_iter().next())
    }

    /// Notes the audit record that this transaction appended to its worker's chain. Only this transaction can have
    /// written it: if the answer to a commit is lost, PostgreSQL is asked for this record later.
    pub fn appended(&mut self, n: i64, hash: &Hash) {
        if let On::Postgres(session) = &mut self.on {
            session.appended(n, hash);
        }
    }

    /// Call this before a unit of work concludes anything from what another one did under the same key
    /// ([`Store::write_or_undo`](super::Store::write_or_undo)): while the outcome of that commit is in doubt, it may
    /// still be undone.
    ///
    /// # Errors
    /// [`Error::Conflict`] while it is in doubt: the unit of work runs again a little later.
    pub fn none_in_doubt(&mut self, key: &Hash) -> Result<()> {
        let doubtful = match &mut self.on {
            On::Sqlite(..) => Ok(false),
            On::Postgres(session) => session.in_doubt(key),
        };
        match doubtful {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.remember_trouble(Trouble::Conflict)),
            Err(trouble) => Err(self.remember_trouble(trouble)),
        }
    }

    /// Whether a table of this name exists. The SQL differs between the engines.
    pub(crate) fn has_table(&mut self, name: &'static str) -> Result<bool> {
        let sql = match &self.on {
            On::Sqlite(..) => "select 1 from sqlite_master where type = 'table' and name = ?1",
            On::Postgres(..) => "select 1 from pg_class where oid = to_regclass(?1) and relkind = 'r'",
        };
        Ok(self.row(sql, &[name.into()])?.is_some())
    }

    /// Deletes at most `limit` markers older than a day. Their time is PostgreSQL's, so its clock decides; SQLite has
    /// no markers.
    pub(super) fn prune_markers(&mut self, limit: i64) -> Result<u64> {
        let sql = "delete from store_markers where id in (select id from store_markers \
                   where at < (extract(epoch from statement_timestamp()) * 1000)::bigint - 86400000 order by at limit ?1)";
        match &self.on {
            On::Sqlite(..) => Ok(0),
            On::Postgres(..) => self.execute(sql, &[limit.into()]),
        }
    }

    /// Runs the statements of a schema file, with `BYTES` replaced by the engine's type.
    pub(super) fn batch(&mut self, text: &str) -> Result<()> {
        let done = match &mut self.on {
            On::Sqlite(c, _) => c.execute_batch(&text.replace("BYTES", "BLOB")).map_err(|e| sqlite::trouble(&e)),
            On::Postgres(session) => session.batch(&text.replace("BYTES", "BYTEA")),
        };
        done.map_err(|trouble| self.remember_trouble(trouble))
    }

    /// PostgreSQL's TEXT cannot hold U+0000, SQLite's can. It is refused first, so that both engines agree.
    fn guard(&mut self, params: &[Value]) -> Result<()> {
        if params.iter().any(|p| matches!(p, Value::Text(t) if t.contains('\0'))) {
            return Err(self.remember_trouble(Trouble::Refused(Error::Engine("a text holds U+0000".into()))));
        }
        Ok(())
    }

    /// Stores the first trouble: it decides how the transaction ends, even if the closure ignores the error.
    fn remember_trouble(&mut self, trouble: Trouble) -> Error {
        let error = trouble.error();
        self.trouble.get_or_insert(trouble);
        error
    }
}
