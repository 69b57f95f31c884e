//! `kill -9` under load: every event reaches its receiver, in order within its grant, and repeats have the same `jti`.
//!
//! `KILLS` makes it longer: see `tests/long/killed`.

use super::{CAEP, Endpoint, institution, kind, text};
use crate::support::served::links;
use crate::support::town::{Engine, Town};
use renkei_core::clock::{Clock as _, SystemClock};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Links that the core bank ends between two kills.
const CLOSED: usize = 10;

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
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let w = Town::start(engine, |_| {}).await;
        w.clock.set(SystemClock.now());
        let linked = links(&w, 0, kills * CLOSED).await;
        let endpoint = Endpoint::start().await;
        let bank = institution(&w).await;
        let record = json!({"profile": "institution", "redirect_uris": null, "grant_types": ["client_credentials"],
            "scope": "ssf.read ssf.manage", "events": {"endpoints": [endpoint.url]}});
        super::record(&w, "institution", record).await;
        bank.push_stream(&endpoint.url, "Bearer hush").await;
        drop(bank);
        let left = w.leave().await;
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
        // A killed process leaves its lease; another one waits for its end.
        let end = Instant::now() + Duration::from_secs(60);
        let ended = || endpoint.sets().iter().filter(|set| kind(set) == CAEP).map(|set| text(set, "jti")).collect();
        loop {
            let all: std::collections::BTreeSet<String> = ended();
            if all.len() >= linked.len() {
                break;
            }
            assert!(Instant::now() < end, "{} of {} ends were told", all.len(), linked.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut jtis: BTreeMap<(String, String), String> = BTreeMap::new();
        for set in endpoint.sets() {
            if let Some(grant) = set["sub_id"]["session"]["id"].as_str() {
                let key = (format!("{grant} {}", text(&set, "txn")), kind(&set));
                let jti = text(&set, "jti");
                assert_eq!(jtis.entry(key).or_insert_with(|| jti.clone()), &jti, "a repeat has the same jti");
            }
        }
        for link in &linked {
            let revoked = jtis.keys().filter(|(key, kind)| key.starts_with(&link.grant) && kind == "grant.revoked");
            assert_eq!(revoked.count(), 1, "the end of each link is one event");
        }
        served.kill();
        left.is_whole().await;
    });
}
