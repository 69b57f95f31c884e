//! The parameters of a request, parsed strictly: each at most once (RFC 6749 §3.1, §3.2), valid UTF-8, bounded.

use crate::refusal::{ErrorCode, Refusal};
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

/// The most parameters one request may have.
const MAX_PARAMS: usize = 64;

/// Parameters in the order received. A parameter without a value counts as absent (RFC 6749 §3.1).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

/// A PIN or a secret may be among them: nothing of the values stays in memory.
impl Drop for Params {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl Params {
    /// Parses `application/x-www-form-urlencoded` text: a query or a body.
    ///
    /// # Errors
    /// `invalid_request` for a repeated parameter, broken percent-encoding, text that is not UTF-8, a control
    /// character, or too many parameters.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut list = Self::default();
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            list.add(decode(name)?, Zeroizing::new(decode(value)?))?;
        }
        Ok(list)
    }

    /// Parses the query or body of a browser's request, whose refusal may have an address to go to. A repeated parameter is
    /// left out, because no value of it can be trusted, and its name is returned beside the others.
    ///
    /// # Errors
    /// The others of [`Params::parse`].
    pub fn parse_repeated(text: &str) -> Result<(Self, Vec<String>), Refusal> {
        let (mut list, mut repeated) = (Self::default(), Vec::new());
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, Zeroizing::new(decode(value)?));
            if list.has_one(&name) {
                if !repeated.contains(&name) {
                    repeated.push(name);
                }
                continue;
            }
            list.add(name, value)?;
        }
        list.retain(|name| !repeated.iter().any(|r| r == name));
        Ok((list, repeated))
    }

    /// Adds one parameter.
    ///
    /// # Errors
    /// `invalid_request` for a repeated parameter or too many of them.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        self.add(name.to_owned(), Zeroizing::new(value.to_owned()))
    }

    fn add(&mut self, name: String, mut value: Zeroizing<String>) -> Result<(), Refusal> {
        if self.has_one(&name) {
            return Err(Refusal::naming(ErrorCode::InvalidRequest, &format!("parameter {name} is repeated")));
        }
        if self.0.len() == MAX_PARAMS {
            return Err(Refusal::invalid_request("too many parameters"));
        }
        self.0.push((name, std::mem::take(&mut *value)));
        Ok(())
    }

    /// Whether `name` must not be added again. Only RFC 8707 §2 allows a parameter more than once.
    fn has_one(&self, name: &str) -> bool {
        name != "resource" && self.0.iter().any(|(n, _)| n == name)
    }

    /// The value of `name`; `None` if it is absent or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }
    /// Every value of `name`; only `resource` can have several.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }
    /// The same without duplicates, in the order received.
    #[must_use]
    pub fn each(&self, name: &str) -> Vec<String> {
        let mut list: Vec<String> = Vec::new();
        for (_, value) in self.0.iter().filter(|(n, v)| n == name && !v.is_empty()) {
            if !list.contains(value) {
                list.push(value.clone());
            }
        }
        list
    }
    /// The value of the required parameter `name`.
    ///
    /// # Errors
    /// `invalid_request` naming the parameter.
    pub fn need(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::naming(ErrorCode::InvalidRequest, &format!("{name} is missing")))
    }
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
    /// Sets `name` to `value` and removes its other values.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(n, _)| n != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }
    /// Removes every parameter for which `keep` is false.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(n, _)| keep(n));
    }
}
impl fmt::Debug for Params {
    /// Names only: the values are codes, secrets and personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(n, _)| n)).finish()
    }
}

/// Decodes one name or value; `+` is a space.
///
/// # Errors
/// `invalid_request` for a broken encoding or characters that no parameter may contain.
pub fn decode(text: &str) -> Result<String, Refusal> {
    if !text.bytes().any(|b| matches!(b, b'+' | b'%' | b'\0')) {
        return Ok(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
                match (hex(bytes.next()), hex(bytes.next())) {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => return Err(Refusal::invalid_request("broken percent-encoding")),
                }
            }
            other => other,
        });
    }
    let text = String::from_utf8(out).map_err(|_| Refusal::invalid_request("a parameter is not UTF-8"))?;
    if text.contains('\0') {
        return Err(Refusal::invalid_request("a parameter holds a NUL"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (text, why) in [
            ("a=1&a=2", "repeated"),
            ("a=1&a=", "repeated, once empty"),
            ("a=%zz", "not hex"),
            ("a=%f", "cut short"),
            ("a=%ff", "not UTF-8"),
            ("a=%00", "NUL"),
            (&"x=1&".repeat(2), "repeated"),
            (&(0..65).map(|i| format!("p{i}=1&")).collect::<String>(), "too many"),
        ] {
            assert_eq!(Params::parse(text).map_err(|r| r.code), Err(ErrorCode::InvalidRequest), "{why}");
        }
        let ok = Params::parse("a=1+2%20%E5%BA%97&empty=&resource=x&resource=y").unwrap_or_default();
        assert_eq!((ok.get("a"), ok.get("empty")), (Some("1 2 店"), None));
        assert_eq!(ok.all("resource").count(), 2);
        let twice = Params::parse("resource=y&resource=x&resource=y").unwrap_or_default();
        assert_eq!(twice.each("resource"), ["y", "x"]);
        assert!(!format!("{ok:?}").contains('店'));
        let (rest, repeated) =
            Params::parse_repeated("a=1&b=2&a=3&c=&a=4&%63=5&resource=x&resource=y").unwrap_or_default();
        assert_eq!(repeated, ["a", "c"]);
        assert_eq!(rest.iter().collect::<Vec<_>>(), [("b", "2"), ("resource", "x"), ("resource", "y")]);
        assert!(Params::parse_repeated("a=1&a=%zz").is_err());
        let many: String = (0..65).map(|i| format!("p{i}=1&")).collect();
        assert!(Params::parse_repeated(&many).is_err());
    }
}
