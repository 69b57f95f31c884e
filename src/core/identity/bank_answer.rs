//! *Ask*: what the core bank says to a guess, with no transaction open (decision 6).

use super::bank_queue::Priority;
use super::service::IdentityService;
use super::{BankError, BirthDate, Declared, Holding, Ineligible, Lookup, Matched, Pin};
use crate::account::Account;
use crate::clock::Instant;
use crate::id::AccountId;
use futures_util::future::join;

/// The core bank's answer, as far as *settle* needs it.
pub(super) enum BankAnswer<T> {
    Right(T),
    Wrong(AccountId),
    Ineligible(Ineligible),
    None(BankError),
}

impl IdentityService {
    /// Both questions are asked, whatever the answer to the other is. Otherwise the response time would show which
    /// accounts exist (G3). They are asked at once, so the customer waits for the slower one only, and for both together
    /// at most `customer_within`.
    pub(super) async fn ask_customer(
        &self,
        account: &Account,
        born: &BirthDate,
        personal: &Declared,
        now: Instant,
    ) -> BankAnswer<Holding> {
        let lookup = self.in_turn(self.bank.lookup(account), now);
        let matches = self.in_turn(self.bank.matches(account, born, personal.phone()), now);
        let both = tokio::time::timeout(self.policy.customer_within, join(lookup, matches)).await;
        let Ok((lookup, matches)) = both else {
            return BankAnswer::None(BankError::Failed("the two questions of ② took too long".into()));
        };
        match (lookup, matches) {
            (Err(e), _) | (_, Err(e)) => BankAnswer::None(e),
            (Ok(Lookup::Ineligible(why)), Ok(_)) => BankAnswer::Ineligible(why),
            (Ok(Lookup::Eligible(holding)), Ok(true)) => BankAnswer::Right(holding),
            (Ok(Lookup::Eligible(holding)), Ok(false)) => BankAnswer::Wrong(holding.id),
        }
    }
    /// One question of ②, when it is its turn. Each takes a turn of its own, so `bank.parallel` holds.
    async fn in_turn<T>(
        &self,
        question: impl Future<Output = Result<T, BankError>>,
        now: Instant,
    ) -> Result<T, BankError> {
        let Ok(_turn) = self.turn(Priority::Anybody, now).await else { return Err(BankError::Busy) };
        question.await
    }

    pub(super) async fn ask_pin(
        &self,
        matched: &Matched,
        pin: &Pin,
        now: Instant,
    ) -> BankAnswer<Vec<(AccountId, Account)>> {
        let Ok(_turn) = self.turn(Priority::Proved, now).await else { return BankAnswer::None(BankError::Busy) };
        match self.bank.verify_pin(&matched.account, pin).await {
            Err(e) => return BankAnswer::None(e),
            Ok(false) => return BankAnswer::Wrong(matched.holding.id.clone()),
            Ok(true) => {}
        }
        match self.bank.accounts(&matched.holding.holder).await {
            Ok(accounts) if accounts.iter().any(|(id, _)| *id == matched.holding.id) => BankAnswer::Right(accounts),
            Ok(_) => BankAnswer::None(BankError::Failed("the holder's accounts do not hold the verified one".into())),
            Err(e) => BankAnswer::None(e),
        }
    }
}
