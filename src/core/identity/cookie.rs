//! The cookie that binds an interaction to one browser, and the step token of its forms: both are derived under one key
//! of the installation, and neither is stored (decision 17).
//!
//! So a lost response can be repeated: a browser that still shows the previous value gets the same new value again.

use super::Interaction;
use crate::id::InteractionId;
use crate::secret::{Hash, Secret, base64url, hmac_sha256};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long the previous value stays valid after a cookie was replaced, unless the new one is seen earlier.
pub const OLD_COOKIE: Duration = Duration::from_secs(120);
/// How long after its start an interaction's cookie and row live.
pub const ROW_LIFE: Duration = Duration::from_secs(3600);
/// How many interactions one browser can have at once.
pub const PER_BROWSER: usize = 5;
/// How many characters of an interaction's id are part of its cookie's name.
pub const LABEL: usize = 8;

/// The key of cookies and step tokens, the same on every node.
pub struct CookieKey(Zeroizing<[u8; 32]>);

impl CookieKey {
    /// The key.
    #[must_use]
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }
    /// The cookie's value in one generation of an interaction. `nonce` is the random value of its row. Without it,
    /// the value for a later row with the same id could be computed in advance.
    pub(super) fn value(&self, id: &InteractionId, generation: i64, nonce: &[u8]) -> Secret {
        let mut input = format!("cookie\0{id}\0{generation}\0").into_bytes();
        input.extend_from_slice(nonce);
        Secret::new(base64url(hmac_sha256(self.0.as_ref(), &input)))
    }
    /// The one valid step token. It is derived, so that a page can be loaded twice without a write. Accepting one
    /// form makes every other copy of the page stale.
    pub(super) fn step(&self, i: &Interaction) -> Secret {
        let input = format!("step\0{}\0{}", i.id, i.step);
        Secret::new(base64url(hmac_sha256(self.0.as_ref(), input.as_bytes())))
    }
}

/// One interaction cookie that the browser sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCookie {
    /// The first characters of the interaction's id, from the cookie's name.
    pub label: String,
    /// SHA-256 of its value.
    pub value: Hash,
}

/// Whether this can follow the prefix in the name of an interaction cookie: eight characters of base64url, like our
/// ids. Somebody else may have set other cookies under our prefix; we neither read nor delete them.
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.len() == LABEL && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// The part of an interaction's id that is in the name of its cookie.
#[must_use]
pub fn label(id: &InteractionId) -> &str {
    id.as_str().get(..LABEL).unwrap_or(id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_label_is_eight_characters_of_base64url() {
        for seed in 0..200 {
            let id = InteractionId::random(&SeededRandom::new(seed));
            assert!(is_label(label(&id)), "{id}");
        }
        for other in
            ["", "typed", "memory", "AAAAAAA", "AAAAAAAAA", "AAAA AAA", "AAAA\"AAA", "AAAA,AAA", "ああAA", "AAAA.AAA"]
        {
            assert!(!is_label(other), "{other}");
        }
    }
}
