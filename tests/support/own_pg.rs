//! A PostgreSQL for one test alone, because the test stops it: every process of it can be frozen and thawed. On request with
//! a standby that commits wait for, and with a small file system for a tablespace.

use super::pg::query;
use super::ports;
use super::small_disk::outside_namespace;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Makes the cluster and keeps it until its standard input closes; then it goes, frozen or not.
const KEEPER: &str = r#"
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
dir=$(mktemp -d /tmp/renkei-own-pg-XXXXXX)
trap 'rm -rf "$dir"' EXIT
umask 077
"$bin/initdb" -D "$dir/primary" -U renkei --auth=trust -E UTF8 --locale=C --no-sync >/dev/null
common="-k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB -c max_connections=60
  -c wal_sender_timeout=0 -c wal_receiver_timeout=0 -c log_min_messages=fatal"
"$bin/postgres" -D "$dir/primary" -p "$PORT" $common >"$dir/log" 2>&1 &
primary=$!
standby=
until "$bin/pg_isready" -q -h "$dir" -p "$PORT"; do sleep 0.05; done
if [ -n "${STANDBY:-}" ]; then
  "$bin/pg_basebackup" -D "$dir/standby" -R -X stream -c fast --no-sync \
    -d "host=$dir port=$PORT user=renkei application_name=s1" >/dev/null 2>&1
  "$bin/postgres" -D "$dir/standby" -p "$STANDBY" $common >"$dir/standby.log" 2>&1 &
  standby=$!
fi
echo "$primary $standby"
cat >/dev/null
for pg in $primary $standby; do
  children=$(ps -o pid= --ppid "$pg" || true)
  kill -KILL "$pg" $children 2>/dev/null || true
done
wait || true
"#;

/// As whom PostgreSQL may run: it refuses root. Debian's package brings a user who may nothing else.
const AS_POSTGRES: &str = "setpriv --reuid=postgres --regid=postgres --clear-groups sh -c \"$KEEPER\"";

pub(crate) struct OwnPg {
    port: u16,
    primary: u32,
    standby: Option<u32>,
    small: Option<PathBuf>,
    keeper: Child,
}

impl OwnPg {
    /// A cluster with one empty database.
    pub(crate) fn start() -> Self {
        Self::new(false, None)
    }
    /// The same with a standby; it is asynchronous until [`OwnPg::wait_for_standby`].
    pub(crate) fn with_standby() -> Self {
        Self::new(true, None)
    }
    /// The same with everything of the database on a file system of this size.
    pub(crate) fn on_a_small_disk(size: &str) -> Self {
        Self::new(false, Some(size))
    }
    fn new(standby: bool, small: Option<&str>) -> Self {
        let (port, root) = (ports::free(2), rustix::process::getuid().is_root());
        let test_store = tempfile::Builder::new().prefix("renkei-small-").tempdir().unwrap().keep();
        let start = match (small, root) {
            (None, true) => format!("exec {AS_POSTGRES}"),
            (None, false) => "exec sh -c \"$KEEPER\"".to_owned(),
            (Some(size), true) => format!(
                "exec unshare --mount sh -c 'mount -t tmpfs -o size={size},mode=0700,uid=$(id -u postgres) none \"$SMALL\" && exec {AS_POSTGRES}'"
            ),
            // In a namespace of its own everybody may mount, as root; PostgreSQL wants to be somebody else again.
            (Some(size), false) => format!(
                "exec unshare --mount --map-root-user sh -c 'mount -t tmpfs -o size={size},mode=0700 none \"$SMALL\" && \
                 exec unshare --user --map-user=65534 sh -c \"$KEEPER\"'"
            ),
        };
        let mut keeper = Command::new("sh");
        keeper.args(["-c", &start]).env("KEEPER", KEEPER).env("PORT", port.to_string()).env("SMALL", &test_store);
        if standby {
            keeper.env("STANDBY", (port + 1).to_string());
        }
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/").spawn().unwrap();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines().map(Result::unwrap);
        let ids = lines.next().expect("PostgreSQL did not start");
        let mut ids = ids.split_whitespace().map(|id| id.parse().unwrap());
        let (primary, standby) = (ids.next().unwrap(), ids.next());
        let own = Self { port, primary, standby, small: small.map(|_| test_store.clone()), keeper };
        if own.small.is_some() {
            own.sql_in("postgres", &format!("create tablespace small location '{}'", test_store.display()));
            own.sql_in("postgres", "create database renkei template template0 tablespace small");
        } else {
            let _ = fs::remove_dir(test_store);
            own.sql_in("postgres", "create database renkei template template0");
        }
        own
    }
    pub(crate) fn url(&self) -> String {
        format!("postgres://renkei@127.0.0.1:{}/renkei", self.port)
    }
    /// The first column of what `sql` returns.
    pub(crate) fn sql(&self, sql: &str) -> Vec<String> {
        self.sql_in("renkei", sql)
    }
    fn sql_in(&self, database: &str, sql: &str) -> Vec<String> {
        query(&format!("postgres://renkei@127.0.0.1:{}/{database}", self.port), sql).unwrap()
    }
    /// From now on a commit is answered when the standby has it.
    pub(crate) fn wait_for_standby(&self) {
        self.sql("alter system set synchronous_standby_names = 's1'");
        self.sql("select pg_reload_conf()");
        self.until("the standby is synchronous", || self.sql("select sync_state from pg_stat_replication") == ["sync"]);
    }
    /// What an operator does whose standby does not come back.
    pub(crate) fn give_the_standby_up(&self) {
        self.sql("alter system set synchronous_standby_names = ''");
        self.sql("select pg_reload_conf()");
    }
    /// How many backends wait for the standby.
    pub(crate) fn waiting_for_standby(&self) -> usize {
        self.sql("select pid from pg_stat_activity where wait_event = 'SyncRep'").len()
    }
    pub(crate) fn freeze(&self) {
        signal(self.primary, Signal::STOP);
    }
    pub(crate) fn thaw(&self) {
        signal(self.primary, Signal::CONT);
    }
    pub(crate) fn freeze_standby(&self) {
        signal(self.standby.unwrap(), Signal::STOP);
    }
    pub(crate) fn thaw_standby(&self) {
        signal(self.standby.unwrap(), Signal::CONT);
    }
    pub(crate) fn kill_standby(&self) {
        signal(self.standby.unwrap(), Signal::KILL);
    }
    /// Waits until something holds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !holds() {
            assert!(Instant::now() < end, "{what}: never");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    /// A file on its small file system.
    pub(crate) fn on_small_disk(&self, file: &str) -> PathBuf {
        outside_namespace(self.keeper.id(), self.small.as_ref().unwrap()).join(file)
    }
}
impl Drop for OwnPg {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if let Some(small) = &self.small {
            let _ = fs::remove_dir(small);
        }
    }
}

/// To a PostgreSQL and every process of it: each is a session of its own.
fn signal(parent: u32, with: Signal) {
    let send = |id: u32| {
        let _ = kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), with);
    };
    send(parent);
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name before it may hold anything, in brackets.
        let mut rest = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        if rest.nth(1).and_then(|ppid| ppid.parse().ok()) == Some(parent) {
            send(id);
        }
    }
}
