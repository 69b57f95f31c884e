//! Interactions: cookies, tokens, time, restarts, hours (G9, G28, requirements.md#states).

use super::*;
use crate::fact::FactKind;

#[tokio::test]
async fn five_checks_and_one_record_for_each_transition_from_two_on() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    assert_eq!(taro.at().await, "account");
    taro.to_pin().await;
    let view = taro.pin("4071").await;
    let Stage::Consent(proofed) = &view.interaction.stage else { panic!("at {}", view.interaction.stage.screen()) };
    assert_eq!(proofed.account.to_string(), "115-ordinary-1100026");
    assert_eq!(proofed.accounts.len(), 2);
    assert!(proofed.accounts.iter().any(|(id, _)| *id == proofed.verified));
    assert_eq!((proofed.auth_time, proofed.personal.name.as_str()), (NOON, "ﾃﾞｰﾀ ﾀﾛｳ"));
    assert_eq!(
        town.actions().await,
        [
            "interaction.customer.accepted",
            "interaction.phone.confirmed",
            "call.seen",
            "interaction.call.confirmed",
            "interaction.pin.accepted",
        ]
    );
}

#[tokio::test]
async fn nothing_personal_rests_in_the_clear() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_pin().await;
    taro.pin("0001").await;
    taro.pin("4071").await;
    let dump = town.store.read(|tx| {
        let mut all = String::new();
        for sql in [
            "select * from interactions limit 100",
            "select * from call_leases limit 100",
            "select * from lockouts limit 100",
            "select * from guesses limit 100",
            "select * from audit limit 100",
        ] {
            all.push_str(&format!("{:?}", tx.rows(sql, &[])?));
        }
        Ok(all)
    });
    // Bytes print as lists of numbers: look for those of the words as well.
    let dump = dump.await.unwrap();
    for secret in ["taro@example.jp", "1985-04-12", "4071", "09012343333", "1100026", "ﾀﾛｳ"] {
        let bytes: Vec<String> = secret.bytes().map(|b| b.to_string()).collect();
        assert!(!dump.contains(secret) && !dump.contains(&bytes.join(", ")), "{secret} rests in the clear");
    }
}

#[tokio::test]
async fn an_interaction_belongs_to_one_browser() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    let stranger = Visitor { cookie: Hash::of("another"), ..taro.visitor.clone() };
    let step = taro.look().await.step;
    assert!(matches!(town.service.look(&stranger, None, NOON).await, Ok(ViewResult::Foreign)));
    assert!(matches!(town.service.post(&stranger, step.reveal(), Posted::Cancel, NOON).await, Ok(ViewResult::Foreign)));
    assert!(town.service.call_status(&stranger, NOON).await.unwrap().is_none());

    // ③: a new cookie; the old one holds for two minutes or until the new one is seen, and who shows it gets the new one.
    let before = taro.visitor.clone();
    taro.to_phone().await;
    assert_ne!(before.cookie, taro.visitor.cookie, "rotated at ③");
    let seen = |v: &Visitor, now| {
        let (service, v) = (town.service.clone(), v.clone());
        async move { matches!(service.look(&v, None, now).await, Ok(ViewResult::Here(_))) }
    };
    assert!(seen(&before, NOON + secs(119)).await);
    assert!(!seen(&before, NOON + secs(120)).await);
    let ViewResult::Here(again) = town.service.look(&before, None, NOON + secs(59)).await.unwrap() else {
        panic!("a minute lost")
    };
    assert_eq!(again.cookie.map(|c| c.hash()), Some(taro.visitor.cookie), "the same new value once more");
    assert!(seen(&taro.visitor, NOON + secs(1)).await);
    assert!(!seen(&before, NOON + secs(2)).await, "the new one was seen");
    let third = taro.visitor.clone();
    taro.post(Posted::Phone).await;
    assert_eq!(third.cookie, taro.visitor.cookie);
    let to = taro.called().await;
    town.call(Caller::Known(Phone::parse("09012343333").unwrap()), &to, NOON, secs(0)).await;
    taro.post(Posted::Call).await;
    assert_ne!(third.cookie, taro.visitor.cookie, "rotated at ⑤");
}

#[tokio::test]
async fn a_browser_keeps_five_interactions_and_resumes_its_own() {
    let town = Town::new();
    let request = |n: usize| Hash::of(format!("request {n}"));
    let mut taro = town.browser(request(0), &[], "192.0.2.1", NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    let resumed = town.service.resume(&[taro.shows()], request(0), NOON + secs(400)).await.unwrap().unwrap();
    assert_eq!((resumed.interaction.id, resumed.cookie), (taro.visitor.id.clone(), None));
    assert!(town.service.resume(&[taro.shows()], request(1), NOON).await.unwrap().is_none(), "of another request");
    let forged = ShownCookie { value: Hash::of("another"), ..taro.shows() };
    assert!(town.service.resume(&[forged], request(0), NOON).await.unwrap().is_none(), "by another browser");

    // The cookie jar of one browser: a seventh start forgets the two oldest, and ends none of them.
    let mut jar = vec![taro.shows()];
    let junk = ShownCookie { label: "AAAAAAAA".into(), value: Hash::of("junk") };
    for n in 1..7 {
        let mut shown = jar.clone();
        shown.push(junk.clone());
        let next = town.browser(request(n), &shown, "192.0.2.1", NOON + secs(n as u64)).await;
        assert!(next.forget.contains(&junk.label), "what opens nothing is forgotten");
        jar.retain(|c| !next.forget.contains(&c.label));
        jar.push(next.shows());
    }
    assert_eq!(jar.len(), 5);
    assert!(!jar.contains(&taro.shows()), "the oldest went first");
    assert_eq!(taro.at().await, "customer", "it is not ended by the others");
}

#[tokio::test]
async fn a_cookie_that_was_planted_is_never_adopted() {
    let town = Town::new();
    let thief = town.browser(Hash::of("r"), &[], "192.0.2.1", NOON).await;
    let victim = town.browser(Hash::of("r"), &[thief.shows()], "192.0.2.2", NOON).await;
    // The victim's browser shows a valid cookie of the thief's: it resumes what that opens, or begins anew.
    assert_ne!((&victim.visitor.id, victim.visitor.cookie), (&thief.visitor.id, thief.visitor.cookie));
}

#[tokio::test]
async fn half_an_hour_altogether_and_a_quarter_at_rest() {
    let idle = Stage::Ended(Ending::Expired(Expired::Time));
    for (pauses, want) in [
        (vec![899], None),
        (vec![900], Some(&idle)),
        (vec![800, 800], None),
        (vec![800, 800, 199], None),
        (vec![800, 800, 200], Some(&idle)),
    ] {
        let town = Town::new();
        let mut taro = town.customer(NOON).await;
        let mut stage = None;
        for pause in &pauses {
            taro.now = taro.now + secs(*pause);
            stage = Some(taro.look().await.interaction.stage);
        }
        let still = Stage::Account { typed: None };
        assert_eq!(stage.as_ref(), Some(want.unwrap_or(&still)), "{pauses:?}");
    }
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.now = NOON + secs(1000);
    assert_eq!(taro.at().await, "expired");
    assert_eq!(taro.post(Posted::Restart).await.interaction.stage.screen(), "account");
    taro.now = NOON + secs(1800);
    assert_eq!(taro.at().await, "expired");
    assert_eq!(taro.post(Posted::Restart).await.interaction.stage.screen(), "expired", "the half hour is over");
}

/// Before the half hour ends it can begin anew, ten times and not for ever; a remembered page of before is stale.
#[tokio::test]
async fn beginning_again_in_time_gives_the_whole_time_again() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_pin().await;
    for n in 1..=MOST_RENEWALS {
        taro.now = taro.now + secs(880);
        assert_ne!(taro.at().await, "expired");
        taro.now = taro.now + secs(820);
        assert!(taro.look().await.interaction.may_restart(town.service.policy(), taro.now), "{n}");
        let before = taro.look().await;
        let view = taro.post(Posted::Restart).await;
        let i = &view.interaction;
        assert_eq!((&i.stage, i.started, i.occupies_slot), (&Stage::Account { typed: None }, taro.now, false), "{n}");
        assert!(view.cookie.is_some(), "the cookie lives as long as the interaction");
        assert!(!taro.post_with(&before.step, Posted::Restart).await.accepted, "once");
    }
    taro.now = taro.now + secs(899);
    let view = taro.look().await;
    assert!(!view.interaction.may_restart(town.service.policy(), taro.now), "ten times are enough");
    let started = view.interaction.started;
    let view = taro.post(Posted::Restart).await;
    assert_eq!((view.interaction.stage.screen(), view.interaction.started), ("account", started));
    assert!(view.cookie.is_none());
    // A pause that ends it may still be followed by ①, within the time that has begun.
    taro.now = started + secs(1799);
    assert_eq!(taro.at().await, "expired");
    assert_eq!(taro.post(Posted::Restart).await.interaction.stage.screen(), "account");
    taro.now = started + secs(1800);
    assert_eq!(taro.at().await, "expired");
    assert_eq!(taro.post(Posted::Restart).await.interaction.stage.screen(), "expired", "the last half hour is over");
}

/// What was guessed counts on: the R30 answers of the interaction, and the wrong answers about an account.
#[tokio::test]
async fn beginning_again_forgets_no_guess() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    for n in 1..=5 {
        taro.to_customer("115-ordinary-7777777").await;
        let view = taro.post(Posted::Customer(super::taro())).await;
        if n == 5 {
            let over = Stage::Ended(Ending::Expired(Expired::UnknownAccounts));
            assert_eq!(view.interaction.stage, over, "the fifth is the last");
            break;
        }
        assert_eq!(messages(&view), [Message::R30]);
        let i = taro.post(Posted::Restart).await.interaction;
        assert_eq!((i.stage.screen(), i.refused_accounts), ("account", n));
    }
    let mut taro = town.customer(NOON).await;
    for n in 1..=3 {
        taro.to_customer("115-ordinary-1100026").await;
        let wrong = CustomerForm { birth_year: "1986".into(), ..super::taro() };
        let view = taro.post(Posted::Customer(wrong)).await;
        match n {
            3 => assert_eq!(view.interaction.stage.screen(), "locked"),
            _ => assert_eq!(taro.post(Posted::Restart).await.interaction.stage.screen(), "account"),
        }
    }
}

/// Beginning again costs a start: nobody holds more interactions by it than by opening new ones.
#[tokio::test]
async fn beginning_again_counts_as_a_start() {
    let town = Town::with(|p| {
        p.by_network = true;
        p.starts = Limit { most: 2, window: secs(600) };
    });
    let mut taro = town.customer(NOON).await;
    assert_eq!(taro.post(Posted::Restart).await.interaction.stage.screen(), "account");
    taro.to_customer("115-ordinary-1100026").await;
    let view = taro.post(Posted::Restart).await;
    assert_eq!((view.interaction.stage.screen(), messages(&view)), ("customer", vec![Message::TooOften]));
    assert!(view.interaction.errors.problems[0].time.is_some());
}

#[tokio::test]
async fn a_closure_ends_an_interaction_and_costs_nothing() {
    // 2026-11-21 23:45 JST, a Saturday: H4 begins at 23:50.
    let evening = Instant::from_secs(1_795_272_300);
    let town = Town::new();
    let mut taro = town.customer(evening).await;
    assert_eq!(taro.look().await.closing, Some(evening + secs(300)), "said before anything is typed");
    taro.to_pin().await;
    taro.now = evening + secs(300);
    let asked = town.core.pins.load(Ordering::SeqCst);
    let view = taro.pin("0000").await;
    assert!(matches!(view.interaction.stage, Stage::Ended(Ending::Closed { .. })), "R34 at ⑤");
    assert_eq!(town.core.pins.load(Ordering::SeqCst), asked);
    let late = town.customer(evening + secs(301)).await;
    assert_eq!(late.at().await, "closed", "and at S0");
    let mut second = town.customer(evening).await;
    second.to_customer("115-ordinary-1100026").await;
    second.now = evening + secs(299);
    assert_eq!(second.post(Posted::Customer(taro_wrong())).await.interaction.stage.screen(), "customer");
    second.now = evening + secs(300);
    assert_eq!(second.post(Posted::Customer(taro_wrong())).await.interaction.stage.screen(), "closed", "R34 at ②");
}
fn taro_wrong() -> CustomerForm {
    CustomerForm { birth_day: "13".into(), ..taro() }
}

#[tokio::test]
async fn the_sweeper_ends_what_nobody_finished_and_drops_what_is_old() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_call().await;
    let sweep = |now| town.service.sweep(now, 100);
    assert_eq!(sweep(NOON + secs(60)).await.unwrap(), 0);
    assert!(sweep(NOON + secs(1000)).await.unwrap() > 0);
    taro.now = NOON + secs(1000);
    assert_eq!(taro.at().await, "expired");
    sweep(NOON + secs(90_000)).await.unwrap();
    let left = town.store.read(|tx| {
        let mut n = 0;
        for sql in [
            "select count(*) from interactions",
            "select count(*) from call_leases",
            "select count(*) from call_ids",
            "select count(*) from tallies",
            "select count(*) from lockouts",
        ] {
            n += tx.row(sql, &[])?.map_or(Ok(0), |r| r.int(0))?;
        }
        Ok(n)
    });
    assert_eq!(left.await.unwrap(), 0);
}

#[tokio::test]
async fn back_to_the_account_with_what_was_typed() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_customer("115-ordinary-1100026").await;
    let view = taro.post(Posted::Back).await;
    assert_eq!(view.interaction.stage, Stage::Account { typed: Account::parse("115-ordinary-1100026") });
    let view = taro.to_customer("005-ordinary-123").await;
    assert_eq!(view.interaction.account().map(ToString::to_string).as_deref(), Some("005-ordinary-0000123"));
}

/// ③ repeats the name as it was converted: who sees that it is wrong goes back to ②, and nothing of ② is passed by that.
#[tokio::test]
async fn back_to_the_name_from_where_it_is_repeated() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    let view = taro.to_phone().await;
    assert!(view.interaction.occupies_slot);
    let refused = view.interaction.refused_accounts;
    let view = taro.post(Posted::Back).await;
    let account = Account::parse("115-ordinary-1100026").unwrap();
    assert_eq!(view.interaction.stage, Stage::Customer { account });
    assert_eq!((view.interaction.occupies_slot, view.interaction.refused_accounts), (false, refused));
    assert_eq!(town.actions().await.last().map(String::as_str), Some("interaction.phone.returned"));
    let matches = town.core.matches.load(Ordering::SeqCst);
    assert_eq!(taro.post(Posted::Phone).await.interaction.stage.screen(), "customer", "③ is not passed");
    let view = taro.post(Posted::Customer(super::taro())).await;
    assert_eq!((view.interaction.stage.screen(), view.interaction.occupies_slot), ("phone", true));
    assert_eq!(town.core.matches.load(Ordering::SeqCst), matches + 1, "the core bank is asked again");
    // From ④ on nothing leads back.
    taro.post(Posted::Phone).await;
    assert_eq!(taro.post(Posted::Back).await.interaction.stage.screen(), "call");
}

/// So whoever reads the record can count the failures before.
#[tokio::test]
async fn every_wrong_answer_has_its_record_and_so_has_the_one_that_locks() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_pin().await;
    for _ in 0..3 {
        taro.pin("0001").await;
    }
    assert_eq!(taro.at().await, "locked");
    let actions = town.actions().await;
    let end: Vec<&str> =
        actions.iter().skip_while(|a| *a != "interaction.call.confirmed").skip(1).map(String::as_str).collect();
    let refused = "interaction.pin.refused";
    assert_eq!(end, [refused, refused, refused, "account.locked", "interaction.ended"]);
    let sql = "select n from audit where action = 'interaction.pin.refused' and account is not null and interaction is not null \
               and client_id = 'creco' and detail = '{\"result\":\"wrong\"}'";
    assert_eq!(town.store.read(move |tx| tx.rows(sql, &[])).await.unwrap().len(), 3);
}

/// What is not of the closed set of the metrics is counted nowhere.
#[test]
fn every_end_is_counted() {
    let [(_, screens), (_, reasons)] = FactKind::InteractionEnded.labels() else { panic!("another number of labels") };
    let account = Hash::of("an account");
    for ending in [
        Ending::Cancelled,
        Ending::Denied { account },
        Ending::Locked { before: false, until: None },
        Ending::Locked { before: true, until: None },
        Ending::Closed { until: NOON },
        Ending::NoAccount,
        Ending::InvalidGrant,
        Ending::NoDays,
        Ending::Failed,
        Ending::Busy,
        Ending::Off,
        Ending::Finished,
        Ending::Expired(Expired::Call),
        Ending::Expired(Expired::Time),
        Ending::Expired(Expired::Elsewhere),
        Ending::Expired(Expired::UnknownAccounts),
    ] {
        assert!(reasons.contains(&sql::why(ending)), "{ending:?}");
        assert!(screens.contains(&ending.screen()), "{ending:?}");
    }
}
