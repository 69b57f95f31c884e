//! Carrying notices out: the ports, and the loop that tries, waits and gives up.

use super::Notice;
use super::notice::{Envelope, TRY_FOR, place};
use crate::audit::{self, Actor, Entry};
use crate::clock::Instant;
use crate::id::GrantId;
use crate::keys::seal::Sealer;
use crate::store::{Result, Store, Tx};
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
    /// What it says.
    pub letter: Letter,
}
impl std::fmt::Debug for Mail {
    /// Says that there is one: the address is the customer's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail(…)")
    }
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Try again later: no connection, a 4xx answer.
    #[error("not now: {0}")]
    Later(String),
    /// Never: the address or the message was refused for good (5xx).
    #[error("refused: {0}")]
    Never(String),
}

/// Carries mail away. The error text must not hold the address.
pub trait Mailer: Send + Sync + 'static {
    /// Hands one mail over.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, std::result::Result<(), MailError>>;
}

/// Words a notice: the templates' side of this port.
pub trait Writer: Send + Sync + 'static {
    /// The letter a notice becomes, in the notice's language.
    ///
    /// # Errors
    /// What is wrong with the template; the notice is tried again.
    fn write(&self, notice: &Notice) -> std::result::Result<Letter, String>;
}

/// What one round of delivery did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Handed over.
    pub sent: u64,
    /// To be tried again.
    pub later: u64,
    /// Given up: refused for good, or tried for a day.
    pub failed: u64,
}

/// A notice taken out of the outbox for one attempt.
#[derive(Debug, Clone)]
struct Taken {
    id: String,
    grant: Option<GrantId>,
    sealed: Vec<u8>,
    attempts: i64,
    created_at: Instant,
}

/// How many notices one round takes out.
const AT_ONCE: i64 = 10;

/// While an attempt runs nobody else takes the notice; when its process dies, somebody does after this long.
const LEASE: Duration = Duration::from_mins(5);

/// Sends what is due: one round, called by the server's job every few seconds. Failure of one notice does not hold up
/// the next, and none of it reaches the customer's screen (domain §7).
///
/// # Errors
/// The store's.
pub async fn deliver_notices(
    store: &Store,
    mailer: &dyn Mailer,
    writer: &dyn Writer,
    sealer: &Sealer,
    now: Instant,
) -> Result<Round> {
    let mut round = Round::default();
    // Most rounds find nothing: a look costs no write.
    if !store.read(move |tx| due(tx, now)).await? {
        return Ok(round);
    }
    let taken = store.write(move |tx| take(tx, now)).await?;
    // Side by side, so that a relay that lets each wait does not use up the lease of those behind.
    let outcomes = join_all(taken.iter().map(|t| attempt(mailer, writer, sealer, t))).await;
    for (taken, outcome) in taken.into_iter().zip(outcomes) {
        let id = taken.id.clone();
        let settled = match &outcome {
            Ok(()) => Settled::Sent,
            Err(MailError::Later(_)) if now.since(taken.created_at) + backoff(taken.attempts) < TRY_FOR => {
                Settled::Later(now + backoff(taken.attempts))
            }
            Err(_) => Settled::Failed,
        };
        match settled {
            Settled::Sent => round.sent += 1,
            Settled::Later(_) => round.later += 1,
            Settled::Failed => round.failed += 1,
        }
        if let Err(cause) = outcome {
            tracing::warn!(notice = %id, attempt = taken.attempts, %cause, "a notice was not delivered");
        }
        let taken = Arc::new(taken);
        store.write(move |tx| settle(tx, &taken, settled, now)).await?;
    }
    Ok(round)
}

async fn attempt(
    mailer: &dyn Mailer,
    writer: &dyn Writer,
    sealer: &Sealer,
    taken: &Taken,
) -> std::result::Result<(), MailError> {
    let never = |why: &str| MailError::Never(why.to_owned());
    let plain = sealer.open(place(&taken.id), &taken.sealed).map_err(|_| never("its seal does not open"))?;
    let envelope: Envelope = serde_json::from_slice(&plain).map_err(|_| never("it cannot be read"))?;
    let letter = writer.write(&envelope.notice).map_err(MailError::Later)?;
    mailer.send(&Mail { to: envelope.to, letter }).await
}

/// One minute, doubling to an hour.
fn backoff(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 6)).unwrap_or(6);
    Duration::from_secs(60 << doublings).min(Duration::from_hours(1))
}

#[derive(Clone, Copy)]
enum Settled {
    Sent,
    Later(Instant),
    Failed,
}

fn due(tx: &mut Tx<'_, '_>, now: Instant) -> Result<bool> {
    let sql = "select id from notices where next_at is not null and next_at <= ?1 limit 1";
    Ok(tx.row(sql, &[now.into()])?.is_some())
}

fn take(tx: &mut Tx<'_, '_>, now: Instant) -> Result<Vec<Taken>> {
    let due = tx.rows(
        "select id, grant_id, sealed, attempts, created_at from notices \
         where next_at is not null and next_at <= ?1 order by next_at limit ?2",
        &[now.into(), AT_ONCE.into()],
    )?;
    let mut taken = Vec::with_capacity(due.len());
    for row in &due {
        let id = row.text(0)?.to_owned();
        tx.execute(
            "update notices set attempts = attempts + 1, next_at = ?2 where id = ?1",
            &[id.as_str().into(), (now + LEASE).into()],
        )?;
        taken.push(Taken {
            id,
            grant: row.opt_text(1)?.and_then(GrantId::parse),
            sealed: row.opt_bytes(2)?.unwrap_or_default().to_vec(),
            attempts: row.int(3)? + 1,
            created_at: row.instant(4)?,
        });
    }
    Ok(taken)
}

fn settle(tx: &mut Tx<'_, '_>, taken: &Taken, settled: Settled, now: Instant) -> Result<()> {
    let (state, next, action) = match settled {
        Settled::Later(at) => ("waiting", Some(at), None),
        Settled::Sent => ("sent", None, Some("notice.sent")),
        Settled::Failed => ("failed", None, Some("notice.failed")),
    };
    let done = action.map(|_| now);
    tx.execute(
        "update notices set state = ?2, next_at = ?3, done_at = ?4 where id = ?1 and state = 'waiting'",
        &[taken.id.as_str().into(), state.into(), next.into(), done.into()],
    )?;
    if let Some(action) = action {
        let entry = Entry {
            grant: taken.grant.clone(),
            detail: serde_json::json!({"notice": taken.id, "attempts": taken.attempts}),
            ..Entry::new(now, Actor::System, action)
        };
        audit::append(tx, &entry)?;
    }
    Ok(())
}
