//! Our own signing keys as staff sees and rotates them. Nobody sees a private half.

use super::{Desk, Refused};
use crate::audit::Actor;
use crate::clock::Instant;
use crate::keys::jose::Alg;
use crate::keys::ring::{self, Listed, Move};
use serde_json::{Value, json};

/// An order to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Keys of one algorithm only; none: of all.
    pub alg: Option<Alg>,
    /// The emergency: the old keys are taken back at once.
    pub now: bool,
}
impl Rotation {
    /// The body of the order.
    pub(super) fn written(self) -> Value {
        json!({"alg": self.alg.map(Alg::as_str), "now": self.now})
    }
    /// Reads what [`Rotation::written`] wrote.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refused> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            alg: Option<String>,
            now: bool,
        }
        let invalid = || Refused::Invalid("the body {\"alg\": …, \"now\": …} is not well formed".into());
        let body: Body = serde_json::from_slice(body).map_err(|_| invalid())?;
        let alg = body.alg.map(|text| Alg::parse(&text).ok_or_else(invalid)).transpose()?;
        Ok(Self { alg, now: body.now })
    }
}

/// What an emergency costs, said to whoever ordered it.
const WARNING: &str = "The old keys are withdrawn. Whoever cached them refuses what is signed now until they fetch \
/oauth/jwks again (5 minutes, or however long they keep it), and nothing the old keys signed verifies any more.";

/// All keys, the oldest first.
pub(super) async fn list(desk: &Desk) -> Result<Value, Refused> {
    let keys = desk.store.read(ring::list).await?;
    let told = |k: &Listed| {
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

pub(super) async fn rotate(desk: &Desk, order: Rotation, actor: Actor, now: Instant) -> Result<Value, Refused> {
    let algs = order.alg.map_or_else(|| Alg::ALL.to_vec(), |alg| vec![alg]);
    let policy = desk.rotation;
    let decide = move |keys: &[Listed]| {
        if order.now { ring::replace(keys, &algs) } else { ring::forward(keys, &algs, now, &policy) }
    };
    let (store, seals) = (&desk.store, &desk.seals);
    let done = ring::change(store, &seals.sealer, &*seals.random, decide, actor, now).await?;
    if let Some(ring) = &desk.ring {
        ring.reload(store, &seals.sealer).await?;
    }
    let mut answer = list(desk).await?;
    let count = |what: fn(&Move) -> bool| done.iter().filter(|m| what(m)).count();
    answer["made"] = count(|m| matches!(m, Move::Make { .. })).into();
    answer["brought_forward"] = count(|m| matches!(m, Move::Schedule { .. })).into();
    answer["withdrawn"] = count(|m| matches!(m, Move::Withdraw { .. })).into();
    if order.now {
        answer["warning"] = WARNING.into();
    }
    Ok(answer)
}
