//! Which number a caller is given to call (decision 17). A pair of caller and called number belongs to one
//! interaction until its window has passed or 確定する used the call, and for `telephony.rest` after that, even if the
//! interaction has ended. So one call never counts for two interactions.
//!
//! [`choose`] decides without the store; `call.rs` reads and writes the tables `call_leases` and `call_waits`.

use crate::clock::Instant;
use crate::id::InteractionId;
use crate::secret::Hash;
use std::time::Duration;

/// How long a number that became free is reserved for the interaction that has waited longest.
pub(super) const RESERVED_FOR: Duration = Duration::from_secs(60);

/// A number that was given out to this caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    /// The number.
    pub called: String,
    /// The network it was given to, as a keyed index.
    pub network: Hash,
    /// When it was given out.
    pub since: Instant,
    /// From when on it may be given out again.
    pub free_at: Instant,
}

/// An interaction that got no number. From `at` on, for [`RESERVED_FOR`], the number that is free then is reserved
/// for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    /// The waiting interaction.
    pub interaction: InteractionId,
    /// From which network, as a keyed index.
    pub network: Hash,
    /// The reserved number; `None` if only the time was named and nothing is reserved.
    pub called: Option<String>,
    /// When that number is free.
    pub at: Instant,
}

/// The interaction that asks for a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    /// Which interaction.
    pub interaction: &'a InteractionId,
    /// From which network, as a keyed index.
    pub network: Hash,
    /// Whether networks are limited (`limits.by_network`).
    pub by_network: bool,
}

/// What is known about one caller's numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallerNumbers<'a> {
    /// The numbers that can be given out.
    pub pool: &'a [String],
    /// Every number given to this caller within the last day.
    pub leases: &'a [Lease],
    /// Every interaction that waits, the longest wait first.
    pub waits: &'a [Wait],
}

/// Whether there is a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NumberChoice<'a> {
    /// Any of these.
    OneOf(Vec<&'a str>),
    /// None before `at`.
    NotBefore {
        /// When.
        at: Instant,
        /// The number that is reserved for this interaction then, if any.
        called: Option<&'a str>,
    },
    /// None ever: the pool is empty.
    Never,
}

/// Decides which numbers a caller may be given now.
///
/// A network holds one number. It gets a second one only while at least two are free and no other network holds two.
/// So with N numbers, a customer whose network holds none gets one at once as long as an attacker has at most N − 2
/// networks. The number this caller had last goes only to the network that had it: a late or repeated call must not
/// reach another customer's interaction.
///
/// A customer who gets none reads when one will be free. The number that becomes free at that time is kept for them, where their network holds
/// no other: a kept number counts as held, so that waiting gets nobody more than asking does.
pub(super) fn choose<'a>(asking: Asking<'_>, known: CallerNumbers<'a>, now: Instant) -> NumberChoice<'a> {
    let free = available(asking, known, now);
    if !free.is_empty() {
        return NumberChoice::OneOf(free);
    }
    let ends = known.leases.iter().map(|l| l.free_at).chain(known.waits.iter().map(|w| w.at + RESERVED_FOR));
    let mut later: Vec<Instant> = ends.filter(|t| *t > now).collect();
    later.sort_unstable();
    for at in later {
        let free = available(asking, known, at);
        if !free.is_empty() {
            let just_free = |n: &&str| known.leases.iter().any(|l| l.called == **n && l.free_at == at);
            let none_yet = held_by_others(asking, known, at).iter().all(|(_, network)| *network != asking.network);
            let kept = free.into_iter().find(just_free).filter(|_| asking.by_network && none_yet);
            return NumberChoice::NotBefore { at, called: kept };
        }
    }
    NumberChoice::Never
}

/// The numbers held at a moment: leased, or reserved for a waiting interaction. A network has at most one
/// reservation, and none while it holds a number.
fn held<'a>(known: CallerNumbers<'a>, at: Instant) -> Vec<(&'a str, Hash)> {
    let leased = known.leases.iter().filter(|l| l.free_at > at).map(|l| (l.called.as_str(), l.network));
    let mut held: Vec<(&str, Hash)> = leased.collect();
    for wait in known.waits.iter().filter(|w| w.at <= at && at < w.at + RESERVED_FOR) {
        let Some(called) = wait.called.as_deref() else { continue };
        if held.iter().all(|(number, network)| *number != called && *network != wait.network) {
            held.push((called, wait.network));
        }
    }
    held
}

/// The same without the reservation of the asking interaction: it blocks nobody else and becomes a lease only when
/// taken.
fn held_by_others<'a>(asking: Asking<'_>, known: CallerNumbers<'a>, at: Instant) -> Vec<(&'a str, Hash)> {
    let own = reserved_number(asking, known, at);
    let leased = |n: &str| known.leases.iter().any(|l| l.called == n && l.free_at > at);
    let mut held = held(known, at);
    held.retain(|(n, network)| Some(*n) != own || *network != asking.network || leased(n));
    held
}
fn reserved_number<'a>(asking: Asking<'_>, known: CallerNumbers<'a>, at: Instant) -> Option<&'a str> {
    let own = |w: &&Wait| w.interaction == *asking.interaction && w.at <= at && at < w.at + RESERVED_FOR;
    known.waits.iter().find(own)?.called.as_deref()
}

/// The numbers that may be given out at a moment.
fn available<'a>(asking: Asking<'_>, known: CallerNumbers<'a>, at: Instant) -> Vec<&'a str> {
    let held = held_by_others(asking, known, at);
    let mut free: Vec<&str> =
        known.pool.iter().map(String::as_str).filter(|n| held.iter().all(|h| h.0 != *n)).collect();
    if asking.by_network {
        let holds = |network: &Hash| held.iter().filter(|h| h.1 == *network).count();
        let another_holds_two = held.iter().any(|h| h.1 != asking.network && holds(&h.1) >= 2);
        let enough = free.len() >= 2 && !another_holds_two;
        match holds(&asking.network) {
            0 => {}
            1 if enough => {}
            _ => return Vec::new(),
        }
        let last = known.leases.iter().max_by_key(|l| l.since).filter(|l| l.network != asking.network);
        free.retain(|n| last.is_none_or(|l| l.called != *n));
    }
    free
}

/// Sorts numbers into the order in which they are tried: first the one reserved for this interaction; then those that
/// no other network had for this caller within the day, in the given order; then the others, oldest lease first. So a
/// customer who dials an old number again reaches no other interaction while any other number can be given.
pub(super) fn rank(asking: Asking<'_>, known: CallerNumbers<'_>, numbers: &mut [&str], now: Instant) {
    let own = reserved_number(asking, known, now);
    let of_others = |n: &str| known.leases.iter().find(|l| l.called == n && l.network != asking.network);
    numbers.sort_by_key(|n| (own != Some(*n), of_others(n).map(|l| l.since)));
}
