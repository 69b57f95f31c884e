//! The authorization server as its metadata describes it (RFC 8414, OpenID Connect Discovery).

use super::trouble::{Trouble, expect};
use crate::clock::Instant;
use crate::demo::wire::get;
use crate::keys::Jwk;
use crate::outbound::Outbound;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a metadata document is believed.
const FRESH: Duration = Duration::from_secs(600);

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
    wire: Outbound,
    known: Mutex<Option<(Instant, Arc<Metadata>)>>,
}

impl Provider {
    pub(super) fn new(issuer: &str, wire: &Outbound) -> Self {
        Self { issuer: issuer.to_owned(), wire: wire.clone(), known: Mutex::default() }
    }

    pub(super) async fn metadata(&self, now: Instant) -> Result<Arc<Metadata>, Trouble> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, metadata)) = known
            && now.since(at) < FRESH
            && at <= now
        {
            return Ok(metadata);
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer);
        let document = expect(self.wire.send(get(&url)).await?, 200)?;
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
        let set = expect(self.wire.send(get(&metadata.jwks_uri)).await?, 200)?;
        Jwk::parse_set(&set).map_err(|_| Trouble::Broken("jwks"))
    }
}
