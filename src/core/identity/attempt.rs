//! The two checks that can be guessed, ② and ⑤: reserve → ask → settle (decision 6).
//!
//! *Reserve*, one transaction: the step token is used up and one failure is reserved on the account, unless the limit
//! is reached. *Ask*: the core bank, with no transaction open. *Settle*, one transaction: the stage moves, or stays
//! with a message. The reservation is given back unless the core bank said "wrong".

use super::bank_answer::BankAnswer;
use super::lockout::{self, Guess, Reservation, Reserved};
use super::network::BrowserNetwork;
use super::refused::wrong_answer;
use super::requests::{StepCheck, ViewResult, Visitor};
use super::service::IdentityService;
use super::{
    BankError, CustomerForm, Declared, Ending, Expired, Holding, Interaction, Message, Pin, Problem, Stage, guess,
    hourly_counter, sql,
};
use crate::account::Account;
use crate::alarm::AlarmKind;
use crate::audit::AuditAction;
use crate::clock::Instant;
use crate::id::{AccountId, ClientId, GuessId};
use crate::secret::Secret;
use crate::store::{Result, Tx};
use serde_json::json;
use std::time::Duration;

/// When to post ② again after too many posts of one network were under way at once.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The outcome of *reserve*: ask the core bank, or show the current screen.
enum Booked {
    Ask {
        i: Box<Interaction>,
        reservation: Reservation,
    },
    Show(Box<ViewResult>),
    /// This form was posted before, and another node is asking the core bank about it.
    Pending(GuessId),
}

/// What goes into the log and to the alarms after the transaction has committed.
#[derive(Default)]
struct AttemptReport {
    /// R30 answers for this app within the running hour.
    unknown_accounts: i64,
    /// Locks within the running hour, if this answer caused one.
    locks: i64,
}

impl IdentityService {
    /// ② Is this the customer of that account?
    pub(super) async fn customer(
        &self,
        v: &Visitor,
        step: &str,
        form: CustomerForm,
        now: Instant,
    ) -> Result<ViewResult> {
        let (personal, born) = match form.parse(v.kind, now) {
            Ok(read) => read,
            Err(problems) => return self.misread(v, step, "customer", problems, now).await,
        };
        let Some(mut expected) = self.limits.expect(v.network, now) else {
            return self.too_many_pending(v, step, now).await;
        };
        let (i, reservation) = match self.reserve(v, step, Guess::Customer, now).await? {
            Booked::Ask { i, reservation } => (i, reservation),
            Booked::Show(seen) => return Ok(*seen),
            Booked::Pending(guess) => return self.once_answered(v, guess, now).await,
        };
        let Stage::Customer { account } = &i.stage else { return self.current_view(v, now).await };
        let answer = self.ask_customer(account, &born, &personal, now).await;
        match &answer {
            BankAnswer::Ineligible(_) => expected.unknown_account(),
            BankAnswer::Wrong(_) => expected.wrong_customer(),
            BankAnswer::Right(_) | BankAnswer::None(_) => {}
        }
        drop(expected);
        let service = self.clone();
        let work = move |tx: &mut Tx<'_, '_>| service.settle_customer(tx, &i, &reservation, &answer, &personal, now);
        let (seen, noted) = self.store.ending().write(work).await?;
        self.raise(&noted, now).await;
        Ok(seen)
    }
    /// Counts one post of ② for the browser's network and says whether it is allowed. This comes before any write and
    /// before the core bank is asked, so that a network at its limit costs little.
    ///
    /// # Errors
    /// The time from which the network may post again.
    pub async fn admit_customer(&self, v: &Visitor, now: Instant) -> std::result::Result<(), Instant> {
        let admitted = self.limits.admit_customer(v.network, now);
        if admitted.is_err() {
            self.alarm(AlarmKind::CustomersByNetwork, json!({}), now).await;
        }
        admitted
    }
    /// Whether the core bank may be asked what has become of checks that are remembered. That takes the place of ② and
    /// counts as a post of it: so a remembered browser cannot keep the core bank busy.
    #[must_use]
    pub fn may_recall(&self, network: BrowserNetwork, now: Instant) -> bool {
        self.limits.customer_posts.admit(network, now).is_ok()
    }
    /// The network would reach its limit if every post under way were answered with R30 or R31. Most will not be, so
    /// the customer may try again in a minute.
    async fn too_many_pending(&self, v: &Visitor, step: &str, now: Instant) -> Result<ViewResult> {
        self.alarm(AlarmKind::CustomersByNetwork, json!({}), now).await;
        let problem = Problem::until(Message::TooOften, (now + RETRY_AFTER).whole_minute());
        self.misread(v, step, "customer", vec![problem], now).await
    }
    async fn raise(&self, noted: &AttemptReport, now: Instant) {
        let levels = &self.policy.alarms;
        if noted.unknown_accounts >= levels.unknown_accounts_by_app {
            let detail = json!({ "within_the_hour": noted.unknown_accounts });
            self.alarm(AlarmKind::UnknownAccountsByApp, detail, now).await;
        }
        if noted.locks >= levels.locks {
            self.alarm(AlarmKind::Locks, json!({ "within_the_hour": noted.locks }), now).await;
        }
    }

    fn settle_customer(
        &self,
        tx: &mut Tx<'_, '_>,
        reserved: &Interaction,
        reservation: &Reservation,
        answer: &BankAnswer<Holding>,
        personal: &Declared,
        now: Instant,
    ) -> Result<(ViewResult, AttemptReport)> {
        let mut noted = AttemptReport::default();
        // *Reserve* has raised the interaction's own number of R30 answers (`refused_accounts`, which locks no account).
        // It stays raised only for R30 (G3).
        let give_back = !matches!(answer, BankAnswer::Ineligible(_));
        if let BankAnswer::Ineligible(_) = answer {
            let app = reserved.purpose.client().map_or("", ClientId::as_str);
            let name = self.crypto.sealer.index("unknown accounts by app", app);
            noted.unknown_accounts = hourly_counter::add(tx, name, now)?;
        }
        let refused = (AuditAction::InteractionCustomerRefused, give_back);
        let i = match self.settle(tx, (reserved, reservation), answer, refused, &mut noted, now)? {
            AttemptOutcome::Show(seen) => return Ok((*seen, noted)),
            AttemptOutcome::Right(i) => i,
        };
        let BankAnswer::Right(holding) = answer else { return Ok((self.view(tx, *i, now)?, noted)) };
        let Ok(mut i) = i.clone().matched(holding.clone(), personal.clone()) else {
            return Ok((self.view(tx, *i, now)?, noted));
        };
        let account = i.account().map(|a| self.crypto.account(a));
        i.occupies_slot = account.map_or(Ok(i.occupies_slot), |a| sql::may_occupy_slot(tx, a))?;
        sql::save(tx, &self.crypto, &i)?;
        sql::record(tx, &i, AuditAction::InteractionCustomerAccepted, account, json!({}), now)?;
        let cookie = self.rotate(tx, &i, now)?;
        Ok((self.advanced_with(tx, i, cookie, now)?, noted))
    }

    /// ⑤ Is this the card's PIN? The PIN is in memory only during this call.
    pub(super) async fn pin(&self, v: &Visitor, step: &str, typed: &Secret, now: Instant) -> Result<ViewResult> {
        let pin = match Pin::parse(typed.reveal()) {
            Ok(pin) => pin,
            Err(problems) => return self.misread(v, step, "pin", problems, now).await,
        };
        let (i, reservation) = match self.reserve(v, step, Guess::Pin, now).await? {
            Booked::Ask { i, reservation } => (i, reservation),
            Booked::Show(seen) => return Ok(*seen),
            Booked::Pending(guess) => return self.once_answered(v, guess, now).await,
        };
        let Stage::Pin { matched, .. } = &i.stage else { return self.current_view(v, now).await };
        let answer = self.ask_pin(matched, &pin, now).await;
        drop(pin);
        let service = self.clone();
        let (seen, noted) =
            self.store.ending().write(move |tx| service.settle_pin(tx, &i, &reservation, &answer, now)).await?;
        self.raise(&noted, now).await;
        Ok(seen)
    }

    fn settle_pin(
        &self,
        tx: &mut Tx<'_, '_>,
        reserved: &Interaction,
        reservation: &Reservation,
        answer: &BankAnswer<Vec<(AccountId, Account)>>,
        now: Instant,
    ) -> Result<(ViewResult, AttemptReport)> {
        let mut noted = AttemptReport::default();
        let refused = (AuditAction::InteractionPinRefused, true);
        let i = match self.settle(tx, (reserved, reservation), answer, refused, &mut noted, now)? {
            AttemptOutcome::Show(seen) => return Ok((*seen, noted)),
            AttemptOutcome::Right(i) => i,
        };
        let (BankAnswer::Right(accounts), Some(account)) = (answer, i.account()) else {
            return Ok((self.view(tx, *i, now)?, noted));
        };
        let index = self.crypto.account(account);
        let Ok(i) = self.passed(tx, &i, index, accounts, now)? else { return Ok((self.view(tx, *i, now)?, noted)) };
        sql::save(tx, &self.crypto, &i)?;
        sql::record(tx, &i, AuditAction::InteractionPinAccepted, Some(index), json!({}), now)?;
        Ok((self.advanced(tx, i, now)?, noted))
    }

    /// *Reserve*: books the guess as a failure before it is made; or says why it may not be made.
    async fn reserve(&self, v: &Visitor, step: &str, guess: Guess, now: Instant) -> Result<Booked> {
        let busy = guess == Guess::Customer && self.full(now).await?;
        if busy {
            self.alarm(AlarmKind::Busy, json!({ "limit": "identity.concurrent" }), now).await;
        }
        let (service, v, step) = (self.clone(), v.clone(), step.to_owned());
        // A step token made by us always gives a valid name.
        let Some(id) = guess::name(&v.id, &step) else {
            return Ok(Booked::Show(Box::new(self.current_view(&v, now).await?)));
        };
        self.store.write(move |tx| service.reserve_tx(tx, &v, &step, (guess, &id), busy, now)).await
    }
    fn reserve_tx(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        step: &str,
        (guess, id): (Guess, &GuessId),
        busy: bool,
        now: Instant,
    ) -> Result<Booked> {
        let show = |seen| Ok(Booked::Show(Box::new(seen)));
        let mut i = match self.take(tx, v, step, now)? {
            StepCheck::NotOwner => return show(ViewResult::Foreign),
            StepCheck::Stale(_) if guess::is_pending(tx, id, now)? => return Ok(Booked::Pending(id.clone())),
            StepCheck::Stale(i) => return show(self.view(tx, i, now)?),
            StepCheck::Accepted(i) => i,
        };
        let account = match (&i.stage, guess) {
            (Stage::Customer { account }, Guess::Customer) => account.clone(),
            (Stage::Pin { matched, .. }, Guess::Pin) => matched.account.clone(),
            _ => return show(self.view(tx, i, now)?),
        };
        // Service hours are checked before anything is counted: a closure never costs the customer an attempt (G9).
        if let Some(ended) = self.meets_closure(tx, &i, now)? {
            return show(self.advanced(tx, ended, now)?);
        }
        if !self.policy.offered {
            return show(self.stays(tx, i, vec![Problem::page(Message::R37)], now)?);
        }
        if busy {
            return show(self.stays(tx, i, vec![Problem::page(Message::R35)], now)?);
        }
        // The limit may have been higher when the last R30 was given.
        if guess == Guess::Customer && i.refused_accounts >= self.policy.unknown_accounts {
            let i = sql::end(tx, &self.crypto, i, Ending::Expired(Expired::UnknownAccounts), now)?;
            return show(self.advanced(tx, i, now)?);
        }
        match lockout::reserve(tx, &self.crypto, &self.policy, (&account, guess, id), now)? {
            Reserved::Locked(lock) => {
                i.recorded = true;
                let ending = Ending::Locked { before: true, until: lock.until };
                let i = sql::end(tx, &self.crypto, i, ending, now)?;
                show(self.advanced(tx, i, now)?)
            }
            Reserved::Full => show(self.stays(tx, i, vec![Problem::page(Message::CheckUnderWay)], now)?),
            Reserved::Proceed(reservation) => {
                // From here on the interaction is in the audit record: the core bank is asked about an account.
                i.recorded = true;
                i.refused_accounts += i64::from(guess == Guess::Customer);
                sql::save(tx, &self.crypto, &i)?;
                Ok(Booked::Ask { i: Box::new(i), reservation })
            }
        }
    }

    /// Whether too many interactions are past ② (R35). This is counted outside the transaction that reserves. The
    /// count may be off by one, but no ② has to wait for another.
    async fn full(&self, now: Instant) -> Result<bool> {
        let (since, cap) = (now - self.policy.idle, self.policy.concurrent);
        Ok(self.store.read(move |tx| sql::concurrent(tx, since, cap)).await? >= cap)
    }

    /// *Settle*: release or keep the reserved attempt first, even if the interaction changed meanwhile. Change the
    /// interaction only if its stage and step are unchanged.
    fn settle<T>(
        &self,
        tx: &mut Tx<'_, '_>,
        (reserved, reservation): (&Interaction, &Reservation),
        answer: &BankAnswer<T>,
        (refused, give_back): (AuditAction, bool),
        noted: &mut AttemptReport,
        now: Instant,
    ) -> Result<AttemptOutcome> {
        let show = |seen| Ok(AttemptOutcome::Show(Box::new(seen)));
        let account = reserved.account().map(|a| self.crypto.account(a));
        let lock = if let BankAnswer::Wrong(id) = answer {
            // The answer has its own record, whatever became of the interaction and whether it locks or not.
            sql::record(tx, reserved, refused, account, json!({ "result": "wrong" }), now)?;
            lockout::name_account(tx, reservation, id)?;
            lockout::fail(tx, &self.crypto, &self.policy, reservation, reserved.purpose.client(), now)?
        } else {
            lockout::pass(tx, &self.crypto, &self.policy, reservation, matches!(answer, BankAnswer::Right(_)), now)?;
            None
        };
        if lock.is_some() {
            noted.locks = hourly_counter::add(tx, self.crypto.sealer.index("locks", ""), now)?;
        }
        let Some(row) = sql::load(tx, &self.crypto, &reserved.id)? else { return show(ViewResult::Foreign) };
        let mut i = row.interaction;
        if give_back && i.refused_accounts > 0 && matches!(reserved.stage, Stage::Customer { .. }) {
            i.refused_accounts -= 1;
            sql::save(tx, &self.crypto, &i)?;
        }
        if i.step != reserved.step || i.stage != reserved.stage {
            return show(self.view(tx, i, now)?);
        }
        if let Some(lock) = lock {
            let i = sql::end(tx, &self.crypto, i, Ending::Locked { before: false, until: lock.until }, now)?;
            return show(self.advanced(tx, i, now)?);
        }
        let (message, result) = match answer {
            BankAnswer::Right(_) => return Ok(AttemptOutcome::Right(Box::new(i))),
            BankAnswer::Wrong(_) => {
                let next = lockout::last_try(tx, &self.crypto, &self.policy, reservation, now)?;
                let problems = wrong_answer(reservation.guess(), next, now);
                return show(self.stays(tx, i, problems, now)?);
            }
            BankAnswer::Ineligible(why) => (Message::R30, why.as_str()),
            BankAnswer::None(BankError::Busy) => (Message::R35, "busy"),
            BankAnswer::None(BankError::NotOffered) => (Message::R37, "not_offered"),
            BankAnswer::None(BankError::Closed) => (Message::R34, "closed"),
            BankAnswer::None(BankError::Failed(cause)) => {
                tracing::warn!(%cause, "the core bank gave no answer");
                (Message::R36, "failed")
            }
        };
        sql::record(tx, &i, refused, account, json!({ "result": result }), now)?;
        // The last R30 of an interaction ends it: somebody who tries one account after the other must not learn more by
        // going on (G3).
        if message == Message::R30 && i.refused_accounts >= self.policy.unknown_accounts {
            let i = sql::end(tx, &self.crypto, i, Ending::Expired(Expired::UnknownAccounts), now)?;
            return show(self.advanced(tx, i, now)?);
        }
        show(self.stays(tx, i, vec![Problem::page(message)], now)?)
    }

    pub(super) async fn current_view(&self, v: &Visitor, now: Instant) -> Result<ViewResult> {
        self.look(v, None, now).await
    }
}

enum AttemptOutcome {
    Right(Box<Interaction>),
    Show(Box<ViewResult>),
}
