//! The start of an interaction: a browser comes with a stored request, or with one that is stored now.
//!
//! A browser can have up to five interactions, each with its own cookie. A cookie the browser brings is never reused:
//! a new interaction always makes a new cookie. Only the browser that began with a request can resume it.

use super::cookie::{self, PER_BROWSER, ShownCookie};
use super::network::BrowserNetwork;
use super::requests::{StartRequest, StartResult};
use super::service::IdentityService;
use super::service_hours::Service;
use super::sql::{self, InteractionRow};
use super::{Ending, Expired, Interaction, Purpose, PurposeKind, service_switch};
use crate::alarm::AlarmKind;
use crate::authorize;
use crate::clock::Instant;
use crate::fact::{Fact, FactKind};
use crate::id::InteractionId;
use crate::random;
use crate::secret::{Hash, Secret};
use crate::store::{Result, Tx};
use serde_json::json;
use std::time::Duration;

/// When to try again if too many interactions have begun in all.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The interaction this browser began earlier for a request.
#[derive(Debug)]
pub struct Resumed {
    /// The interaction.
    pub interaction: Interaction,
    /// Its cookie, if the browser still shows the previous value.
    pub cookie: Option<Secret>,
}

impl IdentityService {
    /// The interaction this browser has begun for this very request, if it has.
    pub async fn resume(&self, cookies: &[ShownCookie], request: Hash, now: Instant) -> Result<Option<Resumed>> {
        let (service, cookies) = (self.clone(), cookies.to_vec());
        let found = self.store.read(move |tx| {
            let rows = service.rows_of(tx, &cookies, now)?;
            Ok(rows
                .into_iter()
                .find(|(_, row)| row.interaction.purpose.link().is_some_and(|link| link.request.same(&request))))
        });
        let Some((shown, row)) = found.await? else { return Ok(None) };
        let cookie = (!row.is_current(&self.key, &shown.value)).then(|| row.cookie(&self.key));
        // Its current stage is found by the page it leads to.
        Ok(Some(Resumed { interaction: row.interaction, cookie }))
    }

    /// Begins an interaction. Outside service hours it ends at once (S0).
    pub async fn open(&self, start: StartRequest, now: Instant) -> Result<StartResult> {
        if let Some(refused) = self.too_many(start.network, start.purpose.kind(), now).await? {
            return Ok(refused);
        }
        let (service, id) = (self.clone(), InteractionId::random(&*self.crypto.random));
        let nonce: [u8; 16] = random::bytes(&*self.crypto.random);
        let opened = self.store.write(move |tx| service.open_tx(tx, &start, &id, &nonce, now)).await?;
        if let StartResult::Begun { interaction, .. } = &opened
            && interaction.ended_now
        {
            self.ends.note(interaction, now);
        }
        Ok(opened)
    }
    /// Refuses starts beyond the limits. Nothing is written for them, and nothing is read for a network at its limit.
    async fn too_many(
        &self,
        network: BrowserNetwork,
        purpose: PurposeKind,
        now: Instant,
    ) -> Result<Option<StartResult>> {
        if let Err(until) = self.limits.starts.check(network, now) {
            self.alarm(AlarmKind::StartsByNetwork, json!({ "limit": "limits.starts" }), now).await;
            return Ok(Some(StartResult::TooManyOfNetwork { until }));
        }
        // Anybody can open the customer's own page, without an app: a flood of it leaves half of the room to linking.
        let most = self.policy.unfinished;
        let share = if purpose == PurposeKind::My { most / 2 } else { most };
        if !self.limits.unfinished.admit(&self.store, (share, most), now).await? {
            self.alarm(AlarmKind::Unfinished, json!({ "limit": "identity.unfinished" }), now).await;
            return Ok(Some(StartResult::TooMany { until: now + RETRY_AFTER }));
        }
        self.limits.starts.count(network, now);
        Ok(None)
    }

    fn open_tx(
        &self,
        tx: &mut Tx<'_, '_>,
        o: &StartRequest,
        id: &InteractionId,
        nonce: &[u8; 16],
        now: Instant,
    ) -> Result<StartResult> {
        let forget = match (&o.purpose, &o.unpushed) {
            (Purpose::Link(link), Some(request)) => {
                authorize::sql::bring(tx, link.request, request, now, now)?;
                self.forget(tx, &o.cookies, now)?
            }
            (Purpose::Link(link), None) => {
                authorize::sql::begun(tx, link.request, now)?;
                self.forget(tx, &o.cookies, now)?
            }
            (Purpose::My, _) => self.forget_my(tx, &o.cookies, now)?,
        };
        let mut i = Interaction::new(id.clone(), o.purpose.clone(), now);
        i.language = o.language;
        let purpose = if o.purpose.kind() == PurposeKind::My { "my" } else { "link" };
        tx.note(Fact::of(FactKind::InteractionBegun, purpose));
        let cookie = sql::insert(tx, &self.crypto, &i, nonce)?.cookie(&self.key);
        if let Service::Closed { until } = self.policy.hours.open_at(now) {
            i = sql::end(tx, &self.crypto, i, Ending::Closed { until }, now)?;
        } else if service_switch::is_off(tx)? {
            i = sql::end(tx, &self.crypto, i, Ending::Off, now)?;
        } else if let Some(recalled) = &o.recalled {
            i = self.recalled(tx, i, recalled, now)?;
        }
        Ok(StartResult::Begun { interaction: Box::new(i), cookie, forget })
    }

    /// The labels of cookies the browser can delete: those that open nothing, and the oldest beyond five.
    fn forget(&self, tx: &mut Tx<'_, '_>, shown: &[ShownCookie], now: Instant) -> Result<Vec<String>> {
        let mut own = self.rows_of(tx, shown, now)?;
        let (my, mut own): (Vec<_>, Vec<_>) =
            own.drain(..).partition(|(_, row)| row.interaction.purpose.kind() == PurposeKind::My);
        own.sort_by_key(|(_, row)| std::cmp::Reverse(row.interaction.started));
        let kept = own.iter().take(PER_BROWSER - 1).chain(&my);
        let kept: Vec<&str> = kept.map(|(c, _)| c.label.as_str()).collect();
        Ok(shown.iter().map(|c| &c.label).filter(|label| !kept.contains(&label.as_str())).cloned().collect())
    }

    /// One browser has the customer's own page open once: whoever opens it anew ends the earlier one. Returns the labels
    /// of its cookies. An interaction that links stays as it is.
    fn forget_my(&self, tx: &mut Tx<'_, '_>, shown: &[ShownCookie], now: Instant) -> Result<Vec<String>> {
        let mut gone = Vec::new();
        for (cookie, row) in self.rows_of(tx, shown, now)? {
            if row.interaction.purpose == Purpose::My {
                sql::end(tx, &self.crypto, row.interaction, Ending::Expired(Expired::Elsewhere), now)?;
                gone.push(cookie.label);
            }
        }
        Ok(gone)
    }

    /// This browser's interactions, each with the cookie that opens it.
    fn rows_of(
        &self,
        tx: &mut Tx<'_, '_>,
        shown: &[ShownCookie],
        now: Instant,
    ) -> Result<Vec<(ShownCookie, InteractionRow)>> {
        let mut own = Vec::new();
        for cookie in shown {
            for row in sql::by_label(tx, &self.crypto, &cookie.label)? {
                if cookie::label(&row.interaction.id) == cookie.label && row.admits(&self.key, &cookie.value, now) {
                    own.push((cookie.clone(), row));
                }
            }
        }
        Ok(own)
    }
}
