//! Client authentication and DPoP proof at the endpoints for apps and resource servers, in this order, so that a caller
//! without credentials cannot make us store a proof.

use super::App;
use super::client_cert;
use super::error::ApiError;
use super::extract::header_values;
use super::limits;
use super::notes;
use crate::client::dpop::{Input, Proof};
use crate::client::replay::{UsedBefore, UsedOnce};
use crate::client::{self, Authenticated, Client, PROOF_REPLAYED, PresentedCredentials, RecordVersion};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::thumbprint::Thumbprint;
use crate::token::{NO_CERTIFICATE, ProofOfPossession, TokenBinding};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};
use std::sync::Arc;

/// Authenticates a client for introspection or revocation (RFC 6749 §2.3); works when the disk is full. A refusal is
/// 401 and, if `Authorization` was used, names the scheme (RFC 6749 §5.2).
///
/// # Errors
/// `invalid_client`, `invalid_request`, or the server is busy.
pub async fn client(req: &HttpRequest, app: &App, params: &Params, now: Instant) -> Result<Arc<Client>, ApiError> {
    client_with(req, app, params, None, now).await
}

/// [`client()`] for a request whose caller the store was asked about already, with the result.
///
/// # Errors
/// Those of [`client()`].
pub async fn client_with(
    req: &HttpRequest,
    app: &App,
    params: &Params,
    version: Option<&RecordVersion>,
    now: Instant,
) -> Result<Arc<Client>, ApiError> {
    let who = identified(req, app, params, version, now).await?;
    let spent = app.authenticator.spend(&who).await;
    spent.map_err(|refused| notes::refused_client(req, refused))?;
    Ok(who.client)
}

/// An authenticated client that is within its limit. Its assertion and its proof are not used up yet.
pub struct KnownClient {
    authenticated: Authenticated,
    proof: Result<Option<Proof>, ApiError>,
}
impl KnownClient {
    /// The client.
    #[must_use]
    pub const fn client(&self) -> &Arc<Client> {
        &self.authenticated.client
    }
    /// The thumbprint of the key that the request proves to possess; `None` without a proof.
    ///
    /// # Errors
    /// `invalid_dpop_proof`.
    pub fn key(&self) -> Result<Option<Thumbprint>, ApiError> {
        self.proof.as_ref().map(|proof| proof.as_ref().map(|proof| proof.jkt)).map_err(ApiError::clone)
    }
    /// What the request uses up: to be claimed in the transaction of what it does.
    #[must_use]
    pub fn uses_once(&self) -> UsedOnce {
        self.authenticated.uses_once(self.proof.as_ref().ok().and_then(Option::as_ref))
    }
    /// What the caller reads whose assertion or proof was used before.
    #[must_use]
    pub fn replayed(&self, req: &HttpRequest, what: UsedBefore) -> ApiError {
        match what {
            UsedBefore::Assertion => notes::refused_client(req, self.authenticated.replayed()).into(),
            UsedBefore::Proof => PROOF_REPLAYED.into(),
        }
    }
    /// Uses up the assertion and the proof of a request that does nothing, because it is refused: neither may come again. Returns what
    /// the caller reads.
    pub async fn refuse(&self, req: &HttpRequest, app: &App, refused: ApiError) -> ApiError {
        let once = self.uses_once();
        if once.is_empty() {
            return refused;
        }
        match app.store.write(move |tx| once.claim(tx)).await {
            Ok(None) => refused,
            Ok(Some(replayed)) => self.replayed(req, replayed),
            Err(cause) => cause.into(),
        }
    }
}

/// Authenticates the client and checks its proof and its limit; writes nothing. A client that gets a nonce (RFC 9449
/// §8) retries with the same assertion, so that request uses up nothing.
///
/// # Errors
/// Those of [`client()`]; `use_dpop_nonce`; [`ApiError::TooMany`].
pub async fn known(
    req: &HttpRequest,
    app: &App,
    params: &Params,
    path: &str,
    now: Instant,
) -> Result<KnownClient, ApiError> {
    let who = identified(req, app, params, None, now).await?;
    let proof = checked(req, app, path, None, now);
    if let Err(nonce @ ApiError::UseNonce(_)) = proof {
        return Err(nonce);
    }
    limits::answer(app, &who.client, now).await?;
    Ok(KnownClient { authenticated: who, proof })
}

/// The client that a request names with a secret; nothing is checked. Other credentials may need a fetch of the client's keys, and what
/// was read before that would be old.
#[must_use]
pub fn named(req: &HttpRequest, params: &Params) -> Option<ClientId> {
    let authorization = &header_values(req, header::AUTHORIZATION)[..];
    client::named(&PresentedCredentials { authorization, params, certificate: None, version: None })
}

async fn identified(
    req: &HttpRequest,
    app: &App,
    params: &Params,
    version: Option<&RecordVersion>,
    now: Instant,
) -> Result<Authenticated, ApiError> {
    let headers = header_values(req, header::AUTHORIZATION);
    let certificate = client_cert::presented(req, app, now);
    let presented =
        PresentedCredentials { authorization: &headers, params, certificate: certificate.as_ref(), version };
    match client::identify(&app.authenticator, &presented, now).await {
        Ok(who) => {
            notes::client(req, &who.client.id);
            Ok(who)
        }
        Err(refused) => Err(match notes::refused_client(req, refused) {
            refusal if refusal.code == ErrorCode::InvalidClient && !headers.is_empty() => {
                ApiError::BasicRefused(refusal)
            }
            refusal => refusal.into(),
        }),
    }
}

/// The thumbprint of the key that a request proves to possess (RFC 9449 §5); `None` without a proof. `path` is the
/// endpoint's path, `token` the access token of the request at a protected resource.
///
/// # Errors
/// `invalid_dpop_proof`; `use_dpop_nonce` with the nonce.
pub async fn proof(
    req: &HttpRequest,
    app: &App,
    path: &str,
    token: Option<&str>,
    now: Instant,
) -> Result<Option<Thumbprint>, ApiError> {
    spent(app, checked(req, app, path, token, now)?).await
}

fn checked(
    req: &HttpRequest,
    app: &App,
    path: &str,
    token: Option<&str>,
    now: Instant,
) -> Result<Option<Proof>, ApiError> {
    let headers = header_values(req, HeaderName::from_static("dpop"));
    let bases = [Some(app.issuer()), app.config.server.mtls_base_url.as_deref()];
    let urls: Vec<String> = bases.into_iter().flatten().map(|base| format!("{base}{path}")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let input = Input { headers: &headers, method: req.method().as_str(), urls: &urls, token };
    app.authenticator.dpop(&input, now).map_err(|refusal| match refusal.code {
        ErrorCode::UseDpopNonce => ApiError::UseNonce(app.authenticator.dpop_nonce(now)),
        _ => refusal.into(),
    })
}

async fn spent(app: &App, proof: Option<Proof>) -> Result<Option<Thumbprint>, ApiError> {
    match proof {
        Some(proof) => Ok(Some(app.authenticator.spend_proof(&proof).await?)),
        None => Ok(None),
    }
}

/// What the token of a request is bound to: [`TokenBinding::of`] the proved keys.
///
/// # Errors
/// Those of [`TokenBinding::of`].
pub fn bound(
    req: &HttpRequest,
    app: &App,
    client: &Client,
    key: Option<Thumbprint>,
) -> Result<Option<TokenBinding>, Refusal> {
    let certificate = if client.certificate_bound { client_cert::thumbprint(req, app) } else { None };
    let aliases = app.config.server.mtls_base_url.is_some();
    TokenBinding::of(client, ProofOfPossession { key, certificate }).map_err(|refusal| {
        match refusal == NO_CERTIFICATE {
            true if aliases => Refusal::invalid_request(
                "this client must present its certificate: use the endpoints of mtls_endpoint_aliases in the metadata",
            ),
            _ => refusal,
        }
    })
}
