//! Notices through a real relay, Debian's Postfix: what it takes, what it refuses of us, and what it refuses of the
//! customer (requirements.md#notices).

use crate::support::browser::Customer;
use crate::support::postfix::{Postfix, postfix};
use crate::support::test_store::{TestStore, on_both_engines};
use crate::support::town::{Town, on_both_with};
use crate::support::world::World;
use renkei_core::audit::Actor;
use renkei_core::id::NoticeId;
use renkei_core::lifecycle::delivery::Round;
use renkei_core::lifecycle::outbox::{Retried, Undelivered, retry, undelivered};
use renkei_core::lifecycle::{Letter, LetterWriter, Mail, MailError, Mailer, Notice, deliver_notices};
use renkei_server::config::{Config, MailKind};
use renkei_server::mail::{Relay, RelayTls, Sender, Smtp};
use serde_json::json;
use std::time::Duration;
use url::Host;

const DAY: Duration = Duration::from_hours(24);
const SENDER: &str = "no-reply@bank.test";

on_both_engines! {
    what_postfix_refuses_of_us_is_tried_for_a_day
    an_unknown_recipient_is_given_up_at_once
    whoever_mended_the_relay_need_not_wait
}
on_both_with!(a_link_is_told_of_through_postfix, super::through_postfix);
on_both_with!(staff_sees_what_was_not_delivered, super::through_postfix);
on_both_with!(a_test_mail_says_whether_mail_goes_out, super::through_postfix);

fn relay(tls: RelayTls, port: u16, helo: &str) -> Relay {
    let extra_ca = (tls != RelayTls::None).then(|| postfix().ca.clone().into_bytes());
    let (host, helo) = ("localhost".to_owned(), Host::parse(helo).unwrap());
    Relay { host, port, tls, extra_ca, helo, login: None, timeout: Duration::from_secs(10) }
}
fn sender(from: &str) -> Sender {
    let clock = std::sync::Arc::new(renkei_core::clock::SystemClock);
    Sender::new("みなと信用組合", from, clock).unwrap()
}
/// Without TLS, for what is about answers alone.
fn plain(helo: &str, from: &str) -> Smtp {
    Smtp::new(sender(from), relay(RelayTls::None, postfix().plain, helo)).unwrap()
}
fn letter(to: &str) -> Mail {
    let letter = Letter {
        subject: "【みなと信用組合】お知らせ".into(), text: "お客さま\n.\n終わり\n".into()
    };
    Mail { to: to.into(), letter }
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_takes_a_mail_over_tls_with_a_ca_of_our_own() {
    let postfix = postfix();
    for (tls, port) in [(RelayTls::Starttls, postfix.starttls), (RelayTls::Implicit, postfix.implicit)] {
        let to = postfix.mailbox();
        let with = relay(tls, port, "link.renkei.test");
        let without = Smtp::new(sender(SENDER), Relay { extra_ca: None, ..with.clone() }).unwrap();
        let refused = without.send(&letter(&to)).await.unwrap_err();
        let MailError::Later(why) = &refused else { panic!("{tls:?}: {refused}") };
        assert!(why.contains("TLS failed: invalid peer certificate: UnknownIssuer"), "{tls:?}: {why}");

        Smtp::new(sender(SENDER), with).unwrap().send(&letter(&to)).await.unwrap();
        let mails = postfix.mails(&to, 1);
        assert_eq!(mails.len(), 1);
        let read = mail_parser::MessageParser::default().parse(mails[0].as_bytes()).unwrap();
        assert_eq!(read.subject(), Some("【みなと信用組合】お知らせ"));
        assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), "お客さま\n.\n終わり");
        for line in ["Received: from link.renkei.test", "with ESMTPS", "Return-Path: <no-reply@bank.test>"] {
            assert!(mails[0].contains(line), "{line}: {}", mails[0]);
        }
    }
    // It says nothing but STARTTLS to whoever speaks in the clear.
    let clear = Smtp::new(sender(SENDER), relay(RelayTls::None, postfix.starttls, "link.renkei.test")).unwrap();
    let refused = clear.send(&letter(&postfix.mailbox())).await.unwrap_err();
    assert_eq!(refused, MailError::Later("MAIL FROM was answered 530 5.7.0".into()));
    let none = Smtp::new(sender(SENDER), relay(RelayTls::Starttls, postfix.plain, "link.renkei.test")).unwrap();
    let refused = none.send(&letter(&postfix.mailbox())).await.unwrap_err();
    assert_eq!(refused, MailError::Later("STARTTLS: the relay does not offer it".into()));
}

struct Words;
impl LetterWriter for Words {
    fn write(&self, notice: &Notice) -> Result<Letter, String> {
        let Notice::Completed(c) = notice else { return Err("not of this test".into()) };
        Ok(Letter { subject: c.reference.clone(), text: c.app.clone() })
    }
}
async fn with_notice(w: &World, to: &str) {
    let app = w.app(&format!("app-{}", to.split('@').next().unwrap())).await;
    let allowed = w.allow(&app).await;
    w.queue_notice(&allowed, to).await;
}
async fn round(w: &World, through: &Smtp) -> Round {
    deliver_notices(&w.store, through, &Words, &w.sealer, w.now()).await.unwrap()
}
async fn listed(w: &World) -> Vec<Undelivered> {
    w.store.scan(|tx| undelivered(tx, 100)).await.unwrap()
}
fn state_and_trouble(n: &Undelivered) -> (&str, Option<&str>) {
    (&n.state, n.trouble.as_deref())
}

async fn what_postfix_refuses_of_us_is_tried_for_a_day(test_store: TestStore) {
    let w = World::at(test_store);
    let (good, bare) = ("link.renkei.test", "localhost");
    for (helo, from, to, trouble) in [
        (bare, SENDER, postfix().mailbox(), "RCPT TO was answered 504 5.5.2"),
        (good, SENDER, "taro@elsewhere.test".to_owned(), "RCPT TO was answered 554 5.7.1"),
        (good, "refused@bank.test", postfix().mailbox(), "RCPT TO was answered 554 5.7.1"),
    ] {
        let begin = w.now();
        with_notice(&w, &to).await;
        let wrong = plain(helo, from);
        let mut rounds = Round::default();
        loop {
            let did = round(&w, &wrong).await;
            rounds.later += did.later;
            let newest = listed(&w).await.remove(0);
            if did.failed == 1 {
                assert_eq!(state_and_trouble(&newest), ("failed", Some(trouble)));
                assert_eq!(newest.done_at, Some(w.now()));
                break;
            }
            assert_eq!(state_and_trouble(&newest), ("waiting", Some(trouble)), "{:?} in", w.now().since(begin));
            assert_eq!(newest.until, Some(begin + DAY));
            w.wait(newest.next_at.unwrap().since(w.now()));
        }
        assert_eq!(w.now().since(begin), DAY, "{trouble}: the last attempt is made when the day is over");
        assert!((25..40).contains(&rounds.later), "with growing pauses: {}", rounds.later);
    }
    let failed = "select count(*) from audit where action = 'notice.failed'";
    assert_eq!(w.count(failed, vec![]).await, 3);
    assert_eq!(listed(&w).await.len(), 3, "what was given up stands in the list");
}

async fn an_unknown_recipient_is_given_up_at_once(test_store: TestStore) {
    let w = World::at(test_store);
    with_notice(&w, "nobody@customers.test").await;
    let to = postfix().mailbox();
    with_notice(&w, &to).await;
    let right = plain("link.renkei.test", SENDER);
    assert_eq!(round(&w, &right).await, Round { sent: 1, failed: 1, later: 0 });
    assert_eq!(postfix().mails(&to, 1).len(), 1);
    let listed = listed(&w).await;
    assert_eq!(
        listed.iter().map(state_and_trouble).collect::<Vec<_>>(),
        [("failed", Some("RCPT TO was answered 550 5.1.1"))]
    );
    let (recorded, now) = ("select count(*) from audit where action = 'notice.failed'", w.now());
    assert_eq!(w.count(recorded, vec![]).await, 1);
    w.wait(DAY);
    assert_eq!(round(&w, &right).await, Round::default());
    assert_eq!(listed[0].done_at, Some(now));
}

async fn whoever_mended_the_relay_need_not_wait(test_store: TestStore) {
    let w = World::at(test_store);
    let (to, wrong, right) = (postfix().mailbox(), plain("localhost", SENDER), plain("link.renkei.test", SENDER));
    with_notice(&w, &to).await;
    assert_eq!(round(&w, &wrong).await.later, 1);
    assert_eq!(round(&w, &right).await, Round::default(), "its minute is not over");
    let again = async |id: &NoticeId| {
        let (id, now) = (id.clone(), w.now());
        w.write(move |tx| retry(tx, &id, Actor::Staff("tanaka".into()), now)).await
    };
    let id = listed(&w).await[0].id.clone();
    assert_eq!(again(&id).await, Retried::Now);
    assert_eq!(round(&w, &wrong).await.later, 1);
    // Nobody comes for a day, and the last attempt fails too.
    w.wait(DAY);
    assert_eq!(round(&w, &wrong).await.failed, 1);
    assert_eq!(listed(&w).await[0].state, "failed");
    assert_eq!(again(&id).await, Retried::Now);
    assert_eq!(listed(&w).await[0].until, Some(w.now() + DAY), "another day from now");
    assert_eq!(round(&w, &right).await.sent, 1);
    assert_eq!(postfix().mails(&to, 1).len(), 1);
    assert_eq!((listed(&w).await.len(), again(&id).await), (0, Retried::Sent));
    assert_eq!(again(&NoticeId::parse("none").unwrap()).await, Retried::Unknown);
    assert_eq!(w.count("select count(*) from audit where action = 'notice.retried'", vec![]).await, 2);
    w.whole().await;
}

/// A town whose mail goes through Postfix, by STARTTLS, with its authority in `mail.ca_file` and EHLO left alone.
fn through_postfix(config: &mut Config) {
    let postfix: &Postfix = postfix();
    let ca = config.server.data_dir.with_extension("mail-ca.pem");
    std::fs::write(&ca, &postfix.ca).unwrap();
    config.mail.kind = MailKind::Smtp;
    config.mail.port = postfix.starttls;
    config.mail.ca_file = Some(ca);
}
/// The sample customer links their account and types this address.
async fn link_with(w: &Town, address: &str) -> String {
    let app = w.kakeibo();
    let pending = app.ask_directly("accounts");
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    let taro = Customer { email: address.into(), ..Customer::taro() };
    browser.walk_to_consent(w, "115-1100026", &taro, "4071").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await.grant_id
}

async fn a_link_is_told_of_through_postfix(w: &Town) {
    let to = postfix().mailbox();
    link_with(w, &to).await;
    let mails = postfix().mails(&to, 1);
    let read = mail_parser::MessageParser::default().parse(mails[0].as_bytes()).unwrap();
    assert!(read.subject().unwrap().starts_with("【みなと信用組合】API連携認証 完了のお知らせ"), "{}", mails[0]);
    assert!(mails[0].contains("Received: from link.renkei.test"), "the issuer's host: {}", mails[0]);
    w.until_mail_is_settled().await;
    assert_eq!(w.staff(&["notice", "list"]).await.out, "every notice was delivered\n");
    assert_eq!(w.recorded("notice.sent").await, 1);
}

async fn staff_sees_what_was_not_delivered(w: &Town) {
    let unknown = link_with(w, "nobody@customers.test").await;
    w.until_mail_is_settled().await;
    w.clock.advance(Duration::from_secs(1));
    let relayed = link_with(w, "taro@elsewhere.test").await;
    w.until_mail_is_settled().await;

    let answer = w.staff(&["--json", "notice", "list"]).await.json();
    assert_eq!(answer["more"], false);
    let notices = answer["notices"].as_array().unwrap();
    let told = |n: &serde_json::Value| json!([n["state"], n["grant_id"], n["client_id"], n["attempts"], n["trouble"]]);
    assert_eq!(
        notices.iter().map(told).collect::<Vec<_>>(),
        [
            json!(["waiting", relayed, "kakeibo", 1, "RCPT TO was answered 554 5.7.1"]),
            json!(["failed", unknown, "kakeibo", 1, "RCPT TO was answered 550 5.1.1"]),
        ]
    );
    let (waiting, failed) = (&notices[0], &notices[1]);
    assert_eq!(waiting["created_at"], waiting["tried_until"].as_str().unwrap().replace("-26T", "-25T"), "{waiting}");
    assert_eq!((waiting["given_up_at"].is_null(), failed["next_at"].is_null()), (true, true));
    let text = w.staff(&["notice", "list"]).await;
    assert!(text.out.lines().nth(1).unwrap().contains("RCPT TO was answered 554 5.7.1"), "{text:?}");
    for said in [answer.to_string(), text.out, w.log()] {
        assert!(!said.contains("elsewhere.test") && !said.contains("nobody@"), "no address is shown or logged");
    }

    let id = waiting["notice_id"].as_str().unwrap();
    let said = w.staff(&["notice", "retry", id]).await;
    assert_eq!((said.status, said.out), (0, format!("{id}: will be sent now\n")));
    w.until_mail_is_settled().await;
    assert_eq!(w.staff(&["--json", "notice", "list"]).await.json()["notices"][0]["attempts"], 1, "counted anew");
    w.staff(&["notice", "retry", "no-such"]).await.refused(1, "there is no notice no-such");
    w.staff(&["notice", "retry", "a b"]).await.refused(2, "not a notice id");
    let record = w.staff(&["audit", "export", "--grant", &relayed]).await;
    assert!(record.out.contains("\"notice.retried\""), "{record:?}");
}

async fn a_test_mail_says_whether_mail_goes_out(w: &Town) {
    let to = postfix().mailbox();
    let later = || w.clock.advance(Duration::from_secs(1));
    let said = w.staff(&["mail", "test", &to]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.out.starts_with(&format!("localhost:{} took the test mail for {to}. ", postfix().starttls)),
        "{said:?}"
    );
    let mails = postfix().mails(&to, 1);
    let read = mail_parser::MessageParser::default().parse(mails[0].as_bytes()).unwrap();
    assert_eq!(read.subject(), Some("Renkei テストメール / test mail"));
    assert!(read.body_text(0).unwrap().contains("お手続きは不要です"), "{}", mails[0]);
    for (address, why) in [
        ("nobody@customers.test", "works, but has no mailbox nobody@customers.test: RCPT TO was answered 550 5.1.1"),
        ("taro@elsewhere.test", "the mail did not go out over localhost"),
    ] {
        later();
        w.staff(&["mail", "test", address]).await.refused(1, why);
    }
    later();
    w.staff(&["mail", "test", "no address"]).await.refused(2, "not a mail address");
    assert_eq!(w.staff(&["--json", "mail", "test", &to]).await.json()["sent"], true);
    // The record has who sent one and what became of it, and no address.
    let record = w.staff(&["audit", "export"]).await.out;
    let tests: Vec<&str> = record.lines().filter(|line| line.contains("staff.mail.tested")).collect();
    assert_eq!(tests.len(), 4, "{record}");
    assert!(tests[1].contains("550 5.1.1") && tests[0].contains("\"result\":\"sent\""), "{tests:?}");
    assert!(!record.contains(&to) && !record.contains("elsewhere.test"), "{record}");
}
