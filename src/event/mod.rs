//! Lifecycle events and their outbox: what everyone concerned is to be told, written in the transaction that causes it
//! (contract §8). The folder stands below the steps, because every step from consent on causes events; what is done
//! with them afterwards is `lifecycle`'s.

use crate::clock::Instant;
use crate::id::{ClientId, EventId, GrantId};
use crate::store::{Result, Tx};

/// What happened. The names are public (docs/events.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The customer agreed.
    ConsentGranted,
    /// The customer refused.
    ConsentDenied,
    /// A link began.
    GrantCreated,
    /// A link was replaced by a newer one of the same client and account.
    GrantReplaced,
    /// A link was ended before its time.
    GrantRevoked,
    /// A link will end soon.
    GrantExpiring,
    /// A link reached its end.
    GrantExpired,
    /// A token was handed out.
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
}
impl Kind {
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
        }
    }
}

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id; a receiver sees an id once.
    pub id: EventId,
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub kind: Kind,
    /// The client it concerns.
    pub client: Option<ClientId>,
    /// The grant it concerns.
    pub grant: Option<GrantId>,
    /// The pairwise subject of the grant; never an account number.
    pub sub: Option<String>,
    /// Its place among the events of one grant, from the counter on the grant's row.
    pub seq: i64,
    /// What else a receiver may know, e.g. `{"by":"customer"}`.
    pub detail: serde_json::Value,
}

/// Puts an event into the outbox, in the caller's transaction.
///
/// # Errors
/// The store's.
pub fn emit(_tx: &mut Tx<'_, '_>, _event: &Event) -> Result<()> {
    Ok(())
}
