//! One server and everybody around it.

use super::app::{App, Credential, Tokens};
use super::bank::Bank;
use super::browser::{Browser, Customer};
use super::http::{Answer, Http, RequestParts};
use super::jws::Key;
use super::pg;
use super::phone::Phone;
use super::served::{Left, signed};
use super::world::{WARN_BEFORE, World};
use renkei_core::account::Account;
use renkei_core::audit::Actor;
use renkei_core::client;
use renkei_core::clock::{Clock, Instant, ManualClock};
use renkei_core::grant::{self, Reason};
use renkei_core::id::{ClientId, EventId, GrantId};
use renkei_core::identity::{FieldCrypto, lockout};
use renkei_core::lifecycle::expire;
use renkei_core::random::SeededRandom;
use renkei_core::store::{Result as StoreResult, Tx};
use renkei_server::config::Config;
use renkei_server::process::{Parts, Reloaded, Running, start};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// A test once on each engine: `on_both!(this, that)` where each is `async fn(&Town)`.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => { $( $crate::support::town::on_both_with!($test, |_| {}); )* };
}
/// The same with a change of the configuration.
macro_rules! on_both_with {
    ($test:ident, $change:expr) => {
        mod $test {
            use $crate::support::town::{Engine, run};
            #[test]
            fn sqlite() {
                run(Engine::Sqlite, $change, super::$test);
            }
            #[test]
            fn postgres() {
                run(Engine::Postgres, $change, super::$test);
            }
        }
    };
}
pub(crate) use {on_both, on_both_with};

/// Where the store lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The name of the server: a proxy in front ends TLS, as in production.
pub(crate) const ISSUER: &str = "https://link.renkei.test";
pub(crate) const HOOK_SECRET: &str = "the hook's secret of the tests, long enough";
pub(crate) const BANK_SECRET: &str = "the bank's secret of the tests, long enough";
/// A Wednesday, a quarter past ten in Japan: open.
const START: &str = "2026-11-25T10:15:00+09:00";

/// One server and everybody around it.
pub(crate) struct Town {
    pub engine: Engine,
    pub clock: Arc<ManualClock>,
    pub http: Http,
    pub bank: Arc<Bank>,
    pub phone: Phone,
    creco_key: (Key, Key),
    running: Running,
    dir: tempfile::TempDir,
    _database: Option<pg::Database>,
    addresses: AtomicU32,
}

/// Starts a town, runs the test in it, and checks that what is stored agrees with itself.
pub(crate) fn run(engine: Engine, change: impl FnOnce(&mut Config), test: impl AsyncFn(&Town)) {
    run_within(Duration::from_secs(240), engine, change, test);
}
/// The same for a test that waits for long.
pub(crate) fn run_within(limit: Duration, engine: Engine, change: impl FnOnce(&mut Config), test: impl AsyncFn(&Town)) {
    log();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let town = Town::start(engine, change).await;
        tokio::time::timeout(limit, test(&town)).await.expect("the test takes too long");
        town.verify().await;
        super::refusals::each_is_in_the_log(&town.http.refusals());
        town.running.stop().await;
    });
}

fn instant(rfc3339: &str) -> Instant {
    Instant::from_millis(chrono::DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_millis())
}

impl Town {
    pub(crate) async fn start(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_saying(None, engine, change).await
    }
    /// The same with these Japanese texts in place of the program's own.
    pub(crate) async fn start_saying(texts: Option<String>, engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = (engine == Engine::Postgres).then(pg::database);
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        };
        write("master.key", &renkei_core::secret::base64url([7; 32]));
        write("hook.key", HOOK_SECRET);
        write("bank.key", BANK_SECRET);
        let url = database.as_ref().map_or_else(|| "sqlite:renkei.db".to_owned(), pg::Database::url);
        let at = |name: &str| dir.path().join(name).display().to_string();
        let text = json!({
            "server": {
                "issuer": ISSUER, "mode": "test", "listen": ["127.0.0.1:0"], "workers": 2,
                "trusted_proxies": ["127.0.0.1"], "data_dir": at("data"), "master_key_file": at("master.key"),
                "shutdown_grace": "1s",
            },
            "store": { "url": url, "connections": 4, "time_limit": "10s" },
            "institution": {
                "name": "みなと信用組合", "name_en": "Minato Credit Union", "kind": "shinkumi",
                "terms_url": "https://www.minato.example/terms", "terms_version": "2026-04",
                "faq_url": "https://www.minato.example/faq", "phone": "0120-000-000",
                "copyright": "Copyright © 2026 みなと信用組合 All Rights Reserved.",
            },
            "telephony": {
                "called_numbers": ["0800-111-0001", "0800-111-0002", "0800-111-0003", "0800-111-0004", "0800-111-0005"],
                "hook_secret_files": [at("hook.key")],
                // One customer of the tests comes often, and by a clock that stands; the production rules have tests of
                // their own.
                "rest": "0s",
            },
            "limits": { "by_network": false },
            "mail": { "kind": "file", "from": "no-reply@link.renkei.test" },
            "bank": { "kind": "sample", "event_secret_files": [at("bank.key")] },
        });
        let mut config: Config = serde_json::from_value(text).unwrap();
        change(&mut config);
        let clock = Arc::new(ManualClock::at(instant(START)));
        let bank = Arc::new(Bank::founded(clock.now()));
        let random = Arc::new(SeededRandom::new(seed()));
        let parts = Parts { clock: clock.clone(), random, bank: Some(bank.clone()), sample_bank: None, texts };
        let tls = config.server.tls_cert_file.as_ref().map(|file| std::fs::read_to_string(file).unwrap());
        let running = start(config, parts).await.unwrap();
        let http = match tls {
            Some(ca) => Http::over_tls(running.addresses[0].port(), ISSUER, &ca, None),
            None => Http::new(running.addresses[0], ISSUER),
        };
        let phone = Phone::new(http.clone(), clock.clone(), HOOK_SECRET);
        let creco_key = (Key::generate(), Key::generate());
        let addresses = AtomicU32::new(1);
        let town = Self { engine, clock, http, bank, phone, creco_key, running, dir, _database: database, addresses };
        town.register_clients().await;
        town
    }

    /// What SIGTERM does.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }

    /// Stops, and leaves its store to the program itself, which goes by the machine's clock.
    pub(crate) async fn leave(self) -> Left {
        let config = self.running.app.config.clone();
        self.running.stop().await;
        Left::new(config, self.dir, self._database)
    }

    // ---- who is there -------------------------------------------------------------------------------------------

    /// A new browser at an address of its own.
    pub(crate) fn browser(&self) -> Browser {
        let n = self.addresses.fetch_add(1, Ordering::SeqCst);
        Browser::new(self.http.clone(), &format!("198.51.{}.{}", n / 250, n % 250 + 1))
    }
    /// しんくみアプリwithCRECO: FAPI 2.0.
    pub(crate) fn creco(&self) -> App {
        let key = Credential::Jwt(self.creco_key.0.clone(), "creco-1".into());
        let app = App::new(self.http.clone(), self.clock.clone(), "creco", "https://creco.example/callback", key);
        app.with_dpop(self.creco_key.1.clone())
    }
    /// The OpenID Connect client with a secret.
    pub(crate) fn kakeibo(&self) -> App {
        let secret = Credential::Secret("kakeibo-secret".into());
        App::new(self.http.clone(), self.clock.clone(), "kakeibo", "https://kakeibo.example/callback", secret)
    }
    /// Registers another OpenID Connect client with a secret, at an address made of its id; `own` are its other members. Registered
    /// again, it gets another record.
    pub(crate) async fn oidc_app(&self, id: &str, own: Value) -> App {
        let (secret, callback) = (format!("{id}-secret"), format!("https://{id}.example/cb"));
        let mut record = json!({
            "client_id": id, "profile": "oidc", "client_name": id, "client_secret": secret, "redirect_uris": [callback],
            "token_endpoint_auth_method": "client_secret_basic",
        });
        let own = own.as_object().expect("members of a record").clone();
        record.as_object_mut().expect("a record").extend(own);
        self.register(record).await;
        App::new(self.http.clone(), self.clock.clone(), id, &callback, Credential::Secret(secret))
    }
    /// What SIGHUP does.
    pub(crate) fn reload(&self) -> Result<Reloaded, renkei_server::process::Error> {
        self.reload_as(|_| {})
    }
    /// What is recorded of it.
    pub(crate) async fn record_reload(&self, reloaded: &Reloaded) {
        self.running.record(reloaded).await;
    }
    /// The same after a change of the configuration.
    pub(crate) fn reload_as(
        &self,
        change: impl FnOnce(&mut Config),
    ) -> Result<Reloaded, renkei_server::process::Error> {
        let mut config = self.running.app.config.clone();
        change(&mut config);
        self.running.reload(&config)
    }
    /// What the server was started with.
    pub(crate) fn config(&self) -> &Config {
        &self.running.app.config
    }
    /// The state of the server's handlers.
    pub(crate) fn state(&self) -> actix_web::web::Data<renkei_server::web::App> {
        self.running.app.clone()
    }
    /// The port of everybody.
    pub(crate) fn http_port(&self) -> u16 {
        self.running.addresses[0].port()
    }
    /// Where `/metrics` is.
    pub(crate) fn operator_addresses(&self) -> &[std::net::SocketAddr] {
        self.running.operator_addresses()
    }
    /// The port on which clients show certificates.
    pub(crate) fn mtls_port(&self) -> u16 {
        self.running.mtls_addresses[0].port()
    }
    /// The resource server.
    pub(crate) fn accounts_api(&self) -> App {
        let secret = Credential::Secret("accounts-api-secret".into());
        App::new(self.http.clone(), self.clock.clone(), "accounts-api", "", secret)
    }
    /// Where the server listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.running.addresses[0]
    }
    pub(crate) fn called_numbers(&self) -> Vec<String> {
        (1..=5).map(|n| format!("0800111000{n}")).collect()
    }
    async fn register_clients(&self) {
        let provider = json!({
            "name": "アイ・ティ・リアライズ株式会社", "registration_number": "関東財務局長(電代)第1号",
            "contact": "03-0000-0000", "terms_uri": "https://creco.example/terms",
            "disclosure_uri": "https://creco.example/disclosure",
        });
        let mut key = self.creco_key.0.jwk();
        for (name, value) in [("kid", "creco-1"), ("alg", "ES256"), ("use", "sig")] {
            key[name] = json!(value);
        }
        let scope = "openid accounts transactions";
        for document in [
            json!({
                "client_id": "creco", "profile": "fapi2", "client_name": "しんくみアプリwithCRECO", "provider": provider,
                "redirect_uris": ["https://creco.example/callback"], "scope": scope,
                "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] },
            }),
            json!({
                "client_id": "kakeibo", "profile": "oidc", "client_name": "かけいぼ", "provider": provider,
                "redirect_uris": ["https://kakeibo.example/callback"], "scope": scope,
                "token_endpoint_auth_method": "client_secret_basic", "client_secret": "kakeibo-secret",
            }),
            json!({
                "client_id": "accounts-api", "profile": "resource_server", "client_name": "口座API",
                "resources": ["accounts-api"], "client_secret": "accounts-api-secret",
                "token_endpoint_auth_method": "client_secret_basic",
            }),
        ] {
            self.register(document).await;
        }
    }

    /// The server's store with the verbs of steps 3 to 6: a link without the screens.
    pub(crate) fn world(&self) -> World {
        let app = &self.running.app;
        World::of(app.store.clone(), self.clock.clone(), app.random.clone(), app.sealer.clone())
    }

    /// The core bank reports a change of an account, signed with `secret`.
    pub(crate) async fn bank_reports(&self, report: &Value, secret: &str) -> Answer {
        self.http.send("POST", "/hooks/bank/events", signed(report, secret, self.now())).await
    }

    // ---- time -----------------------------------------------------------------------------------------------------

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }
    pub(crate) fn set_clock(&self, rfc3339: &str) {
        self.clock.set(instant(rfc3339));
    }

    // ---- whole ways -----------------------------------------------------------------------------------------------

    /// The sample customer links their account to `app`.
    pub(crate) async fn link(&self, app: &App, browser: &mut Browser) -> Tokens {
        let pending = match app.credential {
            Credential::Jwt(..) | Credential::Certificate => app.push("accounts transactions").await,
            Credential::Secret(_) => app.ask_directly("accounts"),
        };
        browser.open(&pending.url).await;
        browser.walk_to(self, "consent").await;
        let brought = browser.allow().await;
        app.exchange(&pending, &brought).await
    }
    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let ask = RequestParts::default().header("authorization", format!("Bearer {token}"));
        self.http.send("GET", "/oauth/userinfo", ask).await
    }
}

impl Browser {
    /// From where we are to ④ and over it to ⑥, as this customer.
    pub(crate) async fn walk_to_consent(
        &mut self,
        w: &Town,
        account: &str,
        customer: &Customer,
        pin: &str,
    ) -> &mut Self {
        self.account(account).await;
        self.customer(customer).await;
        let to = self.settle_phone().await;
        w.phone.call(&customer.phone, &to).await.expect(204);
        self.confirm_call().await;
        assert_eq!(self.screen(), "pin", "{}", self.page().text());
        self.pin(pin).await
    }
    /// The sample customer walks from where they are to a screen further on.
    pub(crate) async fn walk_to(&mut self, w: &Town, screen: &str) -> &mut Self {
        for _ in 0..6 {
            if self.screen() == screen {
                return self;
            }
            match self.screen().to_owned().as_str() {
                "account" => drop(self.account("115-1100026").await),
                "customer" => drop(self.customer(&Customer::taro()).await),
                "phone" => drop(self.settle_phone().await),
                "call" => {
                    let to = self.called_number();
                    w.phone.call("09012343333", &to).await.expect(204);
                    self.confirm_call().await;
                }
                "pin" => drop(self.pin("4071").await),
                other => panic!("no way from {other} to {screen}: {}", self.page().text()),
            }
        }
        panic!("{screen} was not reached but {}: {}", self.screen(), self.page().text());
    }
    /// `GET …/call/status`
    pub(crate) async fn call_status(&mut self) -> Value {
        let url = format!("{}/call/status", self.interaction());
        self.request("GET", &url, RequestParts::default().header("sec-fetch-site", "same-origin"))
            .await
            .expect(200)
            .json()
    }
}

/// Everything the process has logged so far.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<&'static Mutex<Vec<u8>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let kept: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        struct LogWriter(&'static Mutex<Vec<u8>>);
        impl std::io::Write for LogWriter {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                super::refusals::note(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        // What drives the browser writes down what it types: that is the test's log, not the server's.
        let ours = Targets::new().with_default(tracing::Level::DEBUG).with_target("thirtyfour", LevelFilter::OFF);
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
        subscriber.with_writer(move || LogWriter(kept)).finish().with(ours).init();
        kept
    })
}
fn seed() -> u64 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst).into()
}

/// Another server of the same installation.
pub(crate) struct Node {
    pub http: Http,
    running: Running,
    _dir: tempfile::TempDir,
}
impl Node {
    /// What its job that looks after keys does.
    pub(crate) async fn tend_keys(&self, now: Instant) {
        let app = &self.running.app;
        app.keys.tend(&app.store, &app.sealer, &*app.random, app.config.keys.policy(), now).await.unwrap();
    }
    /// What a JWS is signed with on this node now.
    pub(crate) fn signs_with(&self, alg: renkei_core::keys::jose::Alg) -> String {
        self.running.app.keys.current(alg).unwrap().kid().to_owned()
    }
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

/// A notice as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}
impl Said {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
    /// Refused (1) or wrong usage (2), with words.
    pub(crate) fn refused(&self, status: i32, words: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.err.contains(words), "{self:?}");
    }
}

/// Runs the program with `--config FILE`.
pub(crate) async fn renkei_at(config: &std::path::Path, args: &[&str]) -> Said {
    renkei_reading(config, args, "").await
}
/// The same, with something on standard input.
pub(crate) async fn renkei_reading(config: &std::path::Path, args: &[&str], input: &str) -> Said {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_renkei"));
    command.args(args).arg("--config").arg(config).args(reason_for(args));
    said_to(command, input).await
}
/// The reason that a command needs which shows something of a customer, unless the test gives one.
pub(crate) fn reason_for(args: &[&str]) -> &'static [&'static str] {
    let words: Vec<&str> = args.iter().filter(|a| !a.starts_with("--")).take(2).copied().collect();
    let looks = [
        ["grant", "list"],
        ["grant", "show"],
        ["lock", "list"],
        ["notice", "list"],
        ["audit", "export"],
        ["audit", "looks"],
    ];
    let needs = looks.iter().any(|look| words == look) && !args.contains(&"--reason");
    if needs { &["--reason", "a customer telephoned"] } else { &[] }
}
/// What a command says.
pub(crate) async fn said(command: std::process::Command) -> Said {
    said_to(command, "").await
}
async fn said_to(mut command: std::process::Command, input: &str) -> Said {
    use std::process::Stdio;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let run = move || {
        let mut child = command.spawn().unwrap();
        // A command that does not read it may have ended already.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let done = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { status: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

// ---- what the institution and the operator see ------------------------------------------------------------------

impl Town {
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&log().lock().unwrap()).into_owned()
    }
    /// All that rests in the store: SQLite's files, or every text and every byte of PostgreSQL's tables.
    pub(crate) async fn store_bytes(&self) -> Vec<u8> {
        let all = match self.engine {
            Engine::Sqlite => self.files(),
            Engine::Postgres => self.values().await,
        };
        assert!(!all.is_empty(), "whoever looks for nothing finds nothing");
        all
    }
    fn files(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.dir.path().join("data")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("renkei.db") {
                all.extend(std::fs::read(path).unwrap());
            }
        }
        all
    }
    async fn values(&self) -> Vec<u8> {
        let tables = "select table_name::text from information_schema.tables where table_schema = 'public' limit 200";
        let mut all = Vec::new();
        for table in self.rows(tables).await {
            let sql: &'static str = Box::leak(format!("select * from {}", table[0]).into_boxed_str());
            for row in self.running.app.store.read(move |tx| tx.rows(sql, &[])).await.unwrap() {
                // No table has so many columns; one that is not there is neither text nor bytes.
                for column in 0..50 {
                    all.extend_from_slice(
                        row.text(column).map(str::as_bytes).or_else(|_| row.bytes(column)).unwrap_or(b""),
                    );
                    all.push(b'\n');
                }
            }
        }
        all
    }
    /// The names of all events, in their order.
    pub(crate) async fn events(&self) -> Vec<String> {
        let rows = self.rows("select kind from events order by at, id limit 1000").await;
        rows.into_iter().map(|r| r[0].clone()).collect()
    }
    /// How often the audit record says this.
    pub(crate) async fn recorded(&self, action: &str) -> usize {
        let rows = self.rows("select action from audit order by at limit 10000").await;
        rows.iter().filter(|r| r[0] == action).count()
    }
    pub(crate) async fn expect_events(&self, wanted: &[&str]) {
        let events = self.events().await;
        for kind in wanted {
            assert!(events.iter().any(|e| e == kind), "no {kind} among {events:?}");
        }
    }
    pub(crate) async fn register(&self, document: Value) {
        let config = &self.running.app.config;
        let rules = client::metadata::Rules {
            loopback_http: true,
            scopes: None,
            grant_lifetime: config.tokens.grant_lifetime.get(),
            detail_types: None,
            methods: config.auth_methods(),
            signing: None,
            weak_secrets: true,
        };
        let (random, key) = (&*self.running.app.random, self.secret_key());
        let made = client::prepare(&document, &rules, false, key, random, self.now());
        let made = made.unwrap_or_else(|e| panic!("{e:?}"));
        let (made, now) = (Arc::new(made.client), self.now());
        let staff = Actor::Staff("the tests".into());
        self.write(move |tx| client::sql::register(tx, &made, &staff, now)).await;
    }
    /// The key under which the server keeps client secrets.
    pub(crate) fn secret_key(&self) -> &client::SecretKey {
        self.running.app.authenticator.secret_key()
    }
    fn crypto(&self) -> FieldCrypto {
        FieldCrypto { sealer: self.running.app.sealer.clone(), random: self.running.app.random.clone() }
    }
    /// The program, as staff runs it on the server's machine.
    pub(crate) async fn staff(&self, args: &[&str]) -> Said {
        self.staff_reading(args, "").await
    }
    /// The same, with something on standard input.
    pub(crate) async fn staff_reading(&self, args: &[&str], input: &str) -> Said {
        let file = self.dir.path().join("renkei.toml");
        std::fs::write(&file, toml::to_string(&self.running.app.config).unwrap()).unwrap();
        renkei_reading(&file, args, input).await
    }
    /// What each client has had stored, and what it was refused.
    pub(crate) fn limits(&self) -> &renkei_server::web::limits::LimitCounters {
        &self.running.app.limits
    }
    /// The folder with the admin socket.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        &self.running.app.config.server.data_dir
    }
    /// The server's own state.
    pub(crate) fn app(&self) -> &renkei_server::web::App {
        &self.running.app
    }
    /// What the job that rotates keys does.
    pub(crate) async fn tend_keys(&self) {
        let app = &self.running.app;
        let (policy, now) = (app.config.keys.policy(), self.now());
        app.keys.tend(&app.store, &app.sealer, &*app.random, policy, now).await.unwrap();
    }
    /// A second server of the same installation: same store, same keys, same clock, a data folder of its own.
    pub(crate) async fn second_node(&self) -> Node {
        self.second_node_with(|_| {}).await
    }
    /// The same under a changed configuration.
    pub(crate) async fn second_node_with(&self, change: impl FnOnce(&mut Config)) -> Node {
        let dir = tempfile::tempdir().unwrap();
        let mut config = self.running.app.config.clone();
        change(&mut config);
        config.server.data_dir = dir.path().join("data");
        let parts = Parts {
            clock: self.clock.clone(),
            random: Arc::new(SeededRandom::new(seed())),
            bank: Some(self.bank.clone()),
            sample_bank: None,
            texts: None,
        };
        let running = start(config, parts).await.unwrap();
        Node { http: Http::new(running.addresses[0], ISSUER), running, _dir: dir }
    }
    /// The accounts that are locked now.
    pub(crate) async fn locks(&self) -> Vec<String> {
        let (crypto, now) = (self.crypto(), self.now());
        let listed = self.running.app.store.read(move |tx| lockout::list(tx, &crypto, now, 100)).await.unwrap();
        listed.into_iter().filter(|l| l.locked).map(|l| l.account.to_string()).collect()
    }
    /// What `renkei lock release` does.
    pub(crate) async fn release_lock(&self, account: &str) {
        let (crypto, now) = (self.crypto(), self.now());
        let account = Account::parse(account).unwrap();
        let staff = Actor::Staff("tanaka".into());
        let released = move |tx: &mut Tx<'_, '_>| {
            lockout::release(tx, &crypto, &account, staff.clone(), "identity checked at the counter", now)
        };
        assert!(self.write(released).await, "it was locked");
    }
    /// A wrong answer about an account, which the core bank is not asked for.
    pub(crate) async fn guess_wrong(&self, account: &str) {
        let (crypto, policy) = (self.crypto(), self.running.app.identity.policy().clone());
        let (account, now) = (Account::parse(account).unwrap(), self.now());
        let id = renkei_core::id::GuessId::random(&*crypto.random);
        self.write(move |tx| {
            let client = ClientId::parse("creco").unwrap();
            let guess = (&account, lockout::Guess::Customer, &id);
            match lockout::reserve(tx, &crypto, &policy, guess, now)? {
                lockout::Reserved::Proceed(reserved) => {
                    lockout::fail(tx, &crypto, &policy, &reserved, Some(&client), now)
                }
                other => panic!("{other:?}"),
            }
        })
        .await;
    }
    /// What `renkei grant revoke` does.
    pub(crate) async fn revoke_by_staff(&self, grant: &str) {
        let (id, now) = (GrantId::parse(grant).unwrap(), self.now());
        let staff = Actor::Staff("tanaka".into());
        let reason = Reason::Institution { note: "the customer asked by telephone".into() };
        self.write(move |tx| grant::end(tx, &id, &reason, staff.clone(), now)).await;
    }
    /// What the institution does with an app it no longer trusts.
    pub(crate) async fn suspend_by_staff(&self, client: &str) {
        let (id, now) = (ClientId::parse(client).unwrap(), self.now());
        let (staff, event) = (Actor::Staff("tanaka".into()), EventId::random(&*self.running.app.random));
        let suspended = client::Status::Suspended;
        self.write(move |tx| client::sql::set_status(tx, &id, suspended, &staff, &event, now)).await;
    }
    /// And when it trusts it again.
    pub(crate) async fn resume_by_staff(&self, client: &str) {
        let (id, now) = (ClientId::parse(client).unwrap(), self.now());
        let (staff, event) = (Actor::Staff("tanaka".into()), EventId::random(&*self.running.app.random));
        let active = client::Status::Active;
        self.write(move |tx| client::sql::set_status(tx, &id, active, &staff, &event, now)).await;
    }
    /// What the sweeper does.
    pub(crate) async fn sweep(&self) {
        let now = self.now();
        self.write(move |tx| expire(tx, now, &WARN_BEFORE, 500)).await;
    }
    /// What the job that writes last uses does. Returns how many rows it wrote.
    pub(crate) async fn write_uses(&self) -> u64 {
        self.running.app.uses.flush(&self.running.app.store).await.unwrap()
    }
    /// Housekeeping of streams.
    pub(crate) async fn tidy_streams(&self) {
        let (now, hold) = (self.now(), self.running.app.config.events.hold.get());
        self.write(move |tx| renkei_core::stream::manage::sweep(tx, now, hold, 500)).await;
    }
    /// What the job that tidies does, until there is nothing left to do.
    pub(crate) async fn tidy(&self) {
        self.world().tidy().await;
        while self.running.app.identity.sweep(self.now(), 500).await.unwrap() > 0 {}
    }
    /// The service of the five checks.
    pub(crate) fn service(&self) -> &renkei_core::identity::IdentityService {
        &self.running.app.identity
    }
    /// How many bytes the store takes: SQLite's file with its journal, or PostgreSQL's tables with their indexes.
    pub(crate) async fn store_size(&self) -> u64 {
        if self.engine == Engine::Postgres {
            let sizes = "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c \
                         join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname = 'public'";
            return self.count(sizes).await.unsigned_abs();
        }
        let files = std::fs::read_dir(self.data_dir()).unwrap().map(Result::unwrap);
        let ours = files.filter(|f| f.file_name().to_str().unwrap().starts_with("renkei.db"));
        ours.map(|f| f.metadata().unwrap().len()).sum()
    }
    /// Waits until the job that sends notices has tried each.
    pub(crate) async fn until_mail_is_settled(&self) {
        let until = std::time::Instant::now() + Duration::from_secs(20);
        let untried =
            "select id from notices where state = 'waiting' and (attempts = 0 or taken_until is not null) limit 1";
        while !self.rows(untried).await.is_empty() {
            assert!(std::time::Instant::now() < until, "a notice is never tried");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    /// The notices sent, once the job that sends them has nothing left to do.
    pub(crate) async fn mail(&self) -> Vec<Mail> {
        self.until_mail_is_settled().await;
        let mut mail = Vec::new();
        for entry in std::fs::read_dir(self.dir.path().join("data/mail")).into_iter().flatten() {
            let raw = std::fs::read(entry.unwrap().path()).unwrap();
            let read = mail_parser::MessageParser::default().parse(&raw).unwrap();
            let to = read.to().and_then(|a| a.first()).and_then(|a| a.address()).unwrap().to_owned();
            let text = read.body_text(0).unwrap().into_owned();
            mail.push(Mail { to, subject: read.subject().unwrap().to_owned(), text });
        }
        mail
    }
    /// All that a request can have written, row by row.
    pub(crate) async fn written(&self) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "select * from requests order by id",
            "select * from interactions order by id",
            "select * from call_leases order by 1, 2",
            "select * from call_waits order by 1, 2",
            "select * from alarms order by 1, 2",
            "select * from proofings order by 1",
            "select * from lockouts order by 1",
            "select * from guesses order by id",
            "select * from tallies order by 1",
            "select * from client_replays order by 1",
            "select * from consents order by id",
            "select * from grants order by id",
            "select * from codes order by 1",
            "select * from events order by id",
            "select * from audit order by 1, 2",
        ] {
            let rows = self.running.app.store.read(move |tx| tx.rows(sql, &[])).await.unwrap();
            all.extend(rows.iter().map(|row| format!("{sql}: {row:?}")));
        }
        all
    }
    /// What must always hold.
    pub(crate) async fn verify(&self) {
        let report = renkei_core::verify::verify(&self.running.app.store).await.unwrap();
        assert!(report.is_whole(), "{:#?} {:#?}", report.findings, report.audit.breaks);
    }
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> StoreResult<T> + Send + 'static,
    ) -> T {
        self.running.app.store.write(work).await.unwrap()
    }
    /// The one number that a statement finds.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.running.app.store.read(move |tx| tx.row(sql, &[])?.unwrap().int(0)).await.unwrap()
    }
    /// The one text that a statement finds.
    pub(crate) async fn text(&self, sql: &'static str) -> String {
        self.rows(sql).await[0][0].clone()
    }
    async fn rows(&self, sql: &'static str) -> Vec<Vec<String>> {
        let rows = self.running.app.store.read(move |tx| tx.rows(sql, &[])).await.unwrap();
        rows.iter().map(|r| (0..1).map(|i| r.text(i).unwrap().to_owned()).collect()).collect()
    }
}
