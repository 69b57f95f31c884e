//! What rests and what is written down: acceptance test 13 (requirements.md#a13).

use crate::support::browser::Customer;
use crate::support::town::{Town, on_both};

on_both!(nothing_personal_rests_or_is_logged);

async fn nothing_personal_rests_or_is_logged(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro().born("1985", "4", "13")).await;
    browser.customer(&Customer::taro()).await;
    let to = browser.settle_phone().await;
    w.phone.call("09012343333", &to).await;
    browser.confirm_call().await;
    browser.pin("9182").await;
    browser.pin("4071").await;
    let brought = browser.allow().await;
    let tokens = app.exchange(&pending, &brought).await;
    app.revoke(&tokens.access_token).await.expect(200);

    let secrets = [
        "1100026",
        "09012343333",
        "+819012343333",
        "1985-04-12",
        "19850412",
        "taro@example.jp",
        "ﾃﾞｰﾀ",
        "データ",
        brought["code"].as_str(),
        tokens.access_token.as_str(),
        pending.verifier.as_str(),
        "kakeibo-secret",
        "accounts-api-secret",
    ];
    let log = w.log();
    assert!(log.contains("/oauth/token"), "the log was read");
    for line in log.lines() {
        for secret in secrets {
            assert!(!line.contains(secret), "the log holds {secret}: {line}");
        }
        for word in line.split(|c: char| !c.is_alphanumeric() && c != '-') {
            assert!(word != "4071" && word != "9182", "the log holds a PIN: {line}");
        }
    }
    let bytes = w.store_bytes().await;
    assert!(find(&bytes, b"grant.created"), "the store was read");
    for secret in secrets {
        assert!(!find(&bytes, secret.as_bytes()), "the store holds {secret}");
    }
    for cookie in browser.cookies.values() {
        assert!(!find(&bytes, cookie.as_bytes()), "the store holds a cookie");
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}
