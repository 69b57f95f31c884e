//! Pages come in the language that was asked for, then in the one the browser prefers; an interaction remembers it, and so
//! does the browser for the page after its end (requirements.md#languages).

use crate::support::browser::Browser;
use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both};
use std::time::Duration;

on_both!(
    the_own_page_keeps_the_language_that_was_used,
    the_browsers_preference_is_remembered_with_the_interaction,
    the_page_after_the_end_keeps_the_language
);

fn prefers(browser: &mut Browser, languages: &str) {
    browser.says = vec![("accept-language", languages.to_owned())];
}
fn is_in(browser: &Browser, language: &str) -> bool {
    browser.page().html().contains(&format!("<html lang=\"{language}\""))
}

async fn the_browsers_preference_is_remembered_with_the_interaction(w: &Town) {
    for (languages, lang) in [
        ("en-GB,en;q=0.9", "en"),
        ("ja;q=0.3, en;q=0.8", "en"),
        ("fr, en;q=0", "ja"),
        ("de-DE", "ja"),
        ("*", "ja"),
        ("", "ja"),
        ("en;q=x, ja", "ja"),
    ] {
        let mut browser = w.browser();
        prefers(&mut browser, languages);
        browser.open(&w.kakeibo().ask_directly("accounts").url).await;
        assert!(is_in(&browser, lang), "{languages}");
        let mut own = w.browser();
        prefers(&mut own, languages);
        own.open("/my").await;
        assert!(is_in(&own, lang), "/my {languages}");
    }
    // Another language of the browser in the middle changes nothing, and the mail is in the language of the screens.
    let app = w.kakeibo();
    let pending = app.ask_directly("accounts");
    let mut browser = w.browser();
    prefers(&mut browser, "en");
    browser.open(&pending.url).await;
    prefers(&mut browser, "ja");
    browser.walk_to(w, "consent").await;
    assert!(is_in(&browser, "en"), "{}", browser.page().text());
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;
    let mail = w.mail().await;
    assert!(mail[0].subject.contains("Linking is complete") && mail[0].text.starts_with("Dear customer,"), "{mail:?}");
}

/// Who chose English at the bank once comes to `/my` in English, also from the institution's site.
async fn the_own_page_keeps_the_language_that_was_used(w: &Town) {
    for (first, chosen) in [("/my", "en"), ("link", "en"), ("/my?ui_locales=en", "en")] {
        let mut browser = w.browser();
        let first = if first == "link" { w.creco().push("accounts").await.url } else { first.to_owned() };
        browser.open(&first).await;
        let page = browser.url.clone();
        if !first.contains("ui_locales") {
            browser.open(&format!("{page}?ui_locales={chosen}")).await;
        }
        assert_eq!(browser.cookies["__Host-renkei-language"], chosen, "{first}");
        browser.open("/my").await;
        assert!(is_in(&browser, chosen), "after {first}: {}", browser.page().text());
        // The address still leads, and the choice is kept.
        browser.open("/my?ui_locales=ja").await;
        assert!(is_in(&browser, "ja"));
        browser.open("/my").await;
        assert!(is_in(&browser, "ja"), "after {first}");
    }
}

async fn the_page_after_the_end_keeps_the_language(w: &Town) {
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    assert!(
        !browser.cookies.contains_key("__Host-renkei-language"),
        "the language the browser prefers needs no cookie"
    );
    let page = browser.url.clone();
    browser.open(&format!("{page}?ui_locales=en")).await;
    assert_eq!(browser.cookies["__Host-renkei-language"], "en");
    // Too late: the interaction itself knows the language.
    w.clock.advance(Duration::from_mins(20));
    browser.open(&page).await;
    assert_eq!(browser.screen(), "expired");
    assert!(is_in(&browser, "en") && browser.page().text().contains("Your session has ended"));
    assert!(browser.page().links().iter().any(|link| link.ends_with("?ui_locales=ja")));
    // Much too late: nothing of it is left but the cookie.
    browser.cookies.retain(|name, _| name.ends_with("-language"));
    browser.open(&page).await;
    assert_eq!(browser.status(), 403);
    assert!(is_in(&browser, "en") && browser.page().text().contains("This page can no longer be used"));
    assert!(browser.page().links().contains(&"?ui_locales=ja".to_owned()), "{:?}", browser.page().links());
    browser.open(&format!("{page}?ui_locales=ja")).await;
    assert!(is_in(&browser, "ja") && browser.page().text().contains("このお手続きは終了しています"));
    for value in ["fr", "<b>", ""] {
        browser.cookies.insert("__Host-renkei-language".into(), value.into());
        browser.open(&page).await;
        assert!(is_in(&browser, "ja"), "{value}");
    }
    let answer = w.http.send("GET", "/nowhere", RequestParts::default().header("accept", "text/html")).await;
    assert!(answer.body.contains("href=\"?ui_locales=en\""), "{}", answer.body);
}
