//! Security Event Tokens (RFC 8417): one event each, signed with RS256 (CAEP Interoperability Profile 1.0 §2.6). They have no
//! `sub` and no `exp`, so that nobody takes one for another kind of token (RFC 8417 §4.6, SSF 1.0 §4.1).

use super::Stream;
use crate::clock::Instant;
use crate::event::{Event, EventKind, PositionedEvent, Receiver};
use crate::secret::{Hash, base64url};
use serde_json::{Map, Value, json};

/// `typ` of a token (RFC 8417 §2.3).
pub const TYP: &str = "secevent+jwt";
/// CAEP 1.0 §3.1: a grant has ended.
pub const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
/// SSF 1.0 §8.1.4.1.
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
/// SSF 1.0 §8.1.5.
pub const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// What one token of a stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetPart {
    /// The endpoint is verified.
    Verification,
    /// The stream's status changed.
    StreamUpdated,
    /// The event, in our own type.
    Own,
    /// The end of a grant, in the words of CAEP.
    SessionRevoked,
}
impl SetPart {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "0-verification",
            Self::StreamUpdated => "1-stream-updated",
            Self::Own => "2-own",
            Self::SessionRevoked => "3-session-revoked",
        }
    }
    /// Reads the stored word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Verification, Self::StreamUpdated, Self::Own, Self::SessionRevoked];
        all.into_iter().find(|part| part.as_str() == text)
    }
}

/// The type of one of our own events.
#[must_use]
pub fn own_type(issuer: &str, kind: EventKind) -> String {
    format!("{issuer}/events/{}", kind.as_str())
}

/// The tokens that an event becomes in a stream that delivers `types`, in order.
#[must_use]
pub fn parts(event: &Event, types: &[String], issuer: &str) -> Vec<SetPart> {
    let mut parts = Vec::new();
    if types.contains(&own_type(issuer, event.kind)) {
        parts.push(SetPart::Own);
    }
    if ends(event.kind) && types.iter().any(|t| t == SESSION_REVOKED) {
        parts.push(SetPart::SessionRevoked);
    }
    parts
}

/// Whether a grant ends with such an event.
const fn ends(kind: EventKind) -> bool {
    matches!(kind, EventKind::GrantRevoked | EventKind::GrantReplaced | EventKind::GrantExpired)
}

/// `jti`: the same for each repetition of a token, and different for each stream and type.
#[must_use]
pub fn jti(stream: &Stream, subject: &str, part: SetPart) -> String {
    base64url(&Hash::of(format!("{} {subject} {}", stream.id, part.as_str())).as_bytes()[..16])
}

/// The claims of an event's token in a stream. `iat` is when the event got its position, so that a repetition has the same; `toe`
/// is when it happened.
#[must_use]
pub fn of_event(stream: &Stream, receiver: &Receiver, found: &PositionedEvent, part: SetPart, issuer: &str) -> Value {
    let event = &found.event;
    let (kind, payload) = match part {
        SetPart::SessionRevoked => (SESSION_REVOKED.to_owned(), session_revoked(event)),
        _ => (own_type(issuer, event.kind), own_payload(receiver, event)),
    };
    let id = jti(stream, event.id.as_str(), part);
    let mut claims = frame(stream, &id, found.positioned_at, issuer);
    claims["txn"] = event.id.as_str().into();
    claims["toe"] = event.at.secs().into();
    claims["sub_id"] = subject(event, issuer);
    claims["events"] = json!({ kind: payload });
    claims
}

/// The claims of a verification, with the `state` the receiver sent, if it sent one.
#[must_use]
pub fn verification(stream: &Stream, jti: &str, state: Option<&str>, at: Instant, issuer: &str) -> Value {
    let payload = state.map_or_else(|| json!({}), |state| json!({ "state": state }));
    of_stream(stream, jti, VERIFICATION, payload, at, issuer)
}

/// The claims that tell a receiver of a new status.
#[must_use]
pub fn stream_updated(stream: &Stream, jti: &str, at: Instant, issuer: &str) -> Value {
    let mut payload = json!({ "status": stream.status.as_str() });
    if let Some(reason) = &stream.reason {
        payload["reason"] = reason.as_str().into();
    }
    of_stream(stream, jti, STREAM_UPDATED, payload, at, issuer)
}

fn of_stream(stream: &Stream, jti: &str, kind: &str, payload: Value, at: Instant, issuer: &str) -> Value {
    let mut claims = frame(stream, jti, at, issuer);
    claims["sub_id"] = json!({"format": "opaque", "id": stream.id});
    claims["events"] = json!({ kind: payload });
    claims
}

fn frame(stream: &Stream, jti: &str, at: Instant, issuer: &str) -> Value {
    json!({"iss": issuer, "aud": stream.client, "iat": at.secs(), "jti": jti})
}

/// `sub_id` (SSF 1.0 §3): the account by the core bank's name, or the app, with the customer and the grant where there are any.
fn subject(event: &Event, issuer: &str) -> Value {
    if matches!(event.kind, EventKind::AccountLocked | EventKind::AccountUnlocked) {
        let id = event.account.as_ref().map_or("unknown", |id| id.as_str());
        return json!({"format": "opaque", "id": id});
    }
    let mut subject = json!({"format": "complex"});
    if let (Some(sub), Some(grant)) = (&event.sub, &event.grant) {
        subject["user"] = json!({"format": "iss_sub", "iss": issuer, "sub": sub});
        subject["session"] = json!({"format": "opaque", "id": grant});
    }
    if let Some(client) = &event.client {
        subject["application"] = json!({"format": "opaque", "id": client});
    }
    subject
}

/// The payload in our own type: the members of docs/events.md, and the event's number within its grant. The institution also
/// hears which account was verified.
fn own_payload(receiver: &Receiver, event: &Event) -> Value {
    let mut payload = event.detail.as_object().cloned().unwrap_or_default();
    if event.grant.is_some() {
        payload.insert("seq".into(), event.seq.into());
        if let (Receiver::Institution, Some(account)) = (receiver, &event.account) {
            payload.insert("account".into(), account.as_str().into());
        }
    }
    Value::Object(payload)
}

/// CAEP 1.0 §2, §3.1. Who ended a grant: the customer's side, the institution, a rule about the account, or the server itself.
fn session_revoked(event: &Event) -> Value {
    let by = event.detail.get("by").and_then(Value::as_str);
    let (entity, ja, en) = match (event.kind, by) {
        (EventKind::GrantReplaced, _) => ("user", "新しい許可への切り替え", "replaced by a new permission"),
        (EventKind::GrantExpired, _) => ("system", "期間の満了", "the period is over"),
        (_, Some("client")) => ("user", "アプリからの解除", "stopped by the app"),
        (_, Some("customer")) => ("user", "お客様による停止", "stopped by the customer"),
        (_, Some("institution")) => ("admin", "金融機関による停止", "stopped by the institution"),
        (_, Some("account")) => ("policy", "口座の移管・解約等による終了", "the account changed"),
        _ => ("system", "安全のための停止", "stopped for safety"),
    };
    let mut payload = Map::new();
    payload.insert("event_timestamp".into(), event.at.secs().into());
    payload.insert("initiating_entity".into(), entity.into());
    payload.insert("reason_admin".into(), json!({"ja": ja, "en": en}));
    Value::Object(payload)
}
