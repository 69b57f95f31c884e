//! The answer of 許可する may be lost, asked for again, or asked for twice at once: the link is not (decision 8).

use crate::support::app::{App, Pending};
use crate::support::browser::Browser;
use crate::support::http::{RequestParts, query};
use crate::support::town::{Town, on_both};
use std::time::Duration;

on_both!(
    pressed_twice_at_once_it_is_one_link_with_two_codes,
    an_answer_that_was_lost_is_given_again,
    five_codes_and_no_sixth,
    after_five_minutes_there_is_none,
    once_a_code_was_redeemed_the_page_says_so,
    once_a_code_was_redeemed_the_page_says_so_after_the_end_too,
    of_several_codes_the_first_redeemed_is_the_only_one,
    nobody_else_gets_a_further_code,
    a_link_that_was_ended_is_not_handed_over,
    a_form_post_is_given_again_too,
);

const LAPSED: &str = "アプリへの受け渡しが完了しませんでした。連携元のアプリから、もう一度お手続きください。";
const COMPLETE: &str = "連携は完了しています";

async fn at_consent(w: &Town, app: &App) -> (Pending, Browser) {
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    (pending, browser)
}
/// 許可する, whose answer never arrives.
async fn lost(browser: &Browser) {
    let mut lost = browser.clone();
    lost.submit("allow", &[("agree", "yes")]).await;
}
async fn granted(w: &Town) -> usize {
    w.events().await.iter().filter(|e| *e == "grant.created").count()
}

async fn pressed_twice_at_once_it_is_one_link_with_two_codes(w: &Town) {
    let app = w.creco();
    for after in [0, 300] {
        let before = granted(w).await;
        let (pending, browser) = at_consent(w, &app).await;
        let (mut one, mut two) = (browser.clone(), browser.clone());
        let agree = [("agree", "yes")];
        let second = async {
            tokio::time::sleep(Duration::from_millis(after)).await;
            two.press("allow", &agree).await;
        };
        tokio::join!(one.press("allow", &agree), second);
        let codes = [one.handed_to_app()["code"].clone(), two.handed_to_app()["code"].clone()];
        assert_ne!(codes[0], codes[1]);
        assert_eq!(granted(w).await, before + 1, "one grant");
        // The browser shows what arrived last; the app gets that one.
        app.exchange(&pending, &two.handed_to_app()).await;
    }
    assert_eq!(w.mail().await.len(), 2, "one notice for each link");
}

async fn an_answer_that_was_lost_is_given_again(w: &Town) {
    let app = w.creco();
    for again in ["press", "reload", "back to the page"] {
        let (pending, mut browser) = at_consent(w, &app).await;
        lost(&browser).await;
        w.clock.advance(Duration::from_secs(59));
        match again {
            "press" => browser.press("allow", &[("agree", "yes")]).await,
            "reload" => browser.reload().await,
            _ => browser.open(&browser.url.clone().replace("/consent", "/done")).await,
        };
        let brought = browser.handed_to_app();
        assert_eq!(brought["state"], pending.state, "{again}");
        let tokens = app.exchange(&pending, &brought).await;
        assert_eq!(w.accounts_api().introspect(&tokens.access_token).await["active"], true, "{again}");
    }
    assert_eq!(w.recorded("grant.code.further").await, 3);
    let seen = w.store_bytes().await;
    assert!(!seen.windows(6).any(|at| at == b"rk_ac_"), "codes are kept as digests");
}

async fn five_codes_and_no_sixth(w: &Town) {
    let app = w.creco();
    let (pending, mut browser) = at_consent(w, &app).await;
    let done = browser.url.replace("/consent", "/done");
    let mut codes = vec![browser.allow().await["code"].clone()];
    for _ in 0..4 {
        browser.open(&done).await;
        codes.push(browser.handed_to_app()["code"].clone());
    }
    browser.open(&done).await;
    assert_eq!((browser.status(), browser.screen()), (200, "done"));
    assert!(browser.page().text().contains(LAPSED), "{}", browser.page().text());
    assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "five different ones");
    // Neither the first nor the last: each of them lives until one is redeemed.
    app.try_exchange(&pending, &codes[2]).await.expect(200);
}

async fn after_five_minutes_there_is_none(w: &Town) {
    let app = w.creco();
    for (after, good) in [(299, true), (300, false)] {
        let (pending, mut browser) = at_consent(w, &app).await;
        lost(&browser).await;
        w.clock.advance(Duration::from_secs(after));
        browser.reload().await;
        if good {
            app.exchange(&pending, &browser.handed_to_app()).await;
        } else {
            assert_eq!((browser.status(), browser.screen()), (200, "done"));
            assert!(browser.page().text().contains(LAPSED), "{}", browser.page().text());
        }
    }
}

async fn once_a_code_was_redeemed_the_page_says_so(w: &Town) {
    let app = w.creco();
    let (pending, mut browser) = at_consent(w, &app).await;
    let test_store = browser.url.clone();
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    for _ in 0..2 {
        browser.open(&test_store).await;
        assert_eq!((browser.status(), browser.screen()), (200, "done"));
        assert!(browser.page().text().contains(COMPLETE), "{}", browser.page().text());
        w.clock.advance(Duration::from_secs(600));
    }
    assert_eq!(w.recorded("grant.code.further").await, 0);
}

/// The handing over is what the page speaks of, not what became of the link.
async fn once_a_code_was_redeemed_the_page_says_so_after_the_end_too(w: &Town) {
    let app = w.creco();
    let (pending, mut browser) = at_consent(w, &app).await;
    let test_store = browser.url.clone();
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    let grant = w.text("select id from grants order by created_at desc limit 1").await;
    w.revoke_by_staff(&grant).await;
    browser.open(&test_store).await;
    assert!(browser.page().text().contains(COMPLETE), "{}", browser.page().text());
}

async fn of_several_codes_the_first_redeemed_is_the_only_one(w: &Town) {
    let app = w.creco();
    let (pending, browser) = at_consent(w, &app).await;
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let first = one.allow().await["code"].clone();
    two.press("allow", &[("agree", "yes")]).await;
    let second = two.handed_to_app()["code"].clone();
    let tokens = app.try_exchange(&pending, &second).await.expect(200).json();
    let live = async || w.accounts_api().introspect(tokens["access_token"].as_str().unwrap()).await["active"] == true;
    for _ in 0..2 {
        app.try_exchange(&pending, &first).await.refused(400, "invalid_grant");
        assert!(live().await, "a code that was never used was not stolen");
    }
    // The used one again is a replay, as ever.
    app.try_exchange(&pending, &second).await.refused(400, "invalid_grant");
    assert!(!live().await, "RFC 6749 4.1.2");

    // Both at once: one of them.
    let (pending, browser) = at_consent(w, &app).await;
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let first = one.allow().await["code"].clone();
    two.press("allow", &[("agree", "yes")]).await;
    let second = two.handed_to_app()["code"].clone();
    let answers = tokio::join!(app.try_exchange(&pending, &first), app.try_exchange(&pending, &second));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let won = if answers.0.status == 200 { answers.0 } else { answers.1 };
    let token = won.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(w.accounts_api().introspect(&token).await["active"], true);
}

async fn nobody_else_gets_a_further_code(w: &Town) {
    let app = w.creco();
    let (_, mut browser) = at_consent(w, &app).await;
    let test_store = browser.url.replace("/consent", "/done");
    let early = browser.clone();
    browser.allow().await;
    let mut stranger = w.browser();
    assert_eq!(stranger.open(&test_store).await.status(), 403);
    let mut other = w.browser();
    other.open(&w.kakeibo().ask_directly("accounts").url).await;
    assert_eq!(other.open(&test_store).await.status(), 403, "another customer's");
    // Nor does a look at the head make one, nor a page elsewhere that posts the form.
    let head = browser.request("HEAD", &test_store, RequestParts::default()).await;
    assert!(head.header("location").is_none());
    let mut forged = early.clone();
    let form = [("step".to_owned(), "x".to_owned()), ("action".to_owned(), "allow".to_owned())];
    let ask = RequestParts::default().form(&form).header("sec-fetch-site", "cross-site");
    assert_eq!(forged.request("POST", &early.url, ask).await.status, 403);
    assert_eq!(w.recorded("grant.code.further").await, 0);
}

async fn a_link_that_was_ended_is_not_handed_over(w: &Town) {
    let app = w.creco();
    let (pending, mut browser) = at_consent(w, &app).await;
    let test_store = browser.url.clone();
    let code = browser.allow().await["code"].clone();
    let grant = w.text("select id from grants order by created_at desc limit 1").await;
    w.revoke_by_staff(&grant).await;
    browser.open(&test_store).await;
    assert!(browser.page().text().contains(LAPSED), "{}", browser.page().text());
    app.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
}

async fn a_form_post_is_given_again_too(w: &Town) {
    let app = w.kakeibo();
    let (pending, mut fields) = app.request("accounts");
    fields.push(("response_mode", "form_post".into()));
    let mut browser = w.browser();
    browser.open(&format!("/oauth/authorize?{}", crate::support::http::encode(&fields))).await;
    browser.walk_to(w, "consent").await;
    lost(&browser).await;
    browser.press("allow", &[("agree", "yes")]).await;
    assert_eq!(browser.status(), 200);
    let form = browser.page().forms().into_iter().next().expect("the form that posts itself");
    let value = |name: &str| form.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap();
    assert_eq!(value("state"), pending.state);
    app.try_exchange(&pending, &value("code")).await.expect(200);
    assert!(query(&browser.url).is_empty());
}
