//! What operations cost, in exact numbers: statements and commits. A time depends on the machine; these do not.

use crate::support::app::App;
use crate::support::pg_messages::CountingProxy;
use crate::support::test_store::TestStore;
use crate::support::town::{Engine, Town, run};
use crate::support::world::{World, access};
use renkei_core::store::{Counters, Options};
use std::sync::Arc;
use std::sync::mpsc;

/// On SQLite each operation is one commit, and these are its statements.
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
            ("許可する", 18, 1),
            ("code", 34, 1),
            ("refresh token", 8, 1),
            ("revocation", 10, 1),
            ("client credentials", 7, 1)
        ]
    );
}

/// Whoever comes while the writer works shares the next commit, and so the next sync of the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_together_is_committed_together() {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    let store = TestStore::sqlite().open_with(&options).unwrap();
    let before = counters.commits();
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = std::sync::Mutex::new(may_go);
    let first = {
        let store = store.clone();
        tokio::spawn(async move {
            let work = move |_: &mut renkei_core::store::Tx<'_, '_>| {
                begun.send(()).unwrap();
                may_go.lock().unwrap().recv().unwrap();
                Ok(())
            };
            store.write(work).await.unwrap();
        })
    };
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    let mut others = futures_util::stream::FuturesUnordered::new();
    for _ in 0..50 {
        let mut write = Box::pin(store.write(|_| Ok(())));
        // Polled once, it stands in the queue.
        assert!(futures_util::FutureExt::now_or_never(&mut write).is_none());
        others.push(write);
    }
    go.send(()).unwrap();
    first.await.unwrap();
    while let Some(done) = futures_util::StreamExt::next(&mut others).await {
        done.unwrap();
    }
    assert_eq!(counters.commits() - before, 1, "the first, and the fifty that waited for it");
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
