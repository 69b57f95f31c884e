//! What has happened to a link, and what will come, by the names of the server's events (docs/events.md). Most of it the server's
//! events tell; what the app does itself it knows at once, and the event confirms it.

use super::received::Received;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;

/// How long before its end the server announces it: `events.warn_before`, as the server has it by default.
const NOTICES: [TimeDelta; 2] = [TimeDelta::days(7), TimeDelta::days(1)];
/// The most entries of its own kept, and the most grants.
const MAX_EVENTS: usize = 40;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The customer allowed it: a code came back.
    ConsentGranted,
    /// The institution answered that no account was linked. It does not say why: the customer refused, a lock, or something else.
    NotLinked,
    /// The institution's service was not available: a closure, for one.
    Unavailable,
    /// The institution answered with another error.
    LinkFailed,
    /// A grant stands behind the token.
    GrantCreated,
    /// A newer grant took the place of the one before.
    GrantReplaced,
    /// The token came.
    TokenIssued,
    /// Seven days are left, or one.
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
            // Those of the app alone: the server has no event for them that this app could match.
            Self::NotLinked => "app.not_linked",
            Self::Unavailable => "app.unavailable",
            Self::LinkFailed => "app.link_failed",
            Self::GrantCreated => "grant.created",
            Self::GrantReplaced => "grant.replaced",
            Self::TokenIssued => "token.issued",
            Self::GrantExpiring => "grant.expiring",
            Self::GrantExpired => "grant.expired",
            Self::GrantRevoked => "grant.revoked",
        }
    }
    /// Whether a grant ends with it.
    pub(super) const fn ends_grant(self) -> bool {
        matches!(self, Self::GrantReplaced | Self::GrantExpired | Self::GrantRevoked)
    }
}

/// One entry of the time line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: DateTime<Utc>,
    pub(super) name: String,
    /// Who caused it, where the server says so.
    pub(super) by: Option<String>,
    /// Still to come.
    pub(super) planned: bool,
    /// The server's event has come.
    pub(super) notified: bool,
}

/// What the app noticed by itself.
#[derive(Debug, Clone)]
struct Noticed {
    at: DateTime<Utc>,
    what: What,
    grant: Option<String>,
}

/// The events of one browser's links, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    noticed: VecDeque<Noticed>,
    /// The grants of its links; the last is the present one.
    grants: VecDeque<String>,
}

impl Timeline {
    /// Notes what was just seen, of which grant.
    pub(super) fn saw(&mut self, what: What, grant: Option<&String>, at: DateTime<Utc>) {
        if self.noticed.len() == MAX_EVENTS {
            self.noticed.pop_front();
        }
        self.noticed.push_back(Noticed { at, what, grant: grant.cloned() });
        let Some(grant) = grant.filter(|grant| !self.grants.contains(grant)) else { return };
        if self.grants.len() == MAX_EVENTS {
            self.grants.pop_front();
        }
        self.grants.push_back(grant.clone());
    }

    /// What has happened and, while a link lives, what its last day brings.
    pub(super) fn events(&self, received: &Received, ends: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<Event> {
        let Some(first) = self.noticed.front() else { return Vec::new() };
        let mut others = received.of(&self.grants, first.at);
        let mut events = Vec::new();
        for Noticed { at, what, grant } in &self.noticed {
            let confirmed = others.iter().position(|event| event.confirms(*what, grant.as_ref()));
            events.push(match confirmed {
                Some(i) => others.remove(i).entry(*at),
                None => entry(*what, *at, false),
            });
        }
        events.extend(others.iter().map(|event| event.entry(event.at)));
        if let Some(ends) = ends {
            let of_link = |what| others.iter().filter(move |event| event.confirms(what, self.grants.back()));
            // One event stands for each notice that was due when it happened: the server makes up for one of those it missed.
            let announced = of_link(What::GrantExpiring).map(|event| event.event.at).max();
            let due = NOTICES.map(|before| ends - before).into_iter().filter(|at| {
                self.began().is_none_or(|began| *at > began) && announced.is_none_or(|announced| *at > announced)
            });
            events.extend(due.map(|at| entry(What::GrantExpiring, at, now < at)));
            if of_link(What::GrantExpired).next().is_none() {
                events.push(entry(What::GrantExpired, ends, now < ends));
            }
        }
        events.sort_by_key(|event| event.at);
        events
    }

    /// When the present link began. It has no notice that would be due before.
    fn began(&self) -> Option<DateTime<Utc>> {
        let of_link = |noticed: &&Noticed| noticed.grant.is_some() && noticed.grant.as_ref() == self.grants.back();
        self.noticed.iter().find(of_link).map(|noticed| noticed.at)
    }
}

fn entry(what: What, at: DateTime<Utc>, planned: bool) -> Event {
    Event { at, name: what.name().to_owned(), by: None, planned, notified: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::SecurityEvent;

    fn event(jti: &str, name: &str, seq: i64, at: DateTime<Utc>) -> SecurityEvent {
        let (jti, name, grant) = (jti.into(), name.into(), Some("g".into()));
        SecurityEvent { jti, at, name, grant, seq: Some(seq), by: None, token: None }
    }
    /// The days after the start on which something is shown, what, and whether it is still to come.
    fn days(
        line: &Timeline,
        received: &Received,
        start: DateTime<Utc>,
        now: i64,
        ends: i64,
    ) -> Vec<(i64, String, bool)> {
        let day = |day| start + TimeDelta::days(day);
        let shown = line.events(received, Some(day(ends)), day(now));
        shown.into_iter().map(|e| ((e.at - start).num_days(), e.name, e.planned)).collect()
    }
    fn expected<const N: usize>(entries: [(i64, What, bool); N]) -> Vec<(i64, String, bool)> {
        entries.into_iter().map(|(day, what, planned)| (day, what.name().to_owned(), planned)).collect()
    }

    #[test]
    fn a_live_link_shows_what_will_come() {
        use What::{GrantCreated, GrantExpired, GrantExpiring};
        let (mut line, none) = (Timeline::default(), Received::default());
        let start = crate::time::from_secs(1_000_000);
        line.saw(GrantCreated, Some(&"g".to_owned()), start);
        let first = (0, GrantCreated, false);
        let both = [first, (23, GrantExpiring, true), (29, GrantExpiring, true), (30, GrantExpired, true)];
        assert_eq!(days(&line, &none, start, 0, 30), expected(both), "seven days before, and one day before");
        let late = [first, (23, GrantExpiring, false), (29, GrantExpiring, true), (30, GrantExpired, true)];
        assert_eq!(days(&line, &none, start, 24, 30), expected(late));
        let short = [first, (4, GrantExpiring, true), (5, GrantExpired, true)];
        assert_eq!(days(&line, &none, start, 0, 5), expected(short), "a short link has no notice before it began");
        assert_eq!(line.events(&none, None, start).len(), 1, "an ended link plans nothing");
    }

    #[test]
    fn each_notice_that_has_come_takes_the_place_of_its_own_plan() {
        use What::{GrantCreated, GrantExpired, GrantExpiring};
        let start = crate::time::from_secs(1_000_000);
        let day = |day| start + TimeDelta::days(day);
        let mut line = Timeline::default();
        line.saw(GrantCreated, Some(&"g".to_owned()), start);
        let (first, end) = ((0, GrantCreated, false), (30, GrantExpired, true));
        let received = Received::default();
        // It was late by a day: the app was away.
        assert!(received.note(event("a", "grant.expiring", 2, day(23)), day(24)));
        let one = [first, (24, GrantExpiring, false), (29, GrantExpiring, true), end];
        assert_eq!(days(&line, &received, start, 25, 30), expected(one), "the second one is still to come");
        assert!(received.note(event("b", "grant.expiring", 3, day(29)), day(29)));
        let two = [first, (24, GrantExpiring, false), (29, GrantExpiring, false), end];
        assert_eq!(days(&line, &received, start, 29, 30), expected(two));
        assert!(line.events(&received, Some(day(30)), day(29))[1..3].iter().all(|e| e.notified));
        // The server was away from the twenty-second day to the thirtieth: it makes up for one.
        let received = Received::default();
        assert!(received.note(event("c", "grant.expiring", 2, day(29)), day(29)));
        assert_eq!(days(&line, &received, start, 29, 30), expected([first, (29, GrantExpiring, false), end]));
    }

    #[test]
    fn an_event_confirms_what_was_noticed_and_adds_what_was_not() {
        let (mut line, received) = (Timeline::default(), Received::default());
        let start = crate::time::from_secs(1_000_000);
        let at = |secs| start + TimeDelta::seconds(secs);
        let event = |jti: &str, name: &str, seq| event(jti, name, seq, start);
        line.saw(What::ConsentGranted, None, at(0));
        line.saw(What::GrantCreated, Some(&"g".to_owned()), at(1));
        // A guess: the account API refuses the token.
        line.saw(What::GrantRevoked, Some(&"g".to_owned()), at(3));
        for event in [
            event("a", "grant.created", 1),
            event("b", "grant.expiring", 2),
            event("c", "grant.expired", 3),
            SecurityEvent { grant: Some("of another browser".into()), ..event("d", "grant.revoked", 4) },
        ] {
            assert!(received.note(event, at(2)));
        }
        let shown = line.events(&received, None, at(4));
        let shown: Vec<_> = shown.iter().map(|e| (e.name.as_str(), e.notified, e.at)).collect();
        assert_eq!(
            shown,
            [
                ("consent.granted", false, at(0)),
                ("grant.created", true, at(1)),
                ("grant.expiring", true, at(2)),
                ("grant.expired", true, at(3)),
            ]
        );
    }
}
