//! Plans that hold at any size: every statement of the product runs on two histories, one ten times as long as the other, with
//! the values that hit most, and visits as many rows in the one as in the other. Those that may visit more are in [`listed`],
//! each with its reason (docs/decisions/0031-plans.md).

mod catalog;
mod history;
mod listed;
mod measured;
mod statements;
mod values;

use crate::support::test_store::TestStore;
use crate::support::world::{World, access};
use listed::{GIVEN, Grows, LISTED, NOT_MEASURED};
use measured::{Cost, Measured, Statistics};
use renkei_core::store::{Counters, Options};
use statements::Statement;
use std::collections::BTreeSet;
use std::sync::Arc;
use values::{Given, Reach};

/// What is wrong with one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// The meaning of a parameter is not known.
    Unknown(usize),
    Failed(String),
    /// It visits more rows in the larger store.
    Grows {
        reach: Reach,
        small: Cost,
        large: Cost,
        plan: String,
    },
    /// It visits no row, so that it says nothing.
    VisitsNothing,
    /// An entry of [`LISTED`] or [`NOT_MEASURED`] that is not needed.
    NeedlesslyListed,
}

/// Whether the larger store costs more than chance explains.
fn is_more(small: Cost, large: Cost, postgres: bool) -> bool {
    // One row is about five steps. PostgreSQL's planner may join in another order where that costs as much; an index of a larger table is
    // a page deeper or two for each row.
    if postgres {
        large.visited > 2 * small.visited + 60 || large.pages > 2 * small.pages + 4 * large.visited + 50
    } else {
        large.visited > small.visited + small.visited / 5 + 50
    }
}

/// The faults of statements in a store and in one that is ten times as large. `none` is an empty one, to tell whether SQLite
/// visits a row at all.
async fn faults(
    statements: &[Statement],
    none: Option<&Measured>,
    small: &Measured,
    large: &Measured,
) -> Vec<(String, Fault)> {
    let postgres = small.is_postgres();
    let mut found = Vec::new();
    let mut grown = BTreeSet::new();
    for statement in statements {
        let text = statement.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if NOT_MEASURED.iter().any(|(part, why)| text.contains(part) && !(postgres && why.ends_with("measured there")))
        {
            continue;
        }
        let given: Given =
            GIVEN.iter().filter(|(part, ..)| text.contains(part)).map(|(_, n, value)| (*n, value())).collect();
        let listed = || LISTED.iter().filter(|(part, ..)| text.contains(part));
        let may_grow = |reach| {
            listed().find(|(_, grows, _)| match grows {
                Grows::WithTheStore => true,
                Grows::WithItsOwn => reach != Reach::Ordinary,
                // SQLite has none, unless an operator makes them.
                Grows::WithoutStatistics => {
                    large.statistics == Statistics::Stale || postgres && large.statistics == Statistics::Absent
                }
            })
        };
        let mut visits = text.starts_with("insert ");
        let mut wrong = Vec::new();
        let mut tried = Vec::new();
        for reach in Reach::each() {
            let few = values::of(statement.text, &small.catalog, &given, reach);
            let many = values::of(statement.text, &large.catalog, &given, reach);
            let (few, many) = match (few, many) {
                (Ok(few), Ok(many)) => (few, many),
                (Err(n), _) | (_, Err(n)) => {
                    wrong.push(Fault::Unknown(n));
                    continue;
                }
            };
            if tried.contains(&(few.clone(), many.clone())) {
                continue;
            }
            tried.push((few.clone(), many.clone()));
            let least = match none {
                Some(none) => none.cost(statement.text, &few).await.map(|cost| cost.visited),
                None => Ok(0),
            };
            let costs = (least, small.cost(statement.text, &few).await, large.cost(statement.text, &many).await);
            let (least, small_cost, large_cost) = match costs {
                (Ok(least), Ok(small), Ok(large)) => (least, small, large),
                (.., Err(e)) if e.to_string().contains("statement timeout") && may_grow(reach).is_some() => continue,
                (Err(e), ..) | (_, Err(e), _) | (_, _, Err(e)) => {
                    wrong.push(Fault::Failed(format!("{reach:?}: {e}")));
                    continue;
                }
            };
            visits |= small_cost.visited > least;
            if is_more(small_cost, large_cost, postgres) {
                if let Some((part, ..)) = may_grow(reach) {
                    grown.insert(*part);
                } else {
                    let plan = large.plan(statement.text, &many).await;
                    wrong.push(Fault::Grows { reach, small: small_cost, large: large_cost, plan });
                }
            }
        }
        if !visits && wrong.is_empty() {
            wrong.push(Fault::VisitsNothing);
        }
        found.extend(wrong.into_iter().map(|fault| (format!("{}: {text}", statement.file), fault)));
    }
    // What SQLite does with the usual sizes says whether an entry is needed; a reason that names PostgreSQL is for PostgreSQL alone.
    if statements.len() > 100 && !postgres && std::env::var("PLANS").is_err() {
        let of_sqlite = LISTED.iter().filter(|(.., why)| !why.contains("PostgreSQL"));
        let needless = of_sqlite.filter(|(part, ..)| !grown.contains(part));
        found.extend(needless.map(|(part, ..)| ((*part).to_owned(), Fault::NeedlesslyListed)));
    }
    found
}

fn show(found: &[(String, Fault)]) -> String {
    found.iter().map(|(what, fault)| format!("{fault:?}\n    {what}\n")).collect()
}

/// How many links the two stores have: `tests/long/plans` says more.
fn links() -> (i64, i64) {
    let many = std::env::var("PLANS").map_or(20_000, |links| links.parse().expect("PLANS is a number of links"));
    (many / 10, many)
}
fn statistics(otherwise: Statistics) -> Statistics {
    std::env::var("PLANS_STATISTICS").map_or(otherwise, |word| match word.as_str() {
        "absent" => Statistics::Absent,
        "fresh" => Statistics::Fresh,
        "stale" => Statistics::Stale,
        other => panic!("PLANS_STATISTICS is {other}"),
    })
}

/// Nobody makes statistics for SQLite (`ANALYZE`), unless an operator does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite_each_statement_visits_as_many_rows_in_a_store_of_ten_times_the_size() {
    let (few, many) = links();
    let known = statistics(Statistics::Absent);
    let none = Measured::with(TestStore::sqlite(), 0, Statistics::Absent).await;
    let small = Measured::with(TestStore::sqlite(), few, known).await;
    let large = Measured::with(TestStore::sqlite(), many, known).await;
    assert_eq!(small.catalog.empty(), Vec::<&str>::new(), "a table without rows");
    let found = faults(&statements::all(), Some(&none), &small, &large).await;
    assert!(found.is_empty(), "\n{}", show(&found));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgresql_each_statement_visits_as_many_rows_in_a_store_of_ten_times_the_size() {
    let (few, many) = links();
    let known = statistics(Statistics::Fresh);
    let small = Measured::with(TestStore::postgres(), few, known).await;
    let large = Measured::with(TestStore::postgres(), many, known).await;
    assert_eq!(small.catalog.empty(), Vec::<&str>::new(), "a table without rows");
    let found = faults(&statements::all(), None, &small, &large).await;
    assert!(found.is_empty(), "\n{}", show(&found));
}

/// The test finds what it is there for: an index that is missing, a statement that reads a whole table, one that visits nothing, and
/// one whose parameters it does not understand.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plan_that_grows_is_found() {
    let none = Measured::with(TestStore::sqlite(), 0, Statistics::Absent).await;
    let small = Measured::with(TestStore::sqlite(), 1_000, Statistics::Absent).await;
    let large = Measured::with(TestStore::sqlite(), 10_000, Statistics::Absent).await;
    const OPEN: &str = "from grants g where g.client_id = ?1 and g.account_index = ?2";
    let cases: [(&[&'static str], &str); 5] = [
        // As it was when a redemption visited each link of the app (schema file 0012).
        (
            &[
                "drop index grants_open",
                "create index grants_open on grants (client_id, account_index) where ended_at is null",
                "create index grants_client on grants (client_id, created_at)",
            ],
            OPEN,
        ),
        (
            &["drop index grants_open_account"],
            "select id, created_at from grants where account_index = ?1 and ended_at",
        ),
        (&["drop index audit_exports"], "and actor like 'staff:%'"),
        (&["drop index events_alone"], "delete from events where id in"),
        (&["drop index notices_due"], "from notices where next_at is not null and next_at <= ?1 limit 1"),
    ];
    for (changes, part) in cases {
        let concerned = statements::all().into_iter().filter(|s| s.text.contains(part)).collect::<Vec<_>>();
        assert!(!concerned.is_empty(), "{part}");
        assert_eq!(faults(&concerned, Some(&none), &small, &large).await, [], "before {changes:?}");
        for store in [&none, &small, &large] {
            for change in changes {
                store.change(change).await;
            }
        }
        let found = faults(&concerned, Some(&none), &small, &large).await;
        assert!(found.iter().any(|(_, fault)| matches!(fault, Fault::Grows { .. })), "{changes:?}: {}", show(&found));
    }
    let one = |text: &'static str| [Statement { text, file: "a test".to_owned() }];
    let grows = faults(&one("select count(*) from events where detail <> ''"), Some(&none), &small, &large).await;
    assert!(matches!(grows[..], [(_, Fault::Grows { .. })]), "{}", show(&grows));
    let nothing = faults(&one("select id from streams where id = ?1 and 1 = 0"), Some(&none), &small, &large).await;
    assert!(matches!(nothing[..], [(_, Fault::VisitsNothing)]), "{}", show(&nothing));
    let unknown = faults(&one("select id from streams where length(id) + ?1 > 0"), Some(&none), &small, &large).await;
    assert!(matches!(unknown[0], (_, Fault::Unknown(1))), "{}", show(&unknown));
}

/// What a store runs in a test is among the statements that were read from the sources.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_runs_was_read_from_the_sources() {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    let w = World::at_with(TestStore::sqlite(), &options);
    let (api, app) = (w.api().await, w.refreshing_app("kakeibo").await);
    for account in ["115-ordinary-1100026", "115-ordinary-1100027"] {
        let allowed = w.allow_with(&app, "openid accounts offline_access", account, World::binding()).await;
        let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
        assert!(w.is_active(&api, &token).await);
        w.end(&allowed.grant, renkei_core::grant::Reason::Customer).await;
    }
    w.deny(&app).await;
    w.whole().await;
    w.restore().await;
    w.wait(std::time::Duration::from_hours(24 * 366 * 8));
    w.sweep().await;
    w.tidy().await;
    renkei_core::audit::verify(&w.store).await.unwrap();
    let read: BTreeSet<_> = statements::all().into_iter().map(|s| s.text.to_owned()).collect();
    let ran = counters.statements();
    let missing: Vec<_> = ran.difference(&read).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(ran.len() > 60, "{} statements ran", ran.len());
}
