//! What answers give away beside what they say: who exists, how far a guess came, where two secrets differ.

use super::on_sqlite;
use crate::support::app::{Credential, basic};
use crate::support::http::{Answer, RequestParts};
use crate::support::jws::Key;
use crate::support::town::{Town, on_both};
use crate::tokens::{allowed, linked};
use serde_json::json;
use std::fs;
use std::path::Path;

on_both!(introspection_tells_a_resource_server_only_of_its_own);
on_sqlite!(
    who_is_a_client_is_told_to_nobody,
    why_a_code_is_refused_is_told_to_nobody,
    a_token_at_the_wrong_endpoint_opens_nothing,
    what_fails_inside_stays_inside,
);

/// All of an answer that a caller could compare.
fn all(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(n, _)| !["date", "x-request-id"].contains(&n.as_str()))
        .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()))
        .collect();
    headers.sort();
    (answer.status, answer.body.clone(), headers)
}

async fn who_is_a_client_is_told_to_nobody(w: &Town) {
    let form = [("token".to_owned(), "x".to_owned()), ("grant_type".to_owned(), "authorization_code".to_owned())];
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/par"] {
        let by_header = async |id: &str, secret: &str| {
            all(&w
                .http
                .send("POST", path, RequestParts::default().form(&form).header("authorization", basic(id, secret)))
                .await)
        };
        let by_body = async |id: &str, secret: &str| {
            let mut form = form.to_vec();
            form.extend([("client_id".into(), id.into()), ("client_secret".into(), secret.into())]);
            all(&w.http.send("POST", path, RequestParts::default().form(&form)).await)
        };
        let unknown = (by_header("nobody", "x").await, by_body("nobody", "x").await);
        assert_eq!(unknown.0.0, 401);
        for (id, secret, why) in [
            ("kakeibo", "wrong", "a wrong secret"),
            ("kakeibo", "kakeibo-secre", "nearly the secret"),
            ("accounts-api", "wrong", "a resource server"),
            ("creco", "x", "a client without a secret"),
            ("KAKEIBO", "kakeibo-secret", "the name in other letters"),
        ] {
            assert_eq!(by_header(id, secret).await, unknown.0, "{path}: {why}");
            assert_eq!(by_body(id, secret).await, unknown.1, "{path}: {why}");
        }
        // The right secret the wrong way is no better than a wrong one.
        assert_eq!(by_body("kakeibo", "kakeibo-secret").await, unknown.1, "{path}: another way than registered");
        let assert = async |sub: &str, key: &Key, kid: &str| {
            let now = w.now().secs();
            let jti = format!("once at {path}");
            let claims = json!({"iss": sub, "sub": sub, "aud": w.http.issuer, "jti": jti, "iat": now, "exp": now + 60});
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let mut form = form.to_vec();
            form.push(("client_assertion_type".into(), kind.into()));
            form.push(("client_assertion".into(), key.sign(json!({"kid": kid}), &claims)));
            all(&w.http.send("POST", path, RequestParts::default().form(&form)).await)
        };
        let wrong = Key::generate();
        let unknown = assert("nobody", &wrong, "somebody-1").await;
        assert_eq!(unknown.0, 401);
        assert!(unknown.1.contains("no key with the kid"), "{}", unknown.1);
        for known in ["creco", "kakeibo", "accounts-api"] {
            assert_eq!(assert(known, &wrong, "somebody-1").await, unknown, "{path}: {known} with a wrong key");
        }
        // Only who knows the kid of a client's key, which is nothing to guess, sees that it is one.
        let signature = assert("creco", &wrong, "creco-1").await;
        assert_eq!((signature.0, signature.1.contains("does not verify")), (401, true), "{}", signature.1);
        let Credential::Jwt(right, _) = w.creco().credential else { panic!("creco signs") };
        assert_ne!(assert("creco", &right, "creco-1").await.0, 401, "{path}: the key was all that was wrong");
    }
    w.suspend_by_staff("kakeibo").await;
    let unknown = w.http.get("/oauth/authorize?client_id=nobody&redirect_uri=x").await;
    for (id, why) in [("kakeibo", "suspended"), ("accounts-api", "no app")] {
        let answer = w.http.get(&format!("/oauth/authorize?client_id={id}&redirect_uri=x")).await;
        assert_eq!(answer.page().id("oauth-error"), unknown.page().id("oauth-error"), "{why}");
    }
}

/// Unknown, another's, used, late, of a wrong session: one answer.
async fn why_a_code_is_refused_is_told_to_nobody(w: &Town) {
    let (app, mut other) = (w.kakeibo(), w.kakeibo());
    w.register(json!({
        "client_id": "thief", "profile": "oidc", "client_name": "t", "scope": "openid accounts", "client_secret": "thief-secret",
        "redirect_uris": ["https://kakeibo.example/callback"], "token_endpoint_auth_method": "client_secret_basic",
    }))
    .await;
    (other.client_id, other.credential) = ("thief".into(), Credential::Secret("thief-secret".into()));
    let (pending, code) = allowed(w, &app, "accounts").await;
    let never = format!("{}{}", &code[..code.len() - 10], &code[code.len() - 10..].to_lowercase());
    let unknown = all(&other.try_exchange(&pending, &never).await);
    assert_eq!(all(&other.try_exchange(&pending, &code).await), unknown, "another's code");
    app.try_exchange(&pending, &code).await.expect(200);
    assert_eq!(all(&other.try_exchange(&pending, &code).await), unknown, "another's used code");
    let (late, code) = allowed(w, &app, "accounts").await;
    w.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(all(&other.try_exchange(&late, &code).await), unknown, "another's late code");
    let refresh = |token: &'static str| [("grant_type", "refresh_token"), ("refresh_token", token)];
    let one = all(&app.post("/oauth/token", &refresh("rk_rt_x"), false).await);
    assert_eq!(one.0, 400);
}

/// RFC 9701 §5, Keycloak CVE-2026-37979 and CVE-2026-18208: of a token for others there is one answer, `active: false`.
async fn introspection_tells_a_resource_server_only_of_its_own(w: &Town) {
    w.register(json!({
        "client_id": "other-api", "profile": "resource_server", "client_name": "other", "resources": ["other-api"],
        "client_secret": "other-api-secret", "token_endpoint_auth_method": "client_secret_basic",
    }))
    .await;
    let secret = Credential::Secret("other-api-secret".into());
    let stranger = crate::support::app::App::new(w.http.clone(), w.clock.clone(), "other-api", "", secret);
    let body = linked(w, &w.kakeibo(), "openid accounts").await;
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(w.accounts_api().introspect(token).await["active"], true);
    for (caller, why) in [(&stranger, "another resource server"), (&w.creco(), "another app")] {
        assert_eq!(caller.introspect(token).await, json!({"active": false}), "{why}");
        assert_eq!(caller.introspect("rk_at_unknown").await, json!({"active": false}), "{why}");
        // Nobody revokes what is not theirs (RFC 7009 §2.1).
        caller.revoke(token).await.refused(400, "invalid_grant");
        let signed = RequestParts::default().header("accept", "application/token-introspection+jwt");
        if let Credential::Secret(secret) = &caller.credential {
            let ask = signed.header("authorization", basic(&caller.client_id, secret));
            let answer = w.http.send("POST", "/oauth/introspect", ask.form(&[("token".into(), token.into())])).await;
            let said =
                if answer.body.starts_with('{') { answer.json() } else { crate::support::jws::claims(&answer.body) };
            let told = said.get("token_introspection").unwrap_or(&said);
            assert_eq!(*told, json!({"active": false}), "{why}: nothing in a signed answer either");
        }
    }
    assert_eq!(w.accounts_api().introspect(token).await["active"], true);
}

async fn a_token_at_the_wrong_endpoint_opens_nothing(w: &Town) {
    let app = w.kakeibo();
    let (pending, code) = allowed(w, &app, "openid accounts").await;
    for (token, why) in [(code.as_str(), "a code"), ("", "nothing"), ("null", "a word"), ("rk_at_", "a prefix")] {
        assert_eq!(w.userinfo(token).await.status, 401, "{why}");
    }
    let body = app.try_exchange(&pending, &code).await.expect(200).json();
    let id_token = body["id_token"].as_str().unwrap();
    assert_eq!(w.userinfo(id_token).await.status, 401, "an id_token is no access token");
    let plain = linked(w, &app, "accounts").await;
    let answer = w.userinfo(plain["access_token"].as_str().unwrap()).await;
    assert_eq!((answer.status, answer.body.contains("sub\":")), (403, false), "no openid");
    for (header, why) in [
        ("Basic a2FrZWlibzprYWtlaWJvLXNlY3JldA==", "a client's credentials"),
        ("Bearer", "a scheme alone"),
        ("Negotiate x", "another scheme"),
    ] {
        let answer =
            w.http.send("GET", "/oauth/userinfo", RequestParts::default().header("authorization", header)).await;
        assert_eq!(answer.status, 401, "{why}");
    }
    for grant in ["rk_rt_x", id_token, plain["access_token"].as_str().unwrap()] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", grant)];
        app.post("/oauth/token", &fields, false).await.expect(400);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", grant),
            ("redirect_uri", &app.redirect_uri),
            ("code_verifier", &pending.verifier),
        ];
        app.post("/oauth/token", &fields, false).await.refused(400, "invalid_grant");
    }
}

/// A core bank that fails, and a place that is not: no cause, no path, no version of ours reaches the caller.
async fn what_fails_inside_stays_inside(w: &Town) {
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    browser.account("115-1100026").await;
    w.bank.fail(Some(renkei_core::identity::BankError::Failed("connect 10.1.2.3:443: ORA-01017 password".into())));
    browser.customer(&crate::support::browser::Customer::taro()).await;
    let told = format!("{:?}{}", browser.answer.headers, browser.page().html());
    for word in ["10.1.2.3", "ORA-", "password", "src/", "panicked", "sqlite", "actix", "Failed("] {
        assert!(!told.contains(word), "the page says {word}");
    }
    for url in [
        "/oauth/token",
        "/link/x/y",
        "/nowhere",
        "/assets/../../Cargo.toml",
        "/assets/%2e%2e%2fCargo.toml",
        "/oauth/authorize?%",
    ] {
        let answer = w.http.get(url).await;
        assert!(answer.header("server").is_none() && answer.header("x-powered-by").is_none(), "{url}");
        assert!(
            (400..500).contains(&answer.status) && !answer.body.contains("[dependencies]"),
            "{url}: {}",
            answer.status
        );
    }
}

/// Timing, shown by construction: no secret and no token is compared with `==` as text. What is looked up is looked up by
/// its SHA-256; what is compared is compared by `secret::same`, `Hash::same` or the library's own verification.
#[test]
fn no_secret_is_compared_letter_by_letter() {
    fn read(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.to_str().unwrap().contains("test") {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut wrong, mut constant) = (Vec::new(), 0);
    for (path, text) in files.iter().filter(|(p, _)| !p.contains("/demo/")) {
        for (n, line) in text.split("#[cfg(test)]").next().unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap();
            constant += usize::from(code.contains("same(") && !code.contains("fn same"));
            let compares = code.contains(" == ") || code.contains(" != ") || code.contains(".eq(");
            let secret = [
                ".reveal()",
                "secret_hash",
                "client_secret ",
                "signature ",
                "step_token",
                "cookie ==",
                "nonce ==",
                "verifier ==",
                "pin ==",
            ];
            if compares && secret.iter().any(|s| code.contains(s)) && !code.contains(".is_empty()") {
                wrong.push(format!("{path}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    assert!(constant >= 8, "the tree was read: {constant}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
