//! Nonces for DPoP proofs (RFC 9449 §9): a window of time and an HMAC over it, so that none has to be remembered.

use crate::crypto::{hmac_sha256, same};
use chrono::{DateTime, Utc};

/// How long one nonce is handed out, in seconds; it is taken during the next window too.
const WINDOW: i64 = 300;

/// The nonces of one start of the API.
pub(super) struct Nonces {
    key: [u8; 32],
}

impl Nonces {
    pub(super) const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }
    fn of(&self, window: i64) -> String {
        hmac_sha256(&self.key, &window.to_be_bytes())
    }
    /// The nonce of this window.
    pub(super) fn issue(&self, now: DateTime<Utc>) -> String {
        self.of(now.timestamp().div_euclid(WINDOW))
    }
    /// Until when a nonce is good, in seconds since the epoch; `None` when it is not ours, or too old.
    pub(super) fn good_until(&self, nonce: &str, now: DateTime<Utc>) -> Option<i64> {
        let this = now.timestamp().div_euclid(WINDOW);
        let window = [this, this - 1].into_iter().find(|w| same(&self.of(*w), nonce))?;
        Some((window + 2) * WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::from_secs;

    #[test]
    fn a_nonce_is_good_in_its_window_and_the_next() {
        let nonces = Nonces::new([1; 32]);
        let nonce = nonces.issue(from_secs(3000));
        for (secs, good) in [(2999, false), (3000, true), (3299, true), (3599, true), (3600, false)] {
            assert_eq!(nonces.good_until(&nonce, from_secs(secs)), good.then_some(3600), "{secs}");
        }
        assert_eq!(Nonces::new([2; 32]).good_until(&nonce, from_secs(3000)), None, "another key");
        assert_eq!(nonces.good_until("", from_secs(3000)), None);
    }
}
