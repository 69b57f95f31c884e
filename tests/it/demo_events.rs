//! What the demonstration's two receivers learn of a link's end, and how soon: the sample app by poll, the account API by push, each
//! beside the program itself, so that one of them can be stopped.

use crate::serve::RENKEI;
use crate::support::browser::{Browser, Customer};
use crate::support::http::Http;
use renkei_core::clock::{Clock, SystemClock};
use renkei_core::random::{Random, SystemRandom};
use renkei_demo::crypto::Secret;
use renkei_demo::listener::{Listener, Running};
use renkei_demo::pages::Pages;
use renkei_demo::time::from_secs;
use renkei_demo::{api, app, bank, wire};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How soon an end is known.
const SOON: Duration = Duration::from_secs(1);
/// How often each is tried.
const ROUNDS: usize = 20;
const BY_APP: &str = "このアプリから連携を解除しました";
const BY_STAFF: &str = "金融機関が連携を停止しました";
const EXPIRING: &str = "期限が近づいたことのお知らせ";

fn clock() -> Arc<dyn renkei_demo::time::Clock> {
    // The demonstration and the server's library share one process here, and the first that uses jsonwebtoken decides how it
    // computes: in the program that is the server, too.
    renkei_core::keys::SigningKey::generate(renkei_core::keys::jose::Alg::EdDsa).unwrap();
    Arc::new(|| from_secs(SystemClock.now().secs()))
}

/// The server as a program, with its two clients; the app and the account API run in this process.
struct Receivers {
    dir: tempfile::TempDir,
    server: Child,
    port: u16,
    bank: Running,
}

impl Receivers {
    fn start() -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), crate::support::ports::free(3));
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            path
        };
        file("master.key", &"07".repeat(32));
        file("hook.secret", "hook-secret-of-this-test");
        let mut config: toml::Table = toml::from_str(include_str!("../../config/demo/renkei.toml")).unwrap();
        let mut set = |section: &str, key: &str, value: toml::Value| {
            let section = config.entry(section).or_insert_with(|| toml::Table::new().into());
            section.as_table_mut().unwrap().insert(key.into(), value);
        };
        set("server", "issuer", format!("http://localhost:{port}").into());
        set("server", "listen", vec![format!("127.0.0.1:{port}")].into());
        set("telephony", "auto_call", true.into());
        set("hours", "always_open", true.into());
        set("mail", "kind", "file".into());
        set("tokens", "default_audience", format!("http://localhost:{}", port + 2).into());
        let config = file("renkei.toml", &toml::to_string(&config).unwrap());
        let mut server =
            Command::new(RENKEI).args(["serve", "--config"]).arg(&config).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        while !said.contains("ready") {
            assert!(out.read_line(&mut said).unwrap() > 0, "the server does not start: {said}");
        }
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let now = SystemClock.now();
        let books = bank::SampleBank::founded(now.jst_date());
        let bank = bank::start(Listener::bind(0).unwrap(), books, Secret::new("bank-token"), clock()).unwrap();
        let receivers = Self { dir, server, port, bank };
        receivers.import(include_str!("../../config/demo/accounts-api.json"), |_| {});
        receivers
    }
    /// Imports the record of a client, with this demonstration's addresses.
    fn import(&self, record: &str, change: impl FnOnce(&mut Value)) {
        let record =
            record.replace("http://localhost:8081", &self.url(1)).replace("http://localhost:8082", &self.url(2));
        let mut record: Value = serde_json::from_str(&record).unwrap();
        record["allow_networks"] = json!(["127.0.0.0/8", "::1/128"]);
        change(&mut record);
        let path = self.dir.path().join("client.json");
        std::fs::write(&path, record.to_string()).unwrap();
        self.staff(&["client", "import", "--replace", path.to_str().unwrap()]);
    }
    fn url(&self, n: u16) -> String {
        format!("http://localhost:{}", self.port + n)
    }
    fn config(&self) -> PathBuf {
        self.dir.path().join("renkei.toml")
    }
    /// What a member of staff does with the CLI.
    fn staff(&self, args: &[&str]) -> Value {
        let output = Command::new(RENKEI).arg("--json").args(args).arg("--config").arg(self.config()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
    /// The one grant that is not over.
    fn grant(&self) -> String {
        let list = self.staff(&["grant", "list", "--account", "115-ordinary-1100026", "--reason", "お客様のお電話"]);
        let grants = list.as_array().or_else(|| list["grants"].as_array()).unwrap_or_else(|| panic!("{list}"));
        let active: Vec<&Value> = grants.iter().filter(|g| g["state"] == "active").collect();
        assert_eq!(active.len(), 1, "{list}");
        active[0]["grant_id"].as_str().or(active[0]["id"].as_str()).unwrap().to_owned()
    }
    fn random() -> Arc<dyn renkei_demo::crypto::Random> {
        Arc::new(|out: &mut [u8]| SystemRandom.fill(out))
    }
    /// The app, with new keys: the server reads those of an address it knows only after a while.
    async fn app(&self) -> Running {
        static STARTS: AtomicUsize = AtomicUsize::new(0);
        let jwks_uri = format!("{}/jwks?start={}", self.url(1), STARTS.fetch_add(1, Ordering::Relaxed));
        self.import(include_str!("../../config/demo/creco.json"), |record| record["jwks_uri"] = jwks_uri.into());
        let settings = app::AppSettings {
            issuer: self.url(0),
            api: self.url(2),
            simulator: self.url(3),
            client_id: "creco".into(),
            kakeibo_id: "kakeibo".into(),
            kakeibo_secret: Secret::new("kakeibo-secret"),
            institution: ["みなと信用組合".into(), "Minato Credit Union".into()],
        };
        let (random, http) = (Self::random(), wire::loopback().unwrap());
        let parts = app::AppParts { clock: clock(), random, http, pages: Pages::new().unwrap() };
        let app = app::start(self.listener(1).await, settings, parts).unwrap();
        let store = rusqlite::Connection::open(self.dir.path().join("data/renkei.db")).unwrap();
        let sql = "select count(*) from streams where client_id = 'creco'";
        self.within(Duration::from_secs(10), "the app has its stream", async || {
            store.query_row(sql, [], |row| row.get::<_, i64>(0)).is_ok_and(|streams| streams == 1)
        })
        .await;
        app
    }
    async fn api(&self) -> Running {
        let settings = api::ApiSettings {
            issuer: self.url(0),
            client_id: "accounts-api".into(),
            client_secret: Secret::new("accounts-api-secret"),
            audience: self.url(2),
            bank: self.bank.url().to_owned(),
            bank_token: Secret::new("bank-token"),
            closed: None,
            nonce_required: false,
            events: true,
        };
        let parts = api::ApiParts { clock: clock(), random: Self::random(), http: wire::loopback().unwrap() };
        let api = api::start(self.listener(2).await, settings, parts).unwrap();
        self.within(Duration::from_secs(10), "the endpoint is verified", async || {
            self.at_api().await.iter().any(|event| event["event"].as_str().unwrap().ends_with("/verification"))
        })
        .await;
        api
    }
    /// A port that was just given up may be in use for a moment more.
    async fn listener(&self, n: u16) -> Listener {
        for _ in 0..100 {
            match Listener::bind(self.port + n) {
                Ok(listener) => return listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        panic!("the port {} is not free", self.port + n);
    }
    /// The last events at the account API.
    async fn at_api(&self) -> Vec<Value> {
        let page = reqwest::get(self.url(2)).await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&page).unwrap()["last_events"].as_array().unwrap().clone()
    }
    /// Whether the account API has been told that a grant was revoked.
    async fn api_knows(&self, grant: &str, by: &str) -> bool {
        let revoked =
            |event: &Value| event["event"] == "grant.revoked" && event["grant_id"] == grant && event["by"] == by;
        self.at_api().await.iter().any(revoked)
    }
    async fn within(&self, time: Duration, what: &str, holds: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < time, "{what}: not after {time:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        println!("{what}: {:?}", began.elapsed());
    }
}
impl Drop for Receivers {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A customer's browser.
struct Person {
    app: Browser,
    bank: Browser,
    home: String,
}
impl Person {
    fn of(w: &Receivers) -> Self {
        let browser = |n: u16| {
            let http = Http::new(([127, 0, 0, 1], w.port + n).into(), &w.url(n));
            Browser::new(http, "127.0.0.1")
        };
        Self { app: browser(1), bank: browser(0), home: format!("{}/", w.url(1)) }
    }
    async fn link(&mut self) {
        self.app.open(&self.home).await;
        self.app.press("link", &[]).await;
        let away = self.app.url.clone();
        self.bank.open(&away).await;
        self.bank.account("115-1100026").await;
        self.bank.customer(&Customer::taro()).await;
        self.bank.settle_phone().await;
        self.bank.confirm_call().await;
        self.bank.pin("4071").await;
        self.bank.allow().await;
        let back = self.bank.url.clone();
        self.app.open(&back).await;
        let page = self.app.page().text();
        assert!(page.contains("口座を連携しました"), "{page}");
    }
    async fn see(&mut self) -> String {
        self.app.open(&self.home).await;
        self.app.page().text()
    }
    /// How often a sentence that only an event brings stands on the app's page.
    async fn reads(&mut self, sentence: &str) -> usize {
        self.see().await.matches(sentence).count()
    }
    /// Reads it once more than `before` within a second.
    async fn soon_reads(&mut self, sentence: &str, before: usize) {
        let began = Instant::now();
        while self.reads(sentence).await == before {
            assert!(began.elapsed() < SOON, "{sentence}: not on the page: {}", self.app.page().text());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        println!("{sentence}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_receivers_know_of_an_end_within_a_second() {
    let w = Receivers::start();
    let (app, api) = (w.app().await, w.api().await);
    let mut person = Person::of(&w);
    person.link().await;
    let config: toml::Table = toml::from_str(include_str!("../../config/default.toml")).unwrap();
    let notices = config["events"]["warn_before"].as_array().unwrap().len();
    assert_eq!(person.reads(EXPIRING).await, notices, "the app plans each notice that the server sends");
    for round in 0..ROUNDS {
        person.link().await;
        let (grant, before) = (w.grant(), person.reads(BY_APP).await);
        person.app.press("revoke", &[]).await;
        let answered = Instant::now();
        person.soon_reads(BY_APP, before).await;
        w.within(SOON.saturating_sub(answered.elapsed()), "account API", async || w.api_knows(&grant, "client").await)
            .await;

        person.link().await;
        let (grant, before) = (w.grant(), person.reads(BY_STAFF).await);
        w.staff(&["grant", "revoke", &grant, "--reason", "お客様のお電話"]);
        let answered = Instant::now();
        person.soon_reads(BY_STAFF, before).await;
        w.within(SOON.saturating_sub(answered.elapsed()), "account API", async || {
            w.api_knows(&grant, "institution").await
        })
        .await;
        let page = person.see().await;
        // The page names the sample customer's account as help; balances and days it shows of a link alone.
        assert!(!page.contains("円"), "round {round}: nothing is shown of the account: {page}");
    }
    assert!(person.see().await.contains("（通知）"), "what an event brought is marked");
    tokio::join!(app.stop(), api.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_receiver_delays_no_other() {
    let w = Receivers::start();
    let (mut app, mut api) = (w.app().await, w.api().await);
    let mut person = Person::of(&w);
    for _ in 0..ROUNDS {
        person.link().await;
        let (grant, before) = (w.grant(), person.reads(BY_STAFF).await);
        api.stop().await;
        w.staff(&["grant", "revoke", &grant, "--reason", "お客様のお電話"]);
        person.soon_reads(BY_STAFF, before).await;
        // What it missed comes once it is there again.
        api = w.api().await;
        w.within(Duration::from_secs(10), "account API, later", async || w.api_knows(&grant, "institution").await)
            .await;
    }
    for _ in 0..ROUNDS {
        // Another start of the app does not know its browsers.
        person = Person::of(&w);
        person.link().await;
        let grant = w.grant();
        app.stop().await;
        w.staff(&["grant", "revoke", &grant, "--reason", "お客様のお電話"]);
        w.within(SOON, "account API", async || w.api_knows(&grant, "institution").await).await;
        app = w.app().await;
    }
    tokio::join!(app.stop(), api.stop());
}
