//! What the OpenID conformance suite asks of this server, module by module, asked here in our own words: the suite is
//! Java and does not run beside these tests, and somebody who breaks a rule of it should hear so in minutes.
//!
//! [`table`] says for each module of each plan which test shows our behaviour; the files are named after the plans.
//! The clients are those of `config/conformance`: two of each kind, the second with a query in its redirect URI.

mod basic;
pub(crate) mod certificate;
mod config;
mod credentials;
mod discovery;
mod fapi;
pub(crate) mod resource;
mod signing;
mod table;
mod tls;

use crate::support::app::{App, Credential, Pending};
use crate::support::browser::Browser;
use crate::support::http::{Answer, RequestParts, encode, query};
use crate::support::jws::Key;
use crate::support::town::Town;
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{self, Alg};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The parameters of a request or of an answer.
type Fields = Vec<(String, String)>;

/// An OpenID Connect client of the basic plan: a secret, no PKCE, refresh tokens.
async fn rp(w: &Town, id: &str) -> App {
    w.register(json!({
        "client_id": id, "profile": "oidc", "client_name": id, "scope": "openid accounts transactions offline_access",
        "redirect_uris": [callback(id)], "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_basic", "client_secret": format!("secret of {id}"),
        "require_pkce": false, "proofing_memory": "10m",
    }))
    .await;
    App::new(w.http.clone(), w.clock.clone(), id, &callback(id), Credential::Secret(format!("secret of {id}")))
}

/// A FAPI 2.0 client: private_key_jwt, DPoP, refresh tokens; the second client's redirect URI has a query.
pub(crate) async fn fapi(w: &Town, id: &str) -> App {
    let (key, second) = (Key::generate(), format!("{}?dummy1=lorem&dummy2=ipsum", callback(id)));
    let mut jwk = key.jwk();
    for (name, value) in [("kid", id), ("alg", "ES256"), ("use", "sig")] {
        jwk[name] = json!(value);
    }
    w.register(json!({
        "client_id": id, "profile": "fapi2", "client_name": id, "jwks": { "keys": [jwk] },
        "scope": "openid accounts transactions offline_access", "redirect_uris": [callback(id), second],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "private_key_jwt",
    }))
    .await;
    let app = App::new(w.http.clone(), w.clock.clone(), id, &callback(id), Credential::Jwt(key, id.to_owned()));
    app.with_dpop(Key::generate())
}

fn callback(id: &str) -> String {
    format!("https://suite.example/test/a/{id}/callback")
}

/// A request as the suite makes it, without PKCE unless the app is one of FAPI; `change` sets or drops a parameter.
fn asked(app: &App, scope: &str, change: &[(&str, Option<&str>)]) -> (Pending, Fields) {
    let (pending, fields) = app.request(scope);
    let plain = matches!(app.credential, Credential::Secret(_));
    let mut fields: Fields = fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
    fields.retain(|(n, _)| !(plain && n.starts_with("code_challenge")) && change.iter().all(|(c, _)| c != n));
    fields.extend(change.iter().filter_map(|(n, v)| v.map(|v| ((*n).to_owned(), v.to_owned()))));
    (pending, fields)
}

/// Pushes a request; the form's client_id comes with the authentication.
async fn push(app: &App, fields: &Fields, dpop: bool) -> Answer {
    let own: Vec<(&str, &str)> =
        fields.iter().filter(|(n, _)| n != "client_id").map(|(n, v)| (n.as_str(), v.as_str())).collect();
    app.post("/oauth/par", &own, dpop).await
}

/// The address of a request that is not pushed.
fn direct(fields: &Fields) -> String {
    format!("/oauth/authorize?{}", encode(fields))
}

/// What comes of an address before any screen.
async fn visit(w: &Town, url: &str) -> Answer {
    w.browser().request("GET", url, RequestParts::default()).await
}

/// The customer walks from `url` through all screens and agrees; what the client is given in the query.
async fn agree(w: &Town, browser: &mut Browser, url: &str) -> BTreeMap<String, String> {
    browser.open(url).await;
    browser.walk_to(w, "consent").await;
    browser.allow().await
}

/// The token request as the suite makes it: no client_id beside HTTP Basic, no verifier where there was no challenge.
async fn redeem(app: &App, pending: &Pending, code: &str) -> Answer {
    let redirect_uri = app.redirect_uri.clone();
    let mut fields = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &redirect_uri)];
    if matches!(app.credential, Credential::Jwt(..)) {
        fields.push(("code_verifier", &pending.verifier));
    }
    app.post("/oauth/token", &fields, true).await
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"))
}

/// A token response as every plan wants it: JSON, not stored, tokens of their alphabet and weight, a sane lifetime.
#[track_caller]
fn is_token_response(answer: &Answer, token_type: &str) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"), "RFC 6749 5.1");
    let body = answer.json();
    assert!(text(&body, "token_type").eq_ignore_ascii_case(token_type), "{body}");
    assert!((1..=31_536_000).contains(&body["expires_in"].as_i64().unwrap()), "{body}");
    for name in ["access_token", "refresh_token"] {
        let Some(token) = body[name].as_str() else { continue };
        assert!(token.bytes().all(|b| b.is_ascii_graphic()), "RFC 6749 A.12, A.17: {name}");
        assert!(entropy(token) > 128.0, "RFC 6749 10.10: {name}");
    }
    body
}

/// An error in JSON: its status, its code, and a description of the allowed characters on one line.
#[track_caller]
fn is_refusal(answer: &Answer, status: u16, errors: &[&str], why: &str) {
    assert_eq!(answer.status, status, "{why}: {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{why}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{why}");
    let body = answer.json();
    assert!(errors.contains(&text(&body, "error")), "{why}: {body}");
    let said = body["error_description"].as_str().unwrap_or_default();
    assert!(said.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')), "RFC 6749 5.2, {why}: {said}");
    // `renkei_error` is ours, to the link's own client alone (docs/apps.md); RFC 6749 5.2 allows further members.
    let known = ["error", "error_description", "renkei_error"];
    assert!(body.as_object().unwrap().keys().all(|k| known.contains(&k.as_str())), "{body}");
}

/// A page in place that the suite takes a picture of.
#[track_caller]
fn is_page(answer: &Answer, error: &str, why: &str) {
    assert_eq!((answer.status, answer.header("location")), (400, None), "{why}: {}", answer.body);
    let page = answer.page();
    assert!(page.id("oauth-error").is_some_and(|shown| !shown.is_empty()), "{why}: something to wait for");
    assert!(page.text().contains(error), "{why}: {}", page.text());
}

/// An error that was sent to the client in the query: exactly these parameters, with the request's state.
#[track_caller]
fn is_error_redirect(answer: &Answer, state: &str, issuer: &str, errors: &[&str]) {
    assert_eq!(answer.status, 303, "{}", answer.body);
    is_error_answer(query(answer.location()), state, issuer, errors);
}
#[track_caller]
fn is_error_answer(mut brought: BTreeMap<String, String>, state: &str, issuer: &str, errors: &[&str]) {
    let error = brought.remove("error").unwrap_or_default();
    assert!(errors.contains(&error.as_str()), "{error} is not one of {errors:?}");
    assert_eq!(brought.remove("state").as_deref(), Some(state));
    assert_eq!(brought.remove("iss").as_deref(), Some(issuer), "RFC 9207 2");
    let said = brought.remove("error_description").unwrap_or_default();
    assert!(said.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')), "RFC 6749 4.1.2.1: {said}");
    assert!(brought.is_empty(), "unexpected parameters: {brought:?}");
}

/// The claims of an id_token that holds in every way a client can check, signed with one of `algs`.
async fn id_token(w: &Town, app: &App, token: &str, algs: &[Alg]) -> Value {
    let parsed = jose::parse(token).unwrap();
    assert!(algs.contains(&parsed.header().alg), "{:?}", parsed.header().alg);
    let kid = parsed.header().kid.as_deref().expect("a kid");
    let set = w.http.get("/oauth/jwks").await.expect(200).json();
    let key = set["keys"].as_array().unwrap().iter().find(|k| k["kid"] == *kid).expect("the key is published");
    jose::verify(token, &[Jwk::parse(key).unwrap()], algs).expect("the signature");
    let claims = crate::support::jws::claims(token);
    let now = w.now().secs();
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(w.http.issuer), &json!(app.client_id)));
    assert!(claims["exp"].as_i64().unwrap() > now && claims["iat"].as_i64().unwrap() == now);
    assert!(claims["auth_time"].as_i64().unwrap() <= now);
    assert!(!text(&claims, "sub").is_empty() && text(&claims, "sub").len() <= 255, "OpenID Connect Core 2");
    assert_ne!(claims["acr"], "");
    let usual =
        ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "jti"];
    assert!(claims.as_object().unwrap().keys().all(|k| usual.contains(&k.as_str())), "nothing unasked: {claims}");
    claims
}

/// Shannon entropy of a text, in bits: how the suite weighs a secret.
fn entropy(text: &str) -> f64 {
    let length = text.chars().count() as f64;
    let mut seen: BTreeMap<char, f64> = BTreeMap::new();
    text.chars().for_each(|c| *seen.entry(c).or_default() += 1.0);
    -seen.values().map(|n| n * (n / length).log2()).sum::<f64>()
}
