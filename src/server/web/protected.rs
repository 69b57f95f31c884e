//! The access token of a request to one of our own protected resources (RFC 6750, RFC 9449 §7, RFC 8705 §3).

use super::App;
use super::client_auth;
use super::client_cert;
use super::error::ApiError;
use super::extract::header_values;
use super::notes;
use crate::clock::Instant;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::token::{ProofOfPossession, TokenBinding};
use crate::token::{find::look_up_access, sql::Found};
use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};

pub(super) const DEAD: Refusal =
    Refusal::new(ErrorCode::InvalidToken, "the access token is unknown, expired or revoked");
pub(super) const NOT_THIS_FAR: Refusal =
    Refusal::new(ErrorCode::InsufficientScope, "the access token does not reach this far");

/// How the token was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenScheme {
    Dpop,
    Bearer,
    Form,
}

/// The token of a request, from exactly one place (RFC 6750 §2).
fn presented(req: &HttpRequest, body: &[u8]) -> Result<(TokenScheme, String), ApiError> {
    let headers = header_values(req, header::AUTHORIZATION);
    let form = req.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let form = std::str::from_utf8(body).ok().filter(|_| form).and_then(|text| Params::parse(text).ok());
    let in_form = form.as_ref().and_then(|params| params.get("access_token"));
    match (headers.as_slice(), in_form) {
        ([], Some(token)) => Ok((TokenScheme::Form, token.to_owned())),
        ([header], None) => {
            let (scheme, token) = header.split_once(' ').ok_or(ApiError::NoToken)?;
            let way = match scheme {
                s if s.eq_ignore_ascii_case("DPoP") => TokenScheme::Dpop,
                s if s.eq_ignore_ascii_case("Bearer") => TokenScheme::Bearer,
                _ => return Err(ApiError::NoToken),
            };
            Ok((way, token.trim_matches(' ').to_owned()))
        }
        ([_, ..], Some(_)) => {
            let refusal = Refusal::invalid_request("the access token comes in more than one way");
            Err(ApiError::Resource { refusal, dpop: false })
        }
        _ => Err(ApiError::NoToken),
    }
}

/// The valid token of a request to `path`; if it is bound, its key or certificate is proved. `scopes`: it must have one of them.
/// A request body of `body` may carry an unbound token (RFC 6750 §2.2); a query never does (FAPI 2.0 Security Profile §5.3.4).
///
/// # Errors
/// 401 `invalid_token`, 403 `insufficient_scope`, in `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1).
pub async fn token(
    req: &HttpRequest,
    body: &[u8],
    app: &App,
    (path, scopes): (&str, &[&str]),
    now: Instant,
) -> Result<Found, ApiError> {
    let (way, token) = presented(req, body)?;
    let (dpop, token) = (way == TokenScheme::Dpop, token.as_str());
    let resource = |refusal| ApiError::Resource { refusal, dpop };
    let hash = crate::token::access(token).ok_or_else(|| resource(DEAD))?;
    let found = look_up_access(&app.store, &hash).await?.filter(|f| f.is_live(now));
    // Before the proof, so that a caller without a token cannot make us store one.
    let found = found.ok_or_else(|| resource(DEAD))?;
    notes::claimed(req, Some(found.token.client.clone()));
    let proved = match client_auth::proof(req, app, path, Some(token), now).await {
        Ok(jkt) => jkt,
        Err(ApiError::UseNonce(nonce)) => return Err(ApiError::ResourceNonce(nonce)),
        Err(ApiError::Refused(refusal)) => return Err(resource(refusal)),
        Err(other) => return Err(other),
    };
    if way == TokenScheme::Form && found.token.binding.is_some() {
        let refusal = Refusal::new(ErrorCode::InvalidToken, "a bound token comes in the Authorization header");
        return Err(resource(refusal));
    }
    let proved = ProofOfPossession { key: proved, certificate: client_cert::thumbprint(req, app) };
    TokenBinding::held(found.token.binding, dpop, proved).map_err(|why| ApiError::Resource {
        refusal: Refusal::new(ErrorCode::InvalidToken, why),
        dpop: dpop || matches!(found.token.binding, Some(TokenBinding::Dpop(_))),
    })?;
    notes::client(req, &found.token.client);
    // RFC 6750 §3.1. Validity in time was checked above.
    let far = found.reach().is_some_and(|reach| scopes.iter().any(|scope| reach.scope.has(scope)));
    if far { Ok(found) } else { Err(resource(NOT_THIS_FAR)) }
}
