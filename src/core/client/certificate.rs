//! A client's X.509 certificate, as far as RFC 8705 needs it: its thumbprint, and whether it has the name a client
//! registered. Names are compared in parsed form, not as text.
//!
//! The TLS handshake, with us or with a configured proxy, has proved that the caller holds the key, and says whether
//! the chain leads to a trusted authority. This module decides to which client the certificate belongs.

use crate::clock::Instant;
use crate::keys::Jwk;
use crate::secret::{Hash, base64url};
use crate::thumbprint::Thumbprint;
use serde_json::json;
use std::iter;
use std::net::IpAddr;
use std::str::FromStr;
use x509_cert::der::asn1::{
    Any, BmpString, Ia5StringRef, PrintableStringRef, TeletexStringRef, UintRef, Utf8StringRef,
};
use x509_cert::der::{Decode, Reader, SliceReader, Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::RdnSequence;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// A certificate that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate")]
pub struct Unreadable;

/// A certificate a client presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its DER: `x5t#S256` (RFC 8705 §3.1).
    pub thumbprint: Hash,
    /// Whether its chain leads to an authority of `server.mtls_ca_file`.
    pub trusted: bool,
    /// `None` if it contains something that is no text: nobody can register such a name.
    subject: Option<Name>,
    alternative: Vec<San>,
    /// RFC 7638 thumbprint of its key; `None` for a kind of key that clients cannot use.
    key: Option<Thumbprint>,
    /// The first and last second of its validity.
    validity: (Instant, Instant),
}

/// A subject's distinguished name: for each RDN the set of its attributes, decoded.
type Name = Vec<Vec<(String, String)>>;

/// One subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum San {
    Dns(String),
    Uri(String),
    Ip(IpAddr),
    Email(String),
}

/// The one name a `tls_client_auth` client registered (RFC 8705 §2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// `tls_client_auth_subject_dn`, as RFC 4514 writes it.
    Dn(String),
    /// `tls_client_auth_san_dns`
    SanDns(String),
    /// `tls_client_auth_san_uri`
    SanUri(String),
    /// `tls_client_auth_san_ip`
    SanIp(IpAddr),
    /// `tls_client_auth_san_email`
    SanEmail(String),
}
impl Subject {
    /// Whether a registered distinguished name can be compared.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        match self {
            Self::Dn(dn) => registered(dn).is_some_and(|n| !n.is_empty()),
            Self::SanDns(t) | Self::SanUri(t) | Self::SanEmail(t) => !t.is_empty(),
            Self::SanIp(_) => true,
        }
    }
}

impl Certificate {
    /// Reads a DER certificate.
    pub fn parse(der: &[u8], trusted: bool) -> Result<Self, Unreadable> {
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| Unreadable)?;
        let subject = decoded(&parsed.tbs_certificate.subject);
        let alternative = match parsed.tbs_certificate.get::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(San::from_name).collect(),
            Ok(None) => Vec::new(),
            Err(_) => return Err(Unreadable),
        };
        let validity = parsed.tbs_certificate.validity;
        let second = |t: x509_cert::time::Time| i64::try_from(t.to_unix_duration().as_secs()).map(Instant::from_secs);
        let (Ok(from), Ok(to)) = (second(validity.not_before), second(validity.not_after)) else {
            return Err(Unreadable);
        };
        let key = key(&parsed.tbs_certificate.subject_public_key_info);
        Ok(Self { thumbprint: Hash::of(der), trusted, subject, alternative, key, validity: (from, to) })
    }

    /// The first second of its validity.
    #[must_use]
    pub const fn begins_at(&self) -> Instant {
        self.validity.0
    }
    /// The last second of its validity.
    #[must_use]
    pub const fn ends_at(&self) -> Instant {
        self.validity.1
    }

    /// Whether it has this key.
    #[must_use]
    pub fn has(&self, key: &Jwk) -> bool {
        self.key.is_some_and(|own| own == key.thumbprint())
    }

    /// Whether a client with `keys` registered this certificate (RFC 8705 §2.2): it is the one in `x5c`, or it has
    /// the key of an entry without `x5c`. The chain does not matter, but the validity period does.
    #[must_use]
    pub fn is_among(&self, keys: &[Jwk], now: Instant) -> bool {
        let registered = |key: &Jwk| match key.certificate() {
            Some(der) => Hash::of(der).same(&self.thumbprint),
            None => self.has(key),
        };
        (self.validity.0..=self.validity.1).contains(&now) && keys.iter().any(registered)
    }

    /// Whether this is the certificate of a client that registered `subject`: the chain is trusted and the
    /// certificate has the name (RFC 8705 §2.1).
    #[must_use]
    pub fn is_of(&self, subject: &Subject) -> bool {
        self.trusted
            && match subject {
                Subject::Dn(dn) => registered(dn).is_some_and(|name| !name.is_empty() && Some(name) == self.subject),
                Subject::SanDns(d) => {
                    self.alternative.iter().any(|s| matches!(s, San::Dns(o) if o.eq_ignore_ascii_case(d)))
                }
                Subject::SanUri(u) => self.alternative.iter().any(|s| matches!(s, San::Uri(o) if o == u)),
                Subject::SanIp(ip) => self.alternative.contains(&San::Ip(*ip)),
                Subject::SanEmail(m) => self.alternative.iter().any(|s| matches!(s, San::Email(o) if o == m)),
            }
    }
}

impl San {
    fn from_name(name: &GeneralName) -> Option<Self> {
        match name {
            GeneralName::DnsName(n) => Some(Self::Dns(n.to_string())),
            GeneralName::UniformResourceIdentifier(n) => Some(Self::Uri(n.to_string())),
            GeneralName::Rfc822Name(n) => Some(Self::Email(n.to_string())),
            GeneralName::IpAddress(n) => match n.as_bytes().len() {
                4 => <[u8; 4]>::try_from(n.as_bytes()).ok().map(|b| Self::Ip(b.into())),
                16 => <[u8; 16]>::try_from(n.as_bytes()).ok().map(|b| Self::Ip(b.into())),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The thumbprint of a public key of a kind that a client's JWK set may contain.
fn key(info: &SubjectPublicKeyInfoOwned) -> Option<Thumbprint> {
    let bits = info.subject_public_key.as_bytes()?;
    let jwk = match info.algorithm.oid.to_string().as_str() {
        // RFC 5480 §2.1.1, §2.2: an uncompressed point; its length shows that the curve is P-256.
        "1.2.840.10045.2.1" if bits.len() == 65 && bits[0] == 4 => {
            json!({"kty": "EC", "crv": "P-256", "x": base64url(&bits[1..33]), "y": base64url(&bits[33..])})
        }
        // RFC 8410 §4.
        "1.3.101.112" => json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(bits)}),
        // RFC 3279 §2.3.1: modulus and exponent.
        "1.2.840.113549.1.1.1" => {
            let mut reader = SliceReader::new(bits).ok()?;
            let pair = |r: &mut _| Ok((UintRef::decode(r)?, UintRef::decode(r)?));
            let (n, e) = reader.sequence(pair).ok()?;
            json!({"kty": "RSA", "n": base64url(n.as_bytes()), "e": base64url(e.as_bytes())})
        }
        _ => return None,
    };
    Jwk::parse(&jwk).ok().map(|key| key.thumbprint())
}

fn registered(dn: &str) -> Option<Name> {
    // No real name is longer, so longer text is not parsed. x509-cert overflows on a number in an attribute type
    // (`2.5.4.3=`) that no object identifier has. Types are found as x509-cert finds them: an escaped separator does
    // not count.
    let escaped = |i: usize| dn[..i].ends_with('\\') && !dn[..i].ends_with("\\\\");
    let starts = dn.match_indices([',', '+']).filter(|(i, _)| !escaped(*i)).map(|(i, _)| i + 1);
    let number = |t: &str| t.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() <= 9);
    let types = |start: usize| dn[start..].split('=').next().is_none_or(number);
    let sane = dn.len() <= 1024 && iter::once(0).chain(starts).all(types);
    sane.then(|| RdnSequence::from_str(dn).ok()).flatten().and_then(|n| decoded(&n))
}

/// Every attribute as (type, text), each RDN sorted, so that two encodings of one text become equal (RFC 5280 §7.1;
/// without case folding, which no registration needs).
fn decoded(name: &RdnSequence) -> Option<Name> {
    let rdn = |rdn: &x509_cert::name::RelativeDistinguishedName| {
        let mut set = rdn.0.iter().map(|a| Some((a.oid.to_string(), text(&a.value)?))).collect::<Option<Vec<_>>>()?;
        set.sort();
        Some(set)
    };
    name.0.iter().map(rdn).collect()
}

fn text(value: &Any) -> Option<String> {
    let text = match value.tag() {
        Tag::Utf8String => Utf8StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::PrintableString => PrintableStringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::Ia5String => Ia5StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::TeletexString => TeletexStringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::BmpString => value.decode_as::<BmpString>().ok()?.to_string(),
        _ => return None,
    };
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType};

    fn certificate(trusted: bool, utf8: bool) -> Certificate {
        let mut params = CertificateParams::default();
        let mut dn = DistinguishedName::new();
        let value = |t: &str| {
            if utf8 { DnValue::Utf8String(t.into()) } else { DnValue::PrintableString(t.try_into().unwrap()) }
        };
        dn.push(DnType::CountryName, DnValue::PrintableString("JP".try_into().unwrap()));
        dn.push(DnType::OrganizationName, value("IT Realize Co., Ltd."));
        dn.push(DnType::CommonName, value("creco"));
        params.distinguished_name = dn;
        params.subject_alt_names = vec![
            SanType::DnsName("App.Creco.example".try_into().unwrap()),
            SanType::URI("https://creco.example/app".try_into().unwrap()),
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
            SanType::Rfc822Name("ops@creco.example".try_into().unwrap()),
        ];
        let key = KeyPair::generate().unwrap();
        Certificate::parse(params.self_signed(&key).unwrap().der(), trusted).unwrap()
    }

    #[test]
    fn the_registered_name_and_no_other() {
        let dn = |t: &str| Subject::Dn(t.to_owned());
        for (subject, want) in [
            (dn(r"CN=creco,O=IT Realize Co.\, Ltd.,C=JP"), true),
            (dn(r"CN=creco,O=IT  Realize Co.\, Ltd.,C=JP"), true),
            (dn(r"C=JP,O=IT Realize Co.\, Ltd.,CN=creco"), false),
            (dn("CN=creco"), false),
            (dn(r"CN=creco,O=IT Realize Co.\, Ltd."), false),
            (dn(r"CN=creco2,O=IT Realize Co.\, Ltd.,C=JP"), false),
            (dn(""), false),
            (dn("nonsense"), false),
            (Subject::SanDns("app.creco.example".into()), true),
            (Subject::SanDns("creco.example".into()), false),
            (Subject::SanUri("https://creco.example/app".into()), true),
            (Subject::SanUri("https://creco.example/APP".into()), false),
            (Subject::SanIp("192.0.2.7".parse().unwrap()), true),
            (Subject::SanIp("192.0.2.8".parse().unwrap()), false),
            (Subject::SanEmail("ops@creco.example".into()), true),
            (Subject::SanEmail("ops2@creco.example".into()), false),
        ] {
            for utf8 in [true, false] {
                assert_eq!(certificate(true, utf8).is_of(&subject), want, "{subject:?}");
                assert!(!certificate(false, utf8).is_of(&subject), "an untrusted chain proves no name: {subject:?}");
            }
        }
    }

    #[test]
    fn junk_is_unreadable() {
        for der in [&b""[..], b"0", &[0x30, 0x82, 0xff, 0xff], &[0; 4096]] {
            assert_eq!(Certificate::parse(der, true), Err(Unreadable));
        }
        for dn in [
            "99999999999999999999=a",
            "2.5.4.4294967299=creco",
            "1111111111CN=a",
            r"1111111111 Co.\, Ltd. CN=a",
            r"CN=a\\\\,1111111111=b",
            "CN=a+1111111111=b",
        ] {
            assert!(!Subject::Dn(dn.into()).is_readable(), "{dn}");
        }
        assert!(Subject::Dn("2.5.4.3=a,2.5.4.5=T1234567890123".into()).is_readable());
        assert!(!Subject::Dn("=".into()).is_readable() && !Subject::Dn(String::new()).is_readable());
        for dn in [
            "CN=a",
            "cn=a",
            "2.5.4.97=PSDJP-FSA-1,CN=a",
            "emailAddress=ops@a.example,CN=a",
            "CN=a+SERIALNUMBER=7,C=JP",
            r"O=IT Realize Co.\, Ltd.,C=JP",
            "O=株式会社アイ・ティ・リアライズ,C=JP",
        ] {
            assert!(Subject::Dn(dn.into()).is_readable(), "{dn}");
        }
        let long = format!("CN={}", "a".repeat(1022));
        // A type without a short name is written in digits (RFC 4514 §2.3).
        for dn in ["a", "CN", "CN=a,", "organizationIdentifier=PSDJP-FSA-1", "=a", "CN=#zz", long.as_str()] {
            assert!(!Subject::Dn(dn.into()).is_readable(), "{dn}");
        }
    }
}
