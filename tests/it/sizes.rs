//! What a link costs on the disk, by table. The bytes are the same on every machine, so a bound stands here; `tests/long/sizes` prints the
//! table of docs/operations.md from more links.

use crate::support::test_store::TestStore;
use crate::support::world::World;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// The bytes of each table with its indexes: what is in the rows, and whole pages.
fn tables(file: &PathBuf) -> BTreeMap<String, (i64, i64)> {
    let c = rusqlite::Connection::open(file).unwrap();
    let sql = "select m.tbl_name, sum(s.payload), sum(s.pgsize) from dbstat s join sqlite_master m on m.name = s.name group by 1";
    let mut statement = c.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The growth of each table for one link since `before`, largest first.
fn growth(file: &PathBuf, before: &BTreeMap<String, (i64, i64)>, links: i64) -> Vec<(String, i64, i64)> {
    let was = |table: &String| before.get(table).copied().unwrap_or_default();
    let grown = tables(file).into_iter().map(|(table, (payload, pages))| {
        let (old_payload, old_pages) = was(&table);
        (table, (payload - old_payload) / links, (pages - old_pages) / links)
    });
    let mut grown: Vec<_> = grown.filter(|(_, payload, _)| *payload > 0).collect();
    grown.sort_by_key(|(_, payload, _)| -payload);
    grown
}

fn print(title: &str, rows: &[(String, i64, i64)]) -> i64 {
    println!("\n{title}: table, bytes in rows, bytes of pages");
    for (table, payload, pages) in rows {
        println!("| `{table}` | {payload} | {pages} |");
    }
    let sum = rows.iter().map(|(_, payload, _)| payload).sum();
    println!("| all | {sum} | {} |", rows.iter().map(|(_, _, pages)| pages).sum::<i64>());
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_costs_what_the_document_says() {
    let links: i64 = std::env::var("LINKS").map_or(20, |links| links.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("renkei.db");
    let store = renkei_core::store::Store::sqlite(&file).unwrap();
    let template = World::at(TestStore::sqlite());
    let w = World::of(store, template.clock.clone(), template.random.clone(), template.sealer.clone());
    let app = w.refreshing_app("kakeibo").await;
    let before = tables(&file);
    let mut refresh = Vec::new();
    for n in 0..links {
        let account = format!("115-ordinary-{:07}", 1_000_000 + n);
        let allowed = w.allow_with(&app, "openid accounts offline_access", &account, World::binding()).await;
        let answer = w.exchange(&app, &allowed.code).await.unwrap();
        refresh.push(answer["refresh_token"].as_str().unwrap().to_owned());
    }
    let first = print("a link on its first day", &growth(&file, &before, links));
    // An app that refreshes once a day.
    for _ in 0..29 {
        w.wait(DAY);
        for token in &refresh {
            w.refresh(&app, token, "").await.unwrap();
        }
        w.sweep().await;
        w.tidy().await;
    }
    let last = print("on its thirtieth day, with a refresh each day", &growth(&file, &before, links));
    w.wait(2 * DAY);
    while w.sweep().await.more(500) {}
    w.wait(400 * DAY);
    w.tidy().await;
    let later = print("a year after its end", &growth(&file, &before, links));
    w.wait(3000 * DAY);
    w.tidy().await;
    let kept = print("when the consent record is gone too", &growth(&file, &before, links));
    assert!(kept < later && later < last && first < last, "{first} {last} {later} {kept}");
    for (bytes, most, when) in [
        (first, 4_600, "first day"),
        (last, 36_000, "thirtieth day"),
        (later, 29_000, "a year later"),
        (kept, 14_200, "for ever"),
    ] {
        assert!(bytes <= most, "{bytes} bytes of a link, {when}: docs/operations.md#sizing says at most {most}");
    }
}
