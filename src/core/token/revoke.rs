//! Revocation (RFC 7009). A refresh token, or an access token of a grant without one, ends its grant. An access token
//! beside a refresh token is revoked alone, and so is a client's own token.

use super::{find, sql};
use crate::audit::Actor;
use crate::client::Client;
use crate::clock::Instant;
use crate::event::EventKind;
use crate::grant::{self, Grant, Reason};
use crate::id::ClientId;
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::{self, SecretKind};
use crate::store::{Result, Tx};
use serde_json::json;

/// The result of a revocation. The client always gets 200 (RFC 7009 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The grant ended.
    Grant,
    /// One access token was revoked; its grant, if any, continues.
    Token,
    /// The text is no valid token.
    Nothing,
}

/// Revokes the presented token. Its prefix shows its type, so `token_type_hint` is not needed.
///
/// # Errors
/// The outer error is the store's; the inner one is `invalid_grant` for a token of another client.
pub fn revoke(
    tx: &mut Tx<'_, '_>,
    token: &str,
    client: &Client,
    now: Instant,
) -> Result<std::result::Result<Revoked, Refusal>> {
    if let Some(hash) = secret::presented(SecretKind::Refresh, token) {
        let Some((refresh, grant)) = sql::find_refresh(tx, &hash)? else {
            return Ok(Ok(Revoked::Nothing));
        };
        if refresh.client != client.id {
            return Ok(Err(FOREIGN));
        }
        // A change of the grant ended it. The client that tidies it away must not end the link.
        if refresh.replaced {
            return Ok(Ok(Revoked::Nothing));
        }
        return end(tx, &grant, &client.id, now).map(Ok);
    }
    let Some(hash) = secret::presented(SecretKind::Access, token) else {
        return Ok(Ok(Revoked::Nothing));
    };
    let Some(found) = find::find_access(tx, &hash)? else {
        return Ok(Ok(Revoked::Nothing));
    };
    if found.token.client != client.id {
        return Ok(Err(FOREIGN));
    }
    if !found.is_live(now) {
        return Ok(Ok(Revoked::Nothing));
    }
    let ends_it = match &found.grant {
        // A refresh token the client may no longer use does not count.
        Some(grant) => !client.refresh_tokens || !sql::has_refresh(tx, &grant.id)?,
        // The client's own token has no grant to end.
        None => false,
    };
    if let Some(grant) = found.grant.as_ref().filter(|_| ends_it) {
        return end(tx, grant, &client.id, now).map(Ok);
    }
    sql::revoke_access(tx, &hash, now)?;
    let detail = json!({"token": found.token.id});
    sql::emit_and_audit(
        tx,
        (&found.token.id, &client.id, &found.token.aud),
        found.grant.as_ref(),
        EventKind::TokenRevoked,
        (detail, None),
        now,
    )?;
    Ok(Ok(Revoked::Token))
}

const FOREIGN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "the token was issued to another client");

fn end(tx: &mut Tx<'_, '_>, grant: &Grant, client: &ClientId, now: Instant) -> Result<Revoked> {
    Ok(match grant::end(tx, &grant.id, &Reason::Client, Actor::Client(client.clone()), now)? {
        grant::Ended::Now(_) => Revoked::Grant,
        grant::Ended::Before(_) | grant::Ended::Unknown => Revoked::Nothing,
    })
}

/// Revokes the live tokens that a restored backup brought back, at most `limit` of each kind, and tells of each.
/// Returns how many.
pub fn restored(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    let revoked = sql::revoke_restored(tx, now, limit)?;
    for sql::RevokedToken { token, client, grant, aud } in &revoked {
        let detail = json!({"token": token});
        sql::emit_event(tx, (token, client, aud), grant.as_ref(), EventKind::TokenRevoked, detail, now)?;
    }
    Ok(revoked.len() as u64)
}
