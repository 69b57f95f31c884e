//! Client secrets (decision 7). We store HMAC-SHA-256(key, SHA-256(secret)), for generated and given secrets alike.
//! The key is random, sealed in the store, and the same on every node.
//!
//! A guess costs microseconds, so guesses need no limit, and nobody can lock a client out by using up a limit. The
//! length of a secret protects it against guesses: see [`super::prepare`].

mod earlier;

pub use earlier::{Unsettled, settle};

use crate::clock::Instant;
use crate::keys::ring;
use crate::keys::seal::Sealer;
use crate::random::Random;
use crate::secret::{Hash, HmacKey, Secret, from_base64url};
use crate::store::{Store, Value};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// The stored form of a client secret.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredSecret {
    /// HMAC-SHA-256(key, SHA-256(secret)): the only form this release writes.
    Keyed(Hash),
    /// SHA-256(secret), from an earlier release. It is still accepted; the next start of a server converts it to
    /// [`Self::Keyed`].
    Digest(Hash),
    /// argon2id, from an earlier release. It is no longer accepted: the client needs a new secret.
    Argon2id(String),
}
impl StoredSecret {
    /// Whether the client can still authenticate with this secret.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !matches!(self, Self::Argon2id(_))
    }
    /// The columns `secret_kind` and `secret`.
    pub(super) fn columns(&self) -> [Value; 2] {
        match self {
            Self::Keyed(tag) => ["hmac".into(), tag.base64url().into()],
            Self::Digest(digest) => ["sha256".into(), digest.base64url().into()],
            Self::Argon2id(phc) => ["argon2id".into(), phc.as_str().into()],
        }
    }
    /// Reads what [`Self::columns`] wrote.
    pub(super) fn from_columns(kind: &str, text: &str) -> Option<Self> {
        let hash = || from_base64url(text).and_then(|bytes| Hash::from_bytes(&bytes));
        match kind {
            "hmac" => hash().map(Self::Keyed),
            "sha256" => hash().map(Self::Digest),
            "argon2id" => Some(Self::Argon2id(text.to_owned())),
            _ => None,
        }
    }
}
impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredSecret(…)")
    }
}

/// How short the overlap of two secrets may be: in less time nobody changes an app over.
pub const LEAST_OVERLAP: Duration = Duration::from_secs(60);
/// How long the secret before the present one may count.
pub const MOST_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

/// The secret before the present one. It counts until a moment, so that an app can change over without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerSecret {
    /// Its stored form.
    pub secret: StoredSecret,
    /// From when on it counts no more.
    pub until: Instant,
}

/// Compared with if there is no secret, so that an unknown client takes as long as a wrong secret.
const NOBODY: Hash = Hash::from_digest([0; 32]);

/// The key for the stored forms of client secrets.
#[derive(Clone)]
pub struct SecretKey(HmacKey);

impl SecretKey {
    /// Reads the key from the store, or creates it.
    ///
    /// # Errors
    /// The store's, or that of a sealed key that cannot be opened.
    pub async fn open(store: &Store, sealer: &Sealer, random: &dyn Random, now: Instant) -> Result<Self, ring::Error> {
        ring::shared_secret(store, sealer, random, "client_secrets", now).await.map(Self::new)
    }
    /// Wraps an existing key.
    #[must_use]
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(HmacKey::new(key.as_ref()))
    }
    /// The stored form of a secret.
    #[must_use]
    pub fn to_stored(&self, secret: &Secret) -> StoredSecret {
        StoredSecret::Keyed(self.keyed(&secret.hash()))
    }
    /// Whether `presented` is the secret with the stored form `kept`. Takes constant time, even if `kept` is `None`.
    #[must_use]
    pub fn matches(&self, kept: Option<&StoredSecret>, presented: &Secret) -> bool {
        self.matches_stored(kept, &self.keyed(&presented.hash()))
    }
    /// Whether `presented` is the client's secret, or the one before it while that counts. Takes the same time for a client with
    /// neither.
    #[must_use]
    pub fn matches_one_of(
        &self,
        kept: Option<&StoredSecret>,
        former: Option<&FormerSecret>,
        presented: &Secret,
        now: Instant,
    ) -> bool {
        let former = former.filter(|former| now < former.until).map(|former| &former.secret);
        let shown = self.keyed(&presented.hash());
        self.matches_stored(kept, &shown) | self.matches_stored(former, &shown)
    }
    fn matches_stored(&self, kept: Option<&StoredSecret>, shown: &Hash) -> bool {
        let (wanted, counts) = match kept {
            Some(StoredSecret::Keyed(tag)) => (*tag, true),
            Some(StoredSecret::Digest(digest)) => (self.keyed(digest), true),
            Some(StoredSecret::Argon2id(_)) | None => (NOBODY, false),
        };
        shown.same(&wanted) & counts
    }
    /// A stored secret in the form that this release writes; `None` for one that counts no more.
    #[must_use]
    pub fn renewed_form(&self, stored: StoredSecret) -> Option<StoredSecret> {
        match stored {
            StoredSecret::Digest(digest) => Some(StoredSecret::Keyed(self.keyed(&digest))),
            keyed @ StoredSecret::Keyed(_) => Some(keyed),
            StoredSecret::Argon2id(_) => None,
        }
    }
    fn keyed(&self, digest: &Hash) -> Hash {
        Hash::from_digest(self.0.tag(digest.as_bytes()))
    }
}
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}
