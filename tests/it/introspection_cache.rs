//! Introspection from memory (decision 30): what is kept in memory is exactly what SQLite would answer.

use crate::support::test_store::TestStore;
use crate::support::world::{ISSUER, World, access};
use renkei_core::client::Status;
use renkei_core::grant::Reason;
use renkei_core::id::{ClientId, GrantId};
use renkei_core::store::{Counters, Options, Stripe, Tx, Value, WatchedRow};
use renkei_core::token::introspect::IntrospectedToken;
use renkei_core::token::{self, RecentTokens};
use serde_json::Value as Json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

type Caller = Arc<renkei_core::client::Client>;

fn cache(w: &World) -> RecentTokens {
    RecentTokens::new(w.store.clone(), ISSUER.to_owned())
}
async fn introspected(recent: &RecentTokens, w: &World, caller: &Caller, token: &str) -> Json {
    let asked = IntrospectedToken::parse(token).unwrap();
    let found = recent.introspect(asked, caller, w.now()).await.unwrap();
    let response = found.response(ISSUER);
    assert_eq!(serde_json::from_str::<Json>(&found.text(ISSUER)).unwrap(), response, "the kept text says the same");
    response
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_request_reads_no_table() {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    let w = World::at_with(TestStore::sqlite(), &options);
    let (api, app, recent) = (w.api().await, w.app("kakeibo").await, cache(&w));
    let token = access(&w.exchange(&app, &w.allow(&app).await.code).await.unwrap());
    let first = introspected(&recent, &w, &api, &token).await;
    assert_eq!(first["active"], true);
    let steps = counters.steps();
    for _ in 0..100 {
        assert_eq!(introspected(&recent, &w, &api, &token).await, first);
    }
    assert_eq!(counters.steps(), steps, "SQLite ran no step");
    assert_eq!(introspected(&recent, &w, &app, &token).await, first, "its own client may see it");
    let other = w.app("creco").await;
    assert_eq!(
        introspected(&recent, &w, &other, &token).await["active"],
        false,
        "another client may not, though it is kept"
    );
    assert!(counters.steps() > steps, "making a client does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_ends_a_token_ends_it_here_too() {
    let w = World::at(TestStore::sqlite());
    let (api, recent) = (w.api().await, cache(&w));
    for end in ["its time", "its client", "its grant", "the token alone", "housekeeping"] {
        let app = w.app(&format!("app-{}", end.len())).await;
        let allowed =
            w.allow_with(&app, "openid accounts", &format!("115-ordinary-{:07}", end.len()), World::binding()).await;
        let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
        assert_eq!(introspected(&recent, &w, &api, &token).await["active"], true, "{end}");
        match end {
            "its time" => w.wait(std::time::Duration::from_hours(24 * 31)),
            "its client" => w.set_status(&app, Status::Suspended).await,
            "its grant" => drop(w.end(&allowed.grant, Reason::Customer).await),
            "the token alone" => changed(&w, "update access_tokens set revoked_at = 1 where hash = ?1", &token).await,
            _ => changed(&w, "delete from access_tokens where hash = ?1", &token).await,
        }
        assert_eq!(introspected(&recent, &w, &api, &token).await, serde_json::json!({"active": false}), "{end}");
    }
}
async fn changed(w: &World, sql: &'static str, token: &str) {
    let hash = token::access(token).unwrap();
    w.write(move |tx| tx.execute(sql, &[hash.into()])).await;
}

/// Every kind of statement that changes or deletes a row of the three tables, also one that names no key.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_changed_row_is_noted_and_no_other() {
    let w = World::at(TestStore::sqlite());
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    let token = token::access(&access(&w.exchange(&app, &allowed.code).await.unwrap())).unwrap();
    let (grant, client) = (allowed.grant.clone(), app.id.clone());
    let rows = |grant: &GrantId, client: &ClientId| {
        [
            Stripe::of(WatchedRow::AccessToken(&token)),
            Stripe::of(WatchedRow::Grant(grant)),
            Stripe::of(WatchedRow::Client(client)),
        ]
    };
    let rows = rows(&grant, &client);
    let changes = w.store.changes().unwrap().clone();
    // (statement, parameter, which of the three rows it changes)
    let cases: [(&'static str, Option<Value>, [bool; 3]); 9] = [
        ("update access_tokens set aud = aud where hash = ?1", Some(token.into()), [true, false, false]),
        ("update access_tokens set aud = aud", None, [true, false, false]),
        (
            "update grants set seq = seq + 1 where id = ?1 returning seq",
            Some(grant.as_str().into()),
            [false, true, false],
        ),
        ("update clients set updated_at = updated_at + 1", None, [false, false, true]),
        (
            "insert into clients (id, version, status, metadata, created_at, updated_at) values (?1, 1, 'active', '{}', 1, 1) \
             on conflict (id) do update set updated_at = excluded.updated_at",
            Some(client.as_str().into()),
            [false, false, true],
        ),
        ("update consents set decision = decision", None, [false, false, false]),
        ("select count(*) from access_tokens", None, [false, false, false]),
        ("delete from access_tokens where expires_at > 0", None, [true, false, false]),
        ("update grants set warn_at = null where warn_at is not null", None, [false, true, false]),
    ];
    for (sql, param, want) in cases {
        let before = changes.finished();
        w.write(move |tx: &mut Tx<'_, '_>| tx.execute(sql, param.as_slice())).await;
        assert_eq!(rows.map(|row| !changes.unchanged(before, &[row])), want, "{sql}");
    }
}

/// Readers that fill the memory race with a revocation. Once anybody has read `inactive`, or the revocation was answered, nobody who
/// asks later reads `active`.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_reads_active_after_somebody_read_inactive() {
    let w = Arc::new(World::at(TestStore::sqlite()));
    let (api, app, recent) = (w.api().await, w.app("kakeibo").await, Arc::new(cache(&w)));
    for round in 0..40 {
        let account = format!("115-ordinary-{round:07}");
        let allowed = w.allow_with(&app, "openid accounts", &account, World::binding()).await;
        let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
        let over = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (w, recent, api, token, over) =
                    (w.clone(), recent.clone(), api.clone(), token.clone(), over.clone());
                tokio::spawn(async move {
                    let mut reads = 0;
                    loop {
                        let was_over = over.load(Ordering::SeqCst);
                        let active = introspected(&recent, &w, &api, &token).await["active"] == true;
                        assert!(!(was_over && active), "it read active after somebody read inactive");
                        if !active {
                            over.store(true, Ordering::SeqCst);
                            return reads;
                        }
                        reads += 1;
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_micros(200 * round)).await;
        w.end(&allowed.grant, Reason::Customer).await;
        over.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.await.unwrap();
        }
    }
}

/// On PostgreSQL another process may change what was read, so nothing is cached.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_caches_nothing() {
    let w = World::at(TestStore::postgres());
    assert!(w.store.changes().is_none(), "another process may change it");
    let (api, app, recent) = (w.api().await, w.app("kakeibo").await, cache(&w));
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    assert_eq!(introspected(&recent, &w, &api, &token).await["active"], true);
    w.end(&allowed.grant, Reason::Customer).await;
    assert_eq!(introspected(&recent, &w, &api, &token).await["active"], false);
}
