//! What happens around every handler of the public listener. It is one function and no stack of middlewares: each of a
//! stack would cost every request an allocation and a search for the shared state.

use super::encoding::{self, Refuse};
use super::span::ServedRequest;
use super::{Shared, headers, host, request_timeout};
use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use tracing::Instrument as _;

/// A row of the URL table.
#[derive(Clone, Copy)]
pub struct TableRow {
    /// Its number; `None` for all addresses that lead nowhere.
    pub route: Option<usize>,
    /// What answers an encoded body; `None` where nothing reads one.
    pub refuse: Option<Refuse>,
}

/// Serves a request in its span, if it is for one of our names and its body is not encoded, within its time; adds the headers of
/// every response, and counts and logs it.
///
/// # Errors
/// Those of the handler, or a timeout.
pub async fn handler<B: MessageBody>(
    row: TableRow,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(app) = req.app_data::<Shared>().cloned() else {
        return next.call(req).await.map(ServiceResponse::map_into_left_body);
    };
    let served = ServedRequest::new(app.clone(), row.route, &req);
    let mut outcome = checked(&app, row.refuse, req, next).instrument(served.span.clone()).await;
    if let Ok(answer) = &mut outcome {
        headers::secure(&app, answer);
    }
    served.end(&mut outcome);
    outcome
}

async fn checked<B: MessageBody>(
    app: &Shared,
    refuse: Option<Refuse>,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    request_timeout::take_turns(req.method()).await;
    let encoded = || encoding::refusal(refuse?, &req);
    if let Some(answer) = host::refusal(app, &req).or_else(encoded) {
        return Ok(req.into_response(answer).map_into_right_body());
    }
    request_timeout::bounded(app.config.https(), req, next).await.map(ServiceResponse::map_into_left_body)
}
