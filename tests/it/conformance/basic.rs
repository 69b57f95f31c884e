//! `oidcc-basic-certification-test-plan` and `oidcc-formpost-basic-certification-test-plan`.

use super::{
    Fields, agree, asked, direct, id_token, is_error_answer, is_error_redirect, is_page, is_refusal, is_token_response,
    redeem, rp, text, visit,
};
use crate::support::app::App;
use crate::support::http::RequestParts;
use crate::support::jws::{b64, sha256};
use crate::support::town::{Town, on_both, on_both_with};
use renkei_core::keys::jose::Alg;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

on_both!(
    the_code_flow_with_basic,
    the_code_flow_with_a_secret_in_the_form,
    what_may_stand_in_a_request_disturbs_nothing,
    a_request_by_post_is_answered_as_well,
    a_verifier_is_taken_where_there_was_a_challenge,
    without_a_nonce_there_is_none_in_the_id_token,
    nobody_is_logged_in,
    a_response_type_that_is_missing,
    a_redirect_uri_nobody_registered_is_a_page,
    a_code_is_refused_a_second_time,
    a_name_as_essential_claim_is_no_error,
    an_unsigned_request_object_is_refused_as_such,
    refresh_tokens_are_their_clients_own,
    the_answer_by_form_post,
    errors_by_form_post,
);

/// As in `config/conformance`: customers are remembered for minutes, because three modules ask twice in one browser.
fn remembering(config: &mut renkei_server::config::Config) {
    config.identity.proofing_memory = renkei_server::config::Span::secs(600);
}
on_both_with!(each_authorization_asks_the_customer_anew, super::remembering);
on_both_with!(who_was_here_a_moment_ago_is_known, super::remembering);

/// A whole flow with `change` in the request: the id_token's claims and the token response.
async fn flow(w: &Town, app: &App, scope: &str, change: &[(&str, Option<&str>)]) -> (Value, Value) {
    let (pending, fields) = asked(app, scope, change);
    let brought = agree(w, &mut w.browser(), &direct(&fields)).await;
    let body = is_token_response(&redeem(app, &pending, &brought["code"]).await, "Bearer");
    (id_token(w, app, text(&body, "id_token"), &[Alg::Rs256]).await, body)
}

async fn userinfo(w: &Town, method: &str, token: &str) -> Value {
    let ask =
        RequestParts::default().header("authorization", format!("Bearer {token}")).header("accept", "application/json");
    let answer = w.http.send(method, "/oauth/userinfo", ask).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"), "OpenID Connect Core 5.3.2");
    answer.json()
}

async fn the_code_flow_with_basic(w: &Town) {
    let app = rp(w, "suite").await;
    let (pending, fields) = asked(&app, "openid", &[]);
    let brought = agree(w, &mut w.browser(), &direct(&fields)).await;
    let code = app.code(&pending, &brought);
    assert!(code.len() >= 22 && super::entropy(&code) > 96.0, "RFC 6749 10.10");

    let body = is_token_response(&redeem(&app, &pending, &code).await, "Bearer");
    let claims = id_token(w, &app, text(&body, "id_token"), &[Alg::Rs256]).await;
    assert_eq!(claims["nonce"], pending.nonce, "OpenID Connect Core 2");
    let token = text(&body, "access_token");
    assert_eq!(claims["at_hash"], b64(&sha256(token.as_bytes())[..16]), "OpenID Connect Core 3.1.3.6");
    assert_eq!(body.get("refresh_token"), None, "offline_access was not asked for");

    let subject = json!({ "sub": claims["sub"] });
    assert_eq!(userinfo(w, "GET", token).await, subject, "oidcc-userinfo-get");
    assert_eq!(userinfo(w, "POST", token).await, subject, "oidcc-userinfo-post-header");
    let form = RequestParts::default().form(&[("access_token".into(), token.into())]);
    let answer = w.http.send("POST", "/oauth/userinfo", form).await.expect(200);
    assert_eq!(answer.json(), subject, "oidcc-userinfo-post-body");
}

async fn the_code_flow_with_a_secret_in_the_form(w: &Town) {
    w.register(json!({
        "client_id": "poster", "profile": "oidc", "client_name": "poster", "scope": "openid", "require_pkce": false,
        "redirect_uris": [super::callback("poster")], "client_secret": "secret of poster",
        "token_endpoint_auth_method": "client_secret_post",
    }))
    .await;
    let mut app = rp(w, "suite").await;
    (app.client_id, app.redirect_uri) = ("poster".into(), super::callback("poster"));
    let (_, fields) = asked(&app, "openid", &[]);
    let brought = agree(w, &mut w.browser(), &direct(&fields)).await;
    let form: Fields = [
        ("grant_type", "authorization_code"),
        ("code", &brought["code"]),
        ("redirect_uri", &app.redirect_uri),
        ("client_id", "poster"),
        ("client_secret", "secret of poster"),
    ]
    .map(|(n, v)| (n.to_owned(), v.to_owned()))
    .to_vec();
    let body =
        is_token_response(&w.http.send("POST", "/oauth/token", RequestParts::default().form(&form)).await, "Bearer");
    id_token(w, &app, text(&body, "id_token"), &[Alg::Rs256]).await;
}

async fn what_may_stand_in_a_request_disturbs_nothing(w: &Town) {
    let app = rp(w, "suite").await;
    let acr = w.http.get("/.well-known/openid-configuration").await.json()["acr_values_supported"][0].clone();
    for (change, module) in [
        (("display", "page"), "oidcc-display-page"),
        (("display", "popup"), "oidcc-display-popup"),
        (("extra", "foobar"), "oidcc-ensure-request-with-unknown-parameter-succeeds"),
        (("login_hint", "buffy@link.renkei.test"), "oidcc-login-hint"),
        (("ui_locales", "se"), "oidcc-ui-locales"),
        (("claims_locales", "se"), "oidcc-claims-locales"),
        (("acr_values", acr.as_str().unwrap()), "oidcc-ensure-request-with-acr-values-succeeds"),
        (("acr_values", "1 2"), "oidcc-ensure-request-with-acr-values-succeeds"),
        (("max_age", "15000"), "oidcc-max-age-10000"),
        (("prompt", "consent"), "oidcc-refresh-token"),
        (("scope", "email openid"), "oidcc-alternate-happy-flow, for a suite that does not read scopes_supported"),
        (("scope", "openid address email phone profile"), "oidcc-scope-all, for the same"),
    ] {
        let (_, fields) = asked(&app, "openid", &[(change.0, Some(change.1))]);
        let mut browser = w.browser();
        browser.open(&direct(&fields)).await;
        assert_eq!((browser.status(), browser.screen()), (200, "account"), "{module}: {}", browser.page().text());
    }
    let (claims, body) = flow(w, &app, "openid profile email", &[("acr_values", acr.as_str())]).await;
    assert_eq!(claims["acr"], acr, "oidcc-ensure-request-with-acr-values-succeeds");
    assert_eq!(body["scope"], "openid", "RFC 6749 3.3: what was given is said");
}

async fn a_request_by_post_is_answered_as_well(w: &Town) {
    let app = rp(w, "suite").await;
    let (pending, fields) = asked(&app, "openid", &[]);
    let mut browser = w.browser();
    let answer = browser.request("POST", "/oauth/authorize", RequestParts::default().form(&fields)).await;
    browser.follow("/oauth/authorize", answer).await;
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    is_token_response(&redeem(&app, &pending, &app.code(&pending, &brought)).await, "Bearer");
}

async fn a_verifier_is_taken_where_there_was_a_challenge(w: &Town) {
    let app = rp(w, "suite").await;
    let (pending, _) = app.request("openid");
    let challenge = b64(sha256(pending.verifier.as_bytes()));
    let (_, fields) =
        asked(&app, "openid", &[("code_challenge", Some(&challenge)), ("code_challenge_method", Some("S256"))]);
    let brought = agree(w, &mut w.browser(), &direct(&fields)).await;
    let without = redeem(&app, &pending, &brought["code"]).await;
    is_refusal(&without, 400, &["invalid_grant"], "RFC 7636 4.6");
    is_token_response(&app.try_exchange(&pending, &brought["code"]).await, "Bearer");
}

async fn without_a_nonce_there_is_none_in_the_id_token(w: &Town) {
    let app = rp(w, "suite").await;
    let (claims, _) = flow(w, &app, "openid", &[("nonce", None)]).await;
    assert_eq!(claims.get("nonce"), None, "oidcc-ensure-request-without-nonce-succeeds-for-code-flow");
}

async fn each_authorization_asks_the_customer_anew(w: &Town) {
    let app = rp(w, "suite").await;
    let mut browser = w.browser();
    let mut before: Option<Value> = None;
    for (change, module) in [
        (("prompt", None), "the first"),
        (("prompt", Some("login")), "oidcc-prompt-login"),
        (("max_age", Some("1")), "oidcc-max-age-1"),
    ] {
        w.clock.advance(Duration::from_secs(2));
        let (pending, fields) = asked(&app, "openid", &[change]);
        // The same browser, with whatever cookies the time before has left it.
        browser.open(&direct(&fields)).await;
        assert_eq!(browser.screen(), "account", "{module}: the customer is asked");
        browser.walk_to(w, "consent").await;
        let brought = browser.allow().await;
        let body = is_token_response(&redeem(&app, &pending, &brought["code"]).await, "Bearer");
        let claims = id_token(w, &app, text(&body, "id_token"), &[Alg::Rs256]).await;
        if let Some(before) = before {
            assert_eq!(claims["sub"], before["sub"], "{module}");
            assert!(claims["auth_time"].as_i64() > before["auth_time"].as_i64(), "{module}");
        }
        before = Some(claims);
    }
}

async fn who_was_here_a_moment_ago_is_known(w: &Town) {
    let app = rp(w, "suite").await;
    let mut browser = w.browser();
    let (pending, fields) = asked(&app, "openid", &[("max_age", Some("15000"))]);
    let brought = agree(w, &mut browser, &direct(&fields)).await;
    let body = is_token_response(&redeem(&app, &pending, &brought["code"]).await, "Bearer");
    let hint = text(&body, "id_token");
    let first = id_token(w, &app, hint, &[Alg::Rs256]).await;
    for (change, module) in [
        (vec![("prompt", Some("none"))], "oidcc-prompt-none-logged-in"),
        (vec![("prompt", Some("none")), ("id_token_hint", Some(hint))], "oidcc-id-token-hint"),
        (vec![("prompt", Some("none")), ("response_mode", Some("form_post"))], "the first of the form_post plan"),
        (vec![("max_age", Some("10000"))], "oidcc-max-age-10000"),
    ] {
        w.clock.advance(Duration::from_secs(5));
        let (pending, fields) = asked(&app, "openid", &change);
        browser.open(&direct(&fields)).await;
        let brought = match module {
            "oidcc-max-age-10000" => {
                assert_eq!(browser.screen(), "consent", "{module}: the customer is not asked who they are");
                browser.allow().await
            }
            "the first of the form_post plan" => posted(&browser.answer.body, &app),
            _ => browser.handed_to_app(),
        };
        let code = app.code(&pending, &brought);
        let body = is_token_response(&redeem(&app, &pending, &code).await, "Bearer");
        let claims = id_token(w, &app, text(&body, "id_token"), &[Alg::Rs256]).await;
        assert_eq!((&claims["sub"], &claims["auth_time"]), (&first["sub"], &first["auth_time"]), "{module}");
    }
}

async fn nobody_is_logged_in(w: &Town) {
    let app = rp(w, "suite").await;
    let state = "s".repeat(128);
    let (_, fields) = asked(&app, "openid", &[("prompt", Some("none")), ("state", Some(&state))]);
    let wanted = ["interaction_required", "login_required", "account_selection_required", "consent_required"];
    is_error_redirect(&visit(w, &direct(&fields)).await, &state, &w.http.issuer, &wanted);
}

async fn a_response_type_that_is_missing(w: &Town) {
    let app = rp(w, "suite").await;
    let (pending, fields) = asked(&app, "openid", &[("response_type", None)]);
    let answer = visit(w, &direct(&fields)).await;
    is_error_redirect(&answer, &pending.state, &w.http.issuer, &["unsupported_response_type", "invalid_request"]);
}

async fn a_redirect_uri_nobody_registered_is_a_page(w: &Town) {
    let app = rp(w, "suite").await;
    let (_, fields) = asked(&app, "openid", &[("redirect_uri", Some(&format!("{}/x9", app.redirect_uri)))]);
    is_page(&visit(w, &direct(&fields)).await, "invalid_request", "oidcc-ensure-registered-redirect-uri");
}

async fn a_code_is_refused_a_second_time(w: &Town) {
    let app = rp(w, "suite").await;
    for (pause, module) in [(0, "oidcc-codereuse"), (30, "oidcc-codereuse-30seconds")] {
        let (pending, fields) = asked(&app, "openid", &[]);
        let brought = agree(w, &mut w.browser(), &direct(&fields)).await;
        let body = is_token_response(&redeem(&app, &pending, &brought["code"]).await, "Bearer");
        let token = text(&body, "access_token");
        userinfo(w, "GET", token).await;
        w.clock.advance(Duration::from_secs(pause));
        is_refusal(&redeem(&app, &pending, &brought["code"]).await, 400, &["invalid_grant"], module);
        assert_eq!(w.userinfo(token).await.status, 401, "{module}: RFC 6749 4.1.2, its token is revoked");
    }
}

async fn a_name_as_essential_claim_is_no_error(w: &Town) {
    let app = rp(w, "suite").await;
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let (claims, body) = flow(w, &app, "openid", &[("claims", Some(claims))]).await;
    assert_eq!(claims.get("name"), None);
    // We give no names (R84): the suite warns of it, and passes.
    assert_eq!(userinfo(w, "GET", text(&body, "access_token")).await, json!({ "sub": claims["sub"] }));
}

/// The suite skips these modules, for the metadata name algorithms, and `none` is not among them. Whoever sends such an
/// object nevertheless hears of it where the request outside says, or on a page.
async fn an_unsigned_request_object_is_refused_as_such(w: &Town) {
    let metadata = w.http.get("/.well-known/openid-configuration").await.json();
    let algs = metadata["request_object_signing_alg_values_supported"].as_array().expect("they are named");
    assert!(!algs.contains(&json!("none")), "unsigned request objects are not promised");
    let app = rp(w, "suite").await;
    let (pending, fields) = asked(&app, "openid", &[]);
    let claims: BTreeMap<&str, &str> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let object = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(json!(claims).to_string()));
    let (_, fields) = asked(&app, "openid", &[("request", Some(&object)), ("state", Some(&pending.state))]);
    let answer = visit(w, &direct(&fields)).await;
    is_error_redirect(&answer, &pending.state, &w.http.issuer, &["request_not_supported", "invalid_request_object"]);
    let elsewhere = format!("{}/x9", app.redirect_uri);
    let (_, fields) = asked(&app, "openid", &[("request", Some(&object)), ("redirect_uri", Some(&elsewhere))]);
    is_page(&visit(w, &direct(&fields)).await, "invalid_request", "oidcc-ensure-request-object-with-redirect-uri");
}

async fn refresh_tokens_are_their_clients_own(w: &Town) {
    let (one, two) = (rp(w, "suite").await, rp(w, "suite2").await);
    let mut tokens = Vec::new();
    for app in [&one, &two] {
        let (first, body) = flow(w, app, "openid offline_access", &[("prompt", Some("consent"))]).await;
        let refresh = text(&body, "refresh_token").to_owned();
        w.clock.advance(Duration::from_secs(1));
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        if app.client_id == one.client_id {
            fields.push(("scope", "openid offline_access"));
        }
        let again = is_token_response(&app.post("/oauth/token", &fields, false).await, "Bearer");
        assert_ne!(again["access_token"], body["access_token"]);
        let second = id_token(w, app, text(&again, "id_token"), &[Alg::Rs256]).await;
        for claim in ["iss", "sub", "aud", "auth_time"] {
            assert_eq!(second[claim], first[claim], "OpenID Connect Core 12.2: {claim}");
        }
        assert_ne!(second["iat"], first["iat"], "OpenID Connect Core 12.2");
        assert_eq!(userinfo(w, "GET", text(&again, "access_token")).await["sub"], first["sub"]);
        tokens.push(refresh);
    }
    let foreign = [("grant_type", "refresh_token"), ("refresh_token", tokens[1].as_str())];
    is_refusal(&one.post("/oauth/token", &foreign, false).await, 400, &["invalid_grant"], "another client's");
}

async fn the_answer_by_form_post(w: &Town) {
    let app = rp(w, "suite").await;
    let (pending, fields) = asked(&app, "openid", &[("response_mode", Some("form_post"))]);
    let mut browser = w.browser();
    browser.open(&direct(&fields)).await;
    browser.walk_to(w, "consent").await;
    browser.press("allow", &[("agree", "yes")]).await;
    assert_eq!(browser.status(), 200, "OAuth 2.0 Form Post Response Mode 2");
    assert!(browser.answer.header("content-type").unwrap().starts_with("text/html"));
    let brought = posted(&browser.answer.body, &app);
    is_token_response(&redeem(&app, &pending, &app.code(&pending, &brought)).await, "Bearer");
}

async fn errors_by_form_post(w: &Town) {
    let app = rp(w, "suite").await;
    for (change, errors, module) in [
        (("prompt", Some("none")), vec!["login_required"], "oidcc-prompt-none-not-logged-in"),
        (("response_type", None), vec!["invalid_request", "unsupported_response_type"], "oidcc-response-type-missing"),
    ] {
        let (pending, fields) = asked(&app, "openid", &[change, ("response_mode", Some("form_post"))]);
        let answer = visit(w, &direct(&fields)).await.expect(200);
        assert_eq!(answer.header("location"), None, "{module}: nothing in a query");
        is_error_answer(posted(&answer.body, &app), &pending.state, &w.http.issuer, &errors);
    }
}

/// What a page's form would post to the client, with its script, in a browser that knows the oldest words alone.
fn posted(html: &str, app: &App) -> BTreeMap<String, String> {
    let page = crate::support::html::Page::new(html);
    let forms = page.forms();
    assert_eq!(forms.len(), 1, "document.forms[0] is the answer");
    assert_eq!((forms[0].action.as_deref(), forms[0].method.as_str()), (Some(app.redirect_uri.as_str()), "post"));
    assert!(html.contains("/assets/post.js?v="));
    forms[0].fields.iter().cloned().collect()
}
