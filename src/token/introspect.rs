//! Introspection (RFC 7662): a resource server asks whether a token is good, here, now. One query, no signature, no
//! write; right without the sweeper.

use super::sql::{Found, find_access};
use super::token_type;
use crate::clock::Instant;
use crate::id::ClientId;
use crate::secret::Hash;
use crate::store::{Result, Tx};
use serde_json::{Value, json};

/// Who asks, authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Its id.
    pub client: &'a ClientId,
    /// The audiences it speaks for; empty unless it is a resource server.
    pub resources: &'a [String],
}
impl Caller<'_> {
    /// Whether it may learn about the token: it is one of its audiences, or the client that holds it. To everybody else
    /// the token is as good as unknown (RFC 7662 §4).
    fn may_see(&self, found: &Found) -> bool {
        found.token.client == *self.client || found.token.aud.iter().any(|a| self.resources.contains(a))
    }
}

/// What a caller gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A live token.
    Live(Box<Live>),
    /// Anything else: unknown, expired, revoked, suspended, another audience's. There is nothing to tell apart.
    Inactive,
}

/// A live token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    found: Found,
}

/// Looks a token up for `caller`. `hash` is `None` for what cannot be a token.
///
/// # Errors
/// The store's.
pub fn introspect(tx: &mut Tx<'_, '_>, hash: Option<&Hash>, caller: Caller<'_>, now: Instant) -> Result<Seen> {
    let found = hash.map(|h| find_access(tx, h)).transpose()?.flatten();
    let seen = found.filter(|f| f.is_live(now) && caller.may_see(f));
    Ok(seen.map_or(Seen::Inactive, |found| Seen::Live(Box::new(Live { found }))))
}

impl Seen {
    /// The answer's JSON (RFC 7662 §2.2, RFC 9396 §9.2, RFC 9449 §6.2, RFC 8705 §3.2; contract §6).
    #[must_use]
    pub fn response(&self, issuer: &str) -> Value {
        match self {
            Self::Inactive => json!({"active": false}),
            Self::Live(live) => live.response(issuer),
        }
    }
}

impl Live {
    /// The token with its grant.
    #[must_use]
    pub fn found(&self) -> &Found {
        &self.found
    }
    fn response(&self, issuer: &str) -> Value {
        let t = &self.found.token;
        let aud: Value = match t.aud.as_slice() {
            [one] => one.as_str().into(),
            several => several.into(),
        };
        let mut body = json!({
            "active": true,
            "scope": t.scope,
            "client_id": t.client,
            // A client's own token is about the client (RFC 7662 §2.2); what no grant stands behind says so by having no
            // `grant_id`, whatever the two look like (RFC 9700 §4.15).
            "sub": self.found.grant.as_ref().map_or(t.client.as_str(), |g| &g.sub),
            "exp": t.expires_at.secs(),
            "iat": t.issued_at.secs(),
            "nbf": t.issued_at.secs(),
            "iss": issuer,
            "aud": aud,
            "jti": t.id,
            "token_type": token_type(t.binding.as_ref()),
        });
        if let Some(g) = &self.found.grant {
            body["grant_id"] = g.id.as_str().into();
            body["grant_expires_at"] = g.expires_at.secs().into();
            body["authorization_details"] = t.details.as_ref().unwrap_or(&g.details).list();
            body["acr"] = g.acr.as_str().into();
            body["auth_time"] = g.auth_time.secs().into();
        }
        if let Some(binding) = &t.binding {
            body["cnf"] = binding.cnf();
        }
        body
    }
}
