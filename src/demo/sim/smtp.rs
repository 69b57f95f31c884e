//! A mail server that delivers into the mailbox and nowhere else (RFC 5321, the minimum of §4.5.1).

use super::mailbox::{Mail, Mailbox};
use crate::time::Clock;
use chrono::{DateTime, Utc};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// The largest message taken, announced as SIZE (RFC 1870).
const MAX_MESSAGE: usize = 256 * 1024;
/// The longest line read: RFC 5321 §4.5.3.1.6 allows 1000 octets of text, some senders write more.
const MAX_LINE: usize = 4096;
/// The most recipients of one message (RFC 5321 §4.5.3.1.8 asks for at least 100).
const MAX_RECIPIENTS: usize = 100;
/// The most conversations at once.
const MAX_CONNECTIONS: usize = 16;
/// How long a sender may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one conversation may last.
const CONVERSATION: Duration = Duration::from_secs(300);

/// The listening sink.
pub(super) struct Sink {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Sink {
    /// Listens on a free loopback port.
    pub(super) async fn start(mailbox: Mailbox, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let accepting = tokio::spawn(async move {
            loop {
                let Ok(slot) = slots.clone().acquire_owned().await else { return };
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of file descriptors, most likely: a pause lets some of them close.
                        tracing::warn!(%error, "the mail sink could not accept");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        continue;
                    }
                };
                let (mailbox, clock) = (mailbox.clone(), clock.clone());
                tokio::spawn(async move {
                    let _slot = slot;
                    let talk = converse(stream, &mailbox, clock.as_ref());
                    if !matches!(tokio::time::timeout(CONVERSATION, talk).await, Ok(Ok(()))) {
                        tracing::debug!("a mail conversation was cut short");
                    }
                });
            }
        });
        Ok(Self { address, accepting })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn stop(self) {
        self.accepting.abort();
        // Aborting is what was asked: the error it answers with says nothing new.
        let _aborted = self.accepting.await;
    }
}

async fn converse(stream: TcpStream, mailbox: &Mailbox, clock: &dyn Clock) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut dialogue = Dialogue::default();
    stream.write_all(b"220 localhost ESMTP simulator\r\n").await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = (&mut stream).take(MAX_LINE as u64);
        let read = bounded.read_until(b'\n', &mut line);
        let n = tokio::time::timeout(SILENCE, read).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if n == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            stream.write_all(b"500 line too long\r\n").await?;
            return Ok(());
        }
        let text = line.strip_suffix(b"\r\n").unwrap_or(&line[..n - 1]);
        match dialogue.line(text, clock.now()) {
            SmtpReply::Silence => {}
            SmtpReply::Say(reply) => stream.write_all(reply.as_bytes()).await?,
            SmtpReply::Delivered(mail) => {
                mailbox.put(mail);
                stream.write_all(b"250 delivered\r\n").await?;
            }
            SmtpReply::Bye => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
        }
    }
}

/// What one line of the sender's leads to.
#[derive(Debug, PartialEq, Eq)]
enum SmtpReply {
    Silence,
    Say(String),
    Delivered(Mail),
    Bye,
}

/// One conversation: what was said so far.
#[derive(Debug, Default)]
struct Dialogue {
    greeted: bool,
    sender: Option<String>,
    recipients: Vec<String>,
    data: Option<Vec<u8>>,
    too_big: bool,
}

impl Dialogue {
    /// Takes one line, without its line end.
    fn line(&mut self, line: &[u8], now: DateTime<Utc>) -> SmtpReply {
        if self.data.is_some() {
            return self.data_line(line, now);
        }
        let Ok(text) = std::str::from_utf8(line) else { return say("500 not text") };
        let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                self.reset();
                self.greeted = true;
                say(&format!(
                    "250-localhost\r\n250-SIZE {MAX_MESSAGE}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING"
                ))
            }
            "HELO" => {
                self.reset();
                self.greeted = true;
                say("250 localhost")
            }
            "MAIL" => self.mail(text),
            "RCPT" => self.rcpt(text),
            "DATA" if self.recipients.is_empty() => say("503 name the recipients first"),
            "DATA" => {
                self.data = Some(Vec::new());
                self.too_big = false;
                say("354 end with a line that holds one dot")
            }
            "RSET" => {
                self.reset();
                say("250 forgotten")
            }
            "NOOP" => say("250 still here"),
            "VRFY" => say("252 send it and see"),
            "QUIT" => SmtpReply::Bye,
            _ => say("500 unknown command"),
        }
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn mail(&mut self, text: &str) -> SmtpReply {
        if !self.greeted || self.sender.is_some() {
            return say("503 not now");
        }
        let Some((address, parameters)) = path(text, "MAIL FROM:") else { return say("501 MAIL FROM:<address>") };
        let size = parameters.split(' ').find_map(|p| p.strip_prefix("SIZE=")).and_then(|n| n.parse::<usize>().ok());
        if size.is_some_and(|n| n > MAX_MESSAGE) {
            return say("552 too large");
        }
        self.sender = Some(address);
        say("250 sender noted")
    }

    fn rcpt(&mut self, text: &str) -> SmtpReply {
        if self.sender.is_none() {
            return say("503 name the sender first");
        }
        match path(text, "RCPT TO:") {
            None => say("501 RCPT TO:<address>"),
            Some((address, _)) if address.is_empty() => say("501 RCPT TO:<address>"),
            Some(_) if self.recipients.len() == MAX_RECIPIENTS => say("452 too many recipients"),
            Some((address, _)) => {
                self.recipients.push(address);
                say("250 recipient noted")
            }
        }
    }

    fn data_line(&mut self, line: &[u8], now: DateTime<Utc>) -> SmtpReply {
        if line == b"." {
            let data = self.data.take().unwrap_or_default();
            let sender = self.sender.take().unwrap_or_default();
            let recipients = std::mem::take(&mut self.recipients);
            if self.too_big {
                return say("552 too large");
            }
            return SmtpReply::Delivered(Mail::decode(&data, &sender, &recipients, now));
        }
        // RFC 5321 §4.5.2: the dot a sender put before a line that starts with one comes off again.
        let text = line.strip_prefix(b".").unwrap_or(line);
        if let Some(data) = &mut self.data {
            if data.len() + text.len() + 2 > MAX_MESSAGE {
                self.too_big = true;
                data.clear();
            }
            if !self.too_big {
                data.extend_from_slice(text);
                data.extend_from_slice(b"\r\n");
            }
        }
        SmtpReply::Silence
    }
}

fn say(text: &str) -> SmtpReply {
    SmtpReply::Say(format!("{text}\r\n"))
}

/// The address of `VERB:<address> parameters`, and the parameters.
fn path(line: &str, verb: &str) -> Option<(String, String)> {
    let start = line.get(..verb.len()).filter(|v| v.eq_ignore_ascii_case(verb))?.len();
    let (address, parameters) = line[start..].trim_start().strip_prefix('<')?.split_once('>')?;
    (address.len() <= 320).then(|| (address.to_owned(), parameters.trim().to_ascii_uppercase()))
}

#[cfg(test)]
mod tests;
