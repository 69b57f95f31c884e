//! A server that is told to stop, or to read its files again, by an operator or by a service manager.

use crate::serve::{ServeFolder, signal, terminate, write_certificate};
use crate::support::ports;
use crate::support::proxy::{Kind, Proxy};
use rcgen::date_time_ymd;
use renkei_core::clock::{Clock as _, SystemClock};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_haproxy_refuses_nobody() {
    rolling_restart(Kind::Haproxy, Duration::from_millis(700)).await;
}

/// nginx leaves a node alone for two seconds after it refused a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_nginx_refuses_nobody() {
    rolling_restart(Kind::Nginx, Duration::from_millis(2700)).await;
}

/// Two servers behind a balancer, restarted one after the other while apps ask all the time: nobody is refused. `ROLLING` says how
/// often each is restarted (tests/long/rolling), and `seen` how long it takes the balancer to see that a node is ready.
async fn rolling_restart(kind: Kind, seen: Duration) {
    let rounds: u32 = std::env::var("ROLLING").map_or(1, |rounds| rounds.parse().unwrap());
    let port = ports::free(2);
    let nodes: Vec<ServeFolder> = (0..2).map(|_| behind(port)).collect();
    let mut running: Vec<Option<Child>> = nodes.iter().map(|node| Some(watched(node.start()))).collect();
    let _balancer = Proxy::balance(kind, port, &[nodes[0].port(), nodes[1].port()]);
    let (stop, place) = (Arc::new(AtomicBool::new(false)), format!("http://localhost:{port}"));
    let apps: Vec<_> = (0..4)
        .map(|_| {
            let (stop, place) = (stop.clone(), place.clone());
            tokio::spawn(async move { ask_until(&stop, &place).await })
        })
        .collect();
    for _ in 0..rounds {
        for (node, child) in nodes.iter().zip(&mut running) {
            let mut old = child.take().unwrap();
            terminate(&old);
            let code = tokio::task::spawn_blocking(move || old.wait().unwrap().code()).await.unwrap();
            assert_eq!(code, Some(0));
            *child = Some(watched(node.start()));
            // The balancer sees it before the other one goes.
            tokio::time::sleep(seen).await;
        }
    }
    stop.store(true, Ordering::Release);
    let mut asked = 0;
    for app in apps {
        let (served, refused) = app.await.unwrap();
        assert!(refused.is_empty(), "{} refused: {:?}", refused.len(), refused.first());
        asked += served;
    }
    assert!(asked > 100, "{asked}");
    for child in running.iter_mut().flatten() {
        terminate(child);
        child.wait().unwrap();
    }
}

/// A server whose public address is the balancer's.
fn behind(balancer: u16) -> ServeFolder {
    let mut folder = ServeFolder::new();
    let text = std::fs::read_to_string(folder.config()).unwrap();
    let text: String = text.lines().filter(|line| !line.starts_with("tls_")).map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.config(), text).unwrap();
    folder.env.push(("RENKEI__SERVER__ISSUER", format!("http://localhost:{balancer}")));
    folder.env.push(("RENKEI__SERVER__DRAIN", "1500ms".into()));
    folder.env.push(("RENKEI__LIMITS__BY_NETWORK", "false".into()));
    folder
}
/// Its log is read to its end, or the program would stop when the pipe is full.
fn watched(mut child: Child) -> Child {
    let mut log = child.stderr.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    child
}
/// Reads and posts, over connections that stay open and over new ones. How many were served, and what the others met.
async fn ask_until(stop: &AtomicBool, place: &str) -> (u32, Vec<String>) {
    let (mut served, mut refused, kept) = (0, Vec::new(), reqwest::Client::new());
    while !stop.load(Ordering::Acquire) {
        let fresh = reqwest::Client::new();
        for client in [&kept, &fresh] {
            let read = client.get(format!("{place}/oauth/jwks")).send().await;
            // Without a client it is refused by the server itself, which is an answer.
            let form = client.post(format!("{place}/oauth/token")).form(&[("grant_type", "authorization_code")]);
            for (answer, want) in [(read, 200), (form.send().await, 401)] {
                match answer {
                    Ok(answer) if answer.status() == want => served += 1,
                    Ok(answer) => refused.push(format!("{want}: {}", answer.status())),
                    Err(cause) => refused.push(format!("{want}: {cause:?}")),
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (served, refused)
}
