//! Reading a stream costs as much as that stream has events, however many others there are.

use crate::support::test_store::TestStore;
use crate::support::world::World;
use renkei_core::clock::Instant;
use renkei_core::event::{self, Event, EventKind, Receiver};
use renkei_core::id::{ClientId, EventId};
use renkei_core::store::{Counters, Options, Result, Tx};
use std::sync::Arc;

/// A token that `app` got: only the institution hears of it.
fn own_token(n: usize) -> Event {
    let id = EventId::parse(&format!("token-{n}")).unwrap();
    let at = Instant::from_secs(1_800_000_000);
    let event = Event::of_client(id, at, EventKind::TokenIssued, ClientId::parse("app"));
    Event { aud: vec!["api-of-app".to_owned()], ..event }
}

/// Events of two clients, `n` of the others' after each one of `app`, each for an audience of its client.
fn write(tx: &mut Tx<'_, '_>, from: usize, own: usize, others: usize) -> Result<()> {
    for n in from..from + own {
        for k in 0..others {
            event::emit(tx, &own_token(n * 1000 + k))?;
        }
        for (client, count) in [("app", 1), ("other", others)] {
            for k in 0..count {
                let id = EventId::parse(&format!("{client}-{n}-{k}")).unwrap();
                let at = Instant::from_secs(1_800_000_000);
                let event = Event::of_client(id, at, EventKind::ClientChanged, ClientId::parse(client));
                event::emit(tx, &Event { aud: vec![format!("api-of-{client}")], ..event })?;
            }
        }
    }
    Ok(())
}

/// What it costs to read all events of each receiver in pages, as streams do.
async fn steps(others: usize) -> Vec<u64> {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    let w = World::at_with(TestStore::sqlite(), &options);
    for from in (0..100).step_by(10) {
        w.store.write(move |tx| write(tx, from, 10, others)).await.unwrap();
    }
    let app = ClientId::parse("app").unwrap();
    let server = ClientId::parse("server").unwrap();
    let mut costs = Vec::new();
    for who in
        [Receiver::App(app), Receiver::ResourceServer { client: server, audiences: vec!["api-of-app".to_owned()] }]
    {
        let before = counters.steps();
        let (mut cursor, mut seen) = (0, 0);
        loop {
            let who = who.clone();
            let page = w.store.read(move |tx| event::read(tx, &who, cursor, 20)).await.unwrap();
            let Some(last) = page.last() else { break };
            cursor = last.pos;
            seen += page.len();
        }
        assert_eq!(seen, 100);
        costs.push(counters.steps() - before);
    }
    costs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_among_many_others_costs_what_it_costs_alone() {
    let (alone, among) = (steps(0).await, steps(100).await);
    for (alone, among) in alone.iter().zip(&among) {
        assert!(*among <= alone + alone / 10, "{among} steps among 20,000 others, {alone} alone");
    }
}
