use super::sample::FILE;
use super::*;
use crate::crypto::Secret;
use crate::listener::Listener;
use crate::time::{from_secs, jst_date};
use crate::wire::{loopback, send};
use chrono::{DateTime, Utc};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::sync::Arc;

fn now() -> DateTime<Utc> {
    from_secs(1_795_312_800) // 2026-11-22 11:00 JST
}
fn bank() -> SampleBank {
    SampleBank::founded(jst_date(now()))
}
fn get(bank: &SampleBank, path: &str, query: &str) -> (u16, Value) {
    let reply = bank.answer("GET", path, query, b"", now());
    (reply.status, reply.body)
}

#[test]
fn the_accounts_of_the_demo() {
    let bank = bank();
    for (text, eligible) in [
        ("115-ordinary-1100026", Ok(())),
        ("115-savings-2200011", Ok(())),
        ("005-ordinary-0000123", Ok(())),
        ("010-savings-1234567", Ok(())),
        ("115-ordinary-1100034", Err("no_card")),
        ("115-ordinary-1100042", Err("closed")),
        ("011-ordinary-1111111", Err("transferred")),
        ("115-ordinary-1100050", Err("corporate")),
        ("115-ordinary-1100084", Ok(())),
        ("022-ordinary-2222222", Err("unknown")),
        ("115-savings-1100026", Err("unknown")),
        ("115-ordinary-0000000", Err("unknown")),
    ] {
        let got = match bank.lookup(text) {
            Lookup::Eligible { .. } => Ok(()),
            Lookup::Ineligible(why) => Err(why),
        };
        assert_eq!(got, eligible, "{text}");
    }
    let Lookup::Eligible { holder, .. } = bank.lookup("115-ordinary-1100026") else { panic!("the sample customer") };
    let owned: Vec<_> = bank.accounts(&holder).into_iter().map(|(_, account)| account).collect();
    assert_eq!(owned, ["115-ordinary-1100026", "115-savings-2200011"]);
}

#[test]
fn some_accounts_fail_on_purpose() {
    let bank = bank();
    for (number, reply) in [("1100068", (503, "busy")), ("1100076", (500, "failed"))] {
        let asked = json!({ "branch": "115", "account_type": "ordinary", "account_number": number, "pin": "1068",
            "birth_date": "1983-05-05", "phone": "09011110068" });
        for path in ["/lookup", "/match", "/verify-pin"] {
            let said = bank.answer("POST", path, "", asked.to_string().as_bytes(), now());
            assert_eq!((said.status, said.body["error"].as_str()), (reply.0, Some(reply.1)), "{path} {number}");
        }
    }
    let linkable = linkable_accounts();
    assert!(linkable.iter().all(|account| matches!(bank.lookup(account), Lookup::Eligible { .. })), "{linkable:?}");
    assert_eq!(linkable.len(), 5);
}

#[test]
fn a_pin_is_judged_by_the_card() {
    let bank = bank();
    let shown = crate::pages::SampleCustomer::TARO;
    assert_eq!(format!("{}-ordinary-{}", shown.branch, shown.number), "115-ordinary-1100026");
    for (pin, right) in [(shown.pin, true), ("4071", true), ("4072", false), ("0000", false), ("", false)] {
        assert_eq!(bank.verify_pin("115-ordinary-1100026", pin), right);
    }
    assert!(!bank.verify_pin("115-ordinary-1100042", "1042"), "the account is closed");
}

#[test]
fn over_the_wire_it_answers_the_same() {
    let bank = bank();
    let ask = |path: &str, body: Value| {
        let reply = bank.answer("POST", path, "", body.to_string().as_bytes(), now());
        (reply.status, reply.body)
    };
    let who = |extra: Value| {
        let mut v = json!({ "branch": "115", "account_type": "ordinary", "account_number": "1100026" });
        v.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        v
    };
    let (status, found) = ask("/lookup", who(json!({})));
    assert_eq!((status, &found["eligible"]), (200, &json!(true)));
    for (path, extra, want) in [
        ("/match", json!({ "birth_date": "1985-04-12", "phone": "09012343333" }), true),
        ("/match", json!({ "birth_date": "1985-04-13", "phone": "09012343333" }), false),
        ("/match", json!({ "birth_date": "1985-04-12", "phone": "09012343334" }), false),
        ("/verify-pin", json!({ "pin": "4071" }), true),
        ("/verify-pin", json!({ "pin": "4070" }), false),
    ] {
        assert_eq!(ask(path, who(extra)), (200, json!({ "match": want })), "{path}");
    }
    assert_eq!(ask("/lookup", json!({ "branch": "1" })).0, 400);
    assert_eq!(bank.answer("POST", "/lookup", "", b"{", now()).status, 400);
    assert_eq!(get(&bank, "/nothing", "").0, 404);

    let id = found["id"].as_str().unwrap();
    let (status, described) = get(&bank, &format!("/accounts/{id}"), "");
    assert_eq!((status, &described["account_number"]), (200, &json!("1100026")));
    assert_eq!(get(&bank, "/accounts/other", "").0, 404);
    assert_eq!(get(&bank, &format!("/accounts/{id}/transactions"), "from=yesterday").0, 400);
}

#[test]
fn three_months_that_add_up_and_stay_the_same() {
    let bank = bank();
    for text in ["115-ordinary-1100026", "115-savings-2200011", "005-ordinary-0000123", "010-savings-1234567"] {
        let id = bank.find(text).unwrap().id.clone();
        let (_, all) = get(&bank, &format!("/accounts/{id}/transactions"), "");
        let list = all["transactions"].as_array().unwrap();
        let (_, now_there) = get(&bank, &format!("/accounts/{id}/balance"), "");
        assert_eq!(list[0]["balance"], now_there["balance"], "{text}: the newest booking leaves the balance");
        for pair in list.windows(2) {
            let number = |v: &Value, k: &str| v[k].as_i64().unwrap();
            assert_eq!(number(&pair[0], "balance"), number(&pair[1], "balance") + number(&pair[0], "amount"), "{text}");
            assert!(number(&pair[0], "balance") >= 0);
        }
        assert!(list.len() >= if text.contains("ordinary") { 40 } else { 3 }, "{text}: {}", list.len());
        let later = bank.answer("GET", &format!("/accounts/{id}/transactions"), "to=2026-11-22", b"", now());
        assert_eq!(later.body, all);
        let (_, week) = get(&bank, &format!("/accounts/{id}/transactions"), "from=2026-11-16&to=2026-11-22");
        assert!(week["transactions"].as_array().unwrap().iter().all(|b| b["date"].as_str().unwrap() >= "2026-11-16"));
    }
}

#[test]
fn its_books_outlive_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = SampleBank::open(dir.path(), jst_date(now())).unwrap();
    assert!(dir.path().join(FILE).exists() && FILE.contains("bank"));
    let tomorrow = jst_date(now()).succ_opt().unwrap();
    assert_eq!(SampleBank::open(dir.path(), tomorrow).unwrap().since(), first.since());
    // Books of an earlier version have no such account.
    let path = dir.path().join(FILE);
    let mut books: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    books["accounts"].as_array_mut().unwrap().retain(|record| record["account"] != LOCKED);
    std::fs::write(&path, books.to_string()).unwrap();
    assert!(SampleBank::open(dir.path(), tomorrow).unwrap().find(LOCKED).is_some());
}

/// Every address is behind the token: what the bank is asked about its customers is nobody else's.
#[actix_web::test]
async fn nobody_is_answered_without_the_token() {
    let token = Secret::new("the-token");
    let running = start(Listener::bind(0).unwrap(), bank(), token, Arc::new(now)).unwrap();
    let http = loopback().unwrap();
    let body = json!({ "branch": "115", "account_type": "ordinary", "account_number": "1100026", "pin": "4071" });
    let id = bank().find("115-ordinary-1100026").unwrap().id.clone();
    for (shown, status) in [(None, 401), (Some("Bearer x"), 401), (Some("Bearer the-token"), 200)] {
        let with = |request: RequestBuilder| {
            shown.map_or(request.try_clone().unwrap(), |s| request.header("authorization", s))
        };
        let url = running.url();
        assert_eq!(send(with(http.post(format!("{url}/verify-pin")).json(&body))).await.unwrap().status, status);
        assert_eq!(send(with(http.get(format!("{url}/accounts/{id}")))).await.unwrap().status, status);
    }
    running.stop().await;
}
