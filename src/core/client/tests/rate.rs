//! Answers a second: a table, and what holds in any order of calls.

use super::*;
use crate::client::rate::{Bucket, Rate, Rates};
use proptest::prelude::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Each line: how long after the start a client comes, how often, and how many of these calls are good; then how long the
/// first one that is not has to wait.
type Call = (u64, u32, u32, Option<u64>);

#[test]
fn a_burst_and_then_so_many_a_second() {
    let rate = |per_second, burst| Rate { per_second, burst };
    let tables: [(&str, Rate, &[Call]); 6] = [
        ("as configured", rate(20, 200), &[(0, 201, 200, Some(50)), (49, 1, 0, Some(1)), (50, 2, 1, Some(50))]),
        ("a second gives twenty", rate(20, 200), &[(0, 200, 200, None), (1000, 21, 20, Some(50))]),
        ("a rest gives a burst and no more", rate(20, 200), &[(0, 200, 200, None), (3_600_000, 201, 200, Some(50))]),
        ("one at a time", rate(1, 1), &[(0, 2, 1, Some(1000)), (999, 1, 0, Some(1)), (1000, 1, 1, None)]),
        (
            "a rate that is no divisor of a second",
            rate(3, 1),
            &[(0, 2, 1, Some(334)), (333, 1, 0, Some(1)), (334, 1, 1, None)],
        ),
        ("refusals cost nothing", rate(20, 1), &[(0, 1000, 1, Some(50)), (50, 1, 1, None)]),
    ];
    for (why, rate, calls) in tables {
        let mut bucket = Bucket::full(rate, NOW);
        for (at, calls, good, wait) in calls {
            let (mut given, mut first) = (0, None);
            for _ in 0..*calls {
                let (left, verdict) = bucket.take(rate, NOW + ms(*at));
                bucket = left;
                match verdict {
                    Ok(()) => given += 1,
                    Err(wait) => first = first.or(Some(wait)),
                }
            }
            assert_eq!((given, first), (*good, wait.map(ms)), "{why}, after {at} ms");
        }
    }
}

#[test]
fn each_client_has_its_own_and_a_record_that_changed_counts_at_once() {
    let (rates, small) = (Rates::default(), Rate { per_second: 1, burst: 2 });
    let id = |text: &str| ClientId::parse(text).unwrap();
    let take = |who: &str, rate| rates.take(&id(who), rate, NOW).is_ok();
    assert_eq!([take("a", small), take("a", small), take("a", small)], [true, true, false]);
    assert!(take("b", small), "another client");
    // The institution allows more, then less: what was spent stays spent, and no more is kept than may be.
    let large = Rate { per_second: 100, burst: 1000 };
    assert_eq!(rates.take(&id("a"), large, NOW), Err(ms(10)));
    assert!(rates.take(&id("a"), large, NOW + ms(60_000)).is_ok());
    let after: Vec<_> = (0..3).map(|_| rates.take(&id("a"), small, NOW + ms(60_000)).is_ok()).collect();
    assert_eq!(after, [true, true, false]);
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let rate = Rate { per_second: 20, burst: 2 };
    let (mut bucket, mut good) = (Bucket::full(rate, NOW), Vec::new());
    for at in [NOW, NOW, NOW, NOW - ms(3_600_000), NOW - ms(3_600_000) + ms(50)] {
        let (left, verdict) = bucket.take(rate, at);
        bucket = left;
        good.push(verdict.is_ok());
    }
    assert_eq!(good, [true, true, false, false, true]);
}

proptest! {
    /// In any stretch of time no more than the burst and what the time gives, and never less: who waits as long as it was
    /// told to is served.
    #[test]
    fn never_more_and_never_less(
        per_second in 1_u32..500, burst in 1_u32..50, pauses in prop::collection::vec(0_u64..400, 1..200),
    ) {
        let rate = Rate { per_second, burst };
        let (mut bucket, mut at, mut given) = (Bucket::full(rate, NOW), NOW, Vec::new());
        for pause in pauses {
            at = at + ms(pause);
            let (left, verdict) = bucket.take(rate, at);
            bucket = left;
            match verdict {
                Ok(()) => given.push(at),
                Err(wait) => {
                    prop_assert!(wait > Duration::ZERO && wait <= ms(1000_u64.div_ceil(u64::from(per_second))));
                    prop_assert!(bucket.take(rate, at + wait).1.is_ok(), "told to wait {wait:?}");
                    prop_assert!(bucket.take(rate, at + wait - ms(1)).1.is_err(), "and no less");
                }
            }
        }
        for (i, from) in given.iter().enumerate() {
            for (j, to) in given.iter().enumerate().skip(i) {
                let most = u64::from(burst) * 1000 + u64::try_from(to.since(*from).as_millis()).unwrap() * u64::from(per_second);
                prop_assert!((j - i + 1) as u64 * 1000 <= most, "{} within {:?}", j - i + 1, to.since(*from));
            }
        }
    }
}
