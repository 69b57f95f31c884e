//! For the balancer and the pager: `/healthz` says that the process lives, `/readyz` that it can serve.
//!
//! `/readyz` asks nobody: it says what the last probe of the store found, at once, so that a store that does not answer holds
//! up neither the balancer nor us.

use super::Shared;
use crate::store::Store;
use actix_web::HttpResponse;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How often the store is probed.
pub const PROBE_EVERY: Duration = Duration::from_secs(1);
/// A store that takes longer to read nothing does not serve.
const PROBE: Duration = Duration::from_secs(2);
/// A probe says nothing any more after this time: the task that probes is held up itself.
const STALE: Duration = Duration::from_secs(6);

/// What the last probe of the store found, and when.
#[derive(Debug, Default)]
pub struct Probe(Mutex<Option<(Instant, bool)>>);
impl Probe {
    /// Probes the store.
    pub async fn run(&self, store: &Store) {
        let answer = timeout(PROBE, store.read(|tx| tx.row("select 1", &[]))).await;
        let answered = matches!(answer, Ok(Ok(_)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), answered));
    }
    fn answered(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|(at, answered)| answered && at.elapsed() < STALE)
    }
}

/// `GET /healthz`
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: 503 while stopping, or when the store does not answer; `degraded` says what does not go at present.
pub async fn ready(app: Shared) -> HttpResponse {
    if !app.ready.load(Ordering::Acquire) || !app.probe.answered() {
        return HttpResponse::ServiceUnavailable().json(json!({"status": "not ready"}));
    }
    HttpResponse::Ok().json(match app.store.degraded() {
        Some(degraded) => json!({"status": "ready", "degraded": degraded}),
        None => json!({"status": "ready"}),
    })
}
