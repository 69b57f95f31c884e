//! The API over the wire, beside a server that only introspects and a bank that only has two accounts.

mod pushed;

use super::*;
use crate::crypto::tests::seeded;
use crate::crypto::{base64url, random_text, sha256};
use crate::jose::SigningKey;
use crate::time::from_secs;
use crate::time::tests::ManualClock;
use crate::wire::{Answer, basic, loopback, send};
use actix_web::http::header;
use actix_web::web::{Data, Form, Path, Query, get, post};
use actix_web::{HttpRequest, HttpResponse};
use pushed::FakeTransmitter;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;

type Tested = Result<(), Box<dyn Error>>;

/// What the server says of each token.
type TokenTable = Data<HashMap<&'static str, Value>>;

async fn introspect(tokens: TokenTable, request: HttpRequest, form: Form<HashMap<String, String>>) -> HttpResponse {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    if sent != Some(&basic("accounts-api", &Secret::new("accounts-api-secret"))) {
        return HttpResponse::Unauthorized().json(json!({"error": "invalid_client"}));
    }
    let token = form.get("token").map(String::as_str).unwrap_or_default();
    // These tokens are alive only for an API that says what it serves.
    if let Some(expected) = token.strip_prefix("serves.") {
        let said = form.get("permission").map_or("nothing", String::as_str);
        let known = if said == expected { tokens.get("bearer") } else { None };
        return HttpResponse::Ok().json(known.cloned().unwrap_or_else(|| json!({"active": false})));
    }
    HttpResponse::Ok().json(tokens.get(token).cloned().unwrap_or_else(|| json!({"active": false})))
}
async fn account(id: Path<String>, request: HttpRequest) -> HttpResponse {
    if request.headers().get(header::AUTHORIZATION).is_none_or(|shown| shown != "Bearer bank-token") {
        return HttpResponse::Unauthorized().finish();
    }
    match id.as_str() {
        "a" | "b" => HttpResponse::Ok().json(json!({
            "id": *id, "branch": "115", "account_type": "ordinary", "account_number": "1100026", "holder": "not told",
        })),
        _ => HttpResponse::NotFound().finish(),
    }
}
async fn balance() -> HttpResponse {
    HttpResponse::Ok().json(json!({"balance": 1_284_530}))
}
async fn transactions(period: Query<HashMap<String, String>>) -> HttpResponse {
    let line = json!({"id": "1", "date": period.get("from"), "description": "ATM", "amount": -1, "balance": 2});
    HttpResponse::Ok().json(json!({"transactions": [line]}))
}

/// Closed from 04:00 to 04:10 in Japan, one day.
fn closed(now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (from, until) = (from_secs(1_795_374_000), from_secs(1_795_374_600));
    (from..until).contains(&now).then_some(until)
}

struct ApiWorld {
    api: Running,
    other: Running,
    http: reqwest::Client,
    clock: Arc<ManualClock>,
    key: SigningKey,
    random: Box<dyn Random>,
    transmitter: Data<FakeTransmitter>,
}

impl ApiWorld {
    async fn start(nonce_required: bool) -> Result<Self, Box<dyn Error>> {
        let clock = Arc::new(ManualClock::at(1_795_300_000));
        let key = SigningKey::generate()?;
        let jkt = key.thumbprint().to_owned();
        let live = |changes: Value| {
            let mut answer = json!({
                "active": true, "scope": "accounts transactions", "aud": "the-api", "exp": 1_795_300_600, "grant_id": "g0",
                "authorization_details": [{"type": "account_information", "accounts": ["a"]}],
            });
            for (name, value) in changes.as_object().into_iter().flatten() {
                answer[name] = value.clone();
            }
            answer
        };
        let tokens = Data::new(HashMap::from([
            ("bearer", live(json!({}))),
            ("bound", live(json!({"cnf": {"jkt": jkt}}))),
            ("to-end", live(json!({"grant_id": "g1"}))),
            ("to-revoke", live(json!({"jti": "t1"}))),
            ("foreign", live(json!({"aud": ["another-api"]}))),
            ("mtls", live(json!({"cnf": {"x5t#S256": base64url(sha256("certificate"))}}))),
            ("odd", live(json!({"cnf": {"x5t#S256": "x"}}))),
            ("double", live(json!({"cnf": {"jkt": jkt, "x5t#S256": base64url(sha256("certificate"))}}))),
            ("newer", live(json!({"cnf": {"jkt": jkt, "kid": "x"}}))),
            ("no-transactions", live(json!({"scope": "accounts"}))),
            ("openid", live(json!({"scope": "openid"}))),
            ("own", json!({"active": true, "scope": "status", "aud": "the-api", "exp": 1_795_300_600})),
            (
                "two",
                live(json!({"authorization_details": [
                    {"type": "account_information", "accounts": ["a", "b"], "permissions": ["balances"]},
                    {"type": "payment", "accounts": ["c"]},
                ]})),
            ),
        ]));
        let transmitter = Data::new(FakeTransmitter::new()?);
        let shared = transmitter.clone();
        let other = Listener::bind(0)?.open(move |c| {
            c.app_data(tokens.clone())
                .app_data(shared.clone())
                .configure(pushed::routes)
                .route("/oauth/introspect", post().to(introspect))
                .route("/accounts/{id}", get().to(account))
                .route("/accounts/{id}/balance", get().to(balance))
                .route("/accounts/{id}/transactions", get().to(transactions));
        })?;
        let settings = ApiSettings {
            issuer: other.url().to_owned(),
            client_id: "accounts-api".into(),
            client_secret: Secret::new("accounts-api-secret"),
            audience: "the-api".into(),
            bank: other.url().to_owned(),
            bank_token: Secret::new("bank-token"),
            closed: Some(Arc::new(closed)),
            nonce_required,
            events: true,
        };
        let http = loopback()?;
        let parts = ApiParts { clock: clock.clone(), random: Arc::new(seeded(5)), http: http.clone() };
        let api = super::start(Listener::bind(0)?, settings, parts)?;
        Ok(Self { api, other, http, clock, key, random: Box::new(seeded(6)), transmitter })
    }

    fn proof(
        &self,
        path: &str,
        change: impl FnOnce(&mut Value),
        token: &str,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut claims = json!({
            "jti": random_text(&*self.random).reveal(), "htm": "GET", "htu": format!("{}{path}", self.api.url()),
            "iat": self.clock.now().timestamp(), "ath": base64url(sha256(token)),
        });
        change(&mut claims);
        self.key.prove(&claims)
    }

    async fn get(&self, path: &str, headers: &[(&'static str, String)]) -> Result<Answer, Box<dyn Error>> {
        let mut request = self.http.get(format!("{}{path}", self.api.url()));
        for (name, value) in headers {
            request = request.header(*name, value.clone());
        }
        Ok(send(request).await?)
    }

    async fn bearer(&self, path: &str, token: &str) -> Result<Answer, Box<dyn Error>> {
        self.get(path, &[("authorization", format!("Bearer {token}"))]).await
    }

    async fn dpop(&self, path: &str, token: &str, proof: String) -> Result<Answer, Box<dyn Error>> {
        self.get(path, &[("authorization", format!("DPoP {token}")), ("dpop", proof)]).await
    }

    async fn stop(self) {
        self.api.stop().await;
        self.other.stop().await;
    }
}

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate").unwrap_or_default()
}

#[actix_web::test]
async fn what_a_token_opens() -> Tested {
    let w = ApiWorld::start(false).await?;
    for (path, token, status, code, why) in [
        ("/v1/accounts", "bearer", 200, "", "a plain token"),
        ("/v1/accounts/a", "bearer", 200, "", "its account"),
        ("/v1/accounts/a/balance", "bearer", 200, "", "its balance"),
        ("/v1/accounts/a/transactions", "bearer", 200, "", "its transactions"),
        ("/v1/accounts/b/balance", "two", 200, "", "the second account"),
        ("/v1/status", "own", 200, "", "an app's own token"),
        ("/v1/accounts", "own", 403, "insufficient_scope", "no customer stands behind it"),
        ("/v1/status", "bearer", 403, "insufficient_scope", "a customer's token is for accounts"),
        ("/v1/accounts/a/balance", "serves.balances", 200, "", "it says that it serves balances"),
        ("/v1/accounts/a/transactions", "serves.transactions", 200, "", "it says that it serves transactions"),
        ("/v1/accounts", "serves.nothing", 200, "", "the list of accounts is neither"),
        ("/v1/accounts", "unknown", 401, "invalid_token", "not active"),
        ("/v1/accounts", "foreign", 401, "invalid_token", "another audience"),
        ("/v1/accounts", "bound", 401, "invalid_token", "a bound token as bearer"),
        ("/v1/accounts", "mtls", 401, "invalid_token", "bound to a certificate that nobody showed"),
        ("/v1/accounts", "odd", 401, "invalid_token", "a token bound in a way we cannot check"),
        ("/v1/accounts", "openid", 403, "insufficient_scope", "no accounts scope"),
        ("/v1/accounts/a/transactions", "no-transactions", 403, "insufficient_scope", "no transactions scope"),
        ("/v1/accounts/a/transactions", "two", 403, "insufficient_scope", "balances only"),
        ("/v1/accounts/b", "bearer", 403, "insufficient_scope", "somebody else's account"),
        ("/v1/accounts/zz", "bearer", 403, "insufficient_scope", "an account that does not exist"),
        ("/v1/accounts/c", "two", 403, "insufficient_scope", "a detail of another type"),
        ("/v1/accounts/a/transactions?from=yesterday", "bearer", 400, "invalid_request", "no date"),
    ] {
        let answer = w.bearer(path, token).await?;
        assert_eq!(answer.status, status, "{why}");
        if status != 200 {
            assert_eq!(answer.json()?["error"], code, "{why}");
        }
        if matches!(status, 401 | 403) {
            assert!(challenge(&answer).starts_with("Bearer error="), "{why}");
        }
    }
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn what_stands_in_the_answers() -> Tested {
    let w = ApiWorld::start(false).await?;
    let account = json!({"id": "a", "branch": "115", "account_type": "ordinary", "account_number": "1100026"});
    let answer = w.bearer("/v1/accounts", "bearer").await?;
    assert_eq!(answer.json()?, json!({"accounts": [account]}), "and nothing else the bank told");
    assert!(answer.header("date").is_some());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(w.bearer("/v1/accounts/a", "bearer").await?.json()?, account);
    let balance = w.bearer("/v1/accounts/a/balance", "bearer").await?.json()?;
    assert_eq!((&balance["balance"], &balance["currency"]), (&json!(1_284_530), &json!("JPY")));
    let year = w.bearer("/v1/accounts/a/transactions?from=2020-01-01&to=2030-01-01", "bearer").await?.json()?;
    assert_eq!((&year["from"], &year["to"]), (&json!("2026-08-24"), &json!("2026-11-22")), "ninety days");
    assert_eq!(year["transactions"][0]["date"], "2026-08-24", "the bank was asked for no more");
    let none = w.bearer("/v1/accounts/a/transactions?from=2026-11-20&to=2026-11-01", "bearer").await?.json()?;
    assert_eq!(none["transactions"], json!([]));
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn the_interaction_id_comes_back() -> Tested {
    let w = ApiWorld::start(false).await?;
    let id = "c4a9f0a2-5e0c-4d1f-9d3a-0c6d3f3f7a10".to_owned();
    let headers = [("authorization", "Bearer bearer".to_owned()), ("x-fapi-interaction-id", id.clone())];
    assert_eq!(w.get("/v1/accounts", &headers).await?.header("x-fapi-interaction-id"), Some(id.as_str()));
    let refused = w.get("/v1/accounts", &headers[1..]).await?;
    assert_eq!((refused.status, refused.header("x-fapi-interaction-id")), (401, Some(id.as_str())));
    assert_eq!(challenge(&refused), "DPoP algs=\"ES256 PS256 EdDSA\"", "both schemes are offered, DPoP first");
    let made = w.get("/v1/accounts", &[]).await?;
    assert_eq!(made.header("x-fapi-interaction-id").map(str::len), Some(36));
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn a_bound_token_needs_its_proof() -> Tested {
    let w = ApiWorld::start(false).await?;
    let path = "/v1/accounts";
    let good = w.proof(path, |_| {}, "bound")?;
    assert_eq!(w.dpop(path, "bound", good.clone()).await?.status, 200);
    assert_eq!(w.dpop(path, "bound", good).await?.status, 401, "the same proof again");
    type Change = fn(&mut Value);
    let table: [(&str, Change); 6] = [
        ("another method", |c| c["htm"] = json!("POST")),
        ("another address", |c| c["htu"] = json!("http://localhost:1/v1/accounts")),
        ("no ath", |c| c["ath"] = Value::Null),
        ("another token's ath", |c| c["ath"] = json!(base64url(sha256("other")))),
        ("an hour old", |c| c["iat"] = json!(1_795_300_000 - 3600)),
        ("no jti", |c| c["jti"] = Value::Null),
    ];
    for (why, change) in table {
        let answer = w.dpop(path, "bound", w.proof(path, change, "bound")?).await?;
        assert_eq!(answer.status, 401, "{why}");
        assert!(challenge(&answer).starts_with("DPoP error=\"invalid_dpop_proof\""), "{why}");
    }
    let with_query = "/v1/accounts/a/transactions?from=2026-11-01";
    let proof = w.proof("/v1/accounts/a/transactions", |_| {}, "bound")?;
    assert_eq!(w.dpop(with_query, "bound", proof).await?.status, 200, "htu has no query");
    let stranger = SigningKey::generate()?;
    let claims = json!({
        "jti": "x", "htm": "GET", "htu": format!("{}{path}", w.api.url()), "iat": 1_795_300_000,
        "ath": base64url(sha256("bound")),
    });
    let stolen = stranger.prove(&claims)?;
    assert_eq!(w.dpop(path, "bound", stolen).await?.status, 401, "another key");
    assert_eq!(w.get(path, &[("authorization", "DPoP bound".into())]).await?.status, 401, "no proof");
    for token in ["bearer", "mtls", "odd", "double", "newer"] {
        let answer = w.dpop(path, token, w.proof(path, |_| {}, token)?).await?;
        assert_eq!(answer.status, 401, "not bound to this key, or not to it alone: {token}");
    }
    w.clock.advance(601);
    assert_eq!(w.dpop(path, "bound", w.proof(path, |_| {}, "bound")?).await?.status, 401, "its time is over");
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn a_nonce_is_asked_for_and_taken() -> Tested {
    let w = ApiWorld::start(true).await?;
    let path = "/v1/accounts";
    let asked = w.dpop(path, "bound", w.proof(path, |_| {}, "bound")?).await?;
    assert_eq!(asked.status, 401);
    assert!(challenge(&asked).contains("error=\"use_dpop_nonce\""));
    let nonce = asked.header("dpop-nonce").unwrap_or_default().to_owned();
    let with = w.proof(path, |c| c["nonce"] = json!(nonce), "bound")?;
    assert_eq!(w.dpop(path, "bound", with).await?.status, 200);
    let wrong = w.proof(path, |c| c["nonce"] = json!("made up"), "bound")?;
    assert!(challenge(&w.dpop(path, "bound", wrong).await?).contains("use_dpop_nonce"));
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn without_the_server_nothing_opens() -> Tested {
    let ApiWorld { api, other, http, .. } = ApiWorld::start(false).await?;
    other.stop().await;
    let url = format!("{}/v1/accounts", api.url());
    let answer = send(http.get(url).header("authorization", "Bearer bearer")).await?;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")));
    api.stop().await;
    Ok(())
}

#[actix_web::test]
async fn outside_service_hours_nothing_opens() -> Tested {
    let w = ApiWorld::start(false).await?;
    // Five past four in Japan, the day after.
    w.clock.set(1_795_374_300);
    let answer = w.bearer("/v1/accounts", "bearer").await?;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("301")));
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn another_name_for_this_address_is_turned_away() -> Tested {
    let w = ApiWorld::start(false).await?;
    let headers = [("host", "evil.example".to_owned()), ("authorization", "Bearer bearer".to_owned())];
    assert_eq!(w.get("/v1/accounts", &headers).await?.status, 421);
    w.stop().await;
    Ok(())
}
