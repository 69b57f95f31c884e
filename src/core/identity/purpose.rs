//! What an interaction is for. Only one that links has an app and its request: so no other one can lead to an
//! authorization code, which is bound to a request.

use super::{Personal, personal};
use crate::id::ClientId;
use crate::phone::Phone;
use crate::secret::Hash;
use serde::{Deserialize, Serialize};

/// What an interaction is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// An app asks for a link: ① to ⑥.
    Link(AnsweredRequest),
    /// 連携サービスの確認・停止: ① to ⑤, then the customer's own page.
    My,
}

/// The app and the request that a linking interaction answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredRequest {
    /// The app that sent the customer.
    pub client: ClientId,
    /// The stored authorization request, by the SHA-256 of its request_uri.
    pub request: Hash,
}

/// The purpose without its data: it decides the addresses of the screens, so an interaction of one kind does not exist
/// under the addresses of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurposeKind {
    /// `/link/{interaction}/…`
    Link,
    /// `/my/{interaction}/…`
    My,
}

impl Purpose {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> PurposeKind {
        match self {
            Self::Link(_) => PurposeKind::Link,
            Self::My => PurposeKind::My,
        }
    }
    /// The app and its request, if it links.
    #[must_use]
    pub const fn link(&self) -> Option<&AnsweredRequest> {
        match self {
            Self::Link(link) => Some(link),
            Self::My => None,
        }
    }
    /// The app, if it links.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Link(link) => Some(&link.client),
            Self::My => None,
        }
    }
}

/// What the customer typed at ②. The customer's own page asks for nothing that it does not need. It is stored sealed and
/// never printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Declared {
    /// For a link: name, telephone number, mail address.
    Link(Personal),
    /// For the customer's own page.
    My {
        /// The registered telephone number, by which the call is recognized.
        #[serde(with = "personal::phone")]
        phone: Phone,
    },
}
impl Declared {
    /// The registered telephone number.
    #[must_use]
    pub const fn phone(&self) -> &Phone {
        match self {
            Self::Link(personal) => &personal.phone,
            Self::My { phone } => phone,
        }
    }
}
