//! `renkei demo` as a newcomer starts it: the program itself, on four free ports.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What a command says about the demo in this folder, in JSON.
pub(crate) fn json_of(data: &Path, args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_renkei"))
        .arg("--json")
        .args(args)
        .args(["--data", data.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A running demo; it ends with its owner.
pub(crate) struct Demo {
    child: Child,
    pub port: u16,
    /// What it printed until it was ready.
    pub said: Vec<String>,
    /// From start to `ready`.
    pub took: Duration,
}

impl Demo {
    pub(crate) fn start(more: &[&str]) -> Self {
        let port = super::ports::free(5);
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_renkei"))
            .args(["demo", "--port", &port.to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Both pipes are read to their end, or the program would stop when one is full.
        let (tell, told) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|l| drop(tell.send(l))));
        let err = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || err.lines().map_while(Result::ok).for_each(|l| eprintln!("demo: {l}")));
        let mut demo = Self { child, port, said: Vec::new(), took: Duration::ZERO };
        while !demo.said.last().is_some_and(|l| l.starts_with("ready")) {
            let line = told.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("not ready in a minute; it said {:#?}", demo.said));
            demo.said.push(line);
        }
        demo.took = began.elapsed();
        demo
    }
    pub(crate) fn issuer(&self) -> String {
        self.at(0)
    }
    pub(crate) fn app(&self) -> String {
        self.at(1)
    }
    pub(crate) fn api(&self) -> String {
        self.at(2)
    }
    pub(crate) fn simulator(&self) -> String {
        self.at(3)
    }
    fn at(&self, n: u16) -> String {
        format!("http://localhost:{}", self.port + n)
    }
    /// Resident memory in KiB, as the kernel counts it.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
    /// Ends it as Ctrl-C or a service manager would, and says how it ended.
    pub(crate) fn stop(mut self, signal: &str) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the demo does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
