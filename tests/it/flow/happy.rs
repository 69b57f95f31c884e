//! The happy path, once as `creco` and once as `kakeibo`.

use crate::support::browser::Customer;
use crate::support::town::{Town, on_both};
use serde_json::json;

on_both!(an_account_is_linked, an_openid_client_gets_an_id_token, linking_again_replaces_the_link);

async fn an_account_is_linked(w: &Town) {
    let (app, api) = (w.creco(), w.accounts_api());
    let mut browser = w.browser();
    let pending = app.push("accounts transactions").await;

    browser.open(&pending.url).await;
    assert_eq!((browser.status(), browser.screen()), (200, "account"));
    assert_eq!(browser.page().h1(), "API連携認証 (ご利用口座情報入力)");
    assert!(browser.page().text().contains("アイ・ティ・リアライズ株式会社"), "the provider is named");

    browser.account("115-1100026").await;
    assert_eq!((browser.status(), browser.screen()), (200, "customer"));
    assert!(browser.page().text().contains("1100026"), "① is echoed");

    let before = browser.cookies.clone();
    browser.customer(&Customer::taro()).await;
    assert_eq!((browser.status(), browser.screen()), (200, "phone"));
    assert!(browser.page().text().contains("*****3333"), "{}", browser.page().text());
    assert!(!browser.page().html().contains("09012343333"), "the number is masked");
    assert_ne!(browser.cookies, before, "the session changes at ③");

    let to = browser.settle_phone().await;
    assert_eq!(browser.screen(), "call");
    let status = browser.call_status().await;
    assert_eq!(status["state"], "waiting");
    assert_eq!(status["seconds_left"], 120);
    w.phone.call("09012343333", &to).await.expect(204);
    assert_eq!(browser.call_status().await["state"], "seen");
    assert_eq!(browser.reload().await.screen(), "call", "nothing advances by itself");

    let before = browser.cookies.clone();
    browser.confirm_call().await;
    assert_eq!((browser.status(), browser.screen()), (200, "pin"));
    assert_ne!(browser.cookies, before, "the session changes at ⑤");
    browser.pin("4071").await;
    assert_eq!((browser.status(), browser.screen()), (200, "consent"));
    let text = browser.page().text();
    for part in ["口座情報・明細情報へのアクセス", "30日", "アイ・ティ・リアライズ株式会社", "しんくみアプリwithCRECO"]
    {
        assert!(text.contains(part), "⑥ lacks {part}: {text}");
    }
    let reference: String = text.split("受付番号 ").nth(1).expect("⑥ has a 受付番号").chars().take(9).collect();

    let agreed = w.now();
    let brought = browser.allow().await;
    let tokens = app.exchange(&pending, &brought).await;
    assert_eq!(tokens.body["token_type"], "DPoP");
    assert_eq!(tokens.body["grant_expires_at"], agreed.secs() + 30 * 86_400);
    assert!(tokens.access_token.starts_with("rk_at_"));

    let seen = api.introspect(&tokens.access_token).await;
    assert_eq!(seen["active"], true, "{seen}");
    assert_eq!(seen["client_id"], "creco");
    assert_eq!(seen["iss"], w.http.issuer);
    assert_eq!(seen["grant_id"], tokens.grant_id);
    assert_eq!(seen["cnf"]["jkt"], app.dpop.as_ref().unwrap().thumbprint());
    let detail = &seen["authorization_details"][0];
    assert_eq!(detail["type"], "account_information");
    assert_eq!(detail["accounts"].as_array().unwrap().len(), 1, "the verified account only: {detail}");
    assert!(!seen.to_string().contains("1100026"), "no account number: {seen}");

    w.expect_events(&["consent.granted", "grant.created", "token.issued"]).await;
    let mail = w.mail().await;
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].to, "taro@example.jp");
    let subject = format!("API連携認証 完了のお知らせ（受付番号 {reference}）");
    assert!(mail[0].subject.ends_with(&subject), "{} is not of {reference}", mail[0].subject);
    for part in ["口座番号下3桁 026", "しんくみアプリwithCRECO", "30日"] {
        assert!(mail[0].text.contains(part), "the notice lacks {part}: {}", mail[0].text);
    }
    assert!(!mail[0].text.contains("http"), "a notice has no link");

    assert_eq!(browser.open(&pending.url).await.status(), 400, "a completed request is used up");
    assert!(browser.page().id("oauth-error").is_some());
}

async fn an_openid_client_gets_an_id_token(w: &Town) {
    let app = w.kakeibo();
    let mut browser = w.browser();
    let pending = app.ask_directly("openid accounts");
    browser.open(&pending.url).await;
    browser.walk_to_consent(w, "115-1100026", &Customer::taro(), "4071").await;
    let brought = browser.allow().await;
    let tokens = app.exchange(&pending, &brought).await;
    assert_eq!(tokens.body["token_type"], "Bearer");
    let id = crate::support::jws::claims(tokens.body["id_token"].as_str().unwrap());
    assert_eq!(id["iss"], w.http.issuer);
    assert_eq!(id["aud"], json!("kakeibo"));
    assert_eq!(id["nonce"], pending.nonce);
    let seen = w.accounts_api().introspect(&tokens.access_token).await;
    assert_eq!(seen["sub"], id["sub"], "one subject for one client");
    let info = w.userinfo(&tokens.access_token).await.expect(200).json();
    assert_eq!(info["sub"], id["sub"]);
}

async fn linking_again_replaces_the_link(w: &Town) {
    let (app, api) = (w.creco(), w.accounts_api());
    let first = w.link(&app, &mut w.browser()).await;
    let second_pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&second_pending.url).await;
    browser.walk_to_consent(w, "115-1100026", &Customer::taro(), "4071").await;
    let brought = browser.allow().await;
    assert_eq!(
        api.introspect(&first.access_token).await["active"],
        true,
        "a lost redirect must not kill a working link"
    );
    let second = app.exchange(&second_pending, &brought).await;
    assert_eq!(api.introspect(&first.access_token).await, json!({"active": false}));
    let seen = api.introspect(&second.access_token).await;
    assert_eq!(seen["active"], true);
    assert_ne!(first.grant_id, second.grant_id);
    w.expect_events(&["grant.replaced"]).await;

    // Another client's link of the same account stands beside it, with another subject.
    let kakeibo = w.kakeibo();
    let other = w.link(&kakeibo, &mut w.browser()).await;
    assert_eq!(api.introspect(&second.access_token).await["active"], true);
    assert_ne!(api.introspect(&other.access_token).await["sub"], seen["sub"]);
}
