//! The queue in front of the core bank: at most `bank.parallel` questions are under way. Customers who have passed ②
//! go first. A question that has waited `bank.wait` is given up: the service is busy (R35).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Which question is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    /// ⑤, ⑥: the customer has already proved possession of the telephone.
    Proved,
    /// ②: nothing is proved yet.
    Anybody,
}

/// The core bank could not be asked in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// Lets at most a fixed number of questions through at once.
#[derive(Clone)]
pub(super) struct BankQueue {
    inner: Arc<Mutex<QueueState>>,
    wait: Duration,
}
struct QueueState {
    free: usize,
    proved: VecDeque<oneshot::Sender<Permit>>,
    anybody: VecDeque<oneshot::Sender<Permit>>,
}

/// The right to ask one question. Dropping it gives the turn to the next one.
pub(super) struct Permit {
    queue: Option<Arc<Mutex<QueueState>>>,
}

impl BankQueue {
    pub(super) fn new(parallel: usize, wait: Duration) -> Self {
        let inner = QueueState { free: parallel, proved: VecDeque::new(), anybody: VecDeque::new() };
        Self { inner: Arc::new(Mutex::new(inner)), wait }
    }
    /// Waits for a turn.
    pub(super) async fn turn(&self, priority: Priority) -> Result<Permit, Busy> {
        let turn = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.free > 0 {
                inner.free -= 1;
                return Ok(Permit { queue: Some(Arc::clone(&self.inner)) });
            }
            let (tell, turn) = oneshot::channel();
            match priority {
                Priority::Proved => inner.proved.push_back(tell),
                Priority::Anybody => inner.anybody.push_back(tell),
            }
            turn
        };
        match tokio::time::timeout(self.wait, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Busy),
        }
    }
}
impl Drop for Permit {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        let mut inner = queue.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(next) = inner.proved.pop_front().or_else(|| inner.anybody.pop_front()) {
            // If the receiver is gone, `send` returns the permit. It must not be dropped while the lock is held.
            match next.send(Permit { queue: Some(Arc::clone(&queue)) }) {
                Ok(()) => return,
                Err(mut unused) => unused.queue = None,
            }
        }
        inner.free += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn as_many_as_may_and_the_proved_first() {
        let queue = BankQueue::new(2, WAIT);
        let first = queue.turn(Priority::Anybody).await.unwrap();
        let second = queue.turn(Priority::Anybody).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for (name, priority) in [("a", Priority::Anybody), ("b", Priority::Anybody), ("p", Priority::Proved)] {
            let (queue, order) = (queue.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let permit = queue.turn(priority).await;
                order.lock().unwrap().push(name);
                drop(permit);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["p", "a", "b"]);
        drop(second);
        assert_eq!(queue.inner.lock().unwrap().free, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told_and_takes_no_place() {
        let queue = BankQueue::new(1, WAIT);
        let held = queue.turn(Priority::Proved).await.unwrap();
        let before = tokio::time::Instant::now();
        assert!(queue.turn(Priority::Anybody).await.is_err());
        assert_eq!(before.elapsed(), WAIT);
        drop(held);
        assert!(queue.turn(Priority::Anybody).await.is_ok(), "whoever went away left no hole");
    }
}
