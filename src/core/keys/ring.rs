//! The ring of our own signing keys: created at the first start, sealed in the store, rotated automatically.
//!
//! A key is `next` (published, not used yet), `current` (signs), `retired` (published until nothing it signed is valid
//! any more) or `withdrawn` (after an emergency: invalid). There is one current key for each algorithm. [`plan`]
//! decides when a key changes its state; every node sees the change at its next [`Ring::tend`].

mod plan;
mod receipts;
mod shared;
mod sql;
#[cfg(test)]
mod tests;
mod threads;

pub use plan::{KeyStep, RotationPolicy, forward, plan, replace};
pub use receipts::{prune_receipt_keys, receipt_keys, store_receipt_key, stores_receipt_key};
pub use shared::shared_secret;
pub use sql::{KeyRow, list};

use super::jose::{self, Alg};
use super::seal::{Broken, SealContext, Sealer};
use super::{Jwk, SigningKey};
use crate::audit::Actor;
use crate::clock::Instant;
use crate::random::Random;
use crate::store::{self, Store};
use arc_swap::ArcSwap;
use serde_json::{Value, json};
use sql::{NewKeyRow, SealedKeyRow, any_sealed, apply, load, want};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use threads::SigningThreads;

/// The state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published before it signs, so that caches have it in time.
    Next,
    /// Signs.
    Current,
    /// Signs no more; published until nothing it signed is valid.
    Retired,
    /// Revoked in an emergency: not published, its private key erased.
    Withdrawn,
}
impl KeyState {
    /// The stored text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Withdrawn => "withdrawn",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        [Self::Next, Self::Current, Self::Retired, Self::Withdrawn].into_iter().find(|s| s.as_str() == text)
    }
}

/// Why the ring cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A sealed key cannot be opened: usually it was sealed with another master key.
    #[error("signing keys: {0}; is this the master key the data was made with?")]
    Sealed(#[from] Broken),
    /// A key cannot be generated or parsed.
    #[error("signing keys: {0}")]
    Key(#[from] jose::Error),
}

/// A key with its state.
#[derive(Debug, Clone)]
pub struct RingEntry {
    /// The key.
    pub key: SigningKey,
    /// Its state.
    pub state: KeyState,
    /// When it was generated.
    pub created_at: Instant,
    /// When it began to sign.
    pub activated_at: Option<Instant>,
    /// When it stopped signing.
    pub retired_at: Option<Instant>,
}

/// Our published signing keys. Cheap to clone; every clone sees a rotation.
#[derive(Clone)]
pub struct Ring {
    keys: Arc<ArcSwap<RingKeys>>,
    threads: SigningThreads,
}
#[derive(Default)]
struct RingKeys {
    entries: Vec<RingEntry>,
    current: BTreeMap<Alg, SigningKey>,
}

/// Applies what `decide` returns to the stored keys, each step with its audit record, and returns the steps. Keys are
/// generated before the transaction, because RSA is slow. Another node may have been first, so `decide` runs again
/// inside the transaction. Rings in memory are updated by [`Ring::reload`].
pub async fn change(
    store: &Store,
    sealer: &Sealer,
    random: &dyn Random,
    decide: impl Fn(&[KeyRow]) -> Vec<KeyStep> + Send + Sync + 'static,
    actor: Actor,
    now: Instant,
) -> Result<Vec<KeyStep>, Error> {
    let planned = decide(&store.read(list).await?);
    if planned.is_empty() {
        return Ok(planned);
    }
    let wanted = planned.iter().filter_map(|m| if let KeyStep::Make { alg, .. } = m { Some(*alg) } else { None });
    let wanted: Vec<Alg> = wanted.collect();
    let keys = tokio::task::spawn_blocking(move || generate(&wanted)).await.map_err(|_| jose::Error::Signing)??;
    let mut made = Vec::new();
    for key in keys {
        let sealed = sealer.seal(random, seal_context(key.kid()), key.der())?;
        made.push(NewKeyRow { kid: key.kid().to_owned(), alg: key.alg(), sealed });
    }
    let done = store.write(move |tx| {
        let mut done = Vec::new();
        for step in decide(&list(tx)?) {
            if apply(tx, &step, &made, &actor, now)? {
                done.push(step);
            }
        }
        Ok(done)
    });
    Ok(done.await?)
}

/// Refuses a master key that does not open what is sealed in the store. A store without keys is anybody's.
///
/// # Errors
/// [`Error::Sealed`] for another master key; those of the store.
pub async fn fits(store: &Store, sealer: &Sealer) -> Result<(), Error> {
    if let Some((kid, sealed)) = store.read(any_sealed).await? {
        sealer.open(seal_context(&kid), &sealed)?;
    }
    Ok(())
}

impl Ring {
    /// Loads the ring; generates a current key for each of `algs` that has none.
    pub async fn open(
        store: &Store,
        sealer: &Sealer,
        random: &dyn Random,
        algs: &[Alg],
        now: Instant,
    ) -> Result<Self, Error> {
        let algs = algs.to_vec();
        change(store, sealer, random, move |keys| plan::missing(keys, &algs), Actor::System, now).await?;
        let ring = Self { keys: Arc::default(), threads: SigningThreads::default() };
        ring.reload(store, sealer).await?;
        Ok(ring)
    }

    /// Applies the steps that are due, loads the changes of other nodes, and says which keys this node wants.
    ///
    /// # Errors
    /// [`Error`]; then the keys in memory do not change.
    pub async fn tend(
        &self,
        store: &Store,
        sealer: &Sealer,
        random: &dyn Random,
        policy: RotationPolicy,
        now: Instant,
    ) -> Result<Vec<KeyStep>, Error> {
        let wanted = policy.clone();
        let due = change(store, sealer, random, move |keys| plan(keys, now, &policy), Actor::System, now).await?;
        self.reload(store, sealer).await?;
        let unsaid = plan::to_say(&store.read(list).await?, now, &wanted);
        if !unsaid.is_empty() {
            store.write(move |tx| want(tx, &unsaid, now)).await?;
        }
        Ok(due)
    }

    /// Loads the stored keys; a key that is loaded already is not opened again.
    ///
    /// # Errors
    /// [`Error`]; then the keys in memory do not change.
    pub async fn reload(&self, store: &Store, sealer: &Sealer) -> Result<(), Error> {
        let mut rows = store.read(load).await?;
        rows.retain(|row| row.listed.state != KeyState::Withdrawn);
        let known = self.keys.load_full();
        let told = |e: &RingEntry, row: &SealedKeyRow| e.key.kid() == row.listed.kid && e.state == row.listed.state;
        if known.entries.len() == rows.len() && known.entries.iter().zip(&rows).all(|(e, row)| told(e, row)) {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(rows.len());
        for SealedKeyRow { listed: row, sealed } in rows {
            let key = match known.entries.iter().find(|e| e.key.kid() == row.kid) {
                Some(entry) => entry.key.clone(),
                None => SigningKey::from_der(row.alg, sealer.open(seal_context(&row.kid), &sealed)?)?,
            };
            let (state, created_at) = (row.state, row.created_at);
            entries.push(RingEntry {
                key,
                state,
                created_at,
                activated_at: row.activated_at,
                retired_at: row.retired_at,
            });
        }
        self.keys.store(Arc::new(RingKeys::new(entries)));
        Ok(())
    }

    /// The key that signs with `alg`.
    ///
    /// # Errors
    /// [`jose::Error::UnknownKey`] if the ring has none; [`Ring::open`] makes sure that it has one.
    pub fn current(&self, alg: Alg) -> Result<SigningKey, jose::Error> {
        self.keys.load().current.get(&alg).cloned().ok_or(jose::Error::UnknownKey)
    }
    /// The algorithms with a current key that are not among `algs`: of another node, or of an earlier configuration.
    #[must_use]
    pub fn unlisted(&self, algs: &[Alg]) -> Vec<Alg> {
        self.keys.load().current.keys().copied().filter(|alg| !algs.contains(alg)).collect()
    }
    /// Signs with the current key of `alg`. With RSA, on one of the [`SigningThreads`].
    ///
    /// # Errors
    /// [`jose::Error`]; log it.
    pub async fn sign(&self, alg: Alg, typ: Option<&'static str>, claims: Value) -> Result<String, jose::Error> {
        if !alg.is_rsa() {
            return self.sign_here(alg, typ, &claims);
        }
        // The key is looked up when it signs: it may have been withdrawn while this waited.
        let ring = self.clone();
        let signed = self.threads.run(move || ring.sign_here(alg, typ, &claims)).await;
        signed.unwrap_or(Err(jose::Error::Busy))
    }
    /// Signs on the calling thread, which must not be one that serves requests if `alg` is RSA.
    ///
    /// # Errors
    /// [`jose::Error`]; log it.
    fn sign_here(&self, alg: Alg, typ: Option<&str>, claims: &impl serde::Serialize) -> Result<String, jose::Error> {
        jose::sign(&self.current(alg)?, typ, claims)
    }
    /// The public keys of the ring: they verify our own signatures.
    #[must_use]
    pub fn public(&self) -> Vec<Jwk> {
        self.keys.load().entries.iter().map(|e| e.key.public().clone()).collect()
    }
    /// The response of `/oauth/jwks` (RFC 7517 §5): each key with `use`, `alg` and `kid`.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        json!({"keys": self.public().iter().map(Jwk::to_json).collect::<Vec<_>>()})
    }
    /// All keys, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<RingEntry> {
        self.keys.load().entries.clone()
    }
}
impl RingKeys {
    fn new(entries: Vec<RingEntry>) -> Self {
        let signing = entries.iter().filter(|e| e.state == KeyState::Current);
        let current = signing.map(|e| (e.key.alg(), e.key.clone())).collect();
        Self { entries, current }
    }
}
impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().iter().map(|e| &e.key)).finish()
    }
}

/// Generates keys in parallel: two RSA keys take most of the time of a first start.
fn generate(algs: &[Alg]) -> Result<Vec<SigningKey>, jose::Error> {
    std::thread::scope(|scope| {
        let makers: Vec<_> = algs.iter().map(|alg| scope.spawn(|| SigningKey::generate(*alg))).collect();
        makers.into_iter().map(|m| m.join().unwrap_or(Err(jose::Error::Signing))).collect()
    })
}

const fn seal_context(kid: &str) -> SealContext<'_> {
    SealContext { table: "signing_keys", column: "private_key", row: kid }
}
