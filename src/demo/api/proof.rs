//! DPoP proofs at the API (RFC 9449 §7.1), and the memory that takes each proof once (§11.1).

use super::Api;
use super::challenge::Refused;
use crate::client::dpop::{self, Input};
use crate::clock::Instant;
use crate::refusal::Code;
use crate::secret::Hash;
use actix_web::HttpRequest;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most proofs remembered. Beyond it a call is turned away rather than a proof forgotten before its time.
const MAX_SEEN: usize = 50_000;

/// The proofs seen, each until it would be too old anyway.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<Hash, Instant>>);

impl Seen {
    /// Remembers a proof; `false` when it was seen before.
    fn first_time(&self, replay: Hash, until: Instant, now: Instant) -> Result<bool, Refused> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_SEEN {
            seen.retain(|_, until| now < *until);
        }
        if seen.len() >= MAX_SEEN {
            return Err(Refused::Unavailable);
        }
        Ok(seen.insert(replay, until).is_none_or(|until| until <= now))
    }
}

impl Api {
    /// Checks that the caller holds the key the token is bound to.
    pub(super) fn prove(&self, request: &HttpRequest, token: &str, key: Hash, now: Instant) -> Result<(), Refused> {
        let headers: Vec<&str> = request.headers().get_all("DPoP").map(|v| v.to_str().unwrap_or_default()).collect();
        let url = format!("{}{}", self.own, request.path());
        let input = Input { headers: &headers, method: request.method().as_str(), urls: &[&url], token: Some(token) };
        let checked = dpop::check(&input, &self.nonces, self.settings.nonce_required, now);
        let proof = checked.map_err(|refusal| match refusal.code {
            Code::UseDpopNonce => Refused::Nonce(self.nonces.issue(now)),
            _ => Refused::Proof("the DPoP proof does not hold"),
        })?;
        let proof = proof.ok_or(Refused::Proof("a DPoP proof is needed"))?;
        if !proof.jkt.same(&key) {
            return Err(Refused::Proof("the token is bound to another key"));
        }
        if self.proofs.first_time(proof.replay, proof.until, now)? {
            Ok(())
        } else {
            Err(Refused::Proof("the DPoP proof was used before"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_proof_works_once_until_it_is_old_anyway() {
        let seen = Seen::default();
        let now = Instant::from_secs(1000);
        let until = now + Duration::from_secs(120);
        let (a, b) = (Hash::of("a"), Hash::of("b"));
        assert_eq!(seen.first_time(a, until, now), Ok(true));
        assert_eq!(seen.first_time(a, until, now), Ok(false));
        assert_eq!(seen.first_time(b, until, now), Ok(true));
        assert_eq!(seen.first_time(a, until + Duration::from_secs(300), until), Ok(true), "its time is over");
    }

    #[test]
    fn a_full_memory_refuses_rather_than_forgets() {
        let seen = Seen::default();
        let now = Instant::from_secs(1000);
        let until = now + Duration::from_secs(120);
        for n in 0..MAX_SEEN {
            assert_eq!(seen.first_time(Hash::of(n.to_string()), until, now), Ok(true));
        }
        assert_eq!(seen.first_time(Hash::of("one more"), until, now), Err(Refused::Unavailable));
        assert_eq!(seen.first_time(Hash::of("one more"), until + Duration::from_secs(300), until), Ok(true));
    }
}
