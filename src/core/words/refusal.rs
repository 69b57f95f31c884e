//! Refusals in OAuth's terms: an error code of the RFCs and a sentence for the client's developer.

use std::borrow::Cow;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// The registered error codes we use.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $name),+ }
        impl ErrorCode {
            /// The code's text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
            /// The code with this text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}
codes! {
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidRequest = "invalid_request",
    /// RFC 6749 §5.2; sent with 401.
    InvalidClient = "invalid_client",
    /// RFC 6749 §5.2.
    InvalidGrant = "invalid_grant",
    /// RFC 6749 §5.2.
    UnauthorizedClient = "unauthorized_client",
    /// RFC 6749 §5.2.
    UnsupportedGrantType = "unsupported_grant_type",
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType = "unsupported_response_type",
    /// RFC 6749 §5.2.
    InvalidScope = "invalid_scope",
    /// RFC 6749 §4.1.2.1.
    AccessDenied = "access_denied",
    /// RFC 6749 §4.1.2.1.
    ServerError = "server_error",
    /// RFC 6749 §4.1.2.1.
    TemporarilyUnavailable = "temporarily_unavailable",
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType = "unsupported_token_type",
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired = "login_required",
    /// OpenID Connect Core §3.1.2.6.
    ConsentRequired = "consent_required",
    /// RFC 9101 §6.
    InvalidRequestObject = "invalid_request_object",
    /// RFC 9126 §2.3, RFC 9101 §6.
    InvalidRequestUri = "invalid_request_uri",
    /// OpenID Connect Core §3.1.2.6.
    RequestNotSupported = "request_not_supported",
    /// OpenID Connect Core §3.1.2.6.
    RequestUriNotSupported = "request_uri_not_supported",
    /// OpenID Connect Core §3.1.2.6.
    RegistrationNotSupported = "registration_not_supported",
    /// OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
    UnmetAuthenticationRequirements = "unmet_authentication_requirements",
    /// RFC 6750 §3.1.
    InvalidToken = "invalid_token",
    /// RFC 6750 §3.1.
    InsufficientScope = "insufficient_scope",
    /// RFC 8707 §2.
    InvalidTarget = "invalid_target",
    /// Grant Management for OAuth 2.0 §5.
    InvalidGrantId = "invalid_grant_id",
    /// RFC 9396 §5.
    InvalidAuthorizationDetails = "invalid_authorization_details",
    /// RFC 9449 §5.
    InvalidDpopProof = "invalid_dpop_proof",
    /// RFC 9449 §8.
    UseDpopNonce = "use_dpop_nonce",
    /// RFC 7591 §3.2.2.
    InvalidRedirectUri = "invalid_redirect_uri",
    /// RFC 7591 §3.2.2.
    InvalidClientMetadata = "invalid_client_metadata",
    /// RFC 7591 §3.2.2.
    InvalidSoftwareStatement = "invalid_software_statement",
    /// RFC 7591 §3.2.2.
    UnapprovedSoftwareStatement = "unapproved_software_statement",
}

macro_rules! link_ends {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $description:literal;)+) => {
        /// Why a link is over, as its own app reads it at the token endpoint: the member `renkei_error`, an addition of ours (RFC 6749
        /// §5.2). The words are those of `by` in docs/events.md.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum LinkEnd { $($(#[$doc])* $name),+ }
        impl LinkEnd {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),+];
            /// The value of the member.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
            /// Its `error_description`.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description),+ }
            }
        }
    };
}
link_ends! {
    /// Its period is over.
    Expired = "expired", "the link has expired";
    /// A newer link or a newer refresh token took the place of this one.
    Replaced = "replaced", "a newer link or a newer refresh token replaced it";
    /// The app ended it.
    Client = "client", "the client ended the link";
    /// The customer stopped it.
    Customer = "customer", "the customer ended the link";
    /// The institution ended it.
    Institution = "institution", "the institution ended the link";
    /// 移管, 解約, 死亡, 取引停止: an app does not learn which.
    Account = "account", "the link ended with its account";
    /// A code came twice.
    Replay = "replay", "the link ended because a code was used twice";
}

/// The longest description that quotes its caller, in characters: a value and what is allowed in its place.
const LONGEST: usize = 400;

/// A refusal. The description is ASCII English (RFC 6749 §5.2; Japanese is for pages only) and says no more than the
/// caller may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error code.
    pub code: ErrorCode,
    /// `error_description`.
    pub description: Cow<'static, str>,
    /// Why the link is over; only for its own client.
    pub link_end: Option<LinkEnd>,
}
impl Refusal {
    /// A refusal with a fixed description.
    #[must_use]
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description), link_end: None }
    }
    /// A refusal that quotes the caller's input; characters that RFC 6749 §5.2 does not allow are replaced.
    #[must_use]
    pub fn naming(code: ErrorCode, description: &str) -> Self {
        let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        let clean = description.chars().take(LONGEST).map(|c| if allowed(c) { c } else { '?' }).collect();
        Self { code, description: Cow::Owned(clean), link_end: None }
    }
    /// `invalid_grant` for a code or a refresh token of a link that is over. Only for the link's own client.
    #[must_use]
    pub const fn over(end: LinkEnd) -> Self {
        let description = Cow::Borrowed(end.description());
        Self { code: ErrorCode::InvalidGrant, description, link_end: Some(end) }
    }
    /// `invalid_request` with a fixed description.
    #[must_use]
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }
}
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}
impl std::error::Error for Refusal {}
