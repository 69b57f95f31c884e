//! A file system of fixed size, in a mount namespace that ends with the test's process. As root it is simply mounted there; anybody
//! else gets a user namespace too, in which they may.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct SmallDisk {
    place: tempfile::TempDir,
    keeper: Child,
    root: bool,
}

impl SmallDisk {
    /// `size` as mount(8) wants it.
    pub fn new(size: &str) -> Self {
        let place = tempfile::Builder::new().prefix("renkei-disk-").tempdir().unwrap();
        let root = rustix::process::getuid().is_root();
        let mut keeper = Command::new("unshare");
        keeper.arg("--mount");
        if !root {
            keeper.arg("--map-root-user");
        }
        let script = "mount -t tmpfs -o \"size=$1,mode=0700\" none \"$2\" && echo mounted && exec cat >/dev/null";
        keeper.args(["sh", "-c", script, "sh", size]).arg(place.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n", "neither root nor a user namespace: nothing can be mounted here");
        Self { place, keeper, root }
    }
    /// Where it is for programs on it.
    pub fn path(&self) -> &Path {
        self.place.path()
    }
    /// Where a file on it is for the test.
    pub fn seen(&self, file: &str) -> PathBuf {
        let inside = self.path().strip_prefix("/").unwrap().join(file);
        Path::new(&format!("/proc/{}/root", self.keeper.id())).join(inside)
    }
    /// A program that sees it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.keeper.id())).arg("--mount");
        if !self.root {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }
    /// Another process writes into a file until nothing fits any more, and stops there.
    pub fn fill(&self, file: &str) {
        let mut filler = self.command("sh");
        // A large block first, then the last bytes.
        filler.args(["-c", "cat /dev/zero >>\"$1\" 2>/dev/null; cat /dev/zero >>\"$1.rest\" 2>/dev/null; exit 0", "sh"]);
        assert!(filler.arg(self.path().join(file)).status().unwrap().success());
    }
    /// The bytes that are free.
    pub fn free(&self) -> u64 {
        let fs = rustix::fs::statvfs(self.seen("")).unwrap();
        fs.f_bavail * fs.f_frsize
    }
}
impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
