//! Secrets: how they are presented, and what verifying them may cost.

use super::*;
use crate::client::{AuthMethod, Presented, authenticate};
use crate::params::Params;
use crate::refusal::Code;
use base64::Engine as _;

fn basic(id: &str, secret: &str) -> String {
    let both = format!("{id}:{secret}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
}
async fn with_header(desk: &Desk, header: &str) -> Result<AuthMethod, Code> {
    let params = Params::default();
    let presented = Presented { authorization: &[header], params: &params, certificate: None };
    authenticate(&desk.authenticator, &presented, NOW).await.map(|a| a.method).map_err(|r| r.code)
}
async fn with_body(desk: &Desk, body: &str) -> Result<AuthMethod, Code> {
    let params = Params::parse(body).unwrap();
    let presented = Presented { authorization: &[], params: &params, certificate: None };
    authenticate(&desk.authenticator, &presented, NOW).await.map(|a| a.method).map_err(|r| r.code)
}

#[tokio::test]
async fn basic_and_post() {
    let desk = Desk::new().await;
    desk.register(&oidc(), generated("p%s:w+ö &")).await;
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
        let wanted = if accepted { Ok(AuthMethod::ClientSecretBasic) } else { Err(Code::InvalidClient) };
        assert_eq!(with_header(&desk, header).await, wanted, "{why}");
    }
    let body = "client_id=app&client_secret=p%25s%3Aw%2B%C3%B6+%26";
    assert_eq!(with_body(&desk, body).await, Err(Code::InvalidClient), "registered for basic");
    let mut record = oidc();
    record["token_endpoint_auth_method"] = "client_secret_post".into();
    desk.register(&record, None).await;
    assert_eq!(with_body(&desk, body).await, Ok(AuthMethod::ClientSecretPost), "the secret stayed");
    assert_eq!(with_header(&desk, &good).await, Err(Code::InvalidClient), "registered for post");
    for (body, code) in [
        ("client_id=app&client_secret=wrong", Code::InvalidClient),
        ("client_id=app", Code::InvalidClient),
        ("client_secret=x", Code::InvalidClient),
        ("", Code::InvalidClient),
        ("client_id=app&client_secret=x&client_assertion=y", Code::InvalidRequest),
    ] {
        assert_eq!(with_body(&desk, body).await, Err(code), "{body}");
    }
}

#[tokio::test]
async fn one_way_a_request() {
    let desk = Desk::new().await;
    desk.register(&oidc(), generated("right")).await;
    let good = basic("app", "right");
    for (headers, body, wanted) in [
        (vec![good.as_str()], "client_id=app", None),
        (vec![&good], "client_id=other", Some(Code::InvalidClient)),
        (vec![&good], "client_secret=right&client_id=app", Some(Code::InvalidRequest)),
        (vec![&good], "client_assertion_type=x", Some(Code::InvalidRequest)),
        (vec![&good, &good], "", Some(Code::InvalidRequest)),
    ] {
        let params = Params::parse(body).unwrap();
        let presented = Presented { authorization: &headers, params: &params, certificate: None };
        let got = authenticate(&desk.authenticator, &presented, NOW).await;
        assert_eq!(got.err().map(|r| r.code), wanted, "{body}");
    }
    // Unknown client and wrong secret: the same words.
    let mut told = Vec::new();
    for (id, secret) in [("app", "wrong"), ("nobody", "wrong")] {
        let header = basic(id, secret);
        let params = Params::default();
        let presented = Presented { authorization: &[&header], params: &params, certificate: None };
        told.push(authenticate(&desk.authenticator, &presented, NOW).await.unwrap_err());
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn an_imported_secret_costs_argon2_once() {
    let desk = Desk::new().await;
    desk.register(&oidc(), imported("accounts-api-secret")).await;
    let good = basic("app", "accounts-api-secret");
    let many = futures_util::future::join_all((0..30).map(|_| with_header(&desk, &good))).await;
    assert!(many.iter().all(Result::is_ok));
    assert_eq!(desk.authenticator.argon2_computed(), 1, "thirty at once, one computation");
    for _ in 0..20 {
        assert!(with_header(&desk, &good).await.is_ok());
    }
    assert_eq!(desk.authenticator.argon2_computed(), 1);
}

#[tokio::test]
async fn wrong_guesses_cannot_multiply_the_cost() {
    let desk = Desk::new().await;
    desk.register(&oidc(), imported("kakeibo-secret")).await;
    let good = basic("app", "kakeibo-secret");
    assert!(with_header(&desk, &good).await.is_ok());
    let guesses: Vec<String> = (0..40).map(|i| basic("app", &format!("guess {i}"))).collect();
    let answers = futures_util::future::join_all(guesses.iter().map(|g| with_header(&desk, g))).await;
    assert!(answers.iter().all(Result::is_err));
    let refused = |code| answers.iter().filter(|a| **a == Err(code)).count();
    assert_eq!((refused(Code::InvalidClient), refused(Code::TemporarilyUnavailable)), (5, 35));
    assert_eq!(desk.authenticator.argon2_computed(), 6, "five guesses were looked at");
    assert!(with_header(&desk, &good).await.is_ok(), "whoever knows the secret is not kept out");
    for id in ["nobody", "noone"] {
        assert_eq!(with_header(&desk, &basic(id, "x")).await, Err(Code::InvalidClient));
    }
    assert_eq!(desk.authenticator.argon2_computed(), 6, "unknown clients cost nothing");
    // A guess comes back with time.
    let later = NOW + Duration::from_secs(3);
    let params = Params::default();
    let presented = Presented { authorization: &[&guesses[0]], params: &params, certificate: None };
    let code = authenticate(&desk.authenticator, &presented, later).await.err().map(|r| r.code);
    assert_eq!(code, Some(Code::InvalidClient));
}

#[tokio::test]
async fn a_new_secret_ends_the_old_one_at_once() {
    let desk = Desk::new().await;
    let client = desk.register(&oidc(), imported("old secret")).await;
    assert!(with_header(&desk, &basic("app", "old+secret")).await.is_ok());
    let (secret, stored) = crate::client::renew_secret(&SeededRandom::new(4));
    let work = move |tx: &mut crate::store::Tx<'_, '_>| {
        sql::set_secret(tx, &client.id, &stored, &Actor::Staff("x".into()), NOW)
    };
    assert!(desk.store.write(work).await.unwrap());
    assert_eq!(with_header(&desk, &basic("app", "old+secret")).await, Err(Code::InvalidClient));
    assert!(with_header(&desk, &basic("app", secret.reveal())).await.is_ok());
}
