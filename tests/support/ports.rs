//! Ports for programs that must be told theirs before they start.

use std::fs::{self, File};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the system gives to outgoing connections: one of those could be taken between our look and the
/// program's start.
const FIRST: u16 = 18_000;
const LAST: u16 = 32_000;

/// The first of `count` ports in a row that nobody else uses. No two callers get the same, in this test run or in another
/// on the same machine: between our look and the program's start, the other run would see the port free too.
pub(crate) fn free(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static MINE: Mutex<Vec<File>> = Mutex::new(Vec::new());
    // Two test runs on one machine begin at different places.
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    for _ in 0..1_000 {
        let offset = NEXT.fetch_add(count, Ordering::Relaxed).wrapping_add(start);
        let first = FIRST + offset % (LAST - FIRST - count);
        let reserved: Option<Vec<File>> = (first..first + count).map(reserve).collect();
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if let Some(reserved) = reserved.filter(|_| (first..first + count).all(free)) {
            MINE.lock().unwrap().extend(reserved);
            return first;
        }
    }
    panic!("no {count} free ports in a row");
}

/// Reserves a port for this test run until it ends; `None` if another has it.
fn reserve(port: u16) -> Option<File> {
    let folder = std::env::temp_dir().join("renkei-test-ports");
    fs::create_dir_all(&folder).unwrap();
    let file = File::create(folder.join(port.to_string())).unwrap();
    file.try_lock().is_ok().then_some(file)
}

#[test]
fn a_port_that_another_run_has_is_not_given_out() {
    let first = free(2);
    assert!(reserve(first).is_none() && reserve(first + 1).is_none(), "both stay reserved until the run ends");
}
