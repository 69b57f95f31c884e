//! How much one client may have stored: answers a second at the PAR and token endpoints, and pushed requests that wait for
//! a browser. Beyond that the answer is 429, nothing is stored and nothing of the client's is used up: the same request,
//! with the same assertion and proof, may come again after `Retry-After`.

use super::App;
use super::error::ApiError;
use crate::authorize::sql;
use crate::client::Client;
use crate::client::rate::Rates;
use crate::clock::Instant;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// What was given and what was refused, on this node.
#[derive(Debug, Default)]
pub struct Limits {
    rates: Rates,
    answers: Refused,
    pushes: Refused,
}
impl Limits {
    /// How many requests were refused because their client came too fast.
    #[must_use]
    pub fn refused_answers(&self) -> u64 {
        self.answers.count.load(Ordering::Relaxed)
    }
    /// How many pushed requests were refused because too many of their client wait.
    #[must_use]
    pub fn refused_pushes(&self) -> u64 {
        self.pushes.count.load(Ordering::Relaxed)
    }
}

/// Refusals of one kind.
#[derive(Debug)]
struct Refused {
    count: AtomicU64,
    /// The second in which the log said so last.
    said: AtomicI64,
}
impl Default for Refused {
    fn default() -> Self {
        Self { count: AtomicU64::new(0), said: AtomicI64::new(i64::MIN) }
    }
}
impl Refused {
    /// Counts one; the log gets one line a second at most.
    fn note(&self, client: &Client, limit: &'static str, now: Instant) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if self.said.swap(now.secs(), Ordering::Relaxed) != now.secs() {
            tracing::warn!(client = %client.id, limit, count, "a client has reached a limit of its own");
        }
    }
}

/// Takes one of the answers a client may have stored.
///
/// # Errors
/// [`ApiError::TooMany`].
pub fn answer(app: &App, client: &Client, now: Instant) -> Result<(), ApiError> {
    let rate = client.answers(app.config.limits.answers());
    app.limits.rates.take(&client.id, rate, now).map_err(|wait| {
        app.limits.answers.note(client, "answers_per_second", now);
        ApiError::TooMany { why: "this client comes too fast", wait }
    })
}

/// Whether a client may push one more request.
///
/// # Errors
/// [`ApiError::TooMany`], until the first of those that wait ends; the store's.
pub async fn push(app: &App, client: &Client, now: Instant) -> Result<(), ApiError> {
    let most = client.pushed_requests.unwrap_or(app.config.limits.pushed_requests);
    let id = client.id.clone();
    let (waiting, first_ends) = app.store.read(move |tx| sql::waiting(tx, &id, most, now)).await?;
    if waiting < most {
        return Ok(());
    }
    app.limits.pushes.note(client, "pushed_requests", now);
    let wait = first_ends.map_or(Duration::from_secs(1), |ends| ends.since(now));
    Err(ApiError::TooMany { why: "too many pushed requests of this client wait for a browser", wait })
}
