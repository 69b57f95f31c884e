//! What each receiver hears of a story: the model knows every event, to whom it goes, and in which order within a grant.

use super::{DAY, Model, Played, RESOURCES, Step, Story};
use crate::support::world::World;
use proptest::prelude::*;
use renkei_core::audit::Actor;
use renkei_core::client::Client;
use renkei_core::clock::Instant;
use renkei_core::event::{self, Event, EventKind, Receiver};
use renkei_core::grant::{self, Reason};
use renkei_core::id::GrantId;
use renkei_core::store::{Error, Tx};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a grant ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    Client,
    Customer,
    Institution,
    Account,
    Replay,
    Replaced,
    Expired,
}
impl Because {
    pub(super) const fn event(self) -> (EventKind, Option<&'static str>) {
        let by = match self {
            Self::Replaced => return (EventKind::GrantReplaced, None),
            Self::Expired => return (EventKind::GrantExpired, None),
            Self::Client => "client",
            Self::Customer => "customer",
            Self::Institution => "institution",
            Self::Account => "account",
            Self::Replay => "replay",
        };
        (EventKind::GrantRevoked, Some(by))
    }
}

/// An event of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    kind: EventKind,
    app: usize,
    grant: Option<usize>,
    by: Option<&'static str>,
    /// Indexes into [`RESOURCES`].
    aud: Vec<usize>,
}

impl Model {
    pub(super) fn of_grant(&mut self, kind: EventKind, grant: usize, by: Option<&'static str>) {
        let g = &self.grants[grant];
        self.expected.push(Expected { kind, app: g.app, grant: Some(grant), by, aud: g.aud.clone() });
    }
    pub(super) fn of_client(&mut self, kind: EventKind, app: usize, by: Option<&'static str>) {
        let aud = self.audiences[app].iter().copied().collect();
        self.expected.push(Expected { kind, app, grant: None, by, aud });
    }
    pub(super) fn of_own_token(&mut self, kind: EventKind, app: usize, aud: &[usize]) {
        self.expected.push(Expected { kind, app, grant: None, by: None, aud: aud.to_vec() });
    }
    /// One access token is revoked alone.
    pub(super) fn revoke(&mut self, token: usize) {
        self.tokens[token].revoked = true;
        let (app, aud) = (self.tokens[token].app, self.tokens[token].aud.clone());
        match self.tokens[token].grant {
            Some(grant) => self.of_grant(EventKind::TokenRevoked, grant, None),
            None => self.of_own_token(EventKind::TokenRevoked, app, &aud),
        }
    }
    /// What the sweeper does: the grants of apps that left end, then those whose time is over; of others the end is announced.
    pub(super) fn sweep(&mut self, now: Instant) {
        for grant in 0..self.grants.len() {
            if self.left[self.grants[grant].app] {
                self.end(grant, Because::Client, now);
            }
            let g = &self.grants[grant];
            if g.open && now >= g.expires {
                self.over(grant, Because::Expired);
            }
            let g = &mut self.grants[grant];
            if g.warn.is_some_and(|at| now >= at) {
                let (last, used) = (g.expires - DAY, g.code_used);
                g.warn = (now < last).then_some(last);
                if used {
                    self.of_grant(EventKind::GrantExpiring, grant, None);
                }
            }
        }
    }
}

/// The server dies before it has committed the end of a grant.
pub(super) async fn die(w: &World, grant: &GrantId) {
    let (now, grant) = (w.now(), grant.clone());
    let work = move |tx: &mut Tx<'_, '_>| {
        grant::end(tx, &grant, &Reason::Customer, Actor::Customer, now)?;
        Err::<(), Error>(Error::Engine("it dies".to_owned()))
    };
    assert!(w.store.write(work).await.is_err());
}

/// Everybody who may hear: the two apps, the two resource servers, the institution. Each reads on from where it was.
pub(super) struct Receivers {
    all: Vec<(Receiver, i64)>,
}
impl Receivers {
    pub(super) async fn begin(w: &World, apps: &[Arc<Client>; 2], apis: &[Arc<Client>; 2]) -> Self {
        give_positions(w).await;
        let head = w.store.read(event::head).await.unwrap();
        let apps = apps.iter().map(|app| Receiver::App(app.id.clone()));
        let apis = apis
            .iter()
            .zip(RESOURCES)
            .map(|(api, aud)| Receiver::ResourceServer { client: api.id.clone(), audiences: vec![aud.to_owned()] });
        Self { all: apps.chain(apis).chain([Receiver::Institution]).map(|who| (who, head)).collect() }
    }
    /// What is new for each of them.
    async fn read(&mut self, w: &World) -> Vec<Vec<Event>> {
        give_positions(w).await;
        let mut read = Vec::new();
        for (who, cursor) in &mut self.all {
            let (asked, after) = (who.clone(), *cursor);
            let found = w.store.read(move |tx| event::read(tx, &asked, after, 1000)).await.unwrap();
            *cursor = found.last().map_or(after, |last| last.pos);
            read.push(found.into_iter().map(|found| found.event).collect());
        }
        read
    }
}
/// What the server does ten times a second on PostgreSQL.
async fn give_positions(w: &World) {
    let now = w.now();
    while w.write(move |tx| event::assign_positions(tx, now, 500)).await == 500 {}
}

/// Which tokens each of the two resource servers sees as active.
pub(super) type Visible = Vec<[bool; 2]>;

impl Story<'_> {
    pub(super) fn visible(&self) -> Visible {
        let now = self.w.now();
        let seen = |t: &super::Token| [0, 1].map(|r| self.m.active(t, now) && t.aud.contains(&r));
        self.m.tokens.iter().map(seen).collect()
    }

    /// Each receiver has heard of this step what the model says, in order within a grant and within an app; a resource server for
    /// which a token is active no more, or active once more, has heard of the token, its grant or its client.
    pub(super) async fn made_known(&mut self, step: &Step, before: &Visible) -> Played {
        let expected = std::mem::take(&mut self.m.expected);
        let read = self.receivers.read(self.w).await;
        for (n, (events, (who, _))) in read.iter().zip(&self.receivers.all).enumerate() {
            let ours = |e: &&Event| e.client.as_ref().is_some_and(|c| self.apps.iter().any(|app| app.id == *c));
            let got = by_subject(events.iter().filter(ours).map(|e| self.subject(e)));
            let hears = |e: &&Expected| match n {
                0 | 1 => e.kind.audience().app && e.app == n,
                2 | 3 => e.kind.audience().resource_server && e.aud.contains(&(n - 2)),
                _ => true,
            };
            let wanted = expected.iter().filter(hears).map(|e| (e.kind, e.app, e.grant, e.by.map(str::to_owned)));
            prop_assert_eq!(got, by_subject(wanted), "{:?} after {:?}", who, step);
        }
        let now = self.w.now();
        for (t, (then, seen)) in self.m.tokens.iter().zip(before.iter().zip(self.visible())) {
            let by_time = now >= t.expires || t.grant.is_some_and(|g| now >= self.m.grants[g].expires);
            let grant = t.grant.map(|g| self.m.grants[g].id.clone());
            for r in 0..2 {
                let about = |e: &Event| {
                    e.client.as_ref() == Some(&self.apps[t.app].id) && (e.grant.is_none() || e.grant == grant)
                };
                let known = read[2 + r].iter().any(about);
                prop_assert!(then[r] == seen[r] || by_time || known, "{} hears nothing of {:?}", RESOURCES[r], step);
            }
        }
        Ok(())
    }

    fn subject(&self, e: &Event) -> Subject {
        let app = self.apps.iter().position(|app| e.client.as_ref() == Some(&app.id)).unwrap();
        let grant = e.grant.as_ref().map(|id| self.m.grants.iter().position(|g| g.id == *id).unwrap());
        (e.kind, app, grant, e.detail["by"].as_str().map(str::to_owned))
    }
}

type Subject = (EventKind, usize, Option<usize>, Option<String>);
/// Kind and reason of each event, in order within its grant, or within its app where it has none.
fn by_subject(
    events: impl Iterator<Item = Subject>,
) -> BTreeMap<(usize, Option<usize>), Vec<(&'static str, Option<String>)>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (kind, app, grant, by) in events {
        all.entry((app, grant)).or_default().push((kind.as_str(), by));
    }
    all
}
