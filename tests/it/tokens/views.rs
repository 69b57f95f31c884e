//! Introspection through the wire: who learns what, and the signed answer (RFC 9701).

use super::{linked, text};
use crate::support::app::{App, Credential, basic};
use crate::support::http::{Answer, RequestParts};
use crate::support::town::{Town, on_both, on_both_with};
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{self, Alg};
use serde_json::{Value, json};

on_both_with!(an_answer_is_signed_for_who_asks_for_it, |config| {
    config.keys.algorithms.push(renkei_server::config::Algorithm(renkei_core::keys::jose::Alg::EdDsa));
});
on_both!(
    only_the_resource_servers_of_a_token_see_it,
    a_refresh_token_is_seen_by_its_holder_alone,
    a_subject_outlives_its_links,
    userinfo_is_signed_for_who_registered_it,
    a_suspended_resource_server_learns_nothing,
);

const SIGNED: &str = "application/token-introspection+jwt";

async fn ask(w: &Town, caller: &App, token: &str, accept: Option<&str>) -> Answer {
    let Credential::Secret(secret) = &caller.credential else { panic!("{} has no secret", caller.client_id) };
    let mut ask = RequestParts::default().header("authorization", basic(&caller.client_id, secret));
    if let Some(accept) = accept {
        ask = ask.header("accept", accept);
    }
    let answer =
        w.http.send("POST", "/oauth/introspect", ask.form(&[("token".into(), token.into())])).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

/// The claims of a signed answer, verified with the published keys and found to be one by its `typ`.
async fn verified(w: &Town, answer: &Answer, alg: Alg) -> Value {
    assert_eq!(answer.header("content-type"), Some(SIGNED));
    let keys = Jwk::parse_set(&w.http.get("/oauth/jwks").await.expect(200).json()).unwrap();
    let verified = jose::verify(&answer.body, &keys, &[alg]).unwrap();
    assert_eq!(verified.header.typ.as_deref(), Some("token-introspection+jwt"));
    assert!(verified.header.kid.is_some());
    Value::Object(verified.claims.0)
}

async fn resource_server(w: &Town, id: &str, more: Value) -> App {
    let mut record = json!({
        "client_id": id, "client_name": id, "profile": "resource_server", "resources": ["accounts-api"],
        "client_secret": format!("{id}-secret"), "token_endpoint_auth_method": "client_secret_basic",
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    w.register(record).await;
    let mut app = w.accounts_api();
    app.client_id = id.into();
    app.credential = Credential::Secret(format!("{id}-secret"));
    app
}

async fn an_answer_is_signed_for_who_asks_for_it(w: &Town) {
    let body = linked(w, &w.creco(), "openid accounts").await;
    let token = text(&body, "access_token");
    let plain = w.accounts_api();
    let said = ask(w, &plain, token, None).await;
    assert_eq!(said.header("content-type"), Some("application/json"));
    let now = w.now().secs();
    for (why, named, alg) in [
        ("RFC 9701 §6: the default", None, Alg::Rs256),
        ("the record's", Some("ES256"), Alg::Es256),
        ("the record's", Some("EdDSA"), Alg::EdDsa),
        ("the record's", Some("PS256"), Alg::Ps256),
    ] {
        let id = format!("api-{}", named.unwrap_or("default").to_lowercase());
        let more = named.map_or(json!({}), |alg| json!({"introspection_signed_response_alg": alg}));
        let caller = resource_server(w, &id, more).await;
        for (token, inside) in [(token, said.json()), ("junk", json!({"active": false}))] {
            let claims = verified(w, &ask(w, &caller, token, Some(SIGNED)).await, alg).await;
            let want = json!({"iss": w.http.issuer, "aud": id, "iat": now, "token_introspection": inside});
            assert_eq!(claims, want, "{why}: nothing that could be taken for a token (RFC 9701 §5)");
        }
        // Who names a type gets it; who names none gets what the record says.
        for (accept, wants) in [
            (None, named.is_some()),
            (Some("*/*"), named.is_some()),
            (Some("application/json"), false),
            (Some("application/json, application/token-introspection+jwt"), true),
            (Some("application/json, application/token-introspection+jwt;q=0.5"), false),
            (Some("application/token-introspection+jwt;q=0"), false),
        ] {
            let answer = ask(w, &caller, token, accept).await;
            assert_eq!(answer.header("content-type") == Some(SIGNED), wants, "{id} {accept:?}");
            assert!(wants || answer.json() == said.json());
        }
    }
    let meta = w.http.get("/.well-known/oauth-authorization-server").await.json();
    let algs = meta["introspection_signing_alg_values_supported"].as_array().unwrap();
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        assert!(algs.contains(&json!(alg)), "{alg}");
    }
}

async fn only_the_resource_servers_of_a_token_see_it(w: &Town) {
    let body = linked(w, &w.kakeibo(), "accounts").await;
    let token = text(&body, "access_token");
    let also = resource_server(w, "also", json!({"resources": ["https://other.example", "accounts-api"]})).await;
    let other = resource_server(w, "elsewhere", json!({"resources": ["https://other.example"]})).await;
    assert_eq!(also.introspect(token).await["active"], true);
    assert_eq!(other.introspect(token).await, json!({"active": false}));
    assert_eq!(ask(w, &other, token, Some(SIGNED)).await.status, 200, "and no 403 that would say there is something");
    // What an app may ask for is not what it speaks for.
    w.register(json!({
        "client_id": "nosy", "client_name": "nosy", "profile": "oidc", "scope": "accounts",
        "redirect_uris": ["https://nosy.example/cb"], "resources": ["accounts-api"], "client_secret": "nosy-secret",
        "token_endpoint_auth_method": "client_secret_basic",
    }))
    .await;
    let mut nosy = w.kakeibo();
    nosy.client_id = "nosy".into();
    nosy.credential = Credential::Secret("nosy-secret".into());
    assert_eq!(nosy.introspect(token).await, json!({"active": false}));
}

async fn a_refresh_token_is_seen_by_its_holder_alone(w: &Town) {
    let app = super::refresh::register(w, json!({})).await;
    let body = linked(w, &app, "openid accounts offline_access").await;
    let refresh = text(&body, "refresh_token");
    let seen = app.introspect(refresh).await;
    let mut names: Vec<_> = seen.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let want = [
        "acr",
        "active",
        "aud",
        "auth_time",
        "authorization_details",
        "client_id",
        "exp",
        "grant_expires_at",
        "grant_id",
        "iat",
        "iss",
        "jti",
        "scope",
        "sub",
    ];
    assert_eq!(names, want, "it is of no type a resource takes, and bound to nothing but its client");
    assert_eq!((&seen["exp"], &seen["grant_id"]), (&seen["grant_expires_at"], &body["grant_id"]));
    for stranger in [w.accounts_api(), w.kakeibo()] {
        assert_eq!(stranger.introspect(refresh).await, json!({"active": false}));
    }
    app.revoke(refresh).await.expect(200);
    assert_eq!(app.introspect(refresh).await, json!({"active": false}));
}

/// OpenID Connect Core §8.1: one customer is one `sub` for one app, whatever became of the links.
async fn a_subject_outlives_its_links(w: &Town) {
    let (app, api) = (w.kakeibo(), w.accounts_api());
    let first = linked(w, &app, "openid accounts").await;
    let sub = api.introspect(text(&first, "access_token")).await["sub"].clone();
    let replaced = linked(w, &app, "openid accounts").await;
    assert_eq!(api.introspect(text(&replaced, "access_token")).await["sub"], sub);
    app.revoke(text(&replaced, "access_token")).await.expect(200);
    w.clock.advance(std::time::Duration::from_hours(40 * 24));
    let anew = linked(w, &app, "openid accounts").await;
    assert_ne!(anew["grant_id"], first["grant_id"]);
    let id = crate::support::jws::claims(text(&anew, "id_token"));
    let info = w.userinfo(text(&anew, "access_token")).await.expect(200).json();
    assert_eq!((&id["sub"], &info["sub"]), (&sub, &sub));
    let other = linked(w, &w.creco(), "openid accounts").await;
    assert_ne!(api.introspect(text(&other, "access_token")).await["sub"], sub, "of no use to who compares two apps");
}

/// OpenID Connect Core §5.3.2, §5.3.4.
async fn userinfo_is_signed_for_who_registered_it(w: &Town) {
    for (name, alg) in [("RS256", Alg::Rs256), ("ES256", Alg::Es256)] {
        let id = format!("reader-{}", name.to_lowercase());
        w.register(json!({
            "client_id": id, "client_name": id, "profile": "oidc", "redirect_uris": ["https://kakeibo.example/callback"],
            "scope": "openid accounts", "client_secret": "kakeibo-secret", "userinfo_signed_response_alg": name,
            "token_endpoint_auth_method": "client_secret_basic",
        }))
        .await;
        let mut app = w.kakeibo();
        app.client_id = id.clone();
        app.credential = Credential::Secret("kakeibo-secret".into());
        let body = linked(w, &app, "openid accounts").await;
        let answer = w.userinfo(text(&body, "access_token")).await.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/jwt"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let keys = Jwk::parse_set(&w.http.get("/oauth/jwks").await.expect(200).json()).unwrap();
        let claims = jose::verify(&answer.body, &keys, &[alg]).unwrap().claims.0;
        let sub = crate::support::jws::claims(text(&body, "id_token"))["sub"].clone();
        assert_eq!(Value::Object(claims), json!({"iss": w.http.issuer, "aud": id, "sub": sub}));
    }
}

async fn a_suspended_resource_server_learns_nothing(w: &Town) {
    let body = linked(w, &w.kakeibo(), "accounts").await;
    let form = [("token", text(&body, "access_token"))];
    w.suspend_by_staff("accounts-api").await;
    w.accounts_api().post("/oauth/introspect", &form, false).await.refused(401, "invalid_client");
    assert_eq!(w.kakeibo().introspect(form[0].1).await["active"], true, "the token itself is as good as before");
}
