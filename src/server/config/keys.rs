//! `[keys]`: the rotation of our signing keys.

use super::Span;
use crate::keys::jose::Alg;
use crate::keys::ring::RotationPolicy;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One entry of `keys.algorithms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm(pub Alg);
impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let known = Alg::parse(&text).map(Self);
        known.ok_or_else(|| serde::de::Error::custom("an algorithm must be RS256, PS256, ES256 or EdDSA"))
    }
}
impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.as_str())
    }
}

/// `[keys]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// The algorithms that we sign with: each has a key.
    pub algorithms: Vec<Algorithm>,
    /// How long a key signs.
    pub rotate_every: Span,
    /// How long a key is published before it signs.
    pub publish_before: Span,
    /// How long a key is published after its last signature.
    pub keep_retired: Span,
}
impl Default for Keys {
    fn default() -> Self {
        let algorithms = Alg::SIGNING.map(Algorithm).to_vec();
        Self { algorithms, rotate_every: Span::days(90), publish_before: Span::days(1), keep_retired: Span::days(2) }
    }
}
impl Keys {
    /// The algorithms, in the order in which metadata lists them.
    #[must_use]
    pub fn algs(&self) -> Vec<Alg> {
        self.algorithms.iter().map(|Algorithm(alg)| *alg).collect()
    }
    /// Whether the list may be: none twice, and RS256 among them. Events are signed with it (CAEP Interoperability Profile 2.6), every
    /// client may have a stream, and OpenID Connect Discovery §3 demands it.
    #[must_use]
    pub fn may_sign(&self) -> bool {
        let algs = self.algs();
        algs.contains(&Alg::Rs256) && algs.iter().enumerate().all(|(i, alg)| !algs[..i].contains(alg))
    }
    /// The same times for the ring.
    #[must_use]
    pub fn policy(&self) -> RotationPolicy {
        RotationPolicy {
            algs: self.algs(),
            rotate_every: self.rotate_every.get(),
            publish_before: self.publish_before.get(),
            keep_retired: self.keep_retired.get(),
        }
    }
}
