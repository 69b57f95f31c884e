//! Initial access tokens, as staff makes, sees and revokes them: they allow the registration of apps (RFC 7591 §3).

use super::{AdminContext, AdminError};
use crate::audit::Actor;
use crate::client::Profile;
use crate::client::registration::initial::{self, Initial};
use crate::clock::Instant;
use crate::id::TokenId;
use crate::secret::{self, SecretKind};
use serde_json::{Value, json};
use std::time::Duration;

/// A query or command about initial access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAsk {
    /// All of them.
    List,
    /// Make one.
    New(InitialTokenRequest),
    /// Revoke one.
    Revoke {
        /// The token.
        id: TokenId,
    },
}

/// The properties of a new token.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialTokenRequest {
    /// Whom it is for, in staff's words.
    pub label: String,
    /// How many apps may register with it.
    pub uses: u32,
    /// Days until it expires.
    pub days: u32,
    /// The only profile an app may have; if none, one of the FAPI profiles.
    #[serde(default)]
    pub profile: Option<String>,
}

/// The most tokens in a response: more than an institution has.
const MOST: i64 = 500;

impl TokenAsk {
    /// Method, path below the base, body.
    pub(super) fn http(&self) -> (&'static str, String, Option<Value>) {
        match self {
            Self::List => ("GET", "/initial-tokens".into(), None),
            Self::New(wanted) => ("POST", "/initial-tokens".into(), serde_json::to_value(wanted).ok()),
            Self::Revoke { id } => ("POST", format!("/initial-tokens/{id}/revoke"), None),
        }
    }

    /// Parses what [`TokenAsk::http`] wrote; `None` for a path that is not about these tokens.
    pub(super) fn parse(method: &str, path: &[&str], body: &[u8]) -> Option<Result<Self, AdminError>> {
        let invalid = |what: &str| AdminError::Invalid(format!("{what} is missing or not well formed"));
        Some(match (method, path) {
            ("GET", ["initial-tokens"]) => Ok(Self::List),
            ("POST", ["initial-tokens"]) => {
                serde_json::from_slice(body).map(Self::New).map_err(|_| invalid("what the token is for"))
            }
            ("POST", ["initial-tokens", id, "revoke"]) => {
                TokenId::parse(id).map(|id| Self::Revoke { id }).ok_or_else(|| invalid("the token's id"))
            }
            _ => return None,
        })
    }
}

pub(super) async fn answer(
    service: &AdminContext,
    ask: TokenAsk,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    match ask {
        TokenAsk::List => {
            let tokens = service.store.read(|tx| initial::list(tx, MOST)).await?;
            Ok(json!({"tokens": tokens.iter().map(|t| token_json(t, now)).collect::<Vec<_>>()}))
        }
        TokenAsk::New(wanted) => make(service, wanted, actor, now).await,
        TokenAsk::Revoke { id } => {
            let named = id.clone();
            if service.store.write(move |tx| initial::revoke(tx, &id, &actor, now)).await? {
                Ok(json!({"id": named}))
            } else {
                Err(AdminError::Unknown(format!("no initial access token {named} is in use")))
            }
        }
    }
}

fn token_json(token: &Initial, now: Instant) -> Value {
    let state = match token {
        Initial { uses_left: 0, .. } => "used up",
        Initial { expires_at, .. } if *expires_at <= now => "over",
        _ => "usable",
    };
    json!({
        "id": token.id,
        "label": token.label,
        "profile": token.profile.map(Profile::as_str),
        "state": state,
        "uses_left": token.uses_left,
        "created_at": token.created_at.rfc3339(),
        "expires_at": token.expires_at.rfc3339(),
    })
}

async fn make(
    service: &AdminContext,
    wanted: InitialTokenRequest,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let invalid = |why: &str| AdminError::Invalid(why.to_owned());
    let label = wanted.label.trim().to_owned();
    if !(1..=100).contains(&label.chars().count()) || label.chars().any(char::is_control) {
        return Err(invalid("label must have 1 to 100 characters on one line"));
    }
    if !(1..=1000).contains(&wanted.uses) || !(1..=365).contains(&wanted.days) {
        return Err(invalid("uses must be 1 to 1000, and days 1 to 365"));
    }
    let profile = match wanted.profile.as_deref().map(Profile::parse) {
        None => None,
        Some(Some(profile)) if profile.is_app() => Some(profile),
        Some(_) => return Err(invalid("profile must be fapi2, fapi2_message_signing or oidc")),
    };
    let token = secret::issue(SecretKind::Initial, &*service.crypto.random);
    let kept = Initial {
        id: TokenId::random(&*service.crypto.random),
        label,
        profile,
        uses_left: wanted.uses.into(),
        created_at: now,
        expires_at: now + Duration::from_hours(24 * u64::from(wanted.days)),
    };
    let (hash, stored) = (token.hash(), kept.clone());
    service.store.write(move |tx| initial::make(tx, &stored, hash, &actor)).await?;
    let mut answer = token_json(&kept, now);
    answer["token"] = token.reveal().into();
    Ok(answer)
}
