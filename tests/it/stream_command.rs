//! `renkei stream` as staff uses it, with the program itself: over the admin socket of a running server, and on the store where
//! none runs.

use crate::support::app::{App, Credential};
use crate::support::http::{Answer, RequestParts};
use crate::support::jws::claims;
use crate::support::test_store::{TestStore, on_both_engines};
use crate::support::town::{Engine, ISSUER, Town, on_both, said};
use renkei_core::event::{self, Event, EventKind};
use renkei_core::id::EventId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

on_both!(
    a_look_shows_everything_but_the_secret_header,
    events_of_others_are_not_counted_and_not_replayed,
    what_staff_has_paused_only_staff_resumes,
    a_disabled_stream_never_sends_what_it_missed,
    a_verification_is_sent_on_order,
    a_dead_letter_becomes_open_once_it_is_replayed,
    events_since_a_moment_are_replayed_and_nothing_older_is_lost,
);

on_both_engines! {
    the_first_event_since_a_moment_is_found_whatever_its_id
}

const HEADER: &str = "Bearer the-header-nobody-may-read";
const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// The institution's own receiver.
struct Receiver<'w> {
    w: &'w Town,
    token: String,
}
impl<'w> Receiver<'w> {
    async fn registered(w: &'w Town) -> Self {
        w.register(json!({
            "client_id": "core-desk", "client_name": "勘定系", "profile": "institution", "scope": "ssf.manage",
            "grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic",
            "client_secret": "core-desk-secret", "events": {"endpoints": ["http://localhost:1/events"], "streams": 4},
        }))
        .await;
        Self::of(w, "core-desk").await
    }
    /// A client that is registered, with its own token.
    async fn of(w: &'w Town, client: &str) -> Self {
        let secret = Credential::Secret("core-desk-secret".into());
        let app = App::new(w.http.clone(), w.clock.clone(), client, "", secret);
        let answer = app.post("/oauth/token", &[("grant_type", "client_credentials")], false).await.expect(200);
        Self { w, token: answer.json()["access_token"].as_str().unwrap().to_owned() }
    }
    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let ask = RequestParts::default().header("authorization", format!("Bearer {}", self.token));
        self.w.http.send(method, path, ask.json(body.to_string())).await
    }
    /// A stream of the events that the tests cause.
    async fn stream(&self, delivery: Value) -> String {
        let types = ["suspended", "resumed"].map(|kind| format!("{ISSUER}/events/client.{kind}"));
        let wanted = json!({"delivery": delivery, "events_requested": types, "description": "two\nlines"});
        let made = self.send("POST", "/ssf/streams", &wanted).await.expect(201).json();
        made["stream_id"].as_str().unwrap().to_owned()
    }
    async fn polled(&self) -> String {
        self.stream(json!({"method": "urn:ietf:rfc:8936"})).await
    }
    async fn set_status(&self, id: &str, status: &str) -> Answer {
        let reason = "the receiver\nrests";
        self.send("POST", "/ssf/status", &json!({"stream_id": id, "status": status, "reason": reason})).await
    }
    /// One poll: the claims of each token by its `jti`.
    async fn poll(&self, id: &str, more: Value) -> BTreeMap<String, Value> {
        let mut ask = json!({"returnImmediately": true});
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.send("POST", &format!("/ssf/poll/{id}"), &ask).await.expect(200).json();
        let sets = answer["sets"].as_object().unwrap();
        sets.iter().map(|(jti, set)| (jti.clone(), claims(set.as_str().unwrap()))).collect()
    }
    /// Polls until there are `count` tokens: PostgreSQL gives events their order a moment later.
    async fn poll_until(&self, id: &str, count: usize) -> BTreeMap<String, Value> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let sets = self.poll(id, json!({})).await;
            if sets.len() == count {
                return sets;
            }
            assert!(Instant::now() < until, "{count} tokens are wanted, and there are {sets:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What kinds of events these tokens have, in the order of the alphabet.
fn kinds(sets: &BTreeMap<String, Value>) -> Vec<String> {
    let kind = |claims: &Value| claims["events"].as_object().unwrap().keys().next().unwrap().clone();
    let mut kinds: Vec<String> = sets.values().map(kind).collect();
    kinds.sort();
    kinds
}
fn own_type(kind: &str) -> String {
    format!("{ISSUER}/events/{kind}")
}
fn me() -> String {
    format!("staff:{}", renkei_core::admin::uid_name::name(rustix::process::getuid().as_raw()))
}
/// What the audit record says of streams: who did what, and its detail.
async fn record(w: &Town) -> Vec<(String, String, Value)> {
    let said = w.staff(&["audit", "export"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    let records = said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |v: &Value| v.as_str().unwrap().to_owned();
    let all = records.map(|r| (word(&r["actor"]), word(&r["action"]), r["detail"].clone()));
    all.filter(|r| r.1.starts_with("stream.") || r.1.starts_with("staff.")).collect()
}
async fn shown(w: &Town, id: &str) -> Value {
    w.staff(&["--json", "stream", "show", id]).await.json()
}

async fn a_look_shows_everything_but_the_secret_header(w: &Town) {
    assert_eq!(w.staff(&["stream", "list"]).await.out, "there is no stream\n");
    assert_eq!(w.staff(&["--json", "stream", "list"]).await.json(), json!({"streams": [], "more": false}));
    let receiver = Receiver::registered(w).await;
    let endpoint = "http://localhost:1/events/renkei";
    let delivery = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": endpoint, "authorization_header": HEADER});
    let pushed = receiver.stream(delivery).await;
    let polled = receiver.polled().await;
    w.suspend_by_staff("kakeibo").await;
    receiver.poll_until(&polled, 1).await;
    // Nobody listens there.
    let until = Instant::now() + Duration::from_secs(20);
    while shown(w, &pushed).await["failing_since"].is_null() {
        assert!(Instant::now() < until, "the endpoint is never tried");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = record(w).await;
    let listed = w.staff(&["--json", "stream", "list"]).await.json();
    let of = |id: &str| listed["streams"].as_array().unwrap().iter().find(|s| s["stream_id"] == id).unwrap().clone();
    let push = of(&pushed);
    for (name, want) in [
        ("client_id", json!("core-desk")),
        ("method", json!("push")),
        ("status", json!("enabled")),
        ("stopped_by", Value::Null),
        ("failing_since", json!("2026-11-25T01:15:00.000Z")),
        ("attempts", json!(1)),
        ("tokens_open", json!(1)),
        ("polled_at", Value::Null),
    ] {
        assert_eq!(push[name], want, "{name} of {push}");
    }
    assert!(push["events_waiting"].as_i64().unwrap() > 0, "what happened since waits for the verification: {push}");
    assert!(push["trouble"].as_str().is_some_and(|why| !why.is_empty()), "{push}");
    let poll = of(&polled);
    for (name, want) in [
        ("method", json!("poll")),
        ("failing_since", Value::Null),
        ("events_waiting", json!(0)),
        ("tokens_open", json!(1)),
        ("polled_at", json!("2026-11-25T01:15:00.000Z")),
    ] {
        assert_eq!(poll[name], want, "{name} of {poll}");
    }

    let push = shown(w, &pushed).await;
    for (name, want) in [
        ("endpoint", json!(endpoint)),
        ("verified", json!(false)),
        ("description", json!("two\nlines")),
        ("dead_letters", json!([])),
        ("more_open_tokens", json!(false)),
    ] {
        assert_eq!(push[name], want, "{name} of {push}");
    }
    assert_eq!(push["events_requested"][0], own_type("client.suspended"));
    let verification = &push["open_tokens"][0];
    assert_eq!((&verification["part"], &verification["position"]), (&json!("verification"), &Value::Null));
    let poll = shown(w, &polled).await;
    assert_eq!((&poll["endpoint"], &poll["verified"]), (&Value::Null, &json!(true)));
    let open = &poll["open_tokens"][0];
    assert_eq!((&open["part"], &open["since"]), (&json!("own"), &json!("2026-11-25T01:15:00.000Z")));
    assert!(open["position"].as_i64().unwrap() > 0 && open["event"].is_string(), "{open}");

    // For people: a table with the same facts, a receiver's words on one line.
    let text = w.staff(&["stream", "list"]).await.out;
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().any(|l| l.starts_with(&pushed) && l.contains("  core-desk  push    enabled")), "{text}");
    let text = w.staff(&["stream", "show", &pushed]).await.out;
    for words in [endpoint, "two lines", "still tried:", "  verification  "] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(!text.contains("refused by the receiver:"), "{text}");
    for args in [["stream", "list", "--json"].as_slice(), &["stream", "show", &pushed, "--json"]] {
        for args in [args, &args[..args.len() - 1]] {
            let said = w.staff(args).await;
            assert_eq!(said.status, 0, "{said:?}");
            let text = format!("{said:?}");
            assert!(!text.contains("nobody-may-read") && !text.contains("authorization"), "{text}");
        }
    }
    w.staff(&["--json", "stream", "show", "nobody"]).await.refused(1, "{\"error\":\"there is no stream nobody\"}");
    w.staff(&["stream", "show", "a b"]).await.refused(2, "this is no stream id");
    let looks = |r: &&(String, String, Value)| r.1 != "staff.audit.exported";
    let after = record(w).await;
    assert!(after.iter().filter(looks).eq(before.iter().filter(looks)), "a look is not recorded");
}

async fn events_of_others_are_not_counted_and_not_replayed(w: &Town) {
    w.register(json!({
        "client_id": "partner", "client_name": "パートナー", "profile": "oidc", "scope": "openid ssf.manage",
        "grant_types": ["authorization_code", "client_credentials"], "redirect_uris": ["https://partner.example/cb"],
        "token_endpoint_auth_method": "client_secret_basic", "client_secret": "core-desk-secret",
    }))
    .await;
    let (institution, partner) = (Receiver::registered(w).await, Receiver::of(w, "partner").await);
    let (all, id) = (institution.polled().await, partner.polled().await);
    w.suspend_by_staff("kakeibo").await;
    institution.poll_until(&all, 1).await;
    assert_eq!(partner.poll(&id, json!({})).await, BTreeMap::new());
    assert_eq!(shown(w, &id).await["events_waiting"], 0);
    let said = w.staff(&["stream", "replay", &id, "--since", "2026-11-25"]).await;
    said.refused(1, "there is no event for this stream since 2026-11-25 00:00:00 JST");
    let event = w.text("select id from events where kind = 'client.suspended'").await;
    w.staff(&["stream", "replay", &id, "--event", &event]).await.refused(1, "there is no event");
    assert_eq!(w.recorded("stream.replayed").await, 0, "what is refused is not recorded");
    // What it hears itself: the first of it, and all that comes after.
    w.suspend_by_staff("partner").await;
    w.resume_by_staff("partner").await;
    w.resume_by_staff("kakeibo").await;
    institution.poll_until(&all, 4).await;
    // PostgreSQL gives what comes together an order of its own.
    let waiting = shown(w, &id).await["events_waiting"].as_i64().unwrap();
    assert!((2..=3).contains(&waiting), "{waiting}");
    let partner = Receiver::of(w, "partner").await;
    partner.poll_until(&id, 2).await;
    let stream = shown(w, &id).await;
    assert_eq!((&stream["events_waiting"], &stream["tokens_open"]), (&json!(0), &json!(2)));
}

async fn what_staff_has_paused_only_staff_resumes(w: &Town) {
    let receiver = Receiver::registered(w).await;
    let id = receiver.polled().await;
    w.staff(&["stream", "pause", &id]).await.refused(2, "--reason");
    w.staff(&["stream", "pause", &id, "--reason", " "]).await.refused(2, "reason");
    w.staff(&["stream", "pause", "nobody", "--reason", "maintenance"]).await.refused(1, "there is no stream nobody");
    w.staff(&["stream", "resume", "nobody"]).await.refused(1, "there is no stream nobody");
    w.staff(&["stream", "resume", &id]).await.refused(1, "is enabled already");
    let said = w.staff(&["stream", "pause", &id, "--reason", "障害の調査"]).await;
    assert_eq!((said.status, said.out), (0, format!("{id} of core-desk: paused\n")));
    w.staff(&["stream", "pause", &id, "--reason", "again"]).await.refused(1, "is paused by staff already");

    for status in ["enabled", "disabled", "paused"] {
        receiver.set_status(&id, status).await.expect(403);
    }
    let status = receiver.send("GET", &format!("/ssf/status?stream_id={id}"), &json!({})).await.expect(200).json();
    assert_eq!((&status["status"], &status["reason"]), (&json!("paused"), &json!("障害の調査")));
    let text = w.staff(&["stream", "list"]).await.out;
    assert!(text.contains("  paused by staff  ") && text.contains("障害の調査"), "{text}");
    w.suspend_by_staff("kakeibo").await;
    assert_eq!(receiver.poll(&id, json!({})).await, BTreeMap::new(), "it holds what comes");

    let said = w.staff(&["stream", "resume", &id]).await;
    assert_eq!((said.status, said.out), (0, format!("{id} of core-desk: enabled\n")));
    let sets = receiver.poll_until(&id, 2).await;
    assert_eq!(kinds(&sets), [own_type("client.suspended"), STREAM_UPDATED.to_owned()]);
    let updated = sets.values().find(|c| c["events"][STREAM_UPDATED].is_object()).unwrap();
    assert_eq!(updated["events"][STREAM_UPDATED], json!({"status": "enabled"}));
    assert_eq!(shown(w, &id).await["open_tokens"][0]["part"], "stream-updated", "it is sent first");
    receiver.poll(&id, json!({"ack": sets.keys().collect::<Vec<_>>()})).await;

    // Staff may take over what the receiver paused, and it may let it go on: the receiver did neither.
    receiver.set_status(&id, "paused").await.expect(200);
    let text = w.staff(&["stream", "list"]).await.out;
    assert!(text.contains("  paused by receiver  ") && text.contains("the receiver rests"), "{text}");
    w.staff(&["stream", "resume", &id]).await.refused(0, "");
    assert_eq!(kinds(&receiver.poll_until(&id, 1).await), [STREAM_UPDATED]);
    receiver.set_status(&id, "paused").await.expect(200);
    let paused = w.staff(&["--json", "stream", "pause", &id, "--reason", "移行のため"]).await.json();
    assert_eq!(paused, json!({"stream_id": id, "client_id": "core-desk", "status": "paused"}));
    receiver.set_status(&id, "enabled").await.expect(403);

    // On PostgreSQL, records of one moment have no order.
    let mine = record(w).await.into_iter().filter(|r| r.0 == me() && r.1.starts_with("stream."));
    let mut mine: Vec<_> = mine.map(|r| (r.1, r.2["reason"].clone(), r.2["stream"].clone())).collect();
    mine.sort_by_key(|r| (r.0.clone(), r.1.to_string()));
    let of = |action: &str, reason: Value| (action.to_owned(), reason, json!(id));
    let enabled = of("stream.enabled", Value::Null);
    let paused = [of("stream.paused", json!("移行のため")), of("stream.paused", json!("障害の調査"))];
    assert_eq!(mine, [&[enabled.clone(), enabled], paused.as_slice()].concat());
}

async fn a_disabled_stream_never_sends_what_it_missed(w: &Town) {
    let receiver = Receiver::registered(w).await;
    let (id, other) = (receiver.polled().await, receiver.polled().await);
    receiver.set_status(&id, "disabled").await.expect(200);
    w.suspend_by_staff("kakeibo").await;
    receiver.poll_until(&other, 1).await;
    assert_eq!(shown(w, &id).await["events_waiting"], 0, "it waits for nothing");
    let disabled = "is disabled: nothing is sent before it is resumed";
    w.staff(&["stream", "test", &id]).await.refused(1, disabled);
    w.staff(&["stream", "replay", &id, "--since", "2026-11-25"]).await.refused(1, disabled);
    // Paused, it holds what comes from then on.
    assert_eq!(w.staff(&["stream", "pause", &id, "--reason", "maintenance"]).await.status, 0);
    w.resume_by_staff("kakeibo").await;
    assert_eq!(w.staff(&["stream", "resume", &id]).await.status, 0);
    let sets = receiver.poll_until(&id, 2).await;
    assert_eq!(kinds(&sets), [own_type("client.resumed"), STREAM_UPDATED.to_owned()]);
}

async fn a_verification_is_sent_on_order(w: &Town) {
    let receiver = Receiver::registered(w).await;
    let id = receiver.polled().await;
    w.staff(&["stream", "test", "nobody"]).await.refused(1, "there is no stream nobody");
    let sent = w.staff(&["--json", "stream", "test", &id]).await.json();
    let sets = receiver.poll_until(&id, 1).await;
    assert_eq!(kinds(&sets), [VERIFICATION]);
    assert!(sets.contains_key(sent["jti"].as_str().unwrap()), "{sent}");
    receiver.poll(&id, json!({"ack": [sent["jti"]]})).await;
    let text = w.staff(&["stream", "test", &id]).await.out;
    assert_eq!(text, format!("{id} of core-desk: a verification will be sent\n"));
    assert_eq!(w.staff(&["stream", "pause", &id, "--reason", "maintenance"]).await.status, 0);
    let text = w.staff(&["stream", "test", &id]).await.out;
    assert_eq!(text, format!("{id} of core-desk: a verification will be sent once the stream is resumed\n"));
    let tested = record(w).await.into_iter().filter(|r| r.0 == me() && r.1 == "stream.tested");
    assert_eq!(tested.count(), 3);
}

async fn a_dead_letter_becomes_open_once_it_is_replayed(w: &Town) {
    let receiver = Receiver::registered(w).await;
    let id = receiver.polled().await;
    w.suspend_by_staff("kakeibo").await;
    let jti = receiver.poll_until(&id, 1).await.into_keys().next().unwrap();
    receiver.poll(&id, json!({"setErrs": {jti.as_str(): {"err": "invalid_key", "description": "…"}}})).await;
    let dead = shown(w, &id).await;
    assert_eq!((&dead["open_tokens"], &dead["dead_letters"][0]["jti"]), (&json!([]), &json!(jti)));
    let letter = &dead["dead_letters"][0];
    assert_eq!(letter["why"], "the receiver answered invalid_key");
    assert_eq!(letter["since"], "2026-11-25T01:15:00.000Z");
    let text = w.staff(&["stream", "show", &id]).await.out;
    assert!(text.contains("refused by the receiver:") && text.contains("the receiver answered invalid_key"), "{text}");
    let event = letter["event"].as_str().unwrap().to_owned();

    w.staff(&["stream", "replay", &id]).await.refused(2, "--event");
    w.staff(&["stream", "replay", &id, "--event", "a b"]).await.refused(2, "this is no event id");
    w.staff(&["stream", "replay", &id, "--event", &event, "--since", "2026-11-25"]).await.refused(2, "--since");
    w.staff(&["stream", "replay", "nobody", "--event", &event]).await.refused(1, "there is no stream nobody");
    w.staff(&["stream", "replay", &id, "--event", "none"]).await.refused(1, "there is no event none for this stream");
    // An event that this stream does not deliver.
    let issued = w.text("select id from events where kind = 'token.issued' and client_id = 'core-desk'").await;
    w.staff(&["stream", "replay", &id, "--event", &issued]).await.refused(1, "for this stream");
    assert_eq!(receiver.poll(&id, json!({})).await.len(), 0, "nothing was done");

    let said = w.staff(&["stream", "replay", &id, "--event", &event]).await;
    let text = format!("{id} of core-desk: event {event} will be sent again\n");
    assert_eq!((said.status, said.out), (0, text), "{}", said.err);
    let open = shown(w, &id).await;
    assert_eq!((&open["open_tokens"][0]["jti"], &open["dead_letters"]), (&json!(jti), &json!([])));
    assert!(receiver.poll_until(&id, 1).await.contains_key(&jti), "under the jti it had");
    let replayed: Vec<_> = record(w).await.into_iter().filter(|r| r.1 == "stream.replayed").collect();
    assert_eq!(replayed, [(me(), "stream.replayed".to_owned(), json!({"stream": id, "event": event}))]);
}

async fn events_since_a_moment_are_replayed_and_nothing_older_is_lost(w: &Town) {
    let receiver = Receiver::registered(w).await;
    let id = receiver.polled().await;
    w.suspend_by_staff("kakeibo").await;
    let old = receiver.poll_until(&id, 1).await.into_keys().next().unwrap();
    w.set_clock("2026-11-25T10:20:00+09:00");
    w.resume_by_staff("kakeibo").await;
    w.suspend_by_staff("creco").await;
    let mut later: Vec<String> = receiver.poll_until(&id, 3).await.into_keys().filter(|jti| *jti != old).collect();
    // One of them is delivered, one is refused; the older one is still open, and so is a verification.
    let refused = later[1].clone();
    receiver.poll(&id, json!({"ack": [later[0]], "setErrs": {refused.as_str(): {"err": "invalid_key"}}})).await;
    let sent = w.staff(&["--json", "stream", "test", &id]).await.json();
    assert_eq!(receiver.poll_until(&id, 2).await.len(), 2);

    let future = w.staff(&["stream", "replay", &id, "--since", "2026-11-26"]).await;
    future.refused(1, "there is no event for this stream since 2026-11-26 00:00:00 JST");
    w.staff(&["stream", "replay", &id, "--since", "yesterday"]).await.refused(2, "2026-11-23");
    let said = w.staff(&["stream", "replay", &id, "--since", "2026-11-25T10:20:00+09:00"]).await;
    let text = format!("{id} of core-desk: the events since 2026-11-25 10:20:00 JST will be sent again\n");
    assert_eq!((said.status, said.out), (0, text), "{}", said.err);
    let sets = receiver.poll_until(&id, 4).await;
    later.extend([old, sent["jti"].as_str().unwrap().to_owned()]);
    later.sort();
    assert_eq!(sets.into_keys().collect::<Vec<_>>(), later);
    assert_eq!(shown(w, &id).await["dead_letters"], json!([]), "what was refused is tried again, too");
    let replayed: Vec<_> = record(w).await.into_iter().filter(|r| r.1 == "stream.replayed").collect();
    let detail = json!({"stream": id, "since": "2026-11-25T01:20:00.000Z"});
    assert_eq!(replayed, [(me(), "stream.replayed".to_owned(), detail)]);
}

/// Positions follow the commits, and neither the ids nor quite the times.
async fn the_first_event_since_a_moment_is_found_whatever_its_id(test_store: TestStore) {
    let store = test_store.open();
    let moment = renkei_core::clock::Instant::from_millis;
    for (id, at) in [("d", 1000), ("c", 2001), ("b", 2000), ("a", 2000), ("e", 1999)] {
        let emit = move |tx: &mut renkei_core::store::Tx<'_, '_>| {
            let id = EventId::parse(id).unwrap();
            event::emit(tx, &Event::of_client(id, moment(at), EventKind::ClientChanged, None))?;
            event::assign_positions(tx, moment(at), 10).map(drop)
        };
        store.write(emit).await.unwrap();
    }
    for (from, want) in [(0, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 2), (2002, 6)] {
        let found = store.read(move |tx| event::since_position(tx, moment(from))).await.unwrap();
        assert_eq!(found, want, "since {from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_command_opens_the_store_itself() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let w = Town::start(engine, |_| {}).await;
        let receiver = Receiver::registered(&w).await;
        let id = receiver.polled().await;
        w.suspend_by_staff("kakeibo").await;
        let jti = receiver.poll_until(&id, 1).await.into_keys().next().unwrap();
        let event = shown(&w, &id).await["open_tokens"][0]["event"].as_str().unwrap().to_owned();
        receiver.poll(&id, json!({"ack": [jti]})).await;
        let left = w.leave().await;
        let listed = left.staff(&["--json", "stream", "list"]).await.json();
        assert_eq!(listed["streams"][0]["stream_id"], id);
        assert_eq!(left.staff(&["stream", "pause", &id, "--reason", "maintenance"]).await.status, 0);
        let replayed = left.staff(&["stream", "replay", &id, "--event", &event]).await;
        let text = format!("{id} of core-desk: event {event} will be sent again once the stream is resumed\n");
        assert_eq!((replayed.status, replayed.out), (0, text), "{}", replayed.err);
        assert_eq!(left.staff(&["--json", "stream", "show", &id]).await.json()["open_tokens"][0]["jti"], jti);
        if engine == Engine::Sqlite {
            // A demo: its port, and so the names of its events, is not known before it runs.
            let data = &left.config.server.data_dir;
            let key = data.join("master.key");
            std::fs::copy(&left.config.server.master_key_file, &key).unwrap();
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_renkei"));
            command.args(["stream", "replay", &id, "--event", &event, "--data"]).arg(data);
            said(command).await.refused(1, "a demo replays events only while it runs");
        }
    }
}
