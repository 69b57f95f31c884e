//! Test vectors of RFC 7515, 7638, 8037 and 9449, and tables of what is refused.

use super::jose::{Alg, Error, Header, parse, sign, sign_with_key_inside, verify};
use super::seal::Sealer;
use super::{Jwk, Ring, SigningKey, guarded, master, provider, ring};
use crate::clock::Instant;
use crate::random::SeededRandom;
use crate::secret::{base64url, from_base64url};
use crate::store::Store;
use proptest::prelude::*;
use serde_json::{Value, json};

/// RFC 7638 §3.1.
fn rfc7638_key() -> Value {
    json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29"
    })
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let rsa = Jwk::parse(&rfc7638_key()).unwrap();
    assert_eq!(rsa.thumbprint().base64url(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 8037 appendix A.3.
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(Jwk::parse(&ed).unwrap().thumbprint().base64url(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    // RFC 9449 §6.1: the key of its example proofs, the jkt of its example tokens.
    let ec = json!({"kty": "EC", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA", "crv": "P-256"});
    assert_eq!(Jwk::parse(&ec).unwrap().thumbprint().base64url(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn signatures_of_the_rfcs_verify() {
    // RFC 7515 appendix A.3 (ES256).
    let key = json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let seen = verify(token, &[Jwk::parse(&key).unwrap()], &[Alg::Es256]).unwrap();
    assert_eq!(seen.claims.text("iss"), Some("joe"));
    // RFC 7515 appendix A.2 (RS256): the same payload under the RSA key of the example.
    let key = json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"});
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let keys = [Jwk::parse(&key).unwrap()];
    assert!(verify(token, &keys, &Alg::ALL).is_ok());
    assert_eq!(verify(token, &keys, &Alg::FAPI).unwrap_err(), Error::Algorithm);
    // The key of RFC 8037 appendix A.1 under the newer name of its algorithm (RFC 9864 §2.2), in header and key.
    let key =
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "alg": "Ed25519"});
    let token = "eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiJqb2UifQ.AU7Vnbi22zHc7iQCteAiqdjAbZ5CmWAfQCu0K3fwYq3qpGik6t6LBpW3WUFg3aO4fb59RVTNus1dOfolDuF4AA";
    assert_eq!(verify(token, &[Jwk::parse(&key).unwrap()], &Alg::FAPI).unwrap().claims.text("iss"), Some("joe"));
}

fn part(json: &Value) -> String {
    base64url(json.to_string())
}

#[test]
fn what_we_sign_verifies_and_a_changed_bit_does_not() {
    for alg in Alg::ALL {
        let key = SigningKey::generate(alg).unwrap();
        let token = sign(&key, Some("at+jwt"), &json!({"sub": "x"})).unwrap();
        let keys = [key.public().clone()];
        let seen = verify(&token, &keys, &[alg]).unwrap();
        assert!(seen.header.is_typ("AT+JWT") && seen.header.is_typ("at+jwt") && !seen.header.is_typ("jwt"));
        assert_eq!((seen.header.kid.as_deref(), seen.thumbprint), (Some(key.kid()), key.public().thumbprint()));
        assert_eq!(key.kid(), key.public().thumbprint().base64url());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = from_base64url(signature).unwrap();
        bytes[7] ^= 1;
        let changed = format!("{message}.{}", base64url(&bytes));
        assert_eq!(verify(&changed, &keys, &[alg]).unwrap_err(), Error::Signature, "{alg}");
        let body = message.split_once('.').unwrap().0;
        let other = format!("{body}.{}.{signature}", part(&json!({"sub": "y"})));
        assert_eq!(verify(&other, &keys, &[alg]).unwrap_err(), Error::Signature, "{alg}");
        // The same key, stored and loaded.
        let again = SigningKey::from_der(alg, zeroize::Zeroizing::new(key.der().to_vec())).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert!(!format!("{key:?}").contains(&base64url(key.der())));
    }
}

#[test]
fn an_rsa_key_serves_only_the_algorithm_it_names() {
    let key = SigningKey::generate(Alg::Ps256).unwrap();
    let mut other = key.public().to_json();
    other["alg"] = "RS256".into();
    let token = sign(&key, None, &json!({})).unwrap();
    assert_eq!(verify(&token, &[Jwk::parse(&other).unwrap()], &Alg::ALL).unwrap_err(), Error::UnknownKey);
}

#[test]
fn keys_are_chosen_by_kid() {
    let (one, two) = (SigningKey::generate(Alg::Es256).unwrap(), SigningKey::generate(Alg::Es256).unwrap());
    let token = sign(&two, None, &json!({})).unwrap();
    let keys = |list: &[&SigningKey]| list.iter().map(|k| k.public().clone()).collect::<Vec<_>>();
    assert!(verify(&token, &keys(&[&one, &two]), &Alg::ALL).is_ok());
    assert_eq!(verify(&token, &keys(&[&one]), &Alg::ALL).unwrap_err(), Error::UnknownKey);
    assert_eq!(verify(&token, &[], &Alg::ALL).unwrap_err(), Error::UnknownKey);
    // A key that was registered without a `kid` is tried with any `kid` of the token.
    let nameless = |key: &SigningKey| {
        let mut jwk = key.public().to_json();
        jwk.as_object_mut().unwrap().remove("kid");
        Jwk::parse(&jwk).unwrap()
    };
    assert!(verify(&token, &[nameless(&one), nameless(&two)], &Alg::ALL).is_ok());
    assert_eq!(verify(&token, &[nameless(&one)], &Alg::ALL).unwrap_err(), Error::Signature);
    assert_eq!(verify(&token, &[one.public().clone(), nameless(&one)], &Alg::ALL).unwrap_err(), Error::Signature);
    // Without kid every fitting key is tried.
    let proof = sign_with_key_inside(&two, "dpop+jwt", &json!({})).unwrap();
    assert!(verify(&proof, &keys(&[&one, &two]), &Alg::ALL).is_ok());
    assert_eq!(verify(&proof, &keys(&[&one]), &Alg::ALL).unwrap_err(), Error::Signature);
    // The header contains the public key only.
    let inside = parse(&proof).unwrap().header().jwk.clone().unwrap();
    assert_eq!(Jwk::parse(&inside).unwrap().thumbprint(), two.public().thumbprint());
    assert_eq!(inside.as_object().unwrap().len(), 4);
}

#[test]
fn headers_nobody_understands_are_refused() {
    let signature = base64url([0; 64]);
    let body = part(&json!({}));
    for (header, wanted) in [
        (json!({"alg": "none"}), Error::Algorithm),
        (json!({"alg": "None"}), Error::Algorithm),
        (json!({"alg": "HS256"}), Error::Algorithm),
        (json!({"alg": "ES512"}), Error::Algorithm),
        (json!({"alg": "es256"}), Error::Algorithm),
        (json!({}), Error::Malformed),
        (json!({"alg": 1}), Error::Malformed),
        (json!({"alg": "ES256", "typ": 1}), Error::Malformed),
        (json!({"alg": "ES256", "kid": 1}), Error::Malformed),
        (json!({"alg": "ES256", "crit": ["exp"], "exp": 1}), Error::Critical),
        (json!({"alg": "ES256", "crit": []}), Error::Critical),
        (json!({"alg": "ES256", "b64": false, "crit": ["b64"]}), Error::Critical),
        (json!({"alg": "ES256", "zip": "DEF"}), Error::Critical),
        (json!([]), Error::Malformed),
    ] {
        let token = format!("{}.{body}.{signature}", part(&header));
        assert_eq!(parse(&token).err(), Some(wanted), "{header}");
    }
    let good = part(&json!({"alg": "ES256"}));
    for token in [
        String::new(),
        ".".into(),
        "..".into(),
        format!("{good}.{body}"),
        format!("{good}.{body}."),
        format!("{good}.{body}.{signature}="),
        format!("{good}.{body}.{signature}.{signature}"),
        format!("{good}.{}.{signature}", base64url("[1]")),
        format!("{good}.{}.{signature}", base64url("text")),
        format!("{good} .{body}.{signature}"),
        format!("{good}.{body}.{}", "A".repeat(20_000)),
    ] {
        assert_eq!(parse(&token).err(), Some(Error::Malformed), "{token:.40}");
    }
}

#[test]
fn media_types_compare_as_rfc_7515_says() {
    let header = |typ: &str| Header { alg: Alg::Es256, typ: Some(typ.into()), kid: None, jwk: None };
    for (typ, same) in [
        ("dpop+jwt", true),
        ("DPoP+JWT", true),
        ("application/dpop+jwt", true),
        ("Application/dpop+jwt", true),
        ("jwt", false),
        ("", false),
        ("text/dpop+jwt", false),
        ("あああああ", false),
    ] {
        assert_eq!(header(typ).is_typ("dpop+jwt"), same, "{typ}");
    }
}

#[test]
fn dates_are_numbers_a_date_can_have() {
    let claims = |v: Value| super::jose::Claims(json!({"exp": v}).as_object().unwrap().clone());
    assert_eq!(claims(json!(1_700_000_000)).date("exp"), Ok(Some(Instant::from_secs(1_700_000_000))));
    assert_eq!(claims(json!(1.5)).date("exp"), Ok(Some(Instant::from_millis(1500))));
    assert_eq!(claims(json!(1)).date("nbf"), Ok(None));
    for bad in [json!("1"), json!(-1), json!(1e300), json!(u64::MAX), json!(null), json!([1]), json!(true)] {
        assert_eq!(claims(bad.clone()).date("exp"), Err("exp"), "{bad}");
    }
}

#[test]
fn keys_we_do_not_take() {
    let ec = SigningKey::generate(Alg::Es256).unwrap().public().to_json();
    let rsa = rfc7638_key();
    let with = |base: &Value, name: &str, value: Value| {
        let mut key = base.clone();
        key[name] = value;
        key
    };
    for (key, why) in [
        (json!("text"), "not an object"),
        (json!({}), "no kty"),
        (json!({"kty": "oct", "k": "AAAA"}), "symmetric"),
        (with(&ec, "d", json!("AAAA")), "private EC"),
        (with(&rsa, "d", json!("AAAA")), "private RSA"),
        (with(&rsa, "p", json!("AAAA")), "a prime"),
        (with(&ec, "d", json!(null)), "a private member, though null"),
        (with(&ec, "use", json!("enc")), "for encryption"),
        (with(&ec, "key_ops", json!(["sign"])), "for signing only"),
        (with(&ec, "crv", json!("P-384")), "another curve"),
        (with(&ec, "crv", json!("secp256k1")), "another curve"),
        (with(&ec, "x", json!("AAAA")), "short coordinate"),
        (with(&ec, "x", json!(1)), "a number"),
        (with(&ec, "alg", json!("RS256")), "alg of another family"),
        (with(&ec, "alg", json!("HS256")), "alg we do not know"),
        (with(&ec, "kid", json!("")), "empty kid"),
        (with(&ec, "kid", json!(7)), "kid not text"),
        (with(&rsa, "n", json!(base64url([0xff; 128]))), "1024 bits"),
        (with(&rsa, "n", json!(base64url([&[0x7f; 1][..], &[0xff; 255]].concat()))), "2047 bits"),
        (with(&rsa, "n", json!(base64url([&[0; 1][..], &[0xff; 256]].concat()))), "a leading zero"),
        (with(&rsa, "n", json!(base64url([0xff; 1025]))), "too large"),
        (with(&rsa, "e", json!(base64url([1]))), "exponent 1"),
        (with(&rsa, "e", json!(base64url([4]))), "even exponent"),
        (json!({"kty": "OKP", "crv": "X25519", "x": base64url([1; 32])}), "X25519"),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": base64url([1; 31])}), "short point"),
    ] {
        assert!(matches!(Jwk::parse(&key), Err(Error::Key(_))), "{why}");
    }
}

#[test]
fn key_sets() {
    let ec = SigningKey::generate(Alg::Es256).unwrap().public().to_json();
    let set = |keys: Value| Jwk::parse_set(&json!({"keys": keys})).map(|k| k.len());
    assert_eq!(set(json!([ec])), Ok(1));
    // RFC 7517 §5: keys of an unknown type are skipped.
    assert_eq!(set(json!([{"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}, ec])), Ok(1));
    for (keys, why) in [
        (json!([]), "empty"),
        (json!([ec, ec]), "one kid twice"),
        (json!([ec, "x"]), "not an object"),
        (json!([ec, {"kty": "oct", "k": "AA"}]), "a symmetric key"),
        (json!(vec![ec.clone(); 33]), "too many"),
        (json!({}), "not a list"),
    ] {
        assert!(set(keys).is_err(), "{why}");
    }
    assert!(Jwk::parse_set(&ec).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(token in "[A-Za-z0-9_.=-]{0,80}", raw in any::<String>()) {
        let _ = parse(&token);
        let _ = parse(&raw);
    }
    #[test]
    fn no_json_makes_the_key_parser_panic(
        kty in prop::sample::select(vec!["EC", "RSA", "OKP", "oct"]),
        crv in prop::sample::select(vec!["P-256", "Ed25519", "X"]),
        x in "[A-Za-z0-9_-]{0,50}", y in "[A-Za-z0-9_-]{0,50}", n in "[A-Za-z0-9_-]{0,400}", e in "[A-Za-z0-9_-]{0,8}",
    ) {
        let key = json!({"kty": kty, "crv": crv, "x": x, "y": y, "n": n, "e": e});
        if let Ok(key) = Jwk::parse(&key) {
            // A parsed key can be printed and parsed again.
            prop_assert_eq!(Jwk::parse(&key.to_json()).ok(), Some(key));
        }
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::sqlite(&dir.path().join("renkei.db")).unwrap();
    (dir, store)
}
fn sealer(byte: u8) -> Sealer {
    Sealer::new("master", &[byte; 32]).unwrap()
}

#[tokio::test]
async fn the_ring_is_made_once_and_sealed() {
    let (_dir, store) = store();
    let (random, now) = (SeededRandom::new(1), Instant::from_secs(1_700_000_000));
    let ring = Ring::open(&store, &sealer(1), &random, &Alg::ALL, now).await.unwrap();
    let jwks = ring.jwks();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 4);
    let mut kids: Vec<_> = keys.iter().map(|k| k["kid"].as_str().unwrap()).collect();
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), 4, "distinct");
    for key in keys {
        assert_eq!(key["use"], "sig");
        assert!(Alg::parse(key["alg"].as_str().unwrap()).is_some());
        assert!(Jwk::parse(key).is_ok(), "public members alone");
    }
    for alg in Alg::ALL {
        // A signature with RSA is made on a thread that serves no requests. It may be there at once when this thread was held up.
        let sign = || ring.sign(alg, None, json!({"a": 1}));
        let waits = (0..20).any(|_| futures_util::FutureExt::now_or_never(sign()).is_none());
        assert_eq!(waits, matches!(alg, Alg::Rs256 | Alg::Ps256), "{alg}");
        let token = sign().await.unwrap();
        assert!(verify(&token, &ring.public(), &[alg]).is_ok(), "{alg}");
    }
    assert!(ring.entries().iter().all(|e| e.state == ring::KeyState::Current && e.activated_at == Some(now)));
    let again = Ring::open(&store, &sealer(1), &random, &Alg::ALL, now).await.unwrap();
    assert_eq!(again.jwks(), jwks, "loaded, not made anew");
    assert!(matches!(Ring::open(&store, &sealer(2), &random, &Alg::ALL, now).await, Err(ring::Error::Sealed(_))));
    // The stored private keys are sealed.
    let key = ring.current(Alg::EdDsa).unwrap();
    let resting = store.read(|tx| tx.rows("select private_key from signing_keys limit 9", &[])).await.unwrap();
    for row in resting {
        let row = row.bytes(0).unwrap();
        assert!(!row.windows(16).any(|w| key.der().ends_with(w)));
    }
}

#[tokio::test]
async fn two_nodes_that_start_together_share_one_ring() {
    let (_dir, store) = store();
    let now = Instant::from_secs(1_700_000_000);
    let (r1, r2, s) = (SeededRandom::new(1), SeededRandom::new(2), sealer(1));
    let (a, b) = tokio::join!(Ring::open(&store, &s, &r1, &Alg::ALL, now), Ring::open(&store, &s, &r2, &Alg::ALL, now));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.jwks(), b.jwks());
    let (x, y) = tokio::join!(
        ring::shared_secret(&store, &s, &r1, "test", now),
        ring::shared_secret(&store, &s, &r2, "test", now)
    );
    assert_eq!(x.unwrap(), y.unwrap());
    let other = ring::shared_secret(&store, &s, &r1, "other", now).await.unwrap();
    assert_ne!(ring::shared_secret(&store, &s, &r1, "test", now).await.unwrap(), other);
}

#[test]
fn a_forgotten_key_still_signs() {
    let key = SigningKey::generate(Alg::Es256).unwrap();
    sign(&key, None, &json!({})).unwrap();
    provider::forget(key.encoding().as_bytes());
    assert!(verify(&sign(&key, None, &json!({})).unwrap(), &[key.public().clone()], &Alg::ALL).is_ok());
}

#[test]
fn the_master_key_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    assert!(matches!(master::load(&path), Err(master::Error::Open(guarded::Error::Io(..)))));
    let made = master::read_or_create(&path, &SeededRandom::new(7)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(master::read_or_create(&path, &SeededRandom::new(8)).unwrap(), made, "never overwritten");
    assert_eq!(master::load(&path).unwrap(), made);
    for (text, good) in [
        ("07".repeat(32), true),
        (format!("{}\n", base64url([7; 32])), true),
        (format!("{}=\n", base64url([7; 32])), true),
        (String::new(), false),
        ("07".repeat(31), false),
        ("0g".repeat(32), false),
        ("あ".repeat(22), false),
        (base64url([7; 31]), false),
    ] {
        std::fs::write(&path, &text).unwrap();
        assert_eq!(master::load(&path).ok().map(|k| *k), good.then_some([7; 32]), "{text:?}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
    assert!(matches!(master::load(&path), Err(master::Error::Open(guarded::Error::Open(_)))));
}
