//! How often a network may do something within a time: counted in memory, in a table of fixed size, before anything is
//! written. Each node counts for itself, and a restart forgets; exact counts are in the store.

use super::network::{BrowserNetwork, NetworkKey};
use crate::clock::Instant;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often, and within which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The maximum; a /48 may do ten times as much.
    pub most: u32,
    /// The time window; it begins with the network's first event.
    pub window: Duration,
}

/// The time in which starts and posts of ② are counted.
pub const TEN_MINUTES: Duration = Duration::from_secs(600);
/// The time in which R30 and R31 are counted.
pub const HOUR: Duration = Duration::from_secs(3600);

/// How many networks one bucket of the table holds.
const SLOTS: usize = 8;
/// How many buckets. 8,192 buckets hold 65,536 networks in 4 MB.
const BUCKETS: usize = 8192;
/// How much more a /48 may do than a /64 of it.
const WIDE: u32 = 10;

#[derive(Debug, Clone, Copy)]
struct NetworkCount {
    key: NetworkKey,
    since: Instant,
    count: u32,
}

/// Counts events by network. A full bucket drops the network with the fewest events, so that a network at its limit
/// is remembered.
pub struct NetworkLimiter {
    limit: Option<Limit>,
    buckets: Mutex<Vec<[Option<NetworkCount>; SLOTS]>>,
    hasher: RandomState,
}

impl NetworkLimiter {
    /// A limiter; `None` allows everything (`limits.by_network = false`).
    #[must_use]
    pub fn new(limit: Option<Limit>) -> Self {
        let buckets = if limit.is_some() { BUCKETS } else { 0 };
        Self { limit, buckets: Mutex::new(vec![[None; SLOTS]; buckets]), hasher: RandomState::new() }
    }
    /// Its memory in bytes; it does not grow with the number of networks.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.capacity() * size_of::<[Option<NetworkCount>; SLOTS]>()
    }
    /// Counts one event, unless the network is at its limit.
    ///
    /// # Errors
    /// When it may try again.
    pub fn admit(&self, who: BrowserNetwork, now: Instant) -> Result<(), Instant> {
        self.check(who, now)?;
        self.count(who, now);
        Ok(())
    }
    /// Whether the network is below its limit; counts nothing.
    ///
    /// # Errors
    /// When it may try again.
    pub fn check(&self, who: BrowserNetwork, now: Instant) -> Result<(), Instant> {
        let Some(limit) = self.limit else { return Ok(()) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, most) in keys(who, limit.most) {
            let entry = self.bucket(&mut buckets, &key).iter().flatten().find(|e| e.key == key);
            if let Some(full) = entry.filter(|e| e.count >= most && now < e.since + limit.window) {
                return Err(full.since + limit.window);
            }
        }
        Ok(())
    }
    /// Counts one event.
    pub fn count(&self, who: BrowserNetwork, now: Instant) {
        let Some(limit) = self.limit else { return };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in keys(who, limit.most) {
            let bucket = self.bucket(&mut buckets, &key);
            let over = |e: &NetworkCount| now >= e.since + limit.window;
            let known = bucket.iter().position(|slot| slot.is_some_and(|e| e.key == key));
            let slot = known.or_else(|| bucket.iter().position(|slot| slot.as_ref().is_none_or(over)));
            let least = || (0..SLOTS).min_by_key(|i| bucket[*i].map_or(0, |e| e.count)).unwrap_or(0);
            let slot = slot.unwrap_or_else(least);
            let known = bucket[slot].filter(|e| e.key == key && !over(e));
            let entry = known.unwrap_or(NetworkCount { key, since: now, count: 0 });
            bucket[slot] = Some(NetworkCount { count: entry.count.saturating_add(1), ..entry });
        }
    }
    /// Takes back an event that was counted at `now`, before it was certain to happen.
    pub fn take_back(&self, who: BrowserNetwork, now: Instant) {
        let Some(limit) = self.limit else { return };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in keys(who, limit.most) {
            // An entry that began later counts other events.
            let counted = |e: &NetworkCount| e.key == key && e.since <= now;
            for slot in self.bucket(&mut buckets, &key).iter_mut().filter(|slot| slot.as_ref().is_some_and(counted)) {
                *slot = slot.and_then(|e| (e.count > 1).then(|| NetworkCount { count: e.count - 1, ..e }));
            }
        }
    }
    fn bucket<'b>(
        &self,
        buckets: &'b mut [[Option<NetworkCount>; SLOTS]],
        key: &NetworkKey,
    ) -> &'b mut [Option<NetworkCount>; SLOTS] {
        let place = usize::try_from(self.hasher.hash_one(key)).unwrap_or(0) % buckets.len().max(1);
        &mut buckets[place]
    }
}

fn keys(who: BrowserNetwork, most: u32) -> impl Iterator<Item = (NetworkKey, u32)> {
    let wide = who.wide().map(|key| (key, most.saturating_mul(WIDE)));
    std::iter::once((who.narrow(), most)).chain(wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    const START: Instant = Instant::from_secs(1_795_485_600);

    fn limiter(most: u32) -> NetworkLimiter {
        NetworkLimiter::new(Some(Limit { most, window: TEN_MINUTES }))
    }
    fn v4(n: u32) -> BrowserNetwork {
        BrowserNetwork::of(Some(IpAddr::V4(Ipv4Addr::from(n))))
    }
    fn v6(net48: u16, net64: u16, host: u16) -> BrowserNetwork {
        BrowserNetwork::of(Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, net48, net64, 0, 0, 0, host))))
    }

    #[test]
    fn a_network_at_its_limit_waits_for_the_end_of_the_window() {
        let limiter = limiter(3);
        for n in 0..3 {
            assert_eq!(limiter.admit(v4(1), START + Duration::from_secs(n)), Ok(()));
        }
        let end = START + TEN_MINUTES;
        assert_eq!(limiter.admit(v4(1), START + Duration::from_secs(3)), Err(end));
        assert_eq!(limiter.admit(v4(1), end - Duration::from_millis(1)), Err(end), "a refusal counts nothing");
        assert_eq!(limiter.admit(v4(2), START), Ok(()), "another network is not concerned");
        assert_eq!(limiter.admit(v4(1), end), Ok(()));
    }

    #[test]
    fn a_48_has_ten_times_as_much_as_a_64() {
        let limiter = limiter(2);
        for net64 in 0..10 {
            assert_eq!(limiter.admit(v6(1, net64, 1), START), Ok(()));
            assert_eq!(limiter.admit(v6(1, net64, 2), START), Ok(()));
            assert!(limiter.admit(v6(1, net64, 3), START).is_err(), "the third of one /64");
        }
        assert!(limiter.admit(v6(1, 99, 1), START).is_err(), "the 21st of one /48");
        assert_eq!(limiter.admit(v6(2, 99, 1), START), Ok(()));
    }

    #[test]
    fn a_flood_of_networks_takes_no_more_room_and_frees_nobody_who_reached_the_limit() {
        let limiter = limiter(5);
        for _ in 0..5 {
            limiter.count(v4(7), START);
        }
        for n in 1000..400_000 {
            limiter.count(v4(n), START);
        }
        assert!(limiter.check(v4(7), START).is_err());
        assert_eq!(limiter.buckets.lock().unwrap().len(), BUCKETS);
    }

    #[test]
    fn what_did_not_come_to_pass_is_taken_back() {
        let limiter = limiter(2);
        let later = START + Duration::from_secs(60);
        limiter.count(v4(1), START);
        limiter.take_back(v4(1), START);
        // Nothing is left: the time window begins with the next event.
        assert_eq!(limiter.admit(v4(1), later), Ok(()));
        assert_eq!(limiter.admit(v4(1), later), Ok(()));
        assert_eq!(limiter.admit(v4(1), later), Err(later + TEN_MINUTES));
        limiter.take_back(v4(2), later);
        limiter.take_back(v4(1), START);
        assert!(limiter.check(v4(1), later).is_err(), "another network's, or one of an earlier time, changes nothing");
        limiter.take_back(v4(1), later);
        assert_eq!(limiter.admit(v4(1), later), Ok(()));
        assert!(limiter.check(v4(1), later).is_err());
    }

    #[test]
    fn without_a_limit_everybody_comes_through() {
        let limiter = NetworkLimiter::new(None);
        for _ in 0..1000 {
            assert_eq!(limiter.admit(v4(1), START), Ok(()));
        }
    }

    proptest! {
        /// In any order of events: within a window that begins with an event, at most the limit passes.
        #[test]
        fn never_more_than_the_limit(steps in prop::collection::vec((0_u32..3, 0_u64..200), 1..300), most in 1_u32..6) {
            let limiter = limiter(most);
            let mut now = START;
            let mut windows: std::collections::HashMap<u32, (Instant, u32)> = std::collections::HashMap::new();
            for (who, pause) in steps {
                now = now + Duration::from_secs(pause);
                let window = windows.entry(who).or_insert((now, 0));
                if now >= window.0 + TEN_MINUTES {
                    *window = (now, 0);
                }
                let passes = limiter.admit(v4(who), now).is_ok();
                prop_assert_eq!(passes, window.1 < most);
                window.1 += u32::from(passes);
            }
        }
    }
}
