//! The core bank with knobs: the sample bank's answers, which a test can make fail or slow, and a count of PIN checks.

use futures_util::future::BoxFuture;
use renkei::account::Account;
use renkei::bank::SampleBank;
use renkei::id::{AccountId, HolderId};
use renkei::identity::{BankError, BirthDate, CoreBank, Lookup, Pin};
use renkei::phone::Phone;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// A bank a test can turn.
pub struct Bank {
    inner: SampleBank,
    /// How often a PIN was asked about.
    pub pin_checks: AtomicU32,
    /// How often anything was asked.
    pub asked: AtomicU32,
    failure: Mutex<Option<BankError>>,
    delay_ms: AtomicU64,
}
impl Bank {
    pub fn new(inner: SampleBank) -> Self {
        let failure = Mutex::new(None);
        Self { inner, pin_checks: AtomicU32::new(0), asked: AtomicU32::new(0), failure, delay_ms: AtomicU64::new(0) }
    }
    /// Every answer is this failure, or the true one again.
    pub fn fail(&self, with: Option<BankError>) {
        *self.failure.lock().unwrap() = with;
    }
    /// Every answer takes this long.
    pub fn slow(&self, by: Duration) {
        self.delay_ms.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
    pub fn pin_checks(&self) -> u32 {
        self.pin_checks.load(Ordering::SeqCst)
    }
    /// The counter of the cash machines, which linking must leave alone (domain R81).
    pub fn machine_failures(&self, account: &str) -> u32 {
        self.inner.machine_failures(&Account::parse(account).unwrap()).unwrap()
    }
    async fn turn(&self) -> Result<(), BankError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let delay = self.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        self.failure.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}
impl CoreBank for Bank {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        Box::pin(async move {
            self.turn().await?;
            self.inner.lookup(account).await
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
            self.inner.matches(account, born, phone).await
        })
    }
    fn verify_pin<'a>(&'a self, account: &'a Account, pin: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>> {
        Box::pin(async move {
            self.pin_checks.fetch_add(1, Ordering::SeqCst);
            self.turn().await?;
            self.inner.verify_pin(account, pin).await
        })
    }
    fn accounts<'a>(&'a self, holder: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>> {
        Box::pin(async move {
            self.turn().await?;
            self.inner.accounts(holder).await
        })
    }
}
