//! What anybody may read, a script of any origin too: metadata and public keys. They say the same to everybody, so a browser sends
//! no credentials for them, and there is no origin to name (Fetch §3.3: `Access-Control-Allow-Origin: *`).

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL,
};
use actix_web::{HttpResponse, HttpResponseBuilder};

/// Five minutes are safe: rotation publishes a key long before it signs and long after.
const MAX_AGE: &str = "public, max-age=300";

/// A response that caches may keep and every origin may read.
#[must_use]
pub fn answer() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, MAX_AGE)).insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    answer
}

/// `OPTIONS`: a browser asks first where a script sets a header of its own.
pub async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "*"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}
