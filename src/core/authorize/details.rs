//! The authorization detail `account_information` (RFC 9396): which accounts, what of them, from when to when. A request
//! may carry one. Token response and introspection carry one where there is a permission, and none where there is none:
//! a request for `openid` alone is about the customer and no account (decision 10).
//!
//! # How a request's detail and its scope agree (RFC 9396 §3.1)
//! A detail narrows the scope beside it and may not go beyond it; where the scope names neither `accounts` nor
//! `transactions`, the detail's permissions bring theirs with them. So scope and permissions always say the same.

use crate::client::Client;
use crate::id::AccountId;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;
use chrono::NaiveDate;
use serde::{Deserialize, Deserializer};

/// The longest text of `authorization_details` that is read. The schema is what bounds its depth.
pub const MAX_TEXT: usize = 8 * 1024;
/// The most accounts one detail may name.
pub const MAX_ACCOUNTS: usize = 50;

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
    /// Both, in the order they are printed in.
    pub const ALL: [Self; 2] = [Self::Balances, Self::Transactions];
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
impl DetailType {
    /// Every type, as metadata lists them (RFC 9396 §10).
    pub const ALL: [&str; 1] = ["account_information"];
}

/// One `account_information` detail.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Details {
    /// What it is.
    #[serde(rename = "type")]
    pub detail_type: DetailType,
    /// The accounts, as the core bank names them to resource servers. In a request: empty where the customer chooses
    /// among all of theirs.
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
    /// Reads the parameter `authorization_details`: a list of one detail that keeps the schema to the letter
    /// (RFC 9396 §2, §5). Permissions it does not name stay empty.
    ///
    /// Two details of one type are refused: the answer carries one (decision 10), and one that holds both would allow
    /// each account what was asked for the other.
    ///
    /// # Errors
    /// `invalid_authorization_details`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_TEXT {
            return Err(bad("authorization_details is too long"));
        }
        let list: Vec<Wire> = serde_json::from_str(text).map_err(|e| {
            Refusal::naming(ErrorCode::InvalidAuthorizationDetails, &format!("authorization_details: {e}"))
        })?;
        let Ok([wire]) = <[Wire; 1]>::try_from(list) else {
            return Err(bad("authorization_details must hold exactly one detail"));
        };
        let detail = Self {
            detail_type: wire.detail_type,
            accounts: set(wire.accounts, "accounts must name one to fifty accounts, or be left out")?,
            permissions: set(wire.permissions, "permissions must name at least one, or be left out")?,
            from: wire.from.map(|d| d.0),
            to: wire.to.map(|d| d.0),
        };
        if detail.from.zip(detail.to).is_some_and(|(from, to)| from > to) {
            return Err(bad("from is after to"));
        }
        Ok(detail)
    }

    /// What a client's request asks for in detail, its permissions named, and the scope that says the same.
    ///
    /// # Errors
    /// `invalid_authorization_details` when it breaks the schema, or wants more than the scope beside it or the
    /// client's record allows.
    pub fn asked(text: &str, client: &Client, scope: &Scope) -> Result<(Self, Scope), Refusal> {
        let detail = Self::parse(text)?;
        let types = &client.authorization_details_types;
        if !types.is_empty() && !types.iter().any(|t| DetailType::ALL.contains(&t.as_str())) {
            return Err(bad("this client may not use this type of authorization_details"));
        }
        let of_accounts = |token: &str| Permission::ALL.iter().any(|p| p.scope() == token);
        // A scope without either says nothing of accounts: the detail does, within the client's record.
        let within = if scope.iter().any(of_accounts) { scope } else { &client.scope };
        let may = |p: &Permission| within.has(p.scope()) && client.scope.has(p.scope());
        let permissions: Vec<Permission> = match detail.permissions.as_slice() {
            [] => Permission::ALL.into_iter().filter(may).collect(),
            named if named.iter().all(may) => named.to_vec(),
            _ => return Err(bad("permissions go beyond the scope of the request or of the client")),
        };
        if permissions.is_empty() {
            return Err(bad("this client may not ask for account information"));
        }
        // What the client may not have stays, to be refused as a scope.
        let kept = scope.only(|token| !of_accounts(token) || !client.scope.has(token));
        let brought = permissions.iter().map(|p| p.scope());
        let scope = Scope::of(kept.iter().chain(brought));
        Ok((Self { permissions, ..detail }, scope))
    }

    /// This detail narrowed to what a token request asks of it (RFC 9396 §6); what that leaves out stays as it is.
    ///
    /// # Errors
    /// `invalid_authorization_details` when it asks for more than was granted.
    pub fn narrowed(&self, asked: &Self) -> Result<Self, Refusal> {
        let pick = |to: Option<NaiveDate>, own: Option<NaiveDate>| to.or(own);
        let beyond = asked.accounts.iter().any(|a| !self.accounts.contains(a))
            || asked.permissions.iter().any(|p| !self.permissions.contains(p));
        let narrowed = Self {
            detail_type: self.detail_type,
            accounts: if asked.accounts.is_empty() { self.accounts.clone() } else { asked.accounts.clone() },
            permissions: if asked.permissions.is_empty() {
                self.permissions.clone()
            } else {
                asked.permissions.clone()
            },
            from: pick(asked.from, self.from),
            to: pick(asked.to, self.to),
        };
        let early = self.from.is_some_and(|own| narrowed.from.is_some_and(|from| from < own));
        let late = self.to.is_some_and(|own| narrowed.to.is_some_and(|to| to > own));
        let empty = narrowed.from.zip(narrowed.to).is_some_and(|(from, to)| from > to);
        if beyond || early || late || empty {
            return Err(bad("authorization_details go beyond what was granted"));
        }
        Ok(narrowed)
    }

    /// What is left of it under a narrower scope.
    #[must_use]
    pub fn within(&self, scope: &Scope) -> Self {
        let permissions = self.permissions.iter().copied().filter(|p| scope.has(p.scope())).collect();
        Self { permissions, ..self.clone() }.only_permitted()
    }

    /// A detail without a permission names no account and no days. The id of an account is the same for every app, so
    /// two apps could find out by it that they have the same customer.
    fn only_permitted(self) -> Self {
        if self.permissions.is_empty() { Self { accounts: Vec::new(), from: None, to: None, ..self } } else { self }
    }

    /// Whether a scope token says no more than the permissions do; one that is not about accounts says nothing of them.
    #[must_use]
    pub fn lets(&self, token: &str) -> bool {
        Permission::ALL.iter().all(|p| p.scope() != token || self.permissions.contains(p))
    }

    /// What is granted: `accounts`, and of the permissions the scope carries those the request did not leave out. Where no
    /// permission is left, no account is granted.
    #[must_use]
    pub fn granted(scope: &Scope, accounts: Vec<AccountId>, limits: Option<&Self>) -> Self {
        let asked = |p: &Permission| limits.is_none_or(|l| l.permissions.is_empty() || l.permissions.contains(p));
        let permissions = Permission::ALL.into_iter().filter(|p| scope.has(p.scope()) && asked(p)).collect();
        let detail_type = DetailType::AccountInformation;
        let (from, to) = (limits.and_then(|l| l.from), limits.and_then(|l| l.to));
        Self { detail_type, accounts, permissions, from, to }.only_permitted()
    }
    /// The list a token response and introspection carry (RFC 9396 §7, §9); `None` where nothing is permitted, whatever
    /// accounts stand here: grants made by earlier releases name one all the same.
    #[must_use]
    pub fn to_response(&self) -> Option<serde_json::Value> {
        (!self.permissions.is_empty()).then(|| serde_json::json!([self]))
    }
}

/// A detail as a client writes it: strict, so that nothing it meant is passed over in silence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "type")]
    detail_type: DetailType,
    #[serde(default, deserialize_with = "present")]
    accounts: Option<Vec<AccountId>>,
    #[serde(default, deserialize_with = "present")]
    permissions: Option<Vec<Permission>>,
    #[serde(default, deserialize_with = "present")]
    from: Option<Day>,
    #[serde(default, deserialize_with = "present")]
    to: Option<Day>,
}
/// A member that stands there has a value: `null` is none.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// A full date of RFC 3339 §5.6; chrono alone would take `2026-1-2` and years beyond four digits.
struct Day(NaiveDate);
impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = plain.then(|| NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()).flatten();
        day.map(Self).ok_or_else(|| serde::de::Error::custom("not a date like 2026-11-22"))
    }
}

/// A list without repetitions, in order; empty where it was left out.
fn set<T: Ord>(list: Option<Vec<T>>, refusal: &'static str) -> Result<Vec<T>, Refusal> {
    let Some(mut list) = list else { return Ok(Vec::new()) };
    list.sort_unstable();
    list.dedup();
    if list.is_empty() || list.len() > MAX_ACCOUNTS { Err(bad(refusal)) } else { Ok(list) }
}

const fn bad(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidAuthorizationDetails, why)
}
