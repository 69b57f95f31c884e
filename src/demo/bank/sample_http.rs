//! The sample bank over HTTP: the core banking API (docs/core-banking.md) that Renkei's connector asks, and the account
//! data that a resource server reads, all behind one bearer token. A request goes in, a status and JSON come out.
//!
//! `POST /lookup` `/match` `/verify-pin` · `GET /holders/{holder}/accounts` · `GET /accounts/{id}` `/accounts/{id}/balance`
//! `/accounts/{id}/transactions?from&to`

use super::sample::{Lookup, Record, SampleBank};
use super::statement::bookings;
use crate::crypto::{Secret, same};
use crate::listener::{Listener, Running};
use crate::time::{Clock, jst, jst_date};
use crate::wire::params;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data, to};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

/// How far back an account's bookings can be read, in days (R85: 約3か月).
const REACH: Days = Days::new(92);

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
}
const fn reply(status: u16, body: Value) -> Reply {
    Reply { status, body }
}
fn refused(status: u16, error: &str) -> Reply {
    reply(status, json!({ "error": error }))
}

impl SampleBank {
    /// Answers one request. `path` begins with `/`; `query` is what stands after `?`.
    #[must_use]
    pub fn answer(&self, method: &str, path: &str, query: &str, body: &[u8], now: DateTime<Utc>) -> Reply {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", [question @ ("lookup" | "match" | "verify-pin")]) => self.answer_query(question, body),
            ("GET", ["holders", holder, "accounts"]) => {
                let list: Vec<Value> = self.linkable(holder).map(described).collect();
                reply(200, json!({ "accounts": list }))
            }
            ("GET", ["accounts", id, rest @ ..]) => match self.by_id(id) {
                Some(record) => self.account(record, rest, query, now),
                None => refused(404, "unknown_account"),
            },
            _ => refused(404, "unknown_resource"),
        }
    }

    fn answer_query(&self, question: &str, body: &[u8]) -> Reply {
        let Ok(asked) = serde_json::from_slice::<Value>(body) else { return refused(400, "not_json") };
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let account = format!("{}-{}-{}", text("branch"), text("account_type"), text("account_number"));
        let digits = |name: &str, n: usize| text(name).len() == n && text(name).bytes().all(|b| b.is_ascii_digit());
        let known_type = matches!(text("account_type"), "ordinary" | "savings");
        if !(digits("branch", 3) && known_type && digits("account_number", 7)) {
            return refused(400, "not_an_account");
        }
        if let Some((status, error)) = self.refusal(&account) {
            return refused(status, error);
        }
        match question {
            "lookup" => match self.lookup(&account) {
                Lookup::Eligible { holder, id } => reply(200, json!({ "eligible": true, "holder": holder, "id": id })),
                Lookup::Ineligible(why) => reply(200, json!({ "eligible": false, "reason": why })),
            },
            "match" if !(digits("phone", 10) || digits("phone", 11)) => refused(400, "not_a_phone"),
            "match" => reply(200, json!({ "match": self.matches(&account, text("birth_date"), text("phone")) })),
            _ => reply(200, json!({ "match": self.verify_pin(&account, text("pin")) })),
        }
    }

    fn account(&self, record: &Record, rest: &[&str], query: &str, now: DateTime<Utc>) -> Reply {
        let today = jst_date(now);
        let (list, balance) = bookings(&record.id, record.account.contains("-savings-"), self.since(), today);
        match rest {
            [] => reply(200, described(record)),
            ["balance"] => reply(200, json!({ "balance": balance, "currency": "JPY", "as_of": jst(now).to_rfc3339() })),
            ["transactions"] => {
                let Some((from, to)) = span(query, today) else { return refused(400, "from_and_to_want_dates") };
                let within = list.iter().rev().filter(|b| from <= b.date && b.date <= to);
                reply(200, json!({ "transactions": within.collect::<Vec<_>>() }))
            }
            _ => refused(404, "unknown_resource"),
        }
    }
}

fn described(r: &Record) -> Value {
    let mut parts = r.account.split('-');
    let mut part = || parts.next().unwrap_or_default();
    json!({ "id": r.id, "branch": part(), "account_type": part(), "account_number": part() })
}

/// The days asked for, newest data first reached: by default everything the bank keeps.
fn span(query: &str, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let params = params(query);
    let day = |name, default| params.get(name).map_or(Some(default), |t| t.parse().ok());
    let first = today.checked_sub_days(REACH)?;
    Some((day("from", first)?.max(first), day("to", today)?))
}

/// What the handler shares.
struct Shared {
    bank: SampleBank,
    token: Secret,
    clock: Arc<dyn Clock>,
}

/// Serves the bank to whoever shows `token`.
///
/// # Errors
/// When the listener cannot be opened.
pub fn start(listener: Listener, bank: SampleBank, token: Secret, clock: Arc<dyn Clock>) -> io::Result<Running> {
    let shared = Data::new(Shared { bank, token, clock });
    listener.open(move |config| {
        config.app_data(shared.clone()).default_service(to(answer));
    })
}

async fn answer(shared: Data<Shared>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !same(shown, &format!("Bearer {}", shared.token.reveal())) {
        return HttpResponse::Unauthorized().insert_header((header::WWW_AUTHENTICATE, "Bearer")).finish();
    }
    let (method, path, query) = (request.method().as_str(), request.path(), request.query_string());
    let reply = shared.bank.answer(method, path, query, &body, shared.clock.now());
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(reply.body)
}
