//! Delivery by push (RFC 8935): at least once, in order within a grant, in eight lanes a stream.
//!
//! A stream is served by one node at a time, by a lease. Every result is written under the fence of that lease, so that a
//! process that stood still can repeat a token, with the same `jti`, and change nothing. While no node fails, nothing is sent twice.

use super::manage::{StatusChange, record, seal_context, turn};
use super::poll::claims;
use super::request::may_push;
use super::set::{self, SetPart, TYP};
use super::sql::{self, StreamToken, add_token, open_tokens};
use super::verdict::{PushAnswer, Verdict, backoff, judge};
use super::{StoppedBy, Stream, StreamDelivery, StreamStatus, delivered, receiver};
use crate::audit::{Actor, AuditAction};
use crate::client::Client;
use crate::clock::{Clock, Instant};
use crate::event::{self, Receiver};
use crate::id::StreamId;
use crate::keys::Ring;
use crate::keys::jose::Alg;
use crate::keys::seal::Sealer;
use crate::network::Network;
use crate::random::{self, Random};
use crate::secret::{Hash, Secret};
use crate::store::{Result, Store, Tx};
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many tokens are sent at once, each of another grant.
const LANES: usize = 8;
/// How many events one round takes.
const ROUND: i64 = 64;
/// How long a round begins to send tokens. What it has not begun with is left to the next round.
const ROUND_TIME: Duration = Duration::from_secs(5);
/// How long a lease lasts: as long as a round and its last answers take. It is renewed before each round.
const LEASE: Duration = Duration::from_secs(20);
/// The longest `outbound.timeout`: a push that takes longer would outlive the lease.
pub const LONGEST_PUSH: Duration = Duration::from_secs(10);

/// Posts tokens.
pub trait PushPort: Send + Sync + 'static {
    /// Posts one token (RFC 8935 §2) to an endpoint, which may be in one of `networks`.
    fn push<'a>(
        &'a self,
        endpoint: &'a str,
        authorization: Option<&'a Secret>,
        token: String,
        networks: &'a [Network],
    ) -> BoxFuture<'a, PushAnswer>;
}

/// What delivery works with. One for each node.
pub struct Pusher {
    /// The store.
    pub store: Store,
    /// What signs tokens.
    pub keys: Ring,
    /// Opens sealed headers.
    pub sealer: Arc<Sealer>,
    /// Randomness for `jti`s and waits.
    pub random: Arc<dyn Random>,
    /// What posts.
    pub port: Arc<dyn PushPort>,
    /// `now` of each result.
    pub clock: Arc<dyn Clock>,
    /// `iss`.
    pub issuer: String,
    /// The name of this node.
    pub node: String,
    /// How long an endpoint may fail before its stream is paused.
    pub give_up: Duration,
}

/// One token on its way.
struct Outgoing {
    token: StreamToken,
    claims: Value,
}

/// What a round found to send.
struct PushRound {
    stream: Stream,
    fence: i64,
    /// Where the cursor is once the round is over.
    cursor: i64,
    /// Whether there may be more events to read.
    full: bool,
    /// Whether the tokens have rows already.
    rows: bool,
    outgoing: Vec<Outgoing>,
}

impl Pusher {
    /// One round of one stream: takes the lease, sends what is due, writes the results. Returns whether there may be more.
    pub async fn round(&self, id: &StreamId, client: &Client) -> Result<bool> {
        let (id, who, issuer, node) = (id.clone(), receiver(client), self.issuer.clone(), self.node.clone());
        let now = self.clock.now();
        // Most rounds find nothing: a look costs no write.
        let look = (id.clone(), who.clone());
        if !self.store.read(move |tx| is_due(tx, &look.0, &look.1, now)).await? {
            return Ok(false);
        }
        let allowed = client.events.endpoints.clone();
        let jti = super::manage::new_jti(&*self.random);
        let lease = move |tx: &mut Tx<'_, '_>| window(tx, &id, &who, (&issuer, &node), (&allowed, &jti), now);
        let Some(window) = self.store.write(lease).await?.map(Arc::new) else { return Ok(false) };
        let StreamDelivery::Push { endpoint, authorization } = &window.stream.delivery else { return Ok(false) };
        let header = self.header(&window.stream.id, authorization.as_deref());
        let results = match &header {
            Ok(header) => self.send(&window, endpoint, header.as_ref(), &client.allow_networks).await,
            Err(why) => {
                let verdict = Verdict::Wait { why: format!("the authorization header: {why}"), at_least: None };
                vec![Some(verdict); window.outgoing.len()]
            }
        };
        let more = window.rows || window.full;
        let jitter = f64::from(random::below(&*self.random, 1000)) / 1000.0;
        let (now, give_up) = (self.clock.now(), self.give_up);
        let sent = Arc::clone(&window);
        // What is not written down is sent again, so it is written even when there is room for little more.
        let write = move |tx: &mut Tx<'_, '_>| settle(tx, &sent, &results, (jitter, give_up), now);
        match self.store.ending().write(write).await? {
            Settled::GoesOn => Ok(more),
            Settled::Waits => Ok(false),
            Settled::GaveUp(paused) => {
                let header = header.ok().flatten();
                self.last_attempt(&paused, endpoint, header.as_ref(), &client.allow_networks).await;
                Ok(false)
            }
        }
    }

    /// The last attempt before a pause says why nothing comes any more (docs/events.md). Whether it arrives or not, the stream is
    /// paused; when it is enabled, stream-updated goes first.
    async fn last_attempt(&self, paused: &Stream, endpoint: &str, header: Option<&Secret>, networks: &[Network]) {
        if !paused.verified {
            return;
        }
        let jti = super::manage::new_jti(&*self.random);
        let claims = set::stream_updated(paused, &jti, self.clock.now(), &self.issuer);
        match self.keys.sign(Alg::Rs256, Some(TYP), claims).await {
            Ok(token) => drop(self.port.push(endpoint, header, token, networks).await),
            Err(cause) => tracing::error!(stream = %paused.id, %cause, "stream-updated could not be signed"),
        }
    }

    /// Before the first round: takes over what a killed process left, where no other process can be running.
    pub async fn start(&self) -> Result<()> {
        self.store.ending().write(sql::end_stale_leases).await
    }

    /// Gives back every lease of this node, so that another one need not wait for their end.
    pub async fn stop(&self) -> Result<()> {
        let node = self.node.clone();
        self.store.ending().write(move |tx| sql::give_back_leases(tx, &node)).await
    }

    fn header(&self, id: &StreamId, sealed: Option<&[u8]>) -> std::result::Result<Option<Secret>, &'static str> {
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.sealer.open(seal_context(id), sealed).map_err(|_| "its seal does not open")?;
        let text = std::str::from_utf8(&plain).map_err(|_| "it is no text")?;
        Ok(Some(Secret::new(text)))
    }

    /// Sends the tokens in lanes: one token of a grant at a time. Once one must wait, no lane begins another.
    async fn send(
        &self,
        window: &PushRound,
        endpoint: &str,
        header: Option<&Secret>,
        networks: &[Network],
    ) -> Vec<Option<Verdict>> {
        let mut lanes: Vec<Vec<usize>> = vec![Vec::new(); LANES];
        for (i, out) in window.outgoing.iter().enumerate() {
            let key = out.token.grant.as_ref().map_or("", |grant| grant.as_str());
            lanes[usize::from(Hash::of(key).as_bytes()[0]) % LANES].push(i);
        }
        let waits = AtomicBool::new(false);
        let begun = std::time::Instant::now();
        let lane = |numbers: Vec<usize>| {
            let waits = &waits;
            async move {
                let mut results = Vec::new();
                for i in numbers {
                    if waits.load(Ordering::Relaxed) || begun.elapsed() > ROUND_TIME {
                        break;
                    }
                    let out = &window.outgoing[i];
                    let answer = match self.keys.sign(Alg::Rs256, Some(TYP), out.claims.clone()).await {
                        Ok(token) => self.port.push(endpoint, header, token, networks).await,
                        Err(cause) => PushAnswer::None(format!("the event could not be signed: {cause}")),
                    };
                    let verdict = judge(answer, out.token.part);
                    if matches!(verdict, Verdict::Wait { .. }) {
                        waits.store(true, Ordering::Relaxed);
                    }
                    results.push((i, verdict));
                }
                results
            }
        };
        let mut verdicts: Vec<Option<Verdict>> = vec![None; window.outgoing.len()];
        for (i, verdict) in join_all(lanes.into_iter().map(lane)).await.into_iter().flatten() {
            verdicts[i] = Some(verdict);
        }
        verdicts
    }
}

/// Whether a stream has something to send at `now`.
fn is_due(tx: &mut Tx<'_, '_>, id: &StreamId, who: &Receiver, now: Instant) -> Result<bool> {
    let Some(stream) = sql::load(tx, id)? else { return Ok(false) };
    if stream.status != StreamStatus::Enabled || stream.next_at.is_some_and(|at| now < at) {
        return Ok(false);
    }
    if !stream.verified {
        return Ok(open_tokens(tx, id, ROUND)?.iter().any(|t| t.part == SetPart::Verification));
    }
    Ok(!open_tokens(tx, id, 1)?.is_empty() || !event::read(tx, who, stream.cursor, 1)?.is_empty())
}

/// Takes the lease and what is to be sent: first what has a row, then new events. A stream whose endpoint the client's record does
/// not allow any more is paused.
fn window(
    tx: &mut Tx<'_, '_>,
    id: &StreamId,
    who: &Receiver,
    (issuer, node): (&str, &str),
    (allowed, jti): (&[String], &str),
    now: Instant,
) -> Result<Option<PushRound>> {
    let due = |stream: &Stream| stream.status == StreamStatus::Enabled && stream.next_at.is_none_or(|at| now >= at);
    let Some(stream) = sql::load(tx, id)?.filter(due) else { return Ok(None) };
    if let StreamDelivery::Push { endpoint, .. } = &stream.delivery
        && !may_push(endpoint, allowed)
    {
        let reason = Some("the client's record does not allow this endpoint any more");
        let to = StatusChange { status: StreamStatus::Paused, by: StoppedBy::Server, reason };
        turn(tx, stream, to, (jti, Actor::System), now)?;
        return Ok(None);
    }
    let Some(fence) = sql::take_lease(tx, id, node, now + LEASE, now)? else { return Ok(None) };
    let open = open_tokens(tx, id, ROUND)?;
    let mut cursor = stream.cursor;
    let rows = !open.is_empty();
    let mut full = false;
    let mut taken: Vec<StreamToken> = open;
    if !stream.verified {
        // Nothing but a verification leaves before the endpoint has answered one (docs/events.md).
        taken.retain(|t| t.part == SetPart::Verification);
    } else if taken.iter().any(|t| t.pos == 0) {
        // What is no event goes first, and alone: the receiver hears that the stream goes on before it hears events.
        taken.retain(|t| t.pos == 0);
    } else if !rows {
        let types = delivered(who, &stream.requested, issuer);
        let events = event::read(tx, who, cursor, ROUND)?;
        full = events.len() as u64 >= ROUND.unsigned_abs();
        for found in events {
            cursor = found.pos;
            taken.extend(
                set::parts(&found.event, &types, issuer).into_iter().map(|p| StreamToken::of(&stream, &found, p)),
            );
        }
    }
    let mut outgoing = Vec::with_capacity(taken.len());
    for taken in taken {
        match claims(tx, &stream, who, &taken, issuer)? {
            Some(claims) => outgoing.push(Outgoing { token: taken, claims }),
            // Its event is no longer kept.
            None => {
                sql::drop_token(tx, id, &taken.jti)?;
            }
        }
    }
    Ok(Some(PushRound { stream, fence, cursor, full, rows, outgoing }))
}

/// What becomes of a stream after a round.
enum Settled {
    /// It goes on.
    GoesOn,
    /// It waits, or somebody else goes on with it.
    Waits,
    /// It was paused, because its endpoint has failed for too long.
    GaveUp(Box<Stream>),
}

/// Writes the results of a round. Nothing is written if another node has the lease, or if the stream was changed or stopped
/// meanwhile: then the tokens may be sent again.
fn settle(
    tx: &mut Tx<'_, '_>,
    window: &PushRound,
    results: &[Option<Verdict>],
    (jitter, give_up): (f64, Duration),
    now: Instant,
) -> Result<Settled> {
    let id = &window.stream.id;
    let Some(mut stream) = sql::load(tx, id)? else { return Ok(Settled::Waits) };
    if stream.fence != window.fence
        || stream.delivery != window.stream.delivery
        || stream.cursor != window.stream.cursor
    {
        return Ok(Settled::Waits);
    }
    let mut wait: Option<(String, Option<Duration>)> = None;
    for (out, verdict) in window.outgoing.iter().zip(results) {
        match verdict {
            Some(Verdict::Delivered) => {
                stream.verified |= out.token.part == SetPart::Verification;
                if window.rows || out.token.pos == 0 {
                    sql::drop_token(tx, id, &out.token.jti)?;
                }
            }
            Some(Verdict::Dead(why)) => {
                add_token(tx, id, &out.token)?;
                sql::bury_token(tx, id, &out.token.jti, why, now)?;
                tracing::warn!(stream = %id, jti = out.token.jti, why, "a receiver refused an event");
                let detail = json!({"jti": out.token.jti, "why": why});
                record(tx, &stream, Actor::System, AuditAction::StreamEventRefused, detail, now)?;
            }
            Some(Verdict::Wait { why, at_least }) => {
                add_token(tx, id, &out.token)?;
                wait.get_or_insert((why.clone(), *at_least));
            }
            None => add_token(tx, id, &out.token)?,
        }
    }
    // A stream that was disabled meanwhile holds nothing.
    if stream.status == StreamStatus::Disabled {
        sql::forget_tokens(tx, id)?;
        return Ok(Settled::Waits);
    }
    stream.cursor = window.cursor;
    let mut given_up = false;
    match wait {
        None => (stream.attempts, stream.failing_since, stream.next_at, stream.trouble) = (0, None, None, None),
        Some((why, at_least)) => {
            stream.attempts += 1;
            let since = *stream.failing_since.get_or_insert(now);
            stream.next_at = Some(now + backoff(stream.attempts, at_least, jitter));
            if stream.attempts == 1 {
                tracing::warn!(stream = %id, client = %stream.client, why, "events cannot be delivered");
            }
            stream.trouble = Some(why);
            given_up = now >= since + give_up && stream.status == StreamStatus::Enabled;
        }
    }
    let going_on = stream.next_at.is_none();
    sql::save(tx, &stream, now)?;
    if given_up {
        let reason = "the endpoint failed for too long";
        tracing::error!(stream = %id, client = %stream.client, "a stream is paused: its endpoint failed for too long");
        let to = StatusChange { status: StreamStatus::Paused, by: StoppedBy::Server, reason: Some(reason) };
        return Ok(Settled::GaveUp(Box::new(turn(tx, stream, to, ("", Actor::System), now)?)));
    }
    Ok(if going_on { Settled::GoesOn } else { Settled::Waits })
}
