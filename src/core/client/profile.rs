//! The closed words of a client record.

use crate::keys::Jwk;
use crate::keys::jose::Alg;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// The word as it stands in metadata and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
            /// The meaning of a word.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What a client must and may do (requirements.md#profiles).
    Profile {
        /// FAPI 2.0 Security Profile: PAR, PKCE, private_key_jwt or mTLS, DPoP- or mTLS-bound tokens.
        Fapi2 = "fapi2",
        /// The same with signed requests and JARM (FAPI 2.0 Message Signing).
        Fapi2MessageSigning = "fapi2_message_signing",
        /// OpenID Connect code flow of a confidential client.
        Oidc = "oidc",
        /// Only introspects.
        ResourceServer = "resource_server",
    }
}
impl Profile {
    /// Whether it is one of the FAPI 2.0 profiles.
    #[must_use]
    pub const fn is_fapi(self) -> bool {
        matches!(self, Self::Fapi2 | Self::Fapi2MessageSigning)
    }
    /// The algorithms it may sign with, and we may sign with for it.
    #[must_use]
    pub const fn algs(self) -> &'static [Alg] {
        if self.is_fapi() { &Alg::FAPI } else { &Alg::ALL }
    }
}

words! {
    /// Whether a client may do anything.
    Status {
        /// It may.
        Active = "active",
        /// The institution stopped it: it cannot authenticate, and nothing of it is live, until it is resumed.
        Suspended = "suspended",
        /// It registered itself (RFC 7591) and the institution has not approved it: it may manage its own registration
        /// (RFC 7592) and nothing else, and no customer ever sees it.
        Pending = "pending",
        /// It ended itself (RFC 7592 §2.3) for good. Only the record stays, for those who ask what a past link was.
        Ended = "ended",
    }
}

words! {
    /// `token_endpoint_auth_method` (RFC 7591 §2). Exactly the registered one is accepted.
    AuthMethod {
        /// RFC 6749 §2.3.1, the `Authorization` header.
        ClientSecretBasic = "client_secret_basic",
        /// RFC 6749 §2.3.1, the body.
        ClientSecretPost = "client_secret_post",
        /// RFC 7523 §2.2.
        PrivateKeyJwt = "private_key_jwt",
        /// RFC 8705 §2.2: a certificate that the client registered.
        SelfSignedTlsClientAuth = "self_signed_tls_client_auth",
        /// RFC 8705 §2.1: a certificate of an authority we trust, with the name that the client registered.
        TlsClientAuth = "tls_client_auth",
    }
}
impl AuthMethod {
    /// Whether the client proves itself with a secret that we share.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
    /// What a server offers that sees client certificates or not, and trusts authorities for them or not.
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

/// The business behind an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Provider {
    /// The name shown on ⑥ and in mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 財務局長(電代)第n号.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_number: Option<String>,
    /// Where its customers ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_uri: Option<String>,
    /// Its published contract with institutions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclosure_uri: Option<String>,
}
