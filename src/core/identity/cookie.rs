//! The cookie that binds an interaction to one browser, and the step token of its forms: both are derived under one key
//! of the installation, and neither is stored (decision 17).
//!
//! So an answer that was lost can be given again: a browser that still shows the value of before gets the same new one.

use super::Interaction;
use crate::id::InteractionId;
use crate::secret::{Hash, Secret, base64url, hmac_sha256};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long the value of before is good after a cookie was replaced, unless the new one is seen earlier.
pub const OLD_COOKIE: Duration = Duration::from_secs(120);
/// How long after its start an interaction's cookie and row live.
pub const ROW_LIFE: Duration = Duration::from_secs(3600);
/// How many interactions one browser keeps.
pub const PER_BROWSER: usize = 5;
/// How many characters of an interaction's id stand in the name of its cookie.
pub const LABEL: usize = 8;

/// The key of cookies and step tokens, the same on every node.
pub struct CookieKey(Zeroizing<[u8; 32]>);

impl CookieKey {
    /// The key.
    #[must_use]
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }
    /// The cookie's value in one generation of an interaction. `nonce` is the random value of its row, without which
    /// the value of a later row with the same id could be known beforehand.
    pub(super) fn value(&self, id: &InteractionId, generation: i64, nonce: &[u8]) -> Secret {
        let mut input = format!("cookie\0{id}\0{generation}\0").into_bytes();
        input.extend_from_slice(nonce);
        Secret::new(base64url(hmac_sha256(self.0.as_ref(), &input)))
    }
    /// The one step token that is good now: a page can be loaded twice without a write, and taking one form makes every
    /// other copy of the page stale.
    pub(super) fn step(&self, i: &Interaction) -> Secret {
        let input = format!("step\0{}\0{}", i.id, i.step);
        Secret::new(base64url(hmac_sha256(self.0.as_ref(), input.as_bytes())))
    }
}

/// One interaction cookie that a browser shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCookie {
    /// The first characters of the interaction's id, from the cookie's name.
    pub label: String,
    /// SHA-256 of its value.
    pub value: Hash,
}

/// Whether this can stand behind the prefix in the name of an interaction's cookie: eight characters of base64url, as our
/// ids have. A browser may show other names under our prefix, which somebody else has set; they are not ours to read, and
/// not ours to delete.
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
