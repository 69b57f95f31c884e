//! A way to PostgreSQL that counts what a client sends, so that a test can say what an operation costs.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was sent, by kind of message (PostgreSQL's frontend protocol).
#[derive(Debug, Default)]
struct Sent {
    /// `Query`: begin, commit and the like.
    queries: AtomicU64,
    /// `Parse`: a statement is prepared.
    parsed: AtomicU64,
    /// `Execute`: a prepared statement runs.
    executed: AtomicU64,
}

/// The proxy. It ends with the test's process.
pub(crate) struct CountingProxy {
    port: u16,
    sent: Arc<Sent>,
}

impl CountingProxy {
    /// In front of the database of this URL, which names 127.0.0.1.
    pub(crate) fn to(url: &str) -> Self {
        let target: u16 = url.split("127.0.0.1:").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(Sent::default());
        let shared = sent.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", target)).unwrap();
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut back_from, &mut back_to));
                let sent = shared.clone();
                std::thread::spawn(move || carry(client, server, &sent));
            }
        });
        Self { port, sent }
    }
    /// The same database through this proxy; without TLS, because it reads what it carries.
    pub(crate) fn url(&self, url: &str) -> String {
        let (front, rest) = url.split_once("127.0.0.1:").unwrap();
        let database = rest.split_once('/').unwrap().1.split('?').next().unwrap();
        format!("{front}127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
    /// What was sent until now: queries, prepared statements, executed statements.
    pub(crate) fn sent(&self) -> [u64; 3] {
        [&self.sent.queries, &self.sent.parsed, &self.sent.executed].map(|n| n.load(Ordering::SeqCst))
    }
}

/// Carries what the client says, message by message. The first has no kind.
fn carry(mut from: TcpStream, mut to: TcpStream, sent: &Sent) {
    let mut first = true;
    loop {
        let mut head = vec![0; if first { 4 } else { 5 }];
        if from.read_exact(&mut head).is_err() {
            return;
        }
        let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        if from.read_exact(&mut body).is_err() {
            return;
        }
        if !std::mem::take(&mut first) {
            match head[0] {
                b'Q' => sent.queries.fetch_add(1, Ordering::SeqCst),
                b'P' => sent.parsed.fetch_add(1, Ordering::SeqCst),
                b'E' => sent.executed.fetch_add(1, Ordering::SeqCst),
                _ => 0,
            };
        }
        head.extend(body);
        if to.write_all(&head).is_err() {
            return;
        }
    }
}
