//! Scopes: an ordered set of RFC 6749 §3.3 tokens, always printed in the same order.

use std::collections::BTreeSet;
use std::fmt;

/// The scopes of an authorization request, which only a customer can grant (requirements.md#scopes). No client has them
/// for itself (decision 11).
pub const CUSTOMERS: [&str; 4] = ["openid", "accounts", "transactions", "offline_access"];

/// What an app may do with its grants (Grant Management for OAuth 2.0 §6): ask about them, end them. It may ask for them together
/// with a customer's scopes, and in its own name; no customer is asked about them.
pub const GRANT_MANAGEMENT: [&str; 2] = ["grant_management_query", "grant_management_revoke"];

/// What a client may do here in its own name: its token for one of these has the issuer as its only audience, so that no resource
/// server accepts it.
pub const OWN: [&str; 4] = ["ssf.read", "ssf.manage", "grant_management_query", "grant_management_revoke"];

/// A set of scope tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// Parses a space-separated list; `None` if a token has a character that RFC 6749 §3.3 does not allow.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let token = |t: &str| t.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        let set: BTreeSet<String> = text.split(' ').filter(|t| !t.is_empty()).map(str::to_owned).collect();
        set.iter().all(|t| token(t)).then_some(Self(set))
    }
    /// The set of tokens that are known to be valid.
    #[must_use]
    pub fn of<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self(tokens.into_iter().map(str::to_owned).collect())
    }
    /// The scopes of [`OWN`].
    #[must_use]
    pub fn of_clients() -> Self {
        Self(OWN.iter().map(|&token| token.to_owned()).collect())
    }
    /// The customers' scopes.
    #[must_use]
    pub fn of_customers() -> Self {
        Self(CUSTOMERS.iter().map(|&token| token.to_owned()).collect())
    }
    /// Whether the set contains `token`.
    #[must_use]
    pub fn has(&self, token: &str) -> bool {
        self.0.contains(token)
    }
    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Whether every token of `self` is in `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
    /// The tokens of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }
    /// The tokens for which `keep` is true.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|t| keep(t)).cloned().collect())
    }
    /// The tokens, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, token) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}
impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a scope (RFC 6749 section 3.3)"))
    }
}
