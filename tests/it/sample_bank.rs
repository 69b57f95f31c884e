//! The sample bank of `bank.kind = "sample"`: the program hands in what starts it, and the server asks it over a socket.

use crate::support::browser::{Browser, Customer};
use crate::support::http::Http;
use crate::support::town::{Engine, ISSUER, Town};
use renkei_core::clock::Clock;
use renkei_core::random::{Random, SeededRandom};
use renkei_core::secret::Secret;
use renkei_demo::bank;
use renkei_demo::listener::Listener;
use renkei_demo::time::from_secs;
use renkei_server::process::{self, Parts, SampleBank, StartSampleBank};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

/// The port of the bank that was started last; no other test of this binary starts one.
static PORT: AtomicU16 = AtomicU16::new(0);

fn started(books: &Path, clock: Arc<dyn Clock>, _: Arc<dyn Random>) -> std::io::Result<SampleBank> {
    let bank = bank::SampleBank::open(books, clock.now().jst_date())?;
    let token = renkei_demo::crypto::Secret::new("bank-token");
    let running = bank::start(Listener::bind(0)?, bank, token, Arc::new(move || from_secs(clock.now().secs())))?;
    PORT.store(running.address().port(), Ordering::SeqCst);
    let url = running.url().to_owned();
    Ok(SampleBank { url, token: Secret::new("bank-token"), stop: Box::new(move || Box::pin(running.stop())) })
}

/// A second server with the town's store, which has no core bank of its own.
async fn node(
    town: &Town,
    sample_bank: Option<StartSampleBank>,
) -> (Result<process::Running, process::Error>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = town.config().clone();
    config.server.data_dir = dir.path().join("data");
    let random = Arc::new(SeededRandom::new(77));
    let parts = Parts { clock: town.clock.clone(), random, bank: None, sample_bank, texts: None };
    (process::start(config, parts).await, dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_asks_it_over_a_socket_and_stops_it_with_itself() {
    // The engine that two servers can share.
    let town = Town::start(Engine::Postgres, |_| {}).await;
    let (running, dir) = node(&town, Some(started)).await;
    let running = running.unwrap();
    assert!(dir.path().join("data/sample-bank.json").exists());
    let http = Http::new(running.addresses[0], ISSUER);
    let mut browser = Browser::new(http, "198.51.100.7");
    browser.open(&town.creco().push("accounts").await.url).await;
    browser.walk_to_consent(&town, "115-1100026", &Customer::taro(), "4071").await;
    assert_eq!(browser.screen(), "consent");
    browser.allow().await;
    assert_eq!(town.bank.pin_checks(), 0, "the bank that the town holds was not asked");
    let port = PORT.load(Ordering::SeqCst);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    running.stop().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the bank outlives its server");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_without_it_refuses_the_configuration_that_wants_it() {
    let town = Town::start(Engine::Sqlite, |_| {}).await;
    let refused = node(&town, None).await.0.err().unwrap().to_string();
    assert!(refused.starts_with("bank.kind: this program was built without the sample bank"), "{refused}");
    let checked = process::examine(town.config(), false, None)[0].to_string();
    assert_eq!(checked, refused, "renkei config check says the same");
    town.stop().await;
}
