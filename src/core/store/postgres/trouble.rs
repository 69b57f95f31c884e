//! What PostgreSQL's errors mean for a unit of work.

use crate::store::Error;
use crate::store::tx::Trouble;
use tokio_postgres::error::{Severity, SqlState};

/// Whether to run again, open another connection, or fail.
pub(super) fn trouble(e: &tokio_postgres::Error) -> Trouble {
    let Some(code) = e.code() else {
        let broken = e.is_closed() || std::error::Error::source(e).is_some_and(|s| s.is::<std::io::Error>());
        return if broken { Trouble::Gone(Error::Unavailable(text(e))) } else { Trouble::Refused(failed(e)) };
    };
    let conflict = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    // The server shuts down, an administrator ended the session, or it was idle for too long.
    let gone = ["57P01", "57P02", "57P03", "57P05", "25P03"];
    if conflict.contains(code) {
        Trouble::Conflict
    } else if code.code().starts_with("08") || gone.contains(&code.code()) || !ends_the_statement_alone(e) {
        Trouble::Gone(Error::Unavailable(text(e)))
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        Trouble::ReadOnly(failed(e))
    } else if *code == SqlState::DISK_FULL {
        Trouble::Full(failed(e))
    } else {
        Trouble::Refused(failed(e))
    }
}

/// FATAL and PANIC end the session, other errors only the statement.
fn ends_the_statement_alone(e: &tokio_postgres::Error) -> bool {
    e.as_db_error().is_none_or(|db| db.parsed_severity().is_none_or(|s| s == Severity::Error))
}

pub(super) fn failed(e: &tokio_postgres::Error) -> Error {
    match e.code() {
        // Errors of the classes 08 (connection), 53 (out of resources) and 57 (operator intervention) are temporary.
        Some(c) if ["08", "53", "57"].iter().any(|class| c.code().starts_with(class)) => Error::Unavailable(text(e)),
        Some(_) => Error::Engine(text(e)),
        None if e.is_closed() => Error::Unavailable(text(e)),
        None => Error::Engine(text(e)),
    }
}

/// The error without its DETAIL, which may quote a row.
pub(super) fn text(e: &tokio_postgres::Error) -> String {
    e.as_db_error().map_or_else(
        || std::error::Error::source(e).map_or_else(|| e.to_string(), |s| format!("{e}: {s}")),
        |db| format!("{} {}", db.code().code(), db.message()),
    )
}
