//! Limits for each client: stored responses a second at the PAR and token endpoints, and pushed requests that wait for
//! a browser. Beyond a limit the response is 429; nothing is stored and nothing of the client is used up: it may send
//! the same request with the same assertion and proof after `Retry-After`.

use super::App;
use super::error::ApiError;
use crate::alarm::AlarmKind;
use crate::authorize::sql;
use crate::client::Client;
use crate::client::rate::Rates;
use crate::clock::Instant;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What was counted and refused on this node.
#[derive(Debug, Default)]
pub struct LimitCounters {
    rates: Rates,
    answers: AtomicU64,
    pushes: AtomicU64,
}
impl LimitCounters {
    /// How many requests were refused because their client sent too many a second.
    #[must_use]
    pub fn refused_answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }
    /// How many pushed requests were refused because too many of their client were waiting.
    #[must_use]
    pub fn refused_pushes(&self) -> u64 {
        self.pushes.load(Ordering::Relaxed)
    }
}

/// Counts a refusal and raises an alarm.
async fn refused(app: &App, counter: &AtomicU64, client: &Client, limit: &'static str, now: Instant) {
    counter.fetch_add(1, Ordering::Relaxed);
    let detail = json!({ "client": client.id.as_str(), "limit": limit });
    app.alarms.raise(&app.store, AlarmKind::ClientOverLimit, detail, now).await;
}

/// Counts one response of a client.
///
/// # Errors
/// [`ApiError::TooMany`].
pub async fn answer(app: &App, client: &Client, now: Instant) -> Result<(), ApiError> {
    let rate = client.answers(app.config.limits.answers());
    let Err(wait) = app.limits.rates.take(&client.id, rate, now) else { return Ok(()) };
    refused(app, &app.limits.answers, client, "limits.answers_per_second", now).await;
    Err(ApiError::TooMany { why: "this client comes too fast", wait })
}

/// Checks that a client may push one more request.
///
/// # Errors
/// [`ApiError::TooMany`] until the first waiting one expires; those of the store.
pub async fn push(app: &App, client: &Client, now: Instant) -> Result<(), ApiError> {
    let most = client.pushed_requests.unwrap_or(app.config.limits.pushed_requests);
    let id = client.id.clone();
    let (waiting, first_ends) = app.store.read(move |tx| sql::waiting(tx, &id, most, now)).await?;
    if waiting < most {
        return Ok(());
    }
    refused(app, &app.limits.pushes, client, "limits.pushed_requests", now).await;
    let wait = first_ends.map_or(Duration::from_secs(1), |ends| ends.since(now));
    Err(ApiError::TooMany { why: "too many pushed requests of this client wait for a browser", wait })
}
