//! What goes wrong under a store: a full disk, a second process, killed connections, a wrong certificate.

use super::store::{count, get, open, options, put};
use crate::support::pg;
use crate::support::test_store::TestStore;
use renkei_core::store::{Error, Options, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

// ---- SQLite -----------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let test_store = TestStore::sqlite();
    let store = open(&test_store);
    let pages = store.write(|tx| tx.row("pragma page_count", &[])?.unwrap().int(0)).await.unwrap();
    assert!(pages > 1);
    store.write(|tx| tx.rows("pragma max_page_count = 60", &[]).map(|_| ())).await.unwrap();
    let mut acknowledged = 0_i64;
    let mut full = None;
    for round in 0..50 {
        // Many at once, so that they share a commit: when the disk is full all of a batch may fail, never half of one.
        let jobs: Vec<_> = (0..20)
            .map(|i| {
                let store = store.clone();
                tokio::spawn(async move {
                    let id = format!("{round}-{i}");
                    let write = store.write(move |tx| {
                        let params = [id.as_str().into(), vec![7; 3000].into()];
                        tx.execute("insert into things (id, b) values (?1, ?2)", &params)
                    });
                    write.await
                })
            })
            .collect();
        for job in jobs {
            match job.await.unwrap() {
                Ok(_) => acknowledged += 1,
                Err(e) => full = Some(e),
            }
        }
        if full.is_some() {
            break;
        }
    }
    assert!(matches!(&full, Some(Error::Unavailable(_))), "{full:?}");
    assert_eq!(count(&store).await, acknowledged);
    // Room again, and it goes on; also after a restart everything is as it was said.
    store.ending().write(|tx| tx.rows("pragma max_page_count = 100000", &[]).map(|_| ())).await.unwrap();
    let mut endings_only = store.watch_endings_only();
    endings_only.wait_for(|only| !only).await.unwrap();
    store.write(|tx| put(tx, "after", 1)).await.unwrap();
    store.stop().await;
    assert_eq!(count(&open(&test_store)).await, acknowledged + 1);
}

/// What lies on the disk the moment a write is acknowledged is enough to go on from, as after a power cut; and nobody
/// else on the machine may read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_acknowledged_write_is_in_the_files() {
    let test_store = TestStore::sqlite();
    let store = open(&test_store);
    for round in 1..=5 {
        store.write(move |tx| put(tx, &round.to_string(), round)).await.unwrap();
        let TestStore::Sqlite(dir) = &test_store else { panic!("not SQLite") };
        let after = TestStore::sqlite();
        let TestStore::Sqlite(copy) = &after else { panic!("not SQLite") };
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
            assert_eq!(mode & 0o077, 0, "{:?} is its owner's alone", entry.file_name());
            let name = entry.file_name().into_string().unwrap();
            if name == "renkei.db" || name == "renkei.db-wal" {
                std::fs::copy(entry.path(), copy.path().join(name)).unwrap();
            }
        }
        assert_eq!(count(&open(&after)).await, round);
    }
}

#[tokio::test]
async fn one_process_owns_a_file() {
    let test_store = TestStore::sqlite();
    let store = open(&test_store);
    let second = test_store.open_with(&options()).err();
    assert!(matches!(&second, Some(Error::Unavailable(why)) if why.contains("in use")), "{second:?}");
    store.stop().await;
    open(&test_store).stop().await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said() {
    let gone = Store::sqlite(Path::new("/nowhere/renkei.db")).err();
    assert!(matches!(&gone, Some(Error::Unavailable(why)) if why.contains("/nowhere")), "{gone:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("renkei.db");
    std::fs::write(&path, "not a database at all, but long enough to have a header ".repeat(100)).unwrap();
    assert!(matches!(Store::sqlite(&path).err(), Some(Error::Engine(_))));
}

// ---- PostgreSQL -------------------------------------------------------------------------------------------------

fn database(test_store: &TestStore) -> &pg::Database {
    match test_store {
        TestStore::Postgres(database) => database,
        TestStore::Sqlite(_) => panic!("not PostgreSQL"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_sessions_are_repaired_before_the_next_job() {
    let test_store = TestStore::postgres();
    let store = test_store.open_with(&Options { connections: 3, ..options() }).unwrap();
    store.write(|tx| put(tx, "a", 0)).await.unwrap();
    for round in 1..=3 {
        assert!(database(&test_store).kill_sessions() > 0);
        for _ in 0..6 {
            store.write(|tx| tx.execute("update things set n = n + 1 where id = 'a'", &[])).await.unwrap();
            store.read(|tx| get(tx, "a")).await.unwrap();
        }
        assert_eq!(store.read(|tx| get(tx, "a")).await.unwrap(), Some(round * 6));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_killed_in_the_middle_runs_its_job_again() {
    let test_store = TestStore::postgres();
    let store = test_store.open_with(&Options { connections: 1, ..options() }).unwrap();
    let first = Arc::new(AtomicBool::new(true));
    let seen = first.clone();
    let done = store.write(move |tx| {
        let n = put(tx, "a", 1)?;
        if seen.swap(false, Ordering::SeqCst) {
            tx.row("select pg_terminate_backend(pg_backend_pid())", &[])?;
        }
        Ok(n)
    });
    assert_eq!(done.await.unwrap(), 1);
    assert!(!first.load(Ordering::SeqCst));
    assert_eq!(count(&store).await, 1);
    // A job that kills every session it gets is given up.
    let killer = store.write(|tx| tx.row("select pg_terminate_backend(pg_backend_pid())", &[]).map(|_| ())).await;
    assert!(matches!(killer, Err(Error::Unavailable(_))), "{killer:?}");
    assert_eq!(store.write(|tx| put(tx, "b", 1)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_statement_of_another_type_is_refused_before_it_is_sent() {
    let store = open(&TestStore::postgres());
    let done = store.write(|tx| tx.execute("update things set n = ?1", &["7".into()])).await;
    assert!(matches!(&done, Err(Error::Engine(why)) if why.contains("TEXT")), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_hosts_the_living_one_is_used() {
    let test_store = TestStore::postgres();
    let dead = crate::support::ports::free(1);
    let url = database(&test_store).url().replace("@127.0.0.1:", &format!("@127.0.0.1:{dead},127.0.0.1:"));
    let store = Store::open_with(&url, &options()).unwrap();
    store.write(|tx| put(tx, "a", 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_does_not_answer_is_said_without_the_password() {
    let dead = crate::support::ports::free(1);
    let url = format!("postgres://renkei:geheim@127.0.0.1:{dead}/x?connect_timeout=1");
    for url in [url.as_str(), "postgres://renkei:geheim@127.0.0.1/x?sslmode=perhaps", "postgres://geheim:@[/"] {
        let said = Store::open(url).err();
        assert!(matches!(&said, Some(Error::Unavailable(why)) if !why.contains("geheim")), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tls_verifies_the_server() {
    let test_store = TestStore::postgres();
    let dir = tempfile::tempdir().unwrap();
    let (ours, other) = (dir.path().join("ca.pem"), dir.path().join("other.pem"));
    std::fs::write(&ours, pg::ca()).unwrap();
    std::fs::write(&other, rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap().cert.pem()).unwrap();
    let named = database(&test_store).url_by_name();
    let store =
        Store::open_with(&format!("{named}?sslmode=verify-full&sslrootcert={}", ours.display()), &options()).unwrap();
    let tls = store
        .read(|tx| {
            let sql = "select case when ssl then version else 'none' end from pg_stat_ssl where pid = pg_backend_pid()";
            Ok(tx.row(sql, &[])?.unwrap().text(0)?.to_owned())
        })
        .await;
    assert_eq!(tls.unwrap(), "TLSv1.3");
    let number = database(&test_store).url();
    for (why, url) in [
        ("an unknown authority", format!("{named}?sslmode=require&sslrootcert={}", other.display())),
        ("another name", format!("{number}?sslmode=require&sslrootcert={}", ours.display())),
        ("no such file", format!("{named}?sslmode=require&sslrootcert=/nowhere/ca.pem")),
    ] {
        let refused = Store::open_with(&url, &options()).err();
        assert!(matches!(refused, Some(Error::Unavailable(_))), "{why}: {refused:?}");
    }
    let socket = format!(
        "postgres://renkei@{}:{}/{}",
        pg::socket_dir().display().to_string().replace('/', "%2F"),
        database(&test_store).port(),
        named.rsplit('/').next().unwrap()
    );
    assert_eq!(count(&Store::open_with(&socket, &options()).unwrap()).await, 0);
}
