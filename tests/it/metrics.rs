//! What operators watch: two scripted days move every metric, and each is compared with the record where the record has it; the alert
//! rules and the dashboard name only metrics that exist; `renkei doctor` says in words what is not well.

use crate::client_limits;
use crate::mtls;
use crate::streams;
use crate::streams::receiver::{Answered, Endpoint};
use crate::support::browser::{Browser, Customer};
use crate::support::http::{Answer, Http, RequestParts};
use crate::support::own_pg::OwnPg;
use crate::support::ports;
use crate::support::small_disk::fill;
use crate::support::town::{Engine, Town, on_both_with, run, run_within};
use renkei_core::alarm::AlarmKind;
use renkei_core::identity::BankError;
use renkei_core::store::{Result as StoreResult, Store, Tx};
use renkei_server::config::{Config, MailKind, MailTls};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

fn watched(config: &mut Config) {
    config.admin.listen = vec!["127.0.0.1:0".parse().unwrap()];
}

on_both_with!(a_day_moves_each_metric_as_the_record_says, super::watched);

/// Which day moves a family of metrics.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Day {
    /// The one on which customers link their accounts, and some do not succeed.
    Ordinary,
    /// The one on which limits are reached, receivers of events fail, and the disk is full.
    Bad,
    /// The bad one, on PostgreSQL alone: on SQLite one unit of work follows the other, and none meets a conflict.
    BadOnPostgres,
}
use Day::{Bad, BadOnPostgres, Ordinary};

/// Every family of the page, and the day that moves it. A family that stands in no row, or a row that is no family, fails the tests.
const FAMILIES: [(&str, Day); 27] = [
    ("renkei_account_locks", Ordinary),
    ("renkei_alarms", Bad),
    ("renkei_build", Ordinary),
    ("renkei_calls", Ordinary),
    ("renkei_certificate_days", Bad),
    ("renkei_check_steps", Ordinary),
    ("renkei_client_limit_refusals", Bad),
    ("renkei_http_request_duration_seconds", Ordinary),
    ("renkei_http_requests", Ordinary),
    ("renkei_interactions_begun", Ordinary),
    ("renkei_interactions_ended", Ordinary),
    ("renkei_introspections", Ordinary),
    ("renkei_job_last_success_seconds", Ordinary),
    ("renkei_messages", Ordinary),
    ("renkei_notices", Ordinary),
    ("renkei_notices_undelivered", Bad),
    ("renkei_refusals", Ordinary),
    ("renkei_store_endings_only", Bad),
    ("renkei_store_queue", Bad),
    ("renkei_store_retries", BadOnPostgres),
    ("renkei_store_unavailable", Bad),
    ("renkei_store_wait_seconds", Ordinary),
    ("renkei_stream_dead_letters", Bad),
    ("renkei_streams", Bad),
    ("renkei_streams_failing", Bad),
    ("renkei_table_oldest_seconds", Ordinary),
    ("renkei_tokens_issued", Ordinary),
];

/// An operator reads what each family counts.
#[test]
fn each_family_stands_in_the_operators_table() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md")).unwrap();
    let section = page.split("\n## Monitoring\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `renkei_"));
    let named =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').filter(|name| name.starts_with("renkei_")));
    let named: BTreeSet<&str> = named.map(|name| name.strip_suffix("_total").unwrap_or(name)).collect();
    assert_eq!(named, FAMILIES.iter().map(|(name, _)| *name).collect());
}

/// One scrape: each sample with its labels.
struct Scrape {
    samples: BTreeMap<String, f64>,
    families: BTreeSet<String>,
}
impl Scrape {
    async fn of(w: &Town) -> Self {
        let answer = operator(w, "/metrics").await.expect(200);
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
        assert!(answer.body.ends_with("# EOF\n"), "OpenMetrics ends so");
        let families = answer.body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let families = families.map(str::to_owned).collect();
        let samples = answer.body.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}")));
        let samples = samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect();
        Self { samples, families }
    }
    fn get(&self, name: &str) -> f64 {
        *self.samples.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.samples.keys()))
    }
    /// The names without labels.
    fn names(&self) -> BTreeSet<String> {
        self.samples.keys().map(|sample| sample.split('{').next().unwrap().to_owned()).collect()
    }
    /// The families of which a sample is not 0.
    fn moved(&self) -> BTreeSet<&str> {
        let not_zero = self.samples.iter().filter(|(_, value)| **value != 0.0);
        let names = not_zero.map(|(sample, _)| sample.split('{').next().unwrap());
        let endings = ["_total", "_sum", "_count", "_bucket"];
        let family = |name| endings.iter().find_map(|ending| str::strip_suffix(name, ending)).unwrap_or(name);
        names.map(family).collect()
    }
    /// The page has the families of the table and no other.
    fn has_each_family(&self, with_certificate: bool) {
        let known = FAMILIES.iter().map(|(name, _)| *name);
        let known: BTreeSet<&str> = known.filter(|n| with_certificate || *n != "renkei_certificate_days").collect();
        let found: BTreeSet<&str> = self.families.iter().map(String::as_str).collect();
        assert_eq!(found, known, "write the new family into the table, and move it on one of the days");
    }
}
/// None of the families of this day has stayed 0.
fn none_stays_0(moved: &BTreeSet<String>, days: &[Day]) {
    let of_these = FAMILIES.iter().filter(|(_, day)| days.contains(day)).map(|(name, _)| *name);
    let still: Vec<&str> = of_these.filter(|name| !moved.contains(*name)).collect();
    assert!(still.is_empty(), "{still:?}");
}

async fn operator(w: &Town, path: &str) -> Answer {
    let address = w.operator_addresses()[0];
    Http::new(address, &format!("http://{address}")).get(path).await
}

async fn begin(w: &Town) -> Browser {
    let mut browser = w.browser();
    let url = w.creco().push("accounts").await.url;
    browser.open(&url).await;
    browser
}

async fn a_day_moves_each_metric_as_the_record_says(w: &Town) {
    let (creco, kakeibo, api) = (w.creco(), w.kakeibo(), w.accounts_api());
    // Two links; introspection of a live token and of none; a client's own refusals.
    let tokens = w.link(&kakeibo, &mut w.browser()).await;
    w.link(&creco, &mut w.browser()).await;
    assert_eq!(api.introspect(&tokens.access_token).await["active"], true);
    assert_eq!(api.introspect("rk_at_unknown").await["active"], false);
    w.userinfo("rk_at_unknown").await.expect(401);
    let wrong = RequestParts::default().header("authorization", "Basic a2FrZWlibzp4").form(&[]);
    w.http.send("POST", "/oauth/token", wrong).await.refused(401, "invalid_client");

    // One gives up at ①, one meets an account that cannot be used, one gets no answer from the core bank.
    let mut browser = begin(w).await;
    browser.press("cancel", &[]).await;
    browser.return_to_app().await;
    let mut browser = begin(w).await;
    browser.account("999-0000001").await;
    browser.customer(&Customer::taro()).await;
    for error in [BankError::Failed("broken".into()), BankError::NotOffered, BankError::Busy, BankError::Closed] {
        w.bank.fail(Some(error));
        browser.customer(&Customer::taro()).await;
    }
    w.bank.fail(None);

    // A call from nobody, one from elsewhere, one to a number that is not ours.
    w.phone.call_withheld("09012343333", "08001110001").await.expect(204);
    w.phone.call("09099999999", "08001110001").await.expect(204);
    w.phone.call("09012343333", "0312345678").await.expect(204);

    // Another locks the account with three wrong answers, and reads that it was locked.
    let mut browser = begin(w).await;
    browser.account("115-1100026").await;
    for _ in 0..3 {
        browser.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    assert_eq!(browser.screen(), "locked");
    let mut browser = begin(w).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro()).await;
    assert_eq!(browser.screen(), "locked");

    // One pauses for too long.
    let _left = begin(w).await;
    w.clock.advance(Duration::from_secs(1200));
    w.tidy().await;
    w.until_mail_is_settled().await;
    // Outside service hours.
    w.set_clock("2026-11-26T04:05:00+09:00");
    begin(w).await;
    w.set_clock("2026-11-26T10:00:00+09:00");

    let scrape = settled(w).await;
    let recorded = async |action: &str| f64::from(u32::try_from(w.recorded(action).await).unwrap());
    assert_eq!(scrape.get("renkei_tokens_issued_total{for=\"customer\"}"), recorded("token.issued").await);
    assert_eq!(scrape.get("renkei_account_locks_total"), recorded("account.locked").await);
    assert_eq!(scrape.get("renkei_check_steps_total{screen=\"done\"}"), recorded("interaction.consent.allowed").await);
    assert_eq!(
        scrape.get("renkei_check_steps_total{screen=\"phone\"}"),
        recorded("interaction.customer.accepted").await
    );
    assert_eq!(scrape.get("renkei_check_steps_total{screen=\"consent\"}"), recorded("interaction.pin.accepted").await);
    assert_eq!(scrape.get("renkei_calls_total{result=\"counted\"}"), recorded("call.seen").await);
    let other =
        ["withheld", "another_number"].map(|fate| scrape.get(&format!("renkei_calls_total{{result=\"{fate}\"}}")));
    assert_eq!(other.iter().sum::<f64>(), recorded("call.not_counted").await);
    assert_eq!(scrape.get("renkei_calls_total{result=\"not_ours\"}"), 1.0, "it is not in the record");
    assert_eq!(scrape.get("renkei_notices_total{result=\"sent\"}"), recorded("notice.sent").await);
    for (name, value) in [
        ("renkei_introspections_total{active=\"true\"}", 1.0),
        ("renkei_introspections_total{active=\"false\"}", 1.0),
        ("renkei_messages_total{message=\"R30\"}", 1.0),
        ("renkei_messages_total{message=\"R31\"}", 2.0),
        ("renkei_messages_total{message=\"R32\"}", 1.0),
        ("renkei_messages_total{message=\"R33\"}", 1.0),
        ("renkei_messages_total{message=\"R35\"}", 1.0),
        ("renkei_messages_total{message=\"R36\"}", 1.0),
        ("renkei_messages_total{message=\"R37\"}", 1.0),
        ("renkei_interactions_ended_total{screen=\"account\",why=\"cancelled\"}", 1.0),
        ("renkei_interactions_ended_total{screen=\"customer\",why=\"locked\"}", 1.0),
        ("renkei_interactions_ended_total{screen=\"customer\",why=\"was_locked\"}", 1.0),
        ("renkei_interactions_ended_total{screen=\"account\",why=\"closed\"}", 1.0),
        ("renkei_refusals_total{route=\"/oauth/token\",reason=\"wrong_secret\"}", 1.0),
        ("renkei_refusals_total{route=\"/oauth/userinfo\",reason=\"invalid_token\"}", 1.0),
        ("renkei_http_requests_total{route=\"/oauth/introspect\",status=\"2xx\"}", 2.0),
        ("renkei_http_request_duration_seconds_count{route=\"/oauth/introspect\"}", 2.0),
        ("renkei_store_queue", 0.0),
    ] {
        assert_eq!(scrape.get(name), value, "{name}");
    }
    assert!(scrape.get("renkei_messages_total{message=\"R34\"}") >= 1.0);
    let begun = w.count("select count(*) from interactions").await;
    assert_eq!(
        scrape.get("renkei_interactions_begun_total{purpose=\"link\"}"),
        f64::from(u32::try_from(begun).unwrap())
    );

    scrape.has_each_family(false);
    none_stays_0(&scrape.moved().into_iter().map(str::to_owned).collect(), &[Ordinary]);
    // No name of a person, an app or an account.
    let page = operator(w, "/metrics").await.body;
    for personal in ["creco", "kakeibo", "1100026", "09012343333", "198.51"] {
        assert!(!page.contains(personal), "{personal}");
    }
}

/// What the bad day needs: low limits, no mail relay, and a certificate.
fn bad(config: &mut Config) {
    watched(config);
    mtls::listener(config);
    (config.mail.kind, config.mail.tls) = (MailKind::Smtp, MailTls::None);
    (config.mail.host, config.mail.port) = ("127.0.0.1".into(), ports::free(1));
    let limits = &mut config.limits;
    (limits.by_network, limits.starts, limits.customer_posts) = (true, 5, 3);
    (limits.alarm_unknown_accounts, limits.alarm_locks, limits.alarm_numbers, limits.alarm_calls) = (1, 1, 1, 1);
    (limits.pushed_requests, limits.answers_per_second, limits.answers_burst) = (100_000, 100_000, 100_000);
    (config.identity.unfinished, config.identity.concurrent) = (100, 3);
}

/// It begins a hundred interactions, and waits for jobs that look every few seconds.
const LIMIT: Duration = Duration::from_secs(480);

#[test]
fn a_bad_day_moves_the_other_metrics_on_sqlite() {
    run_within(LIMIT, Engine::Sqlite, bad, async |w: &Town| a_bad_day(w, None).await);
}
#[test]
fn a_bad_day_moves_the_other_metrics_on_postgresql() {
    let own = OwnPg::on_a_small_disk("64m");
    let filler = own.on_small_disk("filler");
    let at_own = |config: &mut Config| {
        bad(config);
        config.store.url = own.url();
    };
    run_within(LIMIT, Engine::Postgres, at_own, async |w: &Town| a_bad_day(w, Some(&filler)).await);
}

/// `filler` is a file beside PostgreSQL's own, on a small disk.
async fn a_bad_day(w: &Town, filler: Option<&PathBuf>) {
    let mut moved = BTreeSet::new();
    notices_wait_and_are_given_up(w, &mut moved).await;
    streams_fail(w, &mut moved).await;
    each_alarm_is_raised(w, &mut moved).await;
    many_wait_for_the_store(w, &mut moved).await;
    if filler.is_some() {
        transactions_conflict(&w.app().store).await;
    }
    the_disk_is_full(w, filler, &mut moved).await;

    let scrape = Scrape::of(w).await;
    moved.extend(scrape.moved().into_iter().map(str::to_owned));
    scrape.has_each_family(true);
    none_stays_0(&moved, &[Bad]);
    if w.engine == Engine::Postgres {
        none_stays_0(&moved, &[BadOnPostgres]);
    }
}

/// Scrapes until something is so: what waits in the store is counted every few seconds.
async fn until(w: &Town, moved: &mut BTreeSet<String>, what: &str, holds: impl Fn(&Scrape) -> bool) {
    for _ in 0..300 {
        let scrape = Scrape::of(w).await;
        if holds(&scrape) {
            moved.extend(scrape.moved().into_iter().map(str::to_owned));
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to be that {what}");
}
async fn until_values(w: &Town, moved: &mut BTreeSet<String>, values: &[(&str, f64)]) {
    let holds = |scrape: &Scrape| values.iter().all(|(name, value)| scrape.samples.get(*name) == Some(value));
    until(w, moved, &format!("{values:?}"), holds).await;
}

async fn notices_wait_and_are_given_up(w: &Town, moved: &mut BTreeSet<String>) {
    let kakeibo = w.kakeibo();
    w.link(&kakeibo, &mut w.browser()).await;
    w.until_mail_is_settled().await;
    let waiting = "renkei_notices_undelivered{state=\"waiting\"}";
    until_values(w, moved, &[(waiting, 1.0)]).await;
    w.clock.advance(Duration::from_hours(25));
    let failed = "renkei_notices_undelivered{state=\"failed\"}";
    until_values(w, moved, &[(waiting, 0.0), (failed, 1.0), ("renkei_notices_total{result=\"failed\"}", 1.0)]).await;
    assert_eq!(w.recorded("notice.failed").await, 1);
    // An app that does not redeem its code: the notice is held.
    let mut browser = w.browser();
    browser.open(&kakeibo.ask_directly("accounts").url).await;
    browser.walk_to(w, "consent").await;
    browser.allow().await;
    until_values(w, moved, &[("renkei_notices_undelivered{state=\"held\"}", 1.0)]).await;
}

async fn streams_fail(w: &Town, moved: &mut BTreeSet<String>) {
    let (failing, refusing) = (Endpoint::start().await, Endpoint::start().await);
    for (id, endpoint) in [("failing", &failing), ("refusing", &refusing)] {
        let receiver = streams::app(w, id, std::slice::from_ref(&endpoint.url)).await;
        receiver.push_stream(&endpoint.url, "Bearer hush").await;
        let verified = async || endpoint.sets().iter().any(|set| streams::kind(set) == streams::VERIFICATION);
        streams::until("its endpoint is verified", verified).await;
        let other = streams::app(w, &format!("{id}-polls"), &[]).await;
        let stream = other.poll_stream().await;
        other.status(&stream, if id == "failing" { "paused" } else { "disabled" }).await.expect(200);
        match id {
            "failing" => endpoint.always(Some(Answered::Status("500 Internal Server Error", ""))),
            _ => endpoint.answers([Answered::Status("400 Bad Request", r#"{"err": "invalid_request"}"#)]),
        }
        w.link(&receiver.app, &mut w.browser()).await;
    }
    let expected = [
        ("renkei_streams{status=\"enabled\"}", 2.0),
        ("renkei_streams{status=\"paused\"}", 1.0),
        ("renkei_streams{status=\"disabled\"}", 1.0),
        ("renkei_streams_failing", 1.0),
        ("renkei_stream_dead_letters", 1.0),
    ];
    until_values(w, moved, &expected).await;
    assert_eq!(w.recorded("stream.created").await, 4);
    assert_eq!(w.recorded("stream.event_refused").await, 1);
}

/// Within one hour, so that each kind is recorded once.
async fn each_alarm_is_raised(w: &Town, moved: &mut BTreeSet<String>) {
    w.set_clock("2026-11-27T10:01:00+09:00");
    let before = w.recorded("alarm.raised").await;
    let begin = async |address: &str| {
        let mut browser = Browser::new(w.http.clone(), address);
        browser.open(&w.kakeibo().ask_directly("accounts").url).await;
        browser
    };
    // A call that matches nothing.
    w.phone.call("09099999999", "08001110001").await.expect(204);
    // An account that does not exist, then three wrong birthdays, which lock another one; the network may not post any more.
    let mut browser = begin("192.0.2.1").await;
    browser.account("999-0000001").await.customer(&Customer::taro()).await;
    let mut browser = begin("192.0.2.2").await;
    browser.account("005-0000123").await;
    for _ in 0..3 {
        browser.customer(&Customer::hanako().born("1990", "12", "2")).await;
    }
    assert_eq!(browser.screen(), "locked");
    let mut browser = begin("192.0.2.2").await;
    browser.account("115-1100026").await.customer(&Customer::taro()).await;
    assert_eq!(browser.screen(), "customer", "customer_posts");
    // Three at once for one telephone: a network gets two numbers at most. Then no fourth may come past ②.
    let mut at_phone = Vec::new();
    for _ in 0..3 {
        let mut browser = begin("192.0.2.3").await;
        browser.walk_to(w, "phone").await;
        at_phone.push(browser);
    }
    for browser in &mut at_phone {
        browser.press("next", &[]).await;
    }
    let screens: Vec<&str> = at_phone.iter().map(Browser::screen).collect();
    assert_eq!(screens, ["call", "call", "phone"], "no_number");
    let mut browser = begin("192.0.2.4").await;
    browser.account("115-1100026").await.customer(&Customer::taro()).await;
    assert!(browser.page().text().contains("R35") || browser.screen() != "phone", "{}", browser.page().text());
    // A network begins too often; then nobody may begin.
    for n in 0..6 {
        assert_eq!(begin("192.0.2.5").await.status(), if n < 5 { 200 } else { 429 }, "{n}");
    }
    // A node's own count is up to a second old, and too high by those who have passed ② since.
    for some in [0..100, 100..120] {
        for n in some {
            begin(&format!("203.0.113.{n}")).await;
        }
        w.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(begin("203.0.113.200").await.status(), 503, "unfinished");
    // An app pushes too much, and another one comes too fast.
    let one = client_limits::app(w, "pushes", json!({"pushed_requests": 1})).await;
    let other = client_limits::app(w, "hurries", json!({"answers_per_second": 1, "answers_burst": 1})).await;
    for app in [one, other] {
        client_limits::push(&app, &[]).await.expect(201);
        client_limits::push(&app, &[]).await.refused(429, "temporarily_unavailable");
    }
    let scrape = Scrape::of(w).await;
    for kind in AlarmKind::ALL {
        let name = format!("renkei_alarms_total{{kind=\"{}\"}}", kind.as_str());
        assert!(scrape.get(&name) >= 1.0, "{name}");
    }
    assert_eq!(w.recorded("alarm.raised").await - before, AlarmKind::ALL.len(), "each kind once an hour");
    for limit in ["answers", "pushed_requests"] {
        assert_eq!(scrape.get(&format!("renkei_client_limit_refusals_total{{limit=\"{limit}\"}}")), 1.0);
    }
    moved.extend(scrape.moved().into_iter().map(str::to_owned));
}

/// Eight units of work that take long: some of them wait for their turn.
async fn many_wait_for_the_store(w: &Town, moved: &mut BTreeSet<String>) {
    let done = Arc::new(AtomicBool::new(false));
    let working: Vec<_> = (0..8)
        .map(|_| {
            let (store, done) = (w.app().store.clone(), done.clone());
            let work = move |_: &mut Tx<'_, '_>| {
                while !done.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(())
            };
            tokio::spawn(async move { store.write(work).await })
        })
        .collect();
    until(w, moved, "somebody waits", |scrape| scrape.get("renkei_store_queue") >= 4.0).await;
    done.store(true, Ordering::Release);
    for work in working {
        work.await.unwrap().unwrap();
    }
    until(w, moved, "nobody waits", |scrape| scrape.get("renkei_store_queue") == 0.0).await;
}

/// Two transactions that change the same row, each after it has read: one runs again.
async fn transactions_conflict(store: &Store) {
    // Housekeeping leaves hours to come alone.
    let row = "insert into alarms (kind, hour) values ('conflict', 9000000)";
    store.write(move |tx| tx.execute(row, &[])).await.unwrap();
    let (runs, other) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, committed) = (runs.clone(), other.clone());
    let slow = move |tx: &mut Tx<'_, '_>| -> StoreResult<u64> {
        tx.rows("select hour from alarms where kind = 'conflict'", &[])?;
        counted.fetch_add(1, Ordering::AcqRel);
        while !committed.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(5));
        }
        tx.execute("update alarms set hour = hour + 1 where kind = 'conflict'", &[])
    };
    let slow = {
        let store = store.clone();
        tokio::spawn(async move { store.write(slow).await })
    };
    while runs.load(Ordering::Acquire) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.write(|tx| tx.execute("update alarms set hour = hour + 1 where kind = 'conflict'", &[])).await.unwrap();
    other.store(true, Ordering::Release);
    assert_eq!(slow.await.unwrap().unwrap(), 1);
    assert!(runs.load(Ordering::Acquire) >= 2, "it ran again");
    store.write(|tx| tx.execute("delete from alarms where kind = 'conflict'", &[])).await.unwrap();
}

async fn the_disk_is_full(w: &Town, filler: Option<&PathBuf>, moved: &mut BTreeSet<String>) {
    let store = &w.app().store;
    match filler {
        Some(filler) => fill(filler),
        // It cannot grow any more.
        None => store.write(|tx| tx.rows("pragma max_page_count = 1", &[]).map(drop)).await.unwrap(),
    }
    // Somebody has to write, so that the store meets it; SQLite looks for room by itself a moment later.
    let write_until = async |status: u16, full: f64| {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if client_limits::push(&w.kakeibo(), &[]).await.status == status {
                let scrape = Scrape::of(w).await;
                if scrape.get("renkei_store_endings_only") == full {
                    return scrape;
                }
            }
        }
        panic!("{status} was never answered");
    };
    let refused = Scrape::of(w).await.get("renkei_store_unavailable_total");
    let scrape = write_until(503, 1.0).await;
    assert!(scrape.get("renkei_store_unavailable_total") > refused);
    moved.extend(scrape.moved().into_iter().map(str::to_owned));
    match filler {
        Some(filler) => std::fs::remove_file(filler).unwrap(),
        None => {
            let room = |tx: &mut Tx<'_, '_>| tx.rows("pragma max_page_count = 1000000", &[]).map(drop);
            store.ending().write(room).await.unwrap();
        }
    }
    write_until(201, 0.0).await;
}

/// A scrape after the background jobs have looked.
async fn settled(w: &Town) -> Scrape {
    for _ in 0..100 {
        let scrape = Scrape::of(w).await;
        if scrape.families.contains("renkei_table_oldest_seconds") {
            return scrape;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody has looked at the store");
}

/// Every metric that a rule or the dashboard names is on the page, and promtool accepts the rules.
#[test]
fn rules_and_dashboard_name_metrics_that_exist() {
    run(Engine::Sqlite, watched, async |w: &Town| {
        w.link(&w.kakeibo(), &mut w.browser()).await;
        w.userinfo("rk_at_unknown").await.expect(401);
        let names = settled(w).await.names();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/monitoring");
        for file in ["alerts.yml", "dashboard.json"] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            let named =
                text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| w.starts_with("renkei_"));
            let named: BTreeSet<_> = named.collect();
            assert!(named.len() > 10, "{file}: {named:?}");
            let missing: Vec<_> = named.iter().filter(|name| !names.contains(**name)).collect();
            // A town has no certificate.
            assert!(missing.iter().all(|name| **name == "renkei_certificate_days"), "{file}: {missing:?}");
        }
        let dashboard: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("dashboard.json")).unwrap()).unwrap();
        assert!(dashboard["panels"].as_array().unwrap().len() > 15);
        for args in [["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"]] {
            let done = Command::new("promtool").args(args).current_dir(&folder).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    });
}

/// The public `/readyz` says little; that of operators names each part. Neither is on the other's listener.
#[test]
fn operators_see_each_part_and_the_doctor_says_what_to_do() {
    run(Engine::Sqlite, watched, async |w: &Town| {
        let public = w.http.get("/readyz").await.expect(200).json();
        assert_eq!(public, json!({"status": "ready"}));
        assert_eq!(w.http.get("/metrics").await.status, 404);
        let ready = operator(w, "/readyz").await.expect(200).json();
        assert_eq!(ready["status"], "ready", "{ready}");
        let names: Vec<_> = ready["components"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
        assert_eq!(names, ["server", "store", "disk", "jobs", "certificate", "mail", "streams", "service"]);
        let said = w.staff(&["doctor"]).await;
        assert_eq!((said.status, said.out.starts_with("All is well: server, store")), (0, true), "{said:?}");

        // A notice that was given up.
        w.write(|tx| {
            let sql = "insert into notices (id, kind, state, attempts, created_at, done_at) \
                       values ('n', 'completed', 'failed', 9, ?1, ?1)";
            tx.execute(sql, &[1.into()]).map(drop)
        })
        .await;
        for _ in 0..100 {
            if operator(w, "/readyz").await.json()["status"] == "degraded" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let said = w.staff(&["doctor"]).await;
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.out.contains("mail works, but not well: 1 notices to customers were given up."), "{said:?}");
        assert!(said.out.contains("renkei notice list"), "{said:?}");
        assert_eq!(w.http.get("/readyz").await.status, 200, "customers can link all the same");
    });
}

/// Monitoring that hangs or asks in a flood slows nobody down.
#[test]
fn a_flood_of_scrapes_does_not_stop_the_server() {
    run(Engine::Sqlite, watched, async |w: &Town| {
        let address = w.operator_addresses()[0];
        let idle: Vec<_> = (0..64).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let begun = Instant::now();
        w.link(&w.kakeibo(), &mut w.browser()).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        drop(idle);
        let monitoring = Http::new(address, &format!("http://{address}"));
        for _ in 0..10 {
            let answers = futures_util::future::join_all((0..20).map(|_| monitoring.get("/metrics"))).await;
            assert!(answers.iter().all(|answer| answer.status == 200));
        }
    });
}
