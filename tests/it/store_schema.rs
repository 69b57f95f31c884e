//! The schema files: applied once, in order, all or none; what does not fit is refused.

use crate::support::place::{Place, on_both_engines};
use renkei_core::store::migrate::{File, State, status};
use renkei_core::store::{Error, Options, Store};

const ONE: File = ("0001_one", "create table one (id TEXT not null primary key, b BYTES);");
const TWO: File = ("0002_two", "-- a comment and nothing else");
const THREE: File = ("0003_three", "create table three (id BIGINT primary key); insert into three (id) values (3);");

on_both_engines! {
    files_are_applied_once_and_in_order
    a_changed_file_and_a_newer_schema_are_refused
    a_file_that_fails_leaves_nothing
    without_migration_the_schema_is_only_looked_at
    the_products_own_files_fit
}

fn with(schema: &'static [File]) -> Options {
    Options { schema, ..Options::default() }
}
async fn states(store: &Store, files: &'static [File]) -> Vec<(String, State)> {
    store.read(move |tx| status(tx, files)).await.unwrap()
}

async fn files_are_applied_once_and_in_order(place: Place) {
    place.open_with(&with(&[ONE, TWO])).unwrap().stop().await;
    for _ in 0..2 {
        let store = place.open_with(&with(&[ONE, TWO, THREE])).unwrap();
        let rows = store.read(|tx| tx.rows("select id from three limit 10", &[])).await.unwrap();
        assert_eq!(rows.len(), 1);
        let all = states(&store, &[ONE, TWO, THREE]).await;
        assert!(all.iter().all(|(_, s)| *s == State::Applied), "{all:?}");
        store.stop().await;
    }
}

async fn a_changed_file_and_a_newer_schema_are_refused(place: Place) {
    place.open_with(&with(&[ONE, THREE])).unwrap().stop().await;
    let changed: &'static [File] = &[("0001_one", "create table one (id TEXT);"), THREE];
    for (files, name) in [(changed, "0001_one"), (&[ONE][..], "0003_three")] {
        let refused = place.open_with(&with(files)).err();
        assert!(matches!(&refused, Some(Error::Schema(why)) if why.contains(name)), "{refused:?}");
    }
    place.open_with(&with(&[ONE, THREE])).unwrap().stop().await;
}

async fn a_file_that_fails_leaves_nothing(place: Place) {
    let broken: &'static [File] = &[ONE, ("0002_broken", "create table two (id TEXT); create tablet three;")];
    let refused = place.open_with(&with(broken)).err();
    assert!(matches!(refused, Some(Error::Engine(_))), "{refused:?}");
    let store = place.open_with(&with(&[ONE])).unwrap();
    let two = store.read(|tx| tx.rows("select id from two", &[]).map(|_| ())).await;
    assert!(matches!(two, Err(Error::Engine(_))), "{two:?}");
}

async fn without_migration_the_schema_is_only_looked_at(place: Place) {
    let look = Options { migrate: false, ..with(&[ONE]) };
    let store = place.open_with(&look).unwrap();
    assert_eq!(states(&store, &[ONE]).await, [("0001_one".to_owned(), State::Pending)]);
    store.stop().await;
    place.open_with(&with(&[ONE, THREE])).unwrap().stop().await;
    let store = place.open_with(&look).unwrap();
    let changed: &'static [File] = &[("0001_one", "other")];
    let all = states(&store, changed).await;
    assert_eq!(all, [("0001_one".to_owned(), State::Changed), ("0003_three".to_owned(), State::Unknown)]);
}

async fn the_products_own_files_fit(place: Place) {
    place.open().stop().await;
    let store = place.open();
    let all = states(&store, renkei_core::store::migrate::FILES).await;
    assert!(all.len() >= 6 && all.iter().all(|(_, s)| *s == State::Applied), "{all:?}");
}

/// Two nodes started at once on an empty database: both come up, each file is applied once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_together_migrate_once() {
    let place = std::sync::Arc::new(Place::postgres());
    let nodes: Vec<_> = (0..4)
        .map(|_| {
            let place = place.clone();
            tokio::task::spawn_blocking(move || {
                place.open_with(&Options { connections: 1, ..with(&[ONE, TWO, THREE]) }).unwrap()
            })
        })
        .collect();
    for node in nodes {
        let store = node.await.unwrap();
        assert_eq!(store.read(|tx| tx.rows("select id from three limit 10", &[])).await.unwrap().len(), 1);
    }
}
