//! The authorization server as its metadata describes it (RFC 8414, OpenID Connect Discovery).

use super::trouble::{Trouble, expect};
use crate::jose;
use crate::wire::send;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a metadata document is believed.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// The members the app uses.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) pushed_authorization_request_endpoint: String,
    pub(super) revocation_endpoint: String,
    pub(super) jwks_uri: String,
}

/// Reads the metadata when needed, and keeps it a while.
pub(super) struct Provider {
    issuer: String,
    http: reqwest::Client,
    known: Mutex<Option<(DateTime<Utc>, Arc<Metadata>)>>,
}

impl Provider {
    pub(super) fn new(issuer: &str, http: &reqwest::Client) -> Self {
        Self { issuer: issuer.to_owned(), http: http.clone(), known: Mutex::default() }
    }

    pub(super) async fn metadata(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, Trouble> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, metadata)) = known
            && at <= now
            && now - at < FRESH
        {
            return Ok(metadata);
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer);
        let document = expect(send(self.http.get(&url)).await?, 200)?;
        let metadata: Metadata = serde_json::from_value(document).map_err(|_| Trouble::Broken("metadata"))?;
        // RFC 8414 §3.3: a document that speaks for another issuer must not be used.
        if metadata.issuer != self.issuer {
            return Err(Trouble::Broken("issuer"));
        }
        let metadata = Arc::new(metadata);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, metadata.clone()));
        Ok(metadata)
    }

    /// The server's present keys: read anew each time, for a link is rare and keys rotate.
    pub(super) async fn keys(&self, metadata: &Metadata) -> Result<Vec<Jwk>, Trouble> {
        let set = expect(send(self.http.get(&metadata.jwks_uri)).await?, 200)?;
        Ok(jose::keys(&set))
    }
}
