//! RFC 9700 §4.13 and what makes a server go where it should not: headers that only a proxy may write, addresses in
//! records that only a fool would fetch, and guesses in parallel.

use super::on_sqlite;
use crate::conformance::certificate::certified;
use crate::support::app::{App, Credential, basic};
use crate::support::browser::{Browser, Customer};
use crate::support::http::{RequestParts, encode};
use crate::support::jws::Key;
use crate::support::town::{Engine, Town, on_both, on_both_with, run};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

on_both!(thirty_browsers_guess_a_birth_date_no_oftener_than_one, a_thousand_wrong_secrets_keep_nobody_out,);
on_both_with!(
    a_network_named_for_one_client_opens_nothing_for_another,
    |config: &mut renkei_server::config::Config| {
        config.institution.networks = vec!["127.0.0.0/8".into(), "::1/128".into()];
    }
);
on_sqlite!(keys_inside_our_own_network_are_never_fetched);

/// A web server of this machine that counts who comes, and serves `keys`.
async fn web(keys: Value) -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let body = keys.to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    (port, seen)
}

/// Whoever guesses at the secret of a resource server hears the same each time; the resource server goes on, while they
/// guess and afterwards. No time passes meanwhile.
async fn a_thousand_wrong_secrets_keep_nobody_out(w: &Town) {
    let introspect = async |secret: &str| {
        let ask = RequestParts::default().header("authorization", basic("accounts-api", secret));
        w.http.send("POST", "/oauth/introspect", ask.form(&[("token".into(), "x".into())])).await
    };
    for round in 0..20 {
        let guesses: Vec<String> = (0..50).map(|n| format!("guess {round}.{n}")).collect();
        let wrong = join_all(guesses.iter().map(|guess| introspect(guess)));
        let (wrong, right) = futures_util::future::join(wrong, introspect("accounts-api-secret")).await;
        for answer in wrong {
            answer.refused(401, "invalid_client");
        }
        assert_eq!(right.expect(200).json(), json!({"active": false}), "round {round}");
    }
    introspect("accounts-api-secret").await.expect(200);
}

fn record(id: &str, more: &Value) -> Value {
    let mut record = json!({
        "client_id": id, "profile": "fapi2", "client_name": id, "scope": "openid accounts",
        "redirect_uris": ["https://creco.example/callback"], "token_endpoint_auth_method": "private_key_jwt",
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}
fn app(w: &Town, id: &str, key: &Key) -> App {
    let key = Credential::Jwt(key.clone(), "k".into());
    App::new(w.http.clone(), w.clock.clone(), id, "https://creco.example/callback", key)
}
async fn pushes(app: &App) -> u16 {
    let (_, fields) = app.request("accounts");
    let fields: Vec<(&str, &str)> =
        fields.iter().filter(|(n, _)| *n != "client_id").map(|(n, v)| (*n, v.as_str())).collect();
    app.post("/oauth/par", &fields, false).await.status
}
fn keys(key: &Key) -> Value {
    let mut jwk = key.jwk();
    (jwk["kid"], jwk["alg"]) = (json!("k"), json!("ES256"));
    json!({"keys": [jwk]})
}

/// SSRF: however the address is written, the answer is the one of a wrong signature, and nobody goes there.
async fn keys_inside_our_own_network_are_never_fetched(w: &Town) {
    let key = Key::generate();
    let (port, seen) = web(keys(&key)).await;
    let mut answers = Vec::new();
    for (i, host) in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "metadata.google.internal",
        "224.0.0.1",
        "255.255.255.255",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("inside-{i}");
        w.register(record(&id, &json!({"jwks_uri": format!("https://{host}:{port}/keys")}))).await;
        let app = app(w, &id, &key);
        let (_, fields) = app.request("accounts");
        let fields: Vec<(&str, &str)> =
            fields.iter().filter(|(n, _)| *n != "client_id").map(|(n, v)| (*n, v.as_str())).collect();
        let started = std::time::Instant::now();
        let answer = app.post("/oauth/par", &fields, false).await.refused(401, "invalid_client");
        assert!(started.elapsed() < Duration::from_secs(8), "{host}: nobody waits for it");
        answers.push(answer.body);
    }
    assert!(answers.iter().all(|a| *a == answers[0]), "the answers do not tell one host from another: {answers:?}");
    // A request_uri of a client's own is no address to us at all.
    let kakeibo = w.kakeibo();
    for uri in
        [format!("http://127.0.0.1:{port}/r"), format!("https://127.0.0.1:{port}/r#x"), "file:///etc/passwd".into()]
    {
        let url = format!("/oauth/authorize?{}", encode(&[("client_id", "kakeibo"), ("request_uri", &uri)]));
        super::stays_here(&w.http.get(&url).await, &uri);
        let (_, mut fields) = kakeibo.request("accounts");
        fields.push(("request_uri", uri.clone()));
        let pushed: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(kakeibo.post("/oauth/par", &pushed, false).await.status, 400, "{uri}");
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0, "somebody came");
}

/// Several clients name the same keys in a private network. The institution's own systems stand there too, and the record
/// of one client names it.
async fn a_network_named_for_one_client_opens_nothing_for_another(w: &Town) {
    let key = Key::generate();
    let (port, seen) = web(keys(&key)).await;
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}/keys");
        let register = async |id: &str, networks: &[&str]| {
            w.register(record(id, &json!({"jwks_uri": url, "allow_networks": networks}))).await;
        };
        register("strange", &[]).await;
        register("elsewhere", &["10.0.0.0/8"]).await;
        register("allowed", &["127.0.0.0/8", "::1"]).await;
        let pushed = async |id: &str| pushes(&app(w, id, &key)).await;
        let before = seen.load(Ordering::SeqCst);
        assert_eq!(pushed("strange").await, 401, "{host}: the bank's network is not open to clients");
        assert_eq!(seen.load(Ordering::SeqCst), before, "{host}: nobody went there");
        assert_eq!(pushed("allowed").await, 201, "{host}");
        assert_eq!(seen.load(Ordering::SeqCst), before + 1, "{host}");
        for id in ["strange", "elsewhere"] {
            assert_eq!(pushed(id).await, 401, "{host}: {id} gets no keys through the other's fetch");
        }
        assert_eq!(pushed("allowed").await, 201, "{host}: kept");
        register("allowed", &[]).await;
        assert_eq!(pushed("allowed").await, 401, "{host}: nor does who may not go there any more");
        assert_eq!(seen.load(Ordering::SeqCst), before + 1, "{host}: one fetch in all");
    }
}

/// The same web server, once it may be reached: keys are fetched from it, and nothing else that a record names.
#[test]
fn nothing_else_that_a_record_names_is_ever_fetched() {
    run(
        Engine::Sqlite,
        |_| {},
        async |w: &Town| {
            let key = Key::generate();
            let (port, seen) = web(keys(&key)).await;
            let at = |path: &str| format!("https://127.0.0.1:{port}/{path}");
            w.register(record(
            "named",
            &json!({
                "allow_networks": ["127.0.0.0/8"], "jwks": keys(&key), "logo_uri": at("logo.png"), "client_uri": at(""), "policy_uri": at("policy"),
                "tos_uri": at("tos"), "sector_identifier_uri": at("sector"), "request_uris": [at("request")],
                "initiate_login_uri": at("login"), "software_id": at("software"),
                "provider": {"name": "P", "terms_uri": at("terms"), "disclosure_uri": at("disclosure")},
            }),
        ))
        .await;
            let app = app(w, "named", &key).with_dpop(Key::generate());
            let pending = app.push("openid accounts").await;
            let mut browser = w.browser();
            browser.open(&pending.url).await;
            for screen in ["customer", "call", "pin", "consent"] {
                browser.walk_to(w, screen).await;
                assert!(!browser.page().html().contains("logo.png"), "{screen}: not by the browser either");
            }
            let brought = browser.allow().await;
            app.exchange(&pending, &brought).await;
            w.mail().await;
            assert_eq!(seen.load(Ordering::SeqCst), 0, "somebody came");
            // The counter counts: this one may be fetched. (It speaks no TLS, so the client is not let in.)
            w.register(record("fetching", &json!({"jwks_uri": at("keys"), "allow_networks": ["127.0.0.0/8"]}))).await;
            assert_eq!(pushes(&self::app(w, "fetching", &key)).await, 401);
            assert!(seen.load(Ordering::SeqCst) > 0);
        },
    );
}

/// §4.13: the only proxy stands elsewhere, so whoever writes a proxy's headers is the caller itself.
#[test]
fn a_header_that_only_a_proxy_may_write_is_nobodys() {
    let alone = |config: &mut renkei_server::config::Config| {
        (config.server.trusted_proxies, config.server.client_cert_header) = (vec!["192.0.2.1".into()], true);
        config.limits.by_network = true;
    };
    run(Engine::Sqlite, alone, async |w: &Town| {
        // A certificate in a header proves nothing, though it is the registered one: what it proves from a proxy's
        // address is mtls.rs' test. A hook's source is the connection's.
        let (held, shown) = certified(w, "held").await;
        let form: Vec<(String, String)> =
            held.request("openid accounts").1.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        for name in ["client-cert", "x-client-cert", "x-ssl-client-cert", "x-forwarded-client-cert", "ssl-client-cert"]
        {
            let ask = RequestParts::default()
                .form(&form)
                .header(name, shown.clone())
                .header("x-ssl-client-verify", "SUCCESS");
            let ask = ask.header("x-forwarded-for", "192.0.2.1").header("forwarded", "for=192.0.2.1");
            w.http.send("POST", "/oauth/par", ask).await.refused(401, "invalid_client");
        }
        // Nor does a made-up address make a crowd of one: one address begins no more interactions for it.
        let mut begun = 0;
        for i in 0..100 {
            let mut other = Browser::new(w.http.clone(), &format!("203.0.113.{i}"));
            other.open(&w.kakeibo().ask_directly("accounts").url).await;
            begun += usize::from(other.status() == 200);
        }
        assert_eq!(begun, 60, "limits.starts");
    });
}

async fn thirty_browsers_guess_a_birth_date_no_oftener_than_one(w: &Town) {
    let mut browsers = Vec::new();
    for _ in 0..30 {
        let mut browser = w.browser();
        browser.open(&w.creco().push("accounts").await.url).await;
        browser.account("115-1100026").await;
        browsers.push(browser);
    }
    let asked = || w.bank.asked.load(Ordering::SeqCst);
    let before = asked();
    w.bank.slow(Duration::from_millis(20));
    let guesses = browsers.into_iter().enumerate().map(|(i, mut browser)| async move {
        let guess = Customer::taro().born("1985", "4", &format!("{}", i % 28 + 1));
        let wrong = if i % 28 + 1 == 12 { guess.with_phone("09099999999") } else { guess };
        browser.customer(&wrong).await;
        (browser.screen().to_owned(), browser.page().text())
    });
    let ends = join_all(guesses).await;
    w.bank.slow(Duration::ZERO);
    assert!(ends.iter().all(|(screen, _)| screen != "phone"));
    assert_eq!(w.locks().await.len(), 1, "{:?}", ends.iter().map(|(s, _)| s).collect::<Vec<_>>());
    assert!(asked() - before <= 2 * 30, "the core bank was asked {} times", asked() - before);
    // The right answer comes too late today: thirty guesses were three.
    let mut late = w.browser();
    late.open(&w.creco().push("accounts").await.url).await;
    late.account("115-1100026").await;
    assert_eq!(late.customer(&Customer::taro()).await.screen(), "locked");
}
