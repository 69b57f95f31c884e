//! What a request costs the thread that serves it: its allocations, and how many are served in a row. The bounds are a little above what was counted, so that an allocation
//! that need not be there is noticed.

use crate::support::app::basic;
use crate::support::http::encode;
use crate::support::town::{Engine, Town, run};
use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use actix_web::test::{TestRequest, init_service};
use futures_util::FutureExt as _;
use renkei_core::scope::Scope;
use renkei_server::config::LogFormat;
use renkei_server::logs::lines_to;
use renkei_server::web::routes;
use serde_json::{Value, json};
use std::future::poll_fn;
use std::pin::pin;

/// What `work` returns, and how often it allocated on this thread.
async fn counted<T>(work: impl Future<Output = T>) -> (T, u64) {
    let (mut work, mut count) = (pin!(work), 0);
    let result = poll_fn(|cx| {
        let mut polled = None;
        count += allocation_counter::measure(|| polled = Some(work.as_mut().poll(cx))).count_total;
        polled.unwrap()
    });
    (result.await, count)
}

#[test]
fn a_request_allocates_no_more_than_it_needs() {
    let change = |config: &mut renkei_server::config::Config| {
        config.tokens.client_scopes = Scope::parse("status").unwrap();
    };
    run(Engine::Sqlite, change, async |w: &Town| {
        let kakeibo = w.kakeibo();
        w.register(json!({
            "client_id": "machine", "profile": "oidc", "client_name": "機械", "client_secret": "machine-secret",
            "grant_types": ["client_credentials"], "redirect_uris": [], "scope": "status",
            "token_endpoint_auth_method": "client_secret_basic",
        }))
        .await;
        let server = init_service(App::new().app_data(w.state()).configure(|cfg| drop(routes::public(cfg)))).await;
        // As a server in production has it, where nobody traces.
        let (lines, _) = lines_to(std::io::sink, false, "info", LogFormat::Json, None);
        let ask = async |(id, secret): (&str, &str), path: &str, fields: &[(&str, &str)]| {
            let request = TestRequest::post()
                .uri(path)
                .insert_header((HOST, "link.renkei.test"))
                .insert_header((AUTHORIZATION, basic(id, secret)))
                .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
                .peer_addr("127.0.0.1:1".parse().unwrap())
                .set_payload(encode(fields))
                .to_request();
            let in_force = tracing::dispatcher::set_default(&lines);
            let (answer, count) = counted(server.call(request)).await;
            drop(in_force);
            (read(answer.unwrap()).await, count)
        };
        let (app, api) = (("kakeibo", "kakeibo-secret"), ("accounts-api", "accounts-api-secret"));
        let mut least = [u64::MAX; 5];
        // What is first costs more: a table is empty, a record is read.
        for _ in 0..3 {
            let mut browser = w.browser();
            let pending = kakeibo.ask_directly("openid accounts transactions");
            browser.open(&pending.url).await;
            browser.walk_to(w, "consent").await;
            let code = kakeibo.code(&pending, &browser.allow().await);
            let fields = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", kakeibo.redirect_uri.as_str()),
                ("code_verifier", pending.verifier.as_str()),
            ];
            let (tokens, redemption) = ask(app, "/oauth/token", &fields).await;
            let token = tokens["access_token"].as_str().unwrap();
            ask(api, "/oauth/introspect", &[("token", token)]).await;
            let (seen, introspection) = ask(api, "/oauth/introspect", &[("token", token)]).await;
            assert_eq!(seen["active"], true);
            let (_, fields) = kakeibo.request("accounts");
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let (_, pushed) = ask(app, "/oauth/par", &fields).await;
            let fields = [("grant_type", "client_credentials"), ("scope", "status")];
            let (_, credentials) = ask(("machine", "machine-secret"), "/oauth/token", &fields).await;
            let (_, revocation) = ask(app, "/oauth/revoke", &[("token", token)]).await;
            let counts = [introspection, redemption, pushed, credentials, revocation];
            least = std::array::from_fn(|n| least[n].min(counts[n]));
        }
        let names = ["introspection", "redemption of a code", "pushed request", "client's token", "revocation"];
        for ((name, count), most) in names.into_iter().zip(least).zip([34, 165, 200, 120, 50]) {
            assert!(count <= most, "{name}: {count} allocations, at most {most}");
            assert!(count * 3 > most * 2, "{name}: {count} allocations; the bound of {most} is too high");
        }
    });
}

/// The server library would answer all requests of one connection before it serves the next.
#[test]
fn after_a_few_requests_other_connections_have_their_turn() {
    run(
        Engine::Sqlite,
        |_| {},
        async |w: &Town| {
            let server = init_service(App::new().app_data(w.state()).configure(|cfg| drop(routes::public(cfg)))).await;
            let live = || TestRequest::get().uri("/healthz");
            // None of these is answered by a handler.
            let encoded = || TestRequest::post().uri("/oauth/token").insert_header((CONTENT_ENCODING, "gzip"));
            let elsewhere = || TestRequest::get().uri("/elsewhere");
            for (what, request) in
                [("live", &live as &dyn Fn() -> TestRequest), ("encoded", &encoded), ("elsewhere", &elsewhere)]
            {
                let one = || request().insert_header((HOST, "link.renkei.test")).to_request();
                // The rest of this task's share of work is used up first.
                tokio::task::yield_now().await;
                let at_once = (0..100).take_while(|_| server.call(one()).now_or_never().is_some()).count();
                assert!((1..=8).contains(&at_once), "{what}: {at_once} without a turn of another connection");
                assert!(server.call(one()).await.is_ok());
            }
        },
    );
}

async fn read(answer: ServiceResponse) -> Value {
    assert!(answer.status().is_success(), "{}", answer.status());
    let body = to_bytes(answer.into_body()).await.unwrap();
    serde_json::from_slice(&body).unwrap_or_default()
}
