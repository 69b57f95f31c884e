//! The `request_uri` of a pushed request (RFC 9126 §2.2): unguessable, and a capability until it is used.

use crate::random::Random;
use crate::secret::{self, Hash, Secret};

/// The RFC's own form.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// A reference to a stored request: 256 random bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestUri(Secret);
impl RequestUri {
    /// A new one. A request that came in the query is stored under one too, which nobody is told.
    #[must_use]
    pub fn random(random: &dyn Random) -> Self {
        Self(Secret::new(format!("{PREFIX}{}", secret::opaque(random).reveal())))
    }
    /// Reads a `request_uri` parameter; `None` when it cannot be one of ours, so that no look-up is spent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value = text.strip_prefix(PREFIX)?;
        let clean = value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (value.len() == 43 && clean).then(|| Self(Secret::new(text)))
    }
    /// What the request is stored under.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.0.hash()
    }
    /// The text, for the answer to the client that pushed.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}
