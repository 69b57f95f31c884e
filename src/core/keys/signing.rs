//! One private signing key and its public key.

use super::jose::{Alg, Error, ready};
use super::{Jwk, provider};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A private key with its algorithm; its `kid` is the RFC 7638 thumbprint of its public key. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey(Arc<SigningKeyData>);
struct SigningKeyData {
    alg: Alg,
    kid: String,
    encoding: EncodingKey,
    public: Jwk,
    der: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// A new key. The cryptography provider draws its randomness and accepts no other source for RSA. So this is the
    /// only randomness that is not an argument, and a seeded test has different keys in every run.
    ///
    /// [`Error::Signing`] if the provider fails.
    /// [`Error::Signing`] when the provider fails.
    pub fn generate(alg: Alg) -> Result<Self, Error> {
        let fail = |_| Error::Signing;
        let der = match alg {
            Alg::Es256 => {
                let alg = &sig::ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::generate_pkcs8(alg, &SystemRandom::new()).map_err(fail)?.as_ref().to_vec()
            }
            Alg::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(fail)?.as_ref().to_vec(),
            Alg::Ps256 | Alg::Rs256 => {
                let pair = KeyPair::generate(KeySize::Rsa2048).map_err(fail)?;
                AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(fail)?.as_ref().to_vec()
            }
        };
        Self::from_der(alg, Zeroizing::new(der))
    }

    /// A key from the result of [`SigningKey::der`] (PKCS#8).
    ///
    /// # Errors
    /// [`Error::Signing`] if it is no key of that algorithm.
    pub fn from_der(alg: Alg, der: Zeroizing<Vec<u8>>) -> Result<Self, Error> {
        ready()?;
        let encoding = match alg {
            Alg::Es256 => EncodingKey::from_ec_der(&der),
            Alg::EdDsa => EncodingKey::from_ed_der(&der),
            // `from_rsa_der` needs PKCS#1; the PEM function accepts PKCS#8.
            Alg::Ps256 | Alg::Rs256 => EncodingKey::from_rsa_pem(pem(&der).as_bytes()).map_err(|_| Error::Signing)?,
        };
        let bare =
            jsonwebtoken::jwk::Jwk::from_encoding_key(&encoding, alg.jsonwebtoken()).map_err(|_| Error::Signing)?;
        let mut json = serde_json::to_value(&bare).map_err(|_| Error::Signing)?;
        let kid = Jwk::parse(&json)?.thumbprint().base64url();
        json["kid"] = Value::from(kid.as_str());
        json["use"] = "sig".into();
        json["alg"] = alg.as_str().into();
        let public = Jwk::parse(&json)?;
        Ok(Self(Arc::new(SigningKeyData { alg, kid, encoding, public, der })))
    }

    /// Its algorithm.
    #[must_use]
    pub fn alg(&self) -> Alg {
        self.0.alg
    }
    /// Its `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.0.kid
    }
    /// Its public key, with `kid`, `use` and `alg`.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.0.public
    }
    /// The private key in PKCS#8, for sealing.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }
    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.0.encoding
    }
}
impl Drop for SigningKeyData {
    fn drop(&mut self) {
        provider::forget(self.encoding.as_bytes());
    }
}
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.0.alg, self.0.kid)
    }
}

/// PKCS#8 in PEM (RFC 7468 §10).
fn pem(der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::from("-----BEGIN PRIVATE KEY-----\n"));
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}
