//! The connector for a core banking API over HTTP (docs/core-banking.md); the sample bank has the same API.
//!
//! Any unexpected response is a failure: R36 for the customer, the cause in the log, and no attempt is counted.

use crate::account::Account;
use crate::id::{AccountId, HolderId};
use crate::identity::{BankError, BirthDate, CoreBank, Holding, Ineligible, Lookup, Pin};
use crate::outbound::{Method, Outbound, Request};
use crate::phone::Phone;
use crate::secret::Secret;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::time::Instant;
use zeroize::Zeroize as _;

/// A core banking API.
#[derive(Clone)]
pub struct HttpBank {
    outbound: Outbound,
    url: String,
    token: Option<Secret>,
}

impl HttpBank {
    /// The API at `url`, with a bearer token if it requires one.
    #[must_use]
    pub fn new(outbound: Outbound, url: &str, token: Option<Secret>) -> Self {
        Self { outbound, url: url.trim_end_matches('/').to_owned(), token }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, BankError> {
        let failed = |why: String| BankError::Failed(why);
        let mut request = Request::new(method, format!("{}{path}", self.url)).header("accept", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.reveal()));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let since = Instant::now();
        let answer = self.outbound.send(request).await.map_err(|e| failed(e.to_string()))?;
        let milliseconds = since.elapsed().as_secs_f64() * 1000.0;
        // Only the first part: what follows names a person.
        let endpoint = path.split('/').nth(1).unwrap_or_default();
        tracing::debug!(endpoint, milliseconds, status = answer.status, "the core bank was asked");
        match answer.status {
            200 => answer.json().map_err(|e| failed(e.to_string())),
            // The three general refusals of a core bank: out of hours, this service is switched off, or it is busy.
            503 => match answer.json().ok().as_ref().and_then(|v| v["error"].as_str()) {
                Some("closed") => Err(BankError::Closed),
                Some("not_offered") => Err(BankError::NotOffered),
                Some("busy") => Err(BankError::Busy),
                _ => Err(failed("status 503".into())),
            },
            status => Err(failed(format!("status {status}"))),
        }
    }
    async fn judge(&self, path: &str, body: Value) -> Result<bool, BankError> {
        let mut body = body;
        let answer = self.ask(Method::Post, path, Some(&body)).await;
        if let Some(Value::String(pin)) = body.get_mut("pin") {
            pin.zeroize();
        }
        let answer = answer?;
        answer["match"].as_bool().ok_or_else(|| BankError::Failed(format!("{path} answers without match")))
    }
}

fn named(account: &Account) -> Value {
    json!({
        "branch": account.branch.as_str(),
        "account_type": account.account_type.as_str(),
        "account_number": account.number.as_str(),
    })
}
fn with(account: &Account, more: &[(&str, &str)]) -> Value {
    let mut body = named(account);
    for (name, value) in more {
        body[*name] = json!(value);
    }
    body
}
/// Parses the response of `/lookup`.
fn read_lookup(answer: &Value) -> Option<Lookup> {
    if answer["eligible"].as_bool()? {
        let holder = HolderId::parse(answer["holder"].as_str()?)?;
        return Some(Lookup::Eligible(Holding { holder, id: AccountId::parse(answer["id"].as_str()?)? }));
    }
    Some(Lookup::Ineligible(match answer["reason"].as_str()? {
        "closed" => Ineligible::Closed,
        "transferred" => Ineligible::Transferred,
        "no_card" => Ineligible::NoCard,
        "corporate" => Ineligible::Corporate,
        _ => Ineligible::Unknown,
    }))
}
/// Parses the response of `/holders/{holder}/accounts`.
fn read_accounts(answer: &Value) -> Option<Vec<(AccountId, Account)>> {
    let one = |a: &Value| {
        let text = |name: &str| a[name].as_str();
        let account = format!("{}-{}-{}", text("branch")?, text("account_type")?, text("account_number")?);
        Some((AccountId::parse(text("id")?)?, Account::parse(&account)?))
    };
    answer["accounts"].as_array()?.iter().map(one).collect()
}

impl CoreBank for HttpBank {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        async move {
            let answer = self.ask(Method::Post, "/lookup", Some(&named(account))).await?;
            read_lookup(&answer).ok_or_else(|| BankError::Failed("/lookup answers something else".into()))
        }
        .boxed()
    }
    fn matches<'a>(
        &'a self,
        account: &'a Account,
        born: &'a BirthDate,
        phone: &'a Phone,
    ) -> BoxFuture<'a, Result<bool, BankError>> {
        let body = with(account, &[("birth_date", &born.iso()), ("phone", phone.as_str())]);
        self.judge("/match", body).boxed()
    }
    fn verify_pin<'a>(&'a self, account: &'a Account, pin: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>> {
        self.judge("/verify-pin", with(account, &[("pin", pin.reveal())])).boxed()
    }
    fn accounts<'a>(&'a self, holder: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>> {
        async move {
            let answer = self.ask(Method::Get, &format!("/holders/{holder}/accounts"), None).await?;
            read_accounts(&answer).ok_or_else(|| BankError::Failed("/holders answers something else".into()))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renkei_demo::bank::{Lookup as Found, SampleBank};
    use renkei_demo::time::{from_secs, jst_date};

    /// The sample bank's result for an account, in our types.
    fn lookup(found: Found) -> Lookup {
        match found {
            Found::Eligible { holder, id } => Lookup::Eligible(Holding {
                holder: HolderId::parse(&holder).unwrap(),
                id: AccountId::parse(&id).unwrap(),
            }),
            Found::Ineligible(why) => {
                let known = [Ineligible::Closed, Ineligible::Transferred, Ineligible::NoCard, Ineligible::Corporate];
                Lookup::Ineligible(known.into_iter().find(|k| k.as_str() == why).unwrap_or(Ineligible::Unknown))
            }
        }
    }

    /// The connector can parse what the sample bank sends, for every kind of account.
    #[test]
    fn connector_and_sample_bank_speak_the_same() {
        let now = from_secs(1_795_312_800);
        let bank = SampleBank::founded(jst_date(now));
        for text in [
            "115-ordinary-1100026",
            "115-ordinary-1100034",
            "115-ordinary-1100042",
            "011-ordinary-1111111",
            "999-savings-1",
        ] {
            let account = Account::parse(text).unwrap();
            let body = named(&account).to_string();
            let said = bank.answer("POST", "/lookup", "", body.as_bytes(), now).body;
            assert_eq!(read_lookup(&said), Some(lookup(bank.lookup(&account.to_string()))), "{text}");
            if let Some(Lookup::Eligible(h)) = read_lookup(&said) {
                let said = bank.answer("GET", &format!("/holders/{}/accounts", h.holder), "", b"", now).body;
                assert_eq!(read_accounts(&said).map(|l| l.len()), Some(2));
                let asked = with(&account, &[("pin", "4071")]).to_string();
                assert_eq!(bank.answer("POST", "/verify-pin", "", asked.as_bytes(), now).body["match"], true);
            }
        }
        for broken in [json!({}), json!({ "eligible": true }), json!({ "eligible": "yes" }), json!([])] {
            assert_eq!(read_lookup(&broken), None, "{broken}");
        }
        assert_eq!(read_accounts(&json!({ "accounts": [{ "id": "x" }] })), None);
    }
}
