//! What the app polls, beside a transmitter that has no stream at first and loses it once.

use super::*;
use crate::events::tests::SetKey;
use actix_web::web::{Json, ServiceConfig};
use serde_json::Map;
use std::time::Duration;

pub(super) struct Polled {
    key: SetKey,
    /// What the next poll finds; `None` for a stream that is gone.
    next: Mutex<Option<Map<String, Value>>>,
    /// The polls, and how often a stream was made.
    asked: Mutex<Vec<Value>>,
    made: Mutex<usize>,
}
impl Polled {
    pub(super) fn new() -> Result<Self, Box<dyn Error>> {
        let next = Mutex::new(Some(Map::new()));
        Ok(Self { key: SetKey::generate()?, next, asked: Mutex::default(), made: Mutex::default() })
    }
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/.well-known/ssf-configuration", get().to(ssf))
        .route("/ssf/jwks", get().to(keys))
        .route("/ssf/streams", get().to(streams))
        .route("/ssf/streams", post().to(make))
        .route("/ssf/poll", post().to(poll));
}

async fn ssf(s: Data<Server>) -> HttpResponse {
    let at = |path: &str| format!("{}{path}", held(&s.origin));
    HttpResponse::Ok().json(json!({
        "issuer": at(""), "jwks_uri": at("/ssf/jwks"), "configuration_endpoint": at("/ssf/streams"),
        "status_endpoint": at("/ssf/status"),
    }))
}
async fn keys(p: Data<Polled>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"keys": [p.key.public]}))
}
async fn streams() -> HttpResponse {
    HttpResponse::Ok().json(json!([]))
}
async fn make(s: Data<Server>, p: Data<Polled>, asked: Json<Value>) -> HttpResponse {
    assert_eq!(asked.0, json!({"delivery": {"method": "urn:ietf:rfc:8936"}}));
    put(&p.made, held(&p.made) + 1);
    let endpoint = format!("{}/ssf/poll", held(&s.origin));
    let delivery = json!({"method": "urn:ietf:rfc:8936", "endpoint_url": endpoint});
    HttpResponse::Created().json(json!({"stream_id": "s1", "delivery": delivery}))
}
/// Only who proves the key of the token polls (RFC 9449 §7.1).
async fn poll(s: Data<Server>, p: Data<Polled>, request: HttpRequest, asked: Json<Value>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let proof = header("dpop");
    let key = decode_header(&proof).ok().and_then(|header| header.jwk);
    let proved = key.and_then(|key| jose::verify(&proof, &key, &FAPI).ok()).unwrap_or_default();
    let htu = format!("{}/ssf/poll", held(&s.origin));
    let is_proved = jose::text(&proved, "ath") == Some(&base64url(sha256("own-token")))
        && jose::text(&proved, "htu") == Some(&htu)
        && header("authorization") == "DPoP own-token";
    if !is_proved {
        return HttpResponse::Unauthorized().finish();
    }
    p.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.into_inner());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let Some(sets) = held(&p.next) else {
        put(&p.next, Some(Map::new()));
        return HttpResponse::NotFound().finish();
    };
    put(&p.next, Some(Map::new()));
    HttpResponse::Ok().json(json!({"sets": sets, "moreAvailable": false}))
}

/// Waits until something holds of the polls.
async fn until(w: &AppWorld, holds: impl Fn(&[Value], usize) -> bool) -> bool {
    for _ in 0..250 {
        if holds(&held(&w.polled.asked), held(&w.polled.made)) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[actix_web::test]
async fn an_event_ends_a_link_and_a_lost_stream_is_made_anew() -> Tested {
    let mut w = AppWorld::start().await?;
    w.link().await?;
    assert!(text(&w.get("/").await?).contains("1,284,530"));
    assert!(until(&w, |asked, made| !asked.is_empty() && made == 1).await, "it has no stream");
    let issuer = held(&w.server.origin);
    let key = &w.polled.key;
    let sets = [
        ("j1", key.event((&issuer, "creco"), "j1", "grant.revoked", START)?),
        ("j2", key.event((&issuer, "kakeibo"), "j2", "grant.created", START)?),
        ("j3", key.event((&issuer, "creco"), "j4", "grant.created", START)?),
    ];
    put(&w.polled.next, Some(sets.into_iter().map(|(jti, set)| (jti.to_owned(), set.into())).collect()));
    assert!(until(&w, |asked, _| asked.iter().any(|ask| ask["ack"] == json!(["j1"]))).await, "not acknowledged");
    let asked = held(&w.polled.asked);
    let answer = asked.iter().find(|ask| ask["ack"] == json!(["j1"])).cloned().unwrap_or_default();
    assert_eq!(answer["setErrs"]["j2"]["err"], "invalid_audience", "{answer}");
    assert_eq!(answer["setErrs"]["j3"]["err"], "invalid_request", "{answer}");
    // The account API would still answer.
    let page = text(&w.get("/").await?);
    for part in ["金融機関が連携を停止しました", "（通知）", "口座との連携が終了しています"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("1,284,530"), "nothing is shown of the account");
    put(&w.polled.next, None);
    assert!(until(&w, |_, made| made == 2).await, "the stream is gone for good");
    w.stop().await;
    Ok(())
}
