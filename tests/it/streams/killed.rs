//! `kill -9` under load: every event reaches its receiver, in order within its grant, and repeats have the same `jti`.
//!
//! `KILLS` makes it longer: see `tests/long/killed`.

use super::{CAEP, Endpoint, institution, kind, text};
use crate::support::http::Http;
use crate::support::served::{Left, ServedGrant, links};
use crate::support::town::{Engine, Town};
use futures_util::{StreamExt as _, stream};
use renkei_core::clock::{Clock as _, SystemClock};
use renkei_core::event::{self, PositionedEvent, Receiver};
use renkei_core::random::{Random as _, SeededRandom};
use renkei_core::store::Store;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Links that the core bank ends between two kills.
const CLOSED: usize = 10;
/// How many of them it ends at the same time, where two servers run.
const AT_ONCE: usize = 4;
/// A killed process leaves its lease, 25 seconds long; nobody waits for longer without a token.
const SILENCE: Duration = Duration::from_secs(60);

#[test]
fn sqlite_tells_everything() {
    killed(Engine::Sqlite);
}
#[test]
fn postgresql_tells_everything() {
    killed(Engine::Postgres);
}

fn killed(engine: Engine) {
    let kills = std::env::var("KILLS").map_or(5, |n| n.parse().unwrap());
    run(async {
        let (left, linked, endpoint) = with_receiver(engine, kills * CLOSED).await;
        let mut served = left.start();
        for (round, links) in linked.chunks(CLOSED).enumerate() {
            let http = left.http();
            for link in links {
                let report = left.bank_closes(&http, &link.account).await;
                assert!(report.is_some_and(|answer| answer.status == 204));
            }
            // Killed while events are on their way, at another moment each time.
            tokio::time::sleep(Duration::from_millis(40 * (round as u64 % 4))).await;
            served.kill();
            served = left.start();
        }
        all_are_delivered(&endpoint, &linked).await;
        in_order(&endpoint, &linked);
        served.kill();
        left.is_whole().await;
    });
}

/// Two servers of one installation, each killed while both are under load: one of them always runs.
#[test]
fn two_servers_on_one_postgresql_tell_everything() {
    let kills: usize = std::env::var("KILLS").map_or(10, |n| n.parse().unwrap());
    run(async {
        let (one, linked, endpoint) = with_receiver(Engine::Postgres, kills * CLOSED).await;
        let nodes = [one.second(), one];
        let clients = nodes.each_ref().map(Left::http);
        let mut served = nodes.each_ref().map(|node| Some(node.start()));
        let random = SeededRandom::new(11);
        let mut rounds_with_events = 0;
        for (round, links) in linked.chunks(CLOSED).enumerate() {
            let mut drawn = [0];
            random.fill(&mut drawn);
            let turn = round % 2;
            let victim = served[turn].take();
            let before = endpoint.sets().len();
            let kill = async {
                // The first is killed once an event has come: a node that is killed with the lease of the stream keeps it for a while,
                // and all other rounds may be over by then.
                while round == 0 && endpoint.sets().len() == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                tokio::time::sleep(Duration::from_millis(u64::from(drawn[0]))).await;
                drop(victim);
            };
            tokio::join!(close(&nodes[turn], &clients, links), kill);
            rounds_with_events += usize::from(endpoint.sets().len() > before);
            served[turn] = Some(nodes[turn].start());
        }
        all_are_delivered(&endpoint, &linked).await;
        in_order(&endpoint, &linked);
        assert!(rounds_with_events > 0, "events left while servers were killed");
        outbox_is_delivered(&nodes[0], &endpoint).await;
        drop(served);
        nodes[0].is_whole().await;
        println!("{kills} kills: {} events came, {} posts", distinct(&endpoint).len(), endpoint.sets().len());
    });
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// A town that was left with so many links, and with a push stream of the institution.
async fn with_receiver(engine: Engine, count: usize) -> (Left, Vec<ServedGrant>, Endpoint) {
    let w = Town::start(engine, |_| {}).await;
    w.clock.set(SystemClock.now());
    let linked = links(&w, 0, count).await;
    let endpoint = Endpoint::start().await;
    let bank = institution(&w).await;
    let record = json!({"profile": "institution", "redirect_uris": null, "grant_types": ["client_credentials"],
        "scope": "ssf.read ssf.manage", "events": {"endpoints": [endpoint.url]}});
    super::record(&w, "institution", record).await;
    bank.push_stream(&endpoint.url, "Bearer hush").await;
    drop(bank);
    (w.leave().await, linked, endpoint)
}

/// The core bank closes accounts by both servers. It reports again, to the other one, until a server has answered that it is done.
async fn close(left: &Left, clients: &[Http; 2], links: &[ServedGrant]) {
    let report = async |(n, link): (usize, &ServedGrant)| {
        for client in (n..).take(200) {
            match left.bank_closes(&clients[client % 2], &link.account).await {
                Some(answer) if answer.status == 204 => return,
                Some(answer) => assert_eq!(answer.status, 503, "{}", answer.body),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("{} was never closed", link.account);
    };
    stream::iter(links.iter().enumerate()).for_each_concurrent(AT_ONCE, report).await;
}

/// Waits until the end of every link has come.
async fn all_are_delivered(endpoint: &Endpoint, linked: &[ServedGrant]) {
    let (mut came, mut since) = (0, Instant::now());
    loop {
        let sets = endpoint.sets();
        let all: BTreeSet<String> = sets.iter().filter(|set| kind(set) == CAEP).map(|set| text(set, "jti")).collect();
        if all.len() >= linked.len() {
            break;
        }
        if all.len() > came {
            (came, since) = (all.len(), Instant::now());
        }
        assert!(since.elapsed() < SILENCE, "{} of {} ends were told", all.len(), linked.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One `jti` for each event and type, one end for each link, and the events of a grant in the order of `seq` when they first came.
fn in_order(endpoint: &Endpoint, linked: &[ServedGrant]) {
    let mut jtis: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut seqs: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for set in endpoint.sets() {
        let Some(grant) = set["sub_id"]["session"]["id"].as_str() else { continue };
        let (key, jti) = ((format!("{grant} {}", text(&set, "txn")), kind(&set)), text(&set, "jti"));
        if let Some(before) = jtis.insert(key, jti.clone()) {
            assert_eq!(before, jti, "a repeat has the same jti");
        } else if let Some(seq) = super::payload(&set)["seq"].as_i64() {
            seqs.entry(grant.to_owned()).or_default().push(seq);
        }
    }
    for (grant, seqs) in seqs {
        assert!(seqs.is_sorted(), "{grant}: {seqs:?}");
    }
    for link in linked {
        let revoked = jtis.keys().filter(|(key, kind)| key.starts_with(&link.grant) && kind == "grant.revoked");
        assert_eq!(revoked.count(), 1, "the end of each link is one event");
    }
}

/// Each event that came, by its id.
fn distinct(endpoint: &Endpoint) -> BTreeSet<String> {
    let sets = endpoint.sets();
    sets.iter().filter_map(|set| set["txn"].as_str()).map(str::to_owned).collect()
}

/// Waits until every event of the outbox has its position, and all from the first one that came have come.
async fn outbox_is_delivered(left: &Left, endpoint: &Endpoint) {
    let (store, end) = (left.store(), Instant::now() + SILENCE);
    loop {
        let all = events(&store).await;
        let came = distinct(endpoint);
        let known = |event: &&PositionedEvent| came.contains(event.event.id.as_str());
        let first = all.iter().position(|event| known(&event)).expect("something came");
        let missed: Vec<i64> = all[first..].iter().filter(|event| !known(event)).map(|event| event.pos).collect();
        let waiting = store.read(event::is_waiting).await.unwrap();
        if missed.is_empty() && !waiting {
            break;
        }
        assert!(Instant::now() < end, "not told: {missed:?}; without a position: {waiting}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    store.stop().await;
}
async fn events(store: &Store) -> Vec<PositionedEvent> {
    let (mut all, mut after): (Vec<PositionedEvent>, i64) = (Vec::new(), 0);
    loop {
        let page = store.read(move |tx| event::read(tx, &Receiver::Institution, after, 500)).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = last.pos;
        all.extend(page);
    }
}
