//! What ⑥ shows (R70–R72), as the page says it and as the record will hold it.

use super::{Error, Linking, Result};
use crate::authorize::{self, AuthorizationRequest};
use crate::client::Client;
use crate::clock::Instant;
use crate::consent::{self, Offer};
use crate::identity::{Ending, Interaction, Proofed, Stage, ViewResult, Visitor, sql};
use crate::language::Language;
use crate::secret::{Hash, base64url};
use crate::store::Tx;

/// A customer at ⑥.
#[derive(Clone, Copy)]
pub struct AtConsent<'a> {
    /// Their interaction.
    pub interaction: &'a Interaction,
    /// What ① to ⑤ have established.
    pub proofed: &'a Proofed,
    /// The app that asks.
    pub client: &'a Client,
    /// The page's language.
    pub language: Language,
}

/// What an app asks for, and what of it this customer can allow.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The stored request.
    pub request: AuthorizationRequest,
    /// What 許可する would allow.
    pub offer: Offer,
}
impl Offered {
    /// The digest of the page, as its form carries it.
    #[must_use]
    pub fn shown(&self) -> String {
        base64url(self.offer.shown.as_bytes())
    }
}

/// The page could not be made; the text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the consent page could not be made: {0}")]
pub struct PageFailed(pub String);

impl Linking {
    /// What is offered. `words` makes the page of an offer and returns the digest of its sentences: nobody agrees to words
    /// they have not seen, and the record proves which they were.
    pub async fn offer(
        &self,
        at: AtConsent<'_>,
        words: impl Fn(&Offered) -> std::result::Result<Hash, PageFailed>,
    ) -> Result<Offered> {
        let AtConsent { interaction, proofed, client, language } = at;
        let id = interaction.request;
        let stored = self.store.read(move |tx| authorize::sql::load(tx, id)).await?.ok_or(Error::RequestGone)?;
        let limits = stored.request.authorization_details.clone();
        // Whoever is not the person the app expects shares nothing with it (OpenID Connect Core §3.1.2.1).
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

    /// Ends an interaction at ⑥ for which there is nothing to offer, and shows what is then.
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
