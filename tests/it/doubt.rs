//! Commits of which nobody knows whether they happened: an answer that is lost or late, a warning beside it, a standby that does
//! not answer. What was told as done is done once; what was told as unavailable is decided later, and taken back where nobody
//! holds it.

use crate::support::app::{App, Credential};
use crate::support::frozen::{Fate, Proxy};
use crate::support::http::Answer;
use crate::support::own_pg::OwnPg;
use crate::support::pg;
use crate::support::town::{Engine, Node, Town, run_within};
use renkei_core::audit::{self, Actor, AuditAction, Entry};
use renkei_core::client::replay::claim;
use renkei_core::clock::Instant as Moment;
use renkei_core::secret::Hash;
use renkei_core::store::{Error, Options, Result, Store, Tx};
use renkei_server::config::Span;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(600);
const THEN: Moment = Moment::from_secs(1_800_000_000);

struct Doubtful {
    proxy: Proxy,
    store: Store,
    database: pg::Database,
}
impl Doubtful {
    async fn new(connections: usize) -> Self {
        let database = pg::database();
        let proxy = Proxy::to(database.port());
        let options = Options { connections, time_limit: LIMIT, ..Options::default() };
        let store = Store::open_with(&proxy.url(&database.url()), &options).unwrap();
        Self { proxy, store, database }
    }
    fn other_node(&self) -> Store {
        let options = Options { connections: 1, time_limit: LIMIT, migrate: false, ..Options::default() };
        Store::open_with(&self.database.url(), &options).unwrap()
    }
    /// Takes the lock for which the decision waits, as a transaction does that has not ended.
    fn hold_the_decision(&self, time: Duration) -> std::thread::JoinHandle<()> {
        let (url, seconds) = (self.database.url(), time.as_secs_f64());
        std::thread::spawn(move || {
            // Of the sessions, which hold their chains by an advisory lock, only this one has committed anything.
            let chain = "select l.objid::text from pg_locks l join pg_stat_activity a using (pid) \
                         where l.locktype = 'advisory' and l.classid = 1919250027 and a.query = 'commit' and a.datname = current_database()";
            let chain = pg::query(&url, chain).unwrap();
            assert_eq!(chain.len(), 1, "{chain:?}");
            let lock = format!("select pg_advisory_lock(1919250039, {})::text", chain[0]);
            pg::query(&url, &format!("{lock}; select pg_sleep({seconds})::text")).unwrap();
        })
    }
    async fn met(&self) {
        while self.proxy.met() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// A unit of work that leaves a marker: it writes no record.
fn unrecorded(tx: &mut Tx<'_, '_>, name: &str) -> Result<bool> {
    claim(tx, &Hash::of(name), THEN)
}
/// One that leaves its record.
fn recorded(tx: &mut Tx<'_, '_>, name: &str) -> Result<bool> {
    let entry =
        Entry { detail: serde_json::json!({ "name": name }), ..Entry::new(THEN, Actor::System, AuditAction::CallSeen) };
    audit::append(tx, &entry)?;
    unrecorded(tx, name)
}
async fn rows(store: &Store) -> i64 {
    store.read(|tx| tx.row("select count(*) from client_replays", &[])?.unwrap().int(0)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_without_an_answer_is_found_out() {
    let doubtful = Doubtful::new(2).await;
    let works: [(&str, fn(&mut Tx<'_, '_>, &str) -> Result<bool>); 2] = [("marker", unrecorded), ("record", recorded)];
    let fates = [
        (Fate::AnswerLost, 1, "it had happened, and is answered as it was"),
        (Fate::AnswerHeld, 1, "the same, found out by another session"),
        (Fate::RequestLost, 2, "it had not happened, and runs again"),
        (Fate::RequestHeld, 2, "the same, once PostgreSQL has ended the session that says no more"),
    ];
    let mut expected = 0;
    for (trace, work) in works {
        for (fate, runs, why) in fates {
            let name = format!("{trace} {fate:?}");
            doubtful.proxy.arm(*Hash::of(&name).as_bytes(), fate);
            let ran = Arc::new(AtomicUsize::new(0));
            let (counted, began, label) = (ran.clone(), Instant::now(), name.clone());
            let done = doubtful.store.write(move |tx| {
                counted.fetch_add(1, Ordering::SeqCst);
                work(tx, &name)
            });
            // `true`: the row was not there. Had it been asked a second time on its own row, it would say `false`.
            assert_eq!(done.await, Ok(true), "{label}: {why}");
            assert!(began.elapsed() < 3 * LIMIT, "{label}: {:?}", began.elapsed());
            assert_eq!(ran.load(Ordering::SeqCst), runs, "{label}: {why}");
            expected += 1;
            assert_eq!(rows(&doubtful.store).await, expected, "{label}");
        }
    }
    assert_eq!(doubtful.proxy.met(), 8);
    let whole = renkei_core::verify::verify(&doubtful.store).await.unwrap();
    assert!(whole.is_whole(), "{whole:#?}");
    assert_eq!(whole.audit.records, 4, "each record stands there once");
}

/// A row that is worth something only to who hears of it, and how it is taken back.
async fn worth_hearing(store: &Store, name: &'static str, undone: Arc<AtomicUsize>) -> Result<bool> {
    let work = move |tx: &mut Tx<'_, '_>| recorded(tx, name);
    let undo = move |tx: &mut Tx<'_, '_>, fresh: &bool| {
        assert!(fresh);
        undone.fetch_add(1, Ordering::SeqCst);
        tx.execute("delete from client_replays where id = ?1", &[Hash::of(name).into()]).map(|_| ())
    };
    store.write_or_undo(Hash::of(name), work, undo).await
}
async fn judge(store: &Store, name: &'static str) -> Result<()> {
    store.write(move |tx| tx.none_in_doubt(&Hash::of(name))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_nobody_was_told_of_is_taken_back() {
    let doubtful = Doubtful::new(2).await;
    let other = doubtful.other_node();
    let undone = Arc::new(AtomicUsize::new(0));
    doubtful.proxy.arm(*Hash::of("worth").as_bytes(), Fate::AnswerHeld);
    let asking = {
        let (store, undone) = (doubtful.store.clone(), undone.clone());
        tokio::spawn(async move { (Instant::now(), worth_hearing(&store, "worth", undone).await) })
    };
    doubtful.met().await;
    let hold = doubtful.hold_the_decision(4 * LIMIT);
    // On this node from the moment the commit is sent; on another one at the latest when the caller is told.
    let here = judge(&doubtful.store, "worth").await;
    assert!(matches!(here, Err(Error::Unavailable(_))), "{here:?}");
    let (began, told) = asking.await.unwrap();
    assert!(matches!(&told, Err(Error::Unavailable(why)) if why.contains("not known")), "{told:?}");
    assert!((LIMIT..4 * LIMIT).contains(&began.elapsed()), "{:?}", began.elapsed());
    let there = judge(&other, "worth").await;
    assert!(matches!(there, Err(Error::Unavailable(_))), "{there:?}");
    assert_eq!((rows(&other).await, undone.load(Ordering::SeqCst)), (1, 0), "not decided yet");
    hold.join().unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while judge(&doubtful.store, "worth").await.is_err() || judge(&other, "worth").await.is_err() {
        assert!(Instant::now() < end, "it stays in doubt");
    }
    assert_eq!((rows(&doubtful.store).await, undone.load(Ordering::SeqCst)), (0, 1));
    // What is answered in time is not taken back.
    assert_eq!(worth_hearing(&doubtful.store, "again", undone.clone()).await, Ok(true));
    doubtful.proxy.arm(*Hash::of("lost").as_bytes(), Fate::AnswerLost);
    assert_eq!(worth_hearing(&doubtful.store, "lost", undone.clone()).await, Ok(true));
    assert_eq!((rows(&doubtful.store).await, undone.load(Ordering::SeqCst)), (2, 1));
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_its_caller_did_not_wait_for_is_taken_back_too() {
    let doubtful = Doubtful::new(2).await;
    let undone = Arc::new(AtomicUsize::new(0));
    doubtful.proxy.arm(*Hash::of("left").as_bytes(), Fate::AnswerHeld);
    let left = tokio::time::timeout(LIMIT / 2, worth_hearing(&doubtful.store, "left", undone.clone())).await;
    assert!(left.is_err());
    let end = Instant::now() + Duration::from_secs(5);
    while undone.load(Ordering::SeqCst) == 0 || judge(&doubtful.store, "left").await.is_err() {
        assert!(Instant::now() < end, "it is not taken back");
    }
    assert_eq!(rows(&doubtful.store).await, 0);
}

/// `store.connections` are as many.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_as_many_commits_are_in_doubt_as_there_are_connections_nothing_is_written() {
    let doubtful = Doubtful::new(1).await;
    doubtful.proxy.arm(*Hash::of("first").as_bytes(), Fate::AnswerHeld);
    let first = {
        let store = doubtful.store.clone();
        tokio::spawn(async move { store.write(|tx| unrecorded(tx, "first")).await })
    };
    doubtful.met().await;
    let hold = doubtful.hold_the_decision(3 * LIMIT);
    assert!(matches!(first.await.unwrap(), Err(Error::Unavailable(_))));
    let began = Instant::now();
    let second = doubtful.store.write(|tx| unrecorded(tx, "second")).await;
    assert!(matches!(&second, Err(Error::Unavailable(why)) if why.contains("earlier")), "{second:?}");
    assert!(began.elapsed() < LIMIT / 2, "it is said at once");
    assert_eq!(rows(&doubtful.store).await, 1, "reads go on");
    hold.join().unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while let Err(e) = doubtful.store.write(|tx| unrecorded(tx, "second")).await {
        assert!(Instant::now() < end, "{e}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn markers_go_after_a_day() {
    let store = Store::open(&pg::database().url()).unwrap();
    store.write(|tx| unrecorded(tx, "x")).await.unwrap();
    let prune = async || store.write(|tx| renkei_core::store::prune_markers(tx, 500)).await.unwrap();
    let aged = async |by: i64| {
        store.write(move |tx| tx.execute("update store_markers set at = at - ?1", &[by.into()])).await.unwrap();
    };
    aged(86_000_000).await;
    assert_eq!(prune().await, 0);
    aged(400_000).await;
    assert!(prune().await > 0);
}

// ---- a standby that does not answer -------------------------------------------------------------------------------

/// How long the standby does not answer, and how long the store waits for an answer: tests/long/standby says other ones.
fn times() -> (Duration, Span) {
    let span = |name: &str, default: &str| {
        let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
        Span::parse(&text).unwrap()
    };
    (span("STANDBY_FROZEN", "3s").get(), span("STANDBY_TIME_LIMIT", "1s"))
}

/// A server and a second node of it, over a PostgreSQL whose commits wait for its standby.
fn with_a_standby(test: impl AsyncFn(&Town, &Node, &OwnPg)) {
    let own = OwnPg::with_standby();
    let at_own = |config: &mut renkei_server::config::Config| {
        config.store.url = own.url();
        config.store.time_limit = times().1;
        config.limits.answers_burst = 10_000;
    };
    run_within(Duration::from_secs(240) + 6 * times().0, Engine::Postgres, at_own, async |w| {
        let node = w.second_node().await;
        own.wait_for_standby();
        test(w, &node, &own).await;
        node.stop().await;
    });
}

/// How the time ends in which the standby hears nothing.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// It comes back.
    Back,
    /// It is gone for good, and the operator gives it up.
    GivenUp,
}
impl Then {
    async fn happens(self, own: &OwnPg, frozen_at: Instant) {
        tokio::time::sleep(times().0.saturating_sub(frozen_at.elapsed())).await;
        match self {
            Self::Back => own.thaw_standby(),
            Self::GivenUp => own.give_the_standby_up(),
        }
    }
    /// Before the next one: it answers again.
    fn is_over(self, own: &OwnPg) {
        if self == Self::GivenUp {
            own.thaw_standby();
            own.wait_for_standby();
        }
    }
}

/// Waits until all that was in doubt is decided and writes are taken again.
async fn until_written(w: &Town) {
    let end = Instant::now() + Duration::from_secs(30);
    let store = w.world().store;
    while let Err(e) = store.write(|tx| tx.row("select 1", &[]).map(|_| ())).await {
        assert!(matches!(e, Error::Unavailable(_)) && Instant::now() < end, "{e}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An app that revokes with its secret, so that nothing else of it is written.
fn chokin(w: &Town) -> App {
    let secret = Credential::Secret("chokin-secret".into());
    App::new(w.http.clone(), w.clock.clone(), "chokin", "https://chokin.example/callback", secret)
}
async fn revocation(w: &Town, own: &OwnPg, then: Then) {
    let app = chokin(w);
    let token = w.link(&app, &mut w.browser()).await.access_token;
    own.freeze_standby();
    let frozen_at = Instant::now();
    put_off(&app.revoke(&token).await);
    assert!(own.waiting_for_standby() > 0, "PostgreSQL has it and says nothing");
    assert_eq!(w.accounts_api().introspect(&token).await["active"], true, "nothing of it shows");
    let before = own.waiting_for_standby();
    for _ in 0..12 {
        put_off(&app.revoke(&token).await);
    }
    let after = own.waiting_for_standby();
    assert!(after <= before + 8, "{after}: what cannot be decided does not take connection after connection");
    then.happens(own, frozen_at).await;
    let end = Instant::now() + Duration::from_secs(20);
    while w.accounts_api().introspect(&token).await["active"] == true {
        assert!(Instant::now() < end, "it is revoked without being asked for again");
    }
    then.is_over(own);
}
async fn allowing(w: &Town, own: &OwnPg, then: Then) {
    let mut browser = w.browser();
    browser.open(&w.kakeibo().ask_directly("openid accounts").url).await;
    browser.walk_to(w, "consent").await;
    let grants = "select count(*) from grants where client_id = 'kakeibo'";
    let before = w.count(grants).await;
    own.freeze_standby();
    let frozen_at = Instant::now();
    browser.press("allow", &[("agree", "yes")]).await;
    assert_eq!(browser.screen(), "consent", "it leads back to its own screen");
    assert!(browser.summary().contains("調整のため連絡ができなくなりました"), "R36: {}", browser.page().text());
    assert_eq!(w.count(grants).await, before, "nothing of it shows");
    then.happens(own, frozen_at).await;
    let end = Instant::now() + Duration::from_secs(20);
    while browser.reload().await.screen() == "consent" {
        assert!(Instant::now() < end, "it had been allowed");
    }
    assert_eq!(w.count(grants).await, before + 1, "許可する makes one grant");
    then.is_over(own);
}
async fn redemption(w: &Town, node: &Node, own: &OwnPg, then: Then) {
    let here = w.kakeibo();
    let there = w.kakeibo().at(node.http.clone());
    let pending = here.ask_directly("openid accounts");
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    let brought = browser.walk_to(w, "consent").await.allow().await;
    let code = here.code(&pending, &brought);
    let live = "select count(*) from access_tokens where client_id = 'kakeibo' and revoked_at is null";
    let all = "select count(*) from access_tokens where client_id = 'kakeibo'";
    let (live_before, all_before) = (w.count(live).await, w.count(all).await);
    let undone = w.recorded("grant.code.undone").await;
    own.freeze_standby();
    let frozen_at = Instant::now();
    put_off(&here.try_exchange(&pending, &code).await);
    // Whoever presents the code meanwhile, here or there, ends nothing; nor does who presents it while it is decided.
    let presenting = async {
        let end = Instant::now() + times().0 + Duration::from_secs(30);
        loop {
            for app in [&here, &there] {
                let answer = app.try_exchange(&pending, &code).await;
                if answer.status == 200 {
                    return answer.json()["access_token"].as_str().unwrap().to_owned();
                }
                put_off(&answer);
            }
            assert!(Instant::now() < end, "it is never redeemed");
        }
    };
    let (token, ()) = tokio::join!(presenting, then.happens(own, frozen_at));
    assert_eq!(w.accounts_api().introspect(&token).await["active"], true);
    assert_eq!(w.recorded("grant.code.undone").await, undone + 1);
    let issued = (w.count(live).await - live_before, w.count(all).await - all_before);
    assert_eq!(issued, (1, 2), "the token that nobody holds is revoked");
    // The code is used up now: presented once more, it is a replay.
    let replay = here.try_exchange(&pending, &code).await;
    assert_eq!((replay.status, replay.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(w.accounts_api().introspect(&token).await["active"], false);
    then.is_over(own);
}
#[track_caller]
fn put_off(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{}", answer.body);
}
async fn each(w: &Town, node: &Node, own: &OwnPg, then: Then) {
    w.register(json!({
        "client_id": "chokin", "profile": "oidc", "client_name": "貯金帳", "client_secret": "chokin-secret",
        "redirect_uris": ["https://chokin.example/callback"], "scope": "openid accounts",
        "token_endpoint_auth_method": "client_secret_basic",
    }))
    .await;
    redemption(w, node, own, then).await;
    until_written(w).await;
    allowing(w, own, then).await;
    until_written(w).await;
    revocation(w, own, then).await;
    until_written(w).await;
}

#[test]
fn a_standby_that_comes_back_has_lost_nothing() {
    with_a_standby(async |w, node, own| each(w, node, own, Then::Back).await);
}

#[test]
fn a_standby_that_is_gone_for_good_takes_nothing_along() {
    with_a_standby(async |w, node, own| {
        each(w, node, own, Then::GivenUp).await;
        own.kill_standby();
        own.give_the_standby_up();
        until_written(w).await;
        w.link(&w.kakeibo(), &mut w.browser()).await;
    });
}

/// An operator who cancels what waits makes PostgreSQL commit without the standby, and say so in a warning.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_with_a_warning_is_not_acknowledged_before_the_standby_has_it() {
    let own = OwnPg::with_standby();
    let open = |time_limit| {
        let options = Options { connections: 2, time_limit, ..Options::default() };
        Store::open_with(&own.url(), &options).unwrap()
    };
    // The first caller waits in vain. The second has all the time that a busy machine may need.
    let (hasty, patient) = (open(LIMIT * 2), open(LIMIT * 30));
    for store in [&hasty, &patient] {
        store.write(|tx| unrecorded(tx, "before")).await.unwrap();
    }
    own.wait_for_standby();
    own.freeze_standby();
    let cancel = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'";
    for (store, trace, thawed) in [(&hasty, "told", false), (&patient, "decided", true)] {
        let writing = {
            let store = store.clone();
            tokio::spawn(async move { store.write(move |tx| recorded(tx, trace)).await })
        };
        let committed = format!("select n from audit where detail like '%{trace}%'");
        own.until("it is committed here", || {
            own.sql(cancel);
            !own.sql(&committed).is_empty()
        });
        if thawed {
            tokio::time::sleep(LIMIT / 2).await;
            assert!(!writing.is_finished(), "acknowledged before the standby had it");
            own.thaw_standby();
        }
        let done = writing.await.unwrap();
        if thawed {
            assert_eq!(done, Ok(true));
        } else {
            assert!(matches!(done, Err(Error::Unavailable(_))), "{done:?}");
        }
    }
    hasty.stop().await;
    patient.stop().await;
}
