//! The endpoints an app and a resource server call, through the wire: token, introspection, revocation, userinfo. What the
//! verbs behind them do is `grant`'s test; here it is what travels: statuses, headers, forms, proofs, signatures.

mod refresh;
mod together;
mod views;

use crate::support::app::{App, Pending, basic};
use crate::support::http::{Answer, RequestParts};
use crate::support::town::{BANK_SECRET, Town, on_both, on_both_with};
use renkei_core::client::Client;
use renkei_core::grant::code::CodeBinding;
use renkei_core::id::ClientId;
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{self, Alg};
use renkei_core::oxide::Challenge;
use renkei_core::secret::Hash;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

on_both!(
    the_token_endpoint_is_strict,
    an_openid_answer_is_whole,
    a_fapi_answer_is_bound,
    userinfo_gives_the_subject_to_its_token_alone,
    userinfo_of_a_bound_token_wants_the_key,
    revocation_answers_200_whatever_became_of_the_token,
    introspection_wants_a_caller,
    a_suspended_app_is_out_at_once,
    a_moved_account_ends_its_links,
);
on_both_with!(a_client_acts_for_itself, |config| {
    config.tokens.client_scopes = renkei_core::scope::Scope::parse("status").unwrap();
});
on_both_with!(a_nonce_costs_one_more_try, |config| config.tokens.dpop_nonce_required = true);

async fn client(w: &Town, id: &str) -> Arc<Client> {
    let id = ClientId::parse(id).unwrap();
    let load = move |tx: &mut renkei_core::store::Tx<'_, '_>| renkei_core::client::sql::load(tx, &id);
    Arc::new(w.world().store.read(load).await.unwrap().unwrap())
}

/// A customer allowed `app`; here is the code, and what it is bound to.
pub(crate) async fn allowed(w: &Town, app: &App, scope: &str) -> (Pending, String) {
    let (pending, _) = app.request(scope);
    let binding = CodeBinding {
        redirect_uri: app.redirect_uri.clone(),
        challenge: Challenge::parse(&Hash::of(&pending.verifier).base64url()),
        dpop_jkt: None,
        nonce: scope.contains("openid").then(|| pending.nonce.clone()),
        resource: Vec::new(),
    };
    let client = client(w, &app.client_id).await;
    let allowed = w.world().allow_with(&client, scope, "115-ordinary-1100026", binding).await;
    (pending, allowed.code)
}

pub(crate) async fn linked(w: &Town, app: &App, scope: &str) -> Value {
    let (pending, code) = allowed(w, app, scope).await;
    app.try_exchange(&pending, &code).await.expect(200).json()
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"))
}

#[track_caller]
fn unstored(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

async fn the_token_endpoint_is_strict(w: &Town) {
    let app = w.kakeibo();
    let auth = || RequestParts::default().header("authorization", basic("kakeibo", "kakeibo-secret"));
    assert!(w.http.get("/oauth/token").await.status >= 400, "POST alone");
    let answer = w.http.send("POST", "/oauth/token", auth().json(r#"{"grant_type":"authorization_code"}"#)).await;
    answer.refused(400, "invalid_request");
    for (fields, error) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "client_credentials")], "unauthorized_client"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "x")], "unauthorized_client"),
        (vec![("grant_type", "authorization_code")], "invalid_request"),
        (vec![("grant_type", "authorization_code"), ("code", "junk")], "invalid_grant"),
    ] {
        let answer = app.post("/oauth/token", &fields, false).await.refused(400, error);
        unstored(&answer);
        let description = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(description.is_ascii(), "{description}");
    }
    let form = [("grant_type".to_owned(), "authorization_code".to_owned())];
    let answer =
        w.http.send("POST", "/oauth/token", RequestParts::default().form(&form)).await.refused(401, "invalid_client");
    assert_eq!(answer.header("www-authenticate"), None, "no scheme was tried (RFC 6749 §5.2)");
    let wrong = RequestParts::default().header("authorization", basic("kakeibo", "wrong")).form(&form);
    let answer = w.http.send("POST", "/oauth/token", wrong).await.refused(401, "invalid_client");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"));
    unstored(&answer);
    let foreign = [("grant_type".to_owned(), "x".to_owned()), ("client_id".to_owned(), "creco".to_owned())];
    w.http.send("POST", "/oauth/token", auth().form(&foreign)).await.refused(401, "invalid_client");
}

/// The id_token's claims, verified with the published keys.
async fn verified(w: &Town, token: &str, alg: Alg) -> Value {
    let set = w.http.get("/oauth/jwks").await.expect(200).json();
    let keys = Jwk::parse_set(&set).unwrap();
    let verified = jose::verify(token, &keys, &[alg]).unwrap();
    assert!(verified.header.kid.is_some(), "OpenID Connect Core 10.1");
    Value::Object(verified.claims.0)
}

async fn an_openid_answer_is_whole(w: &Town) {
    let app = w.kakeibo();
    let (pending, code) = allowed(w, &app, "openid accounts").await;
    let begun = w.now().secs();
    w.clock.advance(Duration::from_secs(3));
    let answer = app.try_exchange(&pending, &code).await.expect(200);
    unstored(&answer);
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let body = answer.json();
    let mut names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let want = [
        "access_token",
        "authorization_details",
        "expires_in",
        "grant_expires_at",
        "grant_id",
        "id_token",
        "scope",
        "token_type",
    ];
    assert_eq!(names, want);
    let claims = verified(w, text(&body, "id_token"), Alg::Rs256).await;
    let seen = w.accounts_api().introspect(text(&body, "access_token")).await;
    let half = renkei_core::secret::base64url(&Hash::of(text(&body, "access_token")).as_bytes()[..16]);
    assert_eq!(
        claims,
        json!({
            "iss": w.http.issuer, "aud": "kakeibo", "sub": seen["sub"], "nonce": pending.nonce,
            "iat": begun + 3, "exp": begun + 303, "auth_time": begun, "at_hash": half,
            "acr": "urn:renkei:acr:line-and-pin", "amr": ["kba", "tel", "pin"],
        }),
        "and nothing about the customer"
    );
    let plain = linked(w, &app, "accounts").await;
    assert!(plain.get("id_token").is_none(), "not asked for");
}

async fn a_fapi_answer_is_bound(w: &Town) {
    let app = w.creco();
    let (pending, code) = allowed(w, &app, "openid accounts transactions").await;
    let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", &pending.verifier)];
    app.post("/oauth/token", &form, false).await.refused(400, "invalid_dpop_proof");
    let body = app.try_exchange(&pending, &code).await.expect(200).json();
    assert_eq!(body["token_type"], "DPoP");
    let claims = verified(w, text(&body, "id_token"), Alg::Es256).await;
    assert_eq!(claims["aud"], "creco");
    let seen = w.accounts_api().introspect(text(&body, "access_token")).await;
    assert_eq!(seen["cnf"], json!({"jkt": app.dpop.as_ref().unwrap().thumbprint()}));
    assert_eq!(seen["token_type"], "DPoP");
}

async fn a_nonce_costs_one_more_try(w: &Town) {
    let app = w.creco();
    let (pending, code) = allowed(w, &app, "openid accounts").await;
    let form: Vec<(String, String)> = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &app.redirect_uri),
        ("code_verifier", &pending.verifier),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ]
    .map(|(n, v)| (n.to_owned(), v.to_owned()))
    .to_vec();
    let htu = format!("{}/oauth/token", w.http.issuer);
    // One assertion for all tries, as the conformance suite sends it: being told a nonce does not use it up.
    let assertion = app.assertion(|_| {});
    let send = async |nonce: Option<&str>| {
        let mut form = form.clone();
        form.push(("client_assertion".into(), assertion.clone()));
        let ask = RequestParts::default().header("dpop", app.proof("POST", &htu, nonce, None)).form(&form);
        w.http.send("POST", "/oauth/token", ask).await
    };
    let first = send(None).await.refused(400, "use_dpop_nonce");
    assert_eq!(first.headers.get_all("dpop-nonce").iter().count(), 1);
    let nonce = first.header("dpop-nonce").unwrap().to_owned();
    send(Some("made-up")).await.refused(400, "use_dpop_nonce");
    let second = send(Some(&nonce)).await.expect(200);
    assert_eq!(second.headers.get_all("dpop-nonce").iter().count(), 1, "the next proof can carry it");
    send(Some(&nonce)).await.refused(401, "invalid_client");
    // The same at a resource of ours, with 401 (RFC 9449 §9).
    let token = text(&second.json(), "access_token").to_owned();
    let htu = format!("{}/oauth/userinfo", w.http.issuer);
    let get = async |nonce: Option<&str>| {
        let proof = app.proof("GET", &htu, nonce, Some(&token));
        let ask = RequestParts::default().header("authorization", format!("DPoP {token}")).header("dpop", proof);
        w.http.send("GET", "/oauth/userinfo", ask).await
    };
    let refused = get(None).await.expect(401);
    assert!(refused.header("www-authenticate").unwrap().contains("error=\"use_dpop_nonce\""));
    get(refused.header("dpop-nonce")).await.expect(200);
}

/// RFC 6749 §4.4 as the FAPI 2.0 client credentials plan asks for it: no redirect, DPoP, no refresh token.
async fn a_client_acts_for_itself(w: &Town) {
    let mut key = w.creco().jwk();
    key["kid"] = json!("creco-1");
    w.register(json!({
        "client_id": "machine", "client_name": "machine", "grant_types": ["client_credentials"], "scope": "status",
        "jwks": {"keys": [key]},
    }))
    .await;
    let mut app = w.creco();
    app.client_id = "machine".into();
    let form = [("grant_type", "client_credentials"), ("scope", "status")];
    app.post("/oauth/token", &form, false).await.refused(400, "invalid_dpop_proof");
    let answer = app.post("/oauth/token", &form, true).await.expect(200);
    unstored(&answer);
    let body = answer.json();
    let mut names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("DPoP"), &json!(3600)));
    let token = text(&body, "access_token");
    let seen = w.accounts_api().introspect(token).await;
    assert_eq!(seen["sub"], "machine");
    assert_eq!(seen["cnf"], json!({"jkt": app.dpop.as_ref().unwrap().thumbprint()}));
    let htu = format!("{}/oauth/userinfo", w.http.issuer);
    let ask = RequestParts::default()
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", app.proof("GET", &htu, None, Some(token)));
    w.http.send("GET", "/oauth/userinfo", ask).await.refused(403, "insufficient_scope");
    for (scope, error) in [("accounts", "invalid_scope"), ("openid status", "invalid_scope")] {
        app.post("/oauth/token", &[form[0], ("scope", scope)], true).await.refused(400, error);
    }
    let asked = app.post("/oauth/par", &[("response_type", "code"), ("scope", "status")], true).await;
    asked.refused(400, "unauthorized_client");
    let meta = w.http.get("/.well-known/oauth-authorization-server").await.json();
    let all = json!(["authorization_code", "refresh_token", "client_credentials"]);
    assert_eq!(meta["grant_types_supported"], all);
    app.revoke(token).await.expect(200);
    assert_eq!(w.accounts_api().introspect(token).await, json!({"active": false}));
}

async fn userinfo_gives_the_subject_to_its_token_alone(w: &Town) {
    let app = w.kakeibo();
    let body = linked(w, &app, "openid accounts").await;
    let token = text(&body, "access_token");
    let claims = verified(w, text(&body, "id_token"), Alg::Rs256).await;
    let with = |header: String| RequestParts::default().header("authorization", header);
    for method in ["GET", "POST"] {
        let answer = w.http.send(method, "/oauth/userinfo", with(format!("Bearer {token}"))).await.expect(200);
        unstored(&answer);
        assert_eq!(answer.json(), json!({"sub": claims["sub"]}), "{method}");
    }
    w.http.send("GET", "/oauth/userinfo", with(format!("bearer {token}"))).await.expect(200);
    let answer = w.http.get("/oauth/userinfo").await.expect(401);
    let schemes: Vec<_> = answer.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
    assert_eq!(schemes, ["Bearer", "DPoP algs=\"ES256 PS256 EdDSA\""], "no error code where no token was sent");
    let query = format!("/oauth/userinfo?access_token={token}");
    w.http.get(&query).await.expect(401);
    let form = RequestParts::default().form(&[("access_token".into(), token.into())]);
    let answer = w.http.send("POST", "/oauth/userinfo", form.clone()).await.expect(200);
    assert_eq!(answer.json(), json!({"sub": claims["sub"]}), "RFC 6750 2.2: in the form of a POST");
    let twice = form.header("authorization", format!("Bearer {token}"));
    w.http.send("POST", "/oauth/userinfo", twice).await.refused(400, "invalid_request");
    let json = RequestParts::default().json(json!({"access_token": token}).to_string());
    w.http.send("POST", "/oauth/userinfo", json).await.expect(401);
    let narrow = linked(w, &w.kakeibo(), "accounts").await;
    let answer = w.userinfo(text(&narrow, "access_token")).await.refused(403, "insufficient_scope");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer error=\"insufficient_scope\""));
    // That second link replaced the first.
    let answer = w.userinfo(token).await.refused(401, "invalid_token");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
    w.userinfo("junk").await.refused(401, "invalid_token");
    let late = linked(w, &w.kakeibo(), "openid").await;
    let late = text(&late, "access_token");
    w.userinfo(late).await.expect(200);
    w.clock.advance(Duration::from_hours(30 * 24));
    w.userinfo(late).await.refused(401, "invalid_token");
}

async fn userinfo_of_a_bound_token_wants_the_key(w: &Town) {
    let app = w.creco();
    let body = linked(w, &app, "openid accounts").await;
    let token = text(&body, "access_token");
    let htu = format!("{}/oauth/userinfo", w.http.issuer);
    let get = async |scheme: &str, proof: Option<String>| {
        let mut ask = RequestParts::default().header("authorization", format!("{scheme} {token}"));
        if let Some(proof) = proof {
            ask = ask.header("dpop", proof);
        }
        w.http.send("GET", "/oauth/userinfo", ask).await
    };
    let good = || Some(app.proof("GET", &htu, None, Some(token)));
    get("DPoP", good()).await.expect(200);
    get("dpop", good()).await.expect(200);
    let thief = w.creco().with_dpop(crate::support::jws::Key::generate());
    for (why, scheme, proof) in [
        ("no proof", "DPoP", None),
        ("the Bearer scheme", "Bearer", None),
        ("the Bearer scheme with a proof", "Bearer", good()),
        ("another key", "DPoP", Some(thief.proof("GET", &htu, None, Some(token)))),
        ("no ath", "DPoP", Some(app.proof("GET", &htu, None, None))),
        ("another token's ath", "DPoP", Some(app.proof("GET", &htu, None, Some("other")))),
        ("another method", "DPoP", Some(app.proof("POST", &htu, None, Some(token)))),
        (
            "another address",
            "DPoP",
            Some(app.proof("GET", "https://elsewhere.example/oauth/userinfo", None, Some(token))),
        ),
    ] {
        let answer = get(scheme, proof).await;
        assert_eq!(answer.status, 401, "{why}: {}", answer.body);
        assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP error="), "{why}");
    }
    let form = RequestParts::default().form(&[("access_token".into(), token.into())]);
    w.http.send("POST", "/oauth/userinfo", form).await.refused(401, "invalid_token");
    let unbound = linked(w, &w.kakeibo(), "openid accounts").await;
    let token = text(&unbound, "access_token");
    let ask = RequestParts::default()
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", app.proof("GET", &htu, None, Some(token)));
    let answer = w.http.send("GET", "/oauth/userinfo", ask).await;
    assert_eq!(answer.status, 401, "a proof does not bind what was not bound");
}

async fn revocation_answers_200_whatever_became_of_the_token(w: &Town) {
    let app = w.kakeibo();
    let body = linked(w, &app, "accounts").await;
    let token = text(&body, "access_token");
    w.creco().revoke(token).await.refused(400, "invalid_grant");
    app.post("/oauth/revoke", &[], false).await.refused(400, "invalid_request");
    assert_eq!(w.accounts_api().introspect(token).await["active"], true);
    for text in [token, token, "junk"] {
        let hint = [("token", text), ("token_type_hint", "something_else")];
        let answer = app.post("/oauth/revoke", &hint, false).await.expect(200);
        unstored(&answer);
        assert_eq!(answer.body, "{}");
    }
    assert_eq!(w.accounts_api().introspect(token).await, json!({"active": false}));
    let form = [("token".to_owned(), token.to_owned())];
    w.http.send("POST", "/oauth/revoke", RequestParts::default().form(&form)).await.refused(401, "invalid_client");
}

async fn introspection_wants_a_caller(w: &Town) {
    let app = w.kakeibo();
    let body = linked(w, &app, "accounts").await;
    let token = text(&body, "access_token");
    let form = [("token".to_owned(), token.to_owned())];
    w.http.send("POST", "/oauth/introspect", RequestParts::default().form(&form)).await.refused(401, "invalid_client");
    w.accounts_api().post("/oauth/introspect", &[], false).await.refused(400, "invalid_request");
    assert!(w.http.get(&format!("/oauth/introspect?token={token}")).await.status >= 400);
    let answer = w.accounts_api().post("/oauth/introspect", &[("token", token)], false).await.expect(200);
    unstored(&answer);
    assert_eq!(answer.json()["active"], true);
    assert_eq!(app.introspect(token).await["active"], true, "its own");
    assert_eq!(w.creco().introspect(token).await, json!({"active": false}), "another's");
}

async fn a_suspended_app_is_out_at_once(w: &Town) {
    use renkei_core::client::Status;
    let app = w.kakeibo();
    let body = linked(w, &app, "openid accounts").await;
    let token = text(&body, "access_token");
    let (pending, code) = allowed(w, &app, "accounts").await;
    let record = client(w, "kakeibo").await;
    w.world().set_status(&record, Status::Suspended).await;
    assert_eq!(w.accounts_api().introspect(token).await, json!({"active": false}));
    w.userinfo(token).await.refused(401, "invalid_token");
    app.try_exchange(&pending, &code).await.refused(401, "invalid_client");
    w.world().set_status(&record, Status::Active).await;
    assert_eq!(w.accounts_api().introspect(token).await["active"], true);
    app.try_exchange(&pending, &code).await.expect(200);
}

/// Acceptance test 10 (requirements.md#a10): 移管 takes effect on the next introspection.
async fn a_moved_account_ends_its_links(w: &Town) {
    let app = w.kakeibo();
    let body = linked(w, &app, "accounts").await;
    let token = text(&body, "access_token");
    w.clock.advance(Duration::from_secs(60));
    let report = |account: &str, kind: &str| {
        json!({"v": 1, "event_id": format!("{account} {kind}"), "type": kind, "account": account, "at": w.now().secs(),
               "new_account": "022-ordinary-2222222"})
    };
    let moved = report("115-ordinary-1100026", "transferred");
    w.bank_reports(&moved, "wrong").await.expect(401);
    w.bank_reports(&json!({"v": 1}), BANK_SECRET).await.expect(400);
    w.bank_reports(&json!({"filler": "x".repeat(5000)}), BANK_SECRET).await.expect(413);
    w.bank_reports(&report("115-ordinary-1100026", "renamed"), BANK_SECRET).await.expect(204);
    w.bank_reports(&report("010-savings-1234567", "closed"), BANK_SECRET).await.expect(204);
    assert_eq!(w.accounts_api().introspect(token).await["active"], true);
    for _ in 0..2 {
        w.bank_reports(&moved, BANK_SECRET).await.expect(204);
    }
    assert_eq!(w.accounts_api().introspect(token).await, json!({"active": false}));
    w.expect_events(&["grant.revoked"]).await;
}
