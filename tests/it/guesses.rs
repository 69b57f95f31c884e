//! A crash while a guess is being checked: what nobody settles counts as wrong after a while, staff sees it and clears it, and
//! an answer that comes after all takes it back (decision 6).

use crate::serve::{ServeFolder as Installed, terminate};
use crate::support::app::{App, Credential};
use crate::support::browser::{Browser, Customer};
use crate::support::http::Http;
use crate::support::pg;
use crate::support::test_store::{TestStore, on_both_engines};
use crate::support::town::{Engine, renkei_at};
use renkei_core::account::Account;
use renkei_core::audit::{self, Actor, Entry};
use renkei_core::clock::{Clock, Instant, ManualClock, SystemClock};
use renkei_core::id::{ClientId, GuessId};
use renkei_core::identity::lockout::{self, Guess, Lock, LockEntry, Reservation, Reserved};
use renkei_core::identity::{FieldCrypto, IdentityPolicy};
use renkei_core::keys::seal::Sealer;
use renkei_core::random::SeededRandom;
use renkei_core::store::migrate::FILES;
use renkei_core::store::{Options, Result, Store, Tx};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// 2026-11-24 11:00 JST.
const NOON: i64 = 1_795_485_600;
/// Three times `bank.timeout` and five seconds more.
const WAITED: Duration = Duration::from_secs(29);

on_both_engines! {
    what_nobody_settles_counts_after_a_while_and_stands_in_the_list
    staff_clears_it
    an_answer_that_comes_after_all_takes_it_back
    a_right_pin_that_comes_after_all_opens_the_lasting_lock_it_caused
    midnight_forgets_the_day_and_not_the_pins
    what_is_taken_back_after_a_success_or_a_consent_is_taken_back_once
    every_guess_is_counted_once_whatever_comes_in_whatever_order
    what_an_earlier_release_left_booked_is_given_back
}

/// The release before kept guesses under way in the counters: what its crashes left booked is given back.
async fn what_an_earlier_release_left_booked_is_given_back(test_store: TestStore) {
    let before = Options { schema: &FILES[..13], ..Options::default() };
    let store = test_store.open_with(&before).unwrap();
    store
        .write(|tx| {
            for (n, (asked, wrong_pins, held)) in [(3, 2, 0), (1, 4, 0), (0, 5, 0), (2, 5, 1)].into_iter().enumerate() {
                tx.execute(
                    "insert into lockouts (account, sealed, day, failures, asked, wrong_pins, held) \
                     values (?1, ?1, ?2, 0, ?3, ?4, ?5)",
                    &[vec![n as u8].into(), (n as i64).into(), asked.into(), wrong_pins.into(), held.into()],
                )?;
            }
            // A unit of work without a record would leave a marker, and that table is younger.
            audit::append(tx, &Entry::new(Instant::from_secs(NOON), Actor::System, audit::AuditAction::CallSeen))
        })
        .await
        .unwrap();
    store.stop().await;
    let rows = test_store.open().read(|tx| tx.rows("select wrong_pins from lockouts order by day limit 9", &[])).await;
    let left: Vec<i64> = rows.unwrap().iter().map(|row| row.int(0).unwrap()).collect();
    assert_eq!(left, [0, 3, 5, 5], "and a lock that staff must release stays one");
}

/// The locks over a store, with a clock.
struct Locks {
    store: Store,
    crypto: FieldCrypto,
    policy: Arc<IdentityPolicy>,
    clock: AtomicI64,
    _store: TestStore,
}
impl Locks {
    fn at(test_store: TestStore) -> Self {
        let sealer = Arc::new(Sealer::new("t", &[7; 32]).unwrap());
        let seals = FieldCrypto { sealer, random: Arc::new(SeededRandom::new(1)) };
        let policy = Arc::new(IdentityPolicy { wrong_pins: 5, ..IdentityPolicy::default() });
        Self { store: test_store.open(), crypto: seals, policy, clock: AtomicI64::new(NOON * 1000), _store: test_store }
    }
    fn now(&self) -> Instant {
        Instant::from_millis(self.clock.load(Ordering::SeqCst))
    }
    fn wait(&self, by: Duration) {
        self.clock.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>, &FieldCrypto, &IdentityPolicy, Instant) -> Result<T> + Send + 'static,
    ) -> T {
        let (seals, policy, now) = (self.crypto.clone(), self.policy.clone(), self.now());
        self.store.write(move |tx| work(tx, &seals, &policy, now)).await.unwrap()
    }
    async fn reserve(&self, guess: Guess) -> Reserved {
        let id = GuessId::random(&*self.crypto.random);
        self.write(move |tx, seals, policy, now| lockout::reserve(tx, seals, policy, (&taro(), guess, &id), now)).await
    }
    async fn reserved(&self, guess: Guess) -> Reservation {
        match self.reserve(guess).await {
            Reserved::Proceed(reservation) => reservation,
            other => panic!("{other:?}"),
        }
    }
    async fn pass(&self, r: &Reservation, right: bool) {
        let r = r.clone();
        self.write(move |tx, seals, policy, now| lockout::pass(tx, seals, policy, &r, right, now)).await;
    }
    async fn fail(&self, r: &Reservation) -> Option<Lock> {
        let (r, client) = (r.clone(), ClientId::parse("creco").unwrap());
        self.write(move |tx, seals, policy, now| lockout::fail(tx, seals, policy, &r, Some(&client), now)).await
    }
    /// A plain wrong answer.
    async fn wrong(&self, guess: Guess) -> Option<Lock> {
        let reservation = self.reserved(guess).await;
        self.fail(&reservation).await
    }
    async fn sweep(&self) {
        self.write(|tx, seals, policy, now| lockout::sweep(tx, seals, policy, now, 100)).await;
    }
    async fn list(&self) -> Vec<LockEntry> {
        let (seals, now) = (self.crypto.clone(), self.now());
        self.store.read(move |tx| lockout::list(tx, &seals, now, 100)).await.unwrap()
    }
    async fn release(&self) -> bool {
        let staff = Actor::Staff("hanako".into());
        self.write(move |tx, seals, _, now| lockout::release(tx, seals, &taro(), staff.clone(), "called us", now)).await
    }
    async fn locked(&self) -> Option<Lock> {
        self.write(|tx, seals, policy, now| lockout::locked(tx, seals, policy, seals.account(&taro()), now)).await
    }
    /// How often the record says each of these, and how many events there are of a lock's beginning and end.
    async fn said(&self, action: &'static str) -> i64 {
        let sql = "select count(*) from audit where action = ?1";
        self.store.read(move |tx| tx.row(sql, &[action.into()])?.unwrap().int(0)).await.unwrap()
    }
    async fn events(&self) -> Vec<(String, serde_json::Value)> {
        let rows =
            self.store.read(|tx| tx.rows("select kind, detail from events order by at, id limit 100", &[])).await;
        let read = |r: &renkei_core::store::Row| (r.text(0).unwrap().to_owned(), r.text(1).unwrap().parse().unwrap());
        rows.unwrap().iter().map(read).collect()
    }
    async fn rows(&self) -> i64 {
        let sql = "select count(*) from guesses";
        self.store.read(move |tx| tx.row(sql, &[])?.unwrap().int(0)).await.unwrap()
    }
}
fn taro() -> Account {
    Account::parse("115-ordinary-1100026").unwrap()
}
fn midnight(now: Instant) -> Option<Lock> {
    Some(Lock { until: Some(now.next_jst_midnight()) })
}

async fn what_nobody_settles_counts_after_a_while_and_stands_in_the_list(test_store: TestStore) {
    let w = Locks::at(test_store);
    let begin = w.now();
    for _ in 0..3 {
        w.reserved(Guess::Customer).await;
    }
    assert_eq!(w.reserve(Guess::Customer).await, Reserved::Full, "they may still be being asked");
    w.wait(WAITED - Duration::from_millis(1));
    w.sweep().await;
    assert_eq!((w.list().await, w.reserve(Guess::Customer).await), (vec![], Reserved::Full));
    w.wait(Duration::from_millis(1));
    // Staff sees it at once, whether or not anything has come by.
    let unanswered = LockEntry { account: taro(), locked: false, since: begin, until: None, unanswered: 3 };
    assert_eq!(w.list().await, [unanswered]);
    w.sweep().await;
    let until = Some(begin.next_jst_midnight());
    let locked = LockEntry { account: taro(), locked: true, since: w.now(), until, unanswered: 3 };
    assert_eq!(w.list().await, [locked]);
    assert_eq!(w.reserve(Guess::Customer).await, Reserved::Locked(Lock { until }), "R33, and no more R35");
    assert_eq!((w.said("account.guess.unanswered").await, w.said("account.locked").await), (3, 1));
    w.sweep().await;
    assert_eq!((w.said("account.guess.unanswered").await, w.events().await.len()), (3, 1), "once");
}

async fn staff_clears_it(test_store: TestStore) {
    let w = Locks::at(test_store);
    // One that counts and locks nothing: it can be cleared too.
    let lost = w.reserved(Guess::Pin).await;
    w.wait(WAITED);
    w.sweep().await;
    assert_eq!(w.list().await.iter().map(|l| (l.locked, l.unanswered)).collect::<Vec<_>>(), [(false, 1)]);
    assert!(w.release().await);
    assert_eq!((w.list().await, w.rows().await, w.release().await), (vec![], 0, false));
    assert_eq!((w.said("account.guesses.cleared").await, w.said("account.unlocked").await), (1, 0));
    assert!(w.events().await.is_empty(), "there was no lock to tell of");
    // Its answer comes after all: it was forgotten, and stays so.
    assert_eq!(w.fail(&lost).await, None);
    for _ in 0..2 {
        assert_eq!(w.wrong(Guess::Customer).await, None, "two are left");
    }
    // Without any server: nobody has counted it, and it is cleared all the same.
    w.reserved(Guess::Customer).await;
    w.wait(WAITED);
    assert!(w.release().await);
    assert_eq!(w.list().await, []);
    // What is being asked at this moment stays booked.
    let open = w.reserved(Guess::Customer).await;
    assert!(!w.release().await);
    w.wrong(Guess::Customer).await;
    assert_eq!(w.wrong(Guess::Customer).await, None);
    assert_eq!(w.reserve(Guess::Customer).await, Reserved::Full);
    assert_eq!(w.fail(&open).await, midnight(w.now()));
    assert!(w.release().await);
    assert_eq!((w.list().await, w.locked().await), (vec![], None));
}

async fn an_answer_that_comes_after_all_takes_it_back(test_store: TestStore) {
    let w = Locks::at(test_store);
    assert_eq!(w.wrong(Guess::Customer).await, None);
    let slow = [w.reserved(Guess::Customer).await, w.reserved(Guess::Customer).await];
    w.wait(WAITED);
    // Nobody swept: the next one who asks finds it.
    assert_eq!(w.reserve(Guess::Customer).await, Reserved::Locked(midnight(w.now()).unwrap()));
    w.wait(Duration::from_secs(600));
    w.pass(&slow[0], true).await;
    assert_eq!((w.locked().await, w.list().await.len()), (None, 1), "the lock it caused is released");
    assert_eq!(
        w.events().await.into_iter().map(|(kind, detail)| (kind, detail["by"].clone())).collect::<Vec<_>>(),
        [("account.locked".to_owned(), json!(null)), ("account.unlocked".to_owned(), json!("answer"))]
    );
    assert_eq!((w.said("account.guess.answered").await, w.said("account.unlocked").await), (1, 1));
    // The other one was wrong indeed: it counts, as it did.
    assert_eq!(w.fail(&slow[1]).await, None);
    assert_eq!((w.list().await, w.rows().await), (vec![], 0));
    assert_eq!(w.wrong(Guess::Customer).await, midnight(w.now()), "the third of the day");
    // A settlement that comes twice, as after a commit without an answer, changes nothing.
    w.pass(&slow[0], true).await;
    assert_eq!(w.fail(&slow[1]).await, midnight(w.now()));
    assert_eq!(w.locked().await, midnight(w.now()));
}

async fn a_right_pin_that_comes_after_all_opens_the_lasting_lock_it_caused(test_store: TestStore) {
    let w = Locks::at(test_store);
    for _ in 0..2 {
        assert_eq!(w.wrong(Guess::Pin).await, None);
        assert_eq!(w.wrong(Guess::Pin).await, None);
        w.wait(Duration::from_secs(86_400));
    }
    let slow = w.reserved(Guess::Pin).await;
    w.wait(WAITED);
    w.sweep().await;
    assert_eq!(w.locked().await, Some(Lock { until: None }), "the fifth");
    assert_eq!(w.list().await.iter().map(|l| (l.until, l.unanswered)).collect::<Vec<_>>(), [(None, 1)]);
    w.pass(&slow, true).await;
    assert_eq!((w.locked().await, w.list().await), (None, vec![]));
    for _ in 0..2 {
        assert_eq!(w.wrong(Guess::Pin).await, None, "and the lasting count begins anew");
    }
    // A lock that others caused stays whatever comes late.
    w.wait(Duration::from_secs(86_400));
    let slow = w.reserved(Guess::Pin).await;
    assert_eq!(w.wrong(Guess::Pin).await, None);
    assert_eq!(w.wrong(Guess::Pin).await, None);
    w.wait(Duration::from_secs(86_400));
    w.sweep().await;
    assert_eq!(w.locked().await, Some(Lock { until: None }));
    w.pass(&slow, false).await;
    assert_eq!(w.locked().await, None, "four and a half: the core bank gave no answer");
    assert_eq!(w.wrong(Guess::Pin).await, Some(Lock { until: None }));
    w.pass(&slow, true).await;
    assert_eq!(w.locked().await, Some(Lock { until: None }));
}

async fn midnight_forgets_the_day_and_not_the_pins(test_store: TestStore) {
    let w = Locks::at(test_store);
    let before = w.now().next_jst_midnight() - Duration::from_secs(1);
    w.clock.store(before.millis(), Ordering::SeqCst);
    let (customer, pin) = (w.reserved(Guess::Customer).await, w.reserved(Guess::Pin).await);
    w.wait(WAITED);
    w.sweep().await;
    assert_eq!(w.list().await.iter().map(|l| (l.locked, l.unanswered)).collect::<Vec<_>>(), [(false, 1)], "the PIN");
    assert_eq!(w.wrong(Guess::Customer).await, None);
    assert_eq!(w.wrong(Guess::Customer).await, None, "three are left of the new day");
    // Their answers take nothing off it.
    w.pass(&customer, true).await;
    w.pass(&pin, false).await;
    assert_eq!(w.wrong(Guess::Customer).await, midnight(w.now()));
    // A guess at ② that counted goes with its day, and the account with it.
    let next = w.now().next_jst_midnight();
    w.clock.store(next.millis(), Ordering::SeqCst);
    w.reserved(Guess::Customer).await;
    w.wait(WAITED);
    w.sweep().await;
    assert_eq!((w.list().await.len(), w.rows().await), (1, 1));
    w.wait(Duration::from_secs(86_400));
    assert_eq!(w.list().await, []);
    w.sweep().await;
    w.sweep().await;
    let accounts = "select count(*) from lockouts";
    let left = w.store.read(move |tx| tx.row(accounts, &[])?.unwrap().int(0)).await.unwrap();
    assert_eq!((w.rows().await, left), (0, 0));
}

async fn what_is_taken_back_after_a_success_or_a_consent_is_taken_back_once(test_store: TestStore) {
    let w = Locks::at(test_store);
    let clear = async || w.write(|tx, seals, _, now| lockout::clear(tx, seals, seals.account(&taro()), now)).await;
    // A consent forgets the day: what counted before it takes nothing off what comes after it.
    let (customer, pin) = (w.reserved(Guess::Customer).await, w.reserved(Guess::Pin).await);
    w.wait(WAITED);
    w.sweep().await;
    clear().await;
    assert_eq!(w.wrong(Guess::Customer).await, None);
    assert_eq!(w.wrong(Guess::Customer).await, None);
    w.pass(&customer, true).await;
    w.pass(&pin, false).await;
    assert_eq!(w.wrong(Guess::Customer).await, midnight(w.now()), "the third after the consent");
    assert!(w.release().await);
    // A right PIN forgets the wrong ones: what counted before it is gone.
    let lost = w.reserved(Guess::Pin).await;
    w.wait(WAITED);
    w.sweep().await;
    let right = w.reserved(Guess::Pin).await;
    w.pass(&right, true).await;
    w.wait(Duration::from_secs(86_400));
    for day in 0..2 {
        assert_eq!(w.wrong(Guess::Pin).await, None);
        assert_eq!(w.wrong(Guess::Pin).await, None, "day {day}");
        w.wait(Duration::from_secs(86_400));
    }
    w.pass(&lost, false).await;
    assert_eq!(w.wrong(Guess::Pin).await, Some(Lock { until: None }), "the fifth since the right one");
}

/// Reserve, settle, wait, sweep and release in any order, against a model that counts what must count.
async fn every_guess_is_counted_once_whatever_comes_in_whatever_order(test_store: TestStore) {
    let w = Locks::at(test_store);
    let mut dice = 20_261_124_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    // Guesses that wait for an answer, oldest first, and the wrong answers that count today.
    let (mut open, mut wrong): (Vec<(Reservation, Instant)>, i64) = (Vec::new(), 0);
    for step in 0..150 {
        let lost = |open: &[(Reservation, Instant)], now: Instant| {
            open.iter().filter(|(_, at)| now.since(*at) >= WAITED).count() as i64
        };
        match roll(10) {
            0..=3 => match w.reserve(Guess::Customer).await {
                Reserved::Proceed(r) => {
                    assert!(wrong + (open.len() as i64) < 3, "step {step}: more than three at once");
                    open.push((r, w.now()));
                }
                Reserved::Full => assert!(wrong + lost(&open, w.now()) < 3 && wrong + open.len() as i64 >= 3, "{step}"),
                Reserved::Locked(_) => assert!(wrong + lost(&open, w.now()) >= 3, "step {step}"),
            },
            4..=5 if !open.is_empty() => {
                let (r, _) = open.remove(usize::try_from(roll(open.len() as u64)).unwrap());
                wrong += 1;
                w.fail(&r).await;
            }
            6 if !open.is_empty() => {
                let (r, _) = open.remove(usize::try_from(roll(open.len() as u64)).unwrap());
                w.pass(&r, roll(2) == 0).await;
            }
            7 => w.wait(Duration::from_secs(20)),
            8 => w.sweep().await,
            9 => {
                let counts = wrong + lost(&open, w.now());
                let (locked, listed) = (w.locked().await, w.list().await);
                assert_eq!(locked, if counts >= 3 { midnight(w.now()) } else { None }, "step {step}");
                assert_eq!(listed.iter().map(|l| l.unanswered).sum::<i64>(), lost(&open, w.now()), "step {step}");
                assert_eq!(w.release().await, !listed.is_empty(), "step {step}");
                if !listed.is_empty() {
                    let now = w.now();
                    open.retain(|(_, at)| now.since(*at) < WAITED);
                    wrong = 0;
                }
            }
            _ => {}
        }
    }
}

// ---- the program itself, killed ---------------------------------------------------------------------------------------

/// A core bank that takes every question and never answers.
fn unresponsive_bank() -> (u16, Arc<std::sync::Mutex<Vec<std::net::TcpStream>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let kept = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            kept.lock().unwrap().push(stream.unwrap());
        }
    });
    (port, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_asks_shuts_nobody_out_sqlite() {
    killed_while_it_asks(Engine::Sqlite).await;
}
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_asks_shuts_nobody_out_postgres() {
    killed_while_it_asks(Engine::Postgres).await;
}

async fn killed_while_it_asks(engine: Engine) {
    let database = (engine == Engine::Postgres).then(pg::database);
    let mut installed = Installed::new();
    let (bank, asked) = unresponsive_bank();
    let of_bank = [
        ("RENKEI__BANK__KIND", "http".to_owned()),
        ("RENKEI__BANK__URL", format!("http://127.0.0.1:{bank}/")),
        ("RENKEI__BANK__TOKEN_FILE", "bank.token".to_owned()),
        ("RENKEI__INSTITUTION__NETWORKS", "[\"127.0.0.0/8\"]".to_owned()),
    ];
    // The guess counts after three times that and five seconds more. One wrong answer locks, so that one question is enough: of
    // several the first might be given up, on a busy machine, before the last one is asked.
    installed.env.push(("RENKEI__BANK__TIMEOUT", "2s".to_owned()));
    installed.env.push(("RENKEI__IDENTITY__FAILURES_PER_DAY", "1".to_owned()));
    installed.env.push(("RENKEI__HOURS__ALWAYS_OPEN", "true".to_owned()));
    installed.env.extend(database.iter().map(|d| ("RENKEI__STORE__URL", d.url())));
    let plain = installed.env.clone();
    let token = installed.dir.path().join("bank.token");
    std::fs::write(&token, "token-of-this-test").unwrap();
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    installed.env.extend(of_bank);
    // The guesses of this test are of one day.
    let now = SystemClock.now();
    if now.next_jst_midnight().since(now) < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }

    let mut server = installed.start();
    let issuer = format!("https://localhost:{}", installed.port());
    let http = Http::over_tls(installed.port(), &issuer, installed.ca(), None);
    let record = installed.dir.path().join("kakeibo.json");
    let provider = json!({
        "name": "アイ・ティ・リアライズ株式会社", "registration_number": "関東財務局長(電代)第1号",
        "contact": "03-0000-0000", "terms_uri": "https://kakeibo.example/terms",
        "disclosure_uri": "https://kakeibo.example/disclosure",
    });
    let client = json!({
        "client_id": "kakeibo", "profile": "oidc", "client_name": "かけいぼ", "provider": provider,
        "redirect_uris": ["https://kakeibo.example/callback"], "scope": "openid accounts transactions",
        "token_endpoint_auth_method": "client_secret_basic", "client_secret": "kakeibo-secret",
    });
    std::fs::write(&record, client.to_string()).unwrap();
    let said = renkei_at(&installed.config(), &["client", "import", record.to_str().unwrap()]).await;
    assert_eq!(said.status, 0, "{said:?}");
    let clock = Arc::new(ManualClock::at(now));
    let secret = Credential::Secret("kakeibo-secret".into());
    let app = App::new(http.clone(), clock, "kakeibo", "https://kakeibo.example/callback", secret);
    let at_customer = async || {
        let mut browser = Browser::new(http.clone(), "192.0.2.1");
        browser.open(&app.ask_directly("accounts").url).await;
        browser.account("115-1100026").await;
        assert_eq!(browser.screen(), "customer", "{}", browser.page().text());
        browser
    };

    // A customer posts ②, and the core bank says nothing.
    let mut browser = at_customer().await;
    let post = tokio::spawn(async move { drop(browser.submit("next", &Browser::typed(&Customer::taro())).await) });
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while asked.lock().unwrap().is_empty() {
        assert!(std::time::Instant::now() < until, "the core bank is not asked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let head = {
        let mut head = [0; 2048];
        let read = std::io::Read::read(&mut asked.lock().unwrap()[0], &mut head).unwrap();
        String::from_utf8_lossy(&head[..read]).to_ascii_lowercase()
    };
    assert!(head.contains("\r\nauthorization: bearer token-of-this-test\r\n"), "{head}");
    server.kill().unwrap();
    server.wait().unwrap();
    post.abort();

    // It starts again, and this bank answers.
    installed.env = plain;
    let server = installed.start();
    let config = installed.config();
    let staff = async |args: &[&str]| renkei_at(&config, args).await;
    let until = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let listed = staff(&["--json", "lock", "list"]).await.json();
        if listed["locks"][0]["unanswered"] == 1 {
            assert_eq!(listed["locks"][0]["account"], "115-ordinary-1100026", "{listed}");
            break;
        }
        assert!(std::time::Instant::now() < until, "nobody sees what closes the account: {listed}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut browser = at_customer().await;
    browser.customer(&Customer::taro()).await;
    assert_eq!((browser.status(), browser.screen()), (403, "locked"), "R33 and not R35: {}", browser.page().text());
    assert!(browser.page().text().contains("B84"));
    let listed = staff(&["lock", "list"]).await.out;
    let line = listed.lines().nth(1).unwrap();
    assert!(
        line.starts_with("115-ordinary-1100026") && line.ends_with(" 1") && !line.contains("not locked"),
        "{listed}"
    );
    let said = staff(&["lock", "release", "115-ordinary-1100026", "--reason", "the server was killed"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(staff(&["lock", "list"]).await.out, "no account is locked\n");
    let mut browser = at_customer().await;
    assert_eq!(browser.customer(&Customer::taro()).await.screen(), "phone");
    assert_eq!(staff(&["audit", "verify"]).await.status, 0);
    terminate(&server);
    let mut server = server;
    assert_eq!(tokio::task::spawn_blocking(move || server.wait().unwrap()).await.unwrap().code(), Some(0));
}
