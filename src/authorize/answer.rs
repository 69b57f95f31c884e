//! The answer to the app (RFC 6749 §4.1.2), always with `iss` (RFC 9207 §2) and the app's own `state`.

use super::{Request, ResponseMode};
use crate::refusal::Refusal;
use crate::secret::Secret;
use std::fmt;

/// How a request ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The customer agreed: here is the code.
    Code(Secret),
    /// It did not come to that.
    Refused(Refusal),
}

/// Where an answer may be sent: exists only where client and redirect_uri have been proved, so that nothing is ever
/// redirected to an address nobody registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub(super) redirect_uri: String,
    pub(super) response_mode: ResponseMode,
    pub(super) state: Option<String>,
}
impl Destination {
    /// Where a stored request is answered: it was proved when it was stored.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            response_mode: request.response_mode,
            state: request.state.clone(),
        }
    }
    /// The answer to be sent there.
    #[must_use]
    pub fn answer(self, outcome: &Outcome, issuer: &str) -> Answer {
        let mut fields: Vec<(&'static str, String)> = match outcome {
            Outcome::Code(code) => vec![("code", code.reveal().to_owned())],
            Outcome::Refused(refusal) => vec![
                ("error", refusal.code.as_str().to_owned()),
                ("error_description", refusal.description.clone().into_owned()),
            ],
        };
        fields.extend(self.state.map(|state| ("state", state)));
        fields.push(("iss", issuer.to_owned()));
        match self.response_mode {
            ResponseMode::Query => Answer::Redirect { url: with_query(&self.redirect_uri, &fields) },
            ResponseMode::FormPost => Answer::FormPost { action: self.redirect_uri, fields },
        }
    }
}

/// An answer ready to be sent. It may hold a code: it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// 303 to this address.
    Redirect {
        /// The redirect_uri with the answer in its query.
        url: String,
    },
    /// A page whose form posts itself to the app, or is posted by a button where scripts do not run.
    FormPost {
        /// The redirect_uri.
        action: String,
        /// The answer's parameters, in order.
        fields: Vec<(&'static str, String)>,
    },
}
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redirect { .. } => "Answer::Redirect(…)",
            Self::FormPost { .. } => "Answer::FormPost(…)",
        })
    }
}

/// The answer to a stored request.
#[must_use]
pub fn oauth_answer(request: &Request, outcome: &Outcome, issuer: &str) -> Answer {
    Destination::of(request).answer(outcome, issuer)
}

/// The redirect_uri with `fields` added to its query; a query it was registered with is kept as it is (RFC 6749
/// §3.1.2).
fn with_query(redirect_uri: &str, fields: &[(&'static str, String)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let joint = match redirect_uri.split_once('?') {
        None => "?",
        Some((_, rest)) if rest.is_empty() || rest.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{redirect_uri}{joint}{query}")
}
