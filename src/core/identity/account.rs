//! ①: 店番, 科目, 口座番号. Format only; the core bank is asked at ② (R16).

use super::message::{Field, Message, Problem};
use crate::account::{Account, AccountNumber, AccountType, Branch};
use crate::invisible::visible;

/// What was posted, as it was typed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AccountForm {
    /// 店番
    pub branch: String,
    /// 科目
    pub account_type: String,
    /// 口座番号
    pub account_number: String,
}
impl AccountForm {
    /// The form filled with an account, for ① entered again (G33).
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self {
            branch: account.branch.as_str().to_owned(),
            account_type: account.account_type.as_str().to_owned(),
            account_number: account.number.as_str().to_owned(),
        }
    }
    /// Reads the form.
    ///
    /// # Errors
    /// Every problem at once, in the order of the fields; [`Message::Missing`] first when a field is empty.
    pub fn parse(&self) -> Result<Account, Vec<Problem>> {
        let mut problems = Vec::new();
        let branch = required(&mut problems, Field::Branch, &self.branch, Message::Branch, Branch::parse);
        let account_type =
            required(&mut problems, Field::AccountType, &self.account_type, Message::Required, AccountType::parse);
        let number = required(
            &mut problems,
            Field::AccountNumber,
            &self.account_number,
            Message::AccountNumber,
            AccountNumber::parse,
        );
        match (branch, account_type, number) {
            (Some(branch), Some(account_type), Some(number)) => Ok(Account { branch, account_type, number }),
            _ => Err(with_summary(problems)),
        }
    }
}
impl std::fmt::Debug for AccountForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountForm(…)")
    }
}

/// Reads one required field; an empty or unreadable one is added to the problems.
pub(super) fn required<T>(
    problems: &mut Vec<Problem>,
    field: Field,
    typed: &str,
    wrong: Message,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let empty = is_empty(typed);
    let value = if empty { None } else { parse(typed) };
    if value.is_none() {
        problems.push(Problem::at(field, if empty { Message::Required } else { wrong }));
    }
    value
}

/// Whether nobody sees anything in a field.
pub(super) fn is_empty(typed: &str) -> bool {
    visible(typed).trim().is_empty()
}

/// Puts R17 first, once, when a field is empty (docs/requirements.md#a2).
pub(super) fn with_summary(mut problems: Vec<Problem>) -> Vec<Problem> {
    if problems.iter().any(|p| p.message.says_empty()) {
        problems.insert(0, Problem::page(Message::Missing));
    }
    problems
}
