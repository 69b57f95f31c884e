//! One question per interaction at a time: a second press waits for the result of the first and is then led to the
//! same screen. So the core bank is asked once, however often a button is pressed. On one node the presses wait in
//! memory. A press that reaches another node finds the guess in the store and waits until it is settled.
//!
//! The turn is taken before the cookie is checked, so its key is the interaction and the cookie together. Somebody
//! who only knows an address cannot block the customer by posting to it.

use super::Posted;
use super::guess;
use super::requests::{ViewResult, Visitor};
use super::service::IdentityService;
use crate::clock::Instant;
use crate::id::{GuessId, InteractionId};
use crate::secret::Hash;
use crate::store::Result;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// The key of a turn: the interaction, and the cookie that the browser sent for it.
type Key = (InteractionId, Hash);

/// How many presses of one interaction wait at most; further ones get the current screen at once.
const WAITING: usize = 4;
/// How long a press waits at most: longer than the core bank's time limit for its two questions.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// How often a press checks whether another node has the answer.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// The interactions with a question under way on this node.
#[derive(Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Key, Arc<Turn<()>>>>>);

/// A turn; dropping it lets the next press go on.
pub struct InTurn {
    turns: Arc<Mutex<HashMap<Key, Arc<Turn<()>>>>>,
    key: Key,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for a turn. `None`: too many are waiting, or it took too long.
    pub(super) async fn take(&self, key: Key) -> Option<InTurn> {
        let turn = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = all.entry(key.clone()).or_default();
            // The map holds one reference, each press another.
            if Arc::strong_count(turn) > 1 + WAITING {
                return None;
            }
            Arc::clone(turn)
        };
        let mut taken = InTurn { turns: Arc::clone(&self.0), key, guard: None };
        taken.guard = tokio::time::timeout(MAX_WAIT, turn.lock_owned()).await.ok();
        taken.guard.is_some().then_some(taken)
    }
}

impl Drop for InTurn {
    fn drop(&mut self) {
        let mut all = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // Nobody else has a reference, and nobody can get one while the map is locked.
        if all.get(&self.key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            all.remove(&self.key);
        }
    }
}

impl IdentityService {
    /// ② or ⑤, once every earlier press has been answered.
    pub(super) async fn guess(&self, v: &Visitor, step: &str, posted: Posted, now: Instant) -> Result<ViewResult> {
        let Some(_turn) = self.turn_of(v).await else { return self.current_view(v, now).await };
        match posted {
            Posted::Customer(form) => self.customer(v, step, form, now).await,
            Posted::Pin(pin) => self.pin(v, step, &pin, now).await,
            _ => self.current_view(v, now).await,
        }
    }
    /// The current screen, once another node has stored the core bank's answer to a guess.
    pub(super) async fn once_answered(&self, v: &Visitor, guess: GuessId, now: Instant) -> Result<ViewResult> {
        let last = tokio::time::Instant::now() + MAX_WAIT;
        while tokio::time::Instant::now() < last {
            tokio::time::sleep(POLL_EVERY).await;
            let asked = guess.clone();
            if !self.store.read(move |tx| guess::is_pending(tx, &asked, now)).await? {
                break;
            }
        }
        self.current_view(v, now).await
    }
    /// The turn of an interaction, for a form that asks the core bank. `None`: too many are waiting for it.
    pub async fn turn_of(&self, v: &Visitor) -> Option<InTurn> {
        self.turns.take((v.id.clone(), v.cookie)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(n: u32) -> Key {
        (InteractionId::parse(&format!("interaction-{n}")).unwrap(), Hash::of("its cookie"))
    }

    #[tokio::test(start_paused = true)]
    async fn presses_of_one_interaction_come_one_after_the_other_and_few_wait() {
        let (turns, now, most, refused) =
            (Turns::default(), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let press = async |n: u32| {
            let Some(_turn) = turns.take(key(n)).await else {
                refused.fetch_add(1, Ordering::SeqCst);
                return;
            };
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::SeqCst);
        };
        futures_util::future::join_all((0..20).map(|_| press(1))).await;
        assert_eq!(most.swap(0, Ordering::SeqCst), 1);
        assert_eq!(refused.load(Ordering::SeqCst), 20 - 1 - WAITING);
        // Other interactions do not wait.
        futures_util::future::join_all((0..5).map(press)).await;
        assert_eq!(most.load(Ordering::SeqCst), 5);
        assert!(turns.0.lock().unwrap().is_empty(), "nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let turns = Turns::default();
        let held = turns.take(key(1)).await;
        assert!(turns.take(key(1)).await.is_none());
        drop(held);
        assert!(turns.take(key(1)).await.is_some());
        assert!(turns.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_have_the_cookie_holds_nobody_up() {
        let turns = Turns::default();
        let stranger = (key(1).0, Hash::of("made up"));
        let _held = turns.take(stranger.clone()).await;
        let waiting: Vec<_> = (0..WAITING).map(|_| turns.take(stranger.clone())).collect();
        let before = tokio::time::Instant::now();
        let customer = async {
            assert!(turns.take(key(1)).await.is_some());
            before.elapsed()
        };
        let (took, _) = tokio::join!(customer, futures_util::future::join_all(waiting));
        assert_eq!(took, Duration::ZERO);
    }
}
