//! `POST /oauth/register` (RFC 7591) and `GET|PUT|DELETE /oauth/register/{client_id}` (RFC 7592): apps register
//! themselves and manage their own record. Disabled unless `registration.enabled`.

use super::error::{ApiError, nothing_here};
use super::extract::header_values;
use super::{App, Shared, paths};
use crate::audit::Actor;
use crate::client::metadata::document;
use crate::client::registration::sql::{self, Managed, New, RegistrationResult};
use crate::client::registration::{initial, json, judge, judge_update, statement};
use crate::client::{Client, renew_secret};
use crate::id::{ClientId, EventId};
use crate::lifecycle::{self, BATCH};
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::{self, Hash, Secret, SecretKind};
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL};
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

type Body = Result<Bytes, actix_web::Error>;
type RegisterResult = Result<HttpResponse, ApiError>;

/// The same error for an unknown client and an invalid token (RFC 7592 §2).
const NO_TOKEN_OF_OURS: ApiError = ApiError::Resource {
    refusal: Refusal::new(ErrorCode::InvalidToken, "the token is unknown, has expired or was used up"),
    dpop: false,
};

const fn bad(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidClientMetadata, why)
}

/// The bearer token of a request (RFC 6750 §2.1): exactly one, in the header.
fn bearer(req: &HttpRequest, kind: SecretKind) -> Result<(Secret, Hash), ApiError> {
    let headers = header_values(req, AUTHORIZATION);
    let token = match headers.as_slice() {
        [] => return Err(ApiError::NoBearer),
        [one] => one.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")),
        _ => None,
    };
    let token = token.map(|(_, token)| token.trim_matches(' ')).ok_or(NO_TOKEN_OF_OURS)?;
    let hash = secret::presented(kind, token).ok_or(NO_TOKEN_OF_OURS)?;
    Ok((Secret::new(token), hash))
}

/// The record in a request (RFC 7591 §3.1): one JSON object.
fn record(req: &HttpRequest, body: Body) -> Result<Map<String, Value>, Refusal> {
    if !req
        .headers()
        .get("content-type")
        .and_then(|v| v.to_str().ok())
        .is_some_and(|t| t.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")))
    {
        return Err(bad("the body must be application/json"));
    }
    let body = body.map_err(|_| bad("the body is too long or broken"))?;
    json::parse(&body).ok_or(bad("the body must be one JSON object without duplicate members, at most 6 levels deep"))
}

/// The client information response (RFC 7591 §3.2.1, RFC 7592 §3).
fn client_information(
    app: &App,
    client: &Client,
    statement: Option<&str>,
    token: &Secret,
    secret: Option<&Secret>,
) -> Value {
    let mut out = document(client);
    out["registration_client_uri"] = format!("{}{}/{}", app.issuer(), paths::REGISTER, client.id).into();
    out["registration_access_token"] = token.reveal().into();
    if let Some(statement) = statement {
        out["software_statement"] = statement.into();
    }
    if let Some(secret) = secret {
        out["client_secret"] = secret.reveal().into();
        out["client_secret_expires_at"] = 0.into();
    }
    out
}

/// `POST /oauth/register`
///
/// # Errors
/// RFC 7591 §3.2.2; 401 without a valid initial access token.
pub async fn post(req: HttpRequest, app: Shared, body: Body) -> RegisterResult {
    if !app.config.registration.enabled {
        return Ok(nothing_here().await);
    }
    let now = app.now();
    let (_, hash) = bearer(&req, SecretKind::Initial)?;
    let initial = app.store.read(move |tx| initial::usable(tx, hash, now)).await?.ok_or(NO_TOKEN_OF_OURS)?;
    let mut sent = record(&req, body)?;
    let statement = statement::apply(&mut sent, &app.trust.load(), None, now)?;
    if ["client_id", "client_secret"].iter().any(|name| sent.get(*name).is_some_and(|v| !v.is_null())) {
        return Err(bad("client_id and client_secret are made by this server").into());
    }
    let id = ClientId::random(&*app.random);
    let mut client = judge(&sent, (id, initial.profile), None, &app.config.client_rules(), now)?;
    let secret = client.auth_method.is_secret().then(|| renew_secret(app.authenticator.secret_key(), &*app.random));
    client.secret = secret.as_ref().map(|(_, stored)| stored.clone());
    let token = secret::issue(SecretKind::Registration, &*app.random);
    let answer =
        client_information(&app, &client, statement.as_deref(), &token, secret.as_ref().map(|(plain, _)| plain));
    let new = New { client, token: token.hash(), statement, initial: initial.id };
    let (most, event) = (app.config.registration.pending_most, EventId::random(&*app.random));
    match app.store.write(move |tx| sql::create(tx, &new, most, &event, now)).await? {
        RegistrationResult::Yes => Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(answer)),
        RegistrationResult::Spent => Err(NO_TOKEN_OF_OURS),
        RegistrationResult::Full => {
            Err(Refusal::new(ErrorCode::TemporarilyUnavailable, "too many apps wait for approval").into())
        }
    }
}

/// The client id in the path, and the registration access token.
fn manager(req: &HttpRequest, app: &App, id: &str) -> Result<(ClientId, Secret, Hash), ApiError> {
    let (token, hash) = bearer(req, SecretKind::Registration)?;
    // Same error whether the client, its token or the feature does not exist.
    let id = ClientId::parse(id).filter(|_| app.config.registration.enabled).ok_or(NO_TOKEN_OF_OURS)?;
    Ok((id, token, hash))
}

/// The current record, and the change that waits for approval.
fn managed(app: &App, managed: &Managed, token: &Secret, secret: Option<&Secret>) -> HttpResponse {
    let mut out = client_information(app, &managed.client, managed.statement.as_deref(), token, secret);
    if let Some(wanted) = &managed.proposed {
        out["change_pending"] = document(wanted);
    }
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(out)
}

/// `GET /oauth/register/{client_id}` (RFC 7592 §2.1)
///
/// # Errors
/// 401 for an unknown client and an invalid token alike.
pub async fn get(req: HttpRequest, app: Shared, id: Path<String>) -> RegisterResult {
    let (id, token, hash) = manager(&req, &app, &id)?;
    let found = app.store.read(move |tx| sql::load(tx, &id, &hash)).await?.ok_or(NO_TOKEN_OF_OURS)?;
    Ok(managed(&app, &found, &token, None))
}

/// `PUT /oauth/register/{client_id}` (RFC 7592 §2.2)
///
/// # Errors
/// As [`get`]; RFC 7591 §3.2.2; 403 while the client is suspended.
pub async fn put(req: HttpRequest, app: Shared, id: Path<String>, body: Body) -> RegisterResult {
    let (id, token, hash) = manager(&req, &app, &id)?;
    let (now, wanted_id) = (app.now(), id.clone());
    // Authenticate first: the body of an unknown caller is not parsed.
    let known = app.store.read(move |tx| sql::load(tx, &wanted_id, &hash)).await?;
    let known = known.ok_or(NO_TOKEN_OF_OURS)?;
    let mut sent = record(&req, body)?;
    let statement = statement::apply(&mut sent, &app.trust.load(), known.statement.as_deref(), now)?;
    let key = app.authenticator.secret_key().clone();
    let made = renew_secret(&key, &*app.random);
    let (rules, stored) = (app.config.client_rules(), made.1.clone());
    let written = app.store.write(move |tx| {
        let Some(standing) = sql::load(tx, &id, &hash)? else { return Ok(Err(NO_TOKEN_OF_OURS)) };
        let wanted = match judge_update(&sent, &standing.client, &rules, (&key, &stored), now) {
            Ok(wanted) => wanted,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let renewed = wanted.secret != standing.client.secret;
        sql::change(tx, &standing, &wanted, statement.as_deref(), now)?;
        Ok(sql::load(tx, &id, &hash)?.map(|now| (now, renewed)).ok_or(NO_TOKEN_OF_OURS))
    });
    let (standing, renewed) = written.await??;
    Ok(managed(&app, &standing, &token, renewed.then_some(&made.0)))
}

/// `DELETE /oauth/register/{client_id}` (RFC 7592 §2.3): at once nothing of the client is valid any more. Its grants
/// end in batches; after a crash the sweeper ends the rest.
///
/// # Errors
/// As [`get`].
pub async fn delete(req: HttpRequest, app: Shared, id: Path<String>) -> RegisterResult {
    let (id, _, hash) = manager(&req, &app, &id)?;
    let (now, event) = (app.now(), EventId::random(&*app.random));
    // An ending: it works when the disk is full.
    let store = app.store.ending();
    let ended = store.write(move |tx| {
        if sql::load(tx, &id, &hash)?.is_none() {
            return Ok(false);
        }
        sql::end(tx, &id, &Actor::Client(id.clone()), &event, now).map(|()| true)
    });
    if !ended.await? {
        return Err(NO_TOKEN_OF_OURS);
    }
    while store.write(move |tx| lifecycle::client::unlink(tx, now, BATCH)).await? >= BATCH.unsigned_abs() {}
    Ok(HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish())
}
