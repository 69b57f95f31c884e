//! The completion mail tells of a link that exists (requirements.md#notices, G26).

use crate::support::app::{App, Pending};
use crate::support::browser::Browser;
use crate::support::town::{Town, on_both};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

on_both!(
    a_code_that_is_never_redeemed_sends_no_mail,
    a_redeemed_code_sends_one,
    a_redemption_whose_answer_was_lost_sends_one,
    a_link_that_was_ended_before_it_began_sends_none
);

/// The customer has pressed 許可する.
async fn allowed(w: &Town, app: &App) -> (Pending, BTreeMap<String, String>) {
    let pending = app.ask_directly("accounts");
    let mut browser: Browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    (pending, browser.allow().await)
}
async fn listed(w: &Town) -> Vec<Value> {
    let answer = w.staff(&["--json", "notice", "list"]).await.json();
    answer["notices"].as_array().unwrap().iter().map(|n| json!([n["state"], n["next_at"], n["tried_until"]])).collect()
}

async fn a_code_that_is_never_redeemed_sends_no_mail(w: &Town) {
    let app = w.kakeibo();
    let (pending, brought) = allowed(w, &app).await;
    assert_eq!(listed(w).await, [json!(["held", null, null])], "staff sees it as held");
    w.clock.advance(Duration::from_secs(6 * 60));
    w.world().tidy().await;
    assert_eq!(listed(w).await, [] as [Value; 0]);
    let rows = w.world().count("select count(*) from notices", vec![]).await;
    assert_eq!((rows, w.mail().await.len()), (0, 0), "no mail, no address left");
    let answer = app.try_exchange(&pending, &app.code(&pending, &brought)).await.expect(400);
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert!(
        !String::from_utf8_lossy(&w.store_bytes().await).contains("taro@example.jp"),
        "it was never there in the clear"
    );
}

async fn a_redeemed_code_sends_one(w: &Town) {
    let app = w.kakeibo();
    let (pending, brought) = allowed(w, &app).await;
    w.clock.advance(Duration::from_secs(20));
    assert!(w.mail().await.is_empty(), "there is no link yet");
    app.exchange(&pending, &brought).await;
    let mail = w.mail().await;
    assert_eq!(mail.iter().map(|m| m.to.as_str()).collect::<Vec<_>>(), ["taro@example.jp"]);
    assert!(mail[0].text.contains("お手続き日時：2026年11月25日 10時15分"), "when it was allowed: {}", mail[0].text);
    assert_eq!(listed(w).await, [] as [Value; 0]);
    w.world().tidy().await;
    assert_eq!(w.mail().await.len(), 1);
}

async fn a_redemption_whose_answer_was_lost_sends_one(w: &Town) {
    let app = w.kakeibo();
    let (pending, brought) = allowed(w, &app).await;
    let code = app.code(&pending, &brought);
    drop(app.try_exchange(&pending, &code).await.expect(200));
    let answer = app.try_exchange(&pending, &code).await.expect(400);
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert_eq!(w.mail().await.len(), 1, "the link was there; that it ended is another story");
    w.clock.advance(Duration::from_secs(3600));
    w.world().tidy().await;
    assert_eq!(w.mail().await.len(), 1);
    assert_eq!(w.recorded("notice.sent").await, 1);
}

async fn a_link_that_was_ended_before_it_began_sends_none(w: &Town) {
    let app = w.kakeibo();
    let (pending, brought) = allowed(w, &app).await;
    let listed = w.staff(&["--json", "grant", "list", "--account", "115-ordinary-1100026"]).await.json();
    w.revoke_by_staff(listed["grants"][0]["grant_id"].as_str().unwrap()).await;
    w.world().tidy().await;
    assert_eq!(w.world().count("select count(*) from notices", vec![]).await, 0);
    app.try_exchange(&pending, &app.code(&pending, &brought)).await.expect(400);
    assert!(w.mail().await.is_empty());
}
