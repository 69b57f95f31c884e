//! Tests of the checks: tables for every rule, and customers with a real store, a sample bank and a
//! clock that moves when told to.

mod bank;
mod call;
mod forms;
mod guesses;
mod hours;
mod leases;
mod limits;
mod service;
mod typing;
mod walk;

use super::service_hours::Hours;
use super::*;
use crate::account::Account;
use crate::alarm::Alarms;
use crate::clock::Instant;
use crate::id::{AccountId, ClientId, HolderId};
use crate::keys::seal::Sealer;
use crate::phone::Phone;
use crate::random::SeededRandom;
use crate::secret::{Hash, Secret};
use crate::store::{Store, Tx};
use bank::Bank;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2026-11-24 11:00 JST, a Tuesday on which nothing is closed.
pub(crate) const NOON: Instant = Instant::from_secs(1_795_485_600);
pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The sample bank, counting what it is asked, and failing when told to.
pub(crate) struct Core {
    bank: Bank,
    pins: AtomicUsize,
    lookups: AtomicUsize,
    matches: AtomicUsize,
    fails: Mutex<Option<BankError>>,
    /// Where questions wait for each other before they are answered.
    meets: Mutex<Option<Arc<tokio::sync::Barrier>>>,
}
impl Core {
    fn says<'a, T: Send + 'a>(
        &'a self,
        answer: BoxFuture<'a, Result<T, BankError>>,
    ) -> BoxFuture<'a, Result<T, BankError>> {
        let (fails, meets) = (self.fails.lock().unwrap().clone(), self.meets.lock().unwrap().clone());
        async move {
            if let Some(meets) = meets {
                meets.wait().await;
            }
            // Other customers post their forms while the core bank answers.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            match fails {
                Some(error) => Err(error),
                None => answer.await,
            }
        }
        .boxed()
    }
}
impl CoreBank for Core {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        self.says(self.bank.lookup(account))
    }
    fn matches<'a>(
        &'a self,
        account: &'a Account,
        born: &'a BirthDate,
        phone: &'a Phone,
    ) -> BoxFuture<'a, Result<bool, BankError>> {
        self.matches.fetch_add(1, Ordering::SeqCst);
        self.says(self.bank.matches(account, born, phone))
    }
    fn verify_pin<'a>(&'a self, account: &'a Account, pin: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>> {
        self.pins.fetch_add(1, Ordering::SeqCst);
        self.says(self.bank.verify_pin(account, pin))
    }
    fn accounts<'a>(&'a self, holder: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>> {
        self.says(self.bank.accounts(holder))
    }
}

/// The service with a sample core bank and a store.
pub(crate) struct Town {
    pub(crate) service: IdentityService,
    pub(crate) core: Arc<Core>,
    pub(crate) store: Store,
    requests: AtomicUsize,
    calls: AtomicUsize,
    _dir: tempfile::TempDir,
}
impl Town {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }
    pub(crate) fn with(change: impl FnOnce(&mut IdentityPolicy)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", dir.path().join("t.db").display())).unwrap();
        // Many customers of one test share an account, a telephone and a moment; the rules of a network have their own
        // tests (`leases`, `limits`).
        let mut policy = IdentityPolicy {
            hours: Hours::seed().into(),
            called_numbers: (1..=5).map(|n| Phone::parse(&format!("0800111000{n}")).unwrap()).collect(),
            by_network: false,
            rest: Duration::ZERO,
            ..IdentityPolicy::default()
        };
        change(&mut policy);
        let core = Arc::new(Core {
            bank: Bank::founded(NOON),
            pins: AtomicUsize::new(0),
            lookups: AtomicUsize::new(0),
            matches: AtomicUsize::new(0),
            fails: Mutex::new(None),
            meets: Mutex::new(None),
        });
        let seals = FieldCrypto {
            sealer: Arc::new(Sealer::new("t", &[7; 32]).unwrap()),
            random: Arc::new(SeededRandom::new(1)),
        };
        let key = CookieKey::new(zeroize::Zeroizing::new([5; 32]));
        let parts = IdentityServiceParts {
            crypto: seals,
            key,
            policy,
            bank: core.clone(),
            alarms: Arc::new(Alarms::default()),
        };
        let desk = IdentityService::new(store.clone(), parts);
        Self { service: desk, core, store, requests: AtomicUsize::new(0), calls: AtomicUsize::new(0), _dir: dir }
    }
    /// A customer with a browser of their own and a request of their own.
    pub(crate) async fn customer(&self, now: Instant) -> Walker<'_> {
        let n = self.requests.fetch_add(1, Ordering::SeqCst);
        self.browser(Hash::of(format!("request {n}")), &[], &format!("192.0.2.{}", n % 250), now).await
    }
    pub(crate) async fn browser(
        &self,
        request: Hash,
        cookies: &[ShownCookie],
        address: &str,
        now: Instant,
    ) -> Walker<'_> {
        match self.opens(request, cookies, address, now).await {
            StartResult::Begun { interaction, cookie, forget } => {
                let network = network(address);
                let visitor = Visitor {
                    id: interaction.id,
                    kind: PurposeKind::Link,
                    cookie: cookie.hash(),
                    proofing_cookie: None,
                    network,
                };
                Walker { town: self, visitor, forget, now }
            }
            refused => panic!("{refused:?}"),
        }
    }
    /// A customer who opens their own page.
    pub(crate) async fn my(&self, now: Instant) -> Walker<'_> {
        self.my_with(&[], now).await
    }
    pub(crate) async fn my_with(&self, cookies: &[ShownCookie], now: Instant) -> Walker<'_> {
        let network = network("192.0.2.9");
        let start = StartRequest {
            purpose: Purpose::My,
            unpushed: None,
            cookies: cookies.to_vec(),
            network,
            language: None,
            recalled: None,
        };
        match self.service.open(start, now).await.unwrap() {
            StartResult::Begun { interaction, cookie, forget } => {
                let (kind, proofing_cookie) = (PurposeKind::My, None);
                let visitor = Visitor { id: interaction.id, kind, cookie: cookie.hash(), proofing_cookie, network };
                Walker { town: self, visitor, forget, now }
            }
            refused => panic!("{refused:?}"),
        }
    }
    pub(crate) async fn opens(
        &self,
        request: Hash,
        cookies: &[ShownCookie],
        address: &str,
        now: Instant,
    ) -> StartResult {
        let start = StartRequest {
            purpose: Purpose::Link(AnsweredRequest { client: ClientId::parse("creco").unwrap(), request }),
            unpushed: None,
            cookies: cookies.to_vec(),
            network: network(address),
            language: None,
            recalled: None,
        };
        self.service.open(start, now).await.unwrap()
    }
    pub(crate) fn fails(&self, how: Option<BankError>) {
        *self.core.fails.lock().unwrap() = how;
    }
    /// Somebody calls; the gateway's report arrives `late` after the call.
    pub(crate) async fn call(&self, from: Caller, to: &Phone, at: Instant, late: Duration) {
        let n = self.calls.fetch_add(1, Ordering::SeqCst);
        let call = IncomingCall { call_id: format!("call-{n}"), called: Some(to.clone()), caller: from, at };
        self.service.report(call, at + late).await.unwrap();
    }
    pub(crate) async fn actions(&self) -> Vec<String> {
        let rows = self.store.read(|tx| tx.rows("select action from audit order by worker, n limit 1000", &[])).await;
        rows.unwrap().iter().map(|r| r.text(0).unwrap().to_owned()).collect()
    }
}

fn network(address: &str) -> BrowserNetwork {
    BrowserNetwork::of(Some(address.parse().unwrap()))
}

/// One customer with a browser.
pub(crate) struct Walker<'t> {
    town: &'t Town,
    pub(crate) visitor: Visitor,
    /// The cookies the browser was told to forget.
    forget: Vec<String>,
    pub(crate) now: Instant,
}
impl Walker<'_> {
    /// The cookie as the browser shows it.
    pub(crate) fn shows(&self) -> ShownCookie {
        ShownCookie { label: cookie::label(&self.visitor.id).to_owned(), value: self.visitor.cookie }
    }
    pub(crate) fn forgets(&self) -> &[String] {
        &self.forget
    }
    pub(crate) async fn look(&self) -> View {
        match self.town.service.look(&self.visitor, None, self.now).await.unwrap() {
            ViewResult::Here(view) => *view,
            ViewResult::Foreign => panic!("the customer's own way is foreign to them"),
        }
    }
    pub(crate) async fn at(&self) -> &'static str {
        self.look().await.interaction.stage.screen()
    }
    /// Posts with the token of the page that is, and takes a rotated cookie.
    pub(crate) async fn post(&mut self, posted: Posted) -> View {
        let step = self.look().await.step;
        self.post_with(&step, posted).await
    }
    pub(crate) async fn post_with(&mut self, step: &Secret, posted: Posted) -> View {
        let seen = self.town.service.post(&self.visitor, step.reveal(), posted, self.now).await.unwrap();
        let ViewResult::Here(view) = seen else { panic!("the customer's own way is foreign to them") };
        if let Some(cookie) = &view.cookie {
            self.visitor.cookie = cookie.hash();
        }
        *view
    }
    pub(crate) async fn to_customer(&mut self, account: &str) -> View {
        self.post(Posted::Account(AccountForm::of(&Account::parse(account).unwrap()))).await
    }
    pub(crate) async fn to_phone(&mut self) -> View {
        self.to_customer("115-ordinary-1100026").await;
        self.post(Posted::Customer(taro())).await
    }
    pub(crate) async fn to_call(&mut self) -> Phone {
        self.to_phone().await;
        self.post(Posted::Phone).await;
        self.called().await
    }
    pub(crate) async fn called(&self) -> Phone {
        match self.look().await.interaction.stage {
            Stage::Call { calling, .. } => calling.called,
            other => panic!("at {} and not at ④", other.screen()),
        }
    }
    pub(crate) async fn to_pin(&mut self) -> View {
        let to = self.to_call().await;
        self.town.call(Caller::Known(Phone::parse("09012343333").unwrap()), &to, self.now, secs(0)).await;
        self.post(Posted::Call).await
    }
    pub(crate) async fn pin(&mut self, pin: &str) -> View {
        self.post(Posted::Pin(Secret::new(pin))).await
    }
}

/// The sample customer's own words.
pub(crate) fn taro() -> CustomerForm {
    CustomerForm {
        name_kana: "データ　タロウ".into(),
        birth_year: "1985".into(),
        birth_month: "4".into(),
        birth_day: "12".into(),
        phone: "090-1234-3333".into(),
        email: "taro@example.jp".into(),
        email_confirm: "taro@example.jp".into(),
    }
}
pub(crate) fn messages(view: &View) -> Vec<Message> {
    view.interaction.errors.problems.iter().map(|p| p.message).collect()
}
