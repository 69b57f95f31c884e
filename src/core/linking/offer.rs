//! What ⑥ shows (R70–R72): the page and the consent record both come from it.

use super::{Error, Linking, Result};
use crate::authorize::{self, AuthorizationRequest};
use crate::client::Client;
use crate::clock::Instant;
use crate::consent::{self, Offer};
use crate::identity::{AnsweredRequest, Ending, Interaction, Proofed, Stage, ViewResult, Visitor, sql};
use crate::language::Language;
use crate::secret::{Hash, base64url};
use crate::store::Tx;

/// A customer at ⑥.
#[derive(Clone, Copy)]
pub struct AtConsent<'a> {
    /// The interaction.
    pub interaction: &'a Interaction,
    /// The app's request.
    pub link: &'a AnsweredRequest,
    /// The result of ① to ⑤.
    pub proofed: &'a Proofed,
    /// The requesting app.
    pub client: &'a Client,
    /// The page's language.
    pub language: Language,
}

/// What an app requests, and which part of it this customer can allow.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The stored request.
    pub request: AuthorizationRequest,
    /// The content of 許可する.
    pub offer: Offer,
}
impl Offered {
    /// The digest of the page, as its form sends it.
    #[must_use]
    pub fn shown(&self) -> String {
        base64url(self.offer.shown.as_bytes())
    }
}

/// The page could not be rendered; the text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the consent page could not be made: {0}")]
pub struct PageFailed(pub String);

impl Linking {
    /// The offer for this customer. `words` renders its page and returns the digest of the page's sentences. The
    /// consent record stores the digest, and 許可する for a page with another digest is refused.
    pub async fn offer(
        &self,
        at: AtConsent<'_>,
        words: impl Fn(&Offered) -> std::result::Result<Hash, PageFailed>,
    ) -> Result<Offered> {
        let AtConsent { link, proofed, client, language, .. } = at;
        let id = link.request;
        let stored = self.store.read(move |tx| authorize::sql::load(tx, id)).await?.ok_or(Error::RequestGone)?;
        let limits = stored.request.authorization_details.clone();
        // If the customer is not the person the app expects, nothing is shared (OpenID Connect Core §3.1.2.1).
        let expected = self.is_expected(client, &stored.request, &proofed.holder);
        let offer = Offer {
            client: client.id.clone(),
            scope: stored.request.scope.clone(),
            accounts: if expected { consent::offered(proofed, limits.as_ref()) } else { Vec::new() },
            verified: proofed.verified.clone(),
            choose: limits.is_some(),
            limits,
            period: client.grant_lifetime.min(self.rules.grant_lifetime),
            terms: self.rules.terms.clone(),
            shown: Hash::of(""),
            language,
        };
        let mut offered = Offered { request: stored.request, offer };
        offered.offer.shown = words(&offered)?;
        Ok(offered)
    }

    /// Ends an interaction at ⑥ that has nothing to offer, and returns the next screen.
    pub async fn nothing_to_offer(&self, visitor: &Visitor, now: Instant) -> Result<ViewResult> {
        let (identity, v) = (self.identity.clone(), visitor.clone());
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(row) = identity.admitted(tx, &v, now)? else { return Ok(ViewResult::Foreign) };
            let mut i = identity.on_time(tx, row.interaction, now)?;
            if matches!(i.stage, Stage::Consent(_)) {
                i = sql::end(tx, identity.crypto(), i, Ending::NoAccount, now)?;
            }
            identity.view(tx, i, now)
        };
        Ok(self.store.write(work).await?)
    }
}
