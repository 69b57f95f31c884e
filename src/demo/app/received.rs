//! The events the app has received, of all its links.

use super::timeline::{Event, What};
use crate::events::{Recent, SecurityEvent};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The most `jti`s remembered.
const MOST_JTIS: usize = 5000;
/// The most events stored.
const MOST_EVENTS: usize = 1000;

/// An event, and when it came.
#[derive(Debug, Clone)]
pub(super) struct ReceivedEvent {
    pub(super) at: DateTime<Utc>,
    pub(super) event: SecurityEvent,
}

#[derive(Debug)]
struct EventList {
    jtis: Recent<String>,
    events: VecDeque<ReceivedEvent>,
}

/// All of them, the oldest first.
#[derive(Debug)]
pub(super) struct Received(Mutex<EventList>);
impl Default for Received {
    fn default() -> Self {
        Self(Mutex::new(EventList { jtis: Recent::new(MOST_JTIS), events: VecDeque::new() }))
    }
}

impl Received {
    /// Notes an event. `false` for a repetition, and for one whose number shows that a later one of its grant came before.
    pub(super) fn note(&self, event: SecurityEvent, at: DateTime<Utc>) -> bool {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.jtis.insert(event.jti.clone(), ()) {
            return false;
        }
        let of_grant = |e: &&ReceivedEvent| event.grant.is_some() && e.event.grant == event.grant;
        let highest = inner.events.iter().filter(of_grant).filter_map(|e| e.event.seq).max();
        if event.seq.is_some_and(|seq| highest.is_some_and(|highest| seq <= highest)) {
            return false;
        }
        if inner.events.len() == MOST_EVENTS {
            inner.events.pop_front();
        }
        inner.events.push_back(ReceivedEvent { at, event });
        true
    }

    /// What a page shows of these grants, and of the app's own record since `from`. The end of a grant that comes in the words
    /// of CAEP too is one event to the customer.
    pub(super) fn of(&self, grants: &VecDeque<String>, from: DateTime<Utc>) -> Vec<ReceivedEvent> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |e: &&ReceivedEvent| {
            !e.event.is_caep()
                && match &e.event.grant {
                    Some(grant) => grants.contains(grant),
                    None => e.event.name.starts_with("client.") && e.at >= from,
                }
        };
        inner.events.iter().filter(shown).cloned().collect()
    }
}

impl ReceivedEvent {
    /// Whether this is what the app has noticed by itself: the same event, or another end of the same grant, for the app can
    /// only guess why a token is dead.
    pub(super) fn confirms(&self, what: What, grant: Option<&String>) -> bool {
        grant.is_some()
            && self.event.grant.as_ref() == grant
            && (self.event.name == what.name() || self.event.ends_grant() && what.ends_grant())
    }
    /// As an entry of the time line at `at`.
    pub(super) fn entry(&self, at: DateTime<Utc>) -> Event {
        let (name, by) = (self.event.name.clone(), self.event.by.clone());
        Event { at, name, by, planned: false, notified: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::from_secs;

    fn event(jti: &str, name: &str, seq: Option<i64>) -> SecurityEvent {
        let (grant, at) = (Some("g".to_owned()), from_secs(1));
        SecurityEvent { jti: jti.into(), at, name: name.into(), grant, seq, by: None, token: None }
    }

    #[test]
    fn repetitions_and_old_numbers_change_nothing() {
        let received = Received::default();
        let now = from_secs(1_000_000);
        assert!(received.note(event("a", "grant.created", Some(2)), now));
        assert!(!received.note(event("a", "grant.created", Some(2)), now), "the same jti");
        assert!(!received.note(event("b", "grant.expiring", Some(1)), now), "a number that is over");
        assert!(received.note(event("c", "grant.revoked", Some(4)), now), "a gap: not every event is for an app");
        assert!(
            received.note(SecurityEvent { grant: Some("other".into()), ..event("d", "grant.created", Some(1)) }, now)
        );
        let caep = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
        assert!(received.note(event("e", caep, None), now));
        let shown = received.of(&VecDeque::from(["g".to_owned()]), now);
        assert_eq!(shown.iter().map(|e| e.event.name.as_str()).collect::<Vec<_>>(), ["grant.created", "grant.revoked"]);
    }
}
