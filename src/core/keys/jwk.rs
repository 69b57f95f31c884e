//! Public keys of other parties (RFC 7517), parsed strictly, and their thumbprints (RFC 7638).

use super::jose::{Alg, Error};
use crate::secret::from_base64url;
use crate::thumbprint::Thumbprint;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The most keys in one set.
pub const MOST_KEYS: usize = 32;

/// The largest certificate, in bytes; a client's certificate has a few kilobytes.
const LONGEST_CERTIFICATE: usize = 16 * 1024;

/// Members of private or symmetric keys only (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyType {
    Ec,
    Rsa,
    Ed,
}

/// A public key for verifying signatures: P-256, RSA of 2048 to 8192 bits, or Ed25519. Cheap to clone.
#[derive(Clone)]
pub struct Jwk(Arc<JwkData>);
struct JwkData {
    kind: KeyType,
    kid: Option<String>,
    alg: Option<Alg>,
    json: Map<String, Value>,
    bare: jsonwebtoken::jwk::Jwk,
    decoding: DecodingKey,
    thumbprint: Thumbprint,
    certificate: Option<Vec<u8>>,
}

impl Jwk {
    /// Parses one key. Unknown members are dropped, and so is `x5c`; `x5u` is not followed.
    ///
    /// # Errors
    /// [`Error::Key`]: not an object, a private or symmetric key, a type or size we do not accept, or a key with
    /// another use than verifying signatures.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        Self::from_value(value, false)
    }

    /// Parses one key. If `certified`, keeps the certificate in its `x5c`.
    fn from_value(value: &Value, certified: bool) -> Result<Self, Error> {
        let map = value.as_object().ok_or(Error::Key("not an object"))?;
        if PRIVATE.iter().any(|m| map.contains_key(*m)) {
            return Err(Error::Key("it holds private members"));
        }
        let text = |name: &'static str| match map.get(name) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s.as_str())),
            Some(_) => Err(Error::Key("a member is not text")),
        };
        let part = |name: &'static str| text(name)?.ok_or(Error::Key("a member is missing"));
        let bytes = |name| from_base64url(part(name)?).ok_or(Error::Key("a member is not base64url"));
        if text("use")?.is_some_and(|u| u != "sig") {
            return Err(Error::Key("its use is not sig"));
        }
        if let Some(ops) = map.get("key_ops") {
            let verifies = ops.as_array().is_some_and(|a| a.iter().any(|o| o == "verify"));
            if !verifies {
                return Err(Error::Key("its key_ops do not hold verify"));
            }
        }
        let (kind, mut json) = match part("kty")? {
            "EC" if part("crv")? == "P-256" => {
                if bytes("x")?.len() != 32 || bytes("y")?.len() != 32 {
                    return Err(Error::Key("a coordinate is not 32 bytes"));
                }
                (KeyType::Ec, json!({"kty": "EC", "crv": "P-256", "x": part("x")?, "y": part("y")?}))
            }
            "OKP" if part("crv")? == "Ed25519" => {
                if bytes("x")?.len() != 32 {
                    return Err(Error::Key("the point is not 32 bytes"));
                }
                (KeyType::Ed, json!({"kty": "OKP", "crv": "Ed25519", "x": part("x")?}))
            }
            "RSA" => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                // RFC 7518 §6.3.1: no leading zero octets. FAPI 2.0 §5.4.1: at least 2048 bits.
                if n.first().is_none_or(|b| *b == 0)
                    || !(256..=1024).contains(&n.len())
                    || n[0] < 0x80 && n.len() == 256
                {
                    return Err(Error::Key("the modulus is not of 2048 to 8192 bits"));
                }
                let odd = e.last().is_some_and(|b| b % 2 == 1);
                if !(1..=5).contains(&e.len()) || e[0] == 0 || !odd || e == [1] {
                    return Err(Error::Key("the exponent is not acceptable"));
                }
                (KeyType::Rsa, json!({"kty": "RSA", "n": part("n")?, "e": part("e")?}))
            }
            _ => return Err(Error::Key("its kty or crv is not accepted")),
        };
        // RFC 7638 §3: only the required members, in lexicographic order, without white space.
        let ordered: BTreeMap<&String, &Value> = json.as_object().into_iter().flatten().collect();
        let thumbprint = Thumbprint::of(serde_json::to_vec(&ordered).map_err(|_| Error::Key("it cannot be read"))?);
        let bare: jsonwebtoken::jwk::Jwk =
            serde_json::from_value(json.clone()).map_err(|_| Error::Key("it cannot be read"))?;
        let decoding = DecodingKey::from_jwk(&bare).map_err(|_| Error::Key("it cannot be read"))?;
        let kid = text("kid")?.map(str::to_owned);
        if kid.as_ref().is_some_and(|k| k.is_empty() || k.len() > 256) {
            return Err(Error::Key("its kid is empty or too long"));
        }
        let alg = match text("alg")? {
            None => None,
            Some(name) => Some(Alg::named(name).ok_or(Error::Key("its alg is not accepted"))?),
        };
        if let Some(alg) = alg
            && !kind_fits(kind, alg)
        {
            return Err(Error::Key("its alg does not fit its kty"));
        }
        for (name, value) in [("kid", kid.as_deref()), ("use", text("use")?), ("alg", alg.map(Alg::as_str))] {
            if let Some(value) = value {
                json[name] = value.into();
            }
        }
        let mut certificate = None;
        if let Some(chain) = map.get("x5c").filter(|_| certified) {
            // RFC 7517 §4.7: plain base64, the key's own certificate first; the rest of the chain is not needed. If it
            // cannot be read, the key can still verify signatures: the certificate is then empty and matches nobody's.
            let own = chain.get(0).and_then(Value::as_str);
            let der = own.and_then(|text| STANDARD.decode(text).ok()).filter(|der| der.len() <= LONGEST_CERTIFICATE);
            if der.is_some() {
                json["x5c"] = json!([own]);
            }
            certificate = Some(der.unwrap_or_default());
        }
        let Value::Object(json) = json else { return Err(Error::Key("not an object")) };
        Ok(Self(Arc::new(JwkData { kind, kid, alg, json, bare, decoding, thumbprint, certificate })))
    }

    /// Parses a JWK Set (RFC 7517 §5). Keys of types we do not accept are skipped, as §5 says. A private key in it is
    /// an error, so that its owner notices.
    ///
    /// # Errors
    /// [`Error::Key`]: not a set, too many keys, a private key, one `kid` for two keys of one type, no usable key.
    pub fn parse_set(value: &Value) -> Result<Vec<Self>, Error> {
        let list = value.get("keys").and_then(Value::as_array).ok_or(Error::Key("not a JWK Set"))?;
        if list.len() > MOST_KEYS {
            return Err(Error::Key("too many keys"));
        }
        let mut keys: Vec<Self> = Vec::new();
        for entry in list {
            match Self::from_value(entry, true) {
                Ok(key) => {
                    let same = |k: &Self| k.kid().is_some() && k.kid() == key.kid() && k.0.kind == key.0.kind;
                    if keys.iter().any(same) {
                        return Err(Error::Key("two keys have one kid"));
                    }
                    keys.push(key);
                }
                Err(_) if entry.is_object() && PRIVATE.iter().all(|m| entry.get(*m).is_none()) => {}
                Err(e) => return Err(e),
            }
        }
        if keys.is_empty() { Err(Error::Key("no usable key")) } else { Ok(keys) }
    }

    /// `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }
    /// Whether the key may verify signatures of this algorithm.
    #[must_use]
    pub fn fits(&self, alg: Alg) -> bool {
        kind_fits(self.0.kind, alg) && self.0.alg.is_none_or(|a| a == alg)
    }
    /// The RFC 7638 thumbprint; in base64url it is the `jkt` of RFC 9449 §6.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.0.thumbprint
    }
    /// The DER certificate of the key's `x5c`, empty if it cannot be read. Its content is not checked.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.0.certificate.as_deref()
    }
    /// The key as JSON: its public members, `kid`, `use`, `alg` and its own certificate.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.json.clone())
    }
    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.0.decoding
    }
    /// Only the required members.
    pub(super) fn bare(&self) -> &jsonwebtoken::jwk::Jwk {
        &self.0.bare
    }
}

const fn kind_fits(kind: KeyType, alg: Alg) -> bool {
    matches!(
        (kind, alg),
        (KeyType::Ec, Alg::Es256) | (KeyType::Rsa, Alg::Ps256 | Alg::Rs256) | (KeyType::Ed, Alg::EdDsa)
    )
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({:?}, {:?})", self.0.kind, self.0.kid)
    }
}
impl PartialEq for Jwk {
    fn eq(&self, other: &Self) -> bool {
        self.0.json == other.0.json
    }
}
impl Eq for Jwk {}
