//! The counts of wrong guesses about an account, and every decision of [`super::lockout`], as pure functions: what
//! counts, what is taken back, what locks, and whether one more guess is allowed.

use super::guess::{Guess, GuessRow};
use super::lockout::Lock;
use super::message::Message;
use super::policy::IdentityPolicy;
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
    /// End of the lock for the day.
    pub(super) locked_until: Option<Instant>,
    /// Whether the lasting lock holds (G5).
    pub(super) held: bool,
}

/// The decision about one more guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OneMore {
    /// It is allowed.
    Go,
    /// The account is locked.
    Locked(Lock),
    /// The guesses under way already use up what the limit leaves.
    Full,
}
/// What is decided about a guess that was not settled in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It counts as wrong, so that the account shows up as locked and staff can unlock it.
    PresumeWrong,
    /// Its day is over: it does not count.
    Drop,
}
/// What one more failure would do, for the line that warns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastTry {
    /// It would lock the account for the day (G4).
    OfDay,
    /// It would set the lasting lock (G5).
    BeforeLastingLock,
}
impl LastTry {
    /// The line that warns of it.
    pub(super) const fn warning(self) -> Message {
        match self {
            Self::OfDay => Message::LastTryOfDay,
            Self::BeforeLastingLock => Message::LastTryBeforeLock,
        }
    }
}
/// What a change of the counts does to the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A lock begins.
    Locks(Lock),
    /// A lock ends.
    Unlocks,
    /// The lock continues.
    Stays,
    /// There was no lock and there is none.
    Open,
}

impl Counts {
    /// The counts on the day `today`. Midnight JST ends the counts and the lock of the day (R32); the lasting count
    /// continues.
    pub(super) const fn on(self, today: i64) -> Self {
        if self.day < today {
            return Self { wrong_pins: self.wrong_pins, held: self.held, ..Self::none(today) };
        }
        self
    }

    /// Whether one more guess is allowed while the guesses `open` are under way. They count as if they were wrong, so
    /// that parallel guesses cannot exceed the limits. Sets the lasting lock first if its limit has been lowered.
    pub(super) fn one_more(&mut self, guess: Guess, open: &[GuessRow], policy: &IdentityPolicy) -> OneMore {
        if guess == Guess::Pin {
            // The limit may have been higher when the PINs were counted.
            self.hold(policy);
        }
        if let Some(lock) = self.lock() {
            return OneMore::Locked(lock);
        }
        let (mut of_today, mut pins) = (0, 0);
        for g in open.iter().filter(|g| !g.presumed_wrong) {
            of_today += i64::from(g.day == self.day);
            pins += i64::from(g.guess == Guess::Pin);
        }
        let pins_left = guess == Guess::Customer || self.wrong_pins + pins < policy.wrong_pins;
        if self.failures + of_today >= policy.failures_a_day || !pins_left {
            return OneMore::Full;
        }
        OneMore::Go
    }

    /// What becomes of an unsettled guess at `now`. `None` if it may still be settled, or is presumed wrong already. A PIN
    /// counts towards the lasting lock whatever its day (G5).
    pub(super) fn overdue(&self, g: &GuessRow, now: Instant) -> Option<Overdue> {
        if g.presumed_wrong || now < g.until {
            return None;
        }
        let over = g.guess == Guess::Customer && g.day < self.day;
        Some(if over { Overdue::Drop } else { Overdue::PresumeWrong })
    }

    /// What the change from `before` to these counts does to the lock.
    pub(super) fn after(&self, before: &Self) -> Turn {
        match (before.lock(), self.lock()) {
            (None, Some(lock)) => Turn::Locks(lock),
            (Some(_), None) => Turn::Unlocks,
            (Some(_), Some(_)) => Turn::Stays,
            (None, None) => Turn::Open,
        }
    }

    /// Nothing was guessed wrong.
    pub(super) const fn none(day: i64) -> Self {
        Self { day, failures: 0, wrong_pins: 0, locked_until: None, held: false }
    }

    /// The current lock.
    pub(super) const fn lock(&self) -> Option<Lock> {
        match (self.held, self.locked_until) {
            (true, _) => Some(Lock { until: None }),
            (false, Some(until)) => Some(Lock { until: Some(until) }),
            (false, None) => None,
        }
    }

    /// Counts a guess of `day` as wrong, and locks if a limit is reached. A guess of yesterday does not change
    /// today's count.
    pub(super) fn count_wrong(&mut self, guess: Guess, day: i64, policy: &IdentityPolicy, now: Instant) {
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

    /// What the next failure at the same check would do, if it would lock. A failure at ② never counts towards the
    /// lasting lock. Where it would do both, the lasting lock is told, because midnight does not end it.
    pub(super) fn last_try(&self, guess: Guess, policy: &IdentityPolicy) -> Option<LastTry> {
        if self.lock().is_some() {
            return None;
        }
        let lasting = guess == Guess::Pin && self.wrong_pins + 1 >= policy.wrong_pins;
        let of_day = self.failures + 1 >= policy.failures_a_day;
        if lasting { Some(LastTry::BeforeLastingLock) } else { of_day.then_some(LastTry::OfDay) }
    }

    /// Sets the lasting lock if its limit is reached.
    pub(super) const fn hold(&mut self, policy: &IdentityPolicy) {
        self.held |= self.wrong_pins >= policy.wrong_pins;
    }

    /// Takes back a guess that was presumed wrong, and the lock that it caused.
    pub(super) fn take_back(&mut self, guess: Guess, day: i64, policy: &IdentityPolicy) {
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

    /// The PIN was right: the lasting count starts again at zero. An account that is locked stays locked until staff
    /// release it.
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

    fn policy() -> IdentityPolicy {
        IdentityPolicy { failures_a_day: 3, wrong_pins: 5, ..IdentityPolicy::default() }
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
            wrong.iter().for_each(|(guess, day)| c.count_wrong(*guess, *day, &policy(), NOW));
            assert_eq!(((c.failures, c.wrong_pins), c.lock()), (counts, lock), "{why}");
        }
    }

    #[test]
    fn the_last_try_is_announced() {
        let (customer, pin) = (Guess::Customer, Guess::Pin);
        let (of_day, lasting) = (Some(LastTry::OfDay), Some(LastTry::BeforeLastingLock));
        let counts = |failures, wrong_pins| Counts { failures, wrong_pins, ..Counts::none(TODAY) };
        for (why, counts, guess, want) in [
            ("the first of three", counts(1, 0), customer, None),
            ("the second", counts(2, 0), customer, of_day),
            ("the second, at ⑤", counts(2, 1), pin, of_day),
            ("one at each check", counts(2, 1), customer, of_day),
            ("yesterday's, settled after midnight", counts(0, 0), customer, None),
            ("the third PIN of five", counts(1, 3), pin, None),
            ("the fourth PIN of five", counts(1, 4), pin, lasting),
            ("both locks: the lasting one is told", counts(2, 4), pin, lasting),
            ("② guesses no PIN", counts(1, 4), customer, None),
            ("② guesses no PIN, but the day is at its end", counts(2, 4), customer, of_day),
            ("the limit of PINs was lowered since", counts(1, 9), pin, lasting),
            ("it is locked for the day", Counts { locked_until: Some(NOW), ..counts(3, 0) }, customer, None),
            ("it is locked for good", Counts { held: true, ..counts(1, 5) }, pin, None),
        ] {
            assert_eq!(counts.last_try(guess, &policy()), want, "{why}");
        }
        let once = IdentityPolicy { failures_a_day: 1, ..policy() };
        let mut c = Counts::none(TODAY);
        c.count_wrong(customer, TODAY, &once, NOW);
        assert_eq!(c.last_try(customer, &once), None, "the only try was the last");
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

    fn asked(guess: Guess, day: i64, presumed_wrong: bool) -> GuessRow {
        let id = crate::id::GuessId::parse(&"a".repeat(43)).unwrap();
        GuessRow { id, account: crate::secret::Hash::of("x"), guess, day, at: NOW, until: NOW + MINUTE, presumed_wrong }
    }
    const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

    #[test]
    fn whether_one_more_guess_may_be_made() {
        let none = Counts::none(TODAY);
        let (customer, pin) = (Guess::Customer, Guess::Pin);
        let (lasting, today) = (Lock { until: None }, Lock { until: Some(NOW) });
        let counts = |failures, wrong_pins| Counts { failures, wrong_pins, ..none };
        for (why, mut counts, guess, open, want) in [
            ("nothing was wrong", none, customer, vec![], OneMore::Go),
            ("two of three were wrong", counts(2, 0), customer, vec![], OneMore::Go),
            ("and one is asked about", counts(2, 0), customer, vec![asked(pin, TODAY, false)], OneMore::Full),
            ("three are asked about", none, customer, vec![asked(customer, TODAY, false); 3], OneMore::Full),
            ("which count already", none, customer, vec![asked(customer, TODAY, true); 3], OneMore::Go),
            ("of yesterday", none, customer, vec![asked(customer, TODAY - 1, false); 3], OneMore::Go),
            ("four PINs ever", counts(0, 4), pin, vec![], OneMore::Go),
            (
                "and one of yesterday is asked about",
                counts(0, 4),
                pin,
                vec![asked(pin, TODAY - 1, false)],
                OneMore::Full,
            ),
            ("which is nothing to ②", counts(0, 4), customer, vec![asked(pin, TODAY - 1, false)], OneMore::Go),
            ("five PINs, a limit lowered since", counts(0, 5), pin, vec![], OneMore::Locked(lasting)),
            ("the same at ②: no PIN is guessed there", counts(0, 5), customer, vec![], OneMore::Go),
            ("locked for the day", Counts { locked_until: Some(NOW), ..none }, pin, vec![], OneMore::Locked(today)),
            ("locked for good", Counts { held: true, ..none }, customer, vec![], OneMore::Locked(lasting)),
        ] {
            assert_eq!(counts.one_more(guess, &open, &policy()), want, "{why}");
        }
    }

    #[test]
    fn what_becomes_of_a_guess_that_nobody_settles() {
        let c = Counts::none(TODAY);
        let (soon, late) = (NOW + MINUTE - std::time::Duration::from_millis(1), NOW + MINUTE);
        for (guess, day, presumed_wrong, now, want, why) in [
            (Guess::Customer, TODAY, false, soon, None, "somebody may still settle it"),
            (Guess::Customer, TODAY, false, late, Some(Overdue::PresumeWrong), "nobody does"),
            (Guess::Customer, TODAY, true, late, None, "it is presumed wrong already"),
            (Guess::Customer, TODAY - 1, false, late, Some(Overdue::Drop), "its day is over"),
            (Guess::Pin, TODAY - 1, false, late, Some(Overdue::PresumeWrong), "a PIN is a PIN"),
        ] {
            assert_eq!(c.overdue(&asked(guess, day, presumed_wrong), now), want, "{why}");
        }
    }

    #[test]
    fn midnight_releases_the_day_and_nothing_else() {
        let c = Counts { day: TODAY, failures: 3, wrong_pins: 4, locked_until: Some(NOW), held: true };
        assert_eq!(c.on(TODAY), c);
        assert_eq!(c.on(TODAY + 1), Counts { wrong_pins: 4, held: true, ..Counts::none(TODAY + 1) });
        assert_eq!(c.on(TODAY - 1), c, "a clock that is behind takes nothing off");
    }

    #[test]
    fn a_lock_begins_goes_on_and_ends() {
        let open = Counts::none(TODAY);
        let (day, good) = (Counts { locked_until: Some(NOW), ..open }, Counts { held: true, ..open });
        assert_eq!(open.after(&open), Turn::Open);
        assert_eq!(day.after(&open), Turn::Locks(Lock { until: Some(NOW) }));
        assert_eq!(good.after(&open), Turn::Locks(Lock { until: None }));
        assert_eq!((good.after(&day), day.after(&good)), (Turn::Stays, Turn::Stays));
        assert_eq!((open.after(&day), open.after(&good)), (Turn::Unlocks, Turn::Unlocks));
    }

    fn guesses() -> impl Strategy<Value = Vec<(Guess, i64)>> {
        let guess = prop_oneof![Just(Guess::Customer), Just(Guess::Pin)];
        prop::collection::vec((guess, TODAY - 1..=TODAY), 0..12)
    }

    proptest! {
        /// Taking back a guess leaves the same counts as if it had never been counted, whatever was counted before
        /// and after it.
        #[test]
        fn what_is_taken_back_never_was(before in guesses(), one in guesses(), after in guesses()) {
            let count = |all: &[&[(Guess, i64)]]| {
                let mut c = Counts::none(TODAY);
                all.iter().copied().flatten().for_each(|(guess, day)| c.count_wrong(*guess, *day, &policy(), NOW));
                c
            };
            let without = count(&[&before, &after]);
            let mut with = count(&[&before, &one, &after]);
            one.iter().for_each(|(guess, day)| with.take_back(*guess, *day, &policy()));
            prop_assert_eq!(with, without);
        }
    }
}
