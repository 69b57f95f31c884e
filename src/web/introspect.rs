//! `POST /oauth/introspect` (RFC 7662 §2): the hot path. One query for the token, none that writes, no signature.

use super::Shared;
use super::asker;
use super::error::ApiError;
use super::extract::Form;
use crate::client::Profile;
use crate::token::{self, introspect};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

/// The handler. `token_type_hint` is not needed: a token's prefix says what it is.
///
/// # Errors
/// RFC 7662 §2.3: only about the caller and the form; whatever is wrong with the token is `{"active":false}`.
pub async fn post(req: HttpRequest, app: Shared, form: Form) -> Result<HttpResponse, ApiError> {
    let (now, Form(params)) = (app.now(), form);
    let caller = asker::client(&req, &app, &params, now).await?;
    let hash = token::access(params.need("token")?);
    let work = move |tx: &mut crate::store::Tx<'_, '_>| {
        // An app's `resources` are what it may ask for, not what it speaks for.
        let resources = if caller.profile == Profile::ResourceServer { caller.resources.as_slice() } else { &[] };
        introspect::introspect(tx, hash.as_ref(), introspect::Caller { client: &caller.id, resources }, now)
    };
    let seen = app.store.read(work).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(seen.response(app.issuer())))
}
