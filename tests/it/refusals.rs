//! Every refusal is said once in the log, with what an operator needs to help the app's developer: client, endpoint, code, reason.
//! That each refusal of every other test has its line, too, is checked at the end of each (`tests/support/refusals.rs`).

use crate::serve::{ServeFolder, terminate};
use crate::support::app::{App, Credential};
use crate::support::http::{Answer, RequestParts};
use crate::support::jws::b64;
use crate::support::refusals;
use crate::support::town::{Town, on_both};
use serde_json::{Value, json};
use std::io::Read;

on_both!(the_log_says_why_a_client_was_refused, the_log_says_which_check_failed);

/// The one line of a refusal.
fn line(answer: &Answer) -> String {
    let lines = refusals::of(answer.header("x-request-id").expect("the request has an id"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}
#[track_caller]
fn says(answer: &Answer, wanted: &[(&str, &str)]) {
    let line = line(answer);
    for (field, value) in wanted {
        assert_eq!(refusals::value(&line, &format!(" {field}")), Some(*value), "{field}: {line}");
    }
}

fn with_secret(w: &Town, id: &str, secret: &str) -> App {
    App::new(w.http.clone(), w.clock.clone(), id, "", Credential::Secret(secret.into()))
}

async fn the_log_says_why_a_client_was_refused(w: &Town) {
    let token = async |app: &App| app.post("/oauth/introspect", &[("token", "x")], false).await.expect(401);
    let secret = "a secret that nobody should read";
    says(
        &token(&with_secret(w, "kakeibo", secret)).await,
        &[
            ("reason", "wrong_secret"),
            ("claimed", "kakeibo"),
            ("code", "invalid_client"),
            ("method", "client_secret_basic"),
            ("registered", "client_secret_basic"),
            ("endpoint", "/oauth/introspect"),
            ("address", "127.0.0.1"),
        ],
    );
    says(&token(&with_secret(w, "nobody", secret)).await, &[("reason", "unknown_client"), ("claimed", "nobody")]);
    says(
        &token(&with_secret(w, "creco", secret)).await,
        &[("reason", "another_method"), ("method", "client_secret_basic"), ("registered", "private_key_jwt")],
    );
    let bare = |fields: &[(&str, &str)]| {
        let fields: Vec<_> = fields.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        RequestParts::default().form(&fields)
    };
    let none = w.http.send("POST", "/oauth/token", bare(&[("client_id", "kakeibo")])).await;
    says(&none.expect(401), &[("reason", "no_credentials"), ("claimed", "kakeibo")]);
    let post = bare(&[("client_id", "kakeibo"), ("client_secret", secret)]);
    says(
        &w.http.send("POST", "/oauth/token", post).await.expect(401),
        &[("reason", "another_method"), ("method", "client_secret_post"), ("registered", "client_secret_basic")],
    );
    let both = bare(&[("client_secret", secret), ("client_assertion", secret)]);
    says(&w.http.send("POST", "/oauth/token", both).await.expect(400), &[("reason", "several_methods")]);
    let broken = RequestParts::default().header("authorization", "Basic !").form(&[]);
    says(&w.http.send("POST", "/oauth/token", broken).await.expect(401), &[("reason", "unreadable_credentials")]);

    w.suspend_by_staff("kakeibo").await;
    says(&token(&w.kakeibo()).await, &[("reason", "suspended"), ("claimed", "kakeibo")]);
    let page = w.http.get("/oauth/authorize?client_id=kakeibo").await.expect(400);
    says(&page, &[("code", "unauthorized_client"), ("claimed", "kakeibo"), ("endpoint", "/oauth/authorize")]);
    let log = w.log();
    assert!(!log.contains(secret), "a secret is in the log");
    // Once the client has proved who it is, the line names it so.
    let unsupported = w.accounts_api().post("/oauth/token", &[("grant_type", "password")], false).await.expect(400);
    says(&unsupported, &[("client", "accounts-api"), ("code", "unsupported_grant_type")]);
}

async fn the_log_says_which_check_failed(w: &Town) {
    let creco = w.creco();
    let assertion = async |assertion: String| {
        let fields = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        let fields: Vec<_> = fields.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        w.http.send("POST", "/oauth/token", RequestParts::default().form(&fields)).await.expect(401)
    };
    let now = renkei_core::clock::Clock::now(&*w.clock).secs();
    for (wrong, reason, why) in [
        (json!({"exp": now - 600}), "assertion_claim", "the client assertion has expired"),
        (json!({"aud": "https://else.example"}), "assertion_claim", "aud of the client assertion must be the issuer"),
        (json!({"sub": "nobody"}), "unknown_client", "the client has no key with the kid and the algorithm"),
    ] {
        let change = |claims: &mut Value| claims.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let answer = assertion(creco.assertion(change)).await;
        says(&answer, &[("reason", reason), ("method", "private_key_jwt")]);
        assert!(line(&answer).contains(why), "{}", line(&answer));
    }
    let once = creco.assertion(|_| {});
    let broken = format!("{}AAAA", &once[..once.len() - 4]);
    says(&assertion(broken).await, &[("reason", "assertion_signature"), ("claimed", "creco")]);
    let head = b64(r#"{"alg":"ES256","kid":"creco-2"}"#);
    let renamed = format!("{head}.{}", once.split_once('.').unwrap().1);
    says(&assertion(renamed).await, &[("reason", "assertion_unknown_key"), ("claimed", "creco")]);
    says(&assertion("x".into()).await, &[("reason", "unreadable_credentials")]);

    // The proof of an authenticated client: the line says which check.
    let ask = RequestParts::default().header("dpop", creco.proof("GET", "https://else.example", None, None));
    let fields = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", once.as_str()),
    ];
    let fields: Vec<_> = fields.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let answer = w.http.send("POST", "/oauth/token", ask.form(&fields)).await.expect(400);
    says(&answer, &[("client", "creco"), ("code", "invalid_dpop_proof")]);
    assert!(line(&answer).contains("htm of the DPoP proof is not the method of this request"), "{}", line(&answer));

    let userinfo = w.userinfo("rk_at_unknown").await.expect(401);
    says(&userinfo, &[("code", "invalid_token"), ("endpoint", "/oauth/userinfo")]);
    says(&w.http.get("/oauth/userinfo").await.expect(401), &[("reason", "no_token")]);
    let hook = w.http.send("POST", "/hooks/telephony/sip", RequestParts::default().json("{}")).await.expect(401);
    says(&hook, &[("reason", "hook_timestamp"), ("endpoint", "/hooks/telephony/sip")]);
    assert!(line(&hook).contains("WARN"), "the institution's own systems: {}", line(&hook));
}

/// What the program itself writes, each line one JSON object.
struct Log(Vec<Value>);
impl Log {
    /// Reads it while the program runs: a log longer than the pipe would hold the program.
    fn follow(child: &mut std::process::Child) -> std::thread::JoinHandle<String> {
        let mut pipe = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut log = String::new();
            pipe.read_to_string(&mut log).unwrap();
            log
        })
    }
    /// Stops the program; all that it wrote.
    async fn of(mut child: std::process::Child, following: std::thread::JoinHandle<String>) -> Self {
        terminate(&child);
        let log = tokio::task::spawn_blocking(move || {
            let log = following.join().unwrap();
            child.wait().unwrap();
            log
        });
        let log = log.await.unwrap();
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        Self(log.lines().map(read).collect())
    }
    fn saying(&self, message: &str) -> Vec<&Value> {
        self.0.iter().filter(|line| line["message"] == message).collect()
    }
}

/// A stranger who is refused a hundred times within seconds causes twenty lines a second, and one with the number of the rest.
#[tokio::test]
async fn a_flood_of_refusals_is_a_few_lines_and_a_number() {
    let folder = ServeFolder::new();
    let mut child = folder.start();
    let following = Log::follow(&mut child);
    let client = folder.client();
    const ALL: u64 = 150;
    for _ in 0..ALL {
        let ask = client.post(folder.url("/oauth/token")).form(&[("client_id", "x"), ("client_secret", "y")]);
        assert_eq!(ask.send().await.unwrap().status(), 401);
    }
    // Another reason and another endpoint have lines of their own.
    assert_eq!(client.get(folder.url("/oauth/userinfo")).send().await.unwrap().status(), 401);
    tokio::time::sleep(std::time::Duration::from_millis(2300)).await;
    drop(client);
    let log = Log::of(child, following).await;
    let refused = log.saying("a request was refused");
    let (floods, others): (Vec<&Value>, Vec<&Value>) =
        refused.into_iter().partition(|line| line["reason"] == "unknown_client");
    assert_eq!(others.len(), 1, "{others:?}");
    let numbers = log.saying("further requests were refused within a second");
    let rest: u64 = numbers.iter().map(|line| line["number"].as_u64().unwrap()).sum();
    assert_eq!(floods.len() as u64 + rest, ALL, "each is a line, or in a number");
    assert!(
        floods.len() < ALL as usize && numbers.iter().all(|line| line["endpoint"] == "/oauth/token"),
        "{numbers:?}"
    );
    assert!(floods.iter().all(|line| line["span"]["request_id"].is_string()), "{floods:?}");
}

/// A start says what runs where, a stop says why, and each served line says how long it took and for whom.
#[tokio::test]
async fn start_stop_and_each_request_are_in_the_log() {
    let folder = ServeFolder::new();
    let mut child = folder.start();
    let following = Log::follow(&mut child);
    let client = folder.client();
    assert_eq!(client.get(folder.url("/healthz")).send().await.unwrap().status(), 200);
    let ask = client.post(folder.url("/oauth/introspect")).form(&[("token", "x")]);
    assert_eq!(ask.send().await.unwrap().status(), 401);
    drop(client);
    let log = Log::of(child, following).await;
    let starts = log.saying("the server starts");
    assert_eq!((starts.len(), &starts[0]["version"]), (1, &json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(starts[0]["engine"], "sqlite");
    assert!(starts[0]["listen"].as_str().unwrap().contains(&folder.port().to_string()), "{:?}", starts[0]);
    assert_eq!(starts[0]["config_sha256"].as_str().map(str::len), Some(64), "{:?}", starts[0]);
    assert_eq!(log.saying("the server stops")[0]["why"], "SIGTERM");
    assert_eq!(log.saying("the server has stopped").len(), 1);
    let served = log.saying("served");
    assert_eq!(served.len(), 1, "introspection is counted, not written: {served:?}");
    assert!(served[0]["milliseconds"].as_f64().is_some_and(|ms| ms < 10_000.0), "{:?}", served[0]);
    assert_eq!(served[0]["address"], "127.0.0.1");
    assert_eq!(served[0]["span"]["route"], "/healthz");
}

/// At `debug` the log says more: also introspections.
#[tokio::test]
async fn debug_says_more() {
    let mut folder = ServeFolder::new();
    folder.env.push(("RENKEI__SERVER__LOG", "debug".into()));
    let mut child = folder.start();
    let following = Log::follow(&mut child);
    let client = folder.client();
    let ask = client.post(folder.url("/oauth/introspect")).form(&[("token", "x")]);
    assert_eq!(ask.send().await.unwrap().status(), 401);
    drop(client);
    let log = Log::of(child, following).await;
    assert_eq!(log.saying("served").len(), 1);
    assert!(log.0.iter().any(|line| line["level"] == "DEBUG"));
}

/// Why a start fails is a line of the log, in the log's own format, whatever is wrong.
#[test]
fn a_failed_start_is_said_in_the_logs_format() {
    for (format, change) in [
        (None, ("RENKEI__MAIL__KIND", "paper")),
        (None, ("RENKEI__BANK__KIND", "http")),
        (None, ("RENKEI__SERVER__MASTER_KEY_FILE", "nowhere")),
        (Some("text"), ("RENKEI__MAIL__KIND", "paper")),
    ] {
        let mut folder = ServeFolder::new();
        folder.env.push((change.0, change.1.into()));
        if let Some(format) = format {
            folder.env.push(("RENKEI__SERVER__LOG_FORMAT", format.into()));
        }
        let (status, said) = folder.try_start().expect_err("it is refused");
        assert_eq!(status, Some(1), "{said}");
        let last = said.lines().last().unwrap_or_default();
        if format.is_some() {
            assert!(
                last.contains("ERROR") && last.contains("the server cannot start") && !last.starts_with('{'),
                "{said}"
            );
        } else {
            let line: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("not the log's format: {said}"));
            assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("the server cannot start")));
            assert!(line["cause"].as_str().is_some_and(|cause| cause.len() > 10), "{line}");
        }
    }
}
