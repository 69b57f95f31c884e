//! Verifies the request object of a request. This needs the client's keys, which may have to be fetched.

use super::App;
use crate::authorize::{self, RequestInput, object};
use crate::clock::Instant;
use crate::params::Params;
use crate::refusal::Refusal;

/// The signed parameters of a request; `None` if it has no request object.
///
/// # Errors
/// `invalid_request_object`, or another code if a request object is not allowed.
pub async fn open(app: &App, question: &RequestInput<'_>, now: Instant) -> Result<Option<Params>, Refusal> {
    let Some(token) = authorize::admit(question)? else { return Ok(None) };
    let verified = app.authenticator.verify(token, question.client, &object::allowed(question.client), now).await;
    object::open(verified, question, now).map(Some)
}
