//! Keys behind a `jwks_uri`: the port they are fetched through, and the cache in front of it.

use crate::clock::Instant;
use crate::keys::Jwk;
use crate::network::Network;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Why a document could not be had; for the log, never for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError(pub String);
impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for FetchError {}

/// Fetches a JSON document. Size, time, redirects and reachable addresses are bounded by whoever implements it.
pub trait JwksPort: Send + Sync + 'static {
    /// The document at `url`. Of private addresses only those in `networks` may be reached.
    fn get_json<'a>(
        &'a self,
        url: &'a str,
        networks: &'a [Network],
    ) -> BoxFuture<'a, Result<serde_json::Value, FetchError>>;
}

/// How long a fetched set is used.
const TTL: Duration = Duration::from_secs(600);
/// The shortest time between two fetches from one [`KeySource`], whatever happens: an attacker who sends unknown `kid`s makes us
/// fetch no oftener.
const PAUSE: Duration = Duration::from_secs(15);
/// How long an old set serves while its owner cannot be reached.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// More places than clients anybody has.
const MAX_KEY_SOURCES: usize = 1024;

/// Where a client's keys are, and which private networks its record lets us enter to get them. Both together: keys that
/// were fetched for a client that may enter a network are not the keys of one that may not, whatever URL it names.
type KeySource = (String, Vec<Network>);

#[derive(Clone, Default)]
struct CachedKeys {
    keys: Vec<Jwk>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
}
/// One place: what is known, and the turnstile its fetches pass one after the other.
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

    /// The keys at `url`, of a client that may enter `networks`. With `refetch`, because the ones we had did not fit, they
    /// are fetched anew unless that happened a moment ago. Whoever comes while a fetch is under way waits for its result.
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
    /// The known keys, when there is no reason or no leave to fetch.
    fn good(&self, refetch: bool, now: Instant) -> Option<Vec<Jwk>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.fetched_at.is_some_and(|at| now.since(at) < TTL);
        let just_tried = known.tried_at.is_some_and(|at| now.since(at) < PAUSE);
        ((fresh && !refetch) || just_tried).then(|| known.keys.clone())
    }
}
