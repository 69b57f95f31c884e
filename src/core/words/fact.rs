//! Countable facts: what a transaction notes and what is counted once the transaction is committed, and durations. Every
//! label is from a closed set, so no count names a person or an app. Counting takes no lock and no memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A closed set: a label's name and its values.
pub type Label = (&'static str, &'static [&'static str]);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $help:literal, [$($label:expr),*];)+) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FactKind { $($(#[$doc])* $name),+ }
        impl FactKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),+];
            /// Its name in the metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
            /// What it counts, in words.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$name => $help),+ }
            }
            /// Its labels, two at most.
            #[must_use]
            pub const fn labels(self) -> &'static [Label] {
                match self { $(Self::$name => &[$($label),*]),+ }
            }
        }
    };
}

/// Where an interaction is, by the name of its screen.
const SCREENS: &[&str] = &[
    "account",
    "customer",
    "phone",
    "call",
    "pin",
    "consent",
    "links",
    "done",
    "cancelled",
    "locked",
    "closed",
    "expired",
];

kinds! {
    /// An interaction began.
    InteractionBegun = "interactions_begun", "Interactions that began", [("purpose", &["link", "my"])];
    /// A customer came to a screen by a form that was accepted.
    StepReached = "check_steps", "Screens that customers came to", [("screen", SCREENS)];
    /// An interaction ended without consent.
    InteractionEnded = "interactions_ended", "Interactions that ended without consent, by the screen they were at",
        [("screen", SCREENS), ("why", &[
            "cancelled", "finished", "locked", "was_locked", "closed", "no_account", "invalid_grant", "no_days", "failed", "busy",
            "off", "call_expired", "expired", "superseded", "unknown_accounts",
        ])];
    /// A message of R30 to R37 was shown.
    MessageShown = "messages", "Messages R30 to R37 that customers read",
        [("message", &["R30", "R31", "R32", "R33", "R34", "R35", "R36", "R37"])];
    /// A call was reported.
    CallReported = "calls", "Calls that the gateway reported, by what became of them",
        [("result", &[
            "counted", "again", "too_early", "too_late", "lease_over", "another_number", "withheld", "not_ours", "repeated",
        ])];
    /// An account was locked.
    AccountLocked = "account_locks", "Accounts that were locked", [];
    /// An access token was issued.
    TokenIssued = "tokens_issued", "Access tokens that were issued", [("for", &["customer", "client"])];
    /// A notice was sent or given up.
    NoticeDone = "notices", "Notices to customers that were sent or given up", [("result", &["sent", "failed"])];
}

/// One fact, with a value of each of its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact(pub FactKind, pub [&'static str; 2]);
impl Fact {
    /// A fact with one label.
    #[must_use]
    pub const fn of(kind: FactKind, value: &'static str) -> Self {
        Self(kind, [value, ""])
    }
    /// Its index among all combinations of its kind; `None` for a value that is not of the closed set.
    fn index(self) -> Option<usize> {
        let mut index = 0;
        for ((_, values), value) in self.0.labels().iter().zip(self.1) {
            index = index * values.len() + values.iter().position(|known| *known == value)?;
        }
        Some(index)
    }
}

/// The counts of all facts since the start.
#[derive(Debug)]
pub struct Facts(Vec<Vec<AtomicU64>>);
impl Default for Facts {
    fn default() -> Self {
        let size = |kind: &FactKind| kind.labels().iter().map(|(_, values)| values.len()).product();
        let zeros = |kind| (0..size(kind)).map(|_| AtomicU64::new(0)).collect();
        Self(FactKind::ALL.iter().map(zeros).collect())
    }
}
impl Facts {
    /// Counts one.
    pub fn count(&self, fact: Fact) {
        if let Some(count) = fact.index().and_then(|index| self.0[fact.0 as usize].get(index)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
    /// Each combination of label values of a kind, with its count.
    #[must_use]
    pub fn of(&self, kind: FactKind) -> Vec<(Vec<(&'static str, &'static str)>, u64)> {
        let counts = self.0[kind as usize].iter().enumerate();
        counts.map(|(index, count)| (values_at(kind, index), count.load(Ordering::Relaxed))).collect()
    }
}

fn values_at(kind: FactKind, mut index: usize) -> Vec<(&'static str, &'static str)> {
    let mut pairs = Vec::new();
    for (name, values) in kind.labels().iter().rev() {
        pairs.push((*name, values[index % values.len()]));
        index /= values.len();
    }
    pairs.reverse();
    pairs
}

/// The upper bounds of the buckets of [`Durations`], in seconds.
pub const BOUNDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub struct Durations {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}
impl Durations {
    /// Counts one duration.
    pub fn count(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    /// The sum in seconds, and each bucket with its upper bound and its own count; the last bound is `f64::MAX`.
    #[must_use]
    pub fn read(&self) -> (f64, Vec<(f64, u64)>) {
        let bounds = BOUNDS.iter().copied().chain([f64::MAX]);
        let buckets = bounds.zip(&self.buckets).map(|(bound, count)| (bound, count.load(Ordering::Relaxed)));
        let sum = Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64();
        (sum, buckets.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_has_its_count() {
        let facts = Facts::default();
        for fact in [
            Fact::of(FactKind::StepReached, "pin"),
            Fact(FactKind::InteractionEnded, ["pin", "expired"]),
            Fact(FactKind::InteractionEnded, ["pin", "expired"]),
            Fact(FactKind::InteractionEnded, ["call", "cancelled"]),
            Fact(FactKind::AccountLocked, ["", ""]),
            Fact::of(FactKind::StepReached, "115-1100026"),
        ] {
            facts.count(fact);
        }
        let counted = |kind| facts.of(kind).into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
        assert_eq!(counted(FactKind::StepReached), [(vec![("screen", "pin")], 1)], "no other value is counted");
        assert_eq!(
            counted(FactKind::InteractionEnded),
            [(vec![("screen", "call"), ("why", "cancelled")], 1), (vec![("screen", "pin"), ("why", "expired")], 2)]
        );
        assert_eq!(counted(FactKind::AccountLocked), [(vec![], 1)]);
    }

    #[test]
    fn a_duration_is_in_the_bucket_that_holds_it() {
        let durations = Durations::default();
        for micros in [1, 1_000, 1_001, 250_000, 10_000_001] {
            durations.count(Duration::from_micros(micros));
        }
        let (sum, buckets) = durations.read();
        assert!((sum - 10.252_003).abs() < 1e-9, "{sum}");
        let filled: Vec<_> = buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.001, 2), (0.005, 1), (0.25, 1), (f64::MAX, 1)]);
    }
}
