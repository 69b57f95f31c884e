//! What `/oauth/authorize` does with a `request_uri`: begin an interaction, continue one, or show an error page; and where a
//! request may be answered.

use super::rules::travels;
use super::sql::StoredRequest;
use super::{AuthorizationRequest, Destination, Prompt, ResponseMode};
use crate::client::{Client, redirect_match};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use std::time::Duration;

/// The stored request that a browser refers to, if this client may use it at all. That is enough to continue an
/// interaction begun earlier. A completed request cannot be used again (RFC 9126 §4, decision 9).
///
/// # Errors
/// `invalid_request_uri`, shown on a page. The same for an unknown request, another client's and a completed one.
pub fn claim(stored: Option<StoredRequest>, client: &ClientId) -> Result<StoredRequest, Refusal> {
    stored.filter(|s| s.request.client_id == *client && s.consumed_at.is_none()).ok_or(DEAD)
}

/// Checks that a browser may still begin with the request.
///
/// # Errors
/// `invalid_request_uri` if it has expired, shown on a page.
pub fn begin(stored: &StoredRequest, now: Instant) -> Result<(), Refusal> {
    if stored.may_begin(now) { Ok(()) } else { Err(DEAD) }
}

const DEAD: Refusal = Refusal::new(ErrorCode::InvalidRequestUri, "the request_uri is unknown, expired or already used");

/// The answer to a request without showing a screen, if there is one. There is no login session, so `prompt=none`
/// cannot be satisfied (OpenID Connect Core §3.1.2.6), except by a proofing session (decision 15).
#[must_use]
pub fn at_once(request: &AuthorizationRequest) -> Option<Refusal> {
    request
        .is_prompt_none()
        .then(|| Refusal::new(ErrorCode::LoginRequired, "the customer has to be asked, and prompt=none forbids it"))
}

/// Whether checks passed at `auth_time` may satisfy the request, or must be passed again (OpenID Connect Core
/// §3.1.2.1): `login` asks for all checks, `select_account` for ①, where the account is entered, and `max_age` for
/// checks from a certain age on.
#[must_use]
pub fn may_rest_on(request: &AuthorizationRequest, auth_time: Instant, now: Instant) -> bool {
    let anew = request.prompt.iter().any(|p| matches!(p, Prompt::Login | Prompt::SelectAccount));
    // max_age=0 means prompt=login, even within the same millisecond.
    let fresh = |most: u64| most > 0 && now.since(auth_time) <= Duration::from_secs(most);
    !anew && request.max_age.is_none_or(fresh)
}

/// Where a browser's request may be answered: only after its redirect_uri was found to be the client's own (RFC 6749
/// §4.1.2.1). An unknown response_mode is refused later, in the query.
///
/// # Errors
/// `invalid_request`, shown on a page: there is no address to send it to.
pub fn destination(params: &Params, client: &Client) -> Result<Destination, Refusal> {
    // A missing redirect_uri is refused even if only one is registered: with two it would be ambiguous (RFC 6749
    // §3.1.2.3).
    let redirect_uri = params.need("redirect_uri")?;
    if !redirect_match(client, redirect_uri) {
        return Err(Refusal::invalid_request("redirect_uri is not registered for this client"));
    }
    Ok(Destination {
        redirect_uri: redirect_uri.to_owned(),
        response_mode: mode(params).unwrap_or_default(),
        state: params.get("state").filter(|s| travels(s)).map(str::to_owned),
    })
}

fn mode(params: &Params) -> Option<ResponseMode> {
    params.get("response_mode").and_then(ResponseMode::parse)
}
