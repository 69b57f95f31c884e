//! The call of ④: who, which number, when (R50–R57, G10–G14, requirements.md#a5 to #a7).

use super::*;

/// What ④ shows of a number whose window has two minutes for the call and three for 確定する.
#[test]
fn what_is_shown_of_a_call() {
    use crate::identity::call::{CallRecord, Calling};
    let calling = Calling {
        called: Phone::parse("0312345678").unwrap(),
        since: NOON,
        call_until: NOON + secs(120),
        confirm_until: NOON + secs(180),
        serial: 1,
        attempt: 1,
    };
    for (seen, withheld, millis, want) in [
        (false, false, 0, CallState::Waiting),
        (false, false, 125_000, CallState::Waiting),
        (false, false, 125_001, CallState::Expired),
        (false, true, 125_000, CallState::Withheld),
        (false, true, 125_001, CallState::Expired),
        (true, false, 0, CallState::Seen),
        (true, true, 125_001, CallState::Seen),
        (true, false, 180_000, CallState::Seen),
        (true, false, 180_001, CallState::Expired),
    ] {
        let record = CallRecord { arrived_at: seen.then_some(NOON), withheld };
        let now = NOON + Duration::from_millis(millis);
        assert_eq!(record.state(&calling, secs(5), now), want, "{record:?} after {millis} ms");
    }
}

#[test]
fn the_names_of_what_becomes_of_a_call() {
    let states = [CallState::Waiting, CallState::Seen, CallState::Withheld, CallState::Expired];
    assert_eq!(states.map(CallState::as_str), ["waiting", "seen", "withheld", "expired"]);
}

/// A number given out at noon, which others may be given from three minutes later on.
#[test]
fn why_a_call_does_not_count() {
    use crate::identity::reported_call::why_not;
    for (millis, seen, want) in [
        (-1_001, false, "too_early"),
        (-1_000, true, "again"),
        (-1_000, false, "too_late"),
        (120_001, false, "too_late"),
        (179_999, false, "too_late"),
        (179_999, true, "again"),
        (180_000, true, "lease_over"),
        (180_000, false, "lease_over"),
    ] {
        let at = Instant::from_millis(NOON.millis() + millis);
        assert_eq!(why_not(NOON, NOON + secs(180), seen, at).as_str(), want, "{millis} ms, {seen}");
    }
}

fn taros_phone() -> Caller {
    Caller::Known(Phone::parse("09012343333").unwrap())
}

#[tokio::test]
async fn only_the_right_call_at_the_right_time_leads_on() {
    let other = || Caller::Known(Phone::parse("09099999999").unwrap());
    type Row = (&'static str, Caller, bool, u64, u64, u64, &'static str);
    // Why, caller, the right number?, seconds from ③ to the call, its report's delay, seconds from ③ to 確定, the screen.
    let table: Vec<Row> = vec![
        ("at once", taros_phone(), true, 0, 0, 1, "pin"),
        ("late, but in time", taros_phone(), true, 119, 0, 120, "pin"),
        ("確定 after 121 seconds", taros_phone(), true, 30, 0, 121, "expired"),
        ("another caller", other(), true, 10, 0, 20, "call"),
        ("another called number", taros_phone(), false, 10, 0, 20, "call"),
        ("withheld", Caller::Withheld, true, 10, 0, 20, "call"),
        ("from abroad", Caller::Other, true, 10, 0, 20, "call"),
    ];
    for (why, caller, right, called_at, late, pressed_at, want) in table {
        let town = Town::with(|p| p.call_attempts = 1);
        let mut taro = town.customer(NOON).await;
        let number = taro.to_call().await;
        let wrong = town.service.policy().called_numbers.iter().find(|n| **n != number).unwrap().clone();
        let to = if right { number } else { wrong };
        town.call(caller, &to, NOON + secs(called_at), secs(late)).await;
        taro.now = NOON + secs(pressed_at);
        let view = taro.post(Posted::Call).await;
        assert_eq!(view.interaction.stage.screen(), want, "{why}");
    }
}

/// A call that was made before the number was given out proves nothing about who stands at ④: it may be an older one, whose
/// report comes late. A gateway's clock may be a second behind.
#[tokio::test]
async fn a_call_from_before_the_number_was_given_out_does_not_count() {
    for (before, want) in [(0, "pin"), (1000, "pin"), (1001, "call"), (60_000, "call")] {
        let town = Town::new();
        let mut taro = town.customer(NOON).await;
        let number = taro.to_call().await;
        let at = NOON - Duration::from_millis(before);
        town.call(taros_phone(), &number, at, Duration::from_millis(before)).await;
        taro.now = NOON + secs(1);
        assert_eq!(taro.post(Posted::Call).await.interaction.stage.screen(), want, "{before} ms before ③");
    }
}

/// The last call and the last press that count, and one millisecond later (G11): whoever asks for the transition.
#[tokio::test]
async fn neither_a_late_call_nor_a_late_press_leads_to_the_pin() {
    let town = Town::with(|p| p.confirm_window = secs(180));
    let mut taro = town.customer(NOON).await;
    taro.to_call().await;
    let i = taro.look().await.interaction;
    for (called, pressed, counts) in
        [(120_000, 180_000, true), (120_001, 180_000, false), (120_000, 180_001, false), (0, 0, true)]
    {
        let at = |millis| NOON + Duration::from_millis(millis);
        let moved = i.clone().called(at(called), at(pressed)).map(|i| i.stage.screen());
        assert_eq!(moved.ok(), counts.then_some("pin"), "called after {called} ms, pressed after {pressed}");
    }
    // And over the service, where another number is allowed, so that the interaction does not end by itself.
    for (pressed, want) in [(120, "pin"), (121, "call")] {
        let town = Town::with(|p| p.call_attempts = 2);
        let mut taro = town.customer(NOON).await;
        let number = taro.to_call().await;
        town.call(taros_phone(), &number, NOON + secs(119), secs(0)).await;
        taro.now = NOON + secs(pressed);
        assert_eq!(taro.post(Posted::Call).await.interaction.stage.screen(), want, "pressed after {pressed} s");
    }
}

#[tokio::test]
async fn in_a_test_the_call_may_come_by_itself() {
    let town = Town::with(|p| p.auto_call = true);
    let mut taro = town.customer(NOON).await;
    taro.to_call().await;
    assert_eq!(taro.look().await.call.unwrap().state, CallState::Seen);
    assert_eq!(taro.post(Posted::Call).await.interaction.stage.screen(), "pin");
    let leases = town.store.read(|tx| tx.rows("select called from call_leases limit 1", &[])).await.unwrap();
    assert!(leases.is_empty(), "nobody calls, so no number is taken from anybody");
}

#[tokio::test]
async fn with_more_time_to_confirm_the_call_still_has_its_own() {
    for (called_at, late, want) in
        [(120, 0, "pin"), (120, 5, "pin"), (120, 6, "call"), (121, 0, "call"), (126, 0, "call")]
    {
        let town = Town::with(|p| p.confirm_window = secs(180));
        let mut taro = town.customer(NOON).await;
        let number = taro.to_call().await;
        town.call(taros_phone(), &number, NOON + secs(called_at), secs(late)).await;
        taro.now = NOON + secs(170);
        let view = taro.post(Posted::Call).await;
        assert_eq!(view.interaction.stage.screen(), want, "called at {called_at}, reported {late} later");
    }
}

#[tokio::test]
async fn confirming_before_the_call_changes_nothing_and_a_reload_restarts_nothing() {
    let town = Town::with(|p| p.call_attempts = 1);
    let mut taro = town.customer(NOON).await;
    let number = taro.to_call().await;
    taro.now = NOON + secs(50);
    let view = taro.post(Posted::Call).await;
    assert_eq!(messages(&view), [Message::CallWaiting]);
    let call = taro.look().await.call.unwrap();
    assert_eq!((call.state, call.seconds_left), (CallState::Waiting, 70));
    assert_eq!(taro.called().await, number);
    taro.now = NOON + secs(119);
    assert_eq!(taro.look().await.call.unwrap().seconds_left, 1);
    taro.now = NOON + secs(121);
    assert_eq!(taro.at().await, "expired");
    assert_eq!(taro.look().await.interaction.stage, Stage::Ended(Ending::Expired(Expired::Call)));
    // R57: from the beginning, within the same request.
    let view = taro.post(Posted::Restart).await;
    assert_eq!(view.interaction.stage, Stage::Account { typed: None });
    town.call(taros_phone(), &number, taro.now, secs(0)).await;
    taro.to_call().await;
    assert_eq!(taro.look().await.call.unwrap().state, CallState::Waiting, "the old number's call does not count");
}

#[tokio::test]
async fn one_call_counts_once_and_a_repeated_report_is_one_call() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    let number = taro.to_call().await;
    let call = IncomingCall { call_id: "c".into(), called: Some(number.clone()), caller: taros_phone(), at: NOON };
    town.service.report(call.clone(), NOON).await.unwrap();
    taro.post(Posted::Call).await;
    assert_eq!(taro.at().await, "pin");
    taro.post(Posted::Cancel).await;
    // Whatever number comes next: the old report, sent again under its id, opens nothing.
    for n in 0..5 {
        taro = town.customer(NOON + secs(n)).await;
        let next = taro.to_call().await;
        let replay = IncomingCall { called: Some(next), ..call.clone() };
        town.service.report(replay, taro.now).await.unwrap();
        assert_eq!(taro.look().await.call.unwrap().state, CallState::Waiting);
        taro.post(Posted::Cancel).await;
    }
    let seen = town.store.read(|tx| tx.rows("select detail from audit where action = 'call.seen'", &[])).await.unwrap();
    let details: Vec<&str> = seen.iter().map(|row| row.text(0).unwrap()).collect();
    let want = format!(r#"{{"called":"{}","called_at":"{}","result":"counted"}}"#, number.as_str(), NOON.rfc3339());
    assert_eq!(details, [want]);
}

#[tokio::test]
async fn a_withheld_call_is_hinted_at_and_a_second_one_counts() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    let number = taro.to_call().await;
    town.call(Caller::Withheld, &number, NOON + secs(5), secs(0)).await;
    taro.now = NOON + secs(6);
    assert_eq!(taro.look().await.call.unwrap().state, CallState::Withheld);
    town.call(taros_phone(), &number, NOON + secs(20), secs(0)).await;
    taro.now = NOON + secs(21);
    assert_eq!(town.service.call_status(&taro.visitor, taro.now).await.unwrap().unwrap().state, CallState::Seen);
    assert_eq!(taro.post(Posted::Call).await.interaction.stage.screen(), "pin");
}

#[tokio::test]
async fn another_attempt_where_the_institution_allows_it() {
    let town = Town::with(|p| p.call_attempts = 2);
    let mut taro = town.customer(NOON).await;
    let number = taro.to_call().await;
    taro.now = NOON + secs(130);
    let view = taro.look().await;
    assert_eq!((view.interaction.stage.screen(), view.call.unwrap().state), ("call", CallState::Expired));
    taro.post(Posted::Call).await;
    let second = taro.called().await;
    assert_ne!(second, number);
    town.call(taros_phone(), &number, taro.now, secs(0)).await;
    assert_eq!(taro.look().await.call.unwrap().state, CallState::Waiting, "the first number is void");
    taro.now = taro.now + secs(121);
    assert_eq!(taro.at().await, "expired", "two are enough");
}

/// The countdown and the question are those of the call; 確定する may have longer.
#[tokio::test]
async fn the_time_for_the_call_and_the_time_for_the_button() {
    let town = Town::with(|p| p.confirm_window = secs(180));
    let mut taro = town.customer(NOON).await;
    let number = taro.to_call().await;
    for (after, state, left, confirm, asks) in [
        (0, CallState::Waiting, 120, 180, false),
        (29, CallState::Waiting, 91, 151, false),
        (30, CallState::Waiting, 90, 150, true),
        (120, CallState::Waiting, 0, 60, true),
        (125, CallState::Waiting, 0, 55, true),
        (126, CallState::Expired, 0, 54, true),
    ] {
        taro.now = NOON + secs(after);
        let want = CallView { state, seconds_left: left, confirm_left: confirm, asks };
        assert_eq!(taro.look().await.call.unwrap(), want, "after {after} s");
    }
    let town = Town::with(|p| p.confirm_window = secs(180));
    let mut taro = town.customer(NOON).await;
    let number_two = taro.to_call().await;
    assert!(town.service.policy().called_numbers.contains(&number));
    town.call(taros_phone(), &number_two, NOON + secs(100), secs(0)).await;
    taro.now = NOON + secs(130);
    let want = CallView { state: CallState::Seen, seconds_left: 0, confirm_left: 50, asks: false };
    assert_eq!(taro.look().await.call.unwrap(), want);
}

/// Where no call can count any more, 確定する does what the page then offers, although its own time is not over.
#[tokio::test]
async fn after_the_time_for_the_call_the_button_gives_the_next_number_or_the_beginning() {
    let town = Town::with(|p| (p.confirm_window, p.call_attempts) = (secs(180), 2));
    let mut taro = town.customer(NOON).await;
    let first = taro.to_call().await;
    taro.now = NOON + secs(125);
    assert_eq!(messages(&taro.post(Posted::Call).await), [Message::CallWaiting], "a report may still come");
    taro.now = NOON + secs(126);
    let view = taro.post(Posted::Call).await;
    let Stage::Call { calling, .. } = &view.interaction.stage else { panic!("{:?}", view.interaction.stage) };
    assert_eq!((calling.attempt, calling.called != first), (2, true));
    taro.now = taro.now + secs(126);
    let view = taro.post(Posted::Call).await;
    assert_eq!(view.interaction.stage, Stage::Ended(Ending::Expired(Expired::Call)));
}

/// 最初からやり直す on a page whose time ended while it was shown needs one press, and no more time comes of it.
#[tokio::test]
async fn the_beginning_is_one_press_away_from_the_last_number() {
    let town = Town::with(|p| p.call_attempts = 1);
    let mut taro = town.customer(NOON).await;
    taro.to_call().await;
    let View { interaction: Interaction { started, .. }, step, .. } = taro.look().await;
    taro.now = NOON + secs(121);
    let view = taro.post_with(&step, Posted::Restart).await;
    assert_eq!(view.interaction.stage, Stage::Account { typed: None });
    assert_eq!(view.interaction.started, started);
    assert!(town.actions().await.contains(&"interaction.restarted".to_owned()));
}

/// What the record says of calls: action, result, interaction and app; the account stands in it, and of nobody else's call.
async fn calls_recorded(town: &Town) -> Vec<(String, String, Option<String>, Option<String>, bool)> {
    let sql = "select action, detail, interaction, client_id, account from audit where action like 'call.%' order by worker, n";
    let rows = town.store.read(|tx| tx.rows(sql, &[])).await.unwrap();
    let told = |row: &crate::store::Row| {
        let detail: serde_json::Value = serde_json::from_str(row.text(1).unwrap()).unwrap();
        let text = |i| row.opt_text(i).unwrap().map(str::to_owned);
        let result = detail["result"].as_str().unwrap().to_owned();
        assert_eq!(detail.as_object().unwrap().len(), 3, "the called number, the time, the result: {detail}");
        (row.text(0).unwrap().to_owned(), result, text(2), text(3), row.opt_bytes(4).unwrap().is_some())
    };
    rows.iter().map(told).collect()
}

#[tokio::test]
async fn every_call_is_recorded_with_its_result_and_whose_it_was() {
    let town = Town::with(|p| p.rest = secs(60));
    let mut taro = town.customer(NOON).await;
    let number = taro.to_call().await;
    let taros = || Caller::Known(Phone::parse("09012343333").unwrap());
    let hanas = || Caller::Known(Phone::parse("09099999999").unwrap());
    town.call(hanas(), &number, NOON + secs(1), secs(0)).await;
    town.call(Caller::Withheld, &number, NOON + secs(2), secs(0)).await;
    town.call(Caller::Other, &number, NOON + secs(3), secs(0)).await;
    town.call(taros(), &number, NOON + secs(4), secs(0)).await;
    town.call(taros(), &number, NOON + secs(5), secs(0)).await;
    // The customer dials another number of ours.
    let other = town.service.policy().called_numbers.iter().find(|n| **n != number).unwrap().clone();
    town.call(taros(), &other, NOON + secs(6), secs(0)).await;
    // The interaction is over and gone, and the record still says whose call it was, for a day.
    taro.post(Posted::Cancel).await;
    town.store.write(|tx| tx.execute("delete from interactions", &[])).await.unwrap();
    town.call(taros(), &number, NOON + secs(3_000), secs(0)).await;
    town.call(taros(), &number, NOON + secs(86_000), secs(0)).await;
    town.call(taros(), &number, NOON + secs(90_000), secs(0)).await;
    let mut late = town.customer(NOON + secs(100_000)).await;
    let again = late.to_call().await;
    town.call(taros(), &again, NOON + secs(100_130), secs(0)).await;
    let of = |visitor: &crate::identity::Visitor| Some(visitor.id.to_string());
    let (first, second) = (of(&taro.visitor), of(&late.visitor));
    let app = Some("creco".to_owned());
    let call = |result: &str, interaction: &Option<String>| {
        let action = if result == "counted" { "call.seen" } else { "call.not_counted" };
        (
            action.to_owned(),
            result.to_owned(),
            interaction.clone(),
            interaction.as_ref().and(app.clone()),
            interaction.is_some(),
        )
    };
    assert_eq!(
        calls_recorded(&town).await,
        [
            call("another_number", &None),
            call("withheld", &None),
            call("another_number", &None),
            call("counted", &first),
            call("again", &first),
            call("another_number", &first),
            call("lease_over", &first),
            call("lease_over", &first),
            call("another_number", &None),
            call("too_late", &second),
        ]
    );
}

/// Anybody can call a number, and the record is kept for ever.
#[tokio::test]
async fn calls_of_strangers_are_recorded_until_the_alarm_and_a_customers_own_all_the_same() {
    let town = Town::with(|p| p.alarms.other_calls = 4);
    let mut taro = town.customer(NOON).await;
    let number = taro.to_call().await;
    for n in 0..3 {
        let caller = if n == 0 { Caller::Withheld } else { Caller::Known(Phone::parse("09099999999").unwrap()) };
        town.call(caller, &number, NOON + secs(n), secs(0)).await;
    }
    assert!(town.actions().await.iter().all(|a| a != "alarm.raised"));
    for n in 3..9 {
        town.call(Caller::Other, &number, NOON + secs(n), secs(0)).await;
    }
    assert!(town.actions().await.contains(&"alarm.raised".to_owned()));
    assert_eq!(calls_recorded(&town).await.len(), 4);
    let taros = || Caller::Known(Phone::parse("09012343333").unwrap());
    for n in 0..9 {
        town.call(taros(), &number, NOON + secs(10 + n), secs(0)).await;
    }
    let results: Vec<String> = calls_recorded(&town).await.into_iter().skip(4).map(|call| call.1).collect();
    assert_eq!(results, ["counted", "again", "again", "again", "again"], "these are limited by the caller");
}
