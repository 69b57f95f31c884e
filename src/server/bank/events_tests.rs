//! Which reports of the bank are accepted.

use super::events::EventHook;
use crate::clock::Instant;
use crate::hook::{Delivery, Refused, SignedHook, Unsigned, sign};
use crate::lifecycle::{AccountChangeKind, AccountChanged};
use crate::network::Network;
use crate::secret::{Secret, base64url};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_795_312_800);
const KEY: &str = "the bank's secret";

fn receive(hook: &EventHook, key: &str, body: &str) -> Result<Option<AccountChanged>, Refused> {
    let timestamp = NOW.secs().to_string();
    let signature = base64url(sign(&Secret::new(key), &timestamp, body.as_bytes()));
    let source = Some([192, 0, 2, 7].into());
    hook.receive(
        &Delivery { source, timestamp: Some(&timestamp), signature: Some(&signature), body: body.as_bytes() },
        NOW,
    )
}
fn hook(secrets: &[&str], networks: &[&str]) -> EventHook {
    let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
    let (secrets, networks) = (secrets.iter().map(|s| Secret::new(*s)).collect(), Network::list(&networks).unwrap());
    EventHook::new(SignedHook::new(secrets, networks, "bank.event_networks"))
}
fn report() -> Value {
    json!({"v": 1, "event_id": "e-1", "type": "transferred", "account": "115-ordinary-1100026",
           "new_account": "022-ordinary-2222222", "at": NOW.secs()})
}

/// With the secrets of `bank.event_secret_files`.
#[test]
fn a_report_is_read_when_signed_and_from_where_it_may_come() {
    let text = report().to_string();
    let open = hook(&[KEY], &[]);
    let got = receive(&open, KEY, &text).unwrap().unwrap();
    assert_eq!(
        (got.change, got.at, got.account.to_string().as_str()),
        (AccountChangeKind::Transferred, NOW, "115-ordinary-1100026")
    );
    assert!(receive(&hook(&["new", KEY], &[]), KEY, &text).is_ok(), "two secrets while one is replaced");
    assert_eq!(receive(&open, "wrong", &text), Err(Unsigned::Signature.into()));
    assert_eq!(
        receive(&hook(&[], &[]), "", &text),
        Err(Unsigned::Signature.into()),
        "without a secret nobody is believed"
    );
    assert_eq!(receive(&hook(&[""], &[]), "", &text), Err(Unsigned::Signature.into()), "nor with an empty one");
    assert!(receive(&hook(&[KEY], &["192.0.2.0/28"]), KEY, &text).is_ok());
    assert_eq!(receive(&hook(&[KEY], &["198.51.100.0/24"]), KEY, &text), Err(Refused::Source("bank.event_networks")));
}

#[test]
fn what_a_report_may_say() {
    let open = hook(&[KEY], &[]);
    let with = |name: &str, value: Value| {
        let mut body = report();
        body[name] = value;
        body.to_string()
    };
    for (word, change) in [
        ("transferred", Some(AccountChangeKind::Transferred)),
        ("closed", Some(AccountChangeKind::Closed)),
        ("deceased", Some(AccountChangeKind::Deceased)),
        ("stopped", Some(AccountChangeKind::Stopped)),
        ("renamed", None),
    ] {
        let got = receive(&open, KEY, &with("type", json!(word))).unwrap();
        assert_eq!(got.map(|r| r.change), change, "{word}");
    }
    let text = receive(&open, KEY, &with("at", json!("2026-11-22T11:00:00+09:00"))).unwrap().unwrap();
    assert_eq!(text.at, NOW, "RFC 3339 as well as epoch seconds");
    for (name, value) in [
        ("v", json!(2)),
        ("event_id", json!("")),
        ("event_id", json!("x".repeat(257))),
        ("account", json!("115-loan-1")),
        ("account", Value::Null),
        ("new_account", json!("somewhere else")),
        ("new_account", json!("115-ordinary-1100026")),
        ("at", json!("yesterday")),
        ("at", json!(-1)),
        ("type", Value::Null),
    ] {
        assert_eq!(
            receive(&open, KEY, &with(name, value.clone())),
            Err(Refused::Body("an account event of version 1")),
            "{name} {value}"
        );
    }
    assert_eq!(receive(&open, KEY, "not JSON"), Err(Refused::Body("an account event of version 1")));
}
