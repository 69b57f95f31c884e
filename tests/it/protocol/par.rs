//! RFC 9126 §2: what PAR takes and what it refuses, in JSON and with 400.

use super::{Change, is_error_page, push, register};
use crate::support::app::{App, Credential, basic};
use crate::support::http::{RequestParts, encode};
use crate::support::town::{Town, on_both, on_both_with};
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;

on_both!(
    a_pushed_request_is_answered_with_a_request_uri,
    an_address_that_left_the_record_is_led_to_no_more,
    what_is_wrong_is_said_in_json,
    who_pushes_must_prove_it,
    a_proof_binds_the_code,
    only_forms_are_read,
);

on_both_with!(a_pushed_request_lives_as_long_as_configured, |config| {
    config.tokens.request_lifetime = renkei_server::config::Span::secs(60);
});
on_both_with!(a_proof_may_need_a_nonce, |config| config.tokens.dpop_nonce_required = true);

async fn a_pushed_request_is_answered_with_a_request_uri(town: &Town) {
    let mut seen = HashSet::new();
    let (creco, kakeibo) = (town.creco(), town.kakeibo());
    for app in [&creco, &kakeibo, &creco] {
        let answer = push(app, &[]).await.expect(201);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "RFC 9126 2.2");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let body = answer.json();
        assert_eq!(body["expires_in"], 300, "RFC 9126 2.2");
        let uri = body["request_uri"].as_str().unwrap();
        let value = uri.strip_prefix("urn:ietf:params:oauth:request_uri:").expect("RFC 9126 2.2");
        assert_eq!(value.len(), 43, "RFC 6749 10.10: 256 bits");
        assert!(seen.insert(uri.to_owned()), "never the same twice");
        assert_eq!(body.as_object().unwrap().len(), 2);
    }
    let value = seen.iter().next().unwrap().rsplit(':').next().unwrap();
    assert!(!String::from_utf8_lossy(&town.store_bytes().await).contains(value), "a digest only");
    assert!(!town.log().contains(value), "a capability is not logged");
}

/// The institution took an address out of the record after it was pushed: its page is in other hands, say.
async fn an_address_that_left_the_record_is_led_to_no_more(town: &Town) {
    let record = |addresses: &[&str]| {
        json!({
            "client_id": "moving", "profile": "oidc", "client_name": "moving", "client_secret": "moving-secret",
            "redirect_uris": addresses, "token_endpoint_auth_method": "client_secret_basic", "scope": "openid accounts",
        })
    };
    const OLD: &str = "https://moving.example/old";
    town.register(record(&[OLD, "https://moving.example/new"])).await;
    let secret = Credential::Secret("moving-secret".into());
    let app = App::new(town.http.clone(), town.clock.clone(), "moving", OLD, secret);
    let (kept, gone) = (app.push("accounts").await, app.push("accounts").await);
    town.browser().request("GET", &kept.url, RequestParts::default()).await.expect(303);
    town.register(record(&["https://moving.example/new"])).await;
    for url in [&kept.url, &gone.url] {
        let answer = town.browser().request("GET", url, RequestParts::default()).await;
        is_error_page(&answer, "invalid_request", "not even with an error");
        assert!(!answer.body.contains(OLD));
    }
}

async fn a_pushed_request_lives_as_long_as_configured(town: &Town) {
    let creco = town.creco();
    let body = push(&creco, &[]).await.expect(201).json();
    assert_eq!(body["expires_in"], 60);
    let url = creco.authorize_url(body["request_uri"].as_str().unwrap());
    town.clock.advance(Duration::from_secs(59));
    town.browser().request("GET", &url, RequestParts::default()).await.expect(303);
    town.clock.advance(Duration::from_secs(1));
    let late = town.browser().request("GET", &url, RequestParts::default()).await;
    is_error_page(&late, "invalid_request_uri", "its end is past it");
    // A request that comes in the query is begun with at once: its lifetime is not seen.
    let direct = town.kakeibo().ask_directly("accounts").url;
    town.browser().request("GET", &direct, RequestParts::default()).await.expect(303);
}

async fn what_is_wrong_is_said_in_json(town: &Town) {
    let creco = town.creco();
    let long = "x".repeat(3000);
    let table: [(Change<'_>, u16, &str, &str); 24] = [
        (("request_uri", Some("urn:ietf:params:oauth:request_uri:x")), 400, "invalid_request", "RFC 9126 2.1"),
        (("code_challenge", None), 400, "invalid_request", "RFC 7636 4.3: absent"),
        (("code_challenge_method", Some("plain")), 400, "invalid_request", "RFC 7636 4.4.1: plain"),
        (("code_challenge_method", None), 400, "invalid_request", "RFC 7636 4.4.1: plain by default"),
        (("code_challenge", Some("tooshort")), 400, "invalid_request", "RFC 7636 4.2"),
        (("response_type", Some("token")), 400, "unsupported_response_type", "RFC 6749 3.1.1"),
        (("response_type", Some("code id_token")), 400, "unsupported_response_type", "RFC 6749 3.1.1"),
        (("response_type", None), 400, "invalid_request", "RFC 6749 3.1.1: missing"),
        (("response_mode", Some("fragment")), 400, "invalid_request", "only query and form_post"),
        (("redirect_uri", None), 400, "invalid_request", "missing"),
        (("redirect_uri", Some("https://evil.example/cb")), 400, "invalid_request", "not registered"),
        (("redirect_uri", Some("https://creco.example/callback?x=1")), 400, "invalid_request", "a query added"),
        (("redirect_uri", Some("https://creco.example/callback/")), 400, "invalid_request", "a slash more"),
        (("redirect_uri", Some("https://CRECO.example/callback")), 400, "invalid_request", "to the letter"),
        (("scope", None), 400, "invalid_scope", "RFC 6749 3.3"),
        (("scope", Some("openid payments")), 400, "invalid_scope", "RFC 6749 3.3: unknown"),
        (("scope", Some("offline_access")), 400, "invalid_scope", "nothing is left of it for this client"),
        (("request", Some("eyJhbGciOiJub25lIn0.e30.")), 400, "invalid_request_object", "alg none"),
        (("prompt", Some("none login")), 400, "invalid_request", "OpenID Connect Core 3.1.2.1"),
        (("max_age", Some("soon")), 400, "invalid_request", "OpenID Connect Core 3.1.2.1"),
        (("resource", Some("https://else.example")), 400, "invalid_target", "RFC 8707 2"),
        (("authorization_details", Some("[]")), 400, "invalid_authorization_details", "RFC 9396 5"),
        (("dpop_jkt", Some("x")), 400, "invalid_request", "RFC 9449 10"),
        (("state", Some(&long)), 400, "invalid_request", "longer than an address carries"),
    ];
    for (change, status, error, why) in table {
        let answer = push(&creco, &[change]).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{why}: {}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{why}");
        let said = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(said.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')), "RFC 6749 5.2: {said}");
    }
    let twice = creco.post("/oauth/par", &[("state", "1"), ("state", "2")], false).await;
    twice.refused(400, "invalid_request");
    let log = town.log();
    push(&creco, &[("scope", Some("x\r\n2026 ERROR forged"))]).await.refused(400, "invalid_scope");
    assert!(!town.log()[log.len()..].contains("forged"), "what a caller sends does not reach the log");
}

async fn who_pushes_must_prove_it(town: &Town) {
    let (creco, kakeibo) = (town.creco(), town.kakeibo());
    let bare = |fields: Vec<(String, String)>, header: Option<String>| {
        let mut ask = RequestParts::default().form(&fields);
        if let Some(header) = header {
            ask = ask.header("authorization", header);
        }
        town.http.send("POST", "/oauth/par", ask)
    };
    let own = |(n, v): &(&str, String)| ((*n).to_owned(), v.clone());
    let fields: Vec<(String, String)> = kakeibo.request("accounts").1.iter().map(own).collect();
    bare(fields.clone(), None).await.refused(401, "invalid_client");
    let wrong = bare(fields.clone(), Some(basic("kakeibo", "wrong"))).await;
    assert!(wrong.header("www-authenticate").is_some_and(|h| h.starts_with("Basic ")), "RFC 6749 5.2");
    wrong.refused(401, "invalid_client");
    bare(fields.clone(), Some(basic("kakeibo", "kakeibo-secret"))).await.expect(201);
    // A resource server is a client, but none that has customers.
    let api = town.accounts_api();
    push(&api, &[]).await.refused(400, "unauthorized_client");
    // RFC 7521 §4.2: the name in the body is another's.
    let other = [("client_id", Some("creco"))];
    push(&kakeibo, &other).await.refused(401, "invalid_client");
    // A request that was refused for want of a proof was not stored: creco's may be sent again.
    push(&creco, &[]).await.expect(201);
}

async fn a_proof_binds_the_code(town: &Town) {
    let creco = town.creco();
    let own = creco.dpop.as_ref().unwrap().thumbprint();
    let push = async |change: &[Change<'_>]| {
        let (_, good) = creco.request("accounts");
        let good: Vec<_> = good.into_iter().filter(|(n, _)| *n != "client_id").collect();
        creco.post("/oauth/par", &super::changed(&good, change), true).await
    };
    push(&[]).await.expect(201);
    push(&[("dpop_jkt", Some(&own))]).await.expect(201);
    let another = "A".repeat(43);
    push(&[("dpop_jkt", Some(&another))]).await.refused(400, "invalid_request");
    super::push(&creco, &[("dpop_jkt", Some(&another))]).await.expect(201); // RFC 9449 §10: without a header
}

async fn a_proof_may_need_a_nonce(town: &Town) {
    let creco = town.creco();
    let (_, mut fields) = creco.request("accounts");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    fields.push(("client_assertion_type", kind.to_owned()));
    // One assertion for both tries: being told a nonce does not use it up.
    fields.push(("client_assertion", creco.assertion(|_| {})));
    let send = async |nonce: Option<&str>| {
        let fields: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        let proof = creco.proof("POST", &format!("{}/oauth/par", town.http.issuer), nonce, None);
        town.http.send("POST", "/oauth/par", RequestParts::default().header("dpop", proof).form(&fields)).await
    };
    let first = send(None).await;
    assert_eq!(first.headers.get_all("dpop-nonce").iter().count(), 1, "RFC 9449 8: exactly one");
    let nonce = first.header("dpop-nonce").unwrap().to_owned();
    first.refused(400, "use_dpop_nonce");
    let second = send(Some(&nonce)).await.expect(201);
    assert!(second.header("dpop-nonce").is_some(), "the next proof can carry it at once");
    send(Some("stale")).await.refused(400, "use_dpop_nonce");
}

async fn only_forms_are_read(town: &Town) {
    for method in ["GET", "PUT", "DELETE"] {
        let answer = town.http.send(method, "/oauth/par", RequestParts::default()).await;
        assert!((400..500).contains(&answer.status), "RFC 9126 2.3: {method} is {}", answer.status);
    }
    town.http.send("POST", "/oauth/par", RequestParts::default().json("{}")).await.refused(400, "invalid_request");
    let app = register(town, "wide", json!({})).await;
    let too_long = "x".repeat(70_000);
    let mut fields = app.request("accounts").1;
    fields.push(("state2", too_long));
    let ask = RequestParts::default().header("authorization", basic("wide", "wide-secret"));
    let body = encode(&fields);
    let ask = RequestParts { body: Some(("application/x-www-form-urlencoded".into(), body)), ..ask };
    town.http.send("POST", "/oauth/par", ask).await.refused(400, "invalid_request");
}
