//! What was typed comes back: after an error, a reload after an error, a change of the language, 口座情報を入力し直す and
//! 最初からやり直す (requirements.md#typed). Sealed in the browser, never in the store; a PIN never at all.

use crate::support::browser::{Browser, Customer};
use crate::support::html::Page;
use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both, on_both_with};
use std::time::Duration;

on_both!(
    it_is_there_after_an_error_a_reload_and_in_another_language,
    it_is_there_when_a_page_begins_again_before_its_end,
    it_is_one_interactions_and_ends_with_it,
    it_is_sealed_and_a_pin_is_not_in_it,
    what_was_never_submitted_goes_along_to_the_other_language,
);
on_both_with!(it_is_there_after_going_back_and_from_the_beginning, |c| c.telephony.call_attempts = 1);

const COOKIE: &str = "__Host-renkei-typed";

async fn begun(w: &Town) -> Browser {
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    browser
}
fn values(page: &Page, names: &[&str]) -> Vec<String> {
    let form = page.form_with("next").expect("the form");
    let value = |name: &&str| form.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default();
    names.iter().map(value).collect()
}
const ACCOUNT: [&str; 3] = ["branch", "account_type", "account_number"];
const CUSTOMER: [&str; 7] = ["name_kana", "birth_year", "birth_month", "birth_day", "phone", "email", "email_confirm"];

fn wrong() -> Vec<(&'static str, &'static str)> {
    vec![
        ("name_kana", "やまだ　はなこ"),
        ("birth_year", "1990"),
        ("birth_month", "2"),
        ("birth_day", "31"),
        ("phone", "0438-20-1122"),
        ("email", "hanako@example.jp"),
        ("email_confirm", "hanako@example.com"),
    ]
}
fn typed_in(fields: &[(&str, &str)]) -> Vec<String> {
    fields.iter().map(|(_, v)| (*v).to_owned()).collect()
}

async fn it_is_there_after_an_error_a_reload_and_in_another_language(w: &Town) {
    let mut browser = begun(w).await;
    let account = [("branch", "11"), ("account_type", "savings"), ("account_number", "12-34567x")];
    browser.press("next", &account).await;
    for language in ["", "?ui_locales=en", "?ui_locales=ja"] {
        browser.open(&format!("{}{language}", browser.url.split('?').next().unwrap().to_owned())).await;
        assert_eq!(values(&browser.page(), &ACCOUNT), typed_in(&account), "{language}");
        assert!(!browser.summary().is_empty(), "{language}: the error stands there too");
    }
    browser.account("115-1100026").await;
    assert_eq!(browser.screen(), "customer");
    browser.press("next", &wrong()).await;
    for language in ["", "?ui_locales=en", "?ui_locales=ja"] {
        browser.open(&format!("{}{language}", browser.url.split('?').next().unwrap().to_owned())).await;
        assert_eq!(values(&browser.page(), &CUSTOMER), typed_in(&wrong()), "{language}");
        assert!(!browser.summary().is_empty(), "{language}: the error stands there too");
    }
    // What the core bank does not know is an error like any other.
    browser.customer(&Customer::taro().with_phone("09099999999")).await;
    assert_eq!(values(&browser.reload().await.page(), &["phone", "birth_year"]), ["09099999999", "1985"]);
    // A change of the language alone, before anything was posted wrongly.
    browser.press("back", &[]).await;
    browser.open(&format!("{}?ui_locales=en", browser.url.clone())).await;
    assert_eq!(values(&browser.page(), &ACCOUNT), ["115", "ordinary", "1100026"]);
}

/// What the script makes of the language link of ① and ②.
async fn in_language(browser: &mut Browser, language: &str, typed: &[(&str, &str)]) {
    let mut fields = browser.filled("next", typed);
    fields.retain(|(name, _)| name != "action");
    fields.push(("action".to_owned(), "language".to_owned()));
    fields.push(("ui_locales".to_owned(), language.to_owned()));
    let url = browser.url.clone();
    let answer = browser.post(url.split('?').next().unwrap(), &fields).await;
    browser.follow(&url, answer).await;
}

/// The cookies, but for that of the chosen language, which says nothing of anybody.
fn personal(browser: &Browser) -> Vec<(String, String)> {
    let all = browser.cookies.iter().map(|(name, value)| (name.clone(), value.clone()));
    all.filter(|(name, _)| !name.ends_with("renkei-language")).collect()
}
async fn what_was_never_submitted_goes_along_to_the_other_language(w: &Town) {
    for my in [false, true] {
        let mut browser = w.browser();
        if my {
            browser.open("/my").await;
        } else {
            browser = begun(w).await;
        }
        let account = [("branch", "1１"), ("account_type", "savings"), ("account_number", "2,2")];
        for (language, says) in [("en", "Branch number"), ("ja", "店番"), ("en", "Branch number")] {
            in_language(&mut browser, language, &account).await;
            assert_eq!((browser.status(), browser.screen()), (200, "account"));
            assert!(browser.page().text().contains(says), "{language}");
            assert_eq!(values(&browser.page(), &ACCOUNT), typed_in(&account), "{language}");
            assert!(browser.summary().is_empty(), "it is no attempt: {}", browser.summary());
        }
        browser.account("115-1100026").await;
        let mut typed = wrong();
        typed.retain(|(name, _)| !my || ["birth_year", "birth_month", "birth_day", "phone"].contains(name));
        let names: Vec<&str> = typed.iter().map(|(name, _)| *name).collect();
        // What was typed after an error goes along too, and the errors are those of what stands there now.
        browser.press("next", &[("birth_year", "x")]).await;
        assert!(browser.summary().contains("Some fields are empty."), "{}", browser.summary());
        let step = browser.filled("next", &[]).into_iter().find(|(name, _)| name == "step");
        for language in ["ja", "en"] {
            in_language(&mut browser, language, &typed).await;
            assert_eq!(values(&browser.page(), &names), typed_in(&typed), "{language}");
        }
        let said = browser.summary();
        assert!(said.contains("In 1990, that month had only 28 days.") && !said.contains("empty"), "{said}");
        assert_eq!(
            browser.filled("next", &[]).into_iter().find(|(name, _)| name == "step"),
            step,
            "no step is used up"
        );
        // 口座情報を入力し直す takes along what was typed and never submitted, with or without a script.
        let other = [("phone", "0312345678"), ("birth_year", "S29")];
        browser.press("back", &other).await;
        assert_eq!((browser.screen(), values(&browser.page(), &["branch"])), ("account", vec!["115".to_owned()]));
        browser.press("next", &[]).await;
        assert_eq!(values(&browser.page(), &["phone", "birth_year"]), ["0312345678", "S29"]);
    }
    assert_eq!(w.bank.asked.load(std::sync::atomic::Ordering::SeqCst), 0, "no bank was asked");
    assert!(w.locks().await.is_empty());
    // However often: it counts nothing, not even towards the posts of ② that a network may make.
    let mut browser = begun(w).await;
    browser.account("115-1100026").await;
    for n in 0..70 {
        in_language(&mut browser, if n % 2 == 0 { "en" } else { "ja" }, &wrong()).await;
    }
    assert_eq!(browser.customer(&Customer::taro()).await.screen(), "phone");
    // ⑤ has no such button: a PIN that is sent to it is not read, and no cookie changes.
    browser.walk_to(w, "pin").await;
    let before = personal(&browser);
    in_language(&mut browser, "en", &[("pin", "4071")]).await;
    assert_eq!((browser.screen(), personal(&browser)), ("pin", before));
    assert_eq!(w.bank.pin_checks(), 0);
    // A page left behind in another tab overwrites nothing, and another site's page does nothing.
    let mut browser = begun(w).await;
    let mut old = browser.clone();
    browser.account("115-1100026").await;
    old.cookies = browser.cookies.clone();
    in_language(&mut old, "en", &[("branch", "999")]).await;
    assert_eq!((old.screen(), personal(&old)), ("customer", personal(&browser)));
    let url = browser.url.clone();
    let foreign = renkei_form(&browser);
    let answer = browser.request("POST", &url, foreign).await;
    assert_eq!((answer.status, personal(&browser) == personal(&old)), (403, true));
    // Who was away too long still takes it to the new beginning.
    let mut browser = begun(w).await;
    browser.account("115-1100026").await;
    w.clock.advance(Duration::from_secs(901));
    in_language(&mut browser, "en", &wrong()).await;
    assert_eq!(browser.screen(), "expired");
    browser.press("restart", &[]).await;
    browser.press("next", &[]).await;
    assert_eq!(values(&browser.page(), &CUSTOMER), typed_in(&wrong()));
}
/// The same form as a page of another site would send it.
fn renkei_form(browser: &Browser) -> RequestParts {
    let fields = [("action", "language"), ("ui_locales", "en"), ("phone", "1")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(browser.screen(), "customer");
    RequestParts::default()
        .form(&fields)
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://evil.example")
}

async fn it_is_there_after_going_back_and_from_the_beginning(w: &Town) {
    let mut browser = begun(w).await;
    browser.account("115-9999999").await;
    browser.customer(&Customer::taro()).await;
    assert!(browser.summary().contains("本サービスではお取り扱いできません"), "{}", browser.page().text());
    browser.press("back", &[]).await;
    assert_eq!(values(&browser.page(), &ACCOUNT), ["115", "ordinary", "9999999"]);
    browser.account("115-1100026").await;
    let taro = Customer::taro();
    assert_eq!(values(&browser.page(), &CUSTOMER), typed_in(&Browser::typed(&taro)), "②'s were kept meanwhile");
    browser.customer(&taro).await;
    browser.settle_phone().await;
    w.clock.advance(Duration::from_secs(121));
    browser.reload().await;
    assert_eq!(browser.screen(), "expired");
    browser.press("restart", &[]).await;
    assert_eq!(browser.screen(), "account");
    assert_eq!(values(&browser.page(), &ACCOUNT), ["115", "ordinary", "1100026"]);
    browser.press("next", &[]).await;
    assert_eq!(values(&browser.page(), &CUSTOMER), typed_in(&Browser::typed(&taro)));
    browser.press("next", &[]).await;
    assert_eq!(browser.screen(), "phone", "one press each, and the customer is where they were");
}

/// 入力内容を残して最初からやり直す belongs to the page's own form, so what was never sent is there too; and the request lives on.
async fn it_is_there_when_a_page_begins_again_before_its_end(w: &Town) {
    let (app, taro) = (w.creco(), Customer::taro());
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.account("115-1100026").await;
    for n in 0..6 {
        w.clock.advance(Duration::from_secs(14 * 60));
        browser.reload().await;
        w.clock.advance(Duration::from_secs(14 * 60));
        let fields = browser.page().form_with("next").expect("②").fields;
        let mut fields: Vec<(String, String)> =
            fields.into_iter().filter(|(name, _)| Browser::typed(&taro).iter().all(|(f, _)| f != name)).collect();
        fields.extend(Browser::typed(&taro).map(|(name, value)| (name.to_owned(), value.to_owned())));
        fields.push(("action".into(), "restart".into()));
        let url = browser.url.clone();
        let answer = browser.post(&url, &fields).await;
        browser.follow(&url, answer).await;
        assert_eq!(browser.screen(), "account", "{n}: {}", browser.page().text());
        w.tidy().await;
        assert_eq!(values(&browser.page(), &ACCOUNT), ["115", "ordinary", "1100026"]);
        browser.press("next", &[]).await;
        assert_eq!(values(&browser.page(), &CUSTOMER), typed_in(&Browser::typed(&taro)), "{n}");
    }
    // Hours later the request of the app is still answered.
    browser.press("next", &[]).await;
    let to = browser.settle_phone().await;
    w.phone.call("09012343333", &to).await.expect(204);
    browser.confirm_call().await;
    browser.pin("4071").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
}

async fn it_is_one_interactions_and_ends_with_it(w: &Town) {
    let mut browser = begun(w).await;
    browser.account("115-1100026").await;
    browser.press("next", &wrong()).await;
    let first = browser.clone();
    // Another interaction of the same browser shows nothing of it, and does not take it away before it has its own.
    browser.open(&w.kakeibo().ask_directly("accounts").url).await;
    assert_eq!(values(&browser.page(), &ACCOUNT)[0], "");
    assert_eq!(browser.cookies[COOKIE], first.cookies[COOKIE]);
    browser.account("005-0000123").await;
    assert_eq!(values(&browser.page(), &CUSTOMER)[0], "", "not the other's");
    assert_ne!(browser.cookies[COOKIE], first.cookies[COOKIE], "the one typed last");
    // Somebody else's browser can do nothing with it.
    let mut stranger = begun(w).await;
    stranger.cookies.insert(COOKIE.into(), first.cookies[COOKIE].clone());
    stranger.account("005-0000123").await;
    assert_eq!(values(&stranger.page(), &CUSTOMER)[0], "");
    for end in ["cancel", "allow"] {
        let mut browser = begun(w).await;
        browser.walk_to(w, if end == "allow" { "consent" } else { "customer" }).await;
        assert!(browser.cookies.contains_key(COOKIE));
        if end == "allow" {
            browser.allow().await;
        } else {
            browser.press("cancel", &[]).await;
        }
        assert!(!browser.cookies.contains_key(COOKIE), "{end}: it ends with the interaction");
    }
    // Who was away for a quarter of an hour may begin again with it; after half an hour nobody can.
    let mut browser = begun(w).await;
    browser.walk_to(w, "customer").await;
    for (away, kept) in [(901, true), (900, false)] {
        w.clock.advance(Duration::from_secs(away));
        assert_eq!(browser.reload().await.screen(), "expired");
        assert_eq!(browser.cookies.contains_key(COOKIE), kept);
        assert_eq!(browser.page().form_with("restart").is_some(), kept);
    }
}

async fn it_is_sealed_and_a_pin_is_not_in_it(w: &Town) {
    let mut browser = begun(w).await;
    browser.account("115-1100026").await;
    let long = "あ".repeat(500);
    let mut fields = wrong();
    fields[0].1 = &long;
    browser.press("next", &fields).await;
    let longest = browser.cookies[COOKIE].clone();
    assert!(longest.len() <= 1000, "{}", longest.len());
    browser.walk_to(w, "pin").await;
    let before = browser.cookies[COOKIE].clone();
    browser.pin("0917").await;
    assert_eq!(browser.screen(), "pin", "a wrong one");
    assert_eq!(values(&browser.page(), &["pin"]), [""]);
    for value in browser.cookies.values() {
        assert!(!value.contains("0917") && !value.contains("1985"));
    }
    assert!(before.len().abs_diff(browser.cookies[COOKIE].len()) <= 100, "nothing more is in it");
    // The birth date and the mail's second copy are nowhere at rest. Four digits alone stand somewhere by chance, so what
    // is looked for is each way in which such a date is written.
    let stored = w.store_bytes().await;
    for secret in [
        "1985-04-12",
        "1985-4-12",
        "1985/4/12",
        "19850412",
        "1985\u{1f}4\u{1f}12",
        "\"1985\"",
        "=1985&",
        "1990-02-31",
        "\"1990\"",
        "=1990&",
        "pin=0917",
        "\"0917\"",
        "hanako@example.com",
    ] {
        let found = stored.windows(secret.len()).any(|at| at == secret.as_bytes());
        assert!(!found, "{secret:?} is in the store");
    }
    assert!(!w.log().contains("hanako@example.com"));
}
