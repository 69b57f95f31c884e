//! What `/oauth/authorize` makes of a `request_uri`: begin, go on, or a page that says why not.

use super::sql::StoredRequest;
use super::{AuthorizationRequest, Prompt};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::refusal::{ErrorCode, Refusal};
use std::time::Duration;

/// The stored request a browser has come with, when it may be used by this client at all: whoever goes on with an
/// interaction begun earlier needs no more, and nobody begins with a request that was completed (RFC 9126 §4,
/// decision 9).
///
/// # Errors
/// `invalid_request_uri`, to be shown on a page. Unknown, another client's and completed look alike.
pub fn claim(stored: Option<StoredRequest>, client: &ClientId) -> Result<StoredRequest, Refusal> {
    stored.filter(|s| s.request.client_id == *client && s.consumed_at.is_none()).ok_or(DEAD)
}

/// Whether a browser may begin with it.
///
/// # Errors
/// `invalid_request_uri` when it is too late, to be shown on a page.
pub fn begin(stored: &StoredRequest, now: Instant) -> Result<(), Refusal> {
    if stored.may_begin(now) { Ok(()) } else { Err(DEAD) }
}

const DEAD: Refusal = Refusal::new(ErrorCode::InvalidRequestUri, "the request_uri is unknown, expired or already used");

/// The answer a request gets before any screen is shown, if it gets one. Nobody is ever logged in here, so
/// `prompt=none` cannot be met (OpenID Connect Core §3.1.2.6), unless the customer is remembered (decision 15).
#[must_use]
pub fn at_once(request: &AuthorizationRequest) -> Option<Refusal> {
    request
        .is_prompt_none()
        .then(|| Refusal::new(ErrorCode::LoginRequired, "the customer has to be asked, and prompt=none forbids it"))
}

/// Whether checks passed at `auth_time` may answer the request, or must be passed again (OpenID Connect Core §3.1.2.1):
/// `login` asks for that, `select_account` for ① where the account is named, `max_age` from a certain age on.
#[must_use]
pub fn may_rest_on(request: &AuthorizationRequest, auth_time: Instant, now: Instant) -> bool {
    let anew = request.prompt.iter().any(|p| matches!(p, Prompt::Login | Prompt::SelectAccount));
    // max_age=0 is prompt=login, even within the same millisecond.
    let fresh = |most: u64| most > 0 && now.since(auth_time) <= Duration::from_secs(most);
    !anew && request.max_age.is_none_or(fresh)
}
