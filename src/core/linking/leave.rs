//! 連携元画面へ: back to the app with an error, `state` and `iss` (R8, G6, G8).

use super::{Error, Linking, Result};
use crate::authorize::sql::{Consumed, consume, load};
use crate::authorize::{AuthorizationResponse, INVALID_GRANT_ID, OUT_OF_REACH, Outcome, oauth_answer};
use crate::client::Client;
use crate::clock::Instant;
use crate::grant;
use crate::identity::{AnsweredRequest, Ending, Interaction, Stage, sql};
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::Hash;
use crate::store;

/// The result of 連携元画面へ.
pub enum Left {
    /// A response to the app.
    ToTheApp(AuthorizationResponse),
    /// None: the interaction has not ended, or ended with consent.
    Stays,
}

/// The whole service is switched off (G7).
pub(super) const OFF: Refusal = Refusal::new(ErrorCode::TemporarilyUnavailable, "the service is not offered now");

/// How many links a page names at most. An app with more of them for one account is none that people use.
const NAMED: i64 = 10;

impl Linking {
    /// When the links end that this app has with an account: what the cancel page says to somebody who passed ① to ⑤ for it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn living(&self, client: &Client, account: Hash, now: Instant) -> store::Result<Vec<Instant>> {
        let client = client.id.clone();
        self.store.read(move |tx| grant::sql::living(tx, &client, &account, now, NAMED)).await
    }

    /// Returns the error response if the interaction ended without consent. The request is consumed: an app that got an
    /// error for it must not get a code for it later.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn leave(&self, link: &AnsweredRequest, i: &Interaction, client: &Client, now: Instant) -> Result<Left> {
        let Some(refusal) = refusal(&i.stage) else { return Ok(Left::Stays) };
        let (id, own, crypto) = (link.request, i.id.clone(), self.identity.crypto().clone());
        let work = self.store.write(move |tx| {
            // If the request was consumed before, by this button or another browser, the app gets the same error again.
            if consume(tx, id, now)? == Consumed::First {
                sql::end_others(tx, &crypto, id, &own, now)?;
            }
            load(tx, id)
        });
        let stored = work.await?.ok_or(Error::RequestGone)?;
        let answer =
            oauth_answer(&stored.request, client, &Outcome::Refused(refusal), self.response_context(now)).await?;
        Ok(Left::ToTheApp(answer))
    }
}

/// The error response of an interaction that ended without consent.
pub(super) fn refusal(stage: &Stage) -> Option<Refusal> {
    let Stage::Ended(ending) = stage else { return None };
    let (code, description) = match ending {
        Ending::Cancelled | Ending::Denied { .. } => (ErrorCode::AccessDenied, "the customer cancelled"),
        Ending::Locked { .. } => (ErrorCode::AccessDenied, "the customer cannot be authenticated now"),
        Ending::Closed { .. } => (ErrorCode::TemporarilyUnavailable, "outside service hours"),
        Ending::NoAccount => (ErrorCode::AccessDenied, "no account can be shared"),
        Ending::InvalidGrant => return Some(INVALID_GRANT_ID),
        Ending::NoDays => return Some(OUT_OF_REACH),
        Ending::Failed => (ErrorCode::ServerError, "the request cannot be completed"),
        Ending::Busy => (ErrorCode::TemporarilyUnavailable, "the service is busy"),
        Ending::Off => return Some(OFF),
        // Nobody asked for it, so nobody hears of it.
        Ending::Finished => return None,
        Ending::Expired(_) => (ErrorCode::AccessDenied, "the customer did not complete in time"),
    };
    Some(Refusal::new(code, description))
}
