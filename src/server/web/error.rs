//! The only table of statuses: the response to a refusal or a failure.
//!
//! The cause is logged, a code goes to the client, a sentence to the customer. No response says more than the caller
//! may know: if the store fails, it is only `server_error`.

use crate::keys::jose::{self, Alg};
use crate::refusal::{ErrorCode, Refusal};
use crate::store;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use std::fmt;
use std::time::Duration;

/// An error of an endpoint that responds with OAuth's JSON.
#[derive(Debug, Clone)]
pub enum ApiError {
    /// An error of the caller.
    Refused(Refusal),
    /// Client authentication over HTTP Basic failed (RFC 6749 §5.2).
    BasicRefused(Refusal),
    /// The DPoP proof needs this nonce (RFC 9449 §8).
    UseNonce(String),
    /// A protected resource was called without a token (RFC 6750 §3.1: then without an error code).
    NoToken,
    /// The same where only bearer tokens are accepted (RFC 7591 §3, RFC 7592 §2).
    NoBearer,
    /// A protected resource refuses the token or its proof (RFC 6750 §3, RFC 9449 §7.1).
    Resource {
        /// The error.
        refusal: Refusal,
        /// Whether the caller used, or should have used, the DPoP scheme.
        dpop: bool,
    },
    /// A protected resource requires this nonce in the proof (RFC 9449 §9).
    ResourceNonce(String),
    /// The body is encoded (RFC 9110 §8.4); we do not decode bodies.
    Encoded,
    /// The client reached one of its own limits: 429 with `Retry-After` (RFC 6585 §4; RFC 9126 §2.3 has this status for
    /// the PAR endpoint). OAuth has no error code for a limit, so clients should use the status. The body has the form
    /// of RFC 6749 §5.2 with `temporarily_unavailable`, the nearest code of §4.1.2.1.
    TooMany {
        /// The limit, in a sentence for the developer.
        why: &'static str,
        /// How long the client should wait.
        wait: Duration,
    },
    /// There is no such thing of this client: 404.
    Unknown(&'static str),
    /// The client has as many as its record allows: 409.
    Conflict(&'static str),
    /// The client may not do this now: 403.
    Forbidden(&'static str),
    /// The server is busy, or the store cannot be reached: the same request may succeed later.
    Busy,
    /// An internal error; the cause is already logged.
    Failed,
}

/// The status of a code: 401 for `invalid_client` (RFC 6749 §5.2) and `invalid_token` (RFC 6750 §3.1), mostly 400.
#[must_use]
pub const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        ErrorCode::InsufficientScope | ErrorCode::AccessDenied => StatusCode::FORBIDDEN,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
impl From<store::Error> for ApiError {
    fn from(cause: store::Error) -> Self {
        log_failure(&cause);
        if matches!(cause, store::Error::Unavailable(_)) { Self::Busy } else { Self::Failed }
    }
}

impl From<jose::Error> for ApiError {
    /// What we could not sign.
    fn from(cause: jose::Error) -> Self {
        log_failure(&cause);
        if cause == jose::Error::Busy { Self::Busy } else { Self::Failed }
    }
}

/// Logs the cause of a failure for operators; it is sent to nobody.
pub fn log_failure(cause: &dyn std::error::Error) {
    tracing::error!(cause = %cause, "request failed");
}

impl ApiError {
    /// The error code and description to send.
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(r) | Self::BasicRefused(r) | Self::Resource { refusal: r, .. } => r.clone(),
            Self::NoToken | Self::NoBearer => Refusal::new(ErrorCode::InvalidToken, "an access token is needed"),
            Self::UseNonce(_) | Self::ResourceNonce(_) => {
                Refusal::new(ErrorCode::UseDpopNonce, "the DPoP proof needs the nonce of this answer")
            }
            Self::Encoded => Refusal::invalid_request("the body must come without a Content-Encoding"),
            Self::TooMany { why, .. } => Refusal::new(ErrorCode::TemporarilyUnavailable, why),
            Self::Unknown(why) | Self::Conflict(why) => Refusal::new(ErrorCode::InvalidRequest, why),
            Self::Forbidden(why) => Refusal::new(ErrorCode::AccessDenied, why),
            Self::Busy => Refusal::new(ErrorCode::TemporarilyUnavailable, "try again later"),
            Self::Failed => Refusal::new(ErrorCode::ServerError, "the server failed"),
        }
    }
}
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal().fmt(f)
    }
}
impl std::error::Error for ApiError {}
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            // A resource responds with 401 to an invalid proof (RFC 9449 §7.1), the token endpoint with 400 (§5).
            Self::ResourceNonce(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Resource { refusal, .. } if refusal.code == ErrorCode::InvalidDpopProof => StatusCode::UNAUTHORIZED,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            other => status(other.refusal().code),
        }
    }
    fn error_response(&self) -> HttpResponse {
        let refusal = self.refusal();
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::BasicRefused(_) => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"renkei\", charset=\"UTF-8\""));
            }
            Self::UseNonce(nonce) => {
                answer.insert_header(("DPoP-Nonce", nonce.as_str()));
            }
            Self::NoToken => {
                let algs = dpop_algs();
                answer.append_header((header::WWW_AUTHENTICATE, "Bearer"));
                answer.append_header((header::WWW_AUTHENTICATE, format!("DPoP algs=\"{algs}\"")));
            }
            Self::NoBearer => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::Resource { refusal, dpop } => {
                let (code, why, algs) = (refusal.code.as_str(), &refusal.description, dpop_algs());
                let challenge = if *dpop {
                    format!("DPoP error=\"{code}\", error_description=\"{why}\", algs=\"{algs}\"")
                } else {
                    format!("Bearer error=\"{code}\", error_description=\"{why}\"")
                };
                answer.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::ResourceNonce(nonce) => {
                answer.insert_header(("DPoP-Nonce", nonce.as_str()));
                let challenge = format!("DPoP error=\"use_dpop_nonce\", algs=\"{}\"", dpop_algs());
                answer.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::Refused(_) | Self::Encoded | Self::TooMany { .. } | Self::Busy | Self::Failed => {}
            Self::Unknown(_) | Self::Conflict(_) | Self::Forbidden(_) => {}
        }
        match self {
            // Whole seconds (RFC 9110 §10.2.3), rounded up.
            Self::TooMany { wait, .. } => {
                let seconds = wait.as_millis().div_ceil(1000).max(1);
                answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            _ if refusal.code == ErrorCode::TemporarilyUnavailable => {
                answer.insert_header((header::RETRY_AFTER, "5"));
            }
            _ => {}
        }
        let mut body = serde_json::json!({
            "error": refusal.code.as_str(),
            "error_description": refusal.description,
        });
        if let Some(end) = refusal.link_end {
            body["renkei_error"] = end.as_str().into();
        }
        answer.insert_header((header::CACHE_CONTROL, "no-store")).json(body)
    }
}

/// The `algs` of a DPoP challenge (RFC 9449 §7.1).
fn dpop_algs() -> String {
    Alg::FAPI.map(Alg::as_str).join(" ")
}

/// The response for unknown addresses. It says nothing else about us.
pub async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound()
        .content_type("text/plain; charset=utf-8")
        .body("お探しのページはありません。\nThere is no page here.\n")
}
