//! The authorization detail `account_information` (RFC 9396): which accounts, what of them, from when to when. Every
//! token and every introspection carries exactly one (contract §6).

use crate::id::AccountId;
use crate::scope::Scope;
use chrono::NaiveDate;

/// What of an account may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// 口座情報: the account and what is on it.
    Balances,
    /// 明細情報: its movements.
    Transactions,
}
impl Permission {
    /// The scope that asks for it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Balances => "accounts",
            Self::Transactions => "transactions",
        }
    }
}

/// The one type of detail there is. Reading any other fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetailType {
    /// `account_information`
    #[default]
    AccountInformation,
}

/// One `account_information` detail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Details {
    /// What it is.
    #[serde(rename = "type")]
    pub detail_type: DetailType,
    /// The accounts, as the core bank names them to resource servers.
    #[serde(default)]
    pub accounts: Vec<AccountId>,
    /// What of them.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// The first day of movements that may be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}
impl Details {
    /// What is granted: `accounts`, and of the permissions the scope carries those the request did not leave out.
    #[must_use]
    pub fn granted(scope: &Scope, accounts: Vec<AccountId>, limits: Option<&Self>) -> Self {
        let asked = |p: &Permission| limits.is_none_or(|l| l.permissions.is_empty() || l.permissions.contains(p));
        let all = [Permission::Balances, Permission::Transactions];
        let permissions = all.into_iter().filter(|p| scope.has(p.scope()) && asked(p)).collect();
        let detail_type = DetailType::AccountInformation;
        Self { detail_type, accounts, permissions, from: limits.and_then(|l| l.from), to: limits.and_then(|l| l.to) }
    }
    /// The list a token response and introspection carry (RFC 9396 §7, §9).
    #[must_use]
    pub fn list(&self) -> serde_json::Value {
        serde_json::json!([self])
    }
}
