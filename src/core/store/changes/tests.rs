//! What the protocol promises, tried with threads: the histories of readers that keep and a writer that changes are linearizable. With
//! one step left out or moved, they are not.

use super::*;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use std::thread;
use std::time::Duration;

/// What one program does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// The stripes get the number only after COMMIT.
    MarkedLate,
    /// What is kept is used without a look at the stripes.
    NotCompared,
    /// The number is taken after the read.
    NumberedLate,
}

/// One row with a number in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct NumberedRow(u64);
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Op {
    Write(u64),
    Read,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Answer {
    Done,
    Is(u64),
}
impl SequentialSpec for NumberedRow {
    type Op = Op;
    type Ret = Answer;
    fn invoke(&mut self, op: &Op) -> Answer {
        match op {
            Op::Write(n) => {
                self.0 = *n;
                Answer::Done
            }
            Op::Read => Answer::Is(self.0),
        }
    }
}

/// The store and what a reader keeps of it.
#[derive(Default)]
struct CachedRow {
    changes: Changes,
    committed: AtomicU64,
    entry: Mutex<Option<(u64, CommitNumber)>>,
}
const ROW: Stripe = Stripe(7);

impl CachedRow {
    fn write(&self, n: u64, fault: Fault, pause: &mut impl FnMut()) {
        let mut commit = None;
        if fault != Fault::MarkedLate {
            self.changes.note(ROW);
            commit = Some(self.changes.begin());
        }
        pause();
        self.committed.store(n, Ordering::SeqCst);
        pause();
        self.changes.note(ROW);
        let commit = commit.unwrap_or_else(|| self.changes.begin());
        self.changes.forget_noted();
        self.changes.finish(&commit);
        pause();
    }
    fn read(&self, fault: Fault, pause: &mut impl FnMut()) -> u64 {
        let entry = *self.entry.lock().unwrap();
        pause();
        if let Some((n, read_at)) = entry
            && (fault == Fault::NotCompared || self.changes.unchanged(read_at, &[ROW]))
        {
            return n;
        }
        let before = self.changes.finished();
        let n = self.committed.load(Ordering::SeqCst);
        pause();
        let read_at = if fault == Fault::NumberedLate { self.changes.finished() } else { before };
        *self.entry.lock().unwrap() = Some((n, read_at));
        n
    }
}

/// Whether the history of one round is linearizable.
fn round(fault: Fault, seed: u64) -> bool {
    let cache = CachedRow::default();
    let tester = Mutex::new(LinearizabilityTester::new(NumberedRow::default()));
    let invoke = |who: u64, op: Op| {
        tester.lock().unwrap().on_invoke(who, op).unwrap();
    };
    let answer = |who: u64, said: Answer| {
        tester.lock().unwrap().on_return(who, said).unwrap();
    };
    thread::scope(|threads| {
        for who in 0..4 {
            let (cache, invoke, answer) = (&cache, &invoke, &answer);
            threads.spawn(move || {
                let mut word = (seed * 4 + who + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mut pause = move || {
                    // xorshift: each round pauses differently.
                    word ^= word << 13;
                    word ^= word >> 7;
                    word ^= word << 17;
                    thread::sleep(Duration::from_micros(word % 60));
                };
                for n in 1..=3 {
                    pause();
                    if who == 0 {
                        invoke(who, Op::Write(n));
                        cache.write(n, fault, &mut pause);
                        answer(who, Answer::Done);
                    } else {
                        invoke(who, Op::Read);
                        let read = cache.read(fault, &mut pause);
                        answer(who, Answer::Is(read));
                    }
                }
            });
        }
    });
    tester.into_inner().unwrap().is_consistent()
}

#[test]
fn what_is_kept_is_what_the_store_would_answer() {
    assert!((0..300).all(|seed| round(Fault::None, seed)));
}

#[test]
fn each_step_is_needed() {
    for fault in [Fault::MarkedLate, Fault::NotCompared, Fault::NumberedLate] {
        assert!(!(0..5000).all(|seed| round(fault, seed)), "nobody notices: {fault:?}");
    }
}

#[test]
fn a_stripe_is_changed_for_those_who_read_before() {
    let changes = Changes::default();
    let (before, other) = (changes.finished(), Stripe(8));
    changes.note(ROW);
    assert!(changes.unchanged(before, &[ROW, other]), "nothing is committed yet");
    let commit = changes.begin();
    assert!(!changes.unchanged(before, &[ROW, other]) && changes.unchanged(before, &[other]));
    let during = changes.finished();
    changes.finish(&commit);
    assert!(!changes.unchanged(during, &[ROW]), "it may have read before the commit");
    assert!(changes.unchanged(changes.finished(), &[ROW, other]));
}

#[test]
fn a_lost_transaction_changes_nothing() {
    let changes = Changes::default();
    changes.note(ROW);
    changes.forget_noted();
    let before = changes.finished();
    let commit = changes.begin();
    changes.finish(&commit);
    assert!(changes.unchanged(before, &[ROW]));
}
