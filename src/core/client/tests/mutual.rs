//! Clients that prove themselves by a certificate (RFC 8705), as far as no TLS is needed to tell: what they register, and
//! which certificate is theirs.

use super::*;
use crate::client::certificate::Certificate;
use crate::client::metadata::document;
use crate::client::{PresentedCredentials, authenticate};
use crate::params::Params;
use crate::refusal::ErrorCode;
use crate::secret::base64url;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData};

fn with(mut base: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        base[*name] = value.clone();
    }
    base
}
fn app(changes: &[(&str, Value)]) -> Value {
    let base = json!({"client_id": "app", "client_name": "App", "redirect_uris": ["https://app.example/cb"]});
    with(base, changes)
}
fn tls(changes: &[(&str, Value)]) -> Value {
    with(app(&[("token_endpoint_auth_method", json!("tls_client_auth"))]), changes)
}
fn self_signed(jwk: Value) -> Value {
    let method = json!("self_signed_tls_client_auth");
    app(&[("token_endpoint_auth_method", method), ("jwks", json!({"keys": [jwk]}))])
}

/// A self-signed certificate for `app.example`, in DER.
fn certificate(key: &KeyPair, days: std::ops::Range<i64>) -> Vec<u8> {
    let mut params = CertificateParams::new(vec!["app.example".to_owned()]).unwrap();
    let day = |d: i64| rcgen::date_time_ymd(2027, 1, 15) + Duration::from_secs(86_400 * d.unsigned_abs());
    (params.not_before, params.not_after) = (day(days.start), day(days.end));
    params.self_signed(key).unwrap().der().to_vec()
}
/// NOW is 2027-01-15T08:00:00Z.
const TODAY: std::ops::Range<i64> = 0..1;

fn ec(key: &KeyPair) -> Value {
    let point = key.der_bytes();
    json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
}
fn x5c(key: &KeyPair, der: &[u8]) -> Value {
    with(ec(key), &[("x5c", json!([STANDARD.encode(der)]))])
}

#[test]
fn what_a_client_registers() {
    let key = KeyPair::generate().unwrap();
    let (der, other) = (certificate(&key, TODAY), certificate(&KeyPair::generate().unwrap(), TODAY));
    let (name, bound) = ("tls_client_auth_subject_dn", "tls_client_certificate_bound_access_tokens");
    let dns = ("tls_client_auth_san_dns", json!("app.example"));
    let signing = ("profile", json!("fapi2_message_signing"));
    let ip = |text: &str| ("tls_client_auth_san_ip", json!(text));
    for (record, refused) in [
        (tls(&[(name, json!("CN=app,O=App,C=JP"))]), None),
        (tls(std::slice::from_ref(&dns)), None),
        (tls(&[("tls_client_auth_san_uri", json!("https://app.example/"))]), None),
        (tls(&[ip("2001:db8::1")]), None),
        (tls(&[("tls_client_auth_san_email", json!("ops@app.example"))]), None),
        (tls(&[dns.clone(), signing.clone(), ("jwks", json!({"keys": [ec(&key)]}))]), None),
        (tls(&[dns.clone(), signing]), Some("jwks")),
        (tls(&[dns.clone(), ("profile", json!("oidc"))]), None),
        (tls(&[dns.clone(), (bound, json!(true))]), None),
        (tls(&[dns.clone(), (bound, json!(true)), ("dpop_bound_access_tokens", json!(false))]), None),
        (self_signed(ec(&key)), None),
        (self_signed(x5c(&key, &der)), None),
        (tls(&[]), Some(name)),
        (tls(&[dns.clone(), ip("192.0.2.1")]), Some("tls_client_auth_san_ip")),
        (tls(&[(name, json!("no name"))]), Some(name)),
        (tls(&[ip("192.0.2.256")]), Some("tls_client_auth_san_ip")),
        (with(self_signed(ec(&key)), std::slice::from_ref(&dns)), Some("tls_client_auth_san_dns")),
        (with(self_signed(ec(&key)), &[("jwks", Value::Null)]), Some("jwks")),
        (self_signed(x5c(&key, &other)), Some("jwks")),
        (self_signed(with(ec(&key), &[("x5c", json!(["not base64!"]))])), Some("jwks")),
        (self_signed(with(ec(&key), &[("x5c", json!([]))])), Some("jwks")),
        (app(&[("jwks", json!({"keys": [with(ec(&key), &[("x5c", json!(["not base64!"]))])]}))]), None),
        (tls(&[dns.clone(), (bound, json!(true)), ("dpop_bound_access_tokens", json!(true))]), Some(bound)),
        (tls(&[dns, ("dpop_bound_access_tokens", json!(false))]), Some("dpop_bound_access_tokens")),
        (with(self_signed(ec(&key)), &[(bound, json!("yes"))]), Some(bound)),
    ] {
        match (parse(&record, ClientId::parse("app").unwrap(), &rules(), NOW), refused) {
            (Ok(client), None) => {
                assert_eq!(client.dpop_bound, client.profile.is_fapi() && !client.certificate_bound, "{record}");
                let again = document(&client);
                let read = parse(&again, client.id.clone(), &rules(), NOW).unwrap();
                assert_eq!(document(&read), again, "what is stored says the same");
                assert_eq!((read.tls_subject, read.keys), (client.tls_subject, client.keys));
            }
            (Err(refusal), Some(member)) => {
                assert_eq!(refusal.code, ErrorCode::InvalidClientMetadata);
                assert!(refusal.description.starts_with(&format!("{member}: ")), "wanted {member}, got: {refusal}");
            }
            (read, _) => panic!("{record}: {:?}", read.map(|c| c.id)),
        }
    }
}

#[test]
fn what_a_server_does_not_offer_nobody_registers() {
    let key = KeyPair::generate().unwrap();
    let by_name = tls(&[("tls_client_auth_san_dns", json!("app.example"))]);
    let bound = with(
        fapi(&[&SigningKey::generate(crate::keys::jose::Alg::Es256).unwrap()]),
        &[("tls_client_certificate_bound_access_tokens", json!(true))],
    );
    for (record, certificates, authorities, taken) in [
        (&by_name, true, true, true),
        (&by_name, true, false, false),
        (&by_name, false, true, false),
        (&self_signed(ec(&key)), true, false, true),
        (&self_signed(ec(&key)), false, false, false),
        (&bound, true, false, true),
        (&bound, false, false, false),
    ] {
        let rules = Rules { methods: AuthMethod::offered(certificates, authorities), ..rules() };
        let read = parse(record, ClientId::parse("app").unwrap(), &rules, NOW);
        assert_eq!(read.is_ok(), taken, "{record} {certificates} {authorities}");
    }
}

async fn ask(
    service: &TestRegistry,
    fields: &[(&str, &str)],
    certificate: Option<&Certificate>,
    now: Instant,
) -> Option<ErrorCode> {
    let mut params = Params::default();
    for (name, value) in fields {
        params.set(name, value);
    }
    let presented = PresentedCredentials { authorization: &[], params: &params, certificate, version: None };
    authenticate(&service.authenticator, &presented, now).await.err().map(|r| r.code)
}

#[tokio::test]
async fn a_certificate_is_its_clients_alone() {
    let service = TestRegistry::new().await;
    let (own, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let read = |der: &[u8], trusted| Certificate::parse(der, trusted).unwrap();
    let der = certificate(&own, TODAY);
    let named = with(tls(&[("tls_client_auth_san_dns", json!("app.example"))]), &[("client_id", json!("named"))]);
    let elsewhere =
        with(named.clone(), &[("client_id", json!("elsewhere")), ("tls_client_auth_san_dns", json!("other.example"))]);
    let pinned = with(self_signed(x5c(&own, &der)), &[("client_id", json!("pinned"))]);
    let keyed = with(self_signed(ec(&own)), &[("client_id", json!("keyed"))]);
    let signer = with(fapi(&[&SigningKey::generate(crate::keys::jose::Alg::Es256).unwrap()]), &[]);
    for record in [&named, &elsewhere, &pinned, &keyed, &signer] {
        service.register(record, None).await;
    }
    let renewed = certificate(&own, 0..2);
    let expired = certificate(&own, 2..3);
    for (client, presented, accepted, why) in [
        ("named", Some(read(&der, true)), true, "a trusted chain with the name"),
        ("named", Some(read(&der, false)), false, "anybody can write a name"),
        ("named", None, false, "no certificate"),
        ("elsewhere", Some(read(&der, true)), false, "another name"),
        ("pinned", Some(read(&der, false)), true, "the registered certificate"),
        ("pinned", Some(read(&renewed, false)), false, "another certificate of the same key"),
        ("pinned", Some(read(&certificate(&other, TODAY), true)), false, "a trusted certificate, but not registered"),
        ("keyed", Some(read(&der, false)), true, "of the registered key"),
        ("keyed", Some(read(&renewed, false)), true, "renewed, of the registered key"),
        ("keyed", Some(read(&expired, false)), false, "not good yet"),
        ("keyed", Some(read(&certificate(&other, TODAY), false)), false, "another key"),
        ("app", Some(read(&der, true)), false, "a client that signs assertions"),
        ("nobody", Some(read(&der, true)), false, "an unknown client"),
        ("", Some(read(&der, true)), false, "no client_id (RFC 8705 2)"),
    ] {
        let wanted = (!accepted).then_some(ErrorCode::InvalidClient);
        assert_eq!(ask(&service, &[("client_id", client)], presented.as_ref(), NOW).await, wanted, "{client}: {why}");
    }
    let cert = read(&der, true);
    let beside = [("client_id", "named"), ("client_secret", "x")];
    assert_eq!(
        ask(&service, &beside, Some(&cert), NOW).await,
        Some(ErrorCode::InvalidClient),
        "the registered method alone"
    );
    let day = Duration::from_secs(86_400);
    let late = ask(&service, &[("client_id", "pinned")], Some(&cert), NOW + day).await;
    assert_eq!(late, Some(ErrorCode::InvalidClient), "expired");
}

#[tokio::test]
async fn keys_of_every_kind_are_recognised() {
    let service = TestRegistry::new().await;
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let ed = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    // RSAPublicKey of RFC 8017 A.1.1: SEQUENCE of two INTEGERs; of a 2048 bit key both stand at known places.
    let raw = rsa.der_bytes();
    let jwk = json!({"kty": "RSA", "n": base64url(&raw[9..265]), "e": base64url(&raw[267..])});
    let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(ed.der_bytes())});
    for (id, key, jwk) in [("rsa", &rsa, jwk), ("ed", &ed, okp)] {
        service.register(&with(self_signed(jwk), &[("client_id", json!(id))]), None).await;
        let cert = Certificate::parse(&certificate(key, TODAY), false).unwrap();
        assert_eq!(ask(&service, &[("client_id", id)], Some(&cert), NOW).await, None, "{id}");
        let other = if id == "rsa" { "ed" } else { "rsa" };
        assert_eq!(ask(&service, &[("client_id", other)], Some(&cert), NOW).await, Some(ErrorCode::InvalidClient));
    }
}

/// RFC 8705 §2.2: a client rotates its certificates by itself where it registered a jwks_uri.
#[tokio::test]
async fn certificates_behind_a_url() {
    let service = TestRegistry::new().await;
    let (old, new) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let record = with(self_signed(ec(&old)), &[("jwks", Value::Null), ("jwks_uri", json!("https://app.example/jwks"))]);
    service.register(&record, None).await;
    // A second certificate of the same key would be another one.
    let [old, new] = [old, new].map(|key| (certificate(&key, TODAY), key));
    let set = |(der, key): &(Vec<u8>, KeyPair)| Some(json!({"keys": [x5c(key, der)]}));
    let go = |(der, _): &(Vec<u8>, KeyPair), seconds: u64| {
        let (cert, service) = (Certificate::parse(der, false).unwrap(), &service);
        async move { ask(service, &[("client_id", "app")], Some(&cert), NOW + Duration::from_secs(seconds)).await.is_none() }
    };
    service.web.serve(set(&old));
    assert!(go(&old, 0).await && !go(&new, 1).await);
    service.web.serve(set(&new));
    assert!(go(&new, 30).await, "fetched anew for a certificate it does not know");
    assert!(!go(&old, 31).await, "gone");
    assert_eq!(service.web.asked(), 2, "and not once a try");
}
