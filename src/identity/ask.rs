//! The two checks that can be guessed, ② and ⑤: reserve → ask → settle (architecture §1.3).
//!
//! *Reserve*, one transaction: the step token is used and one failure booked on the account, refused at the limit.
//! *Ask*: the core bank, with no transaction open. *Settle*, one transaction: the stage moves, or stays with a message;
//! the booking is given back unless the answer was a plain "wrong".

use super::desk::Desk;
use super::lockout::{self, Guess, Reservation, Reserved};
use super::seen::{Seen, Taken, Visitor};
use super::service_hours::Service;
use super::sql;
use super::{
    BankError, BirthDate, CustomerForm, Ending, Holding, Ineligible, Interaction, Lookup, Matched, Message, Personal,
    Pin, Problem, Stage, tally,
};
use crate::account::Account;
use crate::clock::Instant;
use crate::id::AccountId;
use crate::secret::{Hash, Secret};
use crate::store::{Result, Tx};
use serde_json::json;

/// The outcome of *reserve*: ask, or show what is.
enum Booked {
    Ask { i: Box<Interaction>, reservation: Reservation },
    Show(Box<Seen>),
}

/// The core bank's answer, as far as settling goes.
enum Answer<T> {
    Right(T),
    Wrong,
    Ineligible(Ineligible),
    None(BankError),
}

impl Desk {
    /// ② Is this the customer of that account?
    pub(super) async fn customer(&self, v: &Visitor, step: &str, form: CustomerForm, now: Instant) -> Result<Seen> {
        let (personal, born) = match form.parse(now) {
            Ok(read) => read,
            Err(problems) => return self.misread(v, step, "customer", problems, now).await,
        };
        let (i, reservation) = match self.reserve(v, step, Guess::Customer, now).await? {
            Booked::Ask { i, reservation } => (i, reservation),
            Booked::Show(seen) => return Ok(*seen),
        };
        let Stage::Customer { account } = &i.stage else { return self.again(v, now).await };
        let answer = self.ask_customer(account, &born, &personal).await;
        let (desk, address) = (self.clone(), v.address.clone());
        self.store.write(move |tx| desk.settle_customer(tx, &i, reservation, &answer, &personal, &address, now)).await
    }

    /// Both questions are asked whatever the first answer is, so that the time taken does not tell which accounts
    /// exist (domain G3).
    async fn ask_customer(&self, account: &Account, born: &BirthDate, personal: &Personal) -> Answer<Holding> {
        let lookup = self.bank.lookup(account).await;
        let matches = self.bank.matches(account, born, &personal.phone).await;
        match (lookup, matches) {
            (Err(e), _) | (_, Err(e)) => Answer::None(e),
            (Ok(Lookup::Ineligible(why)), Ok(_)) => Answer::Ineligible(why),
            (Ok(Lookup::Eligible(holding)), Ok(true)) => Answer::Right(holding),
            (Ok(Lookup::Eligible(_)), Ok(false)) => Answer::Wrong,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call, from the line above; a struct would only rename them")]
    fn settle_customer(
        &self,
        tx: &mut Tx<'_, '_>,
        reserved: &Interaction,
        reservation: Reservation,
        answer: &Answer<Holding>,
        personal: &Personal,
        address: &str,
        now: Instant,
    ) -> Result<Seen> {
        // R30 stays counted on the way itself (G3); every other answer gives it back.
        let give_back = !matches!(answer, Answer::Ineligible(_));
        if let Answer::Ineligible(_) = answer {
            for name in self.sweeps(reserved, address) {
                tally::add(tx, name, now)?;
            }
        }
        let i = match self.settle(tx, reserved, reservation, answer, give_back, "interaction.customer.refused", now)? {
            Settled::Show(seen) => return Ok(*seen),
            Settled::Right(i) => i,
        };
        let Answer::Right(holding) = answer else { return self.view(tx, *i, now) };
        let Ok(i) = i.clone().matched(holding.clone(), personal.clone()) else { return self.view(tx, *i, now) };
        sql::save(tx, &self.seals, &i)?;
        let account = i.account().map(|a| self.seals.account(a));
        sql::arrow(tx, &i, "interaction.customer.accepted", account, json!({}), now)?;
        let cookie = self.rotate(tx, &i, now)?;
        self.taken_with(tx, i, cookie, now)
    }

    /// ⑤ Is this the card's PIN? It lives in this call alone.
    pub(super) async fn pin(&self, v: &Visitor, step: &str, typed: &Secret, now: Instant) -> Result<Seen> {
        let pin = match Pin::parse(typed.reveal()) {
            Ok(pin) => pin,
            Err(problems) => return self.misread(v, step, "pin", problems, now).await,
        };
        let (i, reservation) = match self.reserve(v, step, Guess::Pin, now).await? {
            Booked::Ask { i, reservation } => (i, reservation),
            Booked::Show(seen) => return Ok(*seen),
        };
        let Stage::Pin { matched, .. } = &i.stage else { return self.again(v, now).await };
        let answer = self.ask_pin(matched, &pin).await;
        drop(pin);
        let desk = self.clone();
        self.store.write(move |tx| desk.settle_pin(tx, &i, reservation, &answer, now)).await
    }

    async fn ask_pin(&self, matched: &Matched, pin: &Pin) -> Answer<Vec<(AccountId, Account)>> {
        match self.bank.verify_pin(&matched.account, pin).await {
            Err(e) => return Answer::None(e),
            Ok(false) => return Answer::Wrong,
            Ok(true) => {}
        }
        match self.bank.accounts(&matched.holding.holder).await {
            Ok(accounts) if accounts.iter().any(|(id, _)| *id == matched.holding.id) => Answer::Right(accounts),
            Ok(_) => Answer::None(BankError::Failed("the holder's accounts do not hold the verified one".into())),
            Err(e) => Answer::None(e),
        }
    }

    fn settle_pin(
        &self,
        tx: &mut Tx<'_, '_>,
        reserved: &Interaction,
        reservation: Reservation,
        answer: &Answer<Vec<(AccountId, Account)>>,
        now: Instant,
    ) -> Result<Seen> {
        let i = match self.settle(tx, reserved, reservation, answer, true, "interaction.pin.refused", now)? {
            Settled::Show(seen) => return Ok(*seen),
            Settled::Right(i) => i,
        };
        let (Answer::Right(accounts), Some(account)) = (answer, i.account()) else { return self.view(tx, *i, now) };
        let index = self.seals.account(account);
        let Ok(i) = i.clone().proofed(index, accounts.clone(), now) else { return self.view(tx, *i, now) };
        sql::save(tx, &self.seals, &i)?;
        sql::arrow(tx, &i, "interaction.pin.accepted", Some(index), json!({}), now)?;
        self.taken(tx, i, now)
    }

    /// *Reserve*: the guess may be made, once, on the books; or what is in its way.
    async fn reserve(&self, v: &Visitor, step: &str, guess: Guess, now: Instant) -> Result<Booked> {
        let crowded = guess == Guess::Customer && self.crowded(v, now).await?;
        let (desk, v, step) = (self.clone(), v.clone(), step.to_owned());
        self.store.write(move |tx| desk.reserve_tx(tx, &v, &step, guess, crowded, now)).await
    }
    fn reserve_tx(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        step: &str,
        guess: Guess,
        crowded: bool,
        now: Instant,
    ) -> Result<Booked> {
        let show = |seen| Ok(Booked::Show(Box::new(seen)));
        let mut i = match self.take(tx, v, step, now)? {
            Taken::Foreign => return show(Seen::Foreign),
            Taken::Stale(i) => return show(self.view(tx, i, now)?),
            Taken::Now(i) => i,
        };
        let account = match (&i.stage, guess) {
            (Stage::Customer { account }, Guess::Customer) => account.clone(),
            (Stage::Pin { matched, .. }, Guess::Pin) => matched.account.clone(),
            _ => return show(self.view(tx, i, now)?),
        };
        // A closure comes before everything that counts: it never costs the customer anything (G9).
        if let Service::Closed { until } = self.policy.hours.open_at(now) {
            let i = sql::end(tx, &self.seals, i, Ending::Closed { until }, now)?;
            return show(self.taken(tx, i, now)?);
        }
        if !self.policy.offered {
            return show(self.stays(tx, i, vec![Problem::page(Message::R37)], now)?);
        }
        let swept = guess == Guess::Customer && i.refused_accounts >= self.policy.refused_accounts;
        if crowded || swept {
            return show(self.stays(tx, i, vec![Problem::page(Message::R35)], now)?);
        }
        match lockout::reserve(tx, &self.seals, &self.policy, &account, guess, now)? {
            Reserved::Locked(lock) => {
                let ending = Ending::Locked { before: true, until: lock.until };
                let i = sql::end(tx, &self.seals, i, ending, now)?;
                show(self.taken(tx, i, now)?)
            }
            Reserved::Full => show(self.stays(tx, i, vec![Problem::page(Message::R35)], now)?),
            Reserved::Go(reservation) => {
                if guess == Guess::Customer {
                    i.refused_accounts += 1;
                    sql::save(tx, &self.seals, &i)?;
                }
                Ok(Booked::Ask { i: Box::new(i), reservation })
            }
        }
    }

    /// Whether too many are past ② (R35), or this address or app has swept for accounts (G3). Counted beside the
    /// transaction that reserves: being one off matters less than making every ② wait for every other.
    async fn crowded(&self, v: &Visitor, now: Instant) -> Result<bool> {
        let (desk, v) = (self.clone(), v.clone());
        let work = move |tx: &mut Tx<'_, '_>| {
            let policy = &desk.policy;
            if sql::past_customer(tx, now - policy.idle, policy.past_customer)? >= policy.past_customer {
                return Ok(true);
            }
            let Some(kept) = sql::load(tx, &desk.seals, &v.id)? else { return Ok(false) };
            let [by_address, by_client] = desk.sweeps(&kept.interaction, &v.address);
            Ok(tally::count(tx, by_address, now)? >= policy.refused_accounts_by_address
                || tally::count(tx, by_client, now)? >= policy.refused_accounts_by_client)
        };
        self.store.read(work).await
    }
    fn sweeps(&self, i: &Interaction, address: &str) -> [Hash; 2] {
        let index = |label, value: &str| self.seals.sealer.index(label, value);
        [index("r30 by address", address), index("r30 by client", i.client.as_str())]
    }

    /// *Settle*: the booking first, whatever has become of the way meanwhile; then the way, if it still stands where
    /// the question was asked.
    #[expect(clippy::too_many_arguments, reason = "the two checks differ in exactly these")]
    fn settle<T>(
        &self,
        tx: &mut Tx<'_, '_>,
        reserved: &Interaction,
        reservation: Reservation,
        answer: &Answer<T>,
        give_back: bool,
        refused: &'static str,
        now: Instant,
    ) -> Result<Settled> {
        let show = |seen| Ok(Settled::Show(Box::new(seen)));
        let counts = match answer {
            Answer::Wrong => true,
            Answer::Ineligible(_) => self.policy.unify_account_error,
            Answer::Right(_) | Answer::None(_) => false,
        };
        let lock = if counts {
            lockout::fail(tx, &self.seals, &self.policy, reservation, &reserved.client, now)?
        } else {
            lockout::pass(tx, &self.seals, reservation, matches!(answer, Answer::Right(_)), now)?;
            None
        };
        let Some(kept) = sql::load(tx, &self.seals, &reserved.id)? else { return show(Seen::Foreign) };
        let mut i = kept.interaction;
        if give_back && i.refused_accounts > 0 && matches!(reserved.stage, Stage::Customer { .. }) {
            i.refused_accounts -= 1;
            sql::save(tx, &self.seals, &i)?;
        }
        if i.step != reserved.step || i.stage != reserved.stage {
            return show(self.view(tx, i, now)?);
        }
        if let Some(lock) = lock {
            let i = sql::end(tx, &self.seals, i, Ending::Locked { before: false, until: lock.until }, now)?;
            return show(self.taken(tx, i, now)?);
        }
        let (message, result) = match answer {
            Answer::Right(_) => return Ok(Settled::Right(Box::new(i))),
            Answer::Wrong => (Message::R31, "wrong"),
            Answer::Ineligible(why) if self.policy.unify_account_error => (Message::R31, why.as_str()),
            Answer::Ineligible(why) => (Message::R30, why.as_str()),
            Answer::None(BankError::NotOffered) => (Message::R37, "not_offered"),
            Answer::None(BankError::Closed) => (Message::R34, "closed"),
            Answer::None(BankError::Failed(cause)) => {
                tracing::warn!(%cause, "the core bank gave no answer");
                (Message::R36, "failed")
            }
        };
        let account = i.account().map(|a| self.seals.account(a));
        sql::arrow(tx, &i, refused, account, json!({ "result": result }), now)?;
        show(self.stays(tx, i, vec![Problem::page(message)], now)?)
    }

    /// A form with format errors: its token is used, the same stage comes back with the messages. Nothing is counted.
    async fn misread(
        &self,
        v: &Visitor,
        step: &str,
        screen: &'static str,
        problems: Vec<Problem>,
        now: Instant,
    ) -> Result<Seen> {
        let (desk, v, step) = (self.clone(), v.clone(), step.to_owned());
        let work = move |tx: &mut Tx<'_, '_>| match desk.take(tx, &v, &step, now)? {
            Taken::Foreign => Ok(Seen::Foreign),
            Taken::Now(i) if i.stage.screen() == screen => desk.stays(tx, i, problems.clone(), now),
            Taken::Stale(i) | Taken::Now(i) => desk.view(tx, i, now),
        };
        self.store.write(work).await
    }
    async fn again(&self, v: &Visitor, now: Instant) -> Result<Seen> {
        self.look(v, None, now).await
    }
}

enum Settled {
    Right(Box<Interaction>),
    Show(Box<Seen>),
}
