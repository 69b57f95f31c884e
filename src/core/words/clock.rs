//! Time as a value. Only the server reads a clock: everywhere else `now` is an argument, read once for each request.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z, as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Instant(i64);

/// Japan Standard Time: UTC+9, without daylight saving since 1951.
const JST: FixedOffset = match FixedOffset::east_opt(9 * 3600) {
    Some(offset) => offset,
    None => panic!("nine hours is within a day"),
};

impl Instant {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }
    /// From whole seconds since the epoch, as in a JWT's NumericDate (RFC 7519 §2).
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }
    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }
    /// The time from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
    /// The same time in Japan. Times outside the years 1 to 9999 are taken for the first or the last of them: a caller may send any
    /// number as a time.
    #[must_use]
    pub fn jst(self) -> DateTime<FixedOffset> {
        // 0001-01-02 and 9999-12-30, so that a time zone leads to no other year.
        const FIRST: i64 = -62_135_510_400_000;
        const LAST: i64 = 253_402_128_000_000;
        let utc = DateTime::<Utc>::from_timestamp_millis(self.0.clamp(FIRST, LAST)).unwrap_or_default();
        utc.with_timezone(&JST)
    }
    /// The Japanese calendar day of this time: locks are counted and released by day (R32, G4).
    #[must_use]
    pub fn jst_date(self) -> NaiveDate {
        self.jst().date_naive()
    }
    /// Midnight JST at the start of the next day.
    #[must_use]
    pub fn next_jst_midnight(self) -> Self {
        const DAY: i64 = 86_400_000;
        const OFFSET: i64 = 9 * 3_600_000;
        Self((self.0 + OFFSET).div_euclid(DAY) * DAY + DAY - OFFSET)
    }
    /// The first whole minute not before this time. A page can show it, and then it has passed.
    #[must_use]
    pub const fn whole_minute(self) -> Self {
        const MINUTE: i64 = 60_000;
        Self((self.0 + MINUTE - 1).div_euclid(MINUTE) * MINUTE)
    }
    /// The last whole minute not after this time: a page shows it, and everybody may rely on it.
    #[must_use]
    pub const fn floor_minute(self) -> Self {
        const MINUTE: i64 = 60_000;
        Self(self.0.div_euclid(MINUTE) * MINUTE)
    }
    /// The last whole second not after this time: the form of `exp` (RFC 7519 §2).
    #[must_use]
    pub const fn floor_second(self) -> Self {
        Self(self.0.div_euclid(1000) * 1000)
    }
    /// The first whole second not before this time.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self((self.0 + 999).div_euclid(1000) * 1000)
    }
    /// As a Japanese clock shows it, for what people read: `2026-11-26 00:00:01 JST`.
    #[must_use]
    pub fn japanese(self) -> String {
        self.jst().format("%Y-%m-%d %H:%M:%S JST").to_string()
    }
    /// RFC 3339 in UTC, for logs and machine output.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.jst().with_timezone(&Utc).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}
impl std::ops::Add<Duration> for Instant {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(millis(d)))
    }
}
impl std::ops::Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(millis(d)))
    }
}

/// The source of `now`: the system clock in a server, set by hand in a test.
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Instant {
        Instant(Utc::now().timestamp_millis())
    }
}

/// A clock that a test sets.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);
impl ManualClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn at(at: Instant) -> Self {
        Self(AtomicI64::new(at.0))
    }
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }
    /// Sets the clock.
    pub fn set(&self, to: Instant) {
        self.0.store(to.0, Ordering::SeqCst);
    }
}
impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A form may name any number as a time.
    #[test]
    fn every_number_is_a_time_with_a_day() {
        for millis in [i64::MIN, -1, 0, 8_210_266_876_799_999, i64::MAX] {
            let day = Instant::from_millis(millis).jst_date().to_string();
            assert_eq!(day.len(), 10, "{millis}: {day}");
        }
    }
}
