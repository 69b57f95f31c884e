//! The contract of the store: every verb of `Tx` and `Store`, on both engines, races included.

use crate::support::test_store::{TestStore, on_both_engines};
use renkei_core::store::migrate::File;
use renkei_core::store::{Error, Options, Result, Store, Tx, Value};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

pub(crate) const SCHEMA: &[File] = &[(
    "0001_things",
    "create table things (id TEXT not null primary key, n BIGINT, t TEXT, b BYTES);
     create table parts (id BIGINT not null primary key, thing TEXT not null references things (id));
     -- What the store itself writes on PostgreSQL.
     create table store_markers (id TEXT not null primary key, at BIGINT not null);",
)];

pub(crate) fn options() -> Options {
    Options { schema: SCHEMA, ..Options::default() }
}
pub(crate) fn open(test_store: &TestStore) -> Store {
    test_store.open_with(&options()).unwrap()
}
pub(crate) fn put(tx: &mut Tx<'_, '_>, id: &str, n: i64) -> Result<u64> {
    tx.execute("insert into things (id, n) values (?1, ?2) on conflict do nothing", &[id.into(), n.into()])
}
pub(crate) fn get(tx: &mut Tx<'_, '_>, id: &str) -> Result<Option<i64>> {
    tx.row("select n from things where id = ?1", &[id.into()])?.map(|row| row.int(0)).transpose()
}
pub(crate) async fn count(store: &Store) -> i64 {
    store.read(|tx| tx.row("select count(*) from things", &[])?.unwrap().int(0)).await.unwrap()
}

on_both_engines! {
    values_come_back_as_they_went_in
    a_row_says_when_it_holds_something_else
    rows_changed_are_counted
    an_error_leaves_nothing
    a_panic_leaves_nothing_and_the_store_lives
    a_swallowed_error_fails_the_unit_of_work
    a_read_cannot_write
    a_read_sees_every_acknowledged_write
    a_read_sees_one_moment
    what_an_engine_refuses_the_other_refuses
    of_fifty_at_once_exactly_one_claims_a_row
    of_fifty_that_look_first_exactly_one_wins
    no_increment_is_lost
    a_full_queue_is_said_at_once
    a_caller_who_leaves_takes_nothing_back
    stop_finishes_what_waits
    everything_is_there_after_reopening
    a_worker_has_a_name
}

async fn values_come_back_as_they_went_in(test_store: TestStore) {
    let store = open(&test_store);
    let values = [
        (Value::Int(i64::MIN), Value::Text("".into()), Value::Bytes(vec![])),
        (Value::Int(i64::MAX), Value::Text("ﾃﾞｰﾀ 太郎 🏦 '\"\\%_".into()), Value::Bytes((0..=255).collect())),
        (Value::Int(0), Value::Text("?1 $1".into()), Value::Bytes(vec![0; 100_000])),
        (Value::Null, Value::Null, Value::Null),
    ];
    for (i, (n, t, b)) in values.into_iter().enumerate() {
        let id = i.to_string();
        store
            .write(move |tx| {
                let params = [id.as_str().into(), n.clone(), t.clone(), b.clone()];
                tx.execute("insert into things (id, n, t, b) values (?1, ?2, ?3, ?4)", &params)?;
                let row = tx.row("select n, t, b from things where id = ?1", &[id.as_str().into()])?.unwrap();
                assert_eq!(Value::from(row.opt_int(0)?), n);
                assert_eq!(Value::from(row.opt_text(1)?), t);
                assert_eq!(Value::from(row.opt_bytes(2)?), b);
                Ok(())
            })
            .await
            .unwrap();
    }
    // A placeholder may be named twice and in any order, and found by every kind of value.
    let found = store
        .read(|tx| {
            tx.rows(
                "select id from things where b = ?3 and t = ?2 and n = ?1 and n = ?1 order by id limit 10",
                &[0_i64.into(), "?1 $1".into(), vec![0; 100_000].into()],
            )?[0]
                .text(0)
                .map(str::to_owned)
        })
        .await;
    assert_eq!(found.unwrap(), "2");
}

async fn a_row_says_when_it_holds_something_else(test_store: TestStore) {
    let store = open(&test_store);
    store
        .write(|tx| {
            put(tx, "a", 7)?;
            let row = tx.row("select id, n, t from things", &[])?.unwrap();
            assert!(matches!(row.int(0), Err(Error::Column { column: 0, .. })));
            assert!(matches!(row.text(1), Err(Error::Column { column: 1, .. })));
            assert!(matches!(row.bytes(1), Err(Error::Column { .. })));
            assert!(matches!(row.flag(1), Err(Error::Column { .. })));
            assert!(matches!(row.text(2), Err(Error::Column { column: 2, .. })));
            assert!(matches!(row.hash(2), Err(Error::Column { .. })));
            assert!(matches!(row.int(9), Err(Error::Column { column: 9, .. })));
            assert_eq!(row.opt_text(2)?, None);
            // A comparison is 1 or 0 on both, and so is a small number.
            let row = tx.row("select n = 7, n = 8, 5, 'x' from things", &[])?.unwrap();
            assert_eq!((row.flag(0)?, row.flag(1)?, row.int(2)?, row.text(3)?), (true, false, 5, "x"));
            assert!(tx.row("select id from things where id = 'none'", &[])?.is_none());
            assert!(tx.rows("select id from things where id = 'none'", &[])?.is_empty());
            Ok(())
        })
        .await
        .unwrap();
}

async fn rows_changed_are_counted(test_store: TestStore) {
    let store = open(&test_store);
    store
        .write(|tx| {
            for (id, n) in [("a", 1), ("b", 1), ("c", 2)] {
                assert_eq!(put(tx, id, n)?, 1);
            }
            assert_eq!(put(tx, "a", 9)?, 0);
            // Rows that match count, also when their value stays.
            assert_eq!(tx.execute("update things set n = 1 where n = ?1", &[1_i64.into()])?, 2);
            assert_eq!(tx.execute("update things set n = 5 where n = 77", &[])?, 0);
            let sql = "update things set n = n + 1 where id = ?1 returning n";
            assert_eq!(tx.row(sql, &["c".into()])?.unwrap().int(0)?, 3);
            assert_eq!(tx.execute(sql, &["c".into()])?, 1);
            assert_eq!(get(tx, "c")?, Some(4));
            assert_eq!(tx.execute("delete from things where n < ?1", &[4_i64.into()])?, 2);
            assert_eq!(tx.rows("select id from things limit 10", &[])?.len(), 1);
            Ok(())
        })
        .await
        .unwrap();
}

async fn an_error_leaves_nothing(test_store: TestStore) {
    let store = open(&test_store);
    // Good and bad jobs side by side: on SQLite they share a commit.
    let jobs: Vec<_> = (0..40)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move {
                let id = format!("{i}");
                let done = store.write(move |tx| {
                    put(tx, &id, i)?;
                    if i % 2 == 0 { Ok(()) } else { Err(Error::Engine("refused".into())) }
                });
                done.await.is_ok()
            })
        })
        .collect();
    for (i, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.unwrap(), i % 2 == 0);
    }
    let left = store.read(|tx| tx.rows("select n from things limit 100", &[])).await.unwrap();
    assert_eq!(left.len(), 20);
    assert!(left.iter().all(|row| row.int(0).unwrap() % 2 == 0));
}

async fn a_panic_leaves_nothing_and_the_store_lives(test_store: TestStore) {
    let store = test_store.open_with(&Options { connections: 1, ..options() }).unwrap();
    let wrote = store.write(|tx| -> Result<()> { put(tx, "a", 1).map(|_| panic!("a fault in a verb")) }).await;
    assert!(matches!(wrote, Err(Error::Engine(_))), "{wrote:?}");
    let read = store.read(|_| -> Result<()> { panic!("a fault in a verb") }).await;
    assert!(matches!(read, Err(Error::Engine(_))), "{read:?}");
    assert_eq!(count(&store).await, 0);
    assert_eq!(store.write(|tx| put(tx, "b", 1)).await.unwrap(), 1);
}

async fn a_swallowed_error_fails_the_unit_of_work(test_store: TestStore) {
    let store = open(&test_store);
    let done = store
        .write(|tx| {
            put(tx, "a", 1)?;
            let _ = tx.execute("insert into things (id) values ('a')", &[]);
            let _ = put(tx, "b", 1);
            Ok(())
        })
        .await;
    assert!(matches!(done, Err(Error::Engine(_))), "{done:?}");
    assert_eq!(count(&store).await, 0);
}

async fn a_read_cannot_write(test_store: TestStore) {
    let store = open(&test_store);
    let done = store.read(|tx| put(tx, "a", 1)).await;
    assert!(matches!(done, Err(Error::Engine(_))), "{done:?}");
    let done = store.scan(|tx| put(tx, "a", 1)).await;
    assert!(matches!(done, Err(Error::Engine(_))), "{done:?}");
    assert_eq!(count(&store).await, 0);
}

async fn a_read_sees_every_acknowledged_write(test_store: TestStore) {
    let store = open(&test_store);
    let writers = (0..4).map(|w| {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 0..50_i64 {
                let id = format!("{w}-{i}");
                let again = id.clone();
                store.write(move |tx| put(tx, &id, i)).await.unwrap();
                assert_eq!(store.read(move |tx| get(tx, &again)).await.unwrap(), Some(i));
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

async fn a_read_sees_one_moment(test_store: TestStore) {
    let store = open(&test_store);
    store.write(|tx| put(tx, "a", 1)).await.unwrap();
    let (began, has_begun) = mpsc::channel::<()>();
    let (wrote, has_written) = mpsc::channel::<()>();
    let (began, has_written) = (Mutex::new(began), Mutex::new(has_written));
    let reader = store.clone();
    let reading = tokio::spawn(async move {
        let read = reader.scan(move |tx| {
            let first = get(tx, "a")?;
            began.lock().unwrap().send(()).unwrap();
            has_written.lock().unwrap().recv().unwrap();
            Ok((first, get(tx, "a")?))
        });
        read.await.unwrap()
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    // A reader does not hold up a writer either.
    store.write(|tx| tx.execute("update things set n = 2 where id = 'a'", &[])).await.unwrap();
    wrote.send(()).unwrap();
    assert_eq!(reading.await.unwrap(), (Some(1), Some(1)));
    assert_eq!(store.read(|tx| get(tx, "a")).await.unwrap(), Some(2));
}

async fn what_an_engine_refuses_the_other_refuses(test_store: TestStore) {
    let store = open(&test_store);
    type Bad = fn(&mut Tx<'_, '_>) -> Result<u64>;
    let bad: [(&str, Bad); 7] = [
        ("a taken key", |tx| {
            put(tx, "a", 1)?;
            tx.execute("insert into things (id) values ('a')", &[])
        }),
        ("a missing parent", |tx| tx.execute("insert into parts (id, thing) values (1, 'nobody')", &[])),
        ("a null", |tx| tx.execute("insert into things (id) values (?1)", &[Value::Null])),
        ("U+0000 in a text", |tx| tx.execute("insert into things (id) values (?1)", &["a\0b".into()])),
        ("no such table", |tx| tx.execute("insert into nothing (id) values (?1)", &["a".into()])),
        ("a parameter too few", |tx| tx.execute("insert into things (id, n) values (?1, ?2)", &["a".into()])),
        ("a parameter too many", |tx| tx.execute("insert into things (id) values (?1)", &["a".into(), 1_i64.into()])),
    ];
    for (name, bad) in bad {
        let done = store.write(bad).await;
        assert!(matches!(done, Err(Error::Engine(_))), "{name}: {done:?}");
        assert_eq!(count(&store).await, 0, "{name}");
    }
    let float = store.read(|tx| tx.rows("select 0.5", &[]).map(|r| r.len())).await;
    assert!(matches!(float, Err(Error::Column { column: 0, .. })), "{float:?}");
}

async fn race(store: &Store, claim: fn(&mut Tx<'_, '_>, &str) -> Result<bool>) {
    for round in 0..4 {
        let id = format!("code-{round}");
        let made = id.clone();
        store.write(move |tx| put(tx, &made, 0)).await.unwrap();
        let racers: Vec<_> = (0..50)
            .map(|_| {
                let (store, id) = (store.clone(), id.clone());
                tokio::spawn(async move { store.write(move |tx| claim(tx, &id)).await.unwrap() })
            })
            .collect();
        let mut winners = 0;
        for racer in racers {
            winners += u32::from(racer.await.unwrap());
        }
        assert_eq!(winners, 1, "round {round}");
    }
}

async fn of_fifty_at_once_exactly_one_claims_a_row(test_store: TestStore) {
    let claim = |tx: &mut Tx<'_, '_>, id: &str| {
        tx.execute("update things set n = 1 where id = ?1 and n = 0", &[id.into()]).map(|n| n == 1)
    };
    race(&open(&test_store), claim).await;
}

async fn of_fifty_that_look_first_exactly_one_wins(test_store: TestStore) {
    let claim = |tx: &mut Tx<'_, '_>, id: &str| {
        let free = get(tx, id)? == Some(0);
        if free {
            tx.execute("update things set n = 1 where id = ?1", &[id.into()])?;
        }
        Ok(free)
    };
    race(&open(&test_store), claim).await;
}

async fn no_increment_is_lost(test_store: TestStore) {
    let store = open(&test_store);
    store.write(|tx| put(tx, "counter", 0)).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let add = |tx: &mut Tx<'_, '_>| {
                        let n = get(tx, "counter")?.unwrap();
                        tx.execute("update things set n = ?1 where id = 'counter'", &[(n + 1).into()])
                    };
                    store.write(add).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.read(|tx| get(tx, "counter")).await.unwrap(), Some(200));
}

async fn a_full_queue_is_said_at_once(test_store: TestStore) {
    let store = test_store.open_with(&Options { connections: 1, queue: 4, ..options() }).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (held, running) = (Mutex::new(held), Arc::new(AtomicBool::new(false)));
    let (holder, says) = (store.clone(), running.clone());
    let holding = tokio::spawn(async move {
        let hold = holder.write(move |_| {
            if !says.swap(true, Ordering::SeqCst) {
                held.lock().unwrap().recv().unwrap();
            }
            Ok(())
        });
        hold.await
    });
    while !running.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Polled once each: they stand in the queue and wait.
    let mut waiting: Vec<_> = (0..4).map(|i| Box::pin(store.write(move |tx| put(tx, &i.to_string(), i)))).collect();
    for job in &mut waiting {
        assert!(tokio::time::timeout(Duration::ZERO, job.as_mut()).await.is_err());
    }
    let turned_away = tokio::time::timeout(Duration::from_secs(5), store.write(|tx| put(tx, "more", 1))).await;
    let turned_away = turned_away.expect("a full queue is said at once");
    assert!(matches!(turned_away, Err(Error::Unavailable(_))), "{turned_away:?}");
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    for job in waiting {
        assert_eq!(job.await.unwrap(), 1);
    }
    assert_eq!(count(&store).await, 4);
    assert_eq!(store.write(|tx| put(tx, "later", 1)).await.unwrap(), 1);
}

async fn a_caller_who_leaves_takes_nothing_back(test_store: TestStore) {
    let store = test_store.open_with(&Options { connections: 1, ..options() }).unwrap();
    // Polled once, so that it stands in the queue, then dropped.
    let _ = tokio::time::timeout(Duration::ZERO, store.write(|tx| put(tx, "a", 1))).await;
    store.write(|tx| put(tx, "b", 1)).await.unwrap();
    assert_eq!(count(&store).await, 2);
}

async fn stop_finishes_what_waits(test_store: TestStore) {
    let store = open(&test_store);
    let acknowledged = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..200_i64)
        .map(|i| {
            let (store, acknowledged) = (store.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let done = store.write(move |tx| put(tx, &i.to_string(), i)).await;
                if done.is_ok() {
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
                done.map(|_| ())
            })
        })
        .collect();
    tokio::task::yield_now().await;
    store.stop().await;
    for task in tasks {
        let done = task.await.unwrap();
        assert!(matches!(done, Ok(()) | Err(Error::Unavailable(_))), "{done:?}");
    }
    let late = store.write(|tx| put(tx, "late", 1)).await;
    assert!(matches!(late, Err(Error::Unavailable(_))), "{late:?}");
    let late = store.read(|tx| get(tx, "0")).await;
    assert!(matches!(late, Err(Error::Unavailable(_))), "{late:?}");
    store.stop().await;
    let again = open(&test_store);
    assert_eq!(count(&again).await, i64::from(acknowledged.load(Ordering::SeqCst)));
}

async fn everything_is_there_after_reopening(test_store: TestStore) {
    for round in 0..3 {
        let store = open(&test_store);
        assert_eq!(count(&store).await, round);
        store.write(move |tx| put(tx, &round.to_string(), round)).await.unwrap();
        store.stop().await;
    }
}

async fn a_worker_has_a_name(test_store: TestStore) {
    let store = open(&test_store);
    let here = store.write(|tx| Ok(tx.worker().to_owned())).await.unwrap();
    match test_store {
        TestStore::Sqlite(_) => assert_eq!(here, "sqlite"),
        TestStore::Postgres(_) => {
            // A second node on the same database never appends to the first one's chains.
            let mut names = std::collections::BTreeSet::new();
            let other = test_store.open_with(&options()).unwrap();
            let (mut ours, mut theirs) = (names.clone(), std::collections::BTreeSet::new());
            for _ in 0..50 {
                ours.insert(store.write(|tx| Ok(tx.worker().to_owned())).await.unwrap());
                theirs.insert(other.write(|tx| Ok(tx.worker().to_owned())).await.unwrap());
            }
            names.extend(ours.intersection(&theirs).cloned());
            assert!(names.is_empty(), "{names:?}");
        }
    }
}

/// A thing of two kilobytes.
fn put_large(tx: &mut Tx<'_, '_>, n: i64) -> Result<u64> {
    let id = format!("large-{n}");
    tx.execute(
        "insert into things (id, n, b) values (?1, ?2, ?3)",
        &[id.as_str().into(), n.into(), vec![7; 2048].as_slice().into()],
    )
}

/// It is made in parts, and what is written meanwhile is not in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_is_the_state_of_the_moment_in_which_it_began() {
    let (dir, test_store) = (tempfile::tempdir().unwrap(), TestStore::sqlite());
    let store = open(&test_store);
    store.write(|tx| (0..5_000).try_for_each(|n| put_large(tx, n).map(drop))).await.unwrap();
    let to = dir.path().join("copy.db");
    let copying = tokio::spawn({
        let (store, to) = (store.clone(), to.clone());
        async move { store.backup(to).await }
    });
    let mut later = 5_000;
    while !copying.is_finished() {
        store.write(move |tx| put_large(tx, later)).await.unwrap();
        later += 1;
    }
    copying.await.unwrap().unwrap();
    let copy = rusqlite::Connection::open(&to).unwrap();
    let copied: i64 = copy.query_row("select count(*) from things", [], |row| row.get(0)).unwrap();
    assert!((5_000..later).contains(&copied), "{copied} of {later}");
    let whole: String = copy.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_ends_with_the_store() {
    let (dir, test_store) = (tempfile::tempdir().unwrap(), TestStore::sqlite());
    let store = open(&test_store);
    store.write(|tx| (0..5_000).try_for_each(|n| put_large(tx, n).map(drop))).await.unwrap();
    let (to, part) = (dir.path().join("copy.db"), dir.path().join("copy.db.part"));
    let copying = tokio::spawn({
        let (store, to) = (store.clone(), to.clone());
        async move { store.backup(to).await }
    });
    while std::fs::metadata(&part).map_or(0, |file| file.len()) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    store.stop().await;
    assert!(matches!(copying.await.unwrap(), Err(Error::Unavailable(_))));
    assert!(!to.exists() && !part.exists(), "nothing is left of it");
}
