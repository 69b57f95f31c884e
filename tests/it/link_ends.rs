//! What an app reads at the token endpoint about a link that is over (requirements.md#renkei-error), and what docs/apps.md says
//! about it.

use crate::grant_management::{client, linked};
use crate::rar::token;
use crate::support::app::{App, Pending};
use crate::support::browser::Browser;
use crate::support::http::Answer;
use crate::support::town::{BANK_SECRET, Town, on_both};
use renkei_core::grant::Reason;
use renkei_core::id::GrantId;
use renkei_core::refusal::LinkEnd;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

on_both!(
    a_refresh_token_says_why_its_link_is_over,
    a_refresh_token_says_that_a_newer_one_took_its_place,
    a_code_says_why_its_link_is_over,
    nobody_else_reads_why,
    what_the_app_is_told_when_the_customer_leaves,
);

const SCOPE: &str = "openid accounts offline_access";

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}
async fn refresh(app: &App, tokens: &Value) -> Answer {
    token(app, &[("grant_type", "refresh_token"), ("refresh_token", text(tokens, "refresh_token"))], None).await
}
#[track_caller]
fn says(answer: &Answer, end: LinkEnd) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    let want = json!({"error": "invalid_grant", "error_description": end.description(), "renkei_error": end.as_str()});
    assert_eq!(answer.json(), want);
}
async fn one(w: &Town, app: &App) -> Value {
    let own = w.bank.ids("115-ordinary-1100026").await;
    linked(w, app, SCOPE, &[&own[0]], &[]).await
}

async fn a_refresh_token_says_why_its_link_is_over(w: &Town) {
    let app = client(w, "budget").await;
    for end in LinkEnd::ALL {
        let tokens = one(w, &app).await;
        let id = GrantId::parse(text(&tokens, "grant_id")).unwrap();
        refresh(&app, &tokens).await.expect(200);
        match end {
            LinkEnd::Expired => {
                w.clock.advance(Duration::from_secs(30 * 86_400));
                says(&refresh(&app, &tokens).await, *end);
                w.sweep().await;
                // For a month after the end.
                w.clock.advance(Duration::from_secs(29 * 86_400));
                w.tidy().await;
            }
            LinkEnd::Replaced => drop(one(w, &app).await),
            LinkEnd::Client => drop(app.revoke(text(&tokens, "refresh_token")).await.expect(200)),
            LinkEnd::Customer => drop(w.world().end(&id, Reason::Customer).await),
            LinkEnd::Institution => w.revoke_by_staff(id.as_str()).await,
            LinkEnd::Account => drop(w.world().end(&id, Reason::Account).await),
            LinkEnd::Replay => drop(w.world().end(&id, Reason::Replay).await),
        }
        says(&refresh(&app, &tokens).await, *end);
    }
    // The bank's reports are one word.
    for (n, kind) in ["deceased", "closed"].into_iter().enumerate() {
        let tokens = one(w, &app).await;
        let report = json!({
            "v": 1, "event_id": format!("e-{n}"), "type": kind, "account": "115-ordinary-1100026", "at": w.now().secs(),
        });
        w.bank_reports(&report, BANK_SECRET).await.expect(204);
        says(&refresh(&app, &tokens).await, LinkEnd::Account);
    }
}

async fn a_refresh_token_says_that_a_newer_one_took_its_place(w: &Town) {
    let app = client(w, "budget").await;
    let own = w.bank.ids("115-ordinary-1100026").await;
    for action in ["merge", "replace"] {
        let old = one(w, &app).await;
        let change = [("grant_management_action", action), ("grant_id", text(&old, "grant_id"))];
        let new = linked(w, &app, SCOPE, &[&own[1]], &change).await;
        says(&refresh(&app, &old).await, LinkEnd::Replaced);
        refresh(&app, &new).await.expect(200);
        // Once the link itself is over, this is what the app must know.
        w.revoke_by_staff(text(&old, "grant_id")).await;
        says(&refresh(&app, &old).await, LinkEnd::Institution);
    }
}

/// A customer who pressed 許可する: the app has the code.
async fn allowed(w: &Town, app: &App) -> (Pending, String) {
    let pending = app.ask_directly("accounts");
    let mut browser: Browser = w.browser();
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    let code = app.code(&pending, &brought);
    (pending, code)
}

async fn a_code_says_why_its_link_is_over(w: &Town) {
    let app = client(w, "budget").await;
    let (pending, code) = allowed(w, &app).await;
    let grant = w.text("select id from grants where state = 'pending'").await;
    w.revoke_by_staff(&grant).await;
    says(&app.try_exchange(&pending, &code).await, LinkEnd::Institution);
    // The second use ends the link, and every further one hears the same.
    let (pending, code) = allowed(w, &app).await;
    let tokens = app.try_exchange(&pending, &code).await.expect(200).json();
    for _ in 0..3 {
        says(&app.try_exchange(&pending, &code).await, LinkEnd::Replay);
    }
    assert_eq!(app.introspect(text(&tokens, "access_token")).await["active"], false);
    w.clock.advance(Duration::from_secs(2 * 86_400));
    w.tidy().await;
    let unknown = app.try_exchange(&pending, &code).await.expect(400).json();
    assert_eq!(unknown.get("renkei_error"), None, "after a day the code is unknown: {unknown}");
    assert_eq!(w.count("select count(*) from codes").await, 0);
}

async fn nobody_else_reads_why(w: &Town) {
    let (app, other) = (client(w, "budget").await, client(w, "other").await);
    let tokens = one(w, &app).await;
    let (pending, code) = allowed(w, &app).await;
    let unknown = {
        let random = renkei_core::random::SeededRandom::new(3);
        let made = renkei_core::secret::issue(renkei_core::secret::SecretKind::Refresh, &random);
        refresh(&other, &json!({"refresh_token": made.reveal()})).await.expect(400).json()
    };
    assert_eq!((&unknown["error"], unknown.get("renkei_error")), (&json!("invalid_grant"), None));
    let live = other.try_exchange(&pending, &code).await.expect(400).json();
    for grant in [text(&tokens, "grant_id").to_owned(), w.text("select id from grants where state = 'pending'").await] {
        w.revoke_by_staff(&grant).await;
    }
    assert_eq!(refresh(&other, &tokens).await.expect(400).json(), unknown, "another client's is unknown");
    assert_eq!(other.try_exchange(&pending, &code).await.expect(400).json(), live);
    assert_eq!(live.get("renkei_error"), None);
    // Nor does anybody who does not authenticate.
    let stranger = w.kakeibo().at(w.http.clone());
    assert_eq!(refresh(&stranger, &tokens).await.expect(400).json().get("renkei_error"), None);
    says(&refresh(&app, &tokens).await, LinkEnd::Institution);
}

/// R34, R35 and R37 are for a while; R36 is an error of ours.
async fn what_the_app_is_told_when_the_customer_leaves(w: &Town) {
    use crate::support::browser::Customer;
    use renkei_core::identity::BankError;
    let app = w.creco();
    for (failure, message, error) in [
        (BankError::Closed, "ただ今の時間はサービスを行っていません。", "temporarily_unavailable"),
        (BankError::NotOffered, "ご指定のサービスはただ今お取扱できません。", "temporarily_unavailable"),
        (BankError::Failed("timed out".into()), "調整のため連絡ができなくなりました。", "server_error"),
    ] {
        for screen in ["customer", "pin", "consent"] {
            let pending = app.push("accounts").await;
            let mut browser = w.browser();
            browser.open(&pending.url).await;
            browser.walk_to(w, screen).await;
            w.bank.fail(Some(failure.clone()));
            match screen {
                "customer" => drop(browser.customer(&Customer::taro()).await),
                "pin" => drop(browser.pin("4071").await),
                _ => drop(browser.press("allow", &[("agree", "yes")]).await),
            }
            w.bank.fail(None);
            assert_eq!(browser.screen(), screen);
            assert!(browser.summary().contains(message), "{screen}: {}", browser.page().text());
            let brought = browser.return_to_app().await;
            app.refused(&pending, &brought, error);
        }
    }
}

/// The table of docs/apps.md has a row for each code, in both languages.
#[test]
fn the_table_for_apps_has_every_code() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/apps.md")).unwrap();
    let table = text.split("<a id=\"codes\"></a>").nth(1).unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    let mut told = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [codes, ja, en] = cells[..] else { panic!("{row}") };
        let japanese = !ja.is_ascii();
        let none = codes == "`replaced`";
        assert!(none || (japanese && en.ends_with('.') && en.is_ascii()), "{row}");
        told.extend(codes.split(',').map(|code| code.trim().trim_matches('`').to_owned()));
    }
    let of_links = LinkEnd::ALL.iter().map(|end| end.as_str());
    let all = of_links.chain(["access_denied", "temporarily_unavailable", "server_error"]);
    assert_eq!(told, all.map(str::to_owned).collect());
    // What the descriptions say is ASCII, as RFC 6749 §5.2 wants, and no two are alike.
    let descriptions: BTreeSet<&str> = LinkEnd::ALL.iter().map(|end| end.description()).collect();
    assert_eq!(descriptions.len(), LinkEnd::ALL.len());
    assert!(descriptions.iter().all(|text| text.is_ascii()));
}
