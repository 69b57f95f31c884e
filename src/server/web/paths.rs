//! The paths of the protocol, each defined once: for routes, metadata and audiences.

use crate::identity::{Interaction, PurposeKind};

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
/// RFC 7591; with `/{client_id}` RFC 7592.
pub const REGISTER: &str = "/oauth/register";
/// Grant Management for OAuth 2.0 §6; with `/{grant_id}`.
pub const GRANTS: &str = "/oauth/grants";
/// The public halves of the keys that signed receipts of grants.
pub const RECEIPT_KEYS: &str = "/oauth/receipt-keys";
/// OpenID Connect Core §5.3.
pub const USERINFO: &str = "/oauth/userinfo";
/// RFC 7517 §5.
pub const JWKS: &str = "/oauth/jwks";
/// OpenID Connect Discovery §4.
pub const OPENID_METADATA: &str = "/.well-known/openid-configuration";
/// RFC 8414 §3.
pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";

/// SSF 1.0 §7.2.
pub const SSF_METADATA: &str = "/.well-known/ssf-configuration";
/// SSF 1.0 §8.1.1.
pub const STREAMS: &str = "/ssf/streams";
/// SSF 1.0 §8.1.2.
pub const STREAM_STATUS: &str = "/ssf/status";
/// SSF 1.0 §8.1.4.
pub const STREAM_VERIFY: &str = "/ssf/verify";
/// RFC 8936; with `/{stream_id}`.
pub const STREAM_POLL: &str = "/ssf/poll";

/// 連携サービスの確認・停止
pub const MY: &str = "/my";

/// The path of an interaction's current screen.
#[must_use]
pub fn screen(interaction: &Interaction) -> String {
    format!("{}/{}", screens(interaction), interaction.stage.screen())
}

/// The path below which an interaction's screens stand.
#[must_use]
pub fn screens(interaction: &Interaction) -> String {
    let kind = match interaction.purpose.kind() {
        PurposeKind::Link => "link",
        PurposeKind::My => "my",
    };
    format!("/{kind}/{}", interaction.id)
}
