//! When a link was last used: what a resource server asks is noted, and written in batches (requirements.md#last-use).

use crate::support::app::{App, Credential, Tokens};
use crate::support::served::links;
use crate::support::town::{Engine, Town, on_both_with};
use crate::support::world::API;
use renkei_core::authorize::Permission;
use renkei_core::clock::{Clock as _, Instant, SystemClock};
use renkei_core::duration::Span;
use renkei_core::grant::uses::{LastNoted, LastUse, NotedUses, last_use};
use renkei_core::id::GrantId;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Span = Span::secs(3600);

// The job writes nothing here: the tests do what it does.
on_both_with!(a_thousand_introspections_are_one_write, |config| {
    config.tokens.note_uses = super::HOUR;
    (config.limits.answers_per_second, config.limits.answers_burst) = (10_000, 10_000);
});
on_both_with!(a_use_is_what_a_resource_server_serves, |config| config.tokens.note_uses = super::HOUR);
on_both_with!(a_use_never_moves_back, |config| config.tokens.note_uses = super::HOUR);
on_both_with!(the_link_unused_for_longest_ends_first, |config| {
    config.tokens.note_uses = super::HOUR;
    config.tokens.open_grants = 2;
});

async fn linked(w: &Town) -> (Tokens, GrantId) {
    let tokens = w.link(&w.creco(), &mut w.browser()).await;
    let grant = GrantId::parse(&tokens.grant_id).unwrap();
    (tokens, grant)
}
async fn asked(api: &App, token: &str, permission: Option<&str>) -> Value {
    let mut form = vec![("token", token)];
    form.extend(permission.map(|p| ("permission", p)));
    api.post("/oauth/introspect", &form, false).await.expect(200).json()
}
async fn stored(w: &Town, grant: &GrantId) -> Option<LastUse> {
    let grant = grant.clone();
    w.write(move |tx| last_use(tx, &grant)).await
}
const ROWS: &str = "select count(*) from grant_uses";

async fn a_thousand_introspections_are_one_write(w: &Town) {
    let ((tokens, grant), api) = (linked(w).await, w.accounts_api());
    for _ in 0..1000 {
        assert_eq!(api.introspect(&tokens.access_token).await["active"], true);
    }
    assert_eq!(w.count(ROWS).await, 0, "a question writes nothing");
    assert_eq!(w.write_uses().await, 1, "one row for all of them");
    let used = stored(w, &grant).await.unwrap();
    assert_eq!(used, LastUse { at: w.now().floor_minute(), balances: None, transactions: None });
    assert_eq!(w.write_uses().await, 0, "nothing was noted since");
}

async fn a_use_is_what_a_resource_server_serves(w: &Town) {
    let ((tokens, grant), api) = (linked(w).await, w.accounts_api());
    let token = tokens.access_token.as_str();
    // Who asks about its own token uses nothing; neither does a resource server of another audience.
    assert_eq!(w.creco().introspect(token).await["active"], true);
    w.register(json!({
        "client_id": "other-api", "profile": "resource_server", "client_name": "API", "resources": ["https://other.example"],
        "client_secret": "other-api-secret", "token_endpoint_auth_method": "client_secret_basic",
    }))
    .await;
    let secret = Credential::Secret("other-api-secret".into());
    let other = App::new(w.http.clone(), w.clock.clone(), "other-api", "", secret);
    assert_eq!(asked(&other, token, Some("balances")).await, json!({"active": false}));
    let form = [("token", token), ("permission", "payments")];
    let unknown = api.post("/oauth/introspect", &form, false).await;
    assert_eq!(unknown.expect(400).json()["error"], "invalid_request", "a permission that does not exist");
    assert_eq!(w.write_uses().await, 0);
    assert_eq!(stored(w, &grant).await, None);

    let first = w.now().floor_minute();
    assert_eq!(asked(&api, token, Some("balances")).await, api.introspect(token).await, "the answer stays the same");
    w.clock.advance(Duration::from_secs(120));
    asked(&api, token, Some("transactions")).await;
    assert_eq!(w.write_uses().await, 3);
    let later = w.now().floor_minute();
    let want = LastUse { at: later, balances: Some(first), transactions: Some(later) };
    assert_eq!(stored(w, &grant).await, Some(want));
    let shown = w.staff(&["grant", "show", &tokens.grant_id, "--json"]).await.json();
    assert_eq!(shown["last_used_at"], later.rfc3339(), "staff read the minute");
    assert_eq!(shown["last_used"], json!({"balances": first.rfc3339(), "transactions": later.rfc3339()}));

    // A token that covers balances alone serves no transactions.
    let narrow = w.link(&w.kakeibo(), &mut w.browser()).await;
    let of_balances = GrantId::parse(&narrow.grant_id).unwrap();
    asked(&api, &narrow.access_token, Some("transactions")).await;
    assert_eq!((w.write_uses().await, stored(w, &of_balances).await), (0, None));
    // A token that is over uses nothing.
    w.clock.advance(Duration::from_secs(120));
    w.revoke_by_staff(&tokens.grant_id).await;
    assert_eq!(asked(&api, token, None).await, json!({"active": false}));
    assert_eq!((w.write_uses().await, stored(w, &grant).await), (0, Some(want)));
}

/// Of a token whose use was not noted yet.
fn unnoted() -> LastNoted {
    LastNoted::default()
}

async fn a_use_never_moves_back(w: &Town) {
    let ((tokens, grant), noted) = (linked(w).await, NotedUses::default());
    let (early, late) = (w.now(), w.now() + Duration::from_secs(600));
    let store = w.world().store;
    let gone = GrantId::parse("a-grant-that-is-gone").unwrap();
    // Another node has written a later use; a grant that is gone costs the others nothing.
    noted.note((&grant, &unnoted()), None, late);
    assert_eq!(noted.flush(&store).await.unwrap(), 1);
    noted.note((&grant, &unnoted()), None, early);
    noted.note((&grant, &unnoted()), Some(Permission::Balances), early);
    noted.note((&gone, &unnoted()), None, early);
    assert_eq!(noted.flush(&store).await.unwrap(), 1);
    let want = LastUse { at: late.floor_minute(), balances: Some(early.floor_minute()), transactions: None };
    assert_eq!(stored(w, &grant).await, Some(want));
    // Noted before the link ended, written after it.
    noted.note((&grant, &unnoted()), None, late + Duration::from_secs(60));
    w.revoke_by_staff(&tokens.grant_id).await;
    assert_eq!(noted.flush(&store).await.unwrap(), 1);
    // What a full memory does not take, it takes after the next write.
    let small = NotedUses::with_room(1);
    small.note((&gone, &unnoted()), None, early);
    small.note((&grant, &unnoted()), None, late + Duration::from_secs(120));
    assert_eq!(small.flush(&store).await.unwrap(), 0);
    small.note((&grant, &unnoted()), None, late + Duration::from_secs(120));
    assert_eq!(small.flush(&store).await.unwrap(), 1);
    // A token that is asked about again and again is noted once a minute.
    let (last, minute) = (unnoted(), late + Duration::from_secs(180));
    for (after, want) in [(0, 1), (1, 0), (59, 0), (60, 1)] {
        noted.note((&grant, &last), None, minute.floor_minute() + Duration::from_secs(after));
        assert_eq!(noted.flush(&store).await.unwrap(), want, "after {after} s");
    }
    // It goes with its grant.
    w.clock.advance(Duration::from_secs(8 * 366 * 86_400));
    w.tidy().await;
    assert_eq!((w.count("select count(*) from grants").await, w.count(ROWS).await), (0, 0));
}

async fn the_link_unused_for_longest_ends_first(w: &Town) {
    let api = w.accounts_api();
    w.register(json!({
        "client_id": "budget", "profile": "oidc", "client_name": "家計", "client_secret": "budget-secret",
        "redirect_uris": ["https://budget.example/cb"], "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid accounts transactions",
    }))
    .await;
    let secret = Credential::Secret("budget-secret".into());
    let app = App::new(w.http.clone(), w.clock.clone(), "budget", "https://budget.example/cb", secret);
    let link = async || {
        w.clock.advance(Duration::from_secs(60));
        let mut pending = app.ask_directly("accounts");
        pending.url.push_str("&grant_management_action=create");
        let mut browser = w.browser();
        browser.open(&pending.url).await;
        browser.walk_to(w, "consent").await;
        let brought = browser.allow().await;
        app.exchange(&pending, &brought).await
    };
    let (old, new) = (link().await, link().await);
    asked(&api, &new.access_token, None).await;
    w.clock.advance(Duration::from_secs(60));
    asked(&api, &old.access_token, None).await;
    assert_eq!(w.write_uses().await, 2);
    let third = link().await;
    for (tokens, live) in [(&old, true), (&new, false), (&third, true)] {
        assert_eq!(api.introspect(&tokens.access_token).await["active"], live);
    }
}

#[test]
fn sqlite_keeps_what_was_noted() {
    stopped_and_killed(Engine::Sqlite);
}
#[test]
fn postgresql_keeps_what_was_noted() {
    stopped_and_killed(Engine::Postgres);
}

/// A server that stops writes first; one that is killed loses what it noted since the last write, and no more.
fn stopped_and_killed(engine: Engine) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let w = Town::start(engine, |config| config.tokens.note_uses = HOUR).await;
        w.clock.set(SystemClock.now());
        let linked = links(&w, 0, 3).await;
        // These links are for an API of their own.
        w.register(json!({
            "client_id": "links-api", "profile": "resource_server", "client_name": "API", "resources": [API],
            "client_secret": "links-api-secret", "token_endpoint_auth_method": "client_secret_basic",
        }))
        .await;
        let secret = Credential::Secret("links-api-secret".into());
        let api = App::new(w.http.clone(), w.clock.clone(), "links-api", "", secret);
        let clock = w.clock.clone();
        assert_eq!(asked(&api, &linked[0].token, None).await["active"], true);
        assert_eq!(w.count(ROWS).await, 0);
        // A stop writes.
        let mut left = w.leave().await;
        let used = async |left: &crate::support::served::Left, grant: &str| {
            let shown = left.staff(&["grant", "show", grant, "--reason", "a customer asks", "--json"]).await.json();
            shown["last_used_at"].as_str().map(str::to_owned)
        };
        assert_eq!(used(&left, &linked[0].grant).await, Some(clock.now().floor_minute().rfc3339()));

        left.config.tokens.note_uses = Span::secs(1);
        left.rewrite();
        let served = left.start();
        let api = api.at(left.http());
        let before: Instant = SystemClock.now();
        asked(&api, &linked[1].token, None).await;
        // The job has written it within its interval.
        let until = std::time::Instant::now() + Duration::from_secs(30);
        while used(&left, &linked[1].grant).await.is_none() {
            assert!(std::time::Instant::now() < until, "it is never written");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        asked(&api, &linked[2].token, None).await;
        served.kill();
        let kept = used(&left, &linked[1].grant).await.unwrap();
        assert!(kept >= before.floor_minute().rfc3339(), "{kept}");
        assert!(used(&left, &linked[0].grant).await.is_some());
        left.is_whole().await;
    });
}
