//! `prompt=none` for a customer with a proofing session (decision 15): a code without a screen if a grant in use covers
//! the request; otherwise the error that names what is missing (OpenID Connect Core §3.1.2.6).

use super::leave::OFF;
use super::{Linking, Result};
use crate::authorize::sql::{Consumed, consume};
use crate::authorize::{AuthorizationRequest, AuthorizationResponse, Outcome, at_once, oauth_answer};
use crate::client::Client;
use crate::clock::Instant;
use crate::consent::{self, Details};
use crate::grant::{self, Grant, NewGrant, code::CodeBinding};
use crate::identity::{Proofed, Recalled, lockout, proofing_session, service_switch};
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;
use crate::secret::Hash;
use crate::store::{self, Tx};

/// The result.
pub enum PromptNone {
    /// The response with the code.
    Code(AuthorizationResponse),
    /// The error. The request is consumed.
    Refused(Refusal),
    /// The request was already consumed.
    Used,
}

const CONSENT: Refusal = Refusal::new(
    ErrorCode::ConsentRequired,
    "nothing the customer has agreed to covers the request, and prompt=none forbids to ask",
);

impl Linking {
    /// Answers a request that allows no screen. `id` is the key of the request, if it was pushed.
    ///
    /// # Errors
    /// [`super::Error`]; then nothing is recorded.
    pub async fn prompt_none(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        id: Option<Hash>,
        recalled: Option<&Recalled>,
        now: Instant,
    ) -> Result<PromptNone> {
        let login = at_once(request).unwrap_or(CONSENT);
        if self.store.read(service_switch::is_off).await? {
            return Ok(self.used_up(id, OFF, now).await?);
        }
        // What becomes of a link is shown before it is agreed to.
        if request.grant_action.is_some() {
            return Ok(self.used_up(id, CONSENT, now).await?);
        }
        let Some(recalled) = recalled else { return Ok(self.used_up(id, login, now).await?) };
        let proofed = &recalled.proofed;
        let Some((old, covered)) = self.covering(client, request, proofed, now).await? else {
            return Ok(self.used_up(id, CONSENT, now).await?);
        };
        let drawn = (&*self.sealer, &*self.random);
        let link = NewGrant::reissued(&old, covered, proofed, CodeBinding::of(request), drawn, now)?;
        let link = link
            .with_code_lifetime(self.rules.code_lifetime)
            .with_warnings(&self.rules.warn_before)
            .with_receivers(self.rules.audiences(request), proofed.verified.clone());
        // Made before anything is recorded, as at ⑥.
        let code = Outcome::Code(link.summary().code.clone());
        let answer = oauth_answer(request, client, &code, self.response_context(now)).await?;
        let (identity, of, account) = (self.identity.clone(), recalled.of.clone(), proofed.account_index);
        let work = move |tx: &mut Tx<'_, '_>| {
            if let Some(id) = id
                && consume(tx, id, now)? == Consumed::Before
            {
                return Ok(PromptNone::Used);
            }
            // Since the reads above, the service may have been switched off, the proofing session deleted and the account locked.
            if service_switch::is_off(tx)? {
                return Ok(PromptNone::Refused(OFF));
            }
            let locked = lockout::locked(tx, identity.crypto(), identity.policy(), account, now)?;
            if locked.is_some() || !proofing_session::exists(tx, &of)? {
                return Ok(PromptNone::Refused(login.clone()));
            }
            let created = grant::create(tx, &link)?;
            Ok(if created { PromptNone::Code(answer.clone()) } else { PromptNone::Refused(CONSENT) })
        };
        Ok(self.store.write(work).await?)
    }

    async fn used_up(&self, id: Option<Hash>, refusal: Refusal, now: Instant) -> store::Result<PromptNone> {
        let Some(id) = id else { return Ok(PromptNone::Refused(refusal)) };
        Ok(match self.store.write(move |tx| consume(tx, id, now)).await? {
            Consumed::First => PromptNone::Refused(refusal),
            Consumed::Before => PromptNone::Used,
        })
    }

    /// The grant in use that covers the request, given under the current terms, and the part the request wants.
    async fn covering(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        proofed: &Proofed,
        now: Instant,
    ) -> store::Result<Option<(Grant, (Scope, Details))>> {
        let (client, account) = (client.id.clone(), proofed.account_index);
        let terms = self.rules.terms.version.clone();
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(grant) = grant::sql::in_use(tx, &client, &account, now)? else { return Ok(None) };
            let agreed = consent::sql::terms_of(tx, &grant.consent)?;
            Ok((agreed.as_deref() == Some(terms.as_str())).then_some(grant))
        };
        let Some(grant) = self.store.read(work).await? else { return Ok(None) };
        // Of the days it names, as at ⑥, only those count that a link could hold.
        let asked = request.authorization_details.as_ref().map(|asked| asked.within_reach(now, grant.expires_at));
        let authorization_details = match asked {
            Some(None) => return Ok(None),
            within => within.flatten(),
        };
        let request = AuthorizationRequest { authorization_details, ..request.clone() };
        let covered = consent::covers(&grant.scope, &grant.details, &request, &proofed.verified);
        Ok(covered.map(|covered| (grant, covered)))
    }
}
