//! The order of events skips nothing: a reader that has seen a position never misses a lower one.

use crate::support::pg;
use renkei_core::clock::Instant;
use renkei_core::event::{self, Event, EventKind, Receiver};
use renkei_core::id::{ClientId, EventId};
use renkei_core::store::{Options, Store, Tx};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const WRITERS: usize = 3;
const EACH: usize = 150;

fn one(writer: usize, n: usize) -> Event {
    let id = EventId::parse(&format!("w{writer}-{n}")).unwrap();
    Event::of_client(id, Instant::from_secs(1_800_000_000), EventKind::ClientChanged, ClientId::parse("app"))
}

/// Writers whose transactions stay open while others commit, and a reader by the position, which goes on from the highest it has
/// seen. With `identity` the position is taken at the insert, as an identity column would.
async fn read_while_written(store: &Store, identity: bool) -> BTreeSet<String> {
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, done) = (store.clone(), done.clone());
        tokio::spawn(async move {
            let (mut cursor, mut seen, mut rounds_after) = (0, BTreeSet::new(), 0);
            while rounds_after < 3 {
                if done.load(Ordering::SeqCst) {
                    rounds_after += 1;
                }
                if !identity {
                    store.write(|tx| event::assign_positions(tx, Instant::from_secs(1), 500)).await.unwrap();
                }
                let who = Receiver::Institution;
                let found = store.read(move |tx| event::read(tx, &who, cursor, 500)).await.unwrap();
                for event in found {
                    cursor = event.pos;
                    assert!(seen.insert(event.event.id.as_str().to_owned()), "each once");
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            seen
        })
    };
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..EACH {
                let work = move |tx: &mut Tx<'_, '_>| {
                    if identity {
                        // What `generated always as identity` does: a number at the insert, outside any transaction.
                        let sql = "insert into events (id, at, kind, client_id, seq, detail, pos, positioned_at) \
                                   values (?1, 1, 'client.changed', 'app', 0, '{}', nextval('identity'), 1)";
                        tx.execute(sql, &[format!("w{writer}-{n}").into()])?;
                    } else {
                        event::emit(tx, &one(writer, n))?;
                    }
                    // The first writer's transactions are held open while the others commit.
                    if writer == 0 {
                        std::thread::sleep(Duration::from_millis(8));
                    }
                    Ok(())
                };
                store.write(work).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    reader.await.unwrap()
}

fn everything() -> BTreeSet<String> {
    (0..WRITERS).flat_map(|w| (0..EACH).map(move |n| format!("w{w}-{n}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_by_position_finds_each_event_once_on_postgresql() {
    let database = pg::database();
    let store = Store::open_with(&database.url(), &Options { connections: 6, ..Options::default() }).unwrap();
    assert_eq!(read_while_written(&store, false).await, everything());
    store.stop().await;
}

/// The counter-test: by a number that is given at the insert, the same reader misses what commits late.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_by_an_identity_column_misses_some() {
    let database = pg::database();
    let store = Store::open_with(&database.url(), &Options { connections: 6, ..Options::default() }).unwrap();
    store.write(|tx| tx.execute("create sequence identity", &[])).await.unwrap();
    let seen = read_while_written(&store, true).await;
    assert!(seen.len() < everything().len() && seen.is_subset(&everything()), "{} were seen", seen.len());
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_by_position_finds_each_event_once_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::sqlite(&dir.path().join("renkei.db")).unwrap();
    assert_eq!(read_while_written(&store, false).await, everything());
    store.stop().await;
}
