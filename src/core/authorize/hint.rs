//! `id_token_hint`: whom the app expects (OpenID Connect Core §3.1.2.1). It is verified when the request arrives, and all
//! that is kept of it is a digest of its subject.

use crate::id::ClientId;
use crate::keys::Ring;
use crate::keys::jose::{self, Alg};
use crate::secret::{Hash, base64url, from_base64url};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest hint that is looked at: ours are shorter.
const MAX_TEXT: usize = 4096;

/// What an `id_token_hint` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// It is no id_token that we made for this client.
    Unreadable,
    /// It names a customer.
    Subject(SubjectDigest),
}
impl Hint {
    /// Reads a hint: our signature, our name, this client's. Its time does not matter (OpenID Connect Core §3.1.2.1).
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
    /// Of this one.
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
