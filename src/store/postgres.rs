//! PostgreSQL: N worker threads, a connection each, every transaction serializable.
//!
//! `postgres` is the synchronous face of an async library and panics on an async thread: everything here runs on
//! threads of its own. A job that meets another transaction runs again; a dead connection is replaced before the next
//! attempt; only a commit whose outcome nobody knows is answered with an error instead of a second try.

use super::dial::Dialer;
use super::job::{End, Queue, Work};
use super::tx::Trouble;
use super::{Error, Options, Result, Row, Tx, Value, migrate};
use ::postgres::error::SqlState;
use ::postgres::types::{IsNull, ToSql, Type, private::BytesMut};
use ::postgres::{Client, IsolationLevel, Statement, Transaction};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a job is tried before its caller hears that the store is too busy.
const ATTEMPTS: u32 = 24;
/// What each session is told. Without sequential scans the predicate locks of a serializable transaction stay on the
/// rows it looked up: on a small table the planner would else read, and so lock, all of it. Their price makes
/// just-in-time compilation think a query is huge, so that is off too.
const SESSION: &str = "set enable_seqscan = off; set jit = off; set statement_timeout = '30s'; \
                       set idle_in_transaction_session_timeout = '60s'; set client_min_messages = warning";
/// First key of the advisory locks by which sessions share out the names of audit chains.
const CHAINS: i32 = 0x7265_6e6b;

pub(super) struct Postgres {
    queue: Queue,
}

impl Postgres {
    pub(super) fn open(url: &str, options: &Options) -> Result<Arc<Self>> {
        let dialer = Arc::new(Dialer::new(url)?);
        let (queue, jobs) = Queue::new(options.queue);
        let (first, schema, migrate) = (dialer.clone(), options.schema, options.migrate);
        let opened = std::thread::spawn(move || {
            let mut client = first.dial()?;
            if migrate { migrate::postgres(&mut client, schema) } else { Ok(()) }
        });
        opened.join().map_err(|_| Error::Unavailable("the migration ended badly".into()))??;
        let jobs = Arc::new(Mutex::new(jobs));
        for n in 0..options.connections.max(1) {
            let (dialer, jobs) = (dialer.clone(), jobs.clone());
            let thread = std::thread::Builder::new().name(format!("store-pg-{n}"));
            let thread = thread.spawn(move || work_loop(&dialer, &jobs));
            queue.add(thread.map_err(|e| Error::Unavailable(e.to_string()))?);
        }
        Ok(Arc::new(Self { queue }))
    }

    pub(super) async fn submit<T: Send + 'static>(
        &self,
        reads_only: bool,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queue.submit(reads_only, work).await
    }

    pub(super) async fn stop(&self) {
        self.queue.stop().await;
    }
}

/// The statements a connection has prepared; they die with it.
#[derive(Default)]
pub(super) struct Statements(HashMap<&'static str, Statement>);

struct Session {
    client: Client,
    statements: Statements,
    /// The audit chain this session appends to: no other living session has it.
    chain: String,
}

impl Session {
    fn open(dialer: &Dialer) -> Result<Self> {
        let mut client = dialer.dial()?;
        client.batch_execute(SESSION).map_err(|e| failed(&e))?;
        for n in 0..i32::from(u16::MAX) {
            let mine = client.query_one("select pg_try_advisory_lock($1, $2)", &[&CHAINS, &n]);
            if mine.and_then(|row| row.try_get(0)).map_err(|e| failed(&e))? {
                return Ok(Self { client, statements: Statements::default(), chain: format!("pg-{n}") });
            }
        }
        Err(Error::Unavailable("no audit chain is free".into()))
    }
}

fn work_loop(dialer: &Dialer, jobs: &Mutex<Receiver<Box<dyn Work>>>) {
    let mut session = Session::open(dialer).ok();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        serve(job, &mut session, dialer);
    }
}

/// Runs one job until it is answered.
fn serve(mut job: Box<dyn Work>, session: &mut Option<Session>, dialer: &Dialer) {
    let mut dead = 0;
    for attempt in 0..ATTEMPTS {
        if session.as_ref().is_none_or(|s| s.client.is_closed()) {
            *session = None;
            match Session::open(dialer) {
                Ok(new) => *session = Some(new),
                Err(e) => return job.fail(e),
            }
        }
        let Some(open) = session.as_mut() else { continue };
        match attempt_once(open, job.as_mut()) {
            Attempt::Done => return job.answer(),
            Attempt::Again => pause(attempt),
            Attempt::Dead(e) => {
                tracing::warn!(error = %e, "a PostgreSQL connection died; it is replaced");
                *session = None;
                dead += 1;
                // A job that kills every connection it gets must not kill them all.
                if dead > 3 {
                    return job.fail(e);
                }
            }
            Attempt::Unknown(e) => {
                *session = None;
                return job.fail(e);
            }
            Attempt::Failed(e) => return job.fail(e),
        }
    }
    tracing::warn!("a unit of work met other transactions {ATTEMPTS} times");
    job.fail(Error::Unavailable("too many conflicts".into()));
}

enum Attempt {
    Done,
    Again,
    Dead(Error),
    /// The connection broke while the commit was on its way: it may have happened.
    Unknown(Error),
    Failed(Error),
}

fn attempt_once(session: &mut Session, job: &mut dyn Work) -> Attempt {
    let begin = session.client.build_transaction().isolation_level(IsolationLevel::Serializable);
    let mut t = match begin.read_only(job.reads_only()).start() {
        Ok(t) => t,
        Err(e) => return before_commit(trouble(&e)),
    };
    match job.run(&mut Tx::postgres(&mut t, &mut session.statements, &session.chain)) {
        End::Commit => match t.commit() {
            Ok(()) => Attempt::Done,
            Err(e) => match trouble(&e) {
                Trouble::Conflict => Attempt::Again,
                Trouble::Gone(e) => Attempt::Unknown(e),
                Trouble::ReadOnly(e) | Trouble::Refused(e) => Attempt::Failed(e),
            },
        },
        End::Rollback => {
            // If the rollback cannot be said the connection is dead, which is a rollback too.
            let _ = t.rollback();
            Attempt::Done
        }
        End::Again => {
            let _ = t.rollback();
            Attempt::Again
        }
        End::ReadOnly if job.reads_only() => Attempt::Done,
        // A failover made this host a standby: look for the new primary.
        End::ReadOnly | End::Reconnect => Attempt::Dead(Error::Unavailable("the connection died".into())),
    }
}

fn before_commit(trouble: Trouble) -> Attempt {
    match trouble {
        Trouble::Conflict => Attempt::Again,
        Trouble::Gone(e) => Attempt::Dead(e),
        Trouble::ReadOnly(e) | Trouble::Refused(e) => Attempt::Failed(e),
    }
}

/// Waits before a job is tried again: twice as long each time up to 64 ms, and never as long as its rival.
fn pause(attempt: u32) {
    let most = 1_u64 << attempt.min(6);
    let jitter = RandomState::new().hash_one(attempt) % (most * 1000);
    std::thread::sleep(Duration::from_micros(most * 500 + jitter / 2));
}

fn prepared(t: &mut Transaction<'_>, s: &mut Statements, sql: &'static str) -> std::result::Result<Statement, Trouble> {
    if let Some(statement) = s.0.get(sql) {
        return Ok(statement.clone());
    }
    let statement = t.prepare(&sql.replace('?', "$")).map_err(|e| trouble(&e))?;
    s.0.insert(sql, statement.clone());
    Ok(statement)
}

pub(super) fn execute(
    t: &mut Transaction<'_>,
    s: &mut Statements,
    sql: &'static str,
    params: &[Value],
) -> std::result::Result<u64, Trouble> {
    let statement = prepared(t, s, sql)?;
    let params: Vec<_> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
    t.execute(&statement, &params).map_err(|e| stale(s, sql, &e))
}

pub(super) fn rows(
    t: &mut Transaction<'_>,
    s: &mut Statements,
    sql: &'static str,
    params: &[Value],
) -> std::result::Result<Vec<Row>, Trouble> {
    let statement = prepared(t, s, sql)?;
    let params: Vec<_> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
    let rows = t.query(&statement, &params).map_err(|e| stale(s, sql, &e))?;
    let cells = |row: &::postgres::Row| (0..row.len()).map(|i| value(row, i)).collect::<std::result::Result<_, _>>();
    rows.iter().map(|row| cells(row).map(Row)).collect()
}

/// A migration by a newer node changes what a prepared statement returns: prepare it again and run the job again.
fn stale(s: &mut Statements, sql: &'static str, e: &::postgres::Error) -> Trouble {
    if e.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) && s.0.remove(sql).is_some() {
        return Trouble::Conflict;
    }
    trouble(e)
}

fn value(row: &::postgres::Row, i: usize) -> std::result::Result<Value, Trouble> {
    let read = match *row.columns()[i].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(i).map(Value::from),
        Type::INT4 => row.try_get::<_, Option<i32>>(i).map(|v| v.map(i64::from).into()),
        Type::BOOL => row.try_get::<_, Option<bool>>(i).map(Value::from),
        Type::BYTEA => row.try_get::<_, Option<&[u8]>>(i).map(Value::from),
        _ => row.try_get::<_, Option<&str>>(i).map(Value::from),
    };
    read.map_err(|_| Trouble::Refused(Error::Column { column: i, expected: "BIGINT, TEXT or BYTES" }))
}

/// What an error means for the job: run again, get another connection, or give up.
pub(super) fn trouble(e: &::postgres::Error) -> Trouble {
    let Some(code) = e.code() else {
        let broken = e.is_closed() || std::error::Error::source(e).is_some_and(|s| s.is::<std::io::Error>());
        return if broken { Trouble::Gone(Error::Unavailable(text(e))) } else { Trouble::Refused(failed(e)) };
    };
    let conflict = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    // The server shuts down, an administrator ended the session, or it was idle for too long.
    let gone = ["57P01", "57P02", "57P03", "57P05", "25P03"];
    if conflict.contains(code) {
        Trouble::Conflict
    } else if code.code().starts_with("08") || gone.contains(&code.code()) {
        Trouble::Gone(Error::Unavailable(text(e)))
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        Trouble::ReadOnly(failed(e))
    } else {
        Trouble::Refused(failed(e))
    }
}

pub(super) fn failed(e: &::postgres::Error) -> Error {
    match e.code() {
        // Classes 08 (connection), 53 (out of resources) and 57 (operator intervention) pass with time.
        Some(c) if ["08", "53", "57"].iter().any(|class| c.code().starts_with(class)) => Error::Unavailable(text(e)),
        Some(_) => Error::Engine(text(e)),
        None if e.is_closed() => Error::Unavailable(text(e)),
        None => Error::Engine(text(e)),
    }
}

/// The error without its DETAIL, which may quote what a row holds.
pub(super) fn text(e: &::postgres::Error) -> String {
    e.as_db_error().map_or_else(
        || std::error::Error::source(e).map_or_else(|| e.to_string(), |s| format!("{e}: {s}")),
        |db| format!("{} {}", db.code().code(), db.message()),
    )
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let text = [Type::TEXT, Type::VARCHAR, Type::NAME, Type::UNKNOWN];
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(v) if *ty == Type::INT8 => v.to_sql(ty, out),
            Self::Int(v) if *ty == Type::INT4 => i32::try_from(*v)?.to_sql(ty, out),
            Self::Text(v) if text.contains(ty) => v.to_sql(ty, out),
            Self::Bytes(v) if *ty == Type::BYTEA => v.to_sql(ty, out),
            other => Err(format!("{} where the statement wants {ty}", other.kind()).into()),
        }
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    ::postgres::types::to_sql_checked!();
}
