//! Client secrets (contract §6): the ones we made are 256 random bits and need no more than SHA-256; the ones somebody
//! brought along may be guessable and get argon2id.
//!
//! argon2id is meant to be dear, so it must not be what a stranger can make us compute: one at a time for each client,
//! few at a time in all, a handful of wrong guesses before a client's guesses are refused unread, and a right one is
//! remembered as a keyed hash, so that introspection costs one HMAC.

use crate::clock::Instant;
use crate::id::ClientId;
use crate::random::{self, Random};
use crate::secret::{Hash, Secret, hmac_sha256};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// What is kept of a client secret.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredSecret {
    /// SHA-256 of a generated secret.
    Generated(Hash),
    /// The argon2id PHC string of an imported one.
    Imported(String),
}
impl StoredSecret {
    /// For a secret of somebody's choice. Takes some ten milliseconds: not for a thread that serves requests.
    ///
    /// # Errors
    /// [`Failed`] when argon2 fails.
    pub fn imported(secret: &Secret, random: &dyn Random) -> Result<Self, Failed> {
        let salt = random::bytes::<16>(random);
        let hash = Argon2::default().hash_password_with_salt(secret.reveal().as_bytes(), &salt).map_err(|_| Failed)?;
        Ok(Self::Imported(hash.to_string()))
    }
}
impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generated(_) => "StoredSecret::Generated",
            Self::Imported(_) => "StoredSecret::Imported",
        })
    }
}

/// argon2 could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("argon2id failed")]
pub struct Failed;

/// What comes of a presented secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// Too many wrong ones of this client lately: not even looked at.
    Throttled,
}

/// Wrong guesses a client has at once, and how soon it gets one back.
const GUESSES: u32 = 5;
const REFILL: Duration = Duration::from_secs(3);
/// Verifications at the same time, over all clients: 19 MiB and a core each.
const AT_ONCE: usize = 2;

/// Verifies imported secrets at a bounded price.
pub(super) struct Verifier {
    key: Zeroizing<[u8; 32]>,
    slots: Mutex<HashMap<ClientId, Arc<Slot>>>,
    permits: Semaphore,
    spent: std::sync::atomic::AtomicU64,
}
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    turn: tokio::sync::Mutex<()>,
}
#[derive(Default)]
struct State {
    /// The stored form a secret was right for, and the secret's keyed hash.
    remembered: Option<(Hash, Hash)>,
    /// Wrong guesses counted, as of `since`.
    wrong: u32,
    since: Option<Instant>,
}

impl Verifier {
    pub(super) fn new(random: &dyn Random) -> Self {
        Self {
            key: Zeroizing::new(random::bytes(random)),
            slots: Mutex::default(),
            permits: Semaphore::new(AT_ONCE),
            spent: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// How often argon2 was computed since the start.
    pub(super) fn computed(&self) -> u64 {
        self.spent.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Verifies `presented` against the PHC string of a registered client. Only ids of registered clients come here, so
    /// the map stays as small as the registry.
    pub(super) async fn verify(&self, id: &ClientId, phc: &str, presented: &Secret, now: Instant) -> Verdict {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(id.clone()).or_default())
        };
        let stored = Hash::of(phc);
        let keyed = Hash::from_digest(hmac_sha256(self.key.as_ref(), presented.reveal().as_bytes()));
        if let Some(verdict) = slot.known(&stored, &keyed, now) {
            return verdict;
        }
        // One at a time for each client: whoever waited finds the right secret remembered, or the guesses used up.
        let _turn = slot.turn.lock().await;
        if let Some(verdict) = slot.known(&stored, &keyed, now) {
            return verdict;
        }
        let Ok(_permit) = self.permits.acquire().await else { return Verdict::Throttled };
        self.spent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (phc, presented) = (phc.to_owned(), presented.clone());
        let right = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&phc)
                .is_ok_and(|hash| Argon2::default().verify_password(presented.reveal().as_bytes(), &hash).is_ok())
        })
        .await
        .unwrap_or(false);
        slot.settle(right, stored, keyed, now);
        if right { Verdict::Right } else { Verdict::Wrong }
    }
}

impl Slot {
    fn known(&self, stored: &Hash, keyed: &Hash, now: Instant) -> Option<Verdict> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.remembered.as_ref().is_some_and(|(s, k)| s == stored && k.same(keyed)) {
            return Some(Verdict::Right);
        }
        state.refill(now);
        (state.wrong >= GUESSES).then_some(Verdict::Throttled)
    }
    fn settle(&self, right: bool, stored: Hash, keyed: Hash, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if right {
            state.remembered = Some((stored, keyed));
        } else {
            state.refill(now);
            state.wrong += 1;
            state.since.get_or_insert(now);
        }
    }
}
impl State {
    fn refill(&mut self, now: Instant) {
        let Some(since) = self.since else { return };
        let back = u32::try_from(now.since(since).as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
        self.wrong = self.wrong.saturating_sub(back);
        self.since = (self.wrong > 0).then(|| since + REFILL.saturating_mul(back));
    }
}
