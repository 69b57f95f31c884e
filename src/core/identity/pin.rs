//! ⑤: the cash card's PIN. It exists only while the request that carries it is handled (requirements.md#states).
//! Wrong PINs are counted in `counts`, by way of `attempt` and `lockout`.

use super::message::{Field, Message, Problem};
use crate::invisible::visible;
use crate::secret::Secret;

/// Four digits. Cleared from memory when dropped; never printed, stored or logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Secret);
impl Pin {
    /// Reads what was typed: exactly four digits; full-width ones are forgiven (requirements.md#japanese-input).
    ///
    /// # Errors
    /// The problem to show.
    pub fn parse(typed: &str) -> Result<Self, Vec<Problem>> {
        let seen = Secret::new(visible(typed));
        let typed = seen.reveal().trim();
        if typed.is_empty() {
            return Err(vec![Problem::page(Message::Missing), Problem::at(Field::Pin, Message::Required)]);
        }
        let digit = |c: char| match c {
            '0'..='9' => Some(c),
            '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
            _ => None,
        };
        let digits: Option<Secret> = typed.chars().map(digit).collect::<Option<String>>().map(Secret::new);
        let four = digits.filter(|digits| matches!(digits.reveal().len(), 4));
        four.map(Self).ok_or_else(|| vec![Problem::at(Field::Pin, Message::Pin)])
    }
    /// The digits, for the core bank.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}
impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(…)")
    }
}
