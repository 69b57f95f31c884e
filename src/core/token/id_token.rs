//! The id_token (OpenID Connect Core §2, §3.1.3.6): who was authenticated, when, how; nothing else about them. There are
//! no profile claims to give: the name is unverified (R84), the address serves the notice alone.

use super::Issued;
use crate::grant::Grant;
use crate::keys::Ring;
use crate::keys::jose::{self, Alg};
use crate::secret::{Hash, Secret, base64url};
use serde_json::{Value, json};
use std::time::Duration;

/// Makes the id_token, signed with the algorithm the client is registered for.
///
/// # Errors
/// [`jose::Error`]; ours to log.
pub fn sign(
    ring: &Ring,
    alg: Alg,
    (issued, grant): (&Issued, &Grant),
    issuer: &str,
    access: &Secret,
    lifetime: Duration,
) -> Result<String, jose::Error> {
    ring.sign(alg, Some("JWT"), &claims(alg, (issued, grant), issuer, access, lifetime))
}

/// The claims.
#[must_use]
pub fn claims(alg: Alg, (issued, g): (&Issued, &Grant), issuer: &str, access: &Secret, lifetime: Duration) -> Value {
    let now = issued.at;
    let mut claims = json!({
        "iss": issuer,
        "sub": g.sub,
        "aud": g.client,
        "exp": (now + lifetime).secs(),
        "iat": now.secs(),
        "auth_time": g.auth_time.secs(),
    });
    // Optional in the code flow (§3.1.3.6). Its digest is the signature's: SHA-256 for all but Ed25519, where it is
    // left out rather than argued about.
    if alg != Alg::EdDsa {
        claims["at_hash"] = base64url(&Hash::of(access.reveal()).as_bytes()[..16]).into();
    }
    // An empty acr or amr would be worse than none.
    if !g.acr.is_empty() {
        claims["acr"] = g.acr.as_str().into();
    }
    if !g.amr.is_empty() {
        claims["amr"] = g.amr.clone().into();
    }
    if let Some(nonce) = &issued.nonce {
        claims["nonce"] = nonce.as_str().into();
    }
    claims
}
