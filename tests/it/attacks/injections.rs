//! Text that wants to be something else: markup in names and in what an app has carried along, lines in headers, and a
//! cookie of one kind shown as one of another.

use super::on_sqlite;
use crate::support::app::{App, Credential};
use crate::support::http::{encode, query};
use crate::support::town::{Engine, Town, run};
use serde_json::json;

on_sqlite!(what_is_carried_along_arrives_as_it_was, a_name_is_text_wherever_it_stands);

const EVIL: [&str; 12] = [
    "\"><script>alert(1)</script>",
    "'><img src=x onerror=alert(1)>",
    "</form><form action=https://evil.example>",
    "a\r\nSet-Cookie: __Host-renkei=evil",
    "a\nLocation: https://evil.example",
    "%0d%0aX-Evil: 1",
    "&code=evil&iss=https://evil.example",
    "#code=evil",
    "{{ 7 * 7 }}{% include \"x\" %}",
    "javascript:alert(1)",
    "\u{202e}gnp.exe 店\u{2028}",
    "+ %2B &amp; ;",
];

/// `state` is the app's, whatever is in it: no header, no parameter, no markup of its own comes of it.
async fn what_is_carried_along_arrives_as_it_was(w: &Town) {
    let app = w.kakeibo();
    for state in EVIL {
        for mode in ["query", "form_post"] {
            let (_, mut fields) = app.request("openid accounts");
            fields.retain(|(n, _)| *n != "state");
            fields.extend([
                ("state", state.to_owned()),
                ("prompt", "none".into()),
                ("response_mode", mode.into()),
                ("login_hint", state.into()),
                ("ui_locales", state.into()),
                ("acr_values", state.into()),
                ("display", state.into()),
            ]);
            let answer = w.http.get(&format!("/oauth/authorize?{}", encode(&fields))).await;
            assert!(answer.header("x-evil").is_none() && answer.header("set-cookie").is_none(), "{state:?}");
            let brought = if mode == "query" {
                assert_eq!((answer.status, answer.headers.get_all("location").iter().count()), (303, 1), "{state:?}");
                assert!(answer.location().starts_with(&app.redirect_uri) && answer.location().is_ascii(), "{state:?}");
                query(answer.location())
            } else {
                let forms = answer.page().forms();
                assert_eq!(forms.len(), 1, "{state:?}");
                assert_eq!(forms[0].action.as_deref(), Some(app.redirect_uri.as_str()), "{state:?}");
                assert!(!answer.body.contains("alert(1)</script>") && !answer.body.contains("<img src=x"), "{state:?}");
                forms.into_iter().next().unwrap().fields.into_iter().collect()
            };
            assert_eq!(brought.get("state").map(String::as_str), Some(state), "{mode}");
            assert_eq!((brought.get("iss"), brought.get("code")), (Some(&w.http.issuer), None), "{mode} {state:?}");
        }
    }
    // On a screen nothing of a request is written but the app's registered name.
    let (_, mut fields) = app.request("openid accounts");
    fields.extend([("login_hint", "<b>evil</b>".to_owned()), ("x", "<b>evil</b>".into())]);
    let mut browser = w.browser();
    browser.open(&format!("{}/oauth/authorize?{}", w.http.issuer, encode(&fields))).await;
    for screen in ["account", "customer", "phone", "call", "pin", "consent"] {
        browser.walk_to(w, screen).await;
        assert!(!browser.page().html().contains("evil"), "{screen}");
    }
}

/// An app's name, its provider's, and what a customer types.
async fn a_name_is_text_wherever_it_stands(w: &Town) {
    let name = "<img src=x onerror=alert(1)>{{ 7*7 }}&lt;b&gt;";
    w.register(json!({
        "client_id": "evil", "profile": "oidc", "client_name": name, "scope": "openid accounts",
        "redirect_uris": ["https://evil.example/cb"], "client_secret": "evil-secret", "client_name#en": name,
        "token_endpoint_auth_method": "client_secret_basic", "client_uri": "https://evil.example/\"onclick=alert(1)",
        "provider": {"name": name, "contact": name, "registration_number": name},
    }))
    .await;
    let secret = Credential::Secret("evil-secret".into());
    let app = App::new(w.http.clone(), w.clock.clone(), "evil", "https://evil.example/cb", secret);
    let pending = app.ask_directly("openid accounts");
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    let mut shown = 0;
    for screen in ["account", "customer", "phone", "call", "pin", "consent"] {
        browser.walk_to(w, screen).await;
        if screen == "account" {
            browser.press("next", &[("branch", "<b>1"), ("account_number", "\"><script>alert(1)</script>")]).await;
            assert_eq!((browser.status(), browser.screen()), (200, "account"));
        }
        let html = browser.page().html().to_owned();
        assert!(
            !html.contains("<img src=x") && !html.contains("<script>alert") && !html.contains("\"onclick="),
            "{screen}"
        );
        assert!(!html.contains("49&lt;b"), "{screen}: nothing of it is computed");
        shown += usize::from(html.contains("&lt;img src=x"));
    }
    assert!(shown > 0, "the name was shown");
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    let mails = w.mail().await;
    let [mail] = mails.as_slice() else { panic!("one mail: {mails:?}") };
    assert_eq!(mail.subject.lines().count(), 1, "{}", mail.subject);
    assert_eq!(mail.to, "taro@example.jp", "one reader");
    assert!(mail.text.contains(name), "as it is, for a mail is plain text: {}", mail.text);
}

/// The cookie of an interaction and the cookie of the memory: neither is the other.
#[test]
fn a_cookie_of_one_kind_is_not_one_of_another() {
    let remembering = |config: &mut renkei_server::config::Config| {
        config.identity.proofing_memory = renkei_server::config::Span::secs(600);
    };
    run(Engine::Sqlite, remembering, async |w: &Town| {
        let app = w.oidc_app("remember", json!({"scope": "openid accounts", "proofing_memory": "10m"})).await;
        let mut browser = w.browser();
        let pending = app.ask_directly("openid accounts");
        browser.open(&pending.url).await;
        browser.walk_to(w, "consent").await;
        let (name, own) = (browser.cookie_name(), browser.cookie());
        let test_store = browser.url.clone();
        let brought = browser.allow().await;
        app.exchange(&pending, &brought).await;
        let memory = browser.cookies["__Host-renkei-memory"].clone();
        assert_ne!(own, memory);
        for (cookies, why) in [
            (vec![("__Host-renkei-memory", own.as_str())], "an interaction's cookie as a memory"),
            (vec![(name.as_str(), memory.as_str())], "a memory as an interaction's cookie"),
            (vec![("renkei-memory", memory.as_str())], "without the prefix"),
            (vec![("__Host-renkei-memory", &memory[1..])], "a memory cut short"),
        ] {
            let mut thief = w.browser();
            thief.cookies = cookies.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            thief.open(&app.ask_directly("openid accounts").url).await;
            assert_eq!((thief.status(), thief.screen()), (200, "account"), "{why}");
            assert_eq!(thief.open(&test_store).await.status(), 403, "{why}");
        }
        // The true one in another app's request is nothing, and in the same app's it is what it was made for.
        let mut own = w.browser();
        own.cookies = browser.cookies.clone();
        assert_eq!(own.open(&w.kakeibo().ask_directly("openid accounts").url).await.screen(), "account");
        assert_eq!(own.open(&app.ask_directly("openid accounts").url).await.screen(), "consent");
    });
}
