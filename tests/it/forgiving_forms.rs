//! Screens that forgive: an error says exactly what is wrong, what was ticked stays, the name can be corrected after it was
//! converted, the last try is announced before it, and a page of yesterday leads on (requirements.md#typed, #g4, #gone).

use crate::rar::{allow, asked_with, detail};
use crate::support::browser::{Browser, Customer};
use crate::support::town::{Town, on_both};
use renkei_core::identity::BankError;
use serde_json::json;
use std::time::Duration;

on_both!(
    an_error_names_what_is_wrong,
    errors_are_those_of_what_stands_in_the_fields,
    what_was_ticked_stays,
    an_agreement_is_to_sentences,
    the_name_is_corrected_after_it_was_converted,
    the_last_try_is_announced_before_a_pin_is_typed,
    a_page_of_yesterday_says_so_and_leads_on,
);

async fn begun(w: &Town) -> Browser {
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    browser
}
/// Opens the page where it stands in a language, as the link without script does.
async fn read_in(browser: &mut Browser, language: &str) {
    let page = browser.url.split('?').next().unwrap().to_owned();
    browser.open(&format!("{page}?ui_locales={language}")).await;
}
/// What the script makes of the language link: it sends the form as it stands.
async fn sent_in(browser: &mut Browser, language: &str, action: &str, fields: Vec<(String, String)>) {
    let mut fields = fields;
    fields.retain(|(name, _)| name != "action");
    assert!(browser.page().form_with(action).is_some());
    fields.extend([("action", "language"), ("ui_locales", language)].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let url = browser.url.clone();
    let answer = browser.post(url.split('?').next().unwrap(), &fields).await;
    browser.follow(&url, answer).await;
}

async fn an_error_names_what_is_wrong(w: &Town) {
    for (field, typed, ja, en) in [
        (
            "name_kana",
            vec![("name_kana", "田中　たろう")],
            "半角カタカナで入力して下さい。 漢字（田、中）は使用できません。お名前の読みを、ひらがなまたはカタカナで入力して下さい。",
            "Please use katakana. Kanji (田、中) cannot be used. Please enter how your name is read, in hiragana or katakana.",
        ),
        (
            "name_kana",
            vec![("name_kana", "田＆なか")],
            "漢字（田）は使用できません。お名前の読みを、ひらがなまたはカタカナで入力して下さい。 使用できない文字：＆",
            "These characters cannot be used: ＆",
        ),
        (
            "birth_year",
            vec![("birth_year", "S65")],
            "生年月日を正しく入力して下さい。 昭和は64年（1989年1月7日）までです。",
            "The Showa era ended in its year 64, on 7 January 1989.",
        ),
        (
            "birth_year",
            vec![("birth_year", "平成元年"), ("birth_month", "1"), ("birth_day", "7")],
            "平成は1989年1月8日からです。",
            "The Heisei era began on 8 January 1989.",
        ),
        (
            "birth_year",
            vec![("birth_month", "2"), ("birth_day", "30")],
            "1985年2月は28日までです。",
            "In 1985, that month had only 28 days.",
        ),
        (
            "birth_year",
            vec![("birth_year", "29")],
            "年は、西暦4桁（例 1954）か、元号を付けた年（例 S29、昭和29年）で入力して下さい。",
            "Please enter the year with four digits (such as 1954), or with its era (such as S29).",
        ),
        ("birth_year", vec![("birth_year", "2085")], "本日より後の日付になっています。", "This date is in the future."),
        (
            "phone",
            vec![("phone", "090-1234-33")],
            "入力された番号は9桁です。2桁足りません。",
            "You entered 9 digits. 2 digits are missing.",
        ),
        (
            "phone",
            vec![("phone", "043820112")],
            "入力された番号は9桁です。1桁足りません。",
            "You entered 9 digits. One digit is missing.",
        ),
        (
            "phone",
            vec![("phone", "04382011223")],
            "入力された番号は11桁です。1桁多くなっています。",
            "You entered 11 digits, which is 1 too many.",
        ),
        (
            "phone",
            vec![("phone", "90-1234-3333")],
            "先頭の0から入力して下さい。",
            "Please include the 0 at the beginning.",
        ),
    ] {
        let mut browser = begun(w).await;
        browser.account("115-1100026").await;
        let taro = Customer::taro();
        let mut all = Browser::typed(&taro).to_vec();
        all.retain(|(name, _)| typed.iter().all(|(n, _)| n != name));
        all.extend(typed.iter().copied());
        browser.press("next", &all).await;
        assert_eq!(browser.screen(), "customer", "{typed:?}");
        for (language, want) in [("ja", ja), ("en", en), ("ja", ja)] {
            read_in(&mut browser, language).await;
            let said = browser.page().id(&format!("{field}-error")).unwrap();
            assert!(said.contains(want), "{typed:?} {language}: {said}");
            let last = want.rsplit(' ').next().unwrap();
            assert!(browser.summary().contains(last), "the summary too: {}", browser.summary());
        }
    }
    assert_eq!(w.bank.asked.load(std::sync::atomic::Ordering::SeqCst), 0);
    // 西暦 does not stand beside the year of an era, and a year that no era has is not repeated in the Western calendar.
    for (year, beside, repeated) in
        [("S60", "和暦", true), ("昭和65年", "和暦", false), ("1985", "西暦", false), ("x", "西暦", false)]
    {
        let mut browser = begun(w).await;
        browser.account("115-1100026").await;
        browser.press("next", &[("birth_year", year)]).await;
        let html = browser.page().html().to_owned();
        assert!(html.contains(&format!("<label for=\"birth_year\">{beside}</label>")), "{year}");
        assert_eq!(browser.page().id("birth-western").is_some(), repeated, "{year}");
    }
}

/// The language link of the script takes along what was corrected after the error.
async fn errors_are_those_of_what_stands_in_the_fields(w: &Town) {
    let mut browser = begun(w).await;
    browser.press("next", &[("branch", "5"), ("account_number", "12a")]).await;
    assert!(browser.page().id("branch-error").is_some() && browser.page().id("account_number-error").is_some());
    let fields = browser.filled("next", &[("branch", "115")]);
    sent_in(&mut browser, "en", "next", fields).await;
    assert_eq!(browser.page().id("branch-error"), None, "it is right now");
    assert_eq!(browser.page().id("account_number-error").as_deref(), Some("Please enter up to seven digits."));
    let fields = browser.filled("next", &[("account_number", "1100026")]);
    sent_in(&mut browser, "ja", "next", fields).await;
    assert_eq!(browser.summary(), "");
    assert!(!browser.page().title().starts_with("エラー"), "{}", browser.page().title());

    browser.press("next", &[]).await;
    browser.press("next", &[("phone", "090"), ("birth_year", "S65"), ("birth_month", "4"), ("birth_day", "12")]).await;
    assert!(browser.summary().contains("入力されていない項目があります。"));
    let right = Customer::taro();
    let mut typed = Browser::typed(&right).to_vec();
    typed.retain(|(name, _)| *name != "birth_year");
    let fields = browser.filled("next", &typed);
    sent_in(&mut browser, "en", "next", fields).await;
    let said = browser.summary();
    assert!(said.contains("The Showa era ended in its year 64") && !said.contains("empty"), "{said}");
    assert!(browser.page().id("phone-error").is_none() && browser.page().id("name_kana-error").is_none());
    let fields = browser.filled("next", &[("birth_year", "S60")]);
    sent_in(&mut browser, "ja", "next", fields).await;
    assert_eq!(browser.summary(), "");
    // What the core bank said stays, whatever is typed.
    browser.press("next", &[("birth_day", "13")]).await;
    let fields = browser.filled("next", &[("birth_day", "12")]);
    sent_in(&mut browser, "en", "next", fields).await;
    assert!(browser.summary().contains("do not match our records"), "{}", browser.summary());
    assert_eq!(browser.press("next", &[]).await.screen(), "phone");
}

/// What is ticked on ⑥: accounts, 同意, notices.
fn ticked(browser: &Browser) -> (Vec<String>, bool, bool) {
    let fields = browser.page().form_with("allow").unwrap_or_else(|| panic!("{}", browser.page().text())).fields;
    let yes = |name: &str| fields.iter().any(|(n, value)| n == name && value == "yes");
    let accounts = fields.iter().filter(|(name, _)| name == "account").map(|(_, id)| id.clone()).collect();
    (accounts, yes("agree"), yes("notices"))
}
/// The form of ⑥ with these ticks alone.
fn with_ticks(browser: &Browser, accounts: &[&str], agree: bool, notices: bool) -> Vec<(String, String)> {
    let mut fields = browser.filled("allow", &[]);
    fields.retain(|(name, _)| !matches!(name.as_str(), "account" | "agree" | "notices"));
    fields.extend(accounts.iter().map(|id| ("account".to_owned(), (*id).to_owned())));
    for (name, ticked) in [("agree", agree), ("notices", notices)] {
        fields.extend(ticked.then(|| (name.to_owned(), "yes".to_owned())));
    }
    fields
}
async fn press_allow(browser: &mut Browser, fields: &[(String, String)]) {
    let url = browser.url.clone();
    let answer = browser.post(&url, fields).await;
    browser.follow(&url, answer).await;
}

async fn what_was_ticked_stays(w: &Town) {
    let (app, own) = (w.creco(), w.bank.ids("115-ordinary-1100026").await);
    let [verified, savings] = [own[0].as_str(), own[1].as_str()];
    let (_, mut browser) = asked_with(w, &app, "accounts transactions", &detail(json!({})), &[]).await;
    assert_eq!(ticked(&browser), (vec![verified.to_owned()], false, false), "as it comes");
    // With script, before anything was sent.
    for (language, accounts, agree, notices) in [
        ("en", vec![savings], true, false),
        ("ja", vec![], true, true),
        ("en", vec![verified, savings], false, true),
        ("ja", vec![savings], true, true),
    ] {
        let step = browser.filled("allow", &[]).into_iter().find(|(name, _)| name == "step");
        let fields = with_ticks(&browser, &accounts, agree, notices);
        sent_in(&mut browser, language, "allow", fields).await;
        assert_eq!((browser.status(), browser.screen()), (200, "consent"));
        assert!(browser.page().html().contains(&format!("<html lang=\"{language}\"")));
        let accounts: Vec<String> = accounts.into_iter().map(str::to_owned).collect();
        assert_eq!(ticked(&browser), (accounts, agree, notices), "{language}");
        assert_eq!(browser.summary(), "", "it is no attempt");
        assert_eq!(browser.filled("allow", &[]).into_iter().find(|(name, _)| name == "step"), step);
    }
    // An error, a reload after it, and the other language without script.
    w.bank.fail(Some(BankError::Busy));
    let fields = with_ticks(&browser, &[savings], true, true);
    press_allow(&mut browser, &fields).await;
    for language in ["", "en", "ja"] {
        if !language.is_empty() {
            read_in(&mut browser, language).await;
        }
        assert!(!browser.reload().await.summary().is_empty(), "R35");
        assert_eq!(ticked(&browser), (vec![savings.to_owned()], true, true), "{language}");
    }
    w.bank.fail(None);
    // Nothing chosen is an error too, and 同意 stays.
    let fields = with_ticks(&browser, &[], true, false);
    press_allow(&mut browser, &fields).await;
    assert!(browser.page().id("account-error").is_some() && browser.page().id("agree-error").is_none());
    assert_eq!(ticked(&browser), (vec![], true, false));
    // Without 同意 it is asked for, and the rest stays.
    let fields = with_ticks(&browser, &[savings], false, true);
    press_allow(&mut browser, &fields).await;
    assert!(browser.page().id("agree-error").is_some());
    assert_eq!(ticked(&browser), (vec![savings.to_owned()], false, true));
    // The page is still the one that can be agreed to.
    let fields = with_ticks(&browser, &[savings], true, true);
    press_allow(&mut browser, &fields).await;
    assert!(browser.has_left(), "{}", browser.page().text());
    assert!(!browser.cookies.contains_key("__Host-renkei-typed"));

    // Whoever begins again agrees again.
    let (_, mut browser) = asked_with(w, &app, "accounts transactions", &detail(json!({})), &[]).await;
    let fields = with_ticks(&browser, &[savings], true, true);
    sent_in(&mut browser, "ja", "allow", fields).await;
    assert_eq!(ticked(&browser), (vec![savings.to_owned()], true, true));
    browser.press("restart", &[]).await;
    browser.walk_to(w, "consent").await;
    assert_eq!(ticked(&browser), (vec![verified.to_owned()], false, false));
}

/// 同意 belongs to the sentences it was ticked under: where they change, it is asked for again.
async fn an_agreement_is_to_sentences(w: &Town) {
    let named = |name: &str| w.oidc_app("renamed", json!({"client_name": name, "scope": "accounts"}));
    let app = named("家計").await;
    let own = w.bank.ids("115-ordinary-1100026").await;
    let (_, mut browser) = asked_with(w, &app, "accounts", &detail(json!({})), &[]).await;
    let fields = with_ticks(&browser, &[&own[1]], true, true);
    sent_in(&mut browser, "en", "allow", fields).await;
    assert_eq!(ticked(&browser), (vec![own[1].clone()], true, true));
    // The app gets another name: after that the same ticks agree to nothing, on a page that is loaded again …
    named("投資クラブ").await;
    browser.reload().await;
    assert_eq!(ticked(&browser), (vec![own[1].clone()], false, true));
    // … nor does a page that was open meanwhile take the agreement along.
    let fields = with_ticks(&browser, &[&own[1]], true, true);
    named("投資くらぶ").await;
    sent_in(&mut browser, "ja", "allow", fields).await;
    assert_eq!(ticked(&browser), (vec![own[1].clone()], false, true));
    allow(&mut browser, &[&own[1]]).await;
    assert!(browser.has_left(), "{}", browser.page().text());
}

async fn the_name_is_corrected_after_it_was_converted(w: &Town) {
    let mut browser = begun(w).await;
    browser.account("115-1100026").await;
    let taro = Customer { name_kana: "でーた　たろお".into(), ..Customer::taro() };
    browser.customer(&taro).await;
    assert_eq!(browser.screen(), "phone");
    assert!(browser.page().text().contains("ﾃﾞｰﾀ ﾀﾛｵ"));
    let asked = || w.bank.asked.load(std::sync::atomic::Ordering::SeqCst);
    let before = asked();
    browser.press("back", &[]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "customer"));
    let form = browser.page().form_with("next").unwrap();
    for (name, value) in Browser::typed(&taro) {
        assert!(form.fields.contains(&(name.to_owned(), value.to_owned())), "{name} stands there");
    }
    assert_eq!(asked(), before, "nothing is asked by that");
    // No check is passed by it: ③ is not reached again without ②, and wrong answers count as before.
    let base = browser.interaction();
    browser.open(&format!("{base}/phone")).await;
    assert_eq!(browser.screen(), "customer");
    browser.press("next", &[("birth_day", "13")]).await;
    assert!(browser.summary().contains("生年月日とお届け電話番号をご確認ください。"));
    browser.press("next", &[("birth_day", "12"), ("name_kana", "でーた　たろう")]).await;
    assert_eq!(browser.screen(), "phone");
    browser.press("back", &[]).await;
    browser.press("next", &[("birth_day", "14")]).await;
    assert!(browser.summary().contains("あと1回誤りますと"), "no count is reset: {}", browser.summary());
    browser.press("next", &[("birth_day", "12")]).await;
    assert!(browser.page().text().contains("ﾃﾞｰﾀ ﾀﾛｳ"), "{}", browser.page().text());
    browser.walk_to(w, "consent").await;
    browser.allow().await;
    // The customer's own page asks for no name, so it has no such button.
    let mut own = w.browser();
    own.open("/my").await;
    own.account("115-1100026").await;
    let typed = Browser::typed_on(&own.page(), &Customer::taro());
    let typed: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    own.press("next", &typed).await;
    assert_eq!(own.screen(), "phone");
    assert!(own.page().form_with("back").is_none());
}

const LAST_TRY: &str = "あと1回誤りますと、API連携認証を本日はご利用いただけなくなります。";

async fn the_last_try_is_announced_before_a_pin_is_typed(w: &Town) {
    let mut browser = begun(w).await;
    browser.account("115-1100026").await;
    for day in ["13", "14"] {
        browser.customer(&Customer::taro().born("1985", "4", day)).await;
    }
    // Not at ②: there anybody may have typed the account.
    let mut stranger = begun(w).await;
    stranger.account("115-1100026").await;
    assert!(!stranger.page().text().contains("あと1回"));
    browser.customer(&Customer::taro()).await;
    for screen in ["phone", "call"] {
        browser.walk_to(w, screen).await;
        assert!(!browser.page().text().contains("あと1回"), "{screen}");
    }
    browser.walk_to(w, "pin").await;
    assert!(browser.page().text().contains(LAST_TRY), "{}", browser.page().text());
    assert_eq!(browser.summary(), "", "it is no error");
    let described = browser.page().attribute("pin", "aria-describedby").unwrap();
    assert!(described.starts_with("last-try "), "{described}");
    // A slip of the finger counts nothing, and the line stays; it stands there once.
    browser.pin("12").await;
    assert_eq!(browser.page().text().matches("あと1回").count(), 1, "{}", browser.page().text());
    read_in(&mut browser, "en").await;
    assert!(browser.page().text().contains("If your next try is also wrong"));
    read_in(&mut browser, "ja").await;
    // The lock names what happened: the errors of both screens, not errors in a row.
    browser.pin("0000").await;
    assert_eq!((browser.status(), browser.screen()), (403, "locked"));
    let text = browser.page().text();
    assert!(text.contains("入力誤りが1日の上限の回数に達した") && text.contains("合わせて数えます"), "{text}");
    assert!(!text.contains("続いた"), "{text}");
    // The next day it is no last try.
    w.clock.advance(Duration::from_hours(24));
    let mut browser = begun(w).await;
    browser.walk_to(w, "pin").await;
    assert!(!browser.page().text().contains("あと1回"), "{}", browser.page().text());
}

async fn a_page_of_yesterday_says_so_and_leads_on(w: &Town) {
    let own = json!({"client_name": "かけい", "client_uri": "https://homely.example/", "scope": "accounts"});
    let app = w.oidc_app("homely", own).await;
    for screen in ["account", "phone", "pin", "consent"] {
        let mut browser = w.browser();
        browser.open(&app.ask_directly("accounts").url).await;
        browser.walk_to(w, screen).await;
        let (page, step) =
            (browser.url.clone(), browser.page().form_with("restart").or(browser.page().form_with("next")));
        let mut stranger = w.browser();
        w.clock.advance(Duration::from_hours(24));
        w.tidy().await;
        for opened in [false, true] {
            if opened {
                // The form of the page is sent, by somebody without script.
                let mut fields = step.clone().map(|form| form.fields).unwrap_or_default();
                fields.push(("action".into(), "next".into()));
                let answer = browser.post(&page, &fields).await;
                browser.follow(&page, answer).await;
            } else {
                browser.reload().await;
            }
            assert_eq!(browser.status(), 403);
            let text = browser.page().text();
            assert_eq!(browser.page().h1(), "お手続きの時間が過ぎました", "{screen}");
            assert!(text.contains("長い時間がたったため") && !text.contains("別の画面"), "{screen}: {text}");
            assert!(text.contains("連携がお済みでない場合は、お手数ですが、かけいの画面から"), "{text}");
            assert!(
                browser.page().links().contains(&"https://homely.example/".to_owned()),
                "{:?}",
                browser.page().links()
            );
        }
        browser.open(&format!("{page}?ui_locales=en")).await;
        assert!(browser.page().text().contains("Too much time has passed"), "{}", browser.page().text());
        // Another browser learns nothing of it, not even with the cookie of the first.
        stranger.open(&page).await;
        assert_eq!((stranger.status(), stranger.page().h1().as_str()), (403, "このお手続きは終了しています"));
        let other = begun(w).await;
        stranger.cookies.insert("__Host-renkei-last".into(), other.cookies["__Host-renkei-last"].clone());
        stranger.open(&page).await;
        assert!(!stranger.page().text().contains("かけい"));
    }
    // While it is kept, its own page says more, and the cookie alone opens nothing.
    let mut browser = w.browser();
    browser.open(&app.ask_directly("accounts").url).await;
    let own = browser.cookie_name();
    browser.cookies.remove(&own);
    browser.reload().await;
    assert_eq!(browser.page().h1(), "このお手続きは終了しています");
    // The customer's own page begins anew.
    let mut browser = w.browser();
    browser.open("/my").await;
    w.clock.advance(Duration::from_hours(24));
    w.tidy().await;
    browser.reload().await;
    assert_eq!(browser.page().h1(), "お手続きの時間が過ぎました");
    assert!(browser.page().links().contains(&"/my".to_owned()), "{:?}", browser.page().links());
    assert_eq!(browser.open("/my").await.screen(), "account");
}
