//! RFC 9700 §4.4, §4.5, §4.6, §4.8: answers that come from somebody else, codes in the wrong hands, and PKCE talked away.

use super::on_sqlite;
use crate::support::app::{App, Credential, Pending};
use crate::support::http::{encode, query};
use crate::support::town::{Town, on_both};
use crate::tokens::{allowed, linked};
use serde_json::json;

on_both!(a_code_stolen_by_another_client_is_refused_and_stays_good, a_code_slipped_into_another_session_is_refused,);
on_sqlite!(
    every_answer_names_its_issuer_so_that_none_can_be_mixed_up,
    no_token_travels_through_the_browser,
    pkce_cannot_be_talked_away,
    the_same_customer_is_another_to_every_app,
);

async fn stranger(w: &Town, id: &str, more: serde_json::Value) -> App {
    let mut record = json!({
        "client_id": id, "profile": "oidc", "client_name": id, "scope": "openid accounts",
        "redirect_uris": ["https://kakeibo.example/callback"], "client_secret": format!("{id}-secret"),
        "token_endpoint_auth_method": "client_secret_basic",
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    w.register(record).await;
    let secret = Credential::Secret(format!("{id}-secret"));
    App::new(w.http.clone(), w.clock.clone(), id, "https://kakeibo.example/callback", secret)
}

/// The thief has code, verifier and even the same redirect URI: what is missing is the client.
async fn a_code_stolen_by_another_client_is_refused_and_stays_good(w: &Town) {
    let thief = stranger(w, "thief", json!({})).await;
    let (own, mut creco) = (w.kakeibo(), w.creco());
    let (pending, code) = allowed(w, &own, "openid accounts").await;
    thief.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
    creco.redirect_uri = own.redirect_uri.clone();
    creco.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
    // Naming the owner beside one's own credentials helps nobody.
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", own.redirect_uri.as_str()),
        ("code_verifier", pending.verifier.as_str()),
        ("client_id", "kakeibo"),
    ];
    thief.post("/oauth/token", &fields, false).await.refused(401, "invalid_client");
    let token = own.try_exchange(&pending, &code).await.expect(200).json()["access_token"].clone();
    // Somebody else's replay is no replay: the grant of the customer stays.
    thief.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
    assert_eq!(w.accounts_api().introspect(token.as_str().unwrap()).await["active"], true);
}

/// The attacker's own code, put into the customer's session of the same app: the verifier is the session's.
async fn a_code_slipped_into_another_session_is_refused(w: &Town) {
    for app in [w.kakeibo(), w.creco()] {
        let (attackers, code) = allowed(w, &app, "openid accounts").await;
        let customers = app.request("openid accounts").0;
        app.try_exchange(&customers, &code).await.refused(400, "invalid_grant");
        let empty = Pending { verifier: String::new(), ..customers.clone() };
        app.try_exchange(&empty, &code).await.refused(400, "invalid_grant");
        let challenge = renkei_core::secret::Hash::of(&attackers.verifier).base64url();
        let read_off = Pending { verifier: challenge, ..customers };
        app.try_exchange(&read_off, &code).await.refused(400, "invalid_grant");
        app.try_exchange(&attackers, &code).await.expect(200);
    }
}

/// RFC 9207, in every way an answer can travel: success and refusal, query and form.
async fn every_answer_names_its_issuer_so_that_none_can_be_mixed_up(w: &Town) {
    let app = w.kakeibo();
    for (mode, ends) in [("query", "allow"), ("query", "deny"), ("form_post", "allow"), ("form_post", "deny")] {
        let (pending, mut fields) = app.request("openid accounts");
        fields.push(("response_mode", mode.into()));
        let mut browser = w.browser();
        browser.open(&format!("{}/oauth/authorize?{}", w.http.issuer, encode(&fields))).await;
        browser.walk_to(w, "consent").await;
        let typed: &[(&str, &str)] = if ends == "allow" { &[("agree", "yes")] } else { &[] };
        browser.press(ends, typed).await;
        if ends == "deny" {
            browser.press("return", &[]).await;
        }
        let brought = if mode == "query" {
            browser.handed_to_app()
        } else {
            browser.page().forms().into_iter().next().unwrap().fields.into_iter().collect()
        };
        assert_eq!(brought.get("iss"), Some(&w.http.issuer), "{mode} {ends}: {brought:?}");
        assert_eq!(brought.get("state"), Some(&pending.state), "{mode} {ends}");
    }
    let (_, mut fields) = app.request("openid accounts");
    fields.push(("max_age", "soon".into()));
    let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&fields))).await.expect(303);
    assert_eq!(query(answer.location()).get("iss"), Some(&w.http.issuer), "before any screen");
    let metadata = w.http.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

/// §4.6, §2.1.2: what is not handed out in the front cannot be injected there.
async fn no_token_travels_through_the_browser(w: &Town) {
    let app = w.kakeibo();
    for response_type in
        ["token", "id_token", "id_token token", "code token", "code id_token", "code id_token token", "none"]
    {
        for mode in ["query", "fragment", "form_post"] {
            let (_, mut fields) = app.request("openid accounts");
            fields.retain(|(n, _)| *n != "response_type");
            fields.extend([("response_type", response_type.to_owned()), ("response_mode", mode.to_owned())]);
            let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&fields))).await;
            let all = format!("{:?}{}", answer.headers, answer.body);
            assert!(!all.contains("rk_at_") && !all.contains("eyJ"), "{response_type} {mode}");
            let error = match mode {
                "form_post" => {
                    let fields = answer.page().forms().into_iter().flat_map(|f| f.fields);
                    fields.into_iter().find(|(n, _)| n == "error").map(|(_, v)| v)
                }
                _ => query(answer.location()).remove("error"),
            };
            let want = if mode == "fragment" { "invalid_request" } else { "unsupported_response_type" };
            assert_eq!(error.as_deref(), Some(want), "{response_type} {mode}");
            assert!(answer.header("location").is_none_or(|l| !l.contains('#')), "no fragment: {response_type} {mode}");
        }
    }
    let metadata = w.http.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
}

/// §4.8.2: no challenge where one is demanded, `plain`, and a verifier for a code that has no challenge.
async fn pkce_cannot_be_talked_away(w: &Town) {
    let (app, free) = (w.kakeibo(), stranger(w, "free", json!({"require_pkce": false})).await);
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for (app, challenge, method, why) in [
        (&app, None, Some("S256"), "no challenge"),
        (&app, None, None, "neither"),
        (&app, Some(challenge), None, "no method means plain"),
        (&app, Some(challenge), Some("plain"), "plain"),
        (&app, Some(challenge), Some("s256"), "a method nobody knows"),
        (&app, Some("short"), Some("S256"), "no challenge at all"),
        (&free, Some(challenge), Some("plain"), "plain where PKCE is free"),
        (&free, Some(challenge), None, "plain by omission where PKCE is free"),
    ] {
        let (pending, mut fields) = app.request("accounts");
        fields.retain(|(n, _)| !n.starts_with("code_challenge"));
        fields.extend(challenge.map(|c| ("code_challenge", c.to_owned())));
        fields.extend(method.map(|m| ("code_challenge_method", m.to_owned())));
        let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&fields))).await;
        assert_eq!(answer.status, 303, "{why}: {}", answer.body);
        app.refused(&pending, &query(answer.location()), "invalid_request");
    }
    // The attacker strips the challenge from the customer's request; the app sends its verifier all the same.
    let (mut pending, mut fields) = free.request("accounts");
    fields.retain(|(n, _)| !n.starts_with("code_challenge"));
    pending.url = format!("{}/oauth/authorize?{}", w.http.issuer, encode(&fields));
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let code = browser.allow().await["code"].clone();
    free.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
}

/// §4.6: an answer about one app's customer means nothing in another app.
async fn the_same_customer_is_another_to_every_app(w: &Town) {
    let other = stranger(w, "other", json!({})).await;
    let mut seen = Vec::new();
    for app in [w.kakeibo(), other] {
        let body = linked(w, &app, "openid accounts").await;
        let claims = crate::support::jws::claims(body["id_token"].as_str().unwrap());
        assert_eq!(claims["aud"], app.client_id);
        let token = body["access_token"].as_str().unwrap();
        let hash = crate::support::jws::sha256(token.as_bytes());
        assert_eq!(claims["at_hash"], crate::support::jws::b64(&hash[..16]), "the id_token names its access token");
        let told = w.accounts_api().introspect(token).await;
        assert_eq!((&told["client_id"], &told["sub"]), (&json!(app.client_id), &claims["sub"]));
        assert_eq!(w.userinfo(token).await.expect(200).json()["sub"], claims["sub"]);
        seen.push(claims["sub"].clone());
    }
    assert_ne!(seen[0], seen[1]);
}
