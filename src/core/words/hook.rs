//! What somebody outside reports to us: signed with HMAC-SHA256 over `timestamp.body`, fresh, and under one of two
//! secrets while one is being replaced (docs/telephony.md). Telephone gateways and the core bank report this way.

use crate::clock::Instant;
use crate::network::Network;
use crate::secret::{Secret, from_base64url, hmac_sha256, same};
use std::net::IpAddr;
use std::time::Duration;

/// No report is longer.
pub const MAX_BODY: usize = 4 * 1024;
/// How far a report's clock may be from ours.
pub const SKEW: Duration = Duration::from_secs(60);
/// The header with the epoch second of what is reported.
pub const TIMESTAMP: &str = "X-Hook-Timestamp";
/// The header with the signature.
pub const SIGNATURE: &str = "X-Hook-Signature";

/// Why a report is not believed. Its sender learns 401 and nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// No timestamp, or one too far from now.
    #[error("the timestamp is missing or too old")]
    Timestamp,
    /// No signature under any of our secrets.
    #[error("the signature does not verify")]
    Signature,
}

/// Why a report is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// From an address that may not report; the configuration key with the networks that may.
    #[error("the source address is not one of {0}")]
    Source(&'static str),
    /// Not signed, or not now.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// Signed, but not a report: a mistake in the sender's configuration. What the body should be.
    #[error("the body is not {0}")]
    Body(&'static str),
}

/// A request that claims to be a report.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The address it came from, where that is known.
    pub source: Option<IpAddr>,
    /// The one [`TIMESTAMP`] header.
    pub timestamp: Option<&'a str>,
    /// The one [`SIGNATURE`] header.
    pub signature: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

/// Whose reports are believed: those under its secrets, from its networks. What a body says is its owner's to read.
#[derive(Debug, Clone)]
pub struct SignedHook {
    secrets: Vec<Secret>,
    networks: Vec<Network>,
    networks_key: &'static str,
}
impl SignedHook {
    /// A hook with one secret, or two while one is being replaced; with none it believes nobody. Without networks a report
    /// may come from anywhere. `networks_key` is their key in the configuration, for the log.
    #[must_use]
    pub fn new(secrets: Vec<Secret>, networks: Vec<Network>, networks_key: &'static str) -> Self {
        // An empty secret is none.
        let secrets = secrets.into_iter().filter(|s| !s.reveal().is_empty()).collect();
        Self { secrets, networks, networks_key }
    }

    /// Verifies a report and returns its time. Nothing of an unsigned body is looked at.
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
        // Every secret is tried, whichever fits.
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
