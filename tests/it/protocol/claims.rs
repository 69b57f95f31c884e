//! OpenID Connect Core §5.5: what `claims` may ask for, and that nobody else is answered for.

use super::{changed, direct, push, register};
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::http::{RequestParts, encode, query};
use crate::support::jws;
use crate::support::town::{Town, on_both};
use renkei_core::consent::ACR;
use serde_json::{Value, json};

on_both!(
    claims_nobody_can_give_are_no_error,
    an_essential_acr_is_met_or_refused,
    nobody_but_the_subject_asked_for_is_answered_for,
    screens_come_in_the_language_asked_for,
    max_age_and_prompts_are_met_by_asking_anew,
);

/// The customer walks through and agrees; the token response.
async fn linked(town: &Town, app: &App, change: &[(&str, &str)]) -> Value {
    let (mut pending, fields) = app.request("openid accounts");
    let change: Vec<_> = change.iter().map(|(n, v)| (*n, Some(*v))).collect();
    pending.url = format!("{}/oauth/authorize?{}", town.http.issuer, encode(&changed(&fields, &change)));
    let mut browser = town.browser();
    browser.open(&pending.url).await;
    browser.walk_to(town, "consent").await;
    let mut brought = browser.allow().await;
    brought.remove("bank");
    app.exchange(&pending, &brought).await.body
}
fn id_token(body: &Value) -> Value {
    jws::claims(body["id_token"].as_str().unwrap())
}

async fn claims_nobody_can_give_are_no_error(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let asked = json!({
        "userinfo": {"name": {"essential": true}, "email": null, "birthdate": {"value": "1985-04-12"}},
        "id_token": {"auth_time": {"essential": true}, "acr": {"values": ["urn:else"]}, "phone_number": {"essential": true}},
        "qXz81": {"unheard": {"of": [1]}},
    });
    let body = linked(town, &shop, &[("claims", &asked.to_string())]).await;
    let claims = id_token(&body);
    assert!(claims["auth_time"].is_i64(), "Core 5.5.1: asked for as essential");
    assert_eq!(claims["acr"], ACR, "Core 5.5.1.1: a wish we cannot meet is no error");
    let userinfo = town.userinfo(body["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(userinfo, json!({"sub": claims["sub"]}), "R84: no names, however essential");
    for name in ["name", "email", "phone_number", "birthdate"] {
        assert!(claims.get(name).is_none(), "{claims}");
    }
}

async fn an_essential_acr_is_met_or_refused(town: &Town) {
    let (shop, creco) = (register(town, "shop", json!({})).await, town.creco());
    let asks = |values: Value| json!({"id_token": {"acr": {"essential": true, "values": values}}}).to_string();
    let ours = asks(json!(["urn:else", ACR]));
    assert_eq!(id_token(&linked(town, &shop, &[("claims", &ours)]).await)["acr"], ACR);
    let theirs = asks(json!(["urn:else"]));
    push(&creco, &[("claims", Some(&ours))]).await.expect(201);
    push(&creco, &[("claims", Some(&theirs))]).await.refused(400, "unmet_authentication_requirements");
    let url = direct(&shop, &[("claims", Some(&theirs))]);
    let answer = town.browser().request("GET", &url, RequestParts::default()).await.expect(303);
    assert_eq!(query(answer.location())["error"], "unmet_authentication_requirements", "Core 5.5.1.1");
}

async fn nobody_but_the_subject_asked_for_is_answered_for(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    let sub = id_token(&linked(town, &shop, &[]).await)["sub"].as_str().unwrap().to_owned();
    for test_store in ["id_token", "userinfo"] {
        let own = json!({ (test_store): {"sub": {"value": sub}} }).to_string();
        assert_eq!(id_token(&linked(town, &shop, &[("claims", &own)]).await)["sub"], *sub, "{test_store}");
    }
    let created = async || town.events().await.into_iter().filter(|e| e == "grant.created").count();
    let before = created().await;
    let other = json!({"id_token": {"sub": {"value": "somebody else"}}}).to_string();
    let mut browser: Browser = town.browser();
    browser.open(&format!("{}{}", town.http.issuer, direct(&shop, &[("claims", Some(&other))]))).await;
    browser.walk_to(town, "pin").await;
    browser.pin("4071").await;
    assert_eq!(browser.screen(), "closed", "Core 3.1.2.2: no answer about another person");
    let brought = browser.return_to_app().await;
    assert_eq!(brought["error"], "access_denied");
    assert!(!brought.contains_key("code"));
    assert_eq!(created().await, before, "and nothing was granted");
}

async fn screens_come_in_the_language_asked_for(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    for (locales, lang) in
        [("en", "en"), ("fr en-GB ja", "en"), ("ja-JP en", "ja"), ("se", "ja"), ("<b> ../../x", "ja")]
    {
        let mut browser = town.browser();
        let url =
            direct(&shop, &[("ui_locales", Some(locales)), ("display", Some("popup")), ("claims_locales", Some("se"))]);
        let first = browser.request("GET", &url, RequestParts::default()).await.expect(303);
        let screen = browser.request("GET", first.location(), RequestParts::default()).await.expect(200);
        assert!(screen.body.contains(&format!("<html lang=\"{lang}\"")), "{locales}");
    }
}

async fn max_age_and_prompts_are_met_by_asking_anew(town: &Town) {
    let shop = register(town, "shop", json!({})).await;
    for change in [("max_age", "0"), ("max_age", "10000"), ("prompt", "login consent"), ("prompt", "select_account")] {
        let before = town.now().secs();
        let claims = id_token(&linked(town, &shop, &[change, ("login_hint", "somebody-7391")]).await);
        assert!(claims["auth_time"].as_i64().unwrap() >= before, "Core 3.1.2.1: {change:?}");
    }
    assert!(!String::from_utf8_lossy(&town.store_bytes().await).contains("somebody-7391"), "a hint is not kept");
}
