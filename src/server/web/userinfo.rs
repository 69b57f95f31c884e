//! `GET|POST /oauth/userinfo` (OpenID Connect Core §5.3): only `sub`. We give no profile of a customer: the name is
//! unverified (R84), and the mail address is for the notice only.

use super::error::ApiError;
use super::paths;
use super::{Shared, protected};
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// The handler. The token is in the `Authorization` header; an unbound one may be in the form of a POST (RFC 6750
/// §2.2). Never in a query (FAPI 2.0 Security Profile §5.3.4).
///
/// # Errors
/// 401 `invalid_token`, 403 `insufficient_scope`, in `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1).
pub async fn handle(req: HttpRequest, app: Shared, body: Bytes) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let found = protected::token(&req, &body, &app, (paths::USERINFO, &["openid"]), now).await?;
    // A client's own token never has `openid`, so `protected::token` has refused it.
    let grant = found.grant.as_ref().ok_or(ApiError::Resource { refusal: protected::DEAD, dpop: false })?;
    let mut claims = json!({"sub": grant.sub});
    let client = app.authenticator.client(&found.token.client).await?;
    let Some(alg) = client.and_then(|c| c.userinfo_alg) else {
        return Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(claims));
    };
    // Signed for a client that registered an algorithm (OpenID Connect Core §5.3.2).
    claims["iss"] = app.issuer().into();
    claims["aud"] = found.token.client.as_str().into();
    let signed = app.keys.sign(alg, Some("JWT"), claims).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/jwt")
        .body(signed))
}
