//! Wrong answers: acceptance test 4 (requirements.md#a4), the lock across midnight, and what parallel guesses are
//! worth.

use crate::support::browser::{Browser, Customer};
use crate::support::town::{Town, on_both};
use renkei_core::clock::Clock;
use renkei_core::identity::BankError;
use std::time::Duration;

on_both!(
    three_wrong_answers_lock_until_midnight,
    the_last_try_of_the_day_is_announced_until_midnight,
    fifty_parallel_wrong_pins_reach_the_core_three_times,
    fifty_parallel_forms_with_one_step_token_are_one,
    a_core_bank_that_fails_costs_the_customer_nothing,
    the_tenth_wrong_pin_locks_until_staff_release_it,
    a_lock_that_falls_between_six_and_allow_gives_no_link,
);

const R31: &str = "本人認証情報が誤っています。本人認証項目をご確認のうえ、再度入力して下さい。";
const R32: &str = "お取扱いができなくなりました。詳しくは本サービスのお問合せ窓口へご照会下さい。";
const R33: &str = "ただ今お取扱いできません。詳しくは本サービスのお問合せ窓口へご照会下さい。 理由コードはB84です。";
const CHECK_CUSTOMER: &str = "生年月日とお届け電話番号をご確認ください。";
const LAST_TRY: &str = "あと1回誤りますと、API連携認証を本日はご利用いただけなくなります。ATMでのお引出しなど、その他のお取引に影響はありません。";
const R36: &str = "調整のため連絡ができなくなりました。";
const R37: &str = "ご指定のサービスはただ今お取扱できません。";

async fn begin(w: &Town) -> Browser {
    let mut browser = w.browser();
    let url = w.creco().push("accounts").await.url;
    browser.open(&url).await;
    browser
}

async fn three_wrong_answers_lock_until_midnight(w: &Town) {
    let existing = w.link(&w.kakeibo(), &mut w.browser()).await;
    let asked = w.bank.pin_checks();
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.account("115-1100026").await;
    for last in [false, true] {
        browser.customer(&Customer::taro().born("1985", "4", "13")).await;
        assert_eq!((browser.status(), browser.screen()), (200, "customer"));
        let summary = browser.reload().await.summary();
        assert!(summary.contains(R31) && summary.contains(CHECK_CUSTOMER), "{summary}");
        assert_eq!(summary.contains(LAST_TRY), last, "{summary}");
    }
    browser.customer(&Customer::taro()).await;
    let to = browser.settle_phone().await;
    w.phone.call("09012343333", &to).await;
    browser.confirm_call().await;
    assert_eq!(browser.screen(), "pin");
    browser.pin("0000").await;
    assert_eq!((browser.status(), browser.screen()), (403, "locked"));
    assert!(browser.page().text().contains(R32), "{}", browser.page().text());
    assert!(!browser.page().text().contains("B84"), "B84 is R33's alone");
    assert_eq!(w.bank.pin_checks(), asked + 1);
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "access_denied");
    w.expect_events(&["account.locked"]).await;
    assert_eq!(w.locks().await.len(), 1);

    // The same day: R33, and the core bank is not asked about a PIN.
    let mut browser = begin(w).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro()).await;
    assert_eq!((browser.status(), browser.screen()), (403, "locked"));
    assert!(browser.page().text().contains(R33), "{}", browser.page().text());
    assert_eq!(w.accounts_api().introspect(&existing.access_token).await["active"], true, "a lock touches no link");

    // The other account of the same person is not locked.
    let mut browser = begin(w).await;
    browser.account("115-savings-2200011").await;
    assert_eq!(browser.customer(&Customer::taro()).await.screen(), "phone");

    // One millisecond before midnight in Japan it still holds; at 00:02, when the service opens, it does not.
    let midnight = w.now().next_jst_midnight();
    w.clock.set(midnight - Duration::from_millis(1));
    let mut browser = begin(w).await;
    browser.account("115-1100026").await;
    assert_eq!(browser.customer(&Customer::taro()).await.screen(), "locked");
    w.clock.set(midnight + Duration::from_secs(120));
    let mut browser = begin(w).await;
    browser.walk_to_consent(w, "115-1100026", &Customer::taro(), "4071").await;
    assert_eq!(browser.screen(), "consent");
}

async fn the_last_try_of_the_day_is_announced_until_midnight(w: &Town) {
    w.set_clock("2026-11-24T23:55:00+09:00");
    let mut browser = begin(w).await;
    browser.walk_to(w, "pin").await;
    for last in [false, true] {
        browser.pin("0000").await;
        let summary = browser.summary();
        assert!(summary.contains("キャッシュカードの暗証番号（ATMでお使いの4桁）をご確認ください。"), "{summary}");
        assert_eq!(summary.contains(LAST_TRY), last, "{summary}");
    }
    assert_eq!(browser.page().id("pin-error").as_deref(), Some(R31), "at the field R31 alone");
    // The account has had two wrong answers today, whoever gave them.
    let mut other = begin(w).await;
    other.walk_to(w, "pin").await;
    assert!(other.summary().is_empty(), "there is no error yet");
    assert!(other.page().text().contains(LAST_TRY), "but the last try is announced: {}", other.page().text());
    w.set_clock("2026-11-25T00:02:30+09:00");
    let summary = browser.reload().await.summary();
    assert!(summary.contains(R31) && !summary.contains("あと1回"), "that day is over: {summary}");
}

async fn fifty_parallel_wrong_pins_reach_the_core_three_times(w: &Town) {
    let mut browsers = Vec::new();
    for _ in 0..50 {
        let mut browser = begin(w).await;
        browser.walk_to(w, "pin").await;
        browsers.push(browser);
    }
    assert_eq!(w.bank.pin_checks(), 0);
    w.bank.slow(Duration::from_millis(30));
    let tries = browsers.into_iter().enumerate().map(|(i, mut b)| async move {
        b.pin(&format!("{:04}", i % 4000)).await;
        (b.screen().to_owned(), b.status())
    });
    let ends = futures_util::future::join_all(tries).await;
    assert!(w.bank.pin_checks() <= 3, "{} guesses reached the core", w.bank.pin_checks());
    assert!(w.bank.pin_checks() > 0);
    // Wrong (twice at most), locked, or asked to come back while three guesses are under way.
    let count = |wanted: (&str, u16)| ends.iter().filter(|(s, status)| (s.as_str(), *status) == wanted).count();
    assert_eq!(count(("pin", 200)) + count(("locked", 403)), 50, "{ends:?}");
    assert!(count(("locked", 403)) >= 1, "{ends:?}");
    w.bank.slow(Duration::ZERO);
    assert_eq!(w.locks().await.len(), 1);
}

async fn fifty_parallel_forms_with_one_step_token_are_one(w: &Town) {
    let mut browser = begin(w).await;
    browser.walk_to(w, "pin").await;
    let (url, fields) = (browser.url.clone(), browser.filled("next", &[("pin", "0000")]));
    let sends = (0..50).map(|_| {
        let (mut b, url, fields) = (browser.clone(), url.clone(), fields.clone());
        async move { b.post(&url, &fields).await.status }
    });
    futures_util::future::join_all(sends).await;
    assert_eq!(w.bank.pin_checks(), 1);
    browser.reload().await;
    assert_eq!(browser.screen(), "pin", "one wrong answer, not fifty");
    browser.pin("4071").await;
    assert_eq!(browser.screen(), "consent");
}

async fn a_core_bank_that_fails_costs_the_customer_nothing(w: &Town) {
    for (failure, text) in [(BankError::Failed("timed out".into()), R36), (BankError::NotOffered, R37)] {
        let mut browser = begin(w).await;
        browser.account("115-1100026").await;
        w.bank.fail(Some(failure.clone()));
        for _ in 0..4 {
            browser.customer(&Customer::taro()).await;
            assert_eq!((browser.status(), browser.screen()), (200, "customer"));
            assert!(browser.summary().contains(text), "{}", browser.page().text());
        }
        w.bank.fail(None);
        browser.customer(&Customer::taro()).await;
        assert_eq!(browser.screen(), "phone", "no failure was counted");
        let to = browser.settle_phone().await;
        w.phone.call("09012343333", &to).await;
        browser.confirm_call().await;
        w.bank.fail(Some(failure));
        for _ in 0..4 {
            browser.pin("4071").await;
            assert_eq!((browser.status(), browser.screen()), (200, "pin"));
            assert!(browser.summary().contains(text), "{}", browser.page().text());
            assert!(!browser.page().html().contains("4071"), "the PIN is never sent back");
        }
        w.bank.fail(None);
        browser.pin("4071").await;
        assert_eq!(browser.screen(), "consent");
        browser.press("deny", &[]).await;
    }
    assert!(w.locks().await.is_empty());
}

async fn the_tenth_wrong_pin_locks_until_staff_release_it(w: &Town) {
    let mut wrong = 0;
    while wrong < 10 {
        let mut browser = begin(w).await;
        browser.walk_to(w, "pin").await;
        for _ in 0..3 {
            if browser.screen() == "pin" && wrong < 10 {
                browser.pin("0000").await;
                wrong += 1;
            }
        }
        // The lock of the day ends; 00:02 is when the service opens again.
        w.clock.set(w.clock.now().next_jst_midnight() + Duration::from_secs(120));
    }
    let mut browser = begin(w).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro()).await;
    assert_eq!((browser.status(), browser.screen()), (403, "locked"), "midnight does not release this one");
    assert!(browser.page().text().contains("B84"));
    w.release_lock("115-ordinary-1100026").await;
    w.expect_events(&["account.unlocked"]).await;
    let mut browser = begin(w).await;
    browser.walk_to_consent(w, "115-1100026", &Customer::taro(), "4071").await;
    assert_eq!(browser.screen(), "consent");
}

/// Somebody else guesses at ② while the customer reads ⑥.
async fn a_lock_that_falls_between_six_and_allow_gives_no_link(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let mut twin = browser.clone();
    let mut stranger = begin(w).await;
    stranger.account("115-1100026").await;
    for _ in 0..3 {
        stranger.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    assert_eq!(stranger.screen(), "locked");
    for browser in [&mut browser, &mut twin] {
        browser.press("allow", &[("agree", "yes")]).await;
        assert_eq!((browser.status(), browser.screen()), (403, "locked"), "as at ⑤");
        assert!(browser.page().text().contains(R33), "{}", browser.page().text());
    }
    for table in ["select count(*) from grants", "select count(*) from codes", "select count(*) from consents"] {
        assert_eq!(w.count(table).await, 0, "{table}");
    }
    assert_eq!(w.count("select count(*) from notices").await, 0);
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "access_denied");

    // Released, the customer begins anew; what was pressed before leads nowhere.
    w.release_lock("115-ordinary-1100026").await;
    browser.open(&pending.url).await;
    assert_ne!(browser.screen(), "consent");
    w.link(&app, &mut w.browser()).await;
}
