//! The URL table as a whole: what holds at every address, whatever is behind it. An address that gets no row here fails.

use crate::support::browser::{Browser, Customer};
use crate::support::http::{Answer, RequestParts};
use crate::support::town::{Engine, Town, on_both, run};
use renkei_server::web::routes;
use renkei_server::web::table::Row;
use std::time::Duration;

/// How an address says no.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    /// In OAuth's JSON.
    Json,
    /// With a page.
    Page,
    /// With a status alone.
    Empty,
}
use Shape::{Empty, Json, Page};

/// Pattern of the server's table, an address that matches it, the methods that are taken there, how it says no.
const TABLE: &[(&str, &str, &str, Shape)] = &[
    ("/oauth/introspect", "/oauth/introspect", "POST", Json),
    ("/", "/", "GET HEAD", Page),
    ("/healthz", "/healthz", "GET HEAD", Json),
    ("/readyz", "/readyz", "GET HEAD", Json),
    ("/.well-known/openid-configuration", "/.well-known/openid-configuration", "GET HEAD OPTIONS", Json),
    ("/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", "GET HEAD OPTIONS", Json),
    ("/oauth/jwks", "/oauth/jwks", "GET HEAD OPTIONS", Json),
    ("/oauth/par", "/oauth/par", "POST", Json),
    ("/oauth/authorize", "/oauth/authorize", "GET HEAD POST", Page),
    ("/oauth/token", "/oauth/token", "POST", Json),
    ("/oauth/revoke", "/oauth/revoke", "POST", Json),
    ("/oauth/userinfo", "/oauth/userinfo", "GET HEAD POST", Json),
    ("/oauth/register", "/oauth/register", "POST", Json),
    ("/oauth/register/{client_id}", "/oauth/register/kakeibo", "GET HEAD PUT DELETE", Json),
    ("/oauth/grants", "/oauth/grants", "GET HEAD", Json),
    ("/oauth/grants/{grant_id}", "/oauth/grants/AAAAAAAAAAAAAAAAAAAAAA", "GET HEAD DELETE", Json),
    ("/oauth/grants/{grant_id}/receipt", "/oauth/grants/AAAAAAAAAAAAAAAAAAAAAA/receipt", "GET HEAD", Json),
    ("/oauth/receipt-keys", "/oauth/receipt-keys", "GET HEAD OPTIONS", Json),
    ("/link/{interaction}/call/status", "/link/AAAAAAAAAAAAAAAAAAAAAA/call/status", "GET HEAD", Json),
    ("/link/{interaction}/{screen}", "/link/AAAAAAAAAAAAAAAAAAAAAA/account", "GET HEAD POST", Page),
    ("/my", "/my", "GET HEAD", Page),
    ("/my/{interaction}/call/status", "/my/AAAAAAAAAAAAAAAAAAAAAA/call/status", "GET HEAD", Json),
    ("/my/{interaction}/receipt/{grant}", "/my/AAAAAAAAAAAAAAAAAAAAAA/receipt/g", "GET HEAD", Page),
    ("/my/{interaction}/{screen}", "/my/AAAAAAAAAAAAAAAAAAAAAA/account", "GET HEAD POST", Page),
    ("/hooks/telephony/sip", "/hooks/telephony/sip", "POST", Empty),
    ("/hooks/bank/events", "/hooks/bank/events", "POST", Empty),
    ("/.well-known/ssf-configuration", "/.well-known/ssf-configuration", "GET HEAD OPTIONS", Json),
    ("/ssf/streams", "/ssf/streams", "GET HEAD POST PATCH PUT DELETE", Json),
    ("/ssf/status", "/ssf/status", "GET HEAD POST", Json),
    ("/ssf/verify", "/ssf/verify", "POST", Json),
    ("/ssf/poll/{stream_id}", "/ssf/poll/AAAAAAAAAAAAAAAAAAAAAA", "POST", Json),
    ("/assets/institution.css", "/assets/institution.css", "GET HEAD", Empty),
    ("/assets/institution-logo", "/assets/institution-logo", "GET HEAD", Empty),
    ("/assets/{name}", "/assets/renkei.css", "GET HEAD", Empty),
];

/// The rows of the server, as it writes them into its own table.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let _ = actix_web::App::new().configure(|cfg| rows = routes::public(cfg));
    rows
}
fn everywhere(test: impl AsyncFn(&Town)) {
    let change = |config: &mut renkei_server::config::Config| {
        config.registration.enabled = true;
        config.institution.logo_file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/assets/icon.svg").into());
    };
    run(Engine::Sqlite, change, test);
}

#[test]
fn every_address_has_a_row_here() {
    let methods = |row: &Row| row.methods.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(" ");
    let served: Vec<(String, String)> = rows().into_iter().map(|row| (row.path.clone(), methods(&row))).collect();
    let named = TABLE.iter().map(|(pattern, _, methods, _)| ((*pattern).to_owned(), (*methods).to_owned()));
    assert_eq!(served, named.collect::<Vec<_>>());
    // Nothing is served that is not written into the table.
    let source = include_str!("../../src/server/web/routes.rs");
    for way in [".route(", ".service(", "resource(", "scope("] {
        assert!(!source.contains(way), "src/server/web/routes.rs: {way}");
    }
}

#[track_caller]
fn says_no(answer: &Answer, shape: Shape, why: &str) {
    let body = answer.body.as_str();
    match shape {
        Json => assert_eq!(answer.json()["error"], "invalid_request", "{why}"),
        Page => assert!(answer.page().id("oauth-error").is_some(), "{why}: {body}"),
        Empty => assert_eq!(body, "", "{why}"),
    }
}

/// Every method of RFC 9110 §9.3 and RFC 5789, one of WebDAV's, and two that only look like one.
const METHODS: [&str; 11] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "Post"];

/// RFC 9110 §15.5.6: the address is there, and the answer says for what.
#[test]
fn a_method_is_taken_or_405_says_which_are() {
    everywhere(async |w| {
        for (_, url, methods, _) in TABLE {
            let allow = methods.replace(' ', ", ");
            for method in METHODS {
                let answer = w.http.send(method, url, RequestParts::default()).await;
                let why = format!("{method} {url}: {}", answer.body);
                if methods.split(' ').any(|m| m == method) {
                    assert!(![404, 405].contains(&answer.status), "{why}");
                    continue;
                }
                assert_eq!(answer.status, 405, "{why}");
                assert_eq!(answer.header("allow"), Some(allow.as_str()), "{why}");
                for name in ["content-security-policy", "x-content-type-options", "cache-control", "referrer-policy"] {
                    assert!(answer.header(name).is_some(), "{why}: {name}");
                }
                assert_eq!((answer.header("set-cookie"), answer.body.as_str()), (None, ""), "{why}");
            }
        }
    });
}

#[test]
fn where_nothing_is_every_method_finds_nothing() {
    everywhere(async |w| {
        for url in [
            "/oauth",
            "/oauth/token/",
            "/oauth/token/x",
            "/oauth//token",
            "/OAUTH/token",
            "/oauth/register/a/b",
            "/link",
            "/link/AAAAAAAAAAAAAAAAAAAAAA",
            "/link/a/call/status/x",
            "/link/a/b/c",
            "/hooks/telephony",
            "/hooks/telephony/other",
            "/assets",
            "/assets/a/b",
            "/admin/v1/grants",
            "/metrics",
            "/healthz/",
            "/nowhere",
        ] {
            for method in METHODS {
                let answer = w.http.send(method, url, RequestParts::default()).await;
                assert_eq!((answer.status, answer.header("allow")), (404, None), "{method} {url}");
                assert_eq!(answer.body.is_empty(), method == "HEAD", "{method} {url}");
            }
        }
    });
}

/// A browser that opens an address gets a page, in the language it prefers; a program gets a line, and below the addresses of
/// programs so does everybody.
#[test]
fn where_nothing_is_a_browser_finds_a_page() {
    everywhere(async |w| {
        const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let ask = async |url: &str, accept: &str, language: &str| {
            let ask = RequestParts::default().header("accept", accept).header("accept-language", language);
            w.http.send("GET", url, ask).await
        };
        for (language, said) in
            [("ja", "お探しのページはありません。"), ("en-GB,ja;q=0.1", "There is no page at this address.")]
        {
            for url in ["/nowhere", "/link", "/link/a/b/c", "/favicon.ico"] {
                let answer = ask(url, BROWSER, language).await.expect(404);
                assert!(answer.page().text().contains(said), "{url}: {}", answer.body);
                assert!(answer.header("content-security-policy").unwrap().contains("style-src 'self'"), "{url}");
            }
        }
        let reflected = ask("/evil.example/%3Cb%3E", BROWSER, "ja").await.expect(404);
        assert!(!reflected.body.contains("evil.example"), "{}", reflected.body);
        for url in
            ["/oauth", "/oauth/token/", "/ssf/x", "/hooks/x", "/assets/a/b", "/.well-known/x", "/admin/v1/grants"]
        {
            let answer = ask(url, BROWSER, "en").await.expect(404);
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{url}");
        }
        let program = ask("/nowhere", "application/json", "en").await.expect(404);
        assert!(program.body.ends_with("There is no page here.\n"), "{}", program.body);
        for (language, said) in
            [("", "口座の連携は、ご利用になるアプリの画面から"), ("en", "please start from the app")]
        {
            let answer = ask("/", BROWSER, language).await.expect(200);
            assert!(answer.page().text().contains(said) && answer.body.contains("href=\"/my\""), "{}", answer.body);
        }
    });
}

/// RFC 9110 §9.3.2: the head of the GET, and nothing after it.
#[test]
fn head_is_get_without_its_body() {
    everywhere(async |w| {
        let changes = [
            "/oauth/authorize",
            "/link/{interaction}/{screen}",
            "/my",
            "/my/{interaction}/receipt/{grant}",
            "/my/{interaction}/{screen}",
        ];
        let mut looked = 0;
        for (pattern, url, methods, _) in TABLE.iter().filter(|(_, _, methods, _)| methods.contains("GET")) {
            assert!(methods.contains("HEAD"), "{pattern}");
            if changes.contains(pattern) {
                continue;
            }
            let [get, head] = [w.http.get(url).await, w.http.send("HEAD", url, RequestParts::default()).await];
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{url}");
            let named = |answer: &Answer| {
                let mut all: Vec<_> = answer.headers.iter().map(|(n, v)| format!("{n}: {v:?}")).collect();
                all.retain(|line| !line.starts_with("date: ") && !line.starts_with("x-request-id: "));
                all.sort_unstable();
                all
            };
            assert_eq!(named(&head), named(&get), "{url}");
            assert!(get.body.is_empty() || head.header("content-length") == Some(&get.body.len().to_string()), "{url}");
            looked += 1;
        }
        assert!(looked > 5);
        // What follows on the same connection is not read as its body.
        let [head, get] = ["HEAD", "GET"].map(|method| {
            let close = if method == "GET" { "close" } else { "keep-alive" };
            format!("{method} /healthz HTTP/1.1\r\nhost: link.renkei.test\r\nconnection: {close}\r\n\r\n")
        });
        let answers = crate::attacks::raw(w, format!("{head}{get}").as_bytes()).await;
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
        assert_eq!(answers.matches("{\"status\":\"ok\"}").count(), 1, "{answers}");
    });
}

/// What anybody may read is open to a script of any origin, without credentials (Fetch §3.3); nothing else is open to another
/// origin.
#[test]
fn only_metadata_and_keys_are_open_to_other_origins() {
    everywhere(async |w| {
        let ask = || RequestParts::default().header("origin", "https://spa.example");
        let mut open = 0;
        for (_, url, methods, _) in TABLE {
            let public = methods.contains("OPTIONS");
            for method in ["GET", "POST"] {
                let answer = w.http.send(method, url, ask()).await;
                let told = answer.header("access-control-allow-origin");
                assert_eq!(told, (public && method == "GET").then_some("*"), "{method} {url}");
                assert_eq!(answer.header("access-control-allow-credentials"), None, "{method} {url}");
            }
            let asked = ask()
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "x-requested-with");
            let answer = w.http.send("OPTIONS", url, asked).await;
            let told = ["origin", "methods", "headers"].map(|n| answer.header(&format!("access-control-allow-{n}")));
            assert_eq!(told, if public { [Some("*"), Some("GET"), Some("*")] } else { [None; 3] }, "{url}");
            assert_eq!(answer.status, if public { 204 } else { 405 }, "{url}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{url}");
            open += usize::from(public);
        }
        assert_eq!(open, 5);
    });
}

on_both!(who_asks_for_the_head_alone_changes_nothing);

/// A link checker, or a scanner that looks at every address in a mail, is no customer.
async fn who_asks_for_the_head_alone_changes_nothing(w: &Town) {
    let creco = w.creco();
    let pushed = creco.push("accounts").await.url;
    let silent = crate::protocol::push(&creco, &[("prompt", Some("none"))]).await.expect(201).json();
    let silent = creco.authorize_url(silent["request_uri"].as_str().unwrap());
    let mut browser = w.browser();
    browser.open(&pushed).await;
    browser.account("115-1100026").await;
    // The new cookie of ③ has come, and was not shown yet: the old one is good until it is.
    let taro = Customer::taro();
    let moved = browser.submit("next", &Browser::typed(&taro)).await.expect(303);
    let screen = moved.location().to_owned();
    w.clock.advance(Duration::from_secs(61));
    let way = screen.rsplit_once('/').unwrap().0.to_owned();

    let before = w.written().await;
    let direct = w.kakeibo().ask_directly("accounts").url;
    for url in [
        pushed.clone(),
        silent.clone(),
        direct,
        "/oauth/authorize".to_owned(),
        screen.clone(),
        format!("{screen}?ui_locales=en"),
        format!("{way}/account"),
        format!("{way}/call/status"),
        "/link/AAAAAAAAAAAAAAAAAAAAAA/account".to_owned(),
    ] {
        for mut who in [browser.clone(), w.browser()] {
            let answer = who.request("HEAD", &url, RequestParts::default()).await;
            assert_eq!((answer.header("set-cookie"), answer.header("location")), (None, None), "{url}");
            assert_eq!(answer.body, "", "{url}");
            if !url.ends_with("status") {
                assert_eq!((answer.status, answer.header("content-length")), (200, None), "{url}");
                assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{url}");
                assert!(answer.header("content-security-policy").unwrap().contains("form-action"), "{url}");
            }
        }
    }
    assert_eq!(w.written().await, before);

    // A GET does all of it: prompt=none is answered, the pause begins anew.
    let answer = w.browser().request("GET", &silent, RequestParts::default()).await.expect(303);
    assert!(answer.location().contains("login_required"), "{}", answer.location());
    let answered = w.written().await;
    assert_ne!(answered, before);
    browser.open(&screen).await;
    let looked = w.written().await;
    assert_ne!(looked, answered);

    w.clock.advance(Duration::from_mins(20));
    browser.clone().request("HEAD", &screen, RequestParts::default()).await.expect(200);
    assert_eq!(w.written().await, looked, "not even that the way has run out is written down");
    browser.reload().await;
    assert_eq!(browser.screen(), "expired");
}

/// RFC 9110 §15.5.16. The body is never unpacked, so what it would have become does not matter.
#[test]
fn an_encoded_body_is_refused_everywhere() {
    everywhere(async |w| {
        for (_, url, methods, shape) in TABLE {
            for method in methods.split(' ') {
                for coding in ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "identity, gzip", "made-up"] {
                    let why = format!("{method} {url} {coding}");
                    let ask = RequestParts::default().header("content-encoding", coding);
                    let ask = ask.header("content-type", "application/x-www-form-urlencoded");
                    let answer = w.http.send(method, url, ask).await;
                    assert_eq!(answer.status, 415, "{why}: {}", answer.body);
                    assert_eq!(answer.header("accept-encoding"), Some("identity"), "{why}");
                    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{why}");
                    assert_eq!(answer.header("set-cookie"), None, "{why}");
                    match method {
                        "HEAD" => assert_eq!(answer.body, "", "{why}"),
                        _ => says_no(&answer, *shape, &why),
                    }
                }
                let send = async |coding: Option<&str>| {
                    let ask =
                        coding.into_iter().fold(RequestParts::default(), |ask, c| ask.header("content-encoding", c));
                    w.http.send(method, url, ask).await.status
                };
                let plain = send(None).await;
                assert_ne!(plain, 415, "{method} {url}");
                assert_eq!(send(Some("identity")).await, plain, "{method} {url}: identity is no coding");
            }
        }
        // A large one is refused by its header, and the answer arrives.
        for url in ["/oauth/token", "/hooks/telephony/sip", "/oauth/authorize"] {
            let ask = RequestParts::default().header("content-encoding", "gzip").json("\u{1f}".repeat(60_000));
            assert_eq!(w.http.send("POST", url, ask).await.status, 415, "{url}");
        }
        let ask = RequestParts::default().header("content-encoding", "gzip");
        assert_eq!(w.http.send("GET", "/nowhere", ask).await.status, 404);
    });
}
