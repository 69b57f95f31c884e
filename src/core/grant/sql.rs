//! The table `grants`: reads it, ends a grant, numbers its events. [`super::create()`] inserts the row.
//!
//! What hangs on a row is read by a subquery in the select list, which an engine runs for this row alone. A join may begin with either
//! table, and visits each open link of an app where the planner errs (docs/decisions/0031-plans.md). `coalesce(ended_at, 0) = 0` says
//! `ended_at is null` where the planner shall not take an index of the open grants, but the one of another column.

use super::row::{columns, from_row};
use super::{Grant, GrantState, Reason, code};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event::{self, Event, EventKind, event_id};
use crate::id::{AccountId, ClientId, GrantId};
use crate::identity::proofing_session;
use crate::notice_address::{self, LinkNotice};
use crate::secret::Hash;
use crate::store::{Error, Result, Row, Tx};
use serde_json::json;
use std::time::Duration;

/// The open grants made until `until` that share an account, verified or chosen beside it; the oldest first.
pub fn sharing(tx: &mut Tx<'_, '_>, account: &Hash, until: Instant, limit: i64) -> Result<Vec<GrantId>> {
    let rows = tx.rows(
        "select id, created_at from grants where account_index = ?1 and ended_at is null and created_at <= ?2 \
         union select id, created_at from (select a.grant_id as id, \
         (select g.created_at from grants g where g.id = a.grant_id and g.ended_at is null) as created_at \
         from grant_accounts a where a.account_index = ?1) as beside where created_at <= ?2 order by 2, 1 limit ?3",
        &[(*account).into(), until.into(), limit.into()],
    )?;
    let id = |row: &Row| {
        let text = row.text(0)?;
        let corrupt = || Error::Corrupt { table: "grants", row: text.to_owned(), why: "id".to_owned() };
        GrantId::parse(text).ok_or_else(corrupt)
    };
    rows.iter().map(id).collect()
}

/// The grant with this id.
pub fn load(tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<Option<Grant>> {
    let row = tx.row(concat!("select ", columns!(), " from grants g where g.id = ?1"), &[id.as_str().into()])?;
    row.map(|r| from_row(&r, 0)).transpose()
}

/// When the app of a grant redeemed its code; also after the end.
pub fn activated_at(tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<Option<Instant>> {
    let row = tx.row("select activated_at from grants where id = ?1", &[id.as_str().into()])?;
    row.map_or(Ok(None), |row| row.opt_instant(0))
}

/// The open grants that end when `grant`, which has just become active, takes their place: the client's older one for the same
/// account (G23), unless one of them was asked for beside the other (`create`); and where there would be more than `most`, the one
/// that ⑥ named, then those that were not used for longest.
pub(super) fn replaced_by(tx: &mut Tx<'_, '_>, grant: &Grant, most: usize) -> Result<Vec<GrantId>> {
    let corrupt = |id: &str| Error::Corrupt { table: "grants", row: id.to_owned(), why: "id".to_owned() };
    let own = tx.row("select by_create, ends_grant from grants where id = ?1", &[grant.id.as_str().into()])?;
    let (by_create, named) = match &own {
        Some(row) => (row.int(0)? == 1, row.opt_text(1)?.map(str::to_owned)),
        None => return Err(corrupt(grant.id.as_str())),
    };
    let mut others = open_of(tx, &grant.client, &grant.account_index, grant.created_at)?;
    others.retain(|other| other.id != grant.id);
    let (mut end, mut rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|other| !by_create && !other.by_create);
    rest.sort_by_key(|other| (Some(other.id.as_str()) != named.as_deref(), unused_first(other)));
    // ⑥ names a link to end only where the request asks for one beside the others.
    let over = if by_create { (rest.len() + 1).saturating_sub(most.max(1)) } else { 0 };
    end.extend(rest.into_iter().take(over));
    Ok(end.into_iter().map(|other| other.id).collect())
}

/// Sorts the grant that nobody will miss to the front: one that was never redeemed, then the one not used for longest.
fn unused_first(grant: &OpenGrant) -> (bool, Option<Instant>, Instant) {
    (grant.active, grant.last_used, grant.created_at)
}

/// The open grant that a further one (`create`) of this client and account would end, if `most` are open.
pub fn would_end(
    tx: &mut Tx<'_, '_>,
    client: &ClientId,
    account: &Hash,
    most: usize,
    now: Instant,
) -> Result<Option<GrantId>> {
    let open = open_of(tx, client, account, now)?;
    Ok((open.len() >= most.max(1)).then(|| open.into_iter().min_by_key(unused_first)).flatten().map(|grant| grant.id))
}

/// An open grant among those of one app and account.
#[derive(Debug, Clone)]
pub struct OpenGrant {
    /// Its id.
    pub id: GrantId,
    /// When consent was given.
    pub created_at: Instant,
    /// When it was last used ([`super::uses`]); `None` if never.
    pub last_used: Option<Instant>,
    /// Whether the app asked for it beside others.
    pub by_create: bool,
    /// Whether its code was redeemed.
    pub active: bool,
}

/// How many open grants of one app and account are read at most: more than `tokens.open_grants` may be set to.
const MOST_OPEN: i64 = 2000;

/// The open grants of a client and account made until `until`, the oldest first.
pub fn open_of(tx: &mut Tx<'_, '_>, client: &ClientId, account: &Hash, until: Instant) -> Result<Vec<OpenGrant>> {
    let rows = tx.rows(
        "select g.id, g.created_at, g.by_create, g.activated_at, \
         (select max(u.last_at) from grant_uses u where u.grant_id = g.id) \
         from grants g where g.client_id = ?1 and g.account_index = ?2 \
         and g.ended_at is null and g.created_at <= ?3 order by g.created_at, g.id limit ?4",
        &[client.as_str().into(), (*account).into(), until.into(), MOST_OPEN.into()],
    )?;
    let grant = |row: &Row| {
        let id = row.text(0)?;
        let corrupt = || Error::Corrupt { table: "grants", row: id.to_owned(), why: "id".to_owned() };
        Ok(OpenGrant {
            id: GrantId::parse(id).ok_or_else(corrupt)?,
            created_at: row.instant(1)?,
            last_used: row.opt_instant(4)?,
            by_create: row.int(2)? == 1,
            active: row.opt_instant(3)?.is_some(),
        })
    };
    rows.iter().map(grant).collect()
}

/// When the links of a client that share an account end: only those whose code was redeemed and whose time is not over; the
/// latest first, each time once.
pub fn living(
    tx: &mut Tx<'_, '_>,
    client: &ClientId,
    account: &Hash,
    now: Instant,
    limit: i64,
) -> Result<Vec<Instant>> {
    let rows = tx.rows(
        "select expires_at from grants where client_id = ?1 and account_index = ?2 and ended_at is null \
         and activated_at is not null and expires_at > ?3 \
         union select expires_at from (select (select g.expires_at from grants g where g.id = a.grant_id and g.client_id = ?1 \
         and coalesce(g.ended_at, 0) = 0 and g.activated_at is not null) as expires_at \
         from grant_accounts a where a.account_index = ?2) as beside where expires_at > ?3 order by 1 desc limit ?4",
        &[client.as_str().into(), (*account).into(), now.into(), limit.into()],
    )?;
    rows.iter().map(|row| row.instant(0)).collect()
}

/// The grant with this id, if this client holds it and can ask to change it: its code was redeemed, and it is not over.
pub fn changeable(tx: &mut Tx<'_, '_>, client: &ClientId, id: &GrantId, now: Instant) -> Result<Option<Grant>> {
    let own = |grant: &Grant| grant.client == *client && matches!(grant.state_at(now), GrantState::Active { .. });
    Ok(load(tx, id)?.filter(own))
}

/// The newest grant of a client and account whose code was redeemed and whose time is not over, among those that were not asked
/// for beside others (`create`).
pub fn in_use(tx: &mut Tx<'_, '_>, client: &ClientId, account: &Hash, now: Instant) -> Result<Option<Grant>> {
    let sql = concat!(
        "select ",
        columns!(),
        " from grants g where g.client_id = ?1 and g.account_index = ?2 and g.ended_at is null \
         and g.activated_at is not null and g.by_create = 0 and g.expires_at > ?3 order by g.created_at desc, g.id limit 1"
    );
    let grant =
        tx.row(sql, &[client.as_str().into(), (*account).into(), now.into()])?.map(|r| from_row(&r, 0)).transpose()?;
    Ok(grant.filter(|grant| grant.is_live(now)))
}

/// The account that a grant was verified by, by its keyed index.
pub fn account_of(tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<Option<Hash>> {
    tx.row("select account_index from grants where id = ?1", &[id.as_str().into()])?.map(|row| row.hash(0)).transpose()
}

/// The grants that share one account (its keyed index), verified or chosen beside it, newest first: what staff look up when a customer telephones.
pub fn of_account(tx: &mut Tx<'_, '_>, account: &Hash, limit: i64) -> Result<Vec<Grant>> {
    let sql = concat!(
        "select ",
        columns!(),
        " from grants g where g.id in (select id from grants where account_index = ?1 \
         union select grant_id from grant_accounts where account_index = ?1) order by g.created_at desc, g.id limit ?2"
    );
    tx.rows(sql, &[(*account).into(), limit.into()])?.iter().map(|r| from_row(r, 0)).collect()
}

/// The grants that share an account, verified or chosen beside it, and ended after `since`; the latest first.
pub fn ended_since(tx: &mut Tx<'_, '_>, account: &Hash, since: Instant, limit: i64) -> Result<Vec<Grant>> {
    let sql = concat!(
        "select ",
        columns!(),
        " from grants g where g.id in (select id from grants where account_index = ?1 \
         union select grant_id from grant_accounts where account_index = ?1) and g.ended_at > ?2 \
         order by g.ended_at desc, g.id limit ?3"
    );
    let params = [(*account).into(), since.into(), limit.into()];
    tx.rows(sql, &params)?.iter().map(|r| from_row(r, 0)).collect()
}

/// Whether a grant shares an account, verified or chosen beside it.
pub fn shares(tx: &mut Tx<'_, '_>, id: &GrantId, account: &Hash) -> Result<bool> {
    let sql = "select 1 from grants where id = ?1 and account_index = ?2 \
               union select 1 from grant_accounts where grant_id = ?1 and account_index = ?2";
    Ok(tx.row(sql, &[id.as_str().into(), (*account).into()])?.is_some())
}

/// The result of ending a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It has ended now.
    Now(Box<Grant>),
    /// It had ended before; nothing was written.
    Before(Box<Grant>),
    /// There is no such grant.
    Unknown,
}

/// Ends a grant: new state, audit record and event in one. Its tokens die with it.
pub fn end(tx: &mut Tx<'_, '_>, id: &GrantId, reason: &Reason, actor: Actor, now: Instant) -> Result<Ended> {
    let Some(grant) = load(tx, id)? else {
        return Ok(Ended::Unknown);
    };
    // A grant whose time is over has expired, even if the sweeper has not run yet: it can no longer be revoked.
    let over = now >= grant.expires_at && !matches!(reason, Reason::Expired);
    // It expired when its time was over, not when the sweeper ran.
    let at = if *reason == Reason::Expired { grant.expires_at } else { now };
    let Some(state) = (!over).then(|| grant.state.clone().end(reason, at).ok()).flatten() else {
        return Ok(Ended::Before(Box::new(grant)));
    };
    let replaced_by = match &state {
        GrantState::Replaced { by, .. } => Some(by.as_str()),
        _ => None,
    };
    tx.execute(
        "update grants set state = ?2, ended_at = ?3, ended_by = ?4, replaced_by = ?5, warn_at = null where id = ?1",
        &[id.as_str().into(), state.as_str().into(), at.into(), reason.as_str().into(), replaced_by.into()],
    )?;
    tell_of_end(tx, &grant, reason, (at, now))?;
    // A used code is kept as long as its grant, so that a replay is recognized. Now there is nothing left to revoke.
    code::end_with_grant(tx, id, now)?;
    if !matches!(reason, Reason::Replaced { .. } | Reason::Expired) {
        proofing_session::forget_account(tx, &grant.account_index, Some(&grant.client))?;
        end_unredeemed(tx, &grant, reason, &actor, now)?;
    }
    let (kind, action, detail) = match reason {
        Reason::Replaced { by } => {
            (EventKind::GrantReplaced, AuditAction::Event(EventKind::GrantReplaced), json!({"replaced_by": by}))
        }
        Reason::Expired => (EventKind::GrantExpired, AuditAction::Event(EventKind::GrantExpired), json!({})),
        by => (EventKind::GrantRevoked, AuditAction::Event(EventKind::GrantRevoked), json!({"by": by.as_str()})),
    };
    emit_event(tx, id, kind, detail.clone(), now)?;
    let note = match reason {
        Reason::Institution { note } => json!({"by": "institution", "note": note}),
        _ => detail,
    };
    let entry = Entry {
        client: Some(grant.client.clone()),
        grant: Some(id.clone()),
        account: Some(grant.account_index),
        detail: note,
        ..Entry::new(now, actor, action)
    };
    audit::append(tx, &entry)?;
    Ok(Ended::Now(Box::new(Grant { state, seq: grant.seq + 1, ..grant })))
}

/// Ends the links on the same consent whose code was not redeemed yet (`prompt=none`): they were made from what `grant` covered.
pub(super) fn end_unredeemed(
    tx: &mut Tx<'_, '_>,
    grant: &Grant,
    reason: &Reason,
    actor: &Actor,
    now: Instant,
) -> Result<()> {
    let rows = tx.rows(
        "select id from grants where consent_id = ?1 and activated_at is null and coalesce(ended_at, 0) = 0 and id <> ?2",
        &[grant.consent.as_str().into(), grant.id.as_str().into()],
    )?;
    for row in rows {
        let corrupt = || Error::Corrupt { table: "grants", row: grant.id.to_string(), why: "id".to_owned() };
        let id = GrantId::parse(row.text(0)?).ok_or_else(corrupt)?;
        end(tx, &id, reason, actor.clone(), now)?;
    }
    Ok(())
}

/// The notice to the customer who wants one; their address goes. A link whose place a new one of the same app took goes on for
/// the customer: they allowed the new one, and what they ticked on its ⑥ counts.
fn tell_of_end(tx: &mut Tx<'_, '_>, grant: &Grant, reason: &Reason, (at, now): (Instant, Instant)) -> Result<()> {
    let goes_on = match reason {
        Reason::Replaced { by } => takes_over(tx, by, &grant.id)?,
        _ => false,
    };
    let why = reason.as_str().to_owned();
    let last = (!goes_on).then(|| LinkNotice::Ended { at, why, reference: grant.reference.clone() });
    notice_address::end(tx, &grant.id, last.as_ref(), now)
}

/// Whether a link takes the place of another one of its app: none of the two was asked for beside others (`create`).
pub(super) fn takes_over(tx: &mut Tx<'_, '_>, new: &GrantId, old: &GrantId) -> Result<bool> {
    let sql = "select id from grants where id in (?1, ?2) and by_create = 1 limit 1";
    Ok(tx.row(sql, &[new.as_str().into(), old.as_str().into()])?.is_none())
}

/// Emits an event of a grant under the next number of its counter.
pub fn emit_event(
    tx: &mut Tx<'_, '_>,
    id: &GrantId,
    kind: EventKind,
    detail: serde_json::Value,
    now: Instant,
) -> Result<()> {
    let params = [id.as_str().into()];
    let row = if tx.has_one_writer() {
        // SQLite makes a table for `returning`, and drops it. On PostgreSQL a second statement costs more.
        tx.execute("update grants set seq = seq + 1 where id = ?1", &params)?;
        tx.row("select seq, client_id, sub, aud, account_id from grants where id = ?1", &params)?
    } else {
        tx.row("update grants set seq = seq + 1 where id = ?1 returning seq, client_id, sub, aud, account_id", &params)?
    };
    let corrupt = |why: &str| Error::Corrupt { table: "grants", row: id.to_string(), why: why.to_owned() };
    let row = row.ok_or_else(|| corrupt("an event without its grant"))?;
    let seq = row.int(0)?;
    let event = Event {
        id: event_id(id.as_str(), seq)?,
        at: now,
        kind,
        client: Some(ClientId::parse(row.text(1)?).ok_or_else(|| corrupt("client_id"))?),
        grant: Some(id.clone()),
        sub: Some(row.text(2)?.to_owned()),
        seq,
        detail,
        aud: row.opt_text(3)?.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        account: row.opt_text(4)?.and_then(AccountId::parse),
    };
    event::emit(tx, &event)
}

/// After a restore: the next event of each open grant gets a number above every one that a receiver may have heard after the copy
/// was made. The number is the time in seconds, so that two restores of one copy do not number alike either. Handles at most
/// `limit` grants after the id `after`; returns the last of them.
pub fn skip_numbers(tx: &mut Tx<'_, '_>, after: &str, now: Instant, limit: i64) -> Result<Option<String>> {
    let rows = tx.rows(
        "update grants set seq_skipped = coalesce(seq_skipped, 0) + ?1 - seq, seq = ?1 where seq < ?1 and id in \
         (select id from grants where id > ?2 and coalesce(ended_at, 0) = 0 order by id limit ?3) returning id",
        &[now.secs().into(), after.into(), limit.into()],
    )?;
    let mut last = None;
    for row in &rows {
        last = last.max(Some(row.text(0)?.to_owned()));
    }
    Ok(last)
}

/// How many events a grant usually has at most; this keeps one housekeeping transaction short.
const EVENTS: i64 = 10;

/// Housekeeping: deletes grants that ended longer ago than consent records are kept, and their events with them.
/// Returns how many grants went: at most a tenth of `limit`.
pub fn prune(tx: &mut Tx<'_, '_>, now: Instant, retention: Duration, limit: i64) -> Result<u64> {
    let before = now - retention.max(crate::consent::RETENTION_LEAST);
    let params = [before.into(), (limit / EVENTS).max(1).into()];
    tx.execute(
        "delete from event_audiences where pos in (select pos from events where grant_id in \
         (select id from grants where ended_at < ?1 order by ended_at, id limit ?2))",
        &params,
    )?;
    tx.execute(
        "delete from events where grant_id in \
         (select id from grants where ended_at < ?1 order by ended_at, id limit ?2)",
        &params,
    )?;
    tx.execute(
        "delete from grant_change_accounts where consent_id in (select consent_id from grant_changes where grant_id in \
         (select id from grants where ended_at < ?1 order by ended_at, id limit ?2))",
        &params,
    )?;
    for sql in [
        "delete from grant_changes where grant_id in (select id from grants where ended_at < ?1 order by ended_at, id limit ?2)",
        "delete from grant_accounts where grant_id in (select id from grants where ended_at < ?1 order by ended_at, id limit ?2)",
        "delete from grant_uses where grant_id in (select id from grants where ended_at < ?1 order by ended_at, id limit ?2)",
    ] {
        tx.execute(sql, &params)?;
    }
    tx.execute(
        "delete from grants where id in (select id from grants where ended_at < ?1 order by ended_at, id limit ?2)",
        &params,
    )
}
