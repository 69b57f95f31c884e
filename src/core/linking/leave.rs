//! 連携元画面へ: back to the app with an error, `state` and `iss` (R8, G6, G8).

use super::{Error, Linking, Result};
use crate::authorize::sql::{Consumed, consume, load};
use crate::authorize::{AuthorizationResponse, Outcome, oauth_answer};
use crate::client::Client;
use crate::clock::Instant;
use crate::identity::{Ending, Interaction, Stage, sql};
use crate::refusal::{ErrorCode, Refusal};

/// Where 連携元画面へ leads.
pub enum Left {
    /// To the app.
    ToTheApp(AuthorizationResponse),
    /// Nowhere: the interaction has not ended, or has ended with consent.
    Stays,
}

impl Linking {
    /// Answers the app, when the interaction has ended without consent. The request is used up: nobody gets a code any more
    /// for something of which the app knows that it failed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn leave(&self, i: &Interaction, client: &Client, now: Instant) -> Result<Left> {
        let Some(refusal) = refusal(&i.stage) else { return Ok(Left::Stays) };
        let (id, own, crypto) = (i.request, i.id.clone(), self.identity.crypto().clone());
        let work = self.store.write(move |tx| {
            // Used up before, by a press of this very button or by another browser: the app hears the same again.
            if consume(tx, id, now)? == Consumed::First {
                sql::end_others(tx, &crypto, id, &own, now)?;
            }
            load(tx, id)
        });
        let stored = work.await?.ok_or(Error::RequestGone)?;
        let answer = oauth_answer(&stored.request, client, &Outcome::Refused(refusal), self.response_context(now))?;
        Ok(Left::ToTheApp(answer))
    }
}

/// The error an app receives for an interaction that has ended without consent.
pub(super) fn refusal(stage: &Stage) -> Option<Refusal> {
    let Stage::Ended(ending) = stage else { return None };
    let (code, description) = match ending {
        Ending::Cancelled => (ErrorCode::AccessDenied, "the customer cancelled"),
        Ending::Locked { .. } => (ErrorCode::AccessDenied, "the customer cannot be authenticated now"),
        Ending::Closed { .. } => (ErrorCode::TemporarilyUnavailable, "outside service hours"),
        Ending::NoAccount => (ErrorCode::AccessDenied, "no account can be shared"),
        Ending::Failed => (ErrorCode::ServerError, "the request cannot be completed"),
        Ending::Busy => (ErrorCode::TemporarilyUnavailable, "the service is busy"),
        Ending::Off => (ErrorCode::TemporarilyUnavailable, "the service is not offered now"),
        Ending::Expired(_) => (ErrorCode::AccessDenied, "the customer did not complete in time"),
    };
    Some(Refusal::new(code, description))
}
