//! Refusals of a resource server: status, challenge and code (RFC 6750 §3, RFC 9449 §7.1).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use std::fmt;

/// The algorithms a proof may have.
const ALGS: &str = "ES256 PS256 EdDSA";

/// Which scheme the caller used, so that the challenge answers in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    DPoP,
}

/// Why a call is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// No token at all: both schemes are offered, without an error code (RFC 6750 §3.1).
    NoToken,
    /// The request itself is wrong.
    Request(Scheme, &'static str),
    /// The token is dead, foreign, or presented in the wrong way.
    Token(Scheme, &'static str),
    /// The proof does not hold.
    Proof(&'static str),
    /// The proof wants this nonce in it (RFC 9449 §9).
    Nonce(String),
    /// The token lacks this scope, or the account.
    Scope(Scheme, Option<&'static str>),
    /// A parameter of ours is wrong.
    Parameter(&'static str),
    /// No such thing here.
    NotFound,
    /// The server or the bank does not answer.
    Unavailable,
    /// Outside service hours, for so many seconds more.
    Closed(u64),
}

impl Refused {
    const fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "unauthorized",
            Self::Request(..) | Self::Parameter(_) => "invalid_request",
            Self::Token(..) => "invalid_token",
            Self::Proof(_) => "invalid_dpop_proof",
            Self::Nonce(_) => "use_dpop_nonce",
            Self::Scope(..) => "insufficient_scope",
            Self::NotFound => "not_found",
            Self::Unavailable | Self::Closed(_) => "temporarily_unavailable",
        }
    }
    const fn description(&self) -> &'static str {
        match self {
            Self::NoToken => "an access token is needed",
            Self::Request(_, why) | Self::Token(_, why) | Self::Proof(why) | Self::Parameter(why) => why,
            Self::Nonce(_) => "the DPoP proof needs the nonce of this answer",
            Self::Scope(_, Some(_)) => "the token lacks a scope",
            Self::Scope(_, None) => "the grant does not cover this",
            Self::NotFound => "there is nothing here",
            Self::Unavailable => "try again later",
            Self::Closed(_) => "outside service hours",
        }
    }
    fn challenges(&self) -> Vec<String> {
        let fields =
            |scope: &str| format!("error=\"{}\", error_description=\"{}\"{scope}", self.code(), self.description());
        let one = |scheme: Scheme, fields: String| match scheme {
            Scheme::Bearer => format!("Bearer {fields}"),
            Scheme::DPoP => format!("DPoP {fields}, algs=\"{ALGS}\""),
        };
        match self {
            Self::NoToken => vec![format!("DPoP algs=\"{ALGS}\""), "Bearer".to_owned()],
            Self::Request(scheme, _) | Self::Token(scheme, _) => vec![one(*scheme, fields(""))],
            Self::Scope(scheme, scope) => {
                let scope = scope.map(|s| format!(", scope=\"{s}\"")).unwrap_or_default();
                vec![one(*scheme, fields(&scope))]
            }
            Self::Proof(_) | Self::Nonce(_) => vec![one(Scheme::DPoP, fields(""))],
            _ => Vec::new(),
        }
    }
}
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.description())
    }
}
impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::Token(..) | Self::Proof(_) | Self::Nonce(_) => StatusCode::UNAUTHORIZED,
            Self::Request(..) | Self::Parameter(_) => StatusCode::BAD_REQUEST,
            Self::Scope(..) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unavailable | Self::Closed(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        for challenge in self.challenges() {
            answer.append_header((header::WWW_AUTHENTICATE, challenge));
        }
        match self {
            Self::Nonce(nonce) => {
                answer.insert_header(("DPoP-Nonce", nonce.as_str()));
            }
            Self::Unavailable => {
                answer.insert_header((header::RETRY_AFTER, "10"));
            }
            Self::Closed(seconds) => {
                answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            _ => {}
        }
        answer.json(serde_json::json!({"error": self.code(), "error_description": self.description()}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status_and_challenge() {
        let none: &[&str] = &[];
        for (refused, status, challenges) in [
            (Refused::NoToken, 401, &["DPoP algs=\"ES256 PS256 EdDSA\"", "Bearer"][..]),
            (
                Refused::Token(Scheme::Bearer, "the token is not valid"),
                401,
                &["Bearer error=\"invalid_token\", error_description=\"the token is not valid\""],
            ),
            (
                Refused::Proof("ath"),
                401,
                &["DPoP error=\"invalid_dpop_proof\", error_description=\"ath\", algs=\"ES256 PS256 EdDSA\""],
            ),
            (
                Refused::Scope(Scheme::Bearer, Some("transactions")),
                403,
                &[
                    "Bearer error=\"insufficient_scope\", error_description=\"the token lacks a scope\", scope=\"transactions\"",
                ],
            ),
            (Refused::Parameter("from"), 400, none),
            (Refused::Unavailable, 503, none),
        ] {
            let answer = refused.error_response();
            assert_eq!(answer.status().as_u16(), status, "{refused}");
            let sent: Vec<_> =
                answer.headers().get_all(header::WWW_AUTHENTICATE).map(|v| v.to_str().unwrap_or("")).collect();
            assert_eq!(sent, challenges, "{refused}");
        }
    }
}
