//! ③ and ④: the customer is given a number to call, calls it, and confirms (R54–R57, G10–G12).

use super::call::{self, Given};
use super::requests::{Posted, StepCheck, ViewResult, Visitor};
use super::service::IdentityService;
use super::sql;
use super::{CallState, Ending, Expired, Interaction, Message, Problem, Stage};
use crate::alarm::AlarmKind;
use crate::audit::AuditAction;
use crate::clock::Instant;
use crate::store::{Result, Tx};
use serde_json::json;

/// What goes into the log and to the alarms after the transaction has committed.
enum NumberReport {
    Nothing,
    /// How many numbers this caller got within the hour.
    Given(i64),
    NoNumber,
}

impl IdentityService {
    /// 電話番号の決定 at ③, 確定する at ④.
    pub(super) async fn call_form(&self, v: &Visitor, step: &str, posted: &Posted, now: Instant) -> Result<ViewResult> {
        let (service, v, step, confirms) = (self.clone(), v.clone(), step.to_owned(), matches!(posted, Posted::Call));
        let work = move |tx: &mut Tx<'_, '_>| match service.take(tx, &v, &step, now)? {
            StepCheck::NotOwner => Ok((ViewResult::Foreign, NumberReport::Nothing)),
            StepCheck::Stale(i) => Ok((service.view(tx, i, now)?, NumberReport::Nothing)),
            StepCheck::Accepted(i) => match (service.meets_closure(tx, &i, now)?, &i.stage) {
                (Some(ended), _) => Ok((service.advanced(tx, ended, now)?, NumberReport::Nothing)),
                (None, _) if confirms => service.confirm(tx, &v, i, now),
                (None, Stage::Phone(_)) => service.give_number(tx, &v, i, 1, now),
                (None, _) => Ok((service.view(tx, i, now)?, NumberReport::Nothing)),
            },
        };
        let (seen, noted) = self.store.write(work).await?;
        match noted {
            NumberReport::Given(n) if n >= self.policy.alarms.numbers_by_caller => {
                self.alarm(AlarmKind::NumbersByCaller, json!({ "within_the_hour": n }), now).await;
            }
            NumberReport::NoNumber => self.alarm(AlarmKind::NoNumber, json!({}), now).await,
            NumberReport::Given(_) | NumberReport::Nothing => {}
        }
        Ok(seen)
    }

    /// ③ → ④, or ④ again if another attempt is allowed: sets number and window (G10).
    fn give_number(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        i: Interaction,
        attempt: u32,
        now: Instant,
    ) -> Result<(ViewResult, NumberReport)> {
        let (Stage::Phone(matched) | Stage::Call { matched, .. }) = &i.stage else {
            return Ok((self.view(tx, i, now)?, NumberReport::Nothing));
        };
        let (caller, account) = (matched.personal.phone().clone(), self.crypto.account(&matched.account));
        let from = (&caller, &*v.network.lease_holder());
        let (given, within_the_hour) = call::give(tx, &self.crypto, &self.policy, &i, from, attempt, now)?;
        let calling = match given {
            Given::Number(calling) => calling,
            Given::NotBefore(at) => {
                let problem = Problem::until(Message::NoNumber, at.whole_second());
                return Ok((self.stays(tx, i, vec![problem], now)?, NumberReport::NoNumber));
            }
        };
        let detail = json!({ "called": calling.called.as_str(), "attempt": attempt });
        let Ok(i) = i.clone().calling(calling) else { return Ok((self.view(tx, i, now)?, NumberReport::Nothing)) };
        sql::save(tx, &self.crypto, &i)?;
        sql::record(tx, &i, AuditAction::InteractionPhoneConfirmed, Some(account), detail, now)?;
        Ok((self.advanced(tx, i, now)?, NumberReport::Given(within_the_hour)))
    }

    /// ④ → ⑤ when the call was seen in time and 確定する is in time (R55–R57).
    fn confirm(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        i: Interaction,
        now: Instant,
    ) -> Result<(ViewResult, NumberReport)> {
        let Stage::Call { calling, matched } = &i.stage else {
            return Ok((self.view(tx, i, now)?, NumberReport::Nothing));
        };
        let (calling, caller) = (calling.clone(), matched.personal.phone().clone());
        let of = (&i.id, &caller);
        let record = call::load_call_record(tx, &self.crypto, &self.policy, of, &calling)?;
        if record.state(&calling, self.policy.call_allowance, now) == CallState::Expired {
            // What ④ offers then: the next number, or after the last one the beginning.
            if calling.attempt < self.policy.call_attempts {
                return self.give_number(tx, v, i, calling.attempt + 1, now);
            }
            let i = sql::end(tx, &self.crypto, i, Ending::Expired(Expired::Call), now)?;
            return Ok((self.advanced(tx, i, now)?, NumberReport::Nothing));
        }
        let moved = record.arrived_at.and_then(|at| i.clone().called(at, now).ok());
        let seen = match moved {
            Some(i) if call::use_up(tx, &self.crypto, &self.policy, of, &calling, now)? => {
                sql::save(tx, &self.crypto, &i)?;
                let account = i.account().map(|a| self.crypto.account(a));
                sql::record(tx, &i, AuditAction::InteractionCallConfirmed, account, json!({}), now)?;
                let cookie = self.rotate(tx, &i, now)?;
                self.advanced_with(tx, i, cookie, now)?
            }
            _ => self.stays(tx, i, vec![Problem::page(Message::CallWaiting)], now)?,
        };
        Ok((seen, NumberReport::Nothing))
    }
}
