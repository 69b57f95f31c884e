//! Durations as people write them in the configuration and in a client's record: `500ms`, `60s`, `15m`, `12h`, `30d`.

use std::fmt;
use std::time::Duration;

/// A duration in that form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

/// The only error for a duration; the caller puts the name of the key or member before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a duration such as 90s, 15m, 12h or 30d")]
pub struct NotADuration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Span {
    /// From whole seconds.
    #[must_use]
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
    /// From whole days of 24 hours.
    #[must_use]
    pub const fn days(days: u64) -> Self {
        Self(Duration::from_secs(days * 86_400))
    }
    /// The duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
    /// Parses the written form: digits and a unit.
    ///
    /// # Errors
    /// [`NotADuration`]: another form, or more milliseconds than fit in 64 bits.
    pub fn parse(text: &str) -> Result<Self, NotADuration> {
        Self::read(text).ok_or(NotADuration)
    }
    fn read(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &text[digits..])?;
        let ms = text[..digits].parse::<u64>().ok()?.checked_mul(*unit)?;
        Some(Self(Duration::from_millis(ms)))
    }
}
impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let whole = |unit: &&(&str, u64)| ms >= unit.1 && ms % unit.1 == 0;
        let (name, unit) = UNITS.iter().rev().find(whole).unwrap_or(&("s", 1_000));
        write!(f, "{}{name}", ms / unit)
    }
}
impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
