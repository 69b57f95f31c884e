//! A filled store, and what one statement visits in it, counted by the engine itself.

use super::catalog::Catalog;
use super::history;
use crate::support::test_store::TestStore;
use renkei_core::store::{Counters, Error, Options, Row, Store, Tx, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The work of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cost {
    /// Steps of SQLite's virtual machine; rows that the scans of PostgreSQL's plan read, those that a filter removed among them.
    pub visited: u64,
    /// SQLite: steps of a scan of a whole table. PostgreSQL: pages.
    pub pages: u64,
}

/// Which statistics the planner has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistics {
    Absent,
    Fresh,
    /// Of a store with a hundredth of the links.
    Stale,
}

/// A store with a history.
pub(crate) struct Measured {
    pub store: Store,
    pub catalog: Catalog,
    pub statistics: Statistics,
    test_store: TestStore,
    counters: Arc<Counters>,
}

impl Measured {
    pub(crate) async fn with(test_store: TestStore, links: i64, statistics: Statistics) -> Self {
        let store = test_store.open();
        if store.is_postgres() {
            without_autovacuum(&store).await;
        }
        let early = if statistics == Statistics::Stale { links / 100 } else { 0 };
        history::fill(&store, 0, early).await;
        if statistics == Statistics::Stale {
            change(&store, "analyze").await;
        }
        history::fill(&store, early, links).await;
        if statistics == Statistics::Fresh {
            change(&store, "analyze").await;
        }
        let catalog = Catalog::of(&store).await;
        store.stop().await;
        drop(store);
        // SQLite reads statistics when it opens a file.
        let counters = Arc::new(Counters::default());
        let options = Options { counters: Some(counters.clone()), connections: 1, ..Options::default() };
        Self { store: test_store.open_with(&options).unwrap(), catalog, statistics, test_store, counters }
    }
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.test_store, TestStore::Postgres(_))
    }
    /// Changes the store for good.
    pub(crate) async fn change(&self, sql: &'static str) {
        change(&self.store, sql).await;
    }

    /// Runs a statement, and takes back what it did.
    pub(crate) async fn cost(&self, sql: &'static str, values: &[Value]) -> Result<Cost, Error> {
        if self.is_postgres() {
            return self.explained(sql, values).await.map(|(cost, _)| cost);
        }
        let (counters, values) = (self.counters.clone(), values.to_vec());
        self.undone(move |tx| {
            let before = (counters.steps(), counters.scanned());
            tx.execute(sql, &values)?;
            Ok(Cost { visited: counters.steps() - before.0, pages: counters.scanned() - before.1 })
        })
        .await
    }

    /// PostgreSQL plans a prepared statement for its values five times, and then decides between that and one plan for all values. So
    /// two plans are measured: the first, and the one that the session would use from then on.
    async fn explained(&self, sql: &'static str, values: &[Value]) -> Result<(Cost, String), Error> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        const EXPLAIN: &str = "explain (analyze, buffers, timing off, summary off)";
        let name = format!("plan{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let literals: Vec<_> = values.iter().map(literal).collect();
        let call = if literals.is_empty() { name.clone() } else { format!("{name}({})", literals.join(", ")) };
        let prepare = leaked(format!("prepare {name} as {sql}"));
        let (plan, run) = (leaked(format!("explain execute {call}")), leaked(format!("{EXPLAIN} execute {call}")));
        let deallocate = leaked(format!("deallocate {name}"));
        self.undone(move |tx| {
            tx.execute(prepare, &[])?;
            tx.execute("savepoint before", &[])?;
            let mut worst = (Cost::default(), String::new());
            for executed in 0..6 {
                if executed > 0 && executed < 5 {
                    tx.execute(plan, &[])?;
                    continue;
                }
                let lines = tx.rows(run, &[])?;
                let lines =
                    lines.iter().map(|row: &Row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
                let cost = Cost { visited: visited(&lines), pages: pages(&lines) };
                if executed == 0 || cost.visited > worst.0.visited {
                    worst = (cost, lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("; "));
                }
                tx.execute("rollback to before", &[])?;
            }
            tx.execute(deallocate, &[])?;
            Ok(worst)
        })
        .await
    }

    async fn undone<T: Clone + Default + Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let undone = Error::Engine("undone".to_owned());
        let end = undone.clone();
        let found = Arc::new(Mutex::new(T::default()));
        let noted = found.clone();
        let done = self.store.write(move |tx| -> Result<(), Error> {
            *noted.lock().unwrap() = work(tx)?;
            Err(end.clone())
        });
        match done.await {
            Err(e) if e == undone => Ok(found.lock().unwrap().clone()),
            Err(e) => Err(e),
            Ok(()) => unreachable!("it ends with an error"),
        }
    }

    /// The plan in the engine's words.
    pub(crate) async fn plan(&self, sql: &'static str, values: &[Value]) -> String {
        if self.is_postgres() {
            return self.explained(sql, values).await.map_or_else(|e| e.to_string(), |(_, plan)| plan);
        }
        let (explained, values) = (leaked(format!("explain query plan {sql}")), values.to_vec());
        let lines = self.undone(move |tx| {
            let rows = tx.rows(explained, &values)?;
            rows.iter().map(|row| row.text(3).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
        });
        lines.await.map_or_else(|e| e.to_string(), |lines| lines.join("; "))
    }
}

/// The rows that the scans of a plan read: those they passed on, and those that a filter removed.
fn visited(lines: &[String]) -> u64 {
    let (mut sum, mut loops) = (0, 0);
    for line in lines {
        if let Some(rows) = number_after(line, "(actual rows=") {
            let of_table = [" Scan on ", " Scan using ", "Scan Backward using "].iter().any(|scan| line.contains(scan))
                || line.starts_with("Seq Scan on ");
            let of_other =
                ["Subquery Scan", "CTE Scan", "Function Scan", "Values Scan"].iter().any(|scan| line.contains(scan));
            loops = if of_table && !of_other { number_after(line, " loops=").unwrap_or(1) } else { 0 };
            sum += rows * loops;
        } else if let Some(removed) = ["Rows Removed by Filter: ", "Rows Removed by Index Recheck: "]
            .iter()
            .find_map(|what| number_after(line, what))
        {
            sum += removed * loops;
        }
    }
    sum
}

/// The pages that the whole statement touched: what its first node says.
fn pages(lines: &[String]) -> u64 {
    let buffers = lines.iter().take_while(|line| !line.contains("->")).find(|line| line.contains("Buffers: shared"));
    let of = |what| buffers.and_then(|line| number_after(line, what)).unwrap_or(0);
    of(" hit=") + of(" read=")
}

fn number_after(line: &str, what: &str) -> Option<u64> {
    let (_, rest) = line.split_once(what)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Bytes(bytes) => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            format!("'\\x{hex}'")
        }
    }
}

async fn change(store: &Store, sql: &'static str) {
    let store = store.without_limit(renkei_core::store::NoLimit::Migration);
    store.write(move |tx| tx.execute(sql, &[])).await.unwrap();
}

/// So that nobody else makes statistics.
async fn without_autovacuum(store: &Store) {
    let tables = store.scan(|tx| {
        let rows = tx.rows("select tablename::text from pg_tables where schemaname = 'public'", &[])?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
    });
    for table in tables.await.unwrap() {
        change(store, leaked(format!("alter table {table} set (autovacuum_enabled = off)"))).await;
    }
}

fn leaked(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}
