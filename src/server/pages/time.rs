//! Times for people, in Japanese time.

use crate::clock::Instant;
use crate::language::Language;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Timelike};

const WEEKDAYS: [&str; 7] = ["月", "火", "水", "木", "金", "土", "日"];

/// Which part of a time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// 2026年11月22日 10時15分
    Moment,
    /// 2026年12月22日（火）
    Day,
    /// 2026年12月22日（火）10時15分
    DayMinute,
    /// 2026年11月22日
    CalendarDay,
    /// 11月22日（日）
    DayOfYear,
    /// 10時17分05秒
    Second,
    /// 7時00分
    Minute,
}

/// The filters of the templates, by name.
pub(super) const FILTERS: &[(&str, TimeFormat)] = &[
    ("moment", TimeFormat::Moment),
    ("day", TimeFormat::Day),
    ("day_minute", TimeFormat::DayMinute),
    ("calendar_day", TimeFormat::CalendarDay),
    ("day_of_year", TimeFormat::DayOfYear),
    ("second", TimeFormat::Second),
    ("minute", TimeFormat::Minute),
];

/// A time as text.
pub(super) fn say(at: Instant, form: TimeFormat, language: Language) -> String {
    let t: DateTime<FixedOffset> = at.jst();
    let (y, mo, d) = (t.year(), t.month(), t.day());
    let (h, mi, s) = (t.hour(), t.minute(), t.second());
    let weekday = WEEKDAYS[t.weekday().num_days_from_monday() as usize];
    match (form, language) {
        (TimeFormat::Moment, Language::Ja) => format!("{y}年{mo}月{d}日 {h}時{mi:02}分"),
        (TimeFormat::Day, Language::Ja) => format!("{y}年{mo}月{d}日（{weekday}）"),
        (TimeFormat::DayMinute, Language::Ja) => format!("{y}年{mo}月{d}日（{weekday}）{h}時{mi:02}分"),
        (TimeFormat::DayOfYear, Language::Ja) => format!("{mo}月{d}日（{weekday}）"),
        (TimeFormat::Second, Language::Ja) => format!("{h}時{mi:02}分{s:02}秒"),
        (TimeFormat::Minute, Language::Ja) => format!("{h}時{mi:02}分"),
        (TimeFormat::CalendarDay, _) => date(t.date_naive(), language),
        (TimeFormat::Moment, Language::En) => t.format("%-d %B %Y, %H:%M JST").to_string(),
        (TimeFormat::Day, Language::En) => t.format("%A, %-d %B %Y").to_string(),
        (TimeFormat::DayMinute, Language::En) => t.format("%A, %-d %B %Y, %H:%M JST").to_string(),
        (TimeFormat::DayOfYear, Language::En) => t.format("%A, %-d %B").to_string(),
        (TimeFormat::Second, Language::En) => t.format("%H:%M:%S").to_string(),
        (TimeFormat::Minute, Language::En) => t.format("%H:%M").to_string(),
    }
}

/// A calendar day: 2026年11月22日.
pub(super) fn date(day: NaiveDate, language: Language) -> String {
    match language {
        Language::Ja => format!("{}年{}月{}日", day.year(), day.month(), day.day()),
        Language::En => day.format("%-d %B %Y").to_string(),
    }
}
