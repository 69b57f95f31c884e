//! When the service is open (requirements.md#hours): a list of closed windows in Japanese time, half-open, from
//! configuration.
//!
//! A window is written as a day rule and two times:
//! `daily 00:00-00:02` · `sunday 21:00-24:00` (every Sunday) · `1st,3rd monday 02:00-06:00` (the 1st and 3rd Monday *of the month*) ·
//! `2nd,4th sunday -1d 23:50-07:00` (from 23:50 of the day before) · `01-01..01-03 19:00-24:00` (every year) ·
//! `2026-12-05T22:00..2026-12-06T06:00` (once).
//! Each form is a [`Window`]; [`Window::sentence`] is its text for customers.

#[cfg(test)]
mod tests;
mod words;

pub use words::Sentence;

use crate::clock::Instant;
use crate::language::Language;
use arc_swap::ArcSwap;
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use std::sync::Arc;
use std::time::Duration;

/// How long before a closure ① warns of it (requirements.md#closing).
pub const NOTICE: Duration = Duration::from_secs(15 * 60);
const JST_HOURS: i64 = 9;

/// The closed windows of an institution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(Vec<Window>);

/// The windows in force: an operator may change them while the server runs. Every clone sees the change.
#[derive(Debug, Clone, Default)]
pub struct HoursInForce(Arc<ArcSwap<Hours>>);
impl From<Hours> for HoursInForce {
    fn from(hours: Hours) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(hours)))
    }
}
impl HoursInForce {
    /// Other windows from now on.
    pub fn change(&self, hours: Hours) {
        self.0.store(Arc::new(hours));
    }
    /// [`Hours::open_at`]
    #[must_use]
    pub fn open_at(&self, now: Instant) -> Service {
        self.0.load().open_at(now)
    }
    /// [`Hours::closing_soon`]
    #[must_use]
    pub fn closing_soon(&self, now: Instant) -> Option<Instant> {
        self.0.load().closing_soon(now)
    }
}

/// Whether the service is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// It is.
    Open,
    /// It is not.
    Closed {
        /// When it opens again; windows that touch each other count as one.
        until: Instant,
    },
}

/// One closed window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// On the days a rule names.
    Days {
        /// Which days.
        rule: DayRule,
        /// Its start in minutes from that day's midnight; negative means on the day before.
        from: i64,
        /// Its end in minutes from that day's midnight.
        to: i64,
    },
    /// Once.
    Once {
        /// Its start, on a Japanese clock.
        from: NaiveDateTime,
        /// Its end.
        to: NaiveDateTime,
    },
}
/// Which days a window is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayRule {
    /// Every day.
    Daily,
    /// A weekday: the listed ones of a month (1st to 5th), in order and without duplicates; an empty list means every
    /// week.
    Weekday(Weekday, Vec<u32>),
    /// From one day of the year to another, both included, as (month, day).
    Yearly((u32, u32), (u32, u32)),
}

/// A window that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a closed window: {0:?} (for example: daily 00:00-00:02, 1st,3rd monday 02:00-06:00, 2nd,4th sunday -1d 23:50-07:00)"
)]
pub struct NotAWindow(String);

impl Hours {
    /// Reads the windows of the configuration.
    ///
    /// # Errors
    /// [`NotAWindow`] with the text that cannot be read.
    pub fn parse<'a>(windows: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAWindow> {
        windows.into_iter().map(Window::parse).collect::<Result<_, _>>().map(Self)
    }
    /// The windows of the manual: H1 to H5.
    #[must_use]
    pub fn seed() -> Self {
        Self::parse(SEED).unwrap_or_default()
    }
    /// The sentence of each window, in the order of the configuration.
    #[must_use]
    pub fn sentences(&self, language: Language) -> Vec<Sentence> {
        self.0.iter().map(|window| window.sentence(language)).collect()
    }
    /// Whether the service is open at a moment.
    #[must_use]
    pub fn open_at(&self, now: Instant) -> Service {
        let Some(mut until) = self.covering(now) else { return Service::Open };
        // Windows that touch are one closure for the customer: 19:00–24:00 and 0:00–8:00 end at eight. The bound
        // matters only if the windows leave no open moment at all.
        for _ in 0..400 {
            let Some(later) = self.covering(until) else { break };
            until = later;
        }
        Service::Closed { until }
    }
    /// The start of a closure that begins within [`NOTICE`], when the service is open now.
    #[must_use]
    pub fn closing_soon(&self, now: Instant) -> Option<Instant> {
        if self.covering(now).is_some() {
            return None;
        }
        let spans = self.0.iter().flat_map(|w| w.spans(now.jst_date()));
        spans.map(|(from, _)| from).filter(|from| *from > now && *from <= now + NOTICE).min()
    }
    /// The latest end of the windows that cover a moment.
    fn covering(&self, at: Instant) -> Option<Instant> {
        let spans = self.0.iter().flat_map(|w| w.spans(at.jst_date()));
        spans.filter(|(from, to)| *from <= at && at < *to).map(|(_, to)| to).max()
    }
}

/// H1 to H5: the union of the manual's two lists.
pub const SEED: [&str; 6] = [
    "daily 00:00-00:02",
    "daily 04:00-04:10",
    "1st,3rd monday 02:00-06:00",
    "2nd,4th sunday -1d 23:50-07:00",
    "01-01..01-03 00:00-08:00",
    "01-01..01-03 19:00-24:00",
];

impl Window {
    /// Reads one window.
    pub fn parse(text: &str) -> Result<Self, NotAWindow> {
        Self::read(text.trim()).ok_or_else(|| NotAWindow(text.to_owned()))
    }
    fn read(text: &str) -> Option<Self> {
        if let Some((from, to)) = text.split_once("..").filter(|(from, _)| from.contains('T')) {
            let at = |t: &str| NaiveDateTime::parse_from_str(t, "%Y-%m-%dT%H:%M").ok();
            let (from, to) = (at(from)?, at(to)?);
            return (from < to).then_some(Self::Once { from, to });
        }
        let (days, times) = text.rsplit_once(' ')?;
        let (days, before) = days.strip_suffix(" -1d").map_or((days, false), |d| (d, true));
        let (from, to) = times.split_once('-')?;
        let (from, to) = (minutes(from)? - if before { 24 * 60 } else { 0 }, minutes(to)?);
        (from < to).then_some(Self::Days { rule: DayRule::read(days.trim())?, from, to })
    }
    /// Its occurrences that can touch a day or the day after.
    fn spans(&self, day: NaiveDate) -> Vec<(Instant, Instant)> {
        match self {
            Self::Once { from, to } => vec![(moment(*from), moment(*to))],
            Self::Days { rule, from, to } => {
                let near = [day.pred_opt(), Some(day), day.succ_opt(), day.checked_add_days(Days::new(2))];
                let on = near.into_iter().flatten().filter(|d| rule.holds(*d));
                on.filter_map(|d| d.and_hms_opt(0, 0, 0))
                    .map(|d| (moment(d + TimeDelta::minutes(*from)), moment(d + TimeDelta::minutes(*to))))
                    .collect()
            }
        }
    }
}
impl DayRule {
    fn read(text: &str) -> Option<Self> {
        if text == "daily" {
            return Some(Self::Daily);
        }
        if let Some((from, to)) = text.split_once("..") {
            // 2000 was a leap year: the 29th of February can be named.
            let day = |t: &str| NaiveDate::parse_from_str(&format!("2000-{t}"), "%Y-%m-%d").ok();
            let (from, to) = (day(from)?, day(to)?);
            return Some(Self::Yearly((from.month(), from.day()), (to.month(), to.day())));
        }
        let (nth, name) = text.split_once(' ').unwrap_or(("", text));
        let place = |n: &str| NTH.iter().find(|(word, _)| *word == n.trim()).map(|(_, n)| *n);
        let mut nth = nth.split(',').filter(|n| !n.is_empty()).map(place).collect::<Option<Vec<_>>>()?;
        nth.sort_unstable();
        nth.dedup();
        Some(Self::Weekday(name.trim().parse().ok()?, nth))
    }
    fn holds(&self, day: NaiveDate) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekday(weekday, nth) => {
                day.weekday() == *weekday && (nth.is_empty() || nth.contains(&(day.day0() / 7 + 1)))
            }
            Self::Yearly(from, to) => {
                let day = (day.month(), day.day());
                if from <= to { (*from..=*to).contains(&day) } else { day >= *from || day <= *to }
            }
        }
    }
}

/// A month has at most five of a weekday.
const NTH: [(&str, u32); 5] = [("1st", 1), ("2nd", 2), ("3rd", 3), ("4th", 4), ("5th", 5)];

/// `23:50` as minutes; `24:00` is the end of a day.
fn minutes(text: &str) -> Option<i64> {
    let (h, m) = text.split_once(':')?;
    let read = |t: &str| (t.len() == 2).then(|| t.parse::<u8>().ok()).flatten();
    let total = i64::from(read(h)?) * 60 + i64::from(read(m).filter(|m| *m < 60)?);
    (total <= 24 * 60).then_some(total)
}
/// The moment a Japanese clock shows this.
fn moment(jst: NaiveDateTime) -> Instant {
    Instant::from_secs((jst - TimeDelta::hours(JST_HOURS)).and_utc().timestamp())
}
