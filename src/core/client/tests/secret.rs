//! Secrets: how they are presented, what is kept of them, and what a guess costs.

use super::*;
use crate::client::{AuthMethod, PresentedCredentials, SecretKey, authenticate};
use crate::params::Params;
use crate::refusal::ErrorCode;
use base64::Engine as _;

fn basic(id: &str, secret: &str) -> String {
    let both = format!("{id}:{secret}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
}
async fn with_header(service: &TestRegistry, header: &str) -> Result<AuthMethod, ErrorCode> {
    let params = Params::default();
    let presented =
        PresentedCredentials { authorization: &[header], params: &params, certificate: None, version: None };
    authenticate(&service.authenticator, &presented, NOW).await.map(|a| a.method).map_err(|r| r.code)
}
async fn with_body(service: &TestRegistry, body: &str) -> Result<AuthMethod, ErrorCode> {
    let params = Params::parse(body).unwrap();
    let presented = PresentedCredentials { authorization: &[], params: &params, certificate: None, version: None };
    authenticate(&service.authenticator, &presented, NOW).await.map(|a| a.method).map_err(|r| r.code)
}

#[tokio::test]
async fn basic_and_post() {
    let service = TestRegistry::new().await;
    service.register(&oidc(), Some("p%s:w+ö &")).await;
    let good = basic("app", "p%25s%3Aw%2B%C3%B6+%26");
    for (header, accepted, why) in [
        (good.as_str(), true, "form-encoded, as RFC 6749 §2.3.1 has it"),
        (&good.replacen("Basic", "bAsIc", 1), true, "a scheme has no case"),
        (&basic("%61pp", "p%25s%3Aw%2B%C3%B6+%26"), true, "the id is form-encoded too"),
        (&basic("app", "p%s:w+ö &"), false, "not encoded"),
        (&basic("app", "wrong"), false, "wrong"),
        (&basic("app", ""), false, "empty"),
        (&basic("nobody", "wrong"), false, "unknown"),
        (&basic("", "x"), false, "no id"),
        ("Basic", false, "nothing"),
        ("Basic !!!", false, "not base64"),
        ("Basic YXBw", false, "no colon"),
        ("Bearer abc", false, "another scheme"),
        (&format!("Basic {}", "A".repeat(5000)), false, "too long"),
    ] {
        let wanted = if accepted { Ok(AuthMethod::ClientSecretBasic) } else { Err(ErrorCode::InvalidClient) };
        assert_eq!(with_header(&service, header).await, wanted, "{why}");
    }
    let body = "client_id=app&client_secret=p%25s%3Aw%2B%C3%B6+%26";
    assert_eq!(with_body(&service, body).await, Err(ErrorCode::InvalidClient), "registered for basic");
    let mut record = oidc();
    record["token_endpoint_auth_method"] = "client_secret_post".into();
    service.register(&record, None).await;
    assert_eq!(with_body(&service, body).await, Ok(AuthMethod::ClientSecretPost), "the secret stayed");
    assert_eq!(with_header(&service, &good).await, Err(ErrorCode::InvalidClient), "registered for post");
    for (body, code) in [
        ("client_id=app&client_secret=wrong", ErrorCode::InvalidClient),
        ("client_id=app", ErrorCode::InvalidClient),
        ("client_secret=x", ErrorCode::InvalidClient),
        ("", ErrorCode::InvalidClient),
        ("client_id=app&client_secret=x&client_assertion=y", ErrorCode::InvalidRequest),
    ] {
        assert_eq!(with_body(&service, body).await, Err(code), "{body}");
    }
}

#[tokio::test]
async fn one_authentication_method_a_request() {
    let service = TestRegistry::new().await;
    service.register(&oidc(), Some("right")).await;
    let good = basic("app", "right");
    for (headers, body, wanted) in [
        (vec![good.as_str()], "client_id=app", None),
        (vec![&good], "client_id=other", Some(ErrorCode::InvalidClient)),
        (vec![&good], "client_secret=right&client_id=app", Some(ErrorCode::InvalidRequest)),
        (vec![&good], "client_assertion_type=x", Some(ErrorCode::InvalidRequest)),
        (vec![&good, &good], "", Some(ErrorCode::InvalidRequest)),
    ] {
        let params = Params::parse(body).unwrap();
        let presented =
            PresentedCredentials { authorization: &headers, params: &params, certificate: None, version: None };
        let got = authenticate(&service.authenticator, &presented, NOW).await;
        assert_eq!(got.err().map(|r| r.code), wanted, "{body}");
    }
    // Unknown client and wrong secret: the same words.
    let mut told = Vec::new();
    for (id, secret) in [("app", "wrong"), ("nobody", "wrong")] {
        let header = basic(id, secret);
        let params = Params::default();
        let presented =
            PresentedCredentials { authorization: &[&header], params: &params, certificate: None, version: None };
        told.push(authenticate(&service.authenticator, &presented, NOW).await.unwrap_err());
    }
    assert_eq!(told[0], told[1]);
}

/// A wrong secret any number of times, in parallel too, is always refused in the same words and never keeps the right one
/// out.
#[tokio::test]
async fn wrong_secrets_never_keep_the_right_one_out() {
    let service = TestRegistry::new().await;
    service.register(&oidc(), Some("accounts-api-secret")).await;
    let good = basic("app", "accounts-api-secret");
    let guesses: Vec<String> = (0..1000).map(|i| basic("app", &format!("guess {i}"))).collect();
    let wrong = futures_util::future::join_all(guesses.iter().map(|guess| with_header(&service, guess)));
    let right = futures_util::future::join_all((0..50).map(|_| with_header(&service, &good)));
    let (wrong, right) = futures_util::future::join(wrong, right).await;
    assert!(wrong.iter().all(|answer| *answer == Err(ErrorCode::InvalidClient)));
    assert!(right.iter().all(Result::is_ok), "while others guess");
    for guess in &guesses {
        assert_eq!(with_header(&service, guess).await, Err(ErrorCode::InvalidClient), "one after the other");
    }
    assert!(with_header(&service, &good).await.is_ok(), "and after them");
}

#[test]
fn a_stored_secret_is_an_hmac_of_the_digest() {
    let key = |byte: u8| SecretKey::new([byte; 32].into());
    let secret = Secret::new("kakeibo-secret");
    let StoredSecret::Keyed(tag) = key(1).to_stored(&secret) else { panic!("one kind") };
    // python3: hmac.new(bytes([1] * 32), sha256(b"kakeibo-secret").digest(), sha256), in base64url
    assert_eq!(tag.base64url(), "ecQdus_fOsKf1esqOu_LoXCDSoShBIMQ4DUi8yBSkM4");
    assert!(key(1).matches(Some(&StoredSecret::Keyed(tag)), &secret));
    assert!(!key(1).matches(Some(&StoredSecret::Keyed(tag)), &Secret::new("kakeibo-secreT")));
    assert!(!key(2).matches(Some(&StoredSecret::Keyed(tag)), &secret), "another installation has another key");
    assert_ne!(key(2).to_stored(&secret), key(1).to_stored(&secret));
    assert!(!key(1).matches(None, &secret));
    assert_eq!(format!("{:?} {:?}", key(1), key(1).to_stored(&secret)), "SecretKey(…) StoredSecret(…)");
}

/// What the comparison costs does not tell whether there is such a client. The least of many measurements: whatever else
/// the machine does only adds to them.
#[test]
fn an_unknown_client_costs_what_a_wrong_secret_costs() {
    let key = SecretKey::new([1; 32].into());
    let (kept, presented) = (key.to_stored(&Secret::new("the right secret")), Secret::new("a wrong one"));
    let least = |kept: Option<&StoredSecret>| {
        let cost = || {
            let start = std::time::Instant::now();
            assert!(!key.matches(std::hint::black_box(kept), &presented));
            start.elapsed().as_nanos()
        };
        (0..5000).map(|_| cost()).min().unwrap()
    };
    let (wrong, unknown) = (least(Some(&kept)), least(None));
    assert!(unknown * 2 > wrong && wrong * 2 > unknown, "a wrong secret: {wrong} ns, an unknown client: {unknown} ns");
}

/// A node of the earlier release may have written it since our start.
#[tokio::test]
async fn what_an_earlier_release_kept_counts_as_far_as_it_can_be_checked() {
    let service = TestRegistry::new().await;
    let digest = StoredSecret::Digest(Secret::new("made by it").hash());
    service.register_stored(&oidc(), Some(digest)).await;
    assert!(with_header(&service, &basic("app", "made+by+it")).await.is_ok());
    assert_eq!(with_header(&service, &basic("app", "another")).await, Err(ErrorCode::InvalidClient));
    let phc = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    service.register_stored(&oidc(), Some(StoredSecret::Argon2id(phc.into()))).await;
    for secret in ["brought+along", phc, ""] {
        assert_eq!(with_header(&service, &basic("app", secret)).await, Err(ErrorCode::InvalidClient));
    }
}

#[tokio::test]
async fn a_new_secret_ends_the_old_one_at_once() {
    let service = TestRegistry::new().await;
    let client = service.register(&oidc(), Some("old secret")).await;
    assert!(with_header(&service, &basic("app", "old+secret")).await.is_ok());
    let (secret, stored) = crate::client::renew_secret(service.authenticator.secret_key(), &SeededRandom::new(4));
    let work = move |tx: &mut crate::store::Tx<'_, '_>| {
        sql::set_secret(tx, &client.id, &stored, None, &Actor::Staff("x".into()), NOW)
    };
    assert!(service.store.write(work).await.unwrap());
    assert_eq!(with_header(&service, &basic("app", "old+secret")).await, Err(ErrorCode::InvalidClient));
    assert!(with_header(&service, &basic("app", secret.reveal())).await.is_ok());
}

#[test]
fn the_former_secret_counts_until_its_moment() {
    let key = SecretKey::new(zeroize::Zeroizing::new([7; 32]));
    let (old, new) = (Secret::new("the old one"), Secret::new("the new one"));
    let kept = key.to_stored(&new);
    let former = crate::client::FormerSecret { secret: key.to_stored(&old), until: NOW };
    let second = Duration::from_secs(1);
    for (former, at, old_counts) in [
        (Some(&former), NOW - second, true),
        (Some(&former), NOW, false),
        (Some(&former), NOW + second, false),
        (None, NOW, false),
    ] {
        assert_eq!(key.matches_one_of(Some(&kept), former, &old, at), old_counts, "{at:?}");
        assert!(key.matches_one_of(Some(&kept), former, &new, at));
        assert!(!key.matches_one_of(Some(&kept), former, &Secret::new("another"), at));
    }
    assert!(!key.matches_one_of(None, None, &old, NOW));
    // What an earlier release stored is kept in our own form, or not at all.
    assert_eq!(key.renewed_form(StoredSecret::Digest(old.hash())), Some(key.to_stored(&old)));
    assert_eq!(key.renewed_form(StoredSecret::Argon2id("$argon2id$".into())), None);
}
