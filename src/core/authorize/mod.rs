//! Step 1, what is asked: the authorization request, pushed (RFC 9126) or in the query (RFC 6749 §4.1.1), and the answer
//! that goes back to the app at the end.
//!
//! Owned here: [`AuthorizationRequest`], the [`rules`] it must satisfy, the table `requests` it rests in until the first interaction
//! completes it, [`answer::AuthorizationResponse`] (with `iss`, RFC 9207, or signed, JARM), and the knowledge of where an answer may be sent.
//! Not here: who the client is (`client`), the screens (`identity`, `consent`), codes (`grant`).

pub mod answer;
pub mod claims;
pub mod details;
mod entry;
mod hint;
pub mod object;
mod request_uri;
pub mod rules;
pub mod sql;

#[cfg(test)]
mod tests;

pub use answer::{AuthorizationResponse, Destination, Outcome, ResponseContext, oauth_answer};
pub use claims::Demands;
pub use details::{DetailType, Details, Permission};
pub use entry::{at_once, begin, claim, may_rest_on};
pub use hint::{Hint, SubjectDigest};
pub use request_uri::RequestUri;
pub use rules::{RequestInput, RequestSource, admit, check, destination};

use crate::id::ClientId;
use crate::oxide::Challenge;
use crate::scope::Scope;

/// A checked authorization request: everything in it holds for the client it names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes, character for character as registered.
    pub redirect_uri: String,
    /// How the answer travels.
    pub response_mode: ResponseMode,
    /// Returned unread in the answer.
    pub state: Option<String>,
    /// Echoed in the id_token.
    pub nonce: Option<String>,
    /// What is asked for; never empty, within what the client may have.
    pub scope: Scope,
    /// What the code will be bound to (RFC 7636); absent only where the client may do without PKCE.
    pub code_challenge: Option<Challenge>,
    /// The key the code will be bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// The audiences asked for (RFC 8707 §2).
    pub resource: Vec<String>,
    /// What is asked for in detail (RFC 9396 §2): its permissions are named and say the same as `scope`.
    #[serde(default)]
    pub authorization_details: Option<Details>,
    /// Languages the app would like the screens in, best first.
    pub ui_locales: Vec<String>,
    /// `prompt` values. `none` is answered by [`at_once`]; every other is satisfied by nature.
    pub prompt: Vec<Prompt>,
    /// How old the customer's authentication may be, in seconds; satisfied by nature, but it makes `auth_time`
    /// mandatory in the id_token.
    pub max_age: Option<u64>,
    /// Of the `acr` values asked for, those there are.
    pub acr_values: Vec<String>,
    /// The customer the app expects, as its `id_token_hint` says.
    #[serde(default)]
    pub hint: Option<Hint>,
    /// What the parameter `claims` demands of the answer.
    #[serde(default)]
    pub claims: Demands,
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

/// A value of `prompt` (OpenID Connect Core §3.1.2.1). All but `none` are satisfied by nature: every request proves and asks
/// the customer anew.
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
    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
    /// The value of its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

/// How an answer travels to the app, in the open or signed (JARM).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect_uri, the default of `response_type=code`.
    #[default]
    Query,
    /// By a self-submitting form (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// Signed, in the way that is the default of the response_type: for `code` the query (JARM §2.3.4).
    Jwt,
    /// Signed, in the query (JARM §2.3.1).
    QueryJwt,
    /// Signed, by a form (JARM §2.3.3).
    FormPostJwt,
}
impl ResponseMode {
    /// Every mode, as metadata lists them.
    pub const ALL: [Self; 5] = [Self::Query, Self::FormPost, Self::Jwt, Self::QueryJwt, Self::FormPostJwt];
    /// The registered name.
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
    /// Whether it is posted.
    #[must_use]
    pub const fn posted(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }
}
