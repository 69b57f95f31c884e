//! The authorization endpoint (RFC 6749 §4.1, RFC 9126 §4, RFC 9207): what becomes of a browser that comes with a
//! request.

use super::{Change, changed, direct, is_error_page, push, register};
use crate::support::app::App;
use crate::support::http::{Answer, RequestParts, encode, query};
use crate::support::town::{Town, on_both};
use serde_json::json;
use std::time::Duration;

on_both!(
    a_pushed_request_begins_and_is_resumed_by_its_browser,
    a_request_uri_of_nobody_is_a_page,
    what_stands_beside_a_request_uri_does_not_count,
    a_request_is_used_up_by_its_completion,
    of_two_browsers_at_consent_one_gets_a_code,
    a_refusal_uses_a_request_up_too,
    nothing_is_redirected_before_the_address_is_proved,
    refusals_travel_with_state_and_iss,
    a_refusal_by_form_post,
    prompt_none_is_login_required,
    a_post_is_as_good_as_a_get,
);

async fn visit(town: &Town, url: &str) -> Answer {
    town.browser().request("GET", url, RequestParts::default()).await
}
async fn pushed(app: &App, change: &[Change<'_>]) -> String {
    let answer = push(app, change).await.expect(201).json();
    app.authorize_url(answer["request_uri"].as_str().unwrap())
}

async fn a_pushed_request_begins_and_is_resumed_by_its_browser(town: &Town) {
    let url = pushed(&town.creco(), &[]).await;
    let mut browser = town.browser();
    let first = browser.request("GET", &url, RequestParts::default()).await.expect(303);
    assert!(first.location().starts_with("/link/") && first.location().ends_with("/account"), "{}", first.location());
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let cookie = first.header("set-cookie").expect("the browser is given its cookie");
    let label = &first.location()["/link/".len()..][..8];
    assert!(cookie.starts_with(&format!("__Host-renkei-{label}=")), "requirements.md#cookies: {cookie}");
    assert!(cookie.contains("Secure") && cookie.ends_with("Max-Age=3600"), "requirements.md#cookies: {cookie}");
    assert!(!cookie.contains("Domain"), "requirements.md#cookies: {cookie}");

    let again = browser.request("GET", &url, RequestParts::default()).await.expect(303);
    assert_eq!(again.location(), first.location(), "a reload before completion works");
    assert_eq!(again.header("set-cookie"), None);
    let elsewhere = visit(town, &url).await.expect(303);
    assert_ne!(elsewhere.location(), first.location(), "another browser gets an interaction of its own");

    town.clock.advance(Duration::from_secs(299));
    visit(town, &url).await.expect(303);
    town.clock.advance(Duration::from_secs(1));
    let late = browser.request("GET", &url, RequestParts::default()).await.expect(303);
    assert_eq!(late.location(), first.location(), "resumed until the interaction's own end");
    is_error_page(&visit(town, &url).await, "invalid_request_uri", "but nobody begins after 300 s");
}

async fn a_request_uri_of_nobody_is_a_page(town: &Town) {
    let (creco, kakeibo) = (town.creco(), town.kakeibo());
    let url = pushed(&creco, &[]).await;
    let uri = &query(&url)["request_uri"];
    is_error_page(&visit(town, &kakeibo.authorize_url(uri)).await, "invalid_request_uri", "another client's");
    for (uri, why) in [
        (format!("urn:ietf:params:oauth:request_uri:{}", "A".repeat(43)), "unknown"),
        ("urn:ietf:params:oauth:request_uri:".to_owned(), "cut short"),
    ] {
        is_error_page(&visit(town, &creco.authorize_url(&uri)).await, "invalid_request_uri", why);
    }
    let by_reference = creco.authorize_url("https://creco.example/request.jwt");
    is_error_page(&visit(town, &by_reference).await, "request_uri_not_supported", "OpenID Connect Core 3.1.2.6");
    let told = format!("{by_reference}&{}", encode(&[("redirect_uri", creco.redirect_uri.as_str()), ("state", "s")]));
    let brought = query(visit(town, &told).await.expect(303).location());
    assert_eq!((brought["error"].as_str(), brought["state"].as_str()), ("request_uri_not_supported", "s"));
    let evil = format!("{by_reference}&redirect_uri=https%3A%2F%2Fevil.example%2F");
    is_error_page(&visit(town, &evil).await, "request_uri_not_supported", "OpenID Connect Core 6.2");
    let without = format!("/oauth/authorize?{}", encode(&[("request_uri", uri)]));
    is_error_page(&visit(town, &without).await, "invalid_request", "RFC 9126 4: client_id is required");
    let nobody = format!("/oauth/authorize?{}", encode(&[("client_id", "nobody"), ("request_uri", uri)]));
    is_error_page(&visit(town, &nobody).await, "unauthorized_client", "no such client");
    let twice = format!("{url}&client_id=creco");
    is_error_page(&visit(town, &twice).await, "invalid_request", "RFC 6749 3.1: a repeated parameter");
    visit(town, &url).await.expect(303);
}

async fn what_stands_beside_a_request_uri_does_not_count(town: &Town) {
    let creco = town.creco();
    let url = pushed(&creco, &[("state", Some("pushed")), ("prompt", Some("none"))]).await;
    let beside = encode(&[("state", "beside"), ("redirect_uri", "https://evil.example/"), ("response_type", "token")]);
    let answer = visit(town, &format!("{url}&{beside}")).await.expect(303);
    assert!(answer.location().starts_with("https://creco.example/callback?"), "RFC 9101 5: {}", answer.location());
    assert_eq!(query(answer.location())["state"], "pushed", "RFC 9101 5");
}

async fn a_request_is_used_up_by_its_completion(town: &Town) {
    let creco = town.creco();
    let pending = creco.push("openid accounts").await;
    let (mut browser, mut second) = (town.browser(), town.browser());
    second.open(&pending.url).await;
    browser.open(&pending.url).await;
    browser.walk_to(town, "consent").await;
    let brought = browser.allow().await;
    creco.code(&pending, &brought);
    let again = browser.request("GET", &pending.url, RequestParts::default()).await;
    is_error_page(&again, "invalid_request_uri", "used");
    is_error_page(&visit(town, &pending.url).await, "invalid_request_uri", "used, in another browser");
    second.reload().await;
    assert_eq!(second.screen(), "expired", "who came second ends as expired");
}

async fn of_two_browsers_at_consent_one_gets_a_code(town: &Town) {
    let creco = town.creco();
    let pending = creco.push("accounts").await;
    let (mut one, mut two) = (town.browser(), town.browser());
    for browser in [&mut one, &mut two] {
        browser.open(&pending.url).await;
        browser.walk_to(town, "consent").await;
    }
    let agree = [("agree", "yes")];
    let answers = tokio::join!(one.submit("allow", &agree), two.submit("allow", &agree));
    let with_code =
        [&answers.0, &answers.1].into_iter().filter(|a| a.header("location").is_some_and(|l| l.contains("code=")));
    assert_eq!(with_code.count(), 1, "the first to complete consumes it");
    for browser in [&mut one, &mut two] {
        browser.reload().await;
    }
    let mut screens = [one.screen(), two.screen()];
    screens.sort_unstable();
    assert_eq!(
        screens,
        ["callback", "expired"],
        "who came second ends as expired: the one is led to the app again, the other has nothing"
    );
}

async fn a_refusal_uses_a_request_up_too(town: &Town) {
    let creco = town.creco();
    let pending = creco.push("accounts").await;
    let (mut one, mut two) = (town.browser(), town.browser());
    two.open(&pending.url).await;
    one.open(&pending.url).await;
    one.press("cancel", &[]).await;
    assert_eq!(one.screen(), "cancelled");
    two.reload().await;
    assert_eq!(two.screen(), "account", "nothing has been answered yet");
    let brought = one.return_to_app().await;
    creco.refused(&pending, &brought, "access_denied");
    is_error_page(&visit(town, &pending.url).await, "invalid_request_uri", "used");
    two.reload().await;
    assert_eq!(two.screen(), "expired", "who came second ends as expired");
}

async fn nothing_is_redirected_before_the_address_is_proved(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let table: [(Change<'_>, &str, &str); 9] = [
        (("client_id", None), "invalid_request", "no client"),
        (("client_id", Some("nobody")), "unauthorized_client", "no such client"),
        (("client_id", Some("a b")), "unauthorized_client", "no client's name"),
        (("client_id", Some("accounts-api")), "unauthorized_client", "a resource server has no customers"),
        (("redirect_uri", None), "invalid_request", "missing with two registered"),
        (("redirect_uri", Some("https://evil.example/cb")), "invalid_request", "not registered"),
        (("redirect_uri", Some("https://shop.example/callback")), "invalid_request", "its query dropped"),
        (("redirect_uri", Some("https://shop.example/callback?bank=2")), "invalid_request", "its query changed"),
        (("redirect_uri", Some("https://shop.example/other?x=1")), "invalid_request", "a query added"),
    ];
    for (change, error, why) in table {
        is_error_page(&visit(town, &direct(&shop, &[change])).await, error, why);
    }
    let injected = direct(&shop, &[("redirect_uri", Some("\"><script>alert(1)</script>"))]);
    let answer = visit(town, &injected).await;
    is_error_page(&answer, "invalid_request", "nothing of the request is on the page");
    assert!(!answer.body.contains("<script>alert"));
}

async fn refusals_travel_with_state_and_iss(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let table: [(Change<'_>, &str, &str); 15] = [
        (("registration", Some("{}")), "registration_not_supported", "OpenID Connect Core 7.2.1"),
        (("claims", Some("name")), "invalid_request", "OpenID Connect Core 5.5"),
        (("prompt", Some("create")), "invalid_request", "Initiating User Registration 1.0: not offered"),
        (("response_type", Some("token")), "unsupported_response_type", "RFC 6749 3.1.1"),
        (("response_type", Some("code token")), "unsupported_response_type", "RFC 6749 3.1.1"),
        (("response_type", None), "invalid_request", "RFC 6749 3.1.1: missing"),
        (("scope", Some("accounts payments")), "invalid_scope", "RFC 6749 4.1.2.1"),
        (("scope", Some("transactions")), "invalid_scope", "not registered for this client"),
        (("code_challenge", None), "invalid_request", "PKCE is required"),
        (("code_challenge_method", Some("plain")), "invalid_request", "RFC 7636 4.4.1"),
        (("response_mode", Some("fragment")), "invalid_request", "only query and form_post"),
        (("request", Some("e30.e30.")), "request_not_supported", "OpenID Connect Core 3.1.2.6"),
        (("max_age", Some("-1")), "invalid_request", "OpenID Connect Core 3.1.2.1"),
        (("resource", Some("https://else.example")), "invalid_target", "RFC 8707 2"),
        (("authorization_details", Some("[]")), "invalid_authorization_details", "RFC 9396 5"),
    ];
    for (change, error, why) in table {
        let answer = visit(town, &direct(&shop, &[change, ("state", Some("s t&é"))])).await.expect(303);
        let location = answer.location();
        assert!(location.starts_with("https://shop.example/callback?bank=1&error="), "{why}: {location}");
        let mut brought = query(location);
        assert_eq!(brought.remove("error").as_deref(), Some(error), "{why}");
        assert_eq!(brought.remove("iss").as_deref(), Some(town.http.issuer.as_str()), "RFC 9207 2, {why}");
        assert_eq!(brought.remove("state").as_deref(), Some("s t&é"), "{why}");
        let said = brought.remove("error_description").unwrap();
        assert!(said.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')), "RFC 6749 4.1.2.1: {said}");
        assert_eq!(brought.remove("bank").as_deref(), Some("1"));
        assert!(brought.is_empty(), "nothing else: {brought:?}");
    }
    // FAPI 2.0 5.3.2.2: a FAPI client that did not push.
    let creco = town.creco();
    let answer = visit(town, &direct(&creco, &[])).await.expect(303);
    assert_eq!(query(answer.location())["error"], "invalid_request", "FAPI 2.0 5.3.2.2");
    assert!(answer.location().starts_with(&creco.redirect_uri));
}

async fn a_refusal_by_form_post(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let state = "\"><b>&";
    let change = [("response_mode", Some("form_post")), ("scope", Some("payments")), ("state", Some(state))];
    let answer = visit(town, &direct(&shop, &change)).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(!answer.header("content-security-policy").unwrap().contains("form-action"), "it goes to the app");
    assert!(!answer.body.contains(state), "escaped");
    let forms = answer.page().forms();
    let form = forms
        .iter()
        .find(|f| f.action.as_deref() == Some(shop.redirect_uri.as_str()))
        .expect("a form that goes to the app");
    assert_eq!(form.method, "post");
    let field = |name: &str| form.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!((field("error"), field("state")), (Some("invalid_scope"), Some(state)));
    assert_eq!(field("iss"), Some(town.http.issuer.as_str()), "RFC 9207 2");
}

async fn prompt_none_is_login_required(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let answer = visit(town, &direct(&shop, &[("prompt", Some("none"))])).await.expect(303);
    assert_eq!(query(answer.location())["error"], "login_required", "no session");
    assert_eq!(answer.header("set-cookie"), None, "no interaction was begun");

    let url = pushed(&town.creco(), &[("prompt", Some("none"))]).await;
    let answer = visit(town, &url).await.expect(303);
    assert_eq!(query(answer.location())["error"], "login_required", "no session");
    is_error_page(&visit(town, &url).await, "invalid_request_uri", "it has been answered");
    for prompt in ["login", "consent", "login consent"] {
        let answer = visit(town, &direct(&shop, &[("prompt", Some(prompt))])).await.expect(303);
        assert!(answer.location().ends_with("/account"), "{prompt}");
    }
}

async fn a_post_is_as_good_as_a_get(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let (_, good) = shop.request("openid accounts");
    let own = |fields: Vec<(&str, &str)>| fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let fields: Vec<(String, String)> = own(changed(&good, &[]));
    let answer =
        town.browser().request("POST", "/oauth/authorize", RequestParts::default().form(&fields)).await.expect(303);
    assert!(answer.location().ends_with("/account"), "OpenID Connect Core 3.1.2.1");
    let wrong: Vec<(String, String)> = own(changed(&good, &[("redirect_uri", Some("https://evil.example"))]));
    let answer = town.browser().request("POST", "/oauth/authorize", RequestParts::default().form(&wrong)).await;
    is_error_page(&answer, "invalid_request", "RFC 6749 3.1.2.4");
    let json = town.browser().request("POST", "/oauth/authorize", RequestParts::default().json("{}")).await;
    is_error_page(&json, "invalid_request", "RFC 6749 3.2: a form");
}
