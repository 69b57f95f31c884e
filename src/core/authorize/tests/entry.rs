//! How a browser comes in: request_uris, and what is answered at once.

use super::*;
use sql::StoredRequest;

const NOW: Instant = Instant::from_secs(1_000_000);
const LIFETIME: Duration = Duration::from_secs(300);
fn uri(seed: u64) -> RequestUri {
    RequestUri::random(&SeededRandom::new(seed))
}

#[test]
fn request_uris_are_the_rfcs_and_junk_is_not_looked_up() {
    let made = uri(1);
    assert!(made.reveal().starts_with("urn:ietf:params:oauth:request_uri:"));
    assert_eq!(RequestUri::parse(made.reveal()), Some(made.clone()));
    assert!(!format!("{made:?}").contains(&made.reveal()[40..]), "it is a capability: not printed");
    for junk in [
        "https://app.example/request.jwt",
        "urn:ietf:params:oauth:request_uri:",
        "urn:ietf:params:oauth:request_uri:short",
        &format!("{}x", made.reveal()),
        &made.reveal().replace("urn:", "URN:"),
        &format!("urn:ietf:params:oauth:request_uri:{}", "あ".repeat(43)),
    ] {
        assert_eq!(RequestUri::parse(junk), None, "{junk}");
    }
}

#[test]
fn claiming_and_beginning() {
    let stored = StoredRequest { id: uri(1).id(), request: request(), expires_at: NOW + LIFETIME, consumed_at: None };
    let (own, other) = (ClientId::parse("creco").unwrap(), ClientId::parse("other").unwrap());
    let dead = |r: std::result::Result<StoredRequest, Refusal>| r.err().map(|r| r.code);

    assert!(claim(Some(stored.clone()), &own).is_ok());
    assert_eq!(dead(claim(None, &own)), Some(ErrorCode::InvalidRequestUri), "RFC 9126 4: unknown");
    let foreign = claim(Some(stored.clone()), &other);
    assert_eq!(foreign, claim(None, &other), "RFC 9126 2.2: another client's looks like none");
    let used = StoredRequest { consumed_at: Some(NOW), ..stored.clone() };
    assert_eq!(dead(claim(Some(used), &own)), Some(ErrorCode::InvalidRequestUri), "RFC 9126 4: used");

    assert_eq!(begin(&stored, NOW), Ok(()));
    assert_eq!(begin(&stored, NOW), Ok(()), "decision 9: a reload is no use of it");
    let late = begin(&stored, NOW + LIFETIME).map_err(|r| r.code);
    assert_eq!(late, Err(ErrorCode::InvalidRequestUri), "RFC 9126 4: expired");
}

#[test]
fn prompt_none_is_answered_at_once() {
    let asks = |prompt: &str| {
        at_once(&AuthorizationRequest { prompt: vec![Prompt::parse(prompt).unwrap()], ..request() }).map(|r| r.code)
    };
    assert_eq!(asks("none"), Some(ErrorCode::LoginRequired), "OpenID Connect Core 3.1.2.1");
    for prompt in ["login", "consent", "select_account"] {
        assert_eq!(asks(prompt), None, "{prompt}");
    }
}

#[test]
fn what_may_rest_on_checks_passed_before() {
    let (passed, minute) = (NOW, Duration::from_secs(60));
    let rests = |prompt: &[&str], max_age: Option<u64>, after: Duration| {
        let prompt = prompt.iter().map(|p| Prompt::parse(p).unwrap()).collect();
        may_rest_on(&AuthorizationRequest { prompt, max_age, ..request() }, passed, passed + after)
    };
    for (prompt, max_age, after, want, why) in [
        (&[][..], None, minute, true, "nothing speaks against it"),
        (&["none"], None, minute, true, "no screen"),
        (&["consent"], None, minute, true, "6 is shown anyway"),
        (&["login"], None, minute, false, "OpenID Connect Core 3.1.2.1: again"),
        (&["consent", "login"], None, minute, false, "again, among others"),
        (&["select_account"], None, minute, false, "the account is named at 1"),
        (&[], Some(10_000), minute, true, "young enough"),
        (&[], Some(60), minute, true, "just"),
        (&[], Some(60), minute + Duration::from_millis(1), false, "just not"),
        (&[], Some(0), Duration::ZERO, false, "max_age=0 is prompt=login"),
        (&["none"], Some(1), minute, false, "too old, screen or not"),
    ] {
        assert_eq!(rests(prompt, max_age, after), want, "{prompt:?} {max_age:?}: {why}");
    }
}
