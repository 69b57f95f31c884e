//! Service hours: acceptance test 11 (requirements.md#a11) through the real screens.

use crate::support::browser::Customer;
use crate::support::town::{Town, on_both};

on_both!(the_vectors_of_the_service_hours, an_interaction_that_meets_the_closure);

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
