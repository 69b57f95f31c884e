//! The program itself: `renkei serve` with TLS, as an operator starts and stops it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) const RENKEI: &str = env!("CARGO_BIN_EXE_renkei");

/// A folder with everything `renkei serve` needs, and the port it will listen on.
pub(crate) struct ServeFolder {
    pub dir: tempfile::TempDir,
    /// What the environment changes of the configuration.
    pub env: Vec<(&'static str, String)>,
    port: u16,
    ca: String,
}

impl ServeFolder {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = crate::support::ports::free(1);
        let ca = certificate(dir.path());
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        };
        write("master.key", &"07".repeat(32));
        write("hook.secret", "hook-secret-of-this-test");
        let config = format!(
            r#"
[server]
issuer = "https://localhost:{port}"
mode = "test"
listen = ["127.0.0.1:{port}"]
tls_cert_file = "cert.pem"
tls_key_file = "key.pem"
master_key_file = "master.key"
[store]
url = "sqlite:renkei.db"
[institution]
name = "みなと信用組合"
name_en = "Minato Credit Union"
kind = "shinkumi"
terms_url = "https://www.minato.example/terms"
terms_version = "2026-04-01"
faq_url = "https://www.minato.example/faq"
phone = "0120-000-000"
copyright = "Copyright © 2026 みなと信用組合 All Rights Reserved."
[telephony]
called_numbers = ["08001110001", "08001110002", "08001110003"]
hook_secret_files = ["hook.secret"]
[mail]
kind = "file"
from = "notice@minato.example"
[bank]
kind = "sample"
"#
        );
        write("renkei.toml", &config);
        Self { dir, env: Vec::new(), port, ca }
    }
    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.dir.path().join("renkei.toml")
    }
    /// Starts the server and waits for its `ready` line.
    pub(crate) fn start(&self) -> Child {
        self.try_start().unwrap_or_else(|(_, said)| panic!("not ready: {said}"))
    }
    /// The same, or the exit status and what it said where it refused to start.
    pub(crate) fn try_start(&self) -> Result<Child, (Option<i32>, String)> {
        let mut child = Command::new(RENKEI)
            .args(["serve", "--config"])
            .arg(self.config())
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line.starts_with("ready http") {
            return Ok(child);
        }
        let mut said = line;
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        Err((child.wait().unwrap().code(), said))
    }
    pub(crate) fn client(&self) -> reqwest::Client {
        let ca = reqwest::Certificate::from_pem(self.ca.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([ca]).redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }
}

/// A new certificate in the folder, with its key.
pub(crate) fn certificate(dir: &Path) -> String {
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    write_certificate(dir, params)
}
/// The same, as the caller wants it.
pub(crate) fn write_certificate(dir: &Path, params: rcgen::CertificateParams) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    std::fs::write(dir.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::set_permissions(dir.join("key.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    cert.pem()
}

fn run(args: &[&str], path: Option<&Path>) -> Output {
    let mut command = Command::new(RENKEI);
    command.args(args);
    if let Some(path) = path {
        command.arg(path);
    }
    command.output().unwrap()
}
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
pub(crate) fn terminate(child: &Child) {
    signal(child, rustix::process::Signal::TERM);
}
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
}

/// After SIGHUP new connections get the new certificate; a file that is wrong changes nothing, and is named in the log.
#[tokio::test]
async fn a_renewed_certificate_is_served_after_sighup() {
    let mut test_store = ServeFolder::new();
    let mut child = test_store.start();
    let served =
        async |test_store: &ServeFolder| test_store.client().get(test_store.url("/healthz")).send().await.is_ok();
    let hang_up = async |test_store: &ServeFolder, until: bool| {
        signal(&child, rustix::process::Signal::HUP);
        for _ in 0..200 {
            if served(test_store).await == until {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        false
    };
    assert!(served(&test_store).await);
    let old = std::mem::replace(&mut test_store.ca, certificate(test_store.dir.path()));
    assert!(!served(&test_store).await, "nobody has said that there is another one");
    assert!(hang_up(&test_store, true).await, "the new one is served");
    std::fs::write(test_store.dir.path().join("key.pem"), "junk").unwrap();
    signal(&child, rustix::process::Signal::HUP);
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let said = log.find(|line| line.contains("not reloaded")).unwrap();
    assert!(said.contains("key.pem"), "{said}");
    assert!(served(&test_store).await, "what was in use stays");
    test_store.ca = old;
    assert!(!served(&test_store).await, "the first one is gone");
    terminate(&child);
    log.for_each(drop); // read to its end: a full pipe would hold the program
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn it_serves_over_tls_with_the_headers_of_a_bank_and_stops_when_told() {
    let test_store = ServeFolder::new();
    let mut child = test_store.start();
    let client = test_store.client();
    for path in ["/healthz", "/readyz"] {
        let answer = client.get(test_store.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        for (header, want) in [
            ("strict-transport-security", "max-age=63072000"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'"),
        ] {
            let got = answer.headers().get(header).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
            assert!(got.contains(want), "{path} {header}: {got:?}");
        }
    }
    // Plain http on the TLS port gets nowhere, and an unknown address tells nothing of us.
    assert!(reqwest::get(format!("http://localhost:{}/healthz", test_store.port)).await.is_err());
    let nowhere = client.get(test_store.url("/nowhere?code=rk_ac_secret")).send().await.unwrap();
    assert_eq!(nowhere.status(), 404);
    assert_eq!(nowhere.headers()["x-content-type-options"], "nosniff");
    assert_eq!(nowhere.text().await.unwrap(), "お探しのページはありません。\nThere is no page here.\n");

    // One process owns the store.
    let second = run(&["serve", "--config"], Some(&test_store.config()));
    assert_eq!(second.status.code(), Some(1));

    drop(client); // an idle connection would be waited for, and closes only while this thread is free
    terminate(&child);
    let (mut child, out) = tokio::task::spawn_blocking(move || {
        let out = child.wait().unwrap();
        (child, out)
    })
    .await
    .unwrap();
    assert_eq!(out.code(), Some(0));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("\"status\":404"), "the log tells what was served: {said}");
    assert!(!said.contains("rk_ac_secret"), "a query is never logged: {said}");
}

#[test]
fn what_is_wrong_is_said_with_exit_status_and_place() {
    let test_store = ServeFolder::new();
    let ok = run(&["config", "check", "--config"], Some(&test_store.config()));
    assert_eq!(ok.status.code(), Some(0), "{}", text(&ok.stderr));
    let shown = run(&["--json", "config", "show", "--config"], Some(&test_store.config()));
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["telephony"]["call_window"], "2m");

    let broken = std::fs::read_to_string(test_store.config()).unwrap().replace("kind = \"sample\"", "kind = \"paper\"");
    std::fs::write(test_store.config(), broken).unwrap();
    for args in [&["config", "check", "--config"][..], &["serve", "--config"]] {
        let said = run(args, Some(&test_store.config()));
        assert_eq!(said.status.code(), Some(1));
        assert!(
            text(&said.stderr).contains("renkei.toml:27: bank.kind: unknown variant `paper`"),
            "{}",
            text(&said.stderr)
        );
    }
    assert_eq!(run(&["serve"], None).status.code(), Some(2));
    assert_eq!(run(&["fly"], None).status.code(), Some(2));
    assert_eq!(run(&["--help"], None).status.code(), Some(0));
}

#[test]
fn a_check_finds_what_a_start_would_refuse() {
    let test_store = ServeFolder::new();
    let good = std::fs::read_to_string(test_store.config()).unwrap();
    let check = |more: &[&str]| {
        let mut args = vec!["config", "check"];
        args.extend(more);
        args.push("--config");
        let said = run(&args, Some(&test_store.config()));
        (said.status.code(), text(&said.stderr).to_owned())
    };
    for (from, to, want) in [
        (
            "[store]",
            "[hours]\nclosed = [\"dayly 00:00-00:02\"]\n[store]",
            "renkei.toml:10: hours.closed: not a closed window",
        ),
        (
            "[mail]",
            "hook_networks = [\"10.0.0.1/99\"]\n[mail]",
            "renkei.toml:23: telephony.hook_networks: \"10.0.0.1/99\" is not",
        ),
        (
            "master_key_file",
            "trusted_proxies = [\"10.0.0.0/8\", \"balancer\"]\nmaster_key_file",
            "renkei.toml:8: server.trusted_proxies: \"balancer\" is not an address, nor a network",
        ),
        (
            "master_key_file",
            "trusted_proxies = [\"10.0.0.0/33\"]\nmaster_key_file",
            "renkei.toml:8: server.trusted_proxies: \"10.0.0.0/33\" is not an address, nor a network",
        ),
        (
            "[telephony]",
            "networks = [\"core.example\"]\n[telephony]",
            "institution.networks: \"core.example\" is not an address, nor a network such as 10.1.0.0/16",
        ),
        ("listen = [", "log = \"loud\"\nlisten = [", "renkei.toml:5: server.log: must be error, warn"),
        ("mode = \"test\"", "mode = \"production\"", "renkei.toml:24: mail.kind: file is refused"),
    ] {
        let broken = good.replace(from, to);
        assert_ne!(broken, good);
        std::fs::write(test_store.config(), broken).unwrap();
        for more in [&[][..], &["--without-files"]] {
            let (code, said) = check(more);
            assert!(code == Some(1) && said.contains(want), "{said:?} does not say {want:?}");
        }
        let said = run(&["serve", "--config"], Some(&test_store.config()));
        // A start says it in the log's own format.
        let line: serde_json::Value = serde_json::from_str(text(&said.stderr).lines().last().unwrap()).unwrap();
        assert!(line["cause"].as_str().unwrap().contains(want), "{line} does not say {want:?}");
    }
    std::fs::write(test_store.config(), good).unwrap();
    assert_eq!(check(&[]), (Some(0), String::new()));

    let hook = test_store.dir.path().join("hook.secret");
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o604)).unwrap();
    let said = run(&["serve", "--config"], Some(&test_store.config()));
    assert_eq!(said.status.code(), Some(1), "a secret others may read is none");
    for change in ["others may read it", "No such file"] {
        let (code, said) = check(&[]);
        assert!(code == Some(1) && said.contains("hook.secret: ") && said.contains(change), "{said}");
        assert_eq!(check(&["--without-files"]).0, Some(0));
        let _ = std::fs::remove_file(&hook);
    }
}

/// A slim container has no certificates of authorities: what is missing and what to do is said in the log's own format, and by
/// `config check`; with the file that it names the server starts.
#[test]
fn a_machine_without_authorities_is_told_what_to_install() {
    let mut folder = ServeFolder::new();
    let (empty, none) = (folder.dir.path().join("empty.pem"), folder.dir.path().join("none"));
    std::fs::write(&empty, "").unwrap();
    std::fs::create_dir(&none).unwrap();
    folder.env.push(("SSL_CERT_FILE", empty.display().to_string()));
    folder.env.push(("SSL_CERT_DIR", none.display().to_string()));
    let set = |folder: &mut ServeFolder, key: &'static str, value: &str| folder.env.push((key, value.to_owned()));
    let refused = |folder: &ServeFolder, key: &str, remedy: &str| {
        let (code, said) = folder.try_start().map(|mut child| child.kill()).unwrap_err();
        let line: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        let cause = line["cause"].as_str().unwrap();
        for want in
            [key, "this machine has no certificates of authorities", "install the package ca-certificates", remedy]
        {
            assert!(cause.contains(want), "{cause} does not say {want:?}");
        }
        assert_eq!(
            (code, &line["level"], cause.contains("builder error")),
            (Some(1), &"ERROR".into(), false),
            "{line}"
        );
        let mut check = Command::new(RENKEI);
        check.args(["config", "check", "--config"]).arg(folder.config()).envs(folder.env.iter().cloned());
        (check.output().unwrap(), cause.to_owned())
    };
    let (checked, cause) = refused(&folder, "outbound.ca_file: is not set", "name a file with the authorities here");
    assert!(text(&checked.stderr).contains(&cause), "{}", text(&checked.stderr));

    // The next that needs one: the database, then the relay.
    std::fs::copy(folder.dir.path().join("cert.pem"), folder.dir.path().join("authority.pem")).unwrap();
    set(&mut folder, "RENKEI__OUTBOUND__CA_FILE", "authority.pem");
    set(&mut folder, "RENKEI__STORE__URL", "postgres://renkei@database.example.internal/renkei?sslmode=verify-full");
    refused(&folder, "", "sslrootcert=FILE");
    folder.env.pop();
    set(&mut folder, "RENKEI__MAIL__KIND", "smtp");
    set(&mut folder, "RENKEI__MAIL__HOST", "relay.example.internal");
    let (checked, cause) = refused(&folder, "mail.ca_file: is not set", "name a file with the authorities here");
    assert!(text(&checked.stderr).contains(&cause), "{}", text(&checked.stderr));

    set(&mut folder, "RENKEI__MAIL__CA_FILE", "authority.pem");
    let mut child = folder.start();
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
