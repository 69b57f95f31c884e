//! `renkei demo` from outside: what it prints, what answers, how it ends (requirements.md#demo).

use crate::support::demo::Demo;
use reqwest::get;
use serde_json::{Value, json};

async fn json(url: String) -> Value {
    serde_json::from_str(&get(url).await.unwrap().text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn it_says_what_to_do_next_and_four_addresses_answer() {
    let demo = Demo::start(&[]);
    let said = demo.said.join("\n");
    for part in [demo.issuer(), demo.app(), demo.api(), demo.simulator()] {
        assert!(said.contains(&part), "{part} is not named: {said}");
    }
    for part in ["115", "1100026", "1985", "09012343333", "4071"] {
        assert!(said.contains(part), "the sample customer's {part} is not named: {said}");
    }
    println!("ready after {:?}, {} KiB resident (debug build)", demo.took, demo.resident_kib());
    let metadata = json(format!("{}/.well-known/oauth-authorization-server", demo.issuer())).await;
    assert_eq!(metadata["issuer"], demo.issuer());
    assert_eq!(get(demo.app()).await.unwrap().status(), 200);
    let refused = get(format!("{}/v1/accounts", demo.api())).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("www-authenticate"), "RFC 6750 §3");
    assert_eq!(json(format!("{}/mail", demo.simulator())).await, json!([]));
    assert!(demo.stop("-INT").success());
}

#[tokio::test]
async fn it_answers_to_its_own_name_only() {
    let demo = Demo::start(&[]);
    for url in [demo.issuer(), demo.app(), demo.api(), demo.simulator()] {
        let request = reqwest::Client::new().get(format!("{url}/")).header("host", "evil.example");
        let status = request.send().await.unwrap().status();
        assert!(status.is_client_error(), "{url} answers to another name: {status}");
    }
    assert!(demo.stop("-TERM").success());
}

#[tokio::test]
async fn it_refuses_a_folder_it_did_not_make_and_finds_its_own_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("somebody's"), "file").unwrap();
    let run = |data: &std::path::Path| {
        std::process::Command::new(env!("CARGO_BIN_EXE_renkei"))
            .args(["demo", "--port", "1", "--data"])
            .arg(data)
            .output()
            .unwrap()
    };
    let refused = run(dir.path());
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    let own = dir.path().join("demo");
    let own = own.to_str().unwrap();
    assert!(Demo::start(&["--data", own]).stop("-TERM").success());
    assert!(Demo::start(&["--data", own]).stop("-TERM").success(), "a second time in the same folder");
}

/// RFC 9110 §15.5.16: nothing is unpacked, as at the server itself.
#[tokio::test]
async fn no_part_unpacks_a_body() {
    let demo = Demo::start(&[]);
    let client = reqwest::Client::new();
    for (url, shape) in [
        (format!("{}/", demo.app()), "text/plain; charset=utf-8"),
        (format!("{}/kakeibo", demo.app()), "text/plain; charset=utf-8"),
        (format!("{}/calls", demo.simulator()), "application/json"),
        (format!("{}/v1/accounts", demo.api()), "application/json"),
        (format!("{}/events", demo.api()), "application/json"),
        (format!("{}/oauth/token", demo.issuer()), "application/json"),
        (format!("{}/oauth/authorize", demo.issuer()), "text/html; charset=utf-8"),
    ] {
        let answer = client.post(&url).header("content-encoding", "gzip").body("x").send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(answer.status(), 415, "{url}");
        assert_eq!(header("accept-encoding").as_deref(), Some("identity"), "{url}");
        assert_eq!(header("content-type").as_deref(), Some(shape), "{url}");
    }
    assert!(demo.stop("-TERM").success());
}

/// RFC 9110 §9.3.2, §15.5.6: HEAD wherever GET is, 405 with `Allow` for another method, 404 where nothing is.
#[tokio::test]
async fn every_part_knows_its_methods() {
    let demo = Demo::start(&[]);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let send = async |method: &str, url: &str| {
        client.request(method.parse().unwrap(), url).header("content-length", "0").send().await.unwrap()
    };
    let (app, api, simulator) = (demo.app(), demo.api(), demo.simulator());
    for (base, path, methods) in [
        (&app, "/", "GET, HEAD, POST"),
        (&app, "/callback?code=x&state=y", "GET, HEAD"),
        (&app, "/kakeibo", "GET, HEAD, POST"),
        (&app, "/kakeibo/callback?code=x&state=y", "GET, HEAD"),
        (&app, "/documents/terms", "GET, HEAD"),
        (&app, "/jwks", "GET, HEAD"),
        (&app, "/healthz", "GET, HEAD"),
        (&app, "/assets/renkei.css", "GET, HEAD"),
        (&api, "/", "GET, HEAD"),
        (&api, "/healthz", "GET, HEAD"),
        (&api, "/events", "POST"),
        (&api, "/v1/status", "GET, HEAD"),
        (&api, "/v1/accounts", "GET, HEAD"),
        (&api, "/v1/accounts/a", "GET, HEAD"),
        (&api, "/v1/accounts/a/balance", "GET, HEAD"),
        (&api, "/v1/accounts/a/transactions", "GET, HEAD"),
        (&simulator, "/", "GET, HEAD"),
        (&simulator, "/calls", "POST"),
        (&simulator, "/mail", "GET, HEAD"),
        (&simulator, "/reports", "POST"),
        (&simulator, "/day", "POST"),
        (&simulator, "/documents/faq", "GET, HEAD"),
        (&simulator, "/healthz", "GET, HEAD"),
        (&simulator, "/assets/renkei.css", "GET, HEAD"),
    ] {
        let url = format!("{base}{path}");
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            let answer = send(method, &url).await;
            let (status, allow) = (answer.status().as_u16(), answer.headers().get("allow").cloned());
            if methods.split(", ").any(|m| m == method) {
                assert!(![404, 405].contains(&status), "{method} {url}: {status}");
                assert!(method != "HEAD" || answer.bytes().await.unwrap().is_empty(), "{url}");
            } else {
                assert_eq!(
                    (status, allow.as_ref().map(|v| v.as_bytes())),
                    (405, Some(methods.as_bytes())),
                    "{method} {url}"
                );
            }
        }
    }
    for url in
        [format!("{app}/nowhere"), format!("{api}/nowhere"), format!("{api}/v1/nowhere"), format!("{simulator}/no")]
    {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            assert_eq!(send(method, &url).await.status(), 404, "{method} {url}");
        }
    }
    // Who looks at the head of the way back has not come back.
    let back = format!("{app}/callback?code=x&state=y");
    assert_eq!(
        (send("GET", &back).await.status(), send("HEAD", &back).await.status()),
        (400.try_into().unwrap(), 200.try_into().unwrap())
    );
    assert!(demo.stop("-TERM").success());
}
