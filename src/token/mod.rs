//! Step 5, tokens: what is handed out, asked about and taken back.
//!
//! Owns access tokens (opaque, RFC 6749 §1.4), refresh tokens (§1.5, not rotated: FAPI 2.0 Security Profile §5.3.2.1),
//! the token response, the id_token (OpenID Connect Core §2), introspection (RFC 7662), revocation (RFC 7009) and
//! userinfo (OpenID Connect Core §5.3). It owns no life: a token is alive while its grant is, its client is active, and
//! its own time is not over; only when one token alone is revoked does its row say so.

pub mod sql;
