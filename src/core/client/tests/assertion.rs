//! Client assertions (RFC 7523 §3, FAPI 2.0 Security Profile §5.3.2.1): those that hold, and those that do not.

use super::*;
use crate::client::{AuthMethod, PresentedCredentials, Status, authenticate, identify, sql::Changed};
use crate::id::EventId;
use crate::keys::jose::{Alg, sign};
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn key(alg: Alg) -> SigningKey {
    SigningKey::generate(alg).unwrap()
}
fn claims(jti: &str) -> Value {
    let now = NOW.secs();
    json!({"iss": "app", "sub": "app", "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 60, "jti": jti})
}
fn params(assertion: &str, more: &[(&str, &str)]) -> Params {
    let mut params = Params::default();
    params.set("client_assertion_type", TYPE);
    params.set("client_assertion", assertion);
    for (name, value) in more {
        params.set(name, value);
    }
    params
}
async fn ask(service: &TestRegistry, params: &Params, now: Instant) -> Result<String, Refusal> {
    let presented = PresentedCredentials { authorization: &[], params, certificate: None, version: None };
    let done = authenticate(&service.authenticator, &presented, now).await?;
    assert_eq!(done.method, AuthMethod::PrivateKeyJwt);
    Ok(done.client.id.to_string())
}
async fn code(service: &TestRegistry, assertion: &str) -> Option<ErrorCode> {
    ask(service, &params(assertion, &[]), NOW).await.err().map(|r| r.code)
}

#[tokio::test]
async fn what_fapi_demands_of_an_assertion() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    service.register(&fapi(&[&es]), None).await;
    let now = NOW.secs();
    for (i, (changes, accepted, why)) in [
        (vec![], true, "as it should be"),
        (vec![("iat", json!(now + 8)), ("nbf", json!(now + 8))], true, "8 s ahead"),
        (vec![("iat", json!(now + 62))], false, "iat 62 s ahead"),
        (vec![("nbf", json!(now + 62))], false, "nbf 62 s ahead"),
        (vec![("iat", Value::Null), ("nbf", Value::Null)], true, "neither is required"),
        (vec![("exp", json!(now - 300))], false, "expired five minutes ago"),
        (vec![("exp", json!(now - 5))], true, "expired five seconds ago: a slow clock"),
        (vec![("exp", json!(now - 9))], true, "nine seconds ago"),
        (vec![("exp", json!(now - 10))], false, "ten seconds ago"),
        (vec![("iat", json!(now + 30)), ("nbf", json!(now + 30))], true, "30 s ahead"),
        (vec![("iat", json!(now + 31))], false, "iat 31 s ahead"),
        (vec![("nbf", json!(now + 31))], false, "nbf 31 s ahead"),
        (vec![("iat", json!(now - 3600)), ("nbf", json!(now - 3600))], true, "made an hour ago, still good"),
        (vec![("iat", json!("now"))], false, "iat not a number"),
        (vec![("nbf", json!([now]))], false, "nbf a list"),
        (vec![("nbf", json!(-1))], false, "nbf before all time"),
        (vec![("exp", json!(now as f64 + 59.5))], true, "a fraction"),
        (vec![("exp", json!(1e300))], false, "exp after all time"),
        (vec![("exp", json!(now + 3630))], true, "valid for an hour, as far as a clock may be off"),
        (vec![("exp", json!(now + 3631))], false, "valid for longer"),
        (vec![("exp", Value::Null)], false, "no exp"),
        (vec![("exp", json!("soon"))], false, "exp not a number"),
        (vec![("exp", json!(now + 86_400))], false, "valid for a day"),
        (vec![("aud", json!([ISSUER]))], false, "aud as an array"),
        (vec![("aud", json!(format!("{ISSUER}/oauth/token")))], false, "aud the token endpoint"),
        (vec![("aud", json!(format!("{ISSUER}/oauth/par")))], false, "aud the PAR endpoint"),
        (vec![("aud", json!(format!("{ISSUER}/")))], false, "aud with a slash"),
        (vec![("aud", json!([ISSUER, "https://other.example"]))], false, "aud with another beside it"),
        (vec![("aud", json!(ISSUER.to_uppercase()))], false, "aud in capitals"),
        (vec![("aud", json!({"iss": ISSUER}))], false, "aud an object"),
        (vec![("aud", json!(""))], false, "aud empty"),
        (vec![("aud", Value::Null)], false, "no aud"),
        (vec![("iss", Value::Null)], false, "no iss"),
        (vec![("iss", json!("other"))], false, "another iss"),
        (vec![("iss", json!(["app"]))], false, "iss an array"),
        (vec![("sub", Value::Null)], false, "no sub"),
        (vec![("sub", json!("other"))], false, "another sub"),
        (vec![("jti", Value::Null)], false, "no jti"),
        (vec![("jti", json!(""))], false, "empty jti"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = claims(&format!("j{i}"));
        for (name, value) in changes {
            claims[name] = value;
        }
        claims.as_object_mut().unwrap().retain(|_, v| !v.is_null());
        let assertion = sign(&es, None, &claims).unwrap();
        let wanted = if accepted { None } else { Some(ErrorCode::InvalidClient) };
        assert_eq!(code(&service, &assertion).await, wanted, "{why}");
    }
}

/// RFC 8725 §3.11, RFC 9101 §10.8: a request object that names the client as its subject has been seen by a browser.
#[tokio::test]
async fn what_was_signed_for_another_use_is_no_assertion() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    service.register(&fapi(&[&es]), None).await;
    for (typ, accepted) in [
        (None, true),
        (Some("JWT"), true),
        (Some("jwt"), true),
        (Some("client-authentication+jwt"), true),
        (Some("application/Client-Authentication+JWT"), true),
        (Some("oauth-authz-req+jwt"), false),
        (Some("OautH-auThZ-REQ+jWt"), false),
        (Some("application/dpop+jwt"), false),
    ] {
        let assertion = sign(&es, typ, &claims(&format!("typ {typ:?}"))).unwrap();
        assert_eq!(code(&service, &assertion).await.is_none(), accepted, "{typ:?}");
    }
    for name in ["response_type", "redirect_uri", "code_challenge"] {
        let mut claims = claims(name);
        claims[name] = "of a request".into();
        let assertion = sign(&es, Some("JWT"), &claims).unwrap();
        assert_eq!(code(&service, &assertion).await, Some(ErrorCode::InvalidClient), "{name}");
    }
}

#[tokio::test]
async fn openid_connect_clients_may_name_an_endpoint_or_a_list() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    let mut record = fapi(&[&es]);
    record["profile"] = "oidc".into();
    record["token_endpoint_auth_method"] = "private_key_jwt".into();
    service.register(&record, None).await;
    for (i, (aud, accepted)) in [
        (json!(ISSUER), true),
        (json!([ISSUER]), true),
        (json!(["https://other.example", format!("{ISSUER}/oauth/token")]), true),
        (json!(format!("{ISSUER}/oauth/token")), true),
        (json!(format!("{ISSUER}/oauth/par")), true),
        (json!("https://other.example"), false),
        (json!([]), false),
        (json!([1]), false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = claims(&format!("o{i}"));
        claims["aud"] = aud.clone();
        let got = code(&service, &sign(&es, None, &claims).unwrap()).await;
        assert_eq!(got.is_none(), accepted, "{aud}");
    }
}

#[tokio::test]
async fn algorithms_by_profile() {
    for (profile, refused) in [("fapi2", vec![Alg::Rs256]), ("oidc", vec![])] {
        let service = TestRegistry::new().await;
        let keys: Vec<_> = Alg::ALL.into_iter().map(key).collect();
        let mut record = fapi(&keys.iter().collect::<Vec<_>>());
        record["profile"] = profile.into();
        record["token_endpoint_auth_method"] = "private_key_jwt".into();
        service.register(&record, None).await;
        for key in &keys {
            let assertion = sign(key, None, &claims(key.kid())).unwrap();
            let wanted = refused.contains(&key.alg()).then_some(ErrorCode::InvalidClient);
            assert_eq!(code(&service, &assertion).await, wanted, "{profile} {}", key.alg());
        }
        // A client that named one algorithm is held to it.
        record["token_endpoint_auth_signing_alg"] = "PS256".into();
        service.register(&record, None).await;
        for key in &keys {
            let assertion = sign(key, None, &claims(&format!("2{}", key.kid()))).unwrap();
            assert_eq!(code(&service, &assertion).await.is_none(), key.alg() == Alg::Ps256, "{profile} {}", key.alg());
        }
    }
}

#[tokio::test]
async fn what_else_must_be_right() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    service.register(&fapi(&[&es]), None).await;
    let fresh = |jti: &str| sign(&es, None, &claims(jti)).unwrap();
    let to = &service;
    let refused = |p: Params| async move { ask(to, &p, NOW).await.map_err(|r| (r.code, r.description.to_string())) };
    assert_eq!(refused(params(&fresh("a"), &[("client_id", "app")])).await, Ok("app".into()));
    let Err((other, _)) = refused(params(&fresh("b"), &[("client_id", "other")])).await else { panic!("accepted") };
    assert_eq!(other, ErrorCode::InvalidClient, "a client_id that is not the one that signed");
    let Err((two, _)) = refused(params(&fresh("c"), &[("client_secret", "x")])).await else { panic!("accepted") };
    assert_eq!(two, ErrorCode::InvalidRequest, "two methods at once");
    let Err((wrong_type, _)) = refused(params(&fresh("d"), &[("client_assertion_type", "x")])).await else {
        panic!("accepted")
    };
    assert_eq!(wrong_type, ErrorCode::InvalidClient);
    let mut half = params(&fresh("e"), &[]);
    half.retain(|n| n != "client_assertion_type");
    assert_eq!(refused(half).await.unwrap_err().0, ErrorCode::InvalidClient);
    assert_eq!(refused(params("junk", &[])).await.unwrap_err().0, ErrorCode::InvalidClient);
    // Unknown, and known with another's key: told apart by nothing.
    let stranger = key(Alg::Es256);
    let mut unknown = claims("f");
    (unknown["iss"], unknown["sub"]) = ("nobody".into(), "nobody".into());
    let nobody = refused(params(&sign(&stranger, None, &unknown).unwrap(), &[])).await.unwrap_err();
    let wrong_key = refused(params(&sign(&stranger, None, &claims("g")).unwrap(), &[])).await.unwrap_err();
    assert_eq!(nobody, wrong_key);
    assert_eq!(nobody.0, ErrorCode::InvalidClient);
}

#[tokio::test]
async fn an_assertion_counts_once_even_when_fifty_come_together() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    service.register(&fapi(&[&es]), None).await;
    let p = params(&sign(&es, None, &claims("once")).unwrap(), &[]);
    let all = futures_util::future::join_all((0..50).map(|_| ask(&service, &p, NOW))).await;
    assert_eq!(all.iter().filter(|a| a.is_ok()).count(), 1);
    assert!(all.iter().filter_map(|a| a.as_ref().err()).all(|r| r.code == ErrorCode::InvalidClient));
}

/// Who is only told a nonce may come again with the same assertion (RFC 9449 §8); asking alone uses nothing up.
#[tokio::test]
async fn an_assertion_is_used_up_when_it_counted() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    service.register(&fapi(&[&es]), None).await;
    let p = params(&sign(&es, None, &claims("twice")).unwrap(), &[]);
    let presented = PresentedCredentials { authorization: &[], params: &p, certificate: None, version: None };
    for _ in 0..2 {
        assert!(identify(&service.authenticator, &presented, NOW).await.is_ok());
    }
    assert!(ask(&service, &p, NOW).await.is_ok());
    assert_eq!(ask(&service, &p, NOW).await.err().map(|r| r.code), Some(ErrorCode::InvalidClient));
    let late = NOW + Duration::from_secs(69);
    assert_eq!(
        ask(&service, &p, late).await.err().map(|r| r.code),
        Some(ErrorCode::InvalidClient),
        "until it is too old"
    );
}

#[tokio::test]
async fn a_suspended_client_is_refused_from_the_commit_on() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    let client = service.register(&fapi(&[&es]), None).await;
    let go = |jti: &'static str| {
        let p = params(&sign(&es, None, &claims(jti)).unwrap(), &[]);
        let service = &service;
        async move { ask(service, &p, NOW).await.map_err(|r| r.code) }
    };
    assert!(go("1").await.is_ok());
    let set = |status, event: &'static str| {
        let id = client.id.clone();
        let event = EventId::parse(event).unwrap();
        service.store.write(move |tx| sql::set_status(tx, &id, status, &Actor::Staff("x".into()), &event, NOW))
    };
    assert_eq!(set(Status::Suspended, "e1").await.unwrap(), Changed::Yes);
    assert_eq!(go("2").await, Err(ErrorCode::InvalidClient));
    assert_eq!(set(Status::Suspended, "e2").await.unwrap(), Changed::Already);
    // An import does not lift a suspension.
    service.register(&fapi(&[&es]), None).await;
    assert_eq!(go("3").await, Err(ErrorCode::InvalidClient));
    assert_eq!(set(Status::Active, "e3").await.unwrap(), Changed::Yes);
    assert!(go("4").await.is_ok());
}

/// What only registered itself proves who it is in vain until it is approved; no order but that one moves it.
#[tokio::test]
async fn a_pending_client_authenticates_nowhere() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    let mut record = fapi(&[&es]);
    record["status"] = "pending".into();
    let client = service.register(&record, None).await;
    let go = |jti: &'static str| {
        let p = params(&sign(&es, None, &claims(jti)).unwrap(), &[]);
        let service = &service;
        async move { ask(service, &p, NOW).await.map_err(|r| r.code) }
    };
    assert_eq!(go("1").await, Err(ErrorCode::InvalidClient));
    for status in [Status::Active, Status::Suspended, Status::Pending, Status::Ended] {
        let (id, event) = (client.id.clone(), EventId::parse("e0").unwrap());
        let staff = Actor::Staff("x".into());
        let set = service.store.write(move |tx| sql::set_status(tx, &id, status, &staff, &event, NOW));
        assert!(matches!(set.await.unwrap(), Changed::Not(_)), "{status:?}");
    }
    assert_eq!(go("2").await, Err(ErrorCode::InvalidClient));
    let approve = |event: &'static str| {
        let (id, event, staff) = (client.id.clone(), EventId::parse(event).unwrap(), Actor::Staff("x".into()));
        service.store.write(move |tx| crate::client::registration::sql::approve(tx, &id, None, &staff, &event, NOW))
    };
    assert_eq!(approve("e1").await.unwrap(), Changed::Yes);
    assert!(go("3").await.is_ok());
    assert_eq!(approve("e2").await.unwrap(), Changed::Already);
    // Nor does it make us fetch its keys.
    record["client_id"] = "remote".into();
    record["jwks"] = Value::Null;
    record["jwks_uri"] = "https://app.example/jwks".into();
    service.register(&record, None).await;
    service.web.serve(Some(json!({"keys": [es.public().to_json()]})));
    let mut claims = claims("r");
    (claims["iss"], claims["sub"]) = (json!("remote"), json!("remote"));
    let p = params(&sign(&es, None, &claims).unwrap(), &[]);
    assert_eq!(ask(&service, &p, NOW).await.map(|_| ()).map_err(|r| r.code), Err(ErrorCode::InvalidClient));
    assert_eq!(service.web.asked(), 0);
}

#[tokio::test]
async fn keys_behind_a_url() {
    let service = TestRegistry::new().await;
    let (old, new) = (key(Alg::Es256), key(Alg::Es256));
    let mut record = fapi(&[&old]);
    record["jwks"] = Value::Null;
    record["jwks_uri"] = "https://app.example/jwks".into();
    service.register(&record, None).await;
    let set = |key: &SigningKey| Some(json!({"keys": [key.public().to_json()]}));
    let go = |key: &SigningKey, jti: &'static str, seconds: u64| {
        let now = NOW + Duration::from_secs(seconds);
        let mut claims = claims(jti);
        claims["exp"] = (now.secs() + 60).into();
        let p = params(&sign(key, None, &claims).unwrap(), &[]);
        let service = &service;
        async move { ask(service, &p, now).await.is_ok() }
    };
    assert!(!go(&old, "0", 0).await, "not reachable");
    assert_eq!(service.web.asked(), 1);
    service.web.serve(set(&old));
    assert!(!go(&old, "1", 1).await, "not asked again at once");
    assert_eq!(service.web.asked(), 1);
    let first = futures_util::future::join_all(["a", "b", "c"].map(|jti| go(&old, jti, 20))).await;
    assert_eq!((first, service.web.asked()), (vec![true; 3], 2), "one fetch for all who wait");
    assert!(go(&old, "2", 500).await);
    assert_eq!(service.web.asked(), 2, "kept");
    service.web.serve(set(&new));
    assert!(go(&new, "3", 501).await, "an unknown kid is worth a look");
    assert_eq!(service.web.asked(), 3);
    for (i, jti) in ["4", "5", "6"].into_iter().enumerate() {
        assert!(!go(&old, jti, 502 + i as u64).await, "gone");
    }
    assert_eq!(service.web.asked(), 3, "unknown kids do not make us ask");
    service.web.serve(None);
    assert!(go(&new, "7", 5000).await, "a set that was good serves while its owner is away");
    assert!(!go(&new, "8", 200_000).await, "but not for days");
}

/// Three clients name one URL, which leads into a private network. The record of one of them names that network.
#[tokio::test]
async fn keys_in_a_private_network_are_fetched_for_the_client_that_may_enter_it() {
    let service = TestRegistry::new().await;
    let es = key(Alg::Es256);
    let register = async |id: &str, networks: &[&str]| {
        let mut record = fapi(&[&es]);
        (record["client_id"], record["jwks"]) = (id.into(), Value::Null);
        record["jwks_uri"] = "https://app.example/jwks".into();
        record["allow_networks"] = json!(networks);
        service.register(&record, None).await
    };
    register("allowed", &["10.1.0.0/16"]).await;
    register("strange", &[]).await;
    register("elsewhere", &["10.2.0.0/16"]).await;
    service.web.serve(Some(json!({"keys": [es.public().to_json()]})));
    service.web.stand_at("10.1.0.7");
    let go = |id: &'static str, jti: &'static str| {
        let mut claims = claims(jti);
        (claims["iss"], claims["sub"]) = (json!(id), json!(id));
        let p = params(&sign(&es, None, &claims).unwrap(), &[]);
        let service = &service;
        async move { ask(service, &p, NOW).await.is_ok() }
    };
    assert!(!go("strange", "1").await, "nothing was fetched yet");
    assert!(go("allowed", "2").await);
    assert!(!go("strange", "3").await, "what was fetched for the other client is not this one's");
    assert!(!go("elsewhere", "4").await, "another network opens nothing");
    assert!(go("allowed", "5").await);
    assert_eq!(service.web.asked(), 1, "and is kept for who may have it");
    register("allowed", &[]).await;
    assert!(!go("allowed", "6").await, "nor is it kept for who may enter no longer");
}
