//! For load balancers and monitoring: `/healthz` says that the process runs, `/readyz` that it can serve requests.
//!
//! `/readyz` does not query the store. It returns the result of the last probe at once, so that a store that does not
//! respond blocks neither the load balancer nor this server.

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
/// A store that takes longer for an empty read counts as not ready.
const PROBE: Duration = Duration::from_secs(2);
/// A probe older than this does not count: then the probing task is blocked itself.
const STALE: Duration = Duration::from_secs(6);

/// The result and the time of the last probe.
#[derive(Debug, Default)]
pub struct Probe(Mutex<Option<(Instant, bool)>>);
impl Probe {
    /// Probes the store.
    pub async fn run(&self, store: &Store) {
        let answer = timeout(PROBE, store.read(|tx| tx.row("select 1", &[]))).await;
        let answered = matches!(answer, Ok(Ok(_)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), answered));
    }
    pub(super) fn answered(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|(at, answered)| answered && at.elapsed() < STALE)
    }
}

/// `GET /healthz`
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: 503 while stopping, or if the store does not respond; `degraded` names what does not work now.
pub async fn ready(app: Shared) -> HttpResponse {
    if !app.ready.load(Ordering::Acquire) || !app.probe.answered() {
        return HttpResponse::ServiceUnavailable().json(json!({"status": "not ready"}));
    }
    HttpResponse::Ok().json(match app.store.degraded() {
        Some(degraded) => json!({"status": "ready", "degraded": degraded}),
        None => json!({"status": "ready"}),
    })
}
