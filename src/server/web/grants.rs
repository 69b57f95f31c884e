//! `GET|DELETE /oauth/grants/{grant_id}` (Grant Management for OAuth 2.0 §6): an app asks about one of its grants, or ends it.

use super::error::ApiError;
use super::{App, Shared, limits, paths, protected};
use crate::client::Client;
use crate::clock::Instant;
use crate::grant::manage;
use crate::id::GrantId;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// A grant that is unknown, another client's or over. All three get this answer, so that nobody learns which grants exist.
const UNKNOWN: ApiError = ApiError::Unknown("this client has no such grant");

/// The client of a request, by a token with `scope`: its own, or one of its customers'.
async fn client(
    req: &HttpRequest,
    app: &App,
    (id, scope): (&str, &str),
    now: Instant,
) -> Result<(Arc<Client>, GrantId), ApiError> {
    let path = format!("{}/{id}", paths::GRANTS);
    let found = protected::token(req, &[], app, (&path, &[scope]), now).await?;
    let dead = || ApiError::Resource { refusal: protected::DEAD, dpop: false };
    // A token without a grant is for this server alone; with one it also opens the account API.
    if found.grant.is_none() && found.token.aud != [app.issuer()] {
        return Err(dead());
    }
    let client = app.authenticator.client(&found.token.client).await?.ok_or_else(dead)?;
    limits::answer(app, &client, now).await?;
    Ok((client, GrantId::parse(id).ok_or(UNKNOWN)?))
}

/// `GET`
///
/// # Errors
/// 401 and 403 as for any protected resource; 404 for a grant that is not the client's or is over.
pub async fn get(req: HttpRequest, app: Shared, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let (client, id) = client(&req, &app, (&id, "grant_management_query"), now).await?;
    let of = client.id.clone();
    let found = app.store.read(move |tx| manage::query(tx, &of, &id, now)).await?;
    let status = found.ok_or(UNKNOWN)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(status.response()))
}

/// `GET` of the endpoint as metadata name it, without a grant.
///
/// # Errors
/// Always: 401 without a valid token, otherwise 404.
pub async fn unnamed(req: HttpRequest, app: Shared) -> Result<HttpResponse, ApiError> {
    let scopes = &["grant_management_query", "grant_management_revoke"];
    protected::token(&req, &[], &app, (paths::GRANTS, scopes), app.now()).await?;
    Err(UNKNOWN)
}

/// `DELETE`
///
/// # Errors
/// As for `GET`.
pub async fn delete(req: HttpRequest, app: Shared, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let (client, id) = client(&req, &app, (&id, "grant_management_revoke"), now).await?;
    let of = client.id.clone();
    let work = move |tx: &mut crate::store::Tx<'_, '_>| manage::revoke(tx, &of, &id, now);
    if app.store.write(work).await? {
        Ok(HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish())
    } else {
        Err(UNKNOWN)
    }
}
