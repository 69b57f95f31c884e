//! A transmitter for the tests of both receivers, and what a token must hold.

use super::set::check;
use super::*;
use crate::jose::SigningKey;
use crate::time::from_secs;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use std::error::Error;

/// A key that signs tokens as the server does.
pub(crate) struct SetKey {
    key: EncodingKey,
    pub(crate) public: Jwk,
}
impl SetKey {
    pub(crate) fn generate() -> Result<Self, Box<dyn Error>> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair)?;
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
        let key = EncodingKey::from_rsa_pem(pem.as_bytes())?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256)?;
        public.common.key_id = Some("events".into());
        Ok(Self { key, public })
    }
    pub(crate) fn sign(&self, typ: &str, alg: Algorithm, claims: &Value) -> Result<String, Box<dyn Error>> {
        let header = Header { typ: Some(typ.into()), kid: Some("events".into()), ..Header::new(alg) };
        Ok(encode(&header, claims, &self.key)?)
    }
    /// An event of a grant, as the server sends it.
    pub(crate) fn event(
        &self,
        (issuer, aud): (&str, &str),
        jti: &str,
        name: &str,
        at: i64,
    ) -> Result<String, Box<dyn Error>> {
        self.sign("secevent+jwt", Algorithm::RS256, &claims((issuer, aud), jti, name, at))
    }
}

fn claims((issuer, aud): (&str, &str), jti: &str, name: &str, at: i64) -> Value {
    json!({
        "iss": issuer, "aud": aud, "iat": at, "jti": jti, "txn": "e1", "toe": at - 1,
        "sub_id": {
            "format": "complex",
            "user": {"format": "iss_sub", "iss": issuer, "sub": "s"},
            "session": {"format": "opaque", "id": "g1"},
        },
        "events": {format!("{issuer}/events/{name}"): {"seq": 3, "by": "institution"}},
    })
}

const ISSUER: &str = "http://as";
const NOW: i64 = 1_795_300_000;

#[test]
fn only_a_whole_token_of_the_issuer_for_this_receiver_is_believed() -> Result<(), Box<dyn Error>> {
    let (key, other) = (SetKey::generate()?, SetKey::generate()?);
    let good = claims((ISSUER, "creco"), "j1", "grant.revoked", NOW);
    let verdict = |token: &str| check(token, std::slice::from_ref(&key.public), (ISSUER, "creco"), from_secs(NOW));
    let set = |typ: &str, claims: &Value| key.sign(typ, Algorithm::RS256, claims);
    let event = verdict(&set("secevent+jwt", &good)?).map_err(BadSet::description)?;
    assert_eq!((event.name.as_str(), event.grant.as_deref(), event.seq), ("grant.revoked", Some("g1"), Some(3)));
    assert_eq!((event.by.as_deref(), event.at), (Some("institution"), from_secs(NOW - 1)));
    assert!(verdict(&set("application/SecEvent+JWT", &good)?).is_ok(), "RFC 7515 §4.1.9");
    assert_eq!(verdict(&set("JWT", &good)?), Err(BadSet::Request("typ")));
    assert_eq!(verdict(&other.sign("secevent+jwt", Algorithm::RS256, &good)?), Err(BadSet::Key), "another key");
    assert_eq!(verdict(&key.sign("secevent+jwt", Algorithm::PS256, &good)?), Err(BadSet::Key), "another algorithm");
    assert_eq!(verdict("x.y.z"), Err(BadSet::Request("typ")));
    type Change = fn(&mut Value);
    let table: [(&str, Change, Option<&str>); 12] = [
        ("one audience in a list", |c| c["aud"] = json!(["creco"]), None),
        ("a little ahead", |c| c["iat"] = json!(NOW + 30), None),
        ("another issuer", |c| c["iss"] = json!("http://evil"), Some("invalid_issuer")),
        ("another audience", |c| c["aud"] = json!("kakeibo"), Some("invalid_audience")),
        ("no audience", |c| c["aud"] = Value::Null, Some("invalid_audience")),
        ("a token of another kind", |c| c["exp"] = json!(NOW + 60), Some("invalid_request")),
        ("with a subject", |c| c["sub"] = json!("s"), Some("invalid_request")),
        ("from the future", |c| c["iat"] = json!(NOW + 3600), Some("invalid_request")),
        ("no jti", |c| c["jti"] = json!(""), Some("invalid_request")),
        ("no event", |c| c["events"] = json!({}), Some("invalid_request")),
        ("two events", |c| c["events"] = json!({"a": {}, "b": {}}), Some("invalid_request")),
        ("an event that is no object", |c| c["events"] = json!({"a": 1}), Some("invalid_request")),
    ];
    for (why, change, err) in table {
        let mut claims = good.clone();
        change(&mut claims);
        assert_eq!(verdict(&set("secevent+jwt", &claims)?).err().map(BadSet::code), err, "{why}");
    }
    let mut odd = good.clone();
    odd["sub_id"] = json!({"format": "opaque", "id": "g1"});
    let event = verdict(&set("secevent+jwt", &odd)?).map_err(BadSet::description)?;
    assert_eq!(event.grant, None, "the subject itself is no grant");
    assert!(SigningKey::generate()?.sign(&good).is_ok_and(|token| verdict(&token).is_err()), "ES256");
    Ok(())
}
