//! Against the running server: PAR and request_uri, answers and codes, metadata (docs/protocol.md).

mod authorize;
mod claims;
mod jar;
mod jarm;
mod metadata;
mod par;
pub(crate) mod table;

use crate::support::app::App;
use crate::support::http::{Answer, encode};
use crate::support::town::Town;

/// A parameter changed (`Some`) or dropped (`None`).
pub(crate) type Change<'a> = (&'a str, Option<&'a str>);

/// The parameters of a good request of `app` with changes in it.
fn changed<'a>(good: &'a [(&'static str, String)], change: &[Change<'a>]) -> Vec<(&'a str, &'a str)> {
    let kept = good.iter().filter(|(n, _)| change.iter().all(|(c, _)| c != n)).map(|(n, v)| (*n, v.as_str()));
    kept.chain(change.iter().filter_map(|(n, v)| v.map(|v| (*n, v)))).collect()
}
/// Pushes a request with changes in it.
pub(crate) async fn push(app: &App, change: &[Change<'_>]) -> Answer {
    let (_, good) = app.request("openid accounts");
    // The form's client_id comes with the authentication; a change may still name another.
    let good: Vec<_> = good.into_iter().filter(|(n, _)| *n != "client_id").collect();
    app.post("/oauth/par", &changed(&good, change), false).await
}
/// The address of a request that is not pushed, with changes in it.
fn direct(app: &App, change: &[Change<'_>]) -> String {
    let (_, good) = app.request("openid accounts");
    format!("/oauth/authorize?{}", encode(&changed(&good, change)))
}
/// Registers an OpenID Connect app with a secret beside those of the town, with `more` in its record.
async fn register(town: &Town, id: &str, more: serde_json::Value) -> App {
    let mut record = serde_json::json!({
        "client_id": id, "profile": "oidc", "client_name": id, "scope": "openid accounts",
        "redirect_uris": [format!("https://{id}.example/callback?bank=1"), format!("https://{id}.example/other")],
        "token_endpoint_auth_method": "client_secret_basic", "client_secret": format!("{id}-secret"),
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    town.register(record).await;
    let mut app = town.kakeibo();
    app.client_id = id.into();
    app.redirect_uri = format!("https://{id}.example/callback?bank=1");
    app.credential = crate::support::app::Credential::Secret(format!("{id}-secret"));
    app
}
/// A page that must not redirect (RFC 6749 §4.1.2.1): 400, `#oauth-error`, in place.
#[track_caller]
fn is_error_page(answer: &Answer, error: &str, why: &str) {
    assert_eq!(answer.status, 400, "{why}: {}", answer.body);
    assert_eq!(answer.header("location"), None, "{why}");
    assert!(answer.page().id("oauth-error").is_some(), "{why}: {}", answer.body);
    assert!(answer.page().text().contains(error), "{why}: {}", answer.page().text());
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{why}");
    assert!(answer.header("content-security-policy").is_some_and(|csp| csp.contains("default-src 'none'")), "{why}");
}
