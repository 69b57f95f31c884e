//! Service hours: acceptance test 11 (requirements.md#a11) through the real screens.

use crate::support::browser::Browser;
use crate::support::browser::Customer;
use crate::support::town::{Town, on_both};
use std::time::Duration;

on_both!(
    the_vectors_of_the_service_hours,
    an_interaction_that_meets_the_closure,
    a_closure_is_told_at_the_next_step,
    the_closed_page_ends_with_the_closure,
);

const R34: &str = "ただ今の時間はサービスを行っていません。";

async fn the_vectors_of_the_service_hours(w: &Town) {
    for (moment, open) in [
        ("2026-11-21T23:49:59+09:00", true),
        ("2026-11-21T23:50:00+09:00", false),
        ("2026-11-22T06:59:59+09:00", false),
        ("2026-11-22T07:00:00+09:00", true),
        ("2026-12-07T01:59:59+09:00", true),
        ("2026-12-07T02:00:00+09:00", false),
        ("2026-12-07T05:59:59+09:00", false),
        ("2026-12-07T06:00:00+09:00", true),
        ("2027-01-02T07:59:59+09:00", false),
        ("2027-01-02T08:00:00+09:00", true),
        ("2027-01-02T19:00:00+09:00", false),
        ("2027-02-01T02:00:00+09:00", false),
        ("2027-02-08T02:00:00+09:00", true),
        ("2026-11-25T00:00:00+09:00", false),
        ("2026-11-25T00:02:00+09:00", true),
        ("2026-11-25T04:00:00+09:00", false),
        ("2026-11-25T04:10:00+09:00", true),
    ] {
        w.set_clock(moment);
        let app = w.creco();
        let pending = app.push("accounts").await;
        let mut browser = w.browser();
        browser.open(&pending.url).await;
        if open {
            assert_eq!((browser.status(), browser.screen()), (200, "account"), "{moment}");
            continue;
        }
        assert_eq!((browser.status(), browser.screen()), (503, "closed"), "{moment}");
        assert!(browser.page().text().contains(R34), "{}", browser.page().text());
        let brought = browser.return_to_app().await;
        app.refused(&pending, &brought, "temporarily_unavailable");
    }
}

async fn an_interaction_that_meets_the_closure(w: &Town) {
    let app = w.creco();
    let linked = w.link(&app, &mut w.browser()).await;
    w.set_clock("2026-12-12T23:49:00+09:00");
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "pin").await;
    let asked = w.bank.pin_checks();
    w.set_clock("2026-12-12T23:50:00+09:00");
    browser.pin("0000").await;
    assert_eq!((browser.status(), browser.screen()), (503, "closed"));
    assert!(browser.page().text().contains(R34));
    assert_eq!(w.bank.pin_checks(), asked, "the core bank is not asked");
    assert!(w.locks().await.is_empty());
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "temporarily_unavailable");
    // Tokens go on: introspection and revocation know no hours.
    assert_eq!(w.accounts_api().introspect(&linked.access_token).await["active"], true);
    app.revoke(&linked.access_token).await.expect(200);
    assert_eq!(w.accounts_api().introspect(&linked.access_token).await["active"], false);
    // And the wrong PIN during the closure was not counted: two more do not lock.
    w.set_clock("2026-12-13T07:00:00+09:00");
    let mut browser = w.browser();
    browser.open(&app.push("accounts").await.url).await;
    browser.account("115-1100026").await;
    for _ in 0..2 {
        browser.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    assert_eq!(browser.customer(&Customer::taro()).await.screen(), "phone");
}

async fn a_closure_is_told_at_the_next_step(w: &Town) {
    let app = w.creco();
    let taro = Customer::taro();
    let empty: [(&str, &str); 0] = [];
    let account = [("branch", "115"), ("account_type", "ordinary"), ("account_number", "1100026")];
    let customer = Browser::typed(&taro);
    for (screen, action, typed) in [
        ("account", "next", &account[..]),
        ("account", "next", &empty),
        ("customer", "back", &empty),
        ("customer", "next", &empty),
        ("customer", "next", &customer),
        ("phone", "next", &empty),
        ("call", "next", &empty),
        ("pin", "next", &[("pin", "")]),
        ("pin", "next", &[("pin", "4071")]),
    ] {
        w.set_clock("2026-12-12T23:48:00+09:00");
        let mut browser = w.browser();
        browser.open(&app.push("accounts").await.url).await;
        browser.walk_to(w, screen).await;
        w.set_clock("2026-12-12T23:50:00+09:00");
        let asked = w.bank.asked.load(std::sync::atomic::Ordering::SeqCst);
        browser.press(action, typed).await;
        assert_eq!((browser.status(), browser.screen()), (503, "closed"), "{screen} {action} {typed:?}");
        assert!(browser.page().text().contains(R34), "{screen}");
        assert_eq!(
            w.bank.asked.load(std::sync::atomic::Ordering::SeqCst),
            asked,
            "{screen}: the core bank is not asked"
        );
    }
    assert!(w.locks().await.is_empty());
    // Who wants to leave is not held up.
    w.set_clock("2026-12-12T23:48:00+09:00");
    let mut browser = w.browser();
    browser.open(&app.push("accounts").await.url).await;
    w.set_clock("2026-12-12T23:50:00+09:00");
    browser.press("cancel", &[]).await;
    assert_eq!(browser.screen(), "cancelled");
}

async fn the_closed_page_ends_with_the_closure(w: &Town) {
    let app = w.creco();
    let after = |browser: &Browser| browser.answer.header("retry-after").map(str::to_owned);
    // Two minutes after midnight the service is open again.
    w.set_clock("2026-11-25T23:59:00+09:00");
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    w.set_clock("2026-11-26T00:00:17+09:00");
    browser.account("115-1100026").await;
    assert_eq!((browser.status(), browser.screen(), after(&browser)), (503, "closed", Some("103".into())));
    let said = browser.page().text();
    assert!(said.contains("0時02分から") && said.contains("毎日0時から1分程度"), "its hours in words: {said}");
    assert!(browser.page().form_with("restart").is_none(), "nothing to begin yet");
    // A form that was made up changes nothing.
    let step: Vec<_> = browser.filled("return", &[]).into_iter().filter(|(name, _)| name == "step").collect();
    let url = browser.url.clone();
    let made_up = [step, vec![("action".into(), "restart".into())]].concat();
    let answer = browser.post(&url, &made_up).await;
    browser.follow(&url, answer).await;
    assert_eq!((browser.status(), browser.screen()), (503, "closed"));
    w.clock.advance(Duration::from_millis(99_500));
    browser.reload().await;
    assert_eq!((browser.status(), after(&browser)), (503, Some("4".into())), "never earlier than the reopening");

    w.set_clock("2026-11-26T00:02:00+09:00");
    browser.reload().await;
    assert_eq!((browser.status(), browser.screen(), after(&browser)), (200, "closed", None));
    let said = browser.page().text();
    assert!(said.contains("サービスを再開しました。") && !said.contains(R34) && !said.contains("時間外"), "{said}");
    browser.press("restart", &[]).await;
    assert_eq!(browser.screen(), "account");
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;

    // A long one: there is nothing left to begin again, and the app is told.
    w.set_clock("2026-12-07T05:20:00+09:00");
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    assert_eq!((browser.status(), after(&browser)), (503, Some("2400".into())));
    w.set_clock("2026-12-07T06:00:00+09:00");
    browser.reload().await;
    assert_eq!(browser.status(), 200, "{}", browser.page().text());
    assert!(browser.page().form_with("restart").is_none());
    assert!(browser.page().text().contains("アプリの画面から、もう一度お手続きください。"));
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "temporarily_unavailable");
}
