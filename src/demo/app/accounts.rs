//! What the app reads from the account API, and how it learns there that a link has ended.

use super::oauth::Client;
use super::trouble::Trouble;
use crate::crypto::Secret;
use crate::wire::Answer;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

/// One account as the API describes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) branch: String,
    pub(super) account_type: String,
    pub(super) account_number: String,
}
#[derive(Deserialize)]
struct Accounts {
    accounts: Vec<Account>,
}
#[derive(Deserialize)]
struct Balance {
    balance: i64,
}
/// One movement.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Transaction {
    pub(super) date: NaiveDate,
    pub(super) description: String,
    pub(super) amount: i64,
}
#[derive(Deserialize)]
struct Transactions {
    transactions: Vec<Transaction>,
}

/// One account with what stands in it.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) account: Account,
    pub(super) balance: i64,
    /// The newest first.
    pub(super) transactions: Vec<Transaction>,
}

/// What the API said, and when.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) at: DateTime<Utc>,
    pub(super) statements: Vec<Statement>,
}

/// Why there is nothing new to show.
#[derive(Debug)]
pub(super) enum Stale {
    /// The token is dead: expired, given back or taken back.
    Ended,
    /// It may work later.
    Later(Trouble),
}
impl From<Trouble> for Stale {
    fn from(trouble: Trouble) -> Self {
        Self::Later(trouble)
    }
}

/// Reads every linked account.
pub(super) async fn fetch_all(
    oauth: &Client,
    api: &str,
    token: &Secret,
    now: DateTime<Utc>,
) -> Result<Snapshot, Stale> {
    let list: Accounts = get(oauth, &format!("{api}/v1/accounts"), token).await?;
    let mut statements = Vec::new();
    for account in list.accounts {
        let url = format!("{api}/v1/accounts/{}", account.id);
        let balance: Balance = get(oauth, &format!("{url}/balance"), token).await?;
        let mut moved: Transactions = get(oauth, &format!("{url}/transactions"), token).await?;
        moved.transactions.sort_by_key(|t| std::cmp::Reverse(t.date));
        statements.push(Statement { account, balance: balance.balance, transactions: moved.transactions });
    }
    Ok(Snapshot { at: now, statements })
}

async fn get<T: serde::de::DeserializeOwned>(oauth: &Client, url: &str, token: &Secret) -> Result<T, Stale> {
    let answer = oauth.get(url, token).await?;
    match answer.status {
        200 => Ok(serde_json::from_slice(&answer.body).map_err(|_| Trouble::Broken("account API"))?),
        401 if token_is_dead(&answer) => Err(Stale::Ended),
        status => {
            tracing::warn!(status, "sample app: the account API did not answer");
            Err(Trouble::Unreachable.into())
        }
    }
}

/// RFC 6750 §3.1: `invalid_token` covers expired, revoked and malformed alike.
fn token_is_dead(answer: &Answer) -> bool {
    answer.header("www-authenticate").is_some_and(|c| c.contains("error=\"invalid_token\""))
}
