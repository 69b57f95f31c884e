//! A client's own token (RFC 6749 §4.4): it acts for no customer, so there is no grant, no refresh token (§4.4.3),
//! and never a scope that customers give (decision 11).

use super::Issued;
use super::exchange::{self, TokenRequest};
use super::sql::{self, Access};
use crate::client;
use crate::clock::Instant;
use crate::event::EventKind;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::{CUSTOMERS, OWN, Scope};
use crate::store::{Result, Tx};
use std::time::Duration;

/// The longest lifetime of such a token, whatever the record says about tokens: no consent limits it, and the client
/// can get a new one at any time.
pub const LIFETIME: Duration = Duration::from_hours(1);

/// Issues a client's own token, with the requested scopes among those `scopes` of this installation that the client's
/// record names.
///
/// # Errors
/// The outer error is the store's; the inner one is `invalid_scope` or `invalid_target`.
pub fn issue(
    tx: &mut Tx<'_, '_>,
    ask: TokenRequest<'_>,
    scopes: &Scope,
    now: Instant,
) -> Result<std::result::Result<Issued, Refusal>> {
    let most = ask.client.scope.only(|s| scopes.has(s) && !CUSTOMERS.contains(&s));
    let scope = match scope(ask.params, &most) {
        Ok(scope) => scope,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // The only type of detail is about a customer's accounts (RFC 9396 §5).
    if ask.params.get("authorization_details").is_some() {
        return Ok(Err(Refusal::new(ErrorCode::InvalidAuthorizationDetails, "a client's own token has no details")));
    }
    // A token is either for this server or for resource servers: one that is for both would be active at both.
    let ours = scope.iter().filter(|s| OWN.contains(s)).count();
    if ours > 0 && ours < scope.iter().count() {
        let why = "the scopes of this server and those of resource servers need a token each";
        return Ok(Err(Refusal::new(ErrorCode::InvalidScope, why)));
    }
    // RFC 8707 §2. An app's `resources` are what it may request; a resource server is itself the audience of its own.
    let may_ask = if ask.client.is_app() { ask.client.resources.as_slice() } else { &[] };
    let usual = if ours > 0 { ask.issuer } else { ask.default_audience };
    let known = |r: &str| r == usual || (ours == 0 && may_ask.iter().any(|known| known == r));
    let asked = ask.params.each("resource");
    if !asked.iter().all(|r| known(r)) {
        return Ok(Err(Refusal::new(ErrorCode::InvalidTarget, "resource is not one this client may ask for")));
    }
    let access = Access {
        hash: ask.minted.access.hash(),
        id: ask.minted.access_id.clone(),
        grant: None,
        client: ask.client.id.clone(),
        scope: scope.clone(),
        aud: if asked.is_empty() { vec![usual.to_owned()] } else { asked },
        details: None,
        binding: ask.binding,
        issued_at: now,
        expires_at: super::expiry(ask.client.access_token_lifetime.min(LIFETIME), None, now),
        revoked_at: None,
    };
    sql::insert_access(tx, &access)?;
    if ours == 0 {
        // The resource servers of these audiences hear when the client is suspended or ends.
        client::sql::add_audiences(tx, &access.client, &access.aud)?;
    }
    sql::emit_and_audit(
        tx,
        (&access.id, &access.client, &access.aud),
        None,
        EventKind::TokenIssued,
        (exchange::detail(&access), Some("client_credentials")),
        now,
    )?;
    Ok(Ok(Issued {
        grant: None,
        details: None,
        scope,
        binding: access.binding,
        at: now,
        expires_at: access.expires_at,
        refresh: false,
        used: None,
        nonce: None,
    }))
}

/// The scope a client has for itself (RFC 6749 §4.4.2): what it asks for within `most`, or all of `most`. An empty scope
/// would be within everything, and is refused.
pub(super) fn scope(params: &Params, most: &Scope) -> std::result::Result<Scope, Refusal> {
    let asked = params.get("scope").map_or_else(|| Some(most.clone()), Scope::parse);
    asked
        .filter(|scope| !scope.is_empty() && scope.within(most))
        .ok_or(Refusal::new(ErrorCode::InvalidScope, "scope is not one this client may have without a customer"))
}
