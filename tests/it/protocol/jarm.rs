//! Answers that are signed as a whole (JARM), with a code and with each kind of error.

use super::{Change, direct, is_error_page, push, register};
use crate::support::app::App;
use crate::support::http::{Answer, RequestParts, query};
use crate::support::jws;
use crate::support::town::{Town, on_both};
use renkei_core::clock::Clock;
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{self, Alg};
use serde_json::{Value, json};

on_both!(
    a_code_comes_signed_and_is_good,
    a_cancellation_comes_signed,
    what_is_refused_at_once_is_signed_too,
    by_form_post_it_is_one_field,
    without_a_proved_address_it_is_a_page,
);

/// The answer in a `response`, as the client verifies it (JARM §2.4): with the key its `kid` names among those
/// published, for itself, from us, in time.
async fn verified(town: &Town, app: &App, response: &str, alg: Alg) -> Value {
    let kid = jose::parse(response).unwrap().header().kid.clone().expect("a kid");
    let set = town.http.get("/oauth/jwks").await.expect(200).json();
    let key = set["keys"].as_array().unwrap().iter().find(|k| k["kid"] == *kid).expect("the key is published");
    jose::verify(response, &[Jwk::parse(key).unwrap()], &[alg]).expect("the signature");
    let mut claims = jws::claims(response);
    let now = town.clock.now().secs();
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(town.http.issuer), &json!(app.client_id)), "JARM 2.1");
    let left = claims["exp"].as_i64().unwrap() - now;
    assert!((10..=600).contains(&left), "JARM 2.1: {left} s");
    for name in ["iss", "aud", "exp"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims
}
/// The same out of the query, in which nothing else may stand.
async fn in_query(town: &Town, app: &App, url: &str, alg: Alg) -> Value {
    let mut brought = query(url);
    let response = brought.remove("response").unwrap_or_else(|| panic!("no response in {url}"));
    let registered = query(&app.redirect_uri);
    assert_eq!(brought, registered, "only `response` beside what was registered");
    verified(town, app, &response, alg).await
}
async fn visit(town: &Town, url: &str) -> Answer {
    town.browser().request("GET", url, RequestParts::default()).await
}

async fn a_code_comes_signed_and_is_good(town: &Town) {
    let creco = town.creco();
    for mode in ["jwt", "query.jwt"] {
        let (mut pending, fields) = creco.request("openid accounts");
        let mut fields: Vec<_> =
            fields.iter().filter(|(n, _)| *n != "client_id").map(|(n, v)| (*n, v.as_str())).collect();
        fields.push(("response_mode", mode));
        let pushed = creco.post("/oauth/par", &fields, false).await.expect(201).json();
        pending.url = creco.authorize_url(pushed["request_uri"].as_str().unwrap());
        let mut browser = town.browser();
        browser.open(&pending.url).await;
        browser.walk_to(town, "consent").await;
        browser.allow().await;
        let mut answer = in_query(town, &creco, &browser.url, Alg::Es256).await;
        let code = answer["code"].take().as_str().unwrap().to_owned();
        assert_eq!(answer, json!({"code": null, "state": pending.state}), "nothing else");
        assert!(!town.log().contains(&code), "a code is not logged");
        creco.try_exchange(&pending, &code).await.expect(200);
    }
}

async fn a_cancellation_comes_signed(town: &Town) {
    let creco = town.creco();
    let pushed = push(&creco, &[("response_mode", Some("jwt")), ("state", Some("s"))]).await.expect(201).json();
    let mut browser = town.browser();
    browser.open(&creco.authorize_url(pushed["request_uri"].as_str().unwrap())).await;
    browser.press("cancel", &[]).await;
    browser.return_to_app().await;
    let answer = in_query(town, &creco, &browser.url, Alg::Es256).await;
    assert_eq!((&answer["error"], &answer["state"]), (&json!("access_denied"), &json!("s")), "RFC 6749 4.1.2.1");
    assert_eq!(answer.as_object().unwrap().len(), 3, "nothing else: {answer}");
}

async fn what_is_refused_at_once_is_signed_too(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let named = register(town, "named", json!({"authorization_signed_response_alg": "PS256"})).await;
    let table: [(Change<'_>, &str, &str); 4] = [
        (("scope", Some("payments")), "invalid_scope", "RFC 6749 4.1.2.1"),
        (("response_type", Some("token")), "unsupported_response_type", "RFC 6749 3.1.1"),
        (("code_challenge", None), "invalid_request", "PKCE is required"),
        (("prompt", Some("none")), "login_required", "no session"),
    ];
    for (app, alg) in [(&shop, Alg::Rs256), (&named, Alg::Ps256)] {
        for (change, error, why) in table {
            let url = direct(app, &[change, ("response_mode", Some("jwt")), ("state", Some("s t&é"))]);
            let answer = visit(town, &url).await.expect(303);
            let said = in_query(town, app, answer.location(), alg).await;
            assert_eq!((&said["error"], &said["state"]), (&json!(error), &json!("s t&é")), "{why}");
        }
    }
    let creco = town.creco();
    let answer = visit(town, &direct(&creco, &[("response_mode", Some("jwt"))])).await.expect(303);
    assert_eq!(in_query(town, &creco, answer.location(), Alg::Es256).await["error"], "invalid_request", "not pushed");
    let fragment = visit(town, &direct(&shop, &[("response_mode", Some("fragment.jwt"))])).await.expect(303);
    assert_eq!(query(fragment.location())["error"], "invalid_request", "no way for a code");
}

async fn by_form_post_it_is_one_field(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let url = direct(&shop, &[("response_mode", Some("form_post.jwt")), ("prompt", Some("none"))]);
    let answer = visit(town, &url).await.expect(200);
    let forms = answer.page().forms();
    let form = forms.iter().find(|f| f.action.as_deref() == Some(shop.redirect_uri.as_str())).expect("JARM 2.3.3");
    let [(name, response)] = form.fields.as_slice() else { panic!("{:?}", form.fields) };
    assert_eq!((form.method.as_str(), name.as_str()), ("post", "response"), "JARM 2.3.3");
    assert_eq!(verified(town, &shop, response, Alg::Rs256).await["error"], "login_required");
}

async fn without_a_proved_address_it_is_a_page(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let change = [("response_mode", Some("jwt")), ("redirect_uri", Some("https://evil.example/cb"))];
    is_error_page(&visit(town, &direct(&shop, &change)).await, "invalid_request", "RFC 6749 3.1.2.4");
}
