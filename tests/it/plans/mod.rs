//! Plans.
mod catalog;
mod history;
mod statements;
mod values;

use crate::support::test_store::TestStore;
use catalog::Catalog;
use renkei_core::store::{Counters, Error, Options, Store, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use values::{Given, Reach};

/// Parameters that a statement does not explain.
fn given(sql: &str) -> Given {
    let mut given = Given::new();
    for (begin, n, value) in GIVEN {
        if sql.contains(begin) {
            given.insert(*n, value());
        }
    }
    given
}
const GIVEN: &[(&str, usize, fn() -> Value)] = &[];

struct Opened {
    store: Store,
    counters: Arc<Counters>,
    _place: TestStore,
}
impl Opened {
    async fn with(links: i64) -> Self {
        let place = TestStore::sqlite();
        let counters = Arc::new(Counters::default());
        let store = place.open_with(&Options { counters: Some(counters.clone()), ..Options::default() }).unwrap();
        if links > 0 {
            history::fill(&store, 0, links).await;
        }
        Self { store, counters, _place: place }
    }
    async fn steps(&self, sql: &'static str, values: &[Value]) -> Result<u64, Error> {
        let (counters, values) = (self.counters.clone(), values.to_vec());
        let undone = Error::Engine(String::from("undone"));
        let cost = Arc::new(std::sync::Mutex::new(0));
        let noted = cost.clone();
        let end = undone.clone();
        let done = self
            .store
            .write(move |tx| -> Result<(), Error> {
                let before = counters.steps();
                tx.execute(sql, &values)?;
                *noted.lock().unwrap() = counters.steps() - before;
                Err(end.clone())
            })
            .await;
        match done {
            Err(e) if e == undone => Ok(*cost.lock().unwrap()),
            Err(e) => Err(e),
            Ok(()) => unreachable!("it is undone"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_plans() {
    let begun = std::time::Instant::now();
    let none = Opened::with(0).await;
    let small = Opened::with(2_000).await;
    let large = Opened::with(20_000).await;
    println!("seeded after {:?}", begun.elapsed());
    let (cat_small, cat_large) = (Catalog::of(&small.store).await, Catalog::of(&large.store).await);
    println!("empty: {:?}; {:?}", cat_small.empty(), begun.elapsed());
    for s in statements::all() {
        let flat = s.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut visited = false;
        for reach in [Reach::All, Reach::End] {
            let few = values::of(s.text, &cat_small, &given(s.text), reach);
            let many = values::of(s.text, &cat_large, &given(s.text), reach);
            let (few, many) = match (few, many) {
                (Ok(few), Ok(many)) => (few, many),
                (Err(n), _) | (_, Err(n)) => {
                    println!("UNKNOWN ?{n} {}: {flat}", s.file);
                    continue;
                }
            };
            let costs = (none.steps(s.text, &few).await, small.steps(s.text, &few).await, large.steps(s.text, &many).await);
            match costs {
                (Ok(n), Ok(a), Ok(b)) => {
                    visited |= a > n || b > n || s.text.starts_with("insert");
                    if b > a + a / 5 + 50 {
                        println!("GROWS {n} {a} {b} {reach:?} {}: {flat} {few:?}", s.file);
                    }
                }
                (_, Err(e), _) | (Err(e), ..) | (.., Err(e)) => println!("FAILS {reach:?} {}: {flat}: {e} {few:?}", s.file),
            }
        }
        if !visited {
            println!("NONE {}: {flat}", s.file);
        }
    }
    println!("done after {:?}", begun.elapsed());
}
