//! Peers that stop in the middle: a thousand that read nothing of a page, a thousand that send half a head. Each costs no
//! more memory than docs/security.md says, and goes within seconds.

use crate::serve::Place;
use crate::support::profile::root;
use rustix::net::{AddressFamily, SocketType, socket, sockopt};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use std::io::Write;
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
    const OPEN: [&str; 4] = ["01", "04", "08", "09"]; // established, FIN_WAIT1, CLOSE_WAIT, LAST_ACK
    let at_port = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[1].ends_with(&at_port) && OPEN.contains(&row[3])).count()
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

/// A server of its own, whose memory nobody else uses.
struct Server {
    place: Place,
    child: Child,
    config: Arc<ClientConfig>,
}
impl Server {
    fn start() -> Self {
        let place = Place::new();
        let mut child = place.start();
        let mut log = child.stderr.take().unwrap();
        // A full pipe would hold the program.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let config = client_config(place.ca());
        Self { place, child, config }
    }
    fn peer(&self) -> Peer {
        Peer::connect(self.place.port(), &self.config)
    }
    fn page(&self) -> String {
        let host = format!("localhost:{}", self.place.port());
        format!("GET /oauth/authorize?client_id=nobody HTTP/1.1\r\nHost: {host}\r\n\r\n")
    }
    fn peers_that_sent(&self, n: usize, sent: &str) -> Vec<Peer> {
        let mut peers: Vec<Peer> = (0..n).map(|_| self.peer()).collect();
        peers.iter_mut().for_each(|peer| peer.send(sent.as_bytes()).unwrap());
        peers
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
            let left = connections(self.place.port());
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
