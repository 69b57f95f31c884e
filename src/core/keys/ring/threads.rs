//! Where signatures with RSA are made: about a millisecond of a processor each. On a thread that serves requests, all other requests of
//! that thread would wait for it.
//!
//! Who waits is served in the order of arrival, one signature each. The wait is bounded: a request that has not begun to sign after
//! [`LONGEST`] fails, so that a rush of some clients is a 503 for some requests and not a standstill for all.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// The work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoTurn;

/// How long a signature may wait for its turn: thousands before it are a rush that will not end soon.
const LONGEST: Duration = Duration::from_secs(5);

/// At most as many signatures at once as there are processors, on threads of the runtime that serve no requests.
#[derive(Clone)]
pub(super) struct SigningThreads(Arc<Semaphore>);

impl Default for SigningThreads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(processors())))
    }
}
fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

impl SigningThreads {
    /// Does `work` in its turn.
    ///
    /// # Errors
    /// [`NoTurn`] if its turn does not come in time, or if the work panics.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NoTurn> {
        // The semaphore is never closed.
        let permit =
            timeout(LONGEST, Arc::clone(&self.0).acquire_owned()).await.map_err(|_| NoTurn)?.map_err(|_| NoTurn)?;
        let done = spawn_blocking(move || {
            // It is given back when the work is done, also if nobody waits for it any more.
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| NoTurn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn as_many_sign_at_once_as_there_are_processors() {
        let threads = SigningThreads::default();
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = (0..processors() * 8).map(|n| {
            let (busy, most) = (busy.clone(), most.clone());
            threads.run(move || {
                most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                busy.fetch_sub(1, Ordering::SeqCst);
                n
            })
        });
        let done = join_all(work).await;
        assert!(done.into_iter().map(Result::unwrap).eq(0..processors() * 8));
        assert_eq!(most.load(Ordering::SeqCst), processors());
    }

    #[tokio::test(start_paused = true)]
    async fn whose_turn_does_not_come_is_told_so() {
        let threads = SigningThreads::default();
        let all = Arc::clone(&threads.0).acquire_many_owned(u32::try_from(processors()).unwrap()).await.unwrap();
        assert_eq!(threads.run(|| ()).await, Err(NoTurn));
        drop(all);
        assert_eq!(threads.run(|| 7).await, Ok(7));
    }
}
