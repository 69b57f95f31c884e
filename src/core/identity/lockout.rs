//! Locks on linking an account (G4, G5, G6): one counter per account and JST day, shared by ② and ⑤, and one of wrong
//! PINs over all days. They affect linking only: cards, cash machines and existing grants continue to work (R81).
//!
//! A guess is *reserved* before the core bank is asked, so that any number of parallel guesses reach it at most as often as
//! the limit allows, and *settled* by its answer. A guess that was not settled in time, because a process died, is presumed
//! wrong, so that staff sees what it closes and can open it; an answer that comes after all takes that back.

use super::FieldCrypto;
use super::counts::{Counts, LastTry, OneMore, Overdue, Turn};
use super::guess::{self, GuessRow};
use super::policy::IdentityPolicy;
use super::proofing_session;
use super::sql::corrupt;
use crate::account::Account;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event::{self, Event, EventKind};
use crate::fact::{Fact, FactKind};
use crate::id::{AccountId, ClientId, EventId, GuessId};
use crate::keys::seal::SealContext;
use crate::notice_address;
use crate::secret::{Hash, base64url};
use crate::store::{Result, Tx};
use chrono::Datelike;
use serde_json::{Value, json};

pub use super::guess::Guess;
pub use super::staff_locks::{LockEntry, list, release};

/// A reserved guess. Settle it with [`pass`] or [`fail`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    id: GuessId,
    account: Hash,
    guess: Guess,
}
impl Reservation {
    /// What is guessed.
    pub(super) const fn guess(&self) -> Guess {
        self.guess
    }
}
/// The result of [`reserve`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// Ask the core bank.
    Proceed(Reservation),
    /// Locked: R33.
    Locked(Lock),
    /// The guesses under way already use up what the limit leaves.
    Full,
}
/// A lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// When it ends by itself; `None` when an operator must release it.
    pub until: Option<Instant>,
}

pub(super) fn day(now: Instant) -> i64 {
    i64::from(now.jst_date().num_days_from_ce())
}

/// Reads the current counts. A lock that ended at midnight is removed first, with audit record and event.
pub(super) fn load_counts(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, account: Hash, now: Instant) -> Result<Counts> {
    let over = "update lockouts set locked_at = null, locked_until = null \
                where account = ?1 and locked_at is not null and held = 0 and locked_until <= ?2";
    if tx.execute(over, &[account.into(), now.into()])? > 0 {
        unlocked(tx, crypto, account, Actor::System, json!({ "reason": "midnight" }), "time", now)?;
    }
    read_counts(tx, account, now)
}
/// The same without a write: a lock that ended at midnight is left out, and its row stays as it is.
fn read_counts(tx: &mut Tx<'_, '_>, account: Hash, now: Instant) -> Result<Counts> {
    let sql = "select day, failures, wrong_pins, locked_until, held from lockouts where account = ?1";
    let today = day(now);
    let Some(row) = tx.row(sql, &[account.into()])? else { return Ok(Counts::none(today)) };
    let kept = Counts {
        day: row.int(0)?,
        failures: row.int(1)?,
        wrong_pins: row.int(2)?,
        locked_until: row.opt_instant(3)?,
        held: row.flag(4)?,
    };
    Ok(kept.on(today))
}

/// The same, after every guess that was not settled in time was presumed wrong.
fn current(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    account: Hash,
    now: Instant,
) -> Result<Counts> {
    let before = load_counts(tx, crypto, account, now)?;
    let mut c = before;
    for g in guess::of(tx, account)? {
        match c.overdue(&g, now) {
            None => continue,
            Some(Overdue::Drop) => guess::delete(tx, &g.id)?,
            Some(Overdue::PresumeWrong) => {
                guess::presume_wrong(tx, &g.id)?;
                c.count_wrong(g.guess, g.day, policy, now);
            }
        }
        let detail = json!({ "check": g.guess.as_str(), "asked_at": g.at.rfc3339() });
        record(tx, account, None, Actor::System, AuditAction::AccountGuessUnanswered, detail, now)?;
    }
    if c != before {
        save(tx, crypto, account, &before, &c, None, now)?;
    }
    Ok(c)
}

/// Writes the counts, with audit record and event if a lock began or ended.
fn save(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    account: Hash,
    before: &Counts,
    c: &Counts,
    client: Option<&ClientId>,
    now: Instant,
) -> Result<()> {
    let turn = c.after(before);
    let since = match turn {
        Turn::Open | Turn::Unlocks => None,
        Turn::Locks(_) => Some(now),
        Turn::Stays => {
            let row = tx.row("select locked_at from lockouts where account = ?1", &[account.into()])?;
            row.map_or(Ok(None), |row| row.opt_instant(0))?.or(Some(now))
        }
    };
    tx.execute(
        "update lockouts set day = ?2, failures = ?3, wrong_pins = ?4, locked_until = ?5, held = ?6, locked_at = ?7 \
         where account = ?1",
        &[
            account.into(),
            c.day.into(),
            c.failures.into(),
            c.wrong_pins.into(),
            c.locked_until.into(),
            c.held.into(),
            since.into(),
        ],
    )?;
    match turn {
        Turn::Locks(lock) => locked_now(tx, crypto, account, client, lock, now),
        Turn::Unlocks => unlocked(tx, crypto, account, Actor::System, json!({ "reason": "answered" }), "answer", now),
        Turn::Stays | Turn::Open => Ok(()),
    }
}

/// Reserves a guess about an account before the core bank is asked.
pub fn reserve(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    (account, guess, id): (&Account, Guess, &GuessId),
    now: Instant,
) -> Result<Reserved> {
    let index = crypto.account(account);
    let row = base64url(index.as_bytes());
    let place = SealContext { table: "lockouts", column: "sealed", row: &row };
    let text = account.to_string();
    let sealed =
        crypto.sealer.seal(&*crypto.random, place, text.as_bytes()).map_err(|e| corrupt("lockouts", &row, e))?;
    tx.execute(
        "insert into lockouts (account, sealed, day, failures, wrong_pins, held) \
         values (?1, ?2, ?3, 0, 0, 0) on conflict (account) do nothing",
        &[index.into(), sealed.into(), day(now).into()],
    )?;
    let before = current(tx, crypto, policy, index, now)?;
    let mut c = before;
    match c.one_more(guess, &guess::of(tx, index)?, policy) {
        OneMore::Go => {}
        OneMore::Full => return Ok(Reserved::Full),
        OneMore::Locked(lock) => {
            if c != before {
                save(tx, crypto, index, &before, &c, None, now)?;
            }
            return Ok(Reserved::Locked(lock));
        }
    }
    let until = now + policy.answer_within;
    guess::insert(
        tx,
        &GuessRow { id: id.clone(), account: index, guess, day: c.day, at: now, until, presumed_wrong: false },
    )?;
    Ok(Reserved::Proceed(Reservation { id: id.clone(), account: index, guess }))
}

/// Gives a guess back: the answer was right, or does not count (R30, R34–R37, a closure). If the guess was
/// presumed wrong meanwhile, that is taken back, and a lock that it caused is released.
pub fn pass(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    r: &Reservation,
    right: bool,
    now: Instant,
) -> Result<()> {
    let before = current(tx, crypto, policy, r.account, now)?;
    let mut c = before;
    if let Some(g) = guess::take(tx, &r.id)?.filter(|g| g.presumed_wrong) {
        c.take_back(g.guess, g.day, policy);
        answered(tx, &g, if right { "right" } else { "none" }, now)?;
    }
    if right && r.guess == Guess::Pin {
        c.right_pin();
        for g in guess::of(tx, r.account)?.into_iter().filter(|g| g.presumed_wrong && g.guess == Guess::Pin && !c.held)
        {
            guess::delete(tx, &g.id)?;
        }
    }
    if c == before { Ok(()) } else { save(tx, crypto, r.account, &before, &c, None, now) }
}

/// Keeps a guess as wrong; locks the account when it was the last one (R32), with record and event. Returns the lock that
/// holds then.
pub fn fail(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    r: &Reservation,
    client: Option<&ClientId>,
    now: Instant,
) -> Result<Option<Lock>> {
    let before = current(tx, crypto, policy, r.account, now)?;
    let mut c = before;
    match guess::take(tx, &r.id)? {
        Some(g) if !g.presumed_wrong => {
            c.count_wrong(g.guess, g.day, policy, now);
            save(tx, crypto, r.account, &before, &c, client, now)?;
        }
        // It is presumed wrong already, or staff has released the account since: then it is forgotten like the others.
        Some(g) => answered(tx, &g, "wrong", now)?,
        None => {}
    }
    Ok(c.lock())
}

/// What the next failure at the same check would do, after a wrong answer.
pub(super) fn last_try(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    r: &Reservation,
    now: Instant,
) -> Result<Option<LastTry>> {
    Ok(load_counts(tx, crypto, r.account, now)?.last_try(r.guess, policy))
}

/// What one wrong PIN would do, for a page of ⑤ that is shown: ② and ⑤ have one count, so the other tries of the day may have
/// gone at ②, or on another day's screen. Nothing is written.
pub(super) fn last_pin(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    account: &Account,
    now: Instant,
) -> Result<Option<LastTry>> {
    let account = crypto.account(account);
    let mut c = read_counts(tx, account, now)?;
    for g in guess::of(tx, account)? {
        if c.overdue(&g, now) == Some(Overdue::PresumeWrong) {
            c.count_wrong(g.guess, g.day, policy, now);
        }
    }
    Ok(c.last_try(Guess::Pin, policy))
}

/// Notes an answer that came after the guess was presumed wrong.
fn answered(tx: &mut Tx<'_, '_>, g: &GuessRow, answer: &str, now: Instant) -> Result<()> {
    let detail = json!({ "check": g.guess.as_str(), "asked_at": g.at.rfc3339(), "answer": answer });
    record(tx, g.account, None, Actor::System, AuditAction::AccountGuessAnswered, detail, now)
}

/// The lock that holds on an account at `now`, if one does.
pub fn locked(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    account: Hash,
    now: Instant,
) -> Result<Option<Lock>> {
    Ok(current(tx, crypto, policy, account, now)?.lock())
}

/// Audit record and event of a lock; a lock without an end is for wrong PINs.
fn locked_now(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    account: Hash,
    client: Option<&ClientId>,
    lock: Lock,
    now: Instant,
) -> Result<()> {
    tx.note(Fact(FactKind::AccountLocked, ["", ""]));
    proofing_session::forget_account(tx, &account, None)?;
    notice_address::suspended(tx, &account, lock.until, now)?;
    let until = lock.until.map(Instant::secs);
    let reason = if lock.until.is_some() { "failures" } else { "wrong_pins" };
    let detail = json!({ "until": until, "reason": reason });
    record(tx, account, client, Actor::System, AuditAction::Event(EventKind::AccountLocked), detail.clone(), now)?;
    emit(tx, crypto, account, EventKind::AccountLocked, detail, now)
}

/// Audit record and event of its end.
pub(super) fn unlocked(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    account: Hash,
    actor: Actor,
    detail: Value,
    by: &str,
    now: Instant,
) -> Result<()> {
    record(tx, account, None, actor, AuditAction::Event(EventKind::AccountUnlocked), detail, now)?;
    emit(tx, crypto, account, EventKind::AccountUnlocked, json!({ "by": by }), now)
}

/// Forgets the day's failures: consent was completed (G4).
pub fn clear(tx: &mut Tx<'_, '_>, crypto: &FieldCrypto, account: Hash, now: Instant) -> Result<()> {
    let before = load_counts(tx, crypto, account, now)?;
    if before.lock().is_some() {
        return Ok(());
    }
    for g in guess::of(tx, account)?.into_iter().filter(|g| g.presumed_wrong) {
        match g.guess {
            Guess::Customer => guess::delete(tx, &g.id)?,
            Guess::Pin => guess::forget_day(tx, &g.id)?,
        }
    }
    save(tx, crypto, account, &before, &Counts { failures: 0, ..before }, None, now)
}

/// Presumes guesses wrong that were not settled in time, emits the events of locks that midnight released, and drops empty rows. Returns
/// how many rows it touched.
pub fn sweep(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    policy: &IdentityPolicy,
    now: Instant,
    limit: i64,
) -> Result<u64> {
    let mut touched = 0;
    for account in guess::overdue(tx, now, limit)? {
        current(tx, crypto, policy, account, now)?;
        touched += 1;
    }
    let over = "select account from lockouts where locked_at is not null and held = 0 and locked_until <= ?1 limit ?2";
    for row in tx.rows(over, &[now.into(), limit.into()])? {
        load_counts(tx, crypto, row.hash(0)?, now)?;
        touched += 1;
    }
    touched += guess::prune(tx, day(now), limit)?;
    let empty = "delete from lockouts where account in (select account from lockouts l where held = 0 and \
                 wrong_pins = 0 and locked_at is null and day < ?1 \
                 and not exists (select 1 from guesses g where g.account = l.account) limit ?2)";
    Ok(touched + tx.execute(empty, &[day(now).into(), limit.into()])?)
}

pub(super) fn record(
    tx: &mut Tx<'_, '_>,
    account: Hash,
    client: Option<&ClientId>,
    actor: Actor,
    action: AuditAction,
    detail: Value,
    now: Instant,
) -> Result<()> {
    let entry = Entry::new(now, actor, action);
    audit::append(tx, &Entry { account: Some(account), client: client.cloned(), detail, ..entry })
}
/// The event names the account as the core bank does, if it ever has: an account of which no answer came has no such name.
fn emit(
    tx: &mut Tx<'_, '_>,
    crypto: &FieldCrypto,
    account: Hash,
    kind: EventKind,
    detail: Value,
    now: Instant,
) -> Result<()> {
    let row = tx.row("select account_id from lockouts where account = ?1", &[account.into()])?;
    let named = row.map_or(Ok(None), |row| row.opt_text(0).map(|id| id.and_then(AccountId::parse)))?;
    let id = EventId::random(&*crypto.random);
    event::emit(tx, &Event { detail, account: named, ..Event::of_client(id, now, kind, None) })
}

/// Keeps the name that the core bank gives an account, for the event that tells of its lock.
pub fn name_account(tx: &mut Tx<'_, '_>, reservation: &Reservation, id: &AccountId) -> Result<()> {
    let sql = "update lockouts set account_id = ?2 where account = ?1";
    tx.execute(sql, &[reservation.account.into(), id.as_str().into()]).map(drop)
}
