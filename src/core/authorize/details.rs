//! The authorization detail `account_information` (RFC 9396): which accounts, which data, for which days. A request
//! may have one. A token response and an introspection response have one if there is a permission, otherwise none: a
//! request for `openid` alone is about the customer and no account (decision 10).
//!
//! # How a request's detail and its scope agree (RFC 9396 §3.1)
//! A detail narrows the scope of its request and may not go beyond it. If the scope names neither `accounts` nor
//! `transactions`, the detail's permissions add theirs. So scope and permissions always agree.

mod sent;

use crate::client::Client;
use crate::clock::Instant;
use crate::id::AccountId;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;
use chrono::{Days, NaiveDate};
use sent::SentMembers;
use std::time::Duration;

/// The longest `authorization_details` that is read, in bytes. The schema limits its depth.
pub const MAX_TEXT: usize = 8 * 1024;
/// How many days back transactions can be read: 約3か月分 (R85).
pub const REACH_DAYS: u64 = 90;
/// The most accounts one detail may name.
pub const MAX_ACCOUNTS: usize = 50;

/// What an app may read of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// 口座情報: the account and its balance.
    Balances,
    /// 明細情報: its transactions.
    Transactions,
}
impl Permission {
    /// Both, in output order.
    pub const ALL: [Self; 2] = [Self::Balances, Self::Transactions];
    /// Its name in a detail, and in `permission` at introspection.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Balances => "balances",
            Self::Transactions => "transactions",
        }
    }
    /// The permission with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
    /// The scope that requests it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Balances => "accounts",
            Self::Transactions => "transactions",
        }
    }
}

/// The only type of detail. Any other is a parse error.
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
    /// Always `account_information`.
    #[serde(rename = "type")]
    pub detail_type: DetailType,
    /// The accounts, by the ids that resource servers know. In a request, empty means that the customer chooses.
    #[serde(default)]
    pub accounts: Vec<AccountId>,
    /// What may be read.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// The first day of readable transactions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The last day of readable transactions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}
impl Details {
    /// Parses the parameter `authorization_details`: a list with one detail that follows the schema exactly (RFC 9396
    /// §2, §5). If it names no permissions, they stay empty.
    ///
    /// Two details are refused. The answer has one (decision 10), and one that merged both would allow for each
    /// account what was asked for the other.
    ///
    /// # Errors
    /// `invalid_authorization_details`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_TEXT {
            return Err(bad("authorization_details is too long"));
        }
        let list: Vec<SentMembers> = serde_json::from_str(text).map_err(|e| {
            bad(if e.is_data() {
                "authorization_details must be a list of one object"
            } else {
                "authorization_details is not JSON"
            })
        })?;
        let Ok([SentMembers(members)]) = <[SentMembers; 1]>::try_from(list) else {
            return Err(bad("authorization_details must hold exactly one detail"));
        };
        let detail = sent::read(members)?;
        if detail.from.zip(detail.to).is_some_and(|(from, to)| from > to) {
            return Err(bad("from is after to"));
        }
        Ok(detail)
    }

    /// The detail a client requests, with explicit permissions, and the scope that agrees with it.
    ///
    /// # Errors
    /// `invalid_authorization_details` if it breaks the schema, or exceeds the scope of the request or the client's
    /// record.
    pub fn asked(text: &str, client: &Client, scope: &Scope) -> Result<(Self, Scope), Refusal> {
        let detail = Self::parse(text)?;
        let types = &client.authorization_details_types;
        if !types.is_empty() && !types.iter().any(|t| DetailType::ALL.contains(&t.as_str())) {
            return Err(bad("this client may not use this type of authorization_details"));
        }
        let of_accounts = |token: &str| Permission::ALL.iter().any(|p| p.scope() == token);
        // A scope with neither says nothing about accounts. The detail decides, within the client's record.
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
        // A scope the client may not have is kept here, so that it is refused as a scope.
        let kept = scope.only(|token| !of_accounts(token) || !client.scope.has(token));
        let brought = permissions.iter().map(|p| p.scope());
        let scope = Scope::of(kept.iter().chain(brought));
        Ok((Self { permissions, ..detail }, scope))
    }

    /// This detail, narrowed to what a token request asks for (RFC 9396 §6); members that are left out do not change.
    ///
    /// # Errors
    /// `invalid_authorization_details` if it asks for more than was granted.
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

    /// The part of the days it names that a link can hold which is agreed to at `at` and ends at `until`: not earlier than
    /// [`REACH_DAYS`] before, and not after the end. `None` if no day is left. A detail that names no day stays as it is.
    #[must_use]
    pub fn within_reach(&self, at: Instant, until: Instant) -> Option<Self> {
        if self.from.is_none() && self.to.is_none() {
            return Some(self.clone());
        }
        let first = at.jst_date().checked_sub_days(Days::new(REACH_DAYS))?;
        // A link that ends at midnight does not reach into the day that begins then.
        let last = (until - Duration::from_millis(1)).jst_date();
        let from = self.from.map_or(first, |from| from.max(first));
        let to = self.to.map_or(last, |to| to.min(last));
        (from <= to).then(|| Self { from: Some(from), to: Some(to), ..self.clone() })
    }

    /// The smallest detail that allows what either of them allows. Each account gets every permission of both, so it may be more
    /// than their sum: ⑥ shows it before the customer agrees (decision 10).
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.permissions.is_empty() || other.permissions.is_empty() {
            return if self.permissions.is_empty() { other.clone() } else { self.clone() };
        }
        let mut accounts = self.accounts.clone();
        accounts.extend(other.accounts.iter().filter(|a| !self.accounts.contains(a)).cloned());
        let both = |p: &Permission| self.permissions.contains(p) || other.permissions.contains(p);
        let permissions = Permission::ALL.into_iter().filter(both).collect();
        // A day that either does not name is no limit.
        let from = self.from.zip(other.from).map(|(one, two)| one.min(two));
        let to = self.to.zip(other.to).map(|(one, two)| one.max(two));
        Self { detail_type: self.detail_type, accounts, permissions, from, to }
    }

    /// What both of them allow; `None` if that is nothing.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let accounts: Vec<AccountId> = self.accounts.iter().filter(|a| other.accounts.contains(a)).cloned().collect();
        let permissions: Vec<Permission> =
            self.permissions.iter().copied().filter(|p| other.permissions.contains(p)).collect();
        // A day that only one of them names is a limit.
        let (from, to) = (self.from.max(other.from), [self.to, other.to].into_iter().flatten().min());
        let days = from.zip(to).is_none_or(|(from, to)| from <= to);
        let some = !accounts.is_empty() && !permissions.is_empty() && days;
        some.then_some(Self { detail_type: self.detail_type, accounts, permissions, from, to })
    }

    /// What remains of it under a narrower scope.
    #[must_use]
    pub fn within(&self, scope: &Scope) -> Self {
        let permissions = self.permissions.iter().copied().filter(|p| scope.has(p.scope())).collect();
        Self { permissions, ..self.clone() }.only_permitted()
    }

    /// A detail without a permission must name no account and no days. An account has the same id for every app, so
    /// two apps could find out that they have the same customer.
    fn only_permitted(self) -> Self {
        if self.permissions.is_empty() { Self { accounts: Vec::new(), from: None, to: None, ..self } } else { self }
    }

    /// Whether the permissions cover a scope token; a token that is not about accounts is always covered.
    #[must_use]
    pub fn lets(&self, token: &str) -> bool {
        Permission::ALL.iter().all(|p| p.scope() != token || self.permissions.contains(p))
    }

    /// The granted detail: `accounts`, and the permissions that are in the scope and were not left out of the
    /// request. Without a permission, no account is granted.
    #[must_use]
    pub fn granted(scope: &Scope, accounts: Vec<AccountId>, limits: Option<&Self>) -> Self {
        let asked = |p: &Permission| limits.is_none_or(|l| l.permissions.is_empty() || l.permissions.contains(p));
        let permissions = Permission::ALL.into_iter().filter(|p| scope.has(p.scope()) && asked(p)).collect();
        let detail_type = DetailType::AccountInformation;
        let (from, to) = (limits.and_then(|l| l.from), limits.and_then(|l| l.to));
        Self { detail_type, accounts, permissions, from, to }.only_permitted()
    }
    /// The list in a token response and in introspection (RFC 9396 §7, §9). `None` if nothing is permitted, even if
    /// accounts are stored: grants made by earlier releases name one anyway.
    #[must_use]
    pub fn to_response(&self) -> Option<serde_json::Value> {
        (!self.permissions.is_empty()).then(|| serde_json::json!([self]))
    }
}

/// A request for days of which a link could hold none.
pub const OUT_OF_REACH: Refusal =
    bad("from and to name no day of the last 90 days, or after them and before the end of the link");

const fn bad(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidAuthorizationDetails, why)
}
