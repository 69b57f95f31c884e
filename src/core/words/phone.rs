//! Japanese telephone numbers: typed by customers, sent by carriers, always stored as national digits.

use crate::account::digits_between;
use crate::invisible::visible;
use std::fmt;

/// A number in Japan's national form: `0` and nine or ten more digits. Not printed in full, see [`Phone::masked`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

/// What stands between the digits beside hyphens and spaces.
const SEPARATORS: [char; 8] = ['(', ')', '（', '）', '.', '．', '・', '･'];

/// How many digits a number has that begins like this.
fn digits_of(national: &str) -> usize {
    let long = ["060", "070", "080", "090", "050"].iter().any(|prefix| national.starts_with(prefix));
    if long { 11 } else { 10 }
}

/// What exactly is wrong with a typed number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WrongPhone {
    /// Something else than digits stands in it: each such character once.
    Characters {
        /// The characters.
        others: Vec<char>,
    },
    /// It does not begin with 0.
    Zero,
    /// Digits are missing.
    Few {
        /// How many there are.
        n: usize,
        /// How many more such a number has.
        missing: usize,
    },
    /// There are too many.
    Many {
        /// How many there are.
        n: usize,
        /// How many more than such a number has.
        extra: usize,
    },
}

impl Phone {
    /// Parses a number as people write it: ten or eleven digits starting with `0`, or the `+81` form, with hyphens,
    /// spaces, brackets and dots (R23). `+81 (0)90…` names the `0` that is not dialled from abroad.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = visible(text);
        let text = text.trim();
        match text.strip_prefix('+').or_else(|| text.strip_prefix('＋')) {
            Some(rest) => {
                let d = digits_between(rest, &SEPARATORS)?;
                let rest = d.strip_prefix("81")?;
                Self::national(&format!("0{}", rest.strip_prefix('0').unwrap_or(rest)))
            }
            None => Self::national(&digits_between(text, &SEPARATORS)?),
        }
    }

    /// Parses what a customer typed, with as many digits as such a number has: eleven at 060, 070, 080 (so 0800), 090 and
    /// 050, ten at any other.
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        let phone = Self::parse(text)?;
        (phone.0.len() == digits_of(&phone.0)).then_some(phone)
    }

    /// Names what is wrong with a typed number that [`Phone::typed`] refuses.
    #[must_use]
    pub fn wrong(text: &str) -> Option<WrongPhone> {
        if Self::typed(text).is_some() {
            return None;
        }
        let text = visible(text);
        let text = text.trim();
        let plus = text.strip_prefix('+').or_else(|| text.strip_prefix('＋'));
        let Some(d) = digits_between(plus.unwrap_or(text), &SEPARATORS) else {
            let fine = |c: &char| digits_between(&format!("0{c}0"), &SEPARATORS).is_some();
            let mut others: Vec<char> = Vec::new();
            for c in plus.unwrap_or(text).chars().filter(|c| !fine(c)) {
                if !others.contains(&c) {
                    others.push(c);
                }
            }
            return (!others.is_empty()).then_some(WrongPhone::Characters { others });
        };
        let d = match plus {
            Some(_) => format!("0{}", d.strip_prefix("81")?.trim_start_matches('0')),
            None => d,
        };
        let (n, needs) = (d.len(), digits_of(&d));
        match n {
            0 => None,
            _ if !d.starts_with('0') => Some(WrongPhone::Zero),
            _ if n < needs => Some(WrongPhone::Few { n, missing: needs - n }),
            _ if n > needs => Some(WrongPhone::Many { n, extra: n - needs }),
            _ => None,
        }
    }

    /// Parses a number in any form a carrier or gateway sends (requirements.md#number-forms): `+81…`, `81…`, `0…`,
    /// `tel:`, `sip:` and `sips:` addresses with parameters. `None` if it is no Japanese subscriber number.
    #[must_use]
    pub fn from_network(text: &str) -> Option<Self> {
        let text = text.trim();
        let rest = ["tel:", "sip:", "sips:"].iter().find_map(|scheme| {
            text.get(..scheme.len()).filter(|p| p.eq_ignore_ascii_case(scheme)).map(|_| &text[scheme.len()..])
        });
        let user = rest.unwrap_or(text).split(['@', ';']).next()?;
        let plus = user.starts_with('+');
        let bare = user.strip_prefix('+').unwrap_or(user);
        if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit() || b"-.() ".contains(&b)) {
            return None;
        }
        let d: String = bare.chars().filter(char::is_ascii_digit).collect();
        if d.starts_with('0') && !plus {
            return Self::national(&d);
        }
        let rest = d.strip_prefix("81").filter(|_| matches!(d.len(), 11 | 12))?;
        Self::national(&format!("0{rest}"))
    }

    fn national(d: &str) -> Option<Self> {
        let zero_then_not = d.starts_with('0') && !d.starts_with("00");
        (zero_then_not && matches!(d.len(), 10 | 11)).then(|| Self(d.to_owned()))
    }

    /// The national digits, for comparing and for the core bank.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The form for screens: 「*****」 and the last four digits, which hides even the length (G16).
    #[must_use]
    pub fn masked(&self) -> String {
        format!("*****{}", self.last4())
    }
    /// The last four digits, for screen readers.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
    /// Grouped for readability: `0800-111-0001`, `090-1234-3333`, `0120-000-000`.
    #[must_use]
    pub fn grouped(&self) -> String {
        let cuts = match (&self.0[..4], self.0.len()) {
            ("0800" | "0120" | "0570" | "0990", _) => (4, 7),
            (_, 11) => (3, 7),
            _ => (4, 6),
        };
        format!("{}-{}-{}", &self.0[..cuts.0], &self.0[cuts.0..cuts.1], &self.0[cuts.1..])
    }
}
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_number() {
        for text in [
            "+819012343333",
            "819012343333",
            "09012343333",
            "tel:+81-90-1234-3333",
            "TEL:+819012343333",
            "sip:+819012343333@carrier.example;user=phone",
            "sips:09012343333@10.0.0.1",
            "tel:+819012343333;phone-context=+81",
        ] {
            assert_eq!(Phone::from_network(text).map(|p| p.0).as_deref(), Some("09012343333"), "{text}");
        }
        for text in [
            "+19012343333",
            "+1",
            "anonymous",
            "",
            "sip:anonymous@anonymous.invalid",
            "+8190123433331",
            "911",
            "０９０１２３４３３３３",
            "00819012343333",
            "+09012343333",
        ] {
            assert_eq!(Phone::from_network(text), None, "{text}");
        }
        for (typed, want) in [
            ("090-1234-3333", Some("09012343333")),
            ("０９０１２３４３３３３", Some("09012343333")),
            ("+81 90 1234 3333", Some("09012343333")),
            ("0438201122", Some("0438201122")),
            ("06012345678", Some("06012345678")),
            ("9012343333", None),
            ("090123433", None),
            ("090123433334", None),
            ("090-abcd-3333", None),
        ] {
            assert_eq!(Phone::parse(typed).map(|p| p.0).as_deref(), want, "{typed}");
        }
    }

    #[test]
    fn typed_with_the_digits_that_such_a_number_has() {
        for (typed, want) in [
            ("(0438)20-1122", Some("0438201122")),
            ("０４３８（２０）１１２２", Some("0438201122")),
            ("090.1234.3333", Some("09012343333")),
            ("+81 (0)90-1234-3333", Some("09012343333")),
            ("＋８１（０）９０－１２３４－３３３３", Some("09012343333")),
            ("+81-438-20-1122", Some("0438201122")),
            ("\u{202a}090-1234-3333\u{202c}", Some("09012343333")),
            ("08001110001", Some("08001110001")),
            ("05012345678", Some("05012345678")),
            ("07012345678", Some("07012345678")),
            ("06012345678", Some("06012345678")),
            ("0120000000", Some("0120000000")),
            ("0312345678", Some("0312345678")),
            ("0901234333", None),
            ("0800111000", None),
            ("0501234567", None),
            ("04382011223", None),
            ("03123456789", None),
            ("+81 (00)90-1234-3333", None),
            ("0438[20]1122", None),
        ] {
            assert_eq!(Phone::typed(typed).map(|p| p.0).as_deref(), want, "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_number_is_named() {
        for (typed, want) in [
            ("0901234333", Some(WrongPhone::Few { n: 10, missing: 1 })),
            ("090-1234-33", Some(WrongPhone::Few { n: 9, missing: 2 })),
            ("043820112", Some(WrongPhone::Few { n: 9, missing: 1 })),
            ("04382011223", Some(WrongPhone::Many { n: 11, extra: 1 })),
            ("090123433334", Some(WrongPhone::Many { n: 12, extra: 1 })),
            ("+81 90-1234-333", Some(WrongPhone::Few { n: 10, missing: 1 })),
            ("9012343333", Some(WrongPhone::Zero)),
            ("090-abca-3333", Some(WrongPhone::Characters { others: vec!['a', 'b', 'c'] })),
            ("でんわ", Some(WrongPhone::Characters { others: vec!['で', 'ん', 'わ'] })),
            ("0012345678", None),
            ("+1 212 555 0100", None),
            ("", None),
            ("090-1234-3333", None),
            ("0438-20-1122", None),
        ] {
            assert_eq!(Phone::wrong(typed), want, "{typed}");
        }
    }

    #[test]
    fn shown() {
        let p = |t| Phone::parse(t).map(|p| (p.masked(), p.grouped()));
        assert_eq!(p("09012343333"), Some(("*****3333".into(), "090-1234-3333".into())));
        assert_eq!(p("08001110001").map(|p| p.1), Some("0800-111-0001".into()));
        assert_eq!(format!("{:?}", Phone::parse("0438201122")), "Some(Phone(*****1122))");
    }
}
