//! Events on their way to receivers (docs/events.md), from outside: over HTTP, with a receiver that is a program of its own.

mod columns;
mod cost;
mod documented;
mod joserfc;
mod killed;
mod manage;
mod order;
mod poll;
mod push;
pub(crate) mod receiver;
mod rounds;
mod silence;

use crate::support::app::{App, Credential};
use crate::support::http::{Answer, RequestParts};
use crate::support::jws::claims;
use crate::support::town::{ISSUER, Town};
use receiver::Endpoint;
use serde_json::{Value, json};
use std::time::Duration;

const PUSH: &str = "urn:ietf:rfc:8935";
const POLL: &str = "urn:ietf:rfc:8936";
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
pub(crate) const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// A client that receives events, with its token.
pub(crate) struct Receiver<'w> {
    w: &'w Town,
    pub(crate) app: App,
    token: String,
}

/// Registers a client with a secret that may receive events.
async fn record(w: &Town, id: &str, more: Value) -> App {
    let secret = format!("the secret of {id}, long enough");
    let mut record = json!({
        "client_id": id, "client_name": id, "profile": "oidc", "client_secret": secret,
        "token_endpoint_auth_method": "client_secret_basic",
        "redirect_uris": ["https://kakeibo.example/callback"], "grant_types": ["authorization_code", "client_credentials"],
        "scope": "openid accounts transactions ssf.read ssf.manage grant_management_query",
        "allow_networks": ["127.0.0.0/8"],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    w.register(record).await;
    App::new(w.http.clone(), w.clock.clone(), id, "https://kakeibo.example/callback", Credential::Secret(secret))
}

/// An app that receives events.
pub(crate) async fn app<'w>(w: &'w Town, id: &str, endpoints: &[String]) -> Receiver<'w> {
    let app = record(w, id, json!({"events": {"endpoints": endpoints, "streams": 2}})).await;
    Receiver::of(w, app, "ssf.read ssf.manage").await
}
/// A resource server that receives events.
async fn resource_server<'w>(w: &'w Town, id: &str) -> Receiver<'w> {
    let more = json!({"profile": "resource_server", "redirect_uris": null, "grant_types": ["client_credentials"],
        "resources": ["accounts-api"], "scope": "ssf.read ssf.manage"});
    Receiver::of(w, record(w, id, more).await, "ssf.read ssf.manage").await
}
/// The institution's own receiver.
async fn institution<'w>(w: &'w Town) -> Receiver<'w> {
    let more = json!({"profile": "institution", "redirect_uris": null, "grant_types": ["client_credentials"],
        "scope": "ssf.read ssf.manage"});
    Receiver::of(w, record(w, "institution", more).await, "ssf.read ssf.manage").await
}

impl<'w> Receiver<'w> {
    async fn of(w: &'w Town, app: App, scope: &str) -> Self {
        let token = token(&app, scope).await;
        Self { w, app, token }
    }
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut ask = RequestParts::default().header("authorization", format!("Bearer {}", self.token));
        if let Some(body) = body {
            ask = ask.json(body.to_string());
        }
        self.w.http.send(method, path, ask).await
    }
    /// Creates a stream; returns its configuration.
    async fn create(&self, delivery: Value) -> Value {
        self.send("POST", "/ssf/streams", Some(json!({ "delivery": delivery }))).await.expect(201).json()
    }
    pub(crate) async fn poll_stream(&self) -> String {
        text(&self.create(json!({"method": POLL})).await, "stream_id")
    }
    pub(crate) async fn push_stream(&self, endpoint: &str, header: &str) -> String {
        let delivery = json!({"method": PUSH, "endpoint_url": endpoint, "authorization_header": header});
        text(&self.create(delivery).await, "stream_id")
    }
    /// One poll that does not wait: the claims of each token, by `jti`.
    pub(crate) async fn poll(&self, stream: &str, ack: &[String]) -> Vec<Value> {
        self.poll_with(stream, json!({"ack": ack, "returnImmediately": true})).await.0
    }
    async fn poll_with(&self, stream: &str, body: Value) -> (Vec<Value>, bool) {
        let answer = self.send("POST", &format!("/ssf/poll/{stream}"), Some(body)).await.expect(200).json();
        let sets = answer["sets"].as_object().unwrap();
        let read = |(jti, set): (&String, &Value)| {
            let set = claims(set.as_str().unwrap());
            assert_eq!(set["jti"], jti.as_str());
            set
        };
        (sets.iter().map(read).collect(), answer["moreAvailable"].as_bool().unwrap())
    }
    /// Polls and acknowledges until nothing comes any more; all that came, in the order of the answers.
    async fn drain(&self, stream: &str) -> Vec<Value> {
        let (mut all, mut ack) = (Vec::new(), Vec::new());
        // PostgreSQL gives an event its position a moment after its commit.
        let mut quiet = 0;
        while quiet < 4 {
            let sets = self.poll(stream, &ack).await;
            ack = sets.iter().map(|set| text(set, "jti")).collect();
            if sets.is_empty() {
                quiet += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            all.extend(sets);
        }
        all
    }
    pub(crate) async fn status(&self, stream: &str, status: &str) -> Answer {
        self.send("POST", "/ssf/status", Some(json!({"stream_id": stream, "status": status}))).await
    }
}

/// A client's own token.
async fn token(app: &App, scope: &str) -> String {
    let answer = app.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", scope)], false).await;
    text(&answer.expect(200).json(), "access_token")
}
fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
/// The type of the one event of a token, without the part of ours.
pub(crate) fn kind(set: &Value) -> String {
    let events = set["events"].as_object().unwrap();
    assert_eq!(events.len(), 1, "RFC 8417 2.2: one event a token here");
    events.keys().next().unwrap().replace(&format!("{ISSUER}/events/"), "")
}
fn kinds(sets: &[Value]) -> Vec<String> {
    sets.iter().map(kind).collect()
}
fn payload(set: &Value) -> &Value {
    set["events"].as_object().unwrap().values().next().unwrap()
}
/// Waits until something holds; the clock of the test stands, the server's jobs do not.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to be that {what}");
}
