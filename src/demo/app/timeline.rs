//! What has happened to a link, and what will come, by the names of the server's events (docs/events.md). Most of it the server's
//! events tell; what the app does itself it knows at once, and the event confirms it.

use super::received::Received;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;

/// How long before the end the customer is told.
const NOTICE: TimeDelta = TimeDelta::days(7);
/// The most entries of its own kept, and the most grants.
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
        events.sort_by_key(|event| event.at);
        if let Some(ends) = ends {
            for (at, what) in [(ends - NOTICE, What::GrantExpiring), (ends, What::GrantExpired)] {
                if !others.iter().any(|event| event.confirms(what, self.grants.back())) {
                    events.push(entry(what, at, now < at));
                }
            }
        }
        events
    }
}

fn entry(what: What, at: DateTime<Utc>, planned: bool) -> Event {
    Event { at, name: what.name().to_owned(), by: None, planned, notified: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::SecurityEvent;

    #[test]
    fn a_live_link_shows_what_will_come() {
        let mut line = Timeline::default();
        let start = crate::time::from_secs(1_000_000);
        line.saw(What::GrantCreated, Some(&"g".to_owned()), start);
        let (ends, none) = (start + TimeDelta::days(30), Received::default());
        let planned =
            |now| line.events(&none, Some(ends), now).into_iter().map(|e| (e.name, e.planned)).collect::<Vec<_>>();
        let [created, expiring, expired] =
            [What::GrantCreated, What::GrantExpiring, What::GrantExpired].map(|what| what.name().to_owned());
        assert_eq!(planned(start), [(created.clone(), false), (expiring.clone(), true), (expired.clone(), true)]);
        let late = start + TimeDelta::days(24);
        assert_eq!(planned(late), [(created, false), (expiring, false), (expired, true)]);
        assert_eq!(line.events(&none, None, late).len(), 1, "an ended link plans nothing");
    }

    #[test]
    fn an_event_confirms_what_was_noticed_and_adds_what_was_not() {
        let (mut line, received) = (Timeline::default(), Received::default());
        let start = crate::time::from_secs(1_000_000);
        let at = |secs| start + TimeDelta::seconds(secs);
        let event = |jti: &str, name: &str, seq, by: Option<&str>| SecurityEvent {
            jti: jti.into(),
            at: start,
            name: name.into(),
            grant: Some("g".into()),
            seq: Some(seq),
            by: by.map(str::to_owned),
            token: None,
        };
        line.saw(What::ConsentGranted, None, at(0));
        line.saw(What::GrantCreated, Some(&"g".to_owned()), at(1));
        // A guess: the account API refuses the token.
        line.saw(What::GrantRevoked, Some(&"g".to_owned()), at(3));
        for event in [
            event("a", "grant.created", 1, None),
            event("b", "grant.expiring", 2, None),
            event("c", "grant.expired", 3, None),
            SecurityEvent {
                grant: Some("of another browser".into()),
                ..event("d", "grant.revoked", 4, Some("client"))
            },
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
