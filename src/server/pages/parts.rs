//! Parts of several pages: an account, a masked number, an app, the errors of a form.

use crate::account::{Account, AccountType};
use crate::client::{Client, Downstream};
use crate::clock::Instant;
use crate::identity::{Field, Message, Problem};
use crate::language::Language;
use crate::phone::Phone;
use serde::{Serialize, Serializer};

/// An account with its full number: shown only to its owner.
#[derive(Debug, Clone, Serialize)]
pub struct ShownAccount {
    /// 店番
    pub branch: String,
    /// 科目
    pub account_type: AccountType,
    /// 口座番号
    pub number: String,
}
impl From<&Account> for ShownAccount {
    fn from(account: &Account) -> Self {
        Self {
            branch: account.branch.as_str().to_owned(),
            account_type: account.account_type,
            number: account.number.as_str().to_owned(),
        }
    }
}

/// A registered telephone number: a page gets only its last four digits (G16).
#[derive(Debug, Clone, Serialize)]
pub struct MaskedPhone {
    masked: String,
    last4: String,
}
impl From<&Phone> for MaskedPhone {
    fn from(phone: &Phone) -> Self {
        Self { masked: phone.masked(), last4: phone.last4().to_owned() }
    }
}

/// A number to call.
#[derive(Debug, Clone, Serialize)]
pub struct CalledNumber {
    digits: String,
    grouped: String,
}
impl From<&Phone> for CalledNumber {
    fn from(phone: &Phone) -> Self {
        Self { digits: phone.as_str().to_owned(), grouped: phone.grouped() }
    }
}

/// An app and its provider, from the registry (銀行法 52条の61の8, requirements.md#provider).
#[derive(Debug, Clone, Default, Serialize)]
pub struct SomeClient {
    /// アプリ名称
    pub name: String,
    /// アプリ提供事業者
    pub provider: String,
    /// 登録番号
    pub registration_number: Option<String>,
    /// お問い合わせ窓口: an https address or text.
    pub contact: Option<String>,
    /// 利用規約
    pub terms_uri: Option<String>,
    /// 契約の公表: the page of 銀行法 52条の61の10.
    pub disclosure_uri: Option<String>,
    /// 連鎖接続先: who receives the data next.
    pub downstream: Vec<Downstream>,
}

impl SomeClient {
    /// A client in the language of a page.
    #[must_use]
    pub fn of(client: &Client, language: Language) -> Self {
        let provider = &client.provider;
        Self {
            provider: client.provider_in(language).to_owned(),
            name: client.name_in(language).to_owned(),
            registration_number: provider.registration_number.clone(),
            contact: provider.contact.clone(),
            terms_uri: provider.terms_uri.clone(),
            disclosure_uri: provider.disclosure_uri.clone(),
            downstream: provider.downstream.clone(),
        }
    }
}

/// One message for the whole page.
#[derive(Serialize)]
struct OnPage {
    key: &'static str,
    /// The time in the message.
    time: Option<Instant>,
}

/// One message at a field.
#[derive(Serialize)]
struct AtField {
    field: &'static str,
    /// The field whose name the error summary gives.
    label: &'static str,
    message: &'static str,
    /// Whether the error summary puts the field's name before the message. R30–R37 are complete sentences.
    labelled: bool,
}

/// Serializes errors for templates: those of the page, the lines below them, those of fields in order, and by field.
pub(super) fn problems<S: Serializer>(problems: &[Problem], s: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = s.serialize_map(Some(7))?;
    map.serialize_entry("any", &!problems.is_empty())?;
    map.serialize_entry("leads_back", &problems.iter().any(|p| p.message.leads_back()))?;
    map.serialize_entry("r30", &problems.iter().any(|p| p.message == Message::R30))?;
    let of_page = |follows: bool| {
        let lines = problems.iter().filter(|p| p.field.is_none() && p.message.follows() == follows);
        lines.map(|p| OnPage { key: p.message.key(), time: p.time }).collect::<Vec<_>>()
    };
    map.serialize_entry("page", &of_page(false))?;
    map.serialize_entry("after", &of_page(true))?;
    let fields: Vec<_> = problems
        .iter()
        .filter_map(|p| {
            let labelled = !matches!(p.message, Message::R30 | Message::R31 | Message::R36 | Message::R37);
            // A date has one name, whichever part is wrong.
            let label = match p.field? {
                Field::BirthMonth | Field::BirthDay => Field::BirthYear,
                other => other,
            };
            Some(AtField { field: p.field?.name(), label: label.name(), message: p.message.key(), labelled })
        })
        .collect();
    map.serialize_entry("fields", &fields)?;
    let at: std::collections::BTreeMap<_, _> = Field::ALL
        .iter()
        .map(|f| (f.name(), problems.iter().find(|p| p.field == Some(*f)).map(|p| p.message.key())))
        .collect();
    map.serialize_entry("at", &at)?;
    map.end()
}
