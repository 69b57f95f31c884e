use super::ClaimRule::{Absent, After, Date, GoodFor, Holds, Is, IsNot, NotAhead, NotOlder, OneOf, Sized, Text};
use super::{Checked, ClaimRule, check, may, must};
use crate::clock::Instant;
use crate::keys::jose::Claims;
use serde_json::{Value, json};
use std::time::Duration;

const NOW: i64 = 1_800_000_000;
const MINUTE: Duration = Duration::from_secs(60);

fn claims(value: Value) -> Claims {
    let Value::Object(map) = value else { unreachable!("an object") };
    Claims(map)
}
fn at(secs: i64) -> Instant {
    Instant::from_secs(secs)
}

#[test]
fn each_rule_of_a_claim_that_is_there() {
    let (own, known) = (&["https://as.example"][..], &["a", "b"][..]);
    let table: &[(ClaimRule<'_>, Value, bool)] = &[
        (Absent, json!("x"), false),
        (Absent, Value::Null, false),
        (Text, json!("x"), true),
        (Text, json!(""), true),
        (Text, json!(5), false),
        (Sized(3), json!(""), false),
        (Sized(3), json!("abc"), true),
        (Sized(3), json!("abcd"), false),
        (Sized(3), json!(["a"]), false),
        (Is("app"), json!("app"), true),
        (Is("app"), json!("App"), false),
        (Is("app"), json!(["app"]), false),
        (IsNot("app"), json!("app"), false),
        (IsNot("app"), json!("other"), true),
        (IsNot("app"), json!(5), true),
        (OneOf(known), json!("b"), true),
        (OneOf(known), json!("c"), false),
        (OneOf(known), json!(["a"]), false),
        (OneOf(&[]), json!(""), false),
        (Holds(own), json!("https://as.example"), true),
        (Holds(own), json!("https://as.example/"), false),
        (Holds(own), json!(["https://other.example", "https://as.example"]), true),
        (Holds(own), json!(["https://other.example", 5]), false),
        (Holds(own), json!([]), false),
        (Holds(own), json!({"aud": "https://as.example"}), false),
        (Holds(&[]), json!(""), false),
        (Date, json!(NOW), true),
        (Date, json!(1.5), true),
        (Date, json!(0), true),
        (Date, json!(-1), false),
        (Date, json!("1800000000"), false),
        (Date, json!(1e300), false),
        (GoodFor(MINUTE), json!(NOW - 59), true),
        (GoodFor(MINUTE), json!(NOW - 60), false),
        (GoodFor(Duration::ZERO), json!(NOW + 1), true),
        (GoodFor(Duration::ZERO), json!(NOW), false),
        (GoodFor(MINUTE), json!("x"), false),
        (NotAhead(MINUTE), json!(NOW + 60), true),
        (NotAhead(MINUTE), json!(NOW + 61), false),
        (NotAhead(MINUTE), json!(NOW - 9999), true),
        (NotAhead(MINUTE), json!("x"), false),
        (NotOlder(MINUTE), json!(NOW - 60), true),
        (NotOlder(MINUTE), json!(NOW - 61), false),
        (NotOlder(MINUTE), json!([NOW]), false),
        (After("start", MINUTE), json!(NOW + 60), true),
        (After("start", MINUTE), json!(NOW + 61), false),
        (After("start", MINUTE), json!(NOW - 5), true),
        (After("none", MINUTE), json!(NOW), false),
        (After("text", MINUTE), json!(NOW), false),
    ];
    for (rule, value, holds) in table {
        let claims = claims(json!({ "it": value, "start": NOW, "text": "x" }));
        for demand in [must("it", *rule, "why"), may("it", *rule, "why")] {
            let said = check(&claims, &[demand], at(NOW)).map(drop);
            assert_eq!(said, if *holds { Ok(()) } else { Err("why") }, "{rule:?} {value}");
        }
    }
}

#[test]
fn a_claim_that_is_not_there_breaks_only_what_needs_it() {
    let none = claims(json!({}));
    for rule in
        [Text, Sized(9), Is("x"), IsNot("x"), OneOf(&["x"]), Holds(&["x"]), Date, GoodFor(MINUTE), NotAhead(MINUTE)]
    {
        assert_eq!(check(&none, &[must("it", rule, "why")], at(NOW)).map(drop), Err("why"), "{rule:?}");
        assert_eq!(check(&none, &[may("it", rule, "why")], at(NOW)).map(drop), Ok(()), "{rule:?}");
        assert_eq!(check(&none, &[may("it", rule, "why").needed_if(true)], at(NOW)).map(drop), Err("why"), "{rule:?}");
    }
}

#[test]
fn the_first_broken_demand_speaks_and_what_was_read_comes_back() {
    let jwt = claims(json!({"iss": "app", "exp": NOW + 60, "iat": NOW, "jti": "one"}));
    let demands = [may("exp", Date, "first"), must("sub", Text, "second"), must("jti", Sized(2), "third")];
    assert_eq!(check(&jwt, &demands, at(NOW)), Err("second"));
    let said = check(&jwt, &[must("iss", Is("app"), "why")], at(NOW));
    assert_eq!(said, Ok(Checked { exp: Some(at(NOW + 60)), iat: Some(at(NOW)), jti: Some("one") }));
    let wrong_kinds = claims(json!({"exp": "soon", "jti": 5}));
    let nothing = check::<()>(&wrong_kinds, &[], at(NOW));
    assert_eq!(nothing, Ok(Checked { exp: None, iat: None, jti: None }));
}
