//! What the institution's staff may do, by whichever door they come: the admin socket of a running server, or a command
//! that opens the store itself because no server runs.
//!
//! Owns the list of things that can be asked ([`Ask`]), their form in HTTP ([`Ask::http`], [`Ask::parse`]) and their
//! answers ([`answer`]). Every change is written to the audit record with the asker's name, and looking too where staff
//! sees account numbers. It opens no socket (that is `server`'s) and prints nothing (`cli`'s).

pub mod ask;
mod backup;
mod clients;
mod grants;
mod initial;
mod keys;
mod locks;
mod notices;
mod record;
#[cfg(test)]
mod tests;
pub mod who;

pub use backup::restored;

pub use ask::{Ask, Period, Why};
pub use clients::ClientAsk;
pub use initial::{TokenAsk, Wanted};
pub use keys::Rotation;

use crate::audit::{self, Actor, Entry};
use crate::client::metadata::Rules;
use crate::clock::Instant;
use crate::identity::Seals;
use crate::keys::Ring;
use crate::keys::ring::{self, Policy};
use crate::store::{self, Store, Tx};
use serde_json::Value;

/// What answering takes.
#[derive(Clone)]
pub struct Desk {
    /// The store.
    pub store: Store,
    /// Opens sealed account numbers, makes indexes.
    pub seals: Seals,
    /// What a client record may say.
    pub rules: Rules,
    /// How our keys rotate.
    pub rotation: Policy,
    /// The keys a running server signs with; none where no server runs.
    pub ring: Option<Ring>,
}

/// Why staff does not get what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The question makes no sense (400).
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing (404).
    #[error("{0}")]
    Unknown(String),
    /// There is, but not in a state that allows it (409).
    #[error("{0}")]
    NotNow(String),
    /// The store failed; staff operates it and may read why (503).
    #[error(transparent)]
    Store(#[from] store::Error),
}
impl From<ring::Error> for Refused {
    fn from(e: ring::Error) -> Self {
        match e {
            ring::Error::Store(e) => Self::Store(e),
            other => Self::NotNow(other.to_string()),
        }
    }
}

/// Answers one question.
///
/// # Errors
/// [`Refused`].
pub async fn answer(desk: &Desk, ask: Ask, staff: &str, now: Instant) -> Result<Value, Refused> {
    let actor = Actor::Staff(staff.to_owned());
    match ask {
        Ask::Grants { account } => grants::list(desk, account, actor, now).await,
        Ask::Grant { id } => grants::show(desk, id, actor, now).await,
        Ask::RevokeGrant { id, why } => grants::revoke(desk, id, why, actor, now).await,
        Ask::Locks => locks::list(desk, actor, now).await,
        Ask::ReleaseLock { account, why } => locks::release(desk, account, why, actor, now).await,
        Ask::Notices => notices::list(desk).await,
        Ask::RetryNotice { id } => notices::retry(desk, id, actor, now).await,
        Ask::VerifyAudit => record::verify(desk, actor, now).await,
        Ask::ExportAudit { period, grant, account, after } => {
            record::export(desk, &record::Wanted { period, grant, account, after }, actor, now).await
        }
        Ask::Client(ask) => clients::answer(desk, ask, actor, now).await,
        Ask::Token(ask) => initial::answer(desk, ask, actor, now).await,
        Ask::Keys => keys::list(desk).await,
        Ask::RotateKeys(order) => keys::rotate(desk, order, actor, now).await,
        Ask::Backup { file } => backup::make(desk, file, actor, now).await,
        Ask::Schema => record::schema(desk).await,
    }
}

/// Writes down that staff looked.
fn looked(tx: &mut Tx<'_, '_>, actor: &Actor, action: &'static str, entry: Entry) -> store::Result<()> {
    audit::append(tx, &Entry { actor: actor.clone(), action, ..entry })
}
