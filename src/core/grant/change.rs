//! A link that an app asks to widen or to replace (Grant Management for OAuth 2.0, `merge` and `replace`).
//!
//! 許可する writes the consent, the change and a code; the link stays as it is. Redemption of the code changes it, in one
//! transaction: so a lost redirect changes nothing. It keeps its id and begins a new period.

mod sql;
#[cfg(test)]
mod tests;

pub use sql::{agree, forget_account};
pub(super) use sql::{apply, load, of_interaction};

use super::code::{AuthorizationCode, CodeBinding};
use super::{Grant, GrantState, GrantSummary, create};
pub use crate::authorize::ChangeAction;
use crate::authorize::Details;
use crate::clock::Instant;
use crate::consent::{ConsentRecord, GivenConsent};
use crate::id::{AccountId, ConsentId, GrantId};
use crate::keys::seal::{Broken, Sealer};
use crate::random::Random;
use crate::scope::Scope;
use crate::secret::{self, Hash, SecretKind};
use std::time::Duration;

/// A change that a customer agreed to.
#[derive(Debug, Clone)]
pub struct GrantChange {
    /// The consent it rests on; also its own id.
    pub(super) consent: ConsentId,
    pub(super) grant: GrantId,
    pub(super) action: ChangeAction,
    pub(super) scope: Scope,
    pub(super) details: Details,
    /// The accounts the link shared when the customer agreed.
    pub(super) known: Vec<AccountId>,
    pub(super) account_index: Hash,
    pub(super) account: Vec<u8>,
    pub(super) account_id: AccountId,
    pub(super) reference: String,
    pub(super) acr: String,
    pub(super) amr: Vec<String>,
    pub(super) auth_time: Instant,
    pub(super) aud: Vec<String>,
    pub(super) created_at: Instant,
    pub(super) expires_at: Instant,
    pub(super) warn_at: Option<Instant>,
    pub(super) applied_at: Option<Instant>,
}

impl GrantChange {
    /// The grant after the change: what ⑥ showed and the customer agreed to, without an account that the link lost since. `None` if
    /// no account is left, or the grant is over.
    #[must_use]
    pub(super) fn applied_to(&self, grant: &Grant, now: Instant) -> Option<Grant> {
        if !grant.is_live(now) || !matches!(grant.state, GrantState::Active { .. }) {
            return None;
        }
        let stopped = |id: &AccountId| self.known.contains(id) && !grant.details.accounts.contains(id);
        let accounts: Vec<AccountId> = self.details.accounts.iter().filter(|id| !stopped(id)).cloned().collect();
        let chosen = Details { accounts, ..self.details.clone() };
        if chosen.accounts.is_empty() && !self.details.permissions.is_empty() {
            return None;
        }
        Some(Grant {
            consent: self.consent.clone(),
            account_index: self.account_index,
            account: self.account.clone(),
            reference: self.reference.clone(),
            scope: self.scope.clone(),
            details: chosen,
            acr: self.acr.clone(),
            amr: self.amr.clone(),
            auth_time: self.auth_time,
            expires_at: self.expires_at,
            ..grant.clone()
        })
    }
}

/// A change, its consent and its code, ready to be written: everything that needs randomness or sealing is done.
#[derive(Debug, Clone)]
pub struct NewChange {
    change: GrantChange,
    /// The accounts of the change, by keyed index and by the core bank's id, the verified one among them.
    accounts: Vec<(Hash, AccountId)>,
    record: Box<ConsentRecord>,
    code: AuthorizationCode,
    summary: GrantSummary,
}

impl NewChange {
    /// Prepares the change of `grant`. `agreed` holds what the link is to cover afterwards ([`ChangeAction::agreed`]); `account_id`
    /// is the core bank's id of the verified account.
    ///
    /// # Errors
    /// [`Broken`] if sealing fails.
    pub fn new(
        (grant, action): (&Grant, ChangeAction),
        agreed: &GivenConsent,
        binding: CodeBinding,
        account_id: AccountId,
        (sealer, random): (&Sealer, &dyn Random),
    ) -> Result<Self, Broken> {
        let record = ConsentRecord::granted(agreed, sealer, random)?;
        let customer = &agreed.customer;
        let change = GrantChange {
            consent: record.id().clone(),
            grant: grant.id.clone(),
            action,
            scope: agreed.scope.clone(),
            details: agreed.details.clone(),
            known: grant.details.accounts.clone(),
            account_index: customer.account_index,
            account: create::sealed_account(&grant.id, &customer.account.to_string(), sealer, random)?,
            account_id,
            reference: crate::identity::reference(sealer, &customer.interaction),
            acr: customer.acr.clone(),
            amr: customer.amr.clone(),
            auth_time: customer.auth_time,
            aud: Vec::new(),
            created_at: agreed.at,
            expires_at: agreed.expires_at,
            warn_at: None,
            applied_at: None,
        };
        let plain = secret::issue(SecretKind::Code, random);
        let code = AuthorizationCode::new(plain.hash(), grant, Some(change.consent.clone()), binding, agreed.at);
        let summary = GrantSummary {
            code: plain,
            grant: grant.id.clone(),
            consent: change.consent.clone(),
            expires_at: agreed.expires_at,
            reference: change.reference.clone(),
        };
        let accounts = vec![(change.account_index, change.account_id.clone())];
        Ok(Self { change, accounts, record: Box::new(record), code, summary })
    }

    /// Adds every account it shares.
    #[must_use]
    pub fn with_shared(mut self, accounts: impl IntoIterator<Item = (Hash, AccountId)>) -> Self {
        let verified = self.change.account_index;
        self.accounts.extend(accounts.into_iter().filter(|(account, _)| *account != verified));
        self
    }

    /// Adds the resource servers that hear of the grant.
    #[must_use]
    pub fn with_audiences(mut self, audiences: Vec<String>) -> Self {
        self.change.aud = audiences;
        self
    }

    /// Adds how long before its end the grant is announced to expire.
    #[must_use]
    pub fn with_warnings(mut self, distances: &[Duration]) -> Self {
        self.change.warn_at = super::next_warning(self.change.created_at, self.change.expires_at, distances);
        self
    }

    /// Shortens the lifetime of the code; it is never longer than [`super::code::LIFETIME`].
    #[must_use]
    pub fn with_code_lifetime(mut self, lifetime: Duration) -> Self {
        self.code = self.code.living(lifetime);
        self
    }

    /// What the app and the customer learn. Use it only after [`agree`]'s transaction has committed.
    #[must_use]
    pub fn summary(&self) -> &GrantSummary {
        &self.summary
    }
}
