//! What one client may have stored: pushed requests that wait for a browser, and answers a second at the PAR and token
//! endpoints. Beyond that it gets 429, loses nothing, and nobody else notices.

use crate::support::app::{App, Credential};
use crate::support::http::{Answer, RequestParts};
use crate::support::town::{Town, on_both, on_both_with};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    two_hundred_pushed_requests_may_wait,
    a_pushed_request_waits_until_a_browser_begins_with_it,
    what_was_refused_may_come_again,
    a_request_that_a_browser_brings_along_does_not_wait,
);
on_both_with!(two_hundred_answers_at_once_and_twenty_a_second, super::status);
on_both_with!(a_clients_record_says_other_numbers, super::status);

fn status(config: &mut renkei_server::config::Config) {
    config.tokens.client_scopes = renkei_core::scope::Scope::parse("status").unwrap();
}

/// An app with a secret that also acts for itself.
pub(crate) async fn app(w: &Town, id: &str, more: Value) -> App {
    let (redirect, secret) = (format!("https://{id}.example/cb"), format!("{id}-secret"));
    let mut record = json!({
        "client_id": id, "profile": "oidc", "client_name": id, "client_secret": secret, "redirect_uris": [redirect],
        "token_endpoint_auth_method": "client_secret_basic", "scope": "openid accounts transactions status",
        "grant_types": ["authorization_code", "client_credentials"],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    w.register(record).await;
    App::new(w.http.clone(), w.clock.clone(), id, &redirect, Credential::Secret(secret))
}
pub(crate) async fn push(app: &App, more: &[(&str, &str)]) -> Answer {
    let (_, fields) = app.request("openid accounts");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).chain(more.iter().copied()).collect();
    app.post("/oauth/par", &fields, false).await
}
fn url(app: &App, pushed: Answer) -> String {
    app.authorize_url(pushed.expect(201).json()["request_uri"].as_str().unwrap())
}
async fn client_token(app: &App) -> Answer {
    app.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", "status")], false).await
}
/// 429 in the endpoint's own shape; after how many seconds the client may come again.
#[track_caller]
fn too_many(answer: Answer) -> u64 {
    let answer = answer.refused(429, "temporarily_unavailable");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.json()["error_description"].as_str().unwrap().contains("this client"), "{}", answer.body);
    answer.header("retry-after").expect("RFC 6585 §4").parse().unwrap()
}
async fn rows(w: &Town, sql: &'static str) -> i64 {
    w.world().store.read(move |tx| tx.row(sql, &[])?.unwrap().int(0)).await.unwrap()
}

async fn two_hundred_pushed_requests_may_wait(w: &Town) {
    // The log is that of all tests.
    let id = format!("waits-{:?}", w.engine);
    let (one, other) = (app(w, &id, json!({})).await, app(w, "other", json!({})).await);
    for n in 1..=200 {
        assert_eq!(push(&one, &[]).await.status, 201, "{n}");
    }
    // So that it is not for coming too fast.
    w.clock.advance(Duration::from_secs(20));
    assert_eq!(w.limits().refused_answers(), 0);
    assert_eq!(too_many(push(&one, &[]).await), 280, "until the first of them ends");
    assert_eq!(too_many(push(&one, &[]).await), 280);
    assert_eq!((w.limits().refused_pushes(), w.limits().refused_answers()), (2, 0), "it is counted");
    assert_eq!(rows(w, "select count(*) from requests").await, 200, "and not stored");
    assert_eq!(push(&other, &[]).await.status, 201, "another client does not notice");
    let (log, client) = (w.log(), format!("{id:?}"));
    let said = log.lines().filter(|l| l.contains("client_over_limit") && l.contains(&client));
    assert_eq!(said.count(), 1, "one line a minute");
    assert_eq!(w.recorded("alarm.raised").await, 1, "and one record an hour");
    w.clock.advance(Duration::from_secs(279));
    assert_eq!(too_many(push(&one, &[]).await), 1);
    w.clock.advance(Duration::from_secs(1));
    assert_eq!(push(&one, &[]).await.status, 201, "after the time that was said");
}

async fn a_pushed_request_waits_until_a_browser_begins_with_it(w: &Town) {
    let app = app(w, "one", json!({"pushed_requests": 2})).await;
    let (first, second) = (url(&app, push(&app, &[]).await), url(&app, push(&app, &[("prompt", "none")]).await));
    too_many(push(&app, &[]).await);
    // A browser begins; another one begins with the same request, which changes nothing.
    for _ in 0..2 {
        assert_eq!(w.browser().open(&first).await.screen(), "account");
    }
    url(&app, push(&app, &[]).await);
    too_many(push(&app, &[]).await);
    // A request that forbids every screen is answered at once, and waits no longer.
    let mut browser = w.browser();
    browser.open(&second).await;
    assert_eq!(browser.handed_to_app()["error"], "login_required");
    let third = url(&app, push(&app, &[]).await);
    too_many(push(&app, &[]).await);
    // Nor does one that ended.
    w.clock.advance(Duration::from_secs(300));
    assert_eq!(w.browser().open(&third).await.status(), 400, "too late");
    for _ in 0..2 {
        url(&app, push(&app, &[]).await);
    }
    too_many(push(&app, &[]).await);
}

/// Nothing of the client's is used up by a refusal: the very same bytes are good as soon as there is room.
async fn what_was_refused_may_come_again(w: &Town) {
    let creco = w.creco();
    let mut key = creco.jwk();
    key["kid"] = json!("creco-1");
    w.register(json!({
        "client_id": "creco", "profile": "fapi2", "client_name": "creco", "jwks": {"keys": [key]},
        "redirect_uris": ["https://creco.example/callback"], "scope": "accounts",
        "pushed_requests": 1, "answers_per_second": 1, "answers_burst": 3,
    }))
    .await;
    let waiting = creco.push("accounts").await;
    let form = || {
        let (_, fields) = creco.request("accounts");
        let mut form: Vec<(String, String)> = fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        form.push(("client_assertion_type".into(), kind.into()));
        form.push(("client_assertion".into(), creco.assertion(|_| {})));
        let proof = creco.proof("POST", &format!("{}/oauth/par", w.http.issuer), None, None);
        RequestParts::default().header("dpop", proof).form(&form)
    };
    let send = async |ask: &RequestParts| w.http.send("POST", "/oauth/par", ask.clone()).await;
    let (one, two) = (form(), form());
    let before = rows(w, "select count(*) from client_replays").await;
    too_many(send(&one).await);
    assert_eq!(rows(w, "select count(*) from client_replays").await, before, "neither assertion nor proof");
    w.browser().open(&waiting.url).await;
    let pushed = url(&creco, send(&one).await);
    assert_eq!(too_many(send(&two).await), 1, "that was the third answer, and the burst is three");
    assert_eq!(rows(w, "select count(*) from client_replays").await, before + 2);
    w.clock.advance(Duration::from_secs(1));
    assert!(too_many(send(&two).await) > 1, "not too fast any more, but one waits");
    w.clock.advance(Duration::from_secs(2));
    w.browser().open(&pushed).await;
    let pushed = url(&creco, send(&two).await);
    w.browser().open(&pushed).await;
    send(&one).await.refused(401, "invalid_client");
}

async fn a_request_that_a_browser_brings_along_does_not_wait(w: &Town) {
    let app = app(w, "one", json!({"pushed_requests": 1})).await;
    for _ in 0..3 {
        assert_eq!(w.browser().open(&app.ask_directly("accounts").url).await.screen(), "account");
    }
    url(&app, push(&app, &[]).await);
    too_many(push(&app, &[]).await);
}

async fn two_hundred_answers_at_once_and_twenty_a_second(w: &Town) {
    let (one, other) = (app(w, "one", json!({})).await, app(w, "other", json!({})).await);
    let token = client_token(&one).await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    for n in 2..=200 {
        assert_eq!(client_token(&one).await.status, 200, "{n}");
    }
    assert_eq!(too_many(client_token(&one).await), 1);
    assert_eq!(too_many(push(&one, &[]).await), 1, "both endpoints together");
    assert_eq!((w.limits().refused_answers(), w.limits().refused_pushes()), (2, 0), "it is counted");
    assert_eq!(rows(w, "select count(*) from access_tokens").await, 200, "and nothing is stored");
    client_token(&other).await.expect(200);
    push(&other, &[]).await.expect(201);
    // What ends a link or asks about one is never held up by it.
    assert_eq!(one.introspect(&token).await["active"], true);
    one.revoke(&token).await.expect(200);
    // After the time that was said, and so many in every second.
    for _ in 0..2 {
        w.clock.advance(Duration::from_secs(1));
        for n in 1..=20 {
            assert_eq!(client_token(&one).await.status, 200, "{n}");
        }
        assert_eq!(too_many(client_token(&one).await), 1);
    }
    // A wrong secret is nobody's: it takes nothing from the client, and is told as ever.
    let thief = App::new(w.http.clone(), w.clock.clone(), "other", "", Credential::Secret("wrong".into()));
    for _ in 0..4 {
        client_token(&thief).await.refused(401, "invalid_client");
    }
    for n in 1..=200 {
        assert_eq!(client_token(&other).await.status, 200, "{n}");
    }
    too_many(client_token(&other).await);
}

async fn a_clients_record_says_other_numbers(w: &Town) {
    let fast = app(w, "fast", json!({"answers_per_second": 50, "answers_burst": 250, "pushed_requests": 210})).await;
    for n in 1..=40 {
        assert_eq!(client_token(&fast).await.status, 200, "{n}");
    }
    for n in 1..=210 {
        assert_eq!(push(&fast, &[]).await.status, 201, "{n}");
    }
    assert_eq!(too_many(push(&fast, &[]).await), 1);
    w.clock.advance(Duration::from_secs(1));
    assert_eq!(too_many(push(&fast, &[]).await), 299, "the 211th");
    for n in 1..=49 {
        assert_eq!(client_token(&fast).await.status, 200, "{n}");
    }
    assert_eq!(too_many(client_token(&fast).await), 1);
    // The institution changes its mind: it counts from the next request on.
    app(w, "fast", json!({"answers_per_second": 1, "answers_burst": 1})).await;
    w.clock.advance(Duration::from_secs(60));
    client_token(&fast).await.expect(200);
    assert_eq!(too_many(client_token(&fast).await), 1);
    w.clock.advance(Duration::from_secs(1));
    assert_eq!(too_many(push(&fast, &[]).await), 238, "200 as everybody, and 210 wait");
}
