//! What strangers cannot do: begin without end, sweep for accounts, fill the service, or fill the record (G3, G8).

use super::*;

fn wrong() -> CustomerForm {
    CustomerForm { birth_day: "13".into(), ..taro() }
}
fn production() -> Town {
    Town::with(|p| p.by_network = true)
}

#[tokio::test]
async fn a_network_begins_sixty_in_ten_minutes() {
    let town = production();
    for n in 0..60 {
        let opened = town.opens(Hash::of(format!("{n}")), &[], "203.0.113.9", NOON + secs(n)).await;
        assert!(matches!(opened, StartResult::Begun { .. }), "start {n}");
    }
    let end = NOON + secs(600);
    let late = town.opens(Hash::of("late"), &[], "203.0.113.9", NOON + secs(60)).await;
    assert!(matches!(late, StartResult::TooManyOfNetwork { until } if until == end), "{late:?}");
    let other = town.opens(Hash::of("other"), &[], "203.0.113.10", NOON + secs(60)).await;
    assert!(matches!(other, StartResult::Begun { .. }), "another network is not concerned");
    let again = town.opens(Hash::of("again"), &[], "203.0.113.9", end).await;
    assert!(matches!(again, StartResult::Begun { .. }));
    assert!(town.actions().await.contains(&"alarm.raised".to_owned()));
}

#[tokio::test]
async fn what_is_kept_of_strangers_is_bounded() {
    let town = Town::with(|p| p.unfinished = 100);
    for n in 0..100 {
        let mut one = town.browser(Hash::of(format!("{n}")), &[], "192.0.2.1", NOON).await;
        // Ended or not: its row is there.
        if n % 2 == 0 {
            one.post(Posted::Cancel).await;
        }
    }
    let full = town.opens(Hash::of("full"), &[], "192.0.2.1", NOON + secs(2)).await;
    assert!(matches!(full, StartResult::TooMany { until } if until == NOON + secs(62)), "{full:?}");
    // Whoever passed ② is no stranger.
    let later = NOON + secs(3601);
    while town.service.sweep(later, 50).await.unwrap() > 0 {}
    let mut taro = town.browser(Hash::of("taro"), &[], "192.0.2.1", later).await;
    taro.to_phone().await;
    for n in 0..100 {
        town.browser(Hash::of(format!("later {n}")), &[], "192.0.2.1", later + secs(2)).await;
    }
    let left = town.store.read(|tx| tx.row("select count(*) from interactions", &[])).await.unwrap();
    assert_eq!(left.unwrap().int(0).unwrap(), 101);
}

#[tokio::test]
async fn what_did_not_pass_two_ends_after_half_an_hour_and_leaves_nothing() {
    let town = Town::with(|p| (p.absolute, p.idle) = (secs(3600), secs(3600)));
    let stranger = town.customer(NOON).await;
    let mut taro = town.customer(NOON).await;
    taro.to_phone().await;
    let later = NOON + secs(1800);
    while town.service.sweep(later, 50).await.unwrap() > 0 {}
    let at = |w: &Walker<'_>, now| {
        let (service, v) = (town.service.clone(), w.visitor.clone());
        async move {
            match service.look(&v, None, now).await.unwrap() {
                ViewResult::Here(view) => view.interaction.stage.screen(),
                ViewResult::Foreign => "gone",
            }
        }
    };
    assert_eq!((at(&stranger, later).await, at(&taro, later).await), ("expired", "phone"));
    let gone = NOON + secs(3600);
    while town.service.sweep(gone, 50).await.unwrap() > 0 {}
    assert_eq!((at(&stranger, gone).await, at(&taro, gone).await), ("gone", "gone"));
}

#[tokio::test]
async fn the_record_begins_with_two() {
    let town = Town::new();
    let mut stranger = town.customer(NOON).await;
    stranger.to_customer("115-ordinary-1100026").await;
    stranger.post(Posted::Back).await;
    stranger.post(Posted::Cancel).await;
    assert!(town.actions().await.is_empty(), "nothing strangers do stands in the record");
    assert_eq!(town.service.ends().within_the_hour(Ending::Cancelled), 1, "it is counted");

    let mut taro = town.customer(NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    taro.post(Posted::Customer(wrong())).await;
    taro.post(Posted::Cancel).await;
    assert_eq!(town.actions().await, ["interaction.customer.refused", "interaction.ended"]);
    assert_eq!(town.service.ends().within_the_hour(Ending::Cancelled), 1);
    assert_eq!(town.service.ends().within_the_hour(Ending::Busy), 0);
}

#[tokio::test]
async fn two_is_limited_by_network_before_anything_is_read() {
    let town = production();
    let mut taro = town.browser(Hash::of("r"), &[], "203.0.113.9", NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    for n in 0..60 {
        assert_eq!(town.service.admit_customer(&taro.visitor, NOON).await, Ok(()), "post {n}");
    }
    assert_eq!(town.service.admit_customer(&taro.visitor, NOON + secs(9)).await, Err(NOON + secs(600)));
    let other = Visitor { network: network("203.0.113.10"), ..taro.visitor.clone() };
    assert_eq!(town.service.admit_customer(&other, NOON).await, Ok(()));
    assert_eq!(town.service.admit_customer(&taro.visitor, NOON + secs(600)).await, Ok(()));
}

#[tokio::test]
async fn thirty_unknown_accounts_and_fifteen_wrong_customers_an_hour() {
    // Fifteen R31 take five accounts of three tries each.
    let town = Town::with(|p| (p.by_network, p.failures_a_day) = (true, 100));
    for (form, account, most, each) in
        [(taro(), "115-ordinary-7777777", 30, 4), (wrong(), "115-ordinary-1100026", 15, 100)]
    {
        let address = format!("203.0.113.{most}");
        let mut asked = 0;
        while asked < most {
            let n = town.requests.fetch_add(1, Ordering::SeqCst);
            let mut one = town.browser(Hash::of(format!("request {n}")), &[], &address, NOON).await;
            one.to_customer(account).await;
            for _ in 0..each {
                if asked < most {
                    assert_eq!(town.service.admit_customer(&one.visitor, NOON).await, Ok(()), "try {asked} of {most}");
                    one.post(Posted::Customer(form.clone())).await;
                    asked += 1;
                }
            }
        }
        let visitor = Visitor { network: network(&address), ..town.customer(NOON).await.visitor };
        assert_eq!(town.service.admit_customer(&visitor, NOON).await, Err(NOON + secs(3600)), "{most}");
    }
    let elsewhere = town.customer(NOON).await;
    assert_eq!(town.service.admit_customer(&elsewhere.visitor, NOON).await, Ok(()), "others are not held up");
}

/// All of them are under way before the first answer comes.
#[tokio::test]
async fn posts_at_the_same_moment_get_no_more_answers() {
    for (form, account, most, message) in
        [(taro(), "115-ordinary-7777777", 30, Message::R30), (wrong(), "115-ordinary-1100026", 15, Message::R31)]
    {
        let town = Town::with(|p| {
            (p.by_network, p.failures_a_day) = (true, 100);
            // One limit at a time.
            let other = if most == 30 { &mut p.network_wrong_customers } else { &mut p.network_unknown_accounts };
            other.most = 1000;
        });
        let mut walkers = Vec::new();
        for n in 0..50 {
            let mut one = town.browser(Hash::of(format!("{n}")), &[], "203.0.113.9", NOON).await;
            one.to_customer(account).await;
            walkers.push(one);
        }
        let posts = walkers.iter_mut().map(async |one| {
            assert_eq!(town.service.admit_customer(&one.visitor, NOON).await, Ok(()), "none is answered yet");
            messages(&one.post(Posted::Customer(form.clone())).await)
        });
        let said = futures_util::future::join_all(posts).await;
        let count = |message| said.iter().filter(|said| said.first() == Some(&message)).count();
        assert_eq!((count(message), count(Message::TooOften)), (most, 50 - most), "{message:?}");
    }
}

#[tokio::test]
async fn an_apps_unknown_accounts_raise_an_alarm_and_refuse_nobody() {
    let town = Town::with(|p| p.alarms.unknown_accounts_by_app = 6);
    for n in 0..8 {
        let mut one = town.customer(NOON).await;
        one.to_customer(&format!("115-ordinary-77777{n}0")).await;
        assert_eq!(messages(&one.post(Posted::Customer(taro())).await), [Message::R30]);
        let raised = town.actions().await.iter().filter(|a| *a == "alarm.raised").count();
        assert_eq!(raised, usize::from(n >= 5), "answer {n}");
    }
}

#[tokio::test]
async fn many_locks_raise_an_alarm_and_refuse_nobody() {
    let town = Town::with(|p| (p.alarms.locks, p.failures_a_day) = (2, 1));
    for (n, account) in ["115-ordinary-1100026", "115-savings-2200011"].into_iter().enumerate() {
        let mut one = town.customer(NOON).await;
        one.to_customer(account).await;
        one.post(Posted::Customer(wrong())).await;
        let raised = town.actions().await.iter().filter(|a| *a == "alarm.raised").count();
        assert_eq!(raised, n, "lock {n}");
    }
}

#[tokio::test]
async fn one_account_counts_three_times() {
    let town = Town::with(|p| p.concurrent = 4);
    for n in 0..10 {
        let mut one = town.customer(NOON).await;
        assert_eq!(one.to_phone().await.interaction.stage.screen(), "phone", "interaction {n} of one account");
    }
    let mut other = town.customer(NOON).await;
    other.to_customer("115-savings-2200011").await;
    assert_eq!(other.post(Posted::Customer(taro())).await.interaction.stage.screen(), "phone", "there is a place");
    let mut full = town.customer(NOON).await;
    assert_eq!(messages(&full.to_phone().await), [Message::R35], "three and one are four");
}

#[tokio::test]
async fn who_waits_too_long_for_the_core_bank_reads_r35() {
    let town = Town::with(|p| {
        p.bank_parallel = 1;
        p.bank_wait = Duration::from_millis(100);
    });
    let mut taro = town.customer(NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    let held = town.service.turn(super::super::bank_queue::Priority::Anybody, NOON).await.map_err(|_| ()).unwrap();
    assert_eq!(messages(&taro.post(Posted::Customer(taro_form())).await), [Message::R35]);
    drop(held);
    assert_eq!(
        taro.post(Posted::Customer(taro_form())).await.interaction.stage.screen(),
        "phone",
        "nothing was counted"
    );
}
fn taro_form() -> CustomerForm {
    super::taro()
}

/// Each question of ② waits for the other before it is answered: one after the other they would wait for ever.
#[tokio::test]
async fn the_second_screen_asks_the_core_bank_twice_at_once() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    *town.core.meets.lock().unwrap() = Some(Arc::new(tokio::sync::Barrier::new(2)));
    let posted = tokio::time::timeout(secs(20), taro.to_phone()).await.expect("they are asked at once");
    assert_eq!(posted.interaction.stage.screen(), "phone");
    // With one turn at the core bank they are asked in turn, and no question waits for the turn that another one holds.
    let town = Town::with(|p| p.bank_parallel = 1);
    let mut taro = town.customer(NOON).await;
    assert_eq!(taro.to_phone().await.interaction.stage.screen(), "phone");
}

#[tokio::test]
async fn both_answers_have_one_time_and_cost_nothing_after_it() {
    let town = Town::with(|p| p.customer_within = Duration::from_millis(200));
    let mut taro = town.customer(NOON).await;
    *town.core.meets.lock().unwrap() = Some(Arc::new(tokio::sync::Barrier::new(3)));
    let posted = tokio::time::timeout(secs(20), taro.to_phone()).await.expect("the customer does not wait for ever");
    assert_eq!(messages(&posted), [Message::R36]);
    *town.core.meets.lock().unwrap() = None;
    for _ in 0..2 {
        let view = taro.post(Posted::Customer(CustomerForm { birth_year: "1986".into(), ..taro_form() })).await;
        assert_eq!(messages(&view)[0], Message::R31);
    }
    let view = taro.post(Posted::Customer(taro_form())).await;
    assert_eq!(view.interaction.stage.screen(), "phone", "two wrong answers and none of ours");
}

/// Otherwise the time of the answer would say which accounts exist (G3).
#[tokio::test]
async fn the_core_bank_is_asked_twice_whatever_it_answers() {
    for (account, fails) in [
        ("115-ordinary-1100026", None),
        ("115-ordinary-9999999", None),
        ("115-ordinary-1100042", None),
        ("115-ordinary-1100026", Some(BankError::Failed("down".into()))),
    ] {
        let town = Town::new();
        *town.core.fails.lock().unwrap() = fails;
        let mut taro = town.customer(NOON).await;
        taro.to_customer(account).await;
        taro.post(Posted::Customer(taro_form())).await;
        let asked = (town.core.lookups.load(Ordering::SeqCst), town.core.matches.load(Ordering::SeqCst));
        assert_eq!(asked, (1, 1), "{account}");
    }
}
