//! A running transaction.

use super::{Error, Result, Row, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};

/// One transaction on either engine. Verbs are plain functions `fn redeem(tx: &mut Tx<'_, '_>, …) -> Result<…>`.
pub enum Tx<'t, 'c> {
    /// SQLite
    Sqlite(&'t rusqlite::Connection, std::marker::PhantomData<&'c ()>),
}

impl Tx<'_, '_> {
    /// The name of the worker that runs this transaction: one audit chain each.
    #[must_use]
    pub fn worker(&self) -> &str {
        match self {
            Tx::Sqlite(..) => "sqlite",
        }
    }
    /// Runs a statement; placeholders are `?1 ?2 …`. Returns the number of rows it changed.
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine refuses.
    pub fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        match self {
            Tx::Sqlite(c, _) => {
                let n = c.prepare_cached(sql).and_then(|mut s| s.execute(rusqlite::params_from_iter(params)));
                n.map(|n| n as u64).map_err(engine)
            }
        }
    }
    /// All rows of a query. Give it a `limit`.
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine refuses.
    pub fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        match self {
            Tx::Sqlite(c, _) => {
                let mut statement = c.prepare_cached(sql).map_err(engine)?;
                let n = statement.column_count();
                let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(engine)?;
                let mut out = Vec::new();
                while let Some(row) = rows.next().map_err(engine)? {
                    out.push(Row((0..n).map(|i| value(row.get_ref(i).map_err(engine)?, i)).collect::<Result<_>>()?));
                }
                Ok(out)
            }
        }
    }
    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine refuses.
    pub fn row(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, params)?.into_iter().next())
    }
}

fn value(v: ValueRef<'_>, column: usize) -> Result<Value> {
    Ok(match v {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Int(v),
        ValueRef::Text(v) => Value::Text(String::from_utf8_lossy(v).into_owned()),
        ValueRef::Blob(v) => Value::Bytes(v.to_vec()),
        ValueRef::Real(_) => return Err(Error::Column { column, expected: "BIGINT, TEXT or BYTES" }),
    })
}
#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
pub(super) fn engine(e: rusqlite::Error) -> Error {
    Error::Engine(e.to_string())
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
