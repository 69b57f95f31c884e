//! The closures that happen once, as docs/operations.md writes them.

use renkei_core::clock::Instant;
use renkei_core::identity::service_hours::{Hours, SEED, Service};
use renkei_core::language::Language;
use renkei_server::config::Config;

/// The example of closures that happen once: it is a configuration, it closes when it says, and the windows of every week stay.
#[test]
fn closures_that_happen_once_are_written_as_the_page_says() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let part = page.split("<a id=\"closures\">").nth(1).unwrap();
    let block = part.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let default = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/default.toml")).unwrap();
    let mut whole: toml::Table = toml::from_str(&default).unwrap();
    whole.extend(toml::from_str::<toml::Table>(block).unwrap());
    let config: Config = whole.try_into().unwrap();
    let hours = config.hours.in_force().unwrap();
    assert_eq!(config.hours.closed[..SEED.len()], SEED, "the list takes the place of the default, so it repeats it");
    assert_eq!(config.hours.closed.len(), SEED.len() + 3);
    let at = |text: &str| {
        let read = chrono::DateTime::parse_from_rfc3339(&format!("{text}:00+09:00")).unwrap();
        Instant::from_millis(read.timestamp_millis())
    };
    let closed = |text: &str, until: &str| {
        assert_eq!(hours.open_at(at(text)), Service::Closed { until: at(until) }, "{text}");
    };
    closed("2026-12-05T22:00", "2026-12-06T06:00");
    closed("2026-12-31T00:02", "2027-01-01T08:00");
    closed("2027-02-11T12:00", "2027-02-12T00:02");
    for open in ["2026-12-05T21:59", "2026-12-06T06:00", "2027-02-12T00:02", "2027-02-10T12:00"] {
        assert_eq!(hours.open_at(at(open)), Service::Open, "{open}");
    }
    // What customers read of them.
    let said: Vec<String> =
        hours.sentences(Language::Ja).into_iter().map(|s| format!("{}{}", s.days, s.times)).collect();
    for sentence in &said[SEED.len()..] {
        assert!(part.contains(sentence), "the page shows: {sentence}");
    }
    assert_ne!(hours, Hours::seed());
}
