//! DPoP (RFC 9449 §4.3): which proofs hold, and which do not.

use super::*;
use crate::client::dpop::{Input, Nonces, Proof, check};
use crate::keys::jose::{Alg, sign, sign_with_key_inside};
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::{Hash, base64url};
use crate::thumbprint::Thumbprint;
use zeroize::Zeroizing;

const URL: &str = "https://as.example/oauth/token";
const ALIAS: &str = "https://mtls.example/oauth/token";

fn nonces() -> Nonces {
    Nonces::new(Zeroizing::new([5; 32]))
}
fn es256() -> SigningKey {
    SigningKey::generate(Alg::Es256).unwrap()
}
fn claims() -> Value {
    json!({"jti": "j1", "htm": "POST", "htu": URL, "iat": NOW.secs()})
}
fn proof(key: &SigningKey, changes: &[(&str, Value)]) -> String {
    let mut claims = claims();
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, v| !v.is_null());
    sign_with_key_inside(key, "dpop+jwt", &claims).unwrap()
}
fn at(headers: &[&str], token: Option<&str>, now: Instant) -> Result<Option<Proof>, Refusal> {
    check(&Input { headers, method: "POST", urls: &[URL, ALIAS], token }, &nonces(), false, now)
}
fn holds(header: &str) -> bool {
    match at(&[header], None, NOW) {
        Ok(proof) => proof.is_some(),
        Err(refusal) => {
            assert_eq!(refusal.code, ErrorCode::InvalidDpopProof);
            false
        }
    }
}

#[test]
fn which_proofs_hold_and_which_do_not() {
    let key = es256();
    let secs = NOW.secs();
    for (changes, accepted, why) in [
        (vec![], true, "as it should be"),
        (vec![("htu", json!(format!("{URL}?a=1#f")))], true, "htu with query and fragment"),
        (vec![("htu", json!("HTTPS://AS.Example:443/oauth/token"))], true, "upper-case host, explicit port"),
        (vec![("htu", json!("https://as.example/oauth/./x/../token"))], true, "dots (RFC 3986 6.2.2.3)"),
        (vec![("htu", json!(format!("{URL}#{URL}")))], true, "a fragment alone"),
        (vec![("htu", json!("https://mtls.example/oauth/token"))], true, "the alias (RFC 8705 5)"),
        (vec![("extra", json!(1)), ("nbf", json!(secs)), ("exp", json!(secs + 60))], true, "more claims"),
        (vec![("iat", json!(secs - 10))], true, "10 s old"),
        (vec![("iat", json!(secs + 8))], true, "8 s ahead"),
        (vec![("iat", json!(secs as f64 + 0.5))], true, "a fraction"),
        (vec![("iat", json!(secs - 59))], true, "59 s old"),
        (vec![("iat", json!(secs - 60))], false, "a minute old"),
        (vec![("iat", json!(secs + 31))], false, "31 s ahead"),
        (vec![("iat", json!(secs - 3600))], false, "an hour old"),
        (vec![("iat", json!(secs + 3600))], false, "an hour ahead"),
        (vec![("iat", Value::Null)], false, "no iat"),
        (vec![("iat", json!("now"))], false, "iat not a number"),
        (vec![("jti", Value::Null)], false, "no jti"),
        (vec![("jti", json!(""))], false, "empty jti"),
        (vec![("jti", json!(7))], false, "jti not text"),
        (vec![("jti", json!("j".repeat(513)))], false, "jti too long"),
        (vec![("htm", Value::Null)], false, "no htm"),
        (vec![("htm", json!("GET"))], false, "another method"),
        (vec![("htm", json!("post"))], false, "methods have a case"),
        (vec![("htu", Value::Null)], false, "no htu"),
        (vec![("htu", json!("https://as.example/oauth/par"))], false, "another endpoint"),
        (vec![("htu", json!("https://as.example/oauth/token/"))], false, "another path"),
        (vec![("htu", json!("https://as.example:8443/oauth/token"))], false, "another port"),
        (vec![("htu", json!("http://as.example/oauth/token"))], false, "another scheme"),
        (vec![("htu", json!("https://evil.example/oauth/token"))], false, "another host"),
        (vec![("htu", json!("https://u@as.example/oauth/token"))], false, "a user name"),
        (vec![("htu", json!("/oauth/token"))], false, "relative"),
        (vec![("htu", json!("https://as.example/OAUTH/token"))], false, "paths have a case"),
        (vec![("htu", json!("https://as.example//oauth/token"))], false, "two slashes"),
        (vec![("htu", json!("https://as.example./oauth/token"))], false, "another name of the host"),
        (vec![("htu", json!("https://as.example"))], false, "the server, not the endpoint"),
        (vec![("htu", json!([URL]))], false, "htu a list"),
        (vec![("htm", json!(["POST"]))], false, "htm a list"),
        (vec![("iat", json!(-1))], false, "iat before all time"),
        (vec![("iat", json!(1e300))], false, "iat after all time"),
        (vec![("iat", json!(secs.to_string()))], false, "iat a text"),
    ] {
        assert_eq!(holds(&proof(&key, &changes)), accepted, "{why}");
    }
    for alg in Alg::ALL {
        let key = SigningKey::generate(alg).unwrap();
        assert_eq!(holds(&proof(&key, &[])), alg != Alg::Rs256, "{alg}");
    }
}

/// A proof with a header of our making, signed with `key` as if nothing were wrong.
fn forged(key: &SigningKey, header: &Value) -> String {
    let good = proof(key, &[]);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let body = message.split_once('.').unwrap().1;
    format!("{}.{body}.{signature}", base64url(header.to_string()))
}

#[test]
fn headers_of_proofs() {
    let key = es256();
    let jwk = key.public().to_json();
    let mut private = jwk.clone();
    private["d"] = base64url([1; 32]).into();
    for (header, why) in [
        (json!({"typ": "dpop+jwt", "alg": "none", "jwk": jwk}), "none"),
        (json!({"typ": "dpop+jwt", "alg": "HS256", "jwk": jwk}), "HMAC"),
        (json!({"typ": "dpop+jwt", "alg": "ES256"}), "no jwk"),
        (json!({"typ": "dpop+jwt", "jwk": jwk}), "no alg"),
        (json!({"alg": "ES256", "jwk": jwk}), "no typ"),
        (json!({"typ": "JWT", "alg": "ES256", "jwk": jwk}), "another typ"),
        (json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": private}), "a private key"),
        (json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": "x"}), "jwk not an object"),
        (json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": es256().public().to_json()}), "another key"),
        (json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "oct", "k": "AA"}}), "a symmetric key"),
        (json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk, "crit": ["x"], "x": 1}), "crit"),
        (json!({"typ": "dpop+jwt", "alg": "PS256", "jwk": jwk}), "alg of another family"),
        (json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk, "x5c": []}), "a header that was not signed"),
    ] {
        assert!(!holds(&forged(&key, &header)), "{why}");
    }
    let typ = |typ: &str| {
        let mut header = json!({"alg": "ES256", "jwk": key.public().to_json()});
        header["typ"] = typ.into();
        at(&[&forged(&key, &header)], None, NOW).unwrap_err().description
    };
    // Its media type has no case (RFC 7515 §4.1.9): such a proof fails only for its signature.
    assert!(typ("DPoP+JWT").contains("does not verify"), "{}", typ("DPoP+JWT"));
    assert!(!holds(&sign(&key, Some("dpop+jwt"), &claims()).unwrap()), "kid instead of jwk");
    for junk in ["", "x", "a.b.c", "Bearer x", &"A".repeat(40_000)] {
        assert!(!holds(junk), "{junk:.20}");
    }
    let good = proof(&key, &[]);
    assert_eq!(at(&[], None, NOW), Ok(None));
    assert_eq!(at(&[&good, &good], None, NOW).map_err(|r| r.code), Err(ErrorCode::InvalidDpopProof));
    assert_eq!(at(&[&format!("{good}, {good}")], None, NOW).map_err(|r| r.code), Err(ErrorCode::InvalidDpopProof));
    let jkt = at(&[&good], None, NOW).unwrap().unwrap().jkt;
    assert_eq!(jkt, key.public().thumbprint());
}

#[test]
fn ath_binds_the_access_token() {
    let key = es256();
    let with = |ath: Value| at(&[&proof(&key, &[("ath", ath)])], Some("rk_at_x"), NOW).is_ok();
    assert!(with(Hash::of("rk_at_x").base64url().into()));
    for ath in [Value::Null, "".into(), Hash::of("rk_at_y").base64url().into(), json!(1), "rk_at_x".into()] {
        assert!(!with(ath.clone()), "{ath}");
    }
}

#[test]
fn nonces_hold_two_windows() {
    let key = es256();
    let at = |nonce: Value, required, now: Instant| {
        let proof = proof(&key, &[("nonce", nonce), ("iat", json!(now.secs()))]);
        check(&Input { headers: &[&proof], method: "POST", urls: &[URL], token: None }, &nonces(), required, now)
            .map(|p| p.is_some())
            .map_err(|r| r.code)
    };
    let nonce = nonces().issue(NOW);
    assert!(nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "RFC 9449 §8.1 characters");
    let minutes = |n: u64| NOW + Duration::from_secs(n * 60);
    for (value, required, now, wanted) in [
        (json!(nonce), true, NOW, Ok(true)),
        (json!(nonce), true, minutes(5), Ok(true)),
        (json!(nonce), true, minutes(10), Err(ErrorCode::UseDpopNonce)),
        (json!(nonce), false, minutes(10), Err(ErrorCode::UseDpopNonce)),
        (Value::Null, true, NOW, Err(ErrorCode::UseDpopNonce)),
        (Value::Null, false, NOW, Ok(true)),
        (json!("guess"), false, NOW, Err(ErrorCode::UseDpopNonce)),
        (json!(1), false, NOW, Err(ErrorCode::UseDpopNonce)),
    ] {
        assert_eq!(at(value.clone(), required, now), wanted, "{value} {required}");
    }
    assert!(Nonces::new(Zeroizing::new([6; 32])).good_until(&nonce, NOW).is_none(), "another server's");
    // Two nodes' clocks are never quite the same.
    assert_eq!(at(json!(nonce), true, NOW - Duration::from_millis(1)), Ok(true), "from a node that is ahead");
    assert_eq!(at(json!(nonce), true, NOW - Duration::from_secs(301)), Err(ErrorCode::UseDpopNonce), "from no clock");
}

/// RFC 9449 §4.3 (11): a nonce tells by our clock when a proof was made, for clients whose own clock is wrong (§8). Then
/// the proof is remembered as long as its nonce is good.
#[test]
fn a_nonce_stands_in_for_a_clock() {
    let key = es256();
    let issued = NOW + Duration::from_secs(120);
    let nonce = nonces().issue(issued);
    let wrong = [json!(NOW.secs() - 3600), json!(NOW.secs() + 3600)];
    for iat in wrong {
        let good = proof(&key, &[("nonce", json!(nonce)), ("iat", iat.clone())]);
        let until = at(&[&good], None, issued).unwrap().unwrap().until;
        let bare = proof(&key, &[("iat", iat)]);
        assert_eq!(at(&[&bare], None, issued).map_err(|r| r.code), Err(ErrorCode::InvalidDpopProof));
        // As long as it would be taken it is remembered, and no longer.
        let last = until - Duration::from_millis(1);
        assert!(at(&[&good], None, last).is_ok());
        assert_eq!(at(&[&good], None, until).map_err(|r| r.code), Err(ErrorCode::UseDpopNonce));
        assert!(until.since(issued) > Duration::from_secs(300) && until.since(issued) <= Duration::from_secs(600));
    }
    for iat in [Value::Null, json!("now")] {
        let dateless = proof(&key, &[("nonce", json!(nonce)), ("iat", iat)]);
        assert_eq!(at(&[&dateless], None, issued).map_err(|r| r.code), Err(ErrorCode::InvalidDpopProof));
    }
}

async fn spend(service: &TestRegistry, input: Input<'_>, now: Instant) -> Result<Thumbprint, Refusal> {
    let proof = service.authenticator.dpop(&input, now)?.unwrap();
    service.authenticator.spend_proof(&proof).await
}

#[tokio::test]
async fn a_proof_is_seen_once() {
    let service = TestRegistry::new().await;
    let key = es256();
    let good = proof(&key, &[]);
    let headers = [good.as_str()];
    let input = Input { headers: &headers, method: "POST", urls: &[URL], token: None };
    let tries = (0..20).map(|_| spend(&service, input, NOW));
    let seen = futures_util::future::join_all(tries).await;
    assert_eq!(seen.iter().filter(|s| s.is_ok()).count(), 1);
    assert!(seen.iter().filter_map(|s| s.as_ref().err()).all(|r| r.code == ErrorCode::InvalidDpopProof));
    let none = Input { headers: &[], ..input };
    assert_eq!(service.authenticator.dpop(&none, NOW), Ok(None));
    // The same jti under another key is another proof.
    let other = proof(&es256(), &[]);
    assert!(spend(&service, Input { headers: &[&other], ..input }, NOW).await.is_ok());
    // What is forgotten would be refused for its age.
    let later = NOW + Duration::from_secs(61);
    let gone = service.store.write(move |tx| crate::client::replay::forget(tx, later + Duration::from_secs(60), 500));
    assert_eq!(gone.await.unwrap(), 2);
    assert!(spend(&service, input, later).await.is_err());
}
