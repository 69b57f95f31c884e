//! A closed window as a sentence, Japanese and English, in the style of an institution's FAQ page
//! (requirements.md#hours).

use super::{DayRule, Window};
use crate::language::Language;
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike, Weekday};
use serde::Serialize;

const DAY: i64 = 24 * 60;

/// One closed window in words: `days` followed by `times` is the sentence. The page keeps `times` on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// The days, with the space or particle that joins them to the times.
    pub days: String,
    /// The start and end time.
    pub times: String,
}

impl Window {
    /// The window in words.
    #[must_use]
    pub fn sentence(&self, language: Language) -> Sentence {
        match self {
            Self::Once { from, to } => once(*from, *to, language),
            Self::Days { rule, from, to } => on_days(rule, *from, *to, language),
        }
    }
}

/// A repeated window. Its first minute names its day. If it begins on the evening before, the days are named one day
/// earlier (12月31日～1月2日の23:50～翌7:00), or "the day before" if that day has no name of its own.
fn on_days(rule: &DayRule, from: i64, to: i64, language: Language) -> Sentence {
    let eve = from < 0;
    let (from, to) = if eve { (from + DAY, to + DAY) } else { (from, to) };
    let (rule, named_eve) = match eve.then(|| rule.day_before()) {
        Some(Some(earlier)) => (earlier, false),
        _ => (rule.clone(), eve),
    };
    if rule == DayRule::Daily && to - from <= 15 {
        return briefly(from, to - from, language);
    }
    let days = rule.words(language);
    let (start, next) = (clock(from), to > DAY);
    let end = clock(if next { to - DAY } else { to });
    let all_day = (from, to) == (0, DAY);
    match language {
        Language::Ja => {
            let joined = if rule == DayRule::Daily { "" } else { "の" };
            let each = if named_eve && rule.is_span() { "各日の" } else { "" };
            let before = if named_eve { "前日" } else { "" };
            // Of the whole next day, 翌日24:00: 翌24:00 would be read as one day more.
            let after = match next {
                false => "",
                true if to == 2 * DAY => "翌日",
                true => "翌",
            };
            let times = if all_day { "終日".to_owned() } else { format!("{start}～{after}{end}") };
            Sentence { days: format!("{days}{joined}{each}"), times: format!("{before}{times}") }
        }
        Language::En => {
            let times = match (named_eve, next) {
                (true, _) if all_day => "all of the day before".to_owned(),
                (false, _) if all_day => "all day".to_owned(),
                (true, true) => format!("{start} on the day before to {end}"),
                (true, false) => format!("{start} to {end} on the day before"),
                (false, true) => format!("{start} to {end} on the next day"),
                (false, false) => format!("{start} to {end}"),
            };
            Sentence { days: format!("{days}, "), times }
        }
    }
}

/// A few minutes of every day: said roughly, so that customers do not wait for the exact second.
fn briefly(from: i64, long: i64, language: Language) -> Sentence {
    let (h, m) = (from / 60, from % 60);
    let (days, times) = match language {
        Language::Ja => {
            let start = if m == 0 { format!("{h}時") } else { format!("{h}時{m}分") };
            ("毎日", format!("{start}から{}程度", if long <= 2 { "1分" } else { "数分" }))
        }
        Language::En => {
            let about = if long <= 2 { "about a minute" } else { "a few minutes" };
            ("Every day ", format!("at {}, for {about}", clock(from)))
        }
    };
    Sentence { days: days.to_owned(), times }
}

/// A window that comes once. An end at midnight is 24:00 of the day that ends.
fn once(from: NaiveDateTime, to: NaiveDateTime, language: Language) -> Sentence {
    let minute = |at: NaiveDateTime| i64::from(at.hour() * 60 + at.minute());
    let (start, mut end) = (minute(from), minute(to));
    let (first, mut last) = (from.date(), to.date());
    if end == 0 {
        end = DAY;
        last = last.checked_sub_days(Days::new(1)).unwrap_or(last);
    }
    let same_year = first.year() == last.year();
    if first == last {
        let day = date(first, true, language);
        return match (language, start, end) {
            (Language::Ja, 0, DAY) => Sentence { days: format!("{day}の"), times: "終日".to_owned() },
            (Language::En, 0, DAY) => Sentence { days: format!("{day}, "), times: "all day".to_owned() },
            (Language::Ja, ..) => {
                Sentence { days: format!("{day}の"), times: format!("{}～{}", clock(start), clock(end)) }
            }
            (Language::En, ..) => {
                Sentence { days: format!("{day}, "), times: format!("{} to {}", clock(start), clock(end)) }
            }
        };
    }
    match language {
        Language::Ja => Sentence {
            days: format!("{}{}～", date(first, true, language), clock(start)),
            times: format!("{}{}", date(last, !same_year, language), clock(end)),
        },
        Language::En => Sentence {
            days: format!("{} on {} to ", clock(start), date(first, !same_year, language)),
            times: format!("{} on {}", clock(end), date(last, true, language)),
        },
    }
}

impl DayRule {
    /// The rule for the days just before the days of this one; `None` if there is no such rule.
    pub(super) fn day_before(&self) -> Option<Self> {
        match self {
            Self::Daily => Some(Self::Daily),
            Self::Weekday(weekday, nth) if nth.is_empty() => Some(Self::Weekday(weekday.pred(), Vec::new())),
            // The day before the 1st Sunday may be in another month, so it has no rule.
            Self::Weekday(..) => None,
            Self::Yearly(from, to) => Some(Self::Yearly(before(*from)?, before(*to)?)),
        }
    }
    /// Several days one after another.
    fn is_span(&self) -> bool {
        matches!(self, Self::Yearly(from, to) if from != to)
    }
    fn words(&self, language: Language) -> String {
        match (self, language) {
            (Self::Daily, Language::Ja) => "毎日".to_owned(),
            (Self::Daily, Language::En) => "Every day".to_owned(),
            (Self::Weekday(day, nth), _) => weekdays(*day, nth, language),
            (Self::Yearly((m, d), to), Language::Ja) if (*m, *d) == *to => format!("{m}月{d}日"),
            (Self::Yearly((m, d), (to_m, to_d)), Language::Ja) if m == to_m => format!("{m}月{d}日～{to_d}日"),
            (Self::Yearly((m, d), (to_m, to_d)), Language::Ja) => format!("{m}月{d}日～{to_m}月{to_d}日"),
            (Self::Yearly((m, d), to), Language::En) if (*m, *d) == *to => format!("{d} {}", month(*m)),
            (Self::Yearly((m, d), (to_m, to_d)), Language::En) if m == to_m => format!("{d} to {to_d} {}", month(*m)),
            (Self::Yearly((m, d), (to_m, to_d)), Language::En) => {
                format!("{d} {} to {to_d} {}", month(*m), month(*to_m))
            }
        }
    }
}

fn weekdays(day: Weekday, nth: &[u32], language: Language) -> String {
    let (ja, en) = names(day);
    match language {
        Language::Ja if nth.is_empty() => format!("毎週{ja}曜日"),
        Language::En if nth.is_empty() => format!("Every {en}"),
        Language::Ja => {
            let nth: Vec<_> = nth.iter().map(|n| format!("第{n}")).collect();
            format!("毎月{}{ja}曜日", listed(&nth, "、", "および"))
        }
        Language::En => {
            let nth: Vec<_> = nth.iter().map(|n| ordinal(*n)).collect();
            format!("{} {en} of each month", listed(&nth, ", ", " and "))
        }
    }
}

/// `a, b and c`.
fn listed(words: &[String], comma: &str, and: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{}{and}{last}", most.join(comma)),
    }
}

/// The day before, as (month, day); `None` where it is not the same in every year.
fn before((month, day): (u32, u32)) -> Option<(u32, u32)> {
    if [(2, 29), (3, 1)].contains(&(month, day)) {
        return None;
    }
    let day = NaiveDate::from_ymd_opt(2001, month, day)?.pred_opt()?;
    Some((day.month(), day.day()))
}

/// 2026年12月5日（土）; Saturday, 5 December 2026.
fn date(day: NaiveDate, with_year: bool, language: Language) -> String {
    let (ja, en) = names(day.weekday());
    let (y, m, d) = (day.year(), day.month(), day.day());
    match (language, with_year) {
        (Language::Ja, true) => format!("{y}年{m}月{d}日（{ja}）"),
        (Language::Ja, false) => format!("{m}月{d}日（{ja}）"),
        (Language::En, true) => format!("{en}, {d} {} {y}", month(m)),
        (Language::En, false) => format!("{en}, {d} {}", month(m)),
    }
}

/// 2:00, 24:00.
fn clock(minutes: i64) -> String {
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

fn ordinal(n: u32) -> String {
    match n {
        1 => "1st".to_owned(),
        2 => "2nd".to_owned(),
        3 => "3rd".to_owned(),
        n => format!("{n}th"),
    }
}

const fn names(day: Weekday) -> (&'static str, &'static str) {
    match day {
        Weekday::Mon => ("月", "Monday"),
        Weekday::Tue => ("火", "Tuesday"),
        Weekday::Wed => ("水", "Wednesday"),
        Weekday::Thu => ("木", "Thursday"),
        Weekday::Fri => ("金", "Friday"),
        Weekday::Sat => ("土", "Saturday"),
        Weekday::Sun => ("日", "Sunday"),
    }
}

/// The name of a month of a date that exists.
const fn month(n: u32) -> &'static str {
    match n {
        1 => "January",
        2 => "February",
        3 => "March",
        4 => "April",
        5 => "May",
        6 => "June",
        7 => "July",
        8 => "August",
        9 => "September",
        10 => "October",
        11 => "November",
        _ => "December",
    }
}
