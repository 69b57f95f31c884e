//! What the cancel page says (R8): before ⑤ the same for every account, after ⑤ which link lives on.

use crate::support::app::App;
use crate::support::browser::{Browser, Customer};
use crate::support::town::{Town, on_both};
use std::time::Duration;

on_both!(
    before_the_pin_nobody_learns_of_a_link,
    after_the_pin_the_living_link_is_named,
    a_record_has_its_time_and_its_number,
);

const NOTHING: &str = "今回のお手続きでは、新たに提供された情報はありません。";
const FOR_ALL: &str = "以前に許可された連携がある場合、その連携は続いています。";
const STOP: &str = "停止をご希望の場合は、「連携サービスの確認・停止」をご利用いただくか、お電話ください。";

async fn cancelled_at(w: &Town, app: &App, screen: &str) -> Browser {
    let mut browser = w.browser();
    browser.open(&app.push("accounts transactions").await.url).await;
    browser.walk_to(w, screen).await;
    browser.press(if screen == "consent" { "deny" } else { "cancel" }, &[]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "cancelled"), "{screen}");
    browser
}
/// What follows a term of the page.
fn fact(browser: &Browser, term: &str) -> Option<String> {
    let html = browser.page().html().to_owned();
    let (_, after) = html.split_once(&format!("<dt>{term}</dt><dd"))?;
    Some(after.split_once('>')?.1.split_once("</dd>")?.0.to_owned())
}
/// The page without step token, the interaction's id and 受付番号. The clock of the test stands.
fn whole(browser: &Browser) -> String {
    let step = browser.page().form_with("return").unwrap().fields.into_iter().find(|(name, _)| name == "step").unwrap();
    let id = browser.interaction().rsplit_once('/').unwrap().1.to_owned();
    let mut html = browser.page().html().replace(&step.1, "STEP").replace(&id, "ID");
    if let Some(number) = fact(browser, "受付番号") {
        html = html.replace(&number, "NUMBER");
    }
    html
}

async fn before_the_pin_nobody_learns_of_a_link(w: &Town) {
    let app = w.creco();
    let screens = ["account", "customer", "phone", "call", "pin"];
    let mut unlinked = Vec::new();
    for screen in screens {
        unlinked.push(whole(&cancelled_at(w, &app, screen).await));
    }
    let tokens = w.link(&app, &mut w.browser()).await;
    assert_eq!(w.accounts_api().introspect(&tokens.access_token).await["active"], true);
    for (screen, unlinked) in screens.into_iter().zip(unlinked) {
        let linked = cancelled_at(w, &app, screen).await;
        assert_eq!(whole(&linked), unlinked, "{screen}");
        let said = linked.page().text();
        assert!(said.contains(NOTHING) && said.contains(FOR_ALL) && !said.contains(STOP), "{screen}: {said}");
        // Nor does anybody who comes back to the page.
        let mut again = linked.clone();
        again.reload().await;
        assert_eq!(whole(&again), unlinked, "{screen}");
    }
}

async fn after_the_pin_the_living_link_is_named(w: &Town) {
    let (app, other) = (w.creco(), w.kakeibo());
    w.link(&other, &mut w.browser()).await;
    let said = cancelled_at(w, &app, "consent").await.page().text();
    assert!(said.contains(NOTHING), "{said}");
    assert!(!said.contains(FOR_ALL) && !said.contains("続いています"), "no link of this app: {said}");

    // Allowed and never redeemed: no link yet.
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    assert!(!cancelled_at(w, &app, "consent").await.page().text().contains("続いています"));
    let tokens = app.exchange(&pending, &brought).await;
    let mut named = cancelled_at(w, &app, "consent").await;
    let said = named.page().text();
    let line = "しんくみアプリwithCRECOとの現在の連携（2026年12月25日（金）10時15分まで）は続いています。";
    assert!(said.contains(NOTHING) && said.contains(&format!("{line}{STOP}")), "{said}");
    assert!(!said.contains(FOR_ALL), "{said}");
    named.open(&format!("{}?ui_locales=en", named.url.clone())).await;
    assert!(named.page().text().contains("continues until"), "{}", named.page().text());

    // The same button from a page of ⑤ that was left open: it is after ⑤ all the same.
    let mut late = w.browser();
    late.open(&app.push("accounts").await.url).await;
    late.walk_to(w, "consent").await;
    let mut fields = late.filled("deny", &[]);
    fields.retain(|(name, _)| name == "step");
    fields.push(("action".into(), "cancel".into()));
    let at_pin = late.url.replace("/consent", "/pin");
    let answer = late.post(&at_pin, &fields).await;
    late.follow(&at_pin, answer).await;
    assert!(late.page().text().contains(line), "{}", late.page().text());

    // Once it has ended, the page that was left open says it no more.
    app.revoke(&tokens.access_token).await.expect(200);
    late.reload().await;
    assert!(!late.page().text().contains("続いています"), "{}", late.page().text());
}

async fn a_record_has_its_time_and_its_number(w: &Town) {
    let app = w.creco();
    for (screen, recorded) in
        [("account", false), ("customer", false), ("phone", true), ("call", true), ("pin", true), ("consent", true)]
    {
        let mut browser = cancelled_at(w, &app, screen).await;
        let (at, number) = (fact(&browser, "お手続き日時"), fact(&browser, "受付番号"));
        assert_eq!((at.is_some(), number.is_some()), (recorded, recorded), "{screen}");
        w.clock.advance(Duration::from_mins(3));
        browser.reload().await;
        assert_eq!((fact(&browser, "お手続き日時"), fact(&browser, "受付番号")), (at, number.clone()), "{screen}");
        let Some(number) = number else { continue };
        let kept = w
            .text("select detail from audit where action = 'interaction.ended' order by at desc, n desc limit 1")
            .await;
        assert!(kept.contains(&number), "staff find {number} in {kept}");
    }
    // A wrong birth date is in the record, though ② was not passed.
    let mut browser = w.browser();
    browser.open(&app.push("accounts").await.url).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro().born("1985", "4", "13")).await;
    browser.press("cancel", &[]).await;
    assert!(fact(&browser, "受付番号").is_some(), "{}", browser.page().text());
}
