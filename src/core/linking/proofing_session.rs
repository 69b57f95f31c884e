//! Whether a request may use checks that its customer passed minutes ago in the same browser (decision 15), and whether
//! the customer is the one the app expects (OpenID Connect Core §3.1.2.1).

use super::approve::Recheck;
use super::{Linking, Result};
use crate::authorize::{self, AuthorizationRequest, Hint};
use crate::client::Client;
use crate::clock::Instant;
use crate::grant::pairwise;
use crate::id::HolderId;
use crate::identity::{BrowserNetwork, Proofed, ProofingSessionKey, Recalled};
use crate::secret::Hash;
use std::time::Duration;

impl Linking {
    /// The lifetime of this app's proofing sessions: the shorter of the institution's setting and the client's record.
    /// `None` unless both allow one.
    #[must_use]
    pub fn remembers_for(&self, client: &Client) -> Option<Duration> {
        let most = self.rules.proofing_memory;
        client.proofing_memory.map(|own| own.min(most)).filter(|lasting| !lasting.is_zero())
    }

    /// The checks the request may use, from the browser whose proofing cookie has the digest `proofing`. The core bank
    /// is asked for the account's current state; without a clear answer the customer must pass the checks anew.
    pub async fn recalled(
        &self,
        proofing: Option<Hash>,
        network: BrowserNetwork,
        client: &Client,
        request: &AuthorizationRequest,
        now: Instant,
    ) -> Result<Option<Recalled>> {
        let (Some(lasting), Some(proofing)) = (self.remembers_for(client), proofing) else { return Ok(None) };
        let of = ProofingSessionKey { cookie: proofing, client: client.id.clone(), version: client.version };
        let Some(proofed) = self.identity.recall(&of, now).await? else { return Ok(None) };
        // The hint names another person or cannot be read: show the screens, which handle both.
        let hinted = request.hint.is_none_or(|hint| hint.names(&self.subject(client, &proofed.holder)));
        let expected = hinted && self.is_demanded(client, request, &proofed.holder);
        // The configured lifetime may be shorter now.
        let young = now < proofed.auth_time + lasting;
        if !expected || !young || !authorize::may_rest_on(request, proofed.auth_time, now) {
            return Ok(None);
        }
        if !self.identity.may_recall(network, now) {
            return Ok(None);
        }
        Ok(match self.reverify(&proofed, now).await {
            Recheck::Valid(accounts) => Some(Recalled { of, proofed: Proofed { accounts, ..proofed } }),
            Recheck::Over(_) | Recheck::Unknown(_) => None,
        })
    }

    /// Whether the person who passed the checks is the one the app expects. A request that names no person expects
    /// anyone, and so does a hint that we did not issue.
    pub(super) fn is_expected(&self, client: &Client, request: &AuthorizationRequest, holder: &HolderId) -> bool {
        let hinted = match request.hint {
            None | Some(Hint::Unreadable) => true,
            Some(hint) => hint.names(&self.subject(client, holder)),
        };
        hinted && self.is_demanded(client, request, holder)
    }

    /// The same for a `sub` that `claims` demands (OpenID Connect Core §5.5.1).
    fn is_demanded(&self, client: &Client, request: &AuthorizationRequest, holder: &HolderId) -> bool {
        request.claims.sub.is_none() || request.claims.allow_subject(&self.subject(client, holder))
    }

    pub(super) fn subject(&self, client: &Client, holder: &HolderId) -> String {
        pairwise(&self.sealer, client.id.as_str(), holder)
    }
}
