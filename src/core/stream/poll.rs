//! Delivery by poll (RFC 8936): the receiver fetches tokens and acknowledges them. What is not acknowledged comes again.

use super::manage::record;
use super::request::Poll;
use super::set::{self, SetPart};
use super::sql::{self, StreamToken, add_token, bury_token, drop_token, open_tokens};
use super::{Stream, StreamDelivery, StreamStatus, delivered};
use crate::audit::{Actor, AuditAction};
use crate::clock::Instant;
use crate::event::{self, Receiver};
use crate::id::StreamId;
use crate::store::{Result, Tx};
use serde_json::{Value, json};
use std::collections::HashSet;

/// The most tokens of one answer.
pub const MOST: usize = 100;
/// The most `jti`s of one poll.
pub const MOST_ACKNOWLEDGED: usize = 1000;
/// How much a stream takes at once. An answer has one token of a grant, so more is taken than is handed out.
const TAKEN: i64 = 200;
/// How many events are read in one go,
const READ: i64 = 500;
/// and how often in one poll while little of what was asked for is among them: the next poll goes on.
const READS: usize = 4;

/// What a poll finds.
#[derive(Debug, Clone, PartialEq)]
pub enum Polled {
    /// There is no such stream of this client, or it is pushed.
    Unknown,
    /// The claims of each token by its `jti`, and whether there is more.
    Found {
        /// The tokens.
        sets: Vec<(String, Value)>,
        /// `moreAvailable`.
        more: bool,
    },
}

/// One poll of `receiver`: notes what it has and what it refuses, and takes what is new.
pub fn poll(
    tx: &mut Tx<'_, '_>,
    id: &StreamId,
    receiver: &Receiver,
    client: &crate::id::ClientId,
    ask: &Poll,
    issuer: &str,
    now: Instant,
) -> Result<Polled> {
    let found = sql::load(tx, id)?.filter(|s| s.client == *client && s.delivery == StreamDelivery::Poll);
    let Some(mut stream) = found else { return Ok(Polled::Unknown) };
    for jti in &ask.acknowledged {
        drop_token(tx, id, jti)?;
    }
    for (jti, err) in &ask.refused {
        let why = format!(
            "the receiver answered {}",
            err.chars().filter(char::is_ascii_graphic).take(40).collect::<String>()
        );
        if bury_token(tx, id, jti, &why, now)? {
            tracing::warn!(stream = %id, jti, why, "a receiver refused an event");
            let detail = json!({"jti": jti, "why": why});
            record(tx, &stream, Actor::Client(client.clone()), AuditAction::StreamEventRefused, detail, now)?;
        }
    }
    let mut sets = Vec::new();
    let mut more = false;
    if stream.status == StreamStatus::Enabled {
        let (open, unread) = take(tx, &mut stream, receiver, issuer)?;
        let chosen = first_of_each_grant(&open, ask.most);
        more = unread || chosen.len() < open.len();
        for taken in chosen {
            match claims(tx, &stream, receiver, taken, issuer)? {
                Some(claims) => sets.push((taken.jti.clone(), claims)),
                // Its event is no longer kept.
                None => drop_token(tx, id, &taken.jti).map(drop)?,
            }
        }
    }
    stream.polled_at = Some(now);
    sql::save(tx, &stream, now)?;
    Ok(Polled::Found { sets, more })
}

/// Whether a poll of `receiver` would find something.
pub fn has_news(tx: &mut Tx<'_, '_>, id: &StreamId, receiver: &Receiver) -> Result<bool> {
    let Some(stream) = sql::load(tx, id)? else { return Ok(true) };
    let enabled = stream.status == StreamStatus::Enabled;
    Ok(enabled && (!open_tokens(tx, id, 1)?.is_empty() || !event::read(tx, receiver, stream.cursor, 1)?.is_empty()))
}

/// Takes new events, as long as there are few unfinished ones; returns all that is unfinished, in order.
pub(super) fn take(
    tx: &mut Tx<'_, '_>,
    stream: &mut Stream,
    receiver: &Receiver,
    issuer: &str,
) -> Result<(Vec<StreamToken>, bool)> {
    let mut open = open_tokens(tx, &stream.id, TAKEN)?;
    let types = delivered(receiver, &stream.requested, issuer);
    for _ in 0..READS {
        if i64::try_from(open.len()).unwrap_or(TAKEN) >= TAKEN {
            return Ok((open, true));
        }
        let events = event::read(tx, receiver, stream.cursor, READ)?;
        let Some(last) = events.last() else { return Ok((open, false)) };
        let (last, full) = (last.pos, events.len() as u64 == READ.unsigned_abs());
        for found in &events {
            stream.cursor = found.pos;
            for part in set::parts(&found.event, &types, issuer) {
                let taken = StreamToken::of(stream, found, part);
                add_token(tx, &stream.id, &taken)?;
                open.push(taken);
            }
            if i64::try_from(open.len()).unwrap_or(TAKEN) >= TAKEN {
                break;
            }
        }
        if !full && stream.cursor == last {
            return Ok((open, false));
        }
    }
    Ok((open, true))
}

/// An answer is a JSON object and has no order: it never has two tokens of one grant (docs/events.md).
fn first_of_each_grant(open: &[StreamToken], most: usize) -> Vec<&StreamToken> {
    let mut grants = HashSet::new();
    let free = |t: &&StreamToken| t.grant.as_ref().is_none_or(|grant| grants.insert(grant.clone()));
    open.iter().filter(free).take(most).collect()
}

/// The claims of a token; `None` if its event is gone.
pub(super) fn claims(
    tx: &mut Tx<'_, '_>,
    stream: &Stream,
    receiver: &Receiver,
    taken: &StreamToken,
    issuer: &str,
) -> Result<Option<Value>> {
    Ok(match taken.part {
        SetPart::Verification => Some(set::verification(stream, &taken.jti, taken.state.as_deref(), taken.at, issuer)),
        SetPart::StreamUpdated => Some(set::stream_updated(stream, &taken.jti, taken.at, issuer)),
        SetPart::Own | SetPart::SessionRevoked => {
            event::at(tx, taken.pos)?.map(|found| set::of_event(stream, receiver, &found, taken.part, issuer))
        }
    })
}

impl StreamToken {
    /// The token of an event in a stream.
    pub(super) fn of(stream: &Stream, found: &event::PositionedEvent, part: SetPart) -> Self {
        Self {
            jti: set::jti(stream, found.event.id.as_str(), part),
            pos: found.pos,
            part,
            grant: found.event.grant.clone(),
            state: None,
            at: found.positioned_at,
            dead_at: None,
            why: None,
        }
    }
}
