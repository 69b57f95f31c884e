//! 20,000 authorization requests of strangers from 1,000 networks: what is kept of them is bounded, in rows, bytes and
//! memory, none of it is in the audit record, a customer who has begun goes on, and an hour later nothing is left.

use crate::support::browser::Customer;
use crate::support::http::encode;
use crate::support::jws::{b64, sha256};
use crate::support::town::{Engine, Town, run};
use renkei_core::authorize::rules::{MAX_LENGTH, MAX_STORED};
use renkei_server::config::Config;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const REQUESTS: usize = 20_000;
/// Kept connections, which ask one after another.
const CONNECTIONS: usize = 16;
/// Interactions not past ② that are kept: fewer than come, so that this limit is reached too.
const UNFINISHED: i64 = 3_500;
/// The first so many are as long as a request may be: none after them begins. The others are short, because an unoptimized
/// server takes two milliseconds to read 8 KiB of parameters.
const LONG: usize = 5_000;
/// What an IPv4 address may begin within ten minutes (`limits.starts`).
const STARTS: i64 = 60;
/// So many IPv4 addresses ask for half of it all, which is more than they may.
const GREEDY: usize = 25;
/// How much more than [`MAX_STORED`] one stranger may take: the interaction's row, the indexes, and what an engine leaves free
/// of its pages.
const OTHER_REQUESTS: u64 = 4 * 1024;

#[test]
fn twenty_thousand_strangers_stay_within_bounds_sqlite() {
    run(Engine::Sqlite, limited, twenty_thousand_strangers);
}

#[test]
fn twenty_thousand_strangers_stay_within_bounds_postgres() {
    run(Engine::Postgres, limited, twenty_thousand_strangers);
}

fn limited(config: &mut Config) {
    config.limits.by_network = true;
    config.identity.unfinished = u32::try_from(UNFINISHED).unwrap();
}

async fn twenty_thousand_strangers(w: &Town) {
    // A customer who has begun before.
    let app = w.kakeibo();
    let pending = app.ask_directly("accounts");
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.account("115-1100026").await;
    assert_eq!(browser.screen(), "customer");
    let (before, recorded) = (w.store_size().await, w.count("select count(*) from audit").await);
    let of_interactions = "select count(*) from audit where action like 'interaction.%'";
    assert_eq!(w.count(of_interactions).await, 0, "the record of the customer begins with ②");
    let memory = w.service().counts_by_network_bytes();

    let answers = flood(w, REQUESTS).await;
    println!("{:?}: {answers:?}", w.engine);
    let begun = answers[&303];

    // Rows: as many as `identity.unfinished` says. A count may be as old as a second, and each connection may then have one
    // more under way.
    let rows = async |table: &'static str| w.count(table).await;
    let interactions = rows("select count(*) from interactions").await;
    assert_eq!(begun + 1, interactions, "the customer's is the one beside them");
    assert_eq!(rows("select count(*) from requests").await, interactions);
    let kept = rows("select count(*) from interactions where unfinished = 1").await;
    assert!((UNFINISHED..=UNFINISHED + i64::try_from(CONNECTIONS).unwrap()).contains(&kept), "{kept}");
    // Both limits were reached: 429 by network, 503 in all.
    let of_the_greedy = i64::try_from(REQUESTS / 2).unwrap() - STARTS * i64::try_from(GREEDY).unwrap();
    assert_eq!(answers[&429], of_the_greedy, "{answers:?}");
    assert_eq!(answers[&503], i64::try_from(REQUESTS).unwrap() - begun - of_the_greedy, "{answers:?}");
    assert_eq!(answers.len(), 3, "nothing else: {answers:?}");
    for nothing in [
        "select count(*) from tallies",
        "select count(*) from events",
        "select count(*) from notices",
        "select count(*) from lockouts",
        "select count(*) from proofings",
        "select count(*) from call_leases",
    ] {
        assert_eq!(rows(nothing).await, 0, "{nothing}");
    }

    // Nothing of it in the audit record but that two limits were reached.
    assert_eq!(rows("select count(*) from audit").await - recorded, 2);
    assert_eq!(w.recorded("alarm.raised").await, 2, "one an hour for each limit");

    // Bytes.
    let longest = rows("select max(length(request)) from requests").await.unsigned_abs();
    assert!(longest <= u64::try_from(MAX_STORED).unwrap(), "{longest} bytes of one request");
    assert!(longest > 7 * 1024, "{longest}: these are the longest parameters there are");
    let grown = w.store_size().await - before;
    let most = begun.unsigned_abs() * (u64::try_from(MAX_STORED).unwrap() + OTHER_REQUESTS);
    println!(
        "{:?}: {} bytes of the store for each, {longest} of them the request",
        w.engine,
        grown / begun.unsigned_abs()
    );
    assert!(grown <= most, "{grown} bytes of {most}");

    // Memory: the tables are as large as before.
    assert_eq!(w.service().counts_by_network_bytes(), memory);
    println!("{memory} bytes for four tables");
    assert!(memory <= 4 * 4 * 1024 * 1024, "{memory} bytes for four tables");

    // Who has begun loses nothing by it.
    browser.customer(&Customer::taro()).await;
    assert_eq!(browser.screen(), "phone", "{}", browser.page().text());
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await;

    // An hour later nothing is left, and there is room again.
    let customers_own = rows(of_interactions).await;
    assert!(customers_own > 3, "{customers_own}");
    w.clock.advance(Duration::from_secs(3601));
    w.tidy().await;
    assert_eq!(rows("select count(*) from interactions").await, 0);
    assert_eq!(rows("select count(*) from requests").await, 0);
    assert_eq!(rows(of_interactions).await, customers_own, "nor does the record speak of their end");
    let again = flood(w, 500).await;
    assert!(again[&303] >= 250, "{again:?}");
    if w.engine == Engine::Sqlite {
        // PostgreSQL gives room back when it vacuums, which is its own business.
        let grown = w.store_size().await - before;
        assert!(grown <= most, "{grown} bytes: the room of the deleted rows is used again");
    }
}

/// Strangers ask, each for themselves; how often which status came back.
async fn flood(w: &Town, requests: usize) -> BTreeMap<u16, i64> {
    let (next, longest, short) = (Arc::new(AtomicUsize::new(0)), Arc::new(longest(w)), Arc::new(short(w)));
    let connections = (0..CONNECTIONS).map(|_| {
        let (next, longest, short) = (next.clone(), longest.clone(), short.clone());
        let (clock, address) = (w.clock.clone(), w.address());
        tokio::spawn(async move {
            let mut connection = BufReader::new(TcpStream::connect(address).await.unwrap());
            let mut answers = BTreeMap::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    return answers;
                }
                // All of it within a minute.
                clock.advance(Duration::from_millis(3));
                let head = if n < LONG { &longest } else { &short }.replace("{network}", &network(n));
                *answers.entry(ask(&mut connection, &head).await).or_insert(0) += 1;
            }
        })
    });
    let mut all = BTreeMap::new();
    for answers in futures_util::future::join_all(connections).await {
        for (status, n) in answers.unwrap() {
            *all.entry(status).or_insert(0) += n;
        }
    }
    all
}

/// 1,000 networks: 500 IPv4 addresses, of which some are greedy, and 500 IPv6 /48, each with a /64 of its own for each request.
fn network(n: usize) -> String {
    let turn = n / 4;
    match n % 4 {
        0 | 2 => format!("198.18.0.{}", n / 2 % GREEDY),
        1 => format!("198.19.{}.{}", turn % (500 - GREEDY) / 25, turn % 25),
        _ => format!("2001:db8:{:x}:{turn:x}::1", turn % 500),
    }
}

/// One request with as much in it as is stored of a request, and more that is not.
fn longest(w: &Town) -> String {
    let subjects = json!({"id_token": {"sub": {"values": vec!["s".repeat(220); 14]}}}).to_string();
    let (_, mut fields) = w.kakeibo().request("openid accounts transactions");
    for (name, value) in &mut fields {
        if matches!(*name, "state" | "nonce") {
            // Nothing that an engine could pack.
            let words = (0..MAX_LENGTH / 43 + 1).map(|n| b64(sha256(format!("{name}{n}").as_bytes())));
            *value = words.collect::<String>()[..MAX_LENGTH].to_owned();
        }
    }
    fields.push(("claims", subjects));
    fields.push(("ui_locales", (0..16).map(|n| format!("ja-Jpan-{n:08}")).collect::<Vec<_>>().join(" ")));
    fields.push(("login_hint", "09012343333".into()));
    head(&fields)
}

/// One request as an app sends it.
fn short(w: &Town) -> String {
    head(&w.kakeibo().request("openid accounts transactions").1)
}

/// The head of the request with these parameters, in which `{network}` is still to be replaced.
fn head(fields: &[(&'static str, String)]) -> String {
    format!(
        "GET /oauth/authorize?{} HTTP/1.1\r\nHost: link.renkei.test\r\nX-Forwarded-For: {{network}}\r\n\r\n",
        encode(fields)
    )
}

/// Sends one request over a kept connection; its status.
async fn ask(connection: &mut BufReader<TcpStream>, head: &str) -> u16 {
    connection.get_mut().write_all(head.as_bytes()).await.unwrap();
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        assert!(connection.read_line(&mut line).await.unwrap() > 0, "the server hung up");
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        status = status.or_else(|| line.split(' ').nth(1)?.parse().ok());
        if let Some(n) = line.strip_prefix("content-length: ") {
            length = n.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.unwrap();
    status.unwrap()
}
