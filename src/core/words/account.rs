//! An account as a customer knows it: 店番 (branch), 科目 (account type), 口座番号 (account number).

use crate::invisible::is_invisible;
use std::fmt;

/// 店番: exactly three digits, leading zeros significant (R13).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Branch(String);
impl Branch {
    /// Parses what a customer typed; full-width digits, hyphens and spaces are accepted.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let d = digits(typed)?;
        (d.len() == 3).then_some(Self(d))
    }
    /// The three digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 科目: the two kinds of account that can be linked (R5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountType {
    /// 普通預金
    Ordinary,
    /// 貯蓄預金
    Savings,
}
impl AccountType {
    /// Parses the form's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ordinary" => Some(Self::Ordinary),
            "savings" => Some(Self::Savings),
            _ => None,
        }
    }
    /// The form's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Savings => "savings",
        }
    }
    /// The Japanese name.
    #[must_use]
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Ordinary => "普通預金",
            Self::Savings => "貯蓄預金",
        }
    }
}

/// 口座番号: one to seven digits typed, stored as seven: 123 ≡ 0000123 (R15).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountNumber(String);
impl AccountNumber {
    /// Parses what a customer typed and pads it to seven digits. Commas are accepted too: 1,100,026.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let d = digits_between(typed, &[',', '，', '、', '､'])?;
        (1..=7).contains(&d.len()).then(|| Self(format!("{d:0>7}")))
    }
    /// The seven digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The last three digits, the only ones a mail may contain (requirements.md#notice-text).
    #[must_use]
    pub fn last3(&self) -> &str {
        &self.0[4..]
    }
}

/// One account of the institution. As text: `115-ordinary-1100026`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// 店番
    pub branch: Branch,
    /// 科目
    pub account_type: AccountType,
    /// 口座番号
    pub number: AccountNumber,
}
impl Account {
    /// Parses the text form, as used on the command line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let account = Self {
            branch: Branch::parse(parts.next()?)?,
            account_type: AccountType::parse(parts.next()?)?,
            number: AccountNumber::parse(parts.next()?)?,
        };
        parts.next().is_none().then_some(account)
    }
}
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.branch.0, self.account_type.as_str(), self.number.0)
    }
}
impl serde::Serialize for Account {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Account {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an account like 115-ordinary-1100026"))
    }
}

/// The digits of a typed number: full-width digits become ASCII; hyphens, dashes, ー, spaces and what nobody sees are
/// removed (requirements.md#digits). `None` if anything else is left.
#[must_use]
pub fn digits(typed: &str) -> Option<String> {
    digits_between(typed, &[])
}

/// The same for a number that may be written with further separators.
pub(crate) fn digits_between(typed: &str, separators: &[char]) -> Option<String> {
    let mut out = String::with_capacity(typed.len());
    for c in typed.chars() {
        match c {
            '0'..='9' => out.push(c),
            '０'..='９' => out.push(char::from(b'0' + u8::try_from(u32::from(c) - u32::from('０')).ok()?)),
            '-' | ' ' | '\u{3000}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' | 'ー' | 'ｰ' => {}
            c if is_invisible(c) || separators.contains(&c) => {}
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_customers_type_them() {
        let n = |t| AccountNumber::parse(t).map(|n| n.0);
        for (typed, want) in [
            ("123", Some("0000123")),
            ("0000123", Some("0000123")),
            ("１２３", Some("0000123")),
            ("110-0026", Some("1100026")),
            (" 1100026 ", Some("1100026")),
            ("1,100,026", Some("1100026")),
            ("１，１００、０２６", Some("1100026")),
            ("110.0026", None),
            (",", None),
            ("12345678", None),
            ("12a", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(n(typed).as_deref(), want, "{typed:?}");
        }
        for (typed, ok) in [("005", true), ("5", false), ("０１０", true), ("0055", false), ("", false)] {
            assert_eq!(Branch::parse(typed).is_some(), ok, "{typed:?}");
        }
        let a = Account::parse("115-ordinary-1100026");
        assert_eq!(a.map(|a| a.to_string()).as_deref(), Some("115-ordinary-1100026"));
        assert_eq!(Account::parse("115-loan-1"), None);
    }
}
