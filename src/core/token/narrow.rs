//! What one token covers of what was granted: audiences (RFC 8707 §2.2) and details (RFC 9396 §6). A token request may
//! ask for less, never for more; less now does not mean less the next time.

use super::TokenRequest;
use crate::authorize::Details;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;

/// `aud`: what the token request asks for within what was granted, else all that was granted, else the configured
/// default.
///
/// # Errors
/// `invalid_target`.
pub(super) fn audience(ask: &TokenRequest<'_>, granted: &[String]) -> Result<Vec<String>, Refusal> {
    let granted = audiences(ask, granted);
    let asked = ask.params.each("resource");
    if asked.iter().any(|r| !granted.contains(r)) {
        return Err(Refusal::new(ErrorCode::InvalidTarget, "resource was not part of the authorization request"));
    }
    Ok(if asked.is_empty() { granted } else { asked })
}

/// Every audience of a grant: the resources that were asked for, else the configured default
/// (requirements.md#audience).
pub(super) fn audiences(ask: &TokenRequest<'_>, granted: &[String]) -> Vec<String> {
    if granted.is_empty() { vec![ask.default_audience.to_owned()] } else { granted.to_vec() }
}

/// The details of a token with this scope, and the scope that says the same: `authorization_details` of the request
/// narrow what was granted, and so does the scope.
///
/// # Errors
/// `invalid_authorization_details`.
pub(super) fn details(params: &Params, granted: &Details, scope: Scope) -> Result<(Details, Scope), Refusal> {
    let within = granted.within(&scope);
    let Some(text) = params.get("authorization_details") else { return Ok((within, scope)) };
    let narrowed = within.narrowed(&Details::parse(text)?)?;
    let scope = scope.only(|token| narrowed.lets(token));
    Ok((narrowed, scope))
}
