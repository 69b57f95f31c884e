//! `kill -9` under load: what was answered as done is done, what was revoked is dead, and the record is whole.
//!
//! `KILLS` makes it longer: see `tests/long/killed`.

use crate::support::app::{App, Credential};
use crate::support::http::{Http, RequestParts, encode};
use crate::support::served::{Left, ServedGrant, links};
use crate::support::town::{Engine, Town};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use renkei_core::clock::{Clock as _, SystemClock};
use renkei_core::random::{Random as _, SeededRandom};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Who asks at the same time.
const CALLERS: usize = 8;
/// Links that the core bank ends between two kills.
const CLOSED: usize = 10;

/// What is known of a token when the server has been killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It was given out, and nobody has asked for its end.
    Alive,
    /// Its end was answered as done.
    Dead,
    /// Its end was asked for, and no answer came: either may be.
    Either,
}
type Ledger = Vec<(String, Known)>;

#[test]
fn sqlite_loses_nothing_that_was_acknowledged() {
    killed(Engine::Sqlite);
}
#[test]
fn postgresql_loses_nothing_that_was_acknowledged() {
    killed(Engine::Postgres);
}

fn killed(engine: Engine) {
    let kills = std::env::var("KILLS").map_or(20, |n| n.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let w = Town::start(engine, |config| {
            config.tokens.client_scopes = renkei_core::scope::Scope::parse("status").unwrap();
            (config.limits.answers_per_second, config.limits.answers_burst) = (10_000, 10_000);
        })
        .await;
        w.clock.set(SystemClock.now());
        w.register(json!({
            "client_id": "machine", "profile": "oidc", "client_name": "machine", "client_secret": "machine-secret",
            "token_endpoint_auth_method": "client_secret_basic", "scope": "status", "grant_types": ["client_credentials"],
        }))
        .await;
        let linked = links(&w, 0, kills * CLOSED).await;
        let (kakeibo, clock) = (w.kakeibo(), w.clock.clone());
        let left = w.leave().await;
        let secret = Credential::Secret("machine-secret".into());
        let machine = App::new(left.http(), clock, "machine", "", secret);
        let kakeibo = kakeibo.at(left.http());
        let (random, mut all) = (SeededRandom::new(9), Ledger::new());
        let mut served = left.start();
        for links in linked.chunks(CLOSED) {
            let mut drawn = [0];
            random.fill(&mut drawn);
            // Killed in the middle of the load, after between 16 and 47 answers.
            let (until, answered, http) = (16 + usize::from(drawn[0] % 32), AtomicUsize::new(0), left.http());
            let load = async { tokio::join!(load(&http, &answered), close(&left, links, &answered)) };
            let kill = async {
                let end = Instant::now() + Duration::from_secs(30);
                while answered.load(Ordering::SeqCst) < until {
                    assert!(Instant::now() < end, "it answers nothing");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                served.kill();
            };
            let ((own, closed), ()) = tokio::join!(load, kill);
            served = left.start();
            check(&machine, &own).await;
            check(&kakeibo, &closed).await;
            all.extend(own);
        }
        // What an earlier life of the server has said, all later ones know.
        check(&machine, &all).await;
        assert!(all.len() > kills * CALLERS, "it was under load: {}", all.len());
        assert!(all.iter().any(|(_, known)| *known == Known::Dead));
        served.kill();
        left.is_whole().await;
    });
}

/// Every caller gets tokens and ends every other one, until no answer comes any more.
async fn load(http: &Http, answered: &AtomicUsize) -> Ledger {
    let callers = (0..CALLERS).map(async |_| {
        let mut ledger = Ledger::new();
        while let Some(body) =
            post(http, "/oauth/token", &[("grant_type", "client_credentials"), ("scope", "status")]).await
        {
            answered.fetch_add(1, Ordering::SeqCst);
            let token = body["access_token"].as_str().unwrap().to_owned();
            let known = if ledger.len().is_multiple_of(2) {
                Known::Alive
            } else {
                post(http, "/oauth/revoke", &[("token", &token)]).await.map_or(Known::Either, |_| Known::Dead)
            };
            answered.fetch_add(1, Ordering::SeqCst);
            ledger.push((token, known));
        }
        ledger
    });
    join_all(callers).await.concat()
}
async fn post(http: &Http, path: &str, fields: &[(&str, &str)]) -> Option<Value> {
    let ask = RequestParts::default().header("authorization", crate::support::app::basic("machine", "machine-secret"));
    let ask = RequestParts { body: Some(("application/x-www-form-urlencoded".into(), encode(fields))), ..ask };
    let answer = http.try_send("POST", path, ask).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Some(answer.json())
}
/// The core bank closes accounts.
async fn close(left: &Left, links: &[ServedGrant], answered: &AtomicUsize) -> Ledger {
    let http = left.http();
    let mut ledger = Ledger::new();
    for link in links {
        let known = match left.bank_closes(&http, &link.account).await {
            Some(answer) => {
                answer.expect(204);
                answered.fetch_add(1, Ordering::SeqCst);
                Known::Dead
            }
            None => Known::Either,
        };
        ledger.push((link.token.clone(), known));
    }
    ledger
}

async fn check(app: &App, ledger: &Ledger) {
    let asked = stream::iter(ledger).map(async |(token, known)| (app.introspect(token).await["active"] == true, known));
    let seen: Vec<_> = asked.buffer_unordered(8).collect().await;
    let lost = seen.iter().filter(|(active, known)| !active && **known == Known::Alive).count();
    let living = seen.iter().filter(|(active, known)| *active && **known == Known::Dead).count();
    assert_eq!((lost, living), (0, 0), "lost, and alive after their end was acknowledged");
}
