//! Randomness as an argument: the operating system's in a server, seeded in a test.

use aws_lc_rs::digest::{SHA256, digest};
use std::sync::Mutex;

/// A source of unpredictable bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

/// A number below `n`, without modulo bias; `0` if `n` is `0` or `1`.
#[must_use]
pub fn below(random: &dyn Random, n: u32) -> u32 {
    if n < 2 {
        return 0;
    }
    let limit = u32::MAX - u32::MAX % n;
    loop {
        let v = u32::from_be_bytes(bytes(random));
        if v < limit {
            return v % n;
        }
    }
}

/// The generator of the cryptography provider, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;
impl Random for SystemRandom {
    #[expect(clippy::expect_used, clippy::disallowed_methods, reason = "without randomness nothing here may go on")]
    fn fill(&self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).expect("the operating system gives random bytes");
    }
}

/// SHA-256 of a seed and a counter: the same bytes in every run. For tests only.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    counter: Mutex<u64>,
}
impl SeededRandom {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: Mutex::new(0) }
    }
}
impl Random for SeededRandom {
    fn fill(&self, out: &mut [u8]) {
        let mut counter = self.counter.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in out.chunks_mut(32) {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&self.seed.to_be_bytes());
            block[8..].copy_from_slice(&counter.to_be_bytes());
            *counter += 1;
            chunk.copy_from_slice(&digest(&SHA256, &block).as_ref()[..chunk.len()]);
        }
    }
}
