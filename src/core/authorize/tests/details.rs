//! RFC 9396: the detail a request may carry, what it makes of the scope, and what may be narrowed later.

use super::ruled::{OIDC, client, params};
use super::*;
use crate::client::Client;
use crate::clock::Instant;
use proptest::prelude::*;
use serde_json::json;

const ALL: &str = "openid accounts transactions";
fn app() -> Client {
    client(OIDC, &json!({"scope": ALL}))
}
fn asked(client: &Client, scope: Option<&str>, detail: &str) -> Result<AuthorizationRequest, Refusal> {
    let params = params(&[("scope", scope), ("authorization_details", Some(detail))]);
    check(&input(&params, client, RequestSource::Browser))
}
fn one(members: &str) -> String {
    format!(r#"[{{"type":"account_information"{members}}}]"#)
}
fn parse(members: &str) -> Details {
    Details::parse(&one(members)).unwrap()
}

#[test]
fn the_schema_is_kept_to_the_letter() {
    let many = |n: usize| (0..n).map(|i| format!(r#""a{i}""#)).collect::<Vec<_>>().join(",");
    for (members, why) in [
        ("", "all of it is optional"),
        (r#","accounts":["acc-1","acc-2"],"permissions":["balances","transactions"]"#, "all of it"),
        (r#","from":"2026-09-01","to":"2026-09-01""#, "one day"),
        (r#","from":"2026-09-01""#, "open to the end"),
        (&format!(r#","accounts":[{}]"#, many(50)), "fifty accounts"),
    ] {
        assert!(Details::parse(&one(members)).is_ok(), "{members}: {why}");
    }
    let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    let long = one(&format!(r#","accounts":["{}"]"#, "a".repeat(9000)));
    for (text, why) in [
        ("", "no JSON"),
        ("{}", "not a list"),
        ("[]", "asks for nothing"),
        ("null", "not a list"),
        (r#"["account_information"]"#, "not an object"),
        (r#"[{"type":"payment_initiation"}]"#, "RFC 9396 5: an unknown type"),
        (r#"[{"type":"Account_Information"}]"#, "case matters"),
        (r#"[{"accounts":["a"]}]"#, "RFC 9396 2: type is required"),
        (r#"[{"type":"account_information"},{"type":"account_information"}]"#, "two of the one type"),
        (r#"[{"type":"account_information"}] x"#, "more behind it"),
        (&deep, "deep"),
        (&long, "long"),
    ] {
        assert_eq!(Details::parse(text).map_err(|r| r.code), Err(ErrorCode::InvalidAuthorizationDetails), "{why}");
    }
    for (members, why) in [
        (r#","locations":["https://api.example"]"#, "a member this type does not have"),
        (r#","type":"account_information""#, "a member twice"),
        (r#","accounts":[]"#, "none: neither all nor some"),
        (r#","accounts":"a""#, "not a list"),
        (r#","accounts":["a b"]"#, "not an identifier"),
        (r#","accounts":[1]"#, "not a text"),
        (r#","accounts":null"#, "null is no value"),
        (&format!(r#","accounts":[{}]"#, many(51)), "more than fifty"),
        (r#","permissions":[]"#, "no permission"),
        (r#","permissions":["payments"]"#, "an unknown permission"),
        (r#","from":"2026-9-1""#, "not in full"),
        (r#","from":"2026-02-30""#, "no such day"),
        (r#","from":"+12026-09-01""#, "beyond four digits"),
        (r#","from":"2026-09-02","to":"2026-09-01""#, "backwards"),
        (r#","to":20261122"#, "not a text"),
    ] {
        let got = Details::parse(&one(members)).map_err(|r| r.code);
        assert_eq!(got, Err(ErrorCode::InvalidAuthorizationDetails), "{members}: {why}");
    }
}

/// A developer reads the member and what is allowed there, never what the parser thinks (RFC 9396 §5).
#[test]
fn an_error_names_the_member_and_what_is_allowed() {
    let long = format!(r#","{}":1"#, "x".repeat(500));
    for (members, want) in [
        (
            r#","permissions":["payments"]"#,
            "permissions must be a list of balances, transactions or both, or be left out",
        ),
        (r#","permissions":null"#, "permissions must be a list of balances, transactions or both, or be left out"),
        (
            r#","accounts":["a b"]"#,
            "accounts must be a list of one to fifty account ids of this institution, or be left out",
        ),
        (r#","from":"2026-9-1""#, "from must be a date like 2026-11-22"),
        (r#","to":20261122"#, "to must be a date like 2026-11-22"),
        (r#","from":"2026-09-02","to":"2026-09-01""#, "from is after to"),
        (
            r#","locations":[]"#,
            "locations is no member of account_information: type, accounts, permissions, from and to are",
        ),
        (r#","accounts":["a"],"accounts":["b"]"#, "accounts is repeated"),
        (r#","口座":1"#, "?? is no member of account_information: type, accounts, permissions, from and to are"),
        (
            &long,
            &format!(
                "{} is no member of account_information: type, accounts, permissions, from and to are",
                "x".repeat(40)
            ),
        ),
    ] {
        assert_eq!(Details::parse(&one(members)).unwrap_err().description, want, "{members}");
    }
    for (text, want) in [
        ("", "authorization_details is not JSON"),
        (r#"[{"type":"account_information"}"#, "authorization_details is not JSON"),
        ("{}", "authorization_details must be a list of one object"),
        (r#"["x"]"#, "authorization_details must be a list of one object"),
        ("[]", "authorization_details must hold exactly one detail"),
        (r#"[{"type":"payment"}]"#, "type must be account_information"),
        (r#"[{"accounts":["a"]}]"#, "type must be account_information"),
        (r#"[{"type":["account_information"]}]"#, "type must be account_information"),
    ] {
        assert_eq!(Details::parse(text).unwrap_err().description, want, "{text}");
    }
}

#[test]
fn scope_and_permissions_come_to_say_the_same() {
    let app = app();
    let (balances, both) = (r#","permissions":["balances"]"#, r#","permissions":["transactions","balances"]"#);
    for (scope, members, granted, permissions, why) in [
        (Some("openid accounts transactions"), "", ALL, "balances transactions", "the scope says what"),
        (Some("accounts"), "", "accounts", "balances", "the scope says what"),
        (Some("openid"), "", ALL, "balances transactions", "the detail brings all the client may have"),
        (None, both, "accounts transactions", "balances transactions", "RFC 9396 3.1: no scope beside it"),
        (None, balances, "accounts", "balances", "only what is named"),
        (Some(ALL), balances, "accounts openid", "balances", "the detail narrows the scope"),
    ] {
        let request = asked(&app, scope, &one(members)).unwrap();
        let got: Vec<&str> = request.authorization_details.iter().flat_map(|d| &d.permissions).map(name).collect();
        assert_eq!(request.scope, Scope::parse(granted).unwrap(), "{scope:?} {members}: {why}");
        assert_eq!(got.join(" "), permissions, "{scope:?} {members}: {why}");
        let kept: AuthorizationRequest = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        assert_eq!(kept, request);
    }
    let small = client(OIDC, &json!({"scope": "openid accounts"}));
    let none = client(OIDC, &json!({"scope": "openid"}));
    let other = Client { authorization_details_types: vec!["another".into()], ..app.clone() };
    let own = Client { authorization_details_types: vec!["account_information".into()], ..app.clone() };
    for (client, scope, members, code, why) in [
        (&app, Some("accounts"), both, ErrorCode::InvalidAuthorizationDetails, "beyond the scope beside it"),
        (&small, None, both, ErrorCode::InvalidAuthorizationDetails, "beyond the client's record"),
        (&small, Some(ALL), "", ErrorCode::InvalidScope, "so is the scope"),
        (&none, Some("openid"), "", ErrorCode::InvalidAuthorizationDetails, "the client may have nothing of it"),
        (&other, Some(ALL), "", ErrorCode::InvalidAuthorizationDetails, "RFC 9396 10: not among its types"),
        (&app, Some("accounts payments"), "", ErrorCode::InvalidScope, "a scope nobody knows"),
        (&app, Some("\"\""), "", ErrorCode::InvalidScope, "RFC 6749 3.3"),
    ] {
        assert_eq!(asked(client, scope, &one(members)).map_err(|r| r.code), Err(code), "{scope:?} {members}: {why}");
    }
    assert!(asked(&own, None, &one("")).is_ok());
}
fn name(permission: &Permission) -> &'static str {
    match permission {
        Permission::Balances => "balances",
        Permission::Transactions => "transactions",
    }
}

#[test]
fn what_was_signed_is_what_counts() {
    let (app, outside) = (app(), params(&[("request", Some("a.b.c")), ("authorization_details", Some("[]"))]));
    let asked = |inside: Option<&str>| {
        let inside = params(&[("scope", Some(ALL)), ("authorization_details", inside)]);
        let source = RequestSource::Pushed { proof_jkt: None };
        check(&RequestInput { signed: Some(&inside), ..input(&outside, &app, source) })
    };
    let request = asked(Some(&one(r#","permissions":["balances"]"#))).unwrap();
    assert_eq!(request.scope, Scope::parse("accounts openid").unwrap(), "RFC 9101 6.3: the object alone");
    assert_eq!(asked(None).unwrap().authorization_details, None, "what stands beside it is not heard");
    assert_eq!(asked(Some("[]")).map_err(|r| r.code), Err(ErrorCode::InvalidAuthorizationDetails));
}

#[test]
fn a_token_request_may_ask_for_less_and_never_for_more() {
    let granted = parse(r#","accounts":["a","b"],"permissions":["balances","transactions"],"from":"2026-09-01""#);
    for (members, narrowed) in [
        ("", granted.clone()),
        (r#","accounts":["b"]"#, Details { accounts: parse(r#","accounts":["b"]"#).accounts, ..granted.clone() }),
        (r#","permissions":["balances"]"#, Details { permissions: vec![Permission::Balances], ..granted.clone() }),
        (
            r#","from":"2026-10-01","to":"2026-10-31""#,
            Details {
                ..parse(
                    r#","accounts":["a","b"],"permissions":["balances","transactions"],"from":"2026-10-01","to":"2026-10-31""#,
                )
            },
        ),
    ] {
        assert_eq!(granted.narrowed(&parse(members)), Ok(narrowed), "{members}");
    }
    for (members, why) in [
        (r#","accounts":["c"]"#, "another account"),
        (r#","accounts":["a","c"]"#, "one more"),
        (r#","from":"2026-08-31""#, "a day earlier"),
        (r#","to":"2026-08-31""#, "nothing is left"),
    ] {
        let got = granted.narrowed(&parse(members)).map_err(|r| r.code);
        assert_eq!(got, Err(ErrorCode::InvalidAuthorizationDetails), "{members}: {why}");
    }
    let until = Details { to: parse(r#","to":"2026-10-01""#).to, permissions: vec![Permission::Balances], ..granted };
    for more in [r#","to":"2026-10-02""#, r#","permissions":["transactions"]"#] {
        assert!(until.narrowed(&parse(more)).is_err(), "{more}");
    }
}

/// Decision 10: no account where there is no permission.
#[test]
fn without_a_permission_nothing_is_said() {
    let granted = parse(r#","accounts":["a","b"],"permissions":["balances","transactions"],"from":"2026-09-01""#);
    let openid = Scope::parse("openid offline_access").unwrap();
    let none = Details::default();
    assert_eq!((granted.within(&openid), granted.within(&openid).to_response()), (none.clone(), None));
    assert_eq!(Details::granted(&openid, granted.accounts.clone(), None), none);
    // As earlier releases stored it.
    let old = parse(r#","accounts":["a"],"from":"2026-09-01""#);
    assert!(old.permissions.is_empty() && old.to_response().is_none());
    assert_eq!(old.within(&openid), none);
    let balances = granted.within(&Scope::parse("accounts").unwrap());
    assert_eq!((balances.accounts.len(), balances.to_response().is_some()), (2, true));
    let asked = none.narrowed(&parse(r#","accounts":["a"]"#)).map_err(|r| r.code);
    assert_eq!(asked, Err(ErrorCode::InvalidAuthorizationDetails), "what is not granted cannot be asked for");
}

fn detail() -> impl Strategy<Value = Details> {
    let day = || prop::option::of((1u32..29).prop_map(|d| chrono::NaiveDate::from_ymd_opt(2026, 9, d).unwrap()));
    let accounts = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4);
    let permissions = prop::sample::subsequence(Permission::ALL.to_vec(), 0..=2);
    (accounts, permissions, day(), day()).prop_map(|(accounts, permissions, from, to)| Details {
        detail_type: DetailType::AccountInformation,
        accounts: accounts.into_iter().map(|a| crate::id::AccountId::parse(a).unwrap()).collect(),
        permissions,
        from,
        to,
    })
}

proptest! {
    /// However it is asked, no account, permission or day comes in that was not granted.
    #[test]
    fn narrowing_never_widens(granted in detail(), asked in detail()) {
        if let Ok(got) = granted.narrowed(&asked) {
            prop_assert!(got.accounts.iter().all(|a| granted.accounts.contains(a)));
            prop_assert!(got.permissions.iter().all(|p| granted.permissions.contains(p)));
            prop_assert!(granted.from.is_none_or(|own| got.from.is_some_and(|from| from >= own)));
            prop_assert!(granted.to.is_none_or(|own| got.to.is_some_and(|to| to <= own)));
            prop_assert!(asked.accounts.is_empty() || got.accounts == asked.accounts);
            prop_assert_eq!(got.narrowed(&got), Ok(got.clone()));
        }
    }

    /// Whatever text comes, it is read or refused with one line of ASCII.
    #[test]
    fn any_text_is_decided(text in prop_oneof![any::<String>(), ".{0,80}".prop_map(|m| one(&m))]) {
        if let Err(refusal) = Details::parse(&text) {
            prop_assert_eq!(refusal.code, ErrorCode::InvalidAuthorizationDetails);
            prop_assert!(refusal.description.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')));
        }
    }
}

/// By the day of ⑥, and by the last day that begins before the end.
#[test]
fn days_are_cut_to_what_a_link_can_hold() {
    let instant =
        |text: &str| Instant::from_millis(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis());
    let (at, until) = (instant("2026-11-25T10:15:00+09:00"), instant("2026-12-25T10:15:00+09:00"));
    let day = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
    for (from, to, want) in [
        ("", "", Some(("", ""))),
        ("2026-09-01", "2026-10-31", Some(("2026-09-01", "2026-10-31"))),
        ("2026-08-27", "2026-12-25", Some(("2026-08-27", "2026-12-25"))),
        ("2026-08-26", "2026-12-26", Some(("2026-08-27", "2026-12-25"))),
        ("0001-01-01", "9999-12-31", Some(("2026-08-27", "2026-12-25"))),
        ("2026-09-01", "", Some(("2026-09-01", "2026-12-25"))),
        ("", "2026-10-31", Some(("2026-08-27", "2026-10-31"))),
        ("", "2026-08-26", None),
        ("2026-01-01", "2026-08-26", None),
        ("2026-12-26", "", None),
    ] {
        let asked = Details { from: day(from), to: day(to), ..Details::default() };
        let got = asked.within_reach(at, until).map(|kept| (kept.from, kept.to));
        assert_eq!(got, want.map(|(from, to)| (day(from), day(to))), "{from} {to}");
    }
    // A link that ends at midnight does not reach into the day that begins then; one of a minute later does.
    let to = |until: &str| {
        let asked = Details { to: day("2027-01-01"), ..Details::default() };
        asked.within_reach(at, instant(until)).and_then(|kept| kept.to)
    };
    assert_eq!(to("2026-12-25T00:00:00+09:00"), day("2026-12-24"));
    assert_eq!(to("2026-12-25T00:01:00+09:00"), day("2026-12-25"));
}
