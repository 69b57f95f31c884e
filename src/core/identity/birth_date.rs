//! The day of birth: a year in the Western calendar or in an era (S29, 昭和29年), a month and a day (R22, G18).

use crate::account::digits;
use crate::clock::Instant;
use crate::invisible::visible;
use chrono::{Datelike, NaiveDate};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

/// A day of birth. Never stored, logged or printed (requirements.md#purpose).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate(NaiveDate);
impl BirthDate {
    /// Reads year, month and day: a real day from 1900 to today, and one of its era where the year names one (G18).
    #[must_use]
    pub fn parse([year, month, day]: [&String; 3], now: Instant) -> Option<Self> {
        let (year, era) = read_year(year)?;
        let (month, day) = (number(month, 2)?, number(day, 2)?);
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        let of_the_era = era.is_none_or(|era| era.has(date));
        (date.year() >= 1900 && date <= now.jst_date() && of_the_era).then_some(Self(date))
    }
    /// `1985-04-12`, for the core bank.
    #[must_use]
    pub fn iso(&self) -> String {
        self.0.format("%Y-%m-%d").to_string()
    }
}
impl std::fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BirthDate(…)")
    }
}

/// The Western year of a year typed in an era, for the page to repeat; `None` for one typed in the Western calendar, and for
/// one that the era does not have.
#[must_use]
pub fn western_year(typed: &str) -> Option<u32> {
    read_year(typed).and_then(|(year, era)| era.filter(|era| i64::from(year) <= i64::from(era.last.0)).map(|_| year))
}
/// Whether a typed year begins with an era: then 西暦 does not stand beside it.
#[must_use]
pub fn names_era(typed: &str) -> bool {
    era_of(&plain(typed)).is_some()
}

/// What exactly is wrong with a date of which no part is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WrongDate {
    /// The year is no number of a year.
    Year,
    /// The era had not begun on that day.
    EraBegins {
        /// The era's letter.
        era: &'static str,
        /// Its first day.
        day: NaiveDate,
    },
    /// The era was over on that day.
    EraEnds {
        /// The era's letter.
        era: &'static str,
        /// Which year of the era was its last.
        years: i32,
        /// Its last day.
        day: NaiveDate,
    },
    /// The month has fewer days in that year.
    Day {
        /// The Western year.
        year: u32,
        /// The month.
        month: u32,
        /// How many days it has.
        days: u32,
    },
    /// Before 1900.
    TooEarly,
    /// After today.
    Future,
}
impl WrongDate {
    /// Names what is wrong with a date that [`BirthDate::parse`] refuses, if no part of it is empty.
    #[must_use]
    pub fn of([year, month, day]: [&str; 3], now: Instant) -> Option<Self> {
        let Some((year, era)) = read_year(year).filter(|(year, era)| era.is_some() || *year >= 1000) else {
            return Some(Self::Year);
        };
        let (month, day) = (number(month, 2)?, number(day, 2)?);
        let western = i32::try_from(year).ok()?;
        // The year alone may lie behind the era, whatever the day is.
        if let Some(over) = era.filter(|era| western > era.last.0).and_then(Era::over) {
            return Some(over);
        }
        let Some(date) = NaiveDate::from_ymd_opt(western, month, day) else {
            let days = NaiveDate::from_ymd_opt(western, month, 1)?.num_days_in_month();
            return Some(Self::Day { year, month, days: days.into() });
        };
        match date {
            date if era.is_some_and(|era| !era.has(date)) => {
                let era = era?;
                let (year, month, day) = era.first;
                let first = NaiveDate::from_ymd_opt(year, month, day)?;
                if date < first { Some(Self::EraBegins { era: era.names[2], day: first }) } else { era.over() }
            }
            date if date.year() < 1900 => Some(Self::TooEarly),
            date if date > now.jst_date() => Some(Self::Future),
            _ => None,
        }
    }
}

/// An era, with its first and last day. On the day of a change both names are used, if the new one began on that day.
#[derive(Clone, Copy)]
struct Era {
    names: [&'static str; 3],
    first: (i32, u32, u32),
    last: (i32, u32, u32),
}
const ERAS: [Era; 5] = [
    Era { names: ["明治", "明", "M"], first: (1868, 1, 25), last: (1912, 7, 30) },
    Era { names: ["大正", "大", "T"], first: (1912, 7, 30), last: (1926, 12, 25) },
    Era { names: ["昭和", "昭", "S"], first: (1926, 12, 25), last: (1989, 1, 7) },
    Era { names: ["平成", "平", "H"], first: (1989, 1, 8), last: (2019, 4, 30) },
    Era { names: ["令和", "令", "R"], first: (2019, 5, 1), last: (9999, 12, 31) },
];
impl Era {
    fn has(&self, date: NaiveDate) -> bool {
        let day = (date.year(), date.month(), date.day());
        self.first <= day && day <= self.last
    }
    /// What is said of a date after its last day.
    fn over(self) -> Option<WrongDate> {
        let (year, month, day) = self.last;
        let years = year - self.first.0 + 1;
        Some(WrongDate::EraEnds { era: self.names[2], years, day: NaiveDate::from_ymd_opt(year, month, day)? })
    }
}

/// A typed year without what stands around it. NFKC: full-width letters and digits, and ㍼.
fn plain(typed: &str) -> String {
    let typed: String = visible(typed).nfkc().filter(|c| !c.is_whitespace() && *c != '.').collect();
    typed.to_ascii_uppercase()
}
/// The era that it begins with, and the rest.
fn era_of(plain: &str) -> Option<(Era, &str)> {
    ERAS.into_iter().find_map(|era| {
        let rest = era.names.iter().find_map(|name| plain.strip_prefix(name))?;
        Some((era, rest))
    })
}

/// Reads a typed year, and its era if it names one. 元年 is an era's first.
fn read_year(typed: &str) -> Option<(u32, Option<Era>)> {
    let typed = plain(typed);
    let typed = typed.strip_suffix('年').unwrap_or(&typed);
    let Some((era, rest)) = era_of(typed) else {
        return number(typed.strip_prefix("西暦").unwrap_or(typed), 4).map(|year| (year, None));
    };
    let nth = if rest == "元" { 1 } else { number(rest, 2).filter(|n| *n > 0)? };
    Some((u32::try_from(era.first.0).ok()? + nth - 1, Some(era)))
}

fn number(text: &str, most: usize) -> Option<u32> {
    let d = digits(text)?;
    (1..=most).contains(&d.len()).then(|| d.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 November 2026 in Japan.
    const NOW: Instant = Instant::from_secs(1_795_485_600);

    #[test]
    fn a_year_in_every_form() {
        for (typed, want) in [
            ("1954", Some("1954-04-12")),
            ("１９５４", Some("1954-04-12")),
            ("1954年", Some("1954-04-12")),
            ("西暦1954年", Some("1954-04-12")),
            ("S29", Some("1954-04-12")),
            ("s29", Some("1954-04-12")),
            ("Ｓ２９", Some("1954-04-12")),
            ("S.29", Some("1954-04-12")),
            ("S 29", Some("1954-04-12")),
            ("昭29", Some("1954-04-12")),
            ("昭和29", Some("1954-04-12")),
            ("昭和29年", Some("1954-04-12")),
            ("昭和　２９年", Some("1954-04-12")),
            ("㍼29年", Some("1954-04-12")),
            ("昭和\u{200b}29年", Some("1954-04-12")),
            ("M45", Some("1912-04-12")),
            ("T10", Some("1921-04-12")),
            ("H元", Some("1989-04-12")),
            ("平成元年", Some("1989-04-12")),
            ("平成01年", Some("1989-04-12")),
            ("R2", Some("2020-04-12")),
            ("令和8年", Some("2026-04-12")),
            ("令和9年", None),
            ("令和元年", None),
            ("29", None),
            ("S0", None),
            ("S", None),
            ("昭和", None),
            ("元年", None),
            ("S129", None),
            ("昭和六十年", None),
            ("昭和65年", None),
            ("X29", None),
            ("M30", None),
            ("19540", None),
        ] {
            let date = BirthDate::parse([&typed.into(), &"4".into(), &"12".into()], NOW).map(|d| d.iso());
            assert_eq!(date.as_deref(), want, "{typed}");
        }
    }

    #[test]
    fn an_era_has_its_first_and_its_last_day() {
        for ([year, month, day], real) in [
            (["昭和64年", "1", "7"], true),
            (["昭和64年", "1", "8"], false),
            (["平成元年", "1", "8"], true),
            (["平成元年", "1", "7"], false),
            (["平成31年", "4", "30"], true),
            (["平成31年", "5", "1"], false),
            (["令和元年", "5", "1"], true),
            (["令和元年", "4", "30"], false),
            (["大正15年", "12", "25"], true),
            (["大正15年", "12", "26"], false),
            (["昭和元年", "12", "25"], true),
            (["昭和元年", "12", "24"], false),
            (["明治45年", "7", "30"], true),
            (["大正元年", "7", "30"], true),
            (["大正元年", "7", "29"], false),
            (["昭和4年", "2", "29"], false),
            (["昭和3年", "2", "29"], true),
        ] {
            let date = BirthDate::parse([&year.into(), &month.into(), &day.into()], NOW);
            assert_eq!(date.is_some(), real, "{year} {month} {day}");
        }
    }

    #[test]
    fn the_page_repeats_only_a_year_of_an_era() {
        for (typed, want, era) in [
            ("昭和29年", Some(1954), true),
            ("H元", Some(1989), true),
            ("S64", Some(1989), true),
            // The era has no such year: nothing is repeated, and 西暦 does not stand beside it.
            ("S65", None, true),
            ("昭和", None, true),
            ("1954", None, false),
            ("西暦1954", None, false),
            ("x", None, false),
            ("", None, false),
        ] {
            assert_eq!((western_year(typed), names_era(typed)), (want, era), "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_date_is_named() {
        let on = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        let showa = WrongDate::EraEnds { era: "S", years: 64, day: on(1989, 1, 7) };
        for (parts, want) in [
            (["S65", "4", "12"], Some(showa)),
            (["昭和65年", "2", "30"], Some(showa)),
            (["昭和64年", "1", "8"], Some(showa)),
            (["平成32", "1", "1"], Some(WrongDate::EraEnds { era: "H", years: 31, day: on(2019, 4, 30) })),
            (["T16", "1", "1"], Some(WrongDate::EraEnds { era: "T", years: 15, day: on(1926, 12, 25) })),
            (["H1", "1", "7"], Some(WrongDate::EraBegins { era: "H", day: on(1989, 1, 8) })),
            (["1985", "2", "30"], Some(WrongDate::Day { year: 1985, month: 2, days: 28 })),
            (["S59", "2", "30"], Some(WrongDate::Day { year: 1984, month: 2, days: 29 })),
            (["1985", "4", "31"], Some(WrongDate::Day { year: 1985, month: 4, days: 30 })),
            (["29", "4", "12"], Some(WrongDate::Year)),
            (["1899", "4", "12"], Some(WrongDate::TooEarly)),
            (["M30", "4", "12"], Some(WrongDate::TooEarly)),
            (["x", "4", "12"], Some(WrongDate::Year)),
            (["S", "4", "12"], Some(WrongDate::Year)),
            (["2027", "4", "12"], Some(WrongDate::Future)),
            (["R8", "12", "31"], Some(WrongDate::Future)),
            (["S60", "4", "12"], None),
            (["1985", "x", "12"], None),
        ] {
            assert_eq!(WrongDate::of(parts, NOW), want, "{parts:?}");
            let parsed = BirthDate::parse([&parts[0].into(), &parts[1].into(), &parts[2].into()], NOW);
            assert!(want.is_none() || parsed.is_none(), "{parts:?}: what is named is refused");
        }
    }
}
