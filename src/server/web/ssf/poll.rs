//! `POST /ssf/poll/{stream_id}` (RFC 8936 §2.2). A poll that finds nothing waits until an event comes or half a minute has passed;
//! it holds no connection of the store while it waits.

use super::{MANAGE, READ, answer, json_body, receiver, refused};
use crate::client::Status;
use crate::id::StreamId;
use crate::keys::jose::Alg;
use crate::stream::manage::StreamRefusal;
use crate::stream::poll::{Polled, has_news, poll};
use crate::stream::request;
use crate::stream::set::TYP;
use crate::web::error::ApiError;
use crate::web::{App, Shared, paths};
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a poll waits.
const WAIT: Duration = Duration::from_secs(30);
/// The largest answer, in bytes; what does not fit comes with the next poll.
const LARGEST: usize = 1024 * 1024;

/// The handler.
///
/// # Errors
/// 400 for a broken request; 404 for a stream that is not this client's, or is pushed.
pub async fn post(
    req: HttpRequest,
    app: Shared,
    at: Path<String>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    let path = format!("{}/{}", paths::STREAM_POLL, at.as_str());
    let client = receiver(&req, &app, (&path, &[READ, MANAGE]), app.now()).await?;
    let id = StreamId::parse(&at).ok_or(refused(StreamRefusal::Unknown))?;
    let mut ask = request::poll(&json_body(&req, body)?)?;
    let who = crate::stream::receiver(&client);
    let mut turn = None;
    let until = Instant::now() + WAIT;
    loop {
        let mut head = app.streams.head();
        head.borrow_and_update();
        let (now, issuer) = (app.now(), app.issuer().to_owned());
        let work = (id.clone(), who.clone(), client.id.clone(), ask.clone());
        let polled = app.store.write(move |tx| poll(tx, &work.0, &work.1, &work.2, &work.3, &issuer, now)).await?;
        let Polled::Found { sets, more } = polled else { return Err(refused(StreamRefusal::Unknown)) };
        // A second poll of this stream ends the first, with no sets. Only its own client gets as far as here.
        let turn = turn.get_or_insert_with(|| app.streams.turn(&id));
        if !sets.is_empty() || more || !ask.wait || app.streams.is_closed() {
            return found(&app, sets, more).await;
        }
        // What was acknowledged is written down.
        (ask.acknowledged, ask.refused) = (Vec::new(), Vec::new());
        loop {
            let woken = tokio::select! {
                woken = timeout_at(until, head.changed()) => matches!(woken, Ok(Ok(()))),
                () = turn.ended() => false,
            };
            if !woken || app.streams.is_closed() {
                return found(&app, Vec::new(), false).await;
            }
            // The client may have been suspended meanwhile: its events are held.
            let standing = app.authenticator.client(&client.id).await?;
            if standing.is_none_or(|client| client.status != Status::Active) {
                return found(&app, Vec::new(), false).await;
            }
            // Most news is for others: a look costs no write.
            let look = (id.clone(), who.clone());
            if app.store.read(move |tx| has_news(tx, &look.0, &look.1)).await? {
                break;
            }
        }
    }
}

/// Signs the tokens and answers.
async fn found(app: &App, sets: Vec<(String, Value)>, mut more: bool) -> Result<HttpResponse, ApiError> {
    // One at a time: a hundred at once would keep everybody else's signatures waiting.
    let (mut out, mut size) = (Map::new(), 0);
    for (jti, claims) in sets {
        let set = app.keys.sign(Alg::Rs256, Some(TYP), claims).await?;
        size += jti.len() + set.len() + 8;
        if size > LARGEST && !out.is_empty() {
            more = true;
            break;
        }
        out.insert(jti, set.into());
    }
    Ok(answer(HttpResponse::Ok()).json(json!({"sets": out, "moreAvailable": more})))
}
