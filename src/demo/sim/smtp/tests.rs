use super::*;
use crate::time::from_secs;

fn now() -> DateTime<Utc> {
    from_secs(1_795_300_000)
}

/// The first three digits of the answer to each line; `-` for none, `ok` for a delivery.
fn answers(dialogue: &mut Dialogue, lines: &[&str]) -> Vec<String> {
    let short = |reply| match reply {
        SmtpReply::Silence => "-".to_owned(),
        SmtpReply::Say(text) => text[..3].to_owned(),
        SmtpReply::Delivered(_) => "ok".to_owned(),
        SmtpReply::Bye => "bye".to_owned(),
    };
    lines.iter().map(|l| short(dialogue.line(l.as_bytes(), now()))).collect()
}

#[test]
fn an_order_of_commands_is_kept() {
    for (lines, expected, why) in [
        (vec!["MAIL FROM:<a@b>"], vec!["503"], "no greeting"),
        (vec!["EHLO x", "RCPT TO:<a@b>"], vec!["250", "503"], "no sender"),
        (vec!["EHLO x", "MAIL FROM:<a@b>", "DATA"], vec!["250", "250", "503"], "no recipient"),
        (vec!["EHLO x", "MAIL FROM:<a@b>", "MAIL FROM:<a@b>"], vec!["250", "250", "503"], "two senders"),
        (
            vec!["HELO x", "mail from:<>", "rcpt to:<a@b>", "RSET", "DATA"],
            vec!["250", "250", "250", "250", "503"],
            "reset",
        ),
        (vec!["EHLO x", "MAIL FROM:<a@b> SIZE=999999999"], vec!["250", "552"], "announced too large"),
        (vec!["EHLO x", "MAIL a@b", "MAIL FROM:<a@b>", "RCPT TO:<>"], vec!["250", "501", "250", "501"], "no path"),
        (vec!["HELP", "NOOP", "VRFY a", "QUIT"], vec!["500", "250", "252", "bye"], "the others"),
    ] {
        assert_eq!(answers(&mut Dialogue::default(), &lines), expected, "{why}");
    }
}

#[test]
fn leading_dots_come_off_and_a_second_message_follows() {
    let mut d = Dialogue::default();
    answers(&mut d, &["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "Subject: s", "", "..dot", "text"]);
    let SmtpReply::Delivered(mail) = d.line(b".", now()) else { panic!("not delivered") };
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("s", ".dot\ntext\n"));
    assert_eq!(
        answers(&mut d, &["DATA", "MAIL FROM:<a@b>"]),
        ["503", "250"],
        "the envelope is gone, the greeting is not"
    );
}

#[test]
fn a_message_past_the_cap_is_refused_and_not_kept() {
    let mut d = Dialogue::default();
    answers(&mut d, &["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA"]);
    let line = "x".repeat(1000);
    for _ in 0..300 {
        assert_eq!(d.line(line.as_bytes(), now()), SmtpReply::Silence);
    }
    assert!(d.data.as_ref().is_some_and(|data| data.len() <= MAX_MESSAGE));
    assert_eq!(answers(&mut d, &["."]), ["552"]);
}

#[tokio::test]
async fn a_conversation_over_the_wire_fills_the_mailbox() -> io::Result<()> {
    let mailbox = Mailbox::default();
    let sink = Sink::start(mailbox.clone(), Arc::new(now)).await?;
    let mut stream = TcpStream::connect(sink.address()).await?;
    // All at once: PIPELINING (RFC 2920) is announced.
    stream
        .write_all(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: hi\r\n\r\nbody\r\n.\r\nQUIT\r\n")
        .await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    assert!(said.starts_with("220 ") && said.ends_with("250 delivered\r\n221 bye\r\n"), "{said}");
    assert_eq!(mailbox.all()[0].text, "body\n");
    sink.stop().await;
    Ok(())
}
