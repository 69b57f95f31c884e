//! `renkei config check` and `config show`: every mistake at once with its line and key, and where each value came from.

use crate::serve::{RENKEI, text as said_in};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use renkei_core::clock::{Clock as _, SystemClock};
use renkei_server::cli::config::mistakes;
use renkei_server::config;
use renkei_server::process::StartSampleBank;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A configuration that is fit for production, with all its files.
const GOOD: &str = r##"
[server]
issuer = "https://link.minato.example"
listen = ["0.0.0.0:8443"]
tls_cert_file = "cert.pem"
tls_key_file = "key.pem"
mtls_listen = ["127.0.0.1:9443"]
mtls_base_url = "https://mtls.minato.example"
mtls_ca_file = "cert.pem"
data_dir = "data"
master_key_file = "master.key"
[admin]
listen = ["127.0.0.1:9464"]
[traces]
[store]
url = "sqlite:renkei.db"
[institution]
name = "みなと信用組合"
name_en = "Minato Credit Union"
kind = "shinkumi"
terms_url = "https://www.minato.example/terms"
terms_version = "2026-04-01"
terms_file = "terms.txt"
faq_url = "https://www.minato.example/faq"
phone = "0120-000-000"
copyright = "Copyright © 2026 みなと信用組合 All Rights Reserved."
[hours]
[identity]
[telephony]
called_numbers = ["08001110001", "08001110002", "08001110003"]
hook_secret_files = ["hook.secret"]
[limits]
[mail]
kind = "smtp"
from = "notice@minato.example"
host = "mail.minato.example"
[bank]
kind = "http"
url = "https://core.minato.example/api"
event_secret_files = ["event.secret"]
[outbound]
[tokens]
[events]
[keys]
[registration]
"##;

const NAMES: [&str; 2] = ["link.minato.example", "mtls.minato.example"];

/// How a good configuration is broken.
enum Break {
    /// The key has this value.
    Value(&'static str),
    /// The key is not there.
    Gone,
    /// The file of the key holds this.
    Holds(&'static str, String),
    /// The certificate is for these names, and otherwise as said.
    Cert(&'static [&'static str], fn(&mut CertificateParams)),
    /// The file of the key is not there.
    NoFile(&'static str),
    /// Others may read the file of the key.
    Open(&'static str),
}
use Break::{Cert, Gone, Holds, NoFile, Open, Value};

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
    std::fs::set_permissions(dir.join(name), Permissions::from_mode(0o600)).unwrap();
}
/// A certificate for this key, as PEM.
fn certificate(names: &[&str], change: &dyn Fn(&mut CertificateParams), key: &KeyPair) -> String {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    change(&mut params);
    params.self_signed(key).unwrap().pem()
}
fn good_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let (cert, key) = (certificate(&NAMES, &|_| {}, &key), key.serialize_pem());
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    for (name, holds) in [
        ("renkei.toml", GOOD),
        ("cert.pem", &cert),
        ("key.pem", &key),
        ("master.key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        ("hook.secret", "ee1Zzi6i6QDL0LqSxNqb-X8-i1zPvzPs"),
        ("event.secret", "c0ffee00112233445566778899aabbcd"),
        ("terms.txt", "利用規定"),
        ("logo.svg", svg),
    ] {
        write(dir.path(), name, holds);
    }
    dir
}
/// The text with this line in the section in the place of the key's own.
fn with(key: &str, line: Option<&str>) -> String {
    let (section, name) = key.split_once('.').unwrap();
    let mut inside = false;
    let mut out = Vec::new();
    for old in GOOD.lines() {
        if old.starts_with('[') {
            inside = old == format!("[{section}]");
            out.push(old.to_owned());
            out.extend(line.filter(|_| inside).map(str::to_owned));
        } else if !(inside && old.starts_with(&format!("{name} = "))) {
            out.push(old.to_owned());
        }
    }
    out.join("\n")
}
/// The line of the key, from 1; of its section where the key is not in the text.
fn line_of(text: &str, key: &str) -> usize {
    let (section, name) = key.split_once('.').unwrap();
    let header = text.lines().position(|line| line == format!("[{section}]")).unwrap();
    let keys = text.lines().skip(header + 1).take_while(|line| !line.starts_with('['));
    keys.enumerate().find(|(_, line)| line.starts_with(&format!("{name} = "))).map_or(header, |(i, _)| header + 1 + i)
        + 1
}
/// Every mistake, without the folder's name.
fn found(dir: &Path, environment: &[(&str, &str)]) -> Vec<String> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let read = config::read(&dir.join("renkei.toml"), environment);
    let sample: StartSampleBank = |_, _, _| Err(std::io::Error::other("never started"));
    let found = mistakes(read, true, Some(sample), SystemClock.now());
    found.into_iter().map(|mistake| mistake.to_string().replace(&format!("{}/", dir.display()), "")).collect()
}

#[test]
fn every_broken_configuration_is_named_with_line_and_key() {
    let dir = good_folder();
    assert_eq!(found(dir.path(), &[]), [""; 0]);
    let long: &'static str = Box::leak(format!("\"{}\"", "d".repeat(120)).into_boxed_str());
    let other_key = KeyPair::generate().unwrap().serialize_pem();
    let rows = vec![
        ("server.issuer", Value("\"https://link.minato.example/\""), "must be https://HOST"),
        ("server.issuer", Value("\"http://link.minato.example\""), "must be https in production"),
        ("server.issuer", Gone, "is missing"),
        ("server.mode", Value("\"demo\""), "unknown variant `demo`"),
        ("server.listen", Value("[]"), "must have at least one address"),
        ("server.listen", Value("[\"localhost\"]"), "invalid socket address"),
        ("server.listen", Value("[\"0.0.0.0:8443\", \"127.0.0.1:8443\"]"), "127.0.0.1:8443: another listener"),
        (
            "server.mtls_listen",
            Value("[\"127.0.0.1:8443\"]"),
            "another listener of this server has this port, on 0.0.0.0:8443",
        ),
        ("admin.listen", Value("[\"127.0.0.1:9443\"]"), "another listener"),
        ("traces.endpoint", Value("\"http://collector.minato.example:4318/v1/traces\""), "or http to this machine"),
        ("traces.endpoint", Value("\"http://collector.test/v1/traces\""), "or http to this machine"),
        ("traces.endpoint", Value("\"https://collector.minato.example\""), "an https URL with its path"),
        ("traces.sample", Value("0.0"), "must be more than 0"),
        ("traces.follow", Value("[\"0.0.0.0/0\"]"), "is every address"),
        ("server.mtls_base_url", Value("\"https://mtls.minato.example/x\""), "must be https://HOST"),
        ("server.mtls_base_url", Gone, "is missing"),
        ("server.mtls_crl_file", Value("\"crl.pem\""), "crl.pem"),
        ("server.mtls_ca_file", Value("\"terms.txt\""), "terms.txt"),
        ("server.log", Value("\"loud\""), "must be error, warn, info or debug"),
        ("server.log_format", Value("\"xml\""), "unknown variant `xml`"),
        ("server.drain", Value("\"6m\""), "must be at most 5m"),
        ("server.shutdown_grace", Value("\"0s\""), "must be 1s to 5m"),
        ("server.connections", Value("10"), "must be 64 to 100000"),
        ("server.workers", Value("5000"), "must be 0 to 1024"),
        ("server.workers", Value("\"many\""), "invalid type"),
        ("server.trusted_proxies", Value("[\"0.0.0.0/0\"]"), "\"0.0.0.0/0\" is every address"),
        ("server.trusted_proxies", Value("[\"balancer\"]"), "\"balancer\" is not an address"),
        ("server.client_cert_header", Value("true"), "needs trusted_proxies"),
        ("server.data_dir", Value(long), "a Unix socket's path has 107 at most"),
        ("server.data_dir", Value("\"terms.txt\""), "is no folder"),
        ("server.master_key_file", NoFile("master.key"), "No such file"),
        ("server.master_key_file", Open("master.key"), "others may read it"),
        ("server.master_key_file", Holds("master.key", "c2hvcnQ".into()), "wanted 32 bytes"),
        ("server.master_key_file", Holds("master.key", "07".repeat(32)), "less than 128 bits"),
        ("server.tls_cert_file", Cert(&NAMES, |params| params.not_after = date_time_ymd(2020, 1, 1)), "ended at 2020"),
        (
            "server.tls_cert_file",
            Cert(&NAMES, |params| params.not_before = date_time_ymd(2999, 1, 1)),
            "valid only from 2999",
        ),
        ("server.tls_cert_file", Cert(&["other.example"], |_| {}), "is not for link.minato.example"),
        ("server.tls_cert_file", Cert(&["link.minato.example"], |_| {}), "is not for mtls.minato.example"),
        ("server.tls_key_file", Holds("key.pem", other_key), "is not the key of"),
        ("server.tls_key_file", Holds("key.pem", "junk".into()), "key.pem"),
        ("server.tls_key_file", Open("key.pem"), "others may read it"),
        ("store.url", Value("\"mysql://db/renkei\""), "a store is sqlite:FILE or postgres://"),
        ("store.url", Value("\"renkei.db\""), "a store is sqlite:FILE or postgres://"),
        ("store.url", Value("\"postgres://db/renkei?sslmode=prefer\""), "sslmode is disable, require or verify-full"),
        (
            "store.url",
            Value("\"postgres://renkei:hunter22@db.example/renkei?sslmode=disable\""),
            "in clear to another machine",
        ),
        (
            "store.url",
            Value("\"postgres://renkei:hunter22@localhost/renkei?hostaddr=192.0.2.1&sslmode=disable\""),
            "in clear",
        ),
        ("store.url_file", Value("\"store.url\""), "No such file"),
        ("store.url_file", Value("\"hook.secret\""), "a store is sqlite:FILE or postgres://"),
        ("store.connections", Value("0"), "must be 1 to 256"),
        ("store.time_limit", Value("\"1m\""), "must be 100ms to 10s"),
        ("institution.name", Gone, "is missing"),
        ("institution.name", Value("\"\""), "must not be empty"),
        ("institution.kind", Value("\"guild\""), "unknown variant `guild`"),
        ("institution.color", Value("\"blue\""), "must be #rrggbb"),
        ("institution.color", Value("\"#ffff00\""), "has a contrast of 1.07:1 against white; wanted is 3:1"),
        ("institution.terms_url", Value("\"http://www.minato.example/terms\""), "must be an https URL"),
        ("institution.phone", Value("\"12\""), "is not a Japanese telephone number"),
        ("institution.stop_contact", Value("\"12\""), "is not a Japanese telephone number"),
        ("institution.terms_file", Gone, "must name the file"),
        ("institution.terms_file", NoFile("terms.txt"), "No such file"),
        ("institution.terms_file", Holds("terms.txt", "\n".into()), "is empty"),
        ("institution.logo_file", Value("\"logo.svg\""), "logo.svg:1: "),
        ("institution.networks", Value("[\"10.0.0.0/33\"]"), "\"10.0.0.0/33\" is not an address"),
        ("hours.closed", Value("[\"dayly 00:00-00:02\"]"), "not a closed window"),
        ("hours.always_open", Value("true"), "is refused in production"),
        ("identity.session", Value("\"2h\""), "must be 1m to 55m"),
        ("identity.idle", Value("\"10s\""), "must be 1m or more"),
        ("identity.failures_per_day", Value("0"), "must be 1 to 10"),
        ("identity.concurrent", Value("0"), "must be 1 to 1000000"),
        ("identity.proofing_memory", Value("\"1h\""), "must be at most 15m"),
        (
            "telephony.called_numbers",
            Value("[\"08001110001\", \"0800-111-0001\", \"08001110003\"]"),
            "the same number twice",
        ),
        ("telephony.called_numbers", Value("[\"08001110001\"]"), "must have 3 to 100 numbers"),
        (
            "telephony.called_numbers",
            Value("[\"08001110001\", \"08001110002\", \"one\"]"),
            "not a Japanese telephone number",
        ),
        ("telephony.hook_secret_files", Holds("hook.secret", "secret".into()), "less than 128 bits"),
        ("telephony.hook_secret_files", Holds("hook.secret", String::new()), "is empty"),
        ("telephony.hook_secret_files", Value("[]"), "must have one file"),
        ("telephony.hook_networks", Value("[\"::/0\"]"), "\"::/0\" is every address"),
        ("telephony.call_window", Value("\"1s\""), "must be 30s to 10m"),
        ("telephony.call_window", Value("\"soon\""), "not a duration such as 90s"),
        ("telephony.confirm_window", Value("\"1m\""), "not shorter than call_window"),
        ("telephony.call_attempts", Value("4"), "must be 1 to 3"),
        ("telephony.auto_call", Value("true"), "only with server.mode test"),
        ("telephony.rest", Value("\"5s\""), "must be 10s or more in production"),
        ("limits.by_network", Value("false"), "must be true in production"),
        ("limits.starts", Value("0"), "must be 1 to 1000000"),
        ("limits.answers_burst", Value("0"), "must be 1 to 100000"),
        ("limits.alarm_locks", Value("0"), "must be 1 to 1000000"),
        ("mail.kind", Value("\"file\""), "file is refused in production"),
        ("mail.from", Value("\"nobody\""), "must be a mail address"),
        ("mail.tls", Value("\"none\""), "only for a relay on loopback"),
        ("mail.username", Value("\"renkei\""), "must be set together with password_file"),
        ("mail.ca_file", Value("\"terms.txt\""), "certificate"),
        ("mail.port", Value("0"), "must be 1 to 65535"),
        ("mail.keep_address", Value("\"1h\""), "must be 1d to 366d"),
        ("bank.kind", Value("\"sample\""), "sample is refused in production"),
        ("bank.url", Value("\"http://core.minato.example/api\""), "must be https in production"),
        ("bank.url", Gone, "is missing"),
        ("bank.timeout", Value("\"2m\""), "must be 100ms to 60s"),
        ("bank.token_file", Value("\"bank.token\""), "No such file"),
        ("bank.event_networks", Value("[\"0.0.0.0/0\"]"), "is every address"),
        ("bank.event_secret_files", Holds("event.secret", "0".repeat(64)), "less than 128 bits"),
        ("bank.speed", Value("1"), "unknown field `speed`"),
        ("outbound.ca_file", Value("\"terms.txt\""), "holds no certificate"),
        ("outbound.timeout", Value("\"11s\""), "must be 100ms to 10s"),
        ("tokens.keep_consents", Value("\"365d\""), "must be 1095d (three years) to 36500d"),
        ("tokens.grant_lifetime", Value("\"36h\""), "must be a whole number of days"),
        ("tokens.code_lifetime", Value("\"2m\""), "must be 1s to 60s"),
        ("tokens.client_scopes", Value("\"accounts\""), "only a customer can grant"),
        ("tokens.default_audience", Value("\"\""), "must be one word"),
        ("events.warn_before", Value("[\"1m\"]"), "each 1h or more"),
        ("events.hold", Value("\"1h\""), "must be 1d to 3650d"),
        ("keys.algorithms", Value("[\"ES256\"]"), "must name RS256"),
        ("keys.rotate_every", Value("\"1h\""), "must be longer than publish_before"),
        ("registration.pending_most", Value("0"), "must be 1 to 10000"),
    ];
    assert!(rows.len() >= 60);
    for (key, broken, want) in rows {
        let dir = good_folder();
        let mut text = GOOD.to_owned();
        match &broken {
            Value(value) => text = with(key, Some(&format!("{} = {value}", key.split_once('.').unwrap().1))),
            Gone => text = with(key, None),
            Holds(file, holds) => write(dir.path(), file, holds),
            Cert(names, change) => {
                let key = std::fs::read_to_string(dir.path().join("key.pem")).unwrap();
                write(dir.path(), "cert.pem", &certificate(names, change, &KeyPair::from_pem(&key).unwrap()));
            }
            NoFile(file) => std::fs::remove_file(dir.path().join(file)).unwrap(),
            Open(file) => std::fs::set_permissions(dir.path().join(file), Permissions::from_mode(0o644)).unwrap(),
        }
        write(dir.path(), "renkei.toml", &text);
        let said = found(dir.path(), &[]);
        let place = format!("renkei.toml:{}: {key}: ", line_of(&text, key));
        assert!(said.iter().any(|line| line.starts_with(&place) && line.contains(want)), "{key} {want}: {said:#?}");
        assert_eq!(said.len(), 1, "{key} {want}: {said:#?}");
        assert!(!said[0].contains("hunter22"), "{said:?}");
    }
}

fn renkei(dir: &Path, args: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(RENKEI)
        .args(args)
        .arg("--config")
        .arg(dir.join("renkei.toml"))
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// One run says everything, whoever of file, environment and files is wrong.
#[test]
fn all_mistakes_are_said_at_once() {
    let dir = good_folder();
    let text = GOOD
        .replace("kind = \"shinkumi\"", "kind = \"guild\"")
        .replace("[limits]", "[limits]\nstarts = 0\nalarm = 3")
        .replace("[outbound]", "[outbound]\ntimeout = \"soon\"")
        .replace("phone = \"0120-000-000\"\n", "")
        .replace("[tokens]", "[colours]\nred = 1\n[tokens]\nkeep_consents = \"1d\"");
    write(dir.path(), "renkei.toml", &text);
    write(dir.path(), "hook.secret", "secret");
    std::fs::remove_file(dir.path().join("key.pem")).unwrap();
    let environment = [("RENKEI__MAIL__PORT", "0"), ("RENKEI__EVENTS__HOLD", "long"), ("RENKEI__X", "1")];
    let said = renkei(dir.path(), &["config", "check"], &environment);
    assert_eq!((said.status.code(), said_in(&said.stdout)), (Some(1), String::new()));
    let said = said_in(&said.stderr);
    for want in [
        ": institution.kind: unknown variant",
        ": institution.phone: is missing",
        ": limits.starts: must be 1 to 1000000",
        ": limits.alarm: unknown field",
        ": outbound.timeout: not a duration",
        ": colours: unknown field `colours`",
        ": tokens.keep_consents: must be 1095d",
        ": telephony.hook_secret_files: ",
        ": server.tls_key_file: ",
        "RENKEI__MAIL__PORT: must be 1 to 65535",
        "RENKEI__EVENTS__HOLD: not a duration",
        "RENKEI__X: must be RENKEI__SECTION__KEY",
    ] {
        assert_eq!(said.matches(want).count(), 1, "{want:?} in {said}");
    }
    assert_eq!(said.lines().count(), 12, "{said}");
    // A start says the same, except what cannot be right and starts all the same.
    let start = renkei(dir.path(), &["serve"], &environment);
    assert_eq!(start.status.code(), Some(1));
    assert!(said_in(&start.stderr).contains("limits.starts: must be") && said_in(&start.stderr).contains("RENKEI__X"));
    write(dir.path(), "renkei.toml", "[server\nissuer = \nkind = ]\n");
    let said = said_in(&renkei(dir.path(), &["config", "check"], &[]).stderr);
    assert!(said.lines().count() > 1 && said.contains("renkei.toml:1: "), "{said}");
}

#[test]
fn every_value_is_shown_with_where_it_came_from() {
    let dir = good_folder();
    let text = with("store.url", Some("url = \"postgres://renkei:hunter22@localhost/renkei\""));
    write(dir.path(), "renkei.toml", &text);
    let environment = [("RENKEI__LIMITS__STARTS", "7")];
    let said = renkei(dir.path(), &["config", "show"], &environment);
    let shown = said_in(&said.stdout);
    let file = dir.path().join("renkei.toml").display().to_string();
    for line in [
        format!("issuer = \"https://link.minato.example\"  # {file}:3"),
        format!("url = \"postgres://renkei:***@localhost/renkei\"  # {file}:{}", line_of(&text, "store.url")),
        "starts = 7  # RENKEI__LIMITS__STARTS".to_owned(),
        "call_window = \"2m\"  # default".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    assert!(!shown.contains("hunter22"));
    let values = shown.lines().filter(|line| line.contains(" = ")).count();
    assert!(values > 90 && shown.lines().filter(|line| line.contains("  # ")).count() == values, "{values}");
    let json = renkei(dir.path(), &["--json", "config", "show", "--origins"], &environment);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["limits.starts"], "RENKEI__LIMITS__STARTS");
    assert_eq!(json["server.issuer"], format!("{file}:3"));
    assert_eq!(json["identity.idle"], "default");
}
