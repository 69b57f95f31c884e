//! Rounds of a push stream, one by one, with a receiver that is a function.

use crate::support::test_store::TestStore;
use crate::support::world::{ISSUER, World};
use futures_util::future::BoxFuture;
use renkei_core::client::Client;
use renkei_core::event::{self, Event, EventKind};
use renkei_core::id::{EventId, StreamId};
use renkei_core::keys::Ring;
use renkei_core::network::Network;
use renkei_core::secret::Secret;
use renkei_core::store::{Error, Options};
use renkei_core::stream::manage::{PreparedStream, create};
use renkei_core::stream::push::{PushPort, Pusher};
use renkei_core::stream::request;
use renkei_core::stream::verdict::PushAnswer;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ENDPOINT: &str = "https://receiver.example/events";

/// Accepts everything.
#[derive(Default)]
struct Accepting {
    tokens: Mutex<Vec<String>>,
    count: AtomicUsize,
}
impl PushPort for Accepting {
    fn push<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a Secret>,
        token: String,
        _: &'a [Network],
    ) -> BoxFuture<'a, PushAnswer> {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.tokens.lock().unwrap().push(token);
        Box::pin(async { PushAnswer::Status { status: 202, err: None, retry_after: None } })
    }
}

struct Pushed {
    w: World,
    dir: PathBuf,
    client: Arc<Client>,
    stream: StreamId,
    pusher: Pusher,
    port: Arc<Accepting>,
}
impl Pushed {
    /// A verified stream of the institution, of one type of events.
    async fn start(kind: EventKind) -> Self {
        let test_store = TestStore::sqlite();
        let TestStore::Sqlite(dir) = &test_store else { panic!("not SQLite") };
        let dir = dir.path().to_owned();
        let w = World::at_with(test_store, &Options { ballast: 1024 * 1024, ..Options::default() });
        let record = json!({"profile": "institution", "redirect_uris": [], "grant_types": ["client_credentials"],
            "scope": "ssf.manage", "events": {"endpoints": [ENDPOINT]}});
        let client = w.client("institution", record).await;
        let body = json!({"delivery": {"method": super::PUSH, "endpoint_url": ENDPOINT},
            "events_requested": [format!("{ISSUER}/events/{}", kind.as_str())]});
        let asked = request::stream(body.to_string().as_bytes(), &client, ISSUER).unwrap();
        let new = PreparedStream::new(asked, &w.sealer, &*w.random).unwrap();
        let (stream, now, own) = (new.id.clone(), w.now(), client.clone());
        w.write(move |tx| create(tx, &own, &new, now)).await.unwrap();
        let port = Arc::new(Accepting::default());
        let pusher = Pusher {
            store: w.store.clone(),
            keys: Ring::open(&w.store, &w.sealer, &*w.random, &renkei_core::keys::jose::Alg::SIGNING, w.now())
                .await
                .unwrap(),
            sealer: w.sealer.clone(),
            random: w.random.clone(),
            port: port.clone(),
            clock: w.clock.clone(),
            issuer: ISSUER.into(),
            node: "one".into(),
            give_up: Duration::from_hours(72),
        };
        let pushed = Self { w, dir, client, stream, pusher, port };
        pushed.rounds().await.unwrap();
        assert_eq!(pushed.count(), 1, "a verification");
        pushed
    }
    fn count(&self) -> usize {
        self.port.count.load(Ordering::SeqCst)
    }
    /// Rounds without a pause, as long as there may be more.
    async fn rounds(&self) -> Result<(), Error> {
        while self.pusher.round(&self.stream, &self.client).await? {}
        Ok(())
    }
    fn events(&self, kind: EventKind, count: usize) -> Vec<Event> {
        let event = |_| Event::of_client(EventId::random(&*self.w.random), self.w.now(), kind, None);
        (0..count).map(event).collect()
    }
}

/// A thousand events of other types cost no pause: the rare one is sent in the same go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_rare_type_catches_up_without_a_pause() {
    let p = Pushed::start(EventKind::ClientEnded).await;
    let mut events = p.events(EventKind::ClientRegistered, 1000);
    events.extend(p.events(EventKind::ClientEnded, 1));
    p.w.write(move |tx| events.iter().try_for_each(|event| event::emit(tx, event))).await;
    p.rounds().await.unwrap();
    assert_eq!(p.count(), 2);
    assert!(p.port.tokens.lock().unwrap()[1].len() > 100);
}

/// While only endings are written, no round begins: what came of it might find no room, and everything would be sent once more each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_the_lease() {
    let p = Pushed::start(EventKind::ClientEnded).await;
    let events = p.events(EventKind::ClientEnded, 1);
    p.w.write(move |tx| events.iter().try_for_each(|event| event::emit(tx, event))).await;
    // The file of the ballast cannot be made, so the store does not find that there is room.
    let half = p.dir.join("renkei.ballast.part");
    std::fs::create_dir(&half).unwrap();
    p.w.write(|tx| tx.execute("create table filler (b blob)", &[])).await;
    p.w.write(|tx| tx.rows("pragma max_page_count = 300", &[]).map(drop)).await;
    let fill = || p.w.store.write(|tx| tx.execute("insert into filler (b) values (?1)", &[vec![7; 3000].into()]));
    while fill().await.is_ok() {}
    let mut endings_only = p.w.store.watch_endings_only();
    endings_only.wait_for(|only| *only).await.unwrap();
    let refused = p.rounds().await;
    assert!(matches!(&refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert_eq!(p.count(), 1, "nothing left");

    p.w.store.ending().write(|tx| tx.rows("pragma max_page_count = 100000", &[]).map(drop)).await.unwrap();
    std::fs::remove_dir(&half).unwrap();
    endings_only.wait_for(|only| !only).await.unwrap();
    p.rounds().await.unwrap();
    assert_eq!(p.count(), 2, "it leaves once there is room");
}
