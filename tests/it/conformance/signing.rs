//! `fapi2-message-signing-final-test-plan`: signed request objects at PAR, and answers in the open or signed (JARM).

use super::{
    Fields, agree, asked, callback, id_token, is_error_answer, is_refusal, is_token_response, push, redeem, text, visit,
};
use crate::support::app::{App, Credential};
use crate::support::http::{Answer, query};
use crate::support::jws::{Key, b64, claims};
use crate::support::town::{Town, on_both};
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{self, Alg};
use serde_json::{Value, json};
use std::collections::BTreeMap;

on_both!(
    signed_requests_answered_in_the_open,
    signed_requests_with_signed_answers,
    what_a_signed_request_may_look_like,
    request_objects_that_are_refused,
    what_stands_outside_the_object_is_not_used,
    errors_are_signed_where_they_were_asked_for,
);

const SCOPE: &str = "openid accounts transactions offline_access";

async fn signing(w: &Town, id: &str) -> App {
    let (key, second) = (Key::generate(), format!("{}?dummy1=lorem&dummy2=ipsum", callback(id)));
    let mut jwk = key.jwk();
    for (name, value) in [("kid", id), ("alg", "ES256"), ("use", "sig")] {
        jwk[name] = json!(value);
    }
    w.register(json!({
        "client_id": id, "profile": "fapi2_message_signing", "client_name": id, "jwks": { "keys": [jwk] },
        "scope": SCOPE, "redirect_uris": [callback(id), second], "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
    }))
    .await;
    let app = App::new(w.http.clone(), w.clock.clone(), id, &callback(id), Credential::Jwt(key, id.to_owned()));
    app.with_dpop(Key::generate())
}
fn key(app: &App) -> &Key {
    let Credential::Jwt(key, _) = &app.credential else { panic!("{} has no key", app.client_id) };
    key
}

/// The claims of a request object: the request, and what makes it an object (RFC 9101 §4, FAPI 2.0 Message Signing
/// §5.3.1). The suite's has neither `jti` nor, for its first client, `iat`.
fn object(w: &Town, app: &App, fields: &Fields) -> Value {
    let now = w.now().secs();
    let mut claims: Value = fields.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
    for (name, value) in
        [("aud", json!(w.http.issuer)), ("iss", json!(app.client_id)), ("nbf", json!(now)), ("exp", json!(now + 300))]
    {
        claims[name] = value;
    }
    claims
}
/// Pushes an object, and nothing beside it but who sends it.
async fn push_object(app: &App, object: &str) -> Answer {
    app.post("/oauth/par", &[("request", object)], false).await
}
fn signed(app: &App, claims: &Value) -> String {
    key(app).sign(json!({ "kid": app.client_id }), claims)
}

/// What is in a signed answer, verified as the suite does: it stands alone, is ours, for this client, for a short while.
async fn verified(w: &Town, app: &App, brought: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    assert!(brought.keys().all(|k| ["response", "dummy1", "dummy2"].contains(&k.as_str())), "{brought:?}");
    let response = &brought["response"];
    let parsed = jose::parse(response).unwrap();
    let kid = parsed.header().kid.clone().expect("a kid");
    let metadata = w.http.get("/.well-known/openid-configuration").await.json();
    let promised = metadata["authorization_signing_alg_values_supported"].as_array().unwrap();
    assert!(promised.contains(&json!(parsed.header().alg.as_str())));
    let set = w.http.get("/oauth/jwks").await.json();
    let jwk = set["keys"].as_array().unwrap().iter().find(|k| k["kid"] == *kid).expect("the key is published");
    jose::verify(response, &[Jwk::parse(jwk).unwrap()], &Alg::FAPI).expect("a FAPI signature");
    let mut claims = claims(response);
    let members = claims.as_object_mut().unwrap();
    let now = w.now().secs();
    let exp = members.remove("exp").unwrap().as_i64().unwrap();
    assert!((now + 10..=now + 600).contains(&exp), "JARM 2.1");
    assert_eq!(members.remove("aud").unwrap(), json!(app.client_id));
    assert_eq!(members["iss"], json!(w.http.issuer));
    members.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect()
}

async fn signed_requests_answered_in_the_open(w: &Town) {
    let (one, mut two) = (signing(w, "first").await, signing(w, "second").await);
    two.redirect_uri = format!("{}?dummy1=lorem&dummy2=ipsum", callback("second"));
    for (app, second) in [(&one, false), (&two, true)] {
        let (jkt, long) = (app.dpop.as_ref().unwrap().thumbprint(), "s".repeat(128));
        let more: &[(&str, Option<&str>)] =
            if second { &[("dpop_jkt", Some(&jkt)), ("state", Some(&long))] } else { &[] };
        let (pending, fields) = asked(app, SCOPE, &[more, &[("prompt", Some("consent"))]].concat());
        let mut claims = object(w, app, &fields);
        let mut head = json!({ "kid": app.client_id });
        if second {
            claims["iat"] = json!(w.now().secs());
            head["typ"] = json!("OautH-auThZ-REQ+jWt");
        }
        let pushed = push_object(app, &key(app).sign(head, &claims)).await.expect(201).json();
        let brought = agree(w, &mut w.browser(), &app.authorize_url(text(&pushed, "request_uri"))).await;
        assert_eq!(brought["state"], if second { long } else { pending.state.clone() });
        assert_eq!(brought["iss"], w.http.issuer);
        let body = is_token_response(&redeem(app, &pending, &brought["code"]).await, "DPoP");
        let claims = id_token(w, app, text(&body, "id_token"), &Alg::FAPI).await;
        assert_eq!(claims["nonce"], pending.nonce);
        assert!(body["refresh_token"].is_string());
    }
}

async fn signed_requests_with_signed_answers(w: &Town) {
    let (one, mut two) = (signing(w, "first").await, signing(w, "second").await);
    two.redirect_uri = format!("{}?dummy1=lorem&dummy2=ipsum", callback("second"));
    for app in [&one, &two] {
        let (pending, fields) = asked(app, SCOPE, &[("response_mode", Some("jwt"))]);
        let pushed = push_object(app, &signed(app, &object(w, app, &fields))).await.expect(201).json();
        let brought = agree(w, &mut w.browser(), &app.authorize_url(text(&pushed, "request_uri"))).await;
        assert_eq!(brought.contains_key("dummy1"), app.client_id == "second", "RFC 6749 3.1.2");
        let answer = verified(w, app, &brought).await;
        assert_eq!(answer.keys().map(String::as_str).collect::<Vec<_>>(), ["code", "iss", "state"]);
        assert_eq!(answer["state"], pending.state);
        let body = is_token_response(&redeem(app, &pending, &answer["code"]).await, "DPoP");
        id_token(w, app, text(&body, "id_token"), &Alg::FAPI).await;
    }
}

async fn what_a_signed_request_may_look_like(w: &Town) {
    let app = signing(w, "first").await;
    let (_, fields) = asked(&app, SCOPE, &[]);
    let good = object(w, &app, &fields);
    let now = w.now().secs();
    for (name, value, module) in [
        ("aud", json!(["https://other.example", w.http.issuer]), "ensure-request-object-with-multiple-aud-succeeds"),
        ("nbf", json!(now + 8), "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted"),
        ("extra", json!("foobar"), "RFC 6749 3.1"),
        (
            "claims",
            json!({ "id_token": { "sub": null }, "x7": { "y3": null } }),
            "OpenID Connect Core 6.1: JSON in JSON",
        ),
        ("max_age", json!(300), "OpenID Connect Core 6.1: a number"),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        let answer = push_object(&app, &signed(&app, &claims)).await;
        assert_eq!(answer.status, 201, "{module}: {}", answer.body);
    }
}

async fn request_objects_that_are_refused(w: &Town) {
    let (app, other) = (signing(w, "first").await, signing(w, "second").await);
    let (_, fields) = asked(&app, SCOPE, &[]);
    let good = object(w, &app, &fields);
    let now = w.now().secs();
    let with = |name: &str, value: Option<Value>| {
        let mut claims = good.clone();
        match value {
            Some(value) => claims[name] = value,
            None => drop(claims.as_object_mut().unwrap().remove(name)),
        }
        claims
    };
    let exactly = &["invalid_request_object"][..];
    let either = &["invalid_request", "invalid_request_object"][..];
    let whole = signed(&app, &good);
    let parts: Vec<&str> = whole.split('.').collect();
    let mut broken = parts[2].to_owned();
    broken.replace_range(..4, if broken.starts_with("AAAA") { "BBBB" } else { "AAAA" });
    let unregistered = json!(format!("{}/random", app.redirect_uri));
    for (object, errors, module) in [
        (signed(&app, &with("aud", Some(json!("https://other.example")))), exactly, "request-object-with-bad-aud"),
        (signed(&app, &with("exp", None)), exactly, "ensure-request-object-without-exp-fails"),
        (signed(&app, &with("exp", Some(json!(now - 300)))), exactly, "ensure-expired-request-object-fails"),
        (signed(&app, &with("exp", Some(json!(now + 4200)))), exactly, "request-object-with-exp-over-60"),
        (signed(&app, &with("nbf", None)), exactly, "ensure-request-object-without-nbf-fails"),
        (signed(&app, &with("nbf", Some(json!(now - 4200)))), exactly, "request-object-with-nbf-over-60"),
        (
            key(&app).sign(json!({ "alg": "RS256", "kid": "first" }), &good),
            exactly,
            "ensure-signed-request-object-with-RS256-fails",
        ),
        (
            format!("{}.{}.", b64(r#"{"alg":"none"}"#), parts[1]),
            exactly,
            "ensure-request-object-signature-algorithm-is-not-none",
        ),
        (format!("{}.{}.{broken}", parts[0], parts[1]), exactly, "ensure-request-object-with-invalid-signature-fails"),
        (
            signed(&app, &with("request_uri", Some(json!("urn:ietf:params:oauth:request_uri:bad")))),
            exactly,
            "par-authorization-request-containing-request_uri",
        ),
        (key(&other).sign(json!({ "kid": "second" }), &good), either, "ensure-matching-key-in-authorization-request"),
        (key(&other).sign(json!({ "kid": "first" }), &good), either, "ensure-matching-key-in-authorization-request"),
        (signed(&app, &with("redirect_uri", None)), either, "ensure-request-object-without-redirect-uri-fails"),
        (
            signed(&app, &with("redirect_uri", Some(unregistered))),
            either,
            "plain-fapi-tolerate-unregistered-redirect-uri",
        ),
        (signed(&app, &with("code_challenge", None)), &["invalid_request"], "par-ensure-pkce-required"),
        (
            signed(&app, &with("code_challenge_method", Some(json!("plain")))),
            &["invalid_request"],
            "par-plain-pkce-rejected",
        ),
        (
            signed(&app, &with("response_type", Some(json!("code id_token")))),
            &["unsupported_response_type", "invalid_request", "unauthorized_client"],
            "ensure-response-type-code-idtoken-fails",
        ),
    ] {
        is_refusal(&push_object(&app, &object).await, 400, errors, module);
    }
    let unsigned = push(&app, &fields, false).await;
    is_refusal(&unsigned, 400, &["invalid_request"], "ensure-unsigned-request-at-par-endpoint-fails");
    push_object(&app, &whole).await.expect(201);
}

async fn what_stands_outside_the_object_is_not_used(w: &Town) {
    let app = signing(w, "first").await;
    for (drop_state, module) in [
        (false, "ensure-different-state-inside-and-outside-request-object"),
        (true, "state-only-outside-request-object-not-used"),
    ] {
        let change: &[(&str, Option<&str>)] = if drop_state { &[("state", None)] } else { &[] };
        let (pending, fields) = asked(&app, SCOPE, change);
        let pushed = push_object(&app, &signed(&app, &object(w, &app, &fields))).await.expect(201).json();
        let url = format!("{}&state=outside&nonce=outside", app.authorize_url(text(&pushed, "request_uri")));
        let brought = agree(w, &mut w.browser(), &url).await;
        assert_eq!(brought.get("state"), (!drop_state).then_some(&pending.state), "{module}");
        let body = is_token_response(&redeem(&app, &pending, &brought["code"]).await, "DPoP");
        let claims = id_token(w, &app, text(&body, "id_token"), &Alg::FAPI).await;
        assert_eq!(claims["nonce"], pending.nonce, "{module}");
    }
}

async fn errors_are_signed_where_they_were_asked_for(w: &Town) {
    let app = signing(w, "first").await;
    let (pending, fields) = asked(&app, SCOPE, &[("response_mode", Some("jwt"))]);
    // Without PAR: the mode stands in the query.
    let answer = visit(w, &super::direct(&fields)).await.expect(303);
    let brought = verified(w, &app, &query(answer.location())).await;
    is_error_answer(brought, &pending.state, &w.http.issuer, &["invalid_request"]);
    // 中止する on the first screen.
    let pushed = push_object(&app, &signed(&app, &object(w, &app, &fields))).await.expect(201).json();
    let mut browser = w.browser();
    browser.open(&app.authorize_url(text(&pushed, "request_uri"))).await;
    browser.press("cancel", &[]).await;
    let brought = browser.return_to_app().await;
    let brought = verified(w, &app, &brought).await;
    is_error_answer(brought, &pending.state, &w.http.issuer, &["access_denied"]);
}
