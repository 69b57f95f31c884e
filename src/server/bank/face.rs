//! The sample bank's HTTP face: the core banking API as the connector asks it, and the account data a resource server
//! reads. A request goes in, a status and JSON come out; who listens is `web`'s or `demo`'s.
//!
//! `POST /lookup` `/match` `/verify-pin` · `GET /holders/{holder}/accounts` · `GET /accounts/{id}` `/accounts/{id}/balance`
//! `/accounts/{id}/transactions?from&to`

use super::sample::{Record, SampleBank};
use super::statement::bookings;
use crate::account::{Account, AccountNumber, AccountType, Branch};
use crate::clock::Instant;
use crate::identity::Lookup;
use crate::params::Params;
use crate::phone::Phone;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

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
    pub fn answer(&self, method: &str, path: &str, query: &str, body: &[u8], now: Instant) -> Reply {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", [question @ ("lookup" | "match" | "verify-pin")]) => self.question(question, body),
            ("GET", ["holders", holder, "accounts"]) => {
                let list: Vec<Value> = self.accounts_now(holder).into_iter().map(described).collect();
                reply(200, json!({ "accounts": list }))
            }
            ("GET", ["accounts", id, rest @ ..]) => match self.by_id(id) {
                Some(record) => self.account(record, rest, query, now),
                None => refused(404, "unknown_account"),
            },
            _ => refused(404, "unknown_resource"),
        }
    }

    fn question(&self, question: &str, body: &[u8]) -> Reply {
        let Ok(asked) = serde_json::from_slice::<Value>(body) else { return refused(400, "not_json") };
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let account = (|| {
            Some(Account {
                branch: Branch::parse(text("branch"))?,
                account_type: AccountType::parse(text("account_type"))?,
                number: AccountNumber::parse(text("account_number"))?,
            })
        })();
        let Some(account) = account else { return refused(400, "not_an_account") };
        match question {
            "lookup" => match self.lookup_now(&account) {
                Lookup::Eligible(h) => {
                    reply(200, json!({ "eligible": true, "holder": h.holder.as_str(), "id": h.id.as_str() }))
                }
                Lookup::Ineligible(why) => reply(200, json!({ "eligible": false, "reason": why.as_str() })),
            },
            "match" => match Phone::parse(text("phone")) {
                Some(phone) => reply(200, json!({ "match": self.matches_now(&account, text("birth_date"), &phone) })),
                None => refused(400, "not_a_phone"),
            },
            _ => reply(200, json!({ "match": self.pin_now(&account, text("pin")) })),
        }
    }

    fn account(&self, record: &Record, rest: &[&str], query: &str, now: Instant) -> Reply {
        let today = now.jst_date();
        let (list, balance) = bookings(record.id.as_str(), record.account.account_type, self.since(), today);
        match rest {
            [] => reply(200, described(record)),
            ["balance"] => {
                reply(200, json!({ "balance": balance, "currency": "JPY", "as_of": now.jst().to_rfc3339() }))
            }
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
    json!({
        "id": r.id.as_str(),
        "branch": r.account.branch.as_str(),
        "account_type": r.account.account_type.as_str(),
        "account_number": r.account.number.as_str(),
    })
}

/// The days asked for, newest data first reached: by default everything the bank keeps.
fn span(query: &str, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let params = Params::parse(query).ok()?;
    let day = |name, default| params.get(name).map_or(Some(default), |t| t.parse().ok());
    let first = today.checked_sub_days(REACH)?;
    Some((day("from", first)?.max(first), day("to", today)?))
}
