//! The authorization response (RFC 6749 §4.1.2), always with `iss` (RFC 9207 §2) and the app's own `state`: as plain
//! parameters, or in one signed `response` (JARM).

use super::{AuthorizationRequest, ResponseMode};
use crate::client::Client;
use crate::clock::Instant;
use crate::keys::Ring;
use crate::keys::jose::{self, Alg};
use crate::refusal::Refusal;
use crate::secret::Secret;
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;

/// Lifetime of a signed response: JARM §2.1 recommends at most ten minutes.
pub const SIGNED_FOR: Duration = Duration::from_secs(300);

/// What every response needs.
#[derive(Debug, Clone, Copy)]
pub struct ResponseContext<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// What signs a JARM answer.
    pub keys: &'a Ring,
    /// Now.
    pub now: Instant,
}

/// How a request ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The customer agreed: the code.
    Code(Secret),
    /// An error (RFC 6749 §4.1.2.1).
    Refused(Refusal),
}

/// Where a response may be sent. It exists only after client and redirect_uri were checked, so that nothing is
/// redirected to an unregistered address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub(super) redirect_uri: String,
    pub(super) response_mode: ResponseMode,
    pub(super) state: Option<String>,
}
impl Destination {
    /// The destination of a stored request; it was checked before it was stored.
    #[must_use]
    pub fn of(request: &AuthorizationRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            response_mode: request.response_mode,
            state: request.state.clone(),
        }
    }
    /// The response to this destination, for `client`, to which it belongs.
    ///
    /// # Errors
    /// The signature failed; log it. The response is not sent unsigned instead.
    pub async fn answer(
        self,
        client: &Client,
        outcome: &Outcome,
        context: ResponseContext<'_>,
    ) -> Result<AuthorizationResponse, jose::Error> {
        let mut fields: Vec<(&'static str, String)> = match outcome {
            Outcome::Code(code) => vec![("code", code.reveal().to_owned())],
            Outcome::Refused(refusal) => vec![
                ("error", refusal.code.as_str().to_owned()),
                ("error_description", refusal.description.clone().into_owned()),
            ],
        };
        fields.extend(self.state.map(|state| ("state", state)));
        fields.push(("iss", context.issuer.to_owned()));
        if self.response_mode.signed() {
            fields = vec![("response", signed(fields, client, context).await?)];
        }
        Ok(if self.response_mode.posted() {
            AuthorizationResponse::FormPost { action: self.redirect_uri, fields }
        } else {
            AuthorizationResponse::Redirect { url: with_query(&self.redirect_uri, &fields) }
        })
    }
}

/// The JWT of a response (JARM §2.1). `iss` is only inside, because no other parameter is sent. JARM defines no
/// `typ`.
async fn signed(
    fields: Vec<(&'static str, String)>,
    client: &Client,
    context: ResponseContext<'_>,
) -> Result<String, jose::Error> {
    let mut claims: Map<String, Value> = fields.into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
    claims.insert("aud".to_owned(), client.id.as_str().into());
    claims.insert("exp".to_owned(), (context.now + SIGNED_FOR).secs().into());
    // JARM §3 and FAPI 2.0 Security Profile §5.4.1.
    let default = if client.profile.is_fapi() { Alg::Es256 } else { Alg::Rs256 };
    context.keys.sign(client.authorization_response_alg.unwrap_or(default), None, claims.into()).await
}

/// A response ready to be sent. It may contain a code, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthorizationResponse {
    /// 303 to this address.
    Redirect {
        /// The redirect_uri with the response in its query.
        url: String,
    },
    /// A page with a form to the app. A script submits it; without scripts, the customer presses a button.
    FormPost {
        /// The redirect_uri.
        action: String,
        /// The response's parameters, in order.
        fields: Vec<(&'static str, String)>,
    },
}
impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redirect { .. } => "Answer::Redirect(…)",
            Self::FormPost { .. } => "Answer::FormPost(…)",
        })
    }
}

/// The response to a stored request of this client.
///
/// # Errors
/// Those of [`Destination::answer`].
pub async fn oauth_answer(
    request: &AuthorizationRequest,
    client: &Client,
    outcome: &Outcome,
    context: ResponseContext<'_>,
) -> Result<AuthorizationResponse, jose::Error> {
    Destination::of(request).answer(client, outcome, context).await
}

/// The redirect_uri with `fields` added to its query; a registered query is kept (RFC 6749 §3.1.2).
fn with_query(redirect_uri: &str, fields: &[(&'static str, String)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let joint = match redirect_uri.split_once('?') {
        None => "?",
        Some((_, rest)) if rest.is_empty() || rest.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{redirect_uri}{joint}{query}")
}
