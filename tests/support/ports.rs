//! Ports for programs that must be told theirs before they start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the system gives to outgoing connections: one of those could be taken between our look and the
/// program's start.
const FIRST: u16 = 18_000;
const LAST: u16 = 32_000;

/// The first of `count` ports in a row that nobody else uses. No two callers get the same.
pub(crate) fn free(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two test runs on one machine begin at different places.
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    for _ in 0..1_000 {
        let offset = NEXT.fetch_add(count, Ordering::Relaxed).wrapping_add(start);
        let first = FIRST + offset % (LAST - FIRST - count);
        if (0..count).all(|n| TcpListener::bind(("127.0.0.1", first + n)).is_ok()) {
            return first;
        }
    }
    panic!("no {count} free ports in a row");
}
