//! What receivers send to the endpoints of a stream (SSF 1.0 §8.1), read strictly. Pure.

use super::{POLL, PUSH, StreamStatus};
use crate::client::Client;
use crate::client::registration::json;
use crate::id::StreamId;
use crate::refusal::Refusal;
use crate::secret::Secret;
use serde_json::{Map, Value};
use url::Url;

/// The longest `description`, `reason` and `state`, in bytes.
pub const LONGEST_TEXT: usize = 1024;
/// The longest `authorization_header`, in bytes.
const LONGEST_HEADER: usize = 2000;
/// The longest event type and endpoint, in bytes.
const LONGEST_TYPE: usize = 256;
/// The most entries of a list.
const MOST: usize = 64;

/// The configuration a receiver asks for; `None` for a member that is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedStream {
    /// `stream_id`.
    pub id: Option<StreamId>,
    /// `delivery`.
    pub delivery: Option<AskedDelivery>,
    /// `events_requested`.
    pub requested: Option<Vec<String>>,
    /// `description`.
    pub description: Option<String>,
}
/// `delivery` of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedDelivery {
    /// RFC 8935.
    Push {
        /// `endpoint_url`, allowed by the client's record.
        endpoint: String,
        /// `authorization_header`.
        authorization: AskedHeader,
    },
    /// RFC 8936.
    Poll,
}
/// `authorization_header` of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedHeader {
    /// Absent: what is stored for the same endpoint stays. The header is never shown, so a receiver that reads its configuration,
    /// changes it and puts it back would lose it otherwise.
    Absent,
    /// `null`: there is none from now on.
    Remove,
    /// A new one.
    Set(Secret),
}

/// The order of a receiver to change the status (SSF 1.0 §8.1.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedStatus {
    /// `stream_id`.
    pub id: StreamId,
    /// `status`.
    pub status: StreamStatus,
    /// `reason`.
    pub reason: Option<String>,
}

const fn bad(why: &'static str) -> Refusal {
    Refusal::invalid_request(why)
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    json::parse(body).ok_or(bad("the body must be one JSON object without duplicate members, at most 6 levels deep"))
}

fn text<'m>(map: &'m Map<String, Value>, name: &str, why: &'static str) -> Result<Option<&'m str>, Refusal> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST_TEXT => Ok(Some(text)),
        Some(_) => Err(bad(why)),
    }
}

fn stream_id(map: &Map<String, Value>) -> Result<Option<StreamId>, Refusal> {
    match map.get("stream_id") {
        None | Some(Value::Null) => Ok(None),
        // An id that cannot be one of ours is an unknown stream, and no broken request.
        Some(Value::String(text)) => Ok(Some(StreamId::parse(text).unwrap_or_else(StreamId::none))),
        Some(_) => Err(bad("stream_id is not text")),
    }
}

/// Reads a configuration (SSF 1.0 §8.1.1).
///
/// # Errors
/// `invalid_request`, naming the member.
pub fn stream(body: &[u8], client: &Client, issuer: &str) -> Result<AskedStream, Refusal> {
    let map = object(body)?;
    // What this server sets may stand in an update, and must not differ (§8.1.1.3).
    if map.get("iss").is_some_and(|iss| iss != issuer) {
        return Err(bad("iss is not the issuer"));
    }
    let aud = match map.get("aud") {
        Some(Value::Array(list)) if list.len() == 1 => list.first(),
        other => other,
    };
    if aud.is_some_and(|aud| aud != client.id.as_str()) {
        return Err(bad("aud is not the client_id"));
    }
    let requested = match map.get("events_requested") {
        None | Some(Value::Null) => None,
        Some(Value::Array(list)) if list.len() <= MOST => {
            let types: Option<Vec<String>> = list.iter().map(|t| t.as_str().map(str::to_owned)).collect();
            let types = types.ok_or(bad("events_requested holds something that is not text"))?;
            if types.iter().any(|t| t.is_empty() || t.len() > LONGEST_TYPE || t.contains(char::is_whitespace)) {
                return Err(bad("events_requested holds something that is no event type"));
            }
            Some(types)
        }
        Some(_) => return Err(bad("events_requested is not a list of event types")),
    };
    Ok(AskedStream {
        id: stream_id(&map)?,
        delivery: map.get("delivery").filter(|d| !d.is_null()).map(|d| delivery(d, client)).transpose()?,
        requested,
        description: text(&map, "description", "description is not a text of at most 1024 bytes")?.map(str::to_owned),
    })
}

fn delivery(value: &Value, client: &Client) -> Result<AskedDelivery, Refusal> {
    let map = value.as_object().ok_or(bad("delivery is not an object"))?;
    match map.get("method").and_then(Value::as_str) {
        Some(POLL) => Ok(AskedDelivery::Poll),
        Some(PUSH) => {
            let endpoint = map.get("endpoint_url").and_then(Value::as_str);
            let endpoint = endpoint.ok_or(bad("delivery.endpoint_url is missing"))?;
            if endpoint.len() > LONGEST_TYPE || !may_push(endpoint, &client.events.endpoints) {
                return Err(bad("delivery.endpoint_url is not one that this client's record allows"));
            }
            let authorization = match map.get("authorization_header") {
                None => AskedHeader::Absent,
                Some(Value::Null) => AskedHeader::Remove,
                Some(Value::String(text)) if is_field_value(text) => AskedHeader::Set(Secret::new(text.as_str())),
                Some(_) => {
                    return Err(bad("delivery.authorization_header is not a header value of at most 2000 bytes"));
                }
            };
            Ok(AskedDelivery::Push { endpoint: endpoint.to_owned(), authorization })
        }
        _ => Err(bad("delivery.method is neither urn:ietf:rfc:8935 nor urn:ietf:rfc:8936")),
    }
}

/// RFC 9110 §5.5, without what only old software sends.
fn is_field_value(text: &str) -> bool {
    let inside = |b: u8| b == b' ' || b == b'\t' || b.is_ascii_graphic();
    (1..=LONGEST_HEADER).contains(&text.len()) && text.trim() == text && text.bytes().all(inside)
}

/// Whether events may be pushed to `endpoint`: scheme, host and port are those of an `allowed` entry, and its path is the
/// entry's or continues it at a `/`. What different programs read differently (dot segments, encoded slashes, a user name, a
/// spelling other than the usual one) is no such address.
#[must_use]
pub fn may_push(endpoint: &str, allowed: &[String]) -> bool {
    let Ok(url) = Url::parse(endpoint) else { return false };
    let usual = url.as_str() == endpoint || url.as_str().strip_suffix('/') == Some(endpoint);
    let path = url.path().to_ascii_lowercase();
    let hidden = ["%2e", "%2f", "%5c", "%00", "//", ";"].iter().any(|part| path.contains(part));
    if !usual || hidden || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return false;
    }
    allowed.iter().filter_map(|entry| Url::parse(entry).ok()).any(|entry| {
        let same = entry.scheme() == url.scheme()
            && entry.host() == url.host()
            && entry.port_or_known_default() == url.port_or_known_default();
        let rest = url.path().strip_prefix(entry.path().trim_end_matches('/'));
        same && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Reads the request for a status.
///
/// # Errors
/// `invalid_request`, naming the member.
pub fn status(body: &[u8]) -> Result<AskedStatus, Refusal> {
    let map = object(body)?;
    let word = map.get("status").and_then(Value::as_str).and_then(StreamStatus::parse);
    Ok(AskedStatus {
        id: stream_id(&map)?.ok_or(bad("stream_id is missing"))?,
        status: word.ok_or(bad("status is none of enabled, paused and disabled"))?,
        reason: text(&map, "reason", "reason is not a text of at most 1024 bytes")?.map(str::to_owned),
    })
}

/// Reads the request for a verification: the stream, and `state` (SSF 1.0 §8.1.4.2).
///
/// # Errors
/// `invalid_request`, naming the member.
pub fn verification(body: &[u8]) -> Result<(StreamId, Option<String>), Refusal> {
    let map = object(body)?;
    let state = text(&map, "state", "state is not a text of at most 1024 bytes")?.map(str::to_owned);
    Ok((stream_id(&map)?.ok_or(bad("stream_id is missing"))?, state))
}

/// A poll (RFC 8936 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// `maxEvents`, at most [`super::poll::MOST`].
    pub most: usize,
    /// Whether to wait for an event: not `returnImmediately`.
    pub wait: bool,
    /// `ack`: the `jti`s the receiver has.
    pub acknowledged: Vec<String>,
    /// `setErrs`: the `jti`s it refuses, and why.
    pub refused: Vec<(String, String)>,
}

/// Reads a poll.
///
/// # Errors
/// `invalid_request`, naming the member.
pub fn poll(body: &[u8]) -> Result<Poll, Refusal> {
    let map = object(body)?;
    let most = match map.get("maxEvents") {
        None | Some(Value::Null) => super::poll::MOST,
        Some(n) => {
            let n = n.as_u64().ok_or(bad("maxEvents is not a number"))?;
            usize::try_from(n).unwrap_or(super::poll::MOST).min(super::poll::MOST)
        }
    };
    let immediately = match map.get("returnImmediately") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(now)) => *now,
        Some(_) => return Err(bad("returnImmediately is not true or false")),
    };
    let jtis = |list: &Vec<Value>| list.iter().map(|jti| jti.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    let acknowledged = match map.get("ack") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) if list.len() <= super::poll::MOST_ACKNOWLEDGED => {
            jtis(list).ok_or(bad("ack holds something that is not text"))?
        }
        Some(_) => return Err(bad("ack is not a list of at most 1000 jtis")),
    };
    let refused = match map.get("setErrs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(errors)) if errors.len() <= super::poll::MOST_ACKNOWLEDGED => {
            let err = |why: &Value| why.get("err").and_then(Value::as_str).unwrap_or("unknown").to_owned();
            errors.iter().map(|(jti, why)| (jti.clone(), err(why))).collect()
        }
        Some(_) => return Err(bad("setErrs is not an object of at most 1000 jtis")),
    };
    Ok(Poll { most, wait: !immediately && most > 0 && refused.is_empty(), acknowledged, refused })
}
