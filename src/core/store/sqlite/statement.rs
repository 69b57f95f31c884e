//! Statements and values on SQLite.

use crate::store::tx::Trouble;
use crate::store::{Counters, Error, Row, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, StatementStatus};

/// Runs what begins and ends transactions. It is parsed once for each connection.
pub(super) fn run(c: &Connection, sql: &str) -> std::result::Result<(), Trouble> {
    c.prepare_cached(sql).and_then(|mut s| s.execute([])).map(drop).map_err(|e| trouble(&e))
}

pub(in crate::store) fn execute(
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
    count(counters, sql, &statement);
    done
}

pub(in crate::store) fn rows(
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
    count(counters, sql, &statement);
    Ok(out)
}

fn count(counters: Option<&Counters>, sql: &str, statement: &Statement<'_>) {
    if let Some(counters) = counters {
        let since_last_run = |what| u64::try_from(statement.reset_status(what)).unwrap_or(0);
        let scanned = since_last_run(StatementStatus::FullscanStep);
        let replanned = since_last_run(StatementStatus::RePrepare);
        counters.add(sql, replanned, since_last_run(StatementStatus::VmStep), scanned);
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

/// What an error means for a unit of work.
pub(in crate::store) fn trouble(e: &rusqlite::Error) -> Trouble {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Trouble::Full(crate::store::room::full()),
        Some(ErrorCode::SystemIoFailure) => Trouble::Io(failed(e)),
        _ => Trouble::Refused(failed(e)),
    }
}

fn failed(e: &rusqlite::Error) -> Error {
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

#[cfg(test)]
mod tests {
    /// `.cargo/config.toml` reached the compiler (docs/decisions/0033).
    #[test]
    fn sqlite_takes_no_lock_for_an_allocation() {
        let c = rusqlite::Connection::open_in_memory().unwrap();
        let is_set = "select count(*) from pragma_compile_options where compile_options = 'DEFAULT_MEMSTATUS=0'";
        assert_eq!(c.query_row(is_set, [], |row| row.get(0)), Ok(1));
    }
}
