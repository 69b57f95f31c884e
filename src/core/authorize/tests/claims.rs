//! OpenID Connect Core §5.5: what `claims` demands, what it may hold, what it may not.

use super::*;
use crate::authorize::claims::Demands;
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(claims: &Value) -> Result<Demands, ErrorCode> {
    Demands::parse(&claims.to_string()).map_err(|r| r.code)
}
fn words(list: &[&str]) -> Option<Vec<String>> {
    Some(list.iter().map(|s| (*s).to_owned()).collect())
}

#[test]
fn what_makes_a_difference_is_kept_and_the_rest_ignored() {
    for (claims, why) in [
        (json!({}), "nothing is asked"),
        (json!({"userinfo": {"name": {"essential": true}, "email": null}}), "5.5.1: not given, and no error"),
        (json!({"id_token": {"auth_time": {"essential": true}, "acr": {"values": ["urn:x"]}}}), "5.5.1.1: voluntary"),
        (json!({"id_token": {"acr": {"essential": true}, "sub": null}}), "they are always there"),
        (json!({"id_token": null, "userinfo": {}}), "empty"),
        (json!({"elsewhere": {"sub": {"value": "x"}}, "verified_claims": 1}), "5.5: unknown members are ignored"),
        (json!({"id_token": {"name": "oddly", "birthdate": {"value": {"deep": [1]}}}}), "nobody looks at it"),
        (json!({"userinfo": {"acr": {"essential": true, "value": "urn:x"}}}), "5.5.1.1: of the id_token"),
    ] {
        assert_eq!(parse(&claims), Ok(Demands::default()), "{why}: {claims}");
    }
    let acr =
        parse(&json!({"id_token": {"acr": {"essential": true, "values": ["urn:x", "urn:y"], "odd": 1}}})).unwrap();
    assert_eq!(acr, Demands { acr: words(&["urn:x", "urn:y"]), sub: None });
    assert!(acr.allow_acr("urn:y") && !acr.allow_acr("urn:z") && acr.allow_subject("anybody"));
    let one = parse(&json!({"userinfo": {"sub": {"value": "a"}}})).unwrap();
    assert_eq!(one.sub, words(&["a"]));
    assert!(one.allow_subject("a") && !one.allow_subject("b"));
    let both = json!({"id_token": {"sub": {"values": ["a", "b"]}}, "userinfo": {"sub": {"value": "c"}}});
    assert!(!parse(&both).unwrap().allow_subject("a"), "nobody can be both");
}

#[test]
fn what_could_be_misunderstood_is_refused() {
    for claims in [
        json!([]),
        json!("id_token"),
        json!({"id_token": []}),
        json!({"userinfo": "sub"}),
        json!({"id_token": {"sub": "a"}}),
        json!({"id_token": {"sub": {"value": 1}}}),
        json!({"id_token": {"sub": {"values": "a"}}}),
        json!({"id_token": {"sub": {"values": []}}}),
        json!({"id_token": {"sub": {"value": "a", "values": ["a"]}}}),
        json!({"id_token": {"acr": {"essential": "true", "value": "urn:x"}}}),
        json!({"id_token": {"acr": {"essential": true, "values": vec!["urn:x"; 17]}}}),
    ] {
        assert_eq!(parse(&claims), Err(ErrorCode::InvalidRequest), "{claims}");
    }
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(8), "]".repeat(8));
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(8192));
    for text in ["", "{", "{}{}", "nul", deep.as_str(), long.as_str()] {
        assert_eq!(Demands::parse(text).map_err(|r| r.code), Err(ErrorCode::InvalidRequest), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_decided(text in "[\\[\\]{}:,\"a-z_]{0,60}") {
        let whole = format!("{{\"id_token\":{{\"sub\":{text}}}}}");
        for text in [&text, &whole] {
            if let Err(refusal) = Demands::parse(text) {
                prop_assert_eq!(refusal.code, ErrorCode::InvalidRequest);
            }
        }
    }
}
