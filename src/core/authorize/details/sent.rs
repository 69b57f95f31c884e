//! A detail as a client sends it. Parsing is strict, so that nothing the client meant is ignored. An error names the member
//! and what is allowed there.

use super::{DetailType, Details, MAX_ACCOUNTS, Permission, bad};
use crate::id::AccountId;
use crate::refusal::{ErrorCode, Refusal};
use chrono::NaiveDate;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// The members of one object, in order, a repeated one too.
pub(super) struct SentMembers(pub(super) Vec<(String, Value)>);
impl<'de> Deserialize<'de> for SentMembers {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = SentMembers;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SentMembers, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(SentMembers(members))
            }
        }
        d.deserialize_map(Object)
    }
}

const TYPE: Refusal = bad("type must be account_information");
const ACCOUNTS: Refusal =
    bad("accounts must be a list of one to fifty account ids of this institution, or be left out");
const PERMISSIONS: Refusal = bad("permissions must be a list of balances, transactions or both, or be left out");

/// The detail that these members describe.
///
/// # Errors
/// `invalid_authorization_details`.
pub(super) fn read(members: Vec<(String, Value)>) -> Result<Details, Refusal> {
    let mut known: Vec<String> = Vec::new();
    let mut detail = Details::default();
    for (name, value) in members {
        if known.contains(&name) {
            return Err(naming(&format!("{} is repeated", shown(&name))));
        }
        match name.as_str() {
            "type" => detail.detail_type = one_of(&value).ok_or(TYPE)?,
            "accounts" => detail.accounts = set(&value, AccountId::parse).ok_or(ACCOUNTS)?,
            "permissions" => detail.permissions = set(&value, Permission::parse).ok_or(PERMISSIONS)?,
            "from" => detail.from = Some(day(&value).ok_or(bad("from must be a date like 2026-11-22"))?),
            "to" => detail.to = Some(day(&value).ok_or(bad("to must be a date like 2026-11-22"))?),
            other => {
                let why = "is no member of account_information: type, accounts, permissions, from and to are";
                return Err(naming(&format!("{} {why}", shown(other))));
            }
        }
        known.push(name);
    }
    if known.iter().any(|name| name == "type") { Ok(detail) } else { Err(TYPE) }
}

fn naming(why: &str) -> Refusal {
    Refusal::naming(ErrorCode::InvalidAuthorizationDetails, why)
}

/// As much of a name as fits into a sentence.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

fn one_of(value: &Value) -> Option<DetailType> {
    value.as_str().filter(|text| DetailType::ALL.contains(text)).map(|_| DetailType::AccountInformation)
}

/// A list without duplicates, in order; never an empty one.
fn set<T: Ord>(value: &Value, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut list = value.as_array()?.iter().map(|v| v.as_str().and_then(&parse)).collect::<Option<Vec<T>>>()?;
    list.sort_unstable();
    list.dedup();
    (1..=MAX_ACCOUNTS).contains(&list.len()).then_some(list)
}

/// A full-date of RFC 3339 §5.6; chrono alone would accept `2026-1-2` and years of more than four digits.
fn day(value: &Value) -> Option<NaiveDate> {
    let text = value.as_str()?;
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    plain.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}
