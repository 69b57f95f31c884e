//! Signed JWTs (RFC 7515, RFC 7519) over jsonwebtoken: the app signs with ES256, and both ends check what they are shown.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Map, Value, json};

/// The algorithms of FAPI 2.0 §5.4.1.
pub(crate) const FAPI: [Algorithm; 3] = [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA];

/// The claims of a JWT.
pub(crate) type Claims = Map<String, Value>;

/// A text claim.
pub(crate) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// The media type of a JWT (RFC 7515 §4.1.9), without its optional `application/`.
pub(crate) fn typ(token: &str) -> Option<String> {
    let typ = decode_header(token).ok()?.typ?.to_ascii_lowercase();
    Some(typ.strip_prefix("application/").map_or_else(|| typ.clone(), str::to_owned))
}

/// A P-256 key to sign with.
#[derive(Clone)]
pub(crate) struct SigningKey {
    private: EncodingKey,
    public: Jwk,
    thumbprint: String,
}
impl SigningKey {
    /// A new key. Its randomness is aws-lc's own.
    pub(crate) fn generate() -> Result<Self, Error> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| unusable())?;
        let der = key.to_pkcs8v1().map_err(|_| unusable())?;
        let private = EncodingKey::from_ec_der(der.as_ref());
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256)?;
        let thumbprint = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(thumbprint.clone());
        Ok(Self { private, public, thumbprint })
    }
    /// The public half, with its thumbprint as `kid` (RFC 7638).
    pub(crate) const fn public(&self) -> &Jwk {
        &self.public
    }
    /// The thumbprint: `jkt` of a token that is bound to this key (RFC 9449 §6.1).
    #[cfg(test)]
    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
    /// Signs; the header names the key.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, Error> {
        let header = Header { kid: Some(self.thumbprint.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.private)
    }
    /// Signs a DPoP proof: the key itself stands in the header (RFC 9449 §4.2).
    pub(crate) fn prove(&self, claims: &Value) -> Result<String, Error> {
        let (mut jwk, typ) = (self.public.clone(), Some("dpop+jwt".to_owned()));
        jwk.common = jsonwebtoken::jwk::CommonParameters::default();
        encode(&Header { typ, jwk: Some(jwk), ..Header::new(Algorithm::ES256) }, claims, &self.private)
    }
}

fn unusable() -> Error {
    ErrorKind::InvalidEcdsaKey.into()
}

/// Verifies a signature and gives the claims. Times, issuer and audience are left to the caller, who has a clock of its
/// own.
pub(crate) fn verify(token: &str, key: &Jwk, allowed: &[Algorithm]) -> Result<Claims, Error> {
    let header = decode_header(token)?;
    // RFC 7515 §4.1.11: we understand no extension.
    if !allowed.contains(&header.alg) || header.crit.is_some() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    Ok(decode::<Claims>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims)
}

/// Verifies with the key of a set that the token names, or with whichever fits where it names none.
pub(crate) fn verify_with_set(token: &str, keys: &[Jwk], allowed: &[Algorithm]) -> Result<Claims, Error> {
    let kid = decode_header(token)?.kid;
    let named = |key: &&Jwk| kid.is_none() || key.common.key_id == kid;
    let verified = keys.iter().filter(named).find_map(|key| verify(token, key, allowed).ok());
    verified.ok_or_else(|| ErrorKind::InvalidSignature.into())
}

/// The keys of a set (RFC 7517 §5) that we can use: others are passed over.
pub(crate) fn keys(set: &Value) -> Vec<Jwk> {
    let list = set["keys"].as_array().into_iter().flatten();
    list.filter_map(|key| serde_json::from_value(key.clone()).ok()).collect()
}

/// A key as a set.
pub(crate) fn set(key: &Jwk) -> Value {
    json!({ "keys": [key] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_otherwise_is_not_read() -> Result<(), Error> {
        let (key, other) = (SigningKey::generate()?, SigningKey::generate()?);
        let claims = json!({ "sub": "s" });
        let signed = key.sign(&claims)?;
        assert!(verify(&signed, key.public(), &FAPI).is_ok());
        assert!(verify(&signed, other.public(), &FAPI).is_err(), "another key");
        assert!(verify(&signed, key.public(), &[Algorithm::RS256]).is_err(), "an algorithm that is not allowed");
        let crit = Some(vec!["exp".to_owned()]);
        let critical = encode(&Header { crit, ..Header::new(Algorithm::ES256) }, &claims, &key.private)?;
        assert!(verify(&critical, key.public(), &FAPI).is_err(), "an extension that must be understood");
        Ok(())
    }

    #[test]
    fn a_set_is_searched_by_the_name_of_the_key() -> Result<(), Error> {
        let (key, other) = (SigningKey::generate()?, SigningKey::generate()?);
        let set = keys(&json!({ "keys": [other.public(), { "kty": "from the future" }, key.public()] }));
        let signed = key.sign(&json!({}))?;
        assert!(verify_with_set(&signed, &set, &FAPI).is_ok());
        assert!(verify_with_set(&signed, &keys(&super::set(other.public())), &FAPI).is_err());
        // A proof names no key; whichever fits verifies it.
        assert!(verify_with_set(&key.prove(&json!({}))?, &set, &FAPI).is_ok());
        Ok(())
    }
}
