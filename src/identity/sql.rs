//! Where a way through the screens rests: one row, what the customer said sealed in one field of it.

use super::{Ending, Interaction, Seals, Stage};
use crate::audit::{self, Actor, Entry};
use crate::clock::Instant;
use crate::id::{ClientId, InteractionId};
use crate::keys::seal::Place;
use crate::secret::Hash;
use crate::store::{Error, Result, Row, Tx};
use std::time::Duration;

/// How long a rotated cookie's old value stays good at most (architecture §5).
pub const OLD_COOKIE: Duration = Duration::from_secs(30);

/// A row: the interaction, and the browser it is bound to.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The way through the screens.
    pub interaction: Interaction,
    cookie: Hash,
    old_cookie: Option<(Hash, Instant)>,
    /// The address it was opened from, as a keyed index.
    pub address: Hash,
}
impl Kept {
    /// Whether the browser with this cookie may see it; after a rotation the old value is good until the new one was
    /// seen, at most [`OLD_COOKIE`].
    #[must_use]
    pub fn admits(&self, cookie: &Hash, now: Instant) -> bool {
        self.cookie.same(cookie) || self.old_cookie.is_some_and(|(old, until)| old.same(cookie) && now < until)
    }
    /// Whether the browser has shown a rotated cookie for the first time, so that the old one can go.
    #[must_use]
    pub fn settles(&self, cookie: &Hash) -> bool {
        self.old_cookie.is_some() && self.cookie.same(cookie)
    }
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "select id, client, request, address, cookie, cookie_old, cookie_old_until, started, touched, step, ",
            "refused, language, sealed from interactions ",
            $tail
        )
    };
}

fn place(id: &InteractionId) -> Place<'_> {
    Place { table: "interactions", column: "sealed", row: id.as_str() }
}
pub(super) fn corrupt(table: &'static str, row: &str, why: impl ToString) -> Error {
    Error::Corrupt { table, row: row.to_owned(), why: why.to_string() }
}
fn sealed(seals: &Seals, i: &Interaction) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(&i.stage).map_err(|e| corrupt("interactions", i.id.as_str(), e))?;
    let plain = zeroize::Zeroizing::new(plain);
    seals.sealer.seal(&*seals.random, place(&i.id), &plain).map_err(|e| corrupt("interactions", i.id.as_str(), e))
}
fn kept(seals: &Seals, row: &Row) -> Result<Kept> {
    let text = row.text(0)?;
    let id = InteractionId::parse(text).ok_or_else(|| corrupt("interactions", text, "its id"))?;
    let wrong = |why: &str| corrupt("interactions", text, why);
    let plain = seals.sealer.open(place(&id), row.bytes(12)?).map_err(|e| corrupt("interactions", text, e))?;
    let stage: Stage = serde_json::from_slice(&plain).map_err(|_| wrong("its stage"))?;
    let old_cookie = match (row.opt_bytes(5)?, row.opt_instant(6)?) {
        (Some(hash), Some(until)) => Some((Hash::from_bytes(hash).ok_or_else(|| wrong("its cookie"))?, until)),
        _ => None,
    };
    Ok(Kept {
        interaction: Interaction {
            client: ClientId::parse(row.text(1)?).ok_or_else(|| wrong("its client"))?,
            request: row.hash(2)?,
            started: row.instant(7)?,
            touched: row.instant(8)?,
            step: row.int(9)?,
            refused_accounts: row.int(10)?,
            language: row.opt_text(11)?.map(str::to_owned),
            stage,
            id,
        },
        address: row.hash(3)?,
        cookie: row.hash(4)?,
        old_cookie,
    })
}

/// Reads one way through the screens.
///
/// # Errors
/// The store's; [`Error::Corrupt`] when the row cannot be opened. So for every verb below.
pub fn load(tx: &mut Tx<'_, '_>, seals: &Seals, id: &InteractionId) -> Result<Option<Kept>> {
    tx.row(select!("where id = ?1"), &[id.as_str().into()])?.map(|row| kept(seals, &row)).transpose()
}

/// The way a browser is on, by its cookie.
///
/// # Errors
/// See [`load`].
pub fn by_cookie(tx: &mut Tx<'_, '_>, seals: &Seals, cookie: &Hash, now: Instant) -> Result<Option<Kept>> {
    let rows = tx.rows(select!("where cookie = ?1 or cookie_old = ?1 limit 4"), &[(*cookie).into()])?;
    for row in &rows {
        let kept = kept(seals, row)?;
        if kept.admits(cookie, now) {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

/// Writes a new way and binds it to a browser.
///
/// # Errors
/// See [`load`].
pub fn insert(tx: &mut Tx<'_, '_>, seals: &Seals, i: &Interaction, cookie: Hash, address: Hash) -> Result<()> {
    tx.execute(
        "insert into interactions (id, client, request, address, cookie, started, touched, step, refused, language, \
         live, past, sealed) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            i.id.as_str().into(),
            i.client.as_str().into(),
            i.request.into(),
            address.into(),
            cookie.into(),
            i.started.into(),
            i.touched.into(),
            i.step.into(),
            i.refused_accounts.into(),
            i.language.clone().into(),
            i.live().into(),
            i.past_customer().into(),
            sealed(seals, i)?.into(),
        ],
    )?;
    Ok(())
}

/// Writes where a way stands now. Whoever reached this through [`super::take`] holds the only good step token.
///
/// # Errors
/// See [`load`].
pub fn save(tx: &mut Tx<'_, '_>, seals: &Seals, i: &Interaction) -> Result<()> {
    tx.execute(
        "update interactions set touched = ?2, step = ?3, refused = ?4, language = ?5, live = ?6, past = ?7, \
         sealed = ?8 where id = ?1",
        &[
            i.id.as_str().into(),
            i.touched.into(),
            i.step.into(),
            i.refused_accounts.into(),
            i.language.clone().into(),
            i.live().into(),
            i.past_customer().into(),
            sealed(seals, i)?.into(),
        ],
    )?;
    Ok(())
}

/// Gives the browser a new cookie (at ③ and ⑤); the old one stays good until the new one is seen, at most 30 seconds.
///
/// # Errors
/// See [`load`].
pub fn rotate(tx: &mut Tx<'_, '_>, id: &InteractionId, cookie: Hash, now: Instant) -> Result<()> {
    tx.execute(
        "update interactions set cookie_old = cookie, cookie_old_until = ?3, cookie = ?2 where id = ?1",
        &[id.as_str().into(), cookie.into(), (now + OLD_COOKIE).into()],
    )?;
    Ok(())
}

/// Drops a rotated cookie's old value: the new one was seen.
///
/// # Errors
/// See [`load`].
pub fn forget_old_cookie(tx: &mut Tx<'_, '_>, id: &InteractionId) -> Result<()> {
    let sql = "update interactions set cookie_old = null, cookie_old_until = null where id = ?1";
    tx.execute(sql, &[id.as_str().into()])?;
    Ok(())
}

/// The oldest unfinished ways before ② of one address beyond `cap`.
///
/// # Errors
/// See [`load`].
pub fn crowd(tx: &mut Tx<'_, '_>, seals: &Seals, address: Hash, cap: i64) -> Result<Vec<Kept>> {
    let sql = select!("where address = ?1 and live = 1 and past = 0 order by started desc limit 10 offset ?2");
    tx.rows(sql, &[address.into(), cap.into()])?.iter().map(|row| kept(seals, row)).collect()
}

/// Ends every other live way of a request that has just been completed: nobody walks on to ⑥ for nothing (protocol A3).
/// Whoever is left out by the limit learns it there.
///
/// # Errors
/// See [`load`].
pub fn end_others(
    tx: &mut Tx<'_, '_>,
    seals: &Seals,
    request: Hash,
    winner: &InteractionId,
    now: Instant,
) -> Result<()> {
    let sql = select!("where request = ?1 and live = 1 and id <> ?2 order by started limit 100");
    for row in tx.rows(sql, &[request.into(), winner.as_str().into()])? {
        end(tx, seals, kept(seals, &row)?.interaction, Ending::Expired(super::Expired::Elsewhere), now)?;
    }
    Ok(())
}

/// How many ways are past ② and were touched since `since`, counted up to `cap`.
///
/// # Errors
/// See [`load`].
pub fn past_customer(tx: &mut Tx<'_, '_>, since: Instant, cap: i64) -> Result<i64> {
    let sql = "select count(*) from (select 1 as one from interactions where live = 1 and past = 1 and touched > ?1 \
               limit ?2) as counted";
    tx.row(sql, &[since.into(), cap.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Live ways that rested too long or took too long, for the sweeper.
///
/// # Errors
/// See [`load`].
pub fn stale(
    tx: &mut Tx<'_, '_>,
    seals: &Seals,
    policy: &super::Policy,
    now: Instant,
    limit: i64,
) -> Result<Vec<Kept>> {
    let sql = select!("where live = 1 and (touched <= ?1 or started <= ?2) limit ?3");
    let params = [(now - policy.idle).into(), (now - policy.absolute).into(), limit.into()];
    tx.rows(sql, &params)?.iter().map(|row| kept(seals, row)).collect()
}

/// Records one arrow of the state machine (domain §1.10).
///
/// # Errors
/// The store's.
pub fn arrow(
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    action: &'static str,
    account: Option<Hash>,
    detail: serde_json::Value,
    now: Instant,
) -> Result<()> {
    let entry = Entry::new(now, Actor::Customer, action);
    audit::append(
        tx,
        &Entry { client: Some(i.client.clone()), interaction: Some(i.id.clone()), account, detail, ..entry },
    )
}

/// Ends a way, writes it and records the arrow. A number it waited at is free again.
///
/// # Errors
/// The store's.
pub fn end(tx: &mut Tx<'_, '_>, seals: &Seals, i: Interaction, ending: Ending, now: Instant) -> Result<Interaction> {
    let account = i.account().map(|a| seals.account(a));
    let from = i.stage.screen();
    let Ok(i) = i.clone().ended(ending) else { return Ok(i) };
    super::call::release(tx, &i.id)?;
    save(tx, seals, &i)?;
    let detail = serde_json::json!({ "from": from, "why": why(ending) });
    arrow(tx, &i, "interaction.ended", account, detail, now)?;
    Ok(i)
}
const fn why(ending: Ending) -> &'static str {
    use super::Expired;
    match ending {
        Ending::Cancelled => "cancelled",
        Ending::Locked { before: false, .. } => "locked",
        Ending::Locked { before: true, .. } => "was_locked",
        Ending::Closed { .. } => "closed",
        Ending::NoAccount => "no_account",
        Ending::Failed => "failed",
        Ending::Expired(Expired::Call) => "call_expired",
        Ending::Expired(Expired::Time) => "expired",
        Ending::Expired(Expired::Elsewhere) => "superseded",
        Ending::Done => "done",
    }
}
