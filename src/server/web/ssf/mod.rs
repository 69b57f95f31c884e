//! The transmitter of the Shared Signals Framework 1.0 (docs/events.md): its metadata, and the endpoints by which receivers manage
//! their streams and poll.

pub mod poll;
pub mod status;
pub mod streams;

use super::error::ApiError;
use super::{App, Shared, limits, paths, protected};
use crate::client::Client;
use crate::clock::Instant;
use crate::refusal::Refusal;
use crate::stream::manage::StreamRefusal;
use crate::stream::{POLL, PUSH, VERIFICATION_INTERVAL};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::sync::Arc;

/// The scope that lets a client read its streams, and poll.
const READ: &str = "ssf.read";
/// The scope that lets it change them; whoever may change may read.
const MANAGE: &str = "ssf.manage";

/// `GET /.well-known/ssf-configuration` (SSF 1.0 §7.1). There are no endpoints to add or remove subjects: a removed subject
/// would be a revocation that nobody hears.
pub async fn metadata(app: Shared) -> HttpResponse {
    let at = |path: &str| format!("{}{path}", app.issuer());
    super::public::answer().json(json!({
        "spec_version": "1_0",
        "issuer": app.issuer(),
        "jwks_uri": at(paths::JWKS),
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": at(paths::STREAMS),
        "status_endpoint": at(paths::STREAM_STATUS),
        "verification_endpoint": at(paths::STREAM_VERIFY),
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }))
}

/// The client of a request: its own token (RFC 6749 §4.4) with one of `scopes`.
async fn receiver(
    req: &HttpRequest,
    app: &App,
    (path, scopes): (&str, &[&str]),
    now: Instant,
) -> Result<Arc<Client>, ApiError> {
    let found = protected::token(req, &[], app, (path, scopes), now).await?;
    let refused = || ApiError::Resource { refusal: protected::DEAD, dpop: false };
    // Only the client's own token has these scopes, and only this server is its audience.
    if found.grant.is_some() || found.token.aud != [app.issuer()] {
        return Err(refused());
    }
    let client = app.authenticator.client(&found.token.client).await?.ok_or_else(refused)?;
    limits::answer(app, &client, now).await?;
    Ok(client)
}

/// The body of a request in JSON.
fn json_body(req: &HttpRequest, body: Result<actix_web::web::Bytes, actix_web::Error>) -> Result<Vec<u8>, Refusal> {
    let content_type = req.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_json = content_type.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(Refusal::invalid_request("the body must be application/json"));
    }
    body.map(|body| body.to_vec()).map_err(|_| Refusal::invalid_request("the body is too long or broken"))
}

fn refused(refusal: StreamRefusal) -> ApiError {
    match refusal {
        StreamRefusal::Unknown => ApiError::Unknown("this client has no such stream"),
        StreamRefusal::TooMany => ApiError::Conflict("this client has as many streams as it may have"),
        StreamRefusal::Stopped => ApiError::Forbidden("the institution has stopped this stream"),
        StreamRefusal::TooOften => ApiError::TooMany {
            why: "a verification was asked for less than min_verification_interval ago",
            wait: VERIFICATION_INTERVAL,
        },
    }
}

/// A failure of ours that has no other name.
fn failed(cause: &dyn std::error::Error) -> ApiError {
    super::error::log_failure(cause);
    ApiError::Failed
}

/// Answers are a client's own.
fn answer(mut builder: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    builder.insert_header((CACHE_CONTROL, "no-store"));
    builder
}

/// The `stream_id` of a query. An access token in a query is not looked at (RFC 6750 §2.3).
fn stream_id(req: &HttpRequest) -> Result<Option<crate::id::StreamId>, ApiError> {
    let params = super::extract::query(req)?;
    Ok(params.get("stream_id").map(|id| crate::id::StreamId::parse(id).unwrap_or_else(crate::id::StreamId::none)))
}
