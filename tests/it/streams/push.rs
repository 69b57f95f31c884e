//! Delivery by push (RFC 8935): nothing is lost, a grant keeps its order, and a receiver that fails harms nobody else.

use super::receiver::Answered;
use super::{CAEP, Endpoint, UPDATED, VERIFICATION, app, kind, kinds, text, until};
use crate::support::town::{Town, on_both};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

on_both!(
    nothing_leaves_before_the_endpoint_is_verified,
    what_happens_arrives_in_order,
    a_failing_endpoint_loses_nothing,
    a_token_that_is_refused_lets_the_next_one_go,
    a_dead_receiver_delays_no_other,
    a_header_is_kept_changed_and_removed,
    an_endpoint_that_fails_for_days_is_paused,
    two_nodes_send_nothing_twice,
    an_endpoint_that_left_the_record_hears_nothing_more,
    a_stream_disabled_before_it_was_verified_is_verified_later,
    another_node_goes_on_at_once_where_one_has_stopped,
    a_node_that_stops_lets_nothing_be_sent_twice,
    verifications_do_not_pile_up,
    a_suspension_stops_a_backlog,
    pushes_use_a_connection_more_than_once,
);

/// Until the endpoint has something of this kind.
async fn has(endpoint: &Endpoint, wanted: &str) {
    until(wanted, async || endpoint.sets().iter().any(|set| kind(set) == wanted)).await;
}

async fn nothing_leaves_before_the_endpoint_is_verified(w: &Town) {
    let endpoint = Endpoint::start().await;
    endpoint.always(Some(Answered::Status("500 Internal Server Error", "")));
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    a.push_stream(&endpoint.url, "Bearer hush").await;
    let linked = w.link(&a.app, &mut w.browser()).await;
    has(&endpoint, VERIFICATION).await;
    for _ in 0..5 {
        w.clock.advance(Duration::from_secs(600));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(endpoint.sets().iter().all(|set| kind(set) == VERIFICATION), "nothing but a verification");
    endpoint.always(None);
    w.clock.advance(Duration::from_secs(900));
    has(&endpoint, "grant.created").await;
    a.app.revoke(&linked.access_token).await.expect(200);
    has(&endpoint, CAEP).await;
    for came in endpoint.came() {
        assert_eq!(came.authorization.as_deref(), Some("Bearer hush"));
        assert_eq!(came.content_type, "application/secevent+jwt", "RFC 8935 2.1");
    }
}

async fn what_happens_arrives_in_order(w: &Town) {
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    for _ in 0..3 {
        let linked = w.link(&a.app, &mut w.browser()).await;
        a.app.revoke(&linked.access_token).await.expect(200);
    }
    until("all have come", async || endpoint.sets().iter().filter(|set| kind(set) == CAEP).count() == 3).await;
    whole(&endpoint.sets());
    assert_eq!(w.count("select count(*) from stream_tokens").await, 0, "rows only for what failed");
}

/// Every grant's tokens came in order, and nothing came under two `jti`s.
fn whole(sets: &[Value]) {
    let mut grants: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut seen: Vec<String> = Vec::new();
    for set in sets {
        let jti = text(set, "jti");
        if seen.contains(&jti) {
            continue;
        }
        seen.push(jti);
        if let Some(seq) = super::payload(set)["seq"].as_i64() {
            grants.entry(text(&set["sub_id"]["session"], "id")).or_default().push(seq);
        }
    }
    for (grant, seqs) in grants {
        assert!(seqs.is_sorted(), "{grant}: {seqs:?}");
    }
}

async fn a_failing_endpoint_loses_nothing(w: &Town) {
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    let stream = a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    endpoint.answers([
        Answered::Status("503 Service Unavailable", ""),
        Answered::Status("302 Found", ""),
        Answered::Dropped,
        Answered::Status("401 Unauthorized", ""),
        Answered::Status("400 Bad Request", r#"{"err": "access_denied", "description": "no"}"#),
        Answered::Status("400 Bad Request", "no JSON"),
        Answered::Status("429 Too Many Requests", ""),
    ]);
    let linked = w.link(&a.app, &mut w.browser()).await;
    a.app.revoke(&linked.access_token).await.expect(200);
    // The test's clock stands: each wait ends when it is moved on.
    until("it arrived after all", async || {
        w.clock.advance(Duration::from_secs(60));
        endpoint.sets().iter().any(|set| kind(set) == CAEP)
    })
    .await;
    let sets = endpoint.sets();
    whole(&sets);
    let created: Vec<&Value> = sets.iter().filter(|set| kind(set) == "grant.created").collect();
    assert_eq!(created.len(), 8, "seven failures, and once more");
    assert!(created.iter().all(|set| set == &created[0]), "the same token under the same jti");
    until("all is finished", async || w.count("select count(*) from stream_tokens").await == 0).await;
    let read = a.send("GET", &format!("/ssf/streams?stream_id={stream}"), None).await.expect(200);
    assert!(!read.body.contains("hush"));
}

async fn a_token_that_is_refused_lets_the_next_one_go(w: &Town) {
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    endpoint.answers([Answered::Status("400 Bad Request", r#"{"err": "invalid_request", "description": "no"}"#)]);
    let linked = w.link(&a.app, &mut w.browser()).await;
    has(&endpoint, "grant.created").await;
    a.app.revoke(&linked.access_token).await.expect(200);
    has(&endpoint, CAEP).await;
    assert_eq!(endpoint.sets().iter().filter(|set| kind(set) == "grant.created").count(), 1);
    assert_eq!(w.count("select count(*) from stream_tokens where dead_at is not null").await, 1);
    assert_eq!(w.recorded("stream.event_refused").await, 1);
}

async fn a_dead_receiver_delays_no_other(w: &Town) {
    let (dead, silent, good) = (Endpoint::start().await, Endpoint::start().await, Endpoint::start().await);
    let urls = [dead.url.clone(), silent.url.clone(), good.url.clone()];
    let mut receivers = Vec::new();
    for (id, url) in ["a", "b", "c"].into_iter().zip(&urls) {
        let r = app(w, id, std::slice::from_ref(url)).await;
        r.push_stream(url, "Bearer hush").await;
        receivers.push(r);
    }
    for endpoint in [&dead, &silent, &good] {
        has(endpoint, VERIFICATION).await;
    }
    dead.always(Some(Answered::Dropped));
    silent.always(Some(Answered::Never));
    for r in &receivers[..2] {
        w.link(&r.app, &mut w.browser()).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let linked = w.link(&receivers[2].app, &mut w.browser()).await;
    let answered = std::time::Instant::now();
    receivers[2].app.revoke(&linked.access_token).await.expect(200);
    has(&good, CAEP).await;
    assert!(answered.elapsed() < Duration::from_secs(4), "the others' failures are their own");
}

async fn a_header_is_kept_changed_and_removed(w: &Town) {
    let (endpoint, second) = (Endpoint::start().await, Endpoint::start().await);
    let a = app(w, "a", &[endpoint.url.clone(), second.url.clone()]).await;
    let id = a.push_stream(&endpoint.url, "Bearer one").await;
    has(&endpoint, VERIFICATION).await;
    let change = async |delivery: Value| {
        a.send("PATCH", "/ssf/streams", Some(json!({"stream_id": id, "delivery": delivery}))).await.expect(200);
    };
    let last = |endpoint: &Endpoint| endpoint.came().last().and_then(|came| came.authorization.clone());
    // A receiver that reads its configuration, changes it and puts it back keeps its header, and is not verified again.
    change(json!({"method": super::PUSH, "endpoint_url": endpoint.url})).await;
    w.link(&a.app, &mut w.browser()).await;
    has(&endpoint, "grant.created").await;
    assert_eq!(last(&endpoint).as_deref(), Some("Bearer one"));
    let verified = |endpoint: &Endpoint| endpoint.sets().iter().filter(|set| kind(set) == VERIFICATION).count();
    assert_eq!(verified(&endpoint), 1);
    let before = endpoint.came().len();
    change(json!({"method": super::PUSH, "endpoint_url": endpoint.url, "authorization_header": "Bearer two"})).await;
    until("it is verified again", async || verified(&endpoint) == 2).await;
    assert!(endpoint.came()[before..].iter().all(|came| came.authorization.as_deref() == Some("Bearer two")));
    change(json!({"method": super::PUSH, "endpoint_url": endpoint.url, "authorization_header": null})).await;
    until("it is verified again", async || verified(&endpoint) == 3).await;
    assert_eq!(last(&endpoint), None);
    // A new endpoint begins without the old one's header.
    change(json!({"method": super::PUSH, "endpoint_url": endpoint.url, "authorization_header": "Bearer three"})).await;
    change(json!({"method": super::PUSH, "endpoint_url": second.url})).await;
    has(&second, VERIFICATION).await;
    assert_eq!(last(&second), None, "a secret goes nowhere else");
    let stored = w.store_bytes().await;
    for secret in ["Bearer one", "Bearer two", "Bearer three"] {
        assert!(!stored.windows(secret.len()).any(|part| part == secret.as_bytes()), "it is sealed");
    }
}

/// After `events.give_up`.
async fn an_endpoint_that_fails_for_days_is_paused(w: &Town) {
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    let stream = a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    endpoint.always(Some(Answered::Status("500 Internal Server Error", "")));
    w.link(&a.app, &mut w.browser()).await;
    has(&endpoint, "grant.created").await;
    until("it is given up", async || {
        w.clock.advance(Duration::from_hours(6));
        w.count("select count(*) from streams where status = 'paused'").await == 1
    })
    .await;
    let a = super::Receiver::of(w, a.app, "ssf.read ssf.manage").await;
    let status = a.send("GET", &format!("/ssf/status?stream_id={stream}"), None).await.json();
    assert_eq!(status["status"], "paused");
    assert!(status["reason"].is_string());
    // The last attempt said so; after it nothing leaves.
    has(&endpoint, UPDATED).await;
    let last = endpoint.sets().pop().unwrap();
    assert_eq!(super::payload(&last), &json!({"status": "paused", "reason": status["reason"]}));
    assert_eq!(last["sub_id"], json!({"format": "opaque", "id": stream}));
    let all = endpoint.came().len();
    w.clock.advance(Duration::from_mins(20));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(endpoint.came().len(), all);
    endpoint.always(None);
    let before = endpoint.came().len();
    assert_eq!(a.status(&stream, "enabled").await.status, 200, "the receiver may go on");
    until("what was held has come", async || endpoint.came().len() >= before + 2).await;
    assert_eq!(kinds(&endpoint.sets()[before..])[..2], [UPDATED.to_owned(), "grant.created".to_owned()]);
}

async fn two_nodes_send_nothing_twice(w: &Town) {
    if w.engine == crate::support::town::Engine::Sqlite {
        return; // one process has the file
    }
    let node = w.second_node().await;
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    for _ in 0..5 {
        let linked = w.link(&a.app, &mut w.browser()).await;
        a.app.revoke(&linked.access_token).await.expect(200);
    }
    until("all have come", async || endpoint.sets().iter().filter(|set| kind(set) == CAEP).count() == 5).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let sets = endpoint.sets();
    let mut jtis: Vec<String> = sets.iter().map(|set| text(set, "jti")).collect();
    let all = jtis.len();
    jtis.sort();
    jtis.dedup();
    assert_eq!(jtis.len(), all, "while no node fails, nothing is sent twice");
    whole(&sets);
    node.stop().await;
}

async fn an_endpoint_that_left_the_record_hears_nothing_more(w: &Town) {
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    let stream = a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    let a = app(w, "a", &["http://127.0.0.1:9/elsewhere".to_owned()]).await;
    w.link(&a.app, &mut w.browser()).await;
    let paused = async || w.count("select count(*) from streams where status = 'paused'").await == 1;
    until("the stream is paused", paused).await;
    assert!(endpoint.sets().iter().all(|set| kind(set) == VERIFICATION));
    let status = a.send("GET", &format!("/ssf/status?stream_id={stream}"), None).await.json();
    assert!(text(&status, "reason").contains("record"));
}

async fn a_stream_disabled_before_it_was_verified_is_verified_later(w: &Town) {
    let endpoint = Endpoint::start().await;
    endpoint.always(Some(Answered::Status("500 Internal Server Error", "")));
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    let stream = a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    a.status(&stream, "disabled").await.expect(200);
    endpoint.always(None);
    a.status(&stream, "enabled").await.expect(200);
    w.link(&a.app, &mut w.browser()).await;
    has(&endpoint, "grant.created").await;
}

async fn another_node_goes_on_at_once_where_one_has_stopped(w: &Town) {
    if w.engine == crate::support::town::Engine::Sqlite {
        return; // one process has the file
    }
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    // Whichever node has the lease; the other one's clock stands, so it would wait for ever for the end of a lease.
    for _ in 0..3 {
        let node = w.second_node().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.stop().await;
        let before = endpoint.sets().len();
        w.link(&a.app, &mut w.browser()).await;
        until("it goes on", async || endpoint.sets().len() > before).await;
    }
}

/// A rolling restart: what is on its way when a node stops is written down before another one takes over.
async fn a_node_that_stops_lets_nothing_be_sent_twice(w: &Town) {
    if w.engine == crate::support::town::Engine::Sqlite {
        return; // one process has the file
    }
    let endpoint = Endpoint::start().await;
    endpoint.always(Some(Answered::After(150)));
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    for _ in 0..3 {
        let node = w.second_node().await;
        let linked = w.link(&a.app, &mut w.browser()).await;
        a.app.revoke(&linked.access_token).await.expect(200);
        node.stop().await;
    }
    until("all have come", async || endpoint.sets().iter().filter(|set| kind(set) == CAEP).count() >= 3).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut jtis: Vec<String> = endpoint.sets().iter().map(|set| text(set, "jti")).collect();
    let all = jtis.len();
    jtis.sort();
    jtis.dedup();
    assert_eq!(jtis.len(), all, "no node failed");
}

async fn verifications_do_not_pile_up(w: &Town) {
    let endpoint = Endpoint::start().await;
    endpoint.always(Some(Answered::Status("503 Service Unavailable", "")));
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    let id = a.push_stream(&endpoint.url, "Bearer one").await;
    for n in 0..10 {
        let delivery =
            json!({"method": super::PUSH, "endpoint_url": endpoint.url, "authorization_header": format!("Bearer {n}")});
        a.send("PATCH", "/ssf/streams", Some(json!({"stream_id": id, "delivery": delivery}))).await.expect(200);
        a.status(&id, "paused").await.expect(200);
        a.status(&id, "enabled").await.expect(200);
    }
    assert_eq!(w.count("select count(*) from stream_tokens").await, 1);
}

/// Two hundred events wait, the endpoint is slow, and the app is suspended in the middle.
async fn a_suspension_stops_a_backlog(w: &Town) {
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    let stream = a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    a.status(&stream, "paused").await.expect(200);
    let client = renkei_core::id::ClientId::parse("a");
    w.write(move |tx| {
        for n in 0..200 {
            let id = renkei_core::id::EventId::parse(&format!("waiting-{n}")).unwrap();
            let (at, kind) = (renkei_core::clock::Instant::from_secs(1), renkei_core::event::EventKind::ConsentDenied);
            renkei_core::event::emit(tx, &renkei_core::event::Event::of_client(id, at, kind, client.clone()))?;
        }
        Ok(())
    })
    .await;
    endpoint.always(Some(Answered::After(20)));
    a.status(&stream, "enabled").await.expect(200);
    has(&endpoint, "consent.denied").await;
    w.suspend_by_staff("a").await;
    // The round that has begun ends; no other one begins.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = endpoint.sets().iter().filter(|set| kind(set) == "consent.denied").count();
    assert!(sent < 150, "{sent} of 200 were sent");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(endpoint.sets().iter().filter(|set| kind(set) == "consent.denied").count(), sent, "and it stays so");
}

/// One client is kept for each list of private networks, with its connections.
async fn pushes_use_a_connection_more_than_once(w: &Town) {
    let endpoint = Endpoint::start().await;
    let a = app(w, "a", std::slice::from_ref(&endpoint.url)).await;
    let stream = a.push_stream(&endpoint.url, "Bearer hush").await;
    has(&endpoint, VERIFICATION).await;
    for n in 2..6 {
        w.clock.advance(Duration::from_secs(10));
        a.send("POST", "/ssf/verify", Some(json!({ "stream_id": stream }))).await.expect(204);
        until("it is verified once more", async || endpoint.came().len() == n).await;
    }
    assert_eq!(endpoint.connections(), 1, "for five tokens, one after the other");
}
