//! The conformance profile as CONTRIBUTING.md starts it: `config/conformance/run.mjs`, on four free ports. The suite is at the
//! fifth, where a program may stand in for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A running profile. It ends with its owner, and with the test program at the latest: the script is tied to its input.
pub(crate) struct Profile {
    child: Child,
    dir: tempfile::TempDir,
}

impl Profile {
    /// Starts it with these changes of the configuration.
    pub(crate) fn start(changes: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = super::ports::free(5);
        let mut child = Command::new("node")
            .arg(root().join("config/conformance/run.mjs"))
            .args(["--tied", "--renkei", env!("CARGO_BIN_EXE_renkei")])
            .args(["--port", &port.to_string()])
            .args(["--suite", &format!("https://localhost:{}", port + 4)])
            .arg("--folder")
            .arg(dir.path())
            .envs(changes.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .expect("node is there");
        let (tell, told) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|l| drop(tell.send(l))));
        let profile = Self { child, dir };
        let mut said = Vec::new();
        while !said.last().is_some_and(|l: &String| l.starts_with("ready")) {
            let line = told.recv_timeout(Duration::from_secs(120)).unwrap_or_else(|why| {
                let why = match why {
                    mpsc::RecvTimeoutError::Timeout => "said nothing for two minutes",
                    mpsc::RecvTimeoutError::Disconnected => "ended before it was ready",
                };
                panic!("the profile {why}: {said:#?}\n{}", profile.log())
            });
            said.push(line);
        }
        profile
    }
    /// Where its keys, certificates and the suite's configuration lie.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }
    /// Runs a program of `tests/clients/` against it, which judges for itself.
    pub(crate) fn runs(&self, program: &str) {
        let done = Command::new("node")
            .arg(root().join("tests/clients").join(program))
            .arg(self.folder())
            .arg(env!("CARGO_BIN_EXE_renkei"))
            .env("NODE_EXTRA_CA_CERTS", self.folder().join("ca.pem"))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = || format!("{}{}\nthe log ends:\n{}", text(&done.stdout), text(&done.stderr), self.log());
        assert!(done.status.success(), "{program}\n{}", said());
    }
    /// The last lines of the log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder().join("log")).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}
impl Drop for Profile {
    fn drop(&mut self) {
        drop(self.child.stdin.take()); // the script stops its programs
        let _ = self.child.wait();
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
