//! RFC 9700 §4.1, §4.2, §4.3, §4.11, §4.12: where an answer goes, and what of it lies about on the way.

use super::{on_sqlite, stays_here};
use crate::support::http::{RequestParts, encode};
use crate::support::town::Town;
use serde_json::json;

on_sqlite!(
    an_address_that_is_nearly_the_registered_one_is_a_page,
    a_browser_is_sent_on_by_303_alone,
    nothing_of_a_page_reaches_another_site,
    a_token_in_an_address_is_not_read,
);

/// The registered address, and what stands for it in the eyes of some parser.
const REGISTERED: &str = "https://app.example/cb";
const TRICKS: [(&str, &str); 44] = [
    ("https://APP.example/cb", "the host in other letters"),
    ("HTTPS://app.example/cb", "the scheme in other letters"),
    ("https://app.example/CB", "the path in other letters"),
    ("https://app.example/cb/", "a trailing slash"),
    ("https://app.example//cb", "two slashes"),
    ("https://app.example/./cb", "a dot"),
    ("https://app.example/x/../cb", "dots"),
    ("https://app.example/x/%2e%2e/cb", "encoded dots"),
    ("https://app.example/cb/..%2f..%2f", "encoded slashes"),
    ("https://app.example/cb/.", "a dot at the end"),
    ("https://app.example/%63b", "an encoded letter"),
    ("https://app.example/cb%00", "an encoded NUL"),
    ("https://app.example/cb%20", "an encoded space"),
    ("https://app.example/cb ", "a space behind"),
    (" https://app.example/cb", "a space before"),
    ("https://app.example/cb\t", "a tab"),
    ("https://app.example/cb\r\nX-Evil: 1", "a line of its own"),
    ("https://app.example/cb\0", "a NUL"),
    ("https://app.example/cb#", "an empty fragment"),
    ("https://app.example/cb#evil", "a fragment"),
    ("https://app.example/cb?", "an empty query"),
    ("https://app.example/cb?evil=1", "a query added"),
    ("https://app.example/cb;evil=1", "a path parameter"),
    ("https://app.example/cb/evil", "a path below"),
    ("https://app.example/", "the path above"),
    ("https://app.example", "the host alone"),
    ("https://app.example:443/cb", "the default port"),
    ("https://app.example:8443/cb", "another port"),
    ("https://app.example./cb", "the host with its last dot"),
    ("https://www.app.example/cb", "a subdomain"),
    ("https://app.example.evil.example/cb", "the name as somebody's subdomain"),
    ("https://evil.example/https://app.example/cb", "the address as a path"),
    ("https://evil.example?https://app.example/cb", "the address as a query"),
    ("https://evil.example#https://app.example/cb", "the address as a fragment"),
    ("https://app.example@evil.example/cb", "the host as a user name"),
    ("https://app.example\\@evil.example/cb", "a backslash"),
    ("https://app.example%40evil.example/cb", "an encoded at"),
    ("https://u:p@app.example/cb", "a user name"),
    ("http://app.example/cb", "http"),
    ("//app.example/cb", "no scheme"),
    ("javascript://app.example/%0aalert(1)", "a script"),
    ("data:text/html,https://app.example/cb", "data"),
    ("https://аpp.example/cb", "a letter of another script"),
    ("https://app。example/cb", "a full-width dot"),
];

async fn an_address_that_is_nearly_the_registered_one_is_a_page(w: &Town) {
    w.register(json!({
        "client_id": "plain", "profile": "oidc", "client_name": "plain", "scope": "openid accounts",
        "redirect_uris": [REGISTERED], "client_secret": "plain-secret", "token_endpoint_auth_method": "client_secret_basic",
    }))
    .await;
    let secret = crate::support::app::Credential::Secret("plain-secret".into());
    let app = crate::support::app::App::new(w.http.clone(), w.clock.clone(), "plain", REGISTERED, secret);
    let with = |redirect: &str| {
        let (_, mut fields) = app.request("accounts");
        fields.retain(|(n, _)| *n != "redirect_uri");
        fields.push(("redirect_uri", redirect.to_owned()));
        fields
    };
    for (redirect, why) in TRICKS {
        let fields = with(redirect);
        let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&fields))).await;
        stays_here(&answer, why);
        assert!(
            !answer.page().links().iter().any(|l| l.contains("evil") || l.contains("app.example")),
            "{why}: no link"
        );
        assert!(!answer.page().html().contains(redirect), "{why}: it is not even repeated");
        let posted: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        stays_here(&w.http.send("POST", "/oauth/authorize", RequestParts::default().form(&posted)).await, why);
        let pushed: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        app.post("/oauth/par", &pushed, false).await.refused(400, "invalid_request");
    }
    assert_eq!(
        w.http.get(&format!("/oauth/authorize?{}", encode(&with(REGISTERED)))).await.status,
        303,
        "the true one"
    );
    // At the token endpoint too, for a code of the true one (RFC 6749 §4.1.3): the code stays good.
    let (pending, code) = crate::tokens::allowed(w, &app, "accounts").await;
    for (redirect, why) in TRICKS {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect),
            ("code_verifier", pending.verifier.as_str()),
        ];
        let answer = app.post("/oauth/token", &fields, false).await;
        let error = if redirect.contains('\0') { "invalid_request" } else { "invalid_grant" };
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{why}");
    }
    app.try_exchange(&pending, &code).await.expect(200);
}

/// RFC 9700 §4.12: a 307 would make the browser post the PIN to the app.
async fn a_browser_is_sent_on_by_303_alone(w: &Town) {
    for (app, answered) in [(w.creco(), "allow"), (w.kakeibo(), "deny")] {
        let url = match app.dpop {
            Some(_) => app.push("accounts").await.url,
            None => app.ask_directly("accounts").url,
        };
        let mut browser = w.browser();
        browser.open(&url).await; // `follow` demands 303 of every step
        browser.walk_to(w, "pin").await;
        let answer = browser.submit("next", &[("pin", "4071")]).await;
        assert_eq!((answer.status, answer.body.as_str()), (303, ""));
        let test_store = browser.url.clone();
        browser.follow(&test_store, answer).await;
        let typed: &[(&str, &str)] = if answered == "allow" { &[("agree", "yes")] } else { &[] };
        let answer = browser.submit(answered, typed).await;
        assert_eq!((answer.status, answer.body.as_str()), (303, ""), "{answered}");
        let answer = match answered {
            "allow" => answer,
            _ => {
                let test_store = browser.url.clone();
                browser.follow(&test_store, answer).await;
                browser.submit("return", &[]).await
            }
        };
        assert_eq!((answer.status, answer.body.as_str()), (303, ""), "{answered}");
        assert!(answer.location().starts_with(&app.redirect_uri));
        let brought = crate::support::http::query(answer.location());
        let names: Vec<&str> = brought.keys().map(String::as_str).filter(|n| *n != "error_description").collect();
        let want: &[&str] = if answered == "allow" { &["code", "iss", "state"] } else { &["error", "iss", "state"] };
        assert_eq!(names, want);
        assert!(!brought.values().any(|v| v.contains("4071")), "{brought:?}");
    }
    // Nor is a request that is posted to us sent on with its body.
    let app = w.kakeibo();
    let (_, mut fields) = app.request("accounts");
    fields.push(("prompt", "none".into()));
    let posted: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
    let answer = w.http.send("POST", "/oauth/authorize", RequestParts::default().form(&posted)).await.expect(303);
    assert!(answer.location().contains("error=login_required"));
}

/// §4.2 and §4.3: no page loads anything from elsewhere, tells another site its address, or rests in a cache.
async fn nothing_of_a_page_reaches_another_site(w: &Town) {
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    for screen in ["account", "customer", "phone", "call", "pin", "consent"] {
        browser.walk_to(w, screen).await;
        let (answer, page) = (browser.answer.clone(), browser.page());
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{screen}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{screen}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("http") && !policy.contains('*'),
            "{policy}"
        );
        let mut loaded = 0;
        for tag in page.html().split('<').filter(|t| !t.starts_with("a ") && !t.starts_with('!')) {
            for name in ["src=\"", "href=\"", "action=\""] {
                let value = tag.split_once(name).and_then(|(_, rest)| rest.split('"').next());
                let ours = |v: &str| w.http.ours(v).is_some() || v.is_empty() || v.starts_with(['?', '#']);
                assert!(value.is_none_or(ours), "{screen} loads {value:?}");
                loaded += usize::from(value.is_some());
            }
        }
        assert!(loaded >= 3, "{screen}: a style, a script and a form at the least: {loaded}");
        assert!(!browser.url.contains("request_uri") && !browser.url.contains("state="), "{}", browser.url);
    }
}

/// §4.3.2, RFC 6750 §2.3: addresses are written down everywhere.
async fn a_token_in_an_address_is_not_read(w: &Town) {
    let app = w.kakeibo();
    let body = crate::tokens::linked(w, &app, "openid accounts").await;
    let token = body["access_token"].as_str().unwrap();
    for url in [format!("/oauth/userinfo?access_token={token}"), format!("/oauth/userinfo?token={token}")] {
        assert_eq!(w.http.get(&url).await.status, 401);
        assert_eq!(w.http.send("POST", &url, RequestParts::default().form(&[])).await.status, 401);
    }
    let api = w.accounts_api();
    api.post(&format!("/oauth/introspect?token={token}"), &[], false).await.refused(400, "invalid_request");
    app.post(&format!("/oauth/revoke?token={token}"), &[], false).await.refused(400, "invalid_request");
    assert_eq!(api.introspect(token).await["active"], true);
    assert_eq!(w.userinfo(token).await.status, 200);
    assert!(!w.log().contains(token), "and it is written down nowhere here");
}
