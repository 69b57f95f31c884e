//! Identifiers: one newtype for each kind, so that a grant id cannot be used as a client id.

use crate::clock::Instant;
use crate::random::{self, Random};
use crate::secret::base64url;
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);
        impl $name {
            /// Parses an identifier: 1 to 128 characters of `A-Z a-z 0-9 - . _ ~ :`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let fits = (1..=128).contains(&text.len());
                let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:".contains(&b));
                (fits && clean).then(|| Self(text.to_owned()))
            }
            /// A new one: 128 random bits in 22 base64url characters.
            #[must_use]
            pub fn random(random: &dyn Random) -> Self {
                Self(base64url(random::bytes::<16>(random)))
            }
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an identifier"))
            }
        }
    };
}

/// Ids of the rows of large tables.
macro_rules! begins_with_the_time {
    ($($name:ident)*) => {
        $(impl $name {
            /// A new one in 22 base64url characters: the second `now` in the first 32 bits, and 96 random bits. What is written
            /// together then has keys that are close together (docs/decisions/0034-what-a-write-costs.md).
            #[must_use]
            pub fn new(now: Instant, random: &dyn Random) -> Self {
                let mut bytes = random::bytes::<16>(random);
                bytes[..4].copy_from_slice(&now.secs().to_be_bytes()[4..]);
                Self(base64url(bytes))
            }
        })*
    };
}
begins_with_the_time!(GrantId ConsentId TokenId);

id!(
    /// An app or resource server in the registry (RFC 6749 §2.2).
    ClientId
);
id!(
    /// The interaction of one customer with the screens ① to ⑥.
    InteractionId
);
id!(
    /// A grant: what a consent creates.
    GrantId
);
id!(
    /// A consent record.
    ConsentId
);
id!(
    /// The public id of a token (`jti`); never the token itself.
    TokenId
);
id!(
    /// A lifecycle event (`jti` of its Security Event Token).
    EventId
);
id!(
    /// An account, by the core bank's id for resource servers; opaque to us (requirements.md#account-information).
    AccountId
);
id!(
    /// A person, by the core bank's id; pairwise `sub` values are derived from it.
    HolderId
);
id!(
    /// A reserved attempt on an account, while the core bank is asked.
    GuessId
);
id!(
    /// A stream of events to one receiver.
    StreamId
);
id!(
    /// A notice to a customer.
    NoticeId
);
impl StreamId {
    /// The id of no stream: what is asked about a text that cannot be an id.
    #[must_use]
    pub fn none() -> Self {
        Self("~".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;
    use std::collections::HashSet;

    #[test]
    fn what_is_made_together_has_keys_close_together() {
        let random = SeededRandom::new(1);
        let at = |secs| GrantId::new(Instant::from_secs(secs), &random);
        let ids: Vec<GrantId> = (0..1000).map(|n| at(1_780_000_000 + n % 4)).collect();
        assert_eq!(ids.iter().map(|id| &id.as_str()[..5]).collect::<HashSet<_>>(), HashSet::from(["ahilA"]));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1000, "each is another one");
        assert!(ids.iter().all(|id| id.as_str().len() == 22 && GrantId::parse(id.as_str()).as_ref() == Some(id)));
        assert_ne!(at(1_780_000_004).as_str()[..5], *"ahilA", "the next four seconds");
    }
}
