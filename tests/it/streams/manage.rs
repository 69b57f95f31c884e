//! The endpoints of a stream (SSF 1.0 §7, §8.1; the modules of the OpenID suite for transmitters, in our words).

use super::{POLL, PUSH, Receiver, app, institution, record, resource_server, text, token};
use crate::support::http::RequestParts;
use crate::support::town::{ISSUER, Town, on_both};
use serde_json::json;

on_both!(
    the_metadata_is_complete,
    a_stream_is_created_read_updated_replaced_and_deleted,
    what_is_broken_is_refused,
    only_a_token_for_this_server_is_accepted,
    a_second_client_sees_and_changes_nothing,
    a_status_is_the_receivers_own,
    a_token_for_events_is_active_nowhere_else,
    push_goes_only_where_the_record_allows,
);

async fn the_metadata_is_complete(w: &Town) {
    let m = w.http.get("/.well-known/ssf-configuration").await.expect(200).json();
    assert_eq!(
        (&m["issuer"], &m["spec_version"], &m["default_subjects"]),
        (&json!(ISSUER), &json!("1_0"), &json!("ALL"))
    );
    assert_eq!(m["delivery_methods_supported"], json!([PUSH, POLL]));
    assert_eq!(m["authorization_schemes"], json!([{"spec_urn": "urn:ietf:rfc:6749"}]), "CAEP Interop 2.3.1");
    for name in ["jwks_uri", "configuration_endpoint", "status_endpoint", "verification_endpoint"] {
        assert!(text(&m, name).starts_with(ISSUER), "{name}");
    }
    assert_eq!(m.get("add_subject_endpoint"), None, "a removed subject is a revocation that nobody hears");
    assert_eq!(m.get("remove_subject_endpoint"), None);
    let keys = w.http.get("/oauth/jwks").await.json();
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["alg"] == "RS256"), "CAEP Interop 2.6");
}

async fn a_stream_is_created_read_updated_replaced_and_deleted(w: &Town) {
    let r = app(w, "listener", &["http://127.0.0.1:9/events".to_owned()]).await;
    let revoked = format!("{ISSUER}/events/grant.revoked");
    let body = json!({"delivery": {"method": PUSH, "endpoint_url": "http://127.0.0.1:9/events", "authorization_header": "Bearer hush"},
        "events_requested": [revoked, "https://unknown.example/event"], "description": "first"});
    let made = r.send("POST", "/ssf/streams", Some(body)).await.expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert!(!made.body.contains("hush"), "the header is never shown");
    let made = made.json();
    assert_eq!((&made["iss"], &made["aud"]), (&json!(ISSUER), &json!("listener")));
    assert_eq!(made["events_delivered"], json!([revoked]), "what is asked for and exists");
    assert!(made["events_supported"].as_array().unwrap().len() > 8);
    assert_eq!(made["min_verification_interval"], 10);
    assert_eq!(made.get("inactivity_timeout"), None, "a push stream is not polled");
    let id = text(&made, "stream_id");
    let at = format!("/ssf/streams?stream_id={id}");
    assert_eq!(r.send("GET", &at, None).await.expect(200).json(), made);
    assert_eq!(r.send("GET", "/ssf/streams", None).await.expect(200).json(), json!([made]), "without an id, a list");
    let status = r.send("GET", &format!("/ssf/status?stream_id={id}"), None).await.expect(200).json();
    assert_eq!(status, json!({"stream_id": id, "status": "enabled"}));

    let changed = r.send("PATCH", "/ssf/streams", Some(json!({"stream_id": id, "description": "second"}))).await;
    let changed = changed.expect(200).json();
    assert_eq!((&changed["description"], &changed["events_requested"]), (&json!("second"), &made["events_requested"]));
    let replaced = json!({"stream_id": id, "iss": ISSUER, "aud": "listener", "delivery": {"method": POLL}});
    let replaced = r.send("PUT", "/ssf/streams", Some(replaced)).await.expect(200).json();
    assert_eq!((replaced.get("description"), replaced.get("events_requested")), (None, None), "by default");
    assert_eq!(replaced["events_delivered"], replaced["events_supported"], "everything it may hear");
    assert_eq!(text(&replaced["delivery"], "endpoint_url"), format!("{ISSUER}/ssf/poll/{id}"));
    assert_eq!(replaced["inactivity_timeout"], w.config().events.hold.get().as_secs(), "`events.hold`");

    let second = r.poll_stream().await;
    assert_ne!(second, id);
    let third = r.send("POST", "/ssf/streams", Some(json!({}))).await;
    assert_eq!(third.status, 409, "the record says two");
    r.send("DELETE", &at, None).await.expect(204);
    assert_eq!(r.send("DELETE", &at, None).await.status, 404);
    assert_eq!(r.send("GET", &at, None).await.status, 404);
    let poll = r.send("POST", "/ssf/streams", Some(json!({}))).await.expect(201).json();
    assert_eq!(poll["delivery"]["method"], POLL, "no delivery means poll");
    for (action, n) in [("stream.created", 3), ("stream.changed", 2), ("stream.deleted", 1)] {
        assert_eq!(w.recorded(action).await, n, "{action}");
    }
}

async fn what_is_broken_is_refused(w: &Town) {
    let r = app(w, "listener", &[]).await;
    let id = r.poll_stream().await;
    for (method, path, body) in [
        ("POST", "/ssf/streams", "{"),
        ("POST", "/ssf/streams", "[]"),
        ("POST", "/ssf/streams", r#"{"delivery": "push"}"#),
        ("POST", "/ssf/streams", r#"{"delivery": {"method": "urn:ietf:rfc:8935"}}"#),
        ("POST", "/ssf/streams", r#"{"delivery": {"method": "carrier pigeon"}}"#),
        ("POST", "/ssf/streams", r#"{"events_requested": "all"}"#),
        ("POST", "/ssf/streams", r#"{"events_requested": [1]}"#),
        ("POST", "/ssf/streams", r#"{"iss": "https://other.example"}"#),
        ("POST", "/ssf/streams", r#"{"aud": "another"}"#),
        ("POST", "/ssf/streams", r#"{"stream_id": "mine"}"#),
        ("PATCH", "/ssf/streams", r#"{"description": "no id"}"#),
        ("PUT", "/ssf/streams", "{}"),
        ("POST", "/ssf/status", r#"{"stream_id": "ID", "status": "asleep"}"#),
        ("POST", "/ssf/status", r#"{"status": "paused"}"#),
        ("POST", "/ssf/verify", "{}"),
        ("POST", "/ssf/verify", r#"{"stream_id": "ID", "state": 5}"#),
        ("POST", "/ssf/poll/ID", r#"{"maxEvents": -1}"#),
        ("POST", "/ssf/poll/ID", r#"{"ack": "all"}"#),
        ("POST", "/ssf/poll/ID", r#"{"setErrs": []}"#),
        ("POST", "/ssf/poll/ID", r#"{"returnImmediately": "yes"}"#),
    ] {
        let ask = RequestParts::default().header("authorization", format!("Bearer {}", r.token));
        let ask = ask.json(body.replace("ID", &id));
        w.http.send(method, &path.replace("ID", &id), ask).await.refused(400, "invalid_request");
    }
    let long = "x".repeat(1025);
    for body in [json!({"description": long}), json!({"events_requested": vec!["https://a.example/e"; 65]})] {
        r.send("POST", "/ssf/streams", Some(body)).await.refused(400, "invalid_request");
    }
    r.send("DELETE", "/ssf/streams", None).await.refused(400, "invalid_request");
    for (method, path, body) in [
        ("GET", "/ssf/streams?stream_id=nobody", None),
        ("GET", "/ssf/status?stream_id=%20%20", None),
        ("DELETE", "/ssf/streams?stream_id=nobody", None),
        ("PATCH", "/ssf/streams", Some(json!({"stream_id": "nobody"}))),
        ("PUT", "/ssf/streams", Some(json!({"stream_id": "not an id"}))),
        ("POST", "/ssf/status", Some(json!({"stream_id": "nobody", "status": "paused"}))),
        ("POST", "/ssf/verify", Some(json!({"stream_id": "nobody"}))),
        ("POST", "/ssf/poll/nobody", Some(json!({}))),
    ] {
        assert_eq!(r.send(method, path, body).await.status, 404, "{method} {path}");
    }
    let form = RequestParts::default().header("authorization", format!("Bearer {}", r.token));
    let form = form.form(&[("status".to_owned(), "paused".to_owned())]);
    w.http.send("POST", "/ssf/status", form).await.refused(400, "invalid_request");
    for path in ["/ssf/subjects:add", "/ssf/subjects:remove"] {
        assert_eq!(r.send("POST", path, Some(json!({}))).await.status, 404, "there are no such endpoints");
    }
}

async fn only_a_token_for_this_server_is_accepted(w: &Town) {
    let r = app(w, "listener", &[]).await;
    let id = r.poll_stream().await;
    let endpoints = [
        ("GET", "/ssf/streams".to_owned(), None),
        ("POST", "/ssf/streams".to_owned(), Some(json!({}))),
        ("PATCH", "/ssf/streams".to_owned(), Some(json!({"stream_id": id}))),
        ("PUT", "/ssf/streams".to_owned(), Some(json!({"stream_id": id}))),
        ("DELETE", format!("/ssf/streams?stream_id={id}"), None),
        ("GET", format!("/ssf/status?stream_id={id}"), None),
        ("POST", "/ssf/status".to_owned(), Some(json!({"stream_id": id, "status": "paused"}))),
        ("POST", "/ssf/verify".to_owned(), Some(json!({"stream_id": id}))),
        ("POST", format!("/ssf/poll/{id}"), Some(json!({"returnImmediately": true}))),
    ];
    // A customer's token, for an app that could have the scope.
    let customers = w.link(&r.app, &mut w.browser()).await.access_token;
    let reads = token(&r.app, "ssf.read").await;
    for (method, path, body) in &endpoints {
        let ask = |token: Option<&str>, path: &str| {
            let mut ask = RequestParts::default();
            if let Some(token) = token {
                ask = ask.header("authorization", format!("Bearer {token}"));
            }
            let path = path.to_owned();
            let body = body.clone();
            async move {
                let ask = match body {
                    Some(body) => ask.json(body.to_string()),
                    None => ask,
                };
                w.http.send(method, &path, ask).await
            }
        };
        let none = ask(None, path).await;
        assert_eq!(none.status, 401, "{method} {path}");
        assert!(none.header("www-authenticate").is_some());
        let join = if path.contains('?') { "&" } else { "?" };
        let query = ask(None, &format!("{path}{join}access_token={}", r.token)).await;
        assert!([400, 401].contains(&query.status), "{method} {path}: a token in the query, {}", query.status);
        let wrong = ask(Some("rk_at_junk"), path).await;
        assert_eq!(wrong.status, 401, "{method} {path}");
        assert!(wrong.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
        let customers = ask(Some(&customers), path).await;
        assert!([401, 403].contains(&customers.status), "{method} {path}: a customer's token");
        if *method != "GET" && !path.starts_with("/ssf/poll") {
            let short = ask(Some(&reads), path).await;
            assert_eq!(short.status, 403, "{method} {path}: ssf.read is not enough");
            assert!(short.header("www-authenticate").unwrap().contains("insufficient_scope"));
        }
    }
    let reader = Receiver { token: reads, ..r };
    assert_eq!(reader.send("GET", "/ssf/streams", None).await.status, 200);
    assert!(reader.poll(&id, &[]).await.len() < 9, "whoever reads may poll");
}

async fn a_second_client_sees_and_changes_nothing(w: &Town) {
    let (a, b) = (app(w, "a", &[]).await, app(w, "b", &[]).await);
    let id = a.poll_stream().await;
    assert_eq!(b.send("GET", "/ssf/streams", None).await.json(), json!([]));
    for (method, path, body) in [
        ("GET", format!("/ssf/streams?stream_id={id}"), None),
        ("DELETE", format!("/ssf/streams?stream_id={id}"), None),
        ("GET", format!("/ssf/status?stream_id={id}"), None),
        ("PATCH", "/ssf/streams".to_owned(), Some(json!({"stream_id": id}))),
        ("POST", "/ssf/status".to_owned(), Some(json!({"stream_id": id, "status": "disabled"}))),
        ("POST", "/ssf/verify".to_owned(), Some(json!({"stream_id": id}))),
        ("POST", format!("/ssf/poll/{id}"), Some(json!({"returnImmediately": true}))),
    ] {
        assert_eq!(b.send(method, &path, body).await.status, 404, "{method} {path}");
    }
    assert_eq!(a.send("GET", &format!("/ssf/status?stream_id={id}"), None).await.json()["status"], "enabled");
}

async fn a_status_is_the_receivers_own(w: &Town) {
    let r = app(w, "listener", &[]).await;
    let id = r.poll_stream().await;
    let asked = json!({"stream_id": id, "status": "paused", "reason": "maintenance"});
    let paused = r.send("POST", "/ssf/status", Some(asked)).await.expect(200).json();
    assert_eq!(paused, json!({"stream_id": id, "status": "paused", "reason": "maintenance"}));
    assert_eq!(r.status(&id, "enabled").await.expect(200).json()["status"], "enabled");
    assert!(r.drain(&id).await.is_empty(), "it asked for that itself, and is not told");
    assert_eq!(r.status(&id, "disabled").await.expect(200).json()["status"], "disabled");
    for (action, n) in [("stream.paused", 1), ("stream.enabled", 1), ("stream.disabled", 1)] {
        assert_eq!(w.recorded(action).await, n, "{action}");
    }
    // A suspended client learns it at the token endpoint, and its token opens nothing.
    w.suspend_by_staff("listener").await;
    assert_eq!(r.status(&id, "enabled").await.status, 401);
    w.resume_by_staff("listener").await;
    assert_eq!(r.status(&id, "enabled").await.status, 200);
}

async fn a_token_for_events_is_active_nowhere_else(w: &Town) {
    let r = app(w, "listener", &[]).await;
    let api = w.accounts_api();
    assert_eq!(api.introspect(&r.token).await, json!({"active": false}), "the account API is not its audience");
    assert_eq!(r.app.introspect(&r.token).await["aud"], ISSUER);
    // The institution's receiver reads events and does nothing else.
    let bank = institution(w).await;
    assert_eq!(bank.send("GET", "/ssf/streams", None).await.status, 200);
    let customers = w.link(&w.kakeibo(), &mut w.browser()).await.access_token;
    assert_eq!(bank.app.introspect(&customers).await, json!({"active": false}));
    let asks = [("grant_type", "authorization_code"), ("code", "x")];
    bank.app.post("/oauth/token", &asks, false).await.refused(400, "unauthorized_client");
    let server = resource_server(w, "balances").await;
    assert_eq!(server.send("GET", "/ssf/streams", None).await.status, 200);
}

async fn push_goes_only_where_the_record_allows(w: &Town) {
    let more = json!({"events": {"endpoints": ["https://app.example/hooks/renkei"]}});
    let r = Receiver::of(w, record(w, "listener", more).await, "ssf.read ssf.manage").await;
    for url in [
        "http://app.example/hooks/renkei",
        "https://app.example.evil.example/hooks/renkei",
        "https://app.example@evil.example/hooks/renkei",
        "https://evil.example/hooks/renkei",
        "https://app.example:8443/hooks/renkei",
        "https://app.example/hooks/renkei2",
        "https://app.example/hooks",
        "https://app.example/",
        "https://app.example/hooks/renkei/../../admin",
        "https://app.example/hooks/renkei/%2e%2e/admin",
        "https://app.example/hooks/renkei/..%2fadmin",
        "https://app.example/hooks/renkei%2f..%2fadmin",
        "https://app.example/hooks/renkei/%2E%2E%5cadmin",
        "https://app.example/hooks/renkei#top",
        "https://user:word@app.example/hooks/renkei",
        "https://APP.example/hooks/renkei",
        "https://app.example:443/hooks/renkei",
        "https://app.example\\@evil.example/hooks/renkei",
        "https:app.example/hooks/renkei",
        "https://app.example/hooks/renkei//admin",
        "https://app.example/hooks/renkei;x=/../..",
        "https://xn--pp-eka.example/hooks/renkei",
        "javascript:alert(1)",
        " https://app.example/hooks/renkei",
        "",
    ] {
        let delivery = json!({"method": PUSH, "endpoint_url": url});
        let answer = r.send("POST", "/ssf/streams", Some(json!({ "delivery": delivery }))).await;
        assert_eq!(answer.status, 400, "{url}");
    }
    for url in ["https://app.example/hooks/renkei", "https://app.example/hooks/renkei/one?tenant=2"] {
        let made = r.create(json!({"method": PUSH, "endpoint_url": url})).await;
        assert_eq!(made["delivery"]["endpoint_url"], url);
        let id = text(&made, "stream_id");
        r.send("DELETE", &format!("/ssf/streams?stream_id={id}"), None).await.expect(204);
    }
    for header in ["", " x", "a\r\nb: c", "ä", &"x".repeat(2001)] {
        let delivery = json!({"method": PUSH, "endpoint_url": "https://app.example/hooks/renkei",
            "authorization_header": header});
        r.send("POST", "/ssf/streams", Some(json!({ "delivery": delivery }))).await.refused(400, "invalid_request");
    }
}
