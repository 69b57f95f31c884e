//! `POST /oauth/revoke` (RFC 7009): an app calls it when its customer unlinks. Also outside service hours (G9).

use super::Shared;
use super::client_auth;
use super::error::ApiError;
use super::extract::Form;
use crate::token::revoke;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// The handler: 200, even if there was no such token (RFC 7009 §2.2). The body is for libraries that require JSON.
///
/// # Errors
/// RFC 7009 §2.2.1; `invalid_grant` for a token of another client (RFC 7009 §2.1).
pub async fn post(req: HttpRequest, app: Shared, form: Form) -> Result<HttpResponse, ApiError> {
    let (now, Form(params)) = (app.now(), form);
    let client = client_auth::client(&req, &app, &params, now).await?;
    let token = crate::secret::Secret::new(params.need("token")?);
    app.store.ending().write(move |tx| revoke::revoke(tx, token.reveal(), &client, now)).await??;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({})))
}
