//! What was guessed wrong about an account, as arithmetic without a store: what counts, what is taken back, what locks.

use super::guess::Guess;
use super::lockout::Lock;
use super::policy::Policy;
use crate::clock::Instant;

/// The counts of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// The JST day to which `failures` and `locked_until` belong.
    pub(super) day: i64,
    /// Wrong answers at ② and ⑤ of that day (G4).
    pub(super) failures: i64,
    /// Wrong PINs over all days, without a success (G5).
    pub(super) wrong_pins: i64,
    /// The lock of the day.
    pub(super) locked_until: Option<Instant>,
    /// The lasting lock.
    pub(super) held: bool,
}

impl Counts {
    /// Nothing was guessed wrong.
    pub(super) const fn none(day: i64) -> Self {
        Self { day, failures: 0, wrong_pins: 0, locked_until: None, held: false }
    }

    /// The lock that holds.
    pub(super) const fn lock(&self) -> Option<Lock> {
        match (self.held, self.locked_until) {
            (true, _) => Some(Lock { until: None }),
            (false, Some(until)) => Some(Lock { until: Some(until) }),
            (false, None) => None,
        }
    }

    /// Counts a wrong answer to a guess of `day`, or that there was none in time; locks where a limit is reached. An answer
    /// to a guess of yesterday adds nothing to today's count.
    pub(super) fn wrong(&mut self, guess: Guess, day: i64, policy: &Policy, now: Instant) {
        if day == self.day {
            self.failures += 1;
            if self.failures >= policy.failures_a_day {
                self.locked_until = Some(now.next_jst_midnight());
            }
        }
        if guess == Guess::Pin {
            self.wrong_pins += 1;
            self.hold(policy);
        }
    }

    /// The lasting lock, where its limit is reached.
    pub(super) const fn hold(&mut self, policy: &Policy) {
        self.held |= self.wrong_pins >= policy.wrong_pins;
    }

    /// Takes one back that had counted as wrong; a lock that it caused goes with it.
    pub(super) fn take_back(&mut self, guess: Guess, day: i64, policy: &Policy) {
        if day == self.day {
            self.failures = (self.failures - 1).max(0);
            if self.failures < policy.failures_a_day {
                self.locked_until = None;
            }
        }
        if guess == Guess::Pin {
            self.wrong_pins = (self.wrong_pins - 1).max(0);
            self.held &= self.wrong_pins >= policy.wrong_pins;
        }
    }

    /// The right PIN: the lasting count begins anew. What is locked stays locked until somebody releases it.
    pub(super) const fn right_pin(&mut self) {
        if !self.held {
            self.wrong_pins = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Instant = Instant::from_secs(1_795_485_600);
    const TODAY: i64 = 7;

    fn policy() -> Policy {
        Policy { failures_a_day: 3, wrong_pins: 5, ..Policy::default() }
    }

    #[test]
    fn what_counts_and_what_locks() {
        let midnight = Some(Lock { until: Some(NOW.next_jst_midnight()) });
        let (customer, pin) = ((Guess::Customer, TODAY), (Guess::Pin, TODAY));
        for (why, wrong, counts, lock) in [
            ("nothing", vec![], (0, 0), None),
            ("two at ②", vec![customer; 2], (2, 0), None),
            ("three at ②", vec![customer; 3], (3, 0), midnight),
            ("both checks share the day", vec![customer, customer, pin], (3, 1), midnight),
            ("yesterday's add nothing to today", vec![(Guess::Customer, TODAY - 1); 9], (0, 0), None),
            ("but a PIN is a PIN", vec![(Guess::Pin, TODAY - 1); 4], (0, 4), None),
            ("the fifth", vec![(Guess::Pin, TODAY - 1); 5], (0, 5), Some(Lock { until: None })),
            ("both locks: the lasting one is told", vec![pin; 5], (5, 5), Some(Lock { until: None })),
        ] {
            let mut c = Counts::none(TODAY);
            wrong.iter().for_each(|(guess, day)| c.wrong(*guess, *day, &policy(), NOW));
            assert_eq!(((c.failures, c.wrong_pins), c.lock()), (counts, lock), "{why}");
        }
    }

    #[test]
    fn a_right_pin_forgets_the_lasting_count_and_opens_no_lock() {
        let mut c = Counts { wrong_pins: 4, ..Counts::none(TODAY) };
        c.right_pin();
        assert_eq!(c, Counts::none(TODAY));
        let mut c = Counts { wrong_pins: 5, held: true, ..Counts::none(TODAY) };
        c.right_pin();
        assert_eq!((c.wrong_pins, c.held), (5, true));
    }

    fn guesses() -> impl Strategy<Value = Vec<(Guess, i64)>> {
        let guess = prop_oneof![Just(Guess::Customer), Just(Guess::Pin)];
        prop::collection::vec((guess, TODAY - 1..=TODAY), 0..12)
    }

    proptest! {
        /// Whatever counted before and counts after it: one that is taken back leaves what would be there without it.
        #[test]
        fn what_is_taken_back_never_was(before in guesses(), one in guesses(), after in guesses()) {
            let count = |all: &[&[(Guess, i64)]]| {
                let mut c = Counts::none(TODAY);
                all.iter().copied().flatten().for_each(|(guess, day)| c.wrong(*guess, *day, &policy(), NOW));
                c
            };
            let without = count(&[&before, &after]);
            let mut with = count(&[&before, &one, &after]);
            one.iter().for_each(|(guess, day)| with.take_back(*guess, *day, &policy()));
            prop_assert_eq!(with, without);
        }
    }
}
