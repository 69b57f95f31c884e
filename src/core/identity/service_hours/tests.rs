//! Every form of a closed window, and its sentence in both languages.

use super::{DayRule, Hours, Window};
use crate::language::Language;
use chrono::{Days, NaiveDate};
use proptest::prelude::*;

/// The form in the configuration, its Japanese sentence, its English one.
const SENTENCES: &[(&str, &str, &str)] = &[
    // Every day.
    ("daily 00:00-00:02", "毎日0時から1分程度", "Every day at 0:00, for about a minute"),
    ("daily 04:30-04:40", "毎日4時30分から数分程度", "Every day at 4:30, for a few minutes"),
    ("daily 04:30-04:32", "毎日4時30分から1分程度", "Every day at 4:30, for about a minute"),
    ("daily 01:00-05:00", "毎日1:00～5:00", "Every day, 1:00 to 5:00"),
    ("daily 19:00-24:00", "毎日19:00～24:00", "Every day, 19:00 to 24:00"),
    ("daily 00:00-24:00", "毎日終日", "Every day, all day"),
    ("daily -1d 23:50-07:00", "毎日23:50～翌7:00", "Every day, 23:50 to 7:00 on the next day"),
    ("daily -1d 23:55-00:05", "毎日23時55分から数分程度", "Every day at 23:55, for a few minutes"),
    ("daily -1d 23:50-00:00", "毎日23時50分から数分程度", "Every day at 23:50, for a few minutes"),
    // Every such weekday.
    ("sunday 21:00-24:00", "毎週日曜日の21:00～24:00", "Every Sunday, 21:00 to 24:00"),
    ("Mon 00:00-00:10", "毎週月曜日の0:00～0:10", "Every Monday, 0:00 to 0:10"),
    ("wednesday 00:00-24:00", "毎週水曜日の終日", "Every Wednesday, all day"),
    ("sunday -1d 23:50-07:00", "毎週土曜日の23:50～翌7:00", "Every Saturday, 23:50 to 7:00 on the next day"),
    ("monday -1d 22:00-00:00", "毎週日曜日の22:00～24:00", "Every Sunday, 22:00 to 24:00"),
    ("monday -1d 22:00-24:00", "毎週日曜日の22:00～翌日24:00", "Every Sunday, 22:00 to 24:00 on the next day"),
    // The n-th such weekdays of a month.
    ("2nd friday 02:00-06:00", "毎月第2金曜日の2:00～6:00", "2nd Friday of each month, 2:00 to 6:00"),
    (
        "1st,3rd monday 02:00-06:00",
        "毎月第1および第3月曜日の2:00～6:00",
        "1st and 3rd Monday of each month, 2:00 to 6:00",
    ),
    (
        "5th,3rd,1st,3rd tuesday 02:00-06:00",
        "毎月第1、第3および第5火曜日の2:00～6:00",
        "1st, 3rd and 5th Tuesday of each month, 2:00 to 6:00",
    ),
    ("4th thursday 00:00-24:00", "毎月第4木曜日の終日", "4th Thursday of each month, all day"),
    (
        "2nd,4th sunday -1d 23:50-07:00",
        "毎月第2および第4日曜日の前日23:50～翌7:00",
        "2nd and 4th Sunday of each month, 23:50 on the day before to 7:00",
    ),
    (
        "1st saturday -1d 22:00-00:00",
        "毎月第1土曜日の前日22:00～24:00",
        "1st Saturday of each month, 22:00 to 24:00 on the day before",
    ),
    ("1st saturday -1d 00:00-00:00", "毎月第1土曜日の前日終日", "1st Saturday of each month, all of the day before"),
    // Days of every year.
    ("05-05..05-05 09:00-17:00", "5月5日の9:00～17:00", "5 May, 9:00 to 17:00"),
    ("01-01..01-03 19:00-24:00", "1月1日～3日の19:00～24:00", "1 to 3 January, 19:00 to 24:00"),
    ("12-31..01-03 00:00-08:00", "12月31日～1月3日の0:00～8:00", "31 December to 3 January, 0:00 to 8:00"),
    ("12-31..01-03 00:00-24:00", "12月31日～1月3日の終日", "31 December to 3 January, all day"),
    (
        "01-01..01-03 -1d 23:50-07:00",
        "12月31日～1月2日の23:50～翌7:00",
        "31 December to 2 January, 23:50 to 7:00 on the next day",
    ),
    ("05-05..05-05 -1d 22:00-06:00", "5月4日の22:00～翌6:00", "4 May, 22:00 to 6:00 on the next day"),
    // The day before the 1st of March is another one in a leap year.
    ("03-01..03-01 -1d 23:00-05:00", "3月1日の前日23:00～翌5:00", "1 March, 23:00 on the day before to 5:00"),
    (
        "03-01..03-05 -1d 23:00-05:00",
        "3月1日～5日の各日の前日23:00～翌5:00",
        "1 to 5 March, 23:00 on the day before to 5:00",
    ),
    // Once.
    (
        "2026-12-05T22:00..2026-12-06T06:00",
        "2026年12月5日（土）22:00～12月6日（日）6:00",
        "22:00 on Saturday, 5 December to 6:00 on Sunday, 6 December 2026",
    ),
    (
        "2026-12-31T22:00..2027-01-01T06:00",
        "2026年12月31日（木）22:00～2027年1月1日（金）6:00",
        "22:00 on Thursday, 31 December 2026 to 6:00 on Friday, 1 January 2027",
    ),
    (
        "2026-12-05T22:00..2026-12-05T23:30",
        "2026年12月5日（土）の22:00～23:30",
        "Saturday, 5 December 2026, 22:00 to 23:30",
    ),
    (
        "2026-12-05T22:00..2026-12-06T00:00",
        "2026年12月5日（土）の22:00～24:00",
        "Saturday, 5 December 2026, 22:00 to 24:00",
    ),
    ("2026-12-05T00:00..2026-12-06T00:00", "2026年12月5日（土）の終日", "Saturday, 5 December 2026, all day"),
    (
        "2026-12-05T00:00..2026-12-07T00:00",
        "2026年12月5日（土）0:00～12月6日（日）24:00",
        "0:00 on Saturday, 5 December to 24:00 on Sunday, 6 December 2026",
    ),
];

#[test]
fn every_form_of_a_window_says_itself_in_both_languages() {
    for (form, ja, en) in SENTENCES {
        let window = Window::parse(form).unwrap();
        let said = |language| {
            let sentence = window.sentence(language);
            sentence.days + &sentence.times
        };
        assert_eq!((said(Language::Ja).as_str(), said(Language::En).as_str()), (*ja, *en), "{form}");
    }
}

#[test]
fn every_month_and_every_weekday_has_its_name() {
    let said = |form: &str| Window::parse(form).unwrap().sentence(Language::En).days;
    let months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    for (n, name) in (1..).zip(months) {
        assert_eq!(said(&format!("{n:02}-02..{n:02}-02 09:00-17:00")), format!("2 {name}, "));
    }
    let weekdays = [
        ("Monday", "月"),
        ("Tuesday", "火"),
        ("Wednesday", "水"),
        ("Thursday", "木"),
        ("Friday", "金"),
        ("Saturday", "土"),
        ("Sunday", "日"),
    ];
    for (name, ja) in weekdays {
        let form = format!("{name} 09:00-17:00");
        assert_eq!(said(&form), format!("Every {name}, "));
        assert_eq!(Window::parse(&form).unwrap().sentence(Language::Ja).days, format!("毎週{ja}曜日の"));
    }
}

#[test]
fn the_windows_of_the_configuration_keep_their_order() {
    let hours = Hours::parse(["sunday 21:00-24:00", "daily 01:00-05:00"]).unwrap();
    let days: Vec<_> = hours.sentences(Language::Ja).into_iter().map(|s| s.days).collect();
    assert_eq!(days, ["毎週日曜日の", "毎日"]);
}

fn rules() -> impl Strategy<Value = DayRule> {
    let day = || (0_u64..366).prop_map(|n| NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + Days::new(n));
    let named = |d: NaiveDate| d.format("%m-%d").to_string();
    prop_oneof![
        Just("daily".to_owned()),
        prop::sample::select(vec!["monday", "sunday", "2nd,4th sunday"]).prop_map(str::to_owned),
        (day(), day()).prop_map(move |(from, to)| format!("{}..{}", named(from), named(to))),
    ]
    .prop_map(|text| DayRule::read(&text).unwrap())
}

proptest! {
    /// Where the sentence names the evening's own day, it names the right one in every year.
    #[test]
    fn the_day_before_is_the_day_before(rule in rules(), n in 0_u64..4000) {
        let day = NaiveDate::from_ymd_opt(2023, 1, 2).unwrap() + Days::new(n);
        if let Some(before) = rule.day_before() {
            prop_assert_eq!(before.holds(day.pred_opt().unwrap()), rule.holds(day), "{:?} {}", rule, day);
        }
    }
}
