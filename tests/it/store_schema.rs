//! The schema files: applied once, in order, all or none; what does not fit is refused.

use crate::support::test_store::{TestStore, on_both_engines};
use renkei_core::store::migrate::{File, MigrationState, can_run_with, status};
use renkei_core::store::{Error, Options, Store};

const ONE: File = ("0001_one", "create table one (id TEXT not null primary key, b BYTES);");
const TWO: File = ("0002_two", "-- a comment and nothing else");
const THREE: File = ("0003_three", "create table three (id BIGINT primary key); insert into three (id) values (3);");

on_both_engines! {
    files_are_applied_once_and_in_order
    a_changed_file_and_a_newer_schema_are_refused
    the_release_before_runs_where_the_newer_one_says_so
    a_file_that_fails_leaves_nothing
    without_migration_the_schema_is_only_looked_at
    the_products_own_files_fit
}

fn with(schema: &'static [File]) -> Options {
    Options { schema, ..Options::default() }
}
async fn states(store: &Store, files: &'static [File]) -> Vec<(String, MigrationState)> {
    store.read(move |tx| status(tx, files)).await.unwrap()
}

async fn files_are_applied_once_and_in_order(test_store: TestStore) {
    test_store.open_with(&with(&[ONE, TWO])).unwrap().stop().await;
    for _ in 0..2 {
        let store = test_store.open_with(&with(&[ONE, TWO, THREE])).unwrap();
        let rows = store.read(|tx| tx.rows("select id from three limit 10", &[])).await.unwrap();
        assert_eq!(rows.len(), 1);
        let all = states(&store, &[ONE, TWO, THREE]).await;
        assert!(all.iter().all(|(_, s)| *s == MigrationState::Applied), "{all:?}");
        store.stop().await;
    }
}

async fn a_changed_file_and_a_newer_schema_are_refused(test_store: TestStore) {
    test_store.open_with(&with(&[ONE, THREE])).unwrap().stop().await;
    let changed: &'static [File] = &[("0001_one", "create table one (id TEXT);"), THREE];
    for (files, name) in [(changed, "0001_one"), (&[ONE][..], "0003_three")] {
        let refused = test_store.open_with(&with(files)).err();
        assert!(matches!(&refused, Some(Error::Schema(why)) if why.contains(name)), "{refused:?}");
    }
    test_store.open_with(&with(&[ONE, THREE])).unwrap().stop().await;
}

/// The newer release has files that this one does not know. Each must name this version or an older one.
async fn the_release_before_runs_where_the_newer_one_says_so(test_store: TestStore) {
    const LETS_US: File = ("0004_lets_us", "-- What it is for.\n-- oldest: 0.0.9\ncreate table four (id TEXT);");
    const NAMES_US: File = ("0005_names_us", concat!("-- oldest: ", env!("CARGO_PKG_VERSION"), "\n"));
    const TOO_NEW: File = ("0006_too_new", "-- oldest: 99.0.0\n");
    const OWN: &[File] = &[ONE, THREE];
    test_store.open_with(&with(&[ONE, THREE, LETS_US, NAMES_US])).unwrap().stop().await;
    let store = test_store.open_with(&with(OWN)).unwrap();
    let found: Vec<MigrationState> = states(&store, OWN).await.into_iter().map(|(_, state)| state).collect();
    let newer = MigrationState::Newer;
    assert_eq!(found, [MigrationState::Applied, MigrationState::Applied, newer, newer]);
    store.stop().await;

    test_store.open_with(&with(&[ONE, THREE, LETS_US, NAMES_US, TOO_NEW])).unwrap().stop().await;
    let refused = test_store.open_with(&with(OWN)).err();
    assert!(matches!(&refused, Some(Error::Schema(why)) if why.contains("0006_too_new")), "{refused:?}");
}

/// Whatever looks like a URL is no SQLite file, and no message about it has its password.
/// What `store.url` may be.
#[test]
fn a_url_is_no_file_and_keeps_its_password() {
    for url in [
        "Postgres://renkei:hidden-word@127.0.0.1:1/renkei",
        "POSTGRESQL://renkei:hidden-word@127.0.0.1:1/renkei",
        "postgres://renkei:hidden-word@127.0.0.1:no/renkei",
        "postgres:// renkei:hidden-word@[::1/renkei",
        "postgress://renkei:hidden-word@127.0.0.1/renkei",
        "mysql://renkei:hidden-word@127.0.0.1/renkei",
    ] {
        let options =
            Options { connections: 1, time_limit: std::time::Duration::from_millis(300), ..Options::default() };
        let refused = Store::open_with(url, &options).err().unwrap().to_string();
        assert!(!refused.contains("hidden-word"), "{refused}");
    }
    assert!(!std::path::Path::new("Postgres:").exists());
}

#[test]
fn a_version_can_run_with_a_file_that_names_it_or_an_older_one() {
    for (oldest, ours, want) in [
        ("0.1.0", "0.1.0", true),
        ("0.1.0", "0.1.1", true),
        ("0.1.9", "0.1.10", true),
        ("0.9.0", "1.0.0", true),
        ("0.1.1", "0.1.0", false),
        ("0.10.0", "0.9.9", false),
        ("1.0", "1.0.0", false),
        ("soon", "1.0.0", false),
        ("", "1.0.0", false),
    ] {
        assert_eq!(can_run_with(oldest, ours), want, "{oldest:?} and {ours:?}");
    }
}

async fn a_file_that_fails_leaves_nothing(test_store: TestStore) {
    let broken: &'static [File] = &[ONE, ("0002_broken", "create table two (id TEXT); create tablet three;")];
    let refused = test_store.open_with(&with(broken)).err();
    assert!(matches!(refused, Some(Error::Engine(_))), "{refused:?}");
    let store = test_store.open_with(&with(&[ONE])).unwrap();
    let two = store.read(|tx| tx.rows("select id from two", &[]).map(|_| ())).await;
    assert!(matches!(two, Err(Error::Engine(_))), "{two:?}");
}

async fn without_migration_the_schema_is_only_looked_at(test_store: TestStore) {
    let look = Options { migrate: false, ..with(&[ONE]) };
    let store = test_store.open_with(&look).unwrap();
    assert_eq!(states(&store, &[ONE]).await, [("0001_one".to_owned(), MigrationState::Pending)]);
    store.stop().await;
    test_store.open_with(&with(&[ONE, THREE])).unwrap().stop().await;
    let store = test_store.open_with(&look).unwrap();
    let changed: &'static [File] = &[("0001_one", "other")];
    let all = states(&store, changed).await;
    assert_eq!(
        all,
        [("0001_one".to_owned(), MigrationState::Changed), ("0003_three".to_owned(), MigrationState::Unknown)]
    );
}

async fn the_products_own_files_fit(test_store: TestStore) {
    test_store.open().stop().await;
    let store = test_store.open();
    let all = states(&store, renkei_core::store::migrate::FILES).await;
    assert!(all.len() >= 6 && all.iter().all(|(_, s)| *s == MigrationState::Applied), "{all:?}");
}

/// Two nodes started at once on an empty database: both come up, each file is applied once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_together_migrate_once() {
    let test_store = std::sync::Arc::new(TestStore::postgres());
    let nodes: Vec<_> = (0..4)
        .map(|_| {
            let test_store = test_store.clone();
            tokio::task::spawn_blocking(move || {
                test_store.open_with(&Options { connections: 1, ..with(&[ONE, TWO, THREE]) }).unwrap()
            })
        })
        .collect();
    for node in nodes {
        let store = node.await.unwrap();
        assert_eq!(store.read(|tx| tx.rows("select id from three limit 10", &[])).await.unwrap().len(), 1);
    }
}
