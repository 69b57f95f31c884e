//! Keys behind a `jwks_uri`: the port they are fetched through, and the cache in front of it.

use crate::clock::Instant;
use crate::keys::Jwk;
use crate::network::Network;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Why a document could not be fetched; for the log, never for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError(pub String);
impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for FetchError {}

/// Fetches a JSON document. The implementation limits size, time, redirects and addresses.
pub trait JwksPort: Send + Sync + 'static {
    /// The document at `url`. Only private addresses in `networks` may be reached.
    fn get_json<'a>(
        &'a self,
        url: &'a str,
        networks: &'a [Network],
    ) -> BoxFuture<'a, Result<serde_json::Value, FetchError>>;
}

/// How long a fetched set is used.
const TTL: Duration = Duration::from_secs(600);
/// The shortest time between two fetches from one [`KeySource`], so that an attacker who sends unknown `kid`s cannot
/// make us fetch more often.
const PAUSE: Duration = Duration::from_secs(15);
/// How long an old set is used while its server cannot be reached.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// The most cached sets: more than anybody has clients.
const MAX_KEY_SOURCES: usize = 1024;

/// Where a client's keys are, and which private networks it may reach for them. Both are the key of the cache: a set
/// fetched from a private network must not serve a client that may not reach it, even for the same URL.
type KeySource = (String, Vec<Network>);

#[derive(Clone, Default)]
struct CachedKeys {
    keys: Vec<Jwk>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
}
/// One cache entry: the known set, and a lock that allows one fetch at a time.
#[derive(Default)]
struct Slot {
    known: Mutex<CachedKeys>,
    turn: tokio::sync::Mutex<()>,
}

/// The cache of fetched key sets.
pub(super) struct Remote {
    port: Arc<dyn JwksPort>,
    slots: Mutex<HashMap<KeySource, Arc<Slot>>>,
}

impl Remote {
    pub(super) fn new(port: Arc<dyn JwksPort>) -> Self {
        Self { port, slots: Mutex::default() }
    }

    /// The keys at `url` of a client that may reach `networks`. `refetch`: none of the known keys fitted, so fetch
    /// again unless that happened a moment ago. A caller that comes during a fetch waits for its result.
    pub(super) async fn keys(&self, url: &str, networks: &[Network], refetch: bool, now: Instant) -> Vec<Jwk> {
        let slot = self.slot((url.to_owned(), networks.to_vec()), now);
        if let Some(keys) = slot.good(refetch, now) {
            return keys;
        }
        let _turn = slot.turn.lock().await;
        if let Some(keys) = slot.good(refetch, now) {
            return keys;
        }
        let fetched = self.port.get_json(url, networks).await;
        let fetched = fetched.and_then(|d| Jwk::parse_set(&d).map_err(|e| FetchError(e.to_string())));
        let mut known = slot.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.tried_at = Some(now);
        match fetched {
            Ok(keys) => (known.keys, known.fetched_at) = (keys, Some(now)),
            Err(e) => {
                tracing::warn!(url, error = %e, "a client's keys could not be fetched");
                if known.fetched_at.is_none_or(|at| now.since(at) >= STALE) {
                    known.keys.clear();
                }
            }
        }
        known.keys.clone()
    }

    fn slot(&self, place: KeySource, now: Instant) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_KEY_SOURCES && !slots.contains_key(&place) {
            slots.retain(|_, s| s.good(false, now).is_some());
        }
        Arc::clone(slots.entry(place).or_default())
    }
}
impl Slot {
    /// The known keys, if no fetch is needed or allowed.
    fn good(&self, refetch: bool, now: Instant) -> Option<Vec<Jwk>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.fetched_at.is_some_and(|at| now.since(at) < TTL);
        let just_tried = known.tried_at.is_some_and(|at| now.since(at) < PAUSE);
        ((fresh && !refetch) || just_tried).then(|| known.keys.clone())
    }
}
