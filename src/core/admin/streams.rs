//! Streams of events, as staff sees, tests, stops and repeats them (docs/events.md). The header that a receiver gave for its endpoint
//! is never shown. A look shows nothing of a customer and is not recorded; every change is.

use super::command::reason;
use super::{AdminContext, AdminError, StaffReason};
use crate::audit::Actor;
use crate::client::{self, Client};
use crate::clock::Instant;
use crate::event;
use crate::id::{EventId, StreamId};
use crate::store::{self, Tx};
use crate::stream::manage::{self, Replayed, StatusChange, new_jti};
use crate::stream::sql::{self, StreamToken};
use crate::stream::{StoppedBy, Stream, StreamDelivery, StreamStatus, receiver};
use serde_json::{Value, json};

/// A query or command about streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamAsk {
    /// Every stream.
    List,
    /// One stream, with what it has not delivered.
    Show {
        /// The stream.
        id: StreamId,
    },
    /// Send a verification.
    Test {
        /// The stream.
        id: StreamId,
    },
    /// Pause a stream; its receiver cannot change that.
    Pause {
        /// The stream.
        id: StreamId,
        /// The reason, which the receiver reads.
        why: StaffReason,
    },
    /// Enable a stream, whoever stopped it.
    Resume {
        /// The stream.
        id: StreamId,
    },
    /// Send events again.
    Replay {
        /// The stream.
        id: StreamId,
        /// Which events.
        what: Replayed,
    },
}

/// The most streams in a response.
const MOST: i64 = 500;
/// The most open tokens and dead letters in a response, each.
const MOST_TOKENS: i64 = 100;
/// Up to how many open tokens are counted.
const MOST_COUNTED: i64 = 1000;

impl StreamAsk {
    /// Method, path below the base, body.
    pub(super) fn http(&self) -> (&'static str, String, Option<Value>) {
        match self {
            Self::List => ("GET", "/streams".into(), None),
            Self::Show { id } => ("GET", format!("/streams/{id}"), None),
            Self::Test { id } => ("POST", format!("/streams/{id}/test"), None),
            Self::Pause { id, why } => ("POST", format!("/streams/{id}/pause"), Some(json!({"reason": why.as_str()}))),
            Self::Resume { id } => ("POST", format!("/streams/{id}/resume"), None),
            Self::Replay { id, what } => {
                let body = match what {
                    Replayed::Event(event) => json!({"event": event}),
                    Replayed::Since(from) => json!({"since": from.millis()}),
                };
                ("POST", format!("/streams/{id}/replay"), Some(body))
            }
        }
    }

    /// Parses what [`StreamAsk::http`] wrote; `None` for a path that is not about streams.
    pub(super) fn parse(method: &str, path: &[&str], body: &[u8]) -> Option<Result<Self, AdminError>> {
        let id = |text: &str| {
            let malformed = || AdminError::Invalid("the stream id is not well formed".into());
            StreamId::parse(text).ok_or_else(malformed)
        };
        Some(match (method, path) {
            ("GET", ["streams"]) => Ok(Self::List),
            ("GET", ["streams", text]) => id(text).map(|id| Self::Show { id }),
            ("POST", ["streams", text, "test"]) => id(text).map(|id| Self::Test { id }),
            ("POST", ["streams", text, "pause"]) => {
                id(text).and_then(|id| reason(body).map(|why| Self::Pause { id, why }))
            }
            ("POST", ["streams", text, "resume"]) => id(text).map(|id| Self::Resume { id }),
            ("POST", ["streams", text, "replay"]) => {
                id(text).and_then(|id| replayed(body).map(|what| Self::Replay { id, what }))
            }
            _ => return None,
        })
    }
}

fn replayed(body: &[u8]) -> Result<Replayed, AdminError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Body {
        Event(String),
        Since(i64),
    }
    let malformed = || AdminError::Invalid("the body {\"event\": …} or {\"since\": …} is not well formed".into());
    match serde_json::from_slice(body).map_err(|_| malformed())? {
        Body::Event(text) => EventId::parse(&text).map(Replayed::Event).ok_or_else(malformed),
        Body::Since(millis) => Ok(Replayed::Since(Instant::from_millis(millis))),
    }
}

pub(super) async fn answer(
    service: &AdminContext,
    ask: StreamAsk,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    match ask {
        StreamAsk::List => list(service).await,
        StreamAsk::Show { id } => show(service, id).await,
        StreamAsk::Test { id } => test(service, id, actor, now).await,
        StreamAsk::Pause { id, why } => pause(service, id, why, actor, now).await,
        StreamAsk::Resume { id } => resume(service, id, actor, now).await,
        StreamAsk::Replay { id, what } => replay(service, id, what, actor, now).await,
    }
}

/// What a stream has not delivered.
struct Backlog {
    /// How many events it has not looked at: at most this many, because some are for others.
    events: i64,
    /// How many tokens it still tries, up to [`MOST_COUNTED`].
    tokens: usize,
}
impl Backlog {
    fn of(tx: &mut Tx<'_, '_>, stream: &Stream) -> store::Result<Self> {
        let tokens = sql::open_tokens(tx, &stream.id, MOST_COUNTED)?.len();
        // A disabled stream waits for nothing, and a client that is gone hears nothing.
        let client = match stream.status {
            StreamStatus::Disabled => None,
            StreamStatus::Enabled | StreamStatus::Paused => client::sql::load(tx, &stream.client)?,
        };
        let Some(client) = client else { return Ok(Self { events: 0, tokens }) };
        // A stream with nothing to deliver stays where its last event was, however many others follow.
        let next = event::read(tx, &receiver(&client), stream.cursor, 1)?;
        let events = next.first().map_or(Ok(0), |next| event::head(tx).map(|head| head - next.pos + 1))?;
        Ok(Self { events, tokens })
    }
}

fn stream_json(s: &Stream, backlog: &Backlog) -> Value {
    let time = |at: Option<Instant>| at.map(Instant::rfc3339);
    let polled = if s.delivery == StreamDelivery::Poll { s.polled_at } else { None };
    json!({
        "stream_id": s.id,
        "client_id": s.client,
        "method": if s.delivery == StreamDelivery::Poll { "poll" } else { "push" },
        "status": s.status.as_str(),
        "reason": s.reason,
        "stopped_by": s.stopped_by.map(StoppedBy::as_str),
        "stopped_at": time(s.stopped_at),
        "events_waiting": backlog.events,
        "tokens_open": backlog.tokens,
        "failing_since": time(s.failing_since),
        "attempts": s.attempts,
        "next_at": time(s.next_at),
        "trouble": s.trouble,
        "polled_at": time(polled),
    })
}

async fn list(service: &AdminContext) -> Result<Value, AdminError> {
    let found = service.store.scan(|tx| {
        let streams = sql::list(tx, None, MOST + 1)?;
        streams.into_iter().map(|s| Backlog::of(tx, &s).map(|backlog| (s, backlog))).collect::<store::Result<Vec<_>>>()
    });
    let mut found = found.await?;
    let more = cut(&mut found, MOST);
    Ok(json!({"streams": found.iter().map(|(s, backlog)| stream_json(s, backlog)).collect::<Vec<_>>(), "more": more}))
}

/// Leaves the first `most`; whether there were more.
fn cut<T>(found: &mut Vec<T>, most: i64) -> bool {
    let most = usize::try_from(most).unwrap_or(0);
    let more = found.len() > most;
    found.truncate(most);
    more
}

async fn show(service: &AdminContext, id: StreamId) -> Result<Value, AdminError> {
    let wanted = id.clone();
    let found = service.store.scan(move |tx| {
        let Some(stream) = sql::load(tx, &wanted)? else { return Ok(None) };
        let backlog = Backlog::of(tx, &stream)?;
        let mut open = sql::open_tokens(tx, &wanted, MOST_TOKENS + 1)?;
        let mut dead = sql::dead_letters(tx, &wanted, MOST_TOKENS + 1)?;
        let mut answer = stream_json(&stream, &backlog);
        answer["more_open_tokens"] = cut(&mut open, MOST_TOKENS).into();
        answer["more_dead_letters"] = cut(&mut dead, MOST_TOKENS).into();
        answer["open_tokens"] = open.iter().map(|t| token_json(tx, t)).collect::<store::Result<Vec<_>>>()?.into();
        answer["dead_letters"] = dead.iter().map(|t| token_json(tx, t)).collect::<store::Result<Vec<_>>>()?.into();
        Ok(Some((stream, answer)))
    });
    let (stream, mut answer) = found.await?.ok_or_else(|| unknown(&id))?;
    if let StreamDelivery::Push { endpoint, .. } = &stream.delivery {
        answer["endpoint"] = endpoint.as_str().into();
    }
    answer["events_requested"] = json!(stream.requested);
    answer["description"] = json!(stream.description);
    answer["verified"] = stream.verified.into();
    answer["created_at"] = stream.created_at.rfc3339().into();
    Ok(answer)
}

/// A token, with the id of its event: `replay` takes it.
fn token_json(tx: &mut Tx<'_, '_>, t: &StreamToken) -> store::Result<Value> {
    let found = if t.pos > 0 { event::at(tx, t.pos)? } else { None };
    // The stored word begins with a number that gives its order.
    let part = t.part.as_str().split_once('-').map_or(t.part.as_str(), |(_, word)| word);
    let mut token = json!({
        "jti": t.jti,
        "part": part,
        "position": (t.pos > 0).then_some(t.pos),
        "event": found.map(|found| found.event.id),
        "since": t.dead_at.unwrap_or(t.at).rfc3339(),
    });
    if t.dead_at.is_some() {
        token["why"] = json!(t.why);
    }
    Ok(token)
}

/// What a change leaves of a stream, or why it is refused.
type StreamChange = store::Result<Result<Value, AdminError>>;

/// Changes a stream in one transaction.
async fn change(
    service: &AdminContext,
    id: StreamId,
    work: impl Fn(&mut Tx<'_, '_>, Stream) -> StreamChange + Send + 'static,
) -> Result<Value, AdminError> {
    let found = service.store.write(move |tx| match sql::load(tx, &id)? {
        Some(stream) => work(tx, stream),
        None => Ok(Err(unknown(&id))),
    });
    found.await?
}

fn unknown(id: &StreamId) -> AdminError {
    AdminError::Unknown(format!("there is no stream {id}"))
}

fn not_now(stream: &Stream, why: &str) -> StreamChange {
    Ok(Err(AdminError::NotNow(format!("stream {} {why}", stream.id))))
}

fn status_json(s: &Stream) -> Value {
    json!({"stream_id": s.id, "client_id": s.client, "status": s.status.as_str()})
}

async fn test(service: &AdminContext, id: StreamId, actor: Actor, now: Instant) -> Result<Value, AdminError> {
    let jti = new_jti(&*service.crypto.random);
    let work = move |tx: &mut Tx<'_, '_>, stream: Stream| {
        if stream.status == StreamStatus::Disabled {
            return not_now(&stream, "is disabled: nothing is sent before it is resumed");
        }
        manage::test(tx, &stream, &jti, actor.clone(), now)?;
        let mut answer = status_json(&stream);
        answer["jti"] = jti.as_str().into();
        Ok(Ok(answer))
    };
    change(service, id, work).await
}

async fn pause(
    service: &AdminContext,
    id: StreamId,
    why: StaffReason,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let work = move |tx: &mut Tx<'_, '_>, stream: Stream| {
        // What the receiver or the server has stopped may still be paused: then only staff resumes it.
        if stream.stopped_by == Some(StoppedBy::Staff) {
            return not_now(&stream, "is paused by staff already");
        }
        let to = StatusChange { status: StreamStatus::Paused, by: StoppedBy::Staff, reason: Some(why.as_str()) };
        // Nothing is sent now, so no `jti` is needed.
        let stream = manage::turn(tx, stream, to, ("", actor.clone()), now)?;
        Ok(Ok(status_json(&stream)))
    };
    change(service, id, work).await
}

async fn resume(service: &AdminContext, id: StreamId, actor: Actor, now: Instant) -> Result<Value, AdminError> {
    let jti = new_jti(&*service.crypto.random);
    let work = move |tx: &mut Tx<'_, '_>, stream: Stream| {
        if stream.status == StreamStatus::Enabled {
            return not_now(&stream, "is enabled already");
        }
        let to = StatusChange { status: StreamStatus::Enabled, by: StoppedBy::Staff, reason: None };
        let stream = manage::turn(tx, stream, to, (&jti, actor.clone()), now)?;
        Ok(Ok(status_json(&stream)))
    };
    change(service, id, work).await
}

async fn replay(
    service: &AdminContext,
    id: StreamId,
    what: Replayed,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let issuer = service.issuer.clone();
    let issuer = issuer.ok_or_else(|| AdminError::NotNow("a demo replays events only while it runs".into()))?;
    let work = move |tx: &mut Tx<'_, '_>, stream: Stream| {
        if stream.status == StreamStatus::Disabled {
            return not_now(&stream, "is disabled: nothing is sent before it is resumed");
        }
        let Some(client): Option<Client> = client::sql::load(tx, &stream.client)? else {
            return Ok(Err(AdminError::Unknown(format!("there is no client {}", stream.client))));
        };
        let answer = status_json(&stream);
        let who = receiver(&client);
        if manage::replay(tx, stream, &what, &who, (&issuer, actor.clone()), now)? {
            return Ok(Ok(answer));
        }
        let none = match &what {
            Replayed::Event(event) => format!("there is no event {event} for this stream"),
            Replayed::Since(from) => format!("there is no event for this stream since {}", from.japanese()),
        };
        Ok(Err(AdminError::NotNow(none)))
    };
    change(service, id, work).await
}
