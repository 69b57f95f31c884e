//! Signatures, keys and certificates.

use crate::{ISSUER, NOW, parts, sendable};
use renkei_core::client::certificate::{Certificate, Subject};
use renkei_core::client::dpop::{Input, Nonces, check};
use renkei_core::keys::jose::{self, Alg, Error};
use renkei_core::keys::{Jwk, SigningKey};
use renkei_core::refusal::ErrorCode;
use renkei_core::secret::base64url;
use renkei_server::web::client_cert::byte_sequence;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::Duration;

/// The keys of this run: nobody else has them.
static OURS: LazyLock<[SigningKey; 2]> =
    LazyLock::new(|| [Alg::Es256, Alg::EdDsa].map(|a| SigningKey::generate(a).unwrap()));
/// One true token of each, whose message is the only one that may ever verify.
static TRUE: LazyLock<Vec<String>> = LazyLock::new(|| {
    OURS.iter().map(|k| jose::sign(k, Some("JWT"), &json!({"iss": "a", "exp": 1})).unwrap()).collect()
});

/// A compact JWS: as it stands, put together from header, payload and signature, or with a true one's signature.
pub fn jws(data: &[u8]) {
    let keys = OURS.each_ref().map(|k| k.public().clone());
    if let Ok(text) = std::str::from_utf8(data) {
        forged(text, &keys);
    }
    let Some([header, claims, signature]) = parts::<3>(data) else { return };
    let message = format!("{}.{}", base64url(header), base64url(claims));
    forged(&format!("{message}.{}", base64url(signature)), &keys);
    for stolen in TRUE.iter() {
        let (signed, signature) = stolen.rsplit_once('.').unwrap();
        forged(&format!("{message}.{signature}"), &keys);
        // The fuzzer cannot know this run's tokens: its text goes around and into them.
        forged(&format!("{signed}.{signature}{header}"), &keys);
        forged(&format!("{header}{stolen}"), &keys);
    }
}

/// Whatever `token` is, it verifies only as what we signed.
fn forged(token: &str, keys: &[Jwk]) {
    match jose::verify(token, keys, &Alg::ALL) {
        Ok(verified) => {
            let message = token.rsplit_once('.').unwrap().0;
            assert!(TRUE.iter().any(|t| t.rsplit_once('.').unwrap().0 == message), "forged: {token}");
            assert!(keys.iter().any(|k| k.thumbprint() == verified.thumbprint));
        }
        Err(e) => assert!(e.to_string().is_ascii() && !matches!(e, Error::Signing | Error::Provider), "{e}"),
    }
    if let Ok(parsed) = jose::parse(token) {
        let (header, claims) = (parsed.header(), parsed.unverified_claims());
        assert!(Alg::ALL.contains(&header.alg) && token.len() <= 16 * 1024);
        let _ = (header.is_typ("dpop+jwt"), header.jwk.as_ref().map(Jwk::parse));
        for name in ["exp", "iat", "nbf"] {
            if let Ok(Some(at)) = claims.date(name) {
                assert!((0..253_402_300_800_000).contains(&at.millis()), "a date of ours");
                let _ = (at + Duration::from_secs(86_400), at.rfc3339());
            }
        }
    }
}

/// A key or a set of keys: of a client's record, or in the header of a proof.
pub fn jwk(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    for key in Jwk::parse(&value).into_iter().chain(Jwk::parse_set(&value).unwrap_or_default()) {
        let json = key.to_json();
        let again = Jwk::parse(&json).expect("what we accept, we accept again");
        assert_eq!((&again, again.thumbprint()), (&key, key.thumbprint()));
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "x5u", "x5c"] {
            assert!(json.get(private).is_none(), "{private} is never kept");
        }
        assert_eq!(Alg::ALL.iter().filter(|alg| key.fits(**alg)).count().min(1), 1, "a key is for something");
    }
}

/// A DPoP proof (RFC 9449): as it stands, and these claims truly signed, so that every rule behind the signature is met.
pub fn dpop(data: &[u8]) {
    let nonces = Nonces::new([7; 32].into());
    let Some([header, claims, url]) = parts::<3>(data) else { return };
    let own = format!("{ISSUER}/oauth/token");
    let urls = [own.as_str(), url];
    let claims: Option<Value> = serde_json::from_str(claims).ok();
    let signed = claims.as_ref().and_then(|c| jose::sign_with_key_inside(&OURS[1], "dpop+jwt", c).ok());
    for proof in [header].into_iter().chain(signed.as_deref()) {
        for token in [None, Some("rk_at_x")] {
            let headers = [proof];
            let input = Input { headers: &headers, method: "POST", urls: &urls, token };
            match check(&input, &nonces, false, NOW) {
                Err(refusal) => {
                    sendable(&refusal);
                    assert!(matches!(refusal.code, ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce));
                }
                Ok(None) => panic!("a proof was there"),
                Ok(Some(held)) => {
                    let claims = claims.as_ref().filter(|_| proof != header).expect("only what was signed is believed");
                    assert_eq!(held.jkt, OURS[1].public().thumbprint());
                    assert_eq!(claims["htm"], "POST");
                    assert!(held.until > NOW && held.until <= NOW + Duration::from_secs(90), "short (RFC 9449 11.1)");
                    assert!(claims["jti"].as_str().is_some_and(|j| (1..=512).contains(&j.len())));
                    assert!(token.is_none() || claims["ath"].is_string(), "bound to the token");
                    assert!(claims.get("nonce").is_none(), "no nonce of ours can be known here");
                }
            }
        }
    }
}

/// A `Client-Cert` header (RFC 9440), the certificate in it, and the name a client registered.
pub fn certificate(data: &[u8]) {
    let names = |text: &str| [Subject::Dn(text.into()), Subject::SanDns(text.into()), Subject::SanUri(text.into())];
    let mut ders = vec![data.to_vec()];
    let [header, name] = parts::<2>(data).unwrap_or_default();
    if let Some(der) = byte_sequence(header) {
        assert!(header.trim().starts_with(':') && header.trim().ends_with(':') && header.len() >= der.len());
        ders.push(der.to_vec());
    }
    for der in ders {
        let (Ok(trusted), Ok(stranger)) = (Certificate::parse(&der, true), Certificate::parse(&der, false)) else {
            continue;
        };
        assert_eq!(trusted.thumbprint, renkei_core::secret::Hash::of(&der));
        for subject in names(name) {
            let _ = trusted.is_of(&subject);
            assert!(!stranger.is_of(&subject), "an untrusted chain proves no name");
        }
    }
    for subject in names(name) {
        let _ = subject.is_readable();
    }
}
