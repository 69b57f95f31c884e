//! What anybody can send before we know who they are, given to the parsers by libFuzzer. Each target also says what must
//! hold: what is accepted reads back as itself and keeps to its limits; what is refused says so in ASCII.
//!
//! One program for all targets: FUZZ_TARGET says which. Its seeds are in `seeds/`, one folder a target.
#![no_main]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken promise stops the fuzzer, which keeps the input"
)]

#[path = "targets/bank.rs"]
mod bank;
#[path = "targets/client.rs"]
mod client;
#[path = "targets/keys.rs"]
mod keys;
#[path = "targets/words.rs"]
mod words;

use renkei_core::clock::Instant;
use renkei_core::refusal::Refusal;
use std::sync::OnceLock;

/// When everything happens.
const NOW: Instant = Instant::from_secs(1_795_312_800);
/// The server.
const ISSUER: &str = "https://link.example.jp";

/// What is done with an input.
type Target = fn(&[u8]);
/// Every target by its name.
const TARGETS: [(&str, Target); 13] = [
    ("params", words::params),
    ("typed", words::typed),
    ("references", words::references),
    ("jws", keys::jws),
    ("jwk", keys::jwk),
    ("dpop", keys::dpop),
    ("certificate", keys::certificate),
    ("authenticate", client::authenticate),
    ("request", client::request),
    ("object", client::object),
    ("metadata", client::metadata),
    ("details", client::details),
    ("hooks", bank::hooks),
];

fn target() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names the target");
        TARGETS.into_iter().find(|(n, _)| *n == name).expect("FUZZ_TARGET is a target's name").1
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| target()(data));

/// A refusal that may be sent: RFC 6749 §5.2's characters, and not long.
fn sendable(refusal: &Refusal) {
    let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    assert!(refusal.description.chars().all(allowed), "{refusal}");
    assert!((1..=300).contains(&refusal.description.len()), "{refusal}");
}

/// The input as text, in parts that lines of `%` separate; what is not UTF-8 is not looked at.
fn parts<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let mut list = std::str::from_utf8(data).ok()?.splitn(N, "\n%\n");
    Some(std::array::from_fn(|_| list.next().unwrap_or_default()))
}
