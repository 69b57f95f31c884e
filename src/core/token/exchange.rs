//! Exchanges codes and refresh tokens for access tokens. `oxide` takes RFC 6749's decision, inside the transaction
//! that records the result. Which part of the grant the token covers is decided here.

use super::sql::{self, Access};
use super::{Issued, Minted, TokenBinding, change};
use crate::authorize::Details;
use crate::authorize::rules::OFFLINE;
use crate::client::Client;
use crate::clock::Instant;
use crate::event::EventKind;
use crate::grant::Grant;
use crate::grant::code::{Redeemed, redeem};
use crate::oxide::{self, TokenCaller};
use crate::params::Params;
use crate::refusal::{ErrorCode, LinkEnd, Refusal};
use crate::scope::{GRANT_MANAGEMENT, Scope};
use crate::secret::{self, Secret, SecretKind};
use crate::store::{Result, Tx};

/// A token request whose client is authenticated and whose proof is checked.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// The client.
    pub client: &'a Client,
    /// The parameters.
    pub params: &'a Params,
    /// What the token is to be bound to, as the request proved it.
    pub binding: Option<TokenBinding>,
    /// New values for the response.
    pub minted: &'a Minted,
    /// `aud` if no resource was requested (requirements.md#audience).
    pub default_audience: &'a str,
    /// The most open grants of one client for one account.
    pub open_grants: usize,
    /// `iss`: the only audience of a client's own token for this server.
    pub issuer: &'a str,
}

const NO_CODE: Refusal =
    Refusal::new(ErrorCode::InvalidGrant, "the code is unknown, expired or was issued to another client");

/// Redeems an authorization code: grant active, older one replaced, access token recorded, event `token.issued`; or the
/// refusal, which for a replay has revoked the grant.
pub fn exchange(
    tx: &mut Tx<'_, '_>,
    ask: TokenRequest<'_>,
    now: Instant,
) -> Result<std::result::Result<Issued, Refusal>> {
    let jkt = ask.binding.and_then(|b| b.jkt());
    let by = TokenCaller { client_id: &ask.client.id, jkt };
    let Some(hash) = ask.params.get("code").and_then(|c| secret::presented(SecretKind::Code, c)) else {
        // There is no code to look up: oxide-auth words the refusal and names the missing parameter.
        return Ok(oxide::exchange(None, ask.params, by, now).and(Err(NO_CODE)));
    };
    let redeemed = redeem(tx, &hash, (&ask.client.id, ask.open_grants), now, |code, grant| {
        let binding = &code.binding;
        let loaded = oxide::LoadedCode {
            client_id: &code.client,
            grant: &grant.id,
            redirect_uri: &binding.redirect_uri,
            scope: &grant.scope,
            challenge: binding.challenge.as_ref(),
            dpop_jkt: binding.dpop_jkt,
            expires_at: code.expires_at,
        };
        let decided = oxide::exchange(Some(&loaded), ask.params, by, now)?;
        let all = decided.scope.clone();
        let aud = token_audiences(&ask, &binding.resource)?;
        let (details, scope) = token_details(ask.params, &grant.details, decided.scope)?;
        let (scope, aud) = grant_management(&ask, scope, aud)?;
        Ok::<_, Refusal>((all, Part { scope, details, aud }))
    })?;
    let (grant, code, changed, (all, Part { scope, details, aud })) = match redeemed {
        Redeemed::Done { grant, code, changed, checked } => (grant, code, changed, checked),
        Redeemed::Replayed => return Ok(Err(Refusal::over(LinkEnd::Replay))),
        Redeemed::Over(end) => return Ok(Err(Refusal::over(end))),
        Redeemed::Unfit => return Ok(Err(NO_CODE)),
        Redeemed::Refused(refusal) => return Ok(Err(refusal)),
    };
    if let Some((action, before)) = changed {
        change::end_by_change(tx, &grant.id, action, &before, now)?;
    }
    let refresh = ask.client.refresh_tokens && scope.has(OFFLINE);
    // The response names a scope only if it was granted (RFC 6749 §5.1).
    let scope = scope.only(|s| s != OFFLINE || refresh);
    if refresh {
        // The full grant: a narrowed access token does not narrow the next one.
        let (secret, id) = (&ask.minted.refresh, &ask.minted.refresh_id);
        let everywhere = grant_audiences(&ask, &code.binding.resource);
        sql::insert_refresh(tx, &secret.hash(), id, &grant, &all, &everywhere, now)?;
    }
    let nonce = code.binding.nonce.clone();
    let issued = issue(tx, &ask, (*grant, CODE), Part { scope, details, aud }, now)?;
    Ok(Ok(Issued { refresh, nonce, ..issued }))
}

/// Uses a refresh token: issues a new access token of the same grant. The refresh token does not change (FAPI 2.0
/// Security Profile §5.3.2.1) and is bound to the client's authentication (RFC 9700 §4.14). The new access token is
/// bound to the key of this request's proof, not of the last one (RFC 9449 §5).
pub fn refresh(
    tx: &mut Tx<'_, '_>,
    ask: TokenRequest<'_>,
    now: Instant,
) -> Result<std::result::Result<Issued, Refusal>> {
    let presented = match ask.params.need("refresh_token") {
        Ok(presented) => presented,
        Err(missing) => return Ok(Err(missing)),
    };
    let jkt = ask.binding.and_then(|b| b.jkt());
    let by = TokenCaller { client_id: &ask.client.id, jkt };
    let hash = secret::presented(SecretKind::Refresh, presented);
    let found = hash.map(|h| sql::find_refresh(tx, &h)).transpose()?.flatten();
    let own = found.as_ref().filter(|(token, _)| token.client == ask.client.id);
    if let Some(end) = own.and_then(|(token, grant)| token.link_end(grant, now)) {
        return Ok(Err(Refusal::over(end)));
    }
    let found = found.filter(|(token, grant)| token.is_live(ask.client, grant, now));
    let loaded = found.as_ref().map(|(token, grant)| oxide::RefreshToken {
        client_id: &token.client,
        grant: &grant.id,
        scope: &token.scope,
        expires_at: grant.expires_at,
    });
    let decided = match oxide::refresh(loaded.as_ref(), ask.params, by, now) {
        Ok(decided) => decided,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some((token, grant)) = found else {
        return Ok(Err(Refusal::new(ErrorCode::InvalidGrant, "the refresh token is unknown")));
    };
    let part = token_audiences(&ask, &token.aud).and_then(|aud| {
        let (details, scope) = token_details(ask.params, &grant.details, decided.scope)?;
        let (scope, aud) = grant_management(&ask, scope, aud)?;
        Ok(Part { scope, details, aud })
    });
    match part {
        Ok(part) => {
            let issued = issue(tx, &ask, (grant, REFRESH), part, now)?;
            Ok(Ok(Issued { used: Some(Secret::new(presented)), ..issued }))
        }
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// The part of its grant that one token covers: a token request may ask for less, never for more (RFC 8707 §2.2, RFC
/// 9396 §6). It does not narrow the next token.
struct Part {
    scope: Scope,
    details: Details,
    aud: Vec<String>,
}

/// `aud`: the audiences the token request asks for, within the granted ones; otherwise all granted ones, or the
/// configured default.
///
/// # Errors
/// `invalid_target`.
pub(super) fn token_audiences(ask: &TokenRequest<'_>, granted: &[String]) -> std::result::Result<Vec<String>, Refusal> {
    let granted = grant_audiences(ask, granted);
    let asked = ask.params.each("resource");
    if asked.iter().any(|r| !granted.contains(r)) {
        return Err(Refusal::new(ErrorCode::InvalidTarget, "resource was not part of the authorization request"));
    }
    Ok(if asked.is_empty() { granted } else { asked })
}

/// Every audience of a grant: the requested resources, or the configured default (requirements.md#audience).
pub(super) fn grant_audiences(ask: &TokenRequest<'_>, granted: &[String]) -> Vec<String> {
    if granted.is_empty() { vec![ask.default_audience.to_owned()] } else { granted.to_vec() }
}

/// The details of a token with this scope, and the scope that agrees with them. Both the scope and the request's
/// `authorization_details` narrow what was granted.
///
/// # Errors
/// `invalid_authorization_details`.
pub(super) fn token_details(
    params: &Params,
    granted: &Details,
    scope: Scope,
) -> std::result::Result<(Details, Scope), Refusal> {
    let within = granted.within(&scope);
    let Some(text) = params.get("authorization_details") else { return Ok((within, scope)) };
    let narrowed = within.narrowed(&Details::parse(text)?)?;
    let scope = scope.only(|token| narrowed.lets(token));
    Ok((narrowed, scope))
}

/// The scopes of grant management in a customer's token: this server is an audience of it too, because they are for our own
/// endpoint. Only a bound token has them, so that no resource server can end a link with a token that it was shown; and none that
/// was asked for resources of its own.
///
/// # Errors
/// `invalid_scope` where nothing else was asked for.
fn grant_management(
    ask: &TokenRequest<'_>,
    scope: Scope,
    mut aud: Vec<String>,
) -> std::result::Result<(Scope, Vec<String>), Refusal> {
    let manages = |token: &str| GRANT_MANAGEMENT.contains(&token);
    if !scope.iter().any(manages) {
        return Ok((scope, aud));
    }
    if ask.binding.is_some() && ask.params.get("resource").is_none() {
        aud.push(ask.issuer.to_owned());
        return Ok((scope, aud));
    }
    let rest = scope.only(|token| !manages(token));
    if rest.is_empty() {
        return Err(Refusal::new(
            ErrorCode::InvalidScope,
            "this scope is for bound tokens without a resource of their own",
        ));
    }
    Ok((rest, aud))
}

/// What the audit record of an issued token says it was issued for (RFC 6749 §4.1.3, §6).
const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";

fn issue(
    tx: &mut Tx<'_, '_>,
    ask: &TokenRequest<'_>,
    (grant, grant_type): (Grant, &'static str),
    part: Part,
    now: Instant,
) -> Result<Issued> {
    let Part { scope, details, aud } = part;
    let access = Access {
        hash: ask.minted.access.hash(),
        id: ask.minted.access_id.clone(),
        grant: Some(grant.id.clone()),
        client: grant.client.clone(),
        scope: scope.clone(),
        aud,
        details: (details != grant.details).then_some(details),
        binding: ask.binding,
        issued_at: now,
        expires_at: super::expiry(ask.client.access_token_lifetime, Some(grant.expires_at), now),
        revoked_at: None,
    };
    sql::insert_access(tx, &access)?;
    sql::emit_and_audit(
        tx,
        (&access.id, &access.client, &access.aud),
        Some(&grant),
        EventKind::TokenIssued,
        (detail(&access), Some(grant_type)),
        now,
    )?;
    let Access { details, binding, expires_at, .. } = access;
    let (refresh, used, nonce) = (false, None, None);
    Ok(Issued { scope, details, binding, at: now, expires_at, refresh, used, nonce, grant: Some(grant) })
}

/// Audit record and event of an issued token.
pub(super) fn detail(access: &Access) -> serde_json::Value {
    serde_json::json!({"token": access.id, "scope": access.scope, "expires_at": access.expires_at.secs()})
}
