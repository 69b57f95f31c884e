//! `id_token_hint`: the customer the app expects (OpenID Connect Core §3.1.2.1). It is verified when the request
//! arrives; only a digest of its subject is stored.

use crate::id::ClientId;
use crate::keys::Ring;
use crate::keys::jose::{self, Alg};
use crate::secret::{Hash, base64url, from_base64url};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest hint that is read, in bytes: ours are shorter.
const MAX_TEXT: usize = 4096;

/// The result of reading an `id_token_hint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// It is no id_token that we issued to this client.
    Unreadable,
    /// It names a customer.
    Subject(SubjectDigest),
}
impl Hint {
    /// Reads a hint and checks signature, `iss` and `aud`. Its `exp` does not matter (OpenID Connect Core §3.1.2.1).
    #[must_use]
    pub fn parse(text: &str, client: &ClientId, issuer: &str, keys: &Ring) -> Self {
        if text.len() > MAX_TEXT {
            return Self::Unreadable;
        }
        let Ok(token) = jose::verify(text, &keys.public(), &Alg::ALL) else { return Self::Unreadable };
        let ours = token.claims.text("iss") == Some(issuer) && token.claims.text("aud") == Some(client.as_str());
        match token.claims.text("sub").filter(|_| ours) {
            Some(sub) => Self::Subject(SubjectDigest::of(sub)),
            None => Self::Unreadable,
        }
    }
    /// Whether it names this customer.
    #[must_use]
    pub fn names(&self, sub: &str) -> bool {
        matches!(self, Self::Subject(digest) if digest.0.same(&SubjectDigest::of(sub).0))
    }
}

/// SHA-256 of a `sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectDigest(Hash);
impl SubjectDigest {
    /// The digest of this `sub`.
    #[must_use]
    pub fn of(sub: &str) -> Self {
        Self(Hash::of(sub))
    }
}
impl Serialize for SubjectDigest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&base64url(self.0.as_bytes()))
    }
}
impl<'de> Deserialize<'de> for SubjectDigest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let digest = from_base64url(&text).and_then(|bytes| Hash::from_bytes(&bytes));
        digest.map(Self).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in base64url"))
    }
}
