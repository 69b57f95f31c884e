//! The life of a grant: acceptance test 10 (requirements.md#a10), and who else may end it.

use crate::support::town::{Town, on_both};
use serde_json::json;
use std::time::Duration;

on_both!(
    a_grant_ends_on_the_thirtieth_day_to_the_second,
    the_app_ends_its_own_grant_and_no_other,
    the_institution_ends_a_grant,
    a_replayed_code_ends_the_grant,
    a_flow_left_alone_ends,
    a_request_goes_when_nobody_can_begin_with_it_any_more,
    a_request_stays_for_the_browser_that_began_anew,
);

const DAY: Duration = Duration::from_secs(86_400);

async fn a_grant_ends_on_the_thirtieth_day_to_the_second(w: &Town) {
    let (app, api) = (w.creco(), w.accounts_api());
    let start = w.now();
    let tokens = w.link(&app, &mut w.browser()).await;
    assert_eq!(tokens.body["expires_in"], 30 * 86_400);
    w.clock.set(start + 29 * DAY + Duration::from_secs(23 * 3600));
    assert_eq!(api.introspect(&tokens.access_token).await["active"], true);
    w.clock.set(start + 30 * DAY - Duration::from_secs(1));
    assert_eq!(api.introspect(&tokens.access_token).await["active"], true, "one second before");
    w.clock.set(start + 30 * DAY);
    assert_eq!(
        api.introspect(&tokens.access_token).await,
        json!({"active": false}),
        "no sweeper is needed to be right"
    );
    w.sweep().await;
    w.expect_events(&["grant.expired"]).await;
    assert_eq!(api.introspect(&tokens.access_token).await, json!({"active": false}));
}

async fn the_app_ends_its_own_grant_and_no_other(w: &Town) {
    let (app, other, api) = (w.creco(), w.kakeibo(), w.accounts_api());
    let tokens = w.link(&app, &mut w.browser()).await;
    other.revoke(&tokens.access_token).await.refused(400, "invalid_grant");
    assert_eq!(api.introspect(&tokens.access_token).await["active"], true);
    other.revoke("rk_at_nothing").await.expect(200);
    app.revoke(&tokens.access_token).await.expect(200);
    assert_eq!(api.introspect(&tokens.access_token).await, json!({"active": false}));
    app.revoke(&tokens.access_token).await.expect(200);
    w.expect_events(&["grant.revoked"]).await;
    assert_eq!(w.events().await.iter().filter(|e| *e == "grant.revoked").count(), 1, "once");
}

async fn the_institution_ends_a_grant(w: &Town) {
    let (app, api) = (w.creco(), w.accounts_api());
    let tokens = w.link(&app, &mut w.browser()).await;
    w.revoke_by_staff(&tokens.grant_id).await;
    assert_eq!(api.introspect(&tokens.access_token).await, json!({"active": false}));
    w.expect_events(&["grant.revoked"]).await;
}

async fn a_replayed_code_ends_the_grant(w: &Town) {
    let (app, other, api) = (w.creco(), w.kakeibo(), w.accounts_api());
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    let code = app.code(&pending, &brought);
    other.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
    let tokens = app.exchange(&pending, &brought).await;
    other.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
    assert_eq!(api.introspect(&tokens.access_token).await["active"], true, "another client's try ends nothing");
    app.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
    assert_eq!(api.introspect(&tokens.access_token).await, json!({"active": false}));
    w.expect_events(&["grant.revoked"]).await;
}

async fn a_flow_left_alone_ends(w: &Town) {
    // Fifteen minutes on one page, thirty in all; then the page says so and begins again inside the same request.
    let app = w.kakeibo();
    let pending = app.ask_directly("accounts");
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "phone").await;
    w.clock.advance(Duration::from_secs(15 * 60 + 1));
    browser.press("next", &[]).await;
    assert_eq!(browser.screen(), "expired", "{}", browser.page().text());
    let text = browser.page().text();
    assert!(text.contains("15分間操作がなかったため") && !text.contains("30分"), "{text}");
    assert!(browser.page().form_with("restart").is_some());
    let brought = browser.clone().return_to_app().await;
    app.refused(&pending, &brought, "access_denied");

    let mut browser = w.browser();
    browser.open(&app.ask_directly("accounts").url).await;
    for _ in 0..3 {
        w.clock.advance(Duration::from_secs(9 * 60));
        browser.reload().await;
        assert_eq!(browser.screen(), "account");
        browser.press("next", &[]).await;
        assert_eq!(browser.screen(), "account");
    }
    w.clock.advance(Duration::from_secs(3 * 60 + 1));
    browser.account("115-1100026").await;
    assert_eq!(browser.screen(), "expired", "thirty minutes in all");
    let text = browser.page().text();
    assert!(text.contains("開始から30分が過ぎたため"), "{text}");
    assert!(browser.page().form_with("restart").is_none());

    // A code lives sixty seconds.
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    w.clock.advance(Duration::from_secs(60));
    app.try_exchange(&pending, &app.code(&pending, &brought)).await.refused(400, "invalid_grant");
}

async fn a_request_goes_when_nobody_can_begin_with_it_any_more(w: &Town) {
    let requests = async || w.count("select count(*) from requests").await;
    let start = w.now();
    let hour = Duration::from_secs(3600);
    w.browser().open(&w.kakeibo().ask_directly("accounts").url).await;
    w.browser().open(&w.creco().push("accounts").await.url).await;
    w.clock.set(start + hour - Duration::from_millis(1));
    w.tidy().await;
    assert_eq!(requests().await, 2, "the page `expired` leads back as long as the cookie lives");
    w.clock.set(start + hour);
    w.tidy().await;
    assert_eq!(requests().await, 1, "what a browser brought along is nobody else's");
    // With a pushed one other browsers may have begun later.
    w.clock.set(start + 2 * hour + Duration::from_millis(1));
    w.tidy().await;
    assert_eq!(requests().await, 0);
}

/// Two browsers begin with one pushed request. One goes away; the other begins anew, and is still at work when the row of the first
/// one goes.
async fn a_request_stays_for_the_browser_that_began_anew(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let (start, minute) = (w.now(), Duration::from_secs(60));
    w.browser().open(&pending.url).await;
    w.clock.set(start + 4 * minute);
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    for minutes in [14, 24, 34, 44, 54] {
        w.clock.set(start + minutes * minute);
        browser.press("restart", &[]).await;
        assert_eq!(browser.screen(), "account", "after {minutes} minutes");
    }
    w.clock.set(start + 60 * minute);
    w.tidy().await;
    assert_eq!(w.count("select count(*) from interactions").await, 1, "the row of the first browser is gone");
    assert_eq!(w.count("select count(*) from requests").await, 1);
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    // With the last interaction it goes.
    w.clock.set(start + 3 * 60 * minute);
    w.tidy().await;
    assert_eq!(w.count("select count(*) from requests").await, 0);
}
