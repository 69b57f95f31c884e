//! The call: acceptance tests 5 to 7 (requirements.md#acceptance) and the 120 seconds as tables.

use crate::support::browser::{Browser, Customer};
use crate::support::phone::{Call, Phone};
use crate::support::town::{Town, on_both, on_both_with};
use renkei_core::clock::Clock;
use std::time::Duration;

on_both!(
    the_right_call_passes,
    other_calls_do_not,
    a_hook_without_a_good_signature_is_refused,
    confirming_before_the_call_keeps_the_page,
    a_call_from_another_telephone_is_answered_and_shown_to_nobody,
    a_new_number_is_announced_and_the_page_says_how_many_are_left,
    interactions_never_share_a_number_for_one_caller,
    numbers_in_every_form_match,
    a_withheld_call_shows_a_hint,
);
on_both_with!(a_call_may_arrive_five_seconds_late, |c| c.telephony.confirm_window =
    renkei_server::config::Span::secs(180));

on_both_with!(the_window_of_120_seconds, |c| c.telephony.call_attempts = 1);

const TARO: &str = "09012343333";
const WAITING: &str = "認証中（認証着信待ち）";
const R57: &str = "API連携認証の最初に戻って操作してください。";

async fn at_call(w: &Town) -> (Browser, String) {
    let mut browser = w.browser();
    let url = w.creco().push("accounts").await.url;
    browser.open(&url).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro()).await;
    let to = browser.settle_phone().await;
    (browser, to)
}
async fn passes(browser: &mut Browser) -> bool {
    browser.confirm_call().await;
    browser.screen() == "pin"
}

async fn the_right_call_passes(w: &Town) {
    let (mut browser, to) = at_call(w).await;
    w.phone.call(TARO, &to).await.expect(204);
    assert!(passes(&mut browser).await);
}

async fn other_calls_do_not(w: &Town) {
    let (mut browser, to) = at_call(w).await;
    let other = w.called_numbers().into_iter().find(|n| *n != to).unwrap();
    for (why, call) in [
        ("another caller", Call::new("09011112222", &to)),
        ("another number called", Call::new(TARO, &other)),
        ("withheld", Call { withheld: true, ..Call::new(TARO, &to) }),
        ("a From nobody vouches for", Call { id_source: "from", ..Call::new(TARO, &to) }),
        ("an invalid caller", Call { id_source: "invalid", ..Call::new(TARO, &to) }),
        ("a foreign caller", Call::new("+15551234567", &to)),
        ("nobody", Call::new("", &to)),
    ] {
        w.phone.report(&call).await.expect(204);
        assert!(!passes(&mut browser).await, "{why}");
        assert_eq!((browser.status(), browser.screen()), (200, "call"), "{why}");
        assert_eq!(browser.called_number(), to, "{why}");
    }
    // A call that served one attempt serves no other, whatever number it now claims to have called.
    let served = Call::new(TARO, &to);
    w.phone.report(&served).await.expect(204);
    assert!(passes(&mut browser).await);
    let (mut second, to2) = at_call(w).await;
    w.phone.report(&served).await.expect(204);
    w.phone.report(&Call { to: to2, ..served }).await.expect(204);
    assert!(!passes(&mut second).await, "a replayed call");
}

async fn a_hook_without_a_good_signature_is_refused(w: &Town) {
    let (mut browser, to) = at_call(w).await;
    let call = Call::new(TARO, &to);
    let body = Phone::body(&call);
    let now = w.now().secs();
    w.phone.send(&body, &[]).await.expect(401);
    w.phone.send(&body, &[("X-Hook-Timestamp", &now.to_string())]).await.expect(401);
    w.phone.send(&body, &[("X-Hook-Timestamp", &now.to_string()), ("X-Hook-Signature", "AAAA")]).await.expect(401);
    w.phone.report_at(&call, now - 61).await.expect(401);
    w.phone.report_at(&call, now + 61).await.expect(401);
    let other = Phone::new(w.http.clone(), w.clock.clone(), "another secret entirely, of a good length");
    other.report(&call).await.expect(401);
    w.phone.send(&"x".repeat(4097), &[]).await.expect(413);
    assert!(!passes(&mut browser).await);
    w.phone.report(&call).await.expect(204);
    assert!(passes(&mut browser).await);
}

async fn confirming_before_the_call_keeps_the_page(w: &Town) {
    let (mut browser, to) = at_call(w).await;
    let text = browser.page().text();
    for part in ["電話番号認証", "*****3333", "120秒以内", "非通知"] {
        assert!(text.contains(part), "④ lacks {part}: {text}");
    }
    let hidden = browser.page().attribute("call-status", "data-expired").is_some();
    assert!(hidden, "the status texts stand in the page");
    w.clock.advance(Duration::from_secs(30));
    assert!(!passes(&mut browser).await);
    let text = browser.page().text();
    for part in [WAITING, "先に、お届けの電話（下4桁 3333）から「認証先電話番号」におかけください。"]
    {
        assert!(text.contains(part), "what to do is said: {text}");
    }
    assert_eq!(browser.called_number(), to);
    assert_eq!(browser.call_status().await["seconds_left"], 90);
    w.clock.advance(Duration::from_secs(30));
    browser.reload().await;
    assert_eq!((browser.called_number(), browser.screen()), (to.clone(), "call"));
    assert_eq!(browser.call_status().await["seconds_left"], 60, "a reload starts no new window");
    w.phone.call(TARO, &to).await;
    assert!(passes(&mut browser).await);
}

/// A caller from another telephone hears it ring, and the page says that this is not enough. It says so to everybody: nobody
/// learns from it that somebody else called.
async fn a_call_from_another_telephone_is_answered_and_shown_to_nobody(w: &Town) {
    let (mut browser, to) = at_call(w).await;
    let without = |text: String| text.split_whitespace().collect::<String>();
    let says = "お届けの電話ではない電話からおかけになった場合は、呼出音が鳴っても認証は完了しません。";
    assert!(browser.page().text().contains(says), "before anybody presses: {}", browser.page().text());
    assert!(!passes(&mut browser).await);
    let (early, status) = (without(browser.page().text()), browser.call_status().await);
    w.phone.call("0312345678", &to).await.expect(204);
    assert_eq!(browser.call_status().await, status);
    assert!(!passes(&mut browser).await);
    assert_eq!(without(browser.page().text()), early, "the same as without the call");
    assert_eq!(browser.page().text().matches(says).count(), 2, "in the message and in the notes");
    browser.reload().await;
    w.phone.call(TARO, &to).await.expect(204);
    browser.reload().await;
    let seen = browser.page().text();
    assert!(seen.contains("残り時間の表示を終わりました。「確定する」は"), "{seen}");
    assert!(passes(&mut browser).await);
}

async fn the_window_of_120_seconds(w: &Town) {
    for (why, call_at, confirm_at, good) in [
        ("at once", 0, 0, true),
        ("both at the last moment", 120, 120, true),
        ("confirmed too late", 60, 121, false),
        ("called too late", 121, 121, false),
        ("called far too late", 126, 126, false),
    ] {
        let (mut browser, to) = at_call(w).await;
        let start = w.now();
        w.clock.set(start + Duration::from_secs(call_at));
        w.phone.call(TARO, &to).await.expect(204);
        w.clock.set(start + Duration::from_secs(confirm_at));
        assert_eq!(passes(&mut browser).await, good, "{why}");
        if !good {
            assert!(browser.page().text().contains(R57), "{why}: {}", browser.page().text());
            assert_eq!(browser.screen(), "expired", "{why}");
        }
        w.clock.advance(Duration::from_secs(200));
    }
    // 最初からやり直す begins at ① of the same request.
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "call").await;
    w.clock.advance(Duration::from_secs(121));
    assert_eq!(browser.call_status().await["state"], "expired");
    assert!(!passes(&mut browser).await);
    browser.press("restart", &[]).await;
    assert_eq!((browser.status(), browser.screen()), (200, "account"), "{}", browser.url);
    browser.walk_to_consent(w, "115-1100026", &Customer::taro(), "4071").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
}

async fn a_new_number_is_announced_and_the_page_says_how_many_are_left(w: &Town) {
    let (mut browser, first) = at_call(w).await;
    let mut given = vec![first];
    let offers = |n: &str| format!("お電話の期限が過ぎたため、新しい番号をご案内します（{n}）。");
    for left in ["このあとのご案内は、残り1回です", "今回が最後のご案内です"] {
        w.clock.advance(Duration::from_secs(30));
        assert!(
            browser.reload().await.page().text().contains("お届けの電話（下4桁 3333）からおかけになっていますか。")
        );
        w.clock.advance(Duration::from_secs(91));
        assert_eq!(browser.call_status().await, serde_json::json!({"state": "expired", "seconds_left": 0}));
        // A reloaded page says what the script says, and its button does it.
        browser.reload().await;
        assert!(browser.page().text().contains(&offers(left)), "{}", browser.page().text());
        assert!(browser.page().text().contains("新しい番号を表示する"));
        browser.press("next", &[]).await;
        assert_eq!(browser.screen(), "call");
        assert!(browser.summary().contains(&offers(left)), "{}", browser.page().text());
        given.push(browser.called_number());
    }
    // By chance an earlier number may come again.
    if let Some(earlier) = given.iter().find(|number| **number != given[2]) {
        w.phone.call(TARO, earlier).await;
        assert!(!passes(&mut browser).await, "an earlier number is void");
    }
    w.clock.advance(Duration::from_secs(121));
    browser.reload().await;
    assert_eq!(browser.screen(), "expired");
    assert!(browser.page().text().contains(R57));
    assert!(browser.page().form_with("restart").is_some());
}

async fn a_call_may_arrive_five_seconds_late(w: &Town) {
    for (why, stamp, arrives, good) in [
        ("in time, reported a little later", 119, 124, true),
        ("at the last moment, at the last moment", 120, 125, true),
        ("in time, reported too late", 119, 126, false),
        ("too late, reported at once", 121, 121, false),
    ] {
        let (mut browser, to) = at_call(w).await;
        let start = w.clock.now();
        w.clock.set(start + Duration::from_secs(arrives));
        let stamp = (start + Duration::from_secs(stamp)).secs();
        w.phone.report_at(&Call::new(TARO, &to), stamp).await.expect(204);
        w.clock.set(start + Duration::from_secs(126));
        assert_eq!(passes(&mut browser).await, good, "{why}");
        w.clock.advance(Duration::from_secs(200));
    }
}

async fn interactions_never_share_a_number_for_one_caller(w: &Town) {
    let mut held = Vec::new();
    for _ in w.called_numbers() {
        held.push(at_call(w).await);
    }
    let mut numbers: Vec<&String> = held.iter().map(|(_, to)| to).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), held.len(), "each has a number of its own");

    // No number is left: the page says when one will be.
    let mut late = w.browser();
    late.open(&w.creco().push("accounts").await.url).await;
    late.account("115-1100026").await;
    late.customer(&Customer::taro()).await;
    late.press("next", &[]).await;
    assert_eq!((late.status(), late.screen()), (200, "phone"));
    let said = "10時17分00秒以降に、もう一度「電話番号の決定」を押してください。";
    assert!(late.summary().contains(said), "{}", late.page().text());

    let (mut one, to_one) = held.pop().unwrap();
    let (mut two, to_two) = held.pop().unwrap();
    w.phone.call(TARO, &to_two).await;
    assert!(!passes(&mut one).await, "the other's call is not ours");
    assert!(passes(&mut two).await);
    w.phone.call(TARO, &to_one).await;
    assert!(passes(&mut one).await);
    w.clock.advance(Duration::from_secs(120));
    late.press("next", &[]).await;
    assert_eq!(late.screen(), "call", "{}", late.page().text());
}

async fn numbers_in_every_form_match(w: &Town) {
    for from in [
        "+819012343333",
        "819012343333",
        "09012343333",
        "tel:+819012343333",
        "sip:+819012343333@ims.example.jp;user=phone",
    ] {
        let (mut browser, to) = at_call(w).await;
        w.phone.call(from, &to).await.expect(204);
        assert!(passes(&mut browser).await, "{from}");
    }
    let (mut browser, to) = at_call(w).await;
    w.phone.call(TARO, &format!("+81{}", &to[1..])).await.expect(204);
    assert!(passes(&mut browser).await, "the called number in international form");
    for from in ["+19012343333", "+8190123433330", "9012343333"] {
        let (mut browser, to) = at_call(w).await;
        w.phone.call(from, &to).await;
        assert!(!passes(&mut browser).await, "{from}");
        w.clock.advance(Duration::from_secs(200));
    }
}

async fn a_withheld_call_shows_a_hint(w: &Town) {
    let (mut browser, to) = at_call(w).await;
    w.phone.call_withheld("", &to).await.expect(204);
    assert_eq!(browser.call_status().await["state"], "withheld");
    assert!(!passes(&mut browser).await);
    let hint = "非通知のお電話がありました。お客様のお電話でしたら、先頭に186を付けておかけ直しください。";
    assert!(browser.page().text().contains(hint), "{}", browser.page().text());
    w.phone.call(TARO, &to).await;
    assert!(passes(&mut browser).await);
}
