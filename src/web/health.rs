//! For the balancer and the pager: `/healthz` says that the process lives, `/readyz` that it can serve.

use super::Shared;
use actix_web::HttpResponse;
use std::sync::atomic::Ordering;

/// `GET /healthz`
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

/// `GET /readyz`: 503 while stopping, or when the store does not answer.
pub async fn ready(app: Shared) -> HttpResponse {
    let answers = || app.store.read(|tx| tx.row("select 1", &[]));
    if app.ready.load(Ordering::Acquire) && answers().await.is_ok() {
        HttpResponse::Ok().json(serde_json::json!({"status": "ready"}))
    } else {
        HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "not ready"}))
    }
}
