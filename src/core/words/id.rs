//! Identifiers: one newtype for each kind, so that a grant id cannot be used as a client id.

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
