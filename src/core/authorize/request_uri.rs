//! The `request_uri` of a pushed request (RFC 9126 §2.2): unguessable, and valid until the request is completed.

use crate::random::Random;
use crate::secret::{self, Hash, Secret};

/// The prefix that RFC 9126 §2.2 suggests.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// A reference to a stored request: 256 random bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestUri(Secret);
impl RequestUri {
    /// A new one. A request from the query is stored under one too, which is never sent to anybody.
    #[must_use]
    pub fn random(random: &dyn Random) -> Self {
        Self(Secret::new(format!("{PREFIX}{}", secret::opaque(random).reveal())))
    }
    /// Reads a `request_uri` parameter; `None` if it cannot be one of ours, which saves a look-up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value = text.strip_prefix(PREFIX)?;
        let clean = value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (value.len() == 43 && clean).then(|| Self(Secret::new(text)))
    }
    /// The key of the stored request.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.0.hash()
    }
    /// The text, for the response to the client that pushed.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}
