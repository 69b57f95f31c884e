//! The FAPI plans with `client_auth_type=mtls` or `sender_constrain=mtls`, as far as the certificate makes a difference;
//! what a handshake proves is `mtls`'s test, so a proxy tells the certificates here (RFC 9440).

use super::{Fields, agree, callback, id_token, is_refusal, is_token_response, text};
use crate::support::app::{App, Credential, Pending};
use crate::support::http::{Answer, RequestParts, encode};
use crate::support::jws::{Key, b64};
use crate::support::town::{Town, on_both_with};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use renkei_core::keys::jose::Alg;
use serde_json::{Value, json};
use std::time::Duration;

on_both_with!(certificates_throughout, |config| config.server.client_cert_header = true);
on_both_with!(a_certificate_binds_what_a_signature_asks_for, |config| config.server.client_cert_header = true);

const SCOPE: &str = "openid accounts transactions offline_access";
const CODE: &str = "authorization_code";

/// A self-signed certificate, as the header of a proxy and as the key of a client's record.
fn certificate(name: &str) -> (String, Value) {
    let key = KeyPair::generate().unwrap();
    let der = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec();
    let (point, x5c) = (key.der_bytes(), STANDARD.encode(&der));
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]), "kid": name, "x5c": [x5c],
    });
    (format!(":{x5c}:"), jwk)
}

/// A client that is its certificate, and what a proxy tells of it.
pub(crate) async fn certified(w: &Town, id: &str) -> (App, String) {
    let (header, jwk) = certificate(id);
    w.register(json!({
        "client_id": id, "profile": "fapi2", "client_name": id, "scope": SCOPE, "redirect_uris": [callback(id)],
        "grant_types": [CODE, "refresh_token"], "tls_client_certificate_bound_access_tokens": true,
        "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": [jwk] },
    }))
    .await;
    (App::new(w.http.clone(), w.clock.clone(), id, &callback(id), Credential::Certificate), header)
}

/// A form from behind the proxy, which saw `header`.
async fn post(w: &Town, path: &str, header: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    let form: Fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let ask = header.into_iter().fold(RequestParts::default(), |ask, header| ask.header("client-cert", header));
    w.http.send("POST", path, ask.form(&form)).await
}

async fn userinfo(w: &Town, header: Option<&str>, token: &str) -> u16 {
    let ask = header.into_iter().fold(RequestParts::default(), |ask, header| ask.header("client-cert", header));
    w.http.send("GET", "/oauth/userinfo", ask.header("authorization", format!("Bearer {token}"))).await.status
}

/// PAR and the screens: a code.
async fn code(w: &Town, app: &App, pushed: impl AsyncFn(&Fields) -> Answer) -> (Pending, String) {
    let (pending, fields) = super::asked(app, SCOPE, &[("prompt", Some("consent"))]);
    let body = pushed(&fields).await.expect(201).json();
    let query = encode(&[("client_id", app.client_id.as_str()), ("request_uri", text(&body, "request_uri"))]);
    let brought = agree(w, &mut w.browser(), &format!("/oauth/authorize?{query}")).await;
    (pending, brought["code"].clone())
}

async fn certificates_throughout(w: &Town) {
    let ((one, first), (two, second)) = (certified(w, "first").await, certified(w, "second").await);
    let push = async |fields: &Fields| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        post(w, "/oauth/par", Some(&first), &fields).await
    };
    let (pending, code) = code(w, &one, push).await;
    let redeem = async |header: Option<&str>, client_id: &str| {
        let fields = [
            ("grant_type", CODE),
            ("client_id", client_id),
            ("code", &code),
            ("redirect_uri", &one.redirect_uri),
            ("code_verifier", &pending.verifier),
        ];
        post(w, "/oauth/token", header, &fields).await
    };
    let of_client = ["invalid_client", "invalid_grant"];
    is_refusal(&redeem(Some(&first), "second").await, 401, &of_client, "ensure-client-id-in-token-endpoint");
    is_refusal(&redeem(None, "first").await, 401, &["invalid_client"], "ensure-holder-of-key-required");
    let bound = redeem(Some(&second), "second").await;
    is_refusal(&bound, 400, &["invalid_grant"], "ensure-authorization-code-is-bound-to-client");

    let body = is_token_response(&redeem(Some(&first), "first").await, "Bearer");
    id_token(w, &one, text(&body, "id_token"), &Alg::FAPI).await;
    let (token, refresh) = (text(&body, "access_token"), text(&body, "refresh_token"));
    assert_eq!(userinfo(w, Some(&first), token).await, 200, "happy-flow");
    assert_eq!(userinfo(w, Some(&second), token).await, 401, "happy-flow: with the other client's certificate");
    assert_eq!(userinfo(w, None, token).await, 401, "with none");

    w.clock.advance(Duration::from_secs(1));
    let again = async |header: Option<&str>, client_id: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", client_id)];
        post(w, "/oauth/token", header, &fields).await
    };
    is_refusal(&again(None, "first").await, 401, &["invalid_client"], "refresh-token: no proof of possession");
    is_refusal(&again(Some(&second), &two.client_id).await, 400, &["invalid_grant"], "refresh-token: another client's");
    let body = is_token_response(&again(Some(&first), "first").await, "Bearer");
    assert_eq!(userinfo(w, Some(&first), text(&body, "access_token")).await, 200, "refresh-token");
}

async fn a_certificate_binds_what_a_signature_asks_for(w: &Town) {
    let (key, (header, _)) = (Key::generate(), certificate("anybody"));
    let mut jwk = key.jwk();
    jwk["kid"] = json!("signer");
    w.register(json!({
        "client_id": "signer", "profile": "fapi2", "client_name": "signer", "scope": SCOPE,
        "redirect_uris": [callback("signer")], "grant_types": [CODE, "refresh_token"], "jwks": { "keys": [jwk] },
        "token_endpoint_auth_method": "private_key_jwt", "tls_client_certificate_bound_access_tokens": true,
    }))
    .await;
    let credential = Credential::Jwt(key, "signer".to_owned());
    let app = App::new(w.http.clone(), w.clock.clone(), "signer", &callback("signer"), credential);
    let send = async |path: &str, header: Option<&str>, fields: &[(&str, &str)], signed: bool| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let assertion = app.assertion(|_| {});
        let proof = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
        post(w, path, header, &if signed { [fields, &proof[..]].concat() } else { fields.to_vec() }).await
    };
    // Nothing is bound at PAR: the suite shows no certificate there.
    let push = async |fields: &Fields| {
        let fields: Vec<(&str, &str)> =
            fields.iter().filter(|(n, _)| n != "client_id").map(|(n, v)| (n.as_str(), v.as_str())).collect();
        send("/oauth/par", None, &fields, true).await
    };
    let (pending, code) = code(w, &app, push).await;
    let fields = [
        ("grant_type", CODE),
        ("code", code.as_str()),
        ("redirect_uri", &app.redirect_uri),
        ("code_verifier", &pending.verifier),
    ];
    let bare = send("/oauth/token", None, &fields, true).await;
    let errors = ["invalid_request", "invalid_grant", "invalid_client"];
    is_refusal(&bare, 400, &errors, "ensure-holder-of-key-required");
    let body = is_token_response(&send("/oauth/token", Some(&header), &fields, true).await, "Bearer");
    assert_eq!(userinfo(w, Some(&header), text(&body, "access_token")).await, 200, "happy-flow");
    assert_eq!(userinfo(w, None, text(&body, "access_token")).await, 401, "happy-flow");

    let fields = [("grant_type", "refresh_token"), ("refresh_token", text(&body, "refresh_token")), ("scope", SCOPE)];
    let nobody = send("/oauth/token", Some(&header), &fields, false).await;
    is_refusal(&nobody, 401, &["invalid_client"], "refresh-token: no client authentication");
    let bare = send("/oauth/token", None, &fields, true).await;
    is_refusal(&bare, 400, &errors, "refresh-token: no proof of possession");
    w.clock.advance(Duration::from_secs(1));
    is_token_response(&send("/oauth/token", Some(&header), &fields, true).await, "Bearer");
}
