//! Tests with a small relay, and of the folder.

use super::*;
use crate::clock::{Instant, ManualClock};
use crate::lifecycle::{Letter, Mail, MailError, Mailer};
use crate::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const ADDRESS: &str = "taro@mail.example";

fn sender() -> Sender {
    let clock = Arc::new(ManualClock::at(Instant::from_secs(1_795_310_100)));
    Sender::new("みなと信用組合", "no-reply@notice.minato.example", clock).unwrap()
}

fn mail() -> Mail {
    let letter = Letter {
        subject: "【みなと信用組合】API連携認証 完了のお知らせ（受付番号 ABCD-1234）".into(),
        text: "お客さま\n　お手続き日時：2026年11月22日 10時15分\n.\n終わり\n".into(),
    };
    Mail { to: ADDRESS.into(), letter }
}

/// A relay that answers the command beginning with `at` once with `with`, and accepts all others; it returns the lines
/// it received. An empty `with` means no answer.
async fn relay(at: &'static str, with: &'static str) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        let (mut heard, mut data) = (Vec::new(), false);
        write.write_all(b"220 relay.test ESMTP\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push(line.clone());
            let answer = if data && line != "." {
                continue;
            } else if data {
                data = false;
                if at == "." { with } else { "250 taken" }
            } else if !at.is_empty() && line.starts_with(at) {
                with
            } else if line.starts_with("EHLO") {
                "250-relay.test\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME"
            } else if line == "DATA" {
                data = true;
                "354 go on"
            } else if line == "QUIT" {
                "221 bye"
            } else {
                "250 ok"
            };
            if answer.is_empty() {
                continue;
            }
            if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() || line == "QUIT" {
                break;
            }
        }
        heard
    });
    (port, heard)
}

fn smtp(port: u16, tls: RelayTls, login: bool) -> Smtp {
    let login = login.then(|| Login { username: "renkei".into(), password: Secret::new("wrong") });
    let timeout = Duration::from_millis(400);
    let (host, helo) = ("127.0.0.1".into(), url::Host::parse("link.minato.example").unwrap());
    Smtp::new(sender(), Relay { host, port, tls, extra_ca: None, helo, login, timeout }).unwrap()
}

#[tokio::test]
async fn a_relay_gets_the_letter_with_its_headers() {
    let (port, heard) = relay("", "").await;
    let smtp = smtp(port, RelayTls::None, false);
    smtp.send(&mail()).await.unwrap();
    drop(smtp);
    let heard = heard.await.unwrap();
    assert!(
        heard.contains(&"MAIL FROM:<no-reply@notice.minato.example> BODY=8BITMIME".to_owned())
            || heard.contains(&"MAIL FROM:<no-reply@notice.minato.example>".to_owned()),
        "{heard:?}"
    );
    assert!(heard.contains(&format!("RCPT TO:<{ADDRESS}>")), "{heard:?}");
    assert_eq!((heard[0].as_str(), heard.last().unwrap().as_str()), ("EHLO link.minato.example", "QUIT"));
    let start = heard.iter().position(|l| l == "DATA").unwrap() + 1;
    let raw = heard[start..].iter().take_while(|l| *l != ".").fold(String::new(), |all, l| all + l + "\r\n");
    let read = mail_parser::MessageParser::default().parse(raw.as_bytes()).unwrap();
    assert_eq!(read.subject(), Some(mail().letter.subject.as_str()));
    assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n"), mail().letter.text);
    let from = read.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("みなと信用組合"), Some("no-reply@notice.minato.example")));
    assert_eq!(read.date().unwrap().to_timestamp(), 1_795_310_100);
    assert!(read.message_id().unwrap().ends_with("@notice.minato.example"), "{:?}", read.message_id());
    for line in ["Auto-Submitted: auto-generated\r\n", "Content-Type: text/plain; charset=utf-8\r\n"] {
        assert!(raw.contains(line), "{raw}");
    }
    for never in ["text/html", "multipart", "Reply-To", "Content-Disposition"] {
        assert!(!raw.contains(never), "{raw}");
    }
}

#[test]
fn every_attempt_at_a_letter_has_the_same_id_and_other_letters_another() {
    let id = |m: &Mail| sender().message(m).unwrap().headers().get_raw("Message-ID").unwrap().to_owned();
    let mut other = mail();
    other.letter.text.push('!');
    assert_eq!(id(&mail()), id(&mail()));
    assert_ne!(id(&mail()), id(&other));
}

#[tokio::test]
async fn only_the_recipients_own_refusal_is_for_good() {
    let unknown = MailError::Recipient("RCPT TO was answered 550 5.1.1".into());
    let later = |why: &str| MailError::Later(why.into());
    for (at, with, login, want) in [
        ("RCPT", "550 5.1.1 <taro@mail.example> unknown", false, unknown.clone()),
        ("RCPT", "550-5.1.1 <taro@mail.example>\r\n550 5.1.1 unknown", false, unknown),
        ("RCPT", "550 taro unknown", false, later("RCPT TO was answered 550")),
        ("RCPT", "451 4.7.1 <taro@mail.example> greylisted", false, later("RCPT TO was answered 451 4.7.1")),
        ("RCPT", "550 5.7.1 <taro@mail.example> relay", false, later("RCPT TO was answered 550 5.7.1")),
        ("DATA", "554 5.5.1 no valid recipients", false, later("DATA was answered 554 5.5.1")),
        (".", "554 5.7.1 taro likes spam", false, later("the message was answered 554 5.7.1")),
        (".", "452 4.3.1 full", false, later("the message was answered 452 4.3.1")),
        ("MAIL", "530 5.7.0 log in first", false, later("MAIL FROM was answered 530 5.7.0")),
        ("MAIL", "550 5.1.1 unknown", false, later("MAIL FROM was answered 550 5.1.1")),
        ("EHLO", "550 5.1.1 who are you", false, later("EHLO was answered 550 5.1.1")),
        ("AUTH", "535 5.7.8 wrong password", true, later("AUTH was answered 535 5.7.8")),
        ("EHLO", "", false, later("EHLO was not answered in time")),
        ("RCPT", "", false, later("RCPT TO was not answered in time")),
        ("RCPT", "taro", false, later("RCPT TO: no answer that can be read")),
    ] {
        let (port, heard) = relay(at, with).await;
        let smtp = smtp(port, RelayTls::None, login);
        assert_eq!(smtp.send(&mail()).await, Err(want), "{at} {with}");
        drop(smtp);
        heard.abort();
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = smtp(closed, RelayTls::None, false).send(&mail()).await.unwrap_err();
    assert_eq!(error, MailError::Later("EHLO: connection refused".into()));
}

/// Where `mail.tls` asks for it.
#[tokio::test]
async fn a_relay_without_starttls_gets_nothing() {
    let (port, heard) = relay("", "").await;
    let smtp = smtp(port, RelayTls::Starttls, false);
    assert!(matches!(smtp.send(&mail()).await, Err(MailError::Later(_))));
    drop(smtp);
    let heard = heard.await.unwrap();
    assert!(!heard.iter().any(|l| l.starts_with("MAIL") || l.starts_with("RCPT")), "{heard:?}");
}

#[tokio::test]
async fn an_address_that_is_none_reaches_no_relay() {
    for to in ["", "taro", "taro@mail.example\r\nBcc: x@y.example", "a@b@c", "x <taro@mail.example>"] {
        let (port, heard) = relay("", "").await;
        let mail = Mail { to: to.into(), ..mail() };
        let error = smtp(port, RelayTls::None, false).send(&mail).await.unwrap_err();
        assert_eq!(error, MailError::Later("the address cannot be read".into()), "{to:?}");
        heard.abort();
    }
    let clock = Arc::new(ManualClock::at(Instant::from_secs(0)));
    assert!(Sender::new("x", "no address", clock).is_err());
}

#[tokio::test]
async fn a_folder_keeps_each_message_once_and_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail");
    let folder = Folder::new(sender(), &path).unwrap();
    folder.send(&mail()).await.unwrap();
    folder.send(&mail()).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let raw = std::fs::read(&files[0]).unwrap();
    let read = mail_parser::MessageParser::default().parse(&raw).unwrap();
    assert_eq!(read.subject(), Some(mail().letter.subject.as_str()));
    std::fs::remove_dir_all(&path).unwrap();
    let error = folder.send(&mail()).await.unwrap_err();
    assert_eq!(error, MailError::Later("the file cannot be written: entity not found".into()));
}
