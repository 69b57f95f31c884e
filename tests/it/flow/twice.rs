//! Every button, pressed twice at once, twice in turn, and again because its answer was lost: one screen, the rows of one
//! press, and no question to the core bank more.

use crate::support::browser::{Browser, Customer};
use crate::support::town::{Engine, Town, on_both_with, run};
use renkei_core::identity::BankError;
use std::sync::atomic::Ordering;
use std::time::Duration;

on_both_with!(every_button_pressed_again_does_what_one_press_does, |c| {
    c.telephony.call_attempts = 1;
    c.hours.closed = vec!["daily 03:00-03:10".to_owned()];
});

/// A button: on which screen, what is typed, what is done before, and where one press leads.
struct Button {
    screen: &'static str,
    action: &'static str,
    typed: Vec<(&'static str, String)>,
    before: Before,
    /// The screen, or what the app is told.
    leads: &'static str,
}
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The customer has called.
    Called,
    /// The window has passed.
    Expired,
    /// The customer has stopped.
    Cancelled,
    /// The core bank has failed (R36).
    Failed,
    /// The account was locked by three wrong birth dates.
    Locked,
    /// The service has closed, and is open again.
    Reopened,
}

fn buttons() -> Vec<Button> {
    let taro = Customer::taro();
    let typed = |fields: &[(&'static str, &str)]| fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect::<Vec<_>>();
    let button = |screen, action, typed, before, leads| Button { screen, action, typed, before, leads };
    let account = typed(&[("branch", "115"), ("account_type", "ordinary"), ("account_number", "1100026")]);
    let customer = typed(&Browser::typed(&taro));
    let wrong = typed(&Browser::typed(&taro.clone().born("1985", "4", "13")));
    let (none, nothing) = (Vec::new(), Before::Nothing);
    let mut all = vec![
        button("account", "next", account, nothing, "customer"),
        button("account", "next", none.clone(), nothing, "account"),
        button("customer", "next", customer, nothing, "phone"),
        button("customer", "next", wrong, nothing, "customer"),
        button("customer", "next", none.clone(), nothing, "customer"),
        button("customer", "back", none.clone(), nothing, "account"),
        button("phone", "next", none.clone(), nothing, "call"),
        button("phone", "back", none.clone(), nothing, "customer"),
        button("call", "next", none.clone(), nothing, "call"),
        button("call", "next", none.clone(), Before::Called, "pin"),
        button("call", "next", none.clone(), Before::Expired, "expired"),
        button("pin", "next", typed(&[("pin", "4071")]), nothing, "consent"),
        button("pin", "next", typed(&[("pin", "0000")]), nothing, "pin"),
        button("consent", "allow", typed(&[("agree", "yes")]), nothing, "code"),
        button("consent", "allow", none.clone(), nothing, "consent"),
        button("consent", "deny", none.clone(), nothing, "cancelled"),
        button("expired", "restart", none.clone(), Before::Expired, "account"),
        button("expired", "return", none.clone(), Before::Expired, "access_denied"),
        button("cancelled", "return", none.clone(), Before::Cancelled, "access_denied"),
        button("customer", "return", none.clone(), Before::Failed, "server_error"),
        button("pin", "return", none.clone(), Before::Failed, "server_error"),
        button("locked", "return", none.clone(), Before::Locked, "access_denied"),
    ];
    for screen in ["account", "customer", "phone", "call", "pin"] {
        all.push(button(screen, "cancel", none.clone(), nothing, "cancelled"));
    }
    // 入力内容を残して最初からやり直す
    for screen in ["account", "customer", "phone", "call", "pin", "consent"] {
        all.push(button(screen, "restart", none.clone(), nothing, "account"));
    }
    // The last ones: they come early in the morning.
    all.push(button("closed", "restart", none.clone(), Before::Reopened, "account"));
    all.push(button("closed", "return", none, Before::Reopened, "temporarily_unavailable"));
    all
}

/// What a press can have changed.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    bank_calls: u32,
    pins: u32,
    locks: usize,
    rows: Vec<i64>,
}
async fn traces(w: &Town) -> Traces {
    let mut rows = Vec::new();
    for sql in [
        "select count(*) from interactions",
        "select count(*) from call_leases",
        "select count(*) from consents",
        "select count(*) from grants",
        "select count(*) from notices",
        "select count(*) from events",
        "select count(*) from requests where consumed_at is not null",
        "select count(*) from audit where action like 'interaction.%.refused'",
        "select count(*) from audit where action = 'interaction.restarted'",
        "select cast(coalesce(sum(renewals), 0) as bigint) from interactions",
    ] {
        rows.push(w.count(sql).await);
    }
    let (questions, pins) = (w.bank.asked.load(Ordering::SeqCst), w.bank.pin_checks());
    Traces { bank_calls: questions, pins, locks: w.locks().await.len(), rows }
}
fn change(before: &Traces, after: &Traces) -> Traces {
    Traces {
        bank_calls: after.bank_calls - before.bank_calls,
        pins: after.pins - before.pins,
        locks: after.locks - before.locks,
        rows: before.rows.iter().zip(&after.rows).map(|(b, a)| a - b).collect(),
    }
}

async fn ready(w: &Town, button: &Button) -> Browser {
    if button.before == Before::Reopened {
        let tomorrow = w.now().jst().date_naive() + chrono::Days::new(1);
        w.set_clock(&format!("{tomorrow}T02:55:00+09:00"));
    }
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    match button.before {
        Before::Nothing => browser.walk_to(w, button.screen).await,
        Before::Called => {
            browser.walk_to(w, "call").await;
            w.phone.call("09012343333", &browser.called_number()).await.expect(204);
            &mut browser
        }
        Before::Expired => {
            browser.walk_to(w, "call").await;
            w.clock.advance(Duration::from_secs(121));
            if button.screen == "expired" { browser.reload().await } else { &mut browser }
        }
        Before::Cancelled => browser.press("cancel", &[]).await,
        Before::Failed => {
            browser.walk_to(w, button.screen).await;
            w.bank.fail(Some(BankError::Failed("timed out".into())));
            match button.screen {
                "pin" => browser.pin("4071").await,
                _ => browser.customer(&Customer::taro()).await,
            };
            w.bank.fail(None);
            &mut browser
        }
        Before::Locked => {
            browser.walk_to(w, "customer").await;
            for _ in 0..3 {
                browser.customer(&Customer::taro().born("1985", "4", "13")).await;
            }
            &mut browser
        }
        Before::Reopened => {
            browser.walk_to(w, "pin").await;
            w.clock.advance(Duration::from_secs(360));
            browser.pin("4071").await;
            w.clock.advance(Duration::from_secs(600));
            browser.reload().await
        }
    };
    assert_eq!(browser.screen(), button.screen);
    browser
}
/// Where a browser stands, or what it brought to the app.
fn stands(browser: &Browser) -> String {
    if !browser.has_left() {
        return browser.screen().to_owned();
    }
    let told = browser.handed_to_app();
    told.get("error").cloned().unwrap_or_else(|| if told.contains_key("code") { "code".into() } else { String::new() })
}

async fn every_button_pressed_again_does_what_one_press_does(w: &Town) {
    for button in buttons() {
        let typed: Vec<(&str, &str)> = button.typed.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let what = format!("{} on {}", button.action, button.screen);
        let mut once = None;
        for mode in ["once", "twice at once", "twice in turn", "answer lost"] {
            let browser = ready(w, &button).await;
            let before = traces(w).await;
            let (mut one, mut two) = (browser.clone(), browser.clone());
            match mode {
                "once" => {
                    one.press(button.action, &typed).await;
                    two = one.clone();
                }
                "twice at once" => {
                    w.bank.slow(Duration::from_millis(40));
                    let url = browser.url.clone();
                    let answers = tokio::join!(one.submit(button.action, &typed), two.submit(button.action, &typed));
                    w.bank.slow(Duration::ZERO);
                    // One browser: both answers' cookies are in it before it goes on.
                    one.cookies.extend(two.cookies.clone());
                    one.follow(&url, answers.0).await;
                    two.cookies = one.cookies.clone();
                    two.follow(&url, answers.1).await;
                }
                "twice in turn" => {
                    one.press(button.action, &typed).await;
                    // The same browser: its page is old, its cookies are not.
                    two.cookies = one.cookies.clone();
                    two.press(button.action, &typed).await;
                }
                _ => {
                    one.submit(button.action, &typed).await;
                    one = two.press(button.action, &typed).await.clone();
                }
            }
            for browser in [&one, &two] {
                assert_eq!(stands(browser), button.leads, "{what}, {mode}: {}", browser.page().text());
            }
            let change = change(&before, &traces(w).await);
            match &once {
                None => once = Some(change),
                Some(once) => assert_eq!(&change, once, "{what}, {mode}"),
            }
            if button.before == Before::Locked {
                w.release_lock("115-ordinary-1100026").await;
            }
            // Wrong answers of today do not add up to a lock, and every number is free again.
            let wrong = button.leads == button.screen && !button.typed.is_empty() || button.before == Before::Locked;
            w.clock.advance(Duration::from_secs(if wrong { 86_400 } else { 200 }));
        }
    }
}

/// Behind a balancer the second press may reach another node than the first.
#[test]
fn a_second_press_on_another_node_waits_for_the_first() {
    run(
        Engine::Postgres,
        |_| {},
        async |w: &Town| {
            let node = w.second_node().await;
            let taro = Customer::taro();
            for (screen, typed, leads, questions) in
                [("customer", Browser::typed(&taro).to_vec(), "phone", 2), ("pin", vec![("pin", "4071")], "consent", 2)]
            {
                let mut one = w.browser();
                one.open(&w.creco().push("accounts").await.url).await;
                one.walk_to(w, screen).await;
                let mut two = one.through(node.http.clone());
                let (url, before) = (one.url.clone(), w.bank.asked.load(Ordering::SeqCst));
                w.bank.hold();
                let second = async {
                    w.bank.until_held().await;
                    let answered = async {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        w.bank.let_go();
                    };
                    tokio::join!(two.submit("next", &typed), answered).0
                };
                let answers = tokio::join!(one.submit("next", &typed), second);
                one.cookies.extend(two.cookies.clone());
                one.follow(&url, answers.0).await;
                two.cookies = one.cookies.clone();
                two.follow(&url, answers.1).await;
                assert_eq!((one.screen(), two.screen()), (leads, leads), "{}", two.page().text());
                assert_eq!(w.bank.asked.load(Ordering::SeqCst) - before, questions, "{screen}");
            }
            node.stop().await;
        },
    );
}
