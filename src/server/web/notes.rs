//! What a handler notes about its request, for the log and the counters: which client it is, and why it was refused.
//! [`super::span`] writes it down once, when the request has ended.

use super::error::ApiError;
use crate::client::RefusedClient;
use crate::id::ClientId;
use crate::refusal::{ErrorCode, Refusal};
use actix_web::{HttpMessage, HttpRequest};
use std::borrow::Cow;

/// The notes of one request.
#[derive(Debug, Default)]
pub struct Notes {
    /// The client that has proved who it is.
    pub client: Option<ClientId>,
    /// The client that the request names and that has proved nothing.
    pub claimed: Option<ClientId>,
    /// Why the request was refused.
    pub refused: Option<RefusedRequest>,
    /// What is known of a client that was not authenticated.
    authentication: Option<Authentication>,
}

#[derive(Debug, Clone, Copy)]
struct Authentication {
    reason: &'static str,
    method: Option<&'static str>,
    registered: Option<&'static str>,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRequest {
    /// The error code, as the caller reads it; `-` if it reads only a status.
    pub code: &'static str,
    /// The reason, from a closed set: a label of the metrics.
    pub reason: &'static str,
    /// A sentence of ours.
    pub why: &'static str,
    /// The method of client authentication that the request used.
    pub method: Option<&'static str>,
    /// The method that the named client registered.
    pub registered: Option<&'static str>,
}

/// In the place of a sentence that repeats what the caller sent: that is not for the log.
const REPEATS_THE_REQUEST: &str = "the answer names the part of the request";

impl RefusedRequest {
    /// A refusal without an OAuth error code.
    #[must_use]
    pub const fn plain(reason: &'static str, why: &'static str) -> Self {
        Self { code: "-", reason, why, method: None, registered: None }
    }
    /// A refusal with an error code, which is its reason too.
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        let code = refusal.code.as_str();
        let why = match refusal.description {
            Cow::Borrowed(why) => why,
            Cow::Owned(_) => REPEATS_THE_REQUEST,
        };
        Self { why, ..Self { code, reason: code, why: "", method: None, registered: None } }
    }
}

/// Notes the client that has proved who it is.
pub fn client(req: &HttpRequest, id: &ClientId) {
    with(req, |notes| notes.client = Some(id.clone()));
}

/// Notes the client that a request names.
pub fn claimed(req: &HttpRequest, id: Option<ClientId>) {
    with(req, |notes| notes.claimed = id);
}

/// Notes that a client was not authenticated; returns what it reads.
pub fn refused_client(req: &HttpRequest, refused: RefusedClient) -> Refusal {
    with(req, |notes| {
        notes.client = None;
        notes.claimed = refused.claimed;
        notes.authentication = Some(Authentication {
            reason: refused.reason.as_str(),
            method: refused.method.map(|m| m.as_str()),
            registered: refused.registered.map(|m| m.as_str()),
        });
    });
    refused.refusal
}

/// Notes why a request is refused, for an answer that is not made from an [`ApiError`].
pub fn refused(req: &HttpRequest, refused: RefusedRequest) {
    with(req, |notes| notes.refused = Some(refused));
}

/// Reads the notes of a request; there are none until something is noted.
pub fn read<R>(req: &HttpRequest, read: impl FnOnce(&Notes) -> R) -> R {
    match req.extensions().get::<Notes>() {
        Some(notes) => read(notes),
        None => read(&Notes::default()),
    }
}

fn with(req: &HttpRequest, change: impl FnOnce(&mut Notes)) {
    let mut extensions = req.extensions_mut();
    if let Some(notes) = extensions.get_mut::<Notes>() {
        return change(notes);
    }
    let mut notes = Notes::default();
    change(&mut notes);
    extensions.insert(notes);
}

/// The refusal of an answered request, if it is one. A failure of ours is none: its cause is in the log.
#[must_use]
pub fn refusal(notes: &Notes, error: Option<&ApiError>) -> Option<RefusedRequest> {
    let Some(error) = error else { return notes.refused.clone() };
    let refusal = error.refusal();
    match error {
        ApiError::Busy | ApiError::Failed => return None,
        ApiError::TooMany { why, .. } => return Some(RefusedRequest { reason: "over_limit", why, ..of(&refusal) }),
        ApiError::NoToken | ApiError::NoBearer => return Some(RefusedRequest { reason: "no_token", ..of(&refusal) }),
        ApiError::Encoded => return Some(RefusedRequest { reason: ENCODED, ..of(&refusal) }),
        ApiError::Unknown(_) => return Some(RefusedRequest { reason: "unknown_object", ..of(&refusal) }),
        ApiError::Conflict(_) => return Some(RefusedRequest { reason: "conflict", ..of(&refusal) }),
        _ => {}
    }
    match (refusal.code, notes.authentication) {
        (ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable, _) => None,
        (_, Some(Authentication { reason, method, registered })) => {
            Some(RefusedRequest { reason, method, registered, ..of(&refusal) })
        }
        _ => Some(of(&refusal)),
    }
}
fn of(refusal: &Refusal) -> RefusedRequest {
    RefusedRequest::of(refusal)
}

/// The reason of a body that is encoded.
pub const ENCODED: &str = "encoded_body";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{AuthFailure, AuthMethod};
    use std::time::Duration;

    #[test]
    fn each_refusal_has_a_reason_and_a_failure_of_ours_is_none() {
        let invalid = Refusal::invalid_request("this sentence is ours");
        let repeats = Refusal::naming(ErrorCode::InvalidRequest, "parameter secret-of-mine is repeated");
        let busy = Refusal::new(ErrorCode::TemporarilyUnavailable, "try again later");
        for (error, want) in [
            (ApiError::Refused(invalid), Some(("invalid_request", "this sentence is ours"))),
            (ApiError::Refused(repeats), Some(("invalid_request", REPEATS_THE_REQUEST))),
            (ApiError::Refused(busy), None),
            (ApiError::Busy, None),
            (ApiError::Failed, None),
            (ApiError::NoToken, Some(("no_token", "an access token is needed"))),
            (ApiError::TooMany { why: "too fast", wait: Duration::ZERO }, Some(("over_limit", "too fast"))),
            (
                ApiError::UseNonce(String::new()),
                Some(("use_dpop_nonce", "the DPoP proof needs the nonce of this answer")),
            ),
            (ApiError::Unknown("no such"), Some(("unknown_object", "no such"))),
        ] {
            let refused = refusal(&Notes::default(), Some(&error));
            assert_eq!(refused.as_ref().map(|r| (r.reason, r.why)), want, "{error:?}");
        }
        assert_eq!(refusal(&Notes::default(), None), None);
    }

    #[test]
    fn a_client_that_is_not_authenticated_has_the_reason_of_that() {
        let req = actix_web::test::TestRequest::default().to_http_request();
        client(&req, &ClientId::parse("a").unwrap());
        let read = refused_client(
            &req,
            RefusedClient {
                refusal: Refusal::new(ErrorCode::InvalidClient, "client authentication failed"),
                reason: AuthFailure::AnotherMethod,
                claimed: ClientId::parse("b"),
                method: Some(AuthMethod::ClientSecretPost),
                registered: Some(AuthMethod::PrivateKeyJwt),
            },
        );
        let extensions = req.extensions();
        let notes = extensions.get::<Notes>().unwrap();
        let refused = refusal(notes, Some(&ApiError::Refused(read))).unwrap();
        assert_eq!((refused.code, refused.reason), ("invalid_client", "another_method"));
        assert_eq!((refused.method, refused.registered), (Some("client_secret_post"), Some("private_key_jwt")));
        assert_eq!((notes.client.as_ref(), notes.claimed.as_ref().map(ClientId::as_str)), (None, Some("b")));
    }
}
