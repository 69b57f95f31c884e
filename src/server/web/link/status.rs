//! `GET /link/{interaction}/call/status`: what ④ asks while the customer is on the telephone.

use super::{Counter, Stop};
use crate::identity::CallState;
use crate::web::Shared;
use crate::web::error::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

/// Says whether the call was seen. Another browser hears what everybody hears of a window that has passed.
pub async fn get(req: HttpRequest, app: Shared, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let view = match Counter::new(&req, &app, &id) {
        Ok(counter) => app.desk.call_status(&counter.visitor, counter.now).await?,
        Err(Stop::Store(cause)) => return Err(cause.into()),
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
