//! Why a client was not authenticated, for the operator's log and counters. The caller reads only the refusal, which
//! makes no difference between an unknown client and a wrong secret.

use super::{AuthMethod, Client};
use crate::id::ClientId;
use crate::keys::jose;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::store;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// The reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AuthFailure { $($(#[$doc])* $name),+ }
        impl AuthFailure {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),+];
            /// Its name in the log and in the metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}
reasons! {
    /// The request has no credentials.
    NoCredentials = "no_credentials";
    /// It has those of two methods, or two headers.
    SeveralMethods = "several_methods";
    /// The credentials cannot be read.
    Unreadable = "unreadable_credentials";
    /// There is no such client.
    UnknownClient = "unknown_client";
    /// The client registered another method.
    AnotherMethod = "another_method";
    /// The secret is not the client's.
    WrongSecret = "wrong_secret";
    /// The secret was stored by an earlier release in a form that is not accepted any more.
    OldSecret = "secret_of_earlier_release";
    /// The certificate is not the client's.
    WrongCertificate = "wrong_certificate";
    /// The assertion's algorithm is not one of the client's.
    AssertionAlgorithm = "assertion_algorithm";
    /// The assertion has a critical header.
    AssertionCritical = "assertion_critical";
    /// The client has no key with the assertion's kid and algorithm.
    AssertionKey = "assertion_unknown_key";
    /// The assertion does not verify with the client's keys.
    AssertionSignature = "assertion_signature";
    /// A claim of the assertion is not as it must be; the description says which.
    AssertionClaim = "assertion_claim";
    /// The assertion was used before.
    AssertionReplayed = "assertion_replayed";
    /// `client_id` is not the client that the credentials are of.
    AnotherClient = "another_client_id";
    /// The institution suspended the client.
    Suspended = "suspended";
    /// The institution has not approved the client yet.
    Pending = "pending";
    /// The client has ended.
    Ended = "ended";
    /// The store does not answer.
    Unavailable = "unavailable";
}

/// A client that was not authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedClient {
    /// What the caller reads.
    pub refusal: Refusal,
    /// Why, for the operator.
    pub reason: AuthFailure,
    /// The client that the request names; it has proved nothing.
    pub claimed: Option<ClientId>,
    /// The method that the request used.
    pub method: Option<AuthMethod>,
    /// The method that the named client registered.
    pub registered: Option<AuthMethod>,
}

/// The failure that says nothing.
pub(super) const FAILED: Refusal = Refusal::new(ErrorCode::InvalidClient, "client authentication failed");

impl RefusedClient {
    /// A refusal for `reason`.
    pub(super) const fn new(reason: AuthFailure, refusal: Refusal) -> Self {
        Self { refusal, reason, claimed: None, method: None, registered: None }
    }
    /// `invalid_client` with a sentence for the developer.
    pub(super) const fn saying(reason: AuthFailure, why: &'static str) -> Self {
        Self::new(reason, Refusal::new(ErrorCode::InvalidClient, why))
    }
    /// `invalid_client` that says nothing more.
    pub(super) const fn failed(reason: AuthFailure) -> Self {
        Self::new(reason, FAILED)
    }
    /// A failure of the store. The cause is logged.
    pub(super) fn unavailable(cause: store::Error) -> Self {
        Self::new(AuthFailure::Unavailable, unavailable(cause))
    }
    /// The same with the client and the method of the request.
    pub(super) fn claiming(self, id: &ClientId, method: AuthMethod) -> Self {
        Self { claimed: Some(id.clone()), method: Some(method), ..self }
    }
    /// The same with the client that the request names beside its credentials.
    pub(super) fn naming(self, params: &Params) -> Self {
        Self { claimed: params.get("client_id").and_then(ClientId::parse), ..self }
    }
    /// The same for credentials that name a client of the registry.
    pub(super) fn of(self, client: &Client, method: AuthMethod) -> Self {
        Self { registered: Some(client.auth_method), ..self.claiming(&client.id, method) }
    }
}

/// Why the signature of an assertion is refused.
pub(super) const fn of_signature(e: &jose::Error) -> AuthFailure {
    match e {
        jose::Error::Malformed => AuthFailure::Unreadable,
        jose::Error::Algorithm => AuthFailure::AssertionAlgorithm,
        jose::Error::Critical => AuthFailure::AssertionCritical,
        jose::Error::UnknownKey => AuthFailure::AssertionKey,
        _ => AuthFailure::AssertionSignature,
    }
}

/// What a caller reads when the store fails.
pub(super) fn unavailable(e: store::Error) -> Refusal {
    tracing::error!(error = %e, "client authentication: the store failed");
    Refusal::new(ErrorCode::TemporarilyUnavailable, "try again later")
}
