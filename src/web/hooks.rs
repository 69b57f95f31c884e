//! `POST /hooks/telephony/sip`: the gateway reports a call (contract §7). 204 whether or not it matched, so that the hook
//! tells nobody which numbers wait for which.

use super::Shared;
use super::error::log_failure;
use super::extract::caller;
use crate::identity::CallRegister;
use crate::telephony::sip_hook::{MAX_BODY, Refused, SIGNATURE, TIMESTAMP};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;

/// Takes one report.
pub async fn sip(req: HttpRequest, mut payload: web::Payload, app: Shared) -> HttpResponse {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let Ok(chunk) = chunk else { return HttpResponse::BadRequest().finish() };
        if body.len() + chunk.len() > MAX_BODY {
            return HttpResponse::PayloadTooLarge().finish();
        }
        body.extend_from_slice(&chunk);
    }
    let header = |name: &str| {
        let mut values = req.headers().get_all(name);
        // Two values would let one be signed and another be read.
        values.next().filter(|_| values.next().is_none()).and_then(|v| v.to_str().ok())
    };
    let now = app.now();
    let call = match app.hook.read(caller(&req, &app), header(TIMESTAMP), header(SIGNATURE), &body, now) {
        Ok(call) => call,
        Err(why) => {
            tracing::warn!(%why, "a telephone hook was refused");
            return match why {
                Refused::Body => HttpResponse::BadRequest().finish(),
                Refused::Source | Refused::Timestamp | Refused::Signature => HttpResponse::Unauthorized().finish(),
            };
        }
    };
    match app.desk.report(call, now).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(cause) => {
            log_failure(&cause);
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}
