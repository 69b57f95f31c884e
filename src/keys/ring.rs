//! The ring of our own signing keys: made on first start, sealed in the store, loaded once.
//!
//! A key is `next` (published, not yet used), `current` (signs) or `retired` (published until nothing it signed is
//! valid any more). There is one current key for each algorithm.

use super::jose::{self, Alg};
use super::seal::{Broken, Place, Sealer};
use super::{Jwk, SigningKey};
use crate::clock::Instant;
use crate::random::{self, Random};
use crate::store::{self, Store, Tx, Value};
use arc_swap::ArcSwap;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Published, so that caches learn it before it signs.
    Next,
    /// Signs.
    Current,
    /// Signs no more; published until nothing it signed is valid.
    Retired,
}
impl State {
    /// The stored text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        [Self::Next, Self::Current, Self::Retired].into_iter().find(|s| s.as_str() == text)
    }
}

/// Why the ring cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store's.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A sealed key does not open: usually another master key than the one it was sealed under.
    #[error("signing keys: {0}; is this the master key the data was made with?")]
    Sealed(#[from] Broken),
    /// A key cannot be made or read.
    #[error("signing keys: {0}")]
    Key(#[from] jose::Error),
}

/// A key with its place in the ring.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: SigningKey,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Instant,
    /// When it began to sign.
    pub activated_at: Option<Instant>,
    /// When it ceased to sign.
    pub retired_at: Option<Instant>,
}

/// Our signing keys. Cheap to clone; every clone sees a rotation.
#[derive(Clone)]
pub struct Ring(Arc<ArcSwap<Keys>>);
struct Keys {
    entries: Vec<Entry>,
    current: BTreeMap<Alg, SigningKey>,
}

/// More than a ring ever holds: four algorithms, a few generations.
const MOST: i64 = 200;

impl Ring {
    /// Loads the ring; makes a current key for each algorithm that has none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open(store: &Store, sealer: &Sealer, random: &dyn Random, now: Instant) -> Result<Self, Error> {
        let mut rows = store.read(load).await?;
        let missing: Vec<Alg> = Alg::ALL
            .into_iter()
            .filter(|alg| !rows.iter().any(|r| r.listed.alg == *alg && r.listed.state == State::Current))
            .collect();
        if !missing.is_empty() {
            let mut made = Vec::new();
            for key in generate(&missing)? {
                let sealed = sealer.seal(random, place(key.kid()), key.der())?;
                made.push((key.kid().to_owned(), key.alg(), sealed));
            }
            // Another node may have been first: what is there afterwards counts.
            rows = store
                .write(move |tx| {
                    for (kid, alg, sealed) in &made {
                        insert_current(tx, kid, *alg, sealed, now)?;
                    }
                    load(tx)
                })
                .await?;
        }
        let mut entries = Vec::new();
        for Stored { listed: row, sealed } in rows {
            let der = sealer.open(place(&row.kid), &sealed)?;
            entries.push(Entry {
                key: SigningKey::from_der(row.alg, der)?,
                state: row.state,
                created_at: row.created_at,
                activated_at: row.activated_at,
                retired_at: row.retired_at,
            });
        }
        Ok(Self(Arc::new(ArcSwap::from_pointee(Keys::new(entries)))))
    }

    /// The key that signs with `alg`.
    ///
    /// # Errors
    /// [`jose::Error::UnknownKey`] where the ring has none: [`Ring::open`] saw to it that it has.
    pub fn current(&self, alg: Alg) -> Result<SigningKey, jose::Error> {
        self.0.load().current.get(&alg).cloned().ok_or(jose::Error::UnknownKey)
    }
    /// Signs with the current key of `alg`.
    ///
    /// # Errors
    /// [`jose::Error`]; ours to log.
    pub fn sign(&self, alg: Alg, typ: Option<&str>, claims: &impl serde::Serialize) -> Result<String, jose::Error> {
        jose::sign(&self.current(alg)?, typ, claims)
    }
    /// The public halves of all keys in the ring: what our own signatures are verified with.
    #[must_use]
    pub fn public(&self) -> Vec<Jwk> {
        self.0.load().entries.iter().map(|e| e.key.public().clone()).collect()
    }
    /// What `/oauth/jwks` answers (RFC 7517 §5): each key with `use`, `alg` and `kid`.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        json!({"keys": self.public().iter().map(Jwk::to_json).collect::<Vec<_>>()})
    }
    /// All keys, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.0.load().entries.clone()
    }
}
impl Keys {
    fn new(entries: Vec<Entry>) -> Self {
        let signing = entries.iter().filter(|e| e.state == State::Current);
        let current = signing.map(|e| (e.key.alg(), e.key.clone())).collect();
        Self { entries, current }
    }
}
impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().iter().map(|e| &e.key)).finish()
    }
}

/// Makes keys beside each other: two RSA keys are most of a first start's time.
fn generate(algs: &[Alg]) -> Result<Vec<SigningKey>, jose::Error> {
    std::thread::scope(|scope| {
        let makers: Vec<_> = algs.iter().map(|alg| scope.spawn(|| SigningKey::generate(*alg))).collect();
        makers.into_iter().map(|m| m.join().unwrap_or(Err(jose::Error::Signing))).collect()
    })
}

const fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_keys", column: "private_key", row: kid }
}

/// A key's row without its private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub kid: String,
    /// What it signs with.
    pub alg: Alg,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Instant,
    /// When it began to sign.
    pub activated_at: Option<Instant>,
    /// When it ceased to sign.
    pub retired_at: Option<Instant>,
}

struct Stored {
    listed: Listed,
    sealed: Vec<u8>,
}

/// All keys, oldest first, without opening them.
///
/// # Errors
/// The store's.
pub fn list(tx: &mut Tx<'_, '_>) -> store::Result<Vec<Listed>> {
    Ok(load(tx)?.into_iter().map(|s| s.listed).collect())
}

fn load(tx: &mut Tx<'_, '_>) -> store::Result<Vec<Stored>> {
    let rows = tx.rows(
        "select kid, alg, state, private_key, created_at, activated_at, retired_at from signing_keys
         order by created_at, alg, kid limit ?1",
        &[MOST.into()],
    )?;
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let kid = row.text(0)?.to_owned();
        let corrupt = |why: &str| store::Error::Corrupt { table: "signing_keys", row: kid.clone(), why: why.into() };
        let listed = Listed {
            alg: Alg::parse(row.text(1)?).ok_or_else(|| corrupt("unknown alg"))?,
            state: State::parse(row.text(2)?).ok_or_else(|| corrupt("unknown state"))?,
            created_at: row.instant(4)?,
            activated_at: row.opt_instant(5)?,
            retired_at: row.opt_instant(6)?,
            kid,
        };
        out.push(Stored { listed, sealed: row.bytes(3)?.to_vec() });
    }
    Ok(out)
}

fn insert_current(tx: &mut Tx<'_, '_>, kid: &str, alg: Alg, sealed: &[u8], now: Instant) -> store::Result<()> {
    let there =
        tx.row("select kid from signing_keys where alg = ?1 and state = 'current' limit 1", &[alg.as_str().into()])?;
    if there.is_none() {
        tx.execute(
            "insert into signing_keys (kid, alg, state, private_key, created_at, activated_at)
             values (?1, ?2, 'current', ?3, ?4, ?5)",
            &[kid.into(), alg.as_str().into(), sealed.into(), now.into(), now.into()],
        )?;
    }
    Ok(())
}

/// A 256-bit key all nodes of this installation share, made the first time it is asked for and sealed in the store.
///
/// # Errors
/// [`Error`].
pub async fn shared_secret(
    store: &Store,
    sealer: &Sealer,
    random: &dyn Random,
    name: &'static str,
    now: Instant,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let place = Place { table: "shared_secrets", column: "sealed", row: name };
    let sealed = sealer.seal(random, place, Zeroizing::new(random::bytes::<32>(random)).as_ref())?;
    let stored = store
        .write(move |tx| {
            tx.execute(
                "insert into shared_secrets (name, sealed, created_at) values (?1, ?2, ?3) on conflict do nothing",
                &[name.into(), sealed.as_slice().into(), Value::from(now)],
            )?;
            let row = tx.row("select sealed from shared_secrets where name = ?1", &[name.into()])?;
            row.map_or(Ok(None), |r| r.bytes(0).map(|b| Some(b.to_vec())))
        })
        .await?
        .ok_or(Broken)?;
    let plain = sealer.open(place, &stored)?;
    let mut out = Zeroizing::new([0; 32]);
    if plain.len() != 32 {
        return Err(Broken.into());
    }
    out.copy_from_slice(&plain);
    Ok(out)
}
