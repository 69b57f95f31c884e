//! `/ssf/status` and `/ssf/verify` (SSF 1.0 §8.1.2, §8.1.4).

use super::{MANAGE, READ, answer, json_body, receiver, refused, stream_id};
use crate::refusal::Refusal;
use crate::stream::manage::{self, StreamRefusal, new_jti};
use crate::stream::{Stream, request};
use crate::web::error::ApiError;
use crate::web::{Shared, paths};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

fn shown(stream: &Stream) -> Value {
    let mut out = json!({"stream_id": stream.id, "status": stream.status.as_str()});
    if let Some(reason) = &stream.reason {
        out["reason"] = reason.as_str().into();
    }
    out
}

/// `GET /ssf/status?stream_id=…`
///
/// # Errors
/// 400 without an id; 404 for an unknown stream.
pub async fn get(req: HttpRequest, app: Shared) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let id = stream_id(&req)?;
    let client = receiver(&req, &app, (paths::STREAM_STATUS, &[READ, MANAGE]), now).await?;
    let id = id.ok_or(Refusal::invalid_request("stream_id is missing"))?;
    let found = app.store.read(move |tx| manage::of_client(tx, &client.id, &id)).await?;
    let stream = found.ok_or(refused(StreamRefusal::Unknown))?;
    Ok(answer(HttpResponse::Ok()).json(shown(&stream)))
}

/// `POST /ssf/status`
///
/// # Errors
/// 400 for a broken request; 403 for a stream that the institution has stopped; 404 for an unknown one.
pub async fn post(
    req: HttpRequest,
    app: Shared,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let client = receiver(&req, &app, (paths::STREAM_STATUS, &[MANAGE]), now).await?;
    let asked = request::status(&json_body(&req, body)?)?;
    let jti = new_jti(&*app.random);
    let write = app.store.write(move |tx| manage::set_status(tx, &client.id, &asked, &jti, now));
    let stream = write.await?.map_err(refused)?;
    app.streams.wake();
    Ok(answer(HttpResponse::Ok()).json(shown(&stream)))
}

/// `POST /ssf/verify`
///
/// # Errors
/// 400 for a broken request; 404 for an unknown stream; 429 before `min_verification_interval` is over.
pub async fn verify(
    req: HttpRequest,
    app: Shared,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let client = receiver(&req, &app, (paths::STREAM_VERIFY, &[MANAGE]), now).await?;
    let (id, state) = request::verification(&json_body(&req, body)?)?;
    let jti = new_jti(&*app.random);
    let write = app.store.write(move |tx| manage::verify(tx, &client.id, &id, state.as_deref(), &jti, now));
    write.await?.map_err(refused)?;
    app.streams.wake();
    Ok(answer(HttpResponse::NoContent()).finish())
}
