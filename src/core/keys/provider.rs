//! The cryptography of `jsonwebtoken`: its own aws-lc provider, limited to four algorithms, and with private keys
//! parsed once instead of for each signature.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, aws_lc};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, signature};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use crate::secret::Hash;

enum Parsed {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// Parsed private keys by the hash of their encoding. Bounded, because only the ring (and the demo's app) signs.
static KEYS: LazyLock<RwLock<HashMap<Hash, Arc<Parsed>>>> = LazyLock::new(RwLock::default);
/// More keys than a ring has at once; reached only after years of rotation without a restart.
const MOST_KEYS: usize = 256;

static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(|| CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: aws_lc::DEFAULT_PROVIDER.key_utils.clone(),
});
static INSTALLED: LazyLock<bool> = LazyLock::new(|| LazyLock::force(&PROVIDER).install_default().is_ok());

/// Installs our jsonwebtoken CryptoProvider once, unless this process has another. Every public function of `jose`
/// calls this first.
pub(super) fn installed() -> bool {
    *INSTALLED
}

/// Removes a parsed private key: called when a key leaves the ring.
pub(super) fn forget(der: &[u8]) {
    KEYS.write().unwrap_or_else(PoisonError::into_inner).remove(&Hash::of(der));
}

struct Cached(Arc<Parsed>, Algorithm);
impl signature::Signer<Vec<u8>> for Cached {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        let random = SystemRandom::new();
        match &*self.0 {
            Parsed::Rsa(key) => {
                let encoding: &'static dyn sig::RsaEncoding =
                    if self.1 == Algorithm::PS256 { &sig::RSA_PSS_SHA256 } else { &sig::RSA_PKCS1_SHA256 };
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut out).map_err(signature::Error::from_source)?;
                Ok(out)
            }
            Parsed::Ec(key) => Ok(key.sign(&random, message).map_err(signature::Error::from_source)?.as_ref().to_vec()),
            Parsed::Ed(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}
impl JwtSigner for Cached {
    fn algorithm(&self) -> Algorithm {
        self.1
    }
}

/// The only algorithms this server signs or accepts. Checked before any cache look-up, so that a cached key is never
/// used with an algorithm of another family.
fn allow(algorithm: Algorithm, family: AlgorithmFamily) -> Result<()> {
    match (algorithm, family) {
        (Algorithm::ES256, AlgorithmFamily::Ec)
        | (Algorithm::PS256 | Algorithm::RS256, AlgorithmFamily::Rsa)
        | (Algorithm::EdDSA, AlgorithmFamily::Ed) => Ok(()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape the provider wants")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    allow(*algorithm, key.family())?;
    let id = Hash::of(key.as_bytes());
    if let Some(parsed) = KEYS.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Ok(Box::new(Cached(Arc::clone(parsed), *algorithm)));
    }
    let parsed = Arc::new(parse(key)?);
    let mut keys = KEYS.write().unwrap_or_else(PoisonError::into_inner);
    if keys.len() >= MOST_KEYS {
        keys.clear();
    }
    keys.insert(id, Arc::clone(&parsed));
    Ok(Box::new(Cached(parsed, *algorithm)))
}

fn parse(key: &EncodingKey) -> Result<Parsed> {
    let der = key.as_bytes();
    Ok(match key.family() {
        AlgorithmFamily::Ec => Parsed::Ec(
            EcdsaKeyPair::from_pkcs8(&sig::ECDSA_P256_SHA256_FIXED_SIGNING, der)
                .map_err(|_| ErrorKind::InvalidEcdsaKey)?,
        ),
        AlgorithmFamily::Rsa => {
            Parsed::Rsa(RsaKeyPair::from_der(der).map_err(|e| ErrorKind::InvalidRsaKey(e.to_string()))?)
        }
        AlgorithmFamily::Ed => Parsed::Ed(Ed25519KeyPair::from_pkcs8(der).map_err(|_| ErrorKind::InvalidEddsaKey)?),
        AlgorithmFamily::Hmac => return Err(ErrorKind::InvalidAlgorithm.into()),
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape the provider wants")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    allow(*algorithm, key.family())?;
    (aws_lc::DEFAULT_PROVIDER.verifier_factory)(algorithm, key)
}
