//! Step 3, ⑥: what happens around the consent screen, one file for each use case. `web` parses a request, calls a use
//! case, and renders the result.
//!
//! [`offer`](Linking::offer) returns what ⑥ shows. [`approve`](Linking::approve) is 許可する, the transaction that makes a
//! grant; [`deny`](Linking::deny) is 拒否する; [`repeat_answer`](Linking::repeat_answer) sends a browser back to the app
//! again, and [`leave`](Linking::leave) is 連携元画面へ. [`prompt_none`](Linking::prompt_none) answers an app without a
//! screen. [`proofing_session`] decides whether checks passed minutes ago still count. Both it and 許可する ask the core bank
//! whether their result is still true.
//!
//! Every use case first reads and asks the core bank, then decides, then writes in one transaction.

mod approve;
mod deny;
mod leave;
mod offer;
mod prompt_none;
pub mod proofing_session;
mod repeat_answer;
#[cfg(test)]
mod tests;

pub use approve::{Approval, Approved};
pub use deny::Denial;
pub use leave::Left;
pub use offer::{AtConsent, Offered, OtherLinks, PageFailed, SubmittedPage};
pub use prompt_none::PromptNone;
pub use repeat_answer::RepeatedAnswer;

use crate::authorize::{AuthorizationRequest, ResponseContext};
use crate::clock::Instant;
use crate::consent::Terms;
use crate::identity::{Ending, IdentityService, Interaction, Stage, StepCheck, ViewResult, Visitor, sql};
use crate::keys::seal::{Broken, Sealer};
use crate::keys::{Ring, jose};
use crate::random::Random;
use crate::store::{self, Store, Tx};
use std::sync::Arc;
use std::time::Duration;

/// What the use cases need. One for each server.
pub struct Linking {
    /// The store.
    pub store: Store,
    /// The five checks, and the core bank behind them.
    pub identity: IdentityService,
    /// Signs responses.
    pub keys: Ring,
    /// Seals personal fields.
    pub sealer: Arc<Sealer>,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
    /// What the institution has configured.
    pub rules: LinkingRules,
}

/// The institution's settings for ⑥.
#[derive(Debug, Clone)]
pub struct LinkingRules {
    /// `iss` of every response.
    pub issuer: String,
    /// The terms next to the checkbox.
    pub terms: Terms,
    /// `aud` of a token where the request names no resource.
    pub default_audience: String,
    /// 認可期間, unless a client's record says less.
    pub grant_lifetime: Duration,
    /// The most open grants of one app and account.
    pub open_grants: usize,
    /// How long before the end of a grant its app is told.
    pub warn_before: Vec<Duration>,
    /// How long a code lives.
    pub code_lifetime: Duration,
    /// The longest lifetime of a proofing session; a client's record must allow one too.
    pub proofing_memory: Duration,
}

/// Why a use case failed; log it. Nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A field could not be sealed.
    #[error("a field could not be sealed")]
    Sealing(#[from] Broken),
    /// The response could not be signed. It is not sent unsigned.
    #[error("the answer could not be signed: {0}")]
    Signing(#[from] jose::Error),
    /// The page could not be rendered.
    #[error(transparent)]
    Page(#[from] PageFailed),
    /// The request is no longer stored.
    #[error("the request of an interaction is gone")]
    RequestGone,
}

/// The result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

impl LinkingRules {
    /// The audiences of the tokens of a grant for `request`.
    fn audiences(&self, request: &AuthorizationRequest) -> Vec<String> {
        if request.resource.is_empty() { vec![self.default_audience.clone()] } else { request.resource.clone() }
    }
}

impl Linking {
    fn response_context(&self, now: Instant) -> ResponseContext<'_> {
        ResponseContext { issuer: &self.rules.issuer, keys: &self.keys, now }
    }

    /// Accepts the step token and, if the interaction is at ⑥, runs `work` in the same transaction. Returns `None`
    /// without running it for another browser's interaction, an outdated page or another stage.
    async fn at_consent<T: Send + 'static>(
        &self,
        visitor: &Visitor,
        step: &str,
        now: Instant,
        work: impl Fn(&IdentityService, &mut Tx<'_, '_>, Interaction) -> store::Result<T> + Send + 'static,
    ) -> store::Result<Option<T>> {
        let (identity, v, step) = (self.identity.clone(), visitor.clone(), step.to_owned());
        let write = self.store.write(move |tx| match identity.take(tx, &v, &step, now)? {
            StepCheck::Accepted(i) if matches!(i.stage, Stage::Consent(_)) => work(&identity, tx, i).map(Some),
            StepCheck::Accepted(_) | StepCheck::Stale(_) | StepCheck::NotOwner => Ok(None),
        });
        write.await
    }

    /// Ends an interaction at ⑥ and returns the next screen.
    async fn end(&self, visitor: &Visitor, step: &str, ending: Ending, now: Instant) -> store::Result<ViewResult> {
        let work = move |identity: &IdentityService, tx: &mut Tx<'_, '_>, i: Interaction| {
            sql::end(tx, identity.crypto(), i, ending, now).map(drop)
        };
        self.at_consent(visitor, step, now, work).await?;
        self.identity.look(visitor, None, now).await
    }

    /// Ends an interaction whose app was suspended meanwhile, and returns what the browser sees then.
    pub async fn end_for_inactive_client(&self, visitor: &Visitor, step: &str, now: Instant) -> Result<ViewResult> {
        let (identity, v, step) = (self.identity.clone(), visitor.clone(), step.to_owned());
        let work = move |tx: &mut Tx<'_, '_>| {
            if let StepCheck::Accepted(i) = identity.take(tx, &v, &step, now)? {
                sql::end(tx, identity.crypto(), i, Ending::Failed, now)?;
            }
            Ok(())
        };
        self.store.write(work).await?;
        Ok(self.identity.look(visitor, None, now).await?)
    }
}
