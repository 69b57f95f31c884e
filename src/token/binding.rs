//! To what an access token is bound, so that a thief cannot use it: the key of a DPoP proof (RFC 9449 §6) or a client
//! certificate (RFC 8705 §3). One of them, never both.

use crate::secret::{Hash, from_base64url};
use serde_json::{Value, json};

/// What the holder of a token must prove to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// The key with this RFC 7638 thumbprint.
    Dpop(Hash),
    /// The certificate whose DER has this SHA-256.
    Certificate(Hash),
}
impl Binding {
    /// The confirmation method (RFC 7800 §3.1): `jkt` of RFC 9449 §6.1, or `x5t#S256` of RFC 8705 §3.1.
    #[must_use]
    pub fn cnf(&self) -> Value {
        match self {
            Self::Dpop(key) => json!({"jkt": key.base64url()}),
            Self::Certificate(certificate) => json!({"x5t#S256": certificate.base64url()}),
        }
    }
    /// The thumbprint of the DPoP key, as it is written: what a code may be bound to as well.
    #[must_use]
    pub fn jkt(&self) -> Option<String> {
        match self {
            Self::Dpop(key) => Some(key.base64url()),
            Self::Certificate(_) => None,
        }
    }
    /// The thumbprint of the certificate, as it is written.
    #[must_use]
    pub fn x5t(&self) -> Option<String> {
        match self {
            Self::Certificate(certificate) => Some(certificate.base64url()),
            Self::Dpop(_) => None,
        }
    }
    /// The binding that two columns hold.
    ///
    /// # Errors
    /// When they hold two, or what is not a SHA-256 thumbprint.
    #[expect(clippy::result_unit_err, reason = "the caller knows the row and says what is wrong with it")]
    pub fn stored(jkt: Option<&str>, x5t: Option<&str>) -> Result<Option<Self>, ()> {
        let hash = |text: &str| from_base64url(text).and_then(|b| Hash::from_bytes(&b)).ok_or(());
        match (jkt, x5t) {
            (None, None) => Ok(None),
            (Some(key), None) => hash(key).map(|h| Some(Self::Dpop(h))),
            (None, Some(certificate)) => hash(certificate).map(|h| Some(Self::Certificate(h))),
            (Some(_), Some(_)) => Err(()),
        }
    }
}

/// `token_type`: RFC 9449 §5; a token bound to a certificate is a Bearer token that needs its certificate (RFC 8705 §3).
#[must_use]
pub const fn token_type(binding: Option<&Binding>) -> &'static str {
    match binding {
        Some(Binding::Dpop(_)) => "DPoP",
        Some(Binding::Certificate(_)) | None => "Bearer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_one_thing_and_says_which() {
        let (key, other) = (Hash::of("key"), Hash::of("certificate"));
        let (dpop, mtls) = (Binding::Dpop(key), Binding::Certificate(other));
        assert_eq!((dpop.cnf(), mtls.cnf()), (json!({"jkt": key.base64url()}), json!({"x5t#S256": other.base64url()})));
        assert_eq!([token_type(Some(&dpop)), token_type(Some(&mtls)), token_type(None)], ["DPoP", "Bearer", "Bearer"]);
        for binding in [dpop, mtls] {
            let (jkt, x5t) = (binding.jkt(), binding.x5t());
            assert_eq!(Binding::stored(jkt.as_deref(), x5t.as_deref()), Ok(Some(binding)));
        }
        assert_eq!(Binding::stored(None, None), Ok(None));
        let key = key.base64url();
        for (jkt, x5t) in [(Some(key.as_str()), Some(key.as_str())), (Some("short"), None), (None, Some(""))] {
            assert_eq!(Binding::stored(jkt, x5t), Err(()), "{jkt:?} {x5t:?}");
        }
    }
}
