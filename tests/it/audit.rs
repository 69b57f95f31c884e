//! The audit chain and the outbox on both engines: whatever somebody does to a record shows, and where.

use crate::support::test_store::{TestStore, on_both_engines};
use renkei_core::audit::{self, Actor, AuditAction, ChainReport, Entry, Filter};
use renkei_core::clock::Instant;
use renkei_core::event::{self, Event, EventKind};
use renkei_core::id::{ClientId, EventId, GrantId, InteractionId};
use renkei_core::secret::Hash;
use renkei_core::store::{Error, Result, Store, Tx};
use serde_json::json;

on_both_engines! {
    chains_hold_with_many_writers
    a_record_rolls_back_with_its_change
    every_change_shows_and_where
    a_removed_head_shows
    an_export_is_whole_and_in_order_of_time
    events_keep_the_order_of_their_grant
    events_since_a_moment_miss_none
}

fn at(ms: i64) -> Instant {
    Instant::from_millis(1_795_000_000_000 + ms)
}

async fn record(store: &Store, n: i64) {
    let write = store.write(move |tx| {
        let entry = Entry {
            client: (n % 2 == 0).then(|| ClientId::parse("creco").unwrap()),
            interaction: InteractionId::parse("i-1"),
            grant: GrantId::parse(&format!("g-{}", n % 3)),
            account: (n % 2 == 1).then(|| Hash::of("account")),
            detail: json!({"n": n, "of": "ﾃﾞｰﾀ"}),
            ..Entry::new(at(n / 4), Actor::Customer, AuditAction::AlarmRaised)
        };
        audit::append(tx, &entry)
    });
    write.await.unwrap();
}

async fn chains_hold_with_many_writers(test_store: TestStore) {
    let store = test_store.open();
    let empty = audit::verify(&store).await.unwrap();
    assert_eq!(empty, ChainReport::default());
    let writers: Vec<_> = (0..50)
        .map(|w| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    record(&store, w * 20 + n).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let report = audit::verify(&store).await.unwrap();
    assert_eq!((report.records, report.breaks.as_slice()), (1000, &[][..]));
    assert_eq!(report.heads.iter().map(|h| h.length).sum::<i64>(), 1000);
    // The next process goes on where this one stopped.
    store.stop().await;
    let store = test_store.open();
    record(&store, 1).await;
    let report = audit::verify(&store).await.unwrap();
    assert_eq!((report.records, report.breaks.as_slice()), (1001, &[][..]));
}

async fn a_record_rolls_back_with_its_change(test_store: TestStore) {
    let store = test_store.open();
    record(&store, 0).await;
    let failed = store.write(|tx| {
        audit::append(tx, &Entry::new(at(1), Actor::System, AuditAction::CallSeen))?;
        Err::<(), _>(Error::Engine("no".into()))
    });
    failed.await.unwrap_err();
    // Several in one transaction hang on each other.
    let several = store.write(|tx| {
        for _ in 0..3 {
            audit::append(tx, &Entry::new(at(2), Actor::System, AuditAction::AccountChanged))?;
        }
        Ok(())
    });
    several.await.unwrap();
    let report = audit::verify(&store).await.unwrap();
    assert_eq!((report.records, report.breaks.as_slice()), (4, &[][..]));
}

async fn tamper(store: &Store, sql: &'static str) {
    let changed = store.write(move |tx| tx.execute(sql, &[])).await.unwrap();
    assert!(changed > 0, "{sql}");
}

/// One chain of eight records.
async fn chain(test_store: &TestStore) -> Store {
    let options = renkei_core::store::Options { connections: 1, ..Default::default() };
    let store = test_store.open_with(&options).unwrap();
    for n in 0..8 {
        record(&store, n).await;
    }
    store
}

async fn every_change_shows_and_where(test_store: TestStore) {
    let store = chain(&test_store).await;
    // Each change is undone by the statement after it, so that each is seen alone.
    let changes: [(&str, &str, i64, &str); 10] = [
        ("update audit set at = at + 1 where n = 3", "update audit set at = at - 1 where n = 3", 3, "changed"),
        (
            "update audit set actor = 'system' where n = 4",
            "update audit set actor = 'customer' where n = 4",
            4,
            "changed",
        ),
        (
            "update audit set action = 'test.other' where n = 1",
            "update audit set action = 'alarm.raised' where n = 1",
            1,
            "changed",
        ),
        (
            "update audit set client_id = null where n = 5",
            "update audit set client_id = 'creco' where n = 5",
            5,
            "changed",
        ),
        (
            "update audit set grant_id = 'g-9' where n = 8",
            "update audit set grant_id = 'g-1' where n = 8",
            8,
            "changed",
        ),
        (
            "update audit set interaction = 'i-2' where n = 2",
            "update audit set interaction = 'i-1' where n = 2",
            2,
            "changed",
        ),
        (
            "update audit set detail = '{}' || detail where n = 6",
            "update audit set detail = substr(detail, 3) where n = 6",
            6,
            "changed",
        ),
        ("update audit set n = 20 where n = 5", "update audit set n = 5 where n = 20", 5, "missing"),
        ("update audit_chains set length = 7", "update audit_chains set length = 8", 7, "head is not of this record"),
        (
            "insert into audit (worker, n, at, actor, action, detail, hash) \
             select worker, 9, at, actor, action, detail, hash from audit where n = 8",
            "delete from audit where n = 9",
            9,
            "beyond the head",
        ),
    ];
    for (change, undo, n, why) in changes {
        tamper(&store, change).await;
        let report = audit::verify(&store).await.unwrap();
        assert_eq!(report.breaks.len(), 1, "{change}: {report:?}");
        assert_eq!(report.breaks[0].n, n, "{change}: {report:?}");
        assert!(report.breaks[0].why.contains(why), "{change}: {report:?}");
        tamper(&store, undo).await;
        assert_eq!(audit::verify(&store).await.unwrap().breaks, [], "{undo}");
    }
    // The last record is gone: only the head knows.
    tamper(&store, "delete from audit where n = 8").await;
    let report = audit::verify(&store).await.unwrap();
    assert_eq!((report.breaks[0].n, report.breaks[0].why), (8, "the record is missing"));
}

async fn a_removed_head_shows(test_store: TestStore) {
    let store = chain(&test_store).await;
    tamper(&store, "delete from audit_chains").await;
    let report = audit::verify(&store).await.unwrap();
    assert_eq!((report.breaks[0].n, report.breaks[0].why), (1, "the record lies beyond the head"));
}

async fn an_export_is_whole_and_in_order_of_time(test_store: TestStore) {
    let store = test_store.open();
    for n in 0..30 {
        record(&store, n).await;
    }
    let (filter, mut after, mut all) = (Filter::default(), None, Vec::new());
    loop {
        let (f, a) = (filter.clone(), after.clone());
        let page = store.scan(move |tx| audit::export(tx, &f, a.as_ref(), 7)).await.unwrap();
        assert!(page.records.len() <= 7);
        all.extend(page.records);
        match page.next {
            // As one word, the way a caller carries it.
            Some(next) => after = audit::Cursor::parse(&next.written()),
            None => break,
        }
    }
    assert_eq!(all.len(), 30);
    assert!(all.windows(2).all(|w| w[0].at <= w[1].at));
    let mut numbers: Vec<_> = all.iter().map(|r| r.detail["n"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    assert_eq!(all[0].actor, "customer");

    let of = |filter: Filter| {
        let store = store.clone();
        async move { store.scan(move |tx| audit::export(tx, &filter, None, 100)).await.unwrap().records.len() }
    };
    assert_eq!(of(Filter { grant: GrantId::parse("g-1"), ..Filter::default() }).await, 10);
    // Half of the records name the account; each grant has some of them, so all records belong to it.
    assert_eq!(of(Filter { account: Some(Hash::of("account")), ..Filter::default() }).await, 30);
    assert_eq!(of(Filter { from: Some(at(5)), ..Filter::default() }).await, 10);
    assert_eq!(of(Filter { to: Some(at(5)), ..Filter::default() }).await, 20);
    assert_eq!(of(Filter { from: Some(at(2)), to: Some(at(3)), ..Filter::default() }).await, 4);
}

fn event(id: &str, grant: Option<&str>, seq: i64, ms: i64) -> Event {
    Event {
        id: EventId::parse(id).unwrap(),
        at: at(ms),
        kind: EventKind::TokenIssued,
        client: ClientId::parse("creco"),
        grant: grant.map(|g| GrantId::parse(g).unwrap()),
        sub: Some("sub".into()),
        seq,
        detail: json!({"token": "t", "expires_at": 1}),
        aud: Vec::new(),
        account: None,
    }
}
fn emit(tx: &mut Tx<'_, '_>, e: &Event) -> Result<()> {
    event::emit(tx, e)
}

async fn events_keep_the_order_of_their_grant(test_store: TestStore) {
    let store = test_store.open();
    // Times may stand still or differ between nodes; the grant's counter orders.
    let all = [
        event("e1", Some("g"), 1, 9),
        event("e3", Some("g"), 3, 1),
        event("e2", Some("g"), 2, 5),
        event("x1", Some("h"), 1, 1),
    ];
    for e in all.clone() {
        store.write(move |tx| emit(tx, &e)).await.unwrap();
    }
    let of = |after| {
        let grant = GrantId::parse("g").unwrap();
        store.read(move |tx| event::of_grant(tx, &grant, after, 10))
    };
    assert_eq!(of(0).await.unwrap(), [all[0].clone(), all[2].clone(), all[1].clone()]);
    assert_eq!(of(2).await.unwrap(), [all[1].clone()]);
    // Neither an id nor a place can be taken twice.
    for taken in [event("e1", Some("k"), 1, 1), event("e9", Some("g"), 2, 1)] {
        let done = store.write(move |tx| emit(tx, &taken)).await;
        assert!(matches!(done, Err(Error::Engine(_))), "{done:?}");
    }
    // Events without a grant stand outside any order.
    for id in ["n1", "n2"] {
        store.write(move |tx| emit(tx, &event(id, None, 0, 1))).await.unwrap();
    }
}

async fn events_since_a_moment_miss_none(test_store: TestStore) {
    let store = test_store.open();
    for n in 0..20_i64 {
        let e = event(&format!("e{n:02}"), None, 0, n / 7);
        store.write(move |tx| emit(tx, &e)).await.unwrap();
    }
    let (mut from, mut after, mut seen) = (at(0), None, Vec::new());
    loop {
        let last = after.clone();
        let page = store.read(move |tx| event::since(tx, from, last.as_ref(), 3)).await.unwrap();
        let Some(e) = page.last() else { break };
        (from, after) = (e.at, Some(e.id.clone()));
        seen.extend(page.into_iter().map(|e| e.id.to_string()));
    }
    assert_eq!(seen, (0..20).map(|n| format!("e{n:02}")).collect::<Vec<_>>());
}
