//! An endpoint that events are pushed to: it answers as it is told, and keeps what came.

use crate::support::jws::claims;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a push is answered.
#[derive(Clone)]
pub(crate) enum Answered {
    /// A status line with headers, and a body.
    Status(&'static str, &'static str),
    /// The connection is closed without an answer, after the token was read.
    Dropped,
    /// 202 comes after so many milliseconds.
    After(u64),
    /// Nothing comes for a minute.
    Never,
}

/// What came.
#[derive(Clone)]
pub(crate) struct Came {
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: String,
    pub(crate) set: String,
}

#[derive(Default)]
struct Inside {
    came: Vec<Came>,
    connections: usize,
    next: VecDeque<Answered>,
    always: Option<Answered>,
}

/// A running endpoint.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    inside: Arc<Mutex<Inside>>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/events", listener.local_addr().unwrap().port());
        let inside = Arc::new(Mutex::new(Inside::default()));
        let endpoint = Self { url, inside: inside.clone() };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                inside.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, inside.clone()));
            }
        });
        endpoint
    }
    /// The next answers, in order; after them 202 again.
    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Answered>) {
        self.inside.lock().unwrap().next.extend(answers);
    }
    /// Every answer from now on.
    pub(crate) fn always(&self, answer: Option<Answered>) {
        self.inside.lock().unwrap().always = answer;
    }
    pub(crate) fn came(&self) -> Vec<Came> {
        self.inside.lock().unwrap().came.clone()
    }
    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.inside.lock().unwrap().connections
    }
    /// The claims of what came, in order.
    pub(crate) fn sets(&self) -> Vec<Value> {
        self.came().iter().map(|came| claims(&came.set)).collect()
    }
}

async fn serve(mut stream: TcpStream, inside: Arc<Mutex<Inside>>) {
    let mut buffer = Vec::new();
    loop {
        let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else {
            if !more(&mut stream, &mut buffer).await {
                return;
            }
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let header = |name: &str| {
            let line = head.lines().find(|l| l.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let length: usize = header("content-length").map_or(0, |n| n.parse().unwrap());
        while buffer.len() < end + 4 + length {
            if !more(&mut stream, &mut buffer).await {
                return;
            }
        }
        let set = String::from_utf8(buffer[end + 4..end + 4 + length].to_vec()).unwrap();
        buffer.drain(..end + 4 + length);
        let answer = {
            let mut inside = inside.lock().unwrap();
            let content_type = header("content-type").unwrap_or_default();
            inside.came.push(Came { authorization: header("authorization"), content_type, set });
            inside.next.pop_front().or_else(|| inside.always.clone())
        };
        let (status, body) = match answer.unwrap_or(Answered::Status("202 Accepted", "")) {
            Answered::Status(status, body) => (status, body),
            Answered::After(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                ("202 Accepted", "")
            }
            Answered::Dropped => return,
            Answered::Never => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    let mut part = [0; 4096];
    match stream.read(&mut part).await {
        Ok(n) if n > 0 => {
            buffer.extend_from_slice(&part[..n]);
            true
        }
        _ => false,
    }
}
