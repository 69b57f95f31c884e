//! What an app learns about one of its grants, and how it ends one (Grant Management for OAuth 2.0 §6.3, §6.4).

use super::{Ended, Grant, Reason, sql};
use crate::audit::Actor;
use crate::clock::Instant;
use crate::id::{ClientId, GrantId};
use crate::scope::GRANT_MANAGEMENT;
use crate::store::{Result, Tx};
use serde_json::{Value, json};

/// A grant as its app may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantStatus {
    grant: Grant,
    resources: Vec<String>,
    updated_at: Option<Instant>,
    updated_by_client: bool,
}

/// The grant, if `client` holds it and it is in use.
pub fn query(tx: &mut Tx<'_, '_>, client: &ClientId, id: &GrantId, now: Instant) -> Result<Option<GrantStatus>> {
    let Some(grant) = sql::changeable(tx, client, id, now)? else { return Ok(None) };
    let row = tx.row("select aud, updated_at, updated_by from grants where id = ?1", &[id.as_str().into()])?;
    let Some(row) = row else { return Ok(None) };
    let uri = |aud: &&str| url::Url::parse(aud).is_ok();
    let resources = row.opt_text(0)?.unwrap_or_default().split_whitespace().filter(uri).map(str::to_owned).collect();
    Ok(Some(GrantStatus {
        grant,
        resources,
        updated_at: row.opt_instant(1)?,
        // The consent itself was asked for by the client.
        updated_by_client: row.opt_text(2)?.is_none_or(|by| by == "client"),
    }))
}

/// Ends the grant, if `client` holds it and it is in use. `false` otherwise, and nothing is written.
pub fn revoke(tx: &mut Tx<'_, '_>, client: &ClientId, id: &GrantId, now: Instant) -> Result<bool> {
    if sql::changeable(tx, client, id, now)?.is_none() {
        return Ok(false);
    }
    Ok(matches!(sql::end(tx, id, &Reason::Client, Actor::Client(client.clone()), now)?, Ended::Now(_)))
}

impl GrantStatus {
    /// The response. The times are seconds since 1970, as in introspection.
    #[must_use]
    pub fn response(&self) -> Value {
        let scope = self.grant.scope.only(|token| !GRANT_MANAGEMENT.contains(&token));
        let mut scopes = json!({"scope": scope});
        if !self.resources.is_empty() {
            scopes["resource"] = json!(self.resources);
        }
        let mut body = json!({
            "scopes": [scopes],
            "created_at": self.grant.created_at.secs(),
            "last_updated_at": self.updated_at.unwrap_or(self.grant.created_at).secs(),
            "expires_at": self.grant.expires_at.secs(),
            "updated_by": if self.updated_by_client { "client" } else { "authorization_server" },
        });
        if let Some(details) = self.grant.details.to_response() {
            body["authorization_details"] = details;
        }
        body
    }
}
