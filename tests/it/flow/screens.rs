//! Forms, errors and the ways out: acceptance tests 1 to 3, 8 and 9 (requirements.md#acceptance), and what no address
//! may skip.

use crate::support::browser::{Browser, Customer};
use crate::support::town::{Town, on_both};

on_both!(
    the_account_screen_reads_digits_kindly_and_strictly,
    an_empty_form_says_so_once_and_at_each_field,
    what_the_core_bank_says_of_the_customer,
    stopping_shows_a_page_and_then_tells_the_app,
    consent_wants_the_tick,
    no_address_skips_a_step,
    a_step_token_works_once,
    another_browser_cannot_join,
    a_form_from_elsewhere_is_refused,
    english_keeps_the_place,
    a_suspended_app_asks_nobody_anything_more,
);

const MISSING: &str = "入力されていない項目があります。";
const REQUIRED: &str = "必ず入力して下さい。";
const R30: &str = "ご指定の口座は、本サービスではお取り扱いできません。";
const R31: &str = "本人認証情報が誤っています。本人認証項目をご確認のうえ、再度入力して下さい。";

async fn at_account(w: &Town) -> Browser {
    let mut browser = w.browser();
    let url = w.creco().push("accounts").await.url;
    browser.open(&url).await;
    browser
}

async fn the_account_screen_reads_digits_kindly_and_strictly(w: &Town) {
    for (branch, number, error) in [
        ("115", "12345678", Some(("account_number", "半角数字7桁以内で入力して下さい。"))),
        ("115", "12a", Some(("account_number", "半角数字7桁以内で入力して下さい。"))),
        ("5", "123", Some(("branch", "半角数字3桁で入力して下さい。"))),
        ("005", "123", None),
        ("005", "0000123", None),
        ("００５", "０００-０１２３", None),
    ] {
        let mut browser = at_account(w).await;
        browser.press("next", &[("branch", branch), ("account_number", number)]).await;
        match error {
            Some((field, text)) => {
                assert_eq!((browser.status(), browser.screen()), (200, "account"), "{branch} {number}");
                assert_eq!(browser.page().id(&format!("{field}-error")).as_deref(), Some(text));
                assert!(browser.page().title().starts_with("エラー："));
            }
            None => {
                assert_eq!((browser.status(), browser.screen()), (200, "customer"), "{branch} {number}");
                browser.customer(&Customer::hanako()).await;
                assert_eq!(browser.screen(), "phone", "{branch} {number} is the account: {}", browser.page().text());
            }
        }
    }
}

async fn an_empty_form_says_so_once_and_at_each_field(w: &Town) {
    let mut browser = at_account(w).await;
    browser.press("next", &[]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "account"));
    assert_eq!(browser.page().text().matches(MISSING).count(), 1);
    for field in ["branch", "account_number"] {
        assert_eq!(browser.page().id(&format!("{field}-error")).as_deref(), Some(REQUIRED), "{field}");
    }
    assert_eq!(browser.page().attribute("error-summary", "tabindex").as_deref(), Some("-1"), "it can take the focus");

    browser.account("115-1100026").await;
    browser.press("next", &[]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "customer"));
    assert_eq!(browser.page().text().matches(MISSING).count(), 1);
    for field in ["name_kana", "birth_year", "phone", "email", "email_confirm"] {
        assert_eq!(browser.page().id(&format!("{field}-error")).as_deref(), Some(REQUIRED), "{field}");
    }

    // One wrong field: the others keep what was typed.
    let taro = Customer::taro();
    let mut typed = Browser::typed(&taro).to_vec();
    typed[6].1 = "other@example.jp";
    browser.press("next", &typed).await;
    assert_eq!(browser.page().id("email_confirm-error").as_deref(), Some("メールアドレスが一致していません。"));
    let form = browser.page().form_with("next").unwrap();
    assert!(form.fields.iter().any(|(n, v)| n == "phone" && v == "09012343333"), "typed values stay");
    assert_eq!(w.bank.asked.load(std::sync::atomic::Ordering::SeqCst), 0, "the core bank was not troubled");
}

async fn what_the_core_bank_says_of_the_customer(w: &Town) {
    // The name is written down, never compared.
    let mut browser = at_account(w).await;
    browser.account("115-1100026").await;
    let mut c = Customer::taro();
    c.name_kana = "ベツジン".into();
    assert_eq!(browser.customer(&c).await.screen(), "phone");

    // A wrong phone is R31 …
    let mut browser = at_account(w).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro().with_phone("09099999999")).await;
    assert_eq!((browser.status(), browser.screen()), (200, "customer"));
    assert!(browser.summary().contains(R31), "{}", browser.page().text());

    assert!(browser.summary().contains("生年月日とお届け電話番号をご確認ください。"), "{}", browser.summary());
    assert!(!browser.summary().contains("あと1回"), "two more may be wrong");

    // … and these accounts R30, which counts nothing and warns of no lock, and ① again beside it.
    for account in ["115-9999999", "115-1100034", "115-1100042", "011-1111111"] {
        browser.press("back", &[]).await;
        assert_eq!(browser.screen(), "account", "口座情報を入力し直す");
        browser.account(account).await;
        browser.customer(&Customer::taro()).await;
        assert_eq!((browser.status(), browser.screen()), (200, "customer"), "{account}");
        assert!(browser.summary().contains(R30), "{account}: {}", browser.page().text());
        assert!(!browser.summary().contains("ご確認ください。") && !browser.summary().contains("あと1回"), "{account}");
    }
    // The fifth of one way through the screens ends it, in words of its own.
    browser.press("back", &[]).await;
    browser.account("115-1100050").await;
    browser.customer(&Customer::taro()).await;
    assert_eq!((browser.status(), browser.screen()), (200, "expired"));
    let text = browser.page().text();
    assert!(
        text.contains("口座情報の確認ができない状態が続いたため、このお手続きを終了しました。") && !text.contains(R30),
        "{text}"
    );
    assert!(browser.page().form_with("restart").is_none());
    assert!(w.locks().await.is_empty(), "R30 never locks");
}

async fn stopping_shows_a_page_and_then_tells_the_app(w: &Town) {
    for stop_at in ["account", "customer", "phone", "call", "pin", "consent"] {
        let app = w.creco();
        let pending = app.push("accounts").await;
        let mut browser = w.browser();
        browser.open(&pending.url).await;
        browser.walk_to(w, stop_at).await;
        let test_store = browser.url.clone();
        browser.press(if stop_at == "consent" { "deny" } else { "cancel" }, &[]).await;
        assert_eq!((browser.status(), browser.screen()), (200, "cancelled"), "stopped at {stop_at}");
        assert_eq!(browser.page().h1(), "API連携認証の中止");
        assert!(browser.page().text().contains("API連携認証を中止しました。"));
        browser.open(&test_store).await;
        assert_eq!(browser.screen(), "cancelled", "the back button shows the same page");
        let brought = browser.return_to_app().await;
        app.refused(&pending, &brought, "access_denied");
    }
    let events = w.events().await;
    assert!(!events.is_empty() && events.iter().all(|e| e == "consent.denied"), "{events:?}");
}

async fn consent_wants_the_tick(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    assert!(!browser.page().html().contains("checked name=\"agree\""));
    browser.press("allow", &[]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "consent"));
    assert!(browser.page().text().contains("API利用規定をご確認のうえ、同意のチェックを入れて下さい。"));
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    w.expect_events(&["consent.granted", "grant.created", "token.issued"]).await;
    assert_eq!(w.mail().await.len(), 1);
}

async fn no_address_skips_a_step(w: &Town) {
    let mut browser = at_account(w).await;
    let base = browser.interaction();
    let screens = ["account", "customer", "phone", "call", "pin", "consent"];
    for here in screens {
        browser.walk_to(w, here).await;
        for there in screens.into_iter().chain(["done", "locked"]) {
            browser.open(&format!("{base}/{there}")).await;
            assert_eq!(browser.screen(), here, "{there} was asked for");
            assert_eq!(browser.status(), 200);
        }
        // Nor does another screen's form, with the step token of this one.
        let fields = browser.filled(if here == "consent" { "allow" } else { "next" }, &[]);
        for there in screens.into_iter().filter(|t| *t != here) {
            let mut forged = fields.clone();
            forged.extend([("agree", "yes"), ("pin", "4071")].map(|(a, b)| (a.to_owned(), b.to_owned())));
            let answer = browser.post(&format!("{base}/{there}"), &forged).await;
            browser.follow(&base, answer).await;
            assert_eq!(browser.screen(), here, "a form was sent to {there}");
        }
    }
}

async fn a_step_token_works_once(w: &Town) {
    let mut browser = at_account(w).await;
    browser.account("115-1100026").await;
    let stale = browser.filled("next", &Browser::typed(&Customer::taro()));
    let test_store = browser.url.clone();
    browser.customer(&Customer::taro()).await;
    assert_eq!(browser.screen(), "phone");
    let answer = browser.post(&test_store, &stale).await;
    browser.follow(&test_store, answer).await;
    assert_eq!((browser.status(), browser.screen()), (200, "phone"), "a stale page is sent to the current one");
}

async fn another_browser_cannot_join(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "pin").await;
    let test_store = browser.url.clone();
    let form = browser.filled("next", &[("pin", "4071")]);

    let mut thief = w.browser();
    thief.open(&test_store).await;
    assert_eq!(thief.status(), 403, "{}", thief.url);
    thief.post(&test_store, &form).await.expect(403);
    assert_eq!(w.bank.pin_checks(), 0, "nobody looked at the PIN");
    // With the same request another browser begins at ①, and the first to complete uses the request up.
    thief.open(&pending.url).await;
    assert_eq!((thief.status(), thief.screen()), (200, "account"));
    assert_ne!(thief.interaction(), browser.interaction());
    browser.open(&pending.url).await;
    assert_eq!(browser.screen(), "pin", "our own way is resumed");
    browser.pin("4071").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    // The request is used up: whoever else is on their way with it is told at the next press.
    thief.press("next", &[("branch", "115"), ("account_number", "1100026")]).await;
    assert_eq!(thief.screen(), "expired", "{}", thief.url);
    assert_eq!(w.events().await.iter().filter(|e| *e == "grant.created").count(), 1);
}

async fn a_form_from_elsewhere_is_refused(w: &Town) {
    use crate::support::http::RequestParts;
    let mut browser = at_account(w).await;
    let fields = browser.filled("next", &[("branch", "115"), ("account_number", "1100026")]);
    let url = browser.url.clone();
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        let answer = browser.request("POST", &url, RequestParts::default().form(&fields).header(name, value)).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    let answer = browser.request("POST", &url, RequestParts::default().form(&fields)).await;
    assert_eq!(answer.status, 403, "neither header");
    assert_eq!(browser.account("115-1100026").await.screen(), "customer", "none of them used the step up");
}

async fn english_keeps_the_place(w: &Town) {
    let mut browser = at_account(w).await;
    browser.account("115-1100026").await;
    let link = browser.page().links().into_iter().find(|l| l.contains("ui_locales=en")).unwrap();
    let base = browser.url.split('?').next().unwrap().to_owned();
    let url = if link.starts_with('?') { format!("{base}{link}") } else { link };
    browser.open(&url).await;
    assert_eq!((browser.status(), browser.screen()), (200, "customer"));
    assert!(browser.page().html().contains("lang=\"en\""));
    assert!(browser.page().html().contains("SOA202"), "the screen's id is the same");
    browser.customer(&Customer::taro()).await;
    assert_eq!(browser.screen(), "phone");
    assert!(browser.page().html().contains("<html lang=\"en\""), "the language stays");
}

async fn a_suspended_app_asks_nobody_anything_more(w: &Town) {
    let mut browser = at_account(w).await;
    browser.walk_to(w, "pin").await;
    let asked = w.bank.pin_checks();
    w.suspend_by_staff("creco").await;
    browser.pin("4071").await;
    assert_eq!((browser.status(), browser.screen()), (503, "closed"), "{}", browser.page().text());
    assert_eq!(w.bank.pin_checks(), asked, "the core bank is not asked");
    w.expect_events(&["client.suspended"]).await;

    // Nor is anything agreed to for it: it was suspended while the customer read ⑥.
    w.resume_by_staff("creco").await;
    let mut browser = at_account(w).await;
    browser.walk_to(w, "consent").await;
    w.suspend_by_staff("creco").await;
    browser.press("allow", &[("agree", "yes")]).await;
    assert_eq!((browser.status(), browser.screen()), (503, "closed"), "{}", browser.page().text());
    for table in ["select count(*) from grants", "select count(*) from codes", "select count(*) from consents"] {
        assert_eq!(w.count(table).await, 0, "{table}");
    }
}
