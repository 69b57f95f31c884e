//! How long a request and its body may take: a caller that sends a byte a second must not occupy one of the limited
//! connections (`server.connections`). Also lets connections take turns, a few requests each. The server library itself
//! limits the time for the head of a request.

use super::headers;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, PayloadError};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::{Stream, StreamExt};
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

/// Longer than the core bank, a client's keys and the store may take together.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Enough for the longest body on a slow line. With ten times this, a few thousand slow callers could block the rest.
const BODY: Duration = Duration::from_secs(10);

/// tokio lets a task do 128 units of work before others have their turn. Each request takes 16 of them, so at most eight requests of a
/// connection are answered in a row.
const SHARE: usize = 16;

/// Lets other connections have their turn when this one has had its own. The server library would answer all requests of one
/// connection before it serves the next: a thousand connections with a hundred requests each would delay all others by a minute.
pub async fn take_turns(method: &Method) {
    // HEAD does not wait: the library looks at the request it read last to decide whether a response has a body, so if
    // another request followed, it would send a body for the waiting HEAD (RFC 9110 §9.3.2).
    if method == Method::HEAD {
        return;
    }
    for _ in 0..SHARE {
        consume_budget().await;
    }
}

/// Ends a request with 408 (RFC 9110 §15.5.9) if it or its body takes too long. The work of its handler is complete or
/// absent: every handler may be dropped at any time, because a browser may disconnect.
///
/// # Errors
/// Those of the inner service, or a timeout.
pub async fn bounded<B: MessageBody>(
    https: bool,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    within(BODY, REQUEST_TIMEOUT, https, req, next).await
}

async fn within<B: MessageBody>(
    body: Duration,
    limit: Duration,
    https: bool,
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let payload = req.take_payload();
    let arrived = Rc::new(Cell::new(matches!(payload, Payload::None)));
    let watched = Watched { payload, arrived: arrived.clone() };
    req.set_payload(Payload::Stream { payload: Box::pin(watched) });
    let mut answer = pin!(next.call(req));
    if let Ok(answer) = timeout(body.min(limit), &mut answer).await {
        return answer;
    }
    if !arrived.get() {
        return Err(too_long(https));
    }
    timeout(limit.saturating_sub(body), answer).await.unwrap_or_else(|_| Err(too_long(https)))
}

/// A body that notes when it has arrived completely.
struct Watched {
    payload: Payload,
    arrived: Rc<Cell<bool>>,
}
impl Stream for Watched {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.payload.poll_next_unpin(cx);
        if matches!(next, Poll::Ready(None)) {
            self.arrived.set(true);
        }
        next
    }
}

/// [`super::around`] adds headers to answers only, so an error gets them here.
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
        let bounded =
            from_fn(|req, next| within(Duration::from_millis(50), Duration::from_millis(50), false, req, next));
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

    /// The status for a body and a handler that reads it and then waits.
    async fn status(body: impl Stream<Item = Result<Bytes, PayloadError>> + 'static, then: Duration) -> StatusCode {
        let bounded =
            from_fn(|req, next| within(Duration::from_millis(100), Duration::from_millis(500), false, req, next));
        let read = move |body: Bytes| async move {
            tokio::time::sleep(then).await;
            HttpResponse::Ok().body(body)
        };
        let app = init_service(App::new().wrap(bounded).route("/", web::post().to(read))).await;
        let request = TestRequest::post().to_request();
        let body: Pin<Box<dyn Stream<Item = _>>> = Box::pin(body);
        let (request, _) = request.replace_payload(Payload::Stream { payload: body });
        let answer = try_call_service(&app, request).await;
        answer.map_or_else(|e| e.error_response().status(), |a| a.status())
    }

    #[actix_web::test]
    async fn a_body_has_less_time_than_its_answer() {
        use futures_util::stream::{iter, pending};
        let part = || iter([Ok(Bytes::from_static(b"a=b"))]);
        let now = Duration::ZERO;
        assert_eq!(status(part(), now).await, StatusCode::OK);
        assert_eq!(status(part(), Duration::from_millis(250)).await, StatusCode::OK, "the body was there in time");
        assert_eq!(status(part(), Duration::from_secs(5)).await, StatusCode::REQUEST_TIMEOUT);
        assert_eq!(status(part().chain(pending()), now).await, StatusCode::REQUEST_TIMEOUT, "no end");
    }
}
