//! How long one request may take, its body included: a caller that sends a byte a minute must not hold a connection for
//! ever. For the head of a request the server library has a limit of its own.

use super::headers;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};
use std::time::Duration;

/// Longer than the core bank, a client's keys and the store may take together.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends a request that takes too long with 408 (RFC 9110 §15.5.9). What its handler had begun is whole or not there:
/// every handler may be dropped at any time, for a browser may hang up.
///
/// # Errors
/// The inner service's, or that it took too long.
pub async fn bounded<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    within(PATIENCE, req, next).await
}

async fn within<B: MessageBody>(
    limit: Duration,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let https = headers::over_tls(&req);
    let answer = tokio::time::timeout(limit, next.call(req)).await;
    answer.unwrap_or_else(|_| Err(too_long(https)))
}

/// An error passes by the middleware that completes an answer.
fn too_long(https: bool) -> Error {
    let mut answer = HttpResponse::RequestTimeout().finish();
    headers::complete(answer.headers_mut(), https);
    InternalError::from_response("the request took too long", answer).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpResponse, web};

    #[actix_web::test]
    async fn who_dawdles_is_let_go() {
        let bounded = from_fn(|req, next| within(Duration::from_millis(50), req, next));
        let never = async || {
            std::future::pending::<()>().await;
            HttpResponse::Ok().finish()
        };
        let app = App::new()
            .wrap(bounded)
            .route("/never", web::to(never))
            .route("/now", web::to(async || HttpResponse::Ok().finish()));
        let app = init_service(app).await;
        let now = try_call_service(&app, TestRequest::get().uri("/now").to_request()).await;
        assert_eq!(now.map(|a| a.status()).ok(), Some(StatusCode::OK));
        let never = try_call_service(&app, TestRequest::get().uri("/never").to_request()).await;
        let answer = never.map_or_else(|e| e.error_response(), |a| a.into_parts().1.map_into_boxed_body());
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        assert!(answer.headers().contains_key("x-frame-options"));
    }
}
