//! The core bank with knobs: the sample bank's answers, which a test can make fail or slow, and a count of PIN checks. It
//! asks the sample bank directly, so that hundreds of customers cost no sockets. Over its socket it is asked by `demo_link`,
//! `clients` and `sample_bank`.

use futures_util::future::BoxFuture;
use renkei_core::account::Account;
use renkei_core::clock::Instant;
use renkei_core::id::{AccountId, HolderId};
use renkei_core::identity::{BankError, BirthDate, CoreBank, Holding, Ineligible, Lookup, Pin};
use renkei_core::phone::Phone;
use renkei_demo::bank::{Lookup as Found, SampleBank};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// A bank a test can turn.
pub(crate) struct Bank {
    inner: SampleBank,
    /// How often a PIN was asked about.
    pub pin_checks: AtomicU32,
    /// How often anything was asked.
    pub asked: AtomicU32,
    failure: Mutex<Option<BankError>>,
    closed: Mutex<HashSet<Account>>,
    delay_ms: AtomicU64,
    /// Answers are held back, and how many are.
    held: AtomicBool,
    waiting: AtomicU32,
}
impl Bank {
    /// The sample bank as it is founded on the day of `now`.
    pub(crate) fn founded(now: Instant) -> Self {
        let inner = SampleBank::founded(now.jst_date());
        let failure = Mutex::new(None);
        let (pin_checks, asked, delay_ms) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU64::new(0));
        let (held, waiting) = (AtomicBool::new(false), AtomicU32::new(0));
        Self { inner, pin_checks, asked, failure, closed: Mutex::default(), delay_ms, held, waiting }
    }
    /// Every answer is this failure, or the true one again.
    pub(crate) fn fail(&self, with: Option<BankError>) {
        *self.failure.lock().unwrap() = with;
    }
    /// 解約, from now on.
    pub(crate) fn close(&self, account: &str) {
        self.closed.lock().unwrap().insert(Account::parse(account).unwrap());
    }
    /// The ids of all accounts of the person who has this one, as the bank names them to resource servers.
    pub(crate) async fn ids(&self, account: &str) -> Vec<String> {
        match self.inner.lookup(account) {
            Found::Eligible { holder, .. } => self.inner.accounts(&holder).into_iter().map(|(id, _)| id).collect(),
            Found::Ineligible(why) => panic!("{account}: {why}"),
        }
    }
    fn is_closed(&self, account: &Account) -> bool {
        self.closed.lock().unwrap().contains(account)
    }
    /// Every answer takes this long.
    pub(crate) fn slow(&self, by: Duration) {
        self.delay_ms.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
    /// No answer until [`Bank::let_go`].
    pub(crate) fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }
    pub(crate) fn let_go(&self) {
        self.held.store(false, Ordering::SeqCst);
    }
    /// Waits until somebody waits for an answer.
    pub(crate) async fn until_held(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    pub(crate) fn pin_checks(&self) -> u32 {
        self.pin_checks.load(Ordering::SeqCst)
    }
    async fn turn(&self) -> Result<(), BankError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let delay = self.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while self.held.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.failure.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}
impl CoreBank for Bank {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        Box::pin(async move {
            self.turn().await?;
            if self.is_closed(account) {
                return Ok(Lookup::Ineligible(Ineligible::Closed));
            }
            Ok(match self.inner.lookup(&account.to_string()) {
                Found::Eligible { holder, id } => Lookup::Eligible(Holding {
                    holder: HolderId::parse(&holder).unwrap(),
                    id: AccountId::parse(&id).unwrap(),
                }),
                Found::Ineligible("closed") => Lookup::Ineligible(Ineligible::Closed),
                Found::Ineligible("transferred") => Lookup::Ineligible(Ineligible::Transferred),
                Found::Ineligible("no_card") => Lookup::Ineligible(Ineligible::NoCard),
                Found::Ineligible("corporate") => Lookup::Ineligible(Ineligible::Corporate),
                Found::Ineligible(_) => Lookup::Ineligible(Ineligible::Unknown),
            })
        })
    }
    fn matches<'a>(
        &'a self,
        account: &'a Account,
        born: &'a BirthDate,
        phone: &'a Phone,
    ) -> BoxFuture<'a, Result<bool, BankError>> {
        Box::pin(async move {
            self.turn().await?;
            Ok(self.inner.matches(&account.to_string(), &born.iso(), phone.as_str()))
        })
    }
    fn verify_pin<'a>(&'a self, account: &'a Account, pin: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>> {
        Box::pin(async move {
            self.pin_checks.fetch_add(1, Ordering::SeqCst);
            self.turn().await?;
            Ok(self.inner.verify_pin(&account.to_string(), pin.reveal()))
        })
    }
    fn accounts<'a>(&'a self, holder: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>> {
        Box::pin(async move {
            self.turn().await?;
            let read =
                |(id, account): (String, String)| (AccountId::parse(&id).unwrap(), Account::parse(&account).unwrap());
            let mut accounts: Vec<_> = self.inner.accounts(holder.as_str()).into_iter().map(read).collect();
            accounts.retain(|(_, account)| !self.is_closed(account));
            Ok(accounts)
        })
    }
}
