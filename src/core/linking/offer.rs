//! What ⑥ shows (R70–R72): the page and the consent record both come from it.

use super::{Error, Linking, Result};
use crate::authorize::{
    self, AuthorizationRequest, ChangeAction, Details, GrantAction, INVALID_GRANT_ID, OUT_OF_REACH,
};
use crate::client::Client;
use crate::clock::Instant;
use crate::consent::{self, ConsentWords, ExistingLink, Offer, PERIOD, PagePeriod};
use crate::grant::{self, Grant};
use crate::id::{AccountId, ClientId};
use crate::identity::{AnsweredRequest, Ending, Interaction, Proofed, Stage, ViewResult, Visitor, sql};
use crate::language::Language;
use crate::refusal::Refusal;
use crate::secret::Hash;
use crate::store::{self, Tx};
use std::time::Duration;

const DAY: u64 = 86_400;

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
    /// What becomes of the links the app has already.
    pub links: OtherLinks,
    /// Whether the app asks to confirm the identity of a customer it has a link with.
    pub reconfirm: bool,
    /// Whether the app asks for days of which the link could hold none.
    pub out_of_reach: bool,
}

/// What a request means for the links its app has already.
#[derive(Debug, Clone)]
pub enum OtherLinks {
    /// The new link takes the place of the app's link for this account, if there is one.
    Replaces,
    /// The new link stands beside the others; there may be as many as allowed, and then this one ends.
    Additional(Option<Box<Grant>>),
    /// This link is changed, and none is added.
    Changes(ChangeAction, Box<Grant>),
    /// The link to change is over or another person's.
    Invalid,
}
/// What the form of ⑥ says about the page it was on.
#[derive(Debug, Clone)]
pub struct SubmittedPage {
    /// When it was shown, and the end that stood on it.
    pub period: PagePeriod,
    /// Its digest.
    pub digest: String,
}

/// The page could not be rendered; the text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the consent page could not be made: {0}")]
pub struct PageFailed(pub String);

impl Offered {
    /// Why ⑥ cannot be shown; `None` if it can.
    #[must_use]
    pub fn nothing(&self) -> Option<Ending> {
        match self.links {
            OtherLinks::Invalid => Some(Ending::InvalidGrant),
            _ if self.out_of_reach => Some(Ending::NoDays),
            _ => self.offer.is_empty().then_some(Ending::NoAccount),
        }
    }
}

/// Whether an app wants the identity confirmed.
fn asks_to_confirm(request: &AuthorizationRequest) -> bool {
    request.max_age.is_some() || !request.acr_values.is_empty()
}

/// What becomes of the links of an app for an account.
fn links(
    tx: &mut Tx<'_, '_>,
    request: &AuthorizationRequest,
    (client, account): (&ClientId, &Hash),
    most: usize,
    now: Instant,
) -> store::Result<OtherLinks> {
    Ok(match &request.grant_action {
        None => OtherLinks::Replaces,
        Some(GrantAction::Create) => {
            let ends = grant::sql::would_end(tx, client, account, most, now)?;
            OtherLinks::Additional(ends.map(|id| grant::sql::load(tx, &id)).transpose()?.flatten().map(Box::new))
        }
        Some(GrantAction::Change(action, id)) => match grant::sql::changeable(tx, client, id, now)? {
            Some(grant) => OtherLinks::Changes(*action, Box::new(grant)),
            None => OtherLinks::Invalid,
        },
    })
}

impl Linking {
    /// 認可期間 of a link of this client, unless it ends earlier. ⑥ says it in days, so of a record with a part of a day the whole
    /// days count.
    fn period(&self, client: &Client) -> Duration {
        let most = client.grant_lifetime.min(self.rules.grant_lifetime).min(PERIOD);
        let whole = most.as_secs() / DAY * DAY;
        if whole > 0 { Duration::from_secs(whole) } else { most }
    }

    /// The refusal of a request that could not lead to a link now: it names a grant which its client cannot change, or days of
    /// which a link could hold none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn refuses(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        now: Instant,
    ) -> store::Result<Option<Refusal>> {
        let days =
            request.authorization_details.as_ref().map(|asked| asked.within_reach(now, now + self.period(client)));
        if days.is_some_and(|left| left.is_none()) {
            return Ok(Some(OUT_OF_REACH));
        }
        let Some(id) = request.grant_action.as_ref().and_then(GrantAction::grant).cloned() else { return Ok(None) };
        let client = request.client_id.clone();
        let found = self.store.read(move |tx| grant::sql::changeable(tx, &client, &id, now)).await?;
        Ok(found.is_none().then_some(INVALID_GRANT_ID))
    }

    /// Whether ① says that the app asks to confirm the identity again. Nobody is known there yet: only a request that names
    /// an open link of its client says whose.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn confirms_named(&self, link: &AnsweredRequest, now: Instant) -> store::Result<bool> {
        let AnsweredRequest { client, request } = link.clone();
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(stored) = authorize::sql::load(tx, request)? else { return Ok(false) };
            let named = stored.request.grant_action.as_ref().and_then(GrantAction::grant);
            let Some(id) = named.filter(|_| asks_to_confirm(&stored.request)) else { return Ok(false) };
            Ok(grant::sql::changeable(tx, &client, id, now)?.is_some())
        };
        self.store.read(work).await
    }

    /// The offer for this customer, on a page that is shown now.
    pub async fn offer(&self, at: AtConsent<'_>, now: Instant) -> Result<Offered> {
        self.offer_on(at, None, now).await
    }

    /// The offer on the page whose button was pressed, and whether the page is still what the server shows. `words` renders the
    /// page; it is not called where nothing can be offered. A form without a page counts as one that is shown now.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn offer_submitted(
        &self,
        at: AtConsent<'_>,
        page: Option<&SubmittedPage>,
        words: impl Fn(&Offered) -> std::result::Result<ConsentWords, PageFailed>,
        now: Instant,
    ) -> Result<(Offered, bool)> {
        let mut offered = self.offer_on(at, page.map(|page| page.period), now).await?;
        if offered.nothing().is_some() {
            return Ok((offered, true));
        }
        offered.offer.words = words(&offered)?;
        let same = page.is_none_or(|page| {
            page.period.holds(now, offered.offer.period)
                && page.digest == self.digest(at, &offered, &offered.offer.words)
        });
        Ok((offered, same))
    }

    /// The digest of a page with these words, for its form.
    #[must_use]
    pub fn digest(&self, at: AtConsent<'_>, offered: &Offered, words: &ConsentWords) -> String {
        let Offer { page, terms, .. } = &offered.offer;
        consent::page_digest(&self.sealer, &at.interaction.id, words, *page, terms)
    }

    async fn offer_on(&self, at: AtConsent<'_>, page: Option<PagePeriod>, now: Instant) -> Result<Offered> {
        let AtConsent { link, proofed, client, language, .. } = at;
        let id = link.request;
        let (of, account, most) = (client.id.clone(), proofed.account_index, self.rules.open_grants);
        let read = self.store.read(move |tx| {
            let Some(stored) = authorize::sql::load(tx, id)? else { return Ok(None) };
            let links = links(tx, &stored.request, (&of, &account), most, now)?;
            let open = grant::sql::open_of(tx, &of, &account, now)?.iter().any(|grant| grant.active);
            Ok(Some((stored, links, open)))
        });
        let (stored, links, open) = read.await?.ok_or(Error::RequestGone)?;
        let links = match links {
            // Pairwise subjects are equal where the person is the same (decision 22).
            OtherLinks::Changes(_, grant) if grant.sub != self.subject(client, &proofed.holder) => OtherLinks::Invalid,
            known => known,
        };
        let existing = match &links {
            OtherLinks::Changes(action, grant) => {
                // An account that the core bank does not list for this person cannot be shown: it is not renewed.
                let listed = |id: &&AccountId| proofed.accounts.iter().any(|(known, _)| known == *id);
                let accounts = grant.details.accounts.iter().filter(listed).cloned().collect();
                let details = Details { accounts, ..grant.details.clone() };
                Some(ExistingLink { action: *action, scope: grant.scope.clone(), details })
            }
            _ => None,
        };
        let added = |id: &AccountId| match &existing {
            Some(existing) if existing.action == ChangeAction::Merge => !existing.details.accounts.contains(id),
            _ => true,
        };
        let asked = asks_to_confirm(&stored.request);
        let period = self.period(client);
        let page = page.unwrap_or_else(|| PagePeriod::new(now, period));
        let limits = stored.request.authorization_details.clone();
        let (limits, out_of_reach) = match limits.as_ref().map(|asked| asked.within_reach(page.at, page.until)) {
            Some(None) => (limits, true),
            within => (within.flatten(), false),
        };
        // If the customer is not the person the app expects, nothing is shared (OpenID Connect Core §3.1.2.1).
        let expected = self.is_expected(client, &stored.request, &proofed.holder);
        let offer = Offer {
            client: client.id.clone(),
            scope: stored.request.scope.clone(),
            accounts: if expected {
                consent::offered(proofed, limits.as_ref()).into_iter().filter(added).collect()
            } else {
                Vec::new()
            },
            verified: proofed.verified.clone(),
            choose: limits.is_some(),
            existing: existing.filter(|_| expected),
            limits,
            period,
            page,
            terms: self.rules.terms.clone(),
            words: ConsentWords::new(language),
            language,
        };
        Ok(Offered { request: stored.request, offer, links, reconfirm: asked && open, out_of_reach })
    }

    /// Ends an interaction at ⑥ that has nothing to offer, and returns the next screen.
    pub async fn nothing_to_offer(&self, visitor: &Visitor, ending: Ending, now: Instant) -> Result<ViewResult> {
        let (identity, v) = (self.identity.clone(), visitor.clone());
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(row) = identity.admitted(tx, &v, now)? else { return Ok(ViewResult::Foreign) };
            let mut i = identity.on_time(tx, row.interaction, now)?;
            if matches!(i.stage, Stage::Consent(_)) {
                i = sql::end(tx, identity.crypto(), i, ending, now)?;
            }
            identity.view(tx, i, now)
        };
        Ok(self.store.write(work).await?)
    }
}
