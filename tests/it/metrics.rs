//! What operators watch: a scripted day moves the metrics, and each is compared with the record where the record has it; the alert
//! rules and the dashboard name only metrics that exist; `renkei doctor` says in words what is not well.

use crate::support::browser::{Browser, Customer};
use crate::support::http::{Answer, Http, RequestParts};
use crate::support::town::{Engine, Town, on_both_with, run};
use renkei_core::identity::BankError;
use renkei_server::config::Config;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn watched(config: &mut Config) {
    config.admin.listen = vec!["127.0.0.1:0".parse().unwrap()];
}

on_both_with!(a_day_moves_each_metric_as_the_record_says, super::watched);

/// One scrape: each sample with its labels.
struct Scrape(BTreeMap<String, f64>);
impl Scrape {
    async fn of(w: &Town) -> Self {
        let answer = operator(w, "/metrics").await.expect(200);
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
        assert!(answer.body.ends_with("# EOF\n"), "OpenMetrics ends so");
        let samples = answer.body.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}")));
        Self(samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect())
    }
    fn get(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.0.keys()))
    }
    /// The sum of the samples whose name begins so.
    fn sum(&self, name: &str) -> f64 {
        self.0.iter().filter(|(sample, _)| sample.starts_with(name)).map(|(_, value)| value).sum()
    }
    /// The names without labels.
    fn names(&self) -> BTreeSet<String> {
        self.0.keys().map(|sample| sample.split('{').next().unwrap().to_owned()).collect()
    }
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

    // None stays 0, but for what only a broken store, a flood, a stream or TLS moves; other tests show those.
    let still: Vec<_> = scrape.names().into_iter().filter(|name| scrape.sum(name) == 0.0).collect();
    let allowed = [
        "renkei_alarms_total",
        "renkei_client_limit_refusals_total",
        "renkei_notices_undelivered",
        "renkei_store_endings_only",
        "renkei_store_queue",
        "renkei_store_retries_total",
        "renkei_store_unavailable_total",
        "renkei_stream_dead_letters",
        "renkei_streams",
        "renkei_streams_failing",
    ];
    let still: Vec<_> = still.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(still.is_empty(), "{still:?}");
    // No name of a person, an app or an account.
    let page = operator(w, "/metrics").await.body;
    for personal in ["creco", "kakeibo", "1100026", "09012343333", "198.51"] {
        assert!(!page.contains(personal), "{personal}");
    }
}

/// A scrape after the background jobs have looked.
async fn settled(w: &Town) -> Scrape {
    for _ in 0..100 {
        let scrape = Scrape::of(w).await;
        if scrape.0.keys().any(|name| name.starts_with("renkei_table_oldest_seconds")) {
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
        let begun = std::time::Instant::now();
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
