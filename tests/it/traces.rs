//! The spans of requests reach the institution's collector, joined to the traces of its own systems, and name nobody.

use crate::serve::{ServeFolder, terminate};
use crate::support::app::{App, Credential, basic};
use crate::support::browser::{Browser, Customer};
use crate::support::http::RequestParts;
use crate::support::town::{Engine, Town};
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use prost::Message as _;
use renkei_core::clock::{Clock as _, SystemClock};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A collector, and a core bank beside it that is always out of order.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    /// What stood in `traceparent` at the core bank.
    asked_bank: Arc<Mutex<Vec<String>>>,
}
impl Collector {
    fn start(&self) -> u16 {
        let here = self.clone();
        let server = HttpServer::new(move || {
            actix_web::App::new()
                .app_data(web::Data::new(here.clone()))
                .route("/v1/traces", web::post().to(Self::take))
                .default_service(web::to(Self::bank))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let port = server.addrs()[0].port();
        tokio::spawn(server.run());
        port
    }
    async fn take(here: web::Data<Self>, body: web::Bytes) -> HttpResponse {
        here.bodies.lock().unwrap().push(body.to_vec());
        HttpResponse::Ok().content_type("application/x-protobuf").finish()
    }
    async fn bank(here: web::Data<Self>, req: HttpRequest) -> HttpResponse {
        let header = req.headers().get("traceparent").map(|value| value.to_str().unwrap().to_owned());
        here.asked_bank.lock().unwrap().push(header.unwrap_or_default());
        HttpResponse::ServiceUnavailable().finish()
    }
    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        let read = bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        let resources = read.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
    /// Waits for the first span that is as wanted.
    async fn find(&self, wanted: impl Fn(&Span) -> bool) -> Span {
        for _ in 0..600 {
            if let Some(span) = self.spans().into_iter().find(&wanted) {
                return span;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is not among {:#?}", self.spans())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
fn text(span: &Span, name: &str) -> Option<String> {
    let pair = span.attributes.iter().find(|pair| pair.key == name)?;
    match pair.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => panic!("{name}: {other:?}"),
    }
}
/// `http.response.status_code`, which is a number (OpenTelemetry's semantic conventions).
fn status(span: &Span) -> Option<i64> {
    let pair = span.attributes.iter().find(|pair| pair.key == "http.response.status_code")?;
    match pair.value.as_ref()?.value.as_ref()? {
        Value::IntValue(number) => Some(*number),
        other => panic!("{other:?}"),
    }
}
fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
}

const OURS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OURS_UNSENT: &str = "4bf92f3577b34da6a3ce929d0e0e4737";
const STRANGERS: &str = "4bf92f3577b34da6a3ce929d0e0e4738";
const PARENT: &str = "00f067aa0ba902b7";
/// Everything that a trace may say.
const ATTRIBUTES: [&str; 5] =
    ["http.request.method", "http.response.status_code", "http.route", "renkei.request_id", "server.address"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_reach_the_collector_joined_to_our_own_systems_and_name_nobody() {
    let collector = Collector::default();
    let port = collector.start();
    let w = Town::start(Engine::Sqlite, |_| {}).await;
    w.clock.set(SystemClock.now());
    let clock = w.clock.clone();
    let mut left = w.leave().await;
    left.config.traces.endpoint = Some(format!("http://127.0.0.1:{port}/v1/traces"));
    left.config.traces.sample = 1.0;
    left.config.traces.follow = vec!["10.1.0.0/16".into()];
    // The log says nothing of a request; its trace does.
    left.config.server.log = "warn".into();
    left.config.hours.always_open = true;
    left.config.bank.kind = renkei_server::config::BankKind::Http;
    left.config.bank.url = Some(format!("http://127.0.0.1:{port}/bank"));
    left.config.institution.networks = vec!["127.0.0.0/8".into()];
    left.rewrite();
    let _served = left.start();
    let http = left.http();

    // A resource server of the institution asks, once in a trace that is sent and once in one that is not.
    for (trace, flags) in [(OURS, "01"), (OURS_UNSENT, "00")] {
        let ask = RequestParts::default().header("authorization", basic("accounts-api", "accounts-api-secret"));
        // The proxy in front says where it is.
        let ask = ask.header("x-forwarded-for", "10.1.0.9");
        let ask = ask.header("traceparent", format!("00-{trace}-{PARENT}-{flags}"));
        http.send("POST", "/oauth/introspect", ask.form(&[("token".into(), "a-secret-token".into())]))
            .await
            .expect(200);
    }
    let span = collector.find(|span| hex(&span.trace_id) == OURS && span.kind() == SpanKind::Server).await;
    assert_eq!(span.name, "POST /oauth/introspect");
    assert_eq!(hex(&span.parent_span_id), PARENT);
    assert_eq!(text(&span, "http.route").as_deref(), Some("/oauth/introspect"));
    assert_eq!((status(&span), is_error(&span)), (Some(200), false));
    assert!(text(&span, "renkei.request_id").is_some_and(|id| id.len() == 36), "{span:?}");
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano);

    // A browser comes from anywhere: its header decides nothing. The core bank is asked in the trace of its request.
    let app =
        App::new(http.clone(), clock, "kakeibo", "https://kakeibo.example/callback", Credential::Secret(String::new()));
    let mut browser = Browser::new(http.clone(), "198.51.100.7");
    browser.says.push(("traceparent", format!("00-{STRANGERS}-{PARENT}-01")));
    browser.open(&app.ask_directly("openid accounts").url).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro()).await;
    assert_eq!(browser.screen(), "customer", "the core bank gives no answer");
    let asked = collector.asked_bank.lock().unwrap().first().cloned().expect("the core bank was asked");
    let parts: Vec<&str> = asked.split('-').collect();
    let [_, trace, parent, "01"] = parts[..] else { panic!("{asked:?} is no traceparent of a trace that is sent") };
    let sent = collector.find(|span| hex(&span.span_id) == parent).await;
    assert_eq!((hex(&sent.trace_id).as_str(), sent.kind()), (trace, SpanKind::Client));
    assert_eq!(text(&sent, "server.address").as_deref(), Some("127.0.0.1"));
    assert_eq!((status(&sent), is_error(&sent)), (Some(503), true));
    let served = collector.find(|span| span.span_id == sent.parent_span_id).await;
    assert_eq!(served.kind(), SpanKind::Server);
    assert!(served.name.starts_with("POST /link/{"), "{}", served.name);
    assert!(served.parent_span_id.is_empty(), "the browser's trace does not go on here");
    collector.find(|span| span.trace_id == served.trace_id && span.name == "store.write").await;

    // A method that a stranger made up is not sent.
    http.send("TARO1100026", "/oauth/token", RequestParts::default()).await;
    let made_up = collector.find(|span| text(span, "http.request.method").as_deref() == Some("_OTHER")).await;
    assert_eq!(made_up.name, "_OTHER /oauth/token");

    let spans = collector.spans();
    assert!(spans.iter().all(|span| ![OURS_UNSENT, STRANGERS].contains(&hex(&span.trace_id).as_str())));
    for span in &spans {
        assert!(span.attributes.iter().all(|pair| ATTRIBUTES.contains(&pair.key.as_str())), "{span:?}");
        assert!(span.events.is_empty() && span.links.is_empty(), "{span:?}");
    }
    let sent = collector
        .bodies
        .lock()
        .unwrap()
        .iter()
        .map(|body| String::from_utf8_lossy(body).into_owned())
        .collect::<String>();
    let taro = Customer::taro();
    let interaction = browser.interaction();
    for word in ["1100026", "a-secret-token", "accounts-api", "kakeibo", &taro.phone, &taro.email, &interaction] {
        assert!(!sent.contains(word), "{word} left with a trace");
    }
}

/// It accepts and never answers. Whoever is served does not wait for it, and neither does the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_holds_up_nobody() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut folder = ServeFolder::new();
    let endpoint = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    folder.env = vec![
        ("RENKEI__SERVER__LOG", "warn".to_owned()),
        ("RENKEI__TRACES__ENDPOINT", endpoint),
        ("RENKEI__TRACES__SAMPLE", "1.0".to_owned()),
        ("RENKEI__OUTBOUND__TIMEOUT", "10s".to_owned()),
    ];
    let mut child = folder.start();
    let client = folder.client();
    // More than wait for the collector at most.
    for _ in 0..3000 {
        assert_eq!(client.get(folder.url("/healthz")).send().await.unwrap().status(), 200);
    }
    terminate(&child);
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the end waits for the collector");
    assert!(ended.unwrap().success());
}

/// Every trace costs the collector room, so a share of them is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_the_traces_is_sent() {
    let collector = Collector::default();
    let port = collector.start();
    let mut folder = ServeFolder::new();
    folder.env = vec![
        ("RENKEI__SERVER__LOG", "warn".to_owned()),
        ("RENKEI__TRACES__ENDPOINT", format!("http://127.0.0.1:{port}/v1/traces")),
        ("RENKEI__TRACES__SAMPLE", "0.5".to_owned()),
    ];
    let mut child = folder.start();
    let client = folder.client();
    for _ in 0..400 {
        client.get(folder.url("/healthz")).send().await.unwrap();
    }
    // What still waits is sent at the end.
    terminate(&child);
    assert!(tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap().success());
    let sent = collector.spans().iter().filter(|span| span.name == "GET /healthz").count();
    // Six standard deviations around the half.
    assert!((140..=260).contains(&sent), "{sent} of 400 were sent");
}
