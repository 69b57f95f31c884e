//! One connection to PostgreSQL and its thread. Everything on it has a time limit. After the limit the connection is
//! dropped without a cancel request: a cancelled COMMIT stays committed here without having reached the standby.

use super::dial::ConnectionNotices;
use super::trouble::{failed, trouble};
use super::value;
use super::worker::{Shared, Worker, lock_of};
use crate::secret::Hash;
use crate::store::job::{NoLimit, Order};
use crate::store::tx::Trouble;
use crate::store::{Error, Result, Row, Value};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

/// First key of the advisory locks by which sessions divide the names of audit chains.
const CHAINS: i32 = 0x7265_6e6b;
/// First key of the advisory lock that each writing transaction holds on its session's chain until it has ended. While
/// it waits for a standby it has not ended.
pub(super) const WRITING: i32 = 0x7265_6e77;
/// How long a connection may take to close.
const FAREWELL: Duration = Duration::from_millis(50);
/// Writes a marker: the only trace of a transaction without an audit record.
pub(super) const MARK: &str = "insert into store_markers (id, at) \
                               values (?1, (extract(epoch from clock_timestamp()) * 1000)::bigint)";

/// A trace that only one transaction can have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trace {
    /// A record of its session's audit chain.
    Record { chain: String, n: i64, hash: Hash },
    /// A row of `store_markers`.
    Marker(String),
}

/// The result of a COMMIT.
pub(super) enum Committed {
    Yes,
    /// The transaction was rolled back.
    No(Trouble),
    /// There was no answer, or a warning came with it: it may have happened.
    Unknown(String),
}

pub(in crate::store) struct Session<'w> {
    worker: &'w Worker,
    client: Client,
    _driving: Driving<'w>,
    notices: Arc<ConnectionNotices>,
    /// The prepared statements of this connection.
    statements: HashMap<&'static str, Statement>,
    /// The number of its audit chain: no other open session has it.
    chain: i32,
    name: Arc<str>,
    /// The prefix of its markers.
    id: String,
    markers: u64,
    /// The audit record that the transaction appended.
    record: Option<(i64, Hash)>,
    limit: Option<Duration>,
    /// False for a statement that stands alone.
    in_transaction: bool,
    broken: Cell<bool>,
}

/// The task that drives a connection. It ends with the session and closes the socket.
struct Driving<'w> {
    worker: &'w Worker,
    task: JoinHandle<()>,
}
impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.worker.runtime.block_on(async {
            if timeout(FAREWELL, &mut self.task).await.is_err() {
                self.task.abort();
                let _ = (&mut self.task).await;
            }
        });
    }
}

impl<'w> Session<'w> {
    /// Only connects: a migration needs no audit chain.
    pub(super) fn bare(worker: &'w Worker, no_limit: Option<NoLimit>) -> Result<Self> {
        let (client, driver, heard) = worker.wait(None, worker.shared.dialer.dial()).map_err(|t| t.error())??;
        let _driving = Driving { worker, task: worker.runtime.spawn(driver) };
        Ok(Self {
            worker,
            client,
            _driving,
            notices: heard,
            statements: HashMap::new(),
            chain: 0,
            name: "migrate".into(),
            id: String::new(),
            markers: 0,
            record: None,
            limit: no_limit.is_none().then_some(worker.shared.limit),
            in_transaction: false,
            broken: Cell::new(false),
        })
    }

    /// Connects, sets the session up and claims an audit chain that no other session has.
    pub(super) fn open(worker: &'w Worker) -> Result<Self> {
        let mut session = Self::bare(worker, None)?;
        session.batch(&setup(worker.shared.limit)).map_err(|t| t.error())?;
        let id = session.rows("select gen_random_uuid()::text", &[]).map_err(|t| t.error())?;
        session.id = id.first().map(|row| row.text(0)).transpose()?.unwrap_or_default().to_owned();
        for n in 0..i32::from(u16::MAX) {
            let (first, second) = (i64::from(CHAINS), i64::from(n));
            let sql = "select pg_try_advisory_lock(?1::int, ?2::int)";
            let mine = session.rows(sql, &[first.into(), second.into()]).map_err(|t| t.error())?;
            if mine.first().is_some_and(|row| row.flag(0) == Ok(true)) {
                (session.chain, session.name) = (n, format!("pg-{n}").into());
                return Ok(session);
            }
        }
        Err(Error::Unavailable("no audit chain is free".into()))
    }

    pub(super) fn shared(&self) -> &'w Arc<Shared> {
        &self.worker.shared
    }
    /// The name of its audit chain.
    pub(super) fn name(&self) -> Arc<str> {
        self.name.clone()
    }
    pub(super) fn chain(&self) -> i32 {
        self.chain
    }
    /// Whether it must be dropped: it is dead, or its state is unknown.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.get() || self.client.is_closed()
    }

    /// Marks it to be dropped.
    pub(super) fn give_up(&self) {
        self.broken.set(true);
    }

    /// Begins a transaction. A writing one holds a lock until it has ended, so that others can wait for its end.
    pub(super) fn begin(&mut self, order: Order) -> std::result::Result<(), Trouble> {
        self.record = None;
        self.limit = order.no_limit.is_none().then_some(self.worker.shared.limit);
        self.in_transaction = !order.one_statement;
        if order.one_statement {
            return Ok(());
        }
        let mut sql = "begin isolation level serializable".to_owned();
        if order.reads_only {
            sql.push_str(" read only");
        } else {
            sql.push_str(&format!("; select pg_advisory_xact_lock({WRITING}, {})", self.chain));
        }
        if order.no_limit.is_some() {
            sql.push_str("; set local statement_timeout = 0");
        }
        self.batch(&sql)
    }
    /// Begins a transaction that sees what was committed while it waited for a lock.
    pub(in crate::store) fn begin_read_committed(&mut self) -> std::result::Result<(), Trouble> {
        (self.record, self.in_transaction) = (None, true);
        self.batch("begin isolation level read committed")
    }
    /// Rolls back. If that fails, the session is broken, and dropping it ends the transaction.
    pub(super) fn rollback(&mut self) {
        if self.in_transaction && !self.is_broken() && self.batch("rollback").is_err() {
            self.broken.set(true);
        }
    }
    /// Commits a transaction that only read.
    pub(super) fn commit_read(&mut self) -> std::result::Result<(), Trouble> {
        self.batch("commit")
    }
    /// Commits. The trace is the audit record if the transaction appended one, otherwise a marker.
    pub(super) fn commit(&mut self) -> (Trace, Committed) {
        let _ = self.notices.take_warnings();
        let (trace, done) = match self.record {
            Some((n, hash)) => {
                let trace = Trace::Record { chain: self.name.as_ref().to_owned(), n, hash };
                (trace, self.wait(self.client.batch_execute("commit")))
            }
            None => {
                self.markers += 1;
                let marker = format!("{}-{}", self.id, self.markers);
                let trace = Trace::Marker(marker.clone());
                let statement = match self.prepared(MARK) {
                    Ok(statement) => statement,
                    Err(trouble) => return (trace, Committed::No(trouble)),
                };
                // Both are sent at once, so that a marker costs no round trip.
                let both = async {
                    let params: [&(dyn ToSql + Sync); 1] = [&marker];
                    let marked = self.client.execute(&statement, &params);
                    let (marked, committed) = tokio::join!(marked, self.client.batch_execute("commit"));
                    marked.and(committed)
                };
                (trace, self.wait(both))
            }
        };
        let committed = match done {
            Ok(Ok(())) => match self.notices.take_warnings() {
                warnings if warnings.is_empty() => Committed::Yes,
                warnings => Committed::Unknown(warnings.join("; ")),
            },
            Ok(Err(e)) => match self.trouble(&e) {
                Trouble::Gone(e) => Committed::Unknown(e.to_string()),
                // Any other database error means that it did not commit.
                trouble if e.as_db_error().is_some() => Committed::No(trouble),
                trouble => Committed::Unknown(trouble.error().to_string()),
            },
            Err(late) => Committed::Unknown(late.error().to_string()),
        };
        (trace, committed)
    }
    /// Cancels the COMMIT that is running and waits for its answer once more. Only for a transaction whose outcome does
    /// not matter.
    pub(super) fn cancel_commit(&mut self) {
        let token = self.client.cancel_token();
        let asked = self.worker.wait(None, self.worker.shared.dialer.cancel(&token));
        // Answers come in order: after this answer, the one of the COMMIT has come too.
        let answered = asked.and_then(|()| self.worker.wait(self.limit, self.client.batch_execute("select 1")));
        self.broken.set(!matches!(answered, Ok(Ok(()))));
        let _ = self.notices.take_warnings();
    }

    /// The audit record that the transaction appended to its chain.
    pub(in crate::store) fn appended(&mut self, n: i64, hash: &Hash) {
        self.record = Some((n, *hash));
    }
    /// Whether the outcome of a unit of work with this key is in doubt: here, or visibly on another node.
    pub(in crate::store) fn in_doubt(&mut self, key: &Hash) -> std::result::Result<bool, Trouble> {
        if self.worker.shared.keys.has(key) {
            return Ok(true);
        }
        let free = self.rows("select pg_try_advisory_xact_lock(?1)", &[lock_of(key).into()])?;
        Ok(!free.first().is_some_and(|row| row.flag(0) == Ok(true)))
    }

    pub(in crate::store) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> std::result::Result<u64, Trouble> {
        let statement = self.prepared(sql)?;
        let params: Vec<_> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        match self.wait(self.client.execute(&statement, &params))? {
            Ok(n) => Ok(n),
            Err(e) => Err(self.stale(sql, &e)),
        }
    }
    pub(in crate::store) fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> std::result::Result<Vec<Row>, Trouble> {
        let statement = self.prepared(sql)?;
        let params: Vec<_> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        match self.wait(self.client.query(&statement, &params))? {
            Ok(rows) => rows.iter().map(value::row).collect(),
            Err(e) => Err(self.stale(sql, &e)),
        }
    }
    pub(in crate::store) fn batch(&mut self, sql: &str) -> std::result::Result<(), Trouble> {
        self.wait(self.client.batch_execute(sql))?.map_err(|e| self.trouble(&e))
    }

    fn prepared(&mut self, sql: &'static str) -> std::result::Result<Statement, Trouble> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let text = sql.replace('?', "$");
        let statement = self.wait(self.client.prepare(&text))?.map_err(|e| self.trouble(&e))?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
    /// A migration by a newer node changes a prepared statement's result: prepare it and run the job again.
    fn stale(&mut self, sql: &'static str, e: &tokio_postgres::Error) -> Trouble {
        if e.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) && self.statements.remove(sql).is_some() {
            return Trouble::Conflict;
        }
        self.trouble(e)
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> std::result::Result<T, Trouble> {
        let done = self.worker.wait(self.limit, work);
        self.broken.set(self.broken.get() || done.is_err());
        done
    }
    fn trouble(&self, e: &tokio_postgres::Error) -> Trouble {
        let trouble = trouble(e);
        if let Trouble::Gone(_) = trouble {
            self.broken.set(true);
            // The connection's own error says more than "connection closed".
            let why = self.notices.end().map_or_else(|| failed(e), Error::Unavailable);
            return Trouble::Gone(why);
        }
        trouble
    }
}

/// The settings of each session. Every statement finds its rows by an index, in the order in which it reads them, and what belongs to a
/// row by another look-up: so the planner has no other kind of plan to choose, and statistics that are missing or old change little
/// (docs/decisions/0031-plans.md). The predicate locks of a serializable transaction then cover only the rows it looked up; on a small
/// table the planner would otherwise read and lock all of it. The price of these plans makes JIT compilation treat every query as large,
/// so it is off too. PostgreSQL cancels a statement shortly before we drop the connection, and soon ends a session that we dropped
/// unnoticed, which releases its locks.
fn setup(limit: Duration) -> String {
    let limit = limit.as_millis();
    let (statement, idle) = (limit - limit / 10, limit + limit / 2);
    format!(
        "set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off; \
         set jit = off; set client_min_messages = warning; \
         set statement_timeout = {statement}; set idle_in_transaction_session_timeout = {idle}; \
         set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3"
    )
}
