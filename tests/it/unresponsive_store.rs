//! A PostgreSQL that accepts and never answers: nobody waits for ever, everybody hears 503, and it goes on by itself.

use super::store::{count, get, options, put};
use crate::support::frozen::Proxy;
use crate::support::http::RequestParts;
use crate::support::own_pg::OwnPg;
use crate::support::pg;
use crate::support::test_store::TestStore;
use crate::support::town::{Engine, Town, run};
use renkei_core::store::{Error, NoLimit, Options, Result, Store};
use renkei_server::config::Span;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(400);
/// Its turn and one step: nothing else is waited for.
const ANSWER_BY: Duration = Duration::from_millis(1_500);

/// A store behind a proxy.
struct ProxiedStore {
    proxy: Proxy,
    store: Store,
    _database: pg::Database,
}
impl ProxiedStore {
    async fn with(connections: usize) -> Self {
        let database = pg::database();
        let proxy = Proxy::to(database.port());
        let store =
            Store::open_with(&proxy.url(&database.url()), &Options { connections, time_limit: LIMIT, ..options() })
                .unwrap();
        store.write(|tx| put(tx, "a", 0)).await.unwrap();
        let silent = Self { proxy, store, _database: database };
        silent.answers().await;
        // One is the migration's.
        while silent.proxy.connections_made() < connections + 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        silent
    }
    /// Ten jobs at once, each of which hears within the time it may take.
    async fn ten(&self) -> Vec<Result<u64>> {
        let began = Instant::now();
        let jobs = (0..10).map(|i| {
            let store = self.store.clone();
            tokio::spawn(async move { store.write(move |tx| put(tx, &i.to_string(), i)).await })
        });
        let mut heard = Vec::new();
        for job in jobs.collect::<Vec<_>>() {
            heard.push(job.await.unwrap());
        }
        assert!(began.elapsed() < ANSWER_BY, "{:?}", began.elapsed());
        heard
    }
    /// It goes on by itself, in a while.
    async fn answers(&self) {
        let end = Instant::now() + Duration::from_secs(5);
        while let Err(e) = self.store.write(|tx| tx.execute("update things set n = n + 1 where id = 'a'", &[])).await {
            assert!(matches!(e, Error::Unavailable(_)) && Instant::now() < end, "{e:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
fn refused(heard: &[Result<u64>]) -> usize {
    let unavailable = |r: &&Result<u64>| matches!(r, Err(Error::Unavailable(_)));
    let refused = heard.iter().filter(unavailable).count();
    assert_eq!(refused, heard.iter().filter(|r| r.is_err()).count(), "{heard:?}");
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_frozen_session_costs_one_job() {
    let silent = ProxiedStore::with(3).await;
    silent.proxy.freeze_one();
    let opened = silent.proxy.connections_made();
    assert!(refused(&silent.ten().await) <= 1);
    // Whichever job gets the frozen one: sooner or later somebody does.
    let mut refusals = 0;
    for _ in 0..60 {
        refusals += usize::from(silent.store.write(|tx| get(tx, "a")).await.is_err());
    }
    assert!(refusals <= 1, "{refusals}");
    silent.answers().await;
    assert!(silent.proxy.connections_made() <= opened + 2, "one was replaced, not all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_sessions_frozen_are_all_replaced() {
    let silent = ProxiedStore::with(3).await;
    silent.proxy.freeze_sessions();
    assert!(refused(&silent.ten().await) <= 3 + 7, "each costs the job that has it; others may wait too long");
    silent.answers().await;
    assert_eq!(refused(&silent.ten().await), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_nothing_answers_everybody_hears_so() {
    let silent = ProxiedStore::with(3).await;
    silent.proxy.freeze_new();
    silent.proxy.freeze_sessions();
    for _ in 0..3 {
        assert_eq!(refused(&silent.ten().await), 10);
    }
    // A hundred who wait in the queue hear it when their own time is over, not when a connection is tried for them.
    let began = Instant::now();
    let jobs = (0..100).map(|_| {
        let store = silent.store.clone();
        tokio::spawn(async move { store.read(|tx| get(tx, "a")).await })
    });
    for job in jobs.collect::<Vec<_>>() {
        assert!(matches!(job.await.unwrap(), Err(Error::Unavailable(_))));
    }
    assert!(began.elapsed() < ANSWER_BY, "{:?}", began.elapsed());
    silent.proxy.thaw();
    silent.answers().await;
    assert_eq!(refused(&silent.ten().await), 0);
    assert_eq!(count(&silent.store).await, 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_that_never_answers_does_not_hide_the_next_one() {
    let database = pg::database();
    let silent = Proxy::to(database.port());
    silent.freeze_new();
    let url = database.url().replace("@127.0.0.1:", &format!("@127.0.0.1:{},127.0.0.1:", silent.port()));
    let began = Instant::now();
    let store = Store::open_with(&url, &Options { time_limit: LIMIT, connections: 2, ..options() }).unwrap();
    store.write(|tx| put(tx, "a", 1)).await.unwrap();
    assert!(began.elapsed() < 3 * ANSWER_BY, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_start_says_that_nobody_answers() {
    let database = pg::database();
    let silent = Proxy::to(database.port());
    silent.freeze_new();
    let began = Instant::now();
    let said = Store::open_with(&silent.url(&database.url()), &Options { time_limit: LIMIT, ..options() }).err();
    assert!(matches!(&said, Some(Error::Unavailable(why)) if why.contains("no answer")), "{said:?}");
    assert!(began.elapsed() < ANSWER_BY);
}

/// On both engines: what waits for its turn hears in time that it will not get one, and is not done later.
async fn a_job_that_waits_too_long_is_not_done(test_store: TestStore) {
    let store = test_store.open_with(&Options { connections: 1, time_limit: LIMIT, ..options() }).unwrap();
    store.write(|tx| put(tx, "a", 0)).await.unwrap();
    let (gate, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(Some(held)));
    let holder = store.clone();
    let holding = tokio::spawn(async move {
        holder
            .write(move |_| held.lock().unwrap().take().map_or(Ok(()), |gate| gate.recv().map_err(|_| Error::Conflict)))
            .await
    });
    tokio::time::sleep(LIMIT / 8).await;
    let began = Instant::now();
    let waited = store.write(|tx| put(tx, "b", 1)).await;
    assert!(matches!(&waited, Err(Error::Unavailable(why)) if why.contains("in time")), "{waited:?}");
    assert!((LIMIT..LIMIT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    // What runs is waited for.
    gate.send(()).unwrap();
    holding.await.unwrap().unwrap();
    store.write(|tx| put(tx, "c", 1)).await.unwrap();
    assert_eq!(count(&store).await, 2, "nobody does behind a caller's back what it was told is not done");
}
crate::support::test_store::on_both_engines! { a_job_that_waits_too_long_is_not_done }

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_migration_and_reading_the_whole_record_have_no_limit() {
    let database = pg::database();
    let slow = Options { time_limit: LIMIT, connections: 2, ..options() };
    // Another node migrates, and takes three times as long as a statement may.
    let url = database.url();
    let other = std::thread::spawn(move || {
        let lock = "begin; select pg_advisory_xact_lock(8243122654883636071)::text; select pg_sleep(1.2)::text; commit";
        pg::query(&url, lock).unwrap()
    });
    std::thread::sleep(Duration::from_millis(200));
    let store = Store::open_with(&database.url(), &slow).unwrap();
    other.join().unwrap();
    let long =
        |tx: &mut renkei_core::store::Tx<'_, '_>| tx.rows("select pg_sleep(1.0)::text", &[]).map(|rows| rows.len());
    for exempt in [NoLimit::AuditVerify, NoLimit::AuditExport] {
        assert_eq!(store.without_limit(exempt).scan(long).await.unwrap(), 1);
    }
    let limited = store.scan(long).await;
    assert!(matches!(limited, Err(Error::Unavailable(_))), "{limited:?}");
}

// ---- the whole server --------------------------------------------------------------------------------------------

fn limited(config: &mut renkei_server::config::Config) {
    config.store.time_limit = Span::parse("1s").unwrap();
    config.server.shutdown_grace = Span::parse("4s").unwrap();
}
/// What a server does whose store does not answer: every answer comes in time, and says that it may be tried again.
async fn says_503(w: &Town) {
    let kakeibo = w.kakeibo();
    let began = Instant::now();
    for path in ["/oauth/introspect", "/oauth/revoke", "/oauth/token"] {
        let asked = kakeibo.post(path, &[("token", "x"), ("grant_type", "authorization_code")], false).await;
        assert_eq!((asked.status, asked.header("retry-after")), (503, Some("5")), "{path}: {}", asked.body);
    }
    let opened = w.http.get("/oauth/authorize?client_id=kakeibo").await;
    assert_eq!((opened.status, opened.header("retry-after")), (503, Some("5")));
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    for _ in 0..3 {
        let began = Instant::now();
        let ready = w.http.get("/readyz").await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(ready.status, 503);
    }
    assert_eq!(w.http.get("/healthz").await.status, 200);
    assert!(w.log().contains("PostgreSQL has not answered") || w.log().contains("PostgreSQL cannot be reached"));
}
async fn until_ready(w: &Town, status: u16) {
    let end = Instant::now() + Duration::from_secs(15);
    while w.http.get("/readyz").await.status != status {
        assert!(Instant::now() < end, "/readyz is never {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_stopped_postgresql_is_503_and_then_all_is_well() {
    let own = OwnPg::start();
    let at_own = |config: &mut renkei_server::config::Config| {
        limited(config);
        config.store.url = own.url();
    };
    run(Engine::Postgres, at_own, async |w| {
        let kakeibo = w.kakeibo();
        let token = w.link(&kakeibo, &mut w.browser()).await.access_token;
        own.freeze();
        until_ready(w, 503).await;
        says_503(w).await;
        own.thaw();
        until_ready(w, 200).await;
        assert_eq!(w.accounts_api().introspect(&token).await["active"], true);
    });
}

#[test]
fn a_stop_ends_in_time_whoever_does_not_answer() {
    let database = pg::database();
    let proxy = Proxy::to(database.port());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let behind = |config: &mut renkei_server::config::Config| {
            limited(config);
            config.store.url = proxy.url(&database.url());
        };
        let w = Town::start(Engine::Postgres, behind).await;
        proxy.freeze_new();
        proxy.freeze_sessions();
        let asking: Vec<_> = (0..20)
            .map(|_| {
                let (http, basic) = (w.http.clone(), crate::support::app::basic("kakeibo", "kakeibo-secret"));
                let ask = RequestParts::default().header("authorization", basic).form(&[("token".into(), "x".into())]);
                tokio::spawn(async move { http.try_send("POST", "/oauth/introspect", ask).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        w.stop().await;
        assert!(began.elapsed() < Duration::from_millis(4_300), "{:?}", began.elapsed());
        // A connection of which nothing was read when the stop began is closed without an answer.
        let mut answered = 0;
        for asked in asking {
            if let Some(answer) = asked.await.unwrap() {
                assert_eq!(answer.status, 503);
                answered += 1;
            }
        }
        assert!(answered > 0);
    });
}
