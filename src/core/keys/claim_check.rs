//! What is demanded of the claims of a JWT (RFC 7519 §4.1), as data: [`check`] judges client assertions, request objects,
//! DPoP proofs and software statements by the list that each of them states. It verifies no signature; that is `jose`'s.

use super::jose::Claims;
use crate::clock::Instant;
use serde_json::Value;
use std::time::Duration;

/// One demand: what must hold of one claim, and what to say to whoever breaks it.
#[derive(Debug, Clone)]
pub struct ClaimCheck<'a, W> {
    claim: &'static str,
    /// Whether the claim must be there at all.
    needed: bool,
    rule: ClaimRule<'a>,
    why: W,
}

/// What a checked JWT says of itself; each `None` where it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked<'c> {
    /// Until when it is good.
    pub exp: Option<Instant>,
    /// When it was made.
    pub iat: Option<Instant>,
    /// Its own name.
    pub jti: Option<&'c str>,
}

/// What must hold of a claim.
#[derive(Debug, Clone, Copy)]
pub enum ClaimRule<'a> {
    /// It may not be there.
    Absent,
    /// It is a text.
    Text,
    /// It is a text with 1 to so many bytes.
    Sized(usize),
    /// It is this text.
    Is(&'a str),
    /// It is any value but this text.
    IsNot(&'a str),
    /// It is one of these texts.
    OneOf(&'a [&'a str]),
    /// It is one of these texts, or a list that holds one of them (RFC 7519 §4.1.3).
    Holds(&'a [&'a str]),
    /// It is a date (RFC 7519 §2).
    Date,
    /// It is a date, and until this long after it the JWT is good. The moment itself is too late (RFC 7519 §4.1.4).
    GoodFor(Duration),
    /// It is a date that lies no further ahead than this.
    NotAhead(Duration),
    /// It is a date that lies no further back than this.
    NotOlder(Duration),
    /// It is a date no more than this after the date in another claim.
    After(&'static str, Duration),
}

/// The claim must be there, and the rule must hold.
pub const fn must<'a, W>(claim: &'static str, rule: ClaimRule<'a>, why: W) -> ClaimCheck<'a, W> {
    ClaimCheck { claim, needed: true, rule, why }
}
/// Where the claim is there, the rule must hold.
pub const fn may<'a, W>(claim: &'static str, rule: ClaimRule<'a>, why: W) -> ClaimCheck<'a, W> {
    ClaimCheck { claim, needed: false, rule, why }
}

impl<W> ClaimCheck<'_, W> {
    /// The same demand, of a claim that must be there where `needed`.
    #[must_use]
    pub fn needed_if(self, needed: bool) -> Self {
        Self { needed, ..self }
    }
}

/// Checks the demands in their order, and returns what the JWT says of itself.
///
/// # Errors
/// What the first broken demand says.
pub fn check<'c, W: Clone>(claims: &'c Claims, demands: &[ClaimCheck<'_, W>], now: Instant) -> Result<Checked<'c>, W> {
    let broken = demands.iter().find(|d| match claims.get(d.claim) {
        None => d.needed,
        Some(value) => !d.rule.holds(d.claim, value, claims, now),
    });
    if let Some(demand) = broken {
        return Err(demand.why.clone());
    }
    let date = |name| claims.date(name).ok().flatten();
    Ok(Checked { exp: date("exp"), iat: date("iat"), jti: claims.text("jti") })
}

impl ClaimRule<'_> {
    fn holds(self, claim: &'static str, value: &Value, claims: &Claims, now: Instant) -> bool {
        let text = value.as_str();
        let date = |name| claims.date(name).ok().flatten();
        let at = |good: &dyn Fn(Instant) -> bool| date(claim).is_some_and(good);
        match self {
            Self::Absent => false,
            Self::Text => text.is_some(),
            Self::Sized(most) => text.is_some_and(|t| (1..=most).contains(&t.len())),
            Self::Is(wanted) => text == Some(wanted),
            Self::IsNot(unwanted) => text != Some(unwanted),
            Self::OneOf(known) => text.is_some_and(|t| known.contains(&t)),
            Self::Holds(known) => match value {
                Value::Array(list) => list.iter().filter_map(Value::as_str).any(|t| known.contains(&t)),
                _ => text.is_some_and(|t| known.contains(&t)),
            },
            Self::Date => at(&|_| true),
            Self::GoodFor(long) => at(&|date| now < date + long),
            Self::NotAhead(most) => at(&|date| date <= now + most),
            Self::NotOlder(most) => at(&|date| now <= date + most),
            Self::After(start, most) => at(&|end| date(start).is_some_and(|start| end <= start + most)),
        }
    }
}

#[cfg(test)]
mod tests;
