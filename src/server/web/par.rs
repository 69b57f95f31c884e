//! `POST /oauth/par` (RFC 9126): the client pushes its request before a browser is involved.

use super::client_auth::{self, KnownClient};
use super::error::ApiError;
use super::extract::Form;
use super::{App, Shared, limits, object, paths};
use crate::authorize::{AuthorizationRequest, RequestInput, RequestSource, RequestUri, check, sql};
use crate::clock::Instant;
use crate::consent::ACR;
use crate::params::Params;
use crate::token::TokenBinding;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// The handler.
///
/// # Errors
/// RFC 9126 §2.3: the codes of RFC 6749 §4.1.2.1 in JSON, 401 only with `invalid_client`; 429 if the client reached one
/// of its limits.
pub async fn post(req: HttpRequest, app: Shared, form: Form) -> Result<HttpResponse, ApiError> {
    let (now, Form(params)) = (app.now(), form);
    // A proof here binds the code to its key (RFC 9449 §10.1). It is optional, because dpop_jkt does the same.
    let known = client_auth::known(&req, &app, &params, paths::PAR, now).await?;
    limits::push(&app, known.client(), now).await?;
    let request = match checked(&app, &params, &known, now).await {
        Ok(request) => request,
        Err(refused) => return Err(known.refuse(&req, &app, refused).await),
    };
    let uri = RequestUri::random(&*app.random);
    let (id, lifetime) = (uri.id(), app.config.tokens.request_lifetime.get());
    let once = known.uses_once();
    let pushed = app.store.write(move |tx| match once.claim(tx)? {
        Some(replayed) => Ok(Err(replayed)),
        None => sql::push(tx, id, &request, now, now + lifetime).map(Ok),
    });
    pushed.await?.map_err(|replayed| known.replayed(&req, replayed))?;
    let mut answer = HttpResponse::Created();
    if known.key()?.is_some() && app.config.tokens.dpop_nonce_required {
        // The next proof can carry it without a first refusal (RFC 9449 §8.2).
        answer.insert_header(("DPoP-Nonce", app.authenticator.dpop_nonce(now)));
    }
    Ok(answer.json(json!({ "request_uri": uri.reveal(), "expires_in": lifetime.as_secs() })))
}

/// The request, if the client may make it.
async fn checked(
    app: &App,
    params: &Params,
    known: &KnownClient,
    now: Instant,
) -> Result<AuthorizationRequest, ApiError> {
    let (client, proved) = (known.client(), known.key()?);
    TokenBinding::one(client, proved)?;
    let came = RequestInput {
        params,
        signed: None,
        client,
        source: RequestSource::Pushed { proof_jkt: proved },
        acr: ACR,
        default_audience: &app.config.tokens.default_audience,
        issuer: app.issuer(),
        keys: &app.keys,
    };
    let signed = object::open(app, &came, now).await?;
    let request = check(&RequestInput { signed: signed.as_ref(), ..came })?;
    match app.linking.refuses(client, &request, now).await? {
        Some(refusal) => Err(refusal.into()),
        None => Ok(request),
    }
}
