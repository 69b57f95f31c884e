//! The URL table as a whole: what holds at every address, whatever is behind it. An address that gets no row here fails.

use crate::support::http::{Answer, Ask};
use crate::support::town::{Engine, Town, run};
use renkei::web::routes;
use renkei::web::table::Row;

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

/// Pattern of the server's table, an address that matches it, how it says no.
const TABLE: &[(&str, &str, Shape)] = &[
    ("/healthz", "/healthz", Json),
    ("/readyz", "/readyz", Json),
    ("/.well-known/openid-configuration", "/.well-known/openid-configuration", Json),
    ("/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", Json),
    ("/oauth/jwks", "/oauth/jwks", Json),
    ("/oauth/par", "/oauth/par", Json),
    ("/oauth/authorize", "/oauth/authorize", Page),
    ("/oauth/token", "/oauth/token", Json),
    ("/oauth/introspect", "/oauth/introspect", Json),
    ("/oauth/revoke", "/oauth/revoke", Json),
    ("/oauth/userinfo", "/oauth/userinfo", Json),
    ("/oauth/register", "/oauth/register", Json),
    ("/oauth/register/{client_id}", "/oauth/register/kakeibo", Json),
    ("/link/{interaction}/call/status", "/link/AAAAAAAAAAAAAAAAAAAAAA/call/status", Json),
    ("/link/{interaction}/{screen}", "/link/AAAAAAAAAAAAAAAAAAAAAA/account", Page),
    ("/hooks/telephony/sip", "/hooks/telephony/sip", Empty),
    ("/hooks/bank/events", "/hooks/bank/events", Empty),
    ("/assets/institution.css", "/assets/institution.css", Empty),
    ("/assets/{name}", "/assets/renkei.css", Empty),
];

/// The rows of the server, as it writes them into its own table.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let _ = actix_web::App::new().configure(|cfg| rows = routes::public(cfg));
    rows
}
fn everywhere(test: impl AsyncFn(&Town)) {
    run(Engine::Sqlite, |config| config.registration.enabled = true, test);
}

#[test]
fn every_address_has_a_row_here() {
    let served: Vec<String> = rows().into_iter().map(|row| row.path).collect();
    let named: Vec<&str> = TABLE.iter().map(|(pattern, ..)| *pattern).collect();
    assert_eq!(served, named);
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

/// RFC 9110 §15.5.16. The body is never unpacked, so what it would have become does not matter.
#[test]
fn an_encoded_body_is_refused_everywhere() {
    everywhere(async |w| {
        for row in rows() {
            let (_, url, shape) = TABLE.iter().find(|(pattern, ..)| *pattern == row.path).unwrap();
            for method in &row.methods {
                for coding in ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "identity, gzip", "made-up"] {
                    let why = format!("{method} {url} {coding}");
                    let ask = Ask::default().header("content-encoding", coding);
                    let ask = ask.header("content-type", "application/x-www-form-urlencoded");
                    let answer = w.http.send(method.as_str(), url, ask).await;
                    assert_eq!(answer.status, 415, "{why}: {}", answer.body);
                    assert_eq!(answer.header("accept-encoding"), Some("identity"), "{why}");
                    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{why}");
                    assert_eq!(answer.header("set-cookie"), None, "{why}");
                    says_no(&answer, *shape, &why);
                }
                let send = async |coding: Option<&str>| {
                    let ask = coding.into_iter().fold(Ask::default(), |ask, c| ask.header("content-encoding", c));
                    w.http.send(method.as_str(), url, ask).await.status
                };
                let plain = send(None).await;
                assert_ne!(plain, 415, "{method} {url}");
                assert_eq!(send(Some("identity")).await, plain, "{method} {url}: identity is no coding");
            }
        }
        // A large one is refused by its header, and the answer arrives.
        for url in ["/oauth/token", "/hooks/telephony/sip", "/oauth/authorize"] {
            let ask = Ask::default().header("content-encoding", "gzip").json("\u{1f}".repeat(60_000));
            assert_eq!(w.http.send("POST", url, ask).await.status, 415, "{url}");
        }
        let ask = Ask::default().header("content-encoding", "gzip");
        assert_eq!(w.http.send("GET", "/nowhere", ask).await.status, 404);
    });
}
