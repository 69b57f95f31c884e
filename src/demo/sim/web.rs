//! The simulator's addresses: its page, the calls, the mailbox, the bank's reports, the clock.

use super::calls::Call;
use super::{State, view};
use crate::bank::{AccountChange, linkable_accounts};
use crate::hook::Outcome;
use crate::listener::Callers::{People, Programs};
use crate::listener::{self, healthy, language, look, own_page};
use crate::pages::{self, Document};
use crate::time::rfc3339;
use crate::wire::params;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, Data, Path, PayloadConfig, ServiceConfig, post};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::collections::HashMap;

/// No call is longer.
const MAX_BODY: usize = 4096;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.app_data(PayloadConfig::new(MAX_BODY));
    listener::serve(config, "/", People, look(home));
    listener::serve(config, "/calls", Programs, [post().to(call)]);
    listener::serve(config, "/mail", Programs, look(mail));
    listener::serve(config, "/reports", Programs, [post().to(report)]);
    listener::serve(config, "/day", Programs, [post().to(day)]);
    listener::serve(config, "/documents/{name}", People, look(document));
    listener::serve(config, "/healthz", Programs, look(healthy));
    listener::serve(config, "/assets/{name}", People, look(pages::file));
}

async fn home(state: Data<State>, request: HttpRequest) -> HttpResponse {
    listener::page(view::home(&state, language(&request), None), StatusCode::OK)
}

/// A document of the institution, which has no site of its own in the demo.
async fn document(state: Data<State>, request: HttpRequest, name: Path<String>) -> HttpResponse {
    match Document::find(&name, true) {
        Some(found) => listener::page(state.pages.document(language(&request), found), StatusCode::OK),
        None => HttpResponse::NotFound().finish(),
    }
}

/// The mailbox: for programs unless somebody asks for a page.
async fn mail(state: Data<State>, request: HttpRequest) -> HttpResponse {
    if wants_page(request.headers()) {
        return home(state, request).await;
    }
    let list =
        state.mailbox.all().into_iter().map(
            |m| json!({"from": m.from, "to": m.to, "subject": m.subject, "text": m.text, "date": rfc3339(m.date)}),
        );
    HttpResponse::Ok().json(list.collect::<Vec<_>>())
}

/// Places a call and answers once the hook has.
async fn call(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if !own_page(request.headers(), &state.origin) {
        return foreign();
    }
    let from_page = is_form(&request);
    let call = if from_page { read_form(&body) } else { serde_json::from_slice(&body).ok() };
    let placed = match &call {
        Some(call) => state.exchange.dial(call).await.ok(),
        None => None,
    };
    if from_page {
        return match placed {
            Some(_) => back(),
            None => {
                listener::page(view::home(&state, language(&request), call.as_ref()), StatusCode::UNPROCESSABLE_ENTITY)
            }
        };
    }
    match placed {
        Some((call_id, outcome)) => outcome_json(outcome, json!({"call_id": call_id})),
        None => refused("wants {\"from\": number, \"to\": number, \"withheld\": true or false}"),
    }
}

/// Has the bank report what became of an account, and answers once the hook has.
async fn report(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if !own_page(request.headers(), &state.origin) {
        return foreign();
    }
    let from_page = is_form(&request);
    let fields =
        if from_page { std::str::from_utf8(&body).ok().map(params) } else { serde_json::from_slice(&body).ok() };
    let fields: HashMap<String, String> = fields.unwrap_or_default();
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let account = linkable_accounts().into_iter().find(|account| account == field("account"));
    let (Some(change), Some(account)) = (AccountChange::parse(field("type")), account) else {
        return refused("wants {\"type\": transferred, closed, deceased or stopped, \"account\": a sample account}");
    };
    let outcome = state.reporter.report(change, &account).await;
    if from_page { back() } else { outcome_json(outcome, json!({})) }
}

/// Moves the clock by a day.
async fn day(state: Data<State>, request: HttpRequest) -> HttpResponse {
    if !own_page(request.headers(), &state.origin) {
        return foreign();
    }
    if let Err(error) = (state.next_day)().await {
        tracing::error!(%error, "the demonstration's clock was not moved");
        return HttpResponse::InternalServerError().json(json!({"error": "the clock was not moved"}));
    }
    if is_form(&request) { back() } else { HttpResponse::Ok().json(json!({"now": rfc3339(state.clock.now())})) }
}

fn is_form(request: &HttpRequest) -> bool {
    request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
fn back() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish()
}
fn foreign() -> HttpResponse {
    HttpResponse::Forbidden().json(json!({"error": "this form belongs to another page"}))
}
fn refused(why: &str) -> HttpResponse {
    HttpResponse::UnprocessableEntity().json(json!({"error": why}))
}
/// What a program is answered about a report to a hook.
fn outcome_json(outcome: Outcome, mut body: Value) -> HttpResponse {
    match outcome {
        Outcome::Reported => return HttpResponse::Accepted().json(body),
        Outcome::Refused(status) => body["error"] = format!("the hook answered {status}").into(),
        Outcome::Unreachable => body["error"] = "the hook did not answer".into(),
    }
    HttpResponse::BadGateway().json(body)
}

fn read_form(body: &Bytes) -> Option<Call> {
    let mut form = params(std::str::from_utf8(body).ok()?);
    Some(Call {
        from: form.remove("from").unwrap_or_default(),
        to: form.remove("to").unwrap_or_default(),
        withheld: form.get("withheld").is_some_and(|v| v == "true"),
    })
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|t| t.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("text/html")))
}
