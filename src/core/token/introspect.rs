//! Introspection (RFC 7662; signed, RFC 9701): a resource server asks whether a token is valid for it now. One query,
//! no write; correct even if the sweeper has not run.

use super::find::find_access;
use super::sql::{Found, Refresh, find_refresh};
use super::token_type;
use crate::authorize::{Details, Permission};
use crate::client::{Client, Profile};
use crate::clock::Instant;
use crate::grant::Grant;
use crate::grant::uses::LastNoted;
use crate::id::{ClientId, GrantId};
use crate::keys::jose::Alg;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::secret::{self, Hash, SecretKind};
use crate::store::{Result, Tx};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// The media type of a signed response, which without `application/` is its `typ` (RFC 9701 §5).
pub const SIGNED: &str = "application/token-introspection+jwt";
/// The `typ` of a signed response.
pub const TYP: &str = "token-introspection+jwt";

/// The result of an introspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// A valid token that the caller may see.
    Live(Live),
    /// Anything else: unknown, expired, revoked, suspended, another audience's. The caller must not see the
    /// difference.
    Inactive,
}

/// A valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// An access token, with its grant.
    Access(Arc<KnownToken>),
    /// A refresh token, with its grant.
    Refresh(Box<(Refresh, Grant)>),
}

/// An access token that was found, what it covers, and the response about it: the same for every caller and at every time while nothing
/// about the token changes.
#[derive(Debug)]
pub struct KnownToken {
    found: Found,
    covered: Covered,
    response: OnceLock<String>,
    noted: LastNoted,
}

/// What a token covers.
#[derive(Debug)]
enum Covered {
    /// Its link covers nothing of what the token is for.
    Nothing,
    /// The client's own token, which is for no link.
    NoLink,
    /// These permissions of its link.
    Link(Vec<Permission>),
}

impl KnownToken {
    /// The response is made when it is needed.
    #[must_use]
    pub fn new(found: Found) -> Self {
        let covered = match found.reach() {
            None => Covered::Nothing,
            Some(reach) => reach.details.map_or(Covered::NoLink, |details| Covered::Link(details.permissions.clone())),
        };
        Self { found, covered, response: OnceLock::new(), noted: LastNoted::default() }
    }
    /// The token.
    #[must_use]
    pub const fn found(&self) -> &Found {
        &self.found
    }
    /// [`Found::is_live`].
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        !matches!(self.covered, Covered::Nothing) && !self.found.has_ended(now)
    }
    /// The response's JSON. `issuer` is the same in each call.
    pub fn response(&self, issuer: &str) -> &str {
        self.response.get_or_init(|| access(&self.found, issuer).to_string())
    }
}
impl PartialEq for KnownToken {
    fn eq(&self, other: &Self) -> bool {
        self.found == other.found
    }
}
impl Eq for KnownToken {}

/// The key of a token to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntrospectedToken {
    /// An access token.
    Access(Hash),
    /// A refresh token.
    Refresh(Hash),
}
impl IntrospectedToken {
    /// Recognizes a token by its prefix and its checksum; `None` for any other text, which needs no look-up
    /// (requirements.md#secrets).
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let access = || secret::presented(SecretKind::Access, token).map(Self::Access);
        access().or_else(|| secret::presented(SecretKind::Refresh, token).map(Self::Refresh))
    }
}

/// Looks a token up for `caller`, which is authenticated.
///
/// Access tokens are visible to resource servers in `aud` and to their own client; refresh tokens only to their own
/// client, because they open no resource. To every other caller a token looks unknown (RFC 7662 §4, RFC 9701 §5).
pub fn introspect(
    tx: &mut Tx<'_, '_>,
    asked: IntrospectedToken,
    caller: &Client,
    now: Instant,
) -> Result<Introspection> {
    match asked {
        IntrospectedToken::Access(hash) => {
            let known = find_access(tx, &hash)?.map(|found| Arc::new(KnownToken::new(found)));
            Ok(of_access(known, caller, now))
        }
        IntrospectedToken::Refresh(hash) => {
            let own = |(t, g): &(Refresh, Grant)| t.client == caller.id && t.is_live(caller, g, now);
            let live = find_refresh(tx, &hash)?.filter(own).map(|f| Live::Refresh(Box::new(f)));
            Ok(live.map_or(Introspection::Inactive, Introspection::Live))
        }
    }
}

/// What an access token is to `caller` at `now`.
#[must_use]
pub fn of_access(known: Option<Arc<KnownToken>>, caller: &Client, now: Instant) -> Introspection {
    let may_see = |f: &Found| f.token.client == caller.id || is_for(f, caller);
    match known.filter(|known| known.is_live(now) && may_see(&known.found)) {
        Some(known) => Introspection::Live(Live::Access(known)),
        None => Introspection::Inactive,
    }
}

/// Whether `caller` is a resource server that the token is for. An app's `resources` are what it may request; only a resource server
/// is their audience.
fn is_for(found: &Found, caller: &Client) -> bool {
    caller.profile == Profile::ResourceServer && found.token.aud.iter().any(|aud| caller.resources.contains(aud))
}

/// The parameter `permission`, an addition of ours (RFC 7662 §2.1): what the resource server serves with this token.
///
/// # Errors
/// `invalid_request` for any other value.
pub fn served(params: &Params) -> std::result::Result<Option<Permission>, Refusal> {
    let parse = |text| Permission::parse(text).ok_or(UNKNOWN_PERMISSION);
    params.get("permission").map(parse).transpose()
}
const UNKNOWN_PERMISSION: Refusal = Refusal::invalid_request("permission must be balances or transactions");

/// The algorithm of a signed response to `caller`: the registered one, otherwise RS256 (RFC 9701 §6), or for a FAPI
/// client one that its profile allows (FAPI 2.0 Message Signing §5.5).
#[must_use]
pub fn alg(caller: &Client) -> Alg {
    caller.introspection_alg.unwrap_or(if caller.profile.is_fapi() { Alg::Es256 } else { Alg::Rs256 })
}

impl Introspection {
    /// The grant that is used by this question, and which of its uses were noted: the token is valid, `caller` is a resource server of
    /// its audience, and the token covers what is `served`. A client that asks about its own token uses nothing.
    #[must_use]
    pub fn used(&self, caller: &Client, served: Option<Permission>) -> Option<(&GrantId, &LastNoted)> {
        let Self::Live(Live::Access(known)) = self else { return None };
        let Covered::Link(permissions) = &known.covered else { return None };
        let covered = served.is_none_or(|permission| permissions.contains(&permission));
        let grant = known.found.token.grant.as_ref().filter(|_| covered && is_for(&known.found, caller));
        grant.map(|grant| (grant, &known.noted))
    }
    /// The response's JSON (RFC 7662 §2.2, RFC 9396 §9.2, RFC 9449 §6.2, RFC 8705 §3.2;
    /// requirements.md#introspection).
    #[must_use]
    pub fn response(&self, issuer: &str) -> Value {
        match self {
            Self::Inactive => json!({"active": false}),
            Self::Live(Live::Access(known)) => access(&known.found, issuer),
            Self::Live(Live::Refresh(found)) => refresh(&found.0, &found.1, issuer),
        }
    }
    /// [`Introspection::response`] as text.
    #[must_use]
    pub fn text(&self, issuer: &str) -> String {
        match self {
            Self::Live(Live::Access(known)) => known.response(issuer).to_owned(),
            _ => self.response(issuer).to_string(),
        }
    }
    /// The claims of the signed response to `caller` (RFC 9701 §5). Claims about the token are in their own member.
    /// There is no `sub` and no `exp` outside it, so that nobody takes the response for a token (RFC 8725 §3.11).
    #[must_use]
    pub fn claims(&self, issuer: &str, caller: &ClientId, now: Instant) -> Value {
        json!({"iss": issuer, "aud": caller, "iat": now.secs(), "token_introspection": self.response(issuer)})
    }
}

fn access(found: &Found, issuer: &str) -> Value {
    let t = &found.token;
    let Some(reach) = found.reach() else { return json!({"active": false}) };
    let mut body = json!({
        "active": true,
        "scope": *reach.scope,
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
        permission(&mut body, grant, reach.details.as_deref());
    }
    if let Some(binding) = &t.binding {
        body["cnf"] = binding.cnf();
    }
    body
}

fn refresh(t: &Refresh, grant: &Grant, issuer: &str) -> Value {
    let mut body = json!({
        "active": true,
        "scope": t.scope.only(|token| grant.scope.has(token)),
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

/// What the customer allowed, and how they were authenticated (RFC 9470 §6.2); `narrowed` if the token covers less.
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
