//! `fapi2-security-profile-final-test-plan` with private_key_jwt and DPoP, `openid_connect` and `plain_oauth`.

use super::{
    Fields, agree, asked, callback, fapi, id_token, is_error_redirect, is_page, is_refusal, is_token_response, push,
    redeem, text, visit,
};
use crate::support::app::{App, Credential, Pending};
use crate::support::http::{Answer, RequestParts, encode, query};
use crate::support::jws::Key;
use crate::support::town::{Town, on_both, on_both_with};
use renkei_core::keys::jose::Alg;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

on_both!(
    two_clients_on_the_happy_path,
    plain_oauth_has_no_id_token,
    the_customer_rejects,
    state_and_nonce_come_back_whole_or_not_at_all,
    scopes_in_the_other_order,
    claims_are_asked_for_in_every_form,
    what_stands_beside_a_request_uri_is_not_used,
    what_par_refuses,
    without_par_there_is_an_error,
    a_code_bound_to_a_key_wants_that_key,
    proofs_ten_seconds_off_are_taken,
    a_proof_is_demanded_at_the_token_endpoint,
    codes_are_refused_to_others_later_and_again,
    assertions_at_the_par_endpoint,
    assertions_at_the_token_endpoint,
    a_request_uri_lasts_until_the_customer_has_answered,
    a_request_uri_is_for_one_client_and_not_for_ever,
    refresh_with_new_keys_and_without_credentials,
);
on_both_with!(a_nonce_is_fetched_with_every_second_try, |config| config.tokens.dpop_nonce_required = true);

const SCOPE: &str = "openid accounts transactions";
const ERRORS_OF_A_PROOF: [&str; 3] = ["invalid_request", "invalid_grant", "invalid_dpop_proof"];
const ERRORS_OF_A_CLIENT: [&str; 2] = ["invalid_client", "invalid_request"];

/// Where the suite sends the browser after PAR: the duplicates of RFC 6749 and OpenID Connect beside the request_uri,
/// `backwards` in the reverse order of their names.
fn redirect(answer: &Answer, fields: &Fields, backwards: bool, more: &[(&str, &str)]) -> String {
    let pushed = answer.clone().expect(201).json();
    let mut beside: BTreeMap<&str, &str> = fields
        .iter()
        .filter(|(n, _)| ["response_type", "client_id", "scope", "redirect_uri"].contains(&n.as_str()))
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    beside.insert("request_uri", text(&pushed, "request_uri"));
    beside.extend(more.iter().copied());
    let mut beside: Vec<(&str, &str)> = beside.into_iter().collect();
    if backwards {
        beside.reverse();
    }
    format!("/oauth/authorize?{}", encode(&beside))
}

/// A code, by the whole way: PAR, all screens, the redirect.
async fn code(w: &Town, app: &App, scope: &str, change: &[(&str, Option<&str>)]) -> (Pending, String) {
    let (pending, fields) = asked(app, scope, change);
    let url = redirect(&push(app, &fields, false).await, &fields, false, &[]);
    let brought = agree(w, &mut w.browser(), &url).await;
    (pending, brought["code"].clone())
}

/// Sends a form with an assertion of one's own making.
async fn asserted(w: &Town, app: &App, path: &str, form: &[(&str, &str)], assertion: Option<String>) -> Answer {
    let mut form: Fields = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    if let Some(assertion) = assertion {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        form.push(("client_assertion_type".into(), kind.into()));
        form.push(("client_assertion".into(), assertion));
    }
    let proof = app.proof("POST", &format!("{}{path}", w.http.issuer), None, None);
    w.http.send("POST", path, RequestParts::default().header("dpop", proof).form(&form)).await
}

async fn userinfo(w: &Town, app: &App, token: &str, scheme: &str) -> Answer {
    let htu = format!("{}/oauth/userinfo", w.http.issuer);
    let ask = RequestParts::default()
        .header("authorization", format!("{scheme} {token}"))
        .header("dpop", app.proof("GET", &htu, None, Some(token)));
    w.http.send("GET", "/oauth/userinfo", ask).await
}

async fn two_clients_on_the_happy_path(w: &Town) {
    let (one, mut two) = (fapi(w, "first").await, fapi(w, "second").await);
    two.redirect_uri = format!("{}?dummy1=lorem&dummy2=ipsum", callback("second"));
    let mut tokens = Vec::new();
    for (app, second) in [(&one, false), (&two, true)] {
        let jkt = app.dpop.as_ref().unwrap().thumbprint();
        let long = "s".repeat(128);
        let change: &[(&str, Option<&str>)] =
            if second { &[("dpop_jkt", Some(&jkt)), ("state", Some(&long))] } else { &[] };
        let (pending, fields) = asked(app, SCOPE, change);
        let state = if second { long.clone() } else { pending.state.clone() };
        let pushed = push(app, &fields, false).await.expect(201);
        assert_eq!(pushed.header("content-type"), Some("application/json"));
        assert!(pushed.json()["expires_in"].as_i64().unwrap() >= 5);
        let uri = pushed.json();
        assert!(super::entropy(text(&uri, "request_uri")) > 96.0, "PAR 7.1");
        let mut brought = agree(w, &mut w.browser(), &redirect(&pushed, &fields, second, &[])).await;
        if second {
            assert_eq!(brought.remove("dummy1").as_deref(), Some("lorem"), "RFC 6749 3.1.2");
            assert_eq!(brought.remove("dummy2").as_deref(), Some("ipsum"));
        }
        assert_eq!(brought.keys().map(String::as_str).collect::<Vec<_>>(), ["code", "iss", "state"]);
        assert_eq!((&brought["state"], &brought["iss"]), (&state, &w.http.issuer));
        assert!(super::entropy(&brought["code"]) > 96.0);
        let body = is_token_response(&redeem(app, &pending, &brought["code"]).await, "DPoP");
        let claims = id_token(w, app, text(&body, "id_token"), &Alg::FAPI).await;
        assert_eq!(claims["nonce"], pending.nonce);
        let token = text(&body, "access_token").to_owned();
        userinfo(w, app, &token, "DPoP").await.expect(200);
        userinfo(w, app, &token, "dPOp").await.expect(200);
        tokens.push(token);
    }
    assert_eq!(userinfo(w, &one, &tokens[1], "DPoP").await.status, 401, "the other client's token with one's own key");
}

async fn plain_oauth_has_no_id_token(w: &Town) {
    let app = fapi(w, "first").await;
    let (pending, code) = code(w, &app, "accounts transactions", &[]).await;
    let body = is_token_response(&redeem(&app, &pending, &code).await, "DPoP");
    assert_eq!(body.get("id_token"), None);
    assert_eq!(body["scope"], "accounts transactions");
    let oauth = w.http.get("/.well-known/oauth-authorization-server").await.expect(200).json();
    assert_eq!(oauth["issuer"], w.http.issuer, "RFC 8414 3.3");
}

async fn the_customer_rejects(w: &Town) {
    let (one, mut two) = (fapi(w, "first").await, fapi(w, "second").await);
    two.redirect_uri = format!("{}?dummy1=lorem&dummy2=ipsum", callback("second"));
    let state = "s".repeat(128);
    // 中止する on the first screen; 拒否する on the last.
    for (app, screen, action) in [(&one, "account", "cancel"), (&two, "consent", "deny")] {
        let (_, fields) = asked(app, SCOPE, &[("state", Some(&state))]);
        let mut browser = w.browser();
        browser.open(&redirect(&push(app, &fields, false).await, &fields, false, &[])).await;
        browser.walk_to(w, screen).await;
        browser.press(action, &[]).await;
        let mut brought = if browser.has_left() { browser.handed_to_app() } else { browser.return_to_app().await };
        assert_eq!(brought.remove("dummy1").is_some(), app.client_id == "second");
        assert_eq!(brought.remove("dummy2").is_some(), app.client_id == "second");
        super::is_error_answer(brought, &state, &w.http.issuer, &["access_denied"]);
    }
}

async fn state_and_nonce_come_back_whole_or_not_at_all(w: &Town) {
    let app = fapi(w, "first").await;
    let (long_state, nonce64, nonce384) = ("s".repeat(1000), "n".repeat(64), "n".repeat(384));
    for (change, module) in [
        (("state", None), "ensure-authorization-request-without-state-success"),
        (("state", Some(&long_state)), "ensure-authorization-request-with-long-state"),
        (("nonce", None), "ensure-authorization-request-without-nonce-success"),
        (("nonce", Some(&nonce64)), "ensure-authorization-request-with-64-char-nonce-success"),
        (("nonce", Some(&nonce384)), "ensure-authorization-request-with-long-nonce"),
    ] {
        let (name, value) = (change.0, change.1.map(String::as_str));
        let (pending, fields) = asked(&app, SCOPE, &[(name, value)]);
        let url = redirect(&push(&app, &fields, false).await, &fields, false, &[]);
        let brought = agree(w, &mut w.browser(), &url).await;
        let state = if name == "state" { value } else { Some(pending.state.as_str()) };
        assert_eq!(brought.get("state").map(String::as_str), state, "{module}");
        let body = is_token_response(&redeem(&app, &pending, &brought["code"]).await, "DPoP");
        let claims = id_token(w, &app, text(&body, "id_token"), &Alg::FAPI).await;
        let nonce = if name == "nonce" { value } else { Some(pending.nonce.as_str()) };
        assert_eq!(claims["nonce"].as_str(), nonce, "{module}");
        assert_eq!(claims.get("s_hash"), None, "{module}");
    }
}

async fn scopes_in_the_other_order(w: &Town) {
    let app = fapi(w, "first").await;
    let (pending, code) = code(w, &app, "transactions accounts openid", &[]).await;
    let body = is_token_response(&redeem(&app, &pending, &code).await, "DPoP");
    id_token(w, &app, text(&body, "id_token"), &Alg::FAPI).await;
}

async fn claims_are_asked_for_in_every_form(w: &Town) {
    let app = fapi(w, "first").await;
    for how in [json!(null), json!({}), json!({ "essential": true }), json!({ "essential": false, "q9": "z8" })] {
        let asked = json!({ "id_token": { "sub": how }, "userinfo": { "sub": how }, "x7": { "y3": how } }).to_string();
        let (pending, code) = code(w, &app, SCOPE, &[("claims", Some(&asked))]).await;
        let body = is_token_response(&redeem(&app, &pending, &code).await, "DPoP");
        let claims = id_token(w, &app, text(&body, "id_token"), &Alg::FAPI).await;
        let seen = userinfo(w, &app, text(&body, "access_token"), "DPoP").await.expect(200).json();
        assert_eq!(seen, json!({ "sub": claims["sub"] }), "{how}");
    }
}

async fn what_stands_beside_a_request_uri_is_not_used(w: &Town) {
    let app = fapi(w, "first").await;
    for (change, beside, module) in [
        (None, Some(("state", "wrong")), "ensure-different-state-inside-and-outside-request-object"),
        (None, Some(("nonce", "wrong")), "ensure-different-nonce-inside-and-outside-request-object"),
        (Some(("state", None)), Some(("state", "outside")), "state-only-outside-request-object-not-used"),
        (None, None, "par-without-duplicate-parameters"),
    ] {
        let (pending, fields) = asked(&app, SCOPE, change.as_slice());
        let pushed = push(&app, &fields, false).await;
        let url = match beside {
            Some(beside) => redirect(&pushed, &fields, false, &[beside]),
            None => app.authorize_url(text(&pushed.json(), "request_uri")),
        };
        let brought = agree(w, &mut w.browser(), &url).await;
        let state = change.is_none().then_some(&pending.state);
        assert_eq!(brought.get("state"), state, "{module}");
        let body = is_token_response(&redeem(&app, &pending, &brought["code"]).await, "DPoP");
        let claims = id_token(w, &app, text(&body, "id_token"), &Alg::FAPI).await;
        assert_eq!(claims["nonce"], pending.nonce, "{module}");
    }
}

async fn what_par_refuses(w: &Town) {
    let app = fapi(w, "first").await;
    let unregistered = format!("{}/random", app.redirect_uri);
    let verifier = "v".repeat(43);
    let request: [&str; 1] = ["invalid_request"];
    let of_type = ["unsupported_response_type", "invalid_request", "unauthorized_client"];
    let of_object = ["invalid_request", "invalid_request_object"];
    let of_uri = ["invalid_request", "invalid_request_object", "request_uri_not_supported"];
    type Row<'a> = (&'a [(&'a str, Option<&'a str>)], &'a [&'a str], &'a str);
    let table: [Row<'_>; 7] = [
        (&[("redirect_uri", None)], &of_object, "ensure-redirect-uri-in-authorization-request"),
        (&[("redirect_uri", Some(&unregistered))], &of_object, "plain-fapi-tolerate-unregistered-redirect-uri"),
        (&[("response_type", Some("code id_token"))], &of_type, "ensure-response-type-code-idtoken-fails"),
        (&[("response_type", Some("token"))], &of_type, "ensure-response-type-token-fails"),
        (&[("code_challenge", None), ("code_challenge_method", None)], &request, "par-ensure-pkce-required"),
        (
            &[("code_challenge", Some(&verifier)), ("code_challenge_method", Some("plain"))],
            &request,
            "par-plain-pkce-rejected",
        ),
        (
            &[("request_uri", Some("urn:ietf:params:oauth:request_uri:bad"))],
            &of_uri,
            "par-authorization-request-containing-request_uri-form-param",
        ),
    ];
    for (change, errors, module) in table {
        let (_, fields) = asked(&app, SCOPE, change);
        is_refusal(&push(&app, &fields, false).await, 400, errors, module);
    }
    for method in ["PUT", "GET", "DELETE"] {
        let answer = w.http.send(method, "/oauth/par", RequestParts::default()).await;
        assert_eq!(answer.status, 405, "par-attempt-invalid-http-method: {method}");
    }
    let other = Key::generate().thumbprint();
    let (_, fields) = asked(&app, SCOPE, &[("dpop_jkt", Some(&other))]);
    let refused = push(&app, &fields, true).await;
    is_refusal(&refused, 400, &["invalid_request", "invalid_dpop_proof"], "ensure-mismatched-dpop-jkt-fails");
}

async fn without_par_there_is_an_error(w: &Town) {
    let app = fapi(w, "first").await;
    let (pending, fields) = asked(&app, SCOPE, &[]);
    let answer = visit(w, &super::direct(&fields)).await;
    is_error_redirect(&answer, &pending.state, &w.http.issuer, &["invalid_request"]);
}

async fn a_code_bound_to_a_key_wants_that_key(w: &Town) {
    let app = fapi(w, "first").await;
    let jkt = app.dpop.as_ref().unwrap().thumbprint();
    let stranger = Key::generate();
    // By a proof at PAR, by dpop_jkt with one, by dpop_jkt alone.
    for (change, proof) in [
        (&[][..], true),
        (&[("dpop_jkt", Some(jkt.as_str()))][..], true),
        (&[("dpop_jkt", Some(jkt.as_str()))][..], false),
    ] {
        let (pending, fields) = asked(&app, SCOPE, change);
        let url = redirect(&push(&app, &fields, proof).await, &fields, false, &[]);
        let brought = agree(w, &mut w.browser(), &url).await;
        let Credential::Jwt(key, kid) = &app.credential else { panic!() };
        let credential = Credential::Jwt(key.clone(), kid.clone());
        let other = App::new(w.http.clone(), w.clock.clone(), "first", &app.redirect_uri, credential);
        let wrong = redeem(&other.with_dpop(stranger.clone()), &pending, &brought["code"]).await;
        is_refusal(&wrong, 400, &ERRORS_OF_A_PROOF, "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt");
        is_token_response(&redeem(&app, &pending, &brought["code"]).await, "DPoP");
    }
}

/// A proof like the app's own with `change` in its claims.
fn proof(w: &Town, app: &App, method: &str, path: &str, token: Option<&str>, change: impl Fn(&mut Value)) -> String {
    let key = app.dpop.as_ref().unwrap();
    let mut claims = crate::support::jws::claims(&app.proof(method, &format!("{}{path}", w.http.issuer), None, token));
    change(&mut claims);
    key.sign(json!({ "typ": "dpop+jwt", "jwk": key.jwk() }), &claims)
}

async fn proofs_ten_seconds_off_are_taken(w: &Town) {
    let app = fapi(w, "first").await;
    let now = w.now().secs();
    type Change = Box<dyn Fn(&mut Value)>;
    let table: [(Change, &str); 3] = [
        (Box::new(move |c| c["iat"] = json!(now - 10)), "ensure-dpopproof-with-iat-10seconds-before-succeeds"),
        (Box::new(move |c| c["iat"] = json!(now + 10)), "ensure-dpopproof-with-iat-10seconds-after-succeeds"),
        (
            Box::new(move |c| {
                c["nbf"] = json!(now);
                c["exp"] = json!(now + 300);
            }),
            "check-dpop-proof-nbf-exp",
        ),
    ];
    for (change, module) in table {
        let (pending, fields) = asked(&app, SCOPE, &[]);
        let send = async |path: &str, fields: &Fields| {
            let mut form = fields.clone();
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            form.push(("client_assertion_type".into(), kind.into()));
            form.push(("client_assertion".into(), app.assertion(|_| {})));
            let ask = RequestParts::default().header("dpop", proof(w, &app, "POST", path, None, &change));
            w.http.send("POST", path, ask.form(&form)).await
        };
        let url = redirect(&send("/oauth/par", &fields).await, &fields, false, &[]);
        let brought = agree(w, &mut w.browser(), &url).await;
        let form: Fields = [
            ("grant_type", "authorization_code"),
            ("code", &brought["code"]),
            ("redirect_uri", &app.redirect_uri),
            ("code_verifier", &pending.verifier),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .to_vec();
        let body = is_token_response(&send("/oauth/token", &form).await, "DPoP");
        let token = text(&body, "access_token");
        let ask = RequestParts::default()
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", proof(w, &app, "GET", "/oauth/userinfo", Some(token), &change));
        assert_eq!(w.http.send("GET", "/oauth/userinfo", ask).await.status, 200, "{module}");
    }
}

async fn a_proof_is_demanded_at_the_token_endpoint(w: &Town) {
    let app = fapi(w, "first").await;
    let (pending, code) = code(w, &app, SCOPE, &[]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", pending.verifier.as_str()),
    ];
    let answer = app.post("/oauth/token", &fields, false).await;
    is_refusal(&answer, 400, &ERRORS_OF_A_PROOF, "ensure-holder-of-key-required");
}

async fn codes_are_refused_to_others_later_and_again(w: &Town) {
    let (app, other) = (fapi(w, "first").await, fapi(w, "second").await);
    let grant = &["invalid_grant"];

    let (pending, first) = code(w, &app, SCOPE, &[]).await;
    let mut stolen = fapi_like(w, &other);
    stolen.redirect_uri = app.redirect_uri.clone();
    let answer = redeem(&stolen, &pending, &first).await;
    is_refusal(&answer, 400, grant, "ensure-authorization-code-is-bound-to-client");
    let wrong = Pending { verifier: "w".repeat(43), ..pending.clone() };
    is_refusal(&redeem(&app, &wrong, &first).await, 400, grant, "incorrect-pkce-code-verifier-rejected");
    let fields =
        [("grant_type", "authorization_code"), ("code", first.as_str()), ("redirect_uri", app.redirect_uri.as_str())];
    let answer = app.post("/oauth/token", &fields, true).await;
    is_refusal(&answer, 400, grant, "ensure-pkce-code-verifier-required");

    let body = is_token_response(&redeem(&app, &pending, &first).await, "DPoP");
    w.clock.advance(Duration::from_secs(1));
    let answer = redeem(&app, &pending, &first).await;
    is_refusal(&answer, 400, grant, "attempt-reuse-authorization-code-after-one-second");
    let dead = userinfo(w, &app, text(&body, "access_token"), "DPoP").await;
    assert_eq!(dead.status, 401, "RFC 6749 4.1.2: the token of the first time is revoked");

    let (pending, late) = code(w, &app, SCOPE, &[]).await;
    w.clock.advance(Duration::from_secs(62));
    let answer = redeem(&app, &pending, &late).await;
    is_refusal(&answer, 400, grant, "ensure-token-endpoint-fails-with-expired-auth-code");
}

/// The same client once more, with its keys.
fn fapi_like(w: &Town, app: &App) -> App {
    let Credential::Jwt(key, kid) = &app.credential else { panic!("{} has no key", app.client_id) };
    let credential = Credential::Jwt(key.clone(), kid.clone());
    App::new(w.http.clone(), w.clock.clone(), &app.client_id, &app.redirect_uri, credential)
        .with_dpop(app.dpop.clone().unwrap())
}

async fn assertions_at_the_par_endpoint(w: &Town) {
    let app = fapi(w, "first").await;
    let (_, fields) = asked(&app, SCOPE, &[]);
    let form: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let (issuer, now) = (w.http.issuer.clone(), w.now().secs());
    let shifted = |by: i64, with_exp: bool| {
        app.assertion(|c| {
            (c["iat"], c["nbf"]) = (json!(now + by), json!(now + by));
            if with_exp {
                c["exp"] = json!(now + 60 + by);
            }
        })
    };
    let accepted = asserted(w, &app, "/oauth/par", &form, Some(shifted(8, false))).await;
    assert_eq!(accepted.status, 201, "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted");
    for (assertion, module) in [
        (shifted(62, true), "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails"),
        (
            app.assertion(|c| c["aud"] = json!([issuer, "https://other1.example.com"])),
            "par-test-array-as-audience-fails",
        ),
        (app.assertion(|c| c["aud"] = json!([issuer])), "par-test-array-as-audience-fails"),
        (
            app.assertion(|c| c["aud"] = json!(format!("{issuer}/oauth/par"))),
            "par-test-par-endpoint-url-as-audience-fails",
        ),
        (
            app.assertion(|c| c["aud"] = json!(format!("{issuer}/oauth/token"))),
            "par-test-token-endpoint-url-as-audience-fails",
        ),
    ] {
        let answer = asserted(w, &app, "/oauth/par", &form, Some(assertion)).await;
        let status = if answer.json()["error"] == "invalid_client" { 401 } else { 400 };
        is_refusal(&answer, status, &ERRORS_OF_A_CLIENT, module);
    }
}

async fn assertions_at_the_token_endpoint(w: &Town) {
    let (app, other) = (fapi(w, "first").await, fapi(w, "second").await);
    let (pending, code) = code(w, &app, SCOPE, &[]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", pending.verifier.as_str()),
    ];
    let now = w.now().secs();
    let refused = async |more: &[(&str, &str)], assertion: Option<String>, errors: &[&str], module: &str| {
        let form = [&form[..], more].concat();
        let answer = asserted(w, &app, "/oauth/token", &form, assertion).await;
        // 401 with invalid_client alone, otherwise 400.
        let status = if answer.json()["error"] == "invalid_client" { 401 } else { 400 };
        is_refusal(&answer, status, errors, module);
    };
    let id = [("client_id", "first")];
    refused(&id, None, &ERRORS_OF_A_CLIENT, "ensure-client-assertion-in-token-endpoint").await;
    refused(&[], None, &ERRORS_OF_A_CLIENT, "and without a name").await;
    let old = app.assertion(|c| c["exp"] = json!(now - 300));
    refused(&[], Some(old), &ERRORS_OF_A_CLIENT, "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails").await;
    let aud = app.assertion(|c| c["aud"] = json!("https://other.example/"));
    refused(&[], Some(aud), &ERRORS_OF_A_CLIENT, "ensure-client-assertion-with-wrong-aud-fails").await;
    let sub = app.assertion(|c| drop(c.as_object_mut().unwrap().remove("sub")));
    refused(&[], Some(sub), &ERRORS_OF_A_CLIENT, "ensure-client-assertion-with-no-sub-fails").await;
    // The second client's name, with an assertion in it that the first client's key signed.
    let Credential::Jwt(key, _) = &app.credential else { panic!() };
    let claims = crate::support::jws::claims(&other.assertion(|_| {}));
    for kid in ["first", "second"] {
        let forged = key.sign(json!({ "kid": kid }), &claims);
        let of_client = ["invalid_client", "invalid_grant"];
        refused(&[("client_id", "second")], Some(forged), &of_client, "ensure-client-id-in-token-endpoint").await;
    }
    let renamed =
        key.sign(json!({ "alg": "RS256", "kid": "first" }), &crate::support::jws::claims(&app.assertion(|_| {})));
    refused(&[], Some(renamed), &["invalid_client"], "ensure-signed-client-assertion-with-RS256-fails").await;
    is_token_response(&redeem(&app, &pending, &code).await, "DPoP");
}

async fn a_request_uri_lasts_until_the_customer_has_answered(w: &Town) {
    let app = fapi(w, "first").await;
    let (pending, fields) = asked(&app, SCOPE, &[]);
    let url = redirect(&push(&app, &fields, false).await, &fields, false, &[]);
    let mut browser = w.browser();
    browser.open(&url).await;
    assert_eq!(browser.screen(), "account", "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds");
    let brought = agree(w, &mut browser, &url).await;
    is_token_response(&redeem(&app, &pending, &brought["code"]).await, "DPoP");
    let again = browser.request("GET", &url, RequestParts::default()).await;
    is_page(&again, "invalid_request_uri", "par-attempt-reuse-request_uri");
}

async fn a_request_uri_is_for_one_client_and_not_for_ever(w: &Town) {
    let (app, _) = (fapi(w, "first").await, fapi(w, "second").await);
    let (_, fields) = asked(&app, SCOPE, &[]);
    let pushed = push(&app, &fields, false).await.expect(201);
    let foreign = redirect(&pushed, &fields, false, &[("client_id", "second")]);
    is_page(&visit(w, &foreign).await, "invalid_request_uri", "par-attempt-to-use-request_uri-for-different-client");
    w.clock.advance(Duration::from_secs(pushed.json()["expires_in"].as_u64().unwrap()));
    let late = redirect(&pushed, &fields, false, &[]);
    is_page(&visit(w, &late).await, "invalid_request_uri", "par-attempt-to-use-expired-request_uri");
}

async fn refresh_with_new_keys_and_without_credentials(w: &Town) {
    let (one, two) = (fapi(w, "first").await, fapi(w, "second").await);
    let scope = "openid accounts transactions offline_access";
    let mut tokens = Vec::new();
    for (app, second) in [(&one, false), (&two, true)] {
        let (pending, code) = code(w, app, scope, &[("prompt", Some("consent"))]).await;
        let body = is_token_response(&redeem(app, &pending, &code).await, "DPoP");
        let first = id_token(w, app, text(&body, "id_token"), &Alg::FAPI).await;
        let refresh = text(&body, "refresh_token").to_owned();
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        if !second {
            fields.push(("scope", scope));
        }
        // Twice, half a minute apart: the token is not rotated, and each time the proof has a new key.
        for pause in [1, 30] {
            w.clock.advance(Duration::from_secs(pause));
            let newer = fapi_like(w, app).with_dpop(Key::generate());
            let again = is_token_response(&newer.post("/oauth/token", &fields, true).await, "DPoP");
            assert!(again.get("refresh_token").is_none_or(|t| *t == refresh.as_str()));
            let claims = id_token(w, app, text(&again, "id_token"), &Alg::FAPI).await;
            for claim in ["iss", "sub", "aud", "auth_time"] {
                assert_eq!(claims[claim], first[claim], "OpenID Connect Core 12.2: {claim}");
            }
            assert_ne!(claims["iat"], first["iat"]);
            userinfo(w, &newer, text(&again, "access_token"), "DPoP").await.expect(200);
        }
        let unproved = app.post("/oauth/token", &fields, false).await;
        is_refusal(&unproved, 400, &ERRORS_OF_A_PROOF, "refresh-token: no proof of possession");
        let nobody = asserted(w, app, "/oauth/token", &fields, None).await;
        is_refusal(&nobody, 401, &["invalid_client"], "refresh-token: no client authentication");
        tokens.push((refresh, text(&body, "access_token").to_owned()));
    }
    let foreign = [("grant_type", "refresh_token"), ("refresh_token", tokens[1].0.as_str()), ("scope", scope)];
    is_refusal(
        &one.post("/oauth/token", &foreign, true).await,
        400,
        &["invalid_grant"],
        "refresh-token: another client's",
    );
    assert_eq!(userinfo(w, &one, &tokens[1].1, "DPoP").await.status, 401, "the other client's access token");
}

/// With nonces the suite tries twice: at PAR (where it sends a proof), at the token endpoint, at a resource.
async fn a_nonce_is_fetched_with_every_second_try(w: &Town) {
    let app = fapi(w, "first").await;
    let (pending, fields) = asked(&app, SCOPE, &[]);
    let url = redirect(&push(&app, &fields, true).await, &fields, false, &[]);
    let brought = query(&{
        let mut browser = w.browser();
        agree(w, &mut browser, &url).await;
        browser.url
    });
    let answer = redeem(&app, &pending, &brought["code"]).await;
    is_token_response(&answer, "DPoP");
    assert_eq!(answer.headers.get_all("dpop-nonce").iter().count(), 1, "one, for the next proof");
}
