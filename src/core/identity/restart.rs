//! 最初からやり直す: ① of the same request, with what was typed (G12, R57).
//!
//! After the end of a call or of a pause the customer goes on within the time of the whole interaction. Who presses it
//! before that time ends gets all of it anew, because every check is made anew. That costs what a start costs, so that
//! nobody can hold more interactions by it than by opening new ones.

use super::requests::{StepCheck, ViewResult, Visitor};
use super::service::IdentityService;
use super::sql;
use super::{Interaction, Message, Problem};
use crate::audit::AuditAction;
use crate::clock::Instant;
use crate::secret;
use crate::store::{Result, Tx};
use serde_json::json;

impl IdentityService {
    pub(super) async fn restart(&self, v: &Visitor, step: &str, now: Instant) -> Result<ViewResult> {
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
        may_start: std::result::Result<(), Instant>,
        now: Instant,
    ) -> Result<(ViewResult, bool)> {
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
