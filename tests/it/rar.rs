//! RFC 9396, from the request to the resource: which accounts a customer shares, and what the app then gets.

use crate::support::app::{App, Pending, Tokens};
use crate::support::browser::Browser;
use crate::support::http::Answer;
use crate::support::town::{Town, on_both};
use renkei::identity::BankError;
use serde_json::{Value, json};

on_both!(
    the_customer_chooses_which_accounts,
    only_what_was_offered_is_taken,
    accounts_asked_by_name_are_the_customers_or_left_out,
    nothing_to_share_is_a_dead_end_that_leads_back,
    permissions_and_days_are_shown_and_kept,
    the_bank_is_asked_again_before_anything_is_recorded,
    a_request_by_scope_alone_is_about_the_verified_account,
);

fn detail(members: Value) -> Value {
    let mut detail = json!({"type": "account_information"});
    detail.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!([detail])
}
async fn pushed(app: &App, scope: &str, details: &Value) -> (Pending, Answer) {
    let (pending, fields) = app.request(scope);
    let details = details.to_string();
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    fields.retain(|(n, v)| *n != "client_id" && !v.is_empty());
    fields.push(("authorization_details", &details));
    let answer = app.post("/oauth/par", &fields, false).await;
    (pending, answer)
}
/// The sample customer stands at ⑥ of a request with these details.
async fn at_consent(w: &Town, app: &App, scope: &str, details: &Value) -> (Pending, Browser) {
    let (mut pending, answer) = pushed(app, scope, details).await;
    pending.url = app.authorize_url(answer.expect(201).json()["request_uri"].as_str().unwrap());
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "pin").await.pin("4071").await;
    (pending, browser)
}
/// 許可する with the tick and exactly these accounts.
async fn allow(browser: &mut Browser, accounts: &[&str]) {
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
async fn tokens(app: &App, pending: &Pending, browser: &Browser) -> Tokens {
    app.exchange(pending, &browser.handed_to_app()).await
}
/// The one detail of the token response, which introspection repeats.
async fn granted(w: &Town, tokens: &Tokens) -> Value {
    let details = tokens.body["authorization_details"].clone();
    let seen = w.accounts_api().introspect(&tokens.access_token).await;
    assert_eq!(seen["authorization_details"], details, "contract §6");
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
    let both = "対象口座　　：普通預金（口座番号下3桁 026）、貯蓄預金（口座番号下3桁 011）";
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
        assert_eq!((browser.status(), browser.screen()), (422, "consent"), "{why}");
        assert!(browser.summary().contains("連携する口座を選んで下さい。"), "{why}: {}", browser.summary());
        let kept: Vec<&str> = accounts.iter().copied().filter(|a| own.iter().any(|o| o == a)).collect();
        assert_eq!(ticked(&browser), kept, "what was ticked stays so");
        assert_eq!(offered(&browser), 2);
    }
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
    assert_eq!(browser.status(), 422, "the verified account was not asked for");
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

async fn the_bank_is_asked_again_before_anything_is_recorded(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let (pending, mut browser) = at_consent(w, &app, "accounts", &detail(json!({}))).await;
    w.bank.fail(Some(BankError::Failed("down".into())));
    allow(&mut browser, &[&own[0], &own[1]]).await;
    assert_eq!((browser.status(), browser.screen()), (503, "consent"), "R36 comes back in place");
    assert!(browser.answer.header("retry-after").is_some() && browser.summary().contains("調整のため"));
    assert_eq!(ticked(&browser).len(), 2, "the choice stays");
    w.bank.fail(None);

    w.bank.close("115-savings-2200011");
    allow(&mut browser, &[&own[0], &own[1]]).await;
    assert_eq!((browser.status(), offered(&browser)), (422, 1), "what is gone is offered no more");
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

async fn a_request_by_scope_alone_is_about_the_verified_account(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    assert_eq!(offered(&browser), 0, "nothing to choose (contract §6)");
    assert!(browser.page().text().contains("本人確認をした口座を連携します。"));
    let tokens = app.exchange(&pending, &browser.allow().await).await;
    let own = w.bank.ids("115-ordinary-1100026").await;
    let want = json!({"type": "account_information", "accounts": [own[0]], "permissions": ["balances"]});
    assert_eq!(granted(w, &tokens).await, want);
}
