//! The table `requests`: the contract of its verbs, races included.

use super::*;
use crate::secret::Hash;
use sql::{Consumed, Stored};

struct Fixture {
    store: Store,
    _dir: tempfile::TempDir,
}
fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    Fixture { store: Store::sqlite(&dir.path().join("t.db")).unwrap(), _dir: dir }
}
const NOW: Instant = Instant::from_secs(1_000_000);
impl Fixture {
    async fn push(&self, id: Hash) {
        let asked = request();
        self.store.write(move |tx| sql::push(tx, id, &asked, NOW, NOW + LIFETIME)).await.unwrap();
    }
    async fn load(&self, id: Hash) -> Option<Stored> {
        self.store.read(move |tx| sql::load(tx, id)).await.unwrap()
    }
    async fn consume(&self, id: Hash, now: Instant) -> Consumed {
        self.store.write(move |tx| sql::consume(tx, id, now)).await.unwrap()
    }
}
fn uri(seed: u64) -> RequestUri {
    RequestUri::random(&SeededRandom::new(seed))
}

#[tokio::test]
async fn what_was_pushed_is_loaded_whole() {
    let f = fixture();
    f.push(uri(1).id()).await;
    let stored = f.load(uri(1).id()).await.unwrap();
    assert_eq!((stored.request.clone(), stored.consumed_at), (request(), None));
    assert!(stored.may_begin(NOW + Duration::from_secs(299)));
    assert!(!stored.may_begin(NOW + Duration::from_secs(300)), "protocol A3: expires_in 300");
    assert!(f.load(uri(2).id()).await.is_none());
}

#[tokio::test]
async fn a_request_is_completed_once_however_old_it_is() {
    let f = fixture();
    f.push(uri(1).id()).await;
    let late = NOW + Duration::from_secs(1700);
    assert_eq!(f.consume(uri(1).id(), late).await, Consumed::First, "an interaction lives by its own time");
    assert_eq!(f.consume(uri(1).id(), late).await, Consumed::Before);
    assert_eq!(f.consume(uri(9).id(), late).await, Consumed::Before, "an unknown one completes nothing");
    let stored = f.load(uri(1).id()).await.unwrap();
    assert_eq!(stored.consumed_at, Some(late));
    assert!(!stored.may_begin(NOW));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_completers_one_wins() {
    let f = fixture();
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

#[tokio::test]
async fn one_id_is_never_two_requests() {
    let f = fixture();
    f.push(uri(1).id()).await;
    let other = Request { state: Some("other".into()), ..request() };
    let id = uri(1).id();
    let second = f.store.write(move |tx| sql::push(tx, id, &other, NOW, NOW)).await;
    assert!(second.is_err());
    assert_eq!(f.load(id).await.unwrap().request, request());
}

#[tokio::test]
async fn old_requests_are_swept_in_batches() {
    let f = fixture();
    for seed in 0..5 {
        f.push(uri(seed).id()).await;
    }
    let sweep = |before: Instant| f.store.write(move |tx| sql::sweep(tx, before, 3));
    assert_eq!(sweep(NOW).await.unwrap(), 0, "made at this very moment");
    let later = NOW + Duration::from_secs(1);
    assert_eq!((sweep(later).await.unwrap(), sweep(later).await.unwrap()), (3, 2));
    assert!(f.load(uri(0).id()).await.is_none());
}

#[test]
fn request_uris_are_the_rfcs_and_junk_is_not_looked_up() {
    let made = uri(1);
    assert!(made.reveal().starts_with("urn:ietf:params:oauth:request_uri:"));
    assert_eq!(RequestUri::parse(made.reveal()), Some(made.clone()));
    assert!(!format!("{made:?}").contains(&made.reveal()[40..]), "it is a capability: not printed");
    for junk in [
        "https://app.example/request.jwt",
        "urn:ietf:params:oauth:request_uri:",
        "urn:ietf:params:oauth:request_uri:short",
        &format!("{}x", made.reveal()),
        &made.reveal().replace("urn:", "URN:"),
        &format!("urn:ietf:params:oauth:request_uri:{}", "あ".repeat(43)),
    ] {
        assert_eq!(RequestUri::parse(junk), None, "{junk}");
    }
}

#[tokio::test]
async fn claiming_and_beginning() {
    let f = fixture();
    f.push(uri(1).id()).await;
    let (own, other) = (ClientId::parse("creco").unwrap(), ClientId::parse("other").unwrap());
    let stored = f.load(uri(1).id()).await;
    let dead = |r: std::result::Result<Stored, Refusal>| r.err().map(|r| r.code);

    assert!(claim(stored.clone(), &own).is_ok());
    assert_eq!(dead(claim(None, &own)), Some(Code::InvalidRequestUri), "protocol C2.3: unknown");
    let foreign = claim(stored.clone(), &other);
    assert_eq!(foreign, claim(None, &other), "protocol C2.3: another client's looks like none");

    let stored = stored.unwrap();
    assert_eq!(begin(&stored, NOW), Ok(()));
    assert_eq!(begin(&stored, NOW), Ok(()), "protocol C2.2: a reload is no use of it");
    let late = begin(&stored, NOW + LIFETIME).map_err(|r| r.code);
    assert_eq!(late, Err(Code::InvalidRequestUri), "protocol C2.3: expired");

    f.consume(uri(1).id(), NOW).await;
    assert_eq!(dead(claim(f.load(uri(1).id()).await, &own)), Some(Code::InvalidRequestUri), "protocol C2.2: used");
}

#[test]
fn prompt_none_is_answered_at_once() {
    let asks = |prompt: &str| at_once(&Request { prompt: vec![prompt.into()], ..request() }).map(|r| r.code);
    assert_eq!(asks("none"), Some(Code::LoginRequired), "protocol A4");
    for prompt in ["login", "consent", "select_account"] {
        assert_eq!(asks(prompt), None, "{prompt}");
    }
}
