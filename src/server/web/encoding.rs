//! Bodies are read as they are and never decompressed: a few kilobytes of gzip become megabytes in memory, before the
//! caller is authenticated.

use super::Shared;
use super::error::ApiError;
use super::notes::{self, RefusedRequest};
use super::page::{language, oauth_error};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};

/// Makes the response to an encoded body, in the format that callers of an address expect.
pub type Refuse = fn(&HttpRequest) -> HttpResponse;

/// The answer to a body with a `Content-Encoding` other than `identity`: 415, with `Accept-Encoding` (RFC 9110 §12.5.3,
/// §15.5.16). The body is not read.
#[must_use]
pub fn refusal(refuse: Refuse, req: &ServiceRequest) -> Option<HttpResponse> {
    if is_plain(req.headers()) {
        return None;
    }
    let refusal = ApiError::Encoded.refusal();
    let refused = RefusedRequest { reason: notes::ENCODED, ..RefusedRequest::of(&refusal) };
    notes::refused(req.request(), refused);
    let mut answer = refuse(req.request());
    *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    answer.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Some(answer)
}

/// [`refusal`] as a middleware.
///
/// # Errors
/// Those of the inner service.
pub async fn plain<B: MessageBody>(
    refuse: Refuse,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match refusal(refuse, &req) {
        Some(answer) => Ok(req.into_response(answer).map_into_right_body()),
        None => next.call(req).await.map(ServiceResponse::map_into_left_body),
    }
}

/// A list, in one line or several; elements may be empty (RFC 9110 §5.6.1, §8.4).
fn is_plain(headers: &HeaderMap) -> bool {
    let mut codings =
        headers.get_all(header::CONTENT_ENCODING).flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    codings.all(|coding| matches!(coding.trim_ascii(), b"") || coding.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// For apps and resource servers: OAuth's JSON.
#[must_use]
pub fn as_json(_: &HttpRequest) -> HttpResponse {
    ApiError::Encoded.error_response()
}

/// For browsers: a page.
#[must_use]
pub fn as_page(req: &HttpRequest) -> HttpResponse {
    match req.app_data::<Shared>() {
        Some(app) => oauth_error(app, language(req, None), &ApiError::Encoded.refusal()),
        None => as_nothing(req),
    }
}

/// For callers that read only the status.
#[must_use]
pub fn as_nothing(_: &HttpRequest) -> HttpResponse {
    HttpResponse::UnsupportedMediaType().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identity_is_read() {
        for (lines, want) in [
            (&[][..], true),
            (&["identity"], true),
            (&["Identity"], true),
            (&[""], true),
            (&["identity, ,identity"], true),
            (&["identity", " identity "], true),
            (&["gzip"], false),
            (&["GZIP"], false),
            (&["x-gzip"], false),
            (&["deflate"], false),
            (&["br"], false),
            (&["zstd"], false),
            (&["identity, gzip"], false),
            (&["identity", "gzip"], false),
            (&["identity;q=1"], false),
            (&["none"], false),
            (&["\u{e9}"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                let value = HeaderValue::from_bytes(line.as_bytes());
                headers.append(header::CONTENT_ENCODING, value.unwrap());
            }
            assert_eq!(is_plain(&headers), want, "{lines:?}");
        }
    }
}
