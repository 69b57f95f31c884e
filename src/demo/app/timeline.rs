//! What the app has seen of its link, and what it knows will come: the same names the server's events have
//! (docs/events.md), told from the client's side.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;

/// How long before the end the customer is told.
const NOTICE: TimeDelta = TimeDelta::days(7);
/// The most events kept.
const MAX_EVENTS: usize = 40;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The customer allowed it: a code came back.
    ConsentGranted,
    /// The customer did not, or could not.
    ConsentDenied,
    /// A grant stands behind the token.
    GrantCreated,
    /// A newer grant took the place of the one before.
    GrantReplaced,
    /// The token came.
    TokenIssued,
    /// Seven days are left.
    GrantExpiring,
    /// The thirtieth day is over.
    GrantExpired,
    /// It ended before its day: by us, by the customer, by the institution.
    GrantRevoked,
}

impl What {
    /// The event's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ConsentGranted => "consent.granted",
            Self::ConsentDenied => "consent.denied",
            Self::GrantCreated => "grant.created",
            Self::GrantReplaced => "grant.replaced",
            Self::TokenIssued => "token.issued",
            Self::GrantExpiring => "grant.expiring",
            Self::GrantExpired => "grant.expired",
            Self::GrantRevoked => "grant.revoked",
        }
    }
}

/// One entry of the time line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: DateTime<Utc>,
    pub(super) what: What,
    /// Still to come.
    pub(super) planned: bool,
}

/// The events of one browser's links, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline(VecDeque<Event>);

impl Timeline {
    /// Notes what was just seen.
    pub(super) fn saw(&mut self, what: What, at: DateTime<Utc>) {
        if self.0.len() == MAX_EVENTS {
            self.0.pop_front();
        }
        self.0.push_back(Event { at, what, planned: false });
    }

    /// What was seen and, while a link lives, what its last day brings.
    pub(super) fn events(&self, ends: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<Event> {
        let mut events: Vec<Event> = self.0.iter().copied().collect();
        if let Some(ends) = ends {
            for (at, what) in [(ends - NOTICE, What::GrantExpiring), (ends, What::GrantExpired)] {
                events.push(Event { at, what, planned: now < at });
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_link_shows_what_will_come() {
        let mut line = Timeline::default();
        let start = crate::time::from_secs(1_000_000);
        line.saw(What::GrantCreated, start);
        let ends = start + TimeDelta::days(30);
        let planned = |now| line.events(Some(ends), now).iter().map(|e| (e.what, e.planned)).collect::<Vec<_>>();
        let (created, expiring, expired) = (What::GrantCreated, What::GrantExpiring, What::GrantExpired);
        assert_eq!(planned(start), [(created, false), (expiring, true), (expired, true)]);
        let late = start + TimeDelta::days(24);
        assert_eq!(planned(late), [(created, false), (expiring, false), (expired, true)]);
        assert_eq!(line.events(None, late).len(), 1, "an ended link plans nothing");
    }
}
