//! The outbox as staff sees it: which notices are not delivered, why, and another try for one of them. Nothing is
//! unsealed here, so no address is shown.

use super::notice::TRY_FOR;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::id::{ClientId, GrantId, NoticeId};
use crate::store::{Error, Result, Row, Tx};

/// A notice that has not been delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Its id.
    pub id: NoticeId,
    /// The kind of notice.
    pub kind: String,
    /// `held` until the app has redeemed its code, `waiting` until it is delivered or given up, then `failed`.
    pub state: String,
    /// Its grant.
    pub grant: Option<GrantId>,
    /// The grant's client.
    pub client: Option<ClientId>,
    /// The grant's 受付番号.
    pub reference: Option<String>,
    /// When it was stored.
    pub created_at: Instant,
    /// How many attempts there were.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub trouble: Option<String>,
    /// The time of the next attempt.
    pub next_at: Option<Instant>,
    /// The time of the last attempt.
    pub until: Option<Instant>,
    /// When it was given up.
    pub done_at: Option<Instant>,
}

/// The undelivered notices, newest first.
pub fn undelivered(tx: &mut Tx<'_, '_>, limit: i64) -> Result<Vec<Undelivered>> {
    let sql = "select n.id, n.kind, n.state, n.grant_id, g.client_id, g.reference, n.created_at, n.attempts, n.trouble, \
               n.next_at, n.since, n.done_at from notices n left join grants g on g.id = n.grant_id \
               where n.state <> 'sent' order by n.created_at desc, n.id desc limit ?1";
    tx.rows(sql, &[limit.into()])?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Undelivered> {
    let id = row.text(0)?;
    let bad = |why: &str| Error::Corrupt { table: "notices", row: id.to_owned(), why: why.to_owned() };
    let state = row.text(2)?.to_owned();
    let created_at = row.instant(6)?;
    let since = row.opt_instant(10)?.unwrap_or(created_at);
    Ok(Undelivered {
        id: NoticeId::parse(id).ok_or_else(|| bad("id"))?,
        kind: row.text(1)?.to_owned(),
        grant: row.opt_text(3)?.map(|g| GrantId::parse(g).ok_or_else(|| bad("grant_id"))).transpose()?,
        client: row.opt_text(4)?.and_then(ClientId::parse),
        reference: row.opt_text(5)?.map(str::to_owned),
        created_at,
        attempts: row.int(7)?,
        trouble: row.opt_text(8)?.map(str::to_owned),
        next_at: row.opt_instant(9)?,
        until: (state == "waiting").then(|| since + TRY_FOR),
        done_at: row.opt_instant(11)?,
        state,
    })
}

/// The result of [`retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It is due now, and is tried for another 24 hours.
    Now,
    /// Its app has not redeemed its code yet.
    Held,
    /// It is being delivered now.
    InDelivery,
    /// It was delivered.
    Sent,
    /// Its address was erased.
    Erased,
    /// There is no such notice.
    Unknown,
}

/// Makes a notice due now, for another 24 hours. So staff who repaired the relay need not wait for the next attempt,
/// and a notice that was given up is sent after all.
pub fn retry(tx: &mut Tx<'_, '_>, id: &NoticeId, actor: Actor, now: Instant) -> Result<Retried> {
    let sql = "select state, sealed, taken_until, grant_id from notices where id = ?1";
    let Some(row) = tx.row(sql, &[id.as_str().into()])? else { return Ok(Retried::Unknown) };
    match row.text(0)? {
        "sent" => return Ok(Retried::Sent),
        "held" => return Ok(Retried::Held),
        _ => {}
    }
    if row.opt_bytes(1)?.is_none() {
        return Ok(Retried::Erased);
    }
    if row.opt_instant(2)?.is_some_and(|until| now < until) {
        return Ok(Retried::InDelivery);
    }
    tx.execute(
        "update notices set state = 'waiting', attempts = 0, next_at = ?2, since = ?2, done_at = null where id = ?1",
        &[id.as_str().into(), now.into()],
    )?;
    let entry = Entry {
        grant: row.opt_text(3)?.and_then(GrantId::parse),
        detail: serde_json::json!({"notice": id}),
        ..Entry::new(now, actor, AuditAction::NoticeRetried)
    };
    audit::append(tx, &entry)?;
    Ok(Retried::Now)
}
