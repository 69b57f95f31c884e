//! `fapi2-security-profile-final-test-plan` with `fapi_client_credentials_grant`: a client acts for itself.

use super::resource::ApiUnderTest;
use super::{is_refusal, is_token_response, text};
use crate::support::app::{App, Credential};
use crate::support::http::RequestParts;
use crate::support::jws::{Key, claims};
use crate::support::town::{Town, on_both_with};
use serde_json::{Value, json};

on_both_with!(two_clients_act_for_themselves, |config| {
    config.tokens.client_scopes = renkei_core::scope::Scope::parse("status").unwrap();
});
on_both_with!(nobody_acts_without_proving_who_and_what, |config| {
    config.tokens.client_scopes = renkei_core::scope::Scope::parse("status").unwrap();
});

/// A FAPI client that may act for itself.
async fn acting(w: &Town, id: &str) -> App {
    let key = Key::generate();
    let mut jwk = key.jwk();
    for (name, value) in [("kid", id), ("alg", "ES256"), ("use", "sig")] {
        jwk[name] = json!(value);
    }
    w.register(json!({
        "client_id": id, "profile": "fapi2", "client_name": id, "jwks": { "keys": [jwk] }, "scope": "status",
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
    }))
    .await;
    let app = App::new(w.http.clone(), w.clock.clone(), id, "", Credential::Jwt(key, id.to_owned()));
    app.with_dpop(Key::generate())
}

const ASK: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "status")];

async fn two_clients_act_for_themselves(w: &Town) {
    let metadata = w.http.get("/.well-known/oauth-authorization-server").await.expect(200).json();
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!("client_credentials")));
    let (one, two, beside) = (acting(w, "first").await, acting(w, "second").await, ApiUnderTest::start(w).await);
    let mut tokens = Vec::new();
    for app in [&one, &two] {
        let body = is_token_response(&app.post("/oauth/token", &ASK, true).await, "DPoP");
        assert_eq!((body.get("refresh_token"), body.get("id_token")), (None, None), "RFC 6749 4.4.3");
        let token = text(&body, "access_token").to_owned();
        let id = "c4a9f0a2-5e0c-4d1f-9d3a-0c6d3f3f7a10";
        let answer = beside.call("/v1/status", app, &token, &[("x-fapi-interaction-id", id)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("x-fapi-interaction-id"), Some(id));
        tokens.push(token);
    }
    let without_scope = is_token_response(&one.post("/oauth/token", &ASK[..1], true).await, "DPoP");
    assert_eq!(without_scope["scope"], "status", "a suite whose configuration names no scope");
    assert_eq!(beside.call("/v1/status", &one, &tokens[1], &[]).await.status, 401, "the other client's token");
    let bearer = [("authorization", &*format!("Bearer {}", tokens[0]))];
    assert_eq!(beside.get("/v1/status", &bearer).await.status, 401, "dpop-negative-tests: as a bearer token");
    let customers = beside.call("/v1/accounts", &one, &tokens[0], &[]).await;
    assert_eq!(customers.status, 403, "decision 11: nothing of a customer");
    beside.stop().await;
}

async fn nobody_acts_without_proving_who_and_what(w: &Town) {
    let (one, two) = (acting(w, "first").await, acting(w, "second").await);
    let unproved = one.post("/oauth/token", &ASK, false).await;
    is_refusal(&unproved, 400, &["invalid_request", "invalid_dpop_proof"], "ensure-holder-of-key-required");
    let now = w.now().secs();
    let Credential::Jwt(key, _) = &one.credential else { panic!() };
    let foreign = claims(&two.assertion(|_| {}));
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<String>, &'a str);
    let table: [Row<'_>; 6] = [
        (&[("client_id", "first")], None, "ensure-client-assertion-in-token-endpoint"),
        (
            &[],
            Some(one.assertion(|c| c["exp"] = json!(now - 300))),
            "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
        ),
        (
            &[],
            Some(one.assertion(|c| c["aud"] = json!("https://other.example/"))),
            "ensure-client-assertion-with-wrong-aud-fails",
        ),
        (
            &[],
            Some(one.assertion(|c: &mut Value| drop(c.as_object_mut().unwrap().remove("sub")))),
            "ensure-client-assertion-with-no-sub-fails",
        ),
        (
            &[("client_id", "second")],
            Some(key.sign(json!({ "kid": "first" }), &foreign)),
            "ensure-client-id-in-token-endpoint",
        ),
        (
            &[],
            Some(key.sign(json!({ "kid": "first", "alg": "RS256" }), &claims(&one.assertion(|_| {})))),
            "ensure-signed-client-assertion-with-RS256-fails",
        ),
    ];
    for (more, assertion, module) in table {
        let mut form: super::Fields = ASK.iter().chain(more).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        if let Some(assertion) = assertion {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            form.push(("client_assertion_type".into(), kind.into()));
            form.push(("client_assertion".into(), assertion));
        }
        let proof = one.proof("POST", &format!("{}/oauth/token", w.http.issuer), None, None);
        let answer =
            w.http.send("POST", "/oauth/token", RequestParts::default().header("dpop", proof).form(&form)).await;
        is_refusal(&answer, 401, &["invalid_client"], module);
    }
}
