//! Between ⑤ and 許可する an account can be closed or the service can end. So the core bank is asked again before anything
//! is recorded (decision 1). No secret is checked here, so nothing counts as an attempt.

use super::Linking;
use crate::account::Account;
use crate::clock::Instant;
use crate::id::AccountId;
use crate::identity::service_hours::Service;
use crate::identity::{BankError, Ending, Lookup, Message, Proofed};

/// Whether the result of ① to ⑤ is still true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recheck {
    /// It is; these are the person's current accounts.
    Valid(Vec<(AccountId, Account)>),
    /// It is not: the interaction ends like this.
    Over(Ending),
    /// The bank gave no clear answer: R34 to R37.
    Unknown(Message),
}

impl Linking {
    /// Asks whether the verified account can still be linked and has the same owner, and for their other accounts.
    pub async fn reverify(&self, proofed: &Proofed, now: Instant) -> Recheck {
        let policy = self.identity.policy();
        if let Service::Closed { until } = policy.hours.open_at(now) {
            return Recheck::Over(Ending::Closed { until });
        }
        if !policy.offered {
            return Recheck::Unknown(Message::R37);
        }
        match self.identity.ask_proved(self.accounts_now(proofed), now).await {
            None => Recheck::Unknown(Message::R35),
            Some(Ok(Some(accounts))) => Recheck::Valid(accounts),
            Some(Ok(None)) => Recheck::Over(Ending::NoAccount),
            Some(Err(BankError::NotOffered)) => Recheck::Unknown(Message::R37),
            Some(Err(BankError::Closed)) => Recheck::Unknown(Message::R34),
            Some(Err(BankError::Failed(cause))) => {
                tracing::warn!(%cause, "the core bank gave no answer");
                Recheck::Unknown(Message::R36)
            }
        }
    }

    /// The person's accounts; `None` if the verified account is no longer theirs, or cannot be linked.
    async fn accounts_now(&self, proofed: &Proofed) -> Result<Option<Vec<(AccountId, Account)>>, BankError> {
        let bank = self.identity.bank();
        match bank.lookup(&proofed.account).await? {
            Lookup::Eligible(held) if held.id == proofed.verified && held.holder == proofed.holder => {}
            Lookup::Eligible(_) | Lookup::Ineligible(_) => return Ok(None),
        }
        let accounts = bank.accounts(&proofed.holder).await?;
        Ok(accounts.iter().any(|(id, _)| *id == proofed.verified).then_some(accounts))
    }
}
