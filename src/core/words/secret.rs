//! Secrets: created here, shown once, stored only as SHA-256, compared in constant time, not printed.
//!
//! Every opaque value we issue has 256 bits in 43 base64url characters. Tokens and codes also have a prefix and,
//! without a separator, a checksum of six base62 characters: secret scanners can find a leaked one, and an invalid one
//! is refused without a look-up (requirements.md#secrets).

use crate::random::{self, Random};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::Zeroizing;

/// A SHA-256 digest: the form in which a secret is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);
impl Hash {
    /// SHA-256 of `data`.
    #[must_use]
    pub fn of(data: impl AsRef<[u8]>) -> Self {
        let d = digest::digest(&digest::SHA256, data.as_ref());
        let mut out = [0; 32];
        out.copy_from_slice(d.as_ref());
        Self(out)
    }
    /// The digest in a stored column; `None` unless it has 32 bytes.
    #[must_use]
    pub fn from_bytes(b: &[u8]) -> Option<Self> {
        b.try_into().ok().map(Self)
    }
    /// A digest computed elsewhere, e.g. an HMAC.
    #[must_use]
    pub const fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// Unpadded base64url, the form of `at_hash`, `jkt` and PKCE.
    #[must_use]
    pub fn base64url(&self) -> String {
        base64url(self.0)
    }
    /// Compares in constant time, so that the duration does not reveal where two digests differ.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

/// Compares two byte strings in constant time (the time may depend on their lengths).
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

/// Unpadded base64url (RFC 4648 §5).
#[must_use]
pub fn base64url(data: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(data)
}

/// Decodes unpadded base64url; `None` for anything else.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// HMAC-SHA256.
#[must_use]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    HmacKey::new(key).tag(data)
}

/// A key of HMAC-SHA256 that is used for many texts: half of the work is done when it is made.
#[derive(Clone)]
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// From its bytes.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
    /// HMAC-SHA256 of `data`.
    #[must_use]
    pub fn tag(&self, data: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.0, data).as_ref());
        out
    }
}
impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(…)")
    }
}

/// A secret text: erased from memory when dropped, not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);
impl Secret {
    /// Wraps `text` as a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
    /// The text itself; for code that must use it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
    /// The form that may be stored.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self::new)
    }
}

/// The kind of an opaque value; each has a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// An authorization code.
    Code,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// An initial access token (RFC 7591 §3).
    Initial,
    /// A registration access token (RFC 7592 §1).
    Registration,
}
impl SecretKind {
    /// The prefix of every value of this kind.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "rk_ac_",
            Self::Access => "rk_at_",
            Self::Refresh => "rk_rt_",
            Self::Initial => "rk_it_",
            Self::Registration => "rk_rg_",
        }
    }
}

/// 256 random bits in 43 base64url characters: cookies, step tokens, request_uri, generated client secrets.
#[must_use]
pub fn opaque(random: &dyn Random) -> Secret {
    Secret::new(base64url(random::bytes::<32>(random)))
}

/// A new code or token.
#[must_use]
pub fn issue(kind: SecretKind, random: &dyn Random) -> Secret {
    let mut text = format!("{}{}", kind.prefix(), base64url(random::bytes::<32>(random)));
    let sum = checksum(&text);
    text.extend(sum.map(char::from));
    Secret::new(text)
}

/// The stored form of a received code or token; `None` if it cannot be one of ours, which saves a look-up.
#[must_use]
pub fn presented(kind: SecretKind, text: &str) -> Option<Hash> {
    let len = kind.prefix().len() + 43;
    if text.len() != len + 6 || !text.is_ascii() || !text.starts_with(kind.prefix()) {
        return None;
    }
    let (body, sum) = text.split_at(len);
    same(&checksum(body), sum.as_bytes()).then(|| Hash::of(text))
}

/// Whether a text that somebody chose may carry 128 bits, told by what it is written with: 32 hexadecimal digits, 39 decimal digits,
/// or 22 other characters, and few of them twice.
#[must_use]
pub fn may_carry_128_bits(text: &str) -> bool {
    let mut different: Vec<char> = text.chars().collect();
    different.sort_unstable();
    different.dedup();
    let all = |is: fn(char) -> bool| text.chars().all(is);
    let hex = all(|c| matches!(c, '0'..='9' | 'a'..='f')) || all(|c| matches!(c, '0'..='9' | 'A'..='F'));
    let (least, variety) = match (all(|c| c.is_ascii_digit()), hex) {
        (true, _) => (39, 6),
        (false, true) => (32, 8),
        (false, false) => (22, 10),
    };
    text.chars().count() >= least && different.len() >= variety
}

/// CRC-32 (IEEE) in six base62 digits. Not a secret: it only detects typing errors and invalid values.
fn checksum(text: &str) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut n = crc32fast::hash(text.as_bytes());
    let mut out = [b'0'; 6];
    for slot in out.iter_mut().rev() {
        *slot = DIGITS[(n % 62) as usize];
        n /= 62;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn what_is_issued_is_recognised_and_junk_is_not() {
        let r = SeededRandom::new(1);
        let token = issue(SecretKind::Access, &r);
        let text = token.reveal().to_owned();
        assert_eq!(text.len(), 6 + 43 + 6);
        assert_eq!(presented(SecretKind::Access, &text), Some(token.hash()));
        assert_eq!(presented(SecretKind::Refresh, &text), None);
        assert_eq!(presented(SecretKind::Access, &text[..text.len() - 1]), None);
        let mut other = text.clone().into_bytes();
        other[20] = if other[20] == b'A' { b'B' } else { b'A' };
        assert_eq!(presented(SecretKind::Access, &String::from_utf8(other).unwrap_or_default()), None);
        assert_eq!(presented(SecretKind::Access, &"あ".repeat(20)), None);
    }

    #[test]
    fn checksum_is_crc32() {
        // CRC-32 of "123456789" is 0xCBF43926, the check value of the algorithm's catalogue.
        let mut n: u64 = 0;
        for c in checksum("123456789") {
            let d = match c {
                b'0'..=b'9' => c - b'0',
                b'A'..=b'Z' => c - b'A' + 10,
                _ => c - b'a' + 36,
            };
            n = n * 62 + u64::from(d);
        }
        assert_eq!(n, 0xCBF4_3926);
    }

    #[test]
    fn a_secret_that_carries_too_little_is_known_by_its_characters() {
        for (secret, want) in [
            ("Zm9vYmFyIGJheiBxdXV4Ig", true),
            ("Zm9vYmFyIGJheiBxdXV4I", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("abababababababababababababab cdcdcdcdcdcdcd", false),
            ("00112233445566778899aabbccddeeff", true),
            ("00112233445566778899aabbccddeef", false),
            ("0707070707070707070707070707070707070707070707070707070707070707", false),
            ("314159265358979323846264338327950288419", true),
            ("31415926535897932384626433832795028841", false),
            ("", false),
        ] {
            assert_eq!(may_carry_128_bits(secret), want, "{secret}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}{:?}", Secret::new("x"), Hash::of("x")), "Secret(…)Hash(…)");
    }
}
