//! A way to PostgreSQL that can stop: sessions that nobody answers any more, new connections that are taken and never
//! answered, and a COMMIT whose request or answer is held or lost.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What becomes of the COMMIT that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// PostgreSQL gets it; its session is frozen before the answer comes.
    AnswerHeld,
    /// PostgreSQL does not get it; its session is frozen.
    RequestHeld,
    /// PostgreSQL gets it, and the connection breaks before the answer comes.
    AnswerLost,
    /// PostgreSQL does not get it: the connection breaks.
    RequestLost,
}

/// The proxy. It ends with the test's process.
pub(crate) struct Proxy {
    port: u16,
    inner: Arc<Inner>,
}
#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}
#[derive(Default)]
struct State {
    next: usize,
    sessions: BTreeMap<usize, Session>,
    new_frozen: bool,
    armed: Option<(Vec<u8>, Fate)>,
    /// How many COMMITs met their fate.
    met: usize,
    /// How many connections PostgreSQL itself was given, in all.
    connections_made: usize,
}
#[derive(Default)]
struct Session {
    frozen: bool,
    ends: Vec<TcpStream>,
}

impl Proxy {
    /// In front of a port of this machine.
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner::default());
        let shared = inner.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let inner = shared.clone();
                std::thread::spawn(move || inner.carry(client, target));
            }
        });
        Self { port, inner }
    }
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
    /// Another address of the same database.
    pub(crate) fn url(&self, url: &str) -> String {
        let (front, rest) = url.split_once("127.0.0.1:").unwrap();
        format!("{front}127.0.0.1:{}/{}", self.port, rest.split_once('/').unwrap().1)
    }
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.inner.state.lock().unwrap());
        self.inner.changed.notify_all();
    }
    /// The oldest session that is not frozen stops.
    pub(crate) fn freeze_one(&self) {
        self.change(|state| {
            let living = state.sessions.values_mut().find(|s| !s.frozen && !s.ends.is_empty());
            living.expect("there is a session").frozen = true;
        });
    }
    /// Every session there is stops.
    pub(crate) fn freeze_sessions(&self) {
        self.change(|state| state.sessions.values_mut().for_each(|s| s.frozen = true));
    }
    /// Whoever connects is not answered.
    pub(crate) fn freeze_new(&self) {
        self.change(|state| state.new_frozen = true);
    }
    /// Everything goes on.
    pub(crate) fn thaw(&self) {
        self.change(|state| {
            state.new_frozen = false;
            state.sessions.values_mut().for_each(|s| s.frozen = false);
        });
    }
    /// The next COMMIT of a transaction that has sent these bytes meets this fate.
    pub(crate) fn arm(&self, needle: impl Into<Vec<u8>>, fate: Fate) {
        self.change(|state| state.armed = Some((needle.into(), fate)));
    }
    /// How many COMMITs have met their fate.
    pub(crate) fn met(&self) -> usize {
        self.inner.state.lock().unwrap().met
    }
    /// How many sessions have been opened through it.
    pub(crate) fn connections_made(&self) -> usize {
        self.inner.state.lock().unwrap().connections_made
    }
}

impl Inner {
    fn carry(self: Arc<Self>, client: TcpStream, target: u16) {
        let id = {
            let mut state = self.state.lock().unwrap();
            state.next += 1;
            let (id, frozen) = (state.next, state.new_frozen);
            state.sessions.insert(id, Session { frozen, ends: Vec::new() });
            id
        };
        self.wait(id);
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        {
            let mut state = self.state.lock().unwrap();
            state.connections_made += 1;
            state.sessions.get_mut(&id).unwrap().ends = vec![client.try_clone().unwrap(), server.try_clone().unwrap()];
        }
        let back = self.clone();
        std::thread::spawn(move || back.pump(id, from_server, client, false));
        self.pump(id, from_client, server, true);
    }
    fn pump(&self, id: usize, mut from: TcpStream, mut to: TcpStream, asks: bool) {
        let (mut bytes, mut said) = (vec![0; 64 * 1024], Vec::new());
        while let Ok(n) = from.read(&mut bytes) {
            self.wait(id);
            if n == 0 {
                break;
            }
            let fate = if asks { self.fate(&mut said, &bytes[..n]) } else { None };
            match fate {
                Some(Fate::RequestHeld) => {
                    self.state.lock().unwrap().sessions.get_mut(&id).unwrap().frozen = true;
                    self.wait(id);
                }
                Some(Fate::AnswerHeld) => self.state.lock().unwrap().sessions.get_mut(&id).unwrap().frozen = true,
                Some(Fate::RequestLost) => break,
                Some(Fate::AnswerLost) => {
                    // Nobody reads the answer: the client's end goes first.
                    let _ = self.state.lock().unwrap().sessions[&id].ends[0].shutdown(Shutdown::Both);
                    let _ = to.write_all(&bytes[..n]);
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    break;
                }
                None => {}
            }
            if to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        if let Some(session) = self.state.lock().unwrap().sessions.get_mut(&id) {
            session.ends.clear();
        }
    }
    /// Waits while the session is frozen.
    fn wait(&self, id: usize) {
        let frozen = |state: &mut State| state.sessions.get(&id).is_some_and(|s| s.frozen);
        drop(self.changed.wait_while(self.state.lock().unwrap(), frozen).unwrap());
    }
    /// What is to happen to the COMMIT in these bytes, if it is the one that is waited for.
    fn fate(&self, said: &mut Vec<u8>, bytes: &[u8]) -> Option<Fate> {
        let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
        if holds(bytes, b"begin isolation") {
            said.clear();
        }
        said.extend_from_slice(bytes);
        let mut state = self.state.lock().unwrap();
        let met = holds(bytes, b"commit\0") && state.armed.as_ref().is_some_and(|(needle, _)| holds(said, needle));
        if !met {
            return None;
        }
        state.met += 1;
        state.armed.take().map(|(_, fate)| fate)
    }
}
