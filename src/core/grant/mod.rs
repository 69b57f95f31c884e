//! Step 4, the grant: the result of consent. Every token belongs to a grant.
//!
//! Owns the [`Grant`] with its states, the authorization code (RFC 6749 §4.1.2, RFC 7636, RFC 9449 §10), pairwise
//! subjects (OpenID Connect Core §8.1), replacement (G23) and every way a grant ends. Tokens belong to `token`: a
//! token is valid only while its grant is.
//!
//! # One place for each change
//! [`create`] creates a grant, [`code::redeem`] activates it, [`narrow`] takes an account out of it, [`end`] ends it. Each writes, in the caller's
//! transaction, the new state, the audit record and the lifecycle event; a counter in the grant's row numbers its
//! events. No other statement updates `grants.state`.

mod address;
pub mod change;
pub mod code;
mod create;
mod further;
pub mod manage;
mod narrow;
pub mod receipt;
pub(crate) mod row;
pub mod sql;
mod state;
#[cfg(test)]
mod tests;
pub mod uses;

pub use address::{forget_address, masked_address};
pub use create::{GrantSummary, NewGrant, create, next_warning};
pub use further::{Further, WINDOW as FURTHER_WINDOW, further};
pub use narrow::{Narrowed, narrow};
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
    /// Its consent record.
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
    /// Which accounts, and the limits.
    pub details: Details,
    /// The `acr` of its authentication.
    pub acr: String,
    /// The `amr` of its authentication.
    pub amr: Vec<String>,
    /// When the customer was authenticated.
    pub auth_time: Instant,
    /// When consent was given.
    pub created_at: Instant,
    /// When it expires: a whole second, fixed; a refresh does not extend it (G22).
    pub expires_at: Instant,
    /// Its stage.
    pub state: GrantState,
    /// How many events it has had. It numbers them.
    pub seq: i64,
}

impl Grant {
    /// Whether its tokens can be valid at `now`: it is open and has not expired. Correct even if the sweeper has not
    /// run.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.state.is_open() && now < self.expires_at
    }
    /// The public state at `now`: an open grant whose time is over counts as expired, swept or not.
    #[must_use]
    pub fn state_at(&self, now: Instant) -> GrantState {
        if self.state.is_open() && now >= self.expires_at {
            return GrantState::Expired { at: self.expires_at };
        }
        self.state.clone()
    }
    /// The verified account, for staff and the customer's own page; `None` if it cannot be unsealed.
    #[must_use]
    pub fn account(&self, sealer: &Sealer) -> Option<Account> {
        let place = SealContext { table: "grants", column: "account", row: self.id.as_str() };
        let plain = sealer.open(place, &self.account).ok()?;
        Account::parse(std::str::from_utf8(&plain).ok()?)
    }
}

/// The pairwise subject of `holder` for a client or its sector (OpenID Connect Core §8.1). It is the same after
/// linking again, and two apps cannot match their subjects.
#[must_use]
pub fn pairwise(sealer: &Sealer, sector: &str, holder: &HolderId) -> String {
    // The length comes first, so that two different pairs of sector and holder never give the same text.
    sealer.index("pairwise sub", &format!("{}:{sector}:{holder}", sector.len())).base64url()
}
