//! `GET|DELETE /oauth/grants/{grant_id}` (Grant Management for OAuth 2.0 §6): an app asks about one of its grants, or ends it.
//! `GET /oauth/grants/{grant_id}/receipt`: a signed receipt, also after the end (decision 23).

use super::error::{ApiError, log_failure};
use super::{App, Shared, limits, paths, protected, public};
use crate::client::Client;
use crate::clock::Instant;
use crate::grant::receipt::ReceiptParties;
use crate::grant::{manage, receipt};
use crate::id::GrantId;
use crate::keys::{jose, ring};
use crate::language::Language;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::sync::Arc;

/// A grant that is unknown, another client's or over. All three get this answer, so that nobody learns which grants exist.
const UNKNOWN: ApiError = ApiError::Unknown("this client has no such grant");

/// The client of a request, by a token with `scope`: its own, or one of its customers'.
async fn client(
    req: &HttpRequest,
    app: &App,
    (id, more, scope): (&str, &str, &str),
    now: Instant,
) -> Result<(Arc<Client>, GrantId), ApiError> {
    let path = format!("{}/{id}{more}", paths::GRANTS);
    let found = protected::token(req, &[], app, (&path, &[scope]), now).await?;
    let dead = || ApiError::Resource { refusal: protected::DEAD, dpop: false };
    // The client's own token is for this server alone; a customer's names it beside its other audiences.
    if found.token.aud.iter().all(|aud| aud != app.issuer()) {
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
    let (client, id) = client(&req, &app, (&id, "", "grant_management_query"), now).await?;
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
    let (client, id) = client(&req, &app, (&id, "", "grant_management_revoke"), now).await?;
    let of = client.id.clone();
    let work = move |tx: &mut crate::store::Tx<'_, '_>| manage::revoke(tx, &of, &id, now);
    // As by revocation: an end is not refused because the server is busy.
    if app.store.ending().write(work).await? {
        Ok(HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish())
    } else {
        Err(UNKNOWN)
    }
}

fn unsigned(cause: jose::Error) -> ApiError {
    log_failure(&cause);
    ApiError::Failed
}

/// `GET …/receipt`: the receipt of a grant that was redeemed once, signed as the client's id_token is.
///
/// # Errors
/// As for `GET`, but a grant that is over has a receipt too, while its record is kept.
pub async fn receipt(req: HttpRequest, app: Shared, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let (client, id) = client(&req, &app, (&id, "/receipt", "grant_management_query"), now).await?;
    let key = app.keys.current(client.id_token_alg).map_err(unsigned)?;
    let (of, kid) = (client.id.clone(), key.kid().to_owned());
    let found = app.store.read(move |tx| {
        let Some(found) = receipt::find(tx, &of, &id)? else { return Ok(None) };
        let kept = ring::stores_receipt_key(tx, &kid, found.ends_at())?;
        Ok(Some((found, kept)))
    });
    let (found, kept) = found.await?.ok_or(UNKNOWN)?;
    let (config, language) = (&app.config, Language::Ja);
    let provider = &client.provider;
    let parties = ReceiptParties {
        issuer: app.issuer(),
        institution: &config.institution.name,
        phone: &config.institution.phone,
        terms_url: &config.institution.terms_url,
        provider: client.provider_in(language),
        registration_number: provider.registration_number.as_deref(),
        contact: provider.contact.as_deref(),
        downstream: &provider.downstream,
        own_page: &format!("{}{}", app.issuer(), paths::MY),
        grants_endpoint: &format!("{}{}", app.issuer(), paths::GRANTS),
        retention: config.tokens.keep_consents.get(),
    };
    let signed = jose::sign(&key, Some(receipt::TYP), &found.claims(&parties, now)).map_err(unsigned)?;
    if !kept {
        // Before the receipt leaves: it must be verifiable however often the keys are rotated.
        let ends_at = found.ends_at();
        app.store.write(move |tx| ring::store_receipt_key(tx, &key, ends_at)).await?;
    }
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("application/consent-receipt+jwt")
        .body(signed))
}

/// `GET /oauth/receipt-keys`: a JWK set (RFC 7517 §5).
///
/// # Errors
/// The store's.
pub async fn receipt_keys(app: Shared) -> Result<HttpResponse, ApiError> {
    let keys = app.store.read(ring::receipt_keys).await?;
    Ok(public::answer().content_type("application/jwk-set+json").body(json!({"keys": keys}).to_string()))
}
