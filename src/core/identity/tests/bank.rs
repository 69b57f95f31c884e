//! A core bank for the tests of what asks one: the sample bank, asked directly instead of over a socket.

use crate::account::Account;
use crate::clock::Instant;
use crate::id::{AccountId, HolderId};
use crate::identity::{BankError, BirthDate, CoreBank, Holding, Ineligible, Lookup, Pin};
use crate::phone::Phone;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use renkei_demo::bank::{Lookup as Found, SampleBank};

/// The sample bank behind the port.
pub(crate) struct Bank(SampleBank);

impl Bank {
    /// As it is founded on the day of `now`.
    pub(crate) fn founded(now: Instant) -> Self {
        Self(SampleBank::founded(now.jst_date()))
    }
}

/// What the sample bank says of an account, in our types.
fn lookup(found: Found) -> Lookup {
    match found {
        Found::Eligible { holder, id } => {
            Lookup::Eligible(Holding { holder: HolderId::parse(&holder).unwrap(), id: AccountId::parse(&id).unwrap() })
        }
        Found::Ineligible(why) => {
            let known = [Ineligible::Closed, Ineligible::Transferred, Ineligible::NoCard, Ineligible::Corporate];
            Lookup::Ineligible(known.into_iter().find(|k| k.as_str() == why).unwrap_or(Ineligible::Unknown))
        }
    }
}

impl CoreBank for Bank {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        ready(Ok(lookup(self.0.lookup(&account.to_string())))).boxed()
    }
    fn matches<'a>(
        &'a self,
        account: &'a Account,
        born: &'a BirthDate,
        phone: &'a Phone,
    ) -> BoxFuture<'a, Result<bool, BankError>> {
        ready(Ok(self.0.matches(&account.to_string(), &born.iso(), phone.as_str()))).boxed()
    }
    fn verify_pin<'a>(&'a self, account: &'a Account, pin: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>> {
        ready(Ok(self.0.verify_pin(&account.to_string(), pin.reveal()))).boxed()
    }
    fn accounts<'a>(&'a self, holder: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>> {
        let read =
            |(id, account): (String, String)| (AccountId::parse(&id).unwrap(), Account::parse(&account).unwrap());
        ready(Ok(self.0.accounts(holder.as_str()).into_iter().map(read).collect())).boxed()
    }
}
