//! The only table of statuses: what becomes of a refusal or a failure on the wire.
//!
//! A cause goes to the log, a code to the client, a sentence to the customer. Nothing here tells a caller more than it
//! may know: a store that fails is `server_error` and no more.

use crate::keys::jose::Alg;
use crate::refusal::{ErrorCode, Refusal};
use crate::store;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use std::fmt;
use std::time::Duration;

/// An error of an endpoint that answers in OAuth's JSON.
#[derive(Debug)]
pub enum ApiError {
    /// The caller's mistake, in OAuth's words.
    Refused(Refusal),
    /// Refused for want of client authentication that was tried over HTTP Basic (RFC 6749 §5.2).
    BasicRefused(Refusal),
    /// A proof needs this nonce (RFC 9449 §8).
    UseNonce(String),
    /// A protected resource of ours was called without a token (RFC 6750 §3.1: no error code then).
    NoToken,
    /// The same where only bearer tokens are taken (RFC 7591 §3, RFC 7592 §2).
    NoBearer,
    /// A protected resource refuses the token or its proof (RFC 6750 §3, RFC 9449 §7.1).
    Resource {
        /// Why.
        refusal: Refusal,
        /// Whether the caller used, or should have used, the DPoP scheme.
        dpop: bool,
    },
    /// A protected resource wants this nonce in the proof (RFC 9449 §9).
    ResourceNonce(String),
    /// The body is encoded (RFC 9110 §8.4); none is unpacked here.
    Encoded,
    /// The client has reached a limit of its own: 429 with `Retry-After` (RFC 6585 §4; RFC 9126 §2.3 has this status for the
    /// PAR endpoint). OAuth has no error code that means a limit, so the status is what a client goes by. The body keeps the
    /// shape of RFC 6749 §5.2 and says `temporarily_unavailable`, the code of §4.1.2.1 that comes nearest: come again later.
    TooMany {
        /// Which limit, in a sentence for the developer.
        why: &'static str,
        /// After what time the client may come again.
        wait: Duration,
    },
    /// We are too busy, or the store cannot be reached: the same request may work later.
    Busy,
    /// Our own failure; the cause is already in the log.
    Failed,
}

/// The status that goes with a code. 401 only with `invalid_client`, otherwise 400 (RFC 6749 §5.2).
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

/// Writes the cause of a failure where operators look for it, and nowhere else.
pub fn log_failure(cause: &dyn std::error::Error) {
    tracing::error!(cause = %cause, "request failed");
}

impl ApiError {
    /// What is said of it.
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(r) | Self::BasicRefused(r) | Self::Resource { refusal: r, .. } => r.clone(),
            Self::NoToken | Self::NoBearer => Refusal::new(ErrorCode::InvalidToken, "an access token is needed"),
            Self::UseNonce(_) | Self::ResourceNonce(_) => {
                Refusal::new(ErrorCode::UseDpopNonce, "the DPoP proof needs the nonce of this answer")
            }
            Self::Encoded => Refusal::invalid_request("the body must come without a Content-Encoding"),
            Self::TooMany { why, .. } => Refusal::new(ErrorCode::TemporarilyUnavailable, why),
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
            // A resource answers 401 to a bad proof (RFC 9449 §7.1), the token endpoint 400 (§5).
            Self::ResourceNonce(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
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
        }
        match self {
            // Whole seconds (RFC 9110 §10.2.3), never too few.
            Self::TooMany { wait, .. } => {
                let seconds = wait.as_millis().div_ceil(1000).max(1);
                answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            _ if refusal.code == ErrorCode::TemporarilyUnavailable => {
                answer.insert_header((header::RETRY_AFTER, "5"));
            }
            _ => {}
        }
        answer.insert_header((header::CACHE_CONTROL, "no-store")).json(serde_json::json!({
            "error": refusal.code.as_str(),
            "error_description": refusal.description,
        }))
    }
}

/// The `algs` of a DPoP challenge (RFC 9449 §7.1).
fn dpop_algs() -> String {
    Alg::FAPI.map(Alg::as_str).join(" ")
}

/// Whoever opens an address we do not have reads that, and nothing else of us.
pub async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound()
        .content_type("text/plain; charset=utf-8")
        .body("お探しのページはありません。\nThere is no page here.\n")
}
