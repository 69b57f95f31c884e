//! What wakes those who wait for events on this node.

use crate::id::StreamId;
use actix_web::error::BlockingError;
use actix_web::web::block;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore, watch};

/// One for each node.
pub struct StreamHub {
    head: watch::Sender<i64>,
    turns: Mutex<HashMap<StreamId, Arc<Notify>>>,
    closed: AtomicBool,
    woken: AtomicBool,
    signing: Arc<Semaphore>,
}
impl Default for StreamHub {
    fn default() -> Self {
        let signing = Arc::new(Semaphore::new(cores()));
        let (head, closed, woken) = (watch::Sender::new(0), AtomicBool::new(false), AtomicBool::new(false));
        Self { head, turns: Mutex::default(), closed, woken, signing }
    }
}
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
impl StreamHub {
    /// Changes when there are new events, or something else to deliver.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }
    /// Tells the position of the last event. Wakes everybody if it has changed.
    pub fn set_head(&self, pos: i64) {
        self.head.send_if_modified(|old| {
            let moved = *old != pos;
            *old = pos;
            moved
        });
    }
    /// Wakes everybody: there is something to deliver that is no event.
    pub fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.head.send_modify(|_| {});
    }
    /// Whether there was a [`StreamHub::wake`] since this was asked last.
    #[must_use]
    pub fn was_woken(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }
    /// Ends every wait: this node stops.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake();
    }
    /// Whether this node stops.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
    /// Signs the tokens of a poll, beside those that serve requests. At most as many polls as there are cores sign at the same
    /// time; the others wait.
    ///
    /// # Errors
    /// [`BlockingError`] if the work panics.
    pub async fn sign<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, BlockingError> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.signing).acquire_owned().await.ok();
        block(move || {
            // It is given back when the work is done, also if nobody waits for it any more.
            let _permit = permit;
            work()
        })
        .await
    }
    /// The turn of a poll: the one before it for the same stream ends.
    #[must_use]
    pub fn turn(&self, id: &StreamId) -> PollTurn<'_> {
        let mine = Arc::new(Notify::new());
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = turns.insert(id.clone(), mine.clone()) {
            before.notify_one();
        }
        PollTurn { hub: self, id: id.clone(), mine }
    }
}

/// A poll that may wait.
pub struct PollTurn<'a> {
    hub: &'a StreamHub,
    id: StreamId,
    mine: Arc<Notify>,
}
impl PollTurn<'_> {
    /// Returns when another poll of the stream has come.
    pub async fn ended(&mut self) {
        self.mine.notified().await;
    }
}
impl Drop for PollTurn<'_> {
    fn drop(&mut self) {
        let mut turns = self.hub.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.get(&self.id).is_some_and(|current| Arc::ptr_eq(current, &self.mine)) {
            turns.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    #[tokio::test]
    async fn as_many_polls_sign_at_once_as_there_are_cores() {
        let (hub, busy, most) = (StreamHub::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = (0..cores() * 8).map(|n| {
            let (busy, most) = (busy.clone(), most.clone());
            hub.sign(move || {
                most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                busy.fetch_sub(1, Ordering::SeqCst);
                n
            })
        });
        let done = join_all(work).await;
        assert!(done.into_iter().map(Result::unwrap).eq(0..cores() * 8));
        assert_eq!(most.load(Ordering::SeqCst), cores());
    }
}
