//! `POST /oauth/token` (RFC 6749 §3.2): exchanges a code, a refresh token or client credentials for an access token.

use super::client_auth::{self, KnownClient};
use super::error::ApiError;
use super::extract::Form;
use super::paths;
use super::{App, Shared};
use crate::client::GrantType;
use crate::client::replay::UsedBefore;
use crate::clock::Instant;
use crate::lifecycle::notice;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::store;
use crate::token::{self, Issued, Minted, TokenBinding, TokenRequest, id_token, unanswered};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// The handler.
///
/// # Errors
/// RFC 6749 §5.2; 401 only with `invalid_client`; 429 if the client sends too many requests a second.
pub async fn post(req: HttpRequest, app: Shared, form: Form) -> Result<HttpResponse, ApiError> {
    let (now, params) = (app.now(), Arc::new(form.0));
    let known = client_auth::known(&req, &app, &params, paths::TOKEN, now).await?;
    let (binding, grant_type) = match asked(&req, &app, &params, &known) {
        Ok(asked) => asked,
        Err(refused) => return Err(known.refuse(&req, &app, refused).await),
    };
    let (client, once) = (known.client().clone(), known.uses_once());
    let minted = Minted::draw(now, &*app.random);
    let issued = {
        let (client, minted, params) = (client.clone(), minted.clone(), params.clone());
        let (config, own_scopes) = (app.config.tokens.clone(), app.config.own_scopes());
        let issuer = app.issuer().to_owned();
        let key = unanswered::key(&params, &minted);
        let undo = {
            let (minted, params, clock) = (minted.clone(), params.clone(), app.clock.clone());
            move |tx: &mut store::Tx<'_, '_>, issued: &Result<Result<Issued, Refusal>, UsedBefore>| match issued {
                Ok(Ok(issued)) => take_back(tx, issued, &minted, &params, clock.now()),
                Ok(Err(_)) | Err(_) => Ok(()),
            }
        };
        let work = move |tx: &mut store::Tx<'_, '_>| {
            if let Some(replayed) = once.claim(tx)? {
                return Ok(Err(replayed));
            }
            let default_audience = config.default_audience.as_str();
            let ask = TokenRequest {
                client: &client,
                params: &params,
                binding,
                minted: &minted,
                default_audience,
                open_grants: config.open_grants,
                issuer: &issuer,
            };
            let issued = match grant_type {
                GrantType::AuthorizationCode => redeem(tx, ask, now),
                GrantType::RefreshToken => token::refresh(tx, ask, now),
                GrantType::ClientCredentials => token::client_credentials::issue(tx, ask, &own_scopes, now),
            };
            issued.map(Ok)
        };
        let issued = app.store.write_or_undo(key, work, undo).await?;
        issued.map_err(|replayed| known.replayed(&req, replayed))??
    };
    let id_token = if let Some(grant) = issued.grant.as_ref().filter(|_| issued.scope.has("openid")) {
        let lifetime = app.config.tokens.id_token_lifetime.get();
        let of = (&issued, grant);
        let signed = id_token::sign(&app.keys, client.id_token_alg, of, app.issuer(), &minted.access, lifetime).await;
        match signed {
            Ok(signed) => Some(signed),
            Err(cause) => {
                // The client gets no token, so its code must be good for another request.
                let clock = app.clock.clone();
                app.store.ending().write(move |tx| take_back(tx, &issued, &minted, &params, clock.now())).await?;
                return Err(cause.into());
            }
        }
    } else {
        None
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
    if known.key()?.is_some() && app.config.tokens.dpop_nonce_required {
        // So the next proof can have a nonce without a refusal first (RFC 9449 §8.2).
        answer.insert_header(("DPoP-Nonce", app.authenticator.dpop_nonce(now)));
    }
    Ok(answer.json(issued.response(&minted, id_token)))
}

/// What the request asks for, as far as it can be said without the store.
fn asked(
    req: &HttpRequest,
    app: &App,
    params: &Params,
    known: &KnownClient,
) -> Result<(Option<TokenBinding>, GrantType), ApiError> {
    let client = known.client();
    let binding = client_auth::bound(req, app, client, known.key()?)?;
    let Some(grant_type) = GrantType::parse(params.need("grant_type")?) else {
        return Err(Refusal::new(ErrorCode::UnsupportedGrantType, "this grant_type is not supported").into());
    };
    if !client.may(grant_type) {
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, "the client may not use this grant_type").into());
    }
    Ok((binding, grant_type))
}

/// A link is complete only when its code is redeemed. So the notice is released here, in the same transaction
/// (requirements.md#notices).
fn redeem(tx: &mut store::Tx<'_, '_>, ask: TokenRequest<'_>, now: Instant) -> store::Result<Result<Issued, Refusal>> {
    let issued = token::exchange(tx, ask, now)?;
    if let Ok(Issued { grant: Some(grant), .. }) = &issued {
        notice::release(tx, &grant.id, now)?;
    }
    Ok(issued)
}

/// Undoes a redemption whose response no client received. The link is not complete, so the notice is held again.
fn take_back(
    tx: &mut store::Tx<'_, '_>,
    issued: &Issued,
    minted: &Minted,
    params: &Params,
    now: Instant,
) -> store::Result<()> {
    match &issued.grant {
        Some(grant) if unanswered::undo(tx, issued, minted, params, now)? => notice::put_on_hold(tx, &grant.id),
        _ => Ok(()),
    }
}
