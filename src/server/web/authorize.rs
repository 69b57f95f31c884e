//! `GET|POST /oauth/authorize` (RFC 6749 §3.1): a browser brings a request. The response is always 303 to the first
//! screen of an interaction, the response to the app, or an error page (RFC 6749 §4.1.2.1).

use super::error::log_failure;
use super::extract::{self, BrowserForm};
use super::link::begun;
use super::notes::{self, RefusedRequest};
use super::{App, Shared, cookie, object, page, paths};
use crate::authorize::{
    self, AuthorizationRequest, AuthorizationResponse, Destination, Outcome, RequestInput, RequestSource, RequestUri,
    sql,
};
use crate::client::{Client, Status};
use crate::clock::Instant;
use crate::consent::ACR;
use crate::id::ClientId;
use crate::identity::{AnsweredRequest, BrowserNetwork, Purpose, Recalled, StartRequest};
use crate::keys::jose;
use crate::linking::{self, PromptNone};
use crate::pages::Language;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::Hash;
use crate::store;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// The parameters that stand in a request once, and the names of those that stand there more often.
type Received = Result<(Params, Vec<String>), Refusal>;

/// `GET`
pub async fn get(req: HttpRequest, app: Shared) -> HttpResponse {
    let params = Params::parse_repeated(req.query_string());
    answer(&req, &app, params).await
}

/// `POST`, required by OpenID Connect Core §3.1.2.1.
pub async fn post(req: HttpRequest, app: Shared, form: Result<BrowserForm, super::error::ApiError>) -> HttpResponse {
    let unread = Refusal::invalid_request("the body is not a form");
    let params = form.map(|BrowserForm(params, repeated)| (params, repeated)).map_err(|_| unread);
    answer(&req, &app, params).await
}

/// Why a request does not start an interaction.
enum AuthorizeError {
    /// An error page: there is no verified redirect_uri.
    Page(Refusal),
    /// An error response to the app.
    Answer(Arc<Client>, Result<AuthorizationResponse, jose::Error>, Option<Refusal>),
    /// The store, sealing or signing failed.
    Failed(linking::Error),
}
impl From<Refusal> for AuthorizeError {
    fn from(refusal: Refusal) -> Self {
        Self::Page(refusal)
    }
}
impl From<store::Error> for AuthorizeError {
    fn from(cause: store::Error) -> Self {
        Self::Failed(cause.into())
    }
}
impl From<linking::Error> for AuthorizeError {
    fn from(cause: linking::Error) -> Self {
        Self::Failed(cause)
    }
}

async fn answer(req: &HttpRequest, app: &App, received: Received) -> HttpResponse {
    let params = received.as_ref().ok().map(|(params, _)| params);
    let language = page::language(req, params);
    notes::claimed(req, params.and_then(|params| params.get("client_id")).and_then(ClientId::parse));
    let gone_on = match received {
        Ok((params, repeated)) => match repeated.first() {
            None => handle(req, app, &params, app.now()).await,
            Some(name) => Err(refuse_repeated(app, &params, &repeated, name, app.now()).await),
        },
        Err(refusal) => Err(AuthorizeError::Page(refusal)),
    };
    match gone_on {
        Ok(screen) => screen,
        Err(AuthorizeError::Page(refusal)) => {
            notes::refused(req, RefusedRequest::of(&refusal));
            page::oauth_error(app, language, &refusal)
        }
        Err(AuthorizeError::Answer(client, answer, refusal)) => {
            if let Some(refusal) = refusal {
                notes::refused(req, RefusedRequest::of(&refusal));
            }
            page::answer(app, language, client.name_in(language), answer)
        }
        Err(AuthorizeError::Failed(cause)) => {
            log_failure(&cause);
            page::failed(app, language)
        }
    }
}

/// Finds the client, the request and its destination; then redirects to this browser's screen, at first the first one.
async fn handle(req: &HttpRequest, app: &App, params: &Params, now: Instant) -> Result<HttpResponse, AuthorizeError> {
    let client = client(app, params).await?;
    match params.get("request_uri") {
        // Other parameters do not count (RFC 9101 §5).
        Some(uri) if uri.starts_with("urn:") => with_request_uri(req, app, &client, uri, now).await,
        // A reference to a client's own server (OpenID Connect Core §6.2): we never fetch it.
        Some(_) => {
            let refusal =
                Refusal::new(ErrorCode::RequestUriNotSupported, "request_uri is only what the PAR endpoint gave");
            Err(match authorize::destination(params, &client) {
                Ok(destination) => refuse(app, &client, destination, refusal, now).await,
                Err(_) => refusal.into(),
            })
        }
        None => with_parameters(req, app, &client, params, now).await,
    }
}

/// RFC 6749 §3.1, §4.1.2.1: a repeated parameter. The app hears of it where client and address are beyond doubt; no value of a
/// repeated `state` is sent back. Where the request was pushed, its address is not in these parameters.
async fn refuse_repeated(app: &App, params: &Params, repeated: &[String], name: &str, now: Instant) -> AuthorizeError {
    let refusal = Refusal::naming(ErrorCode::InvalidRequest, &format!("parameter {name} is repeated"));
    let in_doubt = ["client_id", "redirect_uri", "request_uri"];
    if repeated.iter().any(|name| in_doubt.contains(&name.as_str())) || params.get("request_uri").is_some() {
        return refusal.into();
    }
    match client(app, params).await {
        Ok(client) => match authorize::destination(params, &client) {
            Ok(destination) => refuse(app, &client, destination, refusal, now).await,
            Err(_) => refusal.into(),
        },
        Err(other) => other,
    }
}

/// The client a request names; this does not authenticate it.
async fn client(app: &App, params: &Params) -> Result<Arc<Client>, AuthorizeError> {
    const UNKNOWN: Refusal = Refusal::new(ErrorCode::UnauthorizedClient, "client_id is unknown or may not ask now");
    let id = ClientId::parse(params.need("client_id")?).ok_or(UNKNOWN)?;
    let client = app.authenticator.client(&id).await?;
    Ok(client.filter(|c| c.is_app() && c.status == Status::Active).ok_or(UNKNOWN)?)
}

/// RFC 9126 §4.
async fn with_request_uri(
    req: &HttpRequest,
    app: &App,
    client: &Arc<Client>,
    uri: &str,
    now: Instant,
) -> Result<HttpResponse, AuthorizeError> {
    let stored = match RequestUri::parse(uri) {
        Some(uri) => app.store.read(move |tx| sql::load(tx, uri.id())).await?,
        None => None,
    };
    let stored = authorize::claim(stored, &client.id)?;
    // The redirect_uri was registered when the request was pushed; the client's record may have changed since.
    if !crate::client::redirect_match(client, &stored.request.redirect_uri) {
        return Err(Refusal::invalid_request("redirect_uri is not registered for this client").into());
    }
    if let Err(too_late) = authorize::begin(&stored, now) {
        // Too late to begin, but this browser may have begun in time (decision 9).
        return resumed(req, app, stored.id, now).await?.ok_or_else(|| too_late.into());
    }
    begin(req, app, client, &stored.request, Some(stored.id), now).await
}

/// RFC 6749 §4.1.1.
async fn with_parameters(
    req: &HttpRequest,
    app: &App,
    client: &Arc<Client>,
    params: &Params,
    now: Instant,
) -> Result<HttpResponse, AuthorizeError> {
    let came = RequestInput {
        params,
        signed: None,
        client,
        source: RequestSource::Browser,
        acr: ACR,
        default_audience: &app.config.tokens.default_audience,
        issuer: app.issuer(),
        keys: &app.keys,
    };
    // A redirect_uri outside the object must be valid, even if the object's one overrides it (decision 14).
    let outside = params.get("redirect_uri").map(|_| authorize::destination(params, client)).transpose()?;
    let signed = match object::open(app, &came, now).await {
        Ok(signed) => signed,
        // If the request object does not verify, nothing in it may be used, above all not its redirect_uri.
        Err(refusal) => match outside {
            Some(destination) => return Err(refuse(app, client, destination, refusal, now).await),
            None => return Err(refusal.into()),
        },
    };
    // Only from here on is there a destination for refusals.
    let destination = authorize::destination(signed.as_ref().unwrap_or(params), client)?;
    let request = match authorize::check(&RequestInput { signed: signed.as_ref(), ..came }) {
        Ok(request) => request,
        Err(refusal) => return Err(refuse(app, client, destination, refusal, now).await),
    };
    if let Some(refusal) = app.linking.refuses(client, &request, now).await? {
        return Err(refuse(app, client, destination, refusal, now).await);
    }
    begin(req, app, client, &request, None, now).await
}

/// Begins an interaction; or answers at once if no screen may be shown.
async fn begin(
    req: &HttpRequest,
    app: &App,
    client: &Arc<Client>,
    request: &AuthorizationRequest,
    id: Option<Hash>,
    now: Instant,
) -> Result<HttpResponse, AuthorizeError> {
    let (shown, network) = (cookie::proofing_cookie(req, app), BrowserNetwork::of(extract::caller(req, app)));
    let recalled = app.linking.recalled(shown, network, client, request, now).await?;
    if request.is_prompt_none() {
        return Err(match app.linking.prompt_none(client, request, id, recalled.as_ref(), now).await? {
            PromptNone::Code(answer) => AuthorizeError::Answer(Arc::clone(client), Ok(answer), None),
            PromptNone::Refused(refusal) => refuse(app, client, Destination::of(request), refusal, now).await,
            PromptNone::Used => Refusal::new(ErrorCode::InvalidRequestUri, "the request_uri is already used").into(),
        });
    }
    // Stored like a pushed request, under a request_uri that is never sent to anybody: it is used once, like any other.
    let (id, unpushed) = match id {
        Some(id) => (id, None),
        None => (RequestUri::random(&*app.random).id(), Some(Box::new(request.clone()))),
    };
    open(req, app, request, (id, unpushed), recalled, now).await
}

async fn refuse(
    app: &App,
    client: &Arc<Client>,
    destination: Destination,
    refusal: Refusal,
    now: Instant,
) -> AuthorizeError {
    let answer = destination.answer(client, &Outcome::Refused(refusal.clone()), app.response_context(now)).await;
    AuthorizeError::Answer(Arc::clone(client), answer, Some(refusal))
}

/// The current screen of this browser's interaction for this request, if it has one.
async fn resumed(
    req: &HttpRequest,
    app: &App,
    request: Hash,
    now: Instant,
) -> Result<Option<HttpResponse>, AuthorizeError> {
    let own = app.identity.resume(&cookie::interactions(req, app), request, now).await?;
    Ok(own.map(|own| {
        let mut answer = page::see_other(&paths::screen(&own.interaction));
        if let Some(value) = &own.cookie {
            cookie::bind(&mut answer, app, &own.interaction, value, now);
        }
        answer
    }))
}

/// The first screen; or the current one, if this browser has begun with this request.
async fn open(
    req: &HttpRequest,
    app: &App,
    request: &AuthorizationRequest,
    (id, unpushed): (Hash, Option<Box<AuthorizationRequest>>),
    recalled: Option<Recalled>,
    now: Instant,
) -> Result<HttpResponse, AuthorizeError> {
    if unpushed.is_none()
        && let Some(own) = resumed(req, app, id, now).await?
    {
        return Ok(own);
    }
    let asked = Language::of_ui_locales(&request.ui_locales.join(" ")).or_else(|| page::accepted(req));
    let start = StartRequest {
        purpose: Purpose::Link(AnsweredRequest { client: request.client_id.clone(), request: id }),
        unpushed,
        cookies: cookie::interactions(req, app),
        network: BrowserNetwork::of(extract::caller(req, app)),
        language: asked,
        recalled,
    };
    let language = asked.unwrap_or_default();
    Ok(begun(app, language, app.identity.open(start, now).await?, now))
}
