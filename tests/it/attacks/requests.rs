//! The shape of a request as a weapon: parameters twice, bodies of another kind, too long, too deep, too many, other
//! methods, other hosts, two lengths, and lines for the log.

use super::{on_sqlite, raw};
use crate::serve::{ServeFolder, terminate};
use crate::support::app::basic;
use crate::support::http::{RequestParts, encode};
use crate::support::town::Town;
use crate::tokens::{allowed, linked};
use std::io::Read;

on_sqlite!(
    a_parameter_counts_once_and_from_one_place,
    what_is_too_long_too_deep_or_too_many_is_refused,
    only_a_form_is_read_as_a_form,
    a_method_is_what_it_is,
    no_name_we_are_called_by_is_repeated,
    a_request_has_one_length,
    no_other_protocol_is_spoken,
);

/// The endpoints that take a client's form.
const ENDPOINTS: [&str; 4] = ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"];

async fn a_parameter_counts_once_and_from_one_place(w: &Town) {
    let app = w.kakeibo();
    let token = linked(w, &app, "openid accounts").await["access_token"].as_str().unwrap().to_owned();
    let (pending, code) = allowed(w, &app, "accounts").await;
    let whole = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", pending.verifier.as_str()),
    ];
    let auth = basic("kakeibo", "kakeibo-secret");
    let send = async |url: &str, body: &str| {
        let mut ask = RequestParts::default().header("authorization", auth.clone());
        ask.body = Some(("application/x-www-form-urlencoded".into(), body.into()));
        w.http.send("POST", url, ask).await
    };
    // Each of them twice: the same value, another, an empty one, before and behind, its name encoded.
    for (name, value) in whole {
        for again in [value, "", "x"] {
            let twice = format!("{}&{}", encode(&whole), encode(&[(name, again)]));
            send("/oauth/token", &twice).await.refused(400, "invalid_request");
            let before = format!("{}&{}", encode(&[(name, again)]), encode(&whole));
            send("/oauth/token", &before).await.refused(400, "invalid_request");
        }
        let encoded: String = name.bytes().map(|b| format!("%{b:02x}")).collect();
        send("/oauth/token", &format!("{}&{encoded}=x", encode(&whole))).await.refused(400, "invalid_request");
    }
    // In the query it is not there at all; nor does a query change what the body says.
    // (A client with PKCE may leave the redirect_uri out: OAuth 2.1 §4.1.3.)
    for (name, _) in whole.into_iter().filter(|(n, _)| *n != "redirect_uri") {
        let rest: Vec<_> = whole.into_iter().filter(|(n, _)| *n != name).collect();
        let one: Vec<_> = whole.into_iter().filter(|(n, _)| *n == name).collect();
        let answer = send(&format!("/oauth/token?{}", encode(&one)), &encode(&rest)).await;
        assert_eq!(answer.status, 400, "{name} in the query");
    }
    // Separators and brackets that other readers know.
    for body in
        [encode(&whole).replace('&', ";"), encode(&whole).replace("code=", "code[]="), format!("?{}", encode(&whole))]
    {
        assert_eq!(send("/oauth/token", &body).await.status, 400, "{body}");
    }
    let answer = send("/oauth/token?code=x&grant_type=refresh_token&client_id=creco", &encode(&whole)).await;
    assert_eq!(answer.expect(200).json()["token_type"], "Bearer", "the body alone was read");
    // The same at the browser's door, each parameter of a request.
    let (_, fields) = app.request("openid accounts");
    for (name, value) in &fields {
        for (url, body) in [(encode(&fields), None), (String::new(), Some(encode(&fields)))] {
            let more = encode(&[(*name, value.as_str())]);
            let answer = match body {
                None => w.http.get(&format!("/oauth/authorize?{url}&{more}")).await,
                Some(body) => send("/oauth/authorize", &format!("{body}&{more}")).await,
            };
            if ["client_id", "redirect_uri"].contains(name) {
                super::stays_here(&answer, name);
                continue;
            }
            let state = fields.iter().find(|(n, _)| *n == "state").map(|(_, v)| v.as_str());
            super::goes_back(&answer, &app, state.filter(|_| *name != "state"), name);
        }
    }
    // Where client or address are in doubt, or were pushed, nobody hears of it but the customer.
    let (twice, pushed) = (encode(&[("state", "x"), ("state", "y")]), w.creco().push("openid accounts").await.url);
    for (query, why) in [
        (encode(&fields).replace("client_id=kakeibo", "client_id=nobody"), "an unknown client"),
        (
            encode(&fields).replace("redirect_uri=", "redirect_uri=https%3A%2F%2Fevil.example%2F&x="),
            "a foreign address",
        ),
        (encode(&fields).replace("redirect_uri=", "x="), "no address"),
        (format!("{}&request_uri=urn%3Ax", encode(&fields)), "a request that was pushed"),
        (
            format!("{}&{}", encode(&fields), encode(&[("request_uri", "urn:x"), ("request_uri", "urn:y")])),
            "two pushed",
        ),
    ] {
        super::stays_here(&w.http.get(&format!("/oauth/authorize?{query}&{twice}")).await, why);
    }
    let pushed = pushed.strip_prefix(&w.http.issuer).unwrap_or(&pushed);
    super::stays_here(&w.http.get(&format!("{pushed}&{twice}")).await, "beside a pushed request");
    w.http.get(pushed).await.expect(303);
    let (half, rest) = fields.split_at(3);
    let answer = send(&format!("/oauth/authorize?{}", encode(half)), &encode(rest)).await;
    super::stays_here(&answer, "half in the query, half in the body");
    let answer = w.http.get(&format!("/oauth/authorize?{}&token={token}", encode(&fields))).await;
    assert_eq!(answer.status, 303, "what nobody knows disturbs nothing");
}

async fn what_is_too_long_too_deep_or_too_many_is_refused(w: &Town) {
    let app = w.kakeibo();
    let auth = basic("kakeibo", "kakeibo-secret");
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    let (_, fields) = app.request("accounts");
    let form = |more: &[(&str, String)]| format!("{}&{}", encode(&fields), encode(more));
    let bodies = [
        ("a long value", form(&[("state", "s".repeat(60_000))])),
        ("a body longer than any form", form(&[("x", "x".repeat(70_000))])),
        ("many parameters", (0..5_000).map(|i| format!("p{i}=1&")).collect()),
        ("a deep detail", form(&[("authorization_details", deep(20_000))])),
        ("a deep detail within an object", form(&[("authorization_details", format!("[{}]", objects(3_000)))])),
        ("long details", form(&[("authorization_details", format!("[{{\"type\":\"{}\"}}]", "t".repeat(20_000)))])),
        ("many words", form(&[("scope", "a ".repeat(20_000))])),
        ("a long redirect_uri", encode(&[("redirect_uri", "https://a.example/".repeat(3_000))])),
        ("a long code_challenge", form(&[("code_challenge", "c".repeat(50_000))])),
        ("a long dpop_jkt", form(&[("dpop_jkt", "c".repeat(50_000))])),
        ("deep claims", form(&[("claims", objects(5_000))])),
        ("a long request object", form(&[("request", format!("{}.e30.AA", "e".repeat(60_000)))])),
    ];
    for (why, body) in bodies {
        let mut ask = RequestParts::default().header("authorization", auth.clone());
        ask.body = Some(("application/x-www-form-urlencoded".into(), body));
        let answer = w.http.send("POST", "/oauth/par", ask).await;
        let told = answer.body.len();
        assert!((400..=413).contains(&answer.status) && told < 1_000, "{why}: {} {}", answer.status, answer.body);
    }
    // Tokens of every kind, too long and too deep, signed by nobody.
    let b64 = |text: &str| crate::support::jws::b64(text);
    let header = r#"{"alg":"ES256","typ":"dpop+jwt","jwk":{}}"#;
    for (why, token) in [
        ("a long token", format!("{}.{}.AAAA", b64(header), b64(&"x".repeat(12_000)))),
        ("a deep payload", format!("{}.{}.AAAA", b64(header), b64(&objects(1_500)))),
        ("a deep header", format!("{}.e30.AAAA", b64(&format!(r#"{{"alg":"ES256","jwk":{}}}"#, objects(1_500))))),
        ("many dots", ".".repeat(5_000)),
    ] {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let form =
            [("client_assertion_type".to_owned(), kind.to_owned()), ("client_assertion".to_owned(), token.clone())];
        w.http.send("POST", "/oauth/token", RequestParts::default().form(&form)).await.refused(401, "invalid_client");
        let (ask, form) = (
            RequestParts::default().header("authorization", auth.clone()).header("dpop", token),
            [("grant_type".to_owned(), "authorization_code".to_owned())],
        );
        let answer = w.http.send("POST", "/oauth/token", ask.form(&form)).await;
        assert!(matches!(answer.status, 400 | 431), "{why}: {} {}", answer.status, answer.body);
    }
    // Headers and addresses.
    for (name, begins, times) in [("cookie", "c", 100_000), ("authorization", "Basic A", 100_000), ("x", "y", 200_000)]
    {
        let request = format!(
            "GET /oauth/authorize HTTP/1.1\r\nhost: link.renkei.test\r\nconnection: close\r\n{name}: {begins}{}\r\n\r\n",
            "x".repeat(times)
        );
        let answer = raw(w, request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {}", &answer[..answer.len().min(60)]);
    }
    let request = format!(
        "GET /oauth/authorize?{} HTTP/1.1\r\nhost: link.renkei.test\r\nconnection: close\r\n\r\n",
        "a=1&".repeat(50_000)
    );
    let answer = raw(w, request.as_bytes()).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "a long address: {}",
        &answer[..answer.len().min(60)]
    );
    for (body, why) in [(deep(2_000), "deep"), (objects(700), "deep objects"), ("x".repeat(5_000), "long")] {
        let answer = w.phone.send(&body, &[]).await;
        assert!(matches!(answer.status, 401 | 413), "a hook's body: {why}: {}", answer.status);
    }
    w.http.get("/healthz").await.expect(200);
    assert!(
        app.ask_directly("accounts").url.len() > 10 && w.http.get("/readyz").await.status == 200,
        "nothing of it hurt"
    );
}

async fn only_a_form_is_read_as_a_form(w: &Town) {
    let auth = basic("accounts-api", "accounts-api-secret");
    for path in ENDPOINTS {
        for (kind, body) in [
            ("application/json", r#"{"token":"x","grant_type":"authorization_code"}"#),
            ("text/plain", "token=x"),
            (
                "multipart/form-data; boundary=b",
                "--b\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\nx\r\n--b--",
            ),
            ("application/x-www-form-urlencoded-not", "token=x"),
            ("text/html; application/x-www-form-urlencoded", "token=x"),
            ("application/jwt", "a.b.c"),
            ("", "token=x"),
        ] {
            let mut ask = RequestParts::default().header("authorization", auth.clone());
            ask.body = Some((kind.into(), body.into()));
            w.http.send("POST", path, ask).await.refused(400, "invalid_request");
        }
    }
    // What an API answers is nothing a browser would run.
    let answer =
        w.http.send("POST", "/oauth/token", RequestParts::default().form(&[("<script>".into(), "x".into())])).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let answer = w.http.get("/oauth/authorize?client_id=%3Cscript%3Ealert(1)%3C%2Fscript%3E&x=%22%3E%3Cimg%3E").await;
    assert!(!answer.body.contains("<script>alert") && !answer.body.contains("<img>"), "{}", answer.body);
}

async fn a_method_is_what_it_is(w: &Town) {
    let token = linked(w, &w.kakeibo(), "accounts").await["access_token"].as_str().unwrap().to_owned();
    let auth = basic("kakeibo", "kakeibo-secret");
    for path in ENDPOINTS {
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post"] {
            let answer = w
                .http
                .send(
                    method,
                    &format!("{path}?token={token}"),
                    RequestParts::default().header("authorization", auth.clone()),
                )
                .await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("access-control-allow-origin").is_none(), "no other site may read: {path}");
            assert!(!answer.body.contains(&token), "nothing is echoed");
        }
    }
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let ask = RequestParts::default().header(name, "POST").header("authorization", auth.clone());
        assert_eq!(w.http.send("GET", &format!("/oauth/revoke?token={token}"), ask).await.status, 405, "{name}");
        let ask = RequestParts::default().header(name, "GET").form(&[("_method".into(), "GET".into())]);
        assert_eq!(w.http.send("POST", "/oauth/revoke", ask).await.status, 401, "{name}: still a POST");
    }
    assert_eq!(w.accounts_api().introspect(&token).await["active"], true);
}

async fn no_name_we_are_called_by_is_repeated(w: &Town) {
    let own = w.http.get("/.well-known/openid-configuration").await.expect(200).body;
    let url = w.kakeibo().ask_directly("accounts").url;
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "666"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-url", "/oauth/jwks"),
        ("x-rewrite-url", "/oauth/jwks"),
        ("x-host", "evil.example"),
        ("origin", "https://evil.example"),
    ] {
        let answer =
            w.http.send("GET", "/.well-known/openid-configuration", RequestParts::default().header(name, value)).await;
        assert_eq!(answer.body, own, "{name}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{name}: any origin, so none is named");
        let answer = w.http.send("GET", &url, RequestParts::default().header(name, value)).await.expect(303);
        assert!(answer.location().starts_with("/link/"), "{name}: {}", answer.location());
    }
    for host in [
        "evil.example",
        "link.renkei.test.evil.example",
        "link.renkei.test@evil.example",
        "evil.example#link.renkei.test",
    ] {
        let request =
            format!("GET /.well-known/openid-configuration HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = raw(w, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains("evil"), "{host}: {answer}");
    }
    let answer = raw(w, b"GET http://evil.example/.well-known/openid-configuration HTTP/1.1\r\nhost: link.renkei.test\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 ") && !answer.contains("evil"), "{answer}");
}

/// Two lengths are two requests to two readers: a proxy in front and us.
async fn a_request_has_one_length(w: &Town) {
    let head =
        "POST /oauth/token HTTP/1.1\r\nhost: link.renkei.test\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    for (more, why) in [
        ("content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "a length and chunks"),
        ("content-length: 3\r\ncontent-length: 30\r\n\r\na=1", "two lengths"),
        ("content-length: 3, 30\r\n\r\na=1", "two lengths in one"),
        ("content-length: +3\r\n\r\na=1", "a sign"),
        ("content-length: 3\r\n : x\r\n\r\na=1", "a name of nothing"),
        ("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", "chunks within something"),
        ("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", "no such coding"),
        ("content-length : 3\r\n\r\na=1", "a space before the colon"),
    ] {
        let request =
            format!("{head}{more}GET /healthz HTTP/1.1\r\nhost: link.renkei.test\r\nconnection: close\r\n\r\n");
        let answer = raw(w, request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{why}: {answer}");
        assert!(!answer.contains("HTTP/1.1 200"), "{why}: what followed was a request of its own: {answer}");
    }
}

/// HTTP/2 without TLS, begun at once (RFC 9113 §3.3) or by an upgrade: neither is spoken.
async fn no_other_protocol_is_spoken(w: &Town) {
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let answer = raw(w, &[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    let upgrade = "GET /healthz HTTP/1.1\r\nhost: link.renkei.test\r\nconnection: upgrade, http2-settings, close\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = raw(w, upgrade.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer:?}");
}

/// What somebody outside writes stays within one line of one JSON document, and is not read by a terminal.
#[tokio::test]
async fn nothing_from_outside_begins_a_line_in_the_log() {
    let test_store = ServeFolder::new();
    let mut child = test_store.start();
    let client = test_store.client();
    let evil = "%0d%0a%7b%22level%22%3a%22ERROR%22%2c%22forged%22%3atrue%7d%0a%1b%5b31m%e2%80%a8%22%5c";
    for url in [
        format!("/oauth/authorize?client_id={evil}"),
        format!("/oauth/authorize?client_id=x&state={evil}&redirect_uri={evil}"),
        format!("/oauth/authorize?{evil}=1&{evil}=2"),
        format!("/link/{evil}/{evil}"),
        format!("/{evil}"),
        format!("/assets/{evil}"),
    ] {
        let agent = "Mozilla \u{e9}\t{\"forged\":true}";
        let sent =
            client.get(test_store.url(&url)).header("user-agent", agent).header("referer", agent).send().await.unwrap();
        assert!(sent.status().is_client_error(), "{url}: {}", sent.status());
    }
    for (path, body) in [
        ("/oauth/token", format!("client_id={evil}&client_secret={evil}&grant_type={evil}")),
        ("/oauth/par", format!("{evil}={evil}&{evil}=x")),
        ("/hooks/telephony/sip", format!("{{\"call_id\":\"{evil}\"}}")),
        ("/hooks/bank/events", "\n{\"forged\":true}\n".to_owned()),
    ] {
        let ask =
            client.post(test_store.url(path)).header("content-type", "application/x-www-form-urlencoded").body(body);
        assert!(ask.send().await.unwrap().status().is_client_error(), "{path}");
    }
    drop(client);
    terminate(&child);
    let said = tokio::task::spawn_blocking(move || {
        // Reads to the end first: a log longer than the pipe would keep the server from ending.
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        child.wait().unwrap();
        said
    })
    .await
    .unwrap();
    let mut served = 0;
    for line in said.lines() {
        let entry: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not one JSON document: {line:?}"));
        assert!(entry.get("forged").is_none() && entry["timestamp"].is_string(), "{line}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{2028}'), "{line:?}");
        served += u32::from(entry["message"] == "served");
    }
    assert!(served >= 10, "the log was read: {said}");
}
