//! Our signing keys: published before they sign, published after, rotated by themselves and by hand, on every node.

use crate::support::app::App;
use crate::support::http::Http;
use crate::support::jws::b64;
use crate::support::town::{Engine, Town, on_both, run};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use renkei_core::client;
use renkei_core::id::ClientId;
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{Alg, verify};
use renkei_core::keys::ring::RotationPolicy;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

on_both!(
    a_rotation_is_noticed_by_nobody,
    an_order_brings_it_forward,
    an_emergency_takes_the_old_keys_back,
    an_algorithm_that_is_taken_out_leaves_like_after_a_rotation,
    nodes_with_different_algorithms_make_no_key_in_turn,
    nothing_private_leaves,
);

const DAY: u64 = 86_400;

/// The published keys: `kid` by algorithm.
async fn published(http: &Http) -> BTreeSet<(String, String)> {
    let answer = http.get("/oauth/jwks").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let set = answer.json();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    set["keys"].as_array().unwrap().iter().map(|k| (text(k, "alg"), text(k, "kid"))).collect()
}
async fn of(http: &Http, alg: &str) -> Vec<String> {
    published(http).await.into_iter().filter(|(a, _)| a == alg).map(|(_, kid)| kid).collect()
}
/// The `kid` of a JWS.
fn kid(jws: &str) -> String {
    let head: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jws.split('.').next().unwrap()).unwrap()).unwrap();
    head["kid"].as_str().unwrap().to_owned()
}
/// Whether a JWS verifies with what is published.
async fn verifies(http: &Http, jws: &str) -> bool {
    let set = http.get("/oauth/jwks").await.expect(200).json();
    verify(jws, &Jwk::parse_set(&set).unwrap(), &Alg::ALL).is_ok()
}
/// The id_token of a new link.
async fn id_token(town: &Town, app: &App) -> String {
    let pending = app.push("openid accounts").await;
    let mut browser = town.browser();
    browser.open(&pending.url).await;
    browser.walk_to(town, "consent").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await.body["id_token"].as_str().unwrap().to_owned()
}
async fn wait(town: &Town, secs: u64) {
    town.clock.set(town.now() + Duration::from_secs(secs));
    town.tend_keys().await;
}

/// The whole life of an ES256 key by the clock: ninety days, a day ahead, two days after.
async fn a_rotation_is_noticed_by_nobody(town: &Town) {
    let creco = town.creco();
    let first = of(&town.http, "ES256").await;
    assert_eq!((first.len(), published(&town.http).await.len()), (1, 3));
    wait(town, 89 * DAY - 1).await;
    assert_eq!(of(&town.http, "ES256").await, first, "a second early");
    wait(town, 1).await;
    let both = of(&town.http, "ES256").await;
    assert_eq!((both.len(), published(&town.http).await.len()), (2, 6), "a day ahead the next ones are published");
    let old = id_token(town, &creco).await;
    assert_eq!(kid(&old), first[0], "and sign nothing yet");
    wait(town, DAY - 1).await;
    assert_eq!(kid(&id_token(town, &creco).await), first[0]);
    wait(town, 1).await;
    let new = id_token(town, &creco).await;
    let second = both.iter().find(|k| **k != first[0]).unwrap();
    assert_eq!(kid(&new), *second, "its turn");
    assert!(verifies(&town.http, &old).await && verifies(&town.http, &new).await, "both verify");
    wait(town, 2 * DAY - 1).await;
    assert_eq!(of(&town.http, "ES256").await, both, "what the old one signed may still be valid");
    wait(town, 1).await;
    assert_eq!(of(&town.http, "ES256").await, std::slice::from_ref(second), "now nothing is");
    assert!(verifies(&town.http, &new).await && !verifies(&town.http, &old).await);

    // A server that slept for a year publishes first, all the same.
    wait(town, 365 * DAY).await;
    assert_eq!((of(&town.http, "ES256").await.len(), kid(&id_token(town, &creco).await)), (2, second.clone()));
    wait(town, DAY).await;
    assert_ne!(kid(&id_token(town, &creco).await), *second);
    let audit = town.staff(&["audit", "export"]).await.out;
    for action in ["key.made", "key.activated", "key.retired", "key.dropped"] {
        assert!(audit.contains(action), "{action}");
    }
}

async fn an_order_brings_it_forward(town: &Town) {
    let creco = town.creco();
    let first = of(&town.http, "ES256").await;
    let order = ["--json", "key", "rotate", "--alg", "ES256"];
    let said = town.staff(&order).await.json();
    assert_eq!((&said["made"], said.get("warning")), (&json!(1), None));
    assert_eq!(
        (of(&town.http, "ES256").await.len(), published(&town.http).await.len()),
        (2, 4),
        "at once, and only it"
    );
    let state = |keys: &Value, state: &str| {
        let keys = keys["keys"].as_array().unwrap().iter();
        keys.filter(|k| k["alg"] == "ES256" && k["state"] == state).cloned().collect::<Vec<_>>()
    };
    let next = state(&said, "next").remove(0);
    assert_eq!(next["activate_at"], (town.now() + Duration::from_secs(DAY)).rfc3339());
    assert_eq!(town.staff(&order).await.json()["made"], 0, "once is enough");
    assert!(town.staff(&["key", "list"]).await.out.contains("next"));
    wait(town, DAY - 1).await;
    assert_eq!(kid(&id_token(town, &creco).await), first[0]);
    wait(town, 1).await;
    assert_eq!(kid(&id_token(town, &creco).await), next["kid"].as_str().unwrap());
    let listed = town.staff(&["--json", "key", "list"]).await.json();
    assert_eq!(state(&listed, "retired")[0]["kid"], first[0].as_str());
    for (args, status) in [(&["--alg", "HS256"][..], 2), (&["--alg", "none"], 2), (&["--alg", "EdDSA"], 1)] {
        assert_eq!(town.staff(&[&["key", "rotate"], args].concat()).await.status, status, "{args:?}");
    }
}

async fn an_emergency_takes_the_old_keys_back(town: &Town) {
    let creco = town.creco();
    let old = id_token(town, &creco).await;
    town.staff(&["--json", "key", "rotate", "--alg", "ES256"]).await.json();
    let before = published(&town.http).await;
    let said = town.staff(&["key", "rotate", "--alg", "ES256", "--now"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.starts_with("WARNING: ") && said.out.contains("withdrawn"), "{}", said.out);
    let after = published(&town.http).await;
    assert_eq!(after.len(), 3);
    assert!(after.iter().all(|k| k.0 != "ES256" || !before.contains(k)), "neither the old one nor the next is ours");
    assert_eq!(after.iter().filter(|k| before.contains(k)).count(), 2, "the others are untouched");
    assert!(!verifies(&town.http, &old).await, "whoever has the old key signs for nobody");
    let new = id_token(town, &creco).await;
    assert!(verifies(&town.http, &new).await && after.contains(&("ES256".into(), kid(&new))));
    let audit = town.staff(&["audit", "export"]).await.out;
    assert!(audit.contains("key.withdrawn") && audit.contains("staff:"));
    // Everything at once, and the ring still works.
    assert_eq!(town.staff(&["--json", "key", "rotate", "--now"]).await.json()["made"], 3);
    assert!(published(&town.http).await.is_disjoint(&after));
    let withdrawn = async || {
        let listed = town.staff(&["--json", "key", "list"]).await.json();
        let keys = listed["keys"].as_array().unwrap().clone();
        (keys.len(), keys.iter().filter(|k| k["state"] == "withdrawn").count())
    };
    assert_eq!(withdrawn().await, (8, 5), "known for a while");
    wait(town, 3 * DAY).await;
    assert_eq!(withdrawn().await, (3, 0), "forgotten in the end");
}

/// The upgrade of a store that has an EdDSA key, and a client that asks for it.
async fn an_algorithm_that_is_taken_out_leaves_like_after_a_rotation(town: &Town) {
    let all: Vec<_> = Alg::SIGNING.into_iter().chain([Alg::EdDsa]).collect();
    let with = |algs: &[Alg]| RotationPolicy { algs: algs.to_vec(), ..town.app().config.keys.policy() };
    let app = town.app();
    let tend = async |algs: &[Alg]| {
        app.keys.tend(&app.store, &app.sealer, &*app.random, with(algs), town.now()).await.unwrap()
    };
    tend(&all).await;
    let old = of(&town.http, "EdDSA").await;
    assert_eq!(old.len(), 1, "as an earlier release made it");
    // For an hour another node may want it.
    wait(town, 3599).await;
    assert!(app.keys.sign(Alg::EdDsa, None, json!({})).await.is_ok());
    wait(town, 1).await;
    assert_eq!(of(&town.http, "EdDSA").await, old, "what it signed can be verified");
    assert!(app.keys.sign(Alg::EdDsa, None, json!({})).await.is_err(), "it signs no more");
    wait(town, 2 * DAY - 1).await;
    assert_eq!(of(&town.http, "EdDSA").await, old);
    wait(town, 1).await;
    assert_eq!(of(&town.http, "EdDSA").await, [""; 0]);

    // A record that asks for it: the start would be refused, and names the client.
    let unsigned = async |algs: Vec<Alg>| app.store.scan(move |tx| client::unsigned(tx, &algs)).await.unwrap();
    assert_eq!(unsigned(Alg::SIGNING.to_vec()).await, None);
    let mut creco = client_of(town, "creco").await;
    creco.id_token_alg = Alg::EdDsa;
    let now = town.now();
    app.store.write(move |tx| client::sql::save(tx, &creco, now)).await.unwrap();
    let said = unsigned(Alg::SIGNING.to_vec()).await.unwrap();
    assert!(said.contains("creco (EdDSA)") && !said.contains("kakeibo"), "{said}");
    assert_eq!(unsigned(all).await, None);
}

/// Two configurations on one store, for a day: one node names EdDSA and the other does not. The key stays, and is made once. When the
/// node that names it is gone, it leaves.
async fn nodes_with_different_algorithms_make_no_key_in_turn(town: &Town) {
    let more: Vec<_> = Alg::SIGNING.into_iter().chain([Alg::EdDsa]).collect();
    let app = town.app();
    let tend = async |algs: &[Alg]| {
        let policy = RotationPolicy { algs: algs.to_vec(), ..app.config.keys.policy() };
        app.keys.tend(&app.store, &app.sealer, &*app.random, policy, town.now()).await.unwrap()
    };
    assert_eq!(tend(&more).await.len(), 1);
    let made = of(&town.http, "EdDSA").await;
    let mut steps = Vec::new();
    for _ in 0..144 {
        town.clock.set(town.now() + Duration::from_secs(600));
        steps.extend(tend(&Alg::SIGNING).await);
        steps.extend(tend(&more).await);
    }
    assert_eq!((steps, of(&town.http, "EdDSA").await), (vec![], made.clone()));
    assert_eq!(app.keys.unlisted(&Alg::SIGNING), [Alg::EdDsa], "which the log of the other node says");
    wait(town, 3599).await;
    assert_eq!(app.keys.unlisted(&Alg::SIGNING), [Alg::EdDsa]);
    wait(town, 1).await;
    assert_eq!(app.keys.unlisted(&Alg::SIGNING), []);
    assert_eq!(of(&town.http, "EdDSA").await, made, "and stays published");
}

async fn client_of(town: &Town, id: &str) -> client::Client {
    let id = ClientId::parse(id).unwrap();
    town.app().store.read(move |tx| client::sql::load(tx, &id)).await.unwrap().unwrap()
}

async fn nothing_private_leaves(town: &Town) {
    let listed = town.staff(&["--json", "key", "list"]).await.json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 3);
    let listed = listed.to_string();
    for private in ["private", "\"d\"", "\"p\"", "\"q\""] {
        assert!(!listed.contains(private), "{private}");
    }
    let token = id_token(town, &town.creco()).await;
    town.staff(&["key", "rotate", "--now"]).await;
    assert!(town.log().contains("/oauth/token"), "the log was read");
    assert!(!town.log().contains("BEGIN PRIVATE KEY") && !town.log().contains(&b64("PRIVATE KEY")));
    assert!(!town.log().contains(&token), "nor what they sign");
}

/// A node that did nothing itself publishes and signs as the other one does.
#[test]
fn every_node_sees_a_rotation() {
    run(
        Engine::Postgres,
        |_| {},
        async |town: &Town| {
            let node = town.second_node().await;
            assert_eq!(published(&node.http).await, published(&town.http).await);
            let first = node.signs_with(Alg::Es256);
            wait(town, 89 * DAY).await;
            assert_eq!(published(&node.http).await.len(), 3, "it has not looked yet");
            node.tend_keys(town.now()).await;
            assert_eq!(published(&node.http).await, published(&town.http).await);
            // The one that did not rotate is the one that has to.
            town.clock.set(town.now() + Duration::from_secs(DAY));
            node.tend_keys(town.now()).await;
            assert_ne!(node.signs_with(Alg::Es256), first);
            let old = id_token(town, &town.creco()).await;
            assert_eq!(kid(&old), first, "the other still signs with the old one, which is published");
            assert!(verifies(&node.http, &old).await);
            town.tend_keys().await;
            assert_eq!(kid(&id_token(town, &town.creco()).await), node.signs_with(Alg::Es256));
            // Both at the same moment: one rotation, not two.
            town.clock.set(town.now() + Duration::from_secs(89 * DAY));
            tokio::join!(town.tend_keys(), node.tend_keys(town.now()));
            town.tend_keys().await;
            node.tend_keys(town.now()).await;
            assert_eq!(published(&node.http).await, published(&town.http).await);
            assert_eq!(of(&town.http, "ES256").await.len(), 2);
            node.stop().await;
        },
    );
}
