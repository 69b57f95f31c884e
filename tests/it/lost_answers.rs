//! An answer that never arrives, or arrives after a later one: the browser shows what it had, and goes on all the same
//! (requirements.md#cookies).

use crate::support::browser::{Browser, Customer};
use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both};
use std::sync::atomic::Ordering;
use std::time::Duration;

on_both!(
    the_answers_of_two_four_and_five_may_be_lost_for_a_minute,
    the_cookie_of_before_is_good_for_two_minutes_or_until_the_new_one_was_seen,
    answers_of_two_tabs_may_come_in_reverse_order,
    the_answers_of_two_interactions_may_come_in_reverse_order,
    a_browser_keeps_five_interactions,
);

const MINUTE: Duration = Duration::from_secs(60);

async fn begun(w: &Town) -> Browser {
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    browser
}
/// What the right customer types on a screen.
fn typed(screen: &str) -> Vec<(&'static str, String)> {
    let taro = Customer::taro();
    let customer = Browser::typed(&taro).map(|(n, v)| (n, v.to_owned()));
    match screen {
        "customer" => customer.to_vec(),
        "pin" => vec![("pin", "4071".to_owned())],
        _ => Vec::new(),
    }
}

async fn the_answers_of_two_four_and_five_may_be_lost_for_a_minute(w: &Town) {
    for (screen, next) in [("customer", "phone"), ("call", "pin"), ("pin", "consent")] {
        for reload in [true, false] {
            let mut browser = begun(w).await;
            browser.walk_to(w, screen).await;
            if screen == "call" {
                w.phone.call("09012343333", &browser.called_number()).await.expect(204);
            }
            let typed = typed(screen);
            let typed: Vec<(&str, &str)> = typed.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let questions = || (w.bank.asked.load(Ordering::SeqCst), w.bank.pin_checks());
            let before = questions();
            let mut lost = browser.clone();
            assert_eq!(lost.submit("next", &typed).await.status, 303);
            let asked = questions();
            assert_eq!(asked != before, screen != "call", "{screen}: whether the core bank is asked");
            w.clock.advance(MINUTE);
            // Nothing of the answer arrived: the browser has its page and its cookie of before.
            if reload {
                browser.reload().await;
            } else {
                browser.press("next", &typed).await;
            }
            assert_eq!((browser.status(), browser.screen()), (200, next), "the answer of {screen} was lost");
            assert_eq!(questions(), asked, "{screen}: the core bank is not asked again");
            assert_eq!(browser.cookie(), lost.cookie(), "the same new cookie, given again");
            browser.walk_to(w, "consent").await;
            assert!(browser.allow().await.contains_key("code"), "{screen}");
        }
    }
    assert!(w.locks().await.is_empty());
}

async fn the_cookie_of_before_is_good_for_two_minutes_or_until_the_new_one_was_seen(w: &Town) {
    for (wait, new_one_seen, good) in [
        (Duration::from_millis(119_999), false, true),
        (Duration::from_secs(120), false, false),
        (Duration::ZERO, true, false),
    ] {
        let mut browser = begun(w).await;
        browser.walk_to(w, "customer").await;
        let before = browser.clone();
        browser.customer(&Customer::taro()).await;
        let mut old = before.clone();
        if !new_one_seen {
            // Only the answer to the post came, and was lost: nothing showed the new cookie.
            let mut fresh = begun(w).await;
            fresh.walk_to(w, "customer").await;
            old = fresh.clone();
            fresh.submit("next", &Browser::typed(&Customer::taro())).await;
        }
        w.clock.advance(wait);
        let status = old.reload().await.status();
        assert_eq!(status, if good { 200 } else { 403 }, "{wait:?} later, seen: {new_one_seen}");
    }
}

async fn answers_of_two_tabs_may_come_in_reverse_order(w: &Town) {
    let taro = Customer::taro();
    for (screen, next) in [("customer", "phone"), ("pin", "consent")] {
        for second_first in [false, true] {
            let mut browser = begun(w).await;
            browser.walk_to(w, screen).await;
            let typed: Vec<(&str, &str)> = match screen {
                "customer" => Browser::typed(&taro).to_vec(),
                _ => vec![("pin", "4071")],
            };
            // Two tabs on the same page; both forms leave with the same cookie.
            let (mut one, mut two) = (browser.clone(), browser.clone());
            let answers = [one.submit("next", &typed).await, two.submit("next", &typed).await];
            assert!(answers.iter().all(|a| a.status == 303 && a.location().ends_with(next)), "{screen}");
            // The browser takes both cookies, in one order or the other.
            let (first, last) = if second_first { (two, one) } else { (one, two) };
            browser.cookies = first.cookies;
            browser.cookies.extend(last.cookies);
            assert_eq!(browser.reload().await.screen(), next, "{screen}");
            browser.walk_to(w, "consent").await;
            assert!(browser.allow().await.contains_key("code"));
        }
    }
    assert!(w.locks().await.is_empty());
}

async fn the_answers_of_two_interactions_may_come_in_reverse_order(w: &Town) {
    let mut browser = w.browser();
    let (app, other) = (w.creco(), w.kakeibo());
    let (one, two) = (app.push("accounts").await, other.ask_directly("accounts"));
    // Both leave before either answer is there.
    let (mut first, mut second) = (browser.clone(), browser.clone());
    let begun_one = first.request("GET", &one.url, RequestParts::default()).await.expect(303);
    let begun_two = second.request("GET", &two.url, RequestParts::default()).await.expect(303);
    browser.cookies = second.cookies;
    browser.cookies.extend(first.cookies);
    let mut tab = browser.clone();
    browser.open(begun_one.location()).await;
    tab.open(begun_two.location()).await;
    // Each goes its way in one browser: what one answer sets, the other tab shows too.
    for screen in ["customer", "phone", "call", "pin", "consent"] {
        tab.cookies.extend(browser.cookies.clone());
        tab.walk_to(w, screen).await;
        browser.cookies.extend(tab.cookies.clone());
        browser.walk_to(w, screen).await;
        assert_eq!((tab.screen(), browser.screen()), (screen, screen));
    }
    let brought = browser.allow().await;
    app.exchange(&one, &brought).await;
    let brought = tab.allow().await;
    other.exchange(&two, &brought).await;
}

async fn a_browser_keeps_five_interactions(w: &Town) {
    let mut browser = w.browser();
    let mut places = Vec::new();
    for _ in 0..7 {
        w.clock.advance(Duration::from_secs(1));
        browser.open(&w.creco().push("accounts").await.url).await;
        places.push((browser.url.clone(), browser.cookie_name()));
        let own = |name: &&String| name.len() == "__Host-renkei-".len() + 8;
        assert!(browser.cookies.keys().filter(own).count() <= 5, "{:?}", browser.cookies);
    }
    for (n, (test_store, cookie)) in places.iter().enumerate() {
        assert_eq!(browser.cookies.contains_key(cookie), n >= 2, "the older ones go");
        assert_eq!(browser.open(test_store).await.status(), if n >= 2 { 200 } else { 403 }, "{n}");
    }
}
