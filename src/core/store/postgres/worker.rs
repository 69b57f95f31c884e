//! A thread of the store, and the state that all threads share.

use super::dial::Dialer;
use crate::secret::Hash;
use crate::store::room::Room;
use crate::store::tx::Trouble;
use crate::store::{Error, Result};
use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;

/// The state that all threads of a store share.
pub(super) struct Shared {
    pub(super) dialer: Dialer,
    pub(super) limit: Duration,
    pub(super) room: Arc<Room>,
    pub(super) keys: PendingKeys,
    /// True when the time for a stop is over.
    pub(super) abort: watch::Receiver<bool>,
    /// The number of commits whose outcome is unknown.
    pub(super) undecided: AtomicUsize,
    /// Writes are refused when there are this many.
    pub(super) most_undecided: usize,
}

/// The keys of units of work whose commit was sent and whose caller has no answer yet.
#[derive(Default)]
pub(super) struct PendingKeys(Mutex<HashMap<Hash, usize>>);
impl PendingKeys {
    pub(super) fn has(&self, key: &Hash) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }
    fn add(&self, key: Hash) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(0) += 1;
    }
    fn remove(&self, key: &Hash) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = keys.get_mut(key) {
            *n -= 1;
            if *n == 0 {
                keys.remove(key);
            }
        }
    }
}

/// Holds a key in [`PendingKeys`] as long as it lives.
pub(super) struct Held {
    shared: Arc<Shared>,
    key: Hash,
}
impl Held {
    pub(super) fn new(shared: &Arc<Shared>, key: Hash) -> Self {
        shared.keys.add(key);
        Self { shared: shared.clone(), key }
    }
    pub(super) fn key(&self) -> &Hash {
        &self.key
    }
}
impl Drop for Held {
    fn drop(&mut self) {
        self.shared.keys.remove(&self.key);
    }
}

/// The advisory lock of a key.
pub(super) fn lock_of(key: &Hash) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&key.as_bytes()[..8]);
    i64::from_be_bytes(first)
}

/// A thread with its runtime: connections are opened, used and closed only on it.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Runtime,
}
impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { shared, runtime: runtime.map_err(|e| Error::Unavailable(e.to_string()))? })
    }
    /// Ends without waiting for blocking tasks that may never end, such as a DNS look-up.
    pub(super) fn close(self) {
        self.runtime.shutdown_background();
    }
    /// Waits for `work`, at most `limit`, and not after the store was told to abort.
    pub(super) fn wait<T>(
        &self,
        limit: Option<Duration>,
        work: impl Future<Output = T>,
    ) -> std::result::Result<T, Trouble> {
        let mut abort = self.shared.abort.clone();
        self.runtime.block_on(async {
            let aborted = async {
                // A store that is dropped without a stop finishes its waiting jobs.
                if abort.wait_for(|told| *told).await.is_err() {
                    pending::<()>().await;
                }
            };
            let bounded = async {
                match limit {
                    Some(limit) => timeout(limit, work).await.map_err(|_| limit),
                    None => Ok(work.await),
                }
            };
            tokio::select! {
                biased;
                done = bounded => done.map_err(|limit| {
                    Trouble::Late(Error::Unavailable(format!("PostgreSQL has not answered within {limit:?}")))
                }),
                () = aborted => Err(Trouble::Late(Error::Unavailable("the store is stopped".into()))),
            }
        })
    }
}
