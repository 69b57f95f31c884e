//! The table `requests`: the contract of its verbs on both engines, races included.

use crate::support::place::{Place, on_both_engines};
use renkei::authorize::sql::{self, Consumed, Stored};
use renkei::authorize::{Request, RequestUri, ResponseMode};
use renkei::clock::Instant;
use renkei::id::ClientId;
use renkei::oxide::Challenge;
use renkei::random::SeededRandom;
use renkei::scope::Scope;
use renkei::secret::Hash;
use renkei::store::Store;
use std::time::Duration;

on_both_engines! {
    what_was_pushed_is_loaded_whole
    a_request_is_completed_once_however_old_it_is
    of_fifty_completers_one_wins
    one_id_is_never_two_requests
    old_requests_are_swept_in_batches
}

struct Fixture {
    store: Store,
}
fn request() -> Request {
    Request {
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
        prompt: vec!["consent".into()],
        max_age: Some(60),
        acr_values: vec!["urn:x".into()],
        claims: renkei::authorize::Demands::default(),
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

async fn what_was_pushed_is_loaded_whole(place: Place) {
    let f = Fixture { store: place.open() };
    f.push(uri(1).id()).await;
    let stored = f.load(uri(1).id()).await.unwrap();
    assert_eq!((stored.request.clone(), stored.consumed_at), (request(), None));
    assert!(stored.may_begin(NOW + LIFETIME - Duration::from_secs(1)));
    assert!(!stored.may_begin(NOW + LIFETIME), "protocol A3");
    assert!(f.load(uri(2).id()).await.is_none());
}

async fn a_request_is_completed_once_however_old_it_is(place: Place) {
    let f = Fixture { store: place.open() };
    f.push(uri(1).id()).await;
    let late = NOW + Duration::from_secs(1700);
    assert_eq!(f.consume(uri(1).id(), late).await, Consumed::First, "an interaction lives by its own time");
    assert_eq!(f.consume(uri(1).id(), late).await, Consumed::Before);
    assert_eq!(f.consume(uri(9).id(), late).await, Consumed::Before, "an unknown one completes nothing");
    let stored = f.load(uri(1).id()).await.unwrap();
    assert_eq!(stored.consumed_at, Some(late));
    assert!(!stored.may_begin(NOW));
}

async fn of_fifty_completers_one_wins(place: Place) {
    let f = Fixture { store: place.open() };
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

async fn one_id_is_never_two_requests(place: Place) {
    let f = Fixture { store: place.open() };
    f.push(uri(1).id()).await;
    let other = Request { state: Some("other".into()), ..request() };
    let id = uri(1).id();
    let second = f.store.write(move |tx| sql::push(tx, id, &other, NOW, NOW)).await;
    assert!(second.is_err());
    assert_eq!(f.load(id).await.unwrap().request, request());
}

async fn old_requests_are_swept_in_batches(place: Place) {
    let f = Fixture { store: place.open() };
    for seed in 0..5 {
        f.push(uri(seed).id()).await;
    }
    let sweep = |before: Instant| f.store.write(move |tx| sql::sweep(tx, before, 3));
    assert_eq!(sweep(NOW).await.unwrap(), 0, "made at this very moment");
    let later = NOW + Duration::from_secs(1);
    assert_eq!((sweep(later).await.unwrap(), sweep(later).await.unwrap()), (3, 2));
    assert!(f.load(uri(0).id()).await.is_none());
}
