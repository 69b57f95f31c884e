//! `/ssf/streams`: create, read, update, replace and delete a stream (SSF 1.0 §8.1.1).

use super::{MANAGE, READ, answer, failed, json_body, receiver, refused, stream_id};
use crate::client::Client;
use crate::refusal::Refusal;
use crate::stream::manage::{self, PreparedStream};
use crate::stream::{self, Stream, StreamDelivery, VERIFICATION_INTERVAL, request};
use crate::web::error::ApiError;
use crate::web::{App, Shared, paths};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

type StreamResult = Result<HttpResponse, ApiError>;

/// The configuration of a stream as its receiver reads it. The authorization header is never shown.
fn shown(app: &App, client: &Client, s: &Stream) -> Value {
    let who = stream::receiver(client);
    let delivery = match &s.delivery {
        StreamDelivery::Push { endpoint, .. } => json!({"method": s.delivery.method(), "endpoint_url": endpoint}),
        StreamDelivery::Poll => {
            let endpoint = format!("{}{}/{}", app.issuer(), paths::STREAM_POLL, s.id);
            json!({"method": s.delivery.method(), "endpoint_url": endpoint})
        }
    };
    let mut out = json!({
        "stream_id": s.id,
        "iss": app.issuer(),
        "aud": s.client,
        "delivery": delivery,
        "events_supported": stream::supported(&who, app.issuer()),
        "events_delivered": stream::delivered(&who, &s.requested, app.issuer()),
        "min_verification_interval": VERIFICATION_INTERVAL.as_secs(),
    });
    if !s.requested.is_empty() {
        out["events_requested"] = json!(s.requested);
    }
    if let Some(description) = &s.description {
        out["description"] = description.as_str().into();
    }
    // What nobody polls is disabled after this time (SSF 1.0 §8.1.1). Push streams are not polled.
    if s.delivery == StreamDelivery::Poll {
        out["inactivity_timeout"] = app.config.events.hold.get().as_secs().into();
    }
    out
}

async fn prepared(
    req: &HttpRequest,
    app: &App,
    client: &Client,
    body: Result<Bytes, actix_web::Error>,
    change: bool,
) -> Result<PreparedStream, ApiError> {
    let asked = request::stream(&json_body(req, body)?, client, app.issuer())?;
    if change != asked.id.is_some() {
        let why = if change { "stream_id is missing" } else { "stream_id is given by this server" };
        return Err(Refusal::invalid_request(why).into());
    }
    PreparedStream::new(asked, &app.sealer, &*app.random).map_err(|cause| failed(&cause))
}

/// `POST /ssf/streams`
///
/// # Errors
/// 400 for a broken configuration; 409 if the client has as many streams as it may have.
pub async fn post(req: HttpRequest, app: Shared, body: Result<Bytes, actix_web::Error>) -> StreamResult {
    let now = app.now();
    let client = receiver(&req, &app, (paths::STREAMS, &[MANAGE]), now).await?;
    let new = prepared(&req, &app, &client, body, false).await?;
    let own = client.clone();
    let created = app.store.write(move |tx| manage::create(tx, &own, &new, now)).await?.map_err(refused)?;
    app.streams.wake();
    Ok(answer(HttpResponse::Created()).json(shown(&app, &client, &created)))
}

/// `GET /ssf/streams`: one by `stream_id`, or all as a list.
///
/// # Errors
/// 404 for an unknown stream.
pub async fn get(req: HttpRequest, app: Shared) -> StreamResult {
    let now = app.now();
    let id = stream_id(&req)?;
    let client = receiver(&req, &app, (paths::STREAMS, &[READ, MANAGE]), now).await?;
    let own = client.id.clone();
    let most = i64::from(client.events.streams).max(64);
    let found = app.store.read(move |tx| stream::sql::list(tx, Some(&own), most)).await?;
    Ok(match id {
        None => {
            answer(HttpResponse::Ok()).json(found.iter().map(|stream| shown(&app, &client, stream)).collect::<Vec<_>>())
        }
        Some(id) => {
            let stream = found.iter().find(|stream| stream.id == id);
            let stream = stream.ok_or(refused(manage::StreamRefusal::Unknown))?;
            answer(HttpResponse::Ok()).json(shown(&app, &client, stream))
        }
    })
}

/// `PATCH /ssf/streams`
///
/// # Errors
/// 400 for a broken configuration; 404 for an unknown stream.
pub async fn patch(req: HttpRequest, app: Shared, body: Result<Bytes, actix_web::Error>) -> StreamResult {
    changed(req, app, body, false).await
}

/// `PUT /ssf/streams`
///
/// # Errors
/// Those of [`patch`].
pub async fn put(req: HttpRequest, app: Shared, body: Result<Bytes, actix_web::Error>) -> StreamResult {
    changed(req, app, body, true).await
}

async fn changed(req: HttpRequest, app: Shared, body: Result<Bytes, actix_web::Error>, replace: bool) -> StreamResult {
    let now = app.now();
    let client = receiver(&req, &app, (paths::STREAMS, &[MANAGE]), now).await?;
    let new = prepared(&req, &app, &client, body, true).await?;
    let own = client.clone();
    let stream = app.store.write(move |tx| manage::change(tx, &own, &new, replace, now)).await?.map_err(refused)?;
    Ok(answer(HttpResponse::Ok()).json(shown(&app, &client, &stream)))
}

/// `DELETE /ssf/streams?stream_id=…`
///
/// # Errors
/// 400 without an id; 404 for an unknown stream.
pub async fn delete(req: HttpRequest, app: Shared) -> StreamResult {
    let now = app.now();
    let id = stream_id(&req)?;
    let client = receiver(&req, &app, (paths::STREAMS, &[MANAGE]), now).await?;
    let id = id.ok_or(Refusal::invalid_request("stream_id is missing"))?;
    let own = client.id.clone();
    app.store.ending().write(move |tx| manage::delete(tx, &own, &id, now)).await?.map_err(refused)?;
    Ok(answer(HttpResponse::NoContent()).finish())
}
