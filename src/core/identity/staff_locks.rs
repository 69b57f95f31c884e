//! Locks as staff sees and releases them (G5, R33).

use super::FieldCrypto;
use super::guess;
use super::lockout::{day, load_counts, record, unlocked};
use super::sql::corrupt;
use crate::account::Account;
use crate::audit::{Actor, AuditAction};
use crate::clock::Instant;
use crate::keys::seal::SealContext;
use crate::secret::base64url;
use crate::store::{Result, Row, Tx};
use serde_json::json;

/// An entry of the list of locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockEntry {
    /// The account.
    pub account: Account,
    /// Whether it is locked. If not, it is listed for its unanswered guesses.
    pub locked: bool,
    /// When the lock began, or the first of these guesses.
    pub since: Instant,
    /// When the lock ends; `None` until somebody releases it.
    pub until: Option<Instant>,
    /// Guesses that are presumed wrong because they were not settled.
    pub unanswered: i64,
}

/// The accounts that are locked at `now`, the newest lock first, and those with guesses that a crash left unanswered. Staff
/// reads account numbers here: the caller records that.
pub fn list(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, now: Instant, limit: i64) -> Result<Vec<LockEntry>> {
    let locked = "select account, sealed, locked_at, locked_until, held from lockouts \
                  where locked_at is not null and (held = 1 or locked_until > ?1) order by locked_at desc limit ?2";
    let mut listed = Vec::new();
    for row in tx.rows(locked, &[now.into(), limit.into()])? {
        let until = if row.flag(4)? { None } else { row.opt_instant(3)? };
        let account = unseal_account(crypto, &row)?;
        listed.push(LockEntry { account, locked: true, since: row.instant(2)?, until, unanswered: 0 });
    }
    // Guesses first: they are few, while many accounts may have wrong answers.
    let unanswered = "select l.account, l.sealed, u.since, u.n from (select account, min(at) as since, count(*) as n \
                      from guesses where (counted = 1 or (counted = 0 and until <= ?1)) and (guess = 'pin' or day >= ?2) \
                      group by account order by 2 desc limit ?3) u join lockouts l on l.account = u.account \
                      order by u.since desc";
    for row in tx.rows(unanswered, &[now.into(), day(now).into(), limit.into()])? {
        let (account, since, unanswered) = (unseal_account(crypto, &row)?, row.instant(2)?, row.int(3)?);
        match listed.iter_mut().find(|l| l.account == account) {
            Some(l) => l.unanswered = unanswered,
            None => listed.push(LockEntry { account, locked: false, since, until: None, unanswered }),
        }
    }
    Ok(listed)
}
fn unseal_account(crypto: &FieldCrypto, row: &Row) -> Result<Account> {
    let key = base64url(row.bytes(0)?);
    let place = SealContext { table: "lockouts", column: "sealed", row: &key };
    let plain = crypto.sealer.open(place, row.bytes(1)?).map_err(|e| corrupt("lockouts", &key, e))?;
    let account = std::str::from_utf8(&plain).ok().and_then(Account::parse);
    account.ok_or_else(|| corrupt("lockouts", &key, "its account"))
}

/// Releases an account by hand and forgets every wrong answer and every guess that nobody answered; `false` when there was
/// nothing of the kind. Guesses that are being asked at this moment stay booked.
pub fn release(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    account: &Account,
    actor: Actor,
    reason: &str,
    now: Instant,
) -> Result<bool> {
    let index = crypto.account(account);
    let c = load_counts(tx, crypto, index, now)?;
    let mut unanswered = guess::of(tx, index)?;
    unanswered.retain(|g| g.presumed_wrong || g.until <= now);
    if c.lock().is_none() && unanswered.is_empty() {
        return Ok(false);
    }
    for g in &unanswered {
        guess::delete(tx, &g.id)?;
    }
    tx.execute(
        "update lockouts set day = ?2, failures = 0, wrong_pins = 0, locked_until = null, held = 0, locked_at = null \
         where account = ?1",
        &[index.into(), c.day.into()],
    )?;
    let detail = json!({ "reason": reason, "unanswered": unanswered.len() });
    if c.lock().is_some() {
        unlocked(tx, crypto, index, actor, detail, "institution", now)?;
    } else {
        record(tx, index, None, actor, AuditAction::AccountGuessesCleared, detail, now)?;
    }
    Ok(true)
}
