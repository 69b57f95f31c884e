//! Personal fields at rest: AES-256-GCM, bound to table, column and row; look-ups by keyed index.

use crate::random::{self, Random};
use crate::secret::{Hash, hmac_sha256};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// A sealed field cannot be opened: it was changed, moved elsewhere, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed field cannot be opened")]
pub struct Broken;

/// Where a sealed field is stored. This is authenticated, so a value that is copied to another row does not open.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    /// Table.
    pub table: &'a str,
    /// Column.
    pub column: &'a str,
    /// Row id.
    pub row: &'a str,
}

/// Seals and opens fields, and computes the keyed indexes for look-ups of sealed values.
pub struct Sealer {
    key_id: String,
    key: LessSafeKey,
    index_key: Zeroizing<[u8; 32]>,
}

impl Sealer {
    /// A sealer with a 256-bit master key; the sealing key and the index key are derived from it.
    ///
    /// # Errors
    /// [`Broken`] if the provider refuses a 32-byte key; never in practice.
    pub fn new(key_id: &str, master: &[u8; 32]) -> Result<Self, Broken> {
        let seal = Zeroizing::new(hmac_sha256(master, b"renkei seal v1"));
        let index_key = Zeroizing::new(hmac_sha256(master, b"renkei index v1"));
        let key = UnboundKey::new(&AES_256_GCM, seal.as_ref()).map_err(|_| Broken)?;
        Ok(Self { key_id: key_id.to_owned(), key: LessSafeKey::new(key), index_key })
    }

    fn aad(&self, place: SealContext<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        for part in [self.key_id.as_str(), place.table, place.column, place.row] {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part.as_bytes());
        }
        out
    }

    /// Nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    /// [`Broken`] if the provider fails.
    pub fn seal(&self, random: &dyn Random, place: SealContext<'_>, plain: &[u8]) -> Result<Vec<u8>, Broken> {
        let nonce: [u8; 12] = random::bytes(random);
        let mut sealed = plain.to_vec();
        let aad = Aad::from(self.aad(place));
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).map_err(|_| Broken)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The plain bytes.
    ///
    /// # Errors
    /// [`Broken`] if the field was changed or moved elsewhere.
    pub fn open(&self, place: SealContext<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let (nonce, body) = sealed.split_at_checked(12).ok_or(Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Broken)?;
        let mut buffer = Zeroizing::new(body.to_vec());
        let n = self.key.open_in_place(nonce, Aad::from(self.aad(place)), &mut buffer).map_err(|_| Broken)?.len();
        buffer.truncate(n);
        Ok(buffer)
    }

    /// The keyed index of a value. Equal values have equal indexes; without the key nobody can try out values.
    #[must_use]
    pub fn index(&self, label: &str, value: &str) -> Hash {
        let mut input = Vec::with_capacity(label.len() + value.len() + 1);
        input.extend_from_slice(label.as_bytes());
        input.push(0);
        input.extend_from_slice(value.as_bytes());
        Hash::from_digest(hmac_sha256(self.index_key.as_ref(), &input))
    }
}
