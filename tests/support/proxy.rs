//! The proxies that stand before a server in production, nginx and HAProxy, with the buffers and limits they have by
//! default: Debian's packages, started on a free port and gone with their owner. Where a package is missing the test fails.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a program until our end of its standard input closes, which the kernel does for a test that died too.
const KEEPER: &str = r#""$@" & child=$!; cat >/dev/null; kill -TERM $child; wait $child"#;

/// Which program, and how it is told to pass everything on. Nothing in these files says how long a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
}
impl Kind {
    fn command(self, dir: &Path, port: u16, to: SocketAddr) -> Vec<String> {
        let (dir, text) = (dir.display(), self.config(dir, port, to));
        let file = format!("{dir}/config");
        std::fs::write(&file, text).unwrap();
        let words = match self {
            Self::Nginx => vec!["/usr/sbin/nginx".into(), "-c".into(), file, "-e".into(), format!("{dir}/log")],
            Self::Haproxy => vec!["/usr/sbin/haproxy".into(), "-db".into(), "-f".into(), file],
        };
        let package = match self {
            Self::Nginx => "nginx-light",
            Self::Haproxy => "haproxy",
        };
        assert!(
            Path::new(&words[0]).exists(),
            "{} is not installed: tests/run installs it (Debian: {package})",
            words[0]
        );
        words
    }
    fn config(self, dir: &Path, port: u16, to: SocketAddr) -> String {
        let dir = dir.display();
        match self {
            Self::Nginx => {
                let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let temporary: String = kinds.iter().map(|k| format!("{k}_temp_path {dir}/{k};\n")).collect();
                format!(
                    "daemon off; master_process off; pid {dir}/pid;
                     events {{}}
                     http {{
                       access_log off;
                       {temporary}
                       server {{
                         listen 127.0.0.1:{port};
                         location / {{
                           proxy_pass http://{to};
                           proxy_set_header Host $http_host;
                           proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                         }}
                       }}
                     }}"
                )
            }
            Self::Haproxy => format!(
                "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n \
                 option forwardfor\n\
                 frontend world\n bind 127.0.0.1:{port}\n default_backend renkei\n\
                 backend renkei\n server renkei {to}\n"
            ),
        }
    }
}

/// A running proxy before a server.
pub(crate) struct Proxy {
    keeper: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Proxy {
    /// Starts one that passes everything on to `to`, and waits until it listens.
    pub(crate) fn start(kind: Kind, to: SocketAddr) -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), super::ports::free(1));
        let words = kind.command(dir.path(), port, to);
        Self::supervise(&format!("{kind:?}"), words, dir, port)
    }
    /// Starts HAProxy before several servers. It asks each for `/readyz` four times a second, and uses those that are ready.
    pub(crate) fn balance(port: u16, servers: &[u16]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let servers: String = servers
            .iter()
            .map(|to| format!(" server n{to} 127.0.0.1:{to} check inter 250ms fall 2 rise 1\n"))
            .collect();
        let text = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n option forwardfor\n\
             frontend world\n bind 127.0.0.1:{port}\n default_backend renkei\n\
             backend renkei\n option httpchk\n http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost:{port}\n\
             http-check expect status 200\n{servers}"
        );
        let file = dir.path().join("config");
        std::fs::write(&file, text).unwrap();
        let words = vec!["/usr/sbin/haproxy".into(), "-db".into(), "-f".into(), file.display().to_string()];
        Self::supervise("HAProxy", words, dir, port)
    }
    fn supervise(kind: &str, words: Vec<String>, dir: tempfile::TempDir, port: u16) -> Self {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).args(words).stdin(Stdio::piped());
        let keeper = keeper.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let proxy = Self { keeper, address: ([127, 0, 0, 1], port).into(), _dir: dir };
        let until = Instant::now() + Duration::from_secs(20);
        while let Err(cause) = TcpStream::connect(proxy.address) {
            assert_eq!(cause.kind(), ErrorKind::ConnectionRefused, "{kind}");
            assert!(Instant::now() < until, "{kind} does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        proxy
    }
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
