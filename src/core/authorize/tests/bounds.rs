//! How long a request and each of its parameters may be.

use super::ruled::{OIDC, asked, client, params};
use super::*;
use crate::authorize::rules::MAX_LENGTH;
use serde_json::json;

/// Each bound of the list: at it, and one beyond.
#[test]
fn at_each_bound_and_one_beyond() {
    let oidc = client(OIDC, &json!({}));
    let of = |c: char, n: usize| c.to_string().repeat(n);
    let ask = |name: &str, value: &str| asked(&oidc, RequestSource::Browser, &[(name, Some(value))]);
    for name in ["state", "nonce"] {
        let (fits, long) = (of('s', 2048), of('s', 2049));
        let got = ask(name, &fits).unwrap();
        assert_eq!(if name == "state" { got.state } else { got.nonce }.as_deref(), Some(fits.as_str()), "{name}");
        assert_eq!(ask(name, &long).map_err(|r| r.code), Err(ErrorCode::InvalidRequest), "{name}");
    }
    // A refusal carries the state back under the same bound.
    let back = |state: String| destination(&params(&[("state", Some(&state))]), &oidc).unwrap().state.map(|s| s.len());
    assert_eq!((back(of('s', 2048)), back(of('s', 2049))), (Some(2048), None));
    for (age, want) in [("0", Ok(Some(0))), ("9999999999", Ok(Some(9_999_999_999))), ("10000000000", Err(()))] {
        assert_eq!(ask("max_age", age).map(|r| r.max_age).map_err(drop), want, "{age}");
    }
    let tags = |n: usize| (0..n).map(|i| format!("ja-{i}")).collect::<Vec<_>>().join(" ");
    assert_eq!(ask("ui_locales", &tags(16)).unwrap().ui_locales.len(), 16);
    assert_eq!(ask("ui_locales", &tags(17)).unwrap().ui_locales.len(), 16);
    let tag = |n: usize| ask("ui_locales", &of('a', n)).unwrap().ui_locales.len();
    assert_eq!((tag(35), tag(36)), (1, 0), "RFC 5646 4.4.1");
    // The whole: what is stored is measured, so a request is made that is exactly as long as it may be.
    let sized = |state: usize, nonce: usize, details: usize| {
        let (state, nonce) = (of('s', state), of('n', nonce));
        let claims = json!({"id_token": {"sub": {"values": vec!["v".repeat(250); details]}}}).to_string();
        let change = [("state", Some(state.as_str())), ("nonce", Some(&nonce)), ("claims", Some(&claims))];
        asked(&oidc, RequestSource::Browser, &change)
            .map(|r| serde_json::to_vec(&r).unwrap().len())
            .map_err(|r| r.description)
    };
    let short = sized(1, 1, 15).unwrap();
    let left = rules::MAX_STORED - short;
    let nonce = left.min(2047);
    assert!(left - nonce < 2047, "{left} bytes cannot be filled");
    assert_eq!(sized(1 + left - nonce, 1 + nonce, 15), Ok(rules::MAX_STORED));
    assert_eq!(sized(2 + left - nonce, 1 + nonce, 15), Err("the request is too long".into()));
}

/// A stranger may make us store a request: what is kept of it is bounded, whatever it carries.
#[test]
fn what_is_stored_of_a_request_is_bounded() {
    let oidc = client(OIDC, &json!({"scope": "openid accounts transactions", "resources": ["https://api.example"]}));
    let stored = |change: &[(&str, Option<&str>)]| {
        let request = asked(&oidc, RequestSource::Browser, change).map_err(|r| r.description.into_owned())?;
        Ok::<_, String>(serde_json::to_string(&request).unwrap().len())
    };
    let plain = stored(&[]).unwrap();
    assert!(plain < 600, "{plain}");
    let long = "x".repeat(100_000);
    let words = |word: &str, n: usize| (0..n).map(|i| format!("{word}{i}")).collect::<Vec<_>>().join(" ");
    let values = json!({"id_token": {"sub": {"values": vec![long.as_str(); 1]}}}).to_string();
    for (name, value, most) in [
        ("acr_values", words("urn:x:", 9_000), 0),
        ("acr_values", "urn:ours ".repeat(9_000), 10),
        ("ui_locales", words("ja-", 9_000), 200),
        ("ui_locales", words(&"a".repeat(36), 100), 0),
        ("prompt", "login ".repeat(9_000), 7),
        ("id_token_hint", long.clone(), 11),
        ("claims", values, 40),
        ("claims", subjects_of(16), 16 * 258 + 10),
        ("login_hint", long.clone(), 0),
        ("unknown", long.clone(), 0),
        ("scope", format!("openid accounts {long}"), 0),
        ("nonce", "n".repeat(MAX_LENGTH), MAX_LENGTH + 2),
        ("nonce", "あ".repeat(MAX_LENGTH / 9), MAX_LENGTH / 3 + 2),
    ] {
        match stored(&[(name, Some(&value))]) {
            Ok(grown) => assert!(grown <= plain + most + 10, "{name}: {grown} bytes, {plain} without it"),
            Err(said) => assert_eq!((name, said.as_str()), ("claims", "claims is too long or nested too deeply")),
        }
    }
    let mut repeated = params(&[]);
    (0..50).for_each(|_| repeated.push("resource", "https://api.example").unwrap());
    assert_eq!(check(&input(&repeated, &oidc, RequestSource::Browser)).unwrap().resource, ["https://api.example"]);
    // Each within its own bound, together or escaped too long.
    let escaped = "\u{1}".repeat(MAX_LENGTH / 3);
    for change in [
        vec![("state", Some(escaped.as_str())), ("nonce", Some(&escaped))],
        vec![
            ("state", Some(&long[..MAX_LENGTH])),
            ("nonce", Some(&long[..MAX_LENGTH])),
            ("claims", Some(&subjects_of(16))),
        ],
    ] {
        assert_eq!(stored(&change), Err("the request is too long".to_owned()));
    }
}
fn subjects_of(n: usize) -> String {
    json!({"id_token": {"sub": {"values": vec!["s".repeat(255); n]}}}).to_string()
}
