//! Introspection (RFC 7662, signed as RFC 9701 has it): a resource server asks whether a token is good, here, now. One
//! query, no write; right without the sweeper.

use super::sql::{Found, Refresh, find_access, find_refresh};
use super::token_type;
use crate::authorize::Details;
use crate::client::{Client, Profile};
use crate::clock::Instant;
use crate::grant::Grant;
use crate::id::ClientId;
use crate::keys::jose::Alg;
use crate::secret::{self, Hash, SecretKind};
use crate::store::{Result, Tx};
use serde_json::{Value, json};

/// The media type of a signed answer; without `application/`, its `typ` (RFC 9701 §5).
pub const SIGNED: &str = "application/token-introspection+jwt";
/// The `typ` of a signed answer.
pub const TYP: &str = "token-introspection+jwt";

/// What a caller gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// A live token.
    Live(Live),
    /// Anything else: unknown, expired, revoked, suspended, another audience's. There is nothing to tell apart.
    Inactive,
}

/// A live token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// An access token, with its grant.
    Access(Box<Found>),
    /// A refresh token, with its grant.
    Refresh(Box<(Refresh, Grant)>),
}

/// What is asked about, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntrospectedToken {
    /// An access token.
    Access(Hash),
    /// A refresh token.
    Refresh(Hash),
}
impl IntrospectedToken {
    /// Reads a token by its prefix and its checksum; `None` for junk, which needs no look-up (requirements.md#secrets).
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let access = || secret::presented(SecretKind::Access, token).map(Self::Access);
        access().or_else(|| secret::presented(SecretKind::Refresh, token).map(Self::Refresh))
    }
}

/// Looks a token up for `caller`, who has authenticated.
///
/// Access tokens are visible to resource servers in `aud` and to their own client; refresh tokens only to their own
/// client, because they open no resource. To every other caller a token looks unknown (RFC 7662 §4, RFC 9701 §5).
pub fn introspect(
    tx: &mut Tx<'_, '_>,
    asked: IntrospectedToken,
    caller: &Client,
    now: Instant,
) -> Result<Introspection> {
    // An app's `resources` are what it may ask for, not what it speaks for.
    let speaks = caller.profile == Profile::ResourceServer;
    let for_it = |f: &Found| speaks && f.token.aud.iter().any(|a| caller.resources.contains(a));
    let live = match asked {
        IntrospectedToken::Access(hash) => {
            let found = find_access(tx, &hash)?;
            let found = found.filter(|f| f.is_live(now) && (f.token.client == caller.id || for_it(f)));
            found.map(|f| Live::Access(Box::new(f)))
        }
        IntrospectedToken::Refresh(hash) => {
            let own = |(t, g): &(Refresh, Grant)| t.client == caller.id && t.is_live(caller, g, now);
            find_refresh(tx, &hash)?.filter(own).map(|f| Live::Refresh(Box::new(f)))
        }
    };
    Ok(live.map_or(Introspection::Inactive, Introspection::Live))
}

/// The algorithm a signed answer to `caller` has: the registered one, else RS256 (RFC 9701 §6), else, for a client of a
/// FAPI profile, one it may use (FAPI 2.0 Message Signing §5.5).
#[must_use]
pub fn alg(caller: &Client) -> Alg {
    caller.introspection_alg.unwrap_or(if caller.profile.is_fapi() { Alg::Es256 } else { Alg::Rs256 })
}

impl Introspection {
    /// The answer's JSON (RFC 7662 §2.2, RFC 9396 §9.2, RFC 9449 §6.2, RFC 8705 §3.2; requirements.md#introspection).
    #[must_use]
    pub fn response(&self, issuer: &str) -> Value {
        match self {
            Self::Inactive => json!({"active": false}),
            Self::Live(Live::Access(found)) => access(found, issuer),
            Self::Live(Live::Refresh(found)) => refresh(&found.0, &found.1, issuer),
        }
    }
    /// The claims of the signed answer to `caller` (RFC 9701 §5). What is said of the token stands apart from what is
    /// said of the answer, and there is neither `sub` nor `exp`: nobody shall take the answer for a token (RFC 8725 §3.11).
    #[must_use]
    pub fn claims(&self, issuer: &str, caller: &ClientId, now: Instant) -> Value {
        json!({"iss": issuer, "aud": caller, "iat": now.secs(), "token_introspection": self.response(issuer)})
    }
}

fn access(found: &Found, issuer: &str) -> Value {
    let t = &found.token;
    let mut body = json!({
        "active": true,
        "scope": t.scope,
        "client_id": t.client,
        // The subject of a client-credentials token is the client (RFC 7662 §2.2). It has no `grant_id`; do not tell it
        // apart by the form of `sub` (RFC 9700 §4.15).
        "sub": found.grant.as_ref().map_or(t.client.as_str(), |g| &g.sub),
        "exp": t.expires_at.secs(),
        "iat": t.issued_at.secs(),
        "nbf": t.issued_at.secs(),
        "iss": issuer,
        "aud": audience(&t.aud),
        "jti": t.id,
        "token_type": token_type(t.binding.as_ref()),
    });
    if let Some(grant) = &found.grant {
        permission(&mut body, grant, t.details.as_ref());
    }
    if let Some(binding) = &t.binding {
        body["cnf"] = binding.cnf();
    }
    body
}

fn refresh(t: &Refresh, grant: &Grant, issuer: &str) -> Value {
    let mut body = json!({
        "active": true,
        "scope": t.scope,
        "client_id": t.client,
        "sub": grant.sub,
        "exp": grant.expires_at.secs(),
        "iat": t.issued_at.secs(),
        "iss": issuer,
        "aud": audience(&t.aud),
        "jti": t.id,
    });
    permission(&mut body, grant, None);
    body
}

/// What the customer allowed, and how they were authenticated (RFC 9470 §6.2); `narrowed` where the token reaches less
/// far.
fn permission(body: &mut Value, g: &Grant, narrowed: Option<&Details>) {
    body["grant_id"] = g.id.as_str().into();
    body["grant_expires_at"] = g.expires_at.secs().into();
    if let Some(details) = narrowed.unwrap_or(&g.details).to_response() {
        body["authorization_details"] = details;
    }
    body["acr"] = g.acr.as_str().into();
    body["auth_time"] = g.auth_time.secs().into();
}

fn audience(aud: &[String]) -> Value {
    match aud {
        [one] => one.as_str().into(),
        several => several.into(),
    }
}
