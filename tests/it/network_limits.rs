//! The limits of one network as a browser meets them (decision 17): in place at the start, on the same screen at
//! ②, with the time when to try again and nothing typed lost.

use crate::support::browser::{Browser, Customer};
use crate::support::town::{Engine, Town, on_both, on_both_with};
use renkei_core::clock::Instant;
use std::time::Duration;

on_both!(what_ends_before_two_is_a_line_and_an_hourly_count);
on_both_with!(the_sixty_first_start_is_told_when_to_come_again, |c| c.limits.by_network = true);
on_both_with!(where_too_many_have_begun_nobody_begins, |c| c.identity.unfinished = 100);
on_both_with!(who_types_too_often_keeps_what_was_typed, |c| {
    (c.limits.by_network, c.limits.customer_posts) = (true, 3);
});
on_both_with!(answers_about_accounts_are_limited_and_the_right_customer_is_not_locked, |c| {
    (c.limits.by_network, c.limits.unknown_accounts, c.limits.wrong_customers) = (true, 4, 4);
});

fn at(w: &Town, address: &str) -> Browser {
    Browser::new(w.http.clone(), address)
}
async fn starts(w: &Town, address: &str) -> Browser {
    let mut browser = at(w, address);
    browser.open(&w.kakeibo().ask_directly("accounts").url).await;
    browser
}

async fn the_sixty_first_start_is_told_when_to_come_again(w: &Town) {
    for n in 0..60 {
        // One /64, whatever the rest of the address.
        assert_eq!(starts(w, &format!("2001:db8:1:2::{n:x}")).await.screen(), "account", "{n}");
    }
    let refused = starts(w, "2001:db8:1:2:ffff::1").await;
    assert_eq!(refused.status(), 429, "{}", refused.page().text());
    assert!(refused.url.contains("/oauth/authorize"), "in place: {}", refused.url);
    assert!(refused.page().text().contains("10時25分以降に、もう一度お試しください。"), "{}", refused.page().text());
    let after: u64 = refused.answer.header("retry-after").unwrap().parse().unwrap();
    assert!((590..=600).contains(&after), "{after}");
    assert!(refused.cookies.is_empty() && refused.page().forms().is_empty());
    // Others begin, and so does this network later.
    assert_eq!(starts(w, "2001:db8:1:3::1").await.screen(), "account", "a neighbour");
    assert_eq!(starts(w, "192.0.2.7").await.screen(), "account");
    w.clock.advance(Duration::from_secs(after));
    assert_eq!(starts(w, "2001:db8:1:2::1").await.screen(), "account");
    // Nobody makes a crowd of one: a /48 has ten times as many.
    for n in 0..600 {
        starts(w, &format!("2001:db8:9:{:x}::1", n / 40)).await;
    }
    assert_eq!(starts(w, "2001:db8:9:ffff::1").await.status(), 429, "the whole /48");
    assert_eq!(w.recorded("alarm.raised").await, 1);
}

async fn where_too_many_have_begun_nobody_begins(w: &Town) {
    let mut first = starts(w, "192.0.2.1").await;
    for n in 1..100 {
        starts(w, &format!("192.0.2.{n}")).await;
    }
    w.clock.advance(Duration::from_secs(1));
    let refused = starts(w, "198.51.100.1").await;
    assert_eq!(refused.status(), 503, "{}", refused.page().text());
    assert!(refused.answer.header("retry-after").is_some());
    assert!(
        refused.page().text().contains("以降に、アプリの画面からもう一度お試しください。"),
        "{}",
        refused.page().text()
    );
    // Who is under way goes on; and whoever passes ② makes room.
    first.walk_to(w, "phone").await;
    w.clock.advance(Duration::from_secs(60));
    assert_eq!(starts(w, "198.51.100.1").await.screen(), "account");
}

async fn who_types_too_often_keeps_what_was_typed(w: &Town) {
    let mut browser = starts(w, "192.0.2.1").await;
    browser.account("115-1100026").await;
    let mut taro = Customer::taro();
    taro.email = "taro.long@example.jp".into();
    for n in 0..3 {
        let mut typed = Browser::typed(&taro);
        typed[6].1 = "other@example.jp";
        browser.press("next", &typed).await;
        assert_eq!((browser.status(), browser.screen()), (200, "customer"), "{n}");
    }
    let steps = w.recorded("interaction.customer.refused").await;
    for _ in 0..2 {
        browser.customer(&taro).await;
        assert_eq!((browser.status(), browser.screen()), (200, "customer"));
        let said = browser.summary();
        assert!(said.contains("受け付けを一時止めています") && said.contains("10時25分"), "{said}");
        let form = browser.page().form_with("next").unwrap();
        assert!(form.fields.iter().any(|(n, v)| n == "email" && v == "taro.long@example.jp"), "typed values stay");
    }
    assert_eq!(w.recorded("interaction.customer.refused").await, steps, "nothing was written for it");
    // Another network's customer does not notice.
    let mut other = starts(w, "192.0.2.2").await;
    assert_eq!(other.walk_to(w, "phone").await.screen(), "phone");
    w.clock.advance(Duration::from_secs(601));
    browser.customer(&taro).await;
    assert_eq!(browser.screen(), "phone", "{}", browser.page().text());
}

async fn answers_about_accounts_are_limited_and_the_right_customer_is_not_locked(w: &Town) {
    // R30: four answers within the hour, over any number of interactions.
    let asked = || w.bank.asked.load(std::sync::atomic::Ordering::SeqCst);
    for n in 0..6 {
        let before = asked();
        let mut browser = starts(w, "192.0.2.1").await;
        browser.account(&format!("115-999999{n}")).await;
        browser.customer(&Customer::taro()).await;
        let said = browser.summary();
        assert_eq!(said.contains("本サービスではお取り扱いできません"), n < 4, "{n}: {said}");
        assert_eq!(said.contains("受け付けを一時止めています"), n >= 4, "{n}: {said}");
        assert_eq!(asked() > before, n < 4, "the core bank is not asked beyond it");
    }
    // R31: one network locks one account and no second one.
    for n in 0..6 {
        let account = if n < 3 { "115-1100026" } else { "005-0000123" };
        let mut browser = starts(w, "192.0.2.9").await;
        browser.account(account).await;
        browser.customer(&Customer::taro().born("1985", "4", "13")).await;
        let stopped = browser.summary().contains("受け付けを一時止めています");
        assert_eq!(stopped, n >= 4, "{n}: {}", browser.page().text());
    }
    assert_eq!(w.locks().await.len(), 1, "four answers do not lock two accounts");
    let mut hanako = starts(w, "203.0.113.5").await;
    hanako.account("005-0000123").await;
    hanako.customer(&Customer::hanako()).await;
    assert_eq!(hanako.screen(), "phone", "{}", hanako.page().text());
}

/// Strangers begin and leave as often as they like: a line each, a count by the hour, and nothing that stays for years.
async fn what_ends_before_two_is_a_line_and_an_hourly_count(w: &Town) {
    // The log is that of all tests, so this one has an hour of its own on each engine.
    w.clock.advance(Duration::from_hours(if w.engine == Engine::Sqlite { 3 } else { 4 }));
    let hour = w.now().millis().div_euclid(3_600_000);
    let since = Instant::from_millis(hour * 3_600_000).rfc3339();
    let leaves = async || {
        let mut browser = starts(w, "192.0.2.1").await;
        browser.press("cancel", &[]).await;
        assert_eq!(browser.screen(), "cancelled");
        browser.url.split("/link/").nth(1).unwrap().split('/').next().unwrap().to_owned()
    };
    let ids = [leaves().await, leaves().await];
    w.clock.advance(Duration::from_hours(1));
    leaves().await;
    let log = w.log();
    for id in ids {
        let lines = log.lines().filter(|l| l.contains("an interaction ended before ②") && l.contains(&id));
        assert_eq!(lines.count(), 1, "{id}");
    }
    let counted =
        |l: &&str| l.contains("ended_before_customer") && l.contains(&since) && l.contains("\"cancelled\": 2");
    assert_eq!(log.lines().filter(counted).count(), 1, "{since}");
    assert_eq!(w.recorded("interaction.ended").await, 0);
}
