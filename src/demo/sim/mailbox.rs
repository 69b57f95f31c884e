//! The mails that arrived, decoded (RFC 5322, MIME) and bounded.

use crate::time::from_secs;
use chrono::{DateTime, Utc};
use mail_parser::{Address, MessageParser};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The most mails kept; the oldest fall out.
const MAX_MAILS: usize = 200;

/// One mail as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: String,
    /// The subject, decoded.
    pub subject: String,
    /// The text, decoded.
    pub text: String,
    /// When it was written, or when it came if it does not say.
    pub date: DateTime<Utc>,
}

impl Mail {
    /// Reads a message as it came over the wire. What it does not say is taken from the envelope.
    #[must_use]
    pub fn decode(raw: &[u8], sender: &str, recipients: &[String], received: DateTime<Utc>) -> Self {
        let message = MessageParser::default().parse(raw);
        let message = message.as_ref();
        let from = message.and_then(|m| m.from()).and_then(addresses);
        let to = message.and_then(|m| m.to()).and_then(addresses);
        let text = message.and_then(|m| m.body_text(0)).map(|t| t.replace("\r\n", "\n"));
        Self {
            from: from.unwrap_or_else(|| sender.to_owned()),
            to: to.unwrap_or_else(|| recipients.join(", ")),
            subject: message.and_then(|m| m.subject()).unwrap_or_default().to_owned(),
            text: text.unwrap_or_else(|| String::from_utf8_lossy(raw).into_owned()),
            date: message.and_then(|m| m.date()).map_or(received, |d| from_secs(d.to_timestamp())),
        }
    }
}

fn addresses(list: &Address<'_>) -> Option<String> {
    let all: Vec<&str> = list.iter().filter_map(|a| a.address()).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The mailbox, shared between the sink that fills it and the page that shows it.
#[derive(Debug, Clone, Default)]
pub struct Mailbox(Arc<Mutex<VecDeque<Mail>>>);

impl Mailbox {
    /// Takes a mail in.
    pub fn put(&self, mail: Mail) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() == MAX_MAILS {
            list.pop_back();
        }
        list.push_front(mail);
    }
    /// All mails, the newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mime_message_is_read_as_a_person_reads_it() {
        let raw = "From: =?utf-8?B?44G/44Gq44Go?= <noreply@minato.example>\r\nTo: <taro@mail.example>\r\n\
            Date: Sun, 22 Nov 2026 10:16:20 +0900\r\nSubject: =?utf-8?B?5a6M5LqG44Gu44GK55+l44KJ44Gb?=\r\n\
            MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
            44GK5a6i44GV44G+DQo=\r\n";
        let mail = Mail::decode(raw.as_bytes(), "bounce@minato.example", &["x@y.example".into()], from_secs(0));
        assert_eq!(mail.from, "noreply@minato.example");
        assert_eq!(mail.to, "taro@mail.example");
        assert_eq!(mail.subject, "完了のお知らせ");
        assert_eq!(mail.text, "お客さま\n");
        assert_eq!(crate::time::rfc3339(mail.date), "2026-11-22T01:16:20.000Z");
    }

    #[test]
    fn a_bare_text_takes_the_envelope() {
        let to = ["a@b.example".to_owned(), "c@d.example".to_owned()];
        let mail = Mail::decode(b"hello\r\n", "s@x.example", &to, from_secs(7));
        assert_eq!((mail.from.as_str(), mail.to.as_str()), ("s@x.example", "a@b.example, c@d.example"));
        assert_eq!(mail.date, from_secs(7));
    }

    #[test]
    fn the_oldest_falls_out() {
        let mailbox = Mailbox::default();
        for n in 0..=MAX_MAILS {
            mailbox.put(Mail::decode(b"x", "s", &[format!("{n}")], from_secs(0)));
        }
        let all = mailbox.all();
        assert_eq!((all.len(), all[0].to.as_str()), (MAX_MAILS, "200"));
        assert_eq!(all.last().map(|m| m.to.as_str()), Some("1"));
    }
}
