//! A client's own tokens (RFC 6749 §4.4, decision 11): no customer, no grant, no refresh token.

use crate::support::test_store::{TestStore, on_both_engines};
use crate::support::world::{API, ISSUER, World, access};
use renkei_core::client::Status;
use renkei_core::id::TokenId;
use renkei_core::refusal::ErrorCode;
use renkei_core::token::revoke::{self, Revoked};
use renkei_core::token::sql::prune_access;
use serde_json::json;
use std::time::Duration;

on_both_engines! {
    it_says_that_no_customer_stands_behind_it
    what_customers_give_is_never_in_it
    it_is_for_resources_the_client_may_ask_for
    it_lives_an_hour_at_most
    it_ends_alone
    it_comes_and_goes_with_its_client
    a_restored_backup_brings_none_back
    what_it_must_not_be_is_found
}

async fn it_says_that_no_customer_stands_behind_it(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, api, stranger) = (w.acting_app("partner").await, w.api().await, w.app("stranger").await);
    let answer = w.client_token(&app, "").await.unwrap();
    let token = access(&answer);
    assert_eq!(answer, json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "status"}));
    let seen = w.introspect(&api, &token).await;
    let now = w.now().secs();
    assert_eq!(
        seen,
        json!({
            "active": true, "scope": "status", "client_id": "partner", "sub": "partner", "iss": ISSUER, "aud": API,
            "iat": now, "nbf": now, "exp": now + 3600, "jti": seen["jti"], "token_type": "Bearer",
        }),
        "no grant, no accounts, nobody who was authenticated"
    );
    assert_eq!(w.introspect(&stranger, &token).await, json!({"active": false}));
    // It is recorded and told like any other.
    let told = "select count(*) from events where client_id = 'partner' and kind = 'token.issued' and grant_id is null";
    assert_eq!(w.count(told, vec![]).await, 1);
    let recorded = "select count(*) from audit where client_id = 'partner' and action = 'token.issued'";
    assert_eq!(w.count(recorded, vec![]).await, 1);
    w.whole().await;
}

async fn what_customers_give_is_never_in_it(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.acting_app("partner").await;
    for scope in ["accounts", "transactions", "openid", "offline_access", "status+accounts", "prices", "other"] {
        let refused = w.client_token(&app, &format!("scope={scope}")).await;
        assert_eq!(refused.err(), Some(ErrorCode::InvalidScope), "{scope}");
    }
    assert_eq!(w.client_token(&app, "scope=status").await.unwrap()["scope"], "status");
    // A record without such a scope: there is nothing to hand out.
    let plain = w.client("plain", json!({"grant_types": ["authorization_code", "client_credentials"]})).await;
    assert_eq!(w.client_token(&plain, "").await.err(), Some(ErrorCode::InvalidScope));
}

async fn it_is_for_resources_the_client_may_ask_for(test_store: TestStore) {
    let w = World::at(test_store);
    let more = json!({"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "status prices",
        "resources": ["https://prices.example"]});
    let (app, api) = (w.client("partner", more).await, w.api().await);
    let token = access(&w.client_token(&app, "scope=prices&resource=https%3A%2F%2Fprices.example").await.unwrap());
    assert!(!w.is_active(&api, &token).await, "it is not for this resource server");
    let both = w.client_token(&app, &format!("resource=https%3A%2F%2Fprices.example&resource={API}")).await.unwrap();
    assert_eq!(w.introspect(&api, &access(&both)).await["aud"], json!(["https://prices.example", API]));
    let twice = w.client_token(&app, &format!("resource={API}&resource={API}")).await.unwrap();
    assert_eq!(w.introspect(&api, &access(&twice)).await["aud"], API, "said twice, meant once");
    let refused = w.client_token(&app, "resource=https%3A%2F%2Fother.example").await;
    assert_eq!(refused.err(), Some(ErrorCode::InvalidTarget));
    let details = "authorization_details=%5B%7B%22type%22%3A%22account_information%22%7D%5D";
    let refused = w.client_token(&app, details).await;
    assert_eq!(refused.err(), Some(ErrorCode::InvalidAuthorizationDetails), "no customer, no account");
    // What a resource server speaks for is not what it may ask for.
    let record = json!({"profile": "resource_server", "resources": ["https://prices.example"], "redirect_uris": [],
        "grant_types": ["client_credentials"], "scope": "status"});
    let server = w.client("prices", record).await;
    assert_eq!(
        w.client_token(&server, "resource=https%3A%2F%2Fprices.example").await.err(),
        Some(ErrorCode::InvalidTarget)
    );
    assert_eq!(w.client_token(&server, "").await.unwrap()["scope"], "status");
}

async fn it_lives_an_hour_at_most(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, api) = (w.acting_app("partner").await, w.api().await);
    let more = json!({"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "status",
        "access_token_lifetime": "5m"});
    let short = w.client("short", more).await;
    assert_eq!(w.client_token(&short, "").await.unwrap()["expires_in"], 300, "as short as the record says");
    let token = access(&w.client_token(&app, "").await.unwrap());
    w.wait(Duration::from_secs(3599));
    assert!(w.is_active(&api, &token).await);
    w.wait(Duration::from_secs(1));
    assert!(!w.is_active(&api, &token).await);
    let now = w.now();
    assert_eq!(w.write(move |tx| prune_access(tx, now, 500)).await, 0, "kept a day");
    w.wait(Duration::from_hours(25));
    let now = w.now();
    assert_eq!(w.write(move |tx| prune_access(tx, now, 500)).await, 2);
}

async fn it_ends_alone(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, other, api) = (w.acting_app("partner").await, w.app("other").await, w.api().await);
    let link = w.allow(&app).await;
    let linked = access(&w.exchange(&app, &link.code).await.unwrap());
    let (first, second) =
        (access(&w.client_token(&app, "").await.unwrap()), access(&w.client_token(&app, "").await.unwrap()));
    assert_eq!(w.revoke(&other, &first).await, Err(ErrorCode::InvalidGrant), "another client's");
    assert_eq!(w.revoke(&app, &first).await, Ok(Revoked::Token));
    assert_eq!(w.revoke(&app, &first).await, Ok(Revoked::Nothing));
    let live = [w.is_active(&api, &first).await, w.is_active(&api, &second).await, w.is_active(&api, &linked).await];
    assert_eq!(live, [false, true, true]);
    let told = "select count(*) from events where kind = 'token.revoked' and grant_id is null and seq = 0";
    assert_eq!(w.count(told, vec![]).await, 1);
    // And a customer who leaves takes nothing of the client's own along.
    w.end(&link.grant, renkei_core::grant::Reason::Customer).await;
    assert!(w.is_active(&api, &second).await && !w.is_active(&api, &linked).await);
    w.whole().await;
}

async fn it_comes_and_goes_with_its_client(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, api) = (w.acting_app("partner").await, w.api().await);
    let token = access(&w.client_token(&app, "").await.unwrap());
    w.set_status(&app, Status::Suspended).await;
    assert!(!w.is_active(&api, &token).await);
    w.set_status(&app, Status::Active).await;
    assert!(w.is_active(&api, &token).await);
}

async fn a_restored_backup_brings_none_back(test_store: TestStore) {
    let w = World::at(test_store);
    let (app, api) = (w.acting_app("partner").await, w.api().await);
    let own = access(&w.client_token(&app, "").await.unwrap());
    let linked = access(&w.exchange(&app, &w.allow(&app).await.code).await.unwrap());
    let now = w.now();
    for expected in [2, 0] {
        assert_eq!(w.write(move |tx| revoke::restored(tx, now, 500)).await, expected);
    }
    assert!(!w.is_active(&api, &own).await && !w.is_active(&api, &linked).await);
    assert_eq!(w.count("select count(*) from events where kind = 'token.revoked'", vec![]).await, 2);
    w.whole().await;
}

async fn what_it_must_not_be_is_found(test_store: TestStore) {
    let w = World::at(test_store);
    let app = w.acting_app("partner").await;
    let token = access(&w.client_token(&app, "").await.unwrap());
    let hash = renkei_core::token::access(&token).unwrap();
    for (change, undo) in [
        ("scope = 'accounts status'", "scope = 'status'"),
        ("scope = 'status transactions'", "scope = 'status'"),
        ("expires_at = expires_at + 1", "expires_at = expires_at - 1"),
    ] {
        let set = async |change: &str| {
            let sql: &'static str = Box::leak(format!("update access_tokens set {change} where hash = ?1").into());
            w.write(move |tx| tx.execute(sql, &[hash.into()])).await
        };
        assert_eq!(set(change).await, 1);
        let report = renkei_core::verify::verify(&w.store).await.unwrap();
        assert_eq!(report.findings.len(), 1, "{change}: {report:#?}");
        assert!(TokenId::parse(&report.findings[0].row).is_some());
        set(undo).await;
    }
    w.whole().await;
}
