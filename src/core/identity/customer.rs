//! ②: name, birth date, telephone number, mail address (R20–R26, requirements.md#japanese-input).

use super::account::{is_empty, required, with_summary};
use super::message::{Field, Message, Problem};
use super::{BirthDate, Declared, Personal, PurposeKind};
use crate::clock::Instant;
use crate::invisible::visible;
use crate::kana::{Kana, KanaError};
use crate::phone::Phone;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// What was posted, as it was typed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomerForm {
    /// お名前
    pub name_kana: String,
    /// 西暦 … 年: `1954`, or with an era: `S29`, `昭和29年`
    pub birth_year: String,
    /// 月: `4` or `04`
    pub birth_month: String,
    /// 日: `4` or `04`
    pub birth_day: String,
    /// 電話番号
    pub phone: String,
    /// メールアドレス
    pub email: String,
    /// メールアドレス (確認用)
    pub email_confirm: String,
}
impl CustomerForm {
    /// Reads the form for its purpose; `now` decides which birth dates are in the future.
    ///
    /// # Errors
    /// Every problem at once, in the order of the fields; [`Message::Missing`] first when a field is empty.
    pub fn parse(&self, kind: PurposeKind, now: Instant) -> Result<(Declared, BirthDate), Vec<Problem>> {
        match kind {
            PurposeKind::Link => self.of_link(now),
            PurposeKind::My => self.of_my(now),
        }
    }
    /// What is wrong with the form.
    #[must_use]
    pub fn problems(&self, kind: PurposeKind, now: Instant) -> Vec<Problem> {
        self.parse(kind, now).err().unwrap_or_default()
    }
    /// Birth date and telephone number: the customer's own page needs no more.
    fn of_my(&self, now: Instant) -> Result<(Declared, BirthDate), Vec<Problem>> {
        let mut problems = Vec::new();
        let born = self.born(&mut problems, now);
        let phone = required(&mut problems, Field::Phone, &self.phone, Message::Phone, Phone::typed);
        match (born, phone) {
            (Some(born), Some(phone)) => Ok((Declared::My { phone }, born)),
            _ => Err(with_summary(problems)),
        }
    }
    fn of_link(&self, now: Instant) -> Result<(Declared, BirthDate), Vec<Problem>> {
        let mut problems = Vec::new();
        let name = self.name(&mut problems);
        let born = self.born(&mut problems, now);
        let phone = required(&mut problems, Field::Phone, &self.phone, Message::Phone, Phone::typed);
        let email = self.email(&mut problems);
        match (name, born, phone, email) {
            (Some(name), Some(born), Some(phone), Some(email)) => {
                Ok((Declared::Link(Personal { name, phone, email }), born))
            }
            _ => Err(with_summary(problems)),
        }
    }

    fn name(&self, problems: &mut Vec<Problem>) -> Option<Kana> {
        let why = match Kana::parse(&self.name_kana) {
            Ok(name) => return Some(name),
            Err(KanaError::Empty) => Message::Required,
            Err(KanaError::Characters(_)) => Message::Kana,
            Err(KanaError::Long) => Message::KanaLong,
        };
        problems.push(Problem::at(Field::NameKana, why));
        None
    }

    fn born(&self, problems: &mut Vec<Problem>, now: Instant) -> Option<BirthDate> {
        let parts = [&self.birth_year, &self.birth_month, &self.birth_day];
        let date = BirthDate::parse(parts, now);
        if date.is_none() {
            problems.extend(wrong_date(parts.map(|part| is_empty(part))));
        }
        date
    }

    fn email(&self, problems: &mut Vec<Problem>) -> Option<Email> {
        let email = Email::parse(&self.email);
        if let Err(why) = &email {
            problems.push(Problem::at(Field::Email, *why));
        }
        let why = match (&email, Email::parse(&self.email_confirm)) {
            (_, Err(Message::Required)) => Message::Required,
            (Ok(first), Ok(second)) if *first == second => return email.ok(),
            // The first address has its own problem already; a second one would only repeat it.
            (Err(_), _) => return None,
            _ => Message::EmailMismatch,
        };
        problems.push(Problem::at(Field::EmailConfirm, why));
        None
    }
}
impl std::fmt::Debug for CustomerForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomerForm(…)")
    }
}

/// What is said of a date that cannot be read: which parts are missing, or that it is none.
fn wrong_date(empty: [bool; 3]) -> Vec<Problem> {
    let parts = [
        Problem::at(Field::BirthYear, Message::BirthYear),
        Problem::at(Field::BirthMonth, Message::BirthMonth),
        Problem::at(Field::BirthDay, Message::BirthDay),
    ];
    match empty {
        [true, true, true] => vec![Problem::at(Field::BirthYear, Message::Required)],
        [false, false, false] => vec![Problem::at(Field::BirthYear, Message::BirthDate)],
        _ => parts.into_iter().zip(empty).filter_map(|(problem, empty)| empty.then_some(problem)).collect(),
    }
}

/// A mail address: ASCII, at most 64 bytes, the domain in lower case (R24, requirements.md#email).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);
impl Email {
    /// Reads what was typed; full-width letters and ＠ are accepted, and 。 for a dot.
    ///
    /// # Errors
    /// The message to show.
    pub fn parse(typed: &str) -> Result<Self, Message> {
        let dot = |c| if c == '。' { '.' } else { c };
        let text: String = visible(typed).nfkc().map(dot).collect();
        let text = text.trim();
        if text.is_empty() {
            return Err(Message::Required);
        }
        let (local, domain) = text.split_once('@').ok_or(Message::Email)?;
        // RFC 5321 §4.1.2 Dot-string.
        let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        let dots = |s: &str, fine: &dyn Fn(&str) -> bool| s.split('.').all(|part| !part.is_empty() && fine(part));
        let label = |l: &str| {
            let inner = l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            inner && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-')
        };
        let of_atext = local.split('.').all(|part| part.bytes().all(atext));
        if !of_atext || local.starts_with('.') || local.is_empty() || !dots(domain, &label) || !domain.contains('.') {
            return Err(Message::Email);
        }
        // Many mail servers cannot deliver to the mobile carriers' old `a..b@` and `a.@`.
        if local.contains("..") || local.ends_with('.') {
            return Err(Message::EmailDots);
        }
        if text.len() > 64 {
            return Err(Message::EmailLong);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
    /// The address as text, for sending mail.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(…)")
    }
}
