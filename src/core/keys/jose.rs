//! JWS in the compact serialization (RFC 7515 §7.1), the only kind we sign or accept.
//!
//! `jsonwebtoken` computes the signatures. This module decides everything else: which header members are understood,
//! which algorithms exist, which key may be used. It does not check times; callers do, with their own `now`.

use super::{Jwk, SigningKey, provider};
use crate::clock::Instant;
use crate::secret::from_base64url;
use crate::thumbprint::Thumbprint;
use serde_json::{Map, Value};
use std::fmt;

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037). There are four; `none` and HMAC do not exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Alg {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256: for OpenID Connect, never in FAPI.
    Rs256,
}
impl Alg {
    /// Those that FAPI 2.0 Security Profile §5.4.1 allows.
    pub const FAPI: [Self; 3] = [Self::Es256, Self::Ps256, Self::EdDsa];
    /// All four.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Ps256, Self::EdDsa, Self::Rs256];

    /// Those that we sign with unless the configuration says otherwise: RS256 for OpenID Connect and events, two of FAPI 2.0.
    /// Some libraries stumble over a key of kind `OKP`, so EdDSA is for who asks for it.
    pub const SIGNING: [Self; 3] = [Self::Rs256, Self::Ps256, Self::Es256];

    /// Whether a signature takes about a millisecond; with the others it takes some microseconds.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Ps256 | Self::Rs256)
    }
    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
    /// The algorithm with this registered name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == text)
    }
    /// The algorithm named in another party's message or key. Also accepts `Ed25519`, the newer name of the only EdDSA
    /// algorithm here (RFC 9864 §2.2), because clients use it already.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        if text == "Ed25519" { Some(Self::EdDsa) } else { Self::parse(text) }
    }
    pub(super) const fn jsonwebtoken(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}
impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a JWS or a key is refused. The texts may be sent to the caller: they only concern its own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not three base64url parts of JSON, or too long.
    #[error("not a compact JWS")]
    Malformed,
    /// An algorithm that is unknown, or that the caller does not allow.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// A `crit` or `b64` header: we understand no extension (RFC 7515 §4.1.11). Also `zip`.
    #[error("a critical header extension is not understood")]
    Critical,
    /// No key of the set fits header and algorithm. The set may be outdated.
    #[error("no key fits")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// A JWK that is not a public key of an accepted kind.
    #[error("not an acceptable public key: {0}")]
    Key(&'static str),
    /// Signing failed, or a private key is broken; log it.
    #[error("signing failed")]
    Signing,
    /// Too many signatures with RSA are wanted at once.
    #[error("too many signatures wait for their turn")]
    Busy,
    /// Another cryptography provider was installed in this process; log it.
    #[error("the cryptography provider could not be installed")]
    Provider,
}

/// The longest token that is read. DPoP proofs and assertions are much shorter, signed requests a little.
const MOST_BYTES: usize = 16 * 1024;

/// The header members we understand (RFC 7515 §4.1). `jku`, `x5u`, `x5c` are ignored.
#[derive(Debug, Clone)]
pub struct Header {
    /// `alg`.
    pub alg: Alg,
    /// `typ`.
    pub typ: Option<String>,
    /// `kid`.
    pub kid: Option<String>,
    /// `jwk`, not parsed: only DPoP may use it.
    pub jwk: Option<Value>,
}
impl Header {
    /// Whether `typ` is the media type `wanted` (without `application/`), case-insensitive (RFC 7515 §4.1.9, RFC 2045
    /// §5.1).
    #[must_use]
    pub fn is_typ(&self, wanted: &str) -> bool {
        self.typ.as_deref().is_some_and(|t| {
            let bare = match t.get(..12) {
                Some(prefix) if prefix.eq_ignore_ascii_case("application/") => &t[12..],
                _ => t,
            };
            bare.eq_ignore_ascii_case(wanted)
        })
    }
}

/// The claims of a JWT (RFC 7519 §4), read by name and type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims(pub Map<String, Value>);
impl Claims {
    /// Any claim.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
    /// A text; `None` if it is absent or of another type.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
    /// A NumericDate (RFC 7519 §2): `Ok(None)` if it is absent, `Err` if it is no number in the range of a date.
    ///
    /// # Errors
    /// The name of the claim, for an error text.
    pub fn date<'a>(&self, name: &'a str) -> Result<Option<Instant>, &'a str> {
        const FAR: f64 = 253_402_300_800.0; // the year 10000
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Number(n)) => match (n.as_i64(), n.as_f64()) {
                (Some(secs), _) if (0..253_402_300_800).contains(&secs) => Ok(Some(Instant::from_secs(secs))),
                #[expect(clippy::cast_possible_truncation, reason = "checked to be within 0 and the year 10000")]
                (None, Some(secs)) if (0.0..FAR).contains(&secs) => {
                    Ok(Some(Instant::from_millis((secs * 1000.0) as i64)))
                }
                _ => Err(name),
            },
            Some(_) => Err(name),
        }
    }
}

/// A JWS that is parsed but not verified: use its header and claims only to choose a key.
pub struct Unverified<'t> {
    header: Header,
    claims: Claims,
    message: &'t str,
    signature: &'t str,
}

/// Parses a compact JWS whose payload is a JSON object.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Algorithm`], [`Error::Critical`].
pub fn parse(token: &str) -> Result<Unverified<'_>, Error> {
    if token.len() > MOST_BYTES {
        return Err(Error::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Error::Malformed)?;
    let (head, body) = message.split_once('.').ok_or(Error::Malformed)?;
    let header = header(&object(head)?)?;
    if signature.is_empty() || from_base64url(signature).is_none() {
        return Err(Error::Malformed);
    }
    Ok(Unverified { header, claims: Claims(object(body)?), message, signature })
}

fn object(part: &str) -> Result<Map<String, Value>, Error> {
    let bytes = from_base64url(part).ok_or(Error::Malformed)?;
    serde_json::from_slice::<Value>(&bytes)
        .ok()
        .and_then(|v| if let Value::Object(m) = v { Some(m) } else { None })
        .ok_or(Error::Malformed)
}

fn header(map: &Map<String, Value>) -> Result<Header, Error> {
    let text = |name: &str| match map.get(name) {
        None => Ok(None),
        Some(Value::String(s)) => Ok(Some(s.clone())),
        Some(_) => Err(Error::Malformed),
    };
    // We understand no extension, so any `crit` is refused, even an empty one, which RFC 7515 §4.1.11 forbids.
    if map.contains_key("crit") || map.contains_key("b64") || map.contains_key("zip") {
        return Err(Error::Critical);
    }
    let alg = text("alg")?.ok_or(Error::Malformed)?;
    Ok(Header {
        alg: Alg::named(&alg).ok_or(Error::Algorithm)?,
        typ: text("typ")?,
        kid: text("kid")?,
        jwk: map.get("jwk").cloned(),
    })
}

impl Unverified<'_> {
    /// The header, unverified.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }
    /// The claims, unverified: use them only to find the keys to try.
    #[must_use]
    pub const fn unverified_claims(&self) -> &Claims {
        &self.claims
    }
    /// Verifies the signature with one key and ignores `kid`: for a key from the header itself (DPoP).
    ///
    /// # Errors
    /// See [`Unverified::verify`].
    pub fn verify_embedded(mut self, key: &Jwk, allowed: &[Alg]) -> Result<Verified, Error> {
        self.header.kid = None;
        self.verify(std::slice::from_ref(key), allowed)
    }
    /// Verifies the signature with the keys that fit. If the header has a `kid`, these are the keys with that `kid` and
    /// those without one, because it is a hint (RFC 7515 §4.1.4); otherwise all keys of the algorithm. A key's `use`,
    /// `key_ops` and `alg` may exclude it.
    ///
    /// # Errors
    /// [`Error::Algorithm`] if the algorithm is not in `allowed`, [`Error::UnknownKey`], [`Error::Signature`].
    pub fn verify(self, keys: &[Jwk], allowed: &[Alg]) -> Result<Verified, Error> {
        ready()?;
        let alg = self.header.alg;
        if !allowed.contains(&alg) {
            return Err(Error::Algorithm);
        }
        let named = |k: &&Jwk| self.header.kid.as_deref().zip(k.kid()).is_none_or(|(hint, own)| hint == own);
        let mut fitting = keys.iter().filter(named).filter(|k| k.fits(alg)).peekable();
        if fitting.peek().is_none() {
            return Err(Error::UnknownKey);
        }
        let verifies = |k: &Jwk| {
            jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), k.decoding(), alg.jsonwebtoken())
                .unwrap_or(false)
        };
        match fitting.find(|k| verifies(k)) {
            Some(key) => Ok(Verified { thumbprint: key.thumbprint(), header: self.header, claims: self.claims }),
            None => Err(Error::Signature),
        }
    }
}

/// A JWS whose signature has been verified.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its header.
    pub header: Header,
    /// Its claims.
    pub claims: Claims,
    /// RFC 7638 thumbprint of the key that made it.
    pub thumbprint: Thumbprint,
}

/// [`parse`] and [`Unverified::verify`] in one.
///
/// # Errors
/// Theirs.
pub fn verify(token: &str, keys: &[Jwk], allowed: &[Alg]) -> Result<Verified, Error> {
    parse(token)?.verify(keys, allowed)
}

/// Signs `claims` with `key`, whose `kid` goes into the header; with `typ`, if given (RFC 8725 §3.11).
pub fn sign(key: &SigningKey, typ: Option<&str>, claims: &impl serde::Serialize) -> Result<String, Error> {
    let mut header = jsonwebtoken::Header::new(key.alg().jsonwebtoken());
    header.typ = typ.map(str::to_owned);
    header.kid = Some(key.kid().to_owned());
    encode(&header, claims, key)
}

/// Signs `claims` with the public key itself in the header: a DPoP proof (RFC 9449 §4.2).
pub fn sign_with_key_inside(key: &SigningKey, typ: &str, claims: &impl serde::Serialize) -> Result<String, Error> {
    let mut header = jsonwebtoken::Header::new(key.alg().jsonwebtoken());
    header.typ = Some(typ.to_owned());
    header.jwk = Some(key.public().bare().clone());
    encode(&header, claims, key)
}

fn encode(header: &jsonwebtoken::Header, claims: &impl serde::Serialize, key: &SigningKey) -> Result<String, Error> {
    ready()?;
    jsonwebtoken::encode(header, claims, key.encoding()).map_err(|_| Error::Signing)
}

/// Whether `jsonwebtoken` uses our provider.
pub(super) fn ready() -> Result<(), Error> {
    if provider::installed() { Ok(()) } else { Err(Error::Provider) }
}
