//! The simulator's addresses: its page, the calls, the mailbox.

use super::calls::{Call, Outcome};
use super::{State, view};
use crate::listener::Callers::{People, Programs};
use crate::listener::{self, healthy, language, look, own_page};
use crate::pages;
use crate::time::rfc3339;
use crate::wire::params;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, Data, PayloadConfig, ServiceConfig, post};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde_json::json;

/// No call is longer.
const MAX_BODY: usize = 4096;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.app_data(PayloadConfig::new(MAX_BODY));
    listener::serve(config, "/", People, look(home));
    listener::serve(config, "/calls", Programs, [post().to(call)]);
    listener::serve(config, "/mail", Programs, look(mail));
    listener::serve(config, "/healthz", Programs, look(healthy));
    listener::serve(config, "/assets/{name}", People, look(pages::file));
}

async fn home(state: Data<State>, request: HttpRequest) -> HttpResponse {
    listener::page(view::home(&state, language(&request), None), StatusCode::OK)
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
        return HttpResponse::Forbidden().json(json!({"error": "this form belongs to another page"}));
    }
    let from_page = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let call = if from_page { read_form(&body) } else { serde_json::from_slice(&body).ok() };
    let placed = match &call {
        Some(call) => state.exchange.dial(call).await.ok(),
        None => None,
    };
    if from_page {
        return match placed {
            Some(_) => HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish(),
            None => {
                listener::page(view::home(&state, language(&request), call.as_ref()), StatusCode::UNPROCESSABLE_ENTITY)
            }
        };
    }
    match placed {
        Some((call_id, Outcome::Reported)) => HttpResponse::Accepted().json(json!({"call_id": call_id})),
        Some((call_id, Outcome::Refused(status))) => {
            HttpResponse::BadGateway().json(json!({"call_id": call_id, "error": format!("the hook answered {status}")}))
        }
        Some((call_id, Outcome::Unreachable)) => {
            HttpResponse::BadGateway().json(json!({"call_id": call_id, "error": "the hook did not answer"}))
        }
        None => HttpResponse::UnprocessableEntity()
            .json(json!({"error": "wants {\"from\": number, \"to\": number, \"withheld\": true or false}"})),
    }
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
