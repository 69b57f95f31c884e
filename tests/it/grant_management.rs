//! An app asks for a further link, for more of a link, or for another in its place; it asks about a link, and ends it (Grant
//! Management for OAuth 2.0; requirements.md#grant-management).

use crate::rar::{allow, asked_with, detail, pushed, token};
use crate::support::app::{App, Credential, Pending};
use crate::support::browser::{Browser, Customer};
use crate::support::http::{Answer, RequestParts};
use crate::support::jws::Key;
use crate::support::town::{BANK_SECRET, Town, on_both, on_both_with};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    a_merge_widens_a_link_and_no_token_issued_before,
    a_replacement_ends_every_token,
    a_further_link_stands_beside_the_others,
    an_account_stopped_in_between_does_not_come_back,
    a_link_that_ended_in_between_is_not_changed,
    a_lost_redirect_changes_nothing,
    a_second_press_gives_the_app_a_further_code,
    another_person_changes_nobodys_link,
    a_reported_account_is_not_added,
    parameters_that_do_not_fit_are_refused,
    a_grant_is_shown_to_its_client_alone,
    a_grant_is_ended_by_its_client_alone,
    only_a_bound_token_manages_grants,
    an_account_that_comes_back_does_not_come_back_to_an_old_token,
    of_two_changes_in_flight_one_is_redeemed,
    the_first_screen_says_that_the_app_asks_again_only_of_a_named_link,
    a_merge_leaves_the_days_that_are_out_of_reach,
);
on_both_with!(as_many_links_as_allowed, |config| config.tokens.open_grants = 2);

const ALL: &str = "openid accounts transactions offline_access grant_management_query grant_management_revoke";

pub(crate) async fn client(w: &Town, id: &str) -> App {
    let (secret, callback) = (format!("{id}-secret"), format!("https://{id}.example/cb"));
    w.register(json!({
        "client_id": id, "profile": "oidc", "client_name": "家計", "client_secret": secret, "redirect_uris": [callback],
        "token_endpoint_auth_method": "client_secret_basic", "refresh_tokens": true, "scope": ALL,
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    }))
    .await;
    App::new(w.http.clone(), w.clock.clone(), id, &callback, Credential::Secret(secret)).with_dpop(Key::generate())
}

/// The customer at ⑥ of a request with these parameters beside the usual ones.
pub(crate) async fn asked(w: &Town, app: &App, scope: &str, more: &[(&'static str, &str)]) -> (Pending, Browser) {
    asked_with(w, app, scope, &detail(json!({})), more).await
}
pub(crate) async fn redeemed(app: &App, pending: &Pending, browser: &Browser) -> Answer {
    app.try_exchange(pending, &browser.handed_to_app()["code"]).await
}
pub(crate) async fn linked(
    w: &Town,
    app: &App,
    scope: &str,
    accounts: &[&str],
    more: &[(&'static str, &str)],
) -> Value {
    let (pending, mut browser) = asked(w, app, scope, more).await;
    allow(&mut browser, accounts).await;
    redeemed(app, &pending, &browser).await.expect(200).json()
}
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}
async fn accounts_of(app: &App, token: &str) -> Value {
    app.introspect(token).await["authorization_details"][0]["accounts"].clone()
}
pub(crate) async fn refresh(app: &App, tokens: &Value) -> Answer {
    token(app, &[("grant_type", "refresh_token"), ("refresh_token", text(tokens, "refresh_token"))], None).await
}
pub(crate) async fn grant(w: &Town, app: &App, method: &str, id: &str, token: &str) -> Answer {
    let path = format!("/oauth/grants/{id}");
    let proof = app.proof(method, &format!("{}{path}", w.http.issuer), None, Some(token));
    let ask = RequestParts::default().header("authorization", format!("DPoP {token}")).header("dpop", proof);
    w.http.send(method, &path, ask).await
}

async fn a_merge_widens_a_link_and_no_token_issued_before(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "openid accounts offline_access", &[&own[0]], &[]).await;
    let id = text(&first, "grant_id").to_owned();
    w.clock.advance(Duration::from_secs(86_400));

    let merge = [("grant_management_action", "merge"), ("grant_id", id.as_str())];
    let (pending, mut browser) = asked(w, &app, "openid accounts transactions offline_access", &merge).await;
    let page = browser.page().text();
    for words in ["すでに連携している内容", "今回新たに連携する内容", "許可されますと、すでに連携している内容も含めて"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!browser.answer.body.contains(&format!("value=\"{}\"", own[0])), "what is linked is not asked again");
    allow(&mut browser, &[&own[1]]).await;
    assert_eq!(
        accounts_of(&app, text(&first, "access_token")).await,
        json!([own[0]]),
        "nothing changes before redemption"
    );
    assert_eq!(app.introspect(text(&first, "access_token")).await["scope"], "accounts offline_access openid");
    let second = redeemed(&app, &pending, &browser).await.expect(200).json();
    assert_eq!(second["grant_id"], id, "the same link");
    assert_eq!(accounts_of(&app, text(&second, "access_token")).await, json!([own[0], own[1]]));
    let old = app.introspect(text(&first, "access_token")).await;
    assert_eq!(old["authorization_details"][0]["accounts"], json!([own[0]]), "{old}");
    assert_eq!(old["authorization_details"][0]["permissions"], json!(["balances"]), "{old}");
    assert!(
        second["expires_at"].as_i64() > first["expires_at"].as_i64()
            || second["grant_expires_at"] != first["grant_expires_at"]
    );

    let refused = refresh(&app, &first).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_grant", "a merge ends the refresh tokens issued before");
    assert_eq!(refresh(&app, &second).await.expect(200).json()["grant_id"], id);
    // A client that tidies its old token away does not end the link.
    app.post("/oauth/revoke", &[("token", text(&first, "refresh_token"))], true).await.expect(200);
    assert_eq!(app.introspect(text(&second, "access_token")).await["active"], true);

    let shown = w.staff(&["grant", "show", &id, "--json"]).await.json();
    let updated = shown["events"].as_array().unwrap().iter().find(|e| e["event"] == "grant.updated").unwrap();
    assert_eq!(updated["detail"]["by"], "client", "{shown}");
}

async fn a_replacement_ends_every_token(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "openid accounts transactions offline_access", &[&own[0], &own[1]], &[]).await;
    let id = text(&first, "grant_id").to_owned();
    let replace = [("grant_management_action", "replace"), ("grant_id", id.as_str())];
    let (pending, mut browser) = asked(w, &app, "openid accounts offline_access", &replace).await;
    assert!(browser.page().text().contains("今回の許可により終了する内容"));
    allow(&mut browser, &[&own[0]]).await;
    let second = redeemed(&app, &pending, &browser).await.expect(200).json();
    assert_eq!(second["grant_id"], id);
    assert_eq!(app.introspect(text(&first, "access_token")).await, json!({"active": false}));
    assert_eq!(refresh(&app, &first).await.expect(400).json()["error"], "invalid_grant");
    let seen = app.introspect(text(&second, "access_token")).await;
    assert_eq!(seen["authorization_details"][0]["accounts"], json!([own[0]]));
    assert_eq!(seen["scope"], "accounts offline_access openid");
}

async fn a_further_link_stands_beside_the_others(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let create = [("grant_management_action", "create")];
    let plain = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let one = linked(w, &app, "accounts", &[&own[0]], &create).await;
    let two = linked(w, &app, "accounts", &[&own[1]], &create).await;
    for tokens in [&plain, &one, &two] {
        assert_eq!(app.introspect(text(tokens, "access_token")).await["active"], true, "{tokens}");
    }
    let next = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    for (tokens, live) in [(&plain, false), (&one, true), (&two, true), (&next, true)] {
        assert_eq!(app.introspect(text(tokens, "access_token")).await["active"], live, "{tokens}");
    }
}

async fn as_many_links_as_allowed(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let create = [("grant_management_action", "create")];
    let one = linked(w, &app, "accounts", &[&own[0]], &create).await;
    w.clock.advance(Duration::from_secs(60));
    let two = linked(w, &app, "accounts", &[&own[0]], &create).await;
    let shown = w.staff(&["grant", "show", text(&one, "grant_id"), "--json"]).await.json();
    let (pending, mut browser) = asked(w, &app, "accounts", &create).await;
    let page = browser.page().text();
    assert!(page.contains(text(&shown, "reference")), "⑥ names the link that ends: {shown} {page}");
    allow(&mut browser, &[&own[0]]).await;
    assert_eq!(app.introspect(text(&one, "access_token")).await["active"], true, "not before redemption");
    let three = redeemed(&app, &pending, &browser).await.expect(200).json();
    for (tokens, live) in [(&one, false), (&two, true), (&three, true)] {
        assert_eq!(app.introspect(text(tokens, "access_token")).await["active"], live, "{tokens}");
    }
}

async fn an_account_stopped_in_between_does_not_come_back(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts", &[&own[0], &own[1]], &[]).await;
    let id = text(&first, "grant_id").to_owned();
    let merge = [("grant_management_action", "merge"), ("grant_id", id.as_str())];
    let (pending, mut browser) = asked(w, &app, "accounts transactions", &merge).await;
    allow(&mut browser, &[]).await;
    w.staff(&["grant", "revoke", &id, "--account", "115-savings-2200011", "--reason", "by telephone", "--json"])
        .await
        .json();
    let second = redeemed(&app, &pending, &browser).await.expect(200).json();
    let seen = app.introspect(text(&second, "access_token")).await;
    assert_eq!(seen["authorization_details"][0]["accounts"], json!([own[0]]), "{seen}");
    assert_eq!(seen["authorization_details"][0]["permissions"], json!(["balances", "transactions"]));
}

async fn a_link_that_ended_in_between_is_not_changed(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let id = text(&first, "grant_id").to_owned();
    let merge = [("grant_management_action", "merge"), ("grant_id", id.as_str())];
    let (pending, mut browser) = asked(w, &app, "accounts", &merge).await;
    let (_, mut early) = asked(w, &app, "accounts", &merge).await;
    allow(&mut browser, &[&own[1]]).await;
    w.revoke_by_staff(&id).await;
    assert_eq!(redeemed(&app, &pending, &browser).await.expect(400).json()["error"], "invalid_grant");
    // Whoever stands at ⑥ still is led back to the app.
    allow(&mut early, &[&own[1]]).await;
    assert_eq!(early.return_to_app().await["error"], "invalid_grant_id");
}

async fn a_lost_redirect_changes_nothing(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts offline_access", &[&own[0]], &[]).await;
    let id = text(&first, "grant_id").to_owned();
    let replace = [("grant_management_action", "replace"), ("grant_id", id.as_str())];
    let (_, mut browser) = asked(w, &app, "accounts", &replace).await;
    allow(&mut browser, &[&own[1]]).await;
    w.clock.advance(Duration::from_secs(120));
    assert_eq!(accounts_of(&app, text(&first, "access_token")).await, json!([own[0]]));
    refresh(&app, &first).await.expect(200);
}

async fn a_second_press_gives_the_app_a_further_code(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let merge = [("grant_management_action", "merge"), ("grant_id", text(&first, "grant_id"))];
    let (pending, mut browser) = asked(w, &app, "accounts", &merge).await;
    let at = browser.url.clone();
    allow(&mut browser, &[&own[1]]).await;
    let lost = browser.handed_to_app()["code"].clone();
    browser.open(&at.replace("/consent", "/done")).await;
    let further = browser.handed_to_app()["code"].clone();
    assert_ne!(lost, further);
    let second = app.try_exchange(&pending, &further).await.expect(200).json();
    assert_eq!(accounts_of(&app, text(&second, "access_token")).await, json!([own[0], own[1]]));
    assert_eq!(app.try_exchange(&pending, &lost).await.expect(400).json()["error"], "invalid_grant");
    assert_eq!(app.introspect(text(&second, "access_token")).await["active"], true, "nothing was stolen");
    // The same code twice is a replay, and ends the link.
    assert_eq!(app.try_exchange(&pending, &further).await.expect(400).json()["error"], "invalid_grant");
    assert_eq!(app.introspect(text(&second, "access_token")).await["active"], false);
}

/// The link is the first customer's; the second passes all five checks in the place of the first.
async fn another_person_changes_nobodys_link(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let other = client(w, "other").await;
    let merge = [("grant_management_action", "merge"), ("grant_id", text(&first, "grant_id"))];
    let (_, foreign) = pushed(&other, "accounts", &detail(json!({})), &merge).await;
    assert_eq!(foreign.expect(400).json()["error"], "invalid_grant_id", "another client's");
    let (mut pending, answer) = pushed(&app, "accounts", &detail(json!({})), &merge).await;
    pending.url = app.authorize_url(answer.expect(201).json()["request_uri"].as_str().unwrap());
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to_consent(w, "005-0000123", &Customer::hanako(), "9182").await;
    assert!(browser.page().text().contains("変更する連携を確認できないため"), "{}", browser.page().text());
    assert_eq!(browser.return_to_app().await["error"], "invalid_grant_id");
    assert_eq!(accounts_of(&app, text(&first, "access_token")).await, json!([own[0]]));
}

async fn a_reported_account_is_not_added(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let merge = [("grant_management_action", "merge"), ("grant_id", text(&first, "grant_id"))];
    let (pending, mut browser) = asked(w, &app, "accounts", &merge).await;
    allow(&mut browser, &[&own[1]]).await;
    let closed =
        json!({ "v": 1, "event_id": "e-1", "type": "closed", "account": "115-savings-2200011", "at": w.now().secs() });
    w.bank_reports(&closed, BANK_SECRET).await.expect(204);
    assert_eq!(redeemed(&app, &pending, &browser).await.expect(400).json()["error"], "invalid_grant");
    assert_eq!(accounts_of(&app, text(&first, "access_token")).await, json!([own[0]]), "the link itself lives on");
}

async fn parameters_that_do_not_fit_are_refused(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let id = text(&first, "grant_id");
    let push = async |more: &[(&'static str, &str)]| {
        pushed(&app, "accounts", &detail(json!({})), more).await.1.expect(400).json()["error"].clone()
    };
    for more in [
        &[("grant_management_action", "create"), ("grant_id", id)][..],
        &[("grant_management_action", "merge")],
        &[("grant_management_action", "replace")],
        &[("grant_id", id)],
        &[("grant_management_action", "update"), ("grant_id", id)],
    ] {
        assert_eq!(push(more).await, "invalid_request", "{more:?}");
    }
    assert_eq!(push(&[("grant_management_action", "merge"), ("grant_id", "unknown")]).await, "invalid_grant_id");
    w.revoke_by_staff(id).await;
    assert_eq!(push(&[("grant_management_action", "merge"), ("grant_id", id)]).await, "invalid_grant_id");
    let only = pushed(&app, "grant_management_query", &json!([]), &[]).await.1.expect(400).json();
    assert!(only["error"] == "invalid_scope" || only["error"] == "invalid_authorization_details", "{only}");
}

async fn a_grant_is_shown_to_its_client_alone(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, ALL, &[&own[0]], &[]).await;
    let id = text(&first, "grant_id");
    let answer = grant(w, &app, "GET", id, text(&first, "access_token")).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    let mut members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["authorization_details", "created_at", "expires_at", "last_updated_at", "scopes", "updated_by"]
    );
    assert_eq!(
        body["scopes"],
        json!([{"scope": "accounts offline_access openid transactions"}]),
        "an audience that is no URI is left out"
    );
    assert_eq!(body["authorization_details"][0]["accounts"], json!([own[0]]));
    // The client's own token does as well; it is for this server alone.
    let own_token = async |app: &App, scope: &str| {
        app.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", scope)], true)
            .await
            .expect(200)
            .json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let query = own_token(&app, "grant_management_query").await;
    grant(w, &app, "GET", id, &query).await.expect(200);
    grant(w, &app, "DELETE", id, &query).await.refused(403, "insufficient_scope");
    grant(w, &app, "GET", "unknown", &query).await.expect(404);
    let other = client(w, "other").await;
    let foreign = own_token(&other, "grant_management_query grant_management_revoke").await;
    grant(w, &other, "GET", id, &foreign).await.expect(404);
    grant(w, &other, "DELETE", id, &foreign).await.expect(404);
    w.http.get(&format!("/oauth/grants/{id}")).await.expect(401);
    w.revoke_by_staff(id).await;
    grant(w, &app, "GET", id, &query).await.expect(404);
}

async fn a_grant_is_ended_by_its_client_alone(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, ALL, &[&own[0]], &[]).await;
    let id = text(&first, "grant_id");
    let answer = grant(w, &app, "DELETE", id, text(&first, "access_token")).await.expect(204);
    assert_eq!(answer.body, "");
    assert_eq!(app.introspect(text(&first, "access_token")).await, json!({"active": false}));
    let shown = w.staff(&["grant", "show", id, "--json"]).await.json();
    assert_eq!(shown["ended_by"], "client");
}

/// A resource server is shown a customer's token: with one that is bound to nothing it could end the link.
async fn only_a_bound_token_manages_grants(w: &Town) {
    let (bound, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let mut unbound = App::new(
        w.http.clone(),
        w.clock.clone(),
        "budget",
        &bound.redirect_uri,
        Credential::Secret("budget-secret".into()),
    );
    let first = linked(w, &unbound, ALL, &[&own[0]], &[]).await;
    assert_eq!(first["scope"], "accounts offline_access openid transactions");
    let id = text(&first, "grant_id");
    let ask = RequestParts::default().header("authorization", format!("Bearer {}", text(&first, "access_token")));
    w.http.send("DELETE", &format!("/oauth/grants/{id}"), ask).await.refused(403, "insufficient_scope");
    unbound.dpop.clone_from(&bound.dpop);

    // The same link, with a key: both audiences stand in the token, and a token for one resource server manages nothing.
    let answer = refresh(&unbound, &first).await.expect(200).json();
    let seen = bound.introspect(text(&answer, "access_token")).await;
    let aud: Vec<&str> = seen["aud"].as_array().unwrap().iter().map(|aud| aud.as_str().unwrap()).collect();
    assert_eq!(aud, ["accounts-api", &w.http.issuer], "{seen}");
    grant(w, &bound, "GET", id, text(&answer, "access_token")).await.expect(200);
    let of = |fields: &[(&'static str, &'static str)]| {
        let mut all = vec![("grant_type", "refresh_token"), ("refresh_token", text(&first, "refresh_token"))];
        all.extend_from_slice(fields);
        all
    };
    let one = token(&bound, &of(&[("resource", "accounts-api")]), None).await.expect(200).json();
    assert_eq!(one["scope"], "accounts offline_access openid transactions");
    assert_eq!(bound.introspect(text(&one, "access_token")).await["aud"], "accounts-api");
    let both = of(&[("resource", "accounts-api"), ("scope", "grant_management_query")]);
    assert_eq!(token(&bound, &both, None).await.expect(400).json()["error"], "invalid_scope");
}

/// A token for one account, which the customer stops and allows again: the token of before stays dead.
async fn an_account_that_comes_back_does_not_come_back_to_an_old_token(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "openid accounts offline_access", &[&own[0], &own[1]], &[]).await;
    let id = text(&first, "grant_id").to_owned();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&first, "refresh_token"))];
    let savings = token(&app, &refresh, Some(&detail(json!({"accounts": [own[1]]})))).await.expect(200).json();
    let savings = text(&savings, "access_token");
    let line = ["grant", "revoke", &id, "--account", "115-savings-2200011", "--reason", "by telephone", "--json"];
    w.staff(&line).await.json();
    assert_eq!(app.introspect(savings).await, json!({"active": false}));

    let merge = [("grant_management_action", "merge"), ("grant_id", id.as_str())];
    let again = linked(w, &app, "openid accounts offline_access", &[&own[1]], &merge).await;
    assert_eq!(accounts_of(&app, text(&again, "access_token")).await, json!([own[0], own[1]]));
    assert_eq!(
        app.introspect(savings).await,
        json!({"active": false}),
        "it was worth nothing when the link was widened"
    );
    assert_eq!(accounts_of(&app, text(&first, "access_token")).await, json!([own[0]]));
}

/// Two consent screens of one link at once: each shows what the link was. What both together would make of it stood on neither.
async fn of_two_changes_in_flight_one_is_redeemed(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let merge = [("grant_management_action", "merge"), ("grant_id", text(&first, "grant_id"))];
    let (pending_account, mut account) = asked(w, &app, "accounts", &merge).await;
    let (pending_permission, mut permission) = asked(w, &app, "accounts transactions", &merge).await;
    allow(&mut account, &[&own[1]]).await;
    allow(&mut permission, &[]).await;
    let changed = redeemed(&app, &pending_permission, &permission).await.expect(200).json();
    assert_eq!(redeemed(&app, &pending_account, &account).await.expect(400).json()["error"], "invalid_grant");
    let seen = app.introspect(text(&changed, "access_token")).await;
    assert_eq!(seen["authorization_details"][0]["accounts"], json!([own[0]]), "{seen}");
    assert_eq!(seen["authorization_details"][0]["permissions"], json!(["balances", "transactions"]), "{seen}");
}

/// Nobody is known on ①: only a request that names an open link, and asks for the identity, says whose it is.
async fn the_first_screen_says_that_the_app_asks_again_only_of_a_named_link(w: &Town) {
    const SAID: &str = "家計から、ご本人の確認をあらためて行うよう求められています。";
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let first = linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    let id = text(&first, "grant_id").to_owned();
    let fresh = ("max_age", "600");
    let class = ("acr_values", renkei_core::consent::ACR);
    let named = [("grant_management_action", "merge"), ("grant_id", id.as_str())];
    let at_first = async |more: &[(&'static str, &str)]| {
        let (mut pending, answer) = pushed(&app, "openid accounts", &detail(json!({})), more).await;
        pending.url = app.authorize_url(text(&answer.expect(201).json(), "request_uri"));
        let mut browser = w.browser();
        browser.open(&pending.url).await;
        assert_eq!(browser.screen(), "account");
        browser
    };
    for (more, said) in [
        (vec![], false),
        (vec![fresh], false),
        (vec![class], false),
        (named.to_vec(), false),
        (vec![fresh, ("grant_management_action", "create")], false),
        ([&named[..], &[fresh]].concat(), true),
        ([&named[..], &[class]].concat(), true),
    ] {
        let browser = at_first(&more).await;
        assert_eq!(browser.page().text().contains(SAID), said, "{more:?}");
    }
    // It ends while the page is open.
    let mut browser = at_first(&[&named[..], &[fresh]].concat()).await;
    w.revoke_by_staff(&id).await;
    browser.reload().await;
    assert!(!browser.page().text().contains(SAID), "the link is over");
}

/// The days of a link were within reach when it was made. What is older than 90 days by now is not agreed to again.
async fn a_merge_leaves_the_days_that_are_out_of_reach(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let days = |from: &str, to: &str| detail(json!({"from": from, "to": to}));
    let (pending, mut browser) = asked_with(w, &app, "transactions", &days("2026-08-27", "2026-11-20"), &[]).await;
    allow(&mut browser, &[&own[0]]).await;
    let first = redeemed(&app, &pending, &browser).await.expect(200).json();
    w.clock.advance(Duration::from_secs(20 * 86_400)); // 90 days before is 2026-09-16 now
    let merge = [("grant_management_action", "merge"), ("grant_id", text(&first, "grant_id"))];
    let (pending, mut browser) = asked_with(w, &app, "transactions", &days("2026-12-01", "2026-12-10"), &merge).await;
    let page = browser.page().text();
    assert!(page.contains("2026年9月16日から2026年12月10日まで"), "{page}");
    allow(&mut browser, &[&own[1]]).await;
    let merged = redeemed(&app, &pending, &browser).await.expect(200).json();
    let covers = &merged["authorization_details"][0];
    assert_eq!((&covers["from"], &covers["to"]), (&json!("2026-09-16"), &json!("2026-12-10")), "{merged}");
    assert_eq!(covers["accounts"].as_array().map(Vec::len), Some(2), "{merged}");
}
