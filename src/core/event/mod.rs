//! Lifecycle events and their outbox (docs/events.md): what apps and staff learn of a change, written in the
//! transaction that makes the change. This folder is below the steps, because every step from consent on emits events.
//! `lifecycle` deletes old ones.

mod position;
#[cfg(test)]
mod tests;

pub use position::{
    PositionedEvent, Receiver, assign_positions, at, head, head_of_committed, is_waiting, position_of, read,
    since_position, skip_positions,
};

use crate::clock::Instant;
use crate::id::{AccountId, ClientId, EventId, GrantId};
use crate::secret::{Hash, base64url};
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
    /// A link covers other accounts or permissions than before.
    GrantUpdated,
    /// A link was ended before its time.
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
    /// A client's record changed.
    ClientChanged,
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
    pub const ALL: [Self; 18] = [
        Self::ConsentGranted,
        Self::ConsentDenied,
        Self::GrantCreated,
        Self::GrantReplaced,
        Self::GrantUpdated,
        Self::GrantRevoked,
        Self::GrantExpiring,
        Self::GrantExpired,
        Self::TokenIssued,
        Self::TokenRevoked,
        Self::AccountLocked,
        Self::AccountUnlocked,
        Self::ClientChanged,
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
            Self::ClientRegistered | Self::ClientApproved | Self::ClientChanged | Self::ClientEnded => &[],
            Self::GrantUpdated => &["by", "scope", "authorization_details"],
            Self::GrantReplaced => &["replaced_by"],
            Self::GrantRevoked | Self::ClientSuspended | Self::ClientResumed | Self::AccountUnlocked => &["by"],
            Self::GrantExpiring => &["expires_at"],
            Self::TokenIssued => &["token", "scope", "expires_at"],
            Self::TokenRevoked => &["token"],
            Self::AccountLocked => &["reason", "until"],
        }
    }
    /// Who hears of it beside the institution, which hears everything (docs/events.md).
    #[must_use]
    pub const fn audience(self) -> Audience {
        let (app, resource_server) = match self {
            Self::GrantCreated | Self::GrantExpiring | Self::ConsentDenied => (true, false),
            Self::GrantReplaced | Self::GrantUpdated | Self::GrantRevoked | Self::GrantExpired => (true, true),
            Self::TokenRevoked => (true, true),
            Self::ClientChanged | Self::ClientSuspended | Self::ClientResumed | Self::ClientEnded => (true, true),
            Self::ConsentGranted | Self::TokenIssued | Self::AccountLocked | Self::AccountUnlocked => (false, false),
            Self::ClientRegistered | Self::ClientApproved => (false, false),
        };
        Audience { app, resource_server }
    }
    /// The public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsentGranted => "consent.granted",
            Self::ConsentDenied => "consent.denied",
            Self::GrantCreated => "grant.created",
            Self::GrantReplaced => "grant.replaced",
            Self::GrantUpdated => "grant.updated",
            Self::GrantRevoked => "grant.revoked",
            Self::GrantExpiring => "grant.expiring",
            Self::GrantExpired => "grant.expired",
            Self::TokenIssued => "token.issued",
            Self::TokenRevoked => "token.revoked",
            Self::AccountLocked => "account.locked",
            Self::AccountUnlocked => "account.unlocked",
            Self::ClientChanged => "client.changed",
            Self::ClientSuspended => "client.suspended",
            Self::ClientResumed => "client.resumed",
            Self::ClientRegistered => "client.registered",
            Self::ClientApproved => "client.approved",
            Self::ClientEnded => "client.ended",
        }
    }
}

/// Who hears of an event beside the institution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    /// The app whose grant or record it is.
    pub app: bool,
    /// The resource servers of its audiences.
    pub resource_server: bool,
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
    /// The audiences whose resource servers hear of it.
    pub aud: Vec<String>,
    /// The account it concerns, as the core bank names it: for the institution alone.
    pub account: Option<AccountId>,
}
impl Event {
    /// An event that concerns no grant and no account.
    #[must_use]
    pub fn of_client(id: EventId, at: Instant, kind: EventKind, client: Option<ClientId>) -> Self {
        let detail = serde_json::json!({});
        Self { id, at, kind, client, grant: None, sub: None, seq: 0, detail, aud: Vec::new(), account: None }
    }
}

/// How many characters an event's id has in common with its subject's, if that is as long as our own ids: those of the time, if it is an
/// id of `GrantId::new`.
const COMMON: usize = 5;

/// The id of the `seq`-th event about `subject`: derived, so that a transaction that runs again tells the same event. It begins like the
/// subject's, so that the events of one time lie together (docs/decisions/0034-what-a-write-costs.md).
///
/// # Errors
/// Never in practice: base64url is an identifier.
pub fn event_id(subject: &str, seq: i64) -> Result<EventId> {
    let hash = Hash::of(format!("{subject} {seq}"));
    let own = base64url(&hash.as_bytes()[..16]);
    let common = subject.get(..COMMON).filter(|_| subject.len() == own.len()).unwrap_or(&own[..COMMON]);
    EventId::parse(&format!("{common}{}", &own[COMMON..]))
        .ok_or_else(|| Error::Engine("an event id cannot be made".to_owned()))
}

/// The columns [`from_row`] wants, in its order.
macro_rules! columns {
    () => {
        "id, at, kind, client_id, grant_id, sub, seq, detail, aud, account"
    };
}
use columns;

/// Puts an event into the outbox, in the caller's transaction.
///
/// # Errors
/// Those of the store, also if the id, or the number within the grant, exists already.
pub fn emit(tx: &mut Tx<'_, '_>, event: &Event) -> Result<()> {
    let (pos, positioned_at) =
        if tx.has_one_writer() { (Some(position::take(tx, 1)?), Some(event.at)) } else { (None, None) };
    let params: [Value; 12] = [
        event.id.as_str().into(),
        event.at.into(),
        event.kind.as_str().into(),
        event.client.as_ref().map(|c| c.as_str()).into(),
        event.grant.as_ref().map(|g| g.as_str()).into(),
        event.sub.as_deref().into(),
        event.seq.into(),
        event.detail.to_string().into(),
        event.aud.join(" ").into(),
        event.account.as_ref().map(|a| a.as_str()).into(),
        pos.into(),
        positioned_at.into(),
    ];
    tx.execute(
        "insert into events (id, at, kind, client_id, grant_id, sub, seq, detail, aud, account, pos, positioned_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &params,
    )?;
    pos.map_or(Ok(()), |pos| position::route(tx, event.kind, &event.aud, pos))
}

/// The events of one grant whose `seq` is greater than `after`, in order.
pub fn of_grant(tx: &mut Tx<'_, '_>, grant: &GrantId, after: i64, limit: i64) -> Result<Vec<Event>> {
    let rows = tx.rows(
        concat!(
            "select ",
            columns!(),
            " from events \
         where grant_id = ?1 and seq > ?2 order by seq limit ?3"
        ),
        &[grant.as_str().into(), after.into(), limit.into()],
    )?;
    rows.iter().map(from_row).collect()
}

/// What became of a grant itself, without its tokens: at most `limit` of the latest events, oldest first. A link that is refreshed
/// every few minutes has thousands of events about tokens.
pub fn story_of_grant(tx: &mut Tx<'_, '_>, grant: &GrantId, limit: i64) -> Result<Vec<Event>> {
    let rows = tx.rows(
        concat!(
            "select ",
            columns!(),
            " from events where grant_id = ?1 and (kind = 'grant.created' or kind = 'grant.updated' or kind = 'grant.revoked' \
             or kind = 'grant.replaced' or kind = 'grant.expired') order by seq desc limit ?2"
        ),
        &[grant.as_str().into(), limit.into()],
    )?;
    rows.iter().rev().map(from_row).collect()
}

/// All events from `from` on, oldest first. `after` is the id of the last event already read at exactly that time.
pub fn since(tx: &mut Tx<'_, '_>, from: Instant, after: Option<&EventId>, limit: i64) -> Result<Vec<Event>> {
    let rows = tx.rows(
        concat!(
            "select ",
            columns!(),
            " from events \
         where (at, id) > (?1, ?2) order by at, id limit ?3"
        ),
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
        aud: row.opt_text(8)?.unwrap_or_default().split(' ').filter(|a| !a.is_empty()).map(str::to_owned).collect(),
        account: row.opt_text(9)?.map(|a| AccountId::parse(a).ok_or_else(|| bad("account"))).transpose()?,
    })
}
