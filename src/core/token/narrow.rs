//! The part of a grant that one token covers: audiences (RFC 8707 §2.2) and details (RFC 9396 §6). A token request
//! may ask for less, never for more; it does not narrow the next token.

use super::TokenRequest;
use crate::authorize::Details;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;

/// `aud`: the audiences the token request asks for, within the granted ones; otherwise all granted ones, or the
/// configured default.
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

/// Every audience of a grant: the requested resources, or the configured default (requirements.md#audience).
pub(super) fn audiences(ask: &TokenRequest<'_>, granted: &[String]) -> Vec<String> {
    if granted.is_empty() { vec![ask.default_audience.to_owned()] } else { granted.to_vec() }
}

/// The details of a token with this scope, and the scope that agrees with them. Both the scope and the request's
/// `authorization_details` narrow what was granted.
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
