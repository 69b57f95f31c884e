//! The plan: a table of what is due when, and that no order of times breaks the promises of a rotation.

use super::plan::to_say;
use super::{KeyRow, KeyState, KeyStep, RotationPolicy, forward, plan, replace};
use crate::clock::Instant;
use crate::keys::jose::Alg;
use proptest::prelude::*;
use std::time::Duration;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn at(secs: u64) -> Instant {
    Instant::from_secs(1_700_000_000) + Duration::from_secs(secs)
}
fn policy() -> RotationPolicy {
    RotationPolicy {
        algs: Alg::ALL.to_vec(),
        rotate_every: Duration::from_secs(90 * DAY),
        publish_before: Duration::from_secs(DAY),
        keep_retired: Duration::from_secs(2 * DAY),
    }
}
fn key(kid: &str, alg: Alg, state: KeyState, created: u64) -> KeyRow {
    let activated_at = (state != KeyState::Next).then(|| at(created));
    let kid = kid.to_owned();
    KeyRow {
        kid,
        alg,
        state,
        created_at: at(created),
        activate_at: None,
        activated_at,
        retired_at: None,
        wanted_at: None,
    }
}

/// A ring in memory, with a history of what was published and what signed when.
#[derive(Default)]
struct RingModel {
    keys: Vec<KeyRow>,
    made: usize,
}
impl RingModel {
    fn new() -> Self {
        let mut model = Self::default();
        model.tend(0);
        model
    }
    fn apply(&mut self, moves: Vec<KeyStep>, now: u64) {
        for step in moves {
            let find = |kid: &String, keys: &mut Vec<KeyRow>| keys.iter().position(|k| k.kid == *kid).unwrap();
            match step {
                KeyStep::Make { alg, state, activate_at } => {
                    self.made += 1;
                    let mut made = key(&format!("k{}", self.made), alg, state, now);
                    made.activate_at = activate_at;
                    self.keys.push(made);
                }
                KeyStep::Schedule { kid, at } => {
                    let i = find(&kid, &mut self.keys);
                    self.keys[i].activate_at = Some(at);
                }
                KeyStep::Retire { kid } | KeyStep::Withdraw { kid } if self.state(&kid) == KeyState::Withdrawn => {
                    panic!("{kid} was withdrawn already")
                }
                KeyStep::Retire { kid } => {
                    let i = find(&kid, &mut self.keys);
                    assert_eq!(self.keys[i].state, KeyState::Current);
                    (self.keys[i].state, self.keys[i].retired_at) = (KeyState::Retired, Some(at(now)));
                }
                KeyStep::Withdraw { kid } => {
                    let i = find(&kid, &mut self.keys);
                    (self.keys[i].state, self.keys[i].retired_at) = (KeyState::Withdrawn, Some(at(now)));
                }
                KeyStep::Activate { kid } => {
                    let i = find(&kid, &mut self.keys);
                    assert_eq!(self.keys[i].state, KeyState::Next);
                    (self.keys[i].state, self.keys[i].activated_at) = (KeyState::Current, Some(at(now)));
                }
                KeyStep::Drop { kid } => {
                    let i = find(&kid, &mut self.keys);
                    self.keys.remove(i);
                }
            }
        }
    }
    fn state(&self, kid: &str) -> KeyState {
        self.keys.iter().find(|k| k.kid == kid).unwrap().state
    }
    fn tend(&mut self, now: u64) {
        let due = plan(&self.keys, at(now), &policy());
        self.apply(due, now);
        assert_eq!(plan(&self.keys, at(now), &policy()), [], "done is done");
    }
    fn count(&self, alg: Alg, state: KeyState) -> usize {
        self.keys.iter().filter(|k| k.alg == alg && k.state == state).count()
    }
}

#[test]
fn a_first_ring_has_one_key_of_each_algorithm_and_nothing_is_due() {
    let model = RingModel::new();
    for alg in Alg::ALL {
        assert_eq!((model.count(alg, KeyState::Current), model.keys.len()), (1, 4));
    }
}

#[test]
fn what_is_due_when() {
    let only = |mut keys: Vec<KeyRow>, now: u64| {
        // The other algorithms have young keys.
        keys.extend(Alg::ALL.into_iter().filter(|a| *a != Alg::Es256).map(|a| key("young", a, KeyState::Current, now)));
        plan(&keys, at(now), &policy())
    };
    let current = || key("a", Alg::Es256, KeyState::Current, 0);
    let next = |created| key("b", Alg::Es256, KeyState::Next, created);
    let scheduled = |created, when| KeyRow { activate_at: Some(at(when)), ..next(created) };
    let retired = |when| KeyRow { retired_at: Some(at(when)), ..key("r", Alg::Es256, KeyState::Retired, 0) };
    let make = |when| {
        let activate_at = Some(at(when));
        vec![KeyStep::Make { alg: Alg::Es256, state: KeyState::Next, activate_at }]
    };
    let turn = || vec![KeyStep::Retire { kid: "a".into() }, KeyStep::Activate { kid: "b".into() }];
    let drop = || vec![KeyStep::Drop { kid: "r".into() }];
    for (keys, now, want, why) in [
        (vec![current()], 88 * DAY, vec![], "young"),
        (vec![current()], 89 * DAY - 1, vec![], "a second early"),
        (vec![current()], 89 * DAY, make(90 * DAY), "the next one is published a day ahead"),
        (vec![current()], 400 * DAY, make(401 * DAY), "after a long sleep it is published first, all the same"),
        (vec![current(), scheduled(89 * DAY, 90 * DAY)], 90 * DAY - 1, vec![], "not its turn yet"),
        (vec![current(), scheduled(89 * DAY, 90 * DAY)], 90 * DAY, turn(), "its turn"),
        (vec![current(), scheduled(10 * DAY, 10 * DAY)], 11 * DAY - 1, vec![], "never before it was published a day"),
        (vec![current(), next(10 * DAY)], 11 * DAY, turn(), "without a date: after a day"),
        (vec![current(), retired(10 * DAY)], 12 * DAY - 1, vec![], "what it signed may still be valid"),
        (vec![current(), retired(10 * DAY)], 12 * DAY, drop(), "nothing it signed is"),
        (vec![next(0)], 1, vec![KeyStep::Activate { kid: "b".into() }], "who has no key signs with the next"),
    ] {
        assert_eq!(only(keys, now), want, "{why}");
    }
}

/// A store of an earlier release has a key of each of the four algorithms.
#[test]
fn a_key_that_nobody_asks_for_any_more_leaves_like_after_a_rotation() {
    let all = RingModel::new().keys;
    let fewer = RotationPolicy { algs: Alg::SIGNING.to_vec(), ..policy() };
    let old = all.iter().find(|k| k.alg == Alg::EdDsa).unwrap().kid.clone();
    let mut model = RingModel { keys: all, made: 4 };
    model.keys.push(key("next", Alg::EdDsa, KeyState::Next, 0));
    // Another node still wants it.
    let place = model.keys.iter().position(|k| k.kid == old).unwrap();
    for (wanted_at, now, gone) in [
        (None, HOUR - 1, false),
        (None, HOUR, true),
        (Some(at(DAY)), DAY + HOUR - 1, false),
        (Some(at(DAY)), DAY + HOUR, true),
    ] {
        model.keys[place].wanted_at = wanted_at;
        let due = plan(&model.keys, at(now), &fewer);
        assert_eq!(due.len(), if gone { 2 } else { 0 }, "wanted {wanted_at:?}, at {now}: {due:?}");
    }
    model.keys[place].wanted_at = None;
    let due = plan(&model.keys, at(DAY), &fewer);
    assert_eq!(due, [KeyStep::Retire { kid: old.clone() }, KeyStep::Drop { kid: "next".into() }]);
    model.apply(due, DAY);
    assert_eq!((model.count(Alg::EdDsa, KeyState::Current), model.state(&old)), (0, KeyState::Retired));
    assert_eq!(plan(&model.keys, at(3 * DAY - 1), &fewer), [], "what it signed may still be verified");
    let due = plan(&model.keys, at(3 * DAY), &fewer);
    assert_eq!(due, [KeyStep::Drop { kid: old }]);
    model.apply(due, 3 * DAY);
    assert_eq!(model.keys.len(), 3);
    // Who asks for it again gets a new one.
    let due = plan(&model.keys, at(4 * DAY), &policy());
    assert_eq!(due, [KeyStep::Make { alg: Alg::EdDsa, state: KeyState::Current, activate_at: None }]);
}

/// Every ten minutes, and only what signs.
#[test]
fn a_node_says_which_keys_it_wants() {
    let mut keys = RingModel::new().keys;
    let two = RotationPolicy { algs: vec![Alg::Es256, Alg::Rs256], ..policy() };
    keys.push(key("next", Alg::Es256, KeyState::Next, 0));
    assert_eq!(to_say(&keys, at(0), &two).len(), 2);
    for key in &mut keys {
        key.wanted_at = Some(at(0));
    }
    assert_eq!(to_say(&keys, at(HOUR / 6 - 1), &two), [""; 0]);
    assert_eq!(to_say(&keys, at(HOUR / 6), &two).len(), 2);
}

#[test]
fn brought_forward_and_replaced() {
    let mut model = RingModel::new();
    let moves = forward(&model.keys, &[Alg::Es256], at(DAY), &policy());
    assert_eq!(moves, [KeyStep::Make { alg: Alg::Es256, state: KeyState::Next, activate_at: Some(at(2 * DAY)) }]);
    model.apply(moves, DAY);
    assert_eq!(forward(&model.keys, &[Alg::Es256], at(DAY), &policy()), [], "it comes as soon as it can");
    model.tend(2 * DAY);
    assert_eq!((model.count(Alg::Es256, KeyState::Retired), model.count(Alg::Rs256, KeyState::Retired)), (1, 0));
    // A next key that waits for a later time is brought forward, because it was published long enough.
    model.tend(89 * DAY);
    let waiting = model.keys.iter().find(|k| k.alg == Alg::Rs256 && k.state == KeyState::Next).unwrap().kid.clone();
    let later =
        KeyRow { activate_at: Some(at(200 * DAY)), ..model.keys.iter().find(|k| k.kid == waiting).unwrap().clone() };
    model.keys.retain(|k| k.kid != waiting);
    model.keys.push(later);
    let moves = forward(&model.keys, &[Alg::Rs256], at(100 * DAY), &policy());
    assert_eq!(moves, [KeyStep::Schedule { kid: waiting, at: at(100 * DAY) }]);

    // The emergency withdraws all keys of the algorithm and changes no other algorithm.
    let others = model.keys.iter().filter(|k| k.alg != Alg::Es256).cloned().collect::<Vec<_>>();
    let moves = replace(&model.keys, &[Alg::Es256]);
    model.apply(moves, 100 * DAY);
    assert_eq!(model.count(Alg::Es256, KeyState::Current), 1);
    assert_eq!(model.count(Alg::Es256, KeyState::Next) + model.count(Alg::Es256, KeyState::Retired), 0);
    assert_eq!(model.keys.iter().filter(|k| k.alg != Alg::Es256).cloned().collect::<Vec<_>>(), others);
    model.tend(102 * DAY);
    assert_eq!(model.count(Alg::Es256, KeyState::Withdrawn), 0, "and is forgotten in the end");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// For any order of events: each algorithm has one signing key; it was published a day before, except after an
    /// emergency; a key that signed stays published for two days, except after an emergency; the ring stays small.
    #[test]
    fn no_order_of_times_breaks_a_promise(steps in prop::collection::vec((0u64..200 * DAY, 0u8..12), 1..60)) {
        let mut model = RingModel::new();
        let mut now = 0;
        for (wait, what) in steps {
            now += if what % 3 == 0 { wait } else { wait % (2 * DAY) };
            let before = model.keys.clone();
            let urgent = what == 1;
            match what {
                1 => { let moves = replace(&model.keys, &[Alg::Es256]); model.apply(moves, now) }
                2 | 4 => { let moves = forward(&model.keys, &Alg::ALL, at(now), &policy()); model.apply(moves, now) }
                _ => model.tend(now),
            }
            for alg in Alg::ALL {
                prop_assert_eq!(model.count(alg, KeyState::Current), 1, "{} at {}", alg, now);
                prop_assert!(model.count(alg, KeyState::Next) <= 1);
            }
            for k in &model.keys {
                let signs = k.state == KeyState::Current && before.iter().any(|b| b.kid == k.kid && b.state == KeyState::Next);
                prop_assert!(!signs || k.created_at + policy().publish_before <= at(now), "published before it signs");
            }
            for gone in before.iter().filter(|b| model.keys.iter().all(|k| k.kid != b.kid)) {
                let ended = gone.retired_at;
                prop_assert!(ended.is_some_and(|e| e + policy().keep_retired <= at(now)), "published after it signed");
            }
            let taken = |b: &&KeyRow| matches!(b.state, KeyState::Next | KeyState::Current | KeyState::Retired);
            for b in before.iter().filter(taken).filter(|b| model.keys.iter().any(|k| k.kid == b.kid && k.state == KeyState::Withdrawn)) {
                prop_assert!(urgent && b.alg == Alg::Es256);
            }
            prop_assert!(model.keys.len() < 100);
        }
    }
}
