//! Lifecycle events and their outbox (docs/events.md): what apps and staff learn of a change, written in the
//! transaction that makes the change. This folder is below the steps, because every step from consent on emits events.
//! `lifecycle` deletes old ones.

#[cfg(test)]
mod tests;

use crate::clock::Instant;
use crate::id::{ClientId, EventId, GrantId};
use crate::store::{Error, Result, Row, Tx, Value};

/// What happened. The names are public (docs/events.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The customer agreed.
    ConsentGranted,
    /// The customer refused.
    ConsentDenied,
    /// A grant was created.
    GrantCreated,
    /// A grant was replaced by a newer one of the same client and account.
    GrantReplaced,
    /// A grant was ended before it expired.
    GrantRevoked,
    /// A grant will expire soon.
    GrantExpiring,
    /// A grant expired.
    GrantExpired,
    /// A token was issued.
    TokenIssued,
    /// A token was revoked.
    TokenRevoked,
    /// An account was locked for linking.
    AccountLocked,
    /// An account's lock was released.
    AccountUnlocked,
    /// An app was suspended by the institution.
    ClientSuspended,
    /// An app was resumed.
    ClientResumed,
    /// An app registered itself and waits for approval.
    ClientRegistered,
    /// The institution approved a new app or a change of one.
    ClientApproved,
    /// An app ended its own registration.
    ClientEnded,
}
impl EventKind {
    /// Every kind, in the order of docs/events.md.
    pub const ALL: [Self; 16] = [
        Self::ConsentGranted,
        Self::ConsentDenied,
        Self::GrantCreated,
        Self::GrantReplaced,
        Self::GrantRevoked,
        Self::GrantExpiring,
        Self::GrantExpired,
        Self::TokenIssued,
        Self::TokenRevoked,
        Self::AccountLocked,
        Self::AccountUnlocked,
        Self::ClientSuspended,
        Self::ClientResumed,
        Self::ClientRegistered,
        Self::ClientApproved,
        Self::ClientEnded,
    ];
    /// Parses the public name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }
    /// The members the detail of such an event may have (docs/events.md).
    #[must_use]
    pub const fn members(self) -> &'static [&'static str] {
        match self {
            Self::ConsentGranted | Self::ConsentDenied | Self::GrantCreated | Self::GrantExpired => &[],
            Self::ClientRegistered | Self::ClientApproved | Self::ClientEnded => &[],
            Self::GrantReplaced => &["replaced_by"],
            Self::GrantRevoked | Self::ClientSuspended | Self::ClientResumed | Self::AccountUnlocked => &["by"],
            Self::GrantExpiring => &["expires_at"],
            Self::TokenIssued => &["token", "scope", "expires_at"],
            Self::TokenRevoked => &["token"],
            Self::AccountLocked => &["reason", "until"],
        }
    }
    /// The public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsentGranted => "consent.granted",
            Self::ConsentDenied => "consent.denied",
            Self::GrantCreated => "grant.created",
            Self::GrantReplaced => "grant.replaced",
            Self::GrantRevoked => "grant.revoked",
            Self::GrantExpiring => "grant.expiring",
            Self::GrantExpired => "grant.expired",
            Self::TokenIssued => "token.issued",
            Self::TokenRevoked => "token.revoked",
            Self::AccountLocked => "account.locked",
            Self::AccountUnlocked => "account.unlocked",
            Self::ClientSuspended => "client.suspended",
            Self::ClientResumed => "client.resumed",
            Self::ClientRegistered => "client.registered",
            Self::ClientApproved => "client.approved",
            Self::ClientEnded => "client.ended",
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id; a receiver gets each id once.
    pub id: EventId,
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub kind: EventKind,
    /// The client it concerns.
    pub client: Option<ClientId>,
    /// The grant it concerns.
    pub grant: Option<GrantId>,
    /// The pairwise subject of the grant; never an account number.
    pub sub: Option<String>,
    /// Its number among the events of one grant, from the counter in the grant's row. 0 without a grant.
    pub seq: i64,
    /// Further facts for the receiver, e.g. `{"by":"customer"}`.
    pub detail: serde_json::Value,
}

/// Puts an event into the outbox, in the caller's transaction.
///
/// # Errors
/// Those of the store, also if the id, or the number within the grant, exists already.
pub fn emit(tx: &mut Tx<'_, '_>, event: &Event) -> Result<()> {
    let params: [Value; 8] = [
        event.id.as_str().into(),
        event.at.into(),
        event.kind.as_str().into(),
        event.client.as_ref().map(|c| c.as_str()).into(),
        event.grant.as_ref().map(|g| g.as_str()).into(),
        event.sub.as_deref().into(),
        event.seq.into(),
        event.detail.to_string().into(),
    ];
    tx.execute(
        "insert into events (id, at, kind, client_id, grant_id, sub, seq, detail) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &params,
    )?;
    Ok(())
}

/// The events of one grant whose `seq` is greater than `after`, in order.
pub fn of_grant(tx: &mut Tx<'_, '_>, grant: &GrantId, after: i64, limit: i64) -> Result<Vec<Event>> {
    let rows = tx.rows(
        "select id, at, kind, client_id, grant_id, sub, seq, detail from events \
         where grant_id = ?1 and seq > ?2 order by seq limit ?3",
        &[grant.as_str().into(), after.into(), limit.into()],
    )?;
    rows.iter().map(from_row).collect()
}

/// All events from `from` on, oldest first. `after` is the id of the last event already read at exactly that time.
pub fn since(tx: &mut Tx<'_, '_>, from: Instant, after: Option<&EventId>, limit: i64) -> Result<Vec<Event>> {
    let rows = tx.rows(
        "select id, at, kind, client_id, grant_id, sub, seq, detail from events \
         where (at, id) > (?1, ?2) order by at, id limit ?3",
        &[from.into(), after.map_or("", |id| id.as_str()).into(), limit.into()],
    )?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Event> {
    let id = row.text(0)?;
    let bad = |why: &str| Error::Corrupt { table: "events", row: id.to_owned(), why: why.to_owned() };
    Ok(Event {
        id: EventId::parse(id).ok_or_else(|| bad("id"))?,
        at: row.instant(1)?,
        kind: EventKind::parse(row.text(2)?).ok_or_else(|| bad("kind"))?,
        client: row.opt_text(3)?.map(|c| ClientId::parse(c).ok_or_else(|| bad("client_id"))).transpose()?,
        grant: row.opt_text(4)?.map(|g| GrantId::parse(g).ok_or_else(|| bad("grant_id"))).transpose()?,
        sub: row.opt_text(5)?.map(str::to_owned),
        seq: row.int(6)?,
        detail: serde_json::from_str(row.text(7)?).map_err(|e| bad(&e.to_string()))?,
    })
}
