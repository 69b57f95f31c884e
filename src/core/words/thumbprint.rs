//! The thumbprint of a public key (RFC 7638).

use crate::secret::{Hash, from_base64url};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// SHA-256 over the required members of a JWK: `jkt` of RFC 9449 §6.1. Two keys are the same if their thumbprints are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint(Hash);
impl Thumbprint {
    /// The thumbprint whose JSON of RFC 7638 §3.2 is `canonical`.
    #[must_use]
    pub fn of(canonical: impl AsRef<[u8]>) -> Self {
        Self(Hash::of(canonical))
    }
    /// Reads 43 characters of base64url; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_base64url(text).and_then(|bytes| Hash::from_bytes(&bytes)).map(Self)
    }
    /// 43 characters of base64url.
    #[must_use]
    pub fn base64url(&self) -> String {
        self.0.base64url()
    }
}
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base64url())
    }
}
impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("not a SHA-256 thumbprint"))
    }
}
