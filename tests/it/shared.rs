//! What a customer chose to share on ⑥ is what the account API answers, and nothing else: the whole way from the push to
//! the statement, for tokens bound to a key and for tokens bound to a certificate.

use crate::conformance::fapi;
use crate::conformance::resource::ApiUnderTest;
use crate::mtls::{self, Shown, files, register_corp, showing};
use crate::rar::{allow, asked_with, detail, token, tokens};
use crate::support::app::App;
use crate::support::http::{Answer, Http, RequestParts};
use crate::support::town::{Town, on_both, on_both_with};
use renkei_demo::listener::Listener;
use renkei_demo::wire;
use renkei_server::process::mutual_tls;
use serde_json::{Value, json};
use std::time::Duration;

on_both!(what_a_key_opens);
on_both_with!(what_a_certificate_opens, crate::mtls::listener);

const SCOPE: &str = "accounts transactions offline_access";

/// A call of the account API: path, token.
trait Call: AsyncFn(&str, &str) -> Answer {}
impl<T: AsyncFn(&str, &str) -> Answer> Call for T {}

/// What the API tells of an account, by the number that stands on the passbook.
async fn number(call: &impl Call, token: &str, id: &str) -> Value {
    let account = call(&format!("/v1/accounts/{id}"), token).await.expect(200).json();
    assert_eq!(account["id"], id);
    account["account_number"].clone()
}

/// The token opens exactly these accounts among `all`: in the list, by name, their balances and their statements.
async fn opens(call: &impl Call, token: &str, open: &[&str], all: &[&str]) {
    let listed = call("/v1/accounts", token).await.expect(200).json();
    let ids: Vec<&str> = listed["accounts"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap()).collect();
    assert_eq!(ids, open, "the list");
    assert!(open.iter().all(|id| all.contains(id)) && all.len() > open.len());
    for id in all {
        for rest in ["", "/balance", "/transactions"] {
            let answer = call(&format!("/v1/accounts/{id}{rest}"), token).await;
            if open.contains(id) {
                assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)), "{rest}: {}", answer.body);
            } else {
                answer.refused(403, "insufficient_scope");
            }
        }
    }
}

/// The story, in whatever way the token is bound.
async fn shares(w: &Town, app: &App, call: impl Call) -> String {
    let (own, others) = (w.bank.ids("115-ordinary-1100026").await, w.bank.ids("005-ordinary-0000123").await);
    let [ordinary, savings] = [own[0].as_str(), own[1].as_str()];
    let all = [ordinary, savings, others[0].as_str(), "nobodys"];
    let link = async |chosen: &[&str]| {
        let asked = [("prompt", "consent")];
        let (pending, mut browser) = asked_with(w, app, SCOPE, &detail(json!({})), &asked).await;
        allow(&mut browser, chosen).await;
        tokens(app, &pending, &browser).await
    };

    // The account that was verified is left out: only what is ticked is shared.
    let one = link(&[savings]).await;
    opens(&call, &one.access_token, &[savings], &all).await;
    assert_eq!(number(&call, &one.access_token, savings).await, "2200011");

    // Another choice is another link; the first is over.
    let both = link(&[ordinary, savings]).await;
    opens(&call, &both.access_token, &[ordinary, savings], &all).await;
    assert_eq!(number(&call, &both.access_token, ordinary).await, "1100026");
    call("/v1/accounts", &one.access_token).await.refused(401, "invalid_token");

    // Less for one token, at refresh; the token before it and the one after it have all.
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", both.body["refresh_token"].as_str().unwrap())];
    let refreshed = async |less: Option<Value>| {
        let body = token(app, &refresh, less.as_ref()).await.expect(200).json();
        body["access_token"].as_str().unwrap().to_owned()
    };
    let narrowed = refreshed(Some(detail(json!({"accounts": [savings]})))).await;
    opens(&call, &narrowed, &[savings], &all).await;
    opens(&call, &both.access_token, &[ordinary, savings], &all).await;
    opens(&call, &refreshed(None).await, &[ordinary, savings], &all).await;

    let balances = refreshed(Some(detail(json!({"accounts": [ordinary], "permissions": ["balances"]})))).await;
    call(&format!("/v1/accounts/{ordinary}/balance"), &balances).await.expect(200);
    for closed in [format!("/v1/accounts/{savings}/balance"), format!("/v1/accounts/{ordinary}/transactions")] {
        call(&closed, &balances).await.refused(403, "insufficient_scope");
    }
    let days = refreshed(Some(detail(json!({"from": "2026-10-01", "to": "2026-10-31"})))).await;
    let path = format!("/v1/accounts/{ordinary}/transactions?from=2026-09-01&to=2026-11-25");
    let statement = async |token: &str| call(&path, token).await.expect(200).json();
    let dates = |statement: &Value| -> Vec<String> {
        let lines = statement["transactions"].as_array().unwrap().iter();
        lines.map(|line| line["date"].as_str().unwrap().to_owned()).collect()
    };
    let (october, whole) = (statement(&days).await, statement(&both.access_token).await);
    assert_eq!((&october["from"], &october["to"]), (&json!("2026-10-01"), &json!("2026-10-31")));
    assert!(!dates(&october).is_empty() && dates(&october).iter().all(|day| day.starts_with("2026-10-")));
    assert!(dates(&whole).len() > dates(&october).len(), "the grant itself has no such bounds");

    // What ends the link ends all of them.
    w.clock.advance(Duration::from_secs(1));
    w.revoke_by_staff(&both.grant_id).await;
    for token in [&both.access_token, &narrowed, &balances, &days] {
        call("/v1/accounts", token).await.refused(401, "invalid_token");
    }
    link(&[ordinary]).await.access_token
}

async fn what_a_key_opens(w: &Town) {
    let (app, api) = (fapi(w, "first").await, ApiUnderTest::start(w).await);
    let token = shares(w, &app, async |path: &str, token: &str| {
        // A proof's address has no query (RFC 9449 4.2).
        let bare = path.split('?').next().unwrap();
        let proof = app.proof("GET", &format!("{}{bare}", api.http.issuer), None, Some(token));
        api.get(path, &[("authorization", &format!("DPoP {token}")), ("dpop", &proof)]).await
    })
    .await;
    api.call("/v1/accounts", &app, &token, &[]).await.expect(200);
    let bearer = format!("Bearer {token}");
    api.get("/v1/accounts", &[("authorization", &bearer)]).await.refused(401, "invalid_token");
    let thief = fapi(w, "thief").await;
    let stolen = api.call("/v1/accounts", &thief, &token, &[]).await;
    assert_eq!(stolen.status, 401, "with another key: {}", stolen.body);
    api.stop().await;
}

async fn what_a_certificate_opens(w: &Town) {
    register_corp(w, json!({})).await;
    let (own, other) = (files().ca.issue("corp", "corp.example"), files().ca.issue("corp", "corp.example"));
    let corp = mtls::app(w, "corp", showing(w, Some(&own)));
    let listener = Listener::secure(([127, 0, 0, 1], 0).into(), "localhost", mutual_tls(w.config()).unwrap()).unwrap();
    let authorities = reqwest::Certificate::from_pem_bundle(files().server.as_bytes()).unwrap();
    let http = wire::client(|builder| builder.tls_certs_merge(authorities)).unwrap();
    let api = ApiUnderTest::behind(w, listener, format!("https://localhost:{}", w.http_port()), http);
    let call = async |shown: Option<&Shown>, path: &str, token: &str| {
        let pem = shown.map(Shown::pem);
        let http = Http::over_tls(api.port(), &api.http.issuer, &files().server, pem.as_deref());
        http.send("GET", path, RequestParts::default().header("authorization", format!("Bearer {token}"))).await
    };
    let token = shares(w, &corp, async |path: &str, token: &str| call(Some(&own), path, token).await).await;
    call(Some(&own), "/v1/accounts", &token).await.expect(200);
    for shown in [None, Some(&other)] {
        call(shown, "/v1/accounts", &token).await.refused(401, "invalid_token");
    }
    api.stop().await;
}
