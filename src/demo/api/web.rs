//! The account API's endpoints (requirements.md#demo; FAPI 2.0 §5.3.4 for what every answer carries).

use super::Api;
use super::challenge::Refused;
use crate::listener::Callers::Programs;
use crate::listener::{healthy, look, serve};
use crate::time::{jst_date, rfc3339};
use crate::wire::{interaction_id, params};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, Path, ServiceConfig, scope, to};
use actix_web::{Error, HttpRequest, HttpResponse};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::json;
use std::collections::HashMap;

/// Where the API's version begins; every answer under it carries the interaction's id.
const V1: &str = "/v1";
/// How far back the bank's statements reach, in days.
const REACH: u64 = 90;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.default_service(to(nothing_here));
    serve(config, "/", Programs, look(root));
    serve(config, "/healthz", Programs, look(healthy));
    config.service(scope(V1).wrap(from_fn(interaction)).configure(|config| {
        serve(config, "/status", Programs, look(status));
        serve(config, "/accounts", Programs, look(accounts));
        serve(config, "/accounts/{id}", Programs, look(account));
        serve(config, "/accounts/{id}/balance", Programs, look(balance));
        serve(config, "/accounts/{id}/transactions", Programs, look(transactions));
    }));
}

async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": "not_found", "error_description": "there is nothing here"}))
}

/// What a person sees who opens the address in a browser.
async fn root(api: Data<Api>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "what": "sample account API: an access token of the authorization server opens it",
        "authorization_server": api.settings.issuer,
        "endpoints": [
            "/v1/status", "/v1/accounts", "/v1/accounts/{id}", "/v1/accounts/{id}/balance", "/v1/accounts/{id}/transactions?from&to",
        ],
        "last_events": api.events.last(),
    }))
}

/// Whether accounts can be read now: what an app asks for itself, with a token of its own (RFC 6749 §4.4).
async fn status(api: Data<Api>, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let now = api.parts.clock.now();
    api.access(&request, None, now).await?.need("status")?;
    Ok(HttpResponse::Ok().json(json!({"status": "open", "as_of": rfc3339(now)})))
}

async fn accounts(api: Data<Api>, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let access = api.access(&request, None, api.parts.clock.now()).await?;
    access.need("accounts")?;
    let mut list = Vec::new();
    for id in access.accounts() {
        list.push(api.account(id).await?);
    }
    Ok(HttpResponse::Ok().json(json!({"accounts": list})))
}

async fn account(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Refused> {
    let access = api.access(&request, None, api.parts.clock.now()).await?;
    access.need("accounts")?;
    access.covers(&id, None)?;
    Ok(HttpResponse::Ok().json(api.account(&id).await?))
}

async fn balance(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Refused> {
    let now = api.parts.clock.now();
    let access = api.access(&request, Some("balances"), now).await?;
    access.need("accounts")?;
    access.covers(&id, Some("balances"))?;
    let found = api.balance(&id).await?;
    let answer = json!({"id": *id, "balance": found.balance, "currency": "JPY", "as_of": rfc3339(now)});
    Ok(HttpResponse::Ok().json(answer))
}

async fn transactions(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Refused> {
    let now = api.parts.clock.now();
    let access = api.access(&request, Some("transactions"), now).await?;
    access.need("transactions")?;
    let detail = access.covers(&id, Some("transactions"))?;
    let query = params(request.query_string());
    let asked = (day(&query, "from")?, day(&query, "to")?);
    let (from, to) = period(asked, detail.period(), now);
    let found = if from <= to { api.transactions(&id, from, to).await? } else { Vec::new() };
    Ok(HttpResponse::Ok().json(json!({"id": *id, "from": from, "to": to, "transactions": found})))
}

fn day(query: &HashMap<String, String>, name: &'static str) -> Result<Option<NaiveDate>, Refused> {
    let Some(text) = query.get(name) else { return Ok(None) };
    // chrono would take `2026-1-2` too; ISO 8601 has two digits each.
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    day.map(Some).ok_or(Refused::Parameter("from and to are dates like 2026-11-22"))
}

/// The days asked for, within the last ninety and within what the grant allows.
fn period(
    asked: (Option<NaiveDate>, Option<NaiveDate>),
    granted: (Option<NaiveDate>, Option<NaiveDate>),
    now: DateTime<Utc>,
) -> (NaiveDate, NaiveDate) {
    let today = jst_date(now);
    let first = today.checked_sub_days(Days::new(REACH)).unwrap_or(today);
    let from = [asked.0, granted.0].into_iter().flatten().fold(first, NaiveDate::max);
    let to = [asked.1, granted.1].into_iter().flatten().fold(today, NaiveDate::min);
    (from, to)
}

/// Gives every answer the caller's `x-fapi-interaction-id`, or one of ours.
async fn interaction(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    const NAME: HeaderName = HeaderName::from_static("x-fapi-interaction-id");
    let sent = request.headers().get(NAME).filter(|v| v.len() <= 128 && v.to_str().is_ok()).cloned();
    let own = request.app_data::<Data<Api>>().map(|api| interaction_id(api.parts.random.as_ref()));
    let id = sent.or_else(|| own.and_then(|id| HeaderValue::try_from(id).ok()));
    let mut answer = next.call(request).await?;
    if let Some(id) = id {
        answer.headers_mut().insert(NAME, id);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_stays_within_ninety_days_and_the_grant() {
        let d = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        // 00:30 JST on 29 November is still the 28th in UTC: the bank's day counts.
        let now = crate::time::from_secs(1_795_879_800);
        for (asked, granted, expected, why) in [
            ((None, None), (None, None), ("2026-08-31", "2026-11-29"), "all there is"),
            ((d("2020-01-01"), d("2030-01-01")), (None, None), ("2026-08-31", "2026-11-29"), "clamped"),
            ((d("2026-11-01"), d("2026-11-10")), (None, None), ("2026-11-01", "2026-11-10"), "as asked"),
            ((d("2026-11-01"), None), (d("2026-11-05"), d("2026-11-20")), ("2026-11-05", "2026-11-20"), "the grant"),
        ] {
            let (from, to) = period(asked, granted, now);
            assert_eq!((from.to_string().as_str(), to.to_string().as_str()), expected, "{why}");
        }
    }

    #[test]
    fn days_are_written_in_full() {
        let query = |text: &str| day(&params(text), "from");
        assert_eq!(query("from=2026-11-22"), Ok(NaiveDate::from_ymd_opt(2026, 11, 22)));
        assert_eq!(query("to=2026-11-22"), Ok(None));
        for bad in ["from=2026-1-2", "from=22.11.2026", "from=2026-02-30", "from=2026-11-22T00:00"] {
            assert!(matches!(query(bad), Err(Refused::Parameter(_))), "{bad}");
        }
    }
}
