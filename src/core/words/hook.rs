//! Reports from other systems (telephone gateways and the core bank): signed with HMAC-SHA256 over `timestamp.body`,
//! recent, and made with one of two secrets while one is being replaced (docs/telephony.md).

use crate::clock::Instant;
use crate::network::Network;
use crate::secret::{Secret, from_base64url, hmac_sha256, same};
use std::net::IpAddr;
use std::time::Duration;

/// The largest body of a report, in bytes.
pub const MAX_BODY: usize = 4 * 1024;
/// The largest difference between a report's clock and ours.
pub const SKEW: Duration = Duration::from_secs(60);
/// The header with the time of the report, in epoch seconds.
pub const TIMESTAMP: &str = "X-Hook-Timestamp";
/// The header with the signature.
pub const SIGNATURE: &str = "X-Hook-Signature";

/// Why the signature of a report is refused. Its sender gets 401 without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// There is no timestamp, or it differs too much from now.
    #[error("the timestamp is missing or too old")]
    Timestamp,
    /// No signature, or one by none of our secrets.
    #[error("the signature does not verify")]
    Signature,
}

/// Why a report is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The source address may not report; with the configuration key of the allowed networks.
    #[error("the source address is not one of {0}")]
    Source(&'static str),
    /// The signature or the timestamp is invalid.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// Signed, but no valid report: the sender is misconfigured. With a description of the expected body.
    #[error("the body is not {0}")]
    Body(&'static str),
}
impl Refused {
    /// The reason, from a closed set, and a sentence or a name of ours that belongs to it.
    #[must_use]
    pub const fn for_log(self) -> (&'static str, &'static str) {
        match self {
            Self::Source(key) => ("hook_source", key),
            Self::Unsigned(Unsigned::Timestamp) => ("hook_timestamp", "the timestamp is missing or too old"),
            Self::Unsigned(Unsigned::Signature) => ("hook_signature", "the signature does not verify"),
            Self::Body(expected) => ("hook_body", expected),
        }
    }
}

/// A request that may be a report.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The source address, if known.
    pub source: Option<IpAddr>,
    /// The [`TIMESTAMP`] header, if there is exactly one.
    pub timestamp: Option<&'a str>,
    /// The [`SIGNATURE`] header, if there is exactly one.
    pub signature: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

/// Verifies reports by its secrets and networks. Its owner parses the body.
#[derive(Debug, Clone)]
pub struct SignedHook {
    secrets: Vec<Secret>,
    networks: Vec<Network>,
    networks_key: &'static str,
}
impl SignedHook {
    /// A hook with one secret, or two while one is being replaced; without a secret it accepts no report. Without
    /// networks a report may come from any address. `networks_key` is their configuration key, for the log.
    #[must_use]
    pub fn new(secrets: Vec<Secret>, networks: Vec<Network>, networks_key: &'static str) -> Self {
        // An empty secret does not count.
        let secrets = secrets.into_iter().filter(|s| !s.reveal().is_empty()).collect();
        Self { secrets, networks, networks_key }
    }

    /// Verifies a report and returns its time. The body is not parsed.
    ///
    /// # Errors
    /// [`Refused::Source`] and [`Refused::Unsigned`].
    pub fn verify(&self, delivery: &Delivery<'_>, now: Instant) -> Result<Instant, Refused> {
        if !Network::admits(&self.networks, delivery.source) {
            return Err(Refused::Source(self.networks_key));
        }
        Ok(self.signed_at(delivery, now)?)
    }

    fn signed_at(&self, delivery: &Delivery<'_>, now: Instant) -> Result<Instant, Unsigned> {
        let timestamp = delivery.timestamp.ok_or(Unsigned::Timestamp)?;
        let digits = !timestamp.is_empty() && timestamp.len() <= 12 && timestamp.bytes().all(|b| b.is_ascii_digit());
        let at = timestamp.parse().ok().filter(|_| digits).map(Instant::from_secs).ok_or(Unsigned::Timestamp)?;
        let signature = delivery.signature.and_then(from_base64url).ok_or(Unsigned::Signature)?;
        // Tries every secret even after a match, so that the time does not depend on it.
        let tags = self.secrets.iter().map(|s| sign(s, timestamp, delivery.body));
        if !tags.fold(false, |found, tag| found | same(&tag, &signature)) {
            return Err(Unsigned::Signature);
        }
        if at > now + SKEW || at + SKEW < now { Err(Unsigned::Timestamp) } else { Ok(at) }
    }
}

/// HMAC-SHA256 of `timestamp.body`.
#[must_use]
pub fn sign(secret: &Secret, timestamp: &str, body: &[u8]) -> [u8; 32] {
    let signed = [timestamp.as_bytes(), b".", body].concat();
    hmac_sha256(secret.reveal().as_bytes(), &signed)
}

#[cfg(test)]
mod tests;
