//! One question of an interaction at a time: a second press waits for what comes of the first, and is then led to the same
//! screen. So the core bank is asked once, however often a button is pressed.

use super::Posted;
use super::desk::Desk;
use super::seen::{Seen, Visitor};
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::store::Result;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// How many presses of one interaction wait at most; more are answered at once, with the screen that is.
const WAITING: usize = 4;
/// How long a press waits at most: longer than the core bank may take for its two questions.
const PATIENCE: Duration = Duration::from_secs(30);

/// The interactions whose questions are being asked, on this node.
#[derive(Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<InteractionId, Arc<Turn<()>>>>>);

/// A turn; the next press has it when this is dropped.
pub struct InTurn {
    turns: Arc<Mutex<HashMap<InteractionId, Arc<Turn<()>>>>>,
    id: InteractionId,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn of an interaction. `None`: too many wait already, or it took too long.
    pub(super) async fn take(&self, id: &InteractionId) -> Option<InTurn> {
        let turn = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = all.entry(id.clone()).or_default();
            // The map holds one, each press another.
            if Arc::strong_count(turn) > 1 + WAITING {
                return None;
            }
            Arc::clone(turn)
        };
        let mut taken = InTurn { turns: Arc::clone(&self.0), id: id.clone(), guard: None };
        taken.guard = tokio::time::timeout(PATIENCE, turn.lock_owned()).await.ok();
        taken.guard.is_some().then_some(taken)
    }
}

impl Drop for InTurn {
    fn drop(&mut self) {
        let mut all = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // Nobody else holds it, and nobody can come while the map is locked.
        if all.get(&self.id).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            all.remove(&self.id);
        }
    }
}

impl Desk {
    /// ② or ⑤, once whatever was pressed before has been answered.
    pub(super) async fn guess(&self, v: &Visitor, step: &str, posted: Posted, now: Instant) -> Result<Seen> {
        let Some(_turn) = self.turn_of(v).await else { return self.again(v, now).await };
        match posted {
            Posted::Customer(form) => self.customer(v, step, form, now).await,
            Posted::Pin(pin) => self.pin(v, step, &pin, now).await,
            _ => self.again(v, now).await,
        }
    }
    /// The turn of an interaction, for a form on which the core bank is asked. `None`: too many wait for it already.
    pub async fn turn_of(&self, v: &Visitor) -> Option<InTurn> {
        self.turns.take(&v.id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn id(n: u32) -> InteractionId {
        InteractionId::parse(&format!("interaction-{n}")).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn presses_of_one_interaction_come_one_after_the_other_and_few_wait() {
        let (turns, now, most, refused) =
            (Turns::default(), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let press = async |n: u32| {
            let Some(_turn) = turns.take(&id(n)).await else {
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
        // Other interactions do not wait for it.
        futures_util::future::join_all((0..5).map(press)).await;
        assert_eq!(most.load(Ordering::SeqCst), 5);
        assert!(turns.0.lock().unwrap().is_empty(), "nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let turns = Turns::default();
        let held = turns.take(&id(1)).await;
        assert!(turns.take(&id(1)).await.is_none());
        drop(held);
        assert!(turns.take(&id(1)).await.is_some());
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
