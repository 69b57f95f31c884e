//! The resource of the FAPI plans: the sample account API, whose every call is checked by introspection.

use super::{asked, fapi, is_token_response, push, redeem, text};
use crate::support::app::App;
use crate::support::http::{Answer, Http, RequestParts};
use crate::support::jws::{Key, b64, claims};
use crate::support::town::{Town, on_both};
use renkei_core::clock::{Clock, SystemClock};
use renkei_core::random::{Random, SeededRandom};
use renkei_demo::crypto::Secret;
use renkei_demo::listener::{Listener, Running};
use renkei_demo::time::from_secs;
use renkei_demo::{api, bank, wire};
use serde_json::{Value, json};
use std::sync::Arc;

on_both!(what_every_call_may_carry, wrong_proofs_are_refused_and_odd_ones_taken, tokens_of_others_open_nothing);

const PATH: &str = "/v1/accounts";

/// The account API beside the town's server, with a bank of its own to read from.
pub(crate) struct ApiUnderTest {
    api: Running,
    bank: Running,
    pub http: Http,
}

impl ApiUnderTest {
    pub(crate) async fn start(w: &Town) -> Self {
        let issuer = format!("http://{}", w.address());
        Self::behind(w, Listener::bind(0).unwrap(), issuer, wire::loopback().unwrap())
    }
    /// The same behind a listener of the caller's, asking the server at `issuer` with a client of the caller's.
    pub(crate) fn behind(w: &Town, listener: Listener, issuer: String, http: reqwest::Client) -> Self {
        let clock = w.clock.clone();
        let clock: Arc<dyn renkei_demo::time::Clock> = Arc::new(move || from_secs(clock.now().secs()));
        let (books, token) = (bank::SampleBank::founded(w.now().jst_date()), Secret::new("bank-token"));
        let bank = bank::start(Listener::bind(0).unwrap(), books, token.clone(), clock.clone()).unwrap();
        let settings = api::ApiSettings {
            issuer,
            client_id: "accounts-api".into(),
            client_secret: Secret::new("accounts-api-secret"),
            audience: "accounts-api".into(),
            bank: bank.url().to_owned(),
            bank_token: token,
            closed: None,
            nonce_required: false,
            events: false,
        };
        let random = SeededRandom::new(8);
        let parts = api::ApiParts { clock, random: Arc::new(move |out: &mut [u8]| random.fill(out)), http };
        let api = api::start(listener, settings, parts).unwrap();
        let http = Http::new(api.address(), api.url());
        Self { api, bank, http }
    }
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let ask = headers.iter().fold(RequestParts::default(), |ask, (name, value)| ask.header(name, *value));
        self.http.send("GET", path, ask).await
    }
    /// A call with the app's own proof and more headers.
    pub(crate) async fn call(&self, path: &str, app: &App, token: &str, more: &[(&str, &str)]) -> Answer {
        let proof = app.proof("GET", &format!("{}{path}", self.http.issuer), None, Some(token));
        let scheme = format!("DPoP {token}");
        let own = [("authorization", scheme.as_str()), ("dpop", proof.as_str())];
        self.get(path, &[&own[..], more].concat()).await
    }
    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.api.address().port()
    }
    pub(crate) async fn stop(self) {
        self.api.stop().await;
        self.bank.stop().await;
    }
}

/// An access token of `app`, by PAR and all screens.
async fn token(w: &Town, app: &App) -> String {
    let (pending, fields) = asked(app, "openid accounts transactions", &[]);
    let pushed = push(app, &fields, false).await.expect(201).json();
    let mut browser = w.browser();
    let brought = super::agree(w, &mut browser, &app.authorize_url(text(&pushed, "request_uri"))).await;
    let body = is_token_response(&redeem(app, &pending, &brought["code"]).await, "DPoP");
    text(&body, "access_token").to_owned()
}

async fn what_every_call_may_carry(w: &Town) {
    let (app, beside) = (fapi(w, "first").await, ApiUnderTest::start(w).await);
    let token = token(w, &app).await;
    let id = "c4a9f0a2-5e0c-4d1f-9d3a-0c6d3f3f7a10";
    for (headers, module) in [
        (
            vec![
                ("x-fapi-auth-date", "Wed, 25 Nov 2026 01:15:00 GMT"),
                ("x-fapi-customer-ip-address", "198.51.100.119"),
                ("x-fapi-interaction-id", id),
                ("accept", "application/json"),
            ],
            "happy-flow",
        ),
        (
            vec![
                ("x-fapi-customer-ip-address", "2001:db8::1893:25c8:1946"),
                ("accept", "application/json;charset=UTF-8"),
                ("accept-charset", "UTF-8"),
            ],
            "happy-flow: IPv6, charset",
        ),
        (vec![("accept", "application/json, application/*+json, */*")], "happy-flow: a permissive Accept"),
        (vec![], "happy-flow: the second client sends none of it"),
    ] {
        let answer = beside.call(PATH, &app, &token, &headers).await;
        assert_eq!(answer.status, 200, "{module}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{module}");
        let date = chrono::DateTime::parse_from_rfc2822(answer.header("date").expect("RFC 9110 6.6.1")).unwrap();
        assert!((date.timestamp() - SystemClock.now().secs()).abs() < 300, "{module}: {date}");
        let given = answer.header("x-fapi-interaction-id").expect("an interaction id");
        match headers.iter().find(|(name, _)| *name == "x-fapi-interaction-id") {
            Some((_, sent)) => assert_eq!(given, *sent, "{module}"),
            None => assert_eq!(given.len(), 36, "{module}: a UUID of ours"),
        }
    }
    for scheme in ["dPoP", "DPOP", "dpop"] {
        let proof = app.proof("GET", &format!("{}{PATH}", beside.http.issuer), None, Some(&token));
        let answer = beside.get(PATH, &[("authorization", &format!("{scheme} {token}")), ("dpop", &proof)]).await;
        assert_eq!(answer.status, 200, "access-token-type-header-case-sensitivity");
    }
    let proof = app.proof("GET", &format!("{}{PATH}", beside.http.issuer), None, Some(&token));
    let in_query = beside.get(&format!("{PATH}?access_token={token}"), &[("dpop", &proof)]).await;
    assert!([400, 401].contains(&in_query.status), "happy-flow: the token in the query: {}", in_query.body);
    beside.stop().await;
}

async fn tokens_of_others_open_nothing(w: &Town) {
    let (one, two, beside) = (fapi(w, "first").await, fapi(w, "second").await, ApiUnderTest::start(w).await);
    let (first, second) = (token(w, &one).await, token(w, &two).await);
    assert_eq!(beside.call(PATH, &one, &first, &[]).await.status, 200);
    assert_eq!(beside.call(PATH, &two, &second, &[]).await.status, 200);
    let crossed = beside.call(PATH, &one, &second, &[]).await;
    assert_eq!(crossed.status, 401, "the second client's token with the first one's key");
    beside.stop().await;
}

/// `fapi2-security-profile-final-dpop-negative-tests`, check by check.
async fn wrong_proofs_are_refused_and_odd_ones_taken(w: &Town) {
    let (app, beside) = (fapi(w, "first").await, ApiUnderTest::start(w).await);
    let token = token(w, &app).await;
    let key = app.dpop.clone().unwrap();
    let url = format!("{}{PATH}", beside.http.issuer);
    let good = || claims(&app.proof("GET", &url, None, Some(&token)));
    let head = || json!({ "typ": "dpop+jwt", "jwk": key.jwk() });
    let scheme = format!("DPoP {token}");
    let send = async |proofs: &[String]| {
        let mut headers = vec![("authorization", scheme.as_str())];
        headers.extend(proofs.iter().map(|proof| ("dpop", proof.as_str())));
        beside.get(PATH, &headers).await
    };
    let without = |mut value: Value, name: &str| {
        value.as_object_mut().unwrap().remove(name);
        value
    };
    let with = |mut value: Value, name: &str, member: Value| {
        value[name] = member;
        value
    };
    let (now, later) = (w.now().secs(), key.sign(head(), &good()));
    let mut private = key.jwk();
    private["d"] = json!(b64([7; 32]));
    let parts: Vec<&str> = later.split('.').collect();
    let mut broken = parts[2].to_owned();
    broken.replace_range(..4, if broken.starts_with("AAAA") { "BBBB" } else { "AAAA" });
    let renamed = String::from_utf8(base64_decode(parts[0])).unwrap().replace("\"alg\"", "\"alg2\"");
    for (proofs, why) in [
        (vec![key.sign(head(), &good()), key.sign(head(), &good())], "two headers"),
        (vec![format!("{}.{}", parts[0], parts[1])], "not a JWT"),
        (vec![key.sign(without(head(), "typ"), &good())], "no typ"),
        (vec![format!("{}.{}.{}", b64(renamed), parts[1], parts[2])], "no alg"),
        (vec![key.sign(without(head(), "jwk"), &good())], "no jwk"),
        (vec![key.sign(head(), &without(good(), "jti"))], "no jti"),
        (vec![key.sign(head(), &without(good(), "htm"))], "no htm"),
        (vec![key.sign(head(), &without(good(), "htu"))], "no htu"),
        (vec![key.sign(head(), &without(good(), "iat"))], "no iat"),
        (vec![key.sign(head(), &without(good(), "ath"))], "no ath"),
        (vec![key.sign(with(head(), "typ", json!("dpop+jwt+wrong")), &good())], "another typ"),
        (vec![key.sign(with(head(), "alg", json!("RS256")), &good())], "RS256"),
        (vec![format!("{}.{}.", b64(r#"{"alg": "none", "typ": "dpop+jwt"}"#), b64(good().to_string()))], "alg none"),
        (vec![format!("{}.{}.{broken}", parts[0], parts[1])], "a broken signature"),
        (vec![key.sign(with(head(), "jwk", private), &good())], "a private key"),
        (vec![key.sign(head(), &with(good(), "htm", json!("PUT")))], "another method"),
        (vec![key.sign(head(), &with(good(), "htu", json!(format!("{url}ohnonotagain"))))], "another address"),
        (vec![key.sign(head(), &with(good(), "iat", json!(now + 3600)))], "an hour ahead"),
        (vec![key.sign(head(), &with(good(), "iat", json!(now - 3600)))], "an hour old"),
        (vec![key.sign(head(), &with(good(), "ath", json!(b64([1; 32]))))], "another token's ath"),
        (vec![Key::generate().sign(head(), &good())], "the key of somebody else"),
        (
            vec![{
                let other = Key::generate();
                other.sign(json!({ "typ": "dpop+jwt", "jwk": other.jwk() }), &good())
            }],
            "somebody else altogether",
        ),
        (vec![], "no proof"),
    ] {
        let answer = send(&proofs).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_dpop_proof")), "{why}");
    }
    let bearer = beside.get(PATH, &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(bearer.status, 401, "as a bearer token");

    let upper = url.replace("http", "HTTP").replace("localhost", "LOCALHOST");
    for (proof, why) in [
        (key.sign(head(), &with(good(), "htu", json!(format!("{url}?query#fragment")))), "htu with query and fragment"),
        (key.sign(head(), &with(good(), "htu", json!(upper))), "RFC 3986 6.2.2: scheme and host in capitals"),
        (
            key.sign(with(head(), "tx_id", json!(1)), &with(good(), "tx_id_key", json!(1))),
            "RFC 9449 4.2: members nobody knows",
        ),
        (key.sign(head(), &with(with(good(), "nbf", json!(now)), "exp", json!(now + 300))), "nbf and exp"),
        (key.sign(head(), &with(good(), "iat", json!(now - 10))), "ten seconds old"),
        (key.sign(head(), &with(good(), "iat", json!(now + 10))), "ten seconds ahead"),
    ] {
        let answer = send(std::slice::from_ref(&proof)).await;
        assert_eq!(answer.status, 200, "{why}: {}", answer.body);
        assert_eq!(send(&[proof]).await.status, 401, "{why}: RFC 9449 11.1, not a second time");
    }
    assert_eq!(send(&[later]).await.status, 200, "a correct proof still opens");
    beside.stop().await;
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}
