//! Where signatures with RSA are made: about a millisecond of a processor each. On a thread that serves requests, all other requests of
//! that thread would wait for it.

use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// As many threads as there are processors, beside those that serve requests.
#[derive(Clone)]
pub struct SigningThreads(Arc<Semaphore>);

impl Default for SigningThreads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(processors())))
    }
}
fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

impl SigningThreads {
    /// Does `work` when one of them is free.
    ///
    /// # Errors
    /// [`JoinError`] if the work panics.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.0).acquire_owned().await.ok();
        spawn_blocking(move || {
            // It is given back when the work is done, also if nobody waits for it any more.
            let _permit = permit;
            work()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

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
}
