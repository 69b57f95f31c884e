//! The table `requests`: the contract of its verbs on both engines, races included.

use crate::support::test_store::{TestStore, on_both_engines};
use renkei_core::audit::{self, Actor, Entry};
use renkei_core::authorize::sql::{self, Consumed, StoredRequest};
use renkei_core::authorize::{AuthorizationRequest, RequestUri, ResponseMode};
use renkei_core::clock::Instant;
use renkei_core::id::ClientId;
use renkei_core::lifecycle::housekeeping::{Retention, TASKS, run_task};
use renkei_core::oxide::Challenge;
use renkei_core::random::SeededRandom;
use renkei_core::scope::Scope;
use renkei_core::secret::Hash;
use renkei_core::store::migrate::FILES;
use renkei_core::store::{Options, Store, Tx, Value};
use std::time::Duration;

on_both_engines! {
    what_was_pushed_is_loaded_whole
    a_request_is_completed_once_however_old_it_is
    of_fifty_completers_one_wins
    one_id_is_never_two_requests
    old_requests_are_swept_in_batches
    requests_that_wait_are_counted
    what_nobody_began_with_goes_ten_minutes_after_its_end
    count_and_sweep_read_an_index_and_no_more
    requests_of_the_release_before_go_with_the_upgrade
}

struct Fixture {
    store: Store,
}
fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        grant_action: None,
        client_id: ClientId::parse("creco").unwrap(),
        redirect_uri: "https://app.example/cb".into(),
        response_mode: ResponseMode::FormPost,
        state: Some("st 店".into()),
        nonce: Some("n".into()),
        scope: Scope::parse("openid accounts").unwrap(),
        code_challenge: Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        dpop_jkt: None,
        resource: vec!["https://api.example".into()],
        authorization_details: None,
        ui_locales: vec!["ja".into()],
        prompt: vec![renkei_core::authorize::Prompt::Consent],
        max_age: Some(60),
        acr_values: vec!["urn:x".into()],
        claims: renkei_core::authorize::Demands::default(),
        hint: None,
    }
}
const NOW: Instant = Instant::from_secs(1_000_000);
const LIFETIME: Duration = Duration::from_secs(300);
impl Fixture {
    async fn push(&self, id: Hash) {
        let asked = request();
        self.store.write(move |tx| sql::push(tx, id, &asked, NOW, NOW + LIFETIME)).await.unwrap();
    }
    async fn load(&self, id: Hash) -> Option<StoredRequest> {
        self.store.read(move |tx| sql::load(tx, id)).await.unwrap()
    }
    async fn consume(&self, id: Hash, now: Instant) -> Consumed {
        self.store.write(move |tx| sql::consume(tx, id, now)).await.unwrap()
    }
}
fn uri(seed: u64) -> RequestUri {
    RequestUri::random(&SeededRandom::new(seed))
}

async fn what_was_pushed_is_loaded_whole(test_store: TestStore) {
    let f = Fixture { store: test_store.open() };
    f.push(uri(1).id()).await;
    let stored = f.load(uri(1).id()).await.unwrap();
    assert_eq!((stored.request.clone(), stored.consumed_at), (request(), None));
    assert!(stored.may_begin(NOW + LIFETIME - Duration::from_secs(1)));
    assert!(!stored.may_begin(NOW + LIFETIME), "too late to begin");
    assert!(f.load(uri(2).id()).await.is_none());
}

async fn a_request_is_completed_once_however_old_it_is(test_store: TestStore) {
    let f = Fixture { store: test_store.open() };
    f.push(uri(1).id()).await;
    let late = NOW + Duration::from_secs(1700);
    assert_eq!(f.consume(uri(1).id(), late).await, Consumed::First, "an interaction lives by its own time");
    assert_eq!(f.consume(uri(1).id(), late).await, Consumed::Before);
    assert_eq!(f.consume(uri(9).id(), late).await, Consumed::Before, "an unknown one completes nothing");
    let stored = f.load(uri(1).id()).await.unwrap();
    assert_eq!(stored.consumed_at, Some(late));
    assert!(!stored.may_begin(NOW));
}

async fn of_fifty_completers_one_wins(test_store: TestStore) {
    let f = Fixture { store: test_store.open() };
    f.push(uri(1).id()).await;
    let id = uri(1).id();
    let tries = (0..50).map(|_| {
        let store = f.store.clone();
        tokio::spawn(async move { store.write(move |tx| sql::consume(tx, id, NOW)).await.unwrap() })
    });
    let outcomes = futures_util::future::join_all(tries).await;
    let first = outcomes.into_iter().filter(|o| matches!(o, Ok(Consumed::First))).count();
    assert_eq!(first, 1);
}

async fn one_id_is_never_two_requests(test_store: TestStore) {
    let f = Fixture { store: test_store.open() };
    f.push(uri(1).id()).await;
    let other = AuthorizationRequest { state: Some("other".into()), ..request() };
    let id = uri(1).id();
    let second = f.store.write(move |tx| sql::push(tx, id, &other, NOW, NOW)).await;
    assert!(second.is_err());
    assert_eq!(f.load(id).await.unwrap().request, request());
}

async fn old_requests_are_swept_in_batches(test_store: TestStore) {
    let f = Fixture { store: test_store.open() };
    for seed in 0..5 {
        f.push(uri(seed).id()).await;
    }
    let sweep = |before: Instant| f.store.write(move |tx| sql::sweep(tx, before, 3));
    assert_eq!(sweep(NOW).await.unwrap(), 0, "made at this very moment");
    let later = NOW + Duration::from_secs(1);
    assert_eq!((sweep(later).await.unwrap(), sweep(later).await.unwrap()), (3, 2));
    assert!(f.load(uri(0).id()).await.is_none());
}

async fn requests_that_wait_are_counted(test_store: TestStore) {
    let f = Fixture { store: test_store.open() };
    let end = NOW + LIFETIME;
    let waiting = async |client: &str, most: u32, now: Instant| {
        let client = ClientId::parse(client).unwrap();
        f.store.read(move |tx| sql::waiting(tx, &client, most, now)).await.unwrap()
    };
    assert_eq!(waiting("creco", 10, NOW).await, (0, None));
    for seed in 0..5 {
        f.push(uri(seed).id()).await;
    }
    let (brought, asked) = (uri(9).id(), request());
    f.store.write(move |tx| sql::bring(tx, brought, &asked, NOW, end)).await.unwrap();
    assert_eq!(waiting("creco", 10, NOW).await, (5, Some(end)), "what a browser brought along does not wait");
    assert_eq!(waiting("creco", 3, NOW).await, (3, Some(end)), "counted no further than is asked");
    assert_eq!(waiting("kakeibo", 10, NOW).await, (0, None), "another client");
    let (first, at) = (uri(0).id(), NOW + Duration::from_secs(7));
    f.store.write(move |tx| sql::begun(tx, first, at)).await.unwrap();
    f.store.write(move |tx| sql::begun(tx, first, at + LIFETIME)).await.unwrap();
    assert_eq!(f.consume(uri(1).id(), NOW).await, Consumed::First);
    assert_eq!(f.consume(first, NOW).await, Consumed::First);
    assert_eq!(waiting("creco", 10, NOW).await.0, 3);
    assert_eq!(waiting("creco", 10, end - Duration::from_millis(1)).await.0, 3);
    assert_eq!(waiting("creco", 10, end).await, (0, None), "nobody can begin with it any more");
    let noted = move |tx: &mut Tx<'_, '_>| {
        let row = tx.row("select begun_at from requests where id = ?1", &[first.into()])?;
        row.unwrap().opt_instant(0)
    };
    assert_eq!(f.store.read(noted).await.unwrap(), Some(at), "the first time, and no other");
}

async fn what_nobody_began_with_goes_ten_minutes_after_its_end(test_store: TestStore) {
    let f = Fixture { store: test_store.open() };
    for seed in 0..4 {
        f.push(uri(seed).id()).await;
    }
    for seed in 1..3 {
        f.store.write(move |tx| sql::begun(tx, uri(seed).id(), NOW)).await.unwrap();
    }
    assert_eq!(f.consume(uri(3).id(), NOW).await, Consumed::First);
    let tidied = async |now: Instant| {
        let mut gone = 0;
        for (name, task) in TASKS.iter().filter(|(name, _)| name.starts_with("requests")) {
            let retention = Retention::default();
            let rows = f.store.write(move |tx| run_task(tx, *task, now, &retention)).await.unwrap();
            gone += rows;
            assert!(rows <= 4, "{name}");
        }
        gone
    };
    let end = NOW + LIFETIME + Duration::from_secs(600);
    assert_eq!(tidied(end).await, 0, "not a moment before");
    assert_eq!(tidied(end + Duration::from_millis(1)).await, 1);
    assert!(f.load(uri(0).id()).await.is_none(), "the one that nobody began with");
    assert_eq!(tidied(NOW + Duration::from_hours(2)).await, 0);
    assert_eq!(tidied(NOW + Duration::from_hours(2) + Duration::from_millis(1)).await, 3, "the others after two hours");
}

/// The count is asked at every push: it reads entries of one index, in order, and sorts nothing.
async fn count_and_sweep_read_an_index_and_no_more(test_store: TestStore) {
    let sqlite = matches!(test_store, TestStore::Sqlite(_));
    let f = Fixture { store: test_store.open() };
    for seed in 0..5 {
        f.push(uri(seed).id()).await;
    }
    let explain = if sqlite { "explain query plan " } else { "explain " };
    let limit = 200_i64;
    let cases: [(&str, &str, Vec<Value>); 2] = [
        (sql::WAITING, "requests_waiting", vec!["creco".into(), NOW.into(), limit.into()]),
        (sql::SWEEP_UNBEGUN, "requests_unbegun", vec![NOW.into(), limit.into()]),
    ];
    for (statement, index, params) in cases {
        let sql: &'static str = Box::leak(format!("{explain}{statement}").into_boxed_str());
        let plan = f.store.write(move |tx| {
            let rows = tx.rows(sql, &params)?;
            rows.iter().map(|r| r.text(if sqlite { 3 } else { 0 }).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
        });
        let plan = plan.await.unwrap();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
        let bad = |line: &String| {
            ["SCAN requests", "SCAN r ", "Seq Scan", "Sort", "TEMP B-TREE"].iter().any(|b| line.contains(b))
        };
        assert!(!plan.iter().any(bad), "{plan:#?}");
    }
}

/// An upgrade ends the interactions that are under way, and the requests they stand on.
async fn requests_of_the_release_before_go_with_the_upgrade(test_store: TestStore) {
    let before = FILES.iter().position(|(name, _)| *name == "0012_interactions").unwrap();
    let old = Options { schema: &FILES[..before], ..Options::default() };
    let store = test_store.open_with(&old).unwrap();
    let text = serde_json::to_string(&request()).unwrap();
    let pushed = move |tx: &mut Tx<'_, '_>| {
        let id = uri(1).id();
        tx.execute(
            "insert into requests (id, client_id, request, created_at, expires_at) values (?1, 'creco', ?2, ?3, ?4)",
            &[id.into(), text.as_str().into(), NOW.into(), (NOW + LIFETIME).into()],
        )?;
        // A unit of work without a record would leave a marker, and that table is younger.
        audit::append(tx, &Entry::new(NOW, Actor::System, audit::AuditAction::CallSeen))
    };
    store.write(pushed).await.unwrap();
    store.stop().await;
    drop(store);
    let f = Fixture { store: test_store.open() };
    assert!(f.load(uri(1).id()).await.is_none(), "the interaction that stood on it is gone too");
}
