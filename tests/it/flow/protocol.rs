//! What an app may send, and what it is answered: RFC 6749, 7636, 9126, 9207, 9449 through the wire.

use crate::support::http::{RequestParts, encode};
use crate::support::town::{Town, on_both};
use serde_json::json;

on_both!(
    a_repeated_parameter_is_refused,
    an_unproven_redirect_is_a_page,
    other_mistakes_go_back_to_the_app,
    pushing_is_strict,
    client_authentication_is_strict,
    fifty_exchanges_of_one_code_have_one_winner,
    a_code_is_bound_to_its_verifier_and_its_key,
    dpop_proofs_are_single_use,
    form_post_carries_the_answer,
    the_metadata_tell_the_truth,
    introspection_tells_strangers_nothing,
);

async fn a_repeated_parameter_is_refused(w: &Town) {
    let app = w.kakeibo();
    let (_, fields) = app.request("accounts");
    let mut twice: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    twice.push(("scope", "accounts"));
    app.post("/oauth/par", &twice, false).await.refused(400, "invalid_request");
    let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&twice))).await;
    // RFC 6749 §3.1: refused; whether through a proven redirect or as a page, never accepted.
    if answer.status == 303 {
        assert!(answer.location().contains("error=invalid_request"), "{}", answer.location());
    } else {
        assert_eq!(answer.status, 400);
    }
    let tokens = w.link(&app, &mut w.browser()).await;
    let token = tokens.access_token.as_str();
    let api = w.accounts_api();
    api.post("/oauth/introspect", &[("token", token), ("token", token)], false).await.refused(400, "invalid_request");
    app.post("/oauth/revoke", &[("token", token), ("token", token)], false).await.refused(400, "invalid_request");
    let grant = [("grant_type", "authorization_code"), ("code", "a"), ("code", "b")];
    app.post("/oauth/token", &grant, false).await.refused(400, "invalid_request");
    assert_eq!(api.introspect(token).await["active"], true);
}

async fn an_unproven_redirect_is_a_page(w: &Town) {
    let app = w.kakeibo();
    let (_, fields) = app.request("accounts");
    let good = app.redirect_uri.clone();
    for redirect in ["https://evil.example/cb", &format!("{good}/"), &format!("{good}?x=1"), &good.to_uppercase(), ""] {
        let changed: Vec<_> =
            fields.iter().map(|(n, v)| (*n, if *n == "redirect_uri" { redirect } else { v })).collect();
        let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&changed))).await;
        assert_eq!(answer.status, 400, "{redirect}");
        assert!(answer.page().id("oauth-error").is_some(), "{redirect}");
        assert!(answer.header("location").is_none());
    }
    let changed: Vec<_> = fields.iter().map(|(n, v)| (*n, if *n == "client_id" { "nobody" } else { v })).collect();
    let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&changed))).await.expect(400);
    assert!(answer.page().id("oauth-error").is_some());
    for request_uri in ["urn:ietf:params:oauth:request_uri:nothing", "https://evil.example/r"] {
        let answer = w.http.get(&app.authorize_url(request_uri)).await.expect(400);
        assert!(answer.page().id("oauth-error").is_some());
    }
}

async fn other_mistakes_go_back_to_the_app(w: &Town) {
    let app = w.kakeibo();
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "everything", "invalid_scope"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("prompt", "none", "login_required"),
    ] {
        let scope = if name == "prompt" { "openid accounts" } else { "accounts" };
        let (pending, mut fields) = app.request(scope);
        fields.retain(|(n, _)| *n != name);
        if !value.is_empty() {
            fields.push((name, value.into()));
        }
        let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&fields))).await.expect(303);
        let brought = crate::support::http::query(answer.location());
        app.refused(&pending, &brought, error);
        assert!(brought.get("error_description").is_none_or(|d| d.is_ascii()), "{brought:?}");
    }
}

async fn pushing_is_strict(w: &Town) {
    let creco = w.creco();
    let pushed = creco.push("accounts").await;
    assert!(pushed.url.contains("urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A"), "{}", pushed.url);
    // A FAPI client cannot come without PAR.
    let direct = w.http.get(&creco.ask_directly("accounts").url).await;
    assert!(direct.expect(303).location().contains("error=invalid_request"));
    // Another client cannot use its request.
    let stolen = pushed.url.replace("client_id=creco", "client_id=kakeibo");
    assert_eq!(w.http.get(&stolen).await.status, 400);
    for (name, value, error) in [
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("request_uri", "urn:x", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
    ] {
        let change = (name, value);
        let (_, fields) = creco.request("accounts");
        let mut fields: Vec<(&str, &str)> =
            fields.iter().filter(|(n, _)| *n != "client_id" && *n != change.0).map(|(n, v)| (*n, v.as_str())).collect();
        if !change.1.is_empty() {
            fields.push(change);
        }
        creco.post("/oauth/par", &fields, false).await.refused(400, error);
    }
    assert_eq!(w.http.get("/oauth/par").await.status, 405, "PAR is POST alone");
    // A pushed request lives five minutes.
    let pending = creco.push("accounts").await;
    w.clock.advance(std::time::Duration::from_secs(300));
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    assert_eq!(browser.status(), 400);
}

async fn client_authentication_is_strict(w: &Town) {
    use crate::support::app::basic;
    let creco = w.creco();
    let (_, fields) = creco.request("accounts");
    let send = async |assertion: String| {
        let mut form: Vec<(String, String)> = fields.iter().map(|(a, b)| ((*a).to_owned(), b.clone())).collect();
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        form.push(("client_assertion_type".into(), kind.into()));
        form.push(("client_assertion".into(), assertion));
        w.http.send("POST", "/oauth/par", RequestParts::default().form(&form)).await
    };
    let issuer = w.http.issuer.clone();
    let now = w.now().secs();
    send(creco.assertion(|_| {})).await.expect(201);
    for (why, claim, value) in [
        ("aud is a list", "aud", json!([issuer])),
        ("aud is an endpoint", "aud", json!(format!("{issuer}/oauth/par"))),
        ("expired", "exp", json!(now - 300)),
        ("from tomorrow", "nbf", json!(now + 62)),
        ("another subject", "sub", json!("kakeibo")),
        ("no jti", "jti", json!(null)),
        ("no exp", "exp", json!(null)),
    ] {
        let assertion = creco.assertion(|c| {
            c[claim] = value.clone();
            if value.is_null() {
                c.as_object_mut().unwrap().remove(claim);
            }
        });
        let answer = send(assertion).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{why}");
    }
    let once = creco.assertion(|_| {});
    send(once.clone()).await.expect(201);
    send(once).await.refused(401, "invalid_client");

    let ask = |secret: &str| {
        RequestParts::default()
            .header("authorization", basic("accounts-api", secret))
            .form(&[("token".into(), "x".into())])
    };
    w.http.send("POST", "/oauth/introspect", ask("wrong")).await.refused(401, "invalid_client");
    w.http
        .send("POST", "/oauth/introspect", RequestParts::default().form(&[("token".into(), "x".into())]))
        .await
        .refused(401, "invalid_client");
    w.http.send("POST", "/oauth/introspect", ask("accounts-api-secret")).await.expect(200);
}

async fn fifty_exchanges_of_one_code_have_one_winner(w: &Town) {
    let app = w.kakeibo();
    let pending = app.ask_directly("accounts");
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    let code = app.code(&pending, &brought);
    let answers = futures_util::future::join_all((0..50).map(|_| app.try_exchange(&pending, &code))).await;
    let won: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().all(|a| a.status == 200 || a.json()["error"] == "invalid_grant"));
    // The others were replays by the code's own client: the grant is gone.
    let token = won[0].json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(w.accounts_api().introspect(&token).await, json!({"active": false}));
    w.expect_events(&["grant.revoked"]).await;
}

async fn a_code_is_bound_to_its_verifier_and_its_key(w: &Town) {
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let code = browser.allow().await["code"].clone();
    let other = crate::support::app::Pending { verifier: "x".repeat(43), ..pending.clone() };
    app.try_exchange(&other, &code).await.refused(400, "invalid_grant");
    let fields =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", app.redirect_uri.as_str())];
    app.post("/oauth/token", &fields, true).await.refused(400, "invalid_grant");
    let mut elsewhere = fields.to_vec();
    elsewhere[2].1 = "https://evil.example/cb";
    elsewhere.push(("code_verifier", &pending.verifier));
    app.post("/oauth/token", &elsewhere, true).await.refused(400, "invalid_grant");
    // Without a proof there is no token for a client whose tokens are bound.
    let mut unproven = fields.to_vec();
    unproven.push(("code_verifier", &pending.verifier));
    let answer = app.post("/oauth/token", &unproven, false).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    app.try_exchange(&pending, &code).await.expect(200);
}

async fn dpop_proofs_are_single_use(w: &Town) {
    let app = w.creco();
    let tokens = w.link(&app, &mut w.browser()).await;
    let url = format!("{}/oauth/userinfo", w.http.issuer);
    let proof = app.proof("GET", &url, None, Some(&tokens.access_token));
    let ask = |proof: &str| {
        RequestParts::default().header("authorization", format!("DPoP {}", tokens.access_token)).header("dpop", proof)
    };
    let first = w.http.send("GET", "/oauth/userinfo", ask(&proof)).await;
    // Without `openid` the token is good but not for this; a replayed proof is no good at all.
    assert!(first.expect(403).header("www-authenticate").unwrap().contains("error=\"insufficient_scope\""));
    let again = w.http.send("GET", "/oauth/userinfo", ask(&proof)).await;
    assert!(again.expect(401).header("www-authenticate").unwrap().contains("error=\"invalid_dpop_proof\""));
    let bearer = RequestParts::default().header("authorization", format!("Bearer {}", tokens.access_token));
    assert_eq!(w.http.send("GET", "/oauth/userinfo", bearer).await.status, 401, "a bound token is no bearer token");
}

async fn form_post_carries_the_answer(w: &Town) {
    let app = w.kakeibo();
    let (pending, mut fields) = app.request("accounts");
    fields.push(("response_mode", "form_post".into()));
    let mut browser = w.browser();
    browser.open(&format!("{}/oauth/authorize?{}", w.http.issuer, encode(&fields))).await;
    browser.walk_to(w, "consent").await;
    browser.press("allow", &[("agree", "yes")]).await;
    let form = browser.page().forms().into_iter().next().unwrap();
    assert_eq!(form.action.as_deref(), Some(app.redirect_uri.as_str()));
    let brought = form.fields.into_iter().collect();
    app.exchange(&pending, &brought).await;
}

async fn the_metadata_tell_the_truth(w: &Town) {
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let meta = w.http.get(path).await.expect(200).json();
        assert_eq!(meta["issuer"], w.http.issuer);
        assert_eq!(meta["authorization_response_iss_parameter_supported"], true);
        assert_eq!(meta["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(meta["require_pushed_authorization_requests"], false);
        for (name, url) in meta.as_object().unwrap() {
            let (Some(url), true) = (url.as_str(), name.ends_with("_endpoint")) else { continue };
            let answer = w.http.get(url).await;
            assert_ne!(answer.status, 404, "{name} {url}");
        }
    }
    let jwks = w.http.get("/oauth/jwks").await.expect(200).json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 3);
    for key in jwks["keys"].as_array().unwrap() {
        for member in ["kid", "alg", "use", "kty"] {
            assert!(key[member].is_string(), "{key}");
        }
        assert!(key.get("d").is_none(), "a private key was published");
    }
    w.http.get("/healthz").await.expect(200);
    w.http.get("/readyz").await.expect(200);
}

async fn introspection_tells_strangers_nothing(w: &Town) {
    let app = w.creco();
    let tokens = w.link(&app, &mut w.browser()).await;
    let mut wrong = tokens.access_token.clone();
    wrong.pop();
    wrong.push(if tokens.access_token.ends_with('a') { 'b' } else { 'a' });
    for token in ["", "rk_at_x", wrong.as_str(), "rk_ac_x"] {
        let fields: &[(&str, &str)] = &[("token", token)];
        let answer = w.accounts_api().post("/oauth/introspect", fields, false).await;
        if token.is_empty() {
            answer.refused(400, "invalid_request");
        } else {
            assert_eq!(answer.expect(200).json(), json!({"active": false}), "{token}");
        }
    }
    assert_eq!(w.accounts_api().introspect(&tokens.access_token).await["active"], true, "the one they resemble");
    // An app is no resource server: of somebody else's token it learns nothing.
    assert_eq!(w.kakeibo().introspect(&tokens.access_token).await, json!({"active": false}));
}
