//! RFC 9396, from the request to the resource: which accounts a customer shares, and what the app then gets.

use crate::support::app::{App, Credential, Pending, Tokens};
use crate::support::browser::Browser;
use crate::support::http::{Answer, encode};
use crate::support::town::{BANK_SECRET, Town, on_both};
use renkei_core::identity::BankError;
use serde_json::{Value, json};

on_both!(
    the_customer_chooses_which_accounts,
    only_what_was_offered_is_taken,
    accounts_asked_by_name_are_the_customers_or_left_out,
    nothing_to_share_is_a_dead_end_that_leads_back,
    permissions_and_days_are_shown_and_kept,
    days_are_those_within_reach,
    days_that_nobody_can_have_are_refused,
    the_bank_is_asked_again_before_anything_is_recorded,
    nobody_agrees_to_a_page_they_have_not_seen,
    a_request_by_scope_alone_is_about_the_verified_account,
    what_happens_to_a_shared_account_narrows_the_link,
    the_death_of_a_holder_ends_the_link,
    staff_take_one_account_out_of_a_link,
    a_token_for_what_is_gone_is_dead,
    a_token_request_asks_for_less_and_only_for_that_token,
    a_token_is_good_at_the_resources_it_was_asked_for,
    details_nobody_can_have_are_refused_at_every_endpoint,
);

pub(crate) fn detail(members: Value) -> Value {
    let mut detail = json!({"type": "account_information"});
    detail.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!([detail])
}
pub(crate) async fn pushed(
    app: &App,
    scope: &str,
    details: &Value,
    more: &[(&'static str, &str)],
) -> (Pending, Answer) {
    let (pending, fields) = app.request(scope);
    let details = details.to_string();
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    fields.retain(|(n, v)| (*n != "client_id" || matches!(app.credential, Credential::Secret(_))) && !v.is_empty());
    fields.push(("authorization_details", &details));
    fields.extend(more);
    let answer = app.post("/oauth/par", &fields, false).await;
    (pending, answer)
}
/// An OpenID client with refresh tokens and two resources of its own, and the servers of the two.
async fn budget(w: &Town) -> (App, [App; 2]) {
    let secret = |id: &str| Credential::Secret(format!("{id}-secret"));
    let app = |id: &str, uri: &str| App::new(w.http.clone(), w.clock.clone(), id, uri, secret(id));
    w.register(json!({
        "client_id": "budget", "profile": "oidc", "client_name": "家計", "client_secret": "budget-secret",
        "redirect_uris": ["https://budget.example/cb"], "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"], "refresh_tokens": true,
        "scope": "openid accounts transactions offline_access", "resources": [ONE, TWO],
    }))
    .await;
    for (id, resource) in [("one-api", ONE), ("two-api", TWO)] {
        w.register(json!({
            "client_id": id, "profile": "resource_server", "client_name": "API", "resources": [resource],
            "client_secret": format!("{id}-secret"), "token_endpoint_auth_method": "client_secret_basic",
        }))
        .await;
    }
    (app("budget", "https://budget.example/cb"), [app("one-api", ""), app("two-api", "")])
}
const ONE: &str = "https://one.example/api";
const TWO: &str = "https://two.example/api";
pub(crate) async fn token(app: &App, fields: &[(&str, &str)], details: Option<&Value>) -> Answer {
    let text = details.map(Value::to_string);
    let mut fields = fields.to_vec();
    fields.extend(text.as_deref().map(|text| ("authorization_details", text)));
    app.post("/oauth/token", &fields, true).await
}
fn error(answer: Answer) -> Value {
    answer.expect(400).json()["error"].clone()
}
/// The sample customer stands at ⑥ of a request with these details.
async fn at_consent(w: &Town, app: &App, scope: &str, details: &Value) -> (Pending, Browser) {
    asked_with(w, app, scope, details, &[]).await
}
pub(crate) async fn asked_with(
    w: &Town,
    app: &App,
    scope: &str,
    details: &Value,
    more: &[(&'static str, &str)],
) -> (Pending, Browser) {
    let (mut pending, answer) = pushed(app, scope, details, more).await;
    pending.url = app.authorize_url(answer.expect(201).json()["request_uri"].as_str().unwrap());
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "pin").await.pin("4071").await;
    (pending, browser)
}
/// 許可する with the tick and exactly these accounts.
pub(crate) async fn allow(browser: &mut Browser, accounts: &[&str]) {
    let mut fields = browser.filled("allow", &[("agree", "yes")]);
    fields.retain(|(name, _)| name != "account");
    fields.extend(accounts.iter().map(|id| ("account".to_owned(), (*id).to_owned())));
    let url = browser.url.clone();
    let answer = browser.post(&url, &fields).await;
    browser.follow(&url, answer).await;
}
fn ticked(browser: &Browser) -> Vec<String> {
    let form = browser.page().form_with("allow").unwrap();
    form.fields.into_iter().filter(|(name, _)| name == "account").map(|(_, id)| id).collect()
}
fn offered(browser: &Browser) -> usize {
    browser.page().form_with("allow").unwrap().names.iter().filter(|name| *name == "account").count()
}
pub(crate) async fn tokens(app: &App, pending: &Pending, browser: &Browser) -> Tokens {
    app.exchange(pending, &browser.handed_to_app()).await
}
/// The one detail of the token response, which introspection repeats.
async fn granted(w: &Town, tokens: &Tokens) -> Value {
    let details = tokens.body["authorization_details"].clone();
    let seen = w.accounts_api().introspect(&tokens.access_token).await;
    assert_eq!(seen["authorization_details"], details, "as introspection says it");
    assert_eq!(details.as_array().unwrap().len(), 1);
    details[0].clone()
}

async fn the_customer_chooses_which_accounts(w: &Town) {
    let (app, ids) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let [verified, savings] = [ids[0].as_str(), ids[1].as_str()];
    for chosen in [&[verified][..], &[savings], &[verified, savings]] {
        let (pending, mut browser) = at_consent(w, &app, "accounts transactions", &detail(json!({}))).await;
        assert_eq!(offered(&browser), 2, "both of the customer's");
        assert_eq!(ticked(&browser), [verified], "only the account just verified");
        for words in ["連携する口座", "チェックを入れた口座だけを連携します。", "1100026", "2200011"]
        {
            assert!(browser.page().text().contains(words), "⑥ lacks {words}");
        }
        allow(&mut browser, chosen).await;
        let tokens = tokens(&app, &pending, &browser).await;
        let granted = granted(w, &tokens).await;
        assert_eq!(granted["accounts"], json!(chosen));
        assert_eq!(granted["permissions"], json!(["balances", "transactions"]));
        let mail = w.mail().await;
        let told = |last3: &str| mail.iter().any(|m| m.text.contains(&format!("口座番号下3桁 {last3}")));
        assert!(told(if chosen.contains(&verified) { "026" } else { "011" }));
    }
    let mail = w.mail().await;
    let both = "対象口座：普通預金（口座番号下3桁 026）、貯蓄預金（口座番号下3桁 011）";
    assert!(mail.iter().any(|m| m.text.contains(both)), "{mail:?}");
}

async fn only_what_was_offered_is_taken(w: &Town) {
    let (app, own, others) =
        (w.creco(), w.bank.ids("115-ordinary-1100026").await, w.bank.ids("005-ordinary-0000123").await);
    let (pending, mut browser) = at_consent(w, &app, "accounts", &detail(json!({}))).await;
    for (accounts, why) in [
        (vec![], "none"),
        (vec![others[0].as_str()], "somebody else's"),
        (vec![own[0].as_str(), others[0].as_str()], "somebody else's among one's own"),
        (vec!["nonsense"], "nobody's"),
    ] {
        allow(&mut browser, &accounts).await;
        assert_eq!((browser.status(), browser.screen()), (200, "consent"), "{why}");
        assert!(browser.summary().contains("連携する口座を選んで下さい。"), "{why}: {}", browser.summary());
        let kept: Vec<&str> = accounts.iter().copied().filter(|a| own.iter().any(|o| o == a)).collect();
        assert_eq!(ticked(&browser), kept, "what was ticked stays so");
        assert_eq!(offered(&browser), 2);
    }
    // Who has forgotten two things is told both at once.
    let mut fields = browser.filled("allow", &[]);
    fields.retain(|(name, _)| name != "account" && name != "agree");
    let url = browser.url.clone();
    let answer = browser.post(&url, &fields).await;
    browser.follow(&url, answer).await;
    let said = browser.summary();
    assert!(said.contains("連携する口座を選んで下さい。") && said.contains("同意のチェックを入れて下さい。"), "{said}");
    assert!(w.events().await.is_empty(), "nothing was granted");
    allow(&mut browser, &[&own[1], &own[1]]).await;
    let tokens = tokens(&app, &pending, &browser).await;
    assert_eq!(granted(w, &tokens).await["accounts"], json!([own[1]]));
}

async fn accounts_asked_by_name_are_the_customers_or_left_out(w: &Town) {
    let (app, own, others) =
        (w.creco(), w.bank.ids("115-ordinary-1100026").await, w.bank.ids("005-ordinary-0000123").await);
    let asked = detail(json!({"accounts": [others[0], own[1], "nobodys"]}));
    let (pending, mut browser) = at_consent(w, &app, "accounts transactions", &asked).await;
    assert_eq!(offered(&browser), 1, "the one asked for that is the customer's");
    assert!(ticked(&browser).is_empty(), "it is not the one verified: the customer ticks it");
    let page = browser.page();
    assert!(!page.html().contains(&others[0]) && !page.html().contains("nobodys"), "nobody learns of the others");
    allow(&mut browser, &[&own[0]]).await;
    assert_eq!(browser.screen(), "consent", "the verified account was not asked for");
    allow(&mut browser, &[&own[1]]).await;
    let tokens = tokens(&app, &pending, &browser).await;
    assert_eq!(granted(w, &tokens).await["accounts"], json!([own[1]]));
}

async fn nothing_to_share_is_a_dead_end_that_leads_back(w: &Town) {
    let (app, others) = (w.creco(), w.bank.ids("005-ordinary-0000123").await);
    let asked = detail(json!({"accounts": [others[0]]}));
    let (pending, mut browser) = at_consent(w, &app, "accounts", &asked).await;
    assert_eq!((browser.status(), browser.screen()), (403, "closed"));
    assert!(browser.page().text().contains("ご指定の口座は、本サービスではお取り扱いできません。"), "R30");
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "access_denied");
    assert!(w.events().await.is_empty());
}

async fn permissions_and_days_are_shown_and_kept(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let asked = json!({"permissions": ["transactions"], "from": "2026-09-01", "to": "2026-10-31"});
    let (pending, mut browser) = at_consent(w, &app, "", &detail(asked)).await;
    let text = browser.page().text();
    assert!(text.contains("明細情報へのアクセス") && !text.contains("口座情報・明細情報"), "{text}");
    assert!(text.contains("入出金明細（2026年9月1日から2026年10月31日まで）"), "{text}");
    allow(&mut browser, &[&own[0]]).await;
    let tokens = tokens(&app, &pending, &browser).await;
    assert_eq!(tokens.body["scope"], "transactions", "RFC 9396 3.1: the detail brought its scope");
    let want = json!({
        "type": "account_information", "accounts": [own[0]], "permissions": ["transactions"],
        "from": "2026-09-01", "to": "2026-10-31",
    });
    assert_eq!(granted(w, &tokens).await, want);
    assert!(w.mail().await[0].text.contains("入出金明細（2026年9月1日から2026年10月31日まで）"));
}

/// The last 90 days, and those before the end of the link: by the clock of the test 2026-11-25, and 30 days more.
async fn days_are_those_within_reach(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let (first, last) = ("2026-08-27", "2026-12-25");
    for (asked, from, to) in [
        (json!({"from": "2026-01-01", "to": "2027-12-31"}), first, last),
        (json!({"from": "2026-01-01"}), first, last),
        (json!({"to": "2027-12-31"}), first, last),
        (json!({"from": "2026-08-26", "to": "2026-08-27"}), first, first),
        (json!({"from": "2026-12-25", "to": "2026-12-26"}), last, last),
        (json!({"from": "2026-09-01", "to": "2026-10-31"}), "2026-09-01", "2026-10-31"),
    ] {
        let (pending, mut browser) = at_consent(w, &app, "transactions", &detail(asked.clone())).await;
        let words = |day: &str| {
            let parts: Vec<u32> = day.split('-').map(|part| part.parse().unwrap()).collect();
            format!("{}年{}月{}日", parts[0], parts[1], parts[2])
        };
        let line = format!("入出金明細（{}から{}まで）", words(from), words(to));
        assert!(browser.page().text().contains(&line), "{asked}: {}", browser.page().text());
        allow(&mut browser, &[&own[0]]).await;
        let tokens = tokens(&app, &pending, &browser).await;
        let granted = granted(w, &tokens).await;
        assert_eq!((granted["from"].as_str(), granted["to"].as_str()), (Some(from), Some(to)), "{asked}");
        assert!(w.mail().await.iter().any(|m| m.text.contains(&line)), "{asked}");
    }
    // Without days there is no limit of days.
    let (pending, mut browser) = at_consent(w, &app, "transactions", &detail(json!({}))).await;
    allow(&mut browser, &[&own[0]]).await;
    let tokens = tokens(&app, &pending, &browser).await;
    assert!(granted(w, &tokens).await.get("from").is_none());
}

async fn days_that_nobody_can_have_are_refused(w: &Town) {
    let app = w.creco();
    for days in [
        json!({"from": "2026-01-01", "to": "2026-08-26"}),
        json!({"to": "2026-08-26"}),
        json!({"from": "2026-12-26"}),
        json!({"from": "2026-12-26", "to": "2027-01-31"}),
    ] {
        let (_, answer) = pushed(&app, "transactions", &detail(days.clone()), &[]).await;
        answer.refused(400, "invalid_authorization_details");
    }
    // Midnight passes while the customer types: the last of the days is out of reach at ⑥.
    w.set_clock("2026-11-25T23:52:00+09:00");
    let asked = detail(json!({"from": "2026-08-01", "to": "2026-08-27"}));
    let (mut pending, answer) = pushed(&app, "transactions", &asked, &[]).await;
    pending.url = app.authorize_url(answer.expect(201).json()["request_uri"].as_str().unwrap());
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "phone").await;
    w.set_clock("2026-11-26T00:03:00+09:00");
    browser.walk_to(w, "pin").await.pin("4071").await;
    assert_eq!((browser.status(), browser.screen()), (403, "closed"));
    let said = browser.page().text();
    assert!(said.contains("アプリから求められた期間の明細は、提供できません。"), "{said}");
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "invalid_authorization_details");
    assert!(w.events().await.is_empty());
}

async fn the_bank_is_asked_again_before_anything_is_recorded(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let (pending, mut browser) = at_consent(w, &app, "accounts", &detail(json!({}))).await;
    w.bank.fail(Some(BankError::Failed("down".into())));
    allow(&mut browser, &[&own[0], &own[1]]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "consent"), "R36 stands on the same screen");
    assert!(browser.summary().contains("調整のため"), "{}", browser.page().text());
    assert_eq!(ticked(&browser).len(), 2, "the choice stays");
    w.bank.fail(None);

    w.bank.close("115-savings-2200011");
    allow(&mut browser, &[&own[0], &own[1]]).await;
    assert_eq!((browser.screen(), offered(&browser)), ("consent", 1), "what is gone is offered no more");
    allow(&mut browser, &[&own[0]]).await;
    let tokens = tokens(&app, &pending, &browser).await;
    assert_eq!(granted(w, &tokens).await["accounts"], json!([own[0]]));

    // The verified account itself, closed while its customer reads.
    let (pending, mut browser) = at_consent(w, &app, "accounts", &detail(json!({}))).await;
    w.bank.close("115-ordinary-1100026");
    allow(&mut browser, &[&own[0]]).await;
    assert_eq!((browser.status(), browser.screen()), (403, "closed"));
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "access_denied");
    let granted = w.events().await.into_iter().filter(|e| e == "consent.granted").count();
    assert_eq!(granted, 1, "the first only");
}

async fn nobody_agrees_to_a_page_they_have_not_seen(w: &Town) {
    let own = w.bank.ids("115-ordinary-1100026").await;
    let named = |name: &str| w.oidc_app("renamed", json!({"client_name": name, "scope": "accounts"}));
    let app = named("家計").await;
    let (pending, mut browser) = at_consent(w, &app, "accounts", &detail(json!({}))).await;
    // While the customer reads, the app gets another name.
    named("投資クラブ").await;
    allow(&mut browser, &[&own[0], &own[1]]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "consent"));
    assert!(browser.page().text().contains("投資クラブ"));
    assert!(browser.summary().contains("同意のチェックを入れて下さい"));
    assert_eq!(ticked(&browser).len(), 2, "the choice stays");
    allow(&mut browser, &[&own[0]]).await;
    let tokens = tokens(&app, &pending, &browser).await;
    assert_eq!(granted(w, &tokens).await["accounts"], json!([own[0]]));
}

async fn a_request_by_scope_alone_is_about_the_verified_account(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    assert_eq!(offered(&browser), 0, "nothing to choose (decision 10)");
    assert!(browser.page().text().contains("本人確認をした口座を連携します。"));
    let tokens = app.exchange(&pending, &browser.allow().await).await;
    let own = w.bank.ids("115-ordinary-1100026").await;
    let want = json!({"type": "account_information", "accounts": [own[0]], "permissions": ["balances"]});
    assert_eq!(granted(w, &tokens).await, want);
}

async fn a_token_request_asks_for_less_and_only_for_that_token(w: &Town) {
    let ((app, [api, _]), own) = (budget(w).await, w.bank.ids("115-ordinary-1100026").await);
    let scope = "openid accounts transactions offline_access";
    let asked = detail(json!({"from": "2026-09-01"}));
    let (pending, mut browser) = asked_with(w, &app, scope, &asked, &[("resource", ONE), ("prompt", "consent")]).await;
    allow(&mut browser, &[&own[0], &own[1]]).await;
    let code = app.code(&pending, &browser.handed_to_app());
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", pending.verifier.as_str()),
    ];
    let others = w.bank.ids("005-ordinary-0000123").await;
    for (more, why) in [
        (detail(json!({"accounts": [own[0], others[0]]})), "somebody else's account"),
        (detail(json!({"from": "2026-08-31"})), "a day more"),
        (json!([{"type": "payment_initiation"}]), "another type"),
        (json!([]), "nothing"),
    ] {
        assert_eq!(error(token(&app, &exchange, Some(&more)).await), "invalid_authorization_details", "{why}");
    }
    let less = detail(json!({"accounts": [own[1]], "permissions": ["balances"], "to": "2026-10-31"}));
    let first = token(&app, &exchange, Some(&less)).await.expect(200).json();
    let want = json!([{
        "type": "account_information", "accounts": [own[1]], "permissions": ["balances"],
        "from": "2026-09-01", "to": "2026-10-31",
    }]);
    assert_eq!(first["authorization_details"], want, "RFC 9396 6.1, 7");
    assert_eq!(first["scope"], "accounts offline_access openid", "the scope says the same");
    let seen = api.introspect(first["access_token"].as_str().unwrap()).await;
    assert_eq!((&seen["authorization_details"], &seen["scope"]), (&want, &first["scope"]), "RFC 9396 9.2");

    let refresh = [("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"].as_str().unwrap())];
    let all = token(&app, &refresh, None).await.expect(200).json();
    assert_eq!(all["scope"], "accounts offline_access openid transactions", "less once is not less for ever");
    assert_eq!(all["authorization_details"][0]["accounts"], json!(own));
    let narrow = detail(json!({"permissions": ["transactions"]}));
    let some = token(&app, &refresh, Some(&narrow)).await.expect(200).json();
    assert_eq!(some["authorization_details"][0]["permissions"], json!(["transactions"]));
    assert_eq!(some["scope"], "offline_access openid transactions");
    let by_scope = token(&app, &[refresh[0], refresh[1], ("scope", "accounts")], None).await.expect(200).json();
    assert_eq!(by_scope["authorization_details"][0]["permissions"], json!(["balances"]), "a scope narrows both");
    let beyond = token(&app, &[refresh[0], refresh[1], ("scope", "accounts")], Some(&narrow)).await;
    assert_eq!(error(beyond), "invalid_authorization_details", "not within the scope beside it");
    let other = detail(json!({"accounts": [others[0]]}));
    assert_eq!(error(token(&app, &refresh, Some(&other)).await), "invalid_authorization_details");
    // The first token is what it was.
    assert_eq!(api.introspect(first["access_token"].as_str().unwrap()).await, seen);
}

async fn a_token_is_good_at_the_resources_it_was_asked_for(w: &Town) {
    let ((app, [one, two]), own) = (budget(w).await, w.bank.ids("115-ordinary-1100026").await);
    let asked = [("resource", TWO), ("resource", ONE), ("resource", TWO), ("prompt", "consent")];
    let (pending, mut browser) = asked_with(w, &app, "accounts offline_access", &detail(json!({})), &asked).await;
    allow(&mut browser, &[&own[0]]).await;
    let code = app.code(&pending, &browser.handed_to_app());
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", pending.verifier.as_str()),
    ];
    for (resource, why) in [
        ("https://three.example/api", "RFC 8707 2.2: never asked for"),
        ("https://one.example/api#part", "RFC 8707 2: a fragment"),
        ("https://one.example", "not to the letter"),
        ("accounts-api", "the default, which was not asked for"),
    ] {
        let fields = [&exchange[..], &[("resource", ONE), ("resource", resource)]].concat();
        assert_eq!(error(token(&app, &fields, None).await), "invalid_target", "{why}");
    }
    let narrowed = [&exchange[..], &[("resource", ONE)]].concat();
    let first = token(&app, &narrowed, None).await.expect(200).json();
    let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
    let seen = one.introspect(&text(&first, "access_token")).await;
    assert_eq!((&seen["active"], &seen["aud"]), (&json!(true), &json!(ONE)));
    assert_eq!(two.introspect(&text(&first, "access_token")).await, json!({"active": false}), "not its audience");

    let refresh = text(&first, "refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let second = token(&app, &[refresh[0], refresh[1], ("resource", TWO)], None).await.expect(200).json();
    assert_eq!(
        two.introspect(&text(&second, "access_token")).await["aud"],
        TWO,
        "RFC 8707 2.2: another of the grant's"
    );
    let third = token(&app, &refresh, None).await.expect(200).json();
    let seen = one.introspect(&text(&third, "access_token")).await;
    assert_eq!(seen["aud"], json!([TWO, ONE]), "all that was asked for, each once");
    for resource in ["accounts-api", "https://three.example/api"] {
        let answer = token(&app, &[refresh[0], refresh[1], ("resource", resource)], None).await;
        assert_eq!(error(answer), "invalid_target", "{resource}");
    }
}

async fn details_nobody_can_have_are_refused_at_every_endpoint(w: &Town) {
    let (app, kakeibo) = (w.creco(), w.kakeibo());
    for (details, why) in [
        (json!([{"type": "payment_initiation"}]), "RFC 9396 5: an unknown type"),
        (detail(json!({"actions": ["read"]})), "an unknown member"),
        (json!([detail(json!({}))[0], detail(json!({}))[0]]), "two"),
        (detail(json!({"permissions": ["transactions"]})), "beyond the scope"),
    ] {
        let (_, answer) = pushed(&app, "accounts", &details, &[]).await;
        assert_eq!(error(answer), "invalid_authorization_details", "pushed, {why}");
        let (pending, fields) = kakeibo.request("openid accounts");
        let mut fields: Vec<(&str, String)> = fields.into_iter().collect();
        fields.push(("authorization_details", details.to_string()));
        let mut browser = w.browser();
        browser.open(&format!("{}/oauth/authorize?{}", w.http.issuer, encode(&fields))).await;
        kakeibo.refused(&pending, &browser.handed_to_app(), "invalid_authorization_details");
    }
    for resource in ["https://else.example", "https://else.example/#x", "relative"] {
        let (_, answer) = pushed(&app, "accounts", &detail(json!({})), &[("resource", resource)]).await;
        assert_eq!(error(answer), "invalid_target", "RFC 8707 2: {resource}");
    }
    let document = w.http.get("/.well-known/oauth-authorization-server").await.expect(200).json();
    assert_eq!(document["authorization_details_types_supported"], json!(["account_information"]), "RFC 9396 10");
}

async fn what_happens_to_a_shared_account_narrows_the_link(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let (pending, mut browser) = at_consent(w, &app, "accounts", &detail(json!({}))).await;
    allow(&mut browser, &[&own[0], &own[1]]).await;
    let both = tokens(&app, &pending, &browser).await;
    let listed = w.staff(&["grant", "list", "--account", "115-savings-2200011", "--json"]).await.json();
    assert!(listed.to_string().contains(&both.grant_id), "staff find it under each account: {listed}");

    let (kakeibo, mut other) = (w.kakeibo(), w.browser());
    let single = w.link(&kakeibo, &mut other).await;
    w.clock.advance(std::time::Duration::from_secs(60));
    let report = |event: &str, change: &str, account: &str| json!({ "v": 1, "event_id": event, "type": change, "account": account, "at": w.now().secs() });
    w.bank_reports(&report("e-1", "closed", "115-savings-2200011"), BANK_SECRET).await.expect(204);
    let api = w.accounts_api();
    let seen = api.introspect(&both.access_token).await;
    assert_eq!(
        seen["authorization_details"][0]["accounts"],
        json!([own[0]]),
        "G24: a chosen account was closed: {seen}"
    );
    let shown = w.staff(&["grant", "show", &both.grant_id, "--json"]).await.json();
    let last = shown["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["event"], &last["detail"]["by"]), (&json!("grant.updated"), &json!("account")), "{shown}");
    assert_eq!(last["detail"]["authorization_details"], seen["authorization_details"]);
    let listed = w.staff(&["grant", "list", "--account", "115-savings-2200011", "--json"]).await.json();
    assert!(!listed.to_string().contains(&both.grant_id), "it is shared no longer: {listed}");

    // A report about the account it was verified by ends it.
    w.bank_reports(&report("e-2", "transferred", "115-ordinary-1100026"), BANK_SECRET).await.expect(204);
    assert_eq!(api.introspect(&both.access_token).await["active"], false);
    assert_eq!(api.introspect(&single.access_token).await["active"], false, "this link was verified by it too");
}
/// Nobody stands for the permission of somebody who died.
async fn the_death_of_a_holder_ends_the_link(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let (pending, mut browser) = at_consent(w, &app, "accounts", &detail(json!({}))).await;
    allow(&mut browser, &[&own[0], &own[1]]).await;
    let both = tokens(&app, &pending, &browser).await;
    let died = json!({
        "v": 1, "event_id": "e-1", "type": "deceased", "account": "115-savings-2200011", "at": w.now().secs(),
    });
    w.bank_reports(&died, BANK_SECRET).await.expect(204);
    assert_eq!(w.accounts_api().introspect(&both.access_token).await["active"], false);
}
/// What staff do on the telephone: an account goes and the link lives on, then its last account ends it. Every token, those
/// for less among them, reaches no further than the link.
async fn staff_take_one_account_out_of_a_link(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let (pending, mut browser) =
        at_consent(w, &app, "openid accounts transactions offline_access", &detail(json!({}))).await;
    allow(&mut browser, &[&own[0], &own[1]]).await;
    let all = tokens(&app, &pending, &browser).await;
    let refresh = all.body["refresh_token"].as_str().unwrap_or_default().to_owned();
    let api = w.accounts_api();
    let out = async |account: &str| {
        let line = ["grant", "revoke", &all.grant_id, "--account", account, "--reason", "by telephone", "--json"];
        w.staff(&line).await
    };
    out("115-ordinary-1100034").await.refused(1, "does not share this account");
    assert_eq!(out("115-savings-2200011").await.json()["state"], "active");
    let seen = api.introspect(&all.access_token).await;
    assert_eq!(seen["authorization_details"][0]["accounts"], json!([own[0]]), "{seen}");
    out("115-savings-2200011").await.refused(1, "does not share this account");
    if !refresh.is_empty() {
        let answer = token(&app, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)], None).await;
        let body = answer.expect(200).json();
        assert_eq!(body["authorization_details"][0]["accounts"], json!([own[0]]), "{body}");
        let more = detail(json!({"accounts": [own[1]]}));
        let answer = token(&app, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)], Some(&more)).await;
        assert_eq!(error(answer), "invalid_authorization_details");
    }
    assert_eq!(out("115-ordinary-1100026").await.json()["state"], "revoked");
    assert_eq!(api.introspect(&all.access_token).await["active"], false);
    out("115-ordinary-1100026").await.refused(1, "has ended already");
}
/// A token for the account that goes is for nothing, and so is dead.
async fn a_token_for_what_is_gone_is_dead(w: &Town) {
    let (app, _) = budget(w).await;
    let own = w.bank.ids("115-ordinary-1100026").await;
    let (pending, mut browser) = at_consent(w, &app, "openid accounts offline_access", &detail(json!({}))).await;
    allow(&mut browser, &[&own[0], &own[1]]).await;
    let all = tokens(&app, &pending, &browser).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", all.body["refresh_token"].as_str().unwrap())];
    let savings = token(&app, &refresh, Some(&detail(json!({"accounts": [own[1]]})))).await.expect(200).json();
    let savings = savings["access_token"].as_str().unwrap();
    assert_eq!(app.introspect(savings).await["active"], true);
    let line = ["grant", "revoke", &all.grant_id, "--account", "115-savings-2200011", "--reason", "by telephone"];
    w.staff(&line).await;
    assert_eq!(app.introspect(savings).await, json!({"active": false}));
    assert_eq!(app.introspect(&all.access_token).await["active"], true);
}
