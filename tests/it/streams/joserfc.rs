//! A receiver that somebody else could have written: `tests/clients/receiver.py`, with `joserfc` and `http.server`, by push and by
//! poll, through everything that can go wrong with a receiver. Nothing is lost but what it refused, a grant keeps its order, and a
//! repeat has the `jti` of the first.

use super::{CAEP, kind, text, until};
use crate::support::profile::root;
use crate::support::served::links;
use crate::support::town::{ISSUER, Town, on_both_with};
use renkei_server::config::{Config, Span};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

on_both_with!(a_receiver_of_others_misses_nothing, super::over_tls);

/// RFC 8935 §2.4: those after which a token is not pushed any more, and those after which it is.
const FOR_GOOD: [&str; 3] = ["400 invalid_request", "400 invalid_issuer", "400 invalid_audience"];
const FOR_NOW: [&str; 3] = ["400 invalid_key", "400 authentication_failed", "400 access_denied"];
/// An answer in time, and one that the server does not wait for.
const LATE: [&str; 2] = ["late 0.3", "late 1.5"];
/// What the end of a link is made of, after its beginning.
const EVENTS: [&str; 3] = ["grant.created", "grant.revoked", CAEP];

/// TLS at the issuer's name, as a client meets it.
fn over_tls(config: &mut Config) {
    let folder = config.server.data_dir.parent().unwrap().to_owned();
    let names = ["localhost".to_owned(), ISSUER.trim_start_matches("https://").to_owned()];
    let made = rcgen::generate_simple_self_signed(names.to_vec()).unwrap();
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Some(folder.join(name))
    };
    config.server.tls_cert_file = write("cert.pem", made.cert.pem());
    config.server.tls_key_file = write("key.pem", made.signing_key.serialize_pem());
    config.outbound.timeout = Span::secs(1);
}

/// One start of the program; it ends with its owner.
struct Program {
    child: Child,
    input: ChildStdin,
    journal: PathBuf,
}
impl Program {
    /// Starts it and waits until it has its stream: `stream` is the stream's description, and names the journal.
    async fn start(w: &Town, stream: &str, method: &str, port: u16) -> Self {
        let server = &w.config().server;
        let folder = server.data_dir.parent().unwrap();
        let journal = folder.join(format!("{stream}.journal"));
        let settings = json!({
            "issuer": ISSUER, "address": format!("127.0.0.1:{}", w.http_port()), "ca": server.tls_cert_file,
            "client_id": "kakeibo", "client_secret": "the secret of kakeibo, long enough",
            "stream": stream, "method": method, "port": port, "journal": journal,
        });
        let file = folder.join(format!("{stream}.json"));
        std::fs::write(&file, settings.to_string()).unwrap();
        let mut child = Command::new(root().join("tests/output/python/bin/python"))
            .arg(root().join("tests/clients/receiver.py"))
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/run has installed it");
        let (input, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut program = Self { child, input, journal };
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(out).read_line(&mut line).map(|_| line)
        });
        let ready = tokio::time::timeout(Duration::from_secs(20), line).await;
        if ready.is_err() {
            let _ = program.child.kill();
        }
        assert_eq!(ready.unwrap().unwrap().unwrap(), "ready\n", "{stream}");
        program
    }
    /// What it does with the next token.
    fn next(&mut self, fault: &str) {
        writeln!(self.input, "{fault}").unwrap();
    }
    /// What SIGKILL does.
    fn kill(self) {}
    /// What has come, and what it did with it.
    fn journal(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.journal).unwrap();
        // Its last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
    /// Each event of a grant that came, with the grant.
    fn came(&self) -> Vec<(String, usize, Value)> {
        let of_grant = |line: Value| {
            let grant = line["claims"]["sub_id"]["session"]["id"].as_str()?.to_owned();
            let name = kind(&line["claims"]);
            let nth = EVENTS.iter().position(|known| *known == name).unwrap_or_else(|| panic!("not expected: {line}"));
            Some((grant, nth, line))
        };
        self.journal().into_iter().filter_map(of_grant).collect()
    }
    /// The events that are finished: stored, or refused for good.
    fn finished(&self) -> BTreeSet<(String, usize)> {
        let is_finished = |line: &Value| matches!(text(line, "stored").as_str(), "new" | "refused");
        self.came().into_iter().filter(|(_, _, line)| is_finished(line)).map(|(grant, nth, _)| (grant, nth)).collect()
    }
    /// What must always hold of what came; returns how many tokens it refused.
    fn judge(&self) -> usize {
        let mut tokens: BTreeMap<(String, usize), Value> = BTreeMap::new();
        let mut finished: BTreeMap<(String, usize), String> = BTreeMap::new();
        let mut jtis = BTreeSet::new();
        for line in self.journal() {
            assert!(line.get("broken").is_none(), "a token does not verify: {line}");
            assert_ne!(line["stored"], "late", "out of order: {line}");
        }
        for (grant, nth, line) in self.came() {
            let event = (grant, nth);
            if let Some(first) = tokens.get(&event) {
                assert_eq!(&line["claims"], first, "a repeat is the same token with the same jti");
            } else {
                assert!(jtis.insert(text(&line["claims"], "jti")), "another event has its jti: {line}");
                tokens.insert(event.clone(), line["claims"].clone());
            }
            for (earlier, name) in EVENTS.iter().enumerate().take(nth) {
                let before = (event.0.clone(), earlier);
                assert!(finished.contains_key(&before), "{} came before {name}: {line}", EVENTS[nth]);
            }
            let later = (event.0.clone(), nth + 1);
            assert!(!finished.contains_key(&later), "{} came after the next one: {line}", EVENTS[nth]);
            let stored = text(&line, "stored");
            let done = finished.get(&event).map(String::as_str);
            assert_ne!(done, Some("refused"), "it was refused for good, and came again: {line}");
            match stored.as_str() {
                "new" | "refused" => drop(finished.insert(event, stored)),
                "repeat" => assert_eq!(done, Some("new")),
                _ => {}
            }
        }
        finished.values().filter(|stored| *stored == "refused").count()
    }
}
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The links of the test.
struct Links<'w> {
    w: &'w Town,
    made: Cell<usize>,
    ended: Cell<usize>,
    grants: std::cell::RefCell<Vec<String>>,
}
impl Links<'_> {
    async fn make(&self, count: usize) {
        let made = links(self.w, self.made.get(), count).await;
        self.made.set(self.made.get() + count);
        self.grants.borrow_mut().extend(made.into_iter().map(|link| link.grant));
    }
    /// Ends what is not ended.
    async fn end(&self) {
        let open = self.grants.borrow()[self.ended.get()..].to_vec();
        for grant in open {
            self.w.revoke_by_staff(&grant).await;
        }
        self.ended.set(self.made.get());
    }
    /// Everything that a receiver must hear by now.
    fn expected(&self) -> BTreeSet<(String, usize)> {
        let known = |(i, grant): (usize, &String)| {
            let count = if i < self.ended.get() { EVENTS.len() } else { 1 };
            (0..count).map(|nth| (grant.clone(), nth)).collect::<Vec<_>>()
        };
        self.grants.borrow().iter().enumerate().flat_map(known).collect()
    }
    /// Waits until these have everything; `step` is what the clock is moved by, each time.
    async fn arrive(&self, programs: &[&Program], step: Duration) {
        let expected = self.expected();
        let all = || programs.iter().all(|program| program.finished() == expected);
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if all() {
                return;
            }
            self.w.clock.advance(step);
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        for program in programs {
            let finished = program.finished();
            let (missing, more): (Vec<_>, Vec<_>) =
                (expected.difference(&finished).collect(), finished.difference(&expected).collect());
            let name = program.journal.display();
            assert!(missing.is_empty() && more.is_empty(), "{name} misses {missing:?} and has {more:?} too much");
        }
    }
}

async fn a_receiver_of_others_misses_nothing(w: &Town) {
    let ports: [u16; 3] = [(); 3].map(|()| crate::support::ports::free(1));
    let endpoints = ports.map(|port| format!("http://127.0.0.1:{port}/events"));
    super::record(w, "kakeibo", json!({"events": {"endpoints": endpoints, "streams": 2}})).await;
    let mut pushed = Program::start(w, "pushed", "push", ports[0]).await;
    let mut polled = Program::start(w, "polled", "poll", ports[1]).await;
    until("the endpoint is verified", async || pushed.journal().len() == 1).await;
    let all = Links { w, made: Cell::new(0), ended: Cell::new(0), grants: Vec::new().into() };
    let (still, minute, quarter) = (Duration::ZERO, Duration::from_secs(60), Duration::from_secs(900));
    all.make(2).await;
    all.end().await;
    all.arrive(&[&pushed, &polled], still).await;

    // One fault each time, at the first token of either stream; other links go on.
    let faults: Vec<&str> = ["500", "drop"].into_iter().chain(LATE).chain(FOR_GOOD).chain(FOR_NOW).collect();
    for fault in &faults {
        pushed.next(fault);
        polled.next(fault);
        all.make(2).await;
        all.end().await;
        all.arrive(&[&pushed, &polled], minute).await;
    }
    for program in [&pushed, &polled] {
        let journal = program.journal();
        for fault in &faults {
            assert_eq!(journal.iter().filter(|line| line["answer"] == *fault).count(), 1, "{fault} was met");
        }
    }
    // All at once.
    for fault in &faults {
        pushed.next(fault);
        polled.next(fault);
    }
    all.make(8).await;
    all.end().await;
    all.arrive(&[&pushed, &polled], minute).await;

    // Both are away for an hour. One link ends and one begins meanwhile, one is ended after it.
    all.make(1).await;
    all.arrive(&[&pushed, &polled], minute).await;
    pushed.kill();
    polled.kill();
    for minutes in 0..60 {
        w.clock.advance(minute);
        match minutes {
            10 => all.end().await,
            20 => all.make(2).await,
            _ => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
    let mut pushed = Program::start(w, "pushed", "push", ports[0]).await;
    let polled = Program::start(w, "polled", "poll", ports[1]).await;
    w.clock.advance(quarter);
    // docs/events.md: at most fifteen minutes after the endpoint works, everything comes.
    all.arrive(&[&pushed, &polled], still).await;
    all.end().await;
    all.arrive(&[&pushed, &polled], still).await;

    // Its endpoint moves while a token waits for the old one.
    for _ in 0..50 {
        pushed.next("500");
    }
    all.make(2).await;
    until("the old address fails", async || pushed.journal().last().unwrap()["answer"] == "500").await;
    let moved = Program::start(w, "pushed", "push", ports[2]).await;
    all.end().await;
    all.arrive(&[&moved], minute).await;
    let journal = moved.journal();
    let from = journal.iter().position(|line| line["moved"] == true).unwrap();
    // The verification may come before the answer to the change.
    let first = journal.iter().find(|line| line["port"] == ports[2] && line.get("claims").is_some()).unwrap();
    assert_eq!(kind(&first["claims"]), super::VERIFICATION);
    assert!(journal[from..].iter().all(|line| line["port"] == ports[2]), "nothing comes to the old address");
    pushed.kill();

    // A stream goes from poll to push and back, with links under way.
    polled.kill();
    all.make(2).await;
    let polled = Program::start(w, "polled", "push", ports[1]).await;
    all.arrive(&[&moved, &polled], minute).await;
    polled.kill();
    all.end().await;
    let polled = Program::start(w, "polled", "poll", ports[1]).await;
    all.arrive(&[&moved, &polled], minute).await;

    let refused = moved.judge() + polled.judge();
    let dead = "select count(*) from stream_tokens where dead_at is not null";
    assert_eq!(usize::try_from(w.count(dead).await).unwrap(), refused, "what it refused, and nothing else");
    assert_eq!(moved.judge(), 2 * FOR_GOOD.len());
    assert_eq!(polled.judge(), 2 * (FOR_GOOD.len() + FOR_NOW.len()));
}
