//! What is pushed to the API, beside a transmitter that has one stream for it.

use super::*;
use crate::events::tests::SetKey;
use actix_web::web::{Json, ServiceConfig, patch};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The server as a transmitter: its metadata, the key set, and the delivery it was asked for last.
pub(super) struct FakeTransmitter {
    key: SetKey,
    asked: Mutex<Vec<Value>>,
}
impl FakeTransmitter {
    pub(super) fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self { key: SetKey::generate()?, asked: Mutex::default() })
    }
}
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/.well-known/ssf-configuration", get().to(ssf))
        .route("/jwks", get().to(jwks))
        .route("/oauth/token", post().to(own_token))
        .route("/streams", get().to(streams))
        .route("/streams", patch().to(change))
        .route("/status", get().to(status))
        .route("/status", post().to(set_status));
}
fn origin(request: &HttpRequest) -> String {
    format!("http://{}", request.connection_info().host())
}
async fn ssf(request: HttpRequest) -> HttpResponse {
    let at = |path: &str| format!("{}{path}", origin(&request));
    HttpResponse::Ok().json(json!({
        "issuer": at(""), "jwks_uri": at("/jwks"), "configuration_endpoint": at("/streams"), "status_endpoint": at("/status"),
    }))
}
async fn jwks(t: Data<FakeTransmitter>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"keys": [t.key.public]}))
}
async fn own_token(request: HttpRequest, form: Form<HashMap<String, String>>) -> HttpResponse {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let credentials = basic("accounts-api", &Secret::new("accounts-api-secret"));
    if sent != Some(&credentials) || form.get("grant_type").is_none_or(|kind| kind != "client_credentials") {
        return HttpResponse::Unauthorized().finish();
    }
    HttpResponse::Ok().json(json!({"access_token": "own-token", "token_type": "Bearer"}))
}
/// One that is there but delivers elsewhere: it is changed, never made a second time.
async fn streams() -> HttpResponse {
    HttpResponse::Ok().json(json!([stream("http://localhost:1/old")]))
}
fn stream(endpoint: &str) -> Value {
    json!({"stream_id": "s1", "delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": endpoint}})
}
async fn change(t: Data<FakeTransmitter>, asked: Json<Value>) -> HttpResponse {
    let endpoint = asked["delivery"]["endpoint_url"].as_str().unwrap_or_default().to_owned();
    t.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.into_inner());
    HttpResponse::Ok().json(stream(&endpoint))
}
async fn status() -> HttpResponse {
    HttpResponse::Ok().json(json!({"stream_id": "s1", "status": "disabled"}))
}
async fn set_status(t: Data<FakeTransmitter>, asked: Json<Value>) -> HttpResponse {
    t.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.0.clone());
    HttpResponse::Ok().json(asked.0)
}

impl ApiWorld {
    /// What the API asked the transmitter for, once it has asked for the stream and its status.
    async fn asked(&self) -> Vec<Value> {
        for _ in 0..200 {
            let asked = self.transmitter.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if asked.len() >= 2 {
                return asked;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Vec::new()
    }
    async fn push(&self, authorization: &str, content_type: &str, token: String) -> Result<Answer, Box<dyn Error>> {
        let request = self.http.post(format!("{}/events", self.api.url())).body(token);
        Ok(send(request.header("authorization", authorization).header("content-type", content_type)).await?)
    }
}

#[actix_web::test]
async fn an_event_ends_a_token_before_the_server_is_asked() -> Tested {
    let w = ApiWorld::start(false).await?;
    let asked = w.asked().await;
    assert_eq!(asked[0]["stream_id"], "s1", "the stream that is there is changed");
    assert_eq!(asked[0]["delivery"]["endpoint_url"], format!("{}/events", w.api.url()));
    assert_eq!(asked[1], json!({"stream_id": "s1", "status": "enabled"}));
    let header = asked[0]["delivery"]["authorization_header"].as_str().unwrap_or_default().to_owned();
    let names = (w.other.url(), "accounts-api");
    let (kind, key, now) = ("application/secevent+jwt", &w.transmitter.key, w.clock.now().timestamp());
    let event = key.event(names, "j1", "grant.revoked", now)?;
    for (authorization, kind, token, err, why) in [
        ("Bearer x", kind, event.clone(), "authentication_failed", "another header"),
        (header.as_str(), "application/json", event.clone(), "invalid_request", "another type"),
        (&header, kind, "x".into(), "invalid_request", "no token"),
        (&header, kind, key.event((names.0, "creco"), "j1", "grant.revoked", now)?, "invalid_audience", "for an app"),
        (&header, kind, key.event(("http://x", names.1), "j1", "grant.revoked", now)?, "invalid_issuer", "of another"),
        (&header, kind, SetKey::generate()?.event(names, "j1", "grant.revoked", now)?, "invalid_key", "another key"),
    ] {
        let answer = w.push(authorization, kind, token).await?;
        assert_eq!((answer.status, &answer.json()?["err"]), (400, &json!(err)), "{why}");
    }
    assert_eq!(w.bearer("/v1/accounts", "to-end").await?.status, 200, "nothing of that was believed");
    for _ in 0..2 {
        let answer = w.push(&header, kind, event.clone()).await?;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "also a second time");
    }
    assert_eq!(
        w.bearer("/v1/accounts", "to-end").await?.status,
        401,
        "although the server still says that it is active"
    );
    assert_eq!(w.bearer("/v1/accounts", "bearer").await?.status, 200, "another grant");
    let page = w.get("/", &[]).await?.json()?;
    assert_eq!(page["last_events"].as_array().map(Vec::len), Some(1), "{page}");
    assert_eq!(
        (&page["last_events"][0]["grant_id"], &page["last_events"][0]["by"]),
        (&json!("g1"), &json!("institution"))
    );

    let mut revoked = json!({
        "iss": names.0, "aud": names.1, "iat": now, "jti": "j2", "sub_id": {"format": "complex"},
        "events": {format!("{}/events/token.revoked", names.0): {"token": "t1"}},
    });
    let sign = |claims: &Value| key.sign("secevent+jwt", jsonwebtoken::Algorithm::RS256, claims);
    assert_eq!(w.push(&header, kind, sign(&revoked)?).await?.status, 202);
    assert_eq!(w.bearer("/v1/accounts", "to-revoke").await?.status, 401, "a token that was not met before");
    revoked["jti"] = json!("j3");
    revoked["sub_id"] = json!({"format": "complex", "session": {"format": "opaque", "id": "g0"}});
    revoked["events"] = json!({"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}});
    assert_eq!(w.push(&header, kind, sign(&revoked)?).await?.status, 202);
    assert_eq!(w.bearer("/v1/accounts", "bearer").await?.status, 401, "the end in the words of CAEP");
    w.stop().await;
    Ok(())
}
