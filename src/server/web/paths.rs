//! The addresses of the protocol, each written once: routes, metadata and audiences read them here.

use crate::id::InteractionId;
use crate::identity::Stage;

/// RFC 9126.
pub const PAR: &str = "/oauth/par";
/// RFC 6749 §3.1.
pub const AUTHORIZE: &str = "/oauth/authorize";
/// RFC 6749 §3.2.
pub const TOKEN: &str = "/oauth/token";
/// RFC 7662.
pub const INTROSPECT: &str = "/oauth/introspect";
/// RFC 7009.
pub const REVOKE: &str = "/oauth/revoke";
/// RFC 7591; RFC 7592 with a `client_id` behind it.
pub const REGISTER: &str = "/oauth/register";
/// OpenID Connect Core §5.3.
pub const USERINFO: &str = "/oauth/userinfo";
/// RFC 7517 §5.
pub const JWKS: &str = "/oauth/jwks";
/// OpenID Connect Discovery §4.
pub const OPENID_METADATA: &str = "/.well-known/openid-configuration";
/// RFC 8414 §3.
pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";

/// The address of the screen an interaction is at.
#[must_use]
pub fn screen(interaction: &InteractionId, stage: &Stage) -> String {
    format!("/link/{interaction}/{}", stage.screen())
}
