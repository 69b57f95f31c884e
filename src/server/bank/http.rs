//! The connector for a core banking API over HTTP (docs/core-banking.md); the sample bank has the same API.
//!
//! Any unexpected response is a failure: R36 for the customer, the cause in the log, and no attempt is counted.

use crate::account::{Account, AccountNumber, AccountType, Branch};
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
        answer["match"].as_bool().ok_or_else(|| unfit(path, "match"))
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
/// A member of an answer that is text; its name if it is not.
fn text<'a>(answer: &'a Value, name: &'static str) -> Result<&'a str, &'static str> {
    answer[name].as_str().ok_or(name)
}
/// Parses the response of `/lookup`. The error is the member that does not fit.
fn read_lookup(answer: &Value) -> Result<Lookup, &'static str> {
    if answer["eligible"].as_bool().ok_or("eligible")? {
        let holder = HolderId::parse(text(answer, "holder")?).ok_or("holder")?;
        let id = AccountId::parse(text(answer, "id")?).ok_or("id")?;
        return Ok(Lookup::Eligible(Holding { holder, id }));
    }
    Ok(Lookup::Ineligible(match text(answer, "reason")? {
        "closed" => Ineligible::Closed,
        "transferred" => Ineligible::Transferred,
        "no_card" => Ineligible::NoCard,
        "corporate" => Ineligible::Corporate,
        _ => Ineligible::Unknown,
    }))
}
/// The accounts of a response of `/holders/{holder}/accounts`, and for each entry that is left out the member that does not
/// fit. A bank may have accounts of kinds that are not known here; they must not keep the person from linking another one.
type ReadAccounts = (Vec<(AccountId, Account)>, Vec<&'static str>);

/// Parses the response of `/holders/{holder}/accounts`. The error is the member that does not fit.
fn read_accounts(answer: &Value) -> Result<ReadAccounts, &'static str> {
    let (mut accounts, mut left_out) = (Vec::new(), Vec::new());
    for entry in answer["accounts"].as_array().ok_or("accounts")? {
        match read_account(entry) {
            Ok(account) => accounts.push(account),
            Err(member) => left_out.push(member),
        }
    }
    Ok((accounts, left_out))
}
fn read_account(entry: &Value) -> Result<(AccountId, Account), &'static str> {
    let id = AccountId::parse(text(entry, "id")?).ok_or("id")?;
    let branch = Branch::parse(text(entry, "branch")?).ok_or("branch")?;
    let account_type = AccountType::parse(text(entry, "account_type")?).ok_or("account_type")?;
    let number = AccountNumber::parse(text(entry, "account_number")?).ok_or("account_number")?;
    Ok((id, Account { branch, account_type, number }))
}
/// What the log says of an answer with a member that does not fit. Its value is personal, so it is not named.
fn unfit(endpoint: &str, member: &str) -> BankError {
    BankError::Failed(format!("{endpoint}: {member} is missing or not as docs/core-banking.md says"))
}

impl CoreBank for HttpBank {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        async move {
            let answer = self.ask(Method::Post, "/lookup", Some(&named(account))).await?;
            read_lookup(&answer).map_err(|member| unfit("/lookup", member))
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
            let (accounts, left_out) = read_accounts(&answer).map_err(|member| unfit("/holders", member))?;
            if let Some(member) = left_out.first() {
                let entries = left_out.len();
                tracing::warn!(
                    entries,
                    member,
                    "accounts of the core bank are left out: a member is missing or unknown here"
                );
            }
            Ok(accounts)
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
            assert_eq!(read_lookup(&said), Ok(lookup(bank.lookup(&account.to_string()))), "{text}");
            if let Ok(Lookup::Eligible(h)) = read_lookup(&said) {
                let said = bank.answer("GET", &format!("/holders/{}/accounts", h.holder), "", b"", now).body;
                assert_eq!(read_accounts(&said).map(|(l, left_out)| (l.len(), left_out)), Ok((2, vec![])));
                let asked = with(&account, &[("pin", "4071")]).to_string();
                assert_eq!(bank.answer("POST", "/verify-pin", "", asked.as_bytes(), now).body["match"], true);
            }
        }
    }

    /// The log names the member, so that the bank finds it.
    #[test]
    fn an_answer_that_does_not_fit_is_named_by_its_member() {
        let eligible = |holder: Value, id: Value| json!({"eligible": true, "holder": holder, "id": id});
        for (answer, member) in [
            (json!({}), "eligible"),
            (json!([]), "eligible"),
            (json!({"eligible": "yes"}), "eligible"),
            (json!({"eligible": true}), "holder"),
            (eligible(json!("h 1"), json!("a1")), "holder"),
            (eligible(json!("h"), json!("口座")), "id"),
            (eligible(json!("h".repeat(129)), json!("a")), "holder"),
            (eligible(json!("h"), json!(1)), "id"),
            (json!({"eligible": false}), "reason"),
        ] {
            assert_eq!(read_lookup(&answer), Err(member), "{answer}");
        }
        assert!(read_lookup(&eligible(json!("H-.9_~:"), json!("a".repeat(128)))).is_ok());
        assert_eq!(read_accounts(&json!({"accounts": {}})), Err("accounts"));
    }

    /// The examples of the document are answers that are understood.
    #[test]
    fn the_examples_of_the_document_are_understood() {
        let document = include_str!("../../../docs/core-banking.md");
        let examples = document.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
        let examples: Vec<Value> = examples.map(|text| serde_json::from_str(text).unwrap()).collect();
        let [lookup, accounts] = &examples[..] else { panic!("{examples:?}") };
        let Ok(Lookup::Eligible(holding)) = read_lookup(lookup) else { panic!("{lookup}") };
        let (accounts, left_out) = read_accounts(accounts).unwrap();
        assert_eq!((accounts.len(), left_out), (2, vec![]));
        assert_eq!(accounts[0].0, holding.id, "the verified account is in the list");
    }

    /// One entry of a kind that is unknown here does not keep the person from linking the others.
    #[test]
    fn an_unknown_entry_is_left_out_and_the_others_stay() {
        let entry = |name: &str, value: Value| {
            let mut entry =
                json!({"id": "a1", "branch": "115", "account_type": "ordinary", "account_number": "1100026"});
            entry[name] = value;
            entry
        };
        let good = entry("id", json!("a1"));
        for (name, value) in [
            ("id", json!("a 1")),
            ("id", Value::Null),
            ("branch", json!("15")),
            ("branch", json!("115-ordinary")),
            ("account_type", json!("loan")),
            ("account_type", json!(7)),
            ("account_number", json!("11000267")),
            ("account_number", Value::Null),
        ] {
            let answer = json!({"accounts": [entry(name, value.clone()), good]});
            let (accounts, left_out) = read_accounts(&answer).unwrap();
            assert_eq!((accounts.len(), accounts[0].0.as_str(), left_out), (1, "a1", vec![name]), "{name}: {value}");
        }
    }
}
