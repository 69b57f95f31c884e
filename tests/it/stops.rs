//! A server that is told to stop, or to read its files again, by an operator or by a service manager.

use crate::client_limits;
use crate::serve::{ServeFolder, signal, terminate, write_certificate};
use crate::support::app::{App, Credential, basic};
use crate::support::http::{Answer, Http, RequestParts};
use crate::support::ports;
use crate::support::proxy::{Kind, Proxy};
use crate::support::served::Left;
use crate::support::town::{Engine, ISSUER, Town};
use rcgen::date_time_ymd;
use renkei_core::clock::{Clock as _, SystemClock};
use renkei_core::scope::Scope;
use renkei_server::config::{Config, Span};
use rustix::process::Signal;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Status, and whether the answer closes its connection.
async fn asked(folder: &ServeFolder, path: &str) -> (u16, bool) {
    let answer = folder.client().get(folder.url(path)).send().await.unwrap();
    (answer.status().as_u16(), answer.headers().get("connection").is_some_and(|value| value == "close"))
}
/// Waits until the server says that it is not ready.
async fn not_ready(folder: &ServeFolder) -> bool {
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        let (status, closes) = asked(folder, "/readyz").await;
        if status == 503 {
            return closes;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it stays ready");
}
async fn ended(mut child: Child) -> Option<i32> {
    tokio::task::spawn_blocking(move || {
        // Read to its end: a full pipe would hold the program.
        BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).for_each(drop);
        child.wait().unwrap().code()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_server_that_drains_is_not_ready_serves_on_and_closes_each_connection() {
    let mut folder = ServeFolder::new();
    let operators = ports::free(1);
    folder.env.push(("RENKEI__SERVER__DRAIN", "3s".into()));
    folder.env.push(("RENKEI__ADMIN__LISTEN", format!("[\"127.0.0.1:{operators}\"]")));
    let child = folder.start();
    assert_eq!(asked(&folder, "/readyz").await, (200, false));
    let told = Instant::now();
    terminate(&child);
    assert!(not_ready(&folder).await, "the answer of /readyz closes its connection");
    for path in ["/oauth/jwks", "/healthz"] {
        assert_eq!(asked(&folder, path).await, (200, true), "{path}");
    }
    assert_eq!(asked(&folder, "/nowhere").await, (404, true), "an error too");
    let admin = reqwest::get(format!("http://127.0.0.1:{operators}/readyz")).await.unwrap();
    assert_eq!(admin.status(), 503);
    tokio::time::sleep((told + Duration::from_millis(2500)).saturating_duration_since(Instant::now())).await;
    assert_eq!(asked(&folder, "/oauth/jwks").await, (200, true), "until the end of the time");
    assert_eq!(ended(child).await, Some(0));
    let took = told.elapsed();
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let mut folder = ServeFolder::new();
    folder.env.push(("RENKEI__SERVER__DRAIN", "60s".into()));
    let child = folder.start();
    terminate(&child);
    not_ready(&folder).await;
    let told = Instant::now();
    signal(&child, Signal::INT);
    assert_eq!(ended(child).await, Some(0));
    assert!(told.elapsed() < Duration::from_secs(30), "{:?}", told.elapsed());
}

#[test]
fn a_test_does_not_drain_and_production_does() {
    let read = |text: &str| toml::from_str::<renkei_server::config::Config>(text).unwrap();
    let example =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/production.example.toml")).unwrap();
    assert_eq!(read(&example).server.drain_for(), Duration::from_secs(15));
    let test = example.replace("[server]", "[server]\nmode = \"test\"");
    assert_eq!(read(&test).server.drain_for(), Duration::ZERO);
    assert_eq!(read(&test.replace("[server]", "[server]\ndrain = \"2s\"")).server.drain_for(), Duration::from_secs(2));
    let long = read(&example.replace("[server]", "[server]\ndrain = \"301s\""));
    assert!(long.check().unwrap_err().to_string().contains("server.drain"));
}

/// What systemd hears from `Type=notify`.
#[test]
fn the_service_manager_hears_of_the_start_a_reload_and_the_stop() {
    let mut folder = ServeFolder::new();
    let place = folder.dir.path().join("notify.sock");
    let heard = UnixDatagram::bind(&place).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    folder.env.push(("NOTIFY_SOCKET", place.display().to_string()));
    let next = || {
        let mut bytes = [0; 512];
        let read = heard.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..read]).trim_end().to_owned()
    };
    let mut child = folder.start();
    assert_eq!(next(), "READY=1");
    signal(&child, Signal::HUP);
    let reloading = next();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading:?}");
    assert_eq!(next(), "READY=1");
    terminate(&child);
    assert_eq!(next(), "STOPPING=1");
    BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A certificate that is over, not yet valid or another host's is refused by SIGHUP: the one in use stays, and the log says why.
#[tokio::test]
async fn a_certificate_that_no_caller_accepts_is_refused_by_sighup() {
    let folder = ServeFolder::new();
    let mut child = folder.start();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let named = |name: &str| rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let (mut over, mut later) = (named("localhost"), named("localhost"));
    over.not_after = date_time_ymd(2020, 1, 1);
    later.not_before = date_time_ymd(2999, 1, 1);
    for (params, why) in [
        (over, "ended at 2020-01-01"),
        (later, "is valid only from 2999-01-01"),
        (named("other.example"), "is not for localhost"),
    ] {
        write_certificate(folder.dir.path(), params);
        signal(&child, Signal::HUP);
        let said = log.find(|line| line.contains("not reloaded")).unwrap();
        assert!(said.contains(why) && said.contains("cert.pem") && said.contains("\"WARN\""), "{said}");
        assert_eq!(asked(&folder, "/healthz").await.0, 200, "what was in use stays");
    }
    terminate(&child);
    log.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A gateway's secret is replaced without a restart.
/// The file is one of `telephony.hook_secret_files`.
#[tokio::test]
async fn the_secret_of_a_hook_is_read_again_by_sighup() {
    let folder = ServeFolder::new();
    let mut child = folder.start();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // Signed, and no report: only who has the secret learns that (400).
    let signed_by = async |secret: &str| {
        let (at, body) = (renkei_core::clock::Clock::now(&renkei_core::clock::SystemClock).secs(), "{}");
        let tag = renkei_core::secret::hmac_sha256(secret.as_bytes(), format!("{at}.{body}").as_bytes());
        let asked = folder.client().post(folder.url("/hooks/telephony/sip")).body(body);
        let asked = asked.header("content-type", "application/json").header("x-hook-timestamp", at.to_string());
        let asked = asked.header("x-hook-signature", renkei_core::secret::base64url(tag)).send().await.unwrap();
        asked.status().as_u16()
    };
    let fresh = "another secret of this test, long enough";
    assert_eq!((signed_by("hook-secret-of-this-test").await, signed_by(fresh).await), (400, 401));
    std::fs::write(folder.dir.path().join("hook.secret"), fresh).unwrap();
    signal(&child, Signal::HUP);
    log.find(|line| line.contains("configuration and files reloaded")).unwrap();
    assert_eq!((signed_by("hook-secret-of-this-test").await, signed_by(fresh).await), (401, 400));
    terminate(&child);
    log.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The configuration is read again too: what may change changes, the rest is named, and a mistake changes nothing.
#[tokio::test]
async fn a_changed_configuration_is_in_force_after_sighup() {
    let folder = ServeFolder::new();
    let good = std::fs::read_to_string(folder.config()).unwrap();
    let mut child = folder.start();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut next = |what: &str| -> serde_json::Value {
        serde_json::from_str(&log.find(|line| line.contains(what)).unwrap()).unwrap()
    };
    let server = "[server]\nlog = \"debug\"\nworkers = 3\n";
    let changed =
        good.replace("[server]\n", server).replace("[mail]\n", "hook_networks = [\"192.0.2.0/28\"]\n[mail]\n");
    std::fs::write(folder.config(), &changed).unwrap();
    signal(&child, Signal::HUP);
    let said = next("configuration and files reloaded");
    assert_eq!((&said["level"], &said["changed"]), (&"INFO".into(), &"server.log, telephony.hook_networks".into()));
    let said = next("need a restart");
    assert_eq!((&said["level"], &said["restart"]), (&"WARN".into(), &"server.workers".into()));
    // The level is in force.
    let ask = folder.client().post(folder.url("/oauth/introspect")).form(&[("token", "x")]);
    assert_eq!(ask.send().await.unwrap().status(), 401);
    assert_eq!(next("\"DEBUG\"")["level"], "DEBUG");

    // One mistake: nothing of it is in force, and it is no error of the server.
    std::fs::write(folder.config(), changed.replace("\"debug\"", "\"loud\"").replace("192.0.2.0/28", "0.0.0.0/0"))
        .unwrap();
    signal(&child, Signal::HUP);
    let said = next("not reloaded");
    assert_eq!(said["level"], "WARN");
    let cause = said["cause"].as_str().unwrap();
    for want in ["server.log: must be error, warn", "telephony.hook_networks: \"0.0.0.0/0\" is every address"] {
        assert!(cause.contains(want), "{cause}");
    }
    terminate(&child);
    log.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A certificate that ends soon is a WARN at the start.
#[test]
fn a_certificate_that_ends_within_thirty_days_is_a_warning() {
    let now = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(SystemClock.now().secs().unsigned_abs());
    for (days, warned) in [(29, true), (31, false)] {
        let folder = ServeFolder::new();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = (now + Duration::from_hours(24 * days + 1)).into();
        write_certificate(folder.dir.path(), params);
        let mut child = folder.start();
        terminate(&child);
        let log: Vec<String> = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
        child.wait().unwrap();
        let found = log.iter().find(|line| line.contains("certificate ends soon"));
        assert_eq!(found.is_some(), warned, "{days} days: {log:?}");
        assert!(
            found.is_none_or(|line| line.contains("\"WARN\"") && line.contains(&format!("\"days\":{days}"))),
            "{found:?}"
        );
    }
}

/// HAProxy looks four times a second here; on a machine that has much to do, it learns of a node later.
#[test]
fn a_rolling_restart_behind_haproxy_refuses_nobody() {
    rolling_restart(Kind::Haproxy, Duration::from_secs(2));
}

/// nginx leaves a node alone for two seconds after it refused a connection.
#[test]
fn a_rolling_restart_behind_nginx_refuses_nobody() {
    rolling_restart(Kind::Nginx, Duration::from_millis(2700));
}

/// Two servers on one PostgreSQL, behind a balancer, restarted one after the other while resource servers, apps and customers come all
/// the time: nobody is refused, and every answer is the right one. `ROLLING` says how often each is restarted (tests/long/rolling), and
/// `noticed` how long it takes the balancer to see that a node is ready.
fn rolling_restart(kind: Kind, noticed: Duration) {
    let rounds: u32 = std::env::var("ROLLING").map_or(1, |rounds| rounds.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let w = Town::start(Engine::Postgres, restarted).await;
        w.clock.set(SystemClock.now());
        let token = w.link(&w.kakeibo(), &mut w.browser()).await.access_token;
        let itself = client_limits::app(&w, "itself", json!({})).await;
        let (kakeibo, api) = (w.kakeibo(), w.accounts_api());
        let first = w.leave().await;
        let nodes = [&first.second(), &first];
        let mut running: Vec<_> = nodes.iter().map(|node| node.start()).collect();
        let host = ISSUER.strip_prefix("https://").unwrap();
        let balancer = Proxy::balance(kind, &nodes.map(Left::port), host);
        let place = balancer.address();

        let stop = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = [Traffic::ResourceServer(api, token), Traffic::App(itself), Traffic::Customer(kakeibo)]
            .into_iter()
            .map(|caller| {
                let stop = stop.clone();
                tokio::spawn(async move { caller.asks_until(&stop, place).await })
            })
            .collect();
        for _ in 0..rounds {
            for (node, running) in nodes.iter().zip(&mut running) {
                assert_eq!(running.stop().await, Some(0));
                *running = node.start();
                // The balancer notices it before the other one goes.
                tokio::time::sleep(noticed).await;
            }
        }
        stop.store(true, Ordering::Release);
        for caller in callers {
            let (who, served, refused) = caller.await.unwrap();
            let (number, first) = (refused.len(), refused.first());
            assert!(refused.is_empty(), "{who}: {number} refused: {first:?}\n{}", balancer.errors());
            println!("{who}: {served} answers");
            assert!(served > 20, "{who}: {served}");
        }
        for running in &mut running {
            assert_eq!(running.stop().await, Some(0));
        }
        first.is_whole().await;
    });
}

fn restarted(config: &mut Config) {
    // The clock is the machine's.
    config.hours.always_open = true;
    config.server.drain = Some(Span::parse("1500ms").unwrap());
    config.tokens.client_scopes = Scope::parse("status").unwrap();
    (config.limits.answers_per_second, config.limits.answers_burst) = (100_000, 100_000);
}

/// Somebody who asks all the time, over connections that stay open and over new ones.
enum Traffic {
    /// It introspects the token of a link.
    ResourceServer(App, String),
    /// It gets a token for itself.
    App(App),
    /// They come from an app, and read ①.
    Customer(App),
}
impl Traffic {
    /// How many answers were the right ones, and what the others were.
    async fn asks_until(self, stop: &AtomicBool, balancer: SocketAddr) -> (&'static str, u32, Vec<String>) {
        let (mut served, mut refused, open) = (0, Vec::new(), Http::new(balancer, ISSUER));
        let (who, app, fields) = match &self {
            Self::ResourceServer(app, token) => ("a resource server", app, vec![("token", token.as_str())]),
            Self::App(app) => ("an app", app, vec![("grant_type", "client_credentials"), ("scope", "status")]),
            Self::Customer(app) => ("a customer", app, Vec::new()),
        };
        let Credential::Secret(secret) = &app.credential else { panic!("{who} has a secret") };
        let form = RequestParts::default().header("authorization", basic(&app.client_id, secret));
        let form = form.form(&fields.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>());
        while !stop.load(Ordering::Acquire) {
            for http in [open.clone(), Http::new(balancer, ISSUER)] {
                let (answer, right) = match &self {
                    Self::ResourceServer(..) => {
                        (http.try_send("POST", "/oauth/introspect", form.clone()).await, "\"active\":true")
                    }
                    Self::App(_) => (http.try_send("POST", "/oauth/token", form.clone()).await, "\"access_token\""),
                    Self::Customer(app) => (first_screen(app, http).await, "name=\"account_number\""),
                };
                match answer {
                    Some(answer) if answer.status == 200 && answer.body.contains(right) => served += 1,
                    Some(answer) => refused.push(format!("{}: {}", answer.status, answer.body)),
                    None => refused.push("no answer".to_owned()),
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        (who, served, refused)
    }
}

/// The authorization request of an app, and the page to which it leads.
async fn first_screen(app: &App, http: Http) -> Option<Answer> {
    let url = app.ask_directly("accounts").url;
    let begun = http.try_send("GET", &url, RequestParts::default()).await?;
    if begun.status != 303 {
        return Some(begun);
    }
    let cookies = begun.headers.get_all("set-cookie").iter().filter_map(|c| c.to_str().ok()?.split(';').next());
    let cookies = cookies.collect::<Vec<_>>().join("; ");
    http.try_send("GET", begun.location(), RequestParts::default().header("cookie", cookies)).await
}
