//! Reports to the authorization server's hooks (docs/telephony.md): signed by a secret that both know.

use crate::crypto::{Secret, hmac_sha256};
use crate::wire::send;
use chrono::{DateTime, Utc};

/// A signed report.
#[derive(Debug, Clone)]
pub struct Report {
    /// `X-Hook-Timestamp`
    pub timestamp: String,
    /// `X-Hook-Signature`
    pub signature: String,
    /// The body, JSON.
    pub body: String,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The hook took it.
    Reported,
    /// The hook refused it with this status.
    Refused(u16),
    /// The hook did not answer.
    Unreachable,
}

/// Signs a body.
pub(crate) fn signed(body: String, secret: &Secret, at: DateTime<Utc>) -> Report {
    let timestamp = at.timestamp().to_string();
    let signature = hmac_sha256(secret.reveal().as_bytes(), format!("{timestamp}.{body}").as_bytes());
    Report { timestamp, signature, body }
}

/// Sends a report to a hook.
pub(crate) async fn deliver(http: &reqwest::Client, hook: &str, report: Report) -> Outcome {
    let request = http.post(hook).header("content-type", "application/json").body(report.body);
    let request = request.header("x-hook-timestamp", report.timestamp).header("x-hook-signature", report.signature);
    match send(request).await {
        Ok(answer) if answer.status == 204 => Outcome::Reported,
        Ok(answer) => Outcome::Refused(answer.status),
        Err(error) => {
            tracing::warn!(%error, "a hook did not answer");
            Outcome::Unreachable
        }
    }
}
