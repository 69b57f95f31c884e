//! Time as an argument: nothing in this crate reads the machine's clock.

use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat, Utc};

/// Japan Standard Time: UTC+9, without daylight saving.
const JST: FixedOffset = match FixedOffset::east_opt(9 * 3600) {
    Some(offset) => offset,
    None => panic!("nine hours is within a day"),
};

/// Where `now` comes from. Every function without arguments that gives a moment is a clock.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;
}
impl<F: Fn() -> DateTime<Utc> + Send + Sync + 'static> Clock for F {
    fn now(&self) -> DateTime<Utc> {
        self()
    }
}

/// The same moment on a Japanese wall clock.
#[must_use]
pub fn jst(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(&JST)
}

/// The Japanese calendar day a moment falls in.
#[must_use]
pub fn jst_date(at: DateTime<Utc>) -> NaiveDate {
    jst(at).date_naive()
}

/// From seconds since the epoch; the last moment there is for what lies beyond.
#[must_use]
pub fn from_secs(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(secs, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// RFC 3339 in UTC, with milliseconds.
#[must_use]
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// A clock that moves only when told to.
    pub(crate) struct ManualClock(AtomicI64);
    impl ManualClock {
        pub(crate) fn at(secs: i64) -> Self {
            Self(AtomicI64::new(secs))
        }
        pub(crate) fn advance(&self, secs: i64) {
            self.0.fetch_add(secs, Ordering::SeqCst);
        }
        pub(crate) fn set(&self, secs: i64) {
            self.0.store(secs, Ordering::SeqCst);
        }
    }
    impl Clock for ManualClock {
        fn now(&self) -> DateTime<Utc> {
            from_secs(self.0.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_japan() {
        // 15:00 UTC is midnight in Japan.
        let midnight = from_secs(1_795_359_600);
        assert_eq!(jst_date(midnight), jst_date(midnight - chrono::TimeDelta::seconds(1)).succ_opt().unwrap());
        assert_eq!(rfc3339(midnight), "2026-11-22T15:00:00.000Z");
    }
}
