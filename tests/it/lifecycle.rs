//! Step 6 on the store, on both engines: what runs out becomes an event, what was promised is mailed, what is no longer
//! needed goes.

use crate::support::test_store::{TestStore, on_both_engines};
use crate::support::world::{Allowed, World, access};
use futures_util::future::BoxFuture;
use renkei_core::account::Account;
use renkei_core::grant::{FURTHER_WINDOW, Further, GrantState, Reason, code, further};
use renkei_core::lifecycle::delivery::Round;
use renkei_core::lifecycle::housekeeping::{Retention, TASKS, run_task};
use renkei_core::lifecycle::outbox::{Retried, Undelivered, retry, undelivered};
use renkei_core::lifecycle::{
    AccountChangeKind, AccountChanged, Letter, LetterWriter, Mail, MailError, Mailer, Notice, ReportOutcome, Swept,
    deliver_notices,
};
use renkei_core::refusal::ErrorCode;
use renkei_core::secret::{SecretKind, presented};
use std::sync::Mutex;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

on_both_engines! {
    a_grant_expires_once_and_its_client_hears_before
    a_sweep_is_bounded
    a_short_grant_is_announced_late_or_not_at_all
    what_was_never_redeemed_is_not_announced
    a_changed_account_ends_its_links
    a_notice_is_held_until_its_link_exists
    a_notice_of_a_link_that_never_was_is_deleted_with_its_address
    a_further_code_keeps_the_notice
    a_redemption_that_was_taken_back_never_was
    a_grant_that_ends_meanwhile_takes_its_notice_along
    a_notice_goes_out_once
    a_notice_that_is_being_delivered_is_nobody_elses
    a_mail_that_cannot_go_is_tried_for_a_day
    an_unknown_recipient_is_given_up
    an_address_is_erased
    tables_forget_what_they_may
}

async fn a_grant_expires_once_and_its_client_hears_before(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    let end = w.grant(&allowed.grant).await.expires_at;
    w.wait(23 * DAY - SECOND);
    assert_eq!(w.sweep().await, Swept::default());
    w.wait(SECOND);
    assert_eq!(w.sweep().await, Swept { warned: 1, looked: 1, ..Swept::default() }, "seven days before");
    assert_eq!(w.sweep().await, Swept::default(), "told once");
    w.wait(6 * DAY - SECOND);
    assert_eq!(w.sweep().await, Swept::default());
    w.wait(SECOND);
    assert_eq!(w.sweep().await, Swept { warned: 1, looked: 1, ..Swept::default() }, "one day before");
    assert_eq!(w.sweep().await, Swept::default(), "told once");
    w.wait(DAY - SECOND);
    assert!(w.is_active(&api, &token).await);
    w.wait(SECOND);
    assert!(!w.is_active(&api, &token).await, "right without the sweeper");
    w.wait(2 * DAY);
    assert_eq!(w.sweep().await, Swept { expired: 1, ..Swept::default() });
    assert_eq!(w.sweep().await, Swept::default());
    assert_eq!(w.grant(&allowed.grant).await.state, GrantState::Expired { at: end }, "when its time was over");
    let events = w.events(&allowed.grant).await;
    assert_eq!(events[2..], ["token.issued", "grant.expiring", "grant.expiring", "grant.expired"]);
}

async fn a_sweep_is_bounded(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    for n in 0..7 {
        w.allow_with(&app, "accounts", &format!("115-ordinary-{n}"), World::binding()).await;
    }
    w.wait(31 * DAY);
    let now = w.now();
    let mut rounds = Vec::new();
    loop {
        let swept =
            w.write(move |tx| renkei_core::lifecycle::expire(tx, now, &crate::support::world::WARN_BEFORE, 3)).await;
        rounds.push(swept.expired);
        if !swept.more(3) {
            break;
        }
    }
    assert_eq!(rounds, [3, 3, 1]);
}

async fn a_short_grant_is_announced_late_or_not_at_all(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.client("brief", serde_json::json!({"grant_lifetime": "3d"})).await;
    let allowed = w.allow(&app).await;
    w.exchange(&app, &allowed.code).await.unwrap();
    w.wait(2 * DAY - SECOND);
    assert_eq!(w.sweep().await, Swept::default(), "three days are shorter than seven");
    w.wait(SECOND);
    assert_eq!(w.sweep().await, Swept { warned: 1, looked: 1, ..Swept::default() }, "and longer than one");
    w.wait(DAY);
    assert_eq!(w.sweep().await, Swept { expired: 1, ..Swept::default() });
}

/// A grant whose code nobody redeemed is no link: its end is not announced.
async fn what_was_never_redeemed_is_not_announced(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    w.allow(&app).await;
    w.wait(29 * DAY);
    assert_eq!(w.sweep().await, Swept { looked: 1, ..Swept::default() });
    assert_eq!(w.sweep().await, Swept::default(), "it is not looked at again");
}

async fn a_changed_account_ends_its_links(test_store: TestStore) {
    let w = World::at(test_store);
    let (a, b) = (w.app("a").await, w.app("b").await);
    let api = w.api().await;
    let mut tokens = Vec::new();
    for (app, account) in [(&a, "115-ordinary-1100026"), (&b, "115-ordinary-1100026"), (&a, "115-savings-2200011")] {
        let allowed = w.allow_with(app, "accounts", account, World::binding()).await;
        tokens.push((access(&w.exchange(app, &allowed.code).await.unwrap()), allowed.grant));
        w.wait(SECOND);
    }
    let at = w.now();
    w.wait(600 * SECOND);
    let account = Account::parse("115-ordinary-1100026").unwrap();
    let index = w.index(&account.to_string());
    let report =
        AccountChanged { event_id: "e-1".into(), change: AccountChangeKind::Transferred, account: account.clone(), at };
    // Linked again before the report came: it was checked against the account as it is since.
    let late = w.allow_with(&b, "accounts", "115-ordinary-1100026", World::binding()).await;
    let now = w.now();
    let hear = {
        let report = report.clone();
        move |tx: &mut renkei_core::store::Tx<'_, '_>| {
            renkei_core::lifecycle::account::changed(tx, &report, &index, now)
        }
    };
    assert_eq!(w.write(hear.clone()).await, ReportOutcome::Now { ended: 2, narrowed: 0 });
    assert_eq!(w.write(hear).await, ReportOutcome::Before, "a repeated report is one");
    for ((token, grant), live) in tokens.iter().zip([false, false, true]) {
        assert_eq!(w.is_active(&api, token).await, live);
        let ended = w.events(grant).await.last().is_some_and(|e| e == "grant.revoked(account)");
        assert_eq!(ended, !live);
    }
    assert_eq!(w.grant(&late.grant).await.state, GrantState::Pending);
    assert_eq!(w.count("select count(*) from audit where action = 'account.changed'", vec![]).await, 1);
    w.whole().await;
}

/// A mail box that answers as it is told.
#[derive(Default)]
struct Box_ {
    answers: Mutex<Vec<MailError>>,
    mails: Mutex<Vec<Mail>>,
}
impl Mailer for Box_ {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            match self.answers.lock().unwrap().pop() {
                Some(error) => Err(error),
                None => {
                    self.mails.lock().unwrap().push(mail.clone());
                    Ok(())
                }
            }
        })
    }
}
struct Words;
impl LetterWriter for Words {
    fn write(&self, notice: &Notice) -> Result<Letter, String> {
        let Notice::Completed(c) = notice else { return Err("not of this test".into()) };
        Ok(Letter { subject: c.reference.clone(), text: format!("{} {}", c.app, c.last3) })
    }
}

async fn with_notice(test_store: TestStore) -> (World, Allowed) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    w.queue_notice(&allowed, "taro@example.jp").await;
    (w, allowed)
}
async fn round(w: &World, mailer: &Box_) -> Round {
    deliver_notices(&w.store, mailer, &Words, &w.sealer, w.now()).await.unwrap()
}

/// A link that was allowed and not redeemed, with its notice.
async fn allowed(test_store: TestStore) -> (World, std::sync::Arc<renkei_core::client::Client>, Allowed) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    w.hold_notice(&allowed, "taro@example.jp").await;
    (w, app, allowed)
}
const NOTICES: &str = "select count(*) from notices";

async fn a_notice_is_held_until_its_link_exists(test_store: TestStore) {
    let (w, app, allowed) = allowed(test_store).await;
    let mailer = Box_::default();
    w.wait(30 * SECOND);
    w.tidy().await;
    assert_eq!(round(&w, &mailer).await, Round::default(), "there is no link yet");
    let listed = w.store.scan(|tx| undelivered(tx, 10)).await.unwrap();
    let state = |n: &Undelivered| (n.state.clone(), n.next_at, n.until);
    assert_eq!(listed.iter().map(state).collect::<Vec<_>>(), [("held".to_owned(), None, None)]);
    let (id, now) = (listed[0].id.clone(), w.now());
    let staff = renkei_core::audit::Actor::Staff("tanaka".into());
    assert_eq!(w.write(move |tx| retry(tx, &id, staff.clone(), now)).await, Retried::Held);

    let redeemed = w.now();
    w.exchange(&app, &allowed.code).await.unwrap();
    let listed = w.store.scan(|tx| undelivered(tx, 10)).await.unwrap();
    assert_eq!(
        listed.iter().map(state).collect::<Vec<_>>(),
        [("waiting".to_owned(), Some(redeemed), Some(redeemed + DAY))],
        "its 24 hours count from the redemption"
    );
    assert_eq!(round(&w, &mailer).await, Round { sent: 1, ..Round::default() });
    // The answer to the redemption was lost, and the app asks again: the grant ends, and nobody is told twice.
    assert_eq!(w.exchange(&app, &allowed.code).await.err(), Some(renkei_core::refusal::ErrorCode::InvalidGrant));
    assert_eq!(round(&w, &mailer).await, Round::default());
    assert_eq!(mailer.mails.lock().unwrap().len(), 1);
}

async fn a_notice_of_a_link_that_never_was_is_deleted_with_its_address(test_store: TestStore) {
    let (w, app, lost) = allowed(test_store).await;
    let ended = w.allow_with(&app, "accounts", "115-ordinary-2", World::binding()).await;
    w.hold_notice(&ended, "hanako@example.jp").await;
    let mailer = Box_::default();
    // A grant that has ended can have no code: its notice goes with the next round of housekeeping.
    w.end(&ended.grant, Reason::Customer).await;
    w.tidy().await;
    assert_eq!(w.count(NOTICES, vec![]).await, 1);
    // The code is dead, but its browser may still be given a further one; and the clocks of two nodes differ.
    w.wait(FURTHER_WINDOW + 59 * SECOND);
    w.tidy().await;
    assert_eq!(w.count(NOTICES, vec![]).await, 1);
    w.wait(SECOND);
    w.tidy().await;
    assert_eq!(w.count(NOTICES, vec![]).await, 0, "no mail, and no address left");
    assert_eq!(w.exchange(&app, &lost.code).await.err(), Some(renkei_core::refusal::ErrorCode::InvalidGrant));
    assert_eq!(round(&w, &mailer).await, Round::default());
    assert!(mailer.mails.lock().unwrap().is_empty());
    w.whole().await;
}

/// The browser that pressed 許可する asks for a further code.
async fn ask_further_code(w: &World, of: &Allowed) -> (Further, String) {
    let code = renkei_core::secret::issue(renkei_core::secret::SecretKind::Code, &*w.random);
    let (hash, now, grant) = (code.hash(), w.now(), of.grant.clone());
    let nobody = renkei_core::id::InteractionId::parse("none-that-changed-it").unwrap();
    let outcome = w.write(move |tx| further(tx, (&grant, &nobody), hash, &World::binding(), 60 * SECOND, now)).await;
    (outcome, code.reveal().to_owned())
}

/// It did so shortly before its five minutes were over.
async fn a_further_code_keeps_the_notice(test_store: TestStore) {
    let (w, app, first) = allowed(test_store).await;
    w.wait(FURTHER_WINDOW - SECOND);
    w.tidy().await;
    assert_eq!(w.count(NOTICES, vec![]).await, 1, "its codes have died, but there may be a further one");
    let (outcome, code) = ask_further_code(&w, &first).await;
    assert_eq!(outcome, Further::Issued);
    w.wait(59 * SECOND);
    w.tidy().await;
    assert_eq!(w.count(NOTICES, vec![]).await, 1, "a code of it can still be redeemed");
    w.exchange(&app, &code).await.unwrap();
    w.tidy().await;
    let mailer = Box_::default();
    assert_eq!(round(&w, &mailer).await, Round { sent: 1, ..Round::default() });
}

/// Nobody has heard of the token, so the link has not begun: its mail waits, and whichever code comes first begins it.
async fn a_redemption_that_was_taken_back_never_was(test_store: TestStore) {
    let (w, app, first) = allowed(test_store).await;
    let (_, second) = ask_further_code(&w, &first).await;
    w.exchange(&app, &first.code).await.unwrap();
    let (hash, grant) = (presented(SecretKind::Code, &first.code).unwrap(), w.grant(&first.grant).await);
    let now = w.now();
    w.write(move |tx| {
        code::undo(tx, &hash, &grant, now)?;
        renkei_core::lifecycle::notice::put_on_hold(tx, &grant.id)
    })
    .await;
    let mailer = Box_::default();
    assert_eq!(round(&w, &mailer).await, Round::default());
    w.exchange(&app, &second).await.unwrap();
    assert_eq!(round(&w, &mailer).await, Round { sent: 1, ..Round::default() });
    assert_eq!(w.exchange(&app, &first.code).await, Err(ErrorCode::InvalidGrant));
    assert!(w.grant(&first.grant).await.is_live(w.now()), "it is no replay");
}

/// A link that was ended before it began: no code of it can be redeemed, however young it is, so nothing is told of it.
async fn a_grant_that_ends_meanwhile_takes_its_notice_along(test_store: TestStore) {
    let (w, app, first) = allowed(test_store).await;
    let ways = [Reason::Institution { note: "asked by telephone".into() }, Reason::Account, Reason::Customer];
    for (n, reason) in ways.into_iter().enumerate() {
        let ended = w.allow_with(&app, "accounts", &format!("115-ordinary-{}", n + 1), World::binding()).await;
        w.hold_notice(&ended, "hanako@example.jp").await;
        let (outcome, code) = ask_further_code(&w, &ended).await;
        assert_eq!((outcome, w.count(NOTICES, vec![]).await), (Further::Issued, 2));
        w.end(&ended.grant, reason).await;
        w.tidy().await;
        assert_eq!(w.count(NOTICES, vec![]).await, 1, "with its address");
        assert_eq!(ask_further_code(&w, &ended).await.0, Further::Over);
        for code in [&code, &ended.code] {
            assert_eq!(w.exchange(&app, code).await.err(), Some(renkei_core::refusal::ErrorCode::InvalidGrant));
        }
    }
    // The customer allowed the same again, and the app redeemed that: the older grant is replaced before it was used.
    let newer = w.allow(&app).await;
    w.hold_notice(&newer, "taro@example.jp").await;
    w.exchange(&app, &newer.code).await.unwrap();
    w.tidy().await;
    assert_eq!(w.count(NOTICES, vec![]).await, 1);
    let mailer = Box_::default();
    assert_eq!(round(&w, &mailer).await, Round { sent: 1, ..Round::default() }, "one mail: of the link there is");
    assert!(matches!(w.grant(&first.grant).await.state, GrantState::Replaced { .. }));
    w.whole().await;
}

async fn a_notice_goes_out_once(test_store: TestStore) {
    let (w, allowed) = with_notice(test_store).await;
    let sealed = "select count(*) from notices where sealed is not null";
    assert_eq!(w.count(sealed, vec![]).await, 1);
    let mailer = Box_::default();
    assert_eq!(round(&w, &mailer).await, Round { sent: 1, ..Round::default() });
    assert_eq!(round(&w, &mailer).await, Round::default());
    let taken = mailer.mails.lock().unwrap().clone();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].to, "taro@example.jp");
    assert_eq!(taken[0].letter.text, "しんくみアプリwithCRECO 026", "three digits of the account, no more");
    assert_eq!(taken[0].letter.subject, w.grant(&allowed.grant).await.reference);
    assert!(!format!("{taken:?}").contains("example.jp"), "an address is not printed");
    assert_eq!(w.count("select count(*) from audit where action = 'notice.sent'", vec![]).await, 1);
}

/// A relay that lets one wait.
struct Slow {
    asked: std::sync::atomic::AtomicBool,
    answers: tokio::sync::Semaphore,
}
impl Slow {
    fn new() -> Self {
        Self { asked: false.into(), answers: tokio::sync::Semaphore::new(0) }
    }
    async fn until_asked(&self) {
        while !self.asked.load(std::sync::atomic::Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
impl Mailer for Slow {
    fn send<'a>(&'a self, _: &'a Mail) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            self.asked.store(true, std::sync::atomic::Ordering::SeqCst);
            self.answers.acquire().await.unwrap().forget();
            Ok(())
        })
    }
}

/// Two nodes share an outbox. What one is delivering the other leaves alone, until the first must have died.
async fn a_notice_that_is_being_delivered_is_nobody_elses(test_store: TestStore) {
    const LEASE: Duration = Duration::from_mins(5);
    let (w, _) = with_notice(test_store).await;
    let (slow, other) = (Slow::new(), Box_::default());
    let meanwhile = async {
        slow.until_asked().await;
        for wait in [Duration::ZERO, LEASE - SECOND] {
            w.wait(wait);
            assert_eq!(round(&w, &other).await, Round::default(), "it would go out twice");
        }
        slow.answers.add_permits(1);
    };
    let (sent, ()) = tokio::join!(deliver_notices(&w.store, &slow, &Words, &w.sealer, w.now()), meanwhile);
    assert_eq!(sent.unwrap(), Round { sent: 1, ..Round::default() });
    w.wait(DAY);
    assert_eq!(round(&w, &other).await, Round::default());
    assert_eq!(other.mails.lock().unwrap().len(), 0);

    // The first one dies in the middle.
    let app = w.app("other").await;
    w.queue_notice(&w.allow(&app).await, "hanako@example.jp").await;
    let dies = Slow::new();
    tokio::select! {
        _ = deliver_notices(&w.store, &dies, &Words, &w.sealer, w.now()) => panic!("it was let go"),
        () = dies.until_asked() => {}
    }
    w.wait(LEASE - SECOND);
    assert_eq!(round(&w, &other).await, Round::default());
    w.wait(SECOND);
    assert_eq!(round(&w, &other).await, Round { sent: 1, ..Round::default() });
}

async fn a_mail_that_cannot_go_is_tried_for_a_day(test_store: TestStore) {
    let (w, _) = with_notice(test_store).await;
    let mailer = Box_::default();
    let (begin, mut attempts) = (w.now(), 0);
    loop {
        mailer.answers.lock().unwrap().push(MailError::Later("421 busy".into()));
        let did = round(&w, &mailer).await;
        mailer.answers.lock().unwrap().clear();
        attempts += did.later + did.failed;
        if did.failed == 1 {
            break;
        }
        w.wait(Duration::from_mins(1));
        assert!(w.now().since(begin) <= DAY, "given up after a day");
    }
    assert_eq!(w.now().since(begin), DAY, "and not before");
    assert!((25..40).contains(&attempts), "with growing pauses: {attempts}");
    w.wait(10 * DAY);
    assert_eq!(round(&w, &mailer).await, Round::default());
    assert_eq!(w.count("select count(*) from audit where action = 'notice.failed'", vec![]).await, 1);
    // It held nobody up: a second notice goes at once.
    let other = w.app("other").await;
    let allowed = w.allow(&other).await;
    w.queue_notice(&allowed, "hanako@example.jp").await;
    assert_eq!(round(&w, &mailer).await, Round { sent: 1, ..Round::default() });
}

async fn an_unknown_recipient_is_given_up(test_store: TestStore) {
    let (w, _) = with_notice(test_store).await;
    let mailer = Box_::default();
    mailer.answers.lock().unwrap().push(MailError::Recipient("RCPT TO was answered 550 5.1.1".into()));
    assert_eq!(round(&w, &mailer).await, Round { failed: 1, ..Round::default() });
    w.wait(DAY);
    assert_eq!(round(&w, &mailer).await, Round::default());
}

async fn tidy(w: &World) -> Vec<(&'static str, u64)> {
    let now = w.now();
    let mut gone = Vec::new();
    for (table, task) in TASKS {
        let n = w.write(move |tx| run_task(tx, *task, now, &Retention::default())).await;
        if n > 0 {
            gone.push((*table, n));
        }
    }
    gone
}

async fn an_address_is_erased(test_store: TestStore) {
    let (w, _) = with_notice(test_store).await;
    round(&w, &Box_::default()).await;
    let sealed = "select count(*) from notices where sealed is not null";
    w.wait(30 * DAY - SECOND);
    tidy(&w).await;
    assert_eq!(w.count(sealed, vec![]).await, 1);
    w.wait(SECOND);
    tidy(&w).await;
    assert_eq!(w.count(sealed, vec![]).await, 0, "thirty days after delivery");
    assert_eq!(w.count("select count(*) from notices where state = 'sent'", vec![]).await, 1, "that it was sent stays");
}

async fn tables_forget_what_they_may(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.refreshing_app("kakeibo").await;
    let redeemed = w.allow_with(&app, "accounts offline_access", "115-ordinary-1", World::binding()).await;
    let lost = w.allow_with(&app, "accounts", "115-ordinary-2", World::binding()).await;
    w.exchange(&app, &redeemed.code).await.unwrap();
    w.deny(&app).await;
    w.wait(2 * DAY);
    w.sweep().await;
    assert_eq!(tidy(&w).await, [("codes", 1)], "the code nobody used; the used one stays with its grant");
    assert_eq!(w.exchange(&app, &lost.code).await.err(), Some(renkei_core::refusal::ErrorCode::InvalidGrant));
    w.wait(30 * DAY);
    w.sweep().await;
    assert_eq!(w.count("select count(*) from codes", vec![]).await, 0, "a used code goes with its grant");
    assert_eq!(tidy(&w).await, [("access_tokens", 1)]);
    w.wait(30 * DAY);
    assert_eq!(tidy(&w).await, [("refresh_tokens", 1)], "until then its app reads why it is over");
    w.whole().await;
    // Consent records and grants stay for seven years.
    w.wait(3 * 366 * DAY);
    assert_eq!(tidy(&w).await, []);
    w.wait(4 * 366 * DAY);
    assert_eq!(tidy(&w).await, [("grants", 2), ("events", 1), ("consents", 3), ("consent_words", 1)]);
    assert_eq!(w.count("select count(*) from events", vec![]).await, 0);
    w.whole().await;
}
