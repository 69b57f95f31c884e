//! Step 0, the clients: the registry of apps and resource servers, their profiles and keys, client authentication
//! (RFC 6749 §2.3, RFC 7523, RFC 8705), and DPoP proofs (RFC 9449).
//!
//! `authorize` decides which parameters a client may send; `token` decides what a resource server may learn about a
//! token.

mod assertion;
mod authenticate;
pub mod certificate;
pub mod difference;
pub mod dpop;
mod evidence;
mod identify;
pub mod metadata;
mod profile;
pub mod rate;
mod redirect;
mod refused;
pub mod registration;
mod registry;
mod remote;
pub mod replay;
mod secrets;
pub mod sql;
mod unsigned;

#[cfg(test)]
mod tests;

pub use authenticate::{Authenticated, Authenticator, PROOF_REPLAYED, RecordVersion, Settings};
pub use evidence::{PresentedCredentials, named};
pub use identify::{authenticate, identify};
pub use profile::{AuthMethod, ClientEvents, ClientKeys, Downstream, GrantType, Profile, Provider, Status};
pub use redirect::redirect_match;
pub use refused::{AuthFailure, RefusedClient};
pub use registry::{Prepared, prepare, prepare_all, renew_secret};
pub use remote::{FetchError, JwksPort};
pub use secrets::{FormerSecret, LEAST_OVERLAP, MOST_OVERLAP, SecretKey, StoredSecret, Unsettled, settle};
pub use unsigned::unsigned;

use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::jose::Alg;
use crate::language::Language;
use crate::network::Network;
use crate::scope::Scope;
use rate::Rate;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest `proofing_memory` of a record: minutes (decision 15).
pub const PROOFING_MEMORY: Duration = Duration::from_secs(15 * 60);

/// The most private networks in one record.
pub const MOST_NETWORKS: usize = 16;

/// An app or a resource server: RFC 7591 metadata and our own members (requirements.md#client-record), parsed.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// What it must do and may do.
    pub profile: Profile,
    /// Whether it is active.
    pub status: Status,
    /// `client_name`: the app's name as customers read it.
    pub name: String,
    /// `client_name#<tag>`: the name in other languages, by BCP 47 tag (RFC 7591 §2.2).
    pub names: BTreeMap<String, String>,
    /// `client_uri`.
    pub client_uri: Option<String>,
    /// `logo_uri`.
    pub logo_uri: Option<String>,
    /// `policy_uri`.
    pub policy_uri: Option<String>,
    /// `tos_uri`.
    pub tos_uri: Option<String>,
    /// `contacts`.
    pub contacts: Vec<String>,
    /// `software_id`.
    pub software_id: Option<String>,
    /// `software_version`.
    pub software_version: Option<String>,
    /// The business behind the app, as the Banking Act wants it shown (電子決済等代行業者).
    pub provider: Provider,
    /// `redirect_uris`; compared with [`redirect_match`] alone.
    pub redirect_uris: Vec<String>,
    /// `grant_types`.
    pub grant_types: Vec<GrantType>,
    /// `scope`: what it may ask for.
    pub scope: Scope,
    /// `token_endpoint_auth_method`.
    pub auth_method: AuthMethod,
    /// The name in the certificate of a `tls_client_auth` client (RFC 8705 §2.1.2).
    pub tls_subject: Option<certificate::Subject>,
    /// `token_endpoint_auth_signing_alg`: the one algorithm of its assertions, where it named one.
    pub auth_alg: Option<Alg>,
    /// `jwks` or `jwks_uri`.
    pub keys: ClientKeys,
    /// The stored form of `client_secret`.
    pub secret: Option<StoredSecret>,
    /// The secret before it, while that still counts.
    pub former_secret: Option<FormerSecret>,
    /// Whether PKCE is required: always, unless the record of an `oidc` client says otherwise.
    pub require_pkce: bool,
    /// `require_pushed_authorization_requests` (RFC 9126 §6); always so for FAPI profiles.
    pub require_par: bool,
    /// `dpop_bound_access_tokens` (RFC 9449 §5.2); so for FAPI profiles unless [`Self::certificate_bound`].
    pub dpop_bound: bool,
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 §3.4); never together with [`Self::dpop_bound`].
    pub certificate_bound: bool,
    /// `require_signed_request_object` (RFC 9101 §10.5); always so for `fapi2_message_signing`.
    pub require_signed_request: bool,
    /// `request_object_signing_alg`.
    pub request_object_alg: Option<Alg>,
    /// `authorization_signed_response_alg` (JARM).
    pub authorization_response_alg: Option<Alg>,
    /// `id_token_signed_response_alg`; where the record is silent, RS256 (`oidc`) or ES256 (FAPI profiles).
    pub id_token_alg: Alg,
    /// `userinfo_signed_response_alg`; plain JSON where absent.
    pub userinfo_alg: Option<Alg>,
    /// `introspection_signed_response_alg` (RFC 9701 §6); plain JSON where absent.
    pub introspection_alg: Option<Alg>,
    /// `default_max_age`, in seconds.
    pub default_max_age: Option<u64>,
    /// `require_auth_time`.
    pub require_auth_time: bool,
    /// `authorization_details_types` (RFC 9396 §10); empty means every type we know.
    pub authorization_details_types: Vec<String>,
    /// The lifetime of access tokens; they never outlive their grant.
    pub access_token_lifetime: Duration,
    /// The lifetime of grants; at most the server's.
    pub grant_lifetime: Duration,
    /// How long the checks of its customers are remembered in their browser, if the institution's configuration
    /// allows it; `None`: not at all. At most [`PROOFING_MEMORY`].
    pub proofing_memory: Option<Duration>,
    /// Whether it may have refresh tokens.
    pub refresh_tokens: bool,
    /// The audiences a resource server may introspect, and an app may ask for with `resource`.
    pub resources: Vec<String>,
    /// `allow_networks`: the private networks that this client's own URLs may reach. Only the institution sets it.
    pub allow_networks: Vec<Network>,
    /// `pushed_requests`: how many of its pushed requests may wait for a browser at once, if it differs from the
    /// configuration. Only the institution sets it and the next two.
    pub pushed_requests: Option<u32>,
    /// `answers_per_second`: how many responses per second it may have stored.
    pub answers_per_second: Option<u32>,
    /// `answers_burst`: how many at once.
    pub answers_burst: Option<u32>,
    /// `events`: where its pushed events may go, and how many streams it may have. Only the institution sets it.
    pub events: ClientEvents,
    /// When it was registered.
    pub created_at: Instant,
    /// When its record last changed.
    pub updated_at: Instant,
    /// Increases with each change of the record.
    pub version: i64,
}

impl Client {
    /// The name in this language, otherwise `client_name`.
    #[must_use]
    pub fn name_in(&self, language: Language) -> &str {
        let own = self.names.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(language.as_str()));
        own.map_or(&self.name, |(_, name)| name)
    }
    /// 「XXX事業者」 in this language: the provider's name, or the app's if the record has no provider.
    #[must_use]
    pub fn provider_in(&self, language: Language) -> &str {
        self.provider.name.as_deref().unwrap_or_else(|| self.name_in(language))
    }
    /// Whether it is an app, which customers link to.
    #[must_use]
    pub const fn is_app(&self) -> bool {
        self.profile.is_app()
    }
    /// How fast it may have responses stored; `usual` is the configured rate.
    #[must_use]
    pub fn answers(&self, usual: Rate) -> Rate {
        Rate {
            per_second: self.answers_per_second.unwrap_or(usual.per_second),
            burst: self.answers_burst.unwrap_or(usual.burst),
        }
    }
    /// Whether it may use a grant type.
    #[must_use]
    pub fn may(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }
}
