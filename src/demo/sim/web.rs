//! The simulator's addresses: its page, the calls, the mailbox.

use super::calls::{Call, Outcome};
use super::{State, view};
use crate::demo::door::{self, own_page};
use crate::params::Params;
use crate::web::assets;
use crate::web::encoding::{as_json, as_text};
use crate::web::table::{Row, at, write};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, Data, PayloadConfig, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde_json::json;

/// No call is longer.
const MAX_BODY: usize = 4096;

pub(super) fn routes(config: &mut ServiceConfig) -> Vec<Row> {
    config.app_data(PayloadConfig::new(MAX_BODY));
    write(
        config,
        [
            at("/", as_text).get(home),
            at("/calls", as_json).post(call),
            at("/mail", as_json).get(mail),
            at("/healthz", as_json).get(healthy),
            at("/assets/{name}", as_text).get(assets::file),
        ],
    )
}

async fn home(state: Data<State>, request: HttpRequest) -> HttpResponse {
    door::page(view::home(&state, door::language(&request), None), StatusCode::OK)
}

/// The mailbox: for programs unless somebody asks for a page.
async fn mail(state: Data<State>, request: HttpRequest) -> HttpResponse {
    if wants_page(request.headers()) {
        return home(state, request).await;
    }
    let list =
        state.mailbox.all().into_iter().map(
            |m| json!({"from": m.from, "to": m.to, "subject": m.subject, "text": m.text, "date": m.date.rfc3339()}),
        );
    HttpResponse::Ok().json(list.collect::<Vec<_>>())
}

/// Places a call and answers once the hook has.
async fn call(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if !own_page(request.headers(), &state.own) {
        return HttpResponse::Forbidden().json(json!({"error": "this form belongs to another page"}));
    }
    let from_page = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let call = if from_page { read_form(&body) } else { serde_json::from_slice(&body).ok() };
    let placed = match &call {
        Some(call) => state.exchange.place(call).await.ok(),
        None => None,
    };
    if from_page {
        return match placed {
            Some(_) => HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish(),
            None => door::page(
                view::home(&state, door::language(&request), call.as_ref()),
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
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

/// For whoever waits until this answers.
async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

fn read_form(body: &Bytes) -> Option<Call> {
    let form = Params::parse(std::str::from_utf8(body).ok()?).ok()?;
    Some(Call {
        from: form.get("from").unwrap_or_default().to_owned(),
        to: form.get("to").unwrap_or_default().to_owned(),
        withheld: form.get("withheld") == Some("true"),
    })
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|t| t.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("text/html")))
}
