//! The program itself over the store that a town leaves behind, so that it can be killed and started again.

use super::http::{Answer, Http, RequestParts};
use super::pg;
use super::small_disk::SmallDisk;
use super::town::{BANK_SECRET, ISSUER, Said, Town, said};
use renkei_core::clock::{Clock, Instant, SystemClock};
use renkei_core::grant::code::CodeBinding;
use renkei_core::id::ClientId;
use renkei_core::store::{Options, Store};
use renkei_server::config::Config;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// What a town leaves behind.
pub(crate) struct Left {
    file: PathBuf,
    pub config: Config,
    port: u16,
    /// What the program is started through.
    enter: Vec<String>,
    _dir: Arc<tempfile::TempDir>,
    _database: Option<Arc<pg::Database>>,
}

impl Left {
    /// Of a town that has been stopped.
    pub(crate) fn new(config: Config, dir: tempfile::TempDir, database: Option<pg::Database>) -> Self {
        Self::at("left.toml", config, Arc::new(dir), database.map(Arc::new))
    }
    fn at(file: &str, mut config: Config, dir: Arc<tempfile::TempDir>, database: Option<Arc<pg::Database>>) -> Self {
        let port = super::ports::free(1);
        config.server.listen = vec![([127, 0, 0, 1], port).into()];
        let file = dir.path().join(file);
        std::fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
        Self { file, config, port, enter: Vec::new(), _dir: dir, _database: database }
    }
    /// Another server of the same installation: a port and a data directory of its own, the same PostgreSQL.
    pub(crate) fn second(&self) -> Self {
        assert!(self._database.is_some(), "one process has a SQLite file");
        let mut config = self.config.clone();
        config.server.data_dir = self._dir.path().join("second");
        Self::at("second.toml", config, self._dir.clone(), self._database.clone())
    }
    /// While no program runs: the store itself.
    pub(crate) fn store(&self) -> Store {
        let database = self._database.as_ref().expect("a PostgreSQL");
        Store::open_with(&database.url(), &Options::default()).unwrap()
    }
    /// The same with its data on a small disk.
    pub(crate) fn moved_to(mut self, disk: &SmallDisk) -> Self {
        let copied = Command::new("cp").arg("-a").arg(&self.config.server.data_dir).arg(disk.path("data")).status();
        assert!(copied.unwrap().success());
        self.config.server.data_dir = disk.inside().join("data");
        self.rewrite();
        self.enter = disk.enter();
        self
    }
    /// Writes the configuration for the next start.
    pub(crate) fn rewrite(&self) {
        std::fs::write(&self.file, toml::to_string(&self.config).unwrap()).unwrap();
    }
    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_renkei");
        let mut words = self.enter.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command
    }
    /// Where the program listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
    /// The way to the program, whenever it runs.
    pub(crate) fn http(&self) -> Http {
        Http::new(([127, 0, 0, 1], self.port).into(), ISSUER)
    }
    /// Starts the program and waits until it is ready.
    pub(crate) fn start(&self) -> Served {
        let mut child = self
            .command()
            .args(["serve", "--config"])
            .arg(&self.file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        if !line.starts_with("ready") {
            let mut said = line;
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it does not start: {said}");
        }
        // Both pipes are read to their end, or the program would stop when one is full.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let mut log = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Served { child }
    }
    /// The program, as staff runs it.
    pub(crate) async fn staff(&self, args: &[&str]) -> Said {
        let mut command = self.command();
        command.args(args).arg("--config").arg(&self.file);
        said(command).await
    }
    /// While the program does not run: what is stored agrees with itself, and the record is whole.
    pub(crate) async fn is_whole(&self) {
        let report = self.staff(&["audit", "verify", "--json"]).await;
        assert_eq!(report.status, 0, "{report:?}");
    }
    /// The core bank closes an account.
    pub(crate) async fn bank_closes(&self, http: &Http, account: &str) -> Option<Answer> {
        let now = SystemClock.now();
        let report = json!({"v": 1, "event_id": account, "type": "closed", "account": account, "at": now.secs()});
        http.try_send("POST", "/hooks/bank/events", signed(&report, BANK_SECRET, now)).await
    }
}

/// The running program. It ends with its owner.
pub(crate) struct Served {
    child: Child,
}
impl Served {
    /// What SIGKILL does: it gets no chance to finish anything.
    pub(crate) fn kill(self) {}
    /// What SIGTERM does; its exit status.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::TERM).unwrap();
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended.code();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A report of the core bank, signed.
pub(crate) fn signed(report: &Value, secret: &str, now: Instant) -> RequestParts {
    let (body, timestamp) = (report.to_string(), now.secs().to_string());
    let tag = renkei_core::secret::hmac_sha256(secret.as_bytes(), format!("{timestamp}.{body}").as_bytes());
    RequestParts::default()
        .header("X-Hook-Timestamp", timestamp)
        .header("X-Hook-Signature", renkei_core::secret::base64url(tag))
        .json(body)
}

/// A link of an account of its own.
#[derive(Debug, Clone)]
pub(crate) struct ServedGrant {
    pub token: String,
    pub grant: String,
    pub account: String,
}

/// Links of `kakeibo`, each of another account, made without the screens.
pub(crate) async fn links(w: &Town, first: usize, count: usize) -> Vec<ServedGrant> {
    let world = w.world();
    let id = ClientId::parse("kakeibo").unwrap();
    let kakeibo = world.store.read(move |tx| renkei_core::client::sql::load(tx, &id)).await.unwrap().unwrap();
    let kakeibo = Arc::new(kakeibo);
    let mut made = Vec::new();
    for n in first..first + count {
        let account = format!("115-ordinary-{:07}", 3_000_000 + n);
        let binding = CodeBinding { nonce: None, ..super::world::World::binding() };
        let allowed = world.allow_with(&kakeibo, "accounts", &account, binding).await;
        let tokens = world.exchange(&kakeibo, &allowed.code).await.unwrap();
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        made.push(ServedGrant { token, grant: allowed.grant.to_string(), account });
    }
    made
}
