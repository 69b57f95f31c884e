//! One call counts for one interaction (decision 17): a fraudster who knows all that ② asks takes numbers, cancels,
//! waits, begins
//! again and confirms in any order, while the customer calls in time, late, and once more. None of the customer's calls is ever
//! the fraudster's. The same fraudster does get one where the leases are taken out, so the test can see it.
//!
//! `CALL_REGISTER_SEEDS` makes it longer: see `tests/long/call-register`.

use crate::support::test_store::{TestStore, on_both_engines};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use renkei_core::account::Account;
use renkei_core::alarm::Alarms;
use renkei_core::clock::Instant;
use renkei_core::id::{AccountId, ClientId, HolderId};
use renkei_core::identity::{
    AccountForm, AnsweredRequest, BankError, BirthDate, BrowserNetwork, CallRegister as _, Caller, CookieKey, CoreBank,
    CustomerForm, FieldCrypto, Holding, IdentityPolicy, IdentityService, IdentityServiceParts, IncomingCall, Lookup,
    Pin, Posted, Purpose, PurposeKind, Stage, StartRequest, StartResult, ViewResult, Visitor,
};
use renkei_core::keys::seal::Sealer;
use renkei_core::phone::Phone;
use renkei_core::random::SeededRandom;
use renkei_core::secret::Hash;
use renkei_core::store::{Error, Store, Tx};
use std::sync::Arc;
use std::time::Duration;

on_both_engines! {
    none_of_the_customers_calls_is_ever_the_fraudsters
    without_the_leases_the_fraudster_is_found
}

/// 2026-11-24 11:00 JST: nothing is closed for hours.
const NOON: Instant = Instant::from_secs(1_795_485_600);
const SEEDS: u64 = 300;
/// Stories told at the same time. Without the leases they are few: taking a lease out reads all of them, so on PostgreSQL
/// each such transaction meets every other.
const TOGETHER: u64 = 60;
const TOGETHER_WITHOUT_LEASES: u64 = 6;
/// What happens between two starts of the server.
const STEPS: usize = 14;
const STARTS: usize = 3;

async fn none_of_the_customers_calls_is_ever_the_fraudsters(test_store: TestStore) {
    let seeds = std::env::var("CALL_REGISTER_SEEDS").map_or(SEEDS, |n| n.parse().unwrap());
    let seen = stories(&test_store, seeds, true).await;
    assert_eq!(seen.stolen, Vec::<String>::new());
    // What was played was not a game of nothing.
    assert!(seen.customers_numbers > seeds && seen.frauds_numbers > seeds && seen.restarted > 0, "{seen:?}");
    // A customer who begins anew gives up a call that was seen: fewer pass than call.
    assert!(seen.passed > seeds / 6, "customers who called and confirmed passed: {seen:?}");
}

async fn without_the_leases_the_fraudster_is_found(test_store: TestStore) {
    let seen = stories(&test_store, SEEDS, false).await;
    assert!(!seen.stolen.is_empty(), "{seen:?}");
}

/// What was seen in all stories.
#[derive(Debug, Default)]
struct StoryCounts {
    stolen: Vec<String>,
    customers_numbers: u64,
    frauds_numbers: u64,
    restarted: u64,
    passed: u64,
}
impl StoryCounts {
    fn add(mut self, other: Self) -> Self {
        self.stolen.extend(other.stolen);
        self.customers_numbers += other.customers_numbers;
        self.frauds_numbers += other.frauds_numbers;
        self.restarted += other.restarted;
        self.passed += other.passed;
        self
    }
}

async fn stories(test_store: &TestStore, seeds: u64, leased: bool) -> StoryCounts {
    let mut tally = StoryCounts::default();
    let together = if leased { TOGETHER } else { TOGETHER_WITHOUT_LEASES };
    for first in (0..seeds).step_by(together as usize) {
        let mut stories: Vec<Story> = (first..seeds.min(first + together)).map(Story::new).collect();
        for _ in 0..STARTS {
            // Each start is a new process to the register: a new store, nothing in memory.
            let store = test_store.open();
            let played = stories.into_iter().map(|story| story.play(store.clone(), leased));
            stories = join_all(played).await;
            store.stop().await;
        }
        tally = stories.into_iter().fold(tally, |tally, story| tally.add(story.counts));
        if !leased && !tally.stolen.is_empty() {
            break; // it is found
        }
    }
    tally
}

/// One caller's story: a customer with a telephone, and a fraudster with N − 2 networks at most.
struct Story {
    seed: u64,
    dice: Dice,
    numbers: u32,
    networks: u32,
    now: Instant,
    customer: Option<Player>,
    frauds: Vec<Player>,
    /// Which number the customer was given last.
    last: Option<Dialled>,
    begun: u32,
    calls: u32,
    counts: StoryCounts,
}
/// A number the customer remembers.
struct Dialled {
    number: Phone,
    /// Until when it cannot be anybody else's, whatever happens.
    safe_until: Instant,
    /// How many numbers others were given for this caller since. The first of them could not be this one.
    given_since: u32,
}
/// An interaction with its browser.
struct Player {
    visitor: Visitor,
    called: Option<Phone>,
}

/// What the customer's number is, and no other story's.
fn phone(seed: u64) -> Phone {
    Phone::parse(&format!("090{seed:08}")).unwrap()
}
fn network_of(seed: u64, n: u32) -> BrowserNetwork {
    // The customer comes from network 0; some fraudsters come by IPv6.
    let address = match n {
        0 | 2 => format!("198.51.{n}.{}", seed % 200 + 1),
        _ => format!("2001:db8:{n:x}:{:x}::1", seed % 7),
    };
    BrowserNetwork::of(Some(address.parse().unwrap()))
}
/// Chance, the same in each run.
struct Dice(SeededRandom);
impl Dice {
    fn below(&self, n: u32) -> u32 {
        renkei_core::random::below(&self.0, n)
    }
}

impl Story {
    fn new(seed: u64) -> Self {
        let dice = Dice(SeededRandom::new(seed));
        let numbers = 3 + dice.below(4);
        let networks = 1 + dice.below(numbers - 2);
        Self {
            seed,
            dice,
            numbers,
            networks,
            now: NOON,
            customer: None,
            frauds: Vec::new(),
            last: None,
            begun: 0,
            calls: 0,
            counts: StoryCounts::default(),
        }
    }

    async fn play(mut self, store: Store, leased: bool) -> Self {
        let random = u64::from(self.dice.below(u32::MAX)) + self.seed * 1_000_003;
        let register = Register::new(&store, self.numbers, random, leased);
        for _ in 0..STEPS {
            match self.dice.below(18) {
                0..=4 => self.fraud_takes_a_number(&register).await,
                5 => self.fraud_cancels(&register).await,
                6 => self.frauds_confirm(&register).await,
                7..=9 => self.customer_begins(&register).await,
                10..=12 => self.customer_calls(&register).await,
                13 => self.customer_confirms(&register).await,
                14 => self.customer_cancels(&register).await,
                15 => self.fraud_restarts(&register).await,
                16 => self.customer_restarts(&register).await,
                _ => {
                    let most = if self.dice.below(2) == 0 { 30 } else { 200 };
                    self.now = self.now + Duration::from_secs(self.dice.below(most).into());
                }
            }
            self.now = self.now + Duration::from_millis(self.dice.below(4_000).into());
        }
        self.frauds_confirm(&register).await;
        self
    }

    async fn begin(&mut self, register: &Register, network: u32) -> Option<Player> {
        self.begun += 1;
        let name = format!("{} {}", self.seed, self.begun);
        register.to_phone(self.seed, &name, network_of(self.seed, network), self.now).await
    }
    async fn fraud_takes_a_number(&mut self, register: &Register) {
        let network = 1 + self.dice.below(self.networks);
        let Some(mut player) = self.begin(register, network).await else { return };
        if register.take_number(&mut player, self.now).await {
            self.counts.frauds_numbers += 1;
            self.last.iter_mut().for_each(|last| last.given_since += 1);
        }
        self.frauds.push(player);
    }
    async fn fraud_cancels(&mut self, register: &Register) {
        if !self.frauds.is_empty() {
            let mut player =
                self.frauds.swap_remove(self.dice.below(u32::try_from(self.frauds.len()).unwrap()) as usize);
            register.post(&mut player, Posted::Cancel, self.now).await;
        }
    }
    /// Whoever of them leaves ④ has used a call of the customer's: nobody else calls from this number.
    async fn frauds_confirm(&mut self, register: &Register) {
        for player in &mut self.frauds {
            let stage = register.post(player, Posted::Call, self.now).await;
            if matches!(stage, Some(Stage::Pin { .. })) {
                let story = format!("seed {} at {} with {:?}", self.seed, self.now.rfc3339(), player.called);
                self.counts.stolen.push(story);
            }
        }
    }
    async fn customer_begins(&mut self, register: &Register) {
        if self.customer.is_some() {
            return;
        }
        let Some(mut player) = self.begin(register, 0).await else { return };
        if register.take_number(&mut player, self.now).await {
            self.got(player.called.clone().unwrap());
        }
        self.customer = Some(player);
    }
    /// Dials the number on the screen or the last one once more: in time, late, or long after.
    async fn customer_calls(&mut self, register: &Register) {
        let Some(last) = &self.last else { return };
        if self.now >= last.safe_until && last.given_since > 1 {
            return; // docs/security.md says what an old number is worth
        }
        let delay = if self.dice.below(4) == 0 { self.dice.below(8) } else { 0 };
        let (number, called_at) = (last.number.clone(), self.now);
        self.now = self.now + Duration::from_secs(delay.into());
        self.calls += 1;
        let call_id = format!("{} {}", self.seed, self.calls);
        let caller = Caller::Known(phone(self.seed));
        let call = IncomingCall { call_id, called: Some(number), caller, at: called_at };
        served(async || register.service.report(call.clone(), self.now).await).await;
        self.frauds_confirm(register).await;
    }
    async fn customer_confirms(&mut self, register: &Register) {
        let Some(mut player) = self.customer.take() else { return };
        match register.post(&mut player, Posted::Call, self.now).await {
            Some(Stage::Pin { .. }) => {
                self.counts.passed += 1;
                // The number rests for a minute from now on, and no longer.
                let rests = self.now + Duration::from_secs(60);
                self.last.iter_mut().for_each(|last| last.safe_until = rests.min(last.safe_until));
            }
            Some(Stage::Ended(_)) | None => {}
            Some(_) => self.customer = Some(player),
        }
    }
    /// 最初からやり直す, once the window has passed.
    async fn fraud_restarts(&mut self, register: &Register) {
        let Ok(frauds @ 1..) = u32::try_from(self.frauds.len()) else { return };
        let player = &mut self.frauds[self.dice.below(frauds) as usize];
        if register.restart(player, self.seed, self.now).await {
            self.counts.frauds_numbers += 1;
            self.counts.restarted += 1;
            self.last.iter_mut().for_each(|last| last.given_since += 1);
        }
    }
    async fn customer_restarts(&mut self, register: &Register) {
        let Some(player) = &mut self.customer else { return };
        if register.restart(player, self.seed, self.now).await {
            let number = player.called.clone().unwrap();
            self.got(number);
        }
    }
    /// The customer was given a number.
    fn got(&mut self, number: Phone) {
        self.counts.customers_numbers += 1;
        let safe_until = self.now + Duration::from_secs(120 + 60);
        self.last = Some(Dialled { number, safe_until, given_since: 0 });
    }
    async fn customer_cancels(&mut self, register: &Register) {
        if let Some(mut player) = self.customer.take() {
            register.post(&mut player, Posted::Cancel, self.now).await;
        }
    }
}

/// The same once more where the store was too busy: nothing was written then, and a browser would come again.
async fn served<T>(what: impl AsyncFn() -> renkei_core::store::Result<T>) -> T {
    loop {
        match what().await {
            Err(Error::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            done => return done.unwrap(),
        }
    }
}

/// The service under its production rules.
struct Register {
    service: IdentityService,
    store: Store,
    leased: bool,
}
impl Register {
    fn new(store: &Store, numbers: u32, random: u64, leased: bool) -> Self {
        let most = renkei_core::identity::Limit { most: u32::MAX, window: Duration::from_secs(600) };
        let policy = IdentityPolicy {
            called_numbers: (0..numbers).map(|n| Phone::parse(&format!("0800111000{n}")).unwrap()).collect(),
            rest: Duration::from_secs(60),
            by_network: true,
            // How often a network may begin is another rule.
            starts: most,
            customer_posts: most,
            concurrent: i64::MAX,
            ..IdentityPolicy::default()
        };
        let sealer = Arc::new(Sealer::new("t", &[7; 32]).unwrap());
        let seals = FieldCrypto { sealer, random: Arc::new(SeededRandom::new(random)) };
        let key = CookieKey::new(zeroize::Zeroizing::new([5; 32]));
        let parts = IdentityServiceParts {
            crypto: seals,
            key,
            policy,
            bank: Arc::new(Anybody),
            alarms: Arc::new(Alarms::default()),
        };
        Self { service: IdentityService::new(store.clone(), parts), store: store.clone(), leased }
    }
    /// A new interaction that has passed ②.
    async fn to_phone(&self, seed: u64, name: &str, network: BrowserNetwork, now: Instant) -> Option<Player> {
        let opening = StartRequest {
            purpose: Purpose::Link(AnsweredRequest {
                client: ClientId::parse("creco").unwrap(),
                request: Hash::of(name),
            }),
            unpushed: None,
            cookies: Vec::new(),
            network,
            language: None,
            recalled: None,
        };
        let StartResult::Begun { interaction, cookie, .. } =
            served(async || self.service.open(opening.clone(), now).await).await
        else {
            return None;
        };
        let visitor = Visitor {
            id: interaction.id,
            kind: PurposeKind::Link,
            cookie: cookie.hash(),
            proofing_cookie: None,
            network,
        };
        let mut player = Player { visitor, called: None };
        self.pass_two(&mut player, seed, now).await;
        Some(player)
    }
    async fn pass_two(&self, player: &mut Player, seed: u64, now: Instant) {
        let account = Account::parse(&format!("115-ordinary-{:07}", seed + 1)).unwrap();
        self.post(player, Posted::Account(AccountForm::of(&account)), now).await;
        // A busy machine may answer R35 or R36, which count nothing: the customer tries again, as the page says. This core bank
        // knows everybody, so nothing else can bring ② again.
        let mut stage = None;
        for _ in 0..10 {
            stage = self.post(player, Posted::Customer(form(seed)), now).await;
            if !matches!(stage, Some(Stage::Customer { .. })) {
                break;
            }
        }
        assert!(matches!(stage, Some(Stage::Phone(_))), "{stage:?}");
    }
    /// 最初からやり直す up to ④; whether it may, and there was a number.
    async fn restart(&self, player: &mut Player, seed: u64, now: Instant) -> bool {
        let stage = self.post(player, Posted::Restart, now).await;
        if !matches!(stage, Some(Stage::Account { .. })) {
            return false;
        }
        self.pass_two(player, seed, now).await;
        self.take_number(player, now).await
    }
    /// ③ 電話番号の決定; whether there was a number.
    async fn take_number(&self, player: &mut Player, now: Instant) -> bool {
        if !self.leased {
            // As if a number that was given out were anybody's again.
            let take_out = |tx: &mut Tx<'_, '_>| tx.execute("delete from call_leases", &[]);
            served(async || self.store.write(take_out).await).await;
        }
        let stage = self.post(player, Posted::Phone, now).await;
        let Some(Stage::Call { calling, .. }) = stage else { return false };
        player.called = Some(calling.called);
        true
    }
    /// Posts with the token of the page that is, and takes a cookie that was replaced.
    async fn post(&self, player: &mut Player, posted: Posted, now: Instant) -> Option<Stage> {
        let ViewResult::Here(view) = served(async || self.service.look(&player.visitor, None, now).await).await else {
            return None;
        };
        if let Some(cookie) = &view.cookie {
            player.visitor.cookie = cookie.hash();
        }
        let seen =
            served(async || self.service.post(&player.visitor, view.step.reveal(), posted.clone(), now).await).await;
        let ViewResult::Here(view) = seen else { return None };
        if let Some(cookie) = &view.cookie {
            player.visitor.cookie = cookie.hash();
        }
        Some(view.interaction.stage)
    }
}

fn form(seed: u64) -> CustomerForm {
    CustomerForm {
        name_kana: "データ　タロウ".into(),
        birth_year: "1985".into(),
        birth_month: "4".into(),
        birth_day: "12".into(),
        phone: phone(seed).as_str().to_owned(),
        email: "taro@example.jp".into(),
        email_confirm: "taro@example.jp".into(),
    }
}

/// A core bank where everybody has the account they name: ② is not what is tested.
struct Anybody;
impl CoreBank for Anybody {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        let (holder, id) = (HolderId::parse(&account.to_string()), AccountId::parse(&account.to_string()));
        let holding = Holding { holder: holder.unwrap(), id: id.unwrap() };
        async { Ok(Lookup::Eligible(holding)) }.boxed()
    }
    fn matches<'a>(&'a self, _: &'a Account, _: &'a BirthDate, _: &'a Phone) -> BoxFuture<'a, Result<bool, BankError>> {
        async { Ok(true) }.boxed()
    }
    fn verify_pin<'a>(&'a self, _: &'a Account, _: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>> {
        async { Ok(true) }.boxed()
    }
    fn accounts<'a>(&'a self, _: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>> {
        async { Ok(Vec::new()) }.boxed()
    }
}
