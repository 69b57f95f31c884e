//! Step 1: the authorization request, pushed (RFC 9126) or in the query (RFC 6749 §4.1.1), and the response to the
//! app at the end.
//!
//! Owns [`AuthorizationRequest`], its [`rules`], the table `requests`, in which it is stored until the first
//! interaction completes it, [`answer::AuthorizationResponse`] (with `iss`, RFC 9207, or signed, JARM), and where a
//! response may be sent. Does not own client authentication (`client`), the screens (`identity`, `consent`) or codes
//! (`grant`).

pub mod answer;
pub mod claims;
pub mod details;
mod entry;
mod grant_action;
mod hint;
pub mod object;
mod request_uri;
pub mod rules;
pub mod sql;

#[cfg(test)]
mod tests;

pub use answer::{AuthorizationResponse, Destination, Outcome, ResponseContext, oauth_answer};
pub use claims::Demands;
pub use details::{DetailType, Details, OUT_OF_REACH, Permission};
pub use entry::{at_once, begin, claim, destination, may_rest_on};
pub use grant_action::{ChangeAction, GrantAction, INVALID_GRANT_ID};
pub use hint::{Hint, SubjectDigest};
pub use request_uri::RequestUri;
pub use rules::{RequestInput, RequestSource, admit, check};

use crate::id::ClientId;
use crate::oxide::Challenge;
use crate::scope::Scope;
use crate::thumbprint::Thumbprint;

/// A checked authorization request: every value is valid for the client it names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuthorizationRequest {
    /// The client.
    pub client_id: ClientId,
    /// The redirect_uri, exactly as registered.
    pub redirect_uri: String,
    /// The response_mode.
    pub response_mode: ResponseMode,
    /// `state`; returned unchanged in the response.
    pub state: Option<String>,
    /// `nonce`; copied into the id_token.
    pub nonce: Option<String>,
    /// The requested scope; never empty, within what the client may have.
    pub scope: Scope,
    /// The PKCE challenge the code is bound to (RFC 7636); `None` only if the client may do without PKCE.
    pub code_challenge: Option<Challenge>,
    /// The DPoP key the code is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<Thumbprint>,
    /// The requested audiences (RFC 8707 §2).
    pub resource: Vec<String>,
    /// The authorization detail (RFC 9396 §2). Its permissions are explicit and agree with `scope`.
    #[serde(default)]
    pub authorization_details: Option<Details>,
    /// Languages for the screens, preferred first (`ui_locales`).
    pub ui_locales: Vec<String>,
    /// `prompt` values. `none` is answered by [`at_once`]; the others are always satisfied, because every request
    /// asks the customer anew.
    pub prompt: Vec<Prompt>,
    /// The highest age of the authentication in seconds. It makes `auth_time` mandatory in the id_token.
    pub max_age: Option<u64>,
    /// The requested `acr` values that exist here.
    pub acr_values: Vec<String>,
    /// The customer the app expects, by its `id_token_hint`.
    #[serde(default)]
    pub hint: Option<Hint>,
    /// What the parameter `claims` demands of the answer.
    #[serde(default)]
    pub claims: Demands,
    /// What the request wants done with the links its app has already.
    #[serde(default)]
    pub grant_action: Option<GrantAction>,
}
impl AuthorizationRequest {
    /// Whether this is an OpenID Connect request: an id_token is wanted.
    #[must_use]
    pub fn openid(&self) -> bool {
        self.scope.has("openid")
    }
    /// Whether no screen may be shown (OpenID Connect Core §3.1.2.1, `prompt=none`).
    #[must_use]
    pub fn is_prompt_none(&self) -> bool {
        self.prompt.contains(&Prompt::None)
    }
}

/// A value of `prompt` (OpenID Connect Core §3.1.2.1). All but `none` are always satisfied, because every request
/// checks the customer and asks for consent anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No screen may be shown.
    None,
    /// Authenticate again.
    Login,
    /// Ask for consent again.
    Consent,
    /// Let the customer choose an account.
    SelectAccount,
}
impl Prompt {
    /// Every value, as metadata lists them.
    pub const ALL: [Self; 4] = [Self::None, Self::Login, Self::Consent, Self::SelectAccount];
    /// The registered value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
    /// The prompt with this value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

/// How a response is sent to the app, plain or signed (JARM).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect_uri, the default of `response_type=code`.
    #[default]
    Query,
    /// By a self-submitting form (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// Signed, in the response_type's default mode: the query for `code` (JARM §2.3.4).
    Jwt,
    /// Signed, in the query (JARM §2.3.1).
    QueryJwt,
    /// Signed, by a form (JARM §2.3.3).
    FormPostJwt,
}
impl ResponseMode {
    /// Every mode, as metadata lists them.
    pub const ALL: [Self; 5] = [Self::Query, Self::FormPost, Self::Jwt, Self::QueryJwt, Self::FormPostJwt];
    /// The registered value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::Jwt => "jwt",
            Self::QueryJwt => "query.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }
    /// The mode of a `response_mode` parameter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text)
    }
    /// Whether the answer is a JWT (JARM §2.1).
    #[must_use]
    pub const fn signed(self) -> bool {
        matches!(self, Self::Jwt | Self::QueryJwt | Self::FormPostJwt)
    }
    /// Whether a form sends it.
    #[must_use]
    pub const fn posted(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }
}
