//! `config/renkei.service` as systemd itself reads it. tests/long/unit boots it.

use renkei_server::config::Config;
use std::process::Command;
use std::time::Duration;

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/renkei.service");

fn value(key: &str) -> Option<String> {
    let text = std::fs::read_to_string(UNIT).unwrap();
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
}

#[test]
fn a_stop_by_systemd_is_longer_than_drain_and_grace() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/production.example.toml");
    let config: Config = toml::from_str(&std::fs::read_to_string(example).unwrap()).unwrap();
    let stop = Duration::from_secs(value("TimeoutStopSec").unwrap().parse().unwrap());
    assert!(stop > config.server.drain_for() + config.server.shutdown_grace.get());
}

#[test]
fn the_unit_says_when_it_serves_and_can_be_reloaded() {
    assert_eq!(value("Type").as_deref(), Some("notify"));
    assert_eq!(value("ExecReload").as_deref(), Some("/bin/sh -c 'kill -HUP $MAINPID'"));
    // Secrets of mode 0600 have one owner, whom a reload finds again: no user that changes from start to start.
    assert_eq!((value("User").as_deref(), value("DynamicUser")), (Some("renkei"), None));
}

/// What systemd finds wrong with it, and how open it leaves the service (0 is closed, 10 open).
#[test]
fn systemd_reads_the_unit_and_finds_it_closed() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("renkei.service");
    // The program as it is here; systemd wants it to exist.
    let text = std::fs::read_to_string(UNIT).unwrap().replace("/usr/local/bin/renkei", env!("CARGO_BIN_EXE_renkei"));
    std::fs::write(&copy, text).unwrap();
    let read = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output().unwrap();
    let said = String::from_utf8_lossy(&read.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("renkei.service")).collect();
    assert!(ours.is_empty(), "{ours:?}");
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(&copy)
        .output()
        .unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}
