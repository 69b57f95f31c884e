//! A closure that begins while a customer is among ① to ⑤ (R34): they read it at the next step, not after further fields and
//! a call. Nothing is counted then (G9). What comes after ⑤ is not this module's: 許可する asks again
//! ([`crate::linking`]), and the customer's own page needs no core bank.

use super::message::FormErrors;
use super::requests::ViewResult;
use super::service::IdentityService;
use super::service_hours::Service;
use super::{Ending, Interaction, Stage, sql};
use crate::clock::Instant;
use crate::store::{Result, Tx};

impl IdentityService {
    /// Ends an interaction among ① to ⑤ if the service is closed now; `None`: it goes on.
    pub(super) fn meets_closure(
        &self,
        tx: &mut Tx<'_, '_>,
        i: &Interaction,
        now: Instant,
    ) -> Result<Option<Interaction>> {
        match (self.policy.hours.open_at(now), &i.stage) {
            (
                Service::Closed { until },
                Stage::Account { .. }
                | Stage::Customer { .. }
                | Stage::Phone(_)
                | Stage::Call { .. }
                | Stage::Pin { .. },
            ) => sql::end(tx, &self.crypto, i.clone(), Ending::Closed { until }, now).map(Some),
            _ => Ok(None),
        }
    }

    /// A form with errors: the same screen again, unless the service has closed.
    pub(super) fn stays_if_open(
        &self,
        tx: &mut Tx<'_, '_>,
        i: Interaction,
        errors: impl Into<FormErrors>,
        now: Instant,
    ) -> Result<ViewResult> {
        match self.meets_closure(tx, &i, now)? {
            Some(ended) => self.advanced(tx, ended, now),
            None => self.stays(tx, i, errors, now),
        }
    }
}
