//! Tokens that no client holds: their request was answered with 503, and the store found out later that it had
//! recorded them (`store::Store::write_or_undo`). They are revoked, and the code of the request is given back.

use super::{Issued, Minted, find, sql};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event::EventKind;
use crate::grant::code;
use crate::params::Params;
use crate::secret::{self, Hash, SecretKind};
use crate::store::{Result, Tx};
use serde_json::json;

/// The key of the unit of work of a token request: its code if it has one, otherwise the token it would be given.
#[must_use]
pub fn key(params: &Params, minted: &Minted) -> Hash {
    presented(params).unwrap_or_else(|| minted.access.hash())
}
fn presented(params: &Params) -> Option<Hash> {
    params.get("code").and_then(|code| secret::presented(SecretKind::Code, code))
}

/// Takes back what `issued` recorded. It may run twice; returns whether a code was given back.
pub fn undo(tx: &mut Tx<'_, '_>, issued: &Issued, minted: &Minted, params: &Params, now: Instant) -> Result<bool> {
    let hash = minted.access.hash();
    let Some(found) = find::find_access(tx, &hash)?.filter(|found| found.token.revoked_at.is_none()) else {
        return Ok(false);
    };
    sql::revoke_access(tx, &hash, now)?;
    if issued.refresh {
        sql::revoke_refresh(tx, &minted.refresh.hash(), now)?;
    }
    let (token, client) = (&found.token.id, &found.token.client);
    let detail = json!({"token": token});
    sql::emit_event(
        tx,
        (token, client, &found.token.aud),
        issued.grant.as_ref().map(|g| &g.id),
        EventKind::TokenRevoked,
        detail.clone(),
        now,
    )?;
    let entry = Entry {
        client: Some(client.clone()),
        grant: issued.grant.as_ref().map(|g| g.id.clone()),
        account: issued.grant.as_ref().map(|g| g.account_index),
        detail,
        ..Entry::new(now, Actor::System, AuditAction::Event(EventKind::TokenRevoked))
    };
    audit::append(tx, &entry)?;
    match (issued.grant.as_ref(), presented(params)) {
        (Some(grant), Some(code)) => code::undo(tx, &code, grant, now).map(|()| true),
        _ => Ok(false),
    }
}
