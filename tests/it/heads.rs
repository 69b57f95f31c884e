//! The head of a request stays under 8 KiB a line and 12 KiB in all, whatever a browser of ours carries: nginx and HAProxy,
//! which take no more by default, pass it on. Their own limits are shown too, or a test with generous proxies would show nothing.

use crate::support::app::{App, Credential, Pending};
use crate::support::browser::{Browser, Customer};
use crate::support::http::{Answer, Http, RequestParts, encode, query};
use crate::support::proxy::{Kind, Proxy};
use crate::support::town::{Engine, Town, run};
use renkei_server::config::{Config, Span};
use renkei_server::web::typed;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// nginx: `large_client_header_buffers 4 8k`.
const LINE: usize = 8 * 1024;
/// HAProxy: `tune.bufsize` less `tune.maxrewrite` is 15 KiB; what a proxy before it adds needs room too.
const HEAD: usize = 12 * 1024;
/// What nginx reads of an answer's head: `proxy_buffer_size`, a page of memory.
const ANSWER: usize = 4 * 1024;
/// The longest `Referer` a browser sends (Referrer Policy §8.4): an app whose pages say `unsafe-url`.
const REFERER: usize = 4096;
/// The longest `state` and `nonce`.
const LONGEST: usize = renkei_core::authorize::rules::MAX_LENGTH;

const TYPED: &str = "__Host-renkei-typed";
const PROOFING_COOKIE: &str = "__Host-renkei-memory";

fn remembering(config: &mut Config) {
    config.identity.proofing_memory = Span::secs(600);
}

#[test]
fn nginx_passes_on_what_a_browser_carries() {
    run(Engine::Sqlite, remembering, async |w: &Town| passes(w, Kind::Nginx).await);
}

#[test]
fn haproxy_passes_on_what_a_browser_carries() {
    run(Engine::Sqlite, remembering, async |w: &Town| passes(w, Kind::Haproxy).await);
}

async fn passes(w: &Town, kind: Kind) {
    let proxy = Proxy::start(kind, w.address());
    let wire = Wire::before(proxy.address()).await;
    let mut browser = talkative(Browser::new(Http::new(wire.address, &w.http.issuer), "198.51.100.1"));

    // A finished link leaves the longest-lived cookie.
    let app = remembered(w).await;
    let pending = asked(&app, &mut browser).await;
    browser.walk_to(w, "consent").await;
    finish(&mut browser, &app, &pending).await;
    assert!(browser.cookies.contains_key(PROOFING_COOKIE), "{:?}", browser.cookies);

    // Five interactions, and one more: the browser keeps five.
    let app = w.kakeibo();
    for _ in 0..5 {
        asked(&app, &mut browser).await;
        assert_eq!((browser.status(), browser.screen()), (200, "account"));
    }
    let pending = asked(&app, &mut browser).await;
    assert_eq!(browser.cookies.keys().filter(|name| name.len() == "__Host-renkei-".len() + 8).count(), 5);

    // As much Japanese as the largest form holds, in every field of ① and of ②.
    let long = "漢".repeat(700);
    let fields = ["branch", "account_number"].map(|name| (name, long.as_str()));
    browser.press("next", &fields).await;
    assert_eq!((browser.status(), browser.screen()), (200, "account"), "{}", browser.page().text());
    browser.account("115-1100026").await;
    let everything = Customer { name_kana: long.clone(), phone: long.clone(), email: long.clone(), ..Customer::taro() };
    let everything = everything.born(&long, &long, &long);
    browser.customer(&everything).await;
    assert_eq!((browser.status(), browser.screen()), (200, "customer"), "{}", browser.page().text());
    let carried = browser.cookies[TYPED].len();
    assert!((600..=typed::MOST).contains(&carried), "{carried} characters");
    let shown = browser.page().form_with("next").unwrap().fields.into_iter().find(|(name, _)| name == "name_kana");
    assert!(shown.unwrap().1.chars().all(|c| c == '漢'), "what was typed comes back through the proxy");

    // The most that the cookie may ever have, with every kind of request.
    let real = browser.cookies[TYPED].clone();
    browser.cookies.insert(TYPED.into(), "A".repeat(typed::MOST));
    let page = browser.url.clone();
    browser.came_from = Some(format!("{}{page}?ui_locales=en", w.http.issuer));
    browser.open(&format!("{page}?ui_locales=en")).await;
    assert_eq!((browser.status(), browser.screen()), (200, "customer"));
    let mut other = talkative(browser.clone());
    let second = asked(&app, &mut other).await;
    assert_eq!((other.status(), other.screen()), (200, "account"));
    assert_eq!(second.state.len(), LONGEST);
    browser.cookies.insert(TYPED.into(), real);

    // The customer goes on to the end.
    browser.open(&page).await;
    browser.walk_to(w, "consent").await;
    finish(&mut browser, &app, &pending).await;

    // The longest answer carries `state` in a signed JWT.
    asked_with(&app, &mut browser, &[("response_mode", "jwt".to_owned())]).await;
    browser.walk_to(w, "consent").await;
    let test_store = allow(&mut browser).await;
    assert!(query(&test_store).contains_key("response"), "{test_store}");

    let (line, head, request) = wire.longest();
    println!("{kind:?}: the longest line {line}, the longest head {head}");
    assert!(line < LINE && head < HEAD, "{line} in a line, {head} in all:\n{request}");
    // Or the browser did not carry what it was meant to.
    assert!(head > 10_000 && line > 2 * LONGEST, "{line} in a line, {head} in all:\n{request}");
    no_more(kind, &proxy).await;
}

/// That the proxy's limits are those of this file's head.
async fn no_more(kind: Kind, proxy: &Proxy) {
    let http = Http::new(proxy.address(), "https://link.renkei.test");
    let line = |n: usize| format!("/oauth/authorize?client_id={}", "x".repeat(n));
    let (few, many) = (RequestParts::default(), |n: usize| RequestParts::default().header("x-filler", "x".repeat(n)));
    let refused = match kind {
        Kind::Nginx => [(line(LINE), few, 414), (line(1), many(LINE), 400)],
        Kind::Haproxy => [(line(15 * 1024), few, 400), (line(1), many(15 * 1024), 400)],
    };
    for (path, ask, status) in refused {
        assert_eq!(http.send("GET", &path, ask).await.status, status, "{kind:?} takes more than this test supposes");
    }
}

/// An app whose customers are remembered.
async fn remembered(w: &Town) -> App {
    let redirect = "https://remember.example/cb";
    w.register(json!({
        "client_id": "remember", "profile": "oidc", "client_name": "おぼえる", "client_secret": "remember-secret",
        "redirect_uris": [redirect], "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid accounts transactions", "proofing_memory": "10m",
    }))
    .await;
    let secret = Credential::Secret("remember-secret".into());
    App::new(w.http.clone(), w.clock.clone(), "remember", redirect, secret)
}

/// The app sends its customer here with the longest `state` and `nonce` there may be, from the page with the longest address.
async fn asked(app: &App, browser: &mut Browser) -> Pending {
    asked_with(app, browser, &[]).await
}
async fn asked_with(app: &App, browser: &mut Browser, more: &[(&'static str, String)]) -> Pending {
    let (mut pending, mut fields) = app.request("openid accounts transactions");
    fields.extend_from_slice(more);
    for (name, value) in &mut fields {
        if matches!(*name, "state" | "nonce") {
            *value += &"-".repeat(LONGEST - value.len());
        }
    }
    let sent = |name: &str| fields.iter().find(|(n, _)| *n == name).unwrap().1.clone();
    (pending.state, pending.nonce) = (sent("state"), sent("nonce"));
    pending.url = format!("{}/oauth/authorize?{}", browser.issuer(), encode(&fields));
    let page = "https://app.example/";
    browser.came_from = Some(format!("{page}{}", "p".repeat(REFERER - page.len())));
    browser.open(&pending.url).await;
    pending
}

/// 許可する, and the app redeems what it is given.
async fn finish(browser: &mut Browser, app: &App, pending: &Pending) {
    let brought = query(&allow(browser).await);
    app.exchange(pending, &brought).await;
}
/// 許可する → where it leads.
async fn allow(browser: &mut Browser) -> String {
    let answer = browser.submit("allow", &[("agree", "yes")]).await.expect(303);
    let head = head_of(&answer);
    println!("an answer of {head} bytes");
    assert!(head < ANSWER, "{head} bytes of head in an answer");
    answer.location().to_owned()
}

/// How long the head of an answer is: its status line and headers.
fn head_of(answer: &Answer) -> usize {
    let headers = answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    "HTTP/1.1 303 See Other\r\n\r\n".len() + headers.sum::<usize>()
}

/// A browser within an app within a browser: the longest names that are seen.
fn talkative(mut browser: Browser) -> Browser {
    let agent = "Mozilla/5.0 (Linux; Android 14; SCG25 Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Version/4.0 Chrome/131.0.6778.104 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/491.0.0.58.78;IABMV/1;] ";
    let brands =
        "\"Google Chrome\";v=\"131.0.6778.104\", \"Chromium\";v=\"131.0.6778.104\", \"Not_A Brand\";v=\"24.0.0.0\"";
    browser.says = vec![
        ("user-agent", format!("{agent:x<512}")),
        (
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
             application/signed-exchange;v=b3;q=0.7"
                .into(),
        ),
        ("accept-encoding", "gzip, deflate, br, zstd".into()),
        ("accept-language", "ja,en-US;q=0.9,en;q=0.8,zh-CN;q=0.7,zh-TW;q=0.6,ko;q=0.5,pt-BR;q=0.4,vi;q=0.3".into()),
        ("cache-control", "max-age=0".into()),
        ("upgrade-insecure-requests", "1".into()),
        ("sec-fetch-mode", "navigate".into()),
        ("sec-fetch-dest", "document".into()),
        ("sec-fetch-user", "?1".into()),
        ("sec-ch-ua", brands.into()),
        ("sec-ch-ua-full-version-list", brands.into()),
        ("sec-ch-ua-mobile", "?1".into()),
        ("sec-ch-ua-platform", "\"Android\"".into()),
        ("sec-gpc", "1".into()),
        ("dnt", "1".into()),
        ("priority", "u=0, i".into()),
        ("x-requested-with", "com.facebook.katana".into()),
    ];
    browser
}

/// What goes over the wire between a browser and the proxy, written down.
struct Wire {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>,
}
impl Wire {
    async fn before(proxy: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self { address: listener.local_addr().unwrap(), connections: Arc::default() };
        let connections = wire.connections.clone();
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                let sent: Arc<Mutex<Vec<u8>>> = Arc::default();
                connections.lock().unwrap().push(sent.clone());
                tokio::spawn(carry(browser, TcpStream::connect(proxy).await.unwrap(), sent));
            }
        });
        wire
    }
    /// The longest line, the longest head, and that head.
    fn longest(&self) -> (usize, usize, String) {
        let heads: Vec<String> =
            self.connections.lock().unwrap().iter().flat_map(|c| heads(&c.lock().unwrap())).collect();
        let line = heads.iter().flat_map(|head| head.split_inclusive('\n')).map(str::len).max().unwrap();
        let head = heads.into_iter().max_by_key(String::len).unwrap();
        (line, head.len(), head)
    }
}

async fn carry(browser: TcpStream, proxy: TcpStream, sent: Arc<Mutex<Vec<u8>>>) {
    let (mut from, mut back) = browser.into_split();
    let (mut answers, mut to) = proxy.into_split();
    let there = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(n) = from.read(&mut bytes).await
            && n > 0
        {
            sent.lock().unwrap().extend_from_slice(&bytes[..n]);
            if to.write_all(&bytes[..n]).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    let and_back = async {
        let _ = tokio::io::copy(&mut answers, &mut back).await;
        let _ = back.shutdown().await;
    };
    tokio::join!(there, and_back);
}

/// The heads among what one connection sent: each request's lines up to the empty one, without its body.
fn heads(mut sent: &[u8]) -> Vec<String> {
    let mut heads = Vec::new();
    while let Some(end) = sent.windows(4).position(|w| w == b"\r\n\r\n") {
        let head = String::from_utf8(sent[..end + 4].to_vec()).unwrap();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        sent = &sent[end + 4 + length..];
        heads.push(head);
    }
    heads
}
