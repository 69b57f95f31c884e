//! The enumerations of a client record.

use crate::keys::Jwk;
use crate::keys::jose::Alg;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// The name in metadata and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
            /// The value with this name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What a client must do and may do (requirements.md#profiles).
    Profile {
        /// FAPI 2.0 Security Profile: PAR, PKCE, private_key_jwt or mTLS, DPoP- or mTLS-bound tokens.
        Fapi2 = "fapi2",
        /// The same with signed requests and JARM (FAPI 2.0 Message Signing).
        Fapi2MessageSigning = "fapi2_message_signing",
        /// OpenID Connect code flow of a confidential client.
        Oidc = "oidc",
        /// A resource server: introspects, and hears of the tokens it serves.
        ResourceServer = "resource_server",
        /// The institution's own receiver of events: hears everything and does nothing else (docs/events.md).
        Institution = "institution",
    }
}
impl Profile {
    /// Whether it is one of the FAPI 2.0 profiles.
    #[must_use]
    pub const fn is_fapi(self) -> bool {
        matches!(self, Self::Fapi2 | Self::Fapi2MessageSigning)
    }
    /// Whether customers link to it: an app, and neither a resource server nor the institution.
    #[must_use]
    pub const fn is_app(self) -> bool {
        !matches!(self, Self::ResourceServer | Self::Institution)
    }
    /// The algorithms for its signatures and for ours towards it.
    #[must_use]
    pub const fn algs(self) -> &'static [Alg] {
        if self.is_fapi() { &Alg::FAPI } else { &Alg::ALL }
    }
}

words! {
    /// Whether a client is active.
    Status {
        /// It is active.
        Active = "active",
        /// The institution stopped it: it cannot authenticate and its tokens are invalid, until it is resumed.
        Suspended = "suspended",
        /// It registered itself (RFC 7591) and waits for the institution's approval. It may only manage its own
        /// registration (RFC 7592); customers never see it.
        Pending = "pending",
        /// It ended itself (RFC 7592 §2.3) for good. The record stays, to explain past links.
        Ended = "ended",
    }
}

words! {
    /// `token_endpoint_auth_method` (RFC 7591 §2). Only the registered method is accepted.
    AuthMethod {
        /// `client_secret_basic` (RFC 6749 §2.3.1).
        ClientSecretBasic = "client_secret_basic",
        /// `client_secret_post` (RFC 6749 §2.3.1).
        ClientSecretPost = "client_secret_post",
        /// `private_key_jwt` (RFC 7523 §2.2).
        PrivateKeyJwt = "private_key_jwt",
        /// `self_signed_tls_client_auth` (RFC 8705 §2.2): a certificate that the client registered.
        SelfSignedTlsClientAuth = "self_signed_tls_client_auth",
        /// `tls_client_auth` (RFC 8705 §2.1): a certificate of a trusted authority, with the name that the client
        /// registered.
        TlsClientAuth = "tls_client_auth",
    }
}
impl AuthMethod {
    /// Whether the client authenticates with a shared secret.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
    /// The methods a server offers, depending on whether it sees client certificates and trusts authorities for them.
    #[must_use]
    pub fn offered(certificates: bool, authorities: bool) -> &'static [Self] {
        match (certificates, authorities) {
            (false, _) => &Self::ALL[..3],
            (true, false) => &Self::ALL[..4],
            (true, true) => Self::ALL,
        }
    }
}

words! {
    /// `grant_types` (RFC 7591 §2).
    GrantType {
        /// RFC 6749 §4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 §6.
        RefreshToken = "refresh_token",
        /// RFC 6749 §4.4.
        ClientCredentials = "client_credentials",
    }
}

/// Where a client's public keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKeys {
    /// It has none.
    None,
    /// `jwks`.
    Inline(Vec<Jwk>),
    /// `jwks_uri`.
    Remote(String),
}

/// Where a client's pushed events may go, and how many streams it may have (docs/events.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEvents {
    /// The endpoints that a stream may push to, or to a path below.
    pub endpoints: Vec<String>,
    /// How many streams it may have.
    pub streams: u32,
}
impl Default for ClientEvents {
    fn default() -> Self {
        Self { endpoints: Vec::new(), streams: 1 }
    }
}

/// The company behind an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Provider {
    /// The name shown on ⑥ and in mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 財務局長(電代)第n号.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_number: Option<String>,
    /// Its contact for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_uri: Option<String>,
    /// Its published contract with institutions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclosure_uri: Option<String>,
    /// 連鎖接続先: who receives the data from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downstream: Vec<Downstream>,
}

/// A company that receives customers' data from a provider.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Downstream {
    /// Its name.
    pub name: String,
    /// What it receives the data for.
    pub purpose: String,
}
