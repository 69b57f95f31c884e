//! What operations cost, in exact numbers: statements and commits. A time depends on the machine; these do not.

use crate::support::app::App;
use crate::support::pg_messages::CountingProxy;
use crate::support::test_store::TestStore;
use crate::support::town::{Engine, Town, run};
use crate::support::world::{World, access};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use renkei_core::store::{Counters, Error, Options, Store, Tx};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

/// On SQLite each operation is one commit, and these are its statements. A number that goes up takes two: SQLite makes a table for
/// `returning`.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn statements_and_commits_on_sqlite() {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    let w = World::at_with(TestStore::sqlite(), &options);
    let (app, machine) = (w.refreshing_app("kakeibo").await, w.acting_app("machine").await);
    let mut costs = Vec::new();
    // The second time nothing is new: no chain of records begins, no table is empty.
    for _ in 0..2 {
        costs.clear();
        let mut last = (counters.executed(), counters.commits());
        let mut note = |what: &'static str| {
            let now = (counters.executed(), counters.commits());
            costs.push((what, now.0 - last.0, now.1 - last.1));
            last = now;
        };
        let allowed =
            w.allow_with(&app, "openid accounts offline_access", "115-ordinary-1100026", World::binding()).await;
        note("許可する");
        let answer = w.exchange(&app, &allowed.code).await.unwrap();
        note("code");
        let refresh = answer["refresh_token"].as_str().unwrap();
        let token = access(&w.refresh(&app, refresh, "").await.unwrap());
        note("refresh token");
        w.revoke(&app, &token).await.unwrap();
        note("revocation");
        w.client_token(&machine, "scope=status").await.unwrap();
        note("client credentials");
    }
    assert_eq!(
        costs,
        [
            ("許可する", 22, 1),
            ("code", 38, 1),
            ("refresh token", 10, 1),
            ("revocation", 12, 1),
            ("client credentials", 8, 1)
        ]
    );
}

/// Keeps the writer busy; the result sends it on. What is written meanwhile stands in the queue.
async fn busy(store: &Store) -> (tokio::task::JoinHandle<()>, mpsc::Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = std::sync::Mutex::new(may_go);
    let store = store.clone();
    let first = tokio::spawn(async move {
        let work = move |_: &mut Tx<'_, '_>| {
            let _ = begun.send(());
            // When it runs again, nobody waits for it, and nobody sends.
            let _ = may_go.lock().unwrap().recv();
            Ok(())
        };
        store.write(work).await.unwrap();
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    (first, go)
}

/// Whoever comes while the writer works shares the next commit, and so the next sync of the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_together_is_committed_together() {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    let store = TestStore::sqlite().open_with(&options).unwrap();
    let before = counters.commits();
    let (first, go) = busy(&store).await;
    let mut others = FuturesUnordered::new();
    for _ in 0..50 {
        let mut write = Box::pin(store.write(|_| Ok(())));
        // Polled once, it stands in the queue.
        assert!((&mut write).now_or_never().is_none());
        others.push(write);
    }
    go.send(()).unwrap();
    first.await.unwrap();
    while let Some(done) = others.next().await {
        done.unwrap();
    }
    assert_eq!(counters.commits() - before, 1, "the first, and the fifty that waited for it");
}

/// A job that fails makes those before it run again, and takes none of them with it. In the groups that follow nobody runs twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_fails_takes_nobody_with_it() {
    let stored = TestStore::sqlite();
    let store = stored.open();
    for (round, fails, runs) in [("before", None, 10), ("fails", Some(5), 16), ("after", Some(5), 10)] {
        let ran = Arc::new(AtomicU32::new(0));
        let (first, go) = busy(&store).await;
        let others = FuturesUnordered::new();
        for n in 0..10_i64 {
            let ran = ran.clone();
            let mut write = Box::pin(store.write(move |tx| {
                ran.fetch_add(1, Ordering::Relaxed);
                let row = [round.into(), n.into()];
                tx.execute("insert into event_audiences (aud, pos) values (?1, ?2)", &row)?;
                if fails == Some(n) { Err(Error::Engine("refused".into())) } else { Ok(n) }
            }));
            assert!((&mut write).now_or_never().is_none());
            others.push(write);
        }
        go.send(()).unwrap();
        drop(go);
        first.await.unwrap();
        let answers: Vec<_> = others.collect().await;
        let mut done: Vec<i64> = answers.into_iter().flatten().collect();
        done.sort_unstable();
        assert_eq!(done, (0..10).filter(|n| fails != Some(*n)).collect::<Vec<_>>());
        assert_eq!(ran.load(Ordering::Relaxed), runs, "{round}");
        let sql = "select pos from event_audiences where aud = ?1 order by pos limit 99";
        let rows = store.read(move |tx| tx.rows(sql, &[round.into()])).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.int(0).unwrap()).collect::<Vec<_>>(), done);
    }
}

/// The condition of an index is evaluated for each row. One with a list of three would make SQLite make a table, and drop it.
#[tokio::test]
async fn no_row_that_is_inserted_takes_a_table() {
    let stored = TestStore::sqlite();
    stored.open().stop().await;
    let c = rusqlite::Connection::open(stored.url().trim_start_matches("sqlite:")).unwrap();
    let texts = |sql: &str, column: usize| -> Vec<String> {
        let mut statement = c.prepare(sql).unwrap();
        statement.raw_query().mapped(|row| row.get(column)).map(Result::unwrap).collect()
    };
    let tables = texts("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'", 0);
    assert!(tables.len() > 20, "{tables:?}");
    for table in tables {
        let columns = texts(&format!("select name from pragma_table_info('{table}')"), 0);
        let values = vec!["'x'"; columns.len()].join(", ");
        let steps = texts(&format!("explain insert into {table} ({}) values ({values})", columns.join(", ")), 1);
        assert!(!steps.iter().any(|step| step.starts_with("OpenEphemeral")), "{table}: {steps:?}");
    }
}

/// What `work` sends to PostgreSQL when nothing else does: the jobs of the server send something too, now and then.
async fn cheapest(proxy: &CountingProxy, mut work: impl AsyncFnMut()) -> [u64; 3] {
    let mut least = [u64::MAX; 3];
    for _ in 0..12 {
        let before = proxy.sent();
        work().await;
        let after = proxy.sent();
        least = least.min([0, 1, 2].map(|n| after[n] - before[n]));
    }
    least
}

/// The round trips to PostgreSQL. An introspection is one statement without a transaction; everything that is written is one
/// transaction, whatever the client proves.
#[test]
fn messages_to_postgresql() {
    let database = crate::support::pg::database();
    let proxy = CountingProxy::to(&database.url());
    let url = proxy.url(&database.url());
    let one = move |config: &mut renkei_server::config::Config| {
        // One connection, so that a statement is prepared once.
        (config.store.url, config.store.connections) = (url, 1);
        config.tokens.client_scopes = renkei_core::scope::Scope::parse("status").unwrap();
    };
    run(Engine::Sqlite, one, async |w: &Town| {
        let (creco, kakeibo) = (w.creco(), w.kakeibo());
        let token = w.link(&creco, &mut w.browser()).await.access_token;
        let api = w.accounts_api();
        let introspection = cheapest(&proxy, async || {
            assert_eq!(api.introspect(&token).await["active"], true);
        });
        assert_eq!(introspection.await, [0, 0, 1], "an introspection");
        // Well-formed, and of nobody: the checksum is right, and no such token was issued.
        let nobodys = w.app().random.as_ref();
        let nobodys = renkei_core::secret::issue(renkei_core::secret::SecretKind::Access, nobodys);
        let missing = cheapest(&proxy, async || {
            assert_eq!(api.introspect(nobodys.reveal()).await["active"], false);
        });
        assert_eq!(missing.await, [0, 0, 1], "the time of the answer tells nothing");
        let unknown = cheapest(&proxy, async || {
            assert_eq!(api.introspect(&token.replace("rk_at", "rk_xx")).await["active"], false);
        });
        assert_eq!(unknown.await, [0, 0, 1], "what is no token: the caller's record");
        let push = |app: App| cheapest(&proxy, async move || drop(app.push("openid accounts").await));
        let [fapi, secret] = [push(creco).await, push(kakeibo).await];
        assert_eq!((fapi[0], secret[0]), (4, 4), "pushed requests: a read and a write");
        assert_eq!(fapi[2], secret[2] + 1, "an assertion more");
    });
}
