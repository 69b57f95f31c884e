//! Our own signing keys, as staff sees and rotates them. Private keys are never shown.

use super::{AdminContext, AdminError};
use crate::audit::Actor;
use crate::clock::Instant;
use crate::keys::jose::Alg;
use crate::keys::ring::{self, KeyRow, KeyStep};
use serde_json::{Value, json};

/// A command to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Keys of this algorithm only; if none, of all.
    pub alg: Option<Alg>,
    /// The emergency: the old keys are withdrawn at once.
    pub now: bool,
}
impl Rotation {
    /// The body of the command.
    pub(super) fn written(self) -> Value {
        json!({"alg": self.alg.map(Alg::as_str), "now": self.now})
    }
    /// Parses what [`Rotation::written`] wrote.
    pub(super) fn parse(body: &[u8]) -> Result<Self, AdminError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            alg: Option<String>,
            now: bool,
        }
        let invalid = || AdminError::Invalid("the body {\"alg\": …, \"now\": …} is not well formed".into());
        let body: Body = serde_json::from_slice(body).map_err(|_| invalid())?;
        let alg = body.alg.map(|text| Alg::parse(&text).ok_or_else(invalid)).transpose()?;
        Ok(Self { alg, now: body.now })
    }
}

/// The consequences of an emergency, for whoever ordered it.
const WARNING: &str = "The old keys are withdrawn. A client that has cached them refuses new signatures until it fetches \
/oauth/jwks again (5 minutes, or as long as it keeps its copy). Signatures of the old keys can no longer be verified.";

/// All keys, oldest first.
pub(super) async fn list(service: &AdminContext) -> Result<Value, AdminError> {
    let keys = service.store.read(ring::list).await?;
    let told = |k: &KeyRow| {
        json!({
            "kid": k.kid,
            "alg": k.alg.as_str(),
            "state": k.state.as_str(),
            "created_at": k.created_at.rfc3339(),
            "activate_at": k.activate_at.map(Instant::rfc3339),
            "activated_at": k.activated_at.map(Instant::rfc3339),
            "retired_at": k.retired_at.map(Instant::rfc3339),
        })
    };
    Ok(json!({"keys": keys.iter().map(told).collect::<Vec<_>>()}))
}

pub(super) async fn rotate(
    service: &AdminContext,
    order: Rotation,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let policy = service.rotation.clone();
    if let Some(alg) = order.alg.filter(|alg| !policy.algs.contains(alg)) {
        return Err(AdminError::Invalid(format!("keys.algorithms does not have {alg}")));
    }
    let algs = order.alg.map_or_else(|| policy.algs.clone(), |alg| vec![alg]);
    let decide = move |keys: &[KeyRow]| {
        if order.now { ring::replace(keys, &algs) } else { ring::forward(keys, &algs, now, &policy) }
    };
    let (store, crypto) = (&service.store, &service.crypto);
    let done = ring::change(store, &crypto.sealer, &*crypto.random, decide, actor, now).await?;
    if let Some(ring) = &service.ring {
        ring.reload(store, &crypto.sealer).await?;
    }
    let mut answer = list(service).await?;
    let count = |what: fn(&KeyStep) -> bool| done.iter().filter(|m| what(m)).count();
    answer["made"] = count(|m| matches!(m, KeyStep::Make { .. })).into();
    answer["brought_forward"] = count(|m| matches!(m, KeyStep::Schedule { .. })).into();
    answer["withdrawn"] = count(|m| matches!(m, KeyStep::Withdraw { .. })).into();
    if order.now {
        answer["warning"] = WARNING.into();
    }
    Ok(answer)
}
