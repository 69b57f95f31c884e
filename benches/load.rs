//! The load generator: kept connections on one thread, each of which sends a request, reads the answer, checks it and sends the next.
//! Every request carries another line of a file, and its answer must contain what belongs to this line. `wrk` cannot do that: its
//! scripts are not told which connection an answer came from.
//!
//! The result is one JSON object on the standard output. The exit status is 1 if an answer was not the expected one.

use clap::Parser;
use memchr::memmem::Finder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;

#[derive(Parser)]
struct Arguments {
    /// The address of the server.
    #[arg(long)]
    connect: String,
    /// The authority of the server's certificate, PEM; without it the load is plain http.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The name in the certificate.
    #[arg(long, default_value = "localhost")]
    name: String,
    /// How many connections there are.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How long requests are sent.
    #[arg(long)]
    seconds: f64,
    /// The file with the request: head and body. `{0}`, `{1}` … stand for the columns of a line, `{length}` for the body's length.
    #[arg(long)]
    template: PathBuf,
    /// The file with the lines; tabs stand between columns.
    #[arg(long)]
    values: PathBuf,
    /// Only so many lines are used, at equal distances.
    #[arg(long)]
    hot: Option<usize>,
    /// Each line is used at most once, and the load ends with the last one.
    #[arg(long)]
    once: bool,
    /// Where among the lines the load begins, between 0 and 1.
    #[arg(long, default_value_t = 0.0)]
    begin: f64,
    /// The status of each answer.
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// The thread never sleeps. Only where it has a core of its own.
    #[arg(long)]
    awake: bool,
    /// What each answer contains; may name columns.
    #[arg(long)]
    contains: Vec<String>,
}

/// Text with columns in it.
struct Template(Vec<Piece>);
enum Piece {
    Text(Vec<u8>),
    Column(usize),
    Length,
}
impl Template {
    fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            let named = after.find('}').map(|end| (&after[1..end], &after[end + 1..]));
            let piece = match named {
                Some(("length", _)) => Some(Piece::Length),
                Some((name, _)) => name.parse().ok().map(Piece::Column),
                None => None,
            };
            pieces.push(Piece::Text(before.as_bytes().to_vec()));
            match (piece, named) {
                (Some(piece), Some((_, after))) => {
                    pieces.push(piece);
                    rest = after;
                }
                _ => {
                    pieces.push(Piece::Text(b"{".to_vec()));
                    rest = &after[1..];
                }
            }
        }
        pieces.push(Piece::Text(rest.as_bytes().to_vec()));
        Self(pieces)
    }
    fn write(&self, columns: &[&[u8]], length: usize, to: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => to.extend_from_slice(text),
                Piece::Column(n) => to.extend_from_slice(columns.get(*n).copied().unwrap_or_default()),
                Piece::Length => to.extend_from_slice(length.to_string().as_bytes()),
            }
        }
    }
    fn names_columns(&self) -> bool {
        self.0.iter().any(|piece| !matches!(piece, Piece::Text(_)))
    }
}

/// A request, and what its answer must contain.
struct Plan {
    head: Template,
    body: Template,
    status: u16,
    /// The same in each answer.
    constant: Vec<Finder<'static>>,
    of_line: Vec<Template>,
}

/// Which line comes next.
struct Lines {
    text: Vec<u8>,
    /// Where each line begins, and where the last one ends.
    starts: Vec<usize>,
    distance: usize,
    count: usize,
    first: usize,
    used: usize,
    once: bool,
}
impl Lines {
    fn read(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        let text = fs::read(&arguments.values)?;
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', &text).map(|end| end + 1));
        let all = starts.len() - 1;
        if all == 0 {
            return Err(format!("{} has no line", arguments.values.display()).into());
        }
        let count = arguments.hot.unwrap_or(all).clamp(1, all);
        let first = (arguments.begin.clamp(0.0, 1.0) * count as f64) as usize;
        Ok(Self { text, starts, distance: all / count, count, first, used: 0, once: arguments.once })
    }
    /// Every line comes once before one comes for the second time, and neighbours do not come one after the other.
    fn next(&mut self) -> Option<usize> {
        if self.once && self.used == self.count {
            return None;
        }
        let n = if self.once { self.used } else { scattered(self.first + self.used, self.count) };
        self.used += 1;
        Some(n * self.distance)
    }
    fn line(&self, n: usize) -> &[u8] {
        &self.text[self.starts[n]..self.starts[n + 1] - 1]
    }
}

/// The `n`th step of a walk that comes by each number below `count` equally often.
fn scattered(n: usize, count: usize) -> usize {
    // A prime that divides no count this program will meet, so that the walk comes by every number.
    const STRIDE: usize = 2_147_483_647;
    (n % count).wrapping_mul(STRIDE) % count
}

/// What was measured.
#[derive(Default)]
struct Results {
    micros: Vec<u32>,
    wrong: usize,
    examples: Vec<String>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let request = fs::read_to_string(&arguments.template)?;
    let (head, body) = request.split_once("\r\n\r\n").ok_or("the template has no empty line")?;
    let contains = || arguments.contains.iter().map(|text| Template::parse(text));
    let plan = Rc::new(Plan {
        head: Template::parse(&format!("{head}\r\n\r\n")),
        body: Template::parse(body),
        status: arguments.status,
        constant: contains().filter(|t| !t.names_columns()).map(|t| Finder::new(&text(&t)).into_owned()).collect(),
        of_line: contains().filter(Template::names_columns).collect(),
    });
    let lines = Rc::new(RefCell::new(Lines::read(&arguments)?));
    let results = Rc::new(RefCell::new(Results::default()));
    let connector = arguments.ca.as_deref().map(connector).transpose()?;
    let name = ServerName::try_from(arguments.name.clone())?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (waited, took) = LocalSet::new().block_on(&runtime, async {
        let mut streams = Vec::new();
        for _ in 0..arguments.connections {
            let stream = TcpStream::connect(&arguments.connect).await?;
            stream.set_nodelay(true)?;
            streams.push(match &connector {
                Some(connector) => Stream::Tls(Box::new(connector.connect(name.clone(), stream).await?)),
                None => Stream::Plain(stream),
            });
        }
        let begin = Instant::now();
        let end = begin + Duration::from_secs_f64(arguments.seconds);
        let lanes: Vec<_> = streams
            .into_iter()
            .map(|stream| {
                let (plan, lines, results) = (plan.clone(), lines.clone(), results.clone());
                tokio::task::spawn_local(async move {
                    let outcome = match stream {
                        Stream::Plain(stream) => lane(stream, &plan, &lines, &results, end).await,
                        Stream::Tls(stream) => lane(*stream, &plan, &lines, &results, end).await,
                    };
                    if let Err(e) = outcome {
                        note(&results, format!("the connection failed: {e}"));
                    }
                })
            })
            .collect();
        let waited = Rc::new(Cell::new(Duration::ZERO));
        let awake = arguments.awake.then(|| tokio::task::spawn_local(stay_awake(results.clone(), waited.clone())));
        for lane in lanes {
            lane.await?;
        }
        if let Some(awake) = awake {
            awake.abort();
        }
        Ok::<_, Box<dyn Error>>((waited.get(), begin.elapsed()))
    })?;

    let mut results = results.take();
    results.micros.sort_unstable();
    let share = |of_thousand: usize| results.micros.get(results.micros.len() * of_thousand / 1000).copied();
    let report = json!({
        "answers": results.micros.len(),
        "seconds": took.as_secs_f64(),
        "half_micros": share(500),
        "p99_micros": share(990),
        "longest_micros": results.micros.last(),
        "generator_busy_seconds": took.saturating_sub(waited).as_secs_f64(),
        "wrong": results.wrong,
        "examples": results.examples,
    });
    println!("{report}");
    Ok(if results.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

fn connector(ca: &Path) -> Result<TlsConnector, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    Ok(TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())))
}

/// One connection, until the time is over or there is no line left.
async fn lane<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    plan: &Plan,
    lines: &RefCell<Lines>,
    results: &RefCell<Results>,
    end: Instant,
) -> Result<(), Box<dyn Error>> {
    let (mut request, mut body, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
    let mut answer = Vec::with_capacity(16 * 1024);
    while Instant::now() < end {
        let Some(n) = lines.borrow_mut().next() else { break };
        {
            let lines = lines.borrow();
            let columns: Vec<&[u8]> = lines.line(n).split(|b| *b == b'\t').collect();
            request.clear();
            body.clear();
            plan.body.write(&columns, 0, &mut body);
            plan.head.write(&columns, body.len(), &mut request);
            request.extend_from_slice(&body);
            wanted.clear();
            for template in &plan.of_line {
                let mut text = Vec::new();
                template.write(&columns, 0, &mut text);
                wanted.push(text);
            }
        }
        let sent = Instant::now();
        stream.write_all(&request).await?;
        let (status, at) = read(&mut stream, &mut answer).await?;
        let micros = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
        results.borrow_mut().micros.push(micros);
        let body = &answer[at..];
        let right = status == plan.status
            && plan.constant.iter().all(|finder| finder.find(body).is_some())
            && wanted.iter().all(|text| memchr::memmem::find(body, text).is_some());
        if !right {
            note(results, format!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(300)])));
        }
    }
    Ok(())
}

/// Reads one answer. Returns its status, and where in `answer` its body begins.
async fn read<S: AsyncRead + Unpin>(stream: &mut S, answer: &mut Vec<u8>) -> Result<(u16, usize), Box<dyn Error>> {
    answer.clear();
    let mut known = None;
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        if known.is_none() {
            known = head(answer)?;
        }
        if let Some((status, at, length)) = known {
            let whole = match length {
                Some(length) => answer.len() >= at + length,
                // Chunks (RFC 9112 §7.1): no other answer is on its way, so the last chunk is the end.
                None => answer[at..].ends_with(b"\r\n0\r\n\r\n"),
            };
            if whole {
                return Ok((status, at));
            }
        }
    }
}

/// The status, where the body begins, and how long it is; no length for chunks. `None` while the head is not complete.
fn head(answer: &[u8]) -> Result<Option<(u16, usize, Option<usize>)>, Box<dyn Error>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(at) = response.parse(answer)? else { return Ok(None) };
    let status = response.code.ok_or("an answer without a status")?;
    let length = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let length = length.map(|h| Ok::<_, Box<dyn Error>>(std::str::from_utf8(h.value)?.trim().parse()?)).transpose()?;
    Ok(Some((status, at, length)))
}

fn note(results: &RefCell<Results>, what: String) {
    let mut results = results.borrow_mut();
    results.wrong += 1;
    if results.examples.len() < 3 {
        results.examples.push(what);
    }
}

fn text(template: &Template) -> Vec<u8> {
    let mut text = Vec::new();
    template.write(&[], 0, &mut text);
    text
}

/// Never lets this thread sleep. Who answers a sleeping caller must wake it, and the kernel counts that as work of the answering server:
/// the slower a server is, the more often its caller sleeps. Adds up the time in which there was nothing to do.
async fn stay_awake(results: Rc<RefCell<Results>>, waited: Rc<Cell<Duration>>) {
    let (mut last, mut known) = (Instant::now(), 0);
    loop {
        tokio::task::yield_now().await;
        let (now, answers) = (Instant::now(), results.borrow().micros.len());
        if answers == known {
            waited.set(waited.get() + (now - last));
        }
        (last, known) = (now, answers);
    }
}
