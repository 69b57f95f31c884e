//! Reports from other systems (docs/telephony.md): `POST /hooks/telephony/sip`, a gateway reports an incoming call;
//! `POST /hooks/bank/events`, the core bank reports a change of an account. 204 with or without a match, so that a hook
//! reveals neither which numbers are waiting for a call nor which accounts are linked.

use super::error::log_failure;
use super::extract::caller;
use super::notes::{self, RefusedRequest};
use super::{App, Shared};
use crate::hook::{Delivery, MAX_BODY, Refused, SIGNATURE, TIMESTAMP};
use crate::identity::CallRegister;
use crate::lifecycle::account;
use crate::store;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;

/// Handles one report of a call.
pub async fn sip(req: HttpRequest, payload: web::Payload, app: Shared) -> HttpResponse {
    let body = match whole(payload).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let now = app.now();
    let call = match app.hook.load().receive(&delivery(&req, &app, &body), now) {
        Ok(call) => call,
        Err(why) => return refused(&req, why),
    };
    match app.identity.report(call, now).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(cause) => busy(&cause),
    }
}

/// Handles one report of an account: its grants end.
pub async fn bank(req: HttpRequest, payload: web::Payload, app: Shared) -> HttpResponse {
    let body = match whole(payload).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let now = app.now();
    let report = match app.bank_hook.load().receive(&delivery(&req, &app, &body), now) {
        Ok(Some(report)) => report,
        Ok(None) => return HttpResponse::NoContent().finish(),
        Err(why) => return refused(&req, why),
    };
    let index = app.sealer.index("account", &report.account.to_string());
    match app.store.ending().write(move |tx| account::changed(tx, &report, &index, now)).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(cause) => busy(&cause),
    }
}

/// The report was not recorded; the gateway or the bank should send it again.
fn busy(cause: &store::Error) -> HttpResponse {
    log_failure(cause);
    HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "5")).finish()
}

/// Only a sender with a valid signature learns that the body is invalid.
fn refused(req: &HttpRequest, why: Refused) -> HttpResponse {
    let (reason, sentence) = why.for_log();
    notes::refused(req, RefusedRequest::plain(reason, sentence));
    match why {
        Refused::Body(_) => HttpResponse::BadRequest().finish(),
        Refused::Source(_) | Refused::Unsigned(_) => HttpResponse::Unauthorized().finish(),
    }
}

fn delivery<'a>(req: &'a HttpRequest, app: &App, body: &'a [u8]) -> Delivery<'a> {
    Delivery { source: caller(req, app), timestamp: one(req, TIMESTAMP), signature: one(req, SIGNATURE), body }
}

/// The body, if it is not longer than a report may be.
async fn whole(mut payload: web::Payload) -> Result<web::BytesMut, HttpResponse> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let Ok(chunk) = chunk else { return Err(HttpResponse::BadRequest().finish()) };
        if body.len() + chunk.len() > MAX_BODY {
            return Err(HttpResponse::PayloadTooLarge().finish());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A header's value, if there is exactly one: otherwise the one that is signed and the one that is read could differ.
fn one<'r>(req: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let mut values = req.headers().get_all(name);
    values.next().filter(|_| values.next().is_none()).and_then(|v| v.to_str().ok())
}
