//! How many interactions that have not passed ② are kept (`identity.unfinished`). Counting them at each start would
//! be expensive, so the store is asked at most once a second, and the starts on this node since then are added.

use super::sql;
use crate::clock::Instant;
use crate::store::{Result, Store};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The age of a count from which on the store is asked again.
const AGE: Duration = Duration::from_secs(1);

/// The count of this node.
#[derive(Debug, Default)]
pub(super) struct Unfinished(Mutex<CachedCount>);

#[derive(Debug, Default, Clone, Copy)]
struct CachedCount {
    asked_at: Option<Instant>,
    count: i64,
}

impl Unfinished {
    /// Counts one more start; `false` where `share` of the `most` that may be kept are kept already.
    pub(super) async fn admit(&self, store: &Store, (share, most): (i64, i64), now: Instant) -> Result<bool> {
        let fresh = |known: &CachedCount| known.asked_at.is_some_and(|at| at <= now && now.since(at) < AGE);
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !fresh(&known) {
            // Meanwhile other starts use the previous count.
            self.0.lock().unwrap_or_else(PoisonError::into_inner).asked_at = Some(now);
            let count = store.scan(move |tx| sql::unfinished(tx, most)).await?;
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = CachedCount { asked_at: Some(now), count };
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.count >= share {
            return Ok(false);
        }
        known.count += 1;
        Ok(true)
    }
}
