//! Peers that stop in the middle: a thousand that read nothing of a page, a thousand that send half a head. Each costs no
//! more memory than docs/security.md says, and goes within seconds.

use crate::serve::ServeFolder;
use crate::support::profile::root;
use rustix::net::{AddressFamily, SocketType, socket, sockopt};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PEERS: usize = 1_000;
/// The system counts ten seconds, and the connection is idle for five before.
const GONE_WITHIN: Duration = Duration::from_secs(25);

/// A connection whose peer takes at most a few kilobytes before it has read.
struct Peer {
    tls: ClientConnection,
    tcp: TcpStream,
}
impl Peer {
    fn connect(port: u16, config: &Arc<ClientConfig>) -> Self {
        let tcp = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_recv_buffer_size(&tcp, 4096).unwrap();
        rustix::net::connect(&tcp, &SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
        let tls = ClientConnection::new(config.clone(), ServerName::try_from("localhost").unwrap()).unwrap();
        Self { tls, tcp: TcpStream::from(tcp) }
    }
    fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        Stream::new(&mut self.tls, &mut self.tcp).write_all(bytes)
    }
}

fn client_config(ca: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// Connections of a server's port that still hold anything at its side: neither over nor waiting for the peer's last word.
fn connections(port: u16) -> usize {
    const OPEN: [&str; 4] = [ESTABLISHED, "04", "08", "09"]; // FIN_WAIT1, CLOSE_WAIT, LAST_ACK
    sockets_at(port).into_iter().filter(|(state, _)| OPEN.contains(&state.as_str())).count()
}

const ESTABLISHED: &str = "01";
/// The system's sockets at a port: state, and inode.
fn sockets_at(port: u16) -> Vec<(String, String)> {
    let at_port = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[1].ends_with(&at_port)).map(|row| (row[3].to_owned(), row[9].to_owned())).collect()
}

fn resident_kib(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What docs/security.md promises.
fn stated_kib() -> u64 {
    let text = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let figure = text.split("such a connection costs at\nmost ").nth(1).expect("the figure stands there");
    figure.split(" KiB").next().unwrap().parse().unwrap()
}

#[test]
fn a_thousand_peers_that_read_nothing_cost_little_and_go() {
    let server = Server::start();
    server.a_thousand_that_sent(&server.page());
}

#[test]
fn a_thousand_peers_with_half_a_head_cost_little_and_go() {
    let server = Server::start();
    server.a_thousand_that_sent(server.page().trim_end());
}

#[test]
fn a_peer_that_asks_on_and_reads_nothing_goes() {
    let server = Server::start();
    let mut peer = server.peer();
    peer.send(server.page().as_bytes()).unwrap();
    peer.tcp.set_nonblocking(true).unwrap();
    // Until nothing of it fits anywhere.
    while peer.send(server.page().as_bytes()).is_ok() {}
    server.wait_until_gone(&[peer]);
}

/// What `server.connections` says is all there are, whatever the system would allow; who is let go makes room.
#[test]
fn more_connections_than_configured_wait() {
    const MOST: usize = 64;
    let server =
        Server::with(&[("RENKEI__SERVER__CONNECTIONS", MOST.to_string()), ("RENKEI__SERVER__WORKERS", "2".into())]);
    let peers: Vec<_> = (0..200).map(|_| TcpStream::connect(("127.0.0.1", server.folder.port())).unwrap()).collect();
    let until = Instant::now() + Duration::from_secs(5);
    while server.accepted() < MOST && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    // While one connection is handed to a worker it counts for nobody.
    let taken = server.accepted();
    assert!((MOST..=MOST + 2).contains(&taken), "{taken} connections");
    drop(peers);
    let mut next = server.peer();
    next.send(server.page().as_bytes()).unwrap();
    let mut answer = [0; 15];
    Stream::new(&mut next.tls, &mut next.tcp).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400 Ba");
}

/// A stranger must not fill the log, nor alarm whoever watches it for errors.
#[test]
fn a_malformed_request_is_no_error_in_the_log() {
    let test_store = ServeFolder::new();
    let mut child = test_store.start();
    let config = client_config(test_store.ca());
    for sent in
        ["GET / HTTP/3.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n"]
    {
        let mut peer = Peer::connect(test_store.port(), &config);
        peer.send(sent.as_bytes()).unwrap();
        let mut answer = [0; 12];
        Stream::new(&mut peer.tls, &mut peer.tcp).read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400", "{sent:?}");
    }
    crate::serve::terminate(&child);
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    child.wait().unwrap();
    assert!(!log.contains("ERROR"), "{log}");
}

/// A server of its own, whose memory nobody else uses.
struct Server {
    folder: ServeFolder,
    child: Child,
    config: Arc<ClientConfig>,
}
impl Server {
    fn start() -> Self {
        Self::with(&[])
    }
    /// With keys that the environment sets.
    fn with(env: &[(&'static str, String)]) -> Self {
        let mut test_store = ServeFolder::new();
        test_store.env = env.to_vec();
        let mut child = test_store.start();
        let mut log = child.stderr.take().unwrap();
        // A full pipe would hold the program.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let config = client_config(test_store.ca());
        Self { folder: test_store, child, config }
    }
    /// How many connections its process has taken, and not let go. Those that wait in the system's queue belong to nobody yet,
    /// and other sockets of the process are no callers.
    fn accepted(&self) -> usize {
        let established = sockets_at(self.folder.port()).into_iter().filter(|(state, _)| state == ESTABLISHED);
        let ours: Vec<String> = established.map(|(_, inode)| format!("socket:[{inode}]")).collect();
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        targets.filter(|target| target.to_str().is_some_and(|name| ours.iter().any(|socket| socket == name))).count()
    }
    fn peer(&self) -> Peer {
        Peer::connect(self.folder.port(), &self.config)
    }
    fn page(&self) -> String {
        let host = format!("localhost:{}", self.folder.port());
        format!("GET /oauth/authorize?client_id=nobody HTTP/1.1\r\nHost: {host}\r\n\r\n")
    }
    fn peers_that_sent(&self, n: usize, sent: &str) -> Vec<Peer> {
        // Each sends at once: on a busy machine the server may let the first ones go before the last ones come.
        let one = |_| {
            let mut peer = self.peer();
            peer.send(sent.as_bytes()).unwrap();
            peer
        };
        (0..n).map(one).collect()
    }
    fn a_thousand_that_sent(&self, sent: &str) {
        // What the first hundred make the server keep, it keeps for all that come.
        drop(self.peers_that_sent(100, sent));
        std::thread::sleep(Duration::from_secs(1));
        let before = resident_kib(&self.child);
        let peers = self.peers_that_sent(PEERS, sent);
        let grown = resident_kib(&self.child).saturating_sub(before);
        println!("{} KiB for each", grown / PEERS as u64);
        assert!(grown <= stated_kib() * PEERS as u64, "{grown} KiB for {PEERS}");
        self.wait_until_gone(&peers);
    }
    /// The peers stay as they are: the server alone must end the connections.
    fn wait_until_gone(&self, _peers: &[Peer]) {
        let began = Instant::now();
        loop {
            let left = connections(self.folder.port());
            if left == 0 {
                return;
            }
            assert!(began.elapsed() < GONE_WITHIN, "{left} are still there");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
