//! Steps 3 to 5 on the store, on both engines: consent opens a grant, its code is redeemed once, tokens live and die with
//! it.

use crate::support::test_store::{TestStore, on_both_engines};
use crate::support::world::{API, CALLBACK, VERIFIER, World, access};
use renkei_core::client::Status;
use renkei_core::consent;
use renkei_core::grant::{By, Ended, GrantState, Reason, sql};
use renkei_core::refusal::ErrorCode;
use renkei_core::secret::Hash;
use renkei_core::thumbprint::Thumbprint;
use renkei_core::token::find::FIND_ACCESS;
use renkei_core::token::{self, revoke::Revoked};
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

on_both_engines! {
    allowing_opens_a_pending_grant
    denying_leaves_a_record_and_nothing_else
    a_code_becomes_a_token
    a_code_lives_sixty_seconds
    of_fifty_at_once_exactly_one_redeems
    a_replay_by_its_own_client_revokes_the_grant
    another_client_burns_nothing
    a_wrong_tie_burns_nothing
    a_newer_grant_replaces_the_older_at_redemption
    an_older_code_cannot_come_after_the_newer
    other_clients_and_accounts_are_left_alone
    staff_find_grants_by_account
    ending_happens_once
    introspection_says_what_is_documented
    introspection_tells_a_stranger_nothing
    introspection_looks_up_by_key
    a_suspended_client_has_no_live_token
    all_ends_at_the_second_that_exp_names
    what_an_earlier_release_wrote_ends_when_it_said
    a_token_never_outlives_its_grant
    a_bound_token_says_so
    revoking_the_only_token_ends_the_grant
    revoking_beside_a_refresh_token_ends_one_token
    a_refresh_token_stays_and_never_extends
    scope_and_resource_only_narrow
    of_many_refreshes_none_survives_the_end
}

async fn allowing_opens_a_pending_grant(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    let g = w.grant(&allowed.grant).await;
    assert_eq!(g.state, GrantState::Pending);
    assert_eq!(g.expires_at.since(g.created_at), 30 * DAY);
    assert_eq!(w.events(&g.id).await, ["consent.granted", "grant.created"]);
    assert_eq!(g.account(&w.sealer).map(|a| a.to_string()).as_deref(), Some("115-ordinary-1100026"));
    let index = w.index("115-ordinary-1100026");
    let consents = w.store.read(move |tx| consent::sql::of_account(tx, &index, 10)).await.unwrap();
    assert_eq!(consents.len(), 1);
    assert!(consents[0].granted && consents[0].id == g.consent && consents[0].terms_version == "2026-04");
    assert_eq!(consents[0].amr, ["kba", "tel", "pin"]);
    // Every arrow in the audit record, in the same transaction.
    for action in ["consent.granted", "grant.created"] {
        assert_eq!(w.count("select count(*) from audit where action = ?1", vec![action.into()]).await, 1, "{action}");
    }
}

async fn denying_leaves_a_record_and_nothing_else(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    w.deny(&app).await;
    assert_eq!(w.count("select count(*) from consents where decision = 'denied'", vec![]).await, 1);
    assert_eq!(w.count("select count(*) from grants", vec![]).await, 0);
    assert_eq!(w.count("select count(*) from events where kind = 'consent.denied'", vec![]).await, 1);
    assert_eq!(w.count("select count(*) from audit where action = 'consent.denied'", vec![]).await, 1);
}

async fn a_code_becomes_a_token(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    w.wait(5 * SECOND);
    let response = w.exchange(&app, &allowed.code).await.unwrap();
    let g = w.grant(&allowed.grant).await;
    assert_eq!(g.state, GrantState::Active { since: w.now() });
    assert_eq!(response["token_type"], "Bearer");
    assert_eq!(response["expires_in"], 30 * 86_400 - 5);
    assert_eq!(response["scope"], "accounts openid transactions");
    assert_eq!(response["grant_id"], g.id.as_str());
    assert_eq!(response["grant_expires_at"], g.expires_at.secs());
    assert_eq!(
        response["authorization_details"],
        json!([{"type": "account_information", "accounts": ["acc-1"], "permissions": ["balances", "transactions"]}])
    );
    assert!(response.get("refresh_token").is_none(), "this client may not have one");
    let token = access(&response);
    assert!(token.starts_with("rk_at_") && token.len() == 55);
    assert_eq!(w.events(&g.id).await, ["consent.granted", "grant.created", "token.issued"]);
    // Nothing secret rests.
    let hash = Hash::of(&token);
    assert_eq!(w.count("select count(*) from access_tokens where hash = ?1", vec![hash.into()]).await, 1);
}

async fn a_code_lives_sixty_seconds(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    for (age, want) in [(59, None), (60, Some(ErrorCode::InvalidGrant)), (3600, Some(ErrorCode::InvalidGrant))] {
        let allowed = w.allow(&app).await;
        w.wait(age * SECOND);
        assert_eq!(w.exchange(&app, &allowed.code).await.err(), want, "after {age} s");
        let state = w.grant(&allowed.grant).await.state;
        assert_eq!(matches!(state, GrantState::Pending), want.is_some(), "a late code revokes nothing");
    }
}

async fn of_fifty_at_once_exactly_one_redeems(test_store: TestStore) {
    let w = std::sync::Arc::new(World::at(test_store));
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let allowed = w.allow(&app).await;
    let tries: Vec<_> = (0..50)
        .map(|_| {
            let (w, app, code) = (w.clone(), app.clone(), allowed.code.clone());
            tokio::spawn(async move { w.exchange(&app, &code).await })
        })
        .collect();
    let mut won = Vec::new();
    for answer in tries {
        match answer.await.unwrap() {
            Ok(response) => won.push(access(&response)),
            Err(code) => assert_eq!(code, ErrorCode::InvalidGrant),
        }
    }
    assert_eq!(won.len(), 1, "exactly one");
    assert_eq!(w.count("select count(*) from access_tokens", vec![]).await, 1);
    // The forty-nine others were replays by the code's own client.
    let want = ["consent.granted", "grant.created", "token.issued", "grant.revoked(replay)"];
    assert_eq!(w.events(&allowed.grant).await, want);
    assert!(!w.is_active(&api, &won[0]).await);
}

async fn a_replay_by_its_own_client_revokes_the_grant(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    // Days later, whatever else is wrong with the request: used codes are kept as long as the grant.
    w.wait(12 * DAY);
    w.sweep().await;
    assert!(w.is_active(&api, &token).await);
    let again = w.redeem(&app, &allowed.code, None, |p| p.set("code_verifier", "wrong")).await;
    assert_eq!(again.err(), Some(ErrorCode::InvalidGrant));
    assert!(!w.is_active(&api, &token).await);
    assert_eq!(w.grant(&allowed.grant).await.state, GrantState::Revoked { at: w.now(), by: By::Replay });
    // A third time writes nothing more.
    let events = w.events(&allowed.grant).await;
    assert_eq!(w.exchange(&app, &allowed.code).await.err(), Some(ErrorCode::InvalidGrant));
    assert_eq!(w.events(&allowed.grant).await, events);
}

async fn another_client_burns_nothing(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, thief) = (w.app("kakeibo").await, w.app("thief").await);
    let api = w.api().await;
    let allowed = w.allow(&app).await;
    assert_eq!(w.exchange(&thief, &allowed.code).await.err(), Some(ErrorCode::InvalidGrant));
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    // Nor can it revoke by replay what is not its own.
    assert_eq!(w.exchange(&thief, &allowed.code).await.err(), Some(ErrorCode::InvalidGrant));
    assert!(w.is_active(&api, &token).await);
}

async fn a_wrong_tie_burns_nothing(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let mut binding = World::binding();
    let key = |name: &str| token::TokenBinding::Dpop(Thumbprint::of(name));
    binding.dpop_jkt = key("key-1").jkt();
    let allowed = w.allow_with(&app, "accounts", "115-ordinary-1100026", binding).await;
    let (own, other) = (Some(key("key-1")), Some(key("key-2")));
    let wrong = "x".repeat(43);
    for (why, jkt, name, value, want) in [
        ("another verifier", own, "code_verifier", wrong.as_str(), ErrorCode::InvalidGrant),
        ("no verifier (RFC 7636 4.6)", own, "code_verifier", "", ErrorCode::InvalidGrant),
        ("a short verifier", own, "code_verifier", "short", ErrorCode::InvalidGrant),
        ("another redirect_uri", own, "redirect_uri", "https://app.example.jp/cb/", ErrorCode::InvalidGrant),
        ("another DPoP key", other, "code_verifier", VERIFIER, ErrorCode::InvalidGrant),
        ("no DPoP key", None, "code_verifier", VERIFIER, ErrorCode::InvalidGrant),
        ("a resource nobody granted", own, "resource", "https://elsewhere.example", ErrorCode::InvalidTarget),
    ] {
        let answer = w.redeem(&app, &allowed.code, jkt, |p| p.set(name, value)).await;
        assert_eq!(answer.err(), Some(want), "{why}");
    }
    let response = w.redeem(&app, &allowed.code, own, |p| p.set("redirect_uri", CALLBACK)).await.unwrap();
    assert_eq!(response["token_type"], "DPoP");
    for junk in ["", "rk_ac_", "rk_at_AAAA", "あ"] {
        let code = w.exchange(&app, junk).await.err();
        assert!(matches!(code, Some(ErrorCode::InvalidGrant | ErrorCode::InvalidRequest)), "{junk:?}: {code:?}");
    }
}

async fn a_newer_grant_replaces_the_older_at_redemption(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let first = w.allow(&app).await;
    let old = access(&w.exchange(&app, &first.code).await.unwrap());
    w.wait(10 * DAY);
    let second = w.allow(&app).await;
    assert!(w.is_active(&api, &old).await, "a lost redirect must not kill a working link");
    let new = access(&w.exchange(&app, &second.code).await.unwrap());
    assert!(!w.is_active(&api, &old).await);
    assert!(w.is_active(&api, &new).await);
    let by = second.grant.clone();
    assert_eq!(w.grant(&first.grant).await.state, GrantState::Replaced { at: w.now(), by });
    assert_eq!(w.events(&first.grant).await.last().map(String::as_str), Some("grant.replaced"));
    let (a, b) = (w.grant(&first.grant).await, w.grant(&second.grant).await);
    assert_eq!(a.sub, b.sub, "stable over re-linking");
    assert_eq!(b.expires_at.since(w.now()), 30 * DAY, "a new consent starts a new thirty days (G22)");
}

async fn an_older_code_cannot_come_after_the_newer(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let first = w.allow(&app).await;
    w.wait(SECOND);
    let second = w.allow(&app).await;
    let new = access(&w.exchange(&app, &second.code).await.unwrap());
    assert_eq!(w.exchange(&app, &first.code).await.err(), Some(ErrorCode::InvalidGrant));
    assert!(w.is_active(&api, &new).await);
    assert!(matches!(w.grant(&first.grant).await.state, GrantState::Replaced { .. }));
}

async fn other_clients_and_accounts_are_left_alone(test_store: TestStore) {
    let w = World::at(test_store);
    let (a, b) = (w.app("a").await, w.app("b").await);
    let api = w.api().await;
    let mut tokens = Vec::new();
    for (client, account) in [(&a, "115-ordinary-1100026"), (&b, "115-ordinary-1100026"), (&a, "115-savings-2200011")] {
        let allowed = w.allow_with(client, "accounts", account, World::binding()).await;
        tokens.push(access(&w.exchange(client, &allowed.code).await.unwrap()));
        w.wait(SECOND);
    }
    for token in &tokens {
        assert!(w.is_active(&api, token).await, "different clients and accounts coexist (G23)");
    }
    let subs: Vec<_> = [w.introspect(&api, &tokens[0]).await, w.introspect(&api, &tokens[1]).await]
        .iter()
        .map(|i| i["sub"].as_str().unwrap().to_owned())
        .collect();
    assert_ne!(subs[0], subs[1], "subjects are pairwise");
}

async fn staff_find_grants_by_account(test_store: TestStore) {
    let w = World::at(test_store);
    let (a, b) = (w.app("a").await, w.app("b").await);
    let mut made = Vec::new();
    for client in [&a, &b, &a] {
        made.push(w.allow(client).await.grant);
        w.wait(SECOND);
    }
    let (account, other) = (w.index("115-ordinary-1100026"), w.index("115-ordinary-9999999"));
    let found = w.store.read(move |tx| sql::of_account(tx, &account, 10)).await.unwrap();
    assert_eq!(found.iter().map(|g| &g.id).collect::<Vec<_>>(), [&made[2], &made[1], &made[0]], "newest first");
    assert!(w.store.read(move |tx| sql::of_account(tx, &other, 10)).await.unwrap().is_empty());
}

async fn ending_happens_once(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let reason = || Reason::Institution { note: "お客様からの電話".into() };
    for redeemed in [false, true] {
        let allowed = w.allow(&app).await;
        if redeemed {
            w.exchange(&app, &allowed.code).await.unwrap();
        }
        let Ended::Now(g) = w.end(&allowed.grant, reason()).await else { panic!("it was open") };
        assert_eq!(*g, w.grant(&allowed.grant).await, "what the verb says is what rests");
        assert!(matches!(w.end(&allowed.grant, Reason::Customer).await, Ended::Before(_)));
        let events = w.events(&allowed.grant).await;
        assert_eq!(events.last().map(String::as_str), Some("grant.revoked(institution)"));
        assert_eq!(w.exchange(&app, &allowed.code).await.err(), Some(ErrorCode::InvalidGrant));
        assert_eq!(w.events(&allowed.grant).await, events);
        w.wait(SECOND);
    }
    // The note is for the audit record, not for receivers of events.
    let note = "select count(*) from events where detail like '%note%'";
    assert_eq!(w.count(note, vec![]).await, 0);
    let note = "select count(*) from audit where action = 'grant.revoked' and detail like '%note%'";
    assert_eq!(w.count(note, vec![]).await, 2);
    let unknown = renkei_core::id::GrantId::parse("no-such-grant").unwrap();
    assert_eq!(w.end(&unknown, Reason::Account).await, Ended::Unknown);
}

async fn introspection_says_what_is_documented(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let allowed = w.allow(&app).await;
    let begun = w.now().secs();
    w.wait(9 * SECOND);
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    let body = w.introspect(&api, &token).await;
    let g = w.grant(&allowed.grant).await;
    assert_eq!(
        body,
        json!({
            "active": true,
            "scope": "accounts openid transactions",
            "client_id": "kakeibo",
            "sub": g.sub,
            "exp": begun + 30 * 86_400,
            "iat": begun + 9,
            "nbf": begun + 9,
            "iss": "https://link.example.jp",
            "aud": API,
            "jti": body["jti"],
            "token_type": "Bearer",
            "grant_id": g.id.as_str(),
            "grant_expires_at": begun + 30 * 86_400,
            "authorization_details":
                [{"type": "account_information", "accounts": ["acc-1"], "permissions": ["balances", "transactions"]}],
            "acr": "urn:renkei:acr:line-and-pin",
            "auth_time": begun,
        })
    );
    assert!(body["jti"].as_str().is_some_and(|jti| !token.contains(jti)), "jti is a name, not the token");
    assert_eq!(w.introspect(&app, &token).await, body, "a client may ask about its own token");
}

async fn introspection_tells_a_stranger_nothing(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let other = w.app("other").await;
    let (api, foreign) = (w.api().await, {
        let record = json!({"profile": "resource_server", "resources": ["https://elsewhere.example"],
                            "redirect_uris": [], "scope": null});
        w.client("foreign-api", record).await
    });
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    let inactive = json!({"active": false});
    for (why, caller, token) in [
        ("another audience", &foreign, token.as_str()),
        ("another app", &other, token.as_str()),
        ("no token at all", &api, "junk"),
        ("a code", &api, allowed.code.as_str()),
        ("one character off", &api, &token[..54]),
    ] {
        assert_eq!(w.introspect(caller, token).await, inactive, "{why}");
    }
    assert!(w.is_active(&api, &token).await);
}

async fn a_suspended_client_has_no_live_token(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    w.set_status(&app, Status::Suspended).await;
    assert_eq!(w.introspect(&api, &token).await, json!({"active": false}), "at once");
    w.set_status(&app, Status::Active).await;
    assert!(w.is_active(&api, &token).await, "reversible");
}

async fn a_token_never_outlives_its_grant(test_store: TestStore) {
    let w = World::at(test_store);
    let short = w.client("short", json!({"access_token_lifetime": "1h"})).await;
    let brief = w.client("brief", json!({"grant_lifetime": "2h"})).await;
    let api = w.api().await;
    let (a, b) = (w.allow(&short).await, w.allow(&brief).await);
    w.wait(30 * SECOND);
    let (a, b) = (w.exchange(&short, &a.code).await.unwrap(), w.exchange(&brief, &b.code).await.unwrap());
    assert_eq!(a["expires_in"], 3600, "the client's lifetime");
    assert_eq!(b["expires_in"], 7200 - 30, "the grant's end");
    w.wait(Duration::from_secs(3599));
    assert!(w.is_active(&api, &access(&a)).await);
    w.wait(SECOND);
    assert!(!w.is_active(&api, &access(&a)).await, "no sweeper came by");
    w.wait(Duration::from_secs(3600 - 31));
    assert!(w.is_active(&api, &access(&b)).await);
    w.wait(SECOND);
    assert!(!w.is_active(&api, &access(&b)).await);
}

/// Issued in the middle of a second: everything ends at the second that `exp` names, and nothing is issued from then on.
async fn all_ends_at_the_second_that_exp_names(test_store: TestStore) {
    const MILLI: Duration = Duration::from_millis(1);
    let w = World::at(test_store);
    let more = json!({"grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": "openid accounts offline_access status", "grant_lifetime": "2h", "access_token_lifetime": "90m"});
    let (app, api) = (w.client("kakeibo", more).await, w.api().await);
    let till = |exp: &serde_json::Value, now: renkei_core::clock::Instant| {
        renkei_core::clock::Instant::from_secs(exp.as_i64().unwrap()).since(now)
    };
    for millis in [1, 499, 500, 999] {
        w.wait(SECOND - w.now().since(renkei_core::clock::Instant::from_secs(w.now().secs())));
        w.wait(millis * MILLI);
        let scope = "openid accounts offline_access";
        let allowed = w.allow_with(&app, scope, "115-ordinary-1100026", World::binding()).await;
        let first = w.exchange(&app, &allowed.code).await.unwrap();
        let refresh = first["refresh_token"].as_str().unwrap().to_owned();
        let own = access(&w.client_token(&app, "").await.unwrap());
        // Its own end, the hour of a client's own token, and the end of the grant.
        for token in [own, access(&first), refresh.clone()] {
            let caller = if token == refresh { &app } else { &api };
            let seen = w.introspect(caller, &token).await;
            assert_eq!(seen["active"], true);
            w.wait(till(&seen["exp"], w.now()) - MILLI);
            assert!(w.is_active(caller, &token).await, "{millis} ms: a moment before");
            if token == refresh {
                let last = w.refresh(&app, &refresh, "").await.unwrap();
                let of_last = w.introspect(&api, &access(&last)).await;
                assert_eq!(of_last["exp"], first["grant_expires_at"]);
                assert!(till(&of_last["exp"], w.now()) > Duration::ZERO, "it has not passed");
            }
            w.wait(MILLI);
            assert!(!w.is_active(caller, &token).await, "{millis} ms: at exp");
        }
        assert_eq!(w.refresh(&app, &refresh, "").await.err(), Some(ErrorCode::InvalidGrant));
        let now = w.now();
        assert!(!w.grant(&allowed.grant).await.is_live(now));
        assert_eq!(w.sweep().await.expired, 1);
        assert_eq!(w.events(&allowed.grant).await.last().map(String::as_str), Some("grant.expired"));
    }
    // A code that is redeemed in the second in which its grant ends.
    let brief = w.client("brief", json!({"grant_lifetime": "60s"})).await;
    w.wait(999 * MILLI);
    let allowed = w.allow(&brief).await;
    let end = w.grant(&allowed.grant).await.expires_at;
    w.wait(end.since(w.now()));
    assert_eq!(w.exchange(&brief, &allowed.code).await.err(), Some(ErrorCode::InvalidGrant));
    w.whole().await;
}

/// An earlier release wrote milliseconds, and told the apps seconds.
async fn what_an_earlier_release_wrote_ends_when_it_said(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, api) = (w.app("kakeibo").await, w.api().await);
    let index = w.index("115-ordinary-1100026");
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    w.write(|tx| {
        tx.execute("update grants set expires_at = expires_at + 700", &[])?;
        // An hour before its grant.
        tx.execute("update access_tokens set expires_at = expires_at - 3600000 + 700", &[])
    })
    .await;
    let until = |seen: &serde_json::Value, end: &str| {
        renkei_core::clock::Instant::from_secs(seen[end].as_i64().unwrap()).since(w.now()) - SECOND
    };
    let seen = w.introspect(&api, &token).await;
    w.wait(until(&seen, "exp"));
    let in_use = async || {
        let (client, now) = (app.id.clone(), w.now());
        w.store.read(move |tx| renkei_core::grant::sql::in_use(tx, &client, &index, now)).await.unwrap().is_some()
    };
    assert!(w.is_active(&api, &token).await);
    w.wait(SECOND);
    assert!(!w.is_active(&api, &token).await);
    w.wait(until(&seen, "grant_expires_at"));
    assert!(in_use().await);
    w.wait(SECOND);
    assert!(!in_use().await, "nor is it repeated without a screen");
}

async fn a_bound_token_says_so(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let api = w.api().await;
    let (key, thumbprint) = (Thumbprint::of("key"), Hash::of("thumb-print"));
    for (binding, word, cnf) in [
        (token::TokenBinding::Dpop(key), "DPoP", json!({"jkt": key.base64url()})),
        (token::TokenBinding::Certificate(thumbprint), "Bearer", json!({"x5t#S256": thumbprint.base64url()})),
    ] {
        let allowed = w.allow(&app).await;
        let response = w.redeem(&app, &allowed.code, Some(binding), |_| {}).await.unwrap();
        assert_eq!(response["token_type"], word);
        let body = w.introspect(&api, &access(&response)).await;
        assert_eq!((&body["token_type"], &body["cnf"]), (&json!(word), &cnf));
    }
}

async fn revoking_the_only_token_ends_the_grant(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, other) = (w.app("kakeibo").await, w.app("other").await);
    let api = w.api().await;
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    assert_eq!(w.revoke(&other, &token).await, Err(ErrorCode::InvalidGrant), "not its own (RFC 7009 2.1)");
    assert!(w.is_active(&api, &token).await);
    assert_eq!(w.revoke(&app, &token).await, Ok(Revoked::Grant));
    assert!(!w.is_active(&api, &token).await);
    assert_eq!(w.events(&allowed.grant).await.last().map(String::as_str), Some("grant.revoked(client)"));
    for text in [token.as_str(), "junk", allowed.code.as_str()] {
        assert_eq!(w.revoke(&app, text).await, Ok(Revoked::Nothing), "200 all the same (RFC 7009 §2.2)");
    }
}

async fn revoking_beside_a_refresh_token_ends_one_token(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.refreshing_app("kakeibo").await;
    let api = w.api().await;
    let scope = "openid accounts offline_access";
    let allowed = w.allow_with(&app, scope, "115-ordinary-1100026", World::binding()).await;
    let first = w.exchange(&app, &allowed.code).await.unwrap();
    let refresh = first["refresh_token"].as_str().unwrap().to_owned();
    assert!(refresh.starts_with("rk_rt_"));
    assert_eq!(w.revoke(&app, &access(&first)).await, Ok(Revoked::Token));
    assert!(!w.is_active(&api, &access(&first)).await);
    assert_eq!(w.events(&allowed.grant).await.last().map(String::as_str), Some("token.revoked"));
    let second = access(&w.refresh(&app, &refresh, "").await.unwrap());
    assert!(w.is_active(&api, &second).await);
    assert_eq!(w.introspect(&api, &refresh).await, json!({"active": false}), "a refresh token opens no resource");
    assert_eq!(w.revoke(&app, &refresh).await, Ok(Revoked::Grant), "the refresh token takes all along");
    assert!(!w.is_active(&api, &second).await);
    assert_eq!(w.refresh(&app, &refresh, "").await.err(), Some(ErrorCode::InvalidGrant));
}

async fn a_refresh_token_stays_and_never_extends(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, other) = (w.refreshing_app("kakeibo").await, w.refreshing_app("other").await);
    let api = w.api().await;
    let scope = "accounts offline_access";
    let allowed = w.allow_with(&app, scope, "115-ordinary-1100026", World::binding()).await;
    let end = w.grant(&allowed.grant).await.expires_at;
    let first = w.exchange(&app, &allowed.code).await.unwrap();
    let refresh = first["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(w.refresh(&other, &refresh, "").await.err(), Some(ErrorCode::InvalidGrant), "another client's");
    // Acceptance test 10 (requirements.md#a10): at T+29d23h it works and does not extend; at T+30d it is over.
    w.wait(29 * DAY + Duration::from_hours(23));
    for _ in 0..2 {
        let again = w.refresh(&app, &refresh, "").await.unwrap();
        assert_eq!(again["expires_in"], 3600);
        assert_eq!(again["grant_expires_at"], end.secs());
        assert_eq!(again["refresh_token"], refresh.as_str(), "not rotated (FAPI 2.0 5.3.2.1)");
        assert!(w.is_active(&api, &access(&again)).await);
    }
    w.wait(Duration::from_hours(1));
    assert_eq!(w.refresh(&app, &refresh, "").await.err(), Some(ErrorCode::InvalidGrant));
}

/// Refreshes in flight while the grant ends: whichever came first, nothing is alive afterwards, and nothing is told of
/// the grant after its end.
async fn of_many_refreshes_none_survives_the_end(test_store: TestStore) {
    let w = std::sync::Arc::new(World::at(test_store));
    let (app, api) = (w.refreshing_app("kakeibo").await, w.api().await);
    let allowed = w.allow_with(&app, "accounts offline_access", "115-ordinary-1100026", World::binding()).await;
    let first = w.exchange(&app, &allowed.code).await.unwrap();
    let refresh = first["refresh_token"].as_str().unwrap().to_owned();
    let tries: Vec<_> = (0..40)
        .map(|i| {
            let (w, app, refresh) = (w.clone(), app.clone(), refresh.clone());
            tokio::spawn(async move {
                if i == 20 {
                    assert_eq!(w.revoke(&app, &refresh).await, Ok(Revoked::Grant));
                    return None;
                }
                match w.refresh(&app, &refresh, "").await {
                    Ok(response) => Some(access(&response)),
                    Err(code) => {
                        assert_eq!(code, ErrorCode::InvalidGrant);
                        None
                    }
                }
            })
        })
        .collect();
    let mut issued = vec![access(&first)];
    for token in tries {
        issued.extend(token.await.unwrap());
    }
    // All have answered, the revocation among them.
    for token in &issued {
        assert!(!w.is_active(&api, token).await);
    }
    let told = w.events(&allowed.grant).await;
    assert_eq!(told.last().map(String::as_str), Some("grant.revoked(client)"), "{told:?}");
    assert_eq!(told.iter().filter(|e| *e == "token.issued").count(), issued.len());
    w.whole().await;
}

async fn scope_and_resource_only_narrow(test_store: TestStore) {
    let w = World::at(test_store);
    let plain = w.app("plain").await;
    let allowed = w.allow_with(&plain, "accounts offline_access", "115-ordinary-1100026", World::binding()).await;
    let response = w.exchange(&plain, &allowed.code).await.unwrap();
    assert_eq!(response["scope"], "accounts", "what is not honoured is not claimed");
    assert!(response.get("refresh_token").is_none());

    let app = w.refreshing_app("kakeibo").await;
    let api = w.api().await;
    let mut binding = World::binding();
    binding.resource = vec![API.into(), "https://second.example".into()];
    let scope = "accounts transactions offline_access";
    let allowed = w.allow_with(&app, scope, "115-ordinary-1100026", binding).await;
    let response = w.exchange(&app, &allowed.code).await.unwrap();
    let refresh = response["refresh_token"].as_str().unwrap().to_owned();
    let body = w.introspect(&api, &access(&response)).await;
    assert_eq!(body["aud"], json!([API, "https://second.example"]));
    let narrow = w.refresh(&app, &refresh, "scope=accounts&resource=https%3A%2F%2Fsecond.example").await.unwrap();
    assert_eq!(narrow["scope"], "accounts");
    assert!(!w.is_active(&api, &access(&narrow)).await, "it is not for this resource server");
    let wide = w.refresh(&app, &refresh, "").await.unwrap();
    assert_eq!(wide["scope"], "accounts offline_access transactions", "narrowing once narrows once");
    for (more, want) in [
        ("scope=accounts+openid", ErrorCode::InvalidScope),
        ("resource=https%3A%2F%2Fthird.example", ErrorCode::InvalidTarget),
    ] {
        assert_eq!(w.refresh(&app, &refresh, more).await.err(), Some(want), "{more}");
    }
}

/// The hot path stays three look-ups by primary key, whatever else there is.
async fn introspection_looks_up_by_key(test_store: TestStore) {
    let sqlite = matches!(test_store, TestStore::Sqlite(_));
    let w = World::at(test_store);
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    let token = access(&w.exchange(&app, &allowed.code).await.unwrap());
    let explain = if sqlite { "explain query plan " } else { "explain " };
    let sql: &'static str = Box::leak(format!("{explain}{}", FIND_ACCESS).into_boxed_str());
    let hash = Hash::of(&token);
    let plan = w.write(move |tx| {
        if !sqlite {
            // With three rows in a table PostgreSQL would rather read it whole.
            tx.execute("set local enable_seqscan = off", &[])?;
        }
        let rows = tx.rows(sql, &[hash.into()])?;
        rows.iter().map(|r| r.text(if sqlite { 3 } else { 0 }).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
    });
    let plan = plan.await;
    let looks = plan.iter().filter(|l| l.contains("SEARCH") || l.contains("Index Scan")).count();
    assert_eq!(looks, 3, "{plan:#?}");
    assert!(!plan.iter().any(|l| l.contains("SCAN ") || l.contains("Seq Scan") || l.contains("Sort")), "{plan:#?}");
}
