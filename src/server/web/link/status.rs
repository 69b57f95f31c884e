//! `GET /link/{interaction}/call/status`: ④ polls this while the customer is on the telephone.

use super::{HandlerError, ScreenContext};
use crate::identity::{CallState, PurposeKind};
use crate::web::error::ApiError;
use crate::web::{App, Shared};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

/// Returns whether the call has come. Another browser gets the same as for an expired call window.
pub async fn get(req: HttpRequest, app: Shared, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    of(&req, &app, PurposeKind::Link, &id).await
}
/// The same for either kind of interaction.
pub(super) async fn of(req: &HttpRequest, app: &App, kind: PurposeKind, id: &str) -> Result<HttpResponse, ApiError> {
    let view = match ScreenContext::new(req, app, kind, id) {
        Ok(context) => app.identity.call_status(&context.visitor, context.now).await?,
        Err(HandlerError::Store(cause)) => return Err(cause.into()),
        Err(_) => None,
    };
    Ok(match view {
        Some(view) => {
            let left = if view.state == CallState::Expired { 0 } else { view.seconds_left };
            HttpResponse::Ok().json(json!({ "state": view.state.as_str(), "seconds_left": left }))
        }
        None => HttpResponse::Forbidden().json(json!({ "state": CallState::Expired.as_str(), "seconds_left": 0 })),
    })
}
