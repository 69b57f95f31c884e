//! ⑥ once more: between ⑤ and 許可する minutes pass in which an account can be closed or the service ends. So the core
//! bank is asked again before anything is recorded (decision 1). Nothing here can be guessed, and nothing counts.

use super::bank_queue::Priority;
use super::desk::Desk;
use super::seen::{Seen, Taken, Visitor};
use super::service_hours::Service;
use super::{BankError, Ending, FormErrors, Interaction, Lookup, Message, Misstep, Proofed, Stage, sql};
use crate::account::Account;
use crate::clock::Instant;
use crate::id::AccountId;
use crate::store::{Result, Tx};

/// What has become of what ① to ⑤ established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds; these are the person's accounts now.
    Good(Vec<(AccountId, Account)>),
    /// It is over: the way ends like this.
    Over(Ending),
    /// Nobody can say now: R36, R37, R34.
    Unknown(Message),
}

impl Interaction {
    /// S6 → S6: the core bank has said anew which accounts the person has.
    ///
    /// # Errors
    /// [`Misstep`].
    pub fn reoffered(self, accounts: Vec<(AccountId, Account)>) -> std::result::Result<Self, Misstep> {
        match self.stage {
            Stage::Consent(proofed) => {
                Ok(Self { stage: Stage::Consent(Box::new(Proofed { accounts, ..*proofed })), ..self })
            }
            _ => Err(Misstep),
        }
    }
}

impl Desk {
    /// Asks whether the verified account can still be linked, is still the same person's, and which others they have.
    pub async fn standing(&self, proofed: &Proofed, now: Instant) -> Standing {
        if let Service::Closed { until } = self.policy.hours.open_at(now) {
            return Standing::Over(Ending::Closed { until });
        }
        if !self.policy.offered {
            return Standing::Unknown(Message::R37);
        }
        let Ok(_turn) = self.turn(Priority::Proved, now).await else { return Standing::Unknown(Message::R35) };
        match self.asked_again(proofed).await {
            Ok(Some(accounts)) => Standing::Good(accounts),
            Ok(None) => Standing::Over(Ending::NoAccount),
            Err(BankError::NotOffered) => Standing::Unknown(Message::R37),
            Err(BankError::Closed) => Standing::Unknown(Message::R34),
            Err(BankError::Failed(cause)) => {
                tracing::warn!(%cause, "the core bank gave no answer");
                Standing::Unknown(Message::R36)
            }
        }
    }
    async fn asked_again(
        &self,
        proofed: &Proofed,
    ) -> std::result::Result<Option<Vec<(AccountId, Account)>>, BankError> {
        match self.bank.lookup(&proofed.account).await? {
            Lookup::Eligible(held) if held.id == proofed.verified && held.holder == proofed.holder => {}
            Lookup::Eligible(_) | Lookup::Ineligible(_) => return Ok(None),
        }
        let accounts = self.bank.accounts(&proofed.holder).await?;
        Ok(accounts.iter().any(|(id, _)| *id == proofed.verified).then_some(accounts))
    }

    /// ⑥ again, with what is wrong, and with the accounts the core bank has named anew.
    ///
    /// # Errors
    /// The store's.
    pub async fn refuse_consent(
        &self,
        visitor: &Visitor,
        step: &str,
        errors: FormErrors,
        accounts: Option<Vec<(AccountId, Account)>>,
        now: Instant,
    ) -> Result<Seen> {
        let (desk, v, step) = (self.clone(), visitor.clone(), step.to_owned());
        let work = move |tx: &mut Tx<'_, '_>| match desk.take(tx, &v, &step, now)? {
            Taken::Foreign => Ok(Seen::Foreign),
            Taken::Now(i) if matches!(i.stage, Stage::Consent(_)) => {
                let anew = accounts.clone().and_then(|accounts| i.clone().reoffered(accounts).ok());
                desk.stays(tx, anew.unwrap_or(i), errors.clone(), now)
            }
            Taken::Stale(i) | Taken::Now(i) => desk.view(tx, i, now),
        };
        self.store.write(work).await
    }

    /// Ends an interaction that stands at ⑥ and leads nowhere, and shows what is then.
    ///
    /// # Errors
    /// The store's.
    pub async fn conclude(&self, visitor: &Visitor, ending: Ending, now: Instant) -> Result<Seen> {
        let (desk, v) = (self.clone(), visitor.clone());
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(row) = desk.admitted(tx, &v, now)? else { return Ok(Seen::Foreign) };
            let mut i = desk.on_time(tx, row.interaction, now)?;
            if matches!(i.stage, Stage::Consent(_)) {
                i = sql::end(tx, &desk.seals, i, ending, now)?;
            }
            desk.view(tx, i, now)
        };
        self.store.write(work).await
    }
}
