//! What wakes those who wait for events on this node.

use crate::id::StreamId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// One for each node.
pub struct StreamHub {
    head: watch::Sender<i64>,
    turns: Mutex<HashMap<StreamId, Arc<Notify>>>,
    closed: AtomicBool,
    woken: AtomicBool,
}
impl Default for StreamHub {
    fn default() -> Self {
        let (head, closed, woken) = (watch::Sender::new(0), AtomicBool::new(false), AtomicBool::new(false));
        Self { head, turns: Mutex::default(), closed, woken }
    }
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
