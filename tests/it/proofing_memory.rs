//! Proofing memory (decision 15): when ① to ⑤ need not be passed again, and everything that makes them needed again.

use crate::support::app::{App, Credential, Pending, Tokens};
use crate::support::browser::{Browser, Customer};
use crate::support::http::encode;
use crate::support::jws::claims;
use crate::support::town::{BANK_SECRET, Engine, Town, on_both, on_both_with, run};
use renkei_server::config::Config;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

fn remembering(config: &mut Config) {
    config.identity.proofing_memory = renkei_server::config::Span::secs(600);
}
on_both_with!(a_request_minutes_later_begins_at_six_and_says_so, super::remembering);
on_both_with!(it_is_one_browsers_and_one_apps, super::remembering);
on_both_with!(login_select_account_and_max_age_ask_anew, super::remembering);
on_both_with!(it_lasts_from_the_checks_and_no_use_of_it_extends_it, super::remembering);
on_both_with!(it_is_forgotten, super::remembering);
on_both_with!(what_counts_at_the_screens_counts_here, super::remembering);
on_both_with!(an_interaction_at_six_ends_with_its_proofing_session, super::remembering);
on_both_with!(no_screen_is_needed_where_a_link_covers_the_request, super::remembering);
on_both_with!(a_link_repeated_without_a_screen_shares_the_same_accounts, super::remembering);
on_both_with!(a_link_repeated_for_openid_alone_shares_no_account, super::remembering);
on_both_with!(a_hint_says_whom_the_app_expects, super::remembering);
on_both_with!(a_remembered_consent_forgets_no_wrong_answer, super::remembering);
on_both_with!(what_falls_while_the_core_bank_is_asked_counts, super::remembering);
on_both_with!(whoever_is_remembered_asks_the_core_bank_no_oftener_than_others, |config| {
    super::remembering(config);
    (config.limits.by_network, config.limits.customer_posts) = (true, 4);
});
on_both!(without_the_institutions_leave_nothing_is_remembered);

const COOKIE: &str = "__Host-renkei-memory";
const SCOPE: &str = "openid accounts";

/// An app whose customers are remembered for ten minutes.
async fn app(w: &Town, id: &str) -> App {
    w.register(json!({
        "client_id": id, "profile": "oidc", "client_name": id, "client_secret": format!("{id}-secret"),
        "redirect_uris": [format!("https://{id}.example/cb")], "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid accounts transactions", "proofing_memory": "10m",
    }))
    .await;
    let secret = Credential::Secret(format!("{id}-secret"));
    App::new(w.http.clone(), w.clock.clone(), id, &format!("https://{id}.example/cb"), secret)
}
/// Where a request with `more` leads this browser.
async fn asked(app: &App, browser: &mut Browser, scope: &str, more: &[(&'static str, &str)]) -> Pending {
    let (mut pending, mut fields) = app.request(scope);
    fields.extend(more.iter().map(|(n, v)| (*n, (*v).to_owned())));
    pending.url = format!("{}/oauth/authorize?{}", browser.issuer(), encode(&fields));
    browser.open(&pending.url).await;
    pending
}
/// The sample customer links in a new browser, and is remembered there.
async fn linked(w: &Town, app: &App) -> (Browser, Tokens) {
    let mut browser = w.browser();
    let pending = asked(app, &mut browser, SCOPE, &[]).await;
    browser.walk_to(w, "consent").await;
    assert!(!browser.page().text().contains("本人確認はお済みです"));
    let brought = browser.allow().await;
    assert!(browser.cookies.contains_key(COOKIE), "{:?}", browser.cookies);
    let tokens = app.exchange(&pending, &brought).await;
    (browser, tokens)
}
fn id_token(tokens: &Tokens) -> Value {
    claims(tokens.body["id_token"].as_str().unwrap())
}
fn error(brought: &BTreeMap<String, String>) -> Option<&str> {
    brought.get("error").map(String::as_str)
}
fn wait(w: &Town, seconds: u64) {
    w.clock.advance(Duration::from_secs(seconds));
}
fn report(w: &Town, account: &str) -> Value {
    json!({"v": 1, "event_id": "e-1", "type": "stopped", "account": account, "at": w.now().secs()})
}

async fn a_request_minutes_later_begins_at_six_and_says_so(w: &Town) {
    let app = app(w, "remember").await;
    let (mut browser, first) = linked(w, &app).await;
    let (passed, before) = (id_token(&first)["auth_time"].clone(), browser.cookies[COOKIE].clone());
    wait(w, 240);
    let asked_before = w.bank.pin_checks();
    let pending = asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "consent"));
    let text = browser.page().text();
    for words in [
        "本人確認はお済みです",
        "10時15分に、この端末で本人確認",
        "手順1から5までを省略しました",
        "「拒否する」を押してください",
    ] {
        assert!(text.contains(words), "⑥ lacks {words}: {text}");
    }
    browser.press("allow", &[]).await;
    assert!(browser.summary().contains("同意のチェック"), "the tick is asked for as ever");
    let brought = browser.allow().await;
    let second = app.exchange(&pending, &brought).await;
    let token = id_token(&second);
    assert_eq!(
        (&token["auth_time"], &token["sub"]),
        (&passed, &id_token(&first)["sub"]),
        "when the checks were passed"
    );
    assert_eq!(token["acr"], id_token(&first)["acr"]);
    assert_eq!(w.bank.pin_checks(), asked_before);
    assert_eq!(w.recorded("interaction.proofing.remembered").await, 1, "audited");
    assert_eq!(w.mail().await.len(), 2, "the customer hears of every 許可する");
    assert_ne!(browser.cookies[COOKIE], before, "the value changes with each use");
    let seen = w.accounts_api().introspect(&first.access_token).await;
    assert_eq!(seen["active"], false, "G23: the newer link replaced the older");
    assert!(!w.log().contains(&before) && !String::from_utf8_lossy(&w.store_bytes().await).contains(&before));
    // The value of before opens nothing any more.
    browser.cookies.insert(COOKIE.into(), before);
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account");
}

async fn it_is_one_browsers_and_one_apps(w: &Town) {
    let (one, two) = (app(w, "one").await, app(w, "two").await);
    let (mut browser, _) = linked(w, &one).await;
    let memory = browser.cookies[COOKIE].clone();
    asked(&two, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account", "another app");
    asked(&w.kakeibo(), &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account", "an app nobody allowed it");
    let mut other = w.browser();
    asked(&one, &mut other, SCOPE, &[]).await;
    assert_eq!(other.screen(), "account", "another browser");
    // With the value it would be the same browser; a guess is none.
    for (value, screen) in [("x".repeat(43), "account"), (String::new(), "account"), (memory, "consent")] {
        let mut browser = w.browser();
        browser.cookies.insert(COOKIE.into(), value);
        asked(&one, &mut browser, SCOPE, &[]).await;
        assert_eq!(browser.screen(), screen);
    }
    // Two interactions may stand on one memory: the one that is completed first spends it.
    asked(&one, &mut browser, SCOPE, &[]).await;
    let mut twin = w.browser();
    twin.cookies.insert(COOKIE.into(), browser.cookies[COOKIE].clone());
    asked(&one, &mut twin, SCOPE, &[]).await;
    assert_eq!(twin.screen(), "consent");
    assert_eq!(browser.reload().await.screen(), "consent");
    // A link with another app takes the browser's one memory over.
    asked(&two, &mut twin, SCOPE, &[]).await;
    twin.walk_to(w, "consent").await.allow().await;
    asked(&two, &mut twin, SCOPE, &[]).await;
    assert_eq!(twin.screen(), "consent");
    asked(&one, &mut twin, SCOPE, &[]).await;
    assert_eq!(twin.screen(), "account");
    browser.press("allow", &[("agree", "yes")]).await;
    assert_eq!(browser.screen(), "expired", "the memory it stood on is gone");
}

async fn login_select_account_and_max_age_ask_anew(w: &Town) {
    let app = app(w, "remember").await;
    let (mut browser, _) = linked(w, &app).await;
    wait(w, 60);
    for (name, value, screen, why) in [
        ("prompt", "login", "account", "OpenID Connect Core 3.1.2.1"),
        ("prompt", "select_account", "account", "the account is named at ①"),
        ("prompt", "login consent", "account", "login among others"),
        ("prompt", "consent", "consent", "⑥ is what it asks for"),
        ("max_age", "0", "account", "the same as prompt=login"),
        ("max_age", "59", "account", "older than that"),
        ("max_age", "60", "consent", "not older"),
        ("max_age", "10000", "consent", "not older"),
    ] {
        asked(&app, &mut browser, SCOPE, &[(name, value)]).await;
        assert_eq!(browser.screen(), screen, "{name}={value}: {why}");
    }
    // Passed anew, auth_time is new.
    let pending = asked(&app, &mut browser, SCOPE, &[("prompt", "login")]).await;
    let now = w.now().secs();
    let brought = browser.walk_to(w, "consent").await.allow().await;
    assert_eq!(id_token(&app.exchange(&pending, &brought).await)["auth_time"], now);
}

async fn it_lasts_from_the_checks_and_no_use_of_it_extends_it(w: &Town) {
    let app = app(w, "remember").await;
    let (mut browser, _) = linked(w, &app).await;
    wait(w, 590);
    let pending = asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "consent");
    wait(w, 60);
    // What began in time lives by its own time.
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account", "eleven minutes after the checks");
    let (mut browser, _) = linked(w, &app).await;
    wait(w, 600);
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account", "ten minutes are ten minutes");
}

async fn it_is_forgotten(w: &Town) {
    let app = app(w, "remember").await;
    let begins = async |browser: &mut Browser, why: &str| {
        asked(&app, browser, SCOPE, &[]).await;
        assert_eq!(browser.screen(), "account", "{why}");
    };

    let (mut browser, _) = linked(w, &app).await;
    asked(&app, &mut browser, SCOPE, &[("prompt", "login")]).await;
    browser.press("cancel", &[]).await;
    begins(&mut browser, "中止する").await;

    let (mut browser, _) = linked(w, &app).await;
    asked(&app, &mut browser, SCOPE, &[]).await;
    browser.press("deny", &[]).await;
    begins(&mut browser, "拒否する").await;

    let (mut browser, tokens) = linked(w, &app).await;
    w.revoke_by_staff(&tokens.grant_id).await;
    begins(&mut browser, "the institution ended the link").await;

    let (mut browser, tokens) = linked(w, &app).await;
    app.revoke(&tokens.access_token).await.expect(200);
    begins(&mut browser, "the app ended the link").await;

    let (mut browser, _) = linked(w, &app).await;
    w.suspend_by_staff("remember").await;
    w.resume_by_staff("remember").await;
    begins(&mut browser, "the app was suspended meanwhile").await;

    let (mut browser, _) = linked(w, &app).await;
    w.bank_reports(&report(w, "115-ordinary-1100026"), BANK_SECRET).await.expect(204);
    begins(&mut browser, "the account was stopped").await;

    let (mut browser, _) = linked(w, &app).await;
    let mut other = w.browser();
    asked(&w.kakeibo(), &mut other, "accounts", &[]).await;
    other.account("115-1100026").await;
    for _ in 0..3 {
        other.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    assert_eq!(other.screen(), "locked");
    begins(&mut browser, "the account was locked").await;
    w.release_lock("115-ordinary-1100026").await;
    begins(&mut browser, "and stays forgotten").await;
}

/// What is asked of the core bank without ② counts as a post of it.
async fn whoever_is_remembered_asks_the_core_bank_no_oftener_than_others(w: &Town) {
    let app = app(w, "remember").await;
    let (mut browser, _) = linked(w, &app).await;
    let questions = || w.bank.asked.load(std::sync::atomic::Ordering::SeqCst);
    for n in 1..=5 {
        let before = questions();
        asked(&app, &mut browser, SCOPE, &[]).await;
        assert_eq!(browser.screen(), if n <= 3 { "consent" } else { "account" }, "start {n}");
        assert_eq!(questions() > before, n <= 3, "start {n}");
    }
    let before = questions();
    asked(&app, &mut browser, SCOPE, &[("prompt", "none")]).await;
    assert_eq!(error(&browser.handed_to_app()), Some("login_required"));
    assert_eq!(questions(), before, "nor without a screen");
}

async fn what_counts_at_the_screens_counts_here(w: &Town) {
    let app = app(w, "remember").await;
    let (mut browser, _) = linked(w, &app).await;
    w.bank.fail(Some(renkei_core::identity::BankError::Failed("down".into())));
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account", "nobody can say what became of the account");
    w.bank.fail(None);
    // A suspended app asks nobody anything.
    w.suspend_by_staff("remember").await;
    browser.open(&asked_url(&app, w)).await;
    assert_eq!(browser.status(), 400);
    w.resume_by_staff("remember").await;

    w.set_clock("2026-11-25T23:55:00+09:00");
    let (mut browser, _) = linked(w, &app).await;
    w.set_clock("2026-11-26T00:01:00+09:00");
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "closed", "outside service hours");
    w.set_clock("2026-11-26T00:03:00+09:00");
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "consent");
    w.bank.close("115-ordinary-1100026");
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account", "a closed account is no longer remembered as open");
}
fn asked_url(app: &App, w: &Town) -> String {
    let (_, fields) = app.request(SCOPE);
    format!("{}/oauth/authorize?{}", w.http.issuer, encode(&fields))
}

async fn an_interaction_at_six_ends_with_its_proofing_session(w: &Town) {
    let app = app(w, "remember").await;
    let (mut browser, tokens) = linked(w, &app).await;
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "consent");
    w.revoke_by_staff(&tokens.grant_id).await;
    browser.press("allow", &[("agree", "yes")]).await;
    assert_eq!(browser.screen(), "expired", "the link was ended by telephone: the checks are passed anew");
    browser.press("restart", &[]).await;
    assert_eq!(browser.screen(), "account");
    assert_eq!(w.recorded("consent.granted").await, 1);

    let (mut browser, _) = linked(w, &app).await;
    asked(&app, &mut browser, SCOPE, &[]).await;
    let mut other = w.browser();
    asked(&w.kakeibo(), &mut other, "accounts", &[]).await;
    other.account("115-1100026").await;
    for _ in 0..3 {
        other.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    browser.press("allow", &[("agree", "yes")]).await;
    assert_eq!((browser.status(), browser.screen()), (403, "locked"));
    assert!(browser.page().text().contains("B84"), "R33");
}

async fn no_screen_is_needed_where_a_link_covers_the_request(w: &Town) {
    let app = app(w, "remember").await;
    let none = ("prompt", "none");
    let refused = async |browser: &mut Browser, scope: &str, more: &[(&'static str, &str)], code: &str, why: &str| {
        let pending = asked(&app, browser, scope, more).await;
        app.refused(&pending, &browser.handed_to_app(), code);
        assert_eq!(error(&browser.handed_to_app()), Some(code), "{why}");
    };
    refused(&mut w.browser(), SCOPE, &[none], "login_required", "nobody is remembered").await;

    let (mut browser, first) = linked(w, &app).await;
    wait(w, 60);
    let pending = asked(&app, &mut browser, SCOPE, &[none, ("max_age", "10000")]).await;
    let second = app.exchange(&pending, &browser.handed_to_app()).await;
    let (old, new) = (id_token(&first), id_token(&second));
    assert_eq!((&new["sub"], &new["auth_time"]), (&old["sub"], &old["auth_time"]));
    assert_eq!(new["nonce"], pending.nonce);
    assert_eq!(second.body["grant_expires_at"], first.body["grant_expires_at"], "the customer agreed to these days");
    assert_ne!(second.grant_id, first.grant_id);
    assert_eq!(second.body["authorization_details"], first.body["authorization_details"]);
    assert_eq!(w.accounts_api().introspect(&first.access_token).await["active"], false, "replaced");
    assert_eq!(w.accounts_api().introspect(&second.access_token).await["active"], true);
    assert_eq!(w.recorded("interaction.proofing.remembered").await, 1);
    assert_eq!(w.recorded("consent.granted").await, 1, "no new consent");
    assert_eq!(w.mail().await.len(), 1);

    refused(&mut browser, "openid accounts transactions", &[none], "consent_required", "more than was agreed").await;
    let more =
        json!([{"type": "account_information", "accounts": w.bank.ids("115-ordinary-1100026").await}]).to_string();
    refused(&mut browser, SCOPE, &[none, ("authorization_details", &more)], "consent_required", "another account")
        .await;
    refused(&mut browser, SCOPE, &[none, ("max_age", "59")], "login_required", "too long ago").await;
    refused(&mut w.browser(), SCOPE, &[none], "login_required", "another browser").await;

    // Less than was agreed is covered; so is openid alone, as the conformance suite asks.
    let less = asked(&app, &mut browser, "openid", &[none]).await;
    let less = app.exchange(&less, &browser.handed_to_app()).await;
    assert_eq!(less.body["scope"], "openid");
    assert_eq!(less.body.get("authorization_details"), None, "and carries no account (decision 10)");
    refused(&mut browser, SCOPE, &[none], "consent_required", "now that is the link").await;

    app.revoke(&less.access_token).await.expect(200);
    refused(&mut browser, "openid", &[none], "login_required", "an ended link ends the memory").await;

    // A pushed request is used up by its answer, whatever it is.
    let (mut browser, _) = linked(w, &app).await;
    let (pending, fields) = app.request(SCOPE);
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    fields.push(none);
    let pushed = app.post("/oauth/par", &fields, false).await.expect(201).json();
    let url = app.authorize_url(pushed["request_uri"].as_str().unwrap());
    browser.open(&url).await;
    app.exchange(&pending, &browser.handed_to_app()).await;
    browser.open(&url).await;
    assert_eq!(browser.status(), 400, "RFC 9126 4: used");
    // Locked now: nothing without a screen.
    let mut other = w.browser();
    asked(&w.kakeibo(), &mut other, "accounts", &[]).await;
    other.account("115-1100026").await;
    for _ in 0..3 {
        other.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    refused(&mut browser, SCOPE, &[none], "login_required", "the account is locked").await;
}

/// What happens to an account that was chosen beside the verified one ends the link that repeats the choice, too.
async fn a_link_repeated_without_a_screen_shares_the_same_accounts(w: &Town) {
    let (app, own) = (app(w, "remember").await, w.bank.ids("115-ordinary-1100026").await);
    let details = crate::rar::detail(json!({"accounts": own})).to_string();
    let named = ("authorization_details", details.as_str());
    let mut browser = w.browser();
    let pending = asked(&app, &mut browser, SCOPE, &[named]).await;
    browser.walk_to(w, "consent").await;
    crate::rar::allow(&mut browser, &[&own[0], &own[1]]).await;
    let first = app.exchange(&pending, &browser.handed_to_app()).await;
    wait(w, 60);
    let pending = asked(&app, &mut browser, SCOPE, &[("prompt", "none"), named]).await;
    let second = app.exchange(&pending, &browser.handed_to_app()).await;
    let shared = |tokens: &Tokens| {
        let accounts = tokens.body["authorization_details"][0]["accounts"].as_array().unwrap().iter();
        accounts.map(|id| id.as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((shared(&first), shared(&second)), (own.iter().cloned().collect(), own.iter().cloned().collect()));
    let seen = async || w.accounts_api().introspect(&second.access_token).await["authorization_details"][0].clone();
    assert_eq!(seen().await["accounts"].as_array().map(Vec::len), Some(2));
    let listed = w.staff(&["grant", "list", "--account", "115-savings-2200011", "--json"]).await.json();
    let grants = listed["grants"].as_array().unwrap_or_else(|| panic!("{listed}"));
    let open: Vec<&Value> = grants.iter().filter(|g| g["state"] == "active").collect();
    assert_eq!(open.len(), 1, "staff find it under each account: {listed}");
    assert_eq!(open[0]["grant_id"], second.grant_id);
    wait(w, 60);
    w.bank_reports(&report(w, "115-savings-2200011"), BANK_SECRET).await.expect(204);
    assert_eq!(seen().await["accounts"], json!([own[0]]), "G24: it goes on without the account");
}

/// A link repeated for `openid` alone shares no account: what happens to one that was chosen before does not end it.
async fn a_link_repeated_for_openid_alone_shares_no_account(w: &Town) {
    let (app, own) = (app(w, "remember").await, w.bank.ids("115-ordinary-1100026").await);
    let details = crate::rar::detail(json!({"accounts": own, "from": "2026-09-01"})).to_string();
    let mut browser = w.browser();
    let pending = asked(&app, &mut browser, SCOPE, &[("authorization_details", &details)]).await;
    browser.walk_to(w, "consent").await;
    crate::rar::allow(&mut browser, &[&own[1]]).await;
    app.exchange(&pending, &browser.handed_to_app()).await;
    wait(w, 60);
    // Neither the verified account nor the days of the other link matter to a request without a permission.
    let pending = asked(&app, &mut browser, "openid", &[("prompt", "none")]).await;
    let second = app.exchange(&pending, &browser.handed_to_app()).await;
    let seen = async || w.accounts_api().introspect(&second.access_token).await;
    assert_eq!((seen().await["active"].clone(), seen().await.get("authorization_details")), (json!(true), None));
    wait(w, 60);
    w.bank_reports(&report(w, "115-savings-2200011"), BANK_SECRET).await.expect(204);
    assert_eq!(seen().await["active"], true);
    let mut own = report(w, "115-ordinary-1100026");
    own["event_id"] = json!("e-2");
    w.bank_reports(&own, BANK_SECRET).await.expect(204);
    assert_eq!(seen().await["active"], false, "the account its customer was verified by");
}

async fn a_hint_says_whom_the_app_expects(w: &Town) {
    let (app, two) = (app(w, "remember").await, app(w, "two").await);
    let (mut taro, first) = linked(w, &app).await;
    let taros = first.body["id_token"].as_str().unwrap().to_owned();
    let mut hanako = w.browser();
    let pending = asked(&app, &mut hanako, SCOPE, &[]).await;
    hanako.walk_to_consent(w, "005-0000123", &Customer::hanako(), "9182").await;
    let brought = hanako.allow().await;
    let hanakos = app.exchange(&pending, &brought).await.body["id_token"].as_str().unwrap().to_owned();
    wait(w, 60);

    let none = ("prompt", "none");
    let pending = asked(&app, &mut taro, SCOPE, &[none, ("id_token_hint", &taros)]).await;
    let brought = taro.handed_to_app();
    let third = app.exchange(&pending, &brought).await;
    assert_eq!(id_token(&third)["sub"], claims(&taros)["sub"], "the same person");
    let (_, of_two) = linked(w, &two).await;
    let foreign = of_two.body["id_token"].as_str().unwrap().to_owned();
    for (hint, why) in [(hanakos.as_str(), "somebody else"), (&foreign, "another app's"), ("a.b.c", "nobody's")] {
        let pending = asked(&app, &mut taro, SCOPE, &[none, ("id_token_hint", hint)]).await;
        app.refused(&pending, &taro.handed_to_app(), "login_required");
        asked(&app, &mut taro, SCOPE, &[("id_token_hint", hint)]).await;
        assert_eq!(taro.screen(), "account", "{why}: the checks show who it is");
        if hint != hanakos {
            assert_eq!(taro.walk_to(w, "consent").await.screen(), "consent", "{why}: it expects nobody in particular");
        }
    }
    // Nobody else is answered for (OpenID Connect Core §3.1.2.1).
    let pending = asked(&app, &mut taro, SCOPE, &[("id_token_hint", &hanakos)]).await;
    taro.walk_to(w, "pin").await.pin("4071").await;
    assert_eq!((taro.status(), taro.screen()), (403, "closed"));
    let brought = taro.return_to_app().await;
    app.refused(&pending, &brought, "access_denied");
    let pending = asked(&app, &mut hanako, SCOPE, &[("id_token_hint", &hanakos)]).await;
    assert_eq!(hanako.screen(), "consent");
    let brought = hanako.allow().await;
    app.exchange(&pending, &brought).await;
}

/// The institution has new terms, and remembers for five minutes where it remembered for ten.
#[test]
fn a_configuration_that_grew_stricter_counts_at_once() {
    run(Engine::Postgres, remembering, async |w: &Town| {
        let app = app(w, "remember").await;
        let (mut browser, _) = linked(w, &app).await;
        let stricter = |config: &mut Config| {
            config.institution.terms_version = "2026-12".into();
            config.identity.proofing_memory = renkei_server::config::Span::secs(300);
        };
        let node = w.second_node_with(stricter).await;
        let mut there = Browser::new(node.http.clone(), "198.51.100.77");
        there.cookies = browser.cookies.clone();
        for (seconds, error, why) in
            [(60, "consent_required", "nobody has agreed to these terms"), (300, "login_required", "too long ago here")]
        {
            wait(w, seconds);
            let pending = asked(&app, &mut there, SCOPE, &[("prompt", "none")]).await;
            let brought = there.handed_to_app();
            assert_eq!(brought.get("error").map(String::as_str), Some(error), "{why}: {brought:?}");
            app.refused(&pending, &brought, error);
        }
        asked(&app, &mut there, SCOPE, &[]).await;
        assert_eq!(there.screen(), "account");
        // Where nothing has changed, the same browser is known and its link covers the request.
        let pending = asked(&app, &mut browser, SCOPE, &[("prompt", "none")]).await;
        app.exchange(&pending, &browser.handed_to_app()).await;
        node.stop().await;
    });
}

async fn without_the_institutions_leave_nothing_is_remembered(w: &Town) {
    let app = app(w, "remember").await;
    let mut browser = w.browser();
    let pending = asked(&app, &mut browser, SCOPE, &[]).await;
    let brought = browser.walk_to(w, "consent").await.allow().await;
    app.exchange(&pending, &brought).await;
    assert!(!browser.cookies.contains_key(COOKIE), "off by default: {:?}", browser.cookies);
    asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "account");
}

/// A stranger at ② with this account.
async fn guesses(w: &Town, times: usize) -> Browser {
    let mut other = w.browser();
    asked(&w.kakeibo(), &mut other, "accounts", &[]).await;
    other.account("115-1100026").await;
    for _ in 0..times {
        other.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    other
}

/// Checks passed minutes ago do not make up for wrong answers given since (decision 15).
async fn a_remembered_consent_forgets_no_wrong_answer(w: &Town) {
    let app = app(w, "remember").await;
    let (mut browser, _) = linked(w, &app).await;
    assert_eq!(guesses(w, 2).await.screen(), "customer");
    let pending = asked(&app, &mut browser, SCOPE, &[]).await;
    assert_eq!(browser.screen(), "consent");
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    assert_eq!(guesses(w, 1).await.screen(), "locked", "the third of the day");
    // Checks passed anew do.
    w.release_lock("115-ordinary-1100026").await;
    assert_eq!(guesses(w, 2).await.screen(), "customer");
    linked(w, &app).await;
    assert_eq!(guesses(w, 2).await.screen(), "customer");
}

/// `prompt=none`: what was remembered is read, the core bank is asked, and only then a grant is written.
async fn what_falls_while_the_core_bank_is_asked_counts(w: &Town) {
    let app = app(w, "remember").await;
    for meanwhile in ["locked", "forgotten", "nothing"] {
        let (mut browser, _) = linked(w, &app).await;
        let before = w.count("select count(*) from grants").await;
        let other = guesses(w, 2).await;
        let mut tab = browser.clone();
        asked(&app, &mut tab, SCOPE, &[]).await;
        assert_eq!(tab.screen(), "consent");
        w.bank.hold();
        let silent = asked(&app, &mut browser, SCOPE, &[("prompt", "none")]);
        let falls = async {
            w.bank.until_held().await;
            match meanwhile {
                "locked" => w.guess_wrong("115-ordinary-1100026").await,
                "forgotten" => drop(tab.press("deny", &[]).await),
                _ => {}
            }
            w.bank.let_go();
        };
        let (pending, ()) = tokio::join!(silent, falls);
        drop(other);
        let brought = browser.handed_to_app();
        if meanwhile == "nothing" {
            app.exchange(&pending, &brought).await;
            continue;
        }
        app.refused(&pending, &brought, "login_required");
        assert_eq!(w.count("select count(*) from grants").await, before, "{meanwhile}");
        if meanwhile == "locked" {
            w.release_lock("115-ordinary-1100026").await;
        }
    }
}
