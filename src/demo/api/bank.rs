//! What the account API reads from the core bank.

use super::Api;
use super::challenge::Refused;
use crate::wire::send;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// `GET /accounts/{id}`, passed on as it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BankAccount {
    id: String,
    branch: String,
    account_type: String,
    account_number: String,
}
/// `GET /accounts/{id}/balance`
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BankBalance {
    pub(super) balance: i64,
}
/// One line of `GET /accounts/{id}/transactions`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BankTransaction {
    id: String,
    date: NaiveDate,
    description: String,
    /// In yen; what went out is negative.
    amount: i64,
    /// What stood in the account afterwards.
    balance: i64,
}
#[derive(Deserialize)]
struct BankTransactions {
    transactions: Vec<BankTransaction>,
}

impl Api {
    pub(super) async fn account(&self, id: &str) -> Result<BankAccount, Refused> {
        self.ask(&format!("accounts/{id}")).await
    }
    pub(super) async fn balance(&self, id: &str) -> Result<BankBalance, Refused> {
        self.ask(&format!("accounts/{id}/balance")).await
    }
    pub(super) async fn transactions(
        &self,
        id: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<BankTransaction>, Refused> {
        let found: BankTransactions = self.ask(&format!("accounts/{id}/transactions?from={from}&to={to}")).await?;
        Ok(found.transactions)
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        let request = self.parts.http.get(format!("{}/{path}", self.settings.bank));
        match send(request.bearer_auth(self.settings.bank_token.reveal())).await {
            Ok(answer) if answer.status == 200 => {
                serde_json::from_slice(&answer.body).map_err(|_| Refused::Unavailable)
            }
            Ok(answer) if answer.status == 404 => Err(Refused::NotFound),
            Ok(answer) => {
                tracing::error!(status = answer.status, "account API: the bank refused");
                Err(Refused::Unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "account API: the bank did not answer");
                Err(Refused::Unavailable)
            }
        }
    }
}
