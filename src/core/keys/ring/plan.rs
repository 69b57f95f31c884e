//! When which key does what: pure functions of the keys, the time and the policy.
//!
//! A key is published long before it signs, so that whoever caches our keys has it by then, and long after, so that
//! what it signed can be verified. Only an emergency breaks both rules, and says so.

use super::{Listed, State};
use crate::clock::Instant;
use crate::keys::jose::Alg;
use std::time::Duration;

/// The times of a rotation (`[keys]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a key signs.
    pub rotate_every: Duration,
    /// How long a key is published before it signs.
    pub publish_before: Duration,
    /// How long a key is published after it signed last.
    pub keep_retired: Duration,
}
const HOUR: u64 = 3600;
impl Default for Policy {
    fn default() -> Self {
        Self {
            rotate_every: Duration::from_secs(90 * 24 * HOUR),
            publish_before: Duration::from_secs(24 * HOUR),
            keep_retired: Duration::from_secs(48 * HOUR),
        }
    }
}

/// One step of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// A new key: `Next` until `activate_at`, or `Current` at once.
    Make {
        /// What it signs with.
        alg: Alg,
        /// Where it begins.
        state: State,
        /// When it is to begin to sign.
        activate_at: Option<Instant>,
    },
    /// A next key begins to sign at another time.
    Schedule {
        /// Which.
        kid: String,
        /// When.
        at: Instant,
    },
    /// It signs no more, and stays published.
    Retire {
        /// Which.
        kid: String,
    },
    /// It signs from now on.
    Activate {
        /// Which.
        kid: String,
    },
    /// It is not ours any more: published no longer, its private half erased.
    Withdraw {
        /// Which.
        kid: String,
    },
    /// Nothing it signed is valid any more: it goes.
    Drop {
        /// Which.
        kid: String,
    },
}

/// The keys of one algorithm in one state, the oldest first.
fn of(keys: &[Listed], alg: Alg, state: State) -> impl Iterator<Item = &Listed> {
    keys.iter().filter(move |k| k.alg == alg && k.state == state)
}

/// What a ring lacks to sign at all: a current key of each algorithm. Nothing was published before the first one, so
/// nobody has a cache without it.
#[must_use]
pub fn missing(keys: &[Listed]) -> Vec<Move> {
    let lacking = Alg::ALL.into_iter().filter(|alg| of(keys, *alg, State::Current).next().is_none());
    lacking
        .map(|alg| match of(keys, alg, State::Next).next() {
            Some(next) => Move::Activate { kid: next.kid.clone() },
            None => Move::Make { alg, state: State::Current, activate_at: None },
        })
        .collect()
}

/// What is due at `now`. Done at once, nothing more is due at `now`.
#[must_use]
pub fn plan(keys: &[Listed], now: Instant, policy: &Policy) -> Vec<Move> {
    let mut moves = missing(keys);
    for alg in Alg::ALL {
        let Some(current) = of(keys, alg, State::Current).next() else { continue };
        match of(keys, alg, State::Next).min_by_key(|k| begins(k, policy)) {
            None => {
                let turn = current.activated_at.unwrap_or(current.created_at) + policy.rotate_every;
                if now + policy.publish_before >= turn {
                    let activate_at = Some(turn.max(now + policy.publish_before));
                    moves.push(Move::Make { alg, state: State::Next, activate_at });
                }
            }
            Some(next) if begins(next, policy) <= now => {
                moves.push(Move::Retire { kid: current.kid.clone() });
                moves.push(Move::Activate { kid: next.kid.clone() });
            }
            Some(_) => {}
        }
    }
    let over = |k: &&Listed| k.retired_at.is_some_and(|at| at + policy.keep_retired <= now);
    moves.extend(keys.iter().filter(over).map(|k| Move::Drop { kid: k.kid.clone() }));
    moves
}

/// When a next key begins to sign: when it was said to, and never before it was published long enough.
fn begins(next: &Listed, policy: &Policy) -> Instant {
    let earliest = next.created_at + policy.publish_before;
    next.activate_at.unwrap_or(earliest).max(earliest)
}

/// Rotates `algs` as soon as nobody notices: the next key is published now and signs when it was published long enough.
#[must_use]
pub fn forward(keys: &[Listed], algs: &[Alg], now: Instant, policy: &Policy) -> Vec<Move> {
    let soonest = now + policy.publish_before;
    let one = |alg: &Alg| match of(keys, *alg, State::Next).next() {
        None => Some(Move::Make { alg: *alg, state: State::Next, activate_at: Some(soonest) }),
        Some(next) => {
            let at = (next.created_at + policy.publish_before).max(now);
            (at < begins(next, policy)).then(|| Move::Schedule { kid: next.kid.clone(), at })
        }
    };
    algs.iter().filter_map(one).collect()
}

/// The emergency: every key of `algs` may be in wrong hands. All of them are withdrawn at once, a new one signs at once.
#[must_use]
pub fn replace(keys: &[Listed], algs: &[Alg]) -> Vec<Move> {
    let lost = keys.iter().filter(|k| algs.contains(&k.alg) && k.state != State::Withdrawn);
    let mut moves: Vec<Move> = lost.map(|k| Move::Withdraw { kid: k.kid.clone() }).collect();
    moves.extend(algs.iter().map(|alg| Move::Make { alg: *alg, state: State::Current, activate_at: None }));
    moves
}
