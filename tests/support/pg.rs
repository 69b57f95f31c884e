//! A PostgreSQL of the tests' own: one cluster for the whole run, from Debian's package, in a temporary folder, on a
//! free port, as an unprivileged user, and gone with the test process however that ends. Each test gets a fresh
//! database in it. Where the package is missing the tests fail; none is skipped.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Makes the cluster and keeps it until its standard input closes, which the kernel does for a process that died too.
const KEEPER: &str = r#"
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
dir=$(mktemp -d /tmp/renkei-pg-XXXXXX)
trap 'rm -rf "$dir"' EXIT
umask 077
"$bin/initdb" -D "$dir/data" -U renkei --auth=trust -E UTF8 --locale=C --no-sync >/dev/null
printf '%s' "$CERT" >"$dir/data/server.crt"
printf '%s' "$KEY" >"$dir/data/server.key"
"$bin/postgres" -D "$dir/data" -p "$PORT" -k "$dir" -c listen_addresses=127.0.0.1 -c ssl=on -c fsync=off \
  -c max_connections=400 -c shared_buffers=64MB -c log_min_messages=fatal >"$dir/log" 2>&1 &
pg=$!
echo "$dir"
cat >/dev/null
kill -INT $pg
wait $pg || true
"#;

struct Cluster {
    port: u16,
    dir: PathBuf,
    ca: String,
    /// Holds the keeper's standard input open.
    _keeper: Child,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        assert!(glob_initdb(), "PostgreSQL is not installed: tests/run installs it (Debian: postgresql)");
        let port = super::ports::free(1);
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        // PostgreSQL refuses to run as root; Debian's package brings a user who may nothing else.
        let root = std::fs::metadata("/proc/self").unwrap();
        let mut keeper = if std::os::unix::fs::MetadataExt::uid(&root) == 0 {
            let mut c = Command::new("setpriv");
            c.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh", "-c", KEEPER]);
            c
        } else {
            let mut c = Command::new("sh");
            c.args(["-c", KEEPER]);
            c
        };
        keeper.env("PORT", port.to_string()).env("CERT", cert.pem()).env("KEY", key.serialize_pem());
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/");
        let mut keeper = keeper.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the PostgreSQL cluster could not be made");
        let cluster = Cluster { port, dir: line.trim().into(), ca: ca.pem(), _keeper: keeper };
        let until = Instant::now() + Duration::from_secs(60);
        while let Err(e) = query(&cluster.url("postgres"), "select 1") {
            assert!(Instant::now() < until, "PostgreSQL does not start: {e}");
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
    })
}

fn glob_initdb() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.into_iter().any(|v| v.path().join("bin/initdb").exists())
}

impl Cluster {
    fn url(&self, database: &str) -> String {
        format!("postgres://renkei@127.0.0.1:{}/{database}", self.port)
    }
}

/// An empty database.
pub(crate) struct Database {
    name: String,
}

/// Makes an empty database. May be called from any thread.
pub(crate) fn database() -> Database {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
    ask("postgres", &format!("create database {name} template template0"));
    Database { name }
}

impl Database {
    /// Where a store finds it.
    pub(crate) fn url(&self) -> String {
        cluster().url(&self.name)
    }
    /// Where a store finds it by the name its certificate has; the query is left to the caller.
    pub(crate) fn url_by_name(&self) -> String {
        format!("postgres://renkei@localhost:{}/{}", cluster().port, self.name)
    }
    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        cluster().port
    }
    /// Ends every session the stores have open, as a restart of the server would.
    pub(crate) fn kill_sessions(&self) -> usize {
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
                   and pid <> pg_backend_pid() and application_name = 'renkei'";
        ask(&self.name, sql).len()
    }
}

/// The certificate of the authority that signed the cluster's.
pub(crate) fn ca() -> &'static str {
    &cluster().ca
}

/// The folder of the cluster's Unix socket.
pub(crate) fn socket_dir() -> &'static PathBuf {
    &cluster().dir
}

fn ask(database: &str, sql: &str) -> Vec<String> {
    query(&cluster_url(database), sql).unwrap()
}

/// The first column of what `sql` returns, as text. On a thread of its own, so that any thread may call it.
pub(crate) fn query(url: &str, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
            let connection = tokio::spawn(connection);
            let messages = client.simple_query(&sql).await?;
            drop(client);
            let _ = connection.await;
            let row = |m| match m {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            };
            Ok(messages.into_iter().filter_map(row).collect())
        })
    });
    asked.join().unwrap()
}

/// The first call makes the cluster, on a thread that may wait.
fn cluster_url(database: &str) -> String {
    std::thread::scope(|s| s.spawn(|| cluster().url(database)).join().unwrap())
}
