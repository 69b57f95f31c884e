//! A closure that begins (R34), or a service that is switched off (R37), while a customer is among ① to ⑤: they read it at the next step, not after further fields and
//! a call. Nothing is counted then (G9). What comes after ⑤ is not this module's: 許可する asks again
//! ([`crate::linking`]), and the customer's own page needs no core bank.

use super::message::FormErrors;
use super::requests::ViewResult;
use super::service::IdentityService;
use super::service_hours::Service;
use super::{Ending, Interaction, Stage, service_switch, sql};
use crate::clock::Instant;
use crate::store::{Result, Tx};

impl IdentityService {
    /// Ends an interaction among ① to ⑤ if the service is closed or switched off now; `None`: it goes on.
    pub(super) fn meets_closure(
        &self,
        tx: &mut Tx<'_, '_>,
        i: &Interaction,
        now: Instant,
    ) -> Result<Option<Interaction>> {
        let among = matches!(
            i.stage,
            Stage::Account { .. } | Stage::Customer { .. } | Stage::Phone(_) | Stage::Call { .. } | Stage::Pin { .. }
        );
        if !among {
            return Ok(None);
        }
        let ending = match self.policy.hours.open_at(now) {
            Service::Closed { until } => Ending::Closed { until },
            _ if service_switch::is_off(tx)? => Ending::Off,
            _ => return Ok(None),
        };
        sql::end(tx, &self.crypto, i.clone(), ending, now).map(Some)
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
