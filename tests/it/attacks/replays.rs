//! Everything once: what was good and is shown again, by its owner, by a thief, at another door, at the same moment.

use crate::support::app::Credential;
use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both};
use crate::tokens::{allowed, linked};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    an_assertion_is_good_once_at_all_endpoints_together,
    a_proof_is_good_once_at_all_endpoints_together,
    a_proof_is_good_once_where_something_is_written,
    a_request_that_was_answered_is_answered_no_more,
    a_report_of_the_bank_counts_once,
    a_revoked_link_stays_revoked_whatever_is_shown_again,
);

async fn an_assertion_is_good_once_at_all_endpoints_together(w: &Town) {
    let app = w.creco();
    let token = linked(w, &app, "accounts").await["access_token"].as_str().unwrap().to_owned();
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let send = async |path: &str, assertion: &str| {
        let form = [
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
            ("token", token.as_str()),
            ("grant_type", "authorization_code"),
        ];
        let form: Vec<(String, String)> = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        w.http.send("POST", path, RequestParts::default().form(&form)).await
    };
    let doors = ["/oauth/introspect", "/oauth/par", "/oauth/token", "/oauth/revoke"];
    for first in &doors[..3] {
        let assertion = app.assertion(|_| {});
        assert_ne!(send(first, &assertion).await.status, 401, "{first}");
        for listener in doors {
            send(listener, &assertion).await.refused(401, "invalid_client");
        }
        // Nor later, while it would still be good; nor with the rest of it changed and signed again.
        let again = app.assertion(|c| c["jti"] = crate::support::jws::claims(&assertion)["jti"].clone());
        send("/oauth/introspect", &again).await.refused(401, "invalid_client");
    }
    let assertion = app.assertion(|_| {});
    let all = join_all((0..30).map(|i| send(doors[i % 2], &assertion))).await;
    let mut got: Vec<u16> = all.iter().map(|a| a.status).filter(|s| *s != 401).collect();
    assert!(matches!(got.pop(), Some(200 | 400)) && got.is_empty(), "thirty at once, one comes in: {got:?}");
    assert_eq!(w.accounts_api().introspect(&token).await["active"], true, "no revocation got through");
}

async fn a_proof_is_good_once_at_all_endpoints_together(w: &Town) {
    let app = w.creco();
    let token = linked(w, &app, "openid accounts").await["access_token"].as_str().unwrap().to_owned();
    let url = format!("{}/oauth/userinfo", w.http.issuer);
    let show = async |proof: &str, method: &str| {
        let ask = RequestParts::default().header("authorization", format!("DPoP {token}")).header("dpop", proof);
        w.http.send(method, "/oauth/userinfo", ask).await
    };
    let proof = app.proof("GET", &url, None, Some(&token));
    let all = join_all((0..30).map(|_| show(&proof, "GET"))).await;
    assert_eq!(all.iter().filter(|a| a.status == 200).count(), 1, "thirty at once");
    let (spent, kept) = (app.proof("GET", &url, None, Some(&token)), app.proof("GET", &url, None, Some(&token)));
    assert_eq!(show(&spent, "GET").await.status, 200);
    w.clock.advance(Duration::from_secs(50));
    assert_eq!(show(&kept, "GET").await.status, 200, "as old as the spent one");
    for proof in [&proof, &spent, &kept] {
        assert_eq!(show(proof, "GET").await.status, 401, "while it would still be good");
    }
    assert_eq!(show(&app.proof("GET", &url, None, Some(&token)), "POST").await.status, 401, "for another method");
    let token_url = format!("{}/oauth/token", w.http.issuer);
    assert_eq!(show(&app.proof("GET", &token_url, None, Some(&token)), "GET").await.status, 401, "for another door");
    assert_eq!(show(&app.proof("GET", &url, None, None), "GET").await.status, 401, "for no token");
    let other = linked(w, &app, "openid accounts").await["access_token"].as_str().unwrap().to_owned();
    assert_eq!(show(&app.proof("GET", &url, None, Some(&other)), "GET").await.status, 401, "for another token");
    let two = RequestParts::default().header("authorization", format!("DPoP {token}"));
    let two = two.header("dpop", app.proof("GET", &url, None, Some(&token)));
    let two = two.header("dpop", app.proof("GET", &url, None, Some(&token)));
    assert_eq!(w.http.send("GET", "/oauth/userinfo", two).await.status, 401, "two of them");
}

/// A proof is used up at the token and PAR endpoints too: by a request that succeeds, by one that the transaction refuses, and by one that
/// is refused before.
async fn a_proof_is_good_once_where_something_is_written(w: &Town) {
    let app = w.creco();
    let post = async |path: &str, proof: &str, fields: &[(&str, &str)]| {
        let mut form: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        form.extend(
            [("client_assertion_type", kind.to_owned()), ("client_assertion", app.assertion(|_| {}))]
                .map(|(n, v)| (n.to_owned(), v)),
        );
        let ask = RequestParts::default().header("dpop", proof);
        w.http.send("POST", path, ask.form(&form)).await
    };
    let proof = |path: &str| app.proof("POST", &format!("{}{path}", w.http.issuer), None, None);
    let (_, request) = app.request("accounts");
    let right: Vec<(&str, &str)> = request.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let wrong = [("client_id", "creco"), ("response_type", "x")];
    let unknown = format!("rk_ac_{}", "a".repeat(43));
    let code = [("client_id", "creco"), ("grant_type", "authorization_code"), ("code", &unknown)];
    let no_type = [("client_id", "creco"), ("grant_type", "x")];
    for (path, first, status, then) in [
        ("/oauth/par", &right[..], 201, &right[..]),
        ("/oauth/par", &wrong[..], 400, &right[..]),
        ("/oauth/token", &code[..], 400, &code[..]),
        ("/oauth/token", &no_type[..], 400, &code[..]),
    ] {
        let proof = proof(path);
        let answer = post(path, &proof, first).await.expect(status);
        assert!(!answer.body.contains("invalid_dpop_proof"), "{path}: {}", answer.body);
        post(path, &proof, then).await.refused(400, "invalid_dpop_proof");
    }
    let proof = proof("/oauth/par");
    let all = join_all((0..30).map(|_| post("/oauth/par", &proof, &right))).await;
    assert_eq!(all.iter().filter(|a| a.status == 201).count(), 1, "thirty at once");
}

async fn a_request_that_was_answered_is_answered_no_more(w: &Town) {
    for ends in ["allow", "deny"] {
        let app = w.creco();
        let pending = app.push("accounts").await;
        let mut browser = w.browser();
        browser.open(&pending.url).await;
        browser.walk_to(w, "consent").await;
        let (test_store, mut form) = (browser.url.clone(), browser.filled(ends, &[]));
        form.push(("agree".into(), "yes".into()));
        let pressed = browser.post(&test_store, &form).await;
        browser.follow(&test_store, pressed).await;
        // The page once more: no change of mind. A further code of the same grant is tests/it/handover.rs'.
        for action in ["allow", "deny"] {
            let mut again = form.clone();
            again.retain(|(n, _)| n != "action");
            again.push(("action".into(), action.into()));
            let answer = browser.post(&test_store, &again).await;
            assert!(answer.header("location").is_none_or(|l| !l.contains("code=")), "{ends}, then {action}");
        }
        if ends == "deny" {
            let brought = browser.return_to_app().await;
            app.refused(&pending, &brought, "access_denied");
        }
        // The request once more: in this browser, in another, at once and later, by another client.
        for (mut other, why) in [(browser.clone(), "the same browser"), (w.browser(), "another browser")] {
            other.open(&pending.url).await;
            assert!(other.status() >= 400 || other.screen() == "cancelled", "{why}: {} {}", other.status(), other.url);
        }
        w.http.get(&pending.url.replace("client_id=creco", "client_id=kakeibo")).await.expect(400);
    }
    let events = w.events().await;
    assert_eq!(events.iter().filter(|e| *e == "consent.granted").count(), 1, "{events:?}");
}

async fn a_report_of_the_bank_counts_once(w: &Town) {
    let app = w.kakeibo();
    let token = linked(w, &app, "accounts").await["access_token"].as_str().unwrap().to_owned();
    let report = json!({
        "v": 1, "event_id": "e-1", "type": "closed", "account": "115-ordinary-1100026",
        "at": w.now().secs(),
    });
    let secret = crate::support::town::BANK_SECRET;
    let answer = w.bank_reports(&report, secret).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let ended = w.accounts_api().introspect(&token).await["active"] == false;
    let before = w.events().await.len();
    for _ in 0..5 {
        w.bank_reports(&report, secret).await.expect(204);
    }
    assert!(ended, "the account's links ended");
    assert_eq!(w.events().await.len(), before, "and the same report tells nobody twice");
    w.bank_reports(&report, "another secret of a good length").await.expect(401);
}

/// Revoke everything, then show everything again (Keycloak CVE-2026-8922, Zitadel CVE-2023-22492).
async fn a_revoked_link_stays_revoked_whatever_is_shown_again(w: &Town) {
    w.register(json!({
        "client_id": "lasting", "profile": "oidc", "client_name": "lasting", "client_secret": "lasting-secret",
        "scope": "openid accounts offline_access", "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://lasting.example/cb"], "token_endpoint_auth_method": "client_secret_basic",
    }))
    .await;
    let secret = Credential::Secret("lasting-secret".into());
    let app =
        crate::support::app::App::new(w.http.clone(), w.clock.clone(), "lasting", "https://lasting.example/cb", secret);
    let api = w.accounts_api();
    let text = |body: &Value, name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (pending, code) = allowed(w, &app, "openid accounts offline_access").await;
    let first = app.try_exchange(&pending, &code).await.expect(200).json();
    let refresh = text(&first, "refresh_token");
    let renew = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    // A hundred at once: none of them is a reason to end the link, and each token is good.
    let all = join_all((0..100).map(|_| app.post("/oauth/token", &renew, false))).await;
    assert!(all.iter().all(|a| a.status == 200), "{:?}", all.iter().map(|a| a.status).collect::<Vec<_>>());
    let mut tokens: Vec<String> = all.iter().map(|a| text(&a.json(), "access_token")).collect();
    tokens.push(text(&first, "access_token"));
    assert_eq!(api.introspect(&tokens[0]).await["active"], true);
    // A second code in flight when the link ends.
    let (in_flight, late) = allowed(w, &app, "openid accounts offline_access").await;
    w.revoke_by_staff(&text(&first, "grant_id")).await;
    for token in &tokens {
        assert_eq!(api.introspect(token).await, json!({"active": false}));
    }
    assert_eq!(w.userinfo(&tokens[0]).await.status, 401);
    app.post("/oauth/token", &renew, false).await.refused(400, "invalid_grant");
    app.try_exchange(&pending, &code).await.refused(400, "invalid_grant");
    app.revoke(&refresh).await.expect(200);
    // Truncated, padded, in other letters: none of it is a token (Zitadel CVE-2026-27840).
    let live = app.try_exchange(&in_flight, &late).await.expect(200).json();
    let live = text(&live, "access_token");
    assert_eq!(api.introspect(&live).await["active"], true);
    for (twisted, why) in [
        (live[..live.len() - 1].to_owned(), "cut"),
        (live[..40].to_owned(), "cut short"),
        (format!("{live}="), "padded"),
        (format!("{live}A"), "longer"),
        (format!(" {live}"), "a space"),
        (format!("{live}\n"), "a line"),
        (live.to_uppercase(), "upper case"),
        (live.replacen("rk_at_", "rk_rt_", 1), "another kind"),
        (format!("Bearer {live}"), "its scheme"),
        (format!("{live},{live}"), "twice"),
    ] {
        assert_eq!(api.introspect(&twisted).await, json!({"active": false}), "{why}");
    }
    app.revoke(&live[..live.len() - 1]).await.expect(200);
    assert_eq!(api.introspect(&live).await["active"], true, "only the whole token is revoked");
}
