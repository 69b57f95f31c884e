//! The id_token (OpenID Connect Core §2, §3.1.3.6): who was authenticated, when and how, and nothing else. It has no
//! profile claims: the name is unverified (R84), and the mail address is for the notice only.

use super::Issued;
use crate::grant::Grant;
use crate::keys::Ring;
use crate::keys::jose::{self, Alg};
use crate::secret::{Hash, Secret, base64url};
use serde_json::{Value, json};
use std::time::Duration;

/// Makes the id_token, signed with the client's registered algorithm.
///
/// # Errors
/// [`jose::Error`]; ours to log.
pub async fn sign(
    ring: &Ring,
    alg: Alg,
    (issued, grant): (&Issued, &Grant),
    issuer: &str,
    access: &Secret,
    lifetime: Duration,
) -> Result<String, jose::Error> {
    ring.sign(alg, Some("JWT"), claims(alg, (issued, grant), issuer, access, lifetime)).await
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
    // `at_hash` is optional in the code flow (§3.1.3.6). It uses the signature's hash: SHA-256 for all algorithms but
    // Ed25519, for which it is left out.
    if alg != Alg::EdDsa {
        claims["at_hash"] = base64url(&Hash::of(access.reveal()).as_bytes()[..16]).into();
    }
    // An empty acr or amr would be wrong; it is left out.
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
