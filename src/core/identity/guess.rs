//! The table `guesses`: one row for each guess about which the core bank is being asked. A crash leaves rows that
//! nobody settles; `lockout` decides what becomes of them.

use super::sql::corrupt;
use crate::clock::Instant;
use crate::id::{GuessId, InteractionId};
use crate::secret::{Hash, base64url};
use crate::store::{Result, Row, Tx};

/// What is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// ②: birth date and phone. Needs no secret, so it never counts towards the lasting lock (G5).
    Customer,
    /// ⑤: the PIN, after a seen call.
    Pin,
}
impl Guess {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Pin => "pin",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        [Self::Customer, Self::Pin].into_iter().find(|g| g.as_str() == text)
    }
}

/// The id of the guess that a form makes. A step token is valid once, so the id is unique. If the same form is posted
/// again, the id shows that the core bank is being asked already.
pub(super) fn name(interaction: &InteractionId, step: &str) -> Option<GuessId> {
    GuessId::parse(&base64url(Hash::of(format!("{interaction} {step}")).as_bytes()))
}

/// A guess as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GuessRow {
    pub(super) id: GuessId,
    pub(super) account: Hash,
    pub(super) guess: Guess,
    /// The JST day on which it counts.
    pub(super) day: i64,
    /// When the core bank was asked.
    pub(super) at: Instant,
    /// When the answer is waited for no longer.
    pub(super) until: Instant,
    /// Whether it is presumed wrong, because no answer came in time.
    pub(super) presumed_wrong: bool,
}

pub(super) fn insert(tx: &mut Tx<'_, '_>, g: &GuessRow) -> Result<()> {
    tx.execute(
        "insert into guesses (id, account, guess, day, at, until, counted) values (?1, ?2, ?3, ?4, ?5, ?6, 0)",
        &[g.id.as_str().into(), g.account.into(), g.guess.as_str().into(), g.day.into(), g.at.into(), g.until.into()],
    )?;
    Ok(())
}

/// Whether some node is asking the core bank and still waits for its answer.
pub(super) fn is_pending(tx: &mut Tx<'_, '_>, id: &GuessId, now: Instant) -> Result<bool> {
    let sql = "select 1 from guesses where id = ?1 and counted = 0 and until > ?2";
    Ok(tx.row(sql, &[id.as_str().into(), now.into()])?.is_some())
}

/// All guesses about an account; the limits bound their number.
pub(super) fn of(tx: &mut Tx<'_, '_>, account: Hash) -> Result<Vec<GuessRow>> {
    let sql =
        "select id, account, guess, day, at, until, counted from guesses where account = ?1 order by at, id limit 1000";
    tx.rows(sql, &[account.into()])?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<GuessRow> {
    let id = row.text(0)?;
    Ok(GuessRow {
        id: GuessId::parse(id).ok_or_else(|| corrupt("guesses", id, "its id"))?,
        account: row.hash(1)?,
        guess: Guess::parse(row.text(2)?).ok_or_else(|| corrupt("guesses", id, "what is guessed"))?,
        day: row.int(3)?,
        at: row.instant(4)?,
        until: row.instant(5)?,
        presumed_wrong: row.flag(6)?,
    })
}

/// Deletes the guess with this id, because it is settled, and returns it.
pub(super) fn take(tx: &mut Tx<'_, '_>, id: &GuessId) -> Result<Option<GuessRow>> {
    let sql = "delete from guesses where id = ?1 returning id, account, guess, day, at, until, counted";
    tx.row(sql, &[id.as_str().into()])?.as_ref().map(from_row).transpose()
}

pub(super) fn delete(tx: &mut Tx<'_, '_>, id: &GuessId) -> Result<()> {
    tx.execute("delete from guesses where id = ?1", &[id.as_str().into()])?;
    Ok(())
}

/// Marks the guess as presumed wrong.
pub(super) fn presume_wrong(tx: &mut Tx<'_, '_>, id: &GuessId) -> Result<()> {
    tx.execute("update guesses set counted = 1 where id = ?1", &[id.as_str().into()])?;
    Ok(())
}

/// Marks the guess as counting on no day any more.
pub(super) fn forget_day(tx: &mut Tx<'_, '_>, id: &GuessId) -> Result<()> {
    tx.execute("update guesses set day = 0 where id = ?1", &[id.as_str().into()])?;
    Ok(())
}

/// Accounts with a guess that was not settled in time and is not presumed wrong yet.
pub(super) fn overdue(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<Vec<Hash>> {
    let sql = "select account from guesses where counted = 0 and until <= ?1 order by until limit ?2";
    let mut accounts = Vec::new();
    for row in tx.rows(sql, &[now.into(), limit.into()])? {
        let account = row.hash(0)?;
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    Ok(accounts)
}

/// Housekeeping: guesses at ② of a past day no longer count. Returns how many were deleted.
pub(super) fn prune(tx: &mut Tx<'_, '_>, today: i64, limit: i64) -> Result<u64> {
    let sql = "delete from guesses where id in (select id from guesses where counted = 1 and guess = 'customer' \
               and day < ?1 limit ?2)";
    tx.execute(sql, &[today.into(), limit.into()])
}
