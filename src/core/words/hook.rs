//! What somebody outside reports to us: signed with HMAC-SHA256 over `timestamp.body`, fresh, and under one of two
//! secrets while one is being replaced (docs/telephony.md). Telephone gateways and the core bank report this way.

use crate::clock::Instant;
use crate::secret::{Secret, from_base64url, hmac_sha256, same};
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

/// Verifies a report and returns its time. Nothing of an unsigned body is looked at.
///
/// # Errors
/// [`Unsigned`].
pub fn verify(
    secrets: &[Secret],
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Instant,
) -> Result<Instant, Unsigned> {
    let timestamp = timestamp.ok_or(Unsigned::Timestamp)?;
    let digits = !timestamp.is_empty() && timestamp.len() <= 12 && timestamp.bytes().all(|b| b.is_ascii_digit());
    let at = timestamp.parse().ok().filter(|_| digits).map(Instant::from_secs).ok_or(Unsigned::Timestamp)?;
    let signature = signature.and_then(from_base64url).ok_or(Unsigned::Signature)?;
    // Every secret is tried, whichever fits; an empty one is none.
    let tags = secrets.iter().filter(|s| !s.reveal().is_empty()).map(|s| sign(s, timestamp, body));
    if !tags.fold(false, |found, tag| found | same(&tag, &signature)) {
        return Err(Unsigned::Signature);
    }
    if at > now + SKEW || at + SKEW < now { Err(Unsigned::Timestamp) } else { Ok(at) }
}

/// HMAC-SHA256 of `timestamp.body`.
#[must_use]
pub fn sign(secret: &Secret, timestamp: &str, body: &[u8]) -> [u8; 32] {
    let signed = [timestamp.as_bytes(), b".", body].concat();
    hmac_sha256(secret.reveal().as_bytes(), &signed)
}
