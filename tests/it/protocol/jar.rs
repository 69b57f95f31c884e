//! Signed request objects (RFC 9101, FAPI 2.0 Message Signing §5.3), pushed and by value, against the running server.

use super::{changed, is_error_page, register};
use crate::support::app::{App, Credential, Pending};
use crate::support::http::{Answer, RequestParts, encode, query};
use crate::support::jws::{Key, b64};
use crate::support::town::{Town, on_both};
use renkei_core::clock::Clock;
use serde_json::{Value, json};

on_both!(
    a_signed_request_gives_a_code,
    a_bad_object_is_an_invalid_request_object,
    who_must_sign_and_does_not_is_refused,
    only_what_is_inside_counts,
    a_client_that_need_not_sign_may,
    by_value_for_who_registered_for_it,
    by_value_nothing_is_redirected_on_an_objects_unproved_word,
);

/// A client that signs its requests, with `more` in its record.
async fn signer(town: &Town, id: &str, profile: &str, more: Value) -> App {
    let key = Key::generate();
    let mut jwk = key.jwk();
    for (name, value) in [("kid", id), ("alg", "ES256"), ("use", "sig")] {
        jwk[name] = json!(value);
    }
    let mut record = json!({
        "client_id": id, "profile": profile, "client_name": id, "jwks": { "keys": [jwk] },
        "scope": "openid accounts transactions", "token_endpoint_auth_method": "private_key_jwt",
        "redirect_uris": [format!("https://{id}.example/callback"), format!("https://{id}.example/other")],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    town.register(record).await;
    let uri = format!("https://{id}.example/callback");
    let app = App::new(town.http.clone(), town.clock.clone(), id, &uri, Credential::Jwt(key, id.into()));
    app.with_dpop(Key::generate())
}
fn key(app: &App) -> &Key {
    let Credential::Jwt(key, _) = &app.credential else { panic!("no key") };
    key
}
/// The claims of a good object: a new request of `app`, with `change` laid over it (`null` drops one).
fn claims(town: &Town, app: &App, change: &Value) -> (Pending, Value) {
    let (pending, fields) = app.request("openid accounts");
    let now = town.clock.now().secs();
    let mut claims = json!({"iss": app.client_id, "aud": town.http.issuer, "nbf": now, "iat": now, "exp": now + 300});
    let map = claims.as_object_mut().unwrap();
    map.extend(fields.into_iter().map(|(n, v)| (n.to_owned(), json!(v))));
    map.extend(change.as_object().unwrap().clone());
    map.retain(|_, v| !v.is_null());
    (pending, claims)
}
fn header(app: &App) -> Value {
    json!({"kid": app.client_id, "typ": "OautH-auThZ-REQ+jWt"})
}
fn sign(app: &App, claims: &Value) -> String {
    key(app).sign(header(app), claims)
}
async fn push(app: &App, object: &str, beside: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("request", object)];
    fields.extend(beside);
    app.post("/oauth/par", &fields, false).await
}
async fn visit(town: &Town, url: &str) -> Answer {
    town.browser().request("GET", url, RequestParts::default()).await
}
/// Through all screens to the token.
async fn completes(town: &Town, app: &App, mut pending: Pending, pushed: &Answer) {
    pending.url = app.authorize_url(pushed.json()["request_uri"].as_str().unwrap());
    let mut browser = town.browser();
    browser.open(&pending.url).await;
    browser.walk_to(town, "consent").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
}

async fn a_signed_request_gives_a_code(town: &Town) {
    let app = signer(town, "signer", "fapi2_message_signing", json!({})).await;
    let (pending, good) = claims(town, &app, &json!({"aud": ["https://else.example", town.http.issuer]}));
    let pushed = push(&app, &sign(&app, &good), &[]).await.expect(201);
    completes(town, &app, pending, &pushed).await;
    // The same object again is another push: each request_uri is good once, and only the client itself can push.
    push(&app, &sign(&app, &good), &[]).await.expect(201);
    for typ in [json!({"kid": "signer"}), json!({"kid": "signer", "typ": "JWT"})] {
        push(&app, &key(&app).sign(typ, &good), &[]).await.expect(201);
    }
    let soon = json!({"nbf": town.clock.now().secs() + 8});
    push(&app, &sign(&app, &claims(town, &app, &soon).1), &[]).await.expect(201); // exp and nbf are near
}

async fn a_bad_object_is_an_invalid_request_object(town: &Town) {
    let app = signer(town, "signer", "fapi2_message_signing", json!({})).await;
    let other = signer(town, "other", "fapi2_message_signing", json!({})).await;
    let now = town.clock.now().secs();
    let table = [
        (json!({"aud": "https://else.example"}), "aud"),
        (json!({"aud": format!("{}/oauth/par", town.http.issuer)}), "aud is the endpoint"),
        (json!({"aud": null}), "aud missing"),
        (json!({"exp": null}), "exp missing"),
        (json!({"exp": now - 300}), "expired"),
        (json!({"exp": now + 4200}), "exp 70 min ahead"),
        (json!({"nbf": null}), "nbf missing"),
        (json!({"nbf": now - 4200}), "nbf 70 min ago"),
        (json!({"nbf": now + 62}), "from the future"),
        (json!({"iss": "other"}), "RFC 9101 4"),
        (json!({"client_id": "other"}), "RFC 9101 5"),
        (json!({"request_uri": "urn:ietf:params:oauth:request_uri:x"}), "RFC 9101 4"),
        (json!({"request": "e30.e30.e30"}), "RFC 9101 4: nested"),
        (json!({"sub": "signer"}), "RFC 9101 10.8"),
    ];
    for (change, why) in table {
        let answer = push(&app, &sign(&app, &claims(town, &app, &change).1), &[]).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request_object")), "{why}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{why}");
    }
    let good = claims(town, &app, &json!({})).1;
    let signed = sign(&app, &good);
    let (message, signature) = signed.rsplit_once('.').unwrap();
    let none = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(good.to_string()));
    let other_good = claims(town, &other, &json!({})).1;
    let embedded = json!({"kid": "signer", "jwk": key(&other).jwk()});
    let pointing = json!({"kid": "signer", "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x"});
    let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    for (object, why) in [
        (none, "alg none"),
        (key(&app).sign(json!({"kid": "signer", "alg": "RS256"}), &good), "RS256"),
        (key(&app).sign(json!({"kid": "signer", "alg": "HS256"}), &good), "a MAC is no signature of a client"),
        (format!("{message}.{}", signature.chars().rev().collect::<String>()), "a bad signature"),
        (format!("{}.{signature}", message.replace(['B', 'C'], "A")), "other words under it"),
        (key(&other).sign(header(&app), &good), "another client's key"),
        (key(&other).sign(embedded, &good), "a key that comes along is nobody's"),
        (key(&other).sign(pointing, &good), "keys are not fetched from where a header says"),
        (sign(&other, &other_good), "another client's object"),
        (key(&app).sign(json!({"kid": "signer", "typ": "dpop+jwt"}), &good), "RFC 8725 3.11"),
        (key(&app).sign(json!({"kid": "signer", "crit": ["exp"]}), &good), "RFC 7515 4.1.11"),
        (sign(&app, &json!([good])), "no object"),
        (format!("{}.{}.{}", b64(header(&app).to_string()), b64(deep), b64("x")), "nested deeply"),
        (sign(&app, &claims(town, &app, &json!({"nonce": "x".repeat(20_000)})).1), "oversized"),
        (key(&app).sign(json!({"kid": "signer", "cty": "JWT"}), &json!(signed)), "RFC 7519 5.2: a JWT in a JWT"),
        (format!("{signed}.x.y"), "a JWE has five parts"),
        ("junk".to_owned(), "junk"),
    ] {
        let answer = push(&app, &object, &[]).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request_object")), "{why}");
    }
    // The rules of every request hold inside too.
    for (change, error) in [
        (json!({"redirect_uri": null}), "invalid_request"),
        (json!({"redirect_uri": "https://evil.example/cb"}), "invalid_request"),
        (json!({"code_challenge": null, "code_challenge_method": null}), "invalid_request"),
        (json!({"code_challenge_method": "plain"}), "invalid_request"),
        (json!({"response_type": "code id_token"}), "unsupported_response_type"),
        (json!({"scope": "openid payments"}), "invalid_scope"),
    ] {
        push(&app, &sign(&app, &claims(town, &app, &change).1), &[]).await.refused(400, error);
    }
}

async fn who_must_sign_and_does_not_is_refused(town: &Town) {
    let app = signer(town, "signer", "fapi2_message_signing", json!({})).await;
    super::push(&app, &[]).await.refused(400, "invalid_request"); // RFC 9101 §10.5: an unsigned push
    let (_, good) = claims(town, &app, &json!({}));
    let uri = [("request_uri", "urn:ietf:params:oauth:request_uri:x")];
    push(&app, &sign(&app, &good), &uri).await.refused(400, "invalid_request"); // RFC 9126 §2.1
    // RFC 9126 3: an object does not authenticate the client.
    let fields = [("client_id", "signer"), ("request", &sign(&app, &good))].map(|(n, v)| (n.to_owned(), v.to_owned()));
    town.http.send("POST", "/oauth/par", RequestParts::default().form(&fields)).await.refused(401, "invalid_client");
}

async fn only_what_is_inside_counts(town: &Town) {
    let app = signer(town, "signer", "fapi2_message_signing", json!({})).await;
    let (_, inside) = claims(town, &app, &json!({"state": null, "prompt": "none", "nonce": null}));
    let beside = [
        ("state", "outside"),
        ("redirect_uri", "https://signer.example/other"),
        ("response_mode", "form_post"),
        ("prompt", "login"),
        ("scope", "payments"),
    ];
    let pushed = push(&app, &sign(&app, &inside), &beside).await.expect(201).json();
    let url = app.authorize_url(pushed["request_uri"].as_str().unwrap());
    let answer = visit(town, &format!("{url}&state=outside")).await.expect(303);
    assert!(answer.location().starts_with("https://signer.example/callback?"), "{}", answer.location());
    let brought = query(answer.location());
    assert_eq!(brought["error"], "login_required");
    assert!(!brought.contains_key("state"), "RFC 9101 5: {brought:?}");
    // A parameter that stands only outside is missing.
    let (_, without) = claims(town, &app, &json!({"redirect_uri": null}));
    let beside = [("redirect_uri", app.redirect_uri.as_str())];
    push(&app, &sign(&app, &without), &beside).await.refused(400, "invalid_request");
}

async fn a_client_that_need_not_sign_may(town: &Town) {
    let app = signer(town, "plain", "fapi2", json!({})).await;
    let (pending, good) = claims(town, &app, &json!({}));
    let pushed = push(&app, &sign(&app, &good), &[]).await.expect(201);
    completes(town, &app, pending, &pushed).await;
    super::push(&app, &[]).await.expect(201);
    let strict = signer(town, "strict", "fapi2", json!({"request_object_signing_alg": "PS256"})).await;
    let (_, good) = claims(town, &strict, &json!({}));
    push(&strict, &sign(&strict, &good), &[]).await.refused(400, "invalid_request_object");
    // Who has no keys has signed nothing.
    let shop = register(town, "shop", json!({})).await;
    let (_, good) = claims(town, &shop, &json!({}));
    let forged = Key::generate().sign(json!({}), &good);
    push(&shop, &forged, &[]).await.refused(400, "invalid_request_object");
}

async fn by_value_for_who_registered_for_it(town: &Town) {
    let more = json!({"request_object_signing_alg": "ES256"});
    let app = signer(town, "signer", "oidc", more).await;
    let (mut pending, good) = claims(town, &app, &json!({"exp": null, "nbf": null, "aud": null}));
    let object = key(&app).sign(json!({"kid": "signer"}), &good);
    // Core 6.1: response_type and scope stand outside too; what stands inside supersedes, what does not is taken.
    let outside = [("client_id", "signer"), ("response_type", "code"), ("scope", "openid"), ("state", "outside")];
    let url = |outside: &[(&str, &str)], object: &str| {
        let mut fields = outside.to_vec();
        fields.push(("request", object));
        format!("{}/oauth/authorize?{}", town.http.issuer, encode(&fields))
    };
    pending.url = url(&outside, &object);
    let mut browser = town.browser();
    browser.open(&pending.url).await;
    browser.walk_to(town, "consent").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;

    // RFC 9101 5: of its kind, an object says everything; beside it stands the client_id.
    let typed = sign(&app, &claims(town, &app, &json!({"prompt": "none", "state": "inside"})).1);
    let answer = visit(town, &url(&[("client_id", "signer")], &typed)).await.expect(303);
    let brought = query(answer.location());
    assert_eq!((brought["error"].as_str(), brought["state"].as_str()), ("login_required", "inside"));

    let differs = key(&app).sign(json!({}), &claims(town, &app, &json!({"response_type": "token"})).1);
    for (object, why) in [
        (differs.as_str(), "Core 6.1: another response_type inside"),
        (Key::generate().sign(json!({"kid": "signer"}), &good).as_str(), "another key"),
        ("eyJhbGciOiJub25lIn0.e30.", "none"),
    ] {
        let mut outside = outside.to_vec();
        outside.push(("redirect_uri", &app.redirect_uri));
        let answer = visit(town, &url(&outside, object)).await.expect(303);
        let brought = query(answer.location());
        assert_eq!(
            (brought["error"].as_str(), brought["state"].as_str()),
            ("invalid_request_object", "outside"),
            "{why}"
        );
        assert_eq!(brought["iss"], town.http.issuer, "RFC 9207 2");
    }
    // OpenID Connect Core 3.1.2.6: who registered no algorithm is told so.
    let shop = register(town, "shop", json!({})).await;
    let (_, fields) = shop.request("openid");
    let mut fields = changed(&fields, &[]);
    fields.push(("request", "eyJhbGciOiJub25lIn0.e30."));
    let answer = visit(town, &format!("/oauth/authorize?{}", encode(&fields))).await.expect(303);
    assert_eq!(query(answer.location())["error"], "request_not_supported");
}

async fn by_value_nothing_is_redirected_on_an_objects_unproved_word(town: &Town) {
    let app = signer(town, "signer", "oidc", json!({"request_object_signing_alg": "ES256"})).await;
    let ask = |object: &str, redirect_uri: Option<&str>| {
        let mut fields = vec![("client_id", "signer"), ("response_type", "code"), ("request", object)];
        fields.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        format!("/oauth/authorize?{}", encode(&fields))
    };
    let good = claims(town, &app, &json!({})).1;
    let forged = Key::generate().sign(json!({"kid": "signer"}), &good);
    is_error_page(&visit(town, &ask(&forged, None)).await, "invalid_request_object", "forged");
    let evil = sign(&app, &claims(town, &app, &json!({"redirect_uri": "https://evil.example/cb"})).1);
    is_error_page(&visit(town, &ask(&evil, None)).await, "invalid_request", "signed, but not registered");
    let own = app.redirect_uri.as_str();
    is_error_page(&visit(town, &ask(&evil, Some(own))).await, "invalid_request", "signed, but not registered");
    let object = sign(&app, &good);
    let bad = ask(&object, Some("https://evil.example/cb"));
    is_error_page(&visit(town, &bad).await, "invalid_request", "what stands in the open must be good too");
    let nowhere = sign(&app, &claims(town, &app, &json!({"redirect_uri": null})).1);
    is_error_page(&visit(town, &ask(&nowhere, None)).await, "invalid_request", "missing with two registered");
}
