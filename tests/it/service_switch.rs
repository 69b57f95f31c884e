//! `renkei service off|on`: nobody links while the whole service is off, and links that exist live on (requirements.md#g7).

use crate::support::browser::Browser;
use crate::support::town::{Engine, Town, on_both};
use serde_json::json;

on_both!(
    nobody_links_while_the_service_is_off,
    a_step_after_the_switch_ends_the_procedure,
    the_customers_own_page_is_closed_too,
    who_switched_it_stands_in_the_record,
    who_read_r37_begins_again_when_it_is_on,
);

const R37: &str = "ご指定のサービスはただ今お取扱できません。";

async fn switch(w: &Town, to: &str) {
    let said = w.staff(&["service", to, "--reason", "the core bank is repaired"]).await;
    assert_eq!(said.status, 0, "{said:?}");
}
#[track_caller]
fn reads_r37(browser: &Browser, why: &str) {
    let text = browser.page().text();
    assert_eq!((browser.status(), browser.screen()), (503, "closed"), "{why}: {text}");
    assert!(text.contains(R37), "{why}: {text}");
    assert!(browser.answer.header("retry-after").is_some(), "{why}");
}

async fn nobody_links_while_the_service_is_off(w: &Town) {
    let app = w.creco();
    let linked = w.link(&app, &mut w.browser()).await;
    // SQLite is one process, so the other node is for PostgreSQL alone.
    let second = match w.engine {
        Engine::Postgres => Some(w.second_node().await),
        Engine::Sqlite => None,
    };
    switch(w, "off").await;

    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    reads_r37(&browser, "a new one");
    let brought = browser.return_to_app().await;
    app.refused(&pending, &brought, "temporarily_unavailable");
    // The other node knows it too, at once.
    if let Some(second) = &second {
        let mut browser = Browser::new(second.http.clone(), "198.51.100.77");
        browser.open(&app.push("accounts").await.url).await;
        reads_r37(&browser, "on the other node");
    }

    // Links go on.
    assert_eq!(w.accounts_api().introspect(&linked.access_token).await["active"], true);
    app.revoke(&linked.access_token).await.expect(200);
    assert_eq!(w.accounts_api().introspect(&linked.access_token).await["active"], false);

    // No screen can be asked for either.
    let (other, mut browser) = (w.kakeibo(), w.browser());
    let pending = other.ask_directly("openid accounts");
    browser.open(&format!("{}&prompt=none", pending.url)).await;
    other.refused(&pending, &browser.handed_to_app(), "temporarily_unavailable");

    switch(w, "on").await;
    w.link(&app, &mut w.browser()).await;
    if let Some(second) = second {
        second.stop().await;
    }
}

async fn a_step_after_the_switch_ends_the_procedure(w: &Town) {
    let app = w.creco();
    for screen in ["account", "customer", "phone", "call", "pin", "consent"] {
        let pending = app.push("accounts").await;
        let mut browser = w.browser();
        browser.open(&pending.url).await;
        browser.walk_to(w, screen).await;
        switch(w, "off").await;
        let asked = w.bank.asked.load(std::sync::atomic::Ordering::SeqCst);
        match screen {
            "consent" => drop(browser.press("allow", &[("agree", "yes")]).await),
            "pin" => drop(browser.press("next", &[("pin", "0000")]).await),
            _ => drop(browser.press("next", &[]).await),
        }
        reads_r37(&browser, screen);
        assert_eq!(
            w.bank.asked.load(std::sync::atomic::Ordering::SeqCst),
            asked,
            "{screen}: the core bank is not asked"
        );
        let brought = browser.return_to_app().await;
        app.refused(&pending, &brought, "temporarily_unavailable");
        switch(w, "on").await;
    }
    // Nor does anything begin anew.
    let mut browser = w.browser();
    browser.open(&app.push("accounts").await.url).await;
    browser.walk_to(w, "customer").await;
    switch(w, "off").await;
    browser.press("restart", &[]).await;
    reads_r37(&browser, "restart");
    switch(w, "on").await;
    assert!(w.locks().await.is_empty());
    assert_eq!(w.count("select count(*) from grants").await, 0, "nothing was allowed");
}

async fn the_customers_own_page_is_closed_too(w: &Town) {
    switch(w, "off").await;
    let mut browser = w.browser();
    browser.open("/my").await;
    reads_r37(&browser, "/my");
    let text = browser.page().text();
    assert!(text.contains("お電話でも連携を停止できます"), "how to stop all the same: {text}");
}

async fn who_switched_it_stands_in_the_record(w: &Town) {
    let shown = w.staff(&["--json", "service", "show"]).await.json();
    assert_eq!(shown, json!({"off": false}));
    w.staff(&["service", "on", "--reason", "by mistake"]).await.refused(1, "the service is on already");
    switch(w, "off").await;
    w.staff(&["service", "off", "--reason", "another reason"]).await.refused(1, "the service is off already");
    let shown = w.staff(&["--json", "service", "show"]).await.json();
    assert_eq!((&shown["off"], &shown["reason"]), (&json!(true), &json!("the core bank is repaired")), "the first");
    assert!(shown["by"].as_str().is_some_and(|by| by.starts_with("staff:")), "{shown}");
    let said = w.staff(&["service", "show"]).await.out;
    assert!(said.contains("the service is off since") && said.contains("the core bank is repaired"), "{said}");
    switch(w, "on").await;
    assert_eq!(w.staff(&["service", "off"]).await.status, 2, "a reason is needed");
    let record = w.staff(&["audit", "export"]).await.out;
    for action in ["staff.service.off", "staff.service.on"] {
        let line = record.lines().find(|line| line.contains(action)).unwrap_or_else(|| panic!("no {action}"));
        assert!(line.contains("the core bank is repaired") && line.contains("\"actor\":\"staff:"), "{line}");
    }
}

async fn who_read_r37_begins_again_when_it_is_on(w: &Town) {
    let app = w.creco();
    // One who was at a step, and one who came while it was off.
    for screen in ["customer", "consent", ""] {
        let pending = app.push("accounts").await;
        let mut browser = w.browser();
        if screen.is_empty() {
            switch(w, "off").await;
            browser.open(&pending.url).await;
        } else {
            browser.open(&pending.url).await;
            browser.walk_to(w, screen).await;
            switch(w, "off").await;
            let _ = match screen {
                "consent" => browser.press("allow", &[("agree", "yes")]).await,
                _ => browser.press("next", &[]).await,
            };
        }
        reads_r37(&browser, screen);
        assert!(browser.page().form_with("restart").is_none(), "{screen}: nothing to begin yet");
        // A form that was made up changes nothing.
        let step: Vec<_> = browser.filled("return", &[]).into_iter().filter(|(name, _)| name == "step").collect();
        let url = browser.url.clone();
        let made_up = [step, vec![("action".into(), "restart".into())]].concat();
        let answer = browser.post(&url, &made_up).await;
        browser.follow(&url, answer).await;
        reads_r37(&browser, screen);
        browser.reload().await;
        reads_r37(&browser, "still off");
        switch(w, "on").await;
        browser.reload().await;
        let text = browser.page().text();
        assert_eq!((browser.status(), browser.screen()), (200, "closed"), "{screen}: {text}");
        assert!(text.contains("サービスを再開しました。") && !text.contains(R37), "{screen}: {text}");
        browser.press("restart", &[]).await;
        assert_eq!(browser.screen(), "account", "{screen}");
        browser.walk_to(w, "consent").await;
        let brought = browser.allow().await;
        app.exchange(&pending, &brought).await;
    }
    let mut browser = w.browser();
    switch(w, "off").await;
    browser.open("/my").await;
    reads_r37(&browser, "/my");
    switch(w, "on").await;
    browser.reload().await;
    browser.press("restart", &[]).await;
    assert_eq!(browser.screen(), "account", "/my");
}
