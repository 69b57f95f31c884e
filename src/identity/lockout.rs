//! Locks on linking an account (domain G4, G5, G6): one counter an account and JST day, shared by ② and ⑤, and one of
//! wrong PINs over all days. They touch nothing but linking: cards, machines and existing grants go on (R81).
//!
//! An attempt is *reserved* before the core bank is asked, so that any number of parallel guesses reach it at most as
//! often as the limit allows, and *settled* by its answer.

use super::Seals;
use super::memory;
use super::policy::Policy;
use super::sql::corrupt;
use crate::account::Account;
use crate::audit::{self, Actor, Entry};
use crate::clock::Instant;
use crate::event::{self, Event, Kind};
use crate::id::{ClientId, EventId};
use crate::keys::seal::Place;
use crate::secret::{Hash, base64url};
use crate::store::{Result, Row, Tx};
use chrono::Datelike;
use serde_json::json;

/// What is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// ②: birth date and phone. Needs no secret, so it never counts towards the lasting lock (G5).
    Customer,
    /// ⑤: the PIN, after a seen call.
    Pin,
}

/// An attempt that may be made. Settle it with [`pass`] or [`fail`]; one that never is (a crash) stays booked: for
/// the day, and as a wrong PIN until the next right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    account: Hash,
    guess: Guess,
    day: i64,
}
/// The answer to an attempt about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// Ask.
    Go(Reservation),
    /// Locked: R33.
    Locked(Lock),
    /// As many attempts as the limit leaves are being asked at this moment: R35.
    Full,
}
/// A lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// When it ends by itself; `None` when an operator must release it.
    pub until: Option<Instant>,
}

struct Counters {
    day: i64,
    failures: i64,
    asked: i64,
    wrong_pins: i64,
    locked_until: Option<Instant>,
    held: bool,
}

fn day(now: Instant) -> i64 {
    i64::from(now.jst_date().num_days_from_ce())
}

/// Reads the counters as they are now: a lock that midnight ended is taken off first, with record and event.
fn counters(tx: &mut Tx<'_, '_>, seals: &Seals, account: Hash, now: Instant) -> Result<Counters> {
    let over = "update lockouts set locked_at = null, locked_until = null \
                where account = ?1 and locked_at is not null and held = 0 and locked_until <= ?2";
    if tx.execute(over, &[account.into(), now.into()])? > 0 {
        let entry = Entry::new(now, Actor::System, "account.unlocked");
        let detail = json!({ "reason": "midnight" });
        audit::append(tx, &Entry { account: Some(account), detail, ..entry })?;
        emit(tx, seals, Kind::AccountUnlocked, json!({ "by": "time" }), now)?;
    }
    let sql = "select day, failures, asked, wrong_pins, locked_until, held from lockouts where account = ?1";
    let today = day(now);
    let none = Counters { day: today, failures: 0, asked: 0, wrong_pins: 0, locked_until: None, held: false };
    let Some(row) = tx.row(sql, &[account.into()])? else { return Ok(none) };
    let (kept, wrong_pins, held) = (row.int(0)?, row.int(3)?, row.flag(5)?);
    if kept < today {
        // Midnight JST released whatever the day had brought (R32); the lasting count goes on.
        return Ok(Counters { wrong_pins, held, ..none });
    }
    // A question of yesterday that is settled today takes nothing off today's count.
    let (failures, asked, locked_until) = (row.int(1)?, row.int(2)?, row.opt_instant(4)?);
    Ok(Counters { day: kept, failures, asked, wrong_pins, locked_until, held })
}

fn write(tx: &mut Tx<'_, '_>, account: Hash, c: &Counters, locked_at: Option<Instant>) -> Result<()> {
    tx.execute(
        "update lockouts set day = ?2, failures = ?3, asked = ?4, wrong_pins = ?5, locked_until = ?6, held = ?7, \
         locked_at = ?8 where account = ?1",
        &[
            account.into(),
            c.day.into(),
            c.failures.into(),
            c.asked.into(),
            c.wrong_pins.into(),
            c.locked_until.into(),
            c.held.into(),
            locked_at.into(),
        ],
    )?;
    Ok(())
}
fn locked_at(tx: &mut Tx<'_, '_>, account: Hash) -> Result<Option<Instant>> {
    let row = tx.row("select locked_at from lockouts where account = ?1", &[account.into()])?;
    row.map_or(Ok(None), |row| row.opt_instant(0))
}

/// Books one attempt on an account before the core bank is asked.
///
/// # Errors
/// The store's; so for every verb below.
pub fn reserve(
    tx: &mut Tx<'_, '_>,
    seals: &Seals,
    policy: &Policy,
    account: &Account,
    guess: Guess,
    now: Instant,
) -> Result<Reserved> {
    let index = seals.account(account);
    let row = base64url(index.as_bytes());
    let place = Place { table: "lockouts", column: "sealed", row: &row };
    let text = account.to_string();
    let sealed = seals.sealer.seal(&*seals.random, place, text.as_bytes()).map_err(|e| corrupt("lockouts", &row, e))?;
    tx.execute(
        "insert into lockouts (account, sealed, day, failures, asked, wrong_pins, held) \
         values (?1, ?2, ?3, 0, 0, 0, 0) on conflict (account) do nothing",
        &[index.into(), sealed.into(), day(now).into()],
    )?;
    let mut c = counters(tx, seals, index, now)?;
    if c.held {
        return Ok(Reserved::Locked(Lock { until: None }));
    }
    if c.locked_until.is_some_and(|until| now < until) {
        return Ok(Reserved::Locked(Lock { until: c.locked_until }));
    }
    // What a crash left booked nobody settles any more: it counts as wrong, so that staff sees a lock and can release it.
    if guess == Guess::Pin && c.wrong_pins - c.asked >= policy.wrong_pins {
        c.held = true;
        write(tx, index, &c, Some(now))?;
        let lock = Lock { until: None };
        tell(tx, seals, index, None, lock, now)?;
        return Ok(Reserved::Locked(lock));
    }
    let pins_left = guess == Guess::Customer || c.wrong_pins < policy.wrong_pins;
    if c.failures + c.asked >= policy.failures_a_day || !pins_left {
        return Ok(Reserved::Full);
    }
    c.asked += 1;
    c.wrong_pins += i64::from(guess == Guess::Pin);
    write(tx, index, &c, None)?;
    Ok(Reserved::Go(Reservation { account: index, guess, day: c.day }))
}

/// Gives an attempt back: the answer was right, or there was none that counts (R30, R34–R37, a closure).
///
/// # Errors
/// The store's.
pub fn pass(tx: &mut Tx<'_, '_>, seals: &Seals, r: Reservation, right: bool, now: Instant) -> Result<()> {
    let mut c = counters(tx, seals, r.account, now)?;
    c.asked = (c.asked - i64::from(c.day == r.day)).max(0);
    if r.guess == Guess::Pin {
        c.wrong_pins = if right { 0 } else { (c.wrong_pins - 1).max(0) };
    }
    let at = locked_at(tx, r.account)?;
    write(tx, r.account, &c, at)
}

/// Keeps an attempt as wrong; locks the account when it was the last one (R32), with record and event.
///
/// # Errors
/// The store's.
pub fn fail(
    tx: &mut Tx<'_, '_>,
    seals: &Seals,
    policy: &Policy,
    r: Reservation,
    client: &ClientId,
    now: Instant,
) -> Result<Option<Lock>> {
    let mut c = counters(tx, seals, r.account, now)?;
    let today = c.day == r.day;
    c.asked = (c.asked - i64::from(today)).max(0);
    c.failures += i64::from(today);
    let was = locked_at(tx, r.account)?.filter(|_| c.held || c.locked_until.is_some());
    // Attempts still being asked are booked among the wrong PINs; they are not wrong yet.
    c.held |= r.guess == Guess::Pin && c.wrong_pins - c.asked >= policy.wrong_pins;
    if today && c.failures >= policy.failures_a_day {
        c.locked_until = Some(now.next_jst_midnight());
    }
    let lock = match (c.held, c.locked_until) {
        (true, _) => Some(Lock { until: None }),
        (false, Some(until)) => Some(Lock { until: Some(until) }),
        (false, None) => None,
    };
    write(tx, r.account, &c, was.or(lock.map(|_| now)))?;
    if let (Some(lock), None) = (lock, was) {
        tell(tx, seals, r.account, Some(client.clone()), lock, now)?;
    }
    Ok(lock)
}

/// The lock that holds on an account at `now`, if one does.
///
/// # Errors
/// The store's.
pub fn locked(tx: &mut Tx<'_, '_>, seals: &Seals, account: Hash, now: Instant) -> Result<Option<Lock>> {
    let c = counters(tx, seals, account, now)?;
    let until = c.locked_until.filter(|until| now < *until);
    Ok((c.held || until.is_some()).then_some(Lock { until: if c.held { None } else { until } }))
}

/// Record and event of a lock; one that does not end by itself is for wrong PINs.
fn tell(
    tx: &mut Tx<'_, '_>,
    seals: &Seals,
    account: Hash,
    client: Option<ClientId>,
    lock: Lock,
    now: Instant,
) -> Result<()> {
    memory::forget_account(tx, &account, None)?;
    let until = lock.until.map(Instant::secs);
    let reason = if lock.until.is_some() { "failures" } else { "wrong_pins" };
    let detail = json!({ "until": until, "reason": reason });
    let entry = Entry::new(now, Actor::System, "account.locked");
    audit::append(tx, &Entry { account: Some(account), client, detail: detail.clone(), ..entry })?;
    emit(tx, seals, Kind::AccountLocked, detail, now)
}

/// Forgets the day's failures: consent was completed (G4).
///
/// # Errors
/// The store's.
pub fn clear(tx: &mut Tx<'_, '_>, seals: &Seals, account: Hash, now: Instant) -> Result<()> {
    let mut c = counters(tx, seals, account, now)?;
    if c.locked_until.is_none() && !c.held {
        c.failures = 0;
        write(tx, account, &c, None)?;
    }
    Ok(())
}

/// One lock, as staff sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The account.
    pub account: Account,
    /// Since when.
    pub since: Instant,
    /// Until when; `None` until somebody releases it.
    pub until: Option<Instant>,
}

/// The locks that hold at `now`, the newest first. Staff reads account numbers here: the caller records that.
///
/// # Errors
/// The store's.
pub fn list(tx: &mut Tx<'_, '_>, seals: &Seals, now: Instant, limit: i64) -> Result<Vec<Listed>> {
    let sql = "select account, sealed, locked_at, locked_until, held from lockouts \
               where locked_at is not null and (held = 1 or locked_until > ?1) order by locked_at desc limit ?2";
    tx.rows(sql, &[now.into(), limit.into()])?.iter().map(|row| listed(seals, row)).collect()
}
fn listed(seals: &Seals, row: &Row) -> Result<Listed> {
    let key = base64url(row.bytes(0)?);
    let place = Place { table: "lockouts", column: "sealed", row: &key };
    let plain = seals.sealer.open(place, row.bytes(1)?).map_err(|e| corrupt("lockouts", &key, e))?;
    let account = std::str::from_utf8(&plain).ok().and_then(Account::parse);
    let account = account.ok_or_else(|| corrupt("lockouts", &key, "its account"))?;
    let until = if row.flag(4)? { None } else { row.opt_instant(3)? };
    Ok(Listed { account, since: row.instant(2)?, until })
}

/// Releases an account by hand and forgets every wrong answer; `false` when it was not locked.
///
/// # Errors
/// The store's.
pub fn release(
    tx: &mut Tx<'_, '_>,
    seals: &Seals,
    account: &Account,
    actor: Actor,
    reason: &str,
    now: Instant,
) -> Result<bool> {
    let index = seals.account(account);
    let c = counters(tx, seals, index, now)?;
    if !c.held && c.locked_until.is_none_or(|until| now >= until) {
        return Ok(false);
    }
    let free = Counters { day: c.day, failures: 0, asked: c.asked, wrong_pins: 0, locked_until: None, held: false };
    write(tx, index, &free, None)?;
    let entry = Entry::new(now, actor, "account.unlocked");
    audit::append(tx, &Entry { account: Some(index), detail: json!({ "reason": reason }), ..entry })?;
    emit(tx, seals, Kind::AccountUnlocked, json!({ "by": "institution" }), now)?;
    Ok(true)
}

/// Tells that midnight released locks, and drops rows that say nothing any more. Returns how many rows it touched.
///
/// # Errors
/// The store's.
pub fn sweep(tx: &mut Tx<'_, '_>, seals: &Seals, now: Instant, limit: i64) -> Result<u64> {
    let over = "select account from lockouts where locked_at is not null and held = 0 and locked_until <= ?1 limit ?2";
    let rows = tx.rows(over, &[now.into(), limit.into()])?;
    for row in &rows {
        counters(tx, seals, row.hash(0)?, now)?;
    }
    let empty = "delete from lockouts where account in (select account from lockouts where held = 0 and \
                 wrong_pins = 0 and locked_at is null and day < ?1 limit ?2)";
    Ok(rows.len() as u64 + tx.execute(empty, &[day(now).into(), limit.into()])?)
}

fn emit(tx: &mut Tx<'_, '_>, seals: &Seals, kind: Kind, detail: serde_json::Value, now: Instant) -> Result<()> {
    let id = EventId::random(&*seals.random);
    event::emit(tx, &Event { id, at: now, kind, client: None, grant: None, sub: None, seq: 0, detail })
}
