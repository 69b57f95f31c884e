//! Delivers events: gives them their order on PostgreSQL, wakes polls, and pushes, each stream by itself, so that a receiver that
//! is slow or dead delays no other.

use crate::client::Status;
use crate::event;
use crate::id::StreamId;
use crate::lifecycle::BATCH;
use crate::network::Network;
use crate::outbound::{self, Method, Outbound, Request};
use crate::secret::Secret;
use crate::store::{self, Tx};
use crate::stream::push::{PushPort, Pusher};
use crate::stream::verdict::PushAnswer;
use crate::stream::{StreamDelivery, StreamStatus, sql};
use crate::web::App;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often this node looks for new events,
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// and how often where no stream is enabled: nobody waits for one.
const REST: Duration = Duration::from_secs(1);
/// The most streams.
const MOST: i64 = 1000;
/// The longest `Retry-After` that is read, in digits.
const DIGITS: usize = 6;

/// Posts tokens through the client for addresses of client records.
struct HttpPush {
    world: Outbound,
    /// One client for each list of private networks, so that connections are used again.
    inside: Mutex<HashMap<Vec<Network>, Outbound>>,
}
impl HttpPush {
    fn reaching(&self, networks: &[Network]) -> Result<Outbound, outbound::Error> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = inside.get(networks) {
            return Ok(client.clone());
        }
        let client = self.world.reaching(networks)?;
        inside.insert(networks.to_vec(), client.clone());
        Ok(client)
    }
}
impl PushPort for HttpPush {
    fn push<'a>(
        &'a self,
        endpoint: &'a str,
        authorization: Option<&'a Secret>,
        token: String,
        networks: &'a [Network],
    ) -> BoxFuture<'a, PushAnswer> {
        Box::pin(async move {
            // RFC 8935 §2.1.
            let mut request = Request::new(Method::Post, endpoint)
                .header("accept", "application/json")
                .body("application/secevent+jwt", token.into_bytes());
            if let Some(header) = authorization {
                request = request.header("authorization", header.reveal());
            }
            let client = match self.reaching(networks) {
                Ok(client) => client,
                Err(cause) => return PushAnswer::None(cause.to_string()),
            };
            match client.send(request).await {
                Err(cause) => PushAnswer::None(cause.to_string()),
                Ok(answer) => {
                    let err =
                        answer.json().ok().and_then(|body| body.get("err").and_then(Value::as_str).map(str::to_owned));
                    let seconds = answer.header("retry-after").filter(|text| text.len() <= DIGITS);
                    let retry_after = seconds.and_then(|text| text.parse().ok()).map(Duration::from_secs);
                    PushAnswer::Status { status: answer.status, err, retry_after }
                }
            }
        })
    }
}

/// What pushes on this node, with the client for addresses from client records.
pub(super) fn pusher(app: &App, outbound: Outbound) -> Pusher {
    let node = crate::secret::base64url(crate::random::bytes::<12>(&*app.random));
    Pusher {
        store: app.store.clone(),
        keys: app.keys.clone(),
        sealer: app.sealer.clone(),
        random: app.random.clone(),
        port: Arc::new(HttpPush { world: outbound, inside: Mutex::default() }),
        clock: app.clock.clone(),
        issuer: app.issuer().to_owned(),
        node,
        give_up: app.config.events.give_up.get(),
    }
}

/// The streams that are being pushed at this moment on this node.
pub(super) type ActiveStreams = Arc<Mutex<HashSet<StreamId>>>;

/// Until when this node need not look, unless it is woken.
#[derive(Default)]
pub(super) struct Rest(Mutex<Option<Instant>>);
impl Rest {
    fn lasts(&self, woken: bool) -> bool {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if woken {
            *until = None;
        }
        until.is_some_and(|until| Instant::now() < until)
    }
    fn set(&self, rests: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rests.then(|| Instant::now() + REST - LOOK);
    }
}

/// One look, unless this node rests.
pub(super) async fn look(
    app: &Arc<App>,
    pusher: &Arc<Pusher>,
    active: &ActiveStreams,
    rest: &Rest,
) -> store::Result<()> {
    if rest.lasts(app.streams.was_woken()) {
        return Ok(());
    }
    if app.store.read(event::is_waiting).await? {
        let store = app.store.ending();
        loop {
            let now = app.now();
            if store.write(move |tx| event::assign_positions(tx, now, BATCH)).await? < BATCH.unsigned_abs() {
                break;
            }
        }
    }
    let work = |tx: &mut Tx<'_, '_>| Ok((event::head(tx)?, sql::list_pushed(tx, MOST)?, sql::is_any_enabled(tx)?));
    let (head, streams, enabled) = app.store.read(work).await?;
    app.streams.set_head(head);
    rest.set(!enabled);
    let now = app.now();
    for stream in streams {
        let waits = stream.next_at.is_some_and(|at| now < at);
        let pushed = matches!(stream.delivery, StreamDelivery::Push { .. }) && stream.status == StreamStatus::Enabled;
        let begin = pushed
            && !waits
            && !app.streams.is_closed()
            && active.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.id.clone());
        if !begin {
            continue;
        }
        let (app, pusher, active) = (Arc::clone(app), Arc::clone(pusher), Arc::clone(active));
        tokio::spawn(async move {
            let _turn = Turn { active, id: stream.id.clone() };
            if let Err(cause) = push(&app, &pusher, &stream.id, &stream.client).await {
                tracing::error!(stream = %stream.id, %cause, "events cannot be delivered; it will be tried again");
            }
        });
    }
    Ok(())
}

/// A stream is under way until this is dropped, also by a panic.
struct Turn {
    active: ActiveStreams,
    id: StreamId,
}
impl Drop for Turn {
    fn drop(&mut self) {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// A suspended client hears nothing until it is resumed; its events are held. One that ended itself still hears what becomes of
/// its grants.
const fn hears(status: Status) -> bool {
    matches!(status, Status::Active | Status::Ended)
}

async fn push(app: &App, pusher: &Pusher, id: &StreamId, client: &crate::id::ClientId) -> store::Result<()> {
    while !app.streams.is_closed() {
        // Asked before each round: a suspension, or a changed record, holds from its commit on.
        let Some(client) = app.authenticator.client(client).await?.filter(|client| hears(client.status)) else {
            return Ok(());
        };
        if !pusher.round(id, &client).await? {
            return Ok(());
        }
    }
    Ok(())
}
