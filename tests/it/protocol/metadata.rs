//! RFC 8414 and OpenID Connect Discovery: what the server says about itself, and its keys. That each line is true is
//! tried by `tests/clients/metadata.mjs`.

use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both};
use std::collections::HashSet;

on_both!(both_documents_are_one_and_every_endpoint_is_there, keys_are_public_named_and_strong);

async fn both_documents_are_one_and_every_endpoint_is_there(town: &Town) {
    let openid = town.http.get("/.well-known/openid-configuration").await.expect(200);
    let oauth = town.http.get("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(openid.json(), oauth.json());
    assert_eq!(openid.header("content-type"), Some("application/json"), "RFC 8414 3.2");
    assert_eq!(openid.header("cache-control"), Some("public, max-age=300"));
    let document = openid.json();
    assert_eq!(document["issuer"], town.http.issuer, "RFC 8414 3.3");
    let mut endpoints = 0;
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let url = value.as_str().unwrap();
            let answer = town.http.send("GET", url, RequestParts::default()).await;
            assert_ne!(answer.status, 404, "{name}");
            endpoints += 1;
        }
    }
    assert_eq!(endpoints, 8);
}

async fn keys_are_public_named_and_strong(town: &Town) {
    let answer = town.http.get("/oauth/jwks").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let set = answer.json();
    let keys = set["keys"].as_array().unwrap();
    let (mut kids, mut algs) = (HashSet::new(), HashSet::new());
    for key in keys {
        let key = key.as_object().unwrap();
        assert!(kids.insert(key["kid"].as_str().unwrap()), "distinct kids");
        algs.insert(key["alg"].as_str().unwrap());
        assert_eq!(key["use"], "sig", "RFC 7517 4.2");
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(!key.contains_key(private), "no private parts");
        }
        match key["kty"].as_str().unwrap() {
            "RSA" => assert!(key["n"].as_str().unwrap().len() >= 2048 / 6, "RSA of 2048 bits"),
            "EC" => assert_eq!(key["crv"], "P-256"),
            other => assert_eq!(other, "OKP"),
        }
    }
    let document = town.http.get("/.well-known/openid-configuration").await.json();
    for alg in document["id_token_signing_alg_values_supported"].as_array().unwrap() {
        assert!(algs.contains(alg.as_str().unwrap()), "{alg} is promised, but there is no key for it");
    }
}
