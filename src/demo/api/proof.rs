//! DPoP proofs at the API (RFC 9449 §7.1), and the memory that takes each proof once (§11.1).

use super::Api;
use super::challenge::Refused;
use crate::crypto::{Sha256, base64url, same, sha256};
use crate::jose::{Claims, FAPI, text, verify};
use actix_web::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// How old a proof without a nonce may be, and how far ahead of ours its maker's clock, in seconds (RFC 9449 §11.1).
const OLDEST: i64 = 60;
const AHEAD: i64 = 30;
/// The longest `jti` remembered.
const MAX_JTI: usize = 512;

/// The most proofs remembered. Beyond it a call is turned away rather than a proof forgotten before its time.
const MAX_PROOFS: usize = 50_000;

/// The proofs seen, each until the second at which it would be too old anyway.
#[derive(Default)]
pub(super) struct UsedProofs(Mutex<HashMap<Sha256, i64>>);

impl UsedProofs {
    /// Remembers a proof; `false` when it was seen before.
    fn first_time(&self, proof: Sha256, until: i64, now: i64) -> Result<bool, Refused> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_PROOFS {
            seen.retain(|_, until| now < *until);
        }
        if seen.len() >= MAX_PROOFS {
            return Err(Refused::Unavailable);
        }
        Ok(seen.insert(proof, until).is_none_or(|until| until <= now))
    }
}

impl Api {
    /// Checks that the caller holds the key the token is bound to: `key` is its thumbprint.
    pub(super) fn prove(
        &self,
        request: &HttpRequest,
        token: &str,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let mut headers = request.headers().get_all("DPoP");
        let (Some(header), None) = (headers.next(), headers.next()) else {
            return Err(Refused::Proof("one DPoP proof is needed"));
        };
        let proof = header.to_str().unwrap_or_default();
        let (claims, thumbprint) = read(proof).ok_or(Refused::Proof("the DPoP proof does not hold"))?;
        let url = format!("{}{}", self.origin, request.path());
        if !is_for(&claims, request.method().as_str(), &url, token) {
            return Err(Refused::Proof("the DPoP proof is for another request"));
        }
        let until = self.good_until(&claims, now)?;
        if !same(&thumbprint, key) {
            return Err(Refused::Proof("the token is bound to another key"));
        }
        let jti = text(&claims, "jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI);
        let jti = jti.ok_or(Refused::Proof("the DPoP proof has no usable jti"))?;
        if self.proofs.first_time(sha256(format!("{thumbprint} {jti}")), until, now.timestamp())? {
            Ok(())
        } else {
            Err(Refused::Proof("the DPoP proof was used before"))
        }
    }

    /// Until when a proof would be taken (RFC 9449 §4.3, 10 and 11): a nonce says by our own clock when it was made, else
    /// its `iat` does.
    fn good_until(&self, claims: &Claims, now: DateTime<Utc>) -> Result<i64, Refused> {
        let issued = claims.get("iat").and_then(Value::as_i64).ok_or(Refused::Proof("the DPoP proof has no iat"))?;
        match claims.get("nonce") {
            None if self.settings.nonce_required => Err(Refused::Nonce(self.nonces.issue(now))),
            None if issued > now.timestamp() + AHEAD || issued <= now.timestamp() - OLDEST => {
                Err(Refused::Proof("the DPoP proof is too old or from the future"))
            }
            None => Ok(issued + OLDEST),
            Some(nonce) => nonce
                .as_str()
                .and_then(|nonce| self.nonces.good_until(nonce, now))
                .ok_or_else(|| Refused::Nonce(self.nonces.issue(now))),
        }
    }
}

/// The claims of a proof, and the thumbprint of the key that stands in its header and verifies it.
fn read(proof: &str) -> Option<(Claims, String)> {
    let header = URL_SAFE_NO_PAD.decode(proof.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    if !header["typ"].as_str()?.eq_ignore_ascii_case("dpop+jwt") {
        return None;
    }
    // RFC 9449 §4.3 (7): no private key; a symmetric one proves nothing.
    let jwk = header["jwk"].as_object()?;
    if ["d", "k", "p", "q"].iter().any(|private| jwk.contains_key(*private)) {
        return None;
    }
    let jwk: Jwk = serde_json::from_value(header["jwk"].clone()).ok()?;
    let claims = verify(proof, &jwk, &FAPI).ok()?;
    Some((claims, jwk.thumbprint(ThumbprintHash::SHA256).ok()?))
}

/// Whether a proof was made for this method, this address and this token (RFC 9449 §4.3, 8, 9 and 12).
fn is_for(claims: &Claims, method: &str, url: &str, token: &str) -> bool {
    let ath = base64url(sha256(token));
    text(claims, "htm") == Some(method)
        && text(claims, "htu").is_some_and(|htu| same_target(htu, url))
        && text(claims, "ath").is_some_and(|shown| same(shown, &ath))
}

/// Whether two addresses are the same without query and fragment, normalized (RFC 3986 §6.2.2, §6.2.3).
fn same_target(a: &str, b: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    bare(a).is_some_and(|a| Some(a) == bare(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_works_once_until_it_is_old_anyway() {
        let seen = UsedProofs::default();
        let (now, until) = (1000, 1120);
        let (a, b) = (sha256("a"), sha256("b"));
        assert_eq!(seen.first_time(a, until, now), Ok(true));
        assert_eq!(seen.first_time(a, until, now), Ok(false));
        assert_eq!(seen.first_time(b, until, now), Ok(true));
        assert_eq!(seen.first_time(a, until + 300, until), Ok(true), "its time is over");
    }

    #[test]
    fn a_full_table_refuses_rather_than_forgets() {
        let seen = UsedProofs::default();
        let (now, until) = (1000, 1120);
        for n in 0..MAX_PROOFS {
            assert_eq!(seen.first_time(sha256(n.to_string()), until, now), Ok(true));
        }
        assert_eq!(seen.first_time(sha256("one more"), until, now), Err(Refused::Unavailable));
        assert_eq!(seen.first_time(sha256("one more"), until + 300, until), Ok(true));
    }
}
