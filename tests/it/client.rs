//! Step 0's tables (clients, replays, our own keys): the contract of their verbs on both engines, races included.

use crate::support::test_store::{TestStore, on_both_engines};
use renkei_core::audit::Actor;
use renkei_core::client::metadata::{Rules, parse};
use renkei_core::client::replay::{self, Use};
use renkei_core::client::sql::{self, Changed};
use renkei_core::client::{AuthMethod, Client, ClientKeys, SecretKey, Status, StoredSecret, Unsettled, settle};
use renkei_core::clock::Instant;
use renkei_core::event::{self, EventKind};
use renkei_core::id::{ClientId, EventId};
use renkei_core::keys::jose::Alg;
use renkei_core::keys::ring::{Ring, shared_secret};
use renkei_core::keys::seal::Sealer;
use renkei_core::random::SeededRandom;
use renkei_core::secret::{Hash, Secret};
use renkei_core::store::{Error, Result, Store, Tx};
use serde_json::json;
use std::ops::Range;
use std::time::Duration;

on_both_engines! {
    a_client_is_read_as_it_was_written
    an_import_keeps_what_it_does_not_bring
    an_import_drops_a_secret_that_has_no_use_any_more
    a_new_secret_is_a_new_version
    secrets_of_an_earlier_release_become_the_one_kind
    a_start_that_is_interrupted_goes_on
    a_secret_nobody_can_check_stops_the_start_and_changes_nothing
    a_suspension_is_state_record_and_event_in_one
    of_fifty_suspensions_one_counts
    clients_are_listed_in_pages
    of_fifty_replays_one_is_the_first
    replays_are_forgotten_in_batches
    ten_nodes_that_start_together_share_their_keys
}

const NOW: Instant = Instant::from_secs(1_800_000_000);

async fn write<T: Send + 'static>(store: &Store, work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static) -> T {
    store.write(work).await.unwrap()
}
fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}
fn client(name: &str) -> Client {
    let record = json!({"client_name": "かけいぼ", "client_name#en": "Kakeibo", "profile": "oidc",
        "redirect_uris": ["https://app.example/cb"], "scope": "openid accounts", "access_token_lifetime": "12h"});
    let grant_lifetime = Duration::from_secs(30 * 86_400);
    let rules = Rules {
        loopback_http: false,
        scopes: None,
        grant_lifetime,
        detail_types: None,
        methods: AuthMethod::ALL,
        signing: None,
        weak_secrets: true,
    };
    parse(&record, id(name), &rules, NOW).unwrap()
}
fn key() -> SecretKey {
    SecretKey::new([5; 32].into())
}
fn stored_secret(secret: &str) -> StoredSecret {
    key().to_stored(&Secret::new(secret))
}
async fn register(store: &Store, client: &Client, now: Instant) {
    let client = client.clone();
    write(store, move |tx| sql::register(tx, &client, &Actor::Staff("sato".into()), now)).await;
}
async fn load(store: &Store, name: &str) -> Option<Client> {
    let id = id(name);
    store.read(move |tx| sql::load(tx, &id)).await.unwrap()
}
/// The audit record's actions about a client, in the order of their names: chains of several workers have no other.
async fn actions(store: &Store, name: &'static str) -> Vec<String> {
    let rows = store.read(move |tx| tx.rows("select action from audit where client_id = ?1 limit 100", &[name.into()]));
    let mut actions: Vec<_> = rows.await.unwrap().iter().map(|r| r.text(0).unwrap().to_owned()).collect();
    actions.sort();
    actions
}

async fn a_client_is_read_as_it_was_written(test_store: TestStore) {
    let store = test_store.open();
    let mut wanted = client("kakeibo");
    wanted.secret = Some(stored_secret("s"));
    register(&store, &wanted, NOW).await;
    let read = load(&store, "kakeibo").await.unwrap();
    assert_eq!(format!("{read:?}"), format!("{wanted:?}"));
    assert_eq!(read.secret, wanted.secret);
    for (name, secret) in [
        ("digest", StoredSecret::Digest(Hash::of("s"))),
        ("argon2id", StoredSecret::Argon2id("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into())),
    ] {
        let mut earlier = client(name);
        earlier.secret = Some(secret);
        register(&store, &earlier, NOW).await;
        assert_eq!(load(&store, name).await.unwrap().secret, earlier.secret, "an earlier release's");
    }
    assert!(load(&store, "nobody").await.is_none());
    assert_eq!(actions(&store, "kakeibo").await, ["client.registered"]);
}

async fn an_import_keeps_what_it_does_not_bring(test_store: TestStore) {
    let store = test_store.open();
    let mut first = client("kakeibo");
    first.secret = Some(stored_secret("kakeibo-secret"));
    register(&store, &first, NOW).await;
    suspend(&store, "kakeibo", Status::Suspended, "e").await;
    let mut second = client("kakeibo");
    second.name = "家計簿".into();
    register(&store, &second, NOW + Duration::from_secs(60)).await;
    let read = load(&store, "kakeibo").await.unwrap();
    assert_eq!((read.name.as_str(), read.status), ("家計簿", Status::Suspended));
    assert_eq!((read.secret, read.created_at), (first.secret, NOW));
    assert!(read.version > first.version && read.updated_at == NOW + Duration::from_secs(60));
    assert_eq!(actions(&store, "kakeibo").await, ["client.changed", "client.registered", "client.suspended"]);
}

async fn an_import_drops_a_secret_that_has_no_use_any_more(test_store: TestStore) {
    let store = test_store.open();
    let mut first = client("kakeibo");
    first.secret = Some(stored_secret("kakeibo-secret"));
    register(&store, &first, NOW).await;
    let mut second = client("kakeibo");
    second.auth_method = AuthMethod::PrivateKeyJwt;
    second.keys = ClientKeys::Remote("https://app.example/jwks".into());
    register(&store, &second, NOW).await;
    assert_eq!(load(&store, "kakeibo").await.unwrap().secret, None);
}

/// Clients with a secret of each kind that an earlier release kept: `kind`, and for each number the text.
async fn earlier(store: &Store, kind: &'static str, numbers: Range<u32>, text: fn(u32) -> String) {
    register(store, &client("model"), NOW).await;
    write(store, move |tx| {
        for number in numbers.clone() {
            tx.execute(
                "insert into clients (id, version, status, secret_kind, secret, metadata, created_at, updated_at)
                 select ?1, version, status, ?2, ?3, metadata, created_at, updated_at from clients where id = 'model'",
                &[format!("app-{number:04}").into(), kind.into(), text(number).into()],
            )?;
        }
        Ok(())
    })
    .await;
}
fn digest(number: u32) -> String {
    Hash::of(format!("the secret of app {number}")).base64url()
}
/// How many secrets of each kind there are.
async fn kinds(store: &Store) -> Vec<(String, i64)> {
    let sql = "select secret_kind, count(*) from clients where secret_kind is not null
               group by secret_kind order by secret_kind limit 9";
    let rows = store.read(move |tx| tx.rows(sql, &[])).await.unwrap();
    rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.int(1).unwrap())).collect()
}

/// Four nodes at once: each secret is keyed once, and is the same secret as before; what has no secret has none.
async fn secrets_of_an_earlier_release_become_the_one_kind(test_store: TestStore) {
    let store = test_store.open();
    earlier(&store, "sha256", 0..1203, digest).await;
    let mut own = client("own");
    own.secret = Some(stored_secret("its own"));
    register(&store, &own, NOW).await;
    let before = load(&store, "app-0700").await.unwrap();
    let key = key();
    let nodes = futures_util::future::join_all((0..4).map(|_| settle(&store, &key))).await;
    assert_eq!(nodes.into_iter().map(|done| done.unwrap()).sum::<u64>(), 1203);
    assert_eq!(kinds(&store).await, [("hmac".to_owned(), 1204)]);
    for number in [0, 499, 500, 700, 1202] {
        let client = load(&store, &format!("app-{number:04}")).await.unwrap();
        assert!(key.matches(client.secret.as_ref(), &Secret::new(format!("the secret of app {number}"))), "{number}");
        assert_ne!(client.secret, Some(StoredSecret::Digest(Hash::of(format!("the secret of app {number}")))));
        assert_eq!(client.secret, Some(stored_secret(&format!("the secret of app {number}"))));
    }
    assert_eq!(load(&store, "own").await.unwrap().secret, own.secret);
    assert_eq!(load(&store, "model").await.unwrap().secret, None);
    let after = load(&store, "app-0700").await.unwrap();
    assert_eq!((after.version, after.updated_at), (before.version, before.updated_at), "the record is the same");
    assert_eq!(settle(&store, &key).await.unwrap(), 0, "once");
    assert_eq!(load(&store, "app-0700").await.unwrap().secret, after.secret);
}

/// A transaction holds 500 secrets at most: what was keyed before the interruption stays so.
async fn a_start_that_is_interrupted_goes_on(test_store: TestStore) {
    let store = test_store.open();
    earlier(&store, "sha256", 0..1100, digest).await;
    let set = |text: String| {
        write(&store, move |tx| {
            tx.execute("update clients set secret = ?1 where id = 'app-0700'", &[text.as_str().into()])
        })
    };
    set("broken".into()).await;
    let stopped = settle(&store, &key()).await;
    assert!(matches!(&stopped, Err(Unsettled::Store(Error::Corrupt { row, .. })) if row == "app-0700"), "{stopped:?}");
    assert_eq!(kinds(&store).await, [("hmac".to_owned(), 500), ("sha256".to_owned(), 600)]);
    set(digest(700)).await;
    assert_eq!(settle(&store, &key()).await.unwrap(), 600);
    assert_eq!(kinds(&store).await, [("hmac".to_owned(), 1100)]);
}

async fn a_secret_nobody_can_check_stops_the_start_and_changes_nothing(test_store: TestStore) {
    let store = test_store.open();
    earlier(&store, "sha256", 0..2, digest).await;
    earlier(&store, "argon2id", 2..4, |_| "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into()).await;
    let stopped = async || settle(&store, &key()).await.unwrap_err().to_string();
    let told = stopped().await;
    for words in ["app-0002, app-0003 as argon2id", "renkei client rotate-secret ID", "renkei client import FILE"] {
        assert!(told.contains(words), "{told}");
    }
    assert!(!told.contains("app-0001") && !told.contains("$argon2id"), "{told}");
    assert_eq!(kinds(&store).await, [("argon2id".to_owned(), 2), ("sha256".to_owned(), 2)]);
    // Many are named a hundred at a time.
    earlier(&store, "argon2id", 4..200, |_| "$argon2id$".into()).await;
    let told = stopped().await;
    assert!(told.contains("app-0101 and more as argon2id") && !told.contains("app-0102"), "{told}");
}

async fn a_new_secret_is_a_new_version(test_store: TestStore) {
    let store = test_store.open();
    register(&store, &client("kakeibo"), NOW).await;
    let before = load(&store, "kakeibo").await.unwrap().version;
    let set = |name: &str| {
        let name = id(name);
        let stored = stored_secret("new");
        write(&store, move |tx| sql::set_secret(tx, &name, &stored, None, &Actor::System, NOW))
    };
    assert!(set("kakeibo").await);
    assert!(!set("nobody").await);
    let after = load(&store, "kakeibo").await.unwrap();
    assert_eq!(after.secret, Some(stored_secret("new")));
    // In the same millisecond, and yet another version: what caches go by.
    assert!(after.version > before);
    assert_eq!(actions(&store, "kakeibo").await, ["client.registered", "client.secret_rotated"]);
}

async fn suspend(store: &Store, name: &str, status: Status, event: &str) -> Changed {
    let (name, event) = (id(name), EventId::parse(event).unwrap());
    let actor = Actor::Staff("sato".into());
    write(store, move |tx| sql::set_status(tx, &name, status, &actor, &event, NOW)).await
}

async fn a_suspension_is_state_record_and_event_in_one(test_store: TestStore) {
    let store = test_store.open();
    register(&store, &client("kakeibo"), NOW).await;
    assert_eq!(suspend(&store, "nobody", Status::Suspended, "e0").await, Changed::Unknown);
    assert_eq!(suspend(&store, "kakeibo", Status::Suspended, "e1").await, Changed::Yes);
    assert_eq!(suspend(&store, "kakeibo", Status::Suspended, "e2").await, Changed::Already);
    assert_eq!(load(&store, "kakeibo").await.unwrap().status, Status::Suspended);
    assert_eq!(suspend(&store, "kakeibo", Status::Active, "e3").await, Changed::Yes);
    assert_eq!(load(&store, "kakeibo").await.unwrap().status, Status::Active);
    let told = store.read(|tx| event::since(tx, Instant::from_millis(0), None, 10)).await.unwrap();
    let told: Vec<_> = told.iter().map(|e| (e.id.as_str(), e.kind, e.client.clone().unwrap())).collect();
    let wanted = [("e1", EventKind::ClientSuspended, id("kakeibo")), ("e3", EventKind::ClientResumed, id("kakeibo"))];
    assert_eq!(told, wanted);
    assert_eq!(actions(&store, "kakeibo").await, ["client.registered", "client.resumed", "client.suspended"]);
}

async fn of_fifty_suspensions_one_counts(test_store: TestStore) {
    let store = test_store.open();
    register(&store, &client("kakeibo"), NOW).await;
    let events: Vec<String> = (0..50).map(|i| format!("e{i}")).collect();
    let tries = events.iter().map(|e| suspend(&store, "kakeibo", Status::Suspended, e));
    let outcomes = futures_util::future::join_all(tries).await;
    assert_eq!(outcomes.iter().filter(|o| **o == Changed::Yes).count(), 1);
    assert_eq!(store.read(|tx| event::since(tx, Instant::from_millis(0), None, 99)).await.unwrap().len(), 1);
}

async fn clients_are_listed_in_pages(test_store: TestStore) {
    let store = test_store.open();
    for name in ["c", "a", "b", "B", "_d"] {
        register(&store, &client(name), NOW).await;
    }
    let mut seen = Vec::new();
    let mut after: Option<ClientId> = None;
    loop {
        let from = after.clone();
        let page = store.read(move |tx| sql::list(tx, from.as_ref(), 2)).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.iter().map(|c| c.id.to_string()));
    }
    seen.sort();
    assert_eq!(seen, ["B", "_d", "a", "b", "c"], "each once, whatever the collation");
}

async fn of_fifty_replays_one_is_the_first(test_store: TestStore) {
    let store = test_store.open();
    let key = replay::key(Use::Assertion, "creco", "j1");
    let claim = |key: Hash| store.write(move |tx| replay::claim(tx, &key, NOW + Duration::from_secs(60)));
    let outcomes = futures_util::future::join_all((0..50).map(|_| claim(key))).await;
    assert_eq!(outcomes.iter().filter(|o| *o.as_ref().unwrap()).count(), 1);
    // Another owner, another use, another text: none is the same.
    for other in [
        replay::key(Use::Assertion, "kakeibo", "j1"),
        replay::key(Use::Proof, "creco", "j1"),
        replay::key(Use::Assertion, "creco", "j2"),
        replay::key(Use::Assertion, "cre", "co\0j1"),
    ] {
        assert!(claim(other).await.unwrap());
    }
}

async fn replays_are_forgotten_in_batches(test_store: TestStore) {
    let store = test_store.open();
    write(&store, |tx| {
        for i in 0..7 {
            let key = replay::key(Use::Proof, "k", &i.to_string());
            replay::claim(tx, &key, NOW + Duration::from_secs(i))?;
        }
        Ok(())
    })
    .await;
    let at = |secs, limit| write(&store, move |tx| replay::forget(tx, NOW + Duration::from_secs(secs), limit));
    assert_eq!(at(5, 500).await, 0, "a node whose clock is behind may take them still");
    let forget = |limit| at(65, limit);
    assert_eq!((forget(3).await, forget(3).await, forget(3).await), (3, 2, 0));
    let left = replay::key(Use::Proof, "k", "5");
    assert!(!write(&store, move |tx| replay::claim(tx, &left, NOW)).await, "not yet old enough");
}

async fn ten_nodes_that_start_together_share_their_keys(test_store: TestStore) {
    let store = test_store.open();
    let sealer = Sealer::new("master", &[3; 32]).unwrap();
    let random: Vec<_> = (0..10).map(SeededRandom::new).collect();
    let rings =
        futures_util::future::join_all(random.iter().map(|r| Ring::open(&store, &sealer, r, &Alg::ALL, NOW))).await;
    let jwks: Vec<_> = rings.iter().map(|r| r.as_ref().unwrap().jwks()).collect();
    assert!(jwks.iter().all(|j| *j == jwks[0]));
    assert_eq!(jwks[0]["keys"].as_array().unwrap().len(), Alg::ALL.len());
    let secrets = random.iter().map(|r| shared_secret(&store, &sealer, r, "dpop_nonce", NOW));
    let secrets = futures_util::future::join_all(secrets).await;
    assert!(secrets.iter().all(|s| s.as_ref().unwrap() == secrets[0].as_ref().unwrap()));
}
