//! The names of a record's members, by who may set them, and those that are unknown here.

use serde_json::Value;

/// The members of the RFCs, which a client may set itself: RFC 7591 §2, OpenID Connect Registration §2, RFC 8705 §2.1.2,
/// RFC 9126 §6, RFC 9396 §10, RFC 9449 §5.2, RFC 9701 §6, JARM §3.
const OPEN: &[&str] = &[
    "authorization_details_types",
    "authorization_signed_response_alg",
    "client_name",
    "client_uri",
    "contacts",
    "default_max_age",
    "dpop_bound_access_tokens",
    "grant_types",
    "id_token_signed_response_alg",
    "introspection_signed_response_alg",
    "jwks",
    "jwks_uri",
    "logo_uri",
    "policy_uri",
    "redirect_uris",
    "request_object_signing_alg",
    "require_auth_time",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "response_types",
    "scope",
    "software_id",
    "software_version",
    "subject_type",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_email",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_uri",
    "tls_client_auth_subject_dn",
    "tls_client_certificate_bound_access_tokens",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "tos_uri",
    "userinfo_signed_response_alg",
];

/// Members that identify the client (RFC 7592 §2.2), and what the server returned for it.
const IDENTITY: &[&str] = &["client_id", "client_secret", "client_id_issued_at"];

/// Members only the institution may set. A newly known member belongs here until it is decided otherwise.
const INSTITUTION: &[&str] = &[
    "access_token_lifetime",
    "allow_networks",
    "answers_burst",
    "answers_per_second",
    "events",
    "grant_lifetime",
    "profile",
    "proofing_memory",
    "provider",
    "pushed_requests",
    "refresh_tokens",
    "require_pkce",
    "resources",
    "status",
];

/// Whether a client may set the member itself.
#[must_use]
pub fn is_open(name: &str) -> bool {
    OPEN.contains(&name) || name.starts_with("client_name#")
}

/// Whether only the institution may set the member. For `provider` this is one of its members
/// (requirements.md#client-record).
#[must_use]
pub fn is_institutional(name: &str) -> bool {
    INSTITUTION.contains(&name)
}

/// Every member that is known here; `client_name#…` stands for itself in each language.
pub fn known_members() -> impl Iterator<Item = &'static str> {
    [OPEN, IDENTITY, INSTITUTION].into_iter().flatten().copied()
}

/// Members that are unknown here: usually a typing error, or a comment (`_…`).
#[must_use]
pub fn unknown_members(document: &Value) -> Vec<String> {
    let known = |n: &str| is_open(n) || is_institutional(n) || IDENTITY.contains(&n);
    let names = document.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    names.filter(|n| !known(n) && !n.starts_with('_')).map(str::to_owned).collect()
}
