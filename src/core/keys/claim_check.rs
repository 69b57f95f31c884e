//! Rules for the claims of a JWT (RFC 7519 §4.1), as data. [`check`] applies them to client assertions, request
//! objects, DPoP proofs and software statements; each defines its own list. `jose` verifies the signature.

use super::jose::Claims;
use crate::clock::Instant;
use serde_json::Value;
use std::time::Duration;

/// One rule: what must hold for one claim, and the error if it does not.
#[derive(Debug, Clone)]
pub struct ClaimCheck<'a, W> {
    claim: &'static str,
    /// Whether the claim is required.
    needed: bool,
    rule: ClaimRule<'a>,
    why: W,
}

/// The dates and id of a checked JWT; `None` for an absent claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked<'c> {
    /// `exp`: when it expires.
    pub exp: Option<Instant>,
    /// `iat`: when it was issued.
    pub iat: Option<Instant>,
    /// `jti`: its id.
    pub jti: Option<&'c str>,
}

/// What must hold for a claim.
#[derive(Debug, Clone, Copy)]
pub enum ClaimRule<'a> {
    /// It must be absent.
    Absent,
    /// It is a text.
    Text,
    /// It is a text of 1 to this many bytes.
    Sized(usize),
    /// It is this text.
    Is(&'a str),
    /// It is any value but this text.
    IsNot(&'a str),
    /// It is one of these texts.
    OneOf(&'a [&'a str]),
    /// It is one of these texts, or an array that contains one of them (RFC 7519 §4.1.3).
    Holds(&'a [&'a str]),
    /// It is a date (RFC 7519 §2).
    Date,
    /// It is a date, and the JWT is accepted until this long after it. Exactly then is too late (RFC 7519 §4.1.4).
    GoodFor(Duration),
    /// It is a date at most this far in the future.
    NotAhead(Duration),
    /// It is a date at most this far in the past.
    NotOlder(Duration),
    /// It is a date at most this long after the date in another claim.
    After(&'static str, Duration),
}

/// The claim is required, and the rule must hold.
pub const fn must<'a, W>(claim: &'static str, rule: ClaimRule<'a>, why: W) -> ClaimCheck<'a, W> {
    ClaimCheck { claim, needed: true, rule, why }
}
/// If the claim is present, the rule must hold.
pub const fn may<'a, W>(claim: &'static str, rule: ClaimRule<'a>, why: W) -> ClaimCheck<'a, W> {
    ClaimCheck { claim, needed: false, rule, why }
}

impl<W> ClaimCheck<'_, W> {
    /// The same rule; the claim is required if `needed`.
    #[must_use]
    pub fn needed_if(self, needed: bool) -> Self {
        Self { needed, ..self }
    }
}

/// Checks the rules in order, and returns the dates and id of the JWT.
///
/// # Errors
/// The error of the first broken rule.
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
