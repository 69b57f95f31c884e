//! Delivery by poll (RFC 8936), and what each receiver hears.

use super::{CAEP, UPDATED, VERIFICATION, app, institution, kind, kinds, payload, resource_server, text};
use crate::support::http::RequestParts;
use crate::support::town::{ISSUER, Town, on_both};
use renkei_core::event::{self, Event, EventKind};
use renkei_core::id::EventId;
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{self, Alg};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_both!(
    each_receiver_hears_its_own,
    the_form_of_a_token,
    what_is_not_acknowledged_comes_again,
    one_answer_never_has_two_tokens_of_a_grant,
    a_poll_waits_for_news,
    a_verification_is_echoed,
    a_paused_stream_holds_and_a_disabled_one_does_not,
    only_what_was_asked_for_comes,
    a_refused_event_is_a_dead_letter,
    a_stream_begins_with_what_comes,
    what_a_customer_refuses_names_nobody,
    what_nobody_polls_is_disabled,
    what_is_forgotten_goes_with_its_events,
    a_suspension_ends_a_waiting_poll_with_nothing,
    one_poll_reads_a_bounded_part_of_the_history,
    whoever_asks_without_end_is_told_to_wait,
    another_client_ends_nobodys_wait,
);

async fn each_receiver_hears_its_own(w: &Town) {
    let (a, b) = (app(w, "a", &[]).await, app(w, "b", &[]).await);
    let (server, bank) = (resource_server(w, "balances").await, institution(w).await);
    let mut streams = Vec::new();
    for r in [&a, &b, &server, &bank] {
        streams.push(r.poll_stream().await);
    }
    let linked = w.link(&a.app, &mut w.browser()).await;
    a.app.revoke(&linked.access_token).await.expect(200);
    w.suspend_by_staff("b").await;
    w.clock.advance(Duration::from_millis(1));
    w.resume_by_staff("b").await;
    let heard = [
        kinds(&a.drain(&streams[0]).await),
        kinds(&b.drain(&streams[1]).await),
        kinds(&server.drain(&streams[2]).await),
        kinds(&bank.drain(&streams[3]).await),
    ];
    assert_eq!(heard[0], ["grant.created", "grant.revoked", CAEP]);
    assert_eq!(heard[1], ["client.suspended", "client.resumed"]);
    assert_eq!(heard[2], ["grant.revoked", CAEP], "neither consents nor another app's record");
    let mut all = heard[3].clone();
    all.sort();
    let issued = all.iter().filter(|k| *k == "token.issued").count();
    all.retain(|k| k != "token.issued");
    assert_eq!(
        all,
        ["client.resumed", "client.suspended", "consent.granted", "grant.created", "grant.revoked", CAEP],
        "the institution hears everything"
    );
    assert!(issued > 0);
}

async fn the_form_of_a_token(w: &Town) {
    let (a, bank) = (app(w, "a", &[]).await, institution(w).await);
    let (stream, banks) = (a.poll_stream().await, bank.poll_stream().await);
    let linked = w.link(&a.app, &mut w.browser()).await;
    a.app.revoke(&linked.access_token).await.expect(200);
    // Verified by the metadata alone, with the other implementation of the tests.
    let metadata = w.http.get("/.well-known/ssf-configuration").await.json();
    let jwks_uri = text(&metadata, "jwks_uri");
    let keys = Jwk::parse_set(&w.http.get(jwks_uri.strip_prefix(ISSUER).unwrap()).await.json()).unwrap();
    let answer = a.send("POST", &format!("/ssf/poll/{stream}"), Some(json!({"returnImmediately": true}))).await;
    let answer = answer.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for set in answer.json()["sets"].as_object().unwrap().values() {
        let verified = jose::verify(set.as_str().unwrap(), &keys, &[Alg::Rs256]).unwrap();
        assert!(verified.header.is_typ("secevent+jwt") && verified.header.kid.is_some());
    }
    let heard = a.drain(&stream).await;
    for set in &heard {
        assert_eq!((&set["iss"], &set["aud"]), (&json!(ISSUER), &json!("a")));
        assert!(set["iat"].as_i64().unwrap() <= w.now().secs() && set["toe"].is_i64());
        assert_eq!((set.get("sub"), set.get("exp")), (None, None), "SSF 1.0 4.1");
        let subject = &set["sub_id"];
        assert_eq!(subject["format"], "complex");
        assert_eq!(subject["session"], json!({"format": "opaque", "id": linked.grant_id}));
        assert_eq!(subject["application"], json!({"format": "opaque", "id": "a"}));
        assert_eq!((&subject["user"]["format"], &subject["user"]["iss"]), (&json!("iss_sub"), &json!(ISSUER)));
    }
    let by_kind = |wanted: &str| heard.iter().find(|set| kind(set) == wanted).unwrap();
    let (own, caep) = (by_kind("grant.revoked"), by_kind(CAEP));
    assert_eq!(own["txn"], caep["txn"], "the same change");
    assert_ne!(own["jti"], caep["jti"]);
    assert_eq!(payload(own)["by"], "client");
    assert!(payload(own)["seq"].as_i64().unwrap() > payload(by_kind("grant.created"))["seq"].as_i64().unwrap());
    let session = payload(caep);
    assert_eq!((&session["initiating_entity"], session["event_timestamp"].is_i64()), (&json!("user"), true));
    assert!(!text(&session["reason_admin"], "ja").is_empty() && !text(&session["reason_admin"], "en").is_empty());
    assert_eq!(payload(own).get("account"), None, "an account is for the institution alone");
    let banks = bank.drain(&banks).await;
    let revoked = banks.iter().find(|set| kind(set) == "grant.revoked").unwrap();
    let account = text(payload(revoked), "account");
    assert!(!account.is_empty() && account != "115-ordinary-1100026", "as the core bank names it");
    assert_ne!(revoked["jti"], own["jti"], "each stream has its own");
}

async fn what_is_not_acknowledged_comes_again(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    w.link(&a.app, &mut w.browser()).await;
    super::until("the event is there", async || !a.poll(&stream, &[]).await.is_empty()).await;
    let first = a.poll(&stream, &[]).await;
    assert_eq!(a.poll(&stream, &[]).await, first, "the same token under the same jti");
    let jtis: Vec<String> = first.iter().map(|set| text(set, "jti")).collect();
    // An acknowledgement alone fetches nothing (RFC 8936 2.2).
    let (sets, _) = a.poll_with(&stream, json!({"ack": jtis, "maxEvents": 0})).await;
    assert!(sets.is_empty());
    assert!(a.poll(&stream, &jtis).await.is_empty(), "acknowledged twice is acknowledged");
}

async fn one_answer_never_has_two_tokens_of_a_grant(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let linked = w.link(&a.app, &mut w.browser()).await;
    a.app.revoke(&linked.access_token).await.expect(200);
    let mut seqs = Vec::new();
    let mut ack: Vec<String> = Vec::new();
    let waits = "select count(*) from events where pos is null";
    super::until("every event has its position", async || w.count(waits).await == 0).await;
    for n in 0..3 {
        let (sets, more) = a.poll_with(&stream, json!({"ack": ack, "returnImmediately": true})).await;
        assert_eq!(sets.len(), 1, "an answer has no order");
        assert_eq!(more, n < 2, "what follows in the same grant counts");
        ack = vec![text(&sets[0], "jti")];
        seqs.push(kind(&sets[0]));
    }
    assert_eq!(seqs, ["grant.created", "grant.revoked", CAEP]);
}

async fn a_poll_waits_for_news(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let waiting = a.poll_with(&stream, json!({}));
    let happens = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        w.suspend_by_staff("kakeibo").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        w.link(&a.app, &mut w.browser()).await;
        Instant::now()
    };
    let ((sets, _), linked) = tokio::join!(waiting, happens);
    assert_eq!(kinds(&sets), ["grant.created"], "another app's news does not end the wait");
    assert!(linked.elapsed() < Duration::from_secs(10));
    // A second poll ends the first, with no sets.
    let ack: Vec<String> = sets.iter().map(|set| text(set, "jti")).collect();
    let first = a.poll_with(&stream, json!({"ack": ack}));
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        a.poll(&stream, &[]).await
    };
    let began = Instant::now();
    let ((sets, _), _) = tokio::join!(first, second);
    assert!(sets.is_empty() && began.elapsed() < Duration::from_secs(15), "it did not wait for half a minute");
}

async fn a_verification_is_echoed(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let ask = |state: &str| json!({"stream_id": stream, "state": state});
    a.send("POST", "/ssf/verify", Some(ask("a state"))).await.expect(204);
    let too_often = a.send("POST", "/ssf/verify", Some(ask("again"))).await;
    assert_eq!(too_often.status, 429);
    assert!(too_often.header("retry-after").is_some());
    let sets = a.poll(&stream, &[]).await;
    assert_eq!(kinds(&sets), [VERIFICATION]);
    assert_eq!(payload(&sets[0])["state"], "a state");
    assert_eq!(sets[0]["sub_id"], json!({"format": "opaque", "id": stream}));
    w.clock.advance(Duration::from_secs(10));
    a.send("POST", "/ssf/verify", Some(json!({"stream_id": stream}))).await.expect(204);
    let sets = a.poll(&stream, &[text(&sets[0], "jti")]).await;
    assert_eq!(payload(&sets[0]), &json!({}), "no state was sent");
}

async fn a_paused_stream_holds_and_a_disabled_one_does_not(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    a.status(&stream, "paused").await.expect(200);
    let first = w.link(&a.app, &mut w.browser()).await;
    a.send("POST", "/ssf/verify", Some(json!({"stream_id": stream, "state": "held"}))).await.expect(204);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(a.poll(&stream, &[]).await.is_empty(), "nothing leaves, a verification included");
    a.status(&stream, "enabled").await.expect(200);
    assert_eq!(kinds(&a.drain(&stream).await), [VERIFICATION, "grant.created"]);
    a.status(&stream, "disabled").await.expect(200);
    w.clock.advance(Duration::from_secs(10));
    a.send("POST", "/ssf/verify", Some(json!({"stream_id": stream, "state": "lost"}))).await.expect(204);
    a.app.revoke(&first.access_token).await.expect(200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    a.status(&stream, "enabled").await.expect(200);
    assert!(a.drain(&stream).await.is_empty(), "it begins with what comes");
    w.link(&a.app, &mut w.browser()).await;
    assert_eq!(kinds(&a.drain(&stream).await), ["grant.created"]);
    // Where the institution stopped it, the receiver hears so first.
    let id = renkei_core::id::StreamId::parse(&stream).unwrap();
    let now = w.now();
    let turn = move |status: renkei_core::stream::StreamStatus| {
        let id = id.clone();
        async move {
            w.write(move |tx| {
                let found = renkei_core::stream::sql::load(tx, &id)?.unwrap();
                let staff = renkei_core::audit::Actor::Staff("tanaka".into());
                let by = renkei_core::stream::StoppedBy::Staff;
                let to = renkei_core::stream::manage::StatusChange { status, by, reason: Some("a review") };
                renkei_core::stream::manage::turn(tx, found, to, ("the-jti-of-staff", staff), now).map(drop)
            })
            .await;
        }
    };
    turn(renkei_core::stream::StreamStatus::Paused).await;
    assert_eq!(a.status(&stream, "enabled").await.status, 403, "staff has stopped it");
    turn(renkei_core::stream::StreamStatus::Enabled).await;
    let sets = a.drain(&stream).await;
    assert_eq!(kinds(&sets), [UPDATED]);
    assert_eq!(payload(&sets[0])["status"], "enabled");
}

async fn only_what_was_asked_for_comes(w: &Town) {
    let a = app(w, "a", &[]).await;
    let body = json!({"events_requested": [CAEP]});
    let stream = text(&a.send("POST", "/ssf/streams", Some(body)).await.expect(201).json(), "stream_id");
    let linked = w.link(&a.app, &mut w.browser()).await;
    a.app.revoke(&linked.access_token).await.expect(200);
    assert_eq!(kinds(&a.drain(&stream).await), [CAEP]);
}

async fn a_refused_event_is_a_dead_letter(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let linked = w.link(&a.app, &mut w.browser()).await;
    super::until("the event is there", async || !a.poll(&stream, &[]).await.is_empty()).await;
    let jti = text(&a.poll(&stream, &[]).await[0], "jti");
    let refuse = json!({"setErrs": {&jti: {"err": "invalid_audience", "description": "not mine"}}, "maxEvents": 0});
    let ask = RequestParts::default().header("authorization", format!("Bearer {}", a.token));
    let ask = ask.header("content-language", "en").json(refuse.to_string());
    let answer = w.http.send("POST", &format!("/ssf/poll/{stream}"), ask).await.expect(200).json();
    assert_eq!(answer["sets"], json!({}));
    a.app.revoke(&linked.access_token).await.expect(200);
    assert_eq!(kinds(&a.drain(&stream).await), ["grant.revoked", CAEP], "the next one of the grant goes on");
    assert_eq!(w.count("select count(*) from stream_tokens where dead_at is not null").await, 1);
}

async fn a_stream_begins_with_what_comes(w: &Town) {
    let a = app(w, "a", &[]).await;
    let linked = w.link(&a.app, &mut w.browser()).await;
    let stream = a.poll_stream().await;
    a.app.revoke(&linked.access_token).await.expect(200);
    assert_eq!(kinds(&a.drain(&stream).await), ["grant.revoked", CAEP]);
}

async fn what_a_customer_refuses_names_nobody(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let mut browser = w.browser();
    browser.open(&a.app.ask_directly("accounts").url).await;
    browser.walk_to(w, "consent").await;
    browser.press("deny", &[]).await;
    let sets = a.drain(&stream).await;
    assert_eq!(kinds(&sets), ["consent.denied"]);
    let want: Value = json!({"format": "complex", "application": {"format": "opaque", "id": "a"}});
    assert_eq!(sets[0]["sub_id"], want);
    assert_eq!(payload(&sets[0]), &json!({}));
}

async fn what_nobody_polls_is_disabled(w: &Town) {
    let a = app(w, "a", &[]).await;
    let (polled, held) = (a.poll_stream().await, a.poll_stream().await);
    a.status(&held, "paused").await.expect(200);
    w.clock.advance(Duration::from_hours(30 * 24) - Duration::from_secs(60));
    w.tidy_streams().await;
    assert_eq!(w.count("select count(*) from streams where status = 'disabled'").await, 0);
    w.clock.advance(Duration::from_secs(120));
    w.tidy_streams().await;
    assert_eq!(w.count("select count(*) from streams where status = 'disabled'").await, 2);
    let a = super::Receiver::of(w, a.app, "ssf.read ssf.manage").await;
    assert!(a.poll(&polled, &[]).await.is_empty());
    a.status(&polled, "enabled").await.expect(200);
    assert_eq!(kinds(&a.drain(&polled).await), [UPDATED], "the receiver hears that it goes on");
    a.status(&held, "enabled").await.expect(200);
    assert!(a.drain(&held).await.is_empty(), "it stopped that one itself");
}

async fn what_is_forgotten_goes_with_its_events(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let linked = w.link(&a.app, &mut w.browser()).await;
    a.app.revoke(&linked.access_token).await.expect(200);
    super::until("it has a position", async || w.count("select count(*) from event_audiences").await > 0).await;
    super::until("it is handed out", async || !a.poll(&stream, &[]).await.is_empty()).await;
    w.clock.advance(Duration::from_hours(24 * 365 * 8));
    w.tidy().await;
    assert_eq!(w.count("select count(*) from event_audiences").await, 0);
    assert_eq!(w.count("select count(*) from events where grant_id is not null").await, 0);
    let a = super::Receiver::of(w, a.app, "ssf.read ssf.manage").await;
    for _ in 0..3 {
        assert!(a.poll(&stream, &[]).await.is_empty());
    }
    assert_eq!(
        w.count("select count(*) from stream_tokens").await,
        0,
        "what was handed out goes too, one of a grant a poll"
    );
}

async fn a_suspension_ends_a_waiting_poll_with_nothing(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let waiting = a.poll_with(&stream, json!({}));
    let suspends = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        w.suspend_by_staff("a").await;
    };
    let began = Instant::now();
    let ((sets, _), ()) = tokio::join!(waiting, suspends);
    assert!(sets.is_empty(), "its events are held: {sets:?}");
    assert!(began.elapsed() < Duration::from_secs(20));
    w.clock.advance(Duration::from_millis(1));
    w.resume_by_staff("a").await;
    assert_eq!(kinds(&a.drain(&stream).await), ["client.suspended", "client.resumed"]);
}

/// A stream that asks for a rare type reads on with the next poll; meanwhile others write.
async fn one_poll_reads_a_bounded_part_of_the_history(w: &Town) {
    let bank = institution(w).await;
    let body = json!({"events_requested": [format!("{ISSUER}/events/grant.revoked")]});
    let stream = text(&bank.send("POST", "/ssf/streams", Some(body)).await.expect(201).json(), "stream_id");
    for page in 0..6 {
        w.write(move |tx| {
            for n in 0..500 {
                let id = EventId::parse(&format!("other-{page}-{n}")).unwrap();
                let at = renkei_core::clock::Instant::from_secs(1);
                event::emit(tx, &Event::of_client(id, at, EventKind::ClientRegistered, None))?;
            }
            Ok(())
        })
        .await;
    }
    super::until("every event has its position", async || {
        w.count("select count(*) from events where pos is null").await == 0
    })
    .await;
    let (sets, more) = bank.poll_with(&stream, json!({})).await;
    assert!(sets.is_empty() && more, "2,000 of 3,000 were read, and it says so without waiting");
    let (sets, more) = bank.poll_with(&stream, json!({"returnImmediately": true})).await;
    assert!(sets.is_empty() && !more);
}

async fn whoever_asks_without_end_is_told_to_wait(w: &Town) {
    let a = app(w, "a", &[]).await;
    let stream = a.poll_stream().await;
    let body = json!({"returnImmediately": true});
    for _ in 0..500 {
        let answer = a.send("POST", &format!("/ssf/poll/{stream}"), Some(body.clone())).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some());
            return;
        }
    }
    panic!("there is no limit");
}

async fn another_client_ends_nobodys_wait(w: &Town) {
    let (a, b) = (app(w, "a", &[]).await, app(w, "b", &[]).await);
    let stream = a.poll_stream().await;
    let waiting = a.poll_with(&stream, json!({}));
    let intrudes = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(b.send("POST", &format!("/ssf/poll/{stream}"), Some(json!({}))).await.status, 404);
        tokio::time::sleep(Duration::from_millis(300)).await;
        w.link(&a.app, &mut w.browser()).await;
    };
    let ((sets, _), ()) = tokio::join!(waiting, intrudes);
    assert_eq!(kinds(&sets), ["grant.created"], "it still waited");
}
