//! After 許可する: the response to the app again, because the first may be lost (requirements.md#further-code).

use super::{Linking, Result};
use crate::authorize::{self, AuthorizationResponse, Outcome, oauth_answer};
use crate::client::{Client, Status};
use crate::clock::Instant;
use crate::grant::code::CodeBinding;
use crate::grant::{Further, further};
use crate::id::{GrantId, InteractionId};
use crate::identity::AnsweredRequest;
use crate::secret::{self, SecretKind};

/// What a browser gets that comes back after 許可する.
pub enum RepeatedAnswer {
    /// The response to the app, with a further code of the same grant.
    Answer(AuthorizationResponse),
    /// The app has redeemed a code: the link is complete.
    Redeemed,
    /// It is too late for a further code.
    Over,
}

impl Linking {
    /// The response to the app with a further code, if the grant may have one.
    pub async fn repeat_answer(
        &self,
        (link, by): (&AnsweredRequest, &InteractionId),
        grant: &GrantId,
        client: &Client,
        now: Instant,
    ) -> Result<RepeatedAnswer> {
        let id = link.request;
        let stored = self.store.read(move |tx| authorize::sql::load(tx, id)).await?;
        let Some(request) = stored.map(|stored| stored.request).filter(|_| client.status == Status::Active) else {
            return Ok(RepeatedAnswer::Over);
        };
        let code = secret::issue(SecretKind::Code, &*self.random);
        let (hash, binding, of) = (code.hash(), CodeBinding::of(&request), (grant.clone(), by.clone()));
        // Made before anything is recorded: if it cannot be signed, no code is stored.
        let answer = oauth_answer(&request, client, &Outcome::Code(code), self.response_context(now)).await?;
        let lifetime = self.rules.code_lifetime;
        let write = self.store.write(move |tx| further(tx, (&of.0, &of.1), hash, &binding, lifetime, now));
        Ok(match write.await? {
            Further::Issued => RepeatedAnswer::Answer(answer),
            Further::Redeemed => RepeatedAnswer::Redeemed,
            Further::Over => RepeatedAnswer::Over,
        })
    }
}
