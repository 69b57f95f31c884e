use super::{NotADuration, Span};
use std::time::Duration;

#[test]
fn every_unit_reads_and_prints_alike() {
    for (text, ms) in
        [("500ms", 500), ("60s", 60_000), ("15m", 900_000), ("12h", 43_200_000), ("30d", 2_592_000_000), ("0s", 0)]
    {
        let span = Span::parse(text).unwrap();
        assert_eq!(span.get(), Duration::from_millis(ms), "{text}");
        assert_eq!(Span::parse(&span.to_string()), Ok(span), "{text}");
    }
    for (written, printed) in [("90s", "90s"), ("60s", "1m"), ("24h", "1d"), ("1000ms", "1s"), ("0d", "0s")] {
        assert_eq!(Span::parse(written).unwrap().to_string(), printed);
    }
}

#[test]
fn what_is_no_duration_says_how_one_is_written() {
    for text in ["", "s", "5", "5 s", " 5s", "-5s", "+5s", "5y", "5S", "1h30m", "1.5h", "５s", "99999999999999999999d"]
    {
        assert_eq!(Span::parse(text), Err(NotADuration), "{text}");
    }
    assert_eq!(NotADuration.to_string(), "not a duration such as 90s, 15m, 12h or 30d");
}
