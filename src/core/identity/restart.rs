//! 最初からやり直す: ① of the same request, with what was typed (G12, R57).
//!
//! After the end of a call or of a pause the customer goes on within the time of the whole interaction. Who presses it
//! before that time ends gets all of it anew, because every check is made anew. That costs what a start costs, so that
//! nobody can hold more interactions by it than by opening new ones, and [`MOST_RENEWALS`] bounds it. The R30 answers of the
//! interaction (G3) and the counts of its accounts (G4, G5) go on as they were.

use super::message::FormErrors;
use super::requests::{StepCheck, ViewResult, Visitor};
use super::service::IdentityService;
use super::service_hours::Service;
use super::{Ending, Expired, IdentityPolicy, Interaction, Message, Misstep, Problem, Stage, sql};
use crate::audit::AuditAction;
use crate::clock::Instant;
use crate::secret;
use crate::store::{Result as StoreResult, Tx};
use serde_json::json;

/// How often an interaction's time can begin anew: ten times, as WCAG 2.2.1 asks. So no interaction, and no request that a
/// browser brought, lives longer than eleven times `identity.session`.
pub const MOST_RENEWALS: i64 = 10;

impl Interaction {
    /// Expired, closed and open again, or switched off and on again → S1 of the same request (G12, R57), within the time limit of
    /// the whole interaction. From one of the six screens, before that limit is reached → S1 with the whole time anew.
    ///
    /// # Errors
    /// [`Misstep`] unless it may restart.
    pub fn restarted(self, policy: &IdentityPolicy, now: Instant) -> Result<Self, Misstep> {
        if !self.may_restart(policy, now) {
            return Err(Misstep);
        }
        let (started, renewals) = if self.live() { (now, self.renewals + 1) } else { (self.started, self.renewals) };
        let (stage, errors) = (Stage::Account { typed: None }, FormErrors::default());
        Ok(Self { stage, errors, started, renewals, touched: now, occupies_slot: false, ended_now: false, ..self })
    }
    /// Whether 「最初からやり直す」 can be offered.
    #[must_use]
    pub fn may_restart(&self, policy: &IdentityPolicy, now: Instant) -> bool {
        let again = match self.stage {
            Stage::Ended(Ending::Expired(Expired::Call | Expired::Time)) => true,
            // Whether the service is still switched off, the caller asks the store.
            Stage::Ended(Ending::Closed { .. } | Ending::Off) => policy.hours.open_at(now) == Service::Open,
            Stage::Ended(_) | Stage::Done { .. } | Stage::Links(_) => false,
            _ => self.renewals < MOST_RENEWALS,
        };
        again && now < self.ends_at(policy)
    }
}

/// 口座情報を入力し直す, お名前を入力し直す: the screen before, and the record of it. Nothing is passed or forgotten by that: ② is
/// asked, counted and recorded again.
pub(super) fn back(i: Interaction) -> (Result<Interaction, Misstep>, AuditAction) {
    let action = match i.stage {
        Stage::Phone(_) => AuditAction::InteractionPhoneReturned,
        _ => AuditAction::InteractionCustomerReturned,
    };
    (i.back(), action)
}

impl IdentityService {
    pub(super) async fn restart(&self, v: &Visitor, step: &str, now: Instant) -> StoreResult<ViewResult> {
        let may_start = self.limits.starts.check(v.network, now);
        let (service, visitor, step) = (self.clone(), v.clone(), step.to_owned());
        let work = move |tx: &mut Tx<'_, '_>| service.restart_tx(tx, &visitor, &step, may_start, now);
        let (seen, renewed) = self.store.write(work).await?;
        if renewed {
            self.limits.starts.count(v.network, now);
        }
        Ok(seen)
    }

    /// Also returns whether the time of the interaction began anew.
    fn restart_tx(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        step: &str,
        may_start: Result<(), Instant>,
        now: Instant,
    ) -> StoreResult<(ViewResult, bool)> {
        let i = match self.take(tx, v, step, now)? {
            StepCheck::NotOwner => return Ok((ViewResult::Foreign, false)),
            // The time ended while the page was shown: one press is enough.
            StepCheck::Stale(i) if i.ended_now && self.is_step_of(&i, step) => Interaction { step: i.step + 1, ..i },
            StepCheck::Stale(i) => return Ok((self.view(tx, i, now)?, false)),
            StepCheck::Accepted(i) => i,
        };
        let renews = i.live();
        if renews && let Err(until) = may_start {
            let problem = Problem::until(Message::TooOften, until.whole_minute());
            return Ok((self.stays(tx, i, vec![problem], now)?, false));
        }
        let Ok(i) = i.clone().restarted(&self.policy, now) else { return Ok((self.view(tx, i, now)?, false)) };
        // A closure is told at the next step, and this is one.
        if let Some(closed) = self.meets_closure(tx, &i, now)? {
            return Ok((self.advanced(tx, closed, now)?, false));
        }
        sql::save(tx, &self.crypto, &i)?;
        sql::record(tx, &i, AuditAction::InteractionRestarted, None, json!({}), now)?;
        if !renews {
            return Ok((self.advanced(tx, i, now)?, false));
        }
        sql::renew(tx, &i)?;
        // The cookie lives as long as the interaction.
        let cookie = self.rotate(tx, &i, now)?;
        Ok((self.advanced_with(tx, i, cookie, now)?, true))
    }
    fn is_step_of(&self, i: &Interaction, step: &str) -> bool {
        secret::same(self.key.step(i).reveal().as_bytes(), step.as_bytes())
    }
}
