//! Secrets, digests and randomness: a few lines each over aws-lc-rs.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::fmt;

/// A source of unpredictable bytes. Every function that fills a slice is one.
pub trait Random: Send + Sync + 'static {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}
impl<F: Fn(&mut [u8]) + Send + Sync + 'static> Random for F {
    fn fill(&self, out: &mut [u8]) {
        self(out);
    }
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

/// 256 random bits in base64url: a state, a nonce, a cookie, a `jti`.
#[must_use]
pub fn random_text(random: &dyn Random) -> Secret {
    Secret::new(base64url(bytes::<32>(random)))
}

/// A text that no log and no `Debug` shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);
impl Secret {
    /// A secret with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A SHA-256 digest.
pub(crate) type Sha256 = [u8; 32];

/// SHA-256.
pub(crate) fn sha256(of: impl AsRef<[u8]>) -> Sha256 {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, of.as_ref()).as_ref());
    out
}

/// HMAC-SHA256 in base64url.
pub(crate) fn hmac_sha256(key: &[u8], of: &[u8]) -> String {
    base64url(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), of))
}

/// base64url without padding (RFC 7515 §2).
pub(crate) fn base64url(of: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(of)
}

/// Whether two texts are the same, in a time that says nothing of where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The same bytes in every run.
    pub(crate) fn seeded(seed: u64) -> impl Random {
        let counter = AtomicU64::new(0);
        move |out: &mut [u8]| {
            for chunk in out.chunks_mut(32) {
                let n = counter.fetch_add(1, Ordering::SeqCst);
                chunk.copy_from_slice(&sha256(format!("{seed} {n}"))[..chunk.len()]);
            }
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("4071")), "Secret(…)");
        assert!(same("a", "a") && !same("a", "b") && !same("a", "ab"));
    }
}
