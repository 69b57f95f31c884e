use super::request::{Poll, may_push, poll};
use super::set::SetPart;
use super::verdict::{PushAnswer, Verdict, backoff, judge};
use proptest::prelude::*;
use std::time::Duration;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The table of docs/events.md.
#[test]
fn what_an_answer_to_a_push_means() {
    use SetPart::{Own, SessionRevoked, Verification};
    let answer =
        |status, err: Option<&str>| PushAnswer::Status { status, err: err.map(str::to_owned), retry_after: None };
    for (status, err, part, want) in [
        (200, None, Own, "delivered"),
        (202, None, Own, "delivered"),
        (204, Some("invalid_request"), Own, "delivered"),
        (400, Some("invalid_request"), Own, "dead"),
        (400, Some("invalid_issuer"), SessionRevoked, "dead"),
        (400, Some("invalid_audience"), Own, "dead"),
        (400, Some("invalid_request"), Verification, "wait"),
        (400, Some("invalid_state"), Verification, "wait"),
        (400, Some("invalid_key"), Own, "wait"),
        (400, Some("authentication_failed"), Own, "wait"),
        (400, Some("access_denied"), Own, "wait"),
        (400, Some("something new"), Own, "wait"),
        (400, None, Own, "wait"),
        (401, Some("invalid_request"), Own, "wait"),
        (403, None, Own, "wait"),
        (404, None, Own, "wait"),
        (302, None, Own, "wait"),
        (408, None, Own, "wait"),
        (429, None, Own, "wait"),
        (500, Some("invalid_request"), Own, "wait"),
        (100, None, Own, "wait"),
    ] {
        let got = match judge(answer(status, err), part) {
            Verdict::Delivered => "delivered",
            Verdict::Dead(_) => "dead",
            Verdict::Wait { .. } => "wait",
        };
        assert_eq!(got, want, "{status} {err:?} {part:?}");
    }
    assert!(matches!(judge(PushAnswer::None("timed out".into()), Own), Verdict::Wait { .. }));
    // What a receiver writes cannot draw on a terminal or fill the log.
    let loud = format!("\u{1b}[31m{}", "x".repeat(500));
    let Verdict::Wait { why, .. } = judge(answer(400, Some(&loud)), Own) else { panic!() };
    assert!(why.len() < 100 && !why.contains('\u{1b}'), "{why}");
}

#[test]
fn waits_double_from_two_seconds_to_a_quarter_of_an_hour() {
    for (attempts, want) in [(1, 2), (2, 4), (3, 8), (9, 512), (10, 900), (99, 900), (i64::MAX, 900), (0, 2)] {
        assert_eq!(backoff(attempts, None, 0.0), secs(want), "{attempts}");
    }
    assert_eq!(backoff(1, Some(secs(60)), 0.0), secs(60), "Retry-After");
    assert_eq!(backoff(1, Some(secs(86_400)), 0.0), secs(900), "but no longer than we wait at most");
    assert_eq!(backoff(5, None, 1.0), secs(32).mul_f64(0.8));
}

proptest! {
    #[test]
    fn a_wait_is_never_shorter_than_asked_nor_longer_than_the_longest(
        attempts in any::<i64>(), asked in 0_u64..100_000, jitter in -1.0_f64..2.0,
    ) {
        let wait = backoff(attempts, Some(secs(asked)), jitter);
        prop_assert!(wait >= secs(asked).min(secs(900)) && wait <= secs(900) && wait >= secs(1));
    }
    /// Whatever somebody writes, an endpoint that is allowed begins with an allowed one.
    #[test]
    fn what_may_be_pushed_to_begins_with_what_is_allowed(tail in "[/a-z0-9.%:@#?;\\\\-]{0,20}") {
        let allowed = ["https://app.example/hooks".to_owned()];
        let url = format!("https://app.example/hooks{tail}");
        if may_push(&url, &allowed) {
            let rest = url.strip_prefix("https://app.example/hooks").unwrap();
            prop_assert!(rest.is_empty() || rest.starts_with(['/', '?']), "{url}");
            prop_assert!(!rest.split('?').next().unwrap().contains(".."), "{url}");
        }
    }
}

#[test]
fn a_poll_is_read_with_its_defaults() {
    let plain = Poll { most: 100, wait: true, acknowledged: Vec::new(), refused: Vec::new() };
    for (body, want) in [
        ("{}", plain.clone()),
        (r#"{"maxEvents": 5}"#, Poll { most: 5, ..plain.clone() }),
        (r#"{"maxEvents": 100000}"#, plain.clone()),
        (r#"{"maxEvents": 0}"#, Poll { most: 0, wait: false, ..plain.clone() }),
        (r#"{"returnImmediately": true}"#, Poll { wait: false, ..plain.clone() }),
        (r#"{"returnImmediately": false}"#, plain.clone()),
        (r#"{"ack": ["a", "b"]}"#, Poll { acknowledged: vec!["a".into(), "b".into()], ..plain.clone() }),
        (
            r#"{"setErrs": {"a": {"err": "invalid_key"}}}"#,
            Poll { wait: false, refused: vec![("a".into(), "invalid_key".into())], ..plain.clone() },
        ),
    ] {
        assert_eq!(poll(body.as_bytes()).unwrap(), want, "{body}");
    }
}
