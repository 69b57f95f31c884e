//! The proxies that stand before a server in production, nginx and HAProxy, as `config/examples` sets them up: Debian's packages,
//! started on free ports and gone with their owner. Only names, addresses, folders and certificates are put in. Where a package is
//! missing the test fails.

use super::profile::root;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs a program until our end of its standard input closes, which the kernel does for a test that died too.
const KEEPER: &str = r#""$@" & child=$!; cat >/dev/null; kill -TERM $child; wait $child"#;

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
}

/// What is put into the example.
#[derive(Debug)]
struct Filled {
    kind: Kind,
    dir: tempfile::TempDir,
    /// Of the public address; the one for certificates is the next.
    port: u16,
    servers: Vec<SocketAddr>,
    /// The host of the issuer, which `/readyz` is asked by.
    host: String,
    /// Whether callers speak TLS at the public address.
    tls: bool,
    /// Whether this machine is of the institution's own network, which has no limits.
    unlimited: bool,
    /// The certificate of both addresses, for `localhost`.
    certificate: String,
}
impl Filled {
    fn new(kind: Kind, servers: &[SocketAddr], host: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        for name in ["link", "mtls"] {
            let chain = match kind {
                Kind::Nginx => certificate.clone(),
                Kind::Haproxy => format!("{certificate}{key}"),
            };
            fs::write(dir.path().join(format!("{name}.pem")), chain).unwrap();
            fs::write(dir.path().join(format!("{name}.key")), &key).unwrap();
        }
        fs::write(dir.path().join("client-ca.pem"), &certificate).unwrap();
        let (port, servers) = (super::ports::free(2), servers.to_vec());
        Self { kind, dir, port, servers, host: host.to_owned(), tls: true, unlimited: true, certificate }
    }
    /// The example with everything put in. Everything that is replaced must stand there.
    fn text(&self) -> String {
        let (name, dir) = (self.example(), self.dir.path().display());
        let mut text = fs::read_to_string(root().join("config/examples").join(name)).unwrap();
        let mut put = |from: &str, to: &str| {
            assert!(text.contains(from), "{name} has no {from:?}");
            text = text.replace(from, to);
        };
        let tls = if self.tls { " ssl" } else { "" };
        let [public, mtls] = [self.port, self.port + 1].map(|port| format!("127.0.0.1:{port}"));
        if self.unlimited {
            put("10.20.0.0/16", "127.0.0.0/8");
        }
        let node = |n: usize| match self.kind {
            Kind::Nginx => format!("    server 10.20.0.1{n}:8080 max_fails=1 fail_timeout=2s;\n"),
            Kind::Haproxy => format!("  server n{n} 10.20.0.1{n}:8080\n"),
        };
        for n in 1..=2 {
            let own = self.servers.get(n - 1).map(|to| node(n).replace(&format!("10.20.0.1{n}:8080"), &to.to_string()));
            put(&node(n), &own.unwrap_or_default());
        }
        match self.kind {
            Kind::Nginx => {
                let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let temporary: String = kinds.iter().map(|k| format!("{k}_temp_path {dir}/{k};\n")).collect();
                put("http {\n", &format!("http {{\n{temporary}"));
                put("user www-data;\n", "daemon off;\nmaster_process off;\n");
                put("/run/nginx.pid", &format!("{dir}/pid"));
                put("error.log crit", "error.log error");
                put("/var/log/nginx/", &format!("{dir}/"));
                put("/etc/nginx/tls/", &format!("{dir}/"));
                put(
                    "listen 443 ssl;\n    server_name link.example.jp;",
                    &format!("listen {public}{tls};\n    server_name {};", self.host),
                );
                put("listen 443 ssl;", &format!("listen {mtls} ssl;"));
            }
            Kind::Haproxy => {
                put("  user haproxy\n  group haproxy\n", "");
                put("/etc/haproxy/tls/", &format!("{dir}/"));
                let public = if self.tls { format!("{public} ssl crt {dir}/link.pem") } else { public };
                put(&format!("192.0.2.10:443 ssl crt {dir}/link.pem"), &public);
                put("192.0.2.11:443", &mtls);
                put("hdr Host link.example.jp", &format!("hdr Host {}", self.host));
                put("check inter 1s", "check inter 250ms");
            }
        }
        text
    }
    fn example(&self) -> &'static str {
        match self.kind {
            Kind::Nginx => "nginx.conf",
            Kind::Haproxy => "haproxy.cfg",
        }
    }
    /// Writes the configuration; the program with the words that run it, or that only check it.
    fn command(&self, check: bool) -> Vec<String> {
        let file = self.dir.path().join("config").display().to_string();
        fs::write(&file, self.text()).unwrap();
        let log = self.dir.path().join("log").display().to_string();
        let (words, package): (&[&str], _) = match (self.kind, check) {
            (Kind::Nginx, false) => (&["/usr/sbin/nginx", "-c", &file, "-e", &log], "nginx-light"),
            (Kind::Nginx, true) => (&["/usr/sbin/nginx", "-t", "-c", &file, "-e", &log], "nginx-light"),
            (Kind::Haproxy, false) => (&["/usr/sbin/haproxy", "-db", "-f", &file], "haproxy"),
            (Kind::Haproxy, true) => (&["/usr/sbin/haproxy", "-c", "-f", &file], "haproxy"),
        };
        let there = Path::new(words[0]).exists();
        assert!(there, "{} is not installed: tests/run installs it (Debian: {package})", words[0]);
        words.iter().map(|&word| word.to_owned()).collect()
    }
    fn start(self) -> Proxy {
        let words = self.command(false);
        let said = self.dir.path().join("said");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).args(words).stdin(Stdio::piped());
        let keeper = keeper.stdout(File::create(&said).unwrap()).stderr(Stdio::null()).spawn().unwrap();
        let (kind, address) = (self.kind, SocketAddr::from(([127, 0, 0, 1], self.port)));
        let proxy = Proxy { keeper, address, filled: self };
        let until = Instant::now() + Duration::from_secs(20);
        while let Err(cause) = TcpStream::connect(proxy.address) {
            assert_eq!(cause.kind(), ErrorKind::ConnectionRefused, "{kind:?}");
            assert!(Instant::now() < until, "{kind:?} does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        proxy
    }
}

/// What the program itself says about the example.
pub(crate) fn check(kind: Kind) -> Output {
    let filled = Filled::new(kind, &[([127, 0, 0, 1], 8080).into()], "localhost");
    let words = filled.command(true);
    Command::new(&words[0]).args(&words[1..]).output().unwrap()
}

/// A running proxy before a server.
pub(crate) struct Proxy {
    keeper: Child,
    address: SocketAddr,
    filled: Filled,
}

impl Proxy {
    /// Starts one without TLS, whose caller is of the institution's own network, and waits until it listens.
    pub(crate) fn start(kind: Kind, to: SocketAddr) -> Self {
        Filled { tls: false, ..Filled::new(kind, &[to], "127.0.0.1") }.start()
    }
    /// Starts one as it stands before strangers: with TLS and with its limits.
    pub(crate) fn before_strangers(kind: Kind, to: SocketAddr) -> Self {
        Filled { unlimited: false, ..Filled::new(kind, &[to], "127.0.0.1") }.start()
    }
    /// Starts one without TLS before several servers. HAProxy asks each for `/readyz` four times a second here, and uses those that
    /// are ready; nginx uses those that answer.
    pub(crate) fn balance(kind: Kind, servers: &[u16], host: &str) -> Self {
        let servers: Vec<SocketAddr> = servers.iter().map(|&port| ([127, 0, 0, 1], port).into()).collect();
        Filled { tls: false, ..Filled::new(kind, &servers, host) }.start()
    }
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
    /// The port for callers who show a certificate, and the certificate of both.
    pub(crate) fn mtls(&self) -> (u16, &str) {
        (self.filled.port + 1, &self.filled.certificate)
    }
    /// Why nginx could not pass something on.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.filled.dir.path().join("error.log")).unwrap_or_default()
    }
    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.filled.dir.path().join(name)).unwrap_or_default();
        [read("access.log"), read("said")].concat()
    }
}
impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
