//! The audit record. Every step appends to it in its own transaction: who did what, when, with which result.
//!
//! It is hash-chained, one chain for each store worker (decision 5), so that a changed, missing or added record is
//! detected. It never contains a secret or personal data in the clear: an account is its keyed index, a telephone
//! number its last four digits. Whoever can write to the database can also recompute a whole chain. So [`verify`]
//! returns the heads, and a head that is stored elsewhere proves every record up to it.

mod action;
mod chain;
mod export;
mod looks;
#[cfg(test)]
mod tests;
mod verify;

pub use action::AuditAction;
pub(crate) use chain::story;
pub use export::{Cursor, ExportedRecord, Filter, Page, export};
pub use looks::{GrantEnd, end_of_grant, grants_made_by, looks};
pub use verify::{Break, ChainReport, Head, verify};

use crate::clock::Instant;
use crate::id::{ClientId, GrantId, InteractionId};
use crate::secret::Hash;
use crate::store::{Result, Tx};

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The customer in front of the screens.
    Customer,
    /// An app or resource server.
    Client(ClientId),
    /// A member of staff or an operator, by the name of the user at the admin socket.
    Staff(String),
    /// The server itself: sweeper, key rotation, an event of the core bank.
    System,
}
impl Actor {
    /// The form in the record: `customer`, `client:ID`, `staff:NAME`, `system`.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Customer => "customer".into(),
            Self::Client(id) => format!("client:{id}"),
            Self::Staff(name) => format!("staff:{name}"),
            Self::System => "system".into(),
        }
    }
}

/// One record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub action: AuditAction,
    /// The app concerned.
    pub client: Option<ClientId>,
    /// The customer's interaction, if there is one.
    pub interaction: Option<InteractionId>,
    /// The grant concerned.
    pub grant: Option<GrantId>,
    /// The account concerned, as its keyed index (`Sealer::index`).
    pub account: Option<Hash>,
    /// Reason codes and other facts; a JSON object.
    pub detail: serde_json::Value,
}
impl Entry {
    /// A record of `action` by `actor` without further facts; set the other fields by struct update.
    #[must_use]
    pub fn new(at: Instant, actor: Actor, action: AuditAction) -> Self {
        Self {
            at,
            actor,
            action,
            client: None,
            interaction: None,
            grant: None,
            account: None,
            detail: serde_json::json!({}),
        }
    }
}

/// Appends a record to this worker's chain.
pub fn append(tx: &mut Tx<'_, '_>, entry: &Entry) -> Result<()> {
    chain::append(tx, entry)
}
