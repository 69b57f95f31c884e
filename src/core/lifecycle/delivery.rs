//! Delivery of notices: the ports, and the loop that tries, waits and gives up.

use super::Notice;
use super::notice::{Envelope, LinkLetter, TRY_FOR, seal_context};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::fact::{Fact, FactKind};
use crate::id::{ConsentId, GrantId, NoticeId};
use crate::keys::seal::Sealer;
use crate::notice_address;
use crate::store::{Error, Result, Store, Tx};
use futures_util::future::{BoxFuture, join_all};
use std::sync::Arc;
use std::time::Duration;

/// A rendered notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The subject line.
    pub subject: String,
    /// The text, UTF-8, without markup.
    pub text: String,
}

/// A letter with its address.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// Subject and text.
    pub letter: Letter,
}
impl std::fmt::Debug for Mail {
    /// Hides the content: the address is the customer's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail(…)")
    }
}

/// Why a mail was not delivered. The text is logged and shown in the list of notices, so it contains neither the
/// address nor the relay's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The relay refused the recipient for good: there is no such mailbox. Another try would not help.
    #[error("the recipient was refused: {0}")]
    Recipient(String),
    /// Every other cause. It is tried again for 24 hours (requirements.md#notices).
    #[error("not delivered: {0}")]
    Later(String),
}
impl MailError {
    fn why(&self) -> &str {
        let (Self::Recipient(why) | Self::Later(why)) = self;
        why
    }
}

/// Sends mail.
pub trait Mailer: Send + Sync + 'static {
    /// Sends one mail.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, std::result::Result<(), MailError>>;
}

/// Renders a notice; the templates implement this port.
pub trait LetterWriter: Send + Sync + 'static {
    /// The letter of a notice, in the notice's language.
    ///
    /// # Errors
    /// What is wrong with the template. The notice is tried again.
    fn write(&self, notice: &Notice) -> std::result::Result<Letter, String>;
}

/// The result of one round of delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Delivered.
    pub sent: u64,
    /// To be tried again.
    pub later: u64,
    /// Given up: the recipient was refused, or it was tried for 24 hours.
    pub failed: u64,
}

/// A notice claimed from the outbox for one attempt.
#[derive(Debug, Clone)]
struct ClaimedNotice {
    id: NoticeId,
    grant: Option<GrantId>,
    kind: String,
    sealed: Vec<u8>,
    /// A notice about a link: what it says, and the consent under which `sealed` is the address.
    link: Option<(String, String)>,
    attempts: i64,
    /// When its 24 hours began.
    since: Instant,
    /// The end of its lease: until then nobody else claims it.
    until: Instant,
}

/// How many notices one round claims.
const AT_ONCE: i64 = 10;

/// Nobody else claims the notice while an attempt runs. If its process dies, another claims it after this time. Longer
/// than any attempt takes (`mail`).
const LEASE: Duration = Duration::from_mins(5);

/// Sends due notices: one round, called by the server's job every few seconds. A failed notice does not delay the next,
/// and nothing of it is shown to the customer (requirements.md#notice-delivery).
pub async fn deliver_notices(
    store: &Store,
    mailer: &dyn Mailer,
    writer: &dyn LetterWriter,
    sealer: &Sealer,
    now: Instant,
) -> Result<Round> {
    let mut round = Round::default();
    // Most rounds find nothing, so look first without a write.
    if !store.read(move |tx| due(tx, now)).await? {
        return Ok(round);
    }
    let taken = store.write(move |tx| take(tx, now)).await?;
    // At the same time, so that a slow relay does not use up the lease of the later ones.
    let outcomes = join_all(taken.iter().map(|t| attempt(mailer, writer, sealer, t))).await;
    let mut failed = None;
    for (taken, outcome) in taken.into_iter().zip(outcomes) {
        if let Err(cause) = &outcome {
            tracing::warn!(notice = %taken.id, attempt = taken.attempts, %cause, "a notice was not delivered");
        }
        let settled = settlement(&taken, &outcome, now);
        match settled {
            DeliveryOutcome::Sent => round.sent += 1,
            DeliveryOutcome::Later { .. } => round.later += 1,
            DeliveryOutcome::Refused { .. } | DeliveryOutcome::Failed { .. } => round.failed += 1,
        }
        let (taken, settled) = (Arc::new(taken), Arc::new(settled));
        // The result of each mail is stored, even if storing another failed. A mail whose result is not stored is sent
        // again, so the write is allowed even when the disk is almost full.
        if let Err(cause) = store.ending().write(move |tx| settle(tx, &taken, &settled, now)).await {
            failed = Some(cause);
        }
    }
    failed.map_or(Ok(round), Err)
}

async fn attempt(
    mailer: &dyn Mailer,
    writer: &dyn LetterWriter,
    sealer: &Sealer,
    taken: &ClaimedNotice,
) -> std::result::Result<(), MailError> {
    let envelope = open(sealer, taken).map_err(|why| MailError::Later(why.to_owned()))?;
    let letter = writer.write(&envelope.notice).map_err(MailError::Later)?;
    mailer.send(&Mail { to: envelope.to, letter }).await
}

/// What was sealed; of a notice about a link, the address alone.
fn open(sealer: &Sealer, taken: &ClaimedNotice) -> std::result::Result<Envelope, &'static str> {
    const UNREADABLE: &str = "it cannot be read";
    let Some((facts, consent)) = &taken.link else {
        let plain = sealer.open(seal_context(&taken.id), &taken.sealed).map_err(|_| "its seal does not open")?;
        return serde_json::from_slice(&plain).map_err(|_| UNREADABLE);
    };
    let consent = ConsentId::parse(consent).ok_or(UNREADABLE)?;
    let addressee = notice_address::open(sealer, &consent, &taken.sealed).ok_or("its seal does not open")?;
    let notice = serde_json::from_str(facts).map_err(|_| UNREADABLE)?;
    let letter = LinkLetter { notice, app: addressee.app, provider: addressee.provider, language: addressee.language };
    Ok(Envelope { to: addressee.to, notice: Notice::Link(letter) })
}

/// One minute, doubling up to an hour.
fn backoff(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 6)).unwrap_or(6);
    Duration::from_secs(60 << doublings).min(Duration::from_hours(1))
}

/// What is stored after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
enum DeliveryOutcome {
    Sent,
    Later { at: Instant, why: String },
    Refused { why: String },
    Failed { why: String },
}

/// Only a refused recipient ends a notice early (requirements.md#notices). The last attempt is after 24 hours.
fn settlement(taken: &ClaimedNotice, outcome: &std::result::Result<(), MailError>, now: Instant) -> DeliveryOutcome {
    let Err(error) = outcome else { return DeliveryOutcome::Sent };
    let why: String = error.why().chars().take(TROUBLE).collect();
    let last = taken.since + TRY_FOR;
    match error {
        MailError::Recipient(_) => DeliveryOutcome::Refused { why },
        MailError::Later(_) if now < last => {
            DeliveryOutcome::Later { at: last.min(now + backoff(taken.attempts)), why }
        }
        MailError::Later(_) => DeliveryOutcome::Failed { why },
    }
}

/// The longest stored cause, in characters.
const TROUBLE: usize = 200;

fn due(tx: &mut Tx<'_, '_>, now: Instant) -> Result<bool> {
    let sql = "select id from notices where next_at is not null and next_at <= ?1 limit 1";
    Ok(tx.row(sql, &[now.into()])?.is_some())
}

fn take(tx: &mut Tx<'_, '_>, now: Instant) -> Result<Vec<ClaimedNotice>> {
    let due = tx.rows(
        "select id, grant_id, sealed, attempts, created_at, since, kind, facts, consent_id from notices \
         where next_at is not null and next_at <= ?1 order by next_at limit ?2",
        &[now.into(), AT_ONCE.into()],
    )?;
    let until = now + LEASE;
    let mut taken = Vec::with_capacity(due.len());
    for row in &due {
        let id = row.text(0)?;
        let bad = || Error::Corrupt { table: "notices", row: id.to_owned(), why: "id".to_owned() };
        let id = NoticeId::parse(id).ok_or_else(bad)?;
        tx.execute(
            "update notices set attempts = attempts + 1, next_at = ?2, taken_until = ?2 where id = ?1",
            &[id.as_str().into(), until.into()],
        )?;
        taken.push(ClaimedNotice {
            id,
            grant: row.opt_text(1)?.and_then(GrantId::parse),
            kind: row.text(6)?.to_owned(),
            link: row.opt_text(7)?.zip(row.opt_text(8)?).map(|(facts, of)| (facts.to_owned(), of.to_owned())),
            sealed: row.opt_bytes(2)?.unwrap_or_default().to_vec(),
            attempts: row.int(3)? + 1,
            since: row.opt_instant(5)?.unwrap_or(row.instant(4)?),
            until,
        });
    }
    Ok(taken)
}

/// Stores the result of an attempt. If this process stopped for longer than its lease, another process may have claimed
/// the notice: then only a certain result is stored, which is that it was sent or that there is no such mailbox.
fn settle(tx: &mut Tx<'_, '_>, taken: &ClaimedNotice, settled: &DeliveryOutcome, now: Instant) -> Result<()> {
    let (state, next, why, action) = match settled {
        DeliveryOutcome::Later { at, why } => ("waiting", Some(*at), Some(why.as_str()), None),
        DeliveryOutcome::Sent => ("sent", None, None, Some(AuditAction::NoticeSent)),
        DeliveryOutcome::Refused { why } | DeliveryOutcome::Failed { why } => {
            ("failed", None, Some(why.as_str()), Some(AuditAction::NoticeFailed))
        }
    };
    let certain = matches!(settled, DeliveryOutcome::Sent | DeliveryOutcome::Refused { .. });
    let done = action.map(|_| now);
    let changed = tx.execute(
        "update notices set state = ?2, next_at = ?3, done_at = ?4, trouble = ?5, taken_until = null \
         where id = ?1 and state <> 'sent' and (taken_until = ?6 or ?7 = 1)",
        &[
            taken.id.as_str().into(),
            state.into(),
            next.into(),
            done.into(),
            why.into(),
            taken.until.into(),
            certain.into(),
        ],
    )?;
    if let (Some(action), 1) = (action, changed) {
        tx.note(Fact::of(FactKind::NoticeDone, state));
        let mut detail = serde_json::json!({"notice": taken.id, "kind": taken.kind, "attempts": taken.attempts});
        if let Some(why) = why {
            detail["why"] = why.into();
        }
        let entry = Entry { grant: taken.grant.clone(), detail, ..Entry::new(now, Actor::System, action) };
        audit::append(tx, &entry)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claimed(attempts: i64, since: i64) -> ClaimedNotice {
        let (id, since) = (NoticeId::parse("n").unwrap(), Instant::from_secs(since));
        let kind = "completed".to_owned();
        ClaimedNotice { id, grant: None, kind, sealed: Vec::new(), link: None, attempts, since, until: since + LEASE }
    }
    const DAY: i64 = 86_400;

    #[test]
    fn only_the_recipient_ends_a_notice_before_its_day_is_over() {
        let later = || Err(MailError::Later("the relay".into()));
        let refused = Err(MailError::Recipient("unknown".into()));
        let at = |secs| Instant::from_secs(secs);
        let why = || "the relay".to_owned();
        for (attempts, now, outcome, want) in [
            (1, 0, Ok(()), DeliveryOutcome::Sent),
            (1, 0, later(), DeliveryOutcome::Later { at: at(60), why: why() }),
            (3, 0, later(), DeliveryOutcome::Later { at: at(240), why: why() }),
            (99, 0, later(), DeliveryOutcome::Later { at: at(3600), why: why() }),
            (99, DAY - 1, later(), DeliveryOutcome::Later { at: at(DAY), why: why() }),
            (99, DAY, later(), DeliveryOutcome::Failed { why: why() }),
            (1, 9 * DAY, Ok(()), DeliveryOutcome::Sent),
            (1, 0, refused, DeliveryOutcome::Refused { why: "unknown".into() }),
        ] {
            assert_eq!(settlement(&claimed(attempts, 0), &outcome, at(now)), want, "attempt {attempts} at {now} s");
        }
    }

    proptest! {
        /// However long a relay fails: the next attempt is within the 24 hours, and never before now.
        #[test]
        fn a_day_is_a_day(attempts in 1_i64..1000, since in 0_i64..2_000_000_000, waited in 0_i64..200_000) {
            let (taken, now) = (claimed(attempts, since), Instant::from_secs(since + waited));
            match settlement(&taken, &Err(MailError::Later(String::new())), now) {
                DeliveryOutcome::Later { at, .. } => prop_assert!(waited < DAY && at > now && at <= taken.since + TRY_FOR),
                other => prop_assert!(waited >= DAY, "{other:?}"),
            }
        }
    }
}
