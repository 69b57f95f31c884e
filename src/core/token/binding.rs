//! What an access token is bound to, so that a thief cannot use it: the key of a DPoP proof (RFC 9449 §6) or a client
//! certificate (RFC 8705 §3), never both.

use crate::client::Client;
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::{Hash, from_base64url};
use crate::thumbprint::Thumbprint;
use serde_json::{Value, json};

/// What the holder of a token must prove to possess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBinding {
    /// The key with this RFC 7638 thumbprint.
    Dpop(Thumbprint),
    /// The certificate whose DER has this SHA-256.
    Certificate(Hash),
}
/// What a request has proved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProofOfPossession {
    /// The thumbprint of its DPoP proof's key.
    pub key: Option<Thumbprint>,
    /// The thumbprint of its connection's certificate.
    pub certificate: Option<Hash>,
}
/// The tokens of the client are bound to its certificate, and the connection showed none.
pub const NO_CERTIFICATE: Refusal = Refusal::invalid_request("this client must present its certificate");

impl TokenBinding {
    /// What the token for a request is bound to. A certificate binds only tokens of a client that registered for it
    /// (RFC 8705 §3.4); a proof binds tokens of any other client.
    ///
    /// # Errors
    /// If the client's tokens are always bound (FAPI 2.0 Security Profile §5.3.2.1 (5)) and the request proved
    /// nothing: `invalid_dpop_proof`, or `invalid_request` for a missing certificate. Also the errors of
    /// [`Self::one`].
    pub fn of(client: &Client, proved: ProofOfPossession) -> Result<Option<Self>, Refusal> {
        if client.certificate_bound {
            Self::one(client, proved.key)?;
            return proved.certificate.map(|c| Some(Self::Certificate(c))).ok_or(NO_CERTIFICATE);
        }
        if client.dpop_bound && proved.key.is_none() {
            return Err(Refusal::new(ErrorCode::InvalidDpopProof, "this client must send a DPoP proof"));
        }
        Ok(proved.key.map(Self::Dpop))
    }
    /// A token is bound to one thing only: a client registered for certificate binding must not send a proof.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn one(client: &Client, key: Option<Thumbprint>) -> Result<(), Refusal> {
        if client.certificate_bound && key.is_some() {
            let why = "the tokens of this client are bound to its certificate, not to a key";
            return Err(Refusal::invalid_request(why));
        }
        Ok(())
    }
    /// Whether a token with this binding may be used with what the request proved, as `DPoP` or as `Bearer`. A
    /// key-bound token needs its key and the scheme `DPoP` (RFC 9449 §7.1, §7.2). A certificate-bound token is a
    /// Bearer token and needs its certificate (RFC 8705 §3). A proof does not bind an unbound token.
    ///
    /// # Errors
    /// The reason, as text for the caller.
    pub fn held(bound: Option<Self>, dpop: bool, proved: ProofOfPossession) -> Result<(), &'static str> {
        match (bound, dpop) {
            (Some(Self::Dpop(key)), true) if proved.key == Some(key) => Ok(()),
            (Some(Self::Dpop(_)), true) if proved.key.is_none() => {
                Err("the token is bound to a DPoP key, and the request has no proof")
            }
            (Some(Self::Dpop(_)), true) => Err("the token is bound to another DPoP key"),
            (Some(Self::Dpop(_)), false) => Err("the token is bound to a DPoP key: it needs the scheme DPoP"),
            (Some(Self::Certificate(own)), false) if proved.certificate == Some(own) => Ok(()),
            (Some(Self::Certificate(_)), false) if proved.certificate.is_none() => {
                Err("the token is bound to a certificate, and the connection showed none")
            }
            (Some(Self::Certificate(_)), false) => Err("the token is bound to another certificate"),
            (Some(Self::Certificate(_)), true) => Err("the token is bound to a certificate, not to a DPoP key"),
            (None, true) => Err("the token is not bound to a DPoP key"),
            (None, false) => Ok(()),
        }
    }
    /// The confirmation method (RFC 7800 §3.1): `jkt` of RFC 9449 §6.1, or `x5t#S256` of RFC 8705 §3.1.
    #[must_use]
    pub fn cnf(&self) -> Value {
        match self {
            Self::Dpop(key) => json!({"jkt": key.base64url()}),
            Self::Certificate(certificate) => json!({"x5t#S256": certificate.base64url()}),
        }
    }
    /// The thumbprint of the DPoP key; a code may be bound to it as well.
    #[must_use]
    pub const fn jkt(&self) -> Option<Thumbprint> {
        match self {
            Self::Dpop(key) => Some(*key),
            Self::Certificate(_) => None,
        }
    }
    /// The thumbprint of the certificate, as text.
    #[must_use]
    pub fn x5t(&self) -> Option<String> {
        match self {
            Self::Certificate(certificate) => Some(certificate.base64url()),
            Self::Dpop(_) => None,
        }
    }
    /// The binding in two columns.
    ///
    /// # Errors
    /// If both columns are set, or one is no SHA-256 thumbprint.
    #[expect(clippy::result_unit_err, reason = "the caller knows the row and says what is wrong with it")]
    pub fn stored(jkt: Option<&str>, x5t: Option<&str>) -> Result<Option<Self>, ()> {
        let hash = |text: &str| from_base64url(text).and_then(|b| Hash::from_bytes(&b)).ok_or(());
        match (jkt, x5t) {
            (None, None) => Ok(None),
            (Some(key), None) => Thumbprint::parse(key).map(|key| Some(Self::Dpop(key))).ok_or(()),
            (None, Some(certificate)) => hash(certificate).map(|h| Some(Self::Certificate(h))),
            (Some(_), Some(_)) => Err(()),
        }
    }
}

/// `token_type` (RFC 9449 §5); a certificate-bound token is of type Bearer (RFC 8705 §3).
#[must_use]
pub const fn token_type(binding: Option<&TokenBinding>) -> &'static str {
    match binding {
        Some(TokenBinding::Dpop(_)) => "DPoP",
        Some(TokenBinding::Certificate(_)) | None => "Bearer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_not_called_another() {
        let (key, certificate) = (Thumbprint::of("key"), Hash::of("certificate"));
        let (dpop, mtls) = (Some(TokenBinding::Dpop(key)), Some(TokenBinding::Certificate(certificate)));
        let nothing = ProofOfPossession::default();
        let own = ProofOfPossession { key: Some(key), certificate: Some(certificate) };
        let other =
            ProofOfPossession { key: Some(Thumbprint::of("other")), certificate: Some(Hash::of("other certificate")) };
        for (bound, as_dpop, proved, want) in [
            (dpop, true, own, Ok(())),
            (dpop, true, other, Err("the token is bound to another DPoP key")),
            (dpop, true, nothing, Err("the token is bound to a DPoP key, and the request has no proof")),
            (dpop, false, own, Err("the token is bound to a DPoP key: it needs the scheme DPoP")),
            (mtls, false, own, Ok(())),
            (mtls, false, other, Err("the token is bound to another certificate")),
            (mtls, false, nothing, Err("the token is bound to a certificate, and the connection showed none")),
            (mtls, true, own, Err("the token is bound to a certificate, not to a DPoP key")),
            (None, true, own, Err("the token is not bound to a DPoP key")),
            (None, false, nothing, Ok(())),
        ] {
            assert_eq!(TokenBinding::held(bound, as_dpop, proved), want, "{bound:?} {as_dpop}");
        }
    }

    #[test]
    fn a_binding_is_one_thing_and_says_which() {
        let (key, other) = (Thumbprint::of("key"), Hash::of("certificate"));
        let (dpop, mtls) = (TokenBinding::Dpop(key), TokenBinding::Certificate(other));
        assert_eq!((dpop.cnf(), mtls.cnf()), (json!({"jkt": key.base64url()}), json!({"x5t#S256": other.base64url()})));
        assert_eq!([token_type(Some(&dpop)), token_type(Some(&mtls)), token_type(None)], ["DPoP", "Bearer", "Bearer"]);
        for binding in [dpop, mtls] {
            let (jkt, x5t) = (binding.jkt().map(|key| key.base64url()), binding.x5t());
            assert_eq!(TokenBinding::stored(jkt.as_deref(), x5t.as_deref()), Ok(Some(binding)));
        }
        assert_eq!(TokenBinding::stored(None, None), Ok(None));
        let key = key.base64url();
        for (jkt, x5t) in [(Some(key.as_str()), Some(key.as_str())), (Some("short"), None), (None, Some(""))] {
            assert_eq!(TokenBinding::stored(jkt, x5t), Err(()), "{jkt:?} {x5t:?}");
        }
    }
}
