//! Step 6, how events reach their receivers: the transmitter of the Shared Signals Framework 1.0 (docs/events.md).
//!
//! Owns the [`Stream`] (table `streams`), what a stream has taken and not finished (table `stream_tokens`), the Security Event
//! Tokens ([`set`], RFC 8417), and how they are delivered: by push ([`push`], RFC 8935) or by poll ([`poll`], RFC 8936). Which
//! events there are, and in which order, is `event`'s.

pub mod manage;
pub mod poll;
pub mod push;
pub mod request;
pub mod set;
pub mod sql;
pub mod verdict;

#[cfg(test)]
mod tests;

use crate::client::{Client, Profile};
use crate::clock::Instant;
use crate::event::{EventKind, Receiver};
use crate::id::{ClientId, StreamId};
use std::time::Duration;

/// The shortest time between two verifications that a receiver asks for (SSF 1.0 §8.1.4).
pub const VERIFICATION_INTERVAL: Duration = Duration::from_secs(10);

/// How tokens reach the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamDelivery {
    /// We post each to this endpoint (RFC 8935), with a header that the receiver gave us, sealed.
    Push {
        /// `endpoint_url`.
        endpoint: String,
        /// `authorization_header`, sealed.
        authorization: Option<Vec<u8>>,
    },
    /// The receiver fetches them (RFC 8936).
    Poll,
}
impl StreamDelivery {
    /// `method` (SSF 1.0 §6.1).
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Push { .. } => PUSH,
            Self::Poll => POLL,
        }
    }
}
/// The name of push delivery.
pub const PUSH: &str = "urn:ietf:rfc:8935";
/// The name of poll delivery.
pub const POLL: &str = "urn:ietf:rfc:8936";

/// `status` of a stream (SSF 1.0 §8.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStatus {
    /// Events are delivered.
    Enabled,
    /// Events are held.
    Paused,
    /// Events are neither delivered nor held.
    Disabled,
}
impl StreamStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Paused, Self::Disabled];
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// Who made a stream stand still: that decides who may let it go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoppedBy {
    /// The receiver: it alone enables it.
    Receiver,
    /// This server, because the endpoint failed for too long or nobody polled.
    Server,
    /// A member of staff: the receiver cannot change it.
    Staff,
}
impl StoppedBy {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Server => "server",
            Self::Staff => "staff",
        }
    }
    /// Reads the stored word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Receiver, Self::Server, Self::Staff].into_iter().find(|s| s.as_str() == text)
    }
}

/// A stream of events to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// `stream_id`.
    pub id: StreamId,
    /// The receiver; also the `aud` of the tokens.
    pub client: ClientId,
    /// How tokens reach it.
    pub delivery: StreamDelivery,
    /// `events_requested`; empty means everything this receiver may hear.
    pub requested: Vec<String>,
    /// `description`.
    pub description: Option<String>,
    /// `status`.
    pub status: StreamStatus,
    /// Why it has this status, in a sentence for the receiver.
    pub reason: Option<String>,
    /// Who stopped it; `None` while it is enabled.
    pub stopped_by: Option<StoppedBy>,
    /// Since when it stands still.
    pub stopped_at: Option<Instant>,
    /// Whether the endpoint has answered a verification: before that, nothing else is sent to it.
    pub verified: bool,
    /// Events up to this position are delivered or taken.
    pub cursor: i64,
    /// How often delivery has failed in a row.
    pub attempts: i64,
    /// Since when it fails.
    pub failing_since: Option<Instant>,
    /// When delivery is tried again.
    pub next_at: Option<Instant>,
    /// Why the last attempt failed.
    pub trouble: Option<String>,
    /// When it was polled last.
    pub polled_at: Option<Instant>,
    /// When the receiver last asked for a verification.
    pub asked_at: Option<Instant>,
    /// Which lease of it results are written under.
    pub fence: i64,
    /// When it was created.
    pub created_at: Instant,
}

/// Whose events a client hears; every client hears some.
#[must_use]
pub fn receiver(client: &Client) -> Receiver {
    match client.profile {
        Profile::Institution => Receiver::Institution,
        Profile::ResourceServer => {
            Receiver::ResourceServer { client: client.id.clone(), audiences: client.resources.clone() }
        }
        Profile::Fapi2 | Profile::Fapi2MessageSigning | Profile::Oidc => Receiver::App(client.id.clone()),
    }
}

/// The event types that a receiver may hear, in the order of docs/events.md, the CAEP type last.
#[must_use]
pub fn supported(receiver: &Receiver, issuer: &str) -> Vec<String> {
    let hears = |kind: &EventKind| match receiver {
        Receiver::Institution => true,
        Receiver::App(_) => kind.audience().app,
        Receiver::ResourceServer { .. } => kind.audience().resource_server,
    };
    let ours = EventKind::ALL.into_iter().filter(hears).map(|kind| set::own_type(issuer, kind));
    ours.chain([set::SESSION_REVOKED.to_owned()]).collect()
}

/// `events_delivered`: what the receiver asked for and may hear.
#[must_use]
pub fn delivered(receiver: &Receiver, requested: &[String], issuer: &str) -> Vec<String> {
    let mut types = supported(receiver, issuer);
    types.retain(|t| requested.is_empty() || requested.contains(t));
    types
}
