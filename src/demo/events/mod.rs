//! What a receiver of events does (Shared Signals Framework 1.0, docs/events.md): it reads the transmitter's metadata, has one
//! stream, and believes a token only if everything in it holds. The app and the account API are a receiver each; the app polls
//! ([`crate::app`], RFC 8936), the account API is pushed to ([`crate::api`], RFC 8935).

mod recent;
mod set;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use recent::Recent;
pub(crate) use set::{BadSet, SecurityEvent};

use crate::jose;
use crate::wire::{Answer, NoAnswer, send, with_query};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Delivery by push (SSF 1.0 §6.1.1).
pub(crate) const PUSH: &str = "urn:ietf:rfc:8935";
/// Delivery by poll (SSF 1.0 §6.1.2).
pub(crate) const POLL: &str = "urn:ietf:rfc:8936";
/// What a receiver asks of the token endpoint for itself.
pub(crate) const SCOPE: &str = "ssf.read ssf.manage";
/// How long a call to an endpoint of the transmitter may take, except a poll.
pub(crate) const CALL: Duration = Duration::from_secs(5);
/// How long keys are used.
const KEYS_FRESH: TimeDelta = TimeDelta::minutes(5);
/// How long they are used at least, although a token does not fit them.
const KEYS_REST: TimeDelta = TimeDelta::seconds(5);

/// Why a stream cannot be had now. The receiver tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no answer: {0}")]
    NoAnswer(#[from] NoAnswer),
    #[error("{0} answered {1}")]
    Status(&'static str, u16),
    #[error("an answer that must not be believed: {0}")]
    Broken(&'static str),
    #[error("the app was refused: {0}")]
    Endpoint(String),
}

/// The members of the metadata that a receiver uses (SSF 1.0 §7.1).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TransmitterMetadata {
    issuer: String,
    jwks_uri: String,
    configuration_endpoint: String,
    status_endpoint: String,
}

/// The keys of the transmitter, and when they were read.
type Keys = Option<(DateTime<Utc>, Arc<Vec<Jwk>>)>;

/// The transmitter, of which nothing is known in advance but its issuer and our name there.
pub(crate) struct Transmitter {
    issuer: String,
    client_id: String,
    http: reqwest::Client,
    keys: Mutex<Keys>,
}

/// Calls endpoints of the transmitter with the receiver's own token (RFC 6749 §4.4).
pub(crate) trait Caller: Sync {
    /// One call with a body in JSON, which may take so long.
    fn call(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        wait: Duration,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;
}

/// A stream as the transmitter describes it (SSF 1.0 §8.1.1).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stream {
    stream_id: String,
    pub(crate) delivery: Delivery,
}
/// How its tokens come.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Delivery {
    method: String,
    pub(crate) endpoint_url: String,
}

impl Transmitter {
    pub(crate) fn new(issuer: &str, client_id: &str, http: &reqwest::Client) -> Self {
        Self { issuer: issuer.to_owned(), client_id: client_id.to_owned(), http: http.clone(), keys: Mutex::default() }
    }

    /// Reads the metadata (SSF 1.0 §7.2).
    pub(crate) async fn metadata(&self) -> Result<TransmitterMetadata, Failure> {
        let mut url = Url::parse(&self.issuer).map_err(|_| Failure::Broken("issuer"))?;
        let path = format!("/.well-known/ssf-configuration{}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let document = expect(send(self.http.get(url)).await?, "the metadata", &[200])?;
        let metadata: TransmitterMetadata =
            serde_json::from_value(document).map_err(|_| Failure::Broken("metadata"))?;
        // SSF 1.0 §7.2.3: a document that speaks for another issuer must not be used.
        if metadata.issuer == self.issuer { Ok(metadata) } else { Err(Failure::Broken("issuer")) }
    }

    /// Whether a token is to be believed, and what it says.
    pub(crate) async fn believe(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<SecurityEvent, BadSet>, Failure> {
        let (read_at, keys) = match self.known().filter(|(at, _)| (now - *at).abs() < KEYS_FRESH) {
            Some(known) => known,
            None => self.read_keys(now).await?,
        };
        let checked = set::check(token, &keys, (&self.issuer, &self.client_id), now);
        // Keys rotate: a token that no known key fits may have a new one. Who sends many such tokens makes us read no more.
        if matches!(checked, Err(BadSet::Key)) && (now - read_at).abs() >= KEYS_REST {
            let (_, keys) = self.read_keys(now).await?;
            return Ok(set::check(token, &keys, (&self.issuer, &self.client_id), now));
        }
        Ok(checked)
    }

    fn known(&self) -> Keys {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read_keys(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, Arc<Vec<Jwk>>), Failure> {
        let metadata = self.metadata().await?;
        let set = expect(send(self.http.get(&metadata.jwks_uri)).await?, "the key set", &[200])?;
        let keys = Arc::new(jose::keys(&set));
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, keys.clone()));
        Ok((now, keys))
    }
}

/// Has the one stream of this receiver deliver as `delivery` says, and enables it. `renew`: also if it does already, because
/// an authorization header is never shown.
pub(crate) async fn ensure(
    caller: &impl Caller,
    metadata: &TransmitterMetadata,
    delivery: &Value,
    renew: bool,
) -> Result<Stream, Failure> {
    let streams = caller.call(Method::GET, &metadata.configuration_endpoint, None, CALL).await?;
    let streams: Vec<Stream> = parsed(expect(streams, "the configuration endpoint", &[200])?)?;
    let fits = |s: &Stream| {
        delivery["method"] == s.delivery.method.as_str()
            && delivery.get("endpoint_url").is_none_or(|url| url == s.delivery.endpoint_url.as_str())
    };
    let Some(found) = streams.into_iter().next() else {
        let body = json!({ "delivery": delivery });
        let made = caller.call(Method::POST, &metadata.configuration_endpoint, Some(&body), CALL).await?;
        return parsed(expect(made, "the configuration endpoint", &[201])?);
    };
    let stream = if fits(&found) && !renew {
        found
    } else {
        let body = json!({"stream_id": found.stream_id, "delivery": delivery});
        let changed = caller.call(Method::PATCH, &metadata.configuration_endpoint, Some(&body), CALL).await?;
        parsed(expect(changed, "the configuration endpoint", &[200])?)?
    };
    // A stream that stood still for long may have been stopped by the server.
    let url = with_query(&metadata.status_endpoint, [("stream_id", stream.stream_id.as_str())]);
    let status = expect(caller.call(Method::GET, &url, None, CALL).await?, "the status endpoint", &[200])?;
    if status["status"] != "enabled" {
        let body = json!({"stream_id": stream.stream_id, "status": "enabled"});
        let enabled = caller.call(Method::POST, &metadata.status_endpoint, Some(&body), CALL).await?;
        expect(enabled, "the status endpoint", &[200])?;
    }
    Ok(stream)
}

fn parsed<T: serde::de::DeserializeOwned>(document: Value) -> Result<T, Failure> {
    serde_json::from_value(document).map_err(|_| Failure::Broken("stream"))
}

/// The JSON of an answer with one of these statuses.
pub(crate) fn expect(answer: Answer, who: &'static str, statuses: &[u16]) -> Result<Value, Failure> {
    if !statuses.contains(&answer.status) {
        return Err(Failure::Status(who, answer.status));
    }
    answer.json().map_err(|_| Failure::Broken("json"))
}

/// How long to wait before the next attempt, longer after each failure in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff(u32);
impl Backoff {
    /// The first wait; it also passes when a token has expired, once an hour.
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(30);

    /// It worked.
    pub(crate) const fn reset(&mut self) {
        self.0 = 0;
    }
    /// Waits. The first failure in a row that lasts is logged.
    pub(crate) async fn wait(&mut self, who: &'static str, failure: &Failure) {
        if self.0 == 3 {
            tracing::warn!(who, %failure, "events cannot be received; it will be tried again");
        }
        tokio::time::sleep((Self::FIRST * (1 << self.0.min(9))).min(Self::LONGEST)).await;
        self.0 = self.0.saturating_add(1);
    }
}
