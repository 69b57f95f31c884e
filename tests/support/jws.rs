//! What an app signs with, written apart from `renkei_core::keys` so that both sides cannot share a mistake.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;

/// Unpadded base64url.
pub(crate) fn b64(data: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(data)
}

/// SHA-256.
pub(crate) fn sha256(data: &[u8]) -> Vec<u8> {
    digest(&SHA256, data).as_ref().to_vec()
}

/// An ES256 key of an app.
#[derive(Clone)]
pub(crate) struct Key {
    pair: Arc<EcdsaKeyPair>,
}
impl Key {
    /// A new key.
    pub(crate) fn generate() -> Self {
        Self { pair: Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }
    /// The public half (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({ "crv": "P-256", "kty": "EC", "x": b64(&point[1..33]), "y": b64(&point[33..65]) })
    }
    /// The RFC 7638 thumbprint.
    pub(crate) fn thumbprint(&self) -> String {
        // serde_json's map is sorted, which is the order §3 wants.
        b64(sha256(self.jwk().to_string().as_bytes()))
    }
    /// A compact JWS with this header (its `alg` is ES256 unless the header says otherwise).
    pub(crate) fn sign(&self, mut header: Value, claims: &Value) -> String {
        if header.get("alg").is_none() {
            header["alg"] = json!("ES256");
        }
        let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", b64(signature))
    }
}

/// The claims of a compact JWS, unverified.
pub(crate) fn claims(jws: &str) -> Value {
    let body = jws.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}
