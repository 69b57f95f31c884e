//! What can be guessed wrong, and how often (G3–G6, requirements.md#a3, #a4).

use super::*;
use crate::audit::Actor;
use crate::id::GuessId;
use crate::identity::lockout::{self, Guess, Lock, Reserved, list, release};

fn wrong() -> CustomerForm {
    CustomerForm { birth_day: "13".into(), ..taro() }
}
fn ended(view: &View) -> Ending {
    match view.interaction.stage {
        Stage::Ended(ending) => ending,
        ref other => panic!("still at {}", other.screen()),
    }
}

#[tokio::test]
async fn what_counts_and_what_does_not() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    let (r31, check) = (Message::R31, Message::CheckCustomer);
    let table = [
        ("the wrong day", wrong(), vec![r31, check]),
        (
            "the wrong phone, before the last try",
            CustomerForm { phone: "09012343334".into(), ..super::taro() },
            vec![r31, check, Message::LastTryOfDay],
        ),
    ];
    for (why, form, want) in table {
        let view = taro.post(Posted::Customer(form)).await;
        assert_eq!(messages(&view), want, "{why}");
    }
    // A wrong name matches: it is only recorded (G1).
    let view = taro.post(Posted::Customer(CustomerForm { name_kana: "べつのひと".into(), ..super::taro() })).await;
    assert_eq!(view.interaction.stage.screen(), "phone");
    for account in [
        "115-ordinary-1100034",
        "115-ordinary-1100042",
        "011-ordinary-1111111",
        "115-ordinary-1100050",
        "115-savings-1",
    ] {
        let mut other = town.customer(NOON).await;
        other.to_customer(account).await;
        for _ in 0..4 {
            assert_eq!(messages(&other.post(Posted::Customer(super::taro())).await), [Message::R30], "{account}");
        }
    }
    let locks = town.store.read({
        let crypto = town.service.crypto().clone();
        move |tx| list(tx, &crypto, NOON, 10)
    });
    assert!(locks.await.unwrap().is_empty(), "R30 never locks");
}

#[tokio::test]
async fn two_birth_dates_and_a_pin_lock_until_midnight() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    taro.post(Posted::Customer(wrong())).await;
    let view = taro.post(Posted::Customer(wrong())).await;
    assert_eq!(messages(&view), [Message::R31, Message::CheckCustomer, Message::LastTryOfDay]);
    let last = view.interaction.errors.problems[2];
    assert_eq!(last.time, Some(NOON.next_jst_midnight()), "it holds until midnight");
    taro.post(Posted::Customer(super::taro())).await;
    taro.post(Posted::Phone).await;
    let to = taro.called().await;
    town.call(Caller::Known(Phone::parse("09012343333").unwrap()), &to, NOON, secs(0)).await;
    assert_eq!(taro.look().await.last_try, None, "④ types nothing");
    let view = taro.post(Posted::Call).await;
    assert_eq!(view.last_try, Some(Message::LastTryOfDay), "⑤ says it before a PIN is typed");
    assert_eq!(taro.look().await.last_try, Some(Message::LastTryOfDay));
    let view = taro.pin("12").await;
    assert_eq!((messages(&view), view.last_try), (vec![Message::Pin], Some(Message::LastTryOfDay)), "and after a slip");
    let view = taro.pin("0000").await;
    let midnight = NOON.next_jst_midnight();
    assert_eq!(ended(&view), Ending::Locked { before: false, until: Some(midnight) });
    assert_eq!(ended(&view).message(), Some(Message::R32));

    // The same day: R33, and the core bank is not asked any more.
    let asked = town.core.lookups.load(Ordering::SeqCst);
    let mut later = town.customer(midnight - secs(60)).await;
    let view = later.to_phone().await;
    assert_eq!(ended(&view), Ending::Locked { before: true, until: Some(midnight) });
    assert_eq!(ended(&view).message().map(Message::ja), Some(Message::R33.ja()));
    assert!(Message::R33.ja().contains("B84") && !Message::R32.ja().contains("B84"));
    assert_eq!(town.core.lookups.load(Ordering::SeqCst), asked);
    // Another account of the same person is another account.
    let mut savings = town.customer(NOON).await;
    savings.to_customer("115-savings-2200011").await;
    assert_eq!(savings.post(Posted::Customer(super::taro())).await.interaction.stage.screen(), "phone");
    // At 0:00 the lock is over; the daily closure of two minutes holds.
    let mut at_midnight = town.customer(midnight).await;
    assert_eq!(at_midnight.at().await, "closed");
    let mut next_day = town.customer(midnight + secs(120)).await;
    assert_eq!(next_day.to_phone().await.interaction.stage.screen(), "phone");
    let actions = town.actions().await;
    for action in ["account.locked", "account.unlocked"] {
        assert_eq!(actions.iter().filter(|a| *a == action).count(), 1, "{action} in {actions:?}");
    }
    at_midnight.now = midnight + secs(1);
    let index = town.service.crypto().account(&Account::parse("115-ordinary-1100026").unwrap());
    let sql = "select client_id, account, detail from audit where action = 'account.locked'";
    let rows = town.store.read(move |tx| tx.rows(sql, &[])).await.unwrap();
    let row = &rows[0];
    assert_eq!((row.opt_text(0).unwrap(), row.hash(1).unwrap()), (Some("creco"), index));
    let detail: serde_json::Value = serde_json::from_str(row.text(2).unwrap()).unwrap();
    assert_eq!(detail, serde_json::json!({"reason": "failures", "until": midnight.secs()}));
}

/// Fifty browsers, all past ④ for one account, post a wrong PIN at the same moment.
#[tokio::test]
async fn fifty_parallel_wrong_pins_reach_the_core_at_most_three_times() {
    let town = Town::new();
    let mut walkers = Vec::new();
    for _ in 0..50 {
        let mut taro = town.customer(NOON).await;
        taro.to_pin().await;
        walkers.push(taro);
    }
    let answers = futures_util::future::join_all(walkers.iter_mut().map(|w| w.pin("0000"))).await;
    let reached = town.core.pins.load(Ordering::SeqCst);
    assert!((1..=3).contains(&reached), "{reached} guesses reached the core bank");
    let r31 = answers.iter().filter(|v| messages(v).first() == Some(&Message::R31)).count();
    let locked = answers.iter().filter(|v| v.interaction.stage.screen() == "locked").count();
    let under_way = answers.iter().filter(|v| messages(v) == [Message::CheckUnderWay]).count();
    assert_eq!(
        (r31, r31 + locked + under_way),
        (2, 50),
        "two are told to try again, one locks, the others got no guess"
    );
    for walker in walkers.iter_mut().take(5) {
        walker.pin("4071").await;
    }
    assert_eq!(town.core.pins.load(Ordering::SeqCst), reached, "not even the right PIN is asked for any more");
}

#[tokio::test]
async fn one_browser_posting_one_page_often_makes_one_guess() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_pin().await;
    let step = taro.look().await.step;
    let tries =
        (0..20).map(|_| town.service.post(&taro.visitor, step.reveal(), Posted::Pin(Secret::new("0000")), NOON));
    let answers = futures_util::future::join_all(tries).await;
    let taken = answers.iter().filter(|a| matches!(a, Ok(ViewResult::Here(v)) if v.accepted)).count();
    assert_eq!((taken, town.core.pins.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn ten_wrong_pins_lock_until_somebody_releases_and_a_success_forgets() {
    let town = Town::with(|p| p.wrong_pins = 5);
    let account = Account::parse("115-ordinary-1100026").unwrap();
    let mut day = NOON;
    // Two a day: never the daily limit. On the third day it is the fifth.
    for n in 1..=5 {
        let mut taro = town.customer(day).await;
        taro.to_pin().await;
        let view = taro.pin("0000").await;
        if n == 5 {
            assert_eq!(ended(&view), Ending::Locked { before: false, until: None });
        } else {
            let (r31, check) = (Message::R31, Message::CheckPin);
            let want = match n {
                2 => vec![r31, check, Message::LastTryOfDay],
                4 => vec![r31, check, Message::LastTryBeforeLock],
                _ => vec![r31, check],
            };
            assert_eq!(messages(&view), want, "wrong PIN {n}");
        }
        if n % 2 == 0 {
            day = day + secs(86_400);
        }
    }
    day = day + secs(86_400);
    let mut taro = town.customer(day).await;
    assert_eq!(ended(&taro.to_phone().await), Ending::Locked { before: true, until: None }, "midnight does not help");
    let crypto = town.service.crypto().clone();
    let (a, b) = (account.clone(), account.clone());
    let held = town.store.read(move |tx| list(tx, &crypto, day, 10)).await.unwrap();
    assert_eq!(held.iter().map(|l| (l.account.clone(), l.until)).collect::<Vec<_>>(), [(a, None)]);
    for (nth, want) in [(1, true), (2, false)] {
        let (crypto, account) = (town.service.crypto().clone(), b.clone());
        let staff = Actor::Staff("hanako".into());
        let work = town.store.write(move |tx| release(tx, &crypto, &account, staff.clone(), "called us", day));
        assert_eq!(work.await.unwrap(), want, "release {nth}");
    }
    let mut taro = town.customer(day).await;
    taro.to_pin().await;
    assert_eq!(taro.pin("4071").await.interaction.stage.screen(), "consent");
    assert!(town.actions().await.contains(&"account.unlocked".to_owned()));

    // A success forgets (G5): four wrong ones, the right one, four wrong ones. Only the fifth in a row locks.
    let four_wrong = async |from: Instant| {
        for n in 0..4 {
            let mut taro = town.customer(from + secs(n * 86_400)).await;
            taro.to_pin().await;
            let last = (n == 3).then_some(Message::LastTryBeforeLock);
            let want: Vec<_> = [Message::R31, Message::CheckPin].into_iter().chain(last).collect();
            assert_eq!(messages(&taro.pin("0000").await), want);
        }
    };
    four_wrong(day).await;
    day = day + secs(4 * 86_400);
    let mut taro = town.customer(day).await;
    taro.to_pin().await;
    assert_eq!(taro.pin("4071").await.interaction.stage.screen(), "consent");
    four_wrong(day + secs(86_400)).await;
    let mut taro = town.customer(day + secs(5 * 86_400)).await;
    taro.to_pin().await;
    assert_eq!(ended(&taro.pin("0000").await), Ending::Locked { before: false, until: None }, "the fifth in a row");
}

#[tokio::test]
async fn the_days_failures_are_forgotten_by_a_completed_consent_and_not_by_passing_two() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    taro.post(Posted::Customer(wrong())).await;
    taro.post(Posted::Customer(wrong())).await;
    taro.post(Posted::Customer(super::taro())).await;
    let mut again = town.customer(NOON).await;
    again.to_customer("115-ordinary-1100026").await;
    let crypto = town.service.crypto().clone();
    let index = crypto.account(&Account::parse("115-ordinary-1100026").unwrap());
    town.store.write(move |tx| lockout::clear(tx, &crypto, index, NOON)).await.unwrap();
    for _ in 0..2 {
        let said = messages(&again.post(Posted::Customer(wrong())).await);
        assert_eq!(said.first(), Some(&Message::R31), "two more after a consent");
    }
    assert!(matches!(ended(&again.post(Posted::Customer(wrong())).await), Ending::Locked { before: false, .. }));
}

#[tokio::test]
async fn the_core_banks_silence_costs_the_customer_nothing() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_pin().await;
    let mut second = town.customer(NOON).await;
    second.to_customer("115-ordinary-1100026").await;
    for (error, want) in [
        (BankError::Failed("timeout".into()), Message::R36),
        (BankError::NotOffered, Message::R37),
        (BankError::Closed, Message::R34),
        (BankError::Busy, Message::R35),
    ] {
        town.fails(Some(error));
        for _ in 0..4 {
            assert_eq!(messages(&taro.pin("4071").await), [want]);
            assert_eq!(messages(&second.post(Posted::Customer(super::taro())).await), [want]);
        }
    }
    town.fails(None);
    assert_eq!(taro.pin("4071").await.interaction.stage.screen(), "consent");
    assert_eq!(second.post(Posted::Customer(super::taro())).await.interaction.stage.screen(), "phone");
}

#[tokio::test]
async fn after_five_unknown_accounts_the_interaction_ends() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_customer("115-ordinary-7777777").await;
    for _ in 0..4 {
        assert_eq!(messages(&taro.post(Posted::Customer(super::taro())).await), [Message::R30], "and no other line");
    }
    let view = taro.post(Posted::Customer(super::taro())).await;
    assert_eq!(ended(&view), Ending::Expired(Expired::UnknownAccounts));
    let asked = town.core.lookups.load(Ordering::SeqCst);
    assert_eq!(asked, 5);
    let view = taro.post(Posted::Restart).await;
    assert_eq!(ended(&view), Ending::Expired(Expired::UnknownAccounts), "it does not begin again");
}

#[tokio::test]
async fn too_many_past_two_make_others_wait() {
    let town = Town::with(|p| p.concurrent = 2);
    for _ in 0..2 {
        let mut one = town.customer(NOON).await;
        assert_eq!(one.to_phone().await.interaction.stage.screen(), "phone");
    }
    let mut third = town.customer(NOON).await;
    assert_eq!(messages(&third.to_phone().await), [Message::R35]);
    // The whole service is busy: the app hears so when the customer leaves.
    let mut leaves = town.customer(NOON).await;
    leaves.to_phone().await;
    assert_eq!(ended(&leaves.post(Posted::Return { unwritten: None }).await), Ending::Busy);
    third.now = NOON + secs(600);
    third.look().await;
    third.now = NOON + secs(15 * 60 + 1);
    assert_eq!(third.post(Posted::Customer(super::taro())).await.interaction.stage.screen(), "phone", "they have left");
}

/// The handler of a browser that hangs up is dropped, wherever it stands.
#[tokio::test]
async fn who_hangs_up_leaves_nothing_booked() {
    let town = Town::new();
    for n in 1..=4 {
        let mut taro = town.customer(NOON).await;
        taro.to_customer("115-ordinary-1100026").await;
        let step = taro.look().await.step;
        let before = town.core.lookups.load(Ordering::SeqCst);
        let mut post =
            Box::pin(town.service.post(&taro.visitor, step.reveal(), Posted::Customer(super::taro()), taro.now));
        while town.core.lookups.load(Ordering::SeqCst) == before {
            tokio::select! {
                biased;
                _ = &mut post => panic!("answered before the core bank was asked"),
                () = tokio::task::yield_now() => {}
            }
        }
        drop(post);
        let carried_on = async {
            while taro.at().await == "customer" {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(secs(20), carried_on).await.is_ok(), "hanging up, time {n}");
        assert_eq!(taro.at().await, "phone", "hanging up, time {n}");
    }
}

/// While the core bank is asked about a PIN, another form of the same browser uses the step token that is good then.
#[tokio::test]
async fn an_answer_that_comes_after_a_newer_step_moves_nothing() {
    for (pin, other, want) in [
        // A form of another screen leads nowhere, but its page is older than what stands then.
        ("4071", Posted::Account(AccountForm::of(&Account::parse("115-ordinary-1100026").unwrap())), "pin"),
        ("0000", Posted::Account(AccountForm::of(&Account::parse("115-ordinary-1100026").unwrap())), "pin"),
        ("4071", Posted::Cancel, "cancelled"),
        ("0000", Posted::Cancel, "cancelled"),
    ] {
        let town = Town::new();
        let mut taro = town.customer(NOON).await;
        taro.to_pin().await;
        let step = taro.look().await.step;
        let asked = Posted::Pin(Secret::new(pin));
        let first = town.service.post(&taro.visitor, step.reveal(), asked, NOON);
        let second = async {
            while town.core.pins.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            let step = taro.look().await.step;
            town.service.post(&taro.visitor, step.reveal(), other, NOON).await.unwrap()
        };
        let (first, second) = tokio::join!(first, second);
        let ViewResult::Here(newer) = second else { panic!("the customer's own way is foreign to them") };
        let ViewResult::Here(first) = first.unwrap() else { panic!("the customer's own way is foreign to them") };
        assert_eq!(first.interaction.stage.screen(), want, "{pin}");
        let now = taro.look().await;
        assert_eq!(now.interaction.stage.screen(), want, "{pin}");
        assert_eq!((now.interaction.step, messages(&now)), (newer.interaction.step, messages(&newer)), "{pin}");
    }
}

/// Asked a moment before midnight and answered after it: what the new day has counted stays.
#[tokio::test]
async fn an_answer_from_before_midnight_undoes_nothing_of_the_new_day() {
    let town = Town::new();
    let account = Account::parse("115-ordinary-1100026").unwrap();
    let (crypto, policy) = (town.service.crypto().clone(), town.service.policy().clone());
    let midnight = NOON.next_jst_midnight();
    let before = Instant::from_millis(midnight.millis() - 1);
    let work = town.store.write(move |tx| {
        let client = ClientId::parse("creco").unwrap();
        let booked = |tx: &mut Tx<'_, '_>, now| {
            let id = GuessId::random(&*crypto.random);
            let Reserved::Proceed(r) = lockout::reserve(tx, &crypto, &policy, (&account, Guess::Customer, &id), now)?
            else {
                panic!("no guess left");
            };
            Ok::<_, crate::store::Error>(r)
        };
        let late = [booked(tx, before)?, booked(tx, before)?];
        for _ in 0..policy.failures_a_day {
            let r = booked(tx, midnight)?;
            lockout::fail(tx, &crypto, &policy, &r, Some(&client), midnight)?;
        }
        lockout::fail(tx, &crypto, &policy, &late[0], Some(&client), before)?;
        lockout::pass(tx, &crypto, &policy, &late[1], true, before)?;
        let id = GuessId::random(&*crypto.random);
        let after = lockout::reserve(tx, &crypto, &policy, (&account, Guess::Customer, &id), midnight)?;
        Ok((after, list(tx, &crypto, midnight, 10)?.len()))
    });
    let (after, listed) = work.await.unwrap();
    assert_eq!(after, Reserved::Locked(Lock { until: Some(midnight.next_jst_midnight()) }));
    assert_eq!(listed, 1);
}
