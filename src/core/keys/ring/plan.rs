//! When a key changes its state: pure functions of the keys, the time and the policy.
//!
//! A key is published long before it signs, so that every cache of our keys has it by then, and long after, so that its
//! signatures can be verified. Only an emergency ([`replace`]) breaks both rules.

use super::{KeyRow, KeyState};
use crate::clock::Instant;
use crate::keys::jose::Alg;
use std::time::Duration;

/// The times of a rotation (`[keys]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationPolicy {
    /// The algorithms with a key. A key of another one, from an earlier configuration, signs no more once no node has wanted it
    /// for an hour.
    pub algs: Vec<Alg>,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// How long a key is published before it signs.
    pub publish_before: Duration,
    /// How long a key stays published after its last signature.
    pub keep_retired: Duration,
}
const HOUR: u64 = 3600;
/// How long a key of an algorithm that this node does not list stays as it is after another node wanted it. Without this time, two
/// nodes with different lists would make and retire a key in turn.
const WANTED: Duration = Duration::from_secs(HOUR);
/// How often a node says which keys it wants.
const SAY_WANTED: Duration = Duration::from_secs(HOUR / 6);
impl Default for RotationPolicy {
    fn default() -> Self {
        Self {
            algs: Alg::SIGNING.to_vec(),
            rotate_every: Duration::from_secs(90 * 24 * HOUR),
            publish_before: Duration::from_secs(24 * HOUR),
            keep_retired: Duration::from_secs(48 * HOUR),
        }
    }
}

/// One change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyStep {
    /// A new key: `Next` until `activate_at`, or `Current` at once.
    Make {
        /// Its algorithm.
        alg: Alg,
        /// Its first state.
        state: KeyState,
        /// When it will begin to sign.
        activate_at: Option<Instant>,
    },
    /// A next key gets another time to begin to sign.
    Schedule {
        /// The key.
        kid: String,
        /// The new time.
        at: Instant,
    },
    /// It stops signing and stays published.
    Retire {
        /// The key.
        kid: String,
    },
    /// It begins to sign.
    Activate {
        /// The key.
        kid: String,
    },
    /// It becomes invalid: no longer published, its private key erased.
    Withdraw {
        /// The key.
        kid: String,
    },
    /// It is deleted, because nothing it signed is valid any more.
    Drop {
        /// The key.
        kid: String,
    },
}

/// The keys of one algorithm in one state, oldest first.
fn of(keys: &[KeyRow], alg: Alg, state: KeyState) -> impl Iterator<Item = &KeyRow> {
    keys.iter().filter(move |k| k.alg == alg && k.state == state)
}

/// What a ring needs to sign at all: a current key for each of `algs`. The first one may sign at once: nobody has
/// cached keys from before it.
#[must_use]
pub(super) fn missing(keys: &[KeyRow], algs: &[Alg]) -> Vec<KeyStep> {
    let lacking = algs.iter().copied().filter(|alg| of(keys, *alg, KeyState::Current).next().is_none());
    lacking
        .map(|alg| match of(keys, alg, KeyState::Next).next() {
            Some(next) => KeyStep::Activate { kid: next.kid.clone() },
            None => KeyStep::Make { alg, state: KeyState::Current, activate_at: None },
        })
        .collect()
}

/// The steps due at `now`. After they are applied, no more are due at `now`.
#[must_use]
pub fn plan(keys: &[KeyRow], now: Instant, policy: &RotationPolicy) -> Vec<KeyStep> {
    let mut moves = missing(keys, &policy.algs);
    moves.extend(keys.iter().filter(|k| !policy.algs.contains(&k.alg)).filter_map(|key| unwanted(key, keys, now)));
    for alg in policy.algs.iter().copied() {
        let Some(current) = of(keys, alg, KeyState::Current).next() else { continue };
        match of(keys, alg, KeyState::Next).min_by_key(|k| begins(k, policy)) {
            None => {
                let turn = current.activated_at.unwrap_or(current.created_at) + policy.rotate_every;
                if now + policy.publish_before >= turn {
                    let activate_at = Some(turn.max(now + policy.publish_before));
                    moves.push(KeyStep::Make { alg, state: KeyState::Next, activate_at });
                }
            }
            Some(next) if begins(next, policy) <= now => {
                moves.push(KeyStep::Retire { kid: current.kid.clone() });
                moves.push(KeyStep::Activate { kid: next.kid.clone() });
            }
            Some(_) => {}
        }
    }
    let over = |k: &&KeyRow| k.retired_at.is_some_and(|at| at + policy.keep_retired <= now);
    moves.extend(keys.iter().filter(over).map(|k| KeyStep::Drop { kid: k.kid.clone() }));
    moves
}

/// What becomes of a key whose algorithm is not configured here, when no node has wanted the algorithm for an hour: what it signed
/// stays verifiable as long as after a rotation; one that signed nothing goes at once.
fn unwanted(key: &KeyRow, keys: &[KeyRow], now: Instant) -> Option<KeyStep> {
    let said = |k: &KeyRow| k.wanted_at.max(k.activated_at).unwrap_or(k.created_at);
    let lives = |k: &KeyRow| matches!(k.state, KeyState::Current | KeyState::Next);
    if keys.iter().any(|k| k.alg == key.alg && lives(k) && said(k) + WANTED > now) {
        return None;
    }
    let kid = key.kid.clone();
    match key.state {
        KeyState::Current => Some(KeyStep::Retire { kid }),
        KeyState::Next => Some(KeyStep::Drop { kid }),
        KeyState::Retired | KeyState::Withdrawn => None,
    }
}

/// The keys that this node wants and has not said so lately.
#[must_use]
pub(super) fn to_say(keys: &[KeyRow], now: Instant, policy: &RotationPolicy) -> Vec<String> {
    let ours = keys.iter().filter(|k| k.state == KeyState::Current && policy.algs.contains(&k.alg));
    ours.filter(|k| k.wanted_at.is_none_or(|at| at + SAY_WANTED <= now)).map(|k| k.kid.clone()).collect()
}

/// When a next key begins to sign: at its planned time, but never before it was published long enough.
fn begins(next: &KeyRow, policy: &RotationPolicy) -> Instant {
    let earliest = next.created_at + policy.publish_before;
    next.activate_at.unwrap_or(earliest).max(earliest)
}

/// Rotates `algs` unnoticed: the next key is published now and signs when it was published long enough.
#[must_use]
pub fn forward(keys: &[KeyRow], algs: &[Alg], now: Instant, policy: &RotationPolicy) -> Vec<KeyStep> {
    let soonest = now + policy.publish_before;
    let one = |alg: &Alg| match of(keys, *alg, KeyState::Next).next() {
        None => Some(KeyStep::Make { alg: *alg, state: KeyState::Next, activate_at: Some(soonest) }),
        Some(next) => {
            let at = (next.created_at + policy.publish_before).max(now);
            (at < begins(next, policy)).then(|| KeyStep::Schedule { kid: next.kid.clone(), at })
        }
    };
    algs.iter().filter_map(one).collect()
}

/// The emergency: keys of `algs` may be compromised. All of them are withdrawn, and a new key signs at once.
#[must_use]
pub fn replace(keys: &[KeyRow], algs: &[Alg]) -> Vec<KeyStep> {
    let lost = keys.iter().filter(|k| algs.contains(&k.alg) && k.state != KeyState::Withdrawn);
    let mut moves: Vec<KeyStep> = lost.map(|k| KeyStep::Withdraw { kid: k.kid.clone() }).collect();
    moves.extend(algs.iter().map(|alg| KeyStep::Make { alg: *alg, state: KeyState::Current, activate_at: None }));
    moves
}
