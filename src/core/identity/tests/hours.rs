//! The service-hours vectors of H1 to H5.

use super::*;
use crate::identity::service_hours::{Service, Window};

/// A moment on a Japanese clock.
fn jst(text: &str) -> Instant {
    let at = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
    Instant::from_secs((at - chrono::TimeDelta::hours(9)).and_utc().timestamp())
}

#[test]
fn vectors() {
    let hours = Hours::seed();
    for (at, until, why) in [
        ("2026-11-21 23:49:59", None, "H4 has not begun"),
        (
            "2026-11-21 23:50:00",
            Some("2026-11-22 07:00:00"),
            "H4: Saturday night before the 4th Sunday, through H1 and H2",
        ),
        ("2026-11-22 00:01:00", Some("2026-11-22 07:00:00"), "inside both H1 and H4"),
        ("2026-11-22 06:59:59", Some("2026-11-22 07:00:00"), "its last second"),
        ("2026-11-22 07:00:00", None, "half-open"),
        ("2026-11-23 06:59:59", None, "翌7:00 is Sunday's, not Monday's"),
        ("2026-12-07 01:59:59", None, "1st Monday"),
        ("2026-12-07 02:00:00", Some("2026-12-07 06:00:00"), "H3"),
        ("2026-12-07 06:00:00", None, "H3 is over"),
        ("2026-12-14 03:00:00", None, "2nd Monday"),
        ("2026-12-21 03:00:00", Some("2026-12-21 06:00:00"), "3rd Monday"),
        ("2027-02-01 02:00:00", Some("2027-02-01 06:00:00"), "1st Monday is the month's, whatever Sunday it follows"),
        ("2027-02-08 03:00:00", None, "Monday after the 1st Sunday"),
        ("2027-01-02 07:59:59", Some("2027-01-02 08:00:00"), "H5"),
        ("2027-01-02 08:00:00", None, "H5's open day"),
        ("2027-01-02 19:00:00", Some("2027-01-03 08:00:00"), "H5, over midnight"),
        ("2027-01-03 19:00:00", Some("2027-01-04 00:02:00"), "the last evening runs into H1"),
        ("2027-01-04 00:02:00", None, "over"),
        ("2026-12-31 23:59:59", None, "the year's last second"),
        ("2027-01-01 00:00:00", Some("2027-01-01 08:00:00"), "H5 begins"),
        ("2026-11-24 00:00:00", Some("2026-11-24 00:02:00"), "H1"),
        ("2026-11-24 00:02:00", None, "H1 is over"),
        ("2026-11-24 04:09:59", Some("2026-11-24 04:10:00"), "H2"),
        ("2026-11-24 04:10:00", None, "H2 is over"),
        ("2026-11-29 03:00:00", None, "a 5th Sunday is neither"),
        ("2027-02-13 23:50:00", Some("2027-02-14 07:00:00"), "2nd Sunday"),
        ("2026-11-24 12:00:00", None, "a day like any other"),
    ] {
        let want = until.map_or(Service::Open, |u| Service::Closed { until: jst(u) });
        assert_eq!(hours.open_at(jst(at)), want, "{at}: {why}");
    }
}

#[test]
fn a_closure_is_announced_a_quarter_of_an_hour_before() {
    let hours = Hours::seed();
    for (at, start) in [
        ("2026-11-21 23:34:59", None),
        ("2026-11-21 23:35:00", Some("2026-11-21 23:50:00")),
        ("2026-11-21 23:49:59", Some("2026-11-21 23:50:00")),
        ("2026-11-21 23:50:00", None),
        ("2026-11-23 23:45:00", Some("2026-11-24 00:00:00")),
    ] {
        assert_eq!(hours.closing_soon(jst(at)), start.map(jst), "{at}");
    }
}

#[test]
fn windows_as_they_are_written() {
    let once = Hours::parse(["2026-12-05T22:00..2026-12-06T06:00"]).unwrap();
    assert_eq!(once.open_at(jst("2026-12-05 21:59:59")), Service::Open);
    assert_eq!(once.open_at(jst("2026-12-06 05:59:59")), Service::Closed { until: jst("2026-12-06 06:00:00") });
    assert_eq!(once.open_at(jst("2027-12-05 23:00:00")), Service::Open, "once is once");
    let weekly = Hours::parse(["sunday 21:00-24:00", "monday 00:00-07:00"]).unwrap();
    assert_eq!(weekly.open_at(jst("2026-11-22 21:00:00")), Service::Closed { until: jst("2026-11-23 07:00:00") });
    let new_year = Hours::parse(["12-31..01-02 08:00-10:00"]).unwrap();
    for (day, closed) in [("2026-12-30", false), ("2026-12-31", true), ("2027-01-02", true), ("2027-01-03", false)] {
        let at = jst(&format!("{day} 09:00:00"));
        assert_eq!(new_year.open_at(at) != Service::Open, closed, "{day}");
    }
    let never = Hours::parse(["daily 00:00-24:00"]).unwrap();
    assert!(matches!(never.open_at(NOON), Service::Closed { .. }), "no open moment at all still ends");
    assert_eq!(Hours::default().open_at(jst("2026-11-22 00:00:00")), Service::Open);
    for wrong in [
        "",
        "daily",
        "daily 10:00",
        "daily 10:00-09:00",
        "daily 10:00-10:00",
        "daily 10:00-24:01",
        "daily 10:60-12:00",
        "6th monday 01:00-02:00",
        "someday 01:00-02:00",
        "13-01..13-02 01:00-02:00",
        "2026-12-06T06:00..2026-12-05T22:00",
        "2026-12-06T06:00..2026-12-06T06:00",
        "daily 1:00-2:00",
    ] {
        assert!(Window::parse(wrong).is_err(), "{wrong}");
    }
}
