//! What receivers and staff do with a stream (SSF 1.0 §8.1): create, change, delete it, change its status, ask for a verification.

use super::request::{AskedDelivery, AskedHeader, AskedStatus, AskedStream};
use super::set::{self, SetPart};
use super::sql::{self, StreamToken, add_control};
use super::{StoppedBy, Stream, StreamDelivery, StreamStatus, VERIFICATION_INTERVAL, delivered};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::client::Client;
use crate::clock::Instant;
use crate::event::{self, Receiver};
use crate::id::{ClientId, EventId, StreamId};
use crate::keys::seal::{Broken, SealContext, Sealer};
use crate::random::Random;
use crate::secret;
use crate::store::{Result, Tx};
use serde_json::{Value, json};
use std::time::Duration;

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamRefusal {
    /// There is no such stream of this client.
    Unknown,
    /// It has as many streams as its record allows.
    TooMany,
    /// A member of staff has stopped the stream.
    Stopped,
    /// A verification was asked for too short a time ago.
    TooOften,
}

/// The answer of a use-case of this file.
pub type StreamOutcome<T> = Result<std::result::Result<T, StreamRefusal>>;

/// A configuration that is ready to be written: the header is sealed, the `jti` of a verification is drawn.
#[derive(Debug, Clone)]
pub struct PreparedStream {
    /// The stream's id: of a new one, or of the one to change.
    pub id: StreamId,
    asked: AskedStream,
    sealed: Option<Vec<u8>>,
    jti: String,
}
impl PreparedStream {
    /// Prepares what a receiver asks for; a new stream gets an id.
    ///
    /// # Errors
    /// [`Broken`] if sealing fails.
    pub fn new(asked: AskedStream, sealer: &Sealer, random: &dyn Random) -> std::result::Result<Self, Broken> {
        let id = asked.id.clone().unwrap_or_else(|| StreamId::random(random));
        let sealed = match &asked.delivery {
            Some(AskedDelivery::Push { authorization: AskedHeader::Set(header), .. }) => {
                Some(sealer.seal(random, seal_context(&id), header.reveal().as_bytes())?)
            }
            _ => None,
        };
        Ok(Self { id, asked, sealed, jti: new_jti(random) })
    }
}

/// A `jti` for what is no event.
#[must_use]
pub fn new_jti(random: &dyn Random) -> String {
    secret::base64url(crate::random::bytes::<16>(random))
}

/// Where a sealed header belongs.
#[must_use]
pub(super) fn seal_context(id: &StreamId) -> SealContext<'_> {
    SealContext { table: "streams", column: "authorization_header", row: id.as_str() }
}

/// Creates a stream. It is enabled at once; it begins with what happens from now on. An endpoint must first answer a
/// verification.
pub fn create(tx: &mut Tx<'_, '_>, client: &Client, new: &PreparedStream, now: Instant) -> StreamOutcome<Stream> {
    let most = i64::from(client.events.streams);
    if sql::list(tx, Some(&client.id), most)?.len() as u64 >= most.unsigned_abs() {
        return Ok(Err(StreamRefusal::TooMany));
    }
    let delivery = match &new.asked.delivery {
        Some(AskedDelivery::Push { endpoint, .. }) => {
            StreamDelivery::Push { endpoint: endpoint.clone(), authorization: new.sealed.clone() }
        }
        Some(AskedDelivery::Poll) | None => StreamDelivery::Poll,
    };
    let stream = Stream {
        id: new.id.clone(),
        client: client.id.clone(),
        verified: delivery == StreamDelivery::Poll,
        delivery,
        requested: new.asked.requested.clone().unwrap_or_default(),
        description: new.asked.description.clone(),
        status: StreamStatus::Enabled,
        reason: None,
        stopped_by: None,
        stopped_at: None,
        cursor: event::head_of_committed(tx, now)?,
        attempts: 0,
        failing_since: None,
        next_at: None,
        trouble: None,
        polled_at: Some(now),
        asked_at: None,
        fence: 0,
        created_at: now,
    };
    sql::insert(tx, &stream)?;
    if !stream.verified {
        add_control(tx, &stream.id, &control(SetPart::Verification, &new.jti, None, now))?;
    }
    record(tx, &stream, Actor::Client(client.id.clone()), AuditAction::StreamCreated, json!({}), now)?;
    Ok(Ok(stream))
}

/// Changes a stream: what is absent stays, or with `replace` becomes what it is by default (SSF 1.0 §8.1.1.3, §8.1.1.4).
pub fn change(
    tx: &mut Tx<'_, '_>,
    client: &Client,
    new: &PreparedStream,
    replace: bool,
    now: Instant,
) -> StreamOutcome<Stream> {
    let Some(mut stream) = of_client(tx, &client.id, &new.id)? else { return Ok(Err(StreamRefusal::Unknown)) };
    let before = stream.clone();
    match &new.asked.delivery {
        Some(AskedDelivery::Push { endpoint, authorization }) => {
            let kept = match &stream.delivery {
                StreamDelivery::Push { endpoint: old, authorization } if old == endpoint => authorization.clone(),
                StreamDelivery::Push { .. } | StreamDelivery::Poll => None,
            };
            let sealed = match authorization {
                AskedHeader::Absent => kept,
                AskedHeader::Remove => None,
                AskedHeader::Set(_) => new.sealed.clone(),
            };
            stream.delivery = StreamDelivery::Push { endpoint: endpoint.clone(), authorization: sealed };
        }
        Some(AskedDelivery::Poll) => stream.delivery = StreamDelivery::Poll,
        None if replace => stream.delivery = StreamDelivery::Poll,
        None => {}
    }
    if replace || new.asked.requested.is_some() {
        stream.requested = new.asked.requested.clone().unwrap_or_default();
    }
    if replace || new.asked.description.is_some() {
        stream.description.clone_from(&new.asked.description);
    }
    if stream.delivery != before.delivery {
        stream.verified = stream.delivery == StreamDelivery::Poll;
        (stream.attempts, stream.failing_since, stream.next_at, stream.trouble) = (0, None, None, None);
        stream.polled_at = Some(now);
        if !stream.verified {
            add_control(tx, &stream.id, &control(SetPart::Verification, &new.jti, None, now))?;
        }
    }
    sql::save(tx, &stream, now)?;
    let detail = json!({"endpoint_changed": stream.delivery != before.delivery});
    record(tx, &stream, Actor::Client(client.id.clone()), AuditAction::StreamChanged, detail, now)?;
    Ok(Ok(stream))
}

/// Deletes a stream.
pub fn delete(tx: &mut Tx<'_, '_>, client: &ClientId, id: &StreamId, now: Instant) -> StreamOutcome<()> {
    let Some(stream) = of_client(tx, client, id)? else { return Ok(Err(StreamRefusal::Unknown)) };
    sql::delete(tx, id)?;
    record(tx, &stream, Actor::Client(client.clone()), AuditAction::StreamDeleted, json!({}), now)?;
    Ok(Ok(()))
}

/// The stream of a client.
pub fn of_client(tx: &mut Tx<'_, '_>, client: &ClientId, id: &StreamId) -> Result<Option<Stream>> {
    Ok(sql::load(tx, id)?.filter(|stream| stream.client == *client))
}

/// Changes the status as the receiver wants it (SSF 1.0 §8.1.2.2). What staff has stopped it cannot change.
pub fn set_status(
    tx: &mut Tx<'_, '_>,
    client: &ClientId,
    asked: &AskedStatus,
    jti: &str,
    now: Instant,
) -> StreamOutcome<Stream> {
    let Some(stream) = of_client(tx, client, &asked.id)? else { return Ok(Err(StreamRefusal::Unknown)) };
    if stream.stopped_by == Some(StoppedBy::Staff) {
        return Ok(Err(StreamRefusal::Stopped));
    }
    let actor = Actor::Client(client.clone());
    let to = StatusChange { status: asked.status, by: StoppedBy::Receiver, reason: asked.reason.as_deref() };
    turn(tx, stream, to, (jti, actor), now).map(Ok)
}

/// A status, and who wants it.
#[derive(Debug, Clone, Copy)]
pub struct StatusChange<'a> {
    /// The status.
    pub status: StreamStatus,
    /// Who.
    pub by: StoppedBy,
    /// Why.
    pub reason: Option<&'a str>,
}

/// Gives a stream another status.
///
/// A disabled stream holds nothing, and begins with what comes once it is enabled or paused. Where the receiver did not stop the
/// stream itself, or does not let it go on itself, stream-updated is sent first when it goes on: the receiver may have noticed
/// nothing (docs/events.md).
pub fn turn(
    tx: &mut Tx<'_, '_>,
    mut stream: Stream,
    to: StatusChange<'_>,
    (jti, actor): (&str, Actor),
    now: Instant,
) -> Result<Stream> {
    let from = stream.status;
    if from == to.status && (from == StreamStatus::Enabled || stream.stopped_by == Some(to.by)) {
        stream.reason = to.reason.map(str::to_owned);
        sql::save(tx, &stream, now)?;
        return Ok(stream);
    }
    let unasked = to.by != StoppedBy::Receiver || stream.stopped_by.is_some_and(|by| by != StoppedBy::Receiver);
    if from == StreamStatus::Disabled {
        stream.cursor = event::head_of_committed(tx, now)?;
    }
    stream.status = to.status;
    stream.reason = to.reason.map(str::to_owned);
    let action = match to.status {
        StreamStatus::Enabled => {
            (stream.stopped_by, stream.stopped_at) = (None, None);
            (stream.attempts, stream.failing_since, stream.next_at, stream.trouble) = (0, None, None, None);
            stream.polled_at = Some(now);
            if !stream.verified {
                let verification = format!("{jti}-verification");
                add_control(tx, &stream.id, &control(SetPart::Verification, &verification, None, now))?;
            }
            if unasked {
                add_control(tx, &stream.id, &control(SetPart::StreamUpdated, jti, None, now))?;
            }
            AuditAction::StreamEnabled
        }
        StreamStatus::Paused => {
            (stream.stopped_by, stream.stopped_at) = (Some(to.by), Some(now));
            AuditAction::StreamPaused
        }
        StreamStatus::Disabled => {
            (stream.stopped_by, stream.stopped_at) = (Some(to.by), Some(now));
            sql::forget_tokens(tx, &stream.id)?;
            AuditAction::StreamDisabled
        }
    };
    sql::save(tx, &stream, now)?;
    record(tx, &stream, actor, action, json!({"reason": to.reason}), now)?;
    Ok(stream)
}

/// The receiver asks for a verification (SSF 1.0 §8.1.4.2). A paused stream holds it, a disabled one does not.
pub fn verify(
    tx: &mut Tx<'_, '_>,
    client: &ClientId,
    id: &StreamId,
    state: Option<&str>,
    jti: &str,
    now: Instant,
) -> StreamOutcome<()> {
    let Some(mut stream) = of_client(tx, client, id)? else { return Ok(Err(StreamRefusal::Unknown)) };
    if stream.asked_at.is_some_and(|asked| now < asked + VERIFICATION_INTERVAL) {
        return Ok(Err(StreamRefusal::TooOften));
    }
    stream.asked_at = Some(now);
    if stream.status != StreamStatus::Disabled {
        add_control(tx, id, &control(SetPart::Verification, jti, state, now))?;
    }
    sql::save(tx, &stream, now)?;
    Ok(Ok(()))
}

/// Staff sends a verification, whatever the receiver asked for.
pub fn test(tx: &mut Tx<'_, '_>, stream: &Stream, jti: &str, actor: Actor, now: Instant) -> Result<()> {
    add_control(tx, &stream.id, &control(SetPart::Verification, jti, None, now))?;
    record(tx, stream, actor, AuditAction::StreamTested, json!({}), now)
}

/// What staff sends again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// One event.
    Event(EventId),
    /// All since a moment.
    Since(Instant),
}

/// Sends events again, under the `jti`s they had: a receiver that has them drops them. What it refused is tried again, too. Returns
/// whether there was anything.
pub fn replay(
    tx: &mut Tx<'_, '_>,
    mut stream: Stream,
    what: &Replayed,
    receiver: &Receiver,
    (issuer, actor): (&str, Actor),
    now: Instant,
) -> Result<bool> {
    let found = match what {
        Replayed::Since(from) => {
            let first = event::since_position(tx, *from)?;
            let found = !event::read(tx, receiver, first - 1, 1)?.is_empty();
            if found && first <= stream.cursor {
                sql::forget_tokens_from(tx, &stream.id, first)?;
                stream.cursor = first - 1;
                sql::save(tx, &stream, now)?;
            }
            found
        }
        Replayed::Event(id) => {
            let Some(pos) = event::position_of(tx, id)? else { return Ok(false) };
            let types = delivered(receiver, &stream.requested, issuer);
            let read = event::read(tx, receiver, pos - 1, 1)?;
            let mut revived = false;
            for found in read.iter().filter(|found| found.pos == pos) {
                for part in set::parts(&found.event, &types, issuer) {
                    sql::revive_token(tx, &stream.id, &StreamToken::of(&stream, found, part))?;
                    revived = true;
                }
            }
            revived
        }
    };
    if found {
        let detail = match what {
            Replayed::Since(from) => json!({"since": from.rfc3339()}),
            Replayed::Event(id) => json!({"event": id}),
        };
        record(tx, &stream, actor, AuditAction::StreamReplayed, detail, now)?;
    }
    Ok(found)
}

/// A token that is no event.
pub(super) fn control(part: SetPart, jti: &str, state: Option<&str>, at: Instant) -> StreamToken {
    let (jti, state) = (jti.to_owned(), state.map(str::to_owned));
    StreamToken { jti, pos: 0, part, grant: None, state, at, dead_at: None, why: None }
}

pub(super) fn record(
    tx: &mut Tx<'_, '_>,
    stream: &Stream,
    actor: Actor,
    action: AuditAction,
    mut detail: Value,
    now: Instant,
) -> Result<()> {
    detail["stream"] = stream.id.as_str().into();
    audit::append(tx, &Entry { client: Some(stream.client.clone()), detail, ..Entry::new(now, actor, action) })
}

/// Housekeeping: disables streams that have stood still for `hold`, and poll streams that nobody has polled for as long; deletes
/// those of clients that ended as long ago. Returns how many.
pub fn sweep(tx: &mut Tx<'_, '_>, now: Instant, hold: Duration, limit: i64) -> Result<u64> {
    let idle = sql::idle(tx, now - hold, limit)?;
    let mut done = idle.len() as u64;
    for stream in idle {
        let reason = if stream.status == StreamStatus::Paused {
            "the stream stood still for too long"
        } else {
            "nobody polled for inactivity_timeout"
        };
        // Whoever stopped it still decides who may let it go on.
        let by = stream.stopped_by.unwrap_or(StoppedBy::Server);
        let to = StatusChange { status: StreamStatus::Disabled, by, reason: Some(reason) };
        tracing::warn!(stream = %stream.id, client = %stream.client, reason, "a stream is disabled");
        turn(tx, stream, to, ("", Actor::System), now)?;
    }
    done += sql::delete_of_ended(tx, now - hold, limit)?;
    Ok(done)
}
