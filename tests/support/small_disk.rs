//! A file system of fixed size, in a mount namespace that ends with the test's process. As root it is simply mounted there;
//! anybody else gets a user namespace too, in which they may. Everybody reaches its files through `/proc`, but SQLite resolves
//! that path to one outside, so a program with a database on it runs inside.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
    keeper: Child,
}

impl SmallDisk {
    /// `size` as mount(8) wants it.
    pub(crate) fn new(size: &str) -> Self {
        let test_store = tempfile::Builder::new().prefix("renkei-disk-").tempdir().unwrap();
        let mut keeper = Command::new("unshare");
        keeper.arg("--mount");
        if !rustix::process::getuid().is_root() {
            keeper.arg("--map-root-user");
        }
        let script = "mount -t tmpfs -o \"size=$1,mode=0700\" none \"$2\" && echo mounted && exec cat >/dev/null";
        keeper
            .args(["sh", "-c", script, "sh", size])
            .arg(test_store.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut keeper = keeper.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n", "neither root nor a user namespace: nothing can be mounted here");
        Self { folder: test_store, keeper }
    }
    /// Where it is for programs inside.
    pub(crate) fn inside(&self) -> &Path {
        self.folder.path()
    }
    /// Where a file on it is for everybody.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        outside_namespace(self.keeper.id(), self.folder.path()).join(file)
    }
    /// What runs a program inside: it is followed by the program.
    pub(crate) fn enter(&self) -> Vec<String> {
        let mut enter = vec!["nsenter".to_owned(), format!("--target={}", self.keeper.id()), "--mount".to_owned()];
        if !rustix::process::getuid().is_root() {
            enter.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        enter.push("--".to_owned());
        enter
    }
}
impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Where a path of a process with a mount namespace of its own is for everybody.
pub(crate) fn outside_namespace(process: u32, path: &Path) -> PathBuf {
    Path::new(&format!("/proc/{process}/root")).join(path.strip_prefix("/").unwrap())
}

/// Another process writes into a file until not one byte fits any more, and stops there.
pub(crate) fn fill(file: &Path) {
    let script = "cat /dev/zero >>\"$1\" 2>/dev/null; cat /dev/zero >>\"$1\" 2>/dev/null; exit 0";
    let mut filler = Command::new("sh");
    assert!(filler.args(["-c", script, "sh"]).arg(file).status().unwrap().success());
}

/// The bytes that are free beside a file.
pub(crate) fn free(beside: &Path) -> u64 {
    let fs = rustix::fs::statvfs(beside.parent().unwrap()).unwrap();
    fs.f_bavail * fs.f_frsize
}
