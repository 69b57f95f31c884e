//! Step 4, the grant: what exists after consent, and the root of everything handed out.
//!
//! Owns the [`Grant`] with its states, the authorization code (RFC 6749 §4.1.2, RFC 7636, RFC 9449 §10), pairwise
//! subjects (OpenID Connect Core §8.1), replacement (G23) and every way a grant ends. Tokens are `token`'s: they
//! carry no life of their own, a token is alive while its grant is.
//!
//! # One way to change
//! [`create`] begins a grant, [`code::redeem`] activates it, [`end`] ends it. Each writes, in the caller's transaction, the
//! new state, the audit record and the lifecycle event; the event's place in the grant's story is the counter on the
//! grant's row. There is no other statement that updates `grants.state`.

pub mod code;
mod create;
mod further;
pub(crate) mod row;
pub mod sql;
mod state;
#[cfg(test)]
mod tests;

pub use create::{GrantSummary, NewGrant, create};
pub use further::{Further, WINDOW as FURTHER_WINDOW, further};
pub use sql::{Ended, end};
pub use state::{By, GrantState, NotNow, Reason};

use crate::account::Account;
use crate::authorize::Details;
use crate::clock::Instant;
use crate::id::{ClientId, ConsentId, GrantId, HolderId};
use crate::keys::seal::{SealContext, Sealer};
use crate::scope::Scope;
use crate::secret::Hash;

/// A grant: one customer's permission for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id, which the client knows as `grant_id`.
    pub id: GrantId,
    /// The consent it rests on.
    pub consent: ConsentId,
    /// The client that holds it.
    pub client: ClientId,
    /// The pairwise subject.
    pub sub: String,
    /// The verified account's keyed index.
    pub account_index: Hash,
    /// The verified account, sealed; see [`Grant::account`].
    pub(crate) account: Vec<u8>,
    /// 受付番号, as in the completion notice.
    pub reference: String,
    /// What the client may do.
    pub scope: Scope,
    /// Of which accounts, within which limits.
    pub details: Details,
    /// Class of the authentication it rests on.
    pub acr: String,
    /// Its factors.
    pub amr: Vec<String>,
    /// When the customer was authenticated.
    pub auth_time: Instant,
    /// When consent was given.
    pub created_at: Instant,
    /// When it ends by itself: a whole second, absolute, no refresh moves it (G22).
    pub expires_at: Instant,
    /// Its stage.
    pub state: GrantState,
    /// How many events it has had.
    pub seq: i64,
}

impl Grant {
    /// Whether tokens of it are good at `now`: open, and its time not over. Needs no sweeper to be right.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.state.is_open() && now < self.expires_at
    }
    /// The state as the outside sees it at `now`: an open grant whose time is over has expired, swept or not.
    #[must_use]
    pub fn state_at(&self, now: Instant) -> GrantState {
        if self.state.is_open() && now >= self.expires_at {
            return GrantState::Expired { at: self.expires_at };
        }
        self.state.clone()
    }
    /// The verified account, for staff and the customer's own page; `None` when the seal does not open.
    #[must_use]
    pub fn account(&self, sealer: &Sealer) -> Option<Account> {
        let place = SealContext { table: "grants", column: "account", row: self.id.as_str() };
        let plain = sealer.open(place, &self.account).ok()?;
        Account::parse(std::str::from_utf8(&plain).ok()?)
    }
}

/// The pairwise subject of `holder` for a client or its sector (OpenID Connect Core §8.1): stable over re-linking, and
/// of no use to anybody who compares two apps' subjects.
#[must_use]
pub fn pairwise(sealer: &Sealer, sector: &str, holder: &HolderId) -> String {
    // A length in front, so that no pair of sector and holder can be read as another pair.
    sealer.index("pairwise sub", &format!("{}:{sector}:{holder}", sector.len())).base64url()
}
