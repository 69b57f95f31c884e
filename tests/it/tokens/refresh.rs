//! Refresh tokens through the wire (RFC 6749 §6, FAPI 2.0 Security Profile §5.3.2.1): bound to their client, not to a
//! key; not rotated;
//! never past the grant; with an id_token that says the same of the same customer.

use super::{allowed, client, text, unstored, verified};
use crate::support::app::{App, Credential};
use crate::support::http::RequestParts;
use crate::support::jws::{Key, b64, sha256};
use crate::support::town::{Town, on_both, on_both_with};
use renkei_core::client::Status;
use renkei_core::keys::jose::Alg;
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    it_gives_a_short_token_again_and_again,
    the_id_token_says_the_same_again,
    a_new_key_is_as_good_as_the_old,
    nobody_else_can_use_it,
    suspension_stops_it_and_withdrawal_ends_it,
    of_forty_at_once_each_gets_a_token_and_a_withdrawal_ends_them_all,
);

on_both_with!(at_hash_has_the_digest_of_its_signature, |config| {
    config.keys.algorithms.push(renkei_server::config::Algorithm(renkei_core::keys::jose::Alg::EdDsa));
});

/// A FAPI app with refresh tokens, whose access tokens live a quarter of an hour.
pub(super) async fn register(w: &Town, more: Value) -> App {
    let mut key = w.creco().jwk();
    key["kid"] = json!("creco-1");
    let mut record = json!({
        "client_id": "lasting", "client_name": "lasting", "jwks": {"keys": [key]}, "access_token_lifetime": "15m",
        "redirect_uris": ["https://creco.example/callback"], "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid accounts transactions offline_access",
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    w.register(record).await;
    let mut app = w.creco();
    app.client_id = "lasting".into();
    app
}

async fn begun(w: &Town, app: &App) -> Value {
    let (pending, code) = allowed(w, app, "openid accounts offline_access").await;
    app.try_exchange(&pending, &code).await.expect(200).json()
}

fn form(token: &str) -> [(&str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

async fn it_gives_a_short_token_again_and_again(w: &Town) {
    let (app, api) = (register(w, json!({})).await, w.accounts_api());
    let first = begun(w, &app).await;
    assert_eq!(first["expires_in"], 900, "as short as the record says");
    let refresh = text(&first, "refresh_token");
    for _ in 0..3 {
        // The conformance suite waits half a minute and uses the first one again.
        w.clock.advance(Duration::from_secs(901));
        assert_eq!(api.introspect(text(&first, "access_token")).await, json!({"active": false}));
        let answer = app.post("/oauth/token", &form(refresh), true).await.expect(200);
        unstored(&answer);
        let body = answer.json();
        assert_eq!(body["refresh_token"], refresh, "the same again");
        assert_eq!(body["expires_in"], 900);
        for same in ["grant_id", "grant_expires_at", "scope", "authorization_details"] {
            assert_eq!(body[same], first[same], "{same}");
        }
        assert_eq!(api.introspect(text(&body, "access_token")).await["active"], true);
    }
    // Ten minutes before the grant ends a token lives ten minutes; then nothing does.
    let left = first["grant_expires_at"].as_i64().unwrap() - w.now().secs();
    w.clock.advance(Duration::from_secs(u64::try_from(left - 600).unwrap()));
    let last = app.post("/oauth/token", &form(refresh), true).await.expect(200).json();
    assert_eq!(last["expires_in"], 600);
    w.clock.advance(Duration::from_secs(600));
    app.post("/oauth/token", &form(refresh), true).await.refused(400, "invalid_grant");
    assert_eq!(api.introspect(text(&last, "access_token")).await, json!({"active": false}));
}

/// OpenID Connect Core §12.2.
async fn the_id_token_says_the_same_again(w: &Town) {
    let app = register(w, json!({})).await;
    let first = begun(w, &app).await;
    let before = verified(w, text(&first, "id_token"), Alg::Es256).await;
    w.clock.advance(Duration::from_secs(3600));
    let again = app.post("/oauth/token", &form(text(&first, "refresh_token")), true).await.expect(200).json();
    let after = verified(w, text(&again, "id_token"), Alg::Es256).await;
    for same in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(after["iat"], w.now().secs());
    assert!(before.get("nonce").is_some() && after.get("nonce").is_none(), "a nonce belongs to one request");
    assert_eq!(after["at_hash"], b64(&sha256(text(&again, "access_token").as_bytes())[..16]), "of the new token");
    let mut narrow = form(text(&first, "refresh_token")).to_vec();
    narrow.push(("scope", "accounts"));
    let narrow = app.post("/oauth/token", &narrow, true).await.expect(200).json();
    assert_eq!((narrow["scope"].as_str(), narrow.get("id_token")), (Some("accounts"), None), "not asked for");
}

/// RFC 9449 §5: a confidential client's refresh token is bound to its authentication.
async fn a_new_key_is_as_good_as_the_old(w: &Town) {
    let app = register(w, json!({})).await;
    let first = begun(w, &app).await;
    let refresh = text(&first, "refresh_token");
    app.post("/oauth/token", &form(refresh), false).await.refused(400, "invalid_dpop_proof");
    let app = app.with_dpop(Key::generate());
    let body = app.post("/oauth/token", &form(refresh), true).await.expect(200).json();
    let seen = w.accounts_api().introspect(text(&body, "access_token")).await;
    assert_eq!(seen["cnf"], json!({"jkt": app.dpop.as_ref().unwrap().thumbprint()}), "to the new key");
    let old = w.accounts_api().introspect(text(&first, "access_token")).await;
    assert_ne!(old["cnf"], seen["cnf"], "the first token stays with the old");
}

async fn nobody_else_can_use_it(w: &Town) {
    let app = register(w, json!({})).await;
    let first = begun(w, &app).await;
    let refresh = text(&first, "refresh_token");
    let mut other = register(w, json!({"client_id": "other"})).await;
    other.client_id = "other".into();
    other.post("/oauth/token", &form(refresh), true).await.refused(400, "invalid_grant");
    other.revoke(refresh).await.refused(400, "invalid_grant");
    let pairs = form(refresh).map(|(n, v)| (n.to_owned(), v.to_owned()));
    let nobody = RequestParts::default().form(&pairs);
    w.http.send("POST", "/oauth/token", nobody).await.refused(401, "invalid_client");
    let nothing = app.post("/oauth/token", &[("grant_type", "refresh_token")], true).await.expect(400).json();
    assert_eq!(nothing, json!({"error": "invalid_request", "error_description": "refresh_token is missing"}));
    // An access token is no refresh token, and the other way round.
    app.post("/oauth/token", &form(text(&first, "access_token")), true).await.refused(400, "invalid_grant");
    app.post("/oauth/token", &form(&refresh.replace("rk_rt_", "rk_at_")), true).await.refused(400, "invalid_grant");
    app.post("/oauth/token", &form(refresh), true).await.expect(200);
}

async fn suspension_stops_it_and_withdrawal_ends_it(w: &Town) {
    let app = register(w, json!({})).await;
    let first = begun(w, &app).await;
    let refresh = text(&first, "refresh_token");
    let record = client(w, "lasting").await;
    w.world().set_status(&record, Status::Suspended).await;
    app.post("/oauth/token", &form(refresh), true).await.refused(401, "invalid_client");
    w.world().set_status(&record, Status::Active).await;
    let last = app.post("/oauth/token", &form(refresh), true).await.expect(200).json();
    // The institution takes refresh tokens from the record: the ones that are out are dead.
    register(w, json!({"grant_types": ["authorization_code"], "scope": "openid accounts"})).await;
    app.post("/oauth/token", &form(refresh), true).await.refused(400, "unauthorized_client");
    assert_eq!(app.introspect(refresh).await, json!({"active": false}));
    // What is left is the access token, and the grant goes with it (docs/protocol.md#ends).
    assert_eq!(w.accounts_api().introspect(text(&last, "access_token")).await["active"], true);
    app.revoke(text(&last, "access_token")).await.expect(200);
    w.expect_events(&["grant.revoked"]).await;
}

/// OpenID Connect Core §3.1.3.6: SHA-256 for RS256, PS256 and ES256; for EdDSA there is none (docs/decisions/0008-grants.md).
async fn at_hash_has_the_digest_of_its_signature(w: &Town) {
    for (name, alg) in [("RS256", Alg::Rs256), ("PS256", Alg::Ps256), ("ES256", Alg::Es256), ("EdDSA", Alg::EdDsa)] {
        let id = format!("kakeibo-{}", name.to_lowercase());
        w.register(json!({
            "client_id": id, "client_name": id, "profile": "oidc", "redirect_uris": ["https://kakeibo.example/callback"],
            "scope": "openid accounts", "client_secret": "kakeibo-secret", "id_token_signed_response_alg": name,
            "token_endpoint_auth_method": "client_secret_basic",
        }))
        .await;
        let mut app = w.kakeibo();
        app.client_id = id;
        app.credential = Credential::Secret("kakeibo-secret".into());
        let (pending, code) = allowed(w, &app, "openid accounts").await;
        let body = app.try_exchange(&pending, &code).await.expect(200).json();
        let claims = verified(w, text(&body, "id_token"), alg).await;
        let half = json!(b64(&sha256(text(&body, "access_token").as_bytes())[..16]));
        assert_eq!(claims.get("at_hash"), (alg != Alg::EdDsa).then_some(&half), "{name}");
        assert!(claims["auth_time"].is_i64() && claims["acr"].is_string(), "{name}: always said");
    }
}

/// Nodes of an app that wake up together, and the customer who unlinks in the middle of it.
async fn of_forty_at_once_each_gets_a_token_and_a_withdrawal_ends_them_all(w: &Town) {
    let (app, api) = (register(w, json!({})).await, w.accounts_api());
    let first = begun(w, &app).await;
    let refresh = text(&first, "refresh_token");
    let ask = form(refresh);
    let answers = futures_util::future::join_all((0..40).map(|_| app.post("/oauth/token", &ask, true))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let rush = futures_util::future::join_all((0..40).map(|_| app.post("/oauth/token", &ask, true)));
    let (answers, revoked) = tokio::join!(rush, app.revoke(refresh));
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    for answer in &answers {
        match answer.status {
            200 => {
                let body = answer.json();
                assert_eq!(api.introspect(text(&body, "access_token")).await, json!({"active": false}));
            }
            400 => assert_eq!(answer.json()["error"], "invalid_grant"),
            other => panic!("{other}: {}", answer.body),
        }
    }
}
