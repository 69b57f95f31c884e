//! DPoP proofs (RFC 9449): they prove which key the sender holds.
//!
//! [`check`] is pure. [`super::replay::UsedOnce`] and [`super::Authenticator::spend_proof`] make sure that a proof is used once, also for our own
//! resource servers. A resource server elsewhere calls [`check`] and stores [`Proof::replay`] until [`Proof::until`]
//! itself.

use super::replay;
use crate::clock::Instant;
use crate::keys::Jwk;
use crate::keys::claim_check::{ClaimCheck, ClaimRule, check as check_claims, may, must};
use crate::keys::jose::{self, Alg, Claims};
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::{Hash, base64url, from_base64url, hmac_sha256, same};
use crate::thumbprint::Thumbprint;
use std::fmt;
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

/// The highest age of a proof without a nonce (RFC 9449 §11.1 wants it short), and how far the sender's clock may be
/// ahead.
const OLDEST: Duration = Duration::from_secs(60);
const AHEAD: Duration = Duration::from_secs(30);
/// How long a nonce is given out; it is accepted during the next window too.
const WINDOW: Duration = Duration::from_secs(300);

/// The request a proof came with. It contains an access token, so it is not printed.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Every `DPoP` header.
    pub headers: &'a [&'a str],
    /// The HTTP method, as received.
    pub method: &'a str,
    /// The URLs the client may have called: the path under the issuer, or under the mTLS alias (RFC 8705 §5).
    pub urls: &'a [&'a str],
    /// The access token presented with it, at a protected resource (`ath`).
    pub token: Option<&'a str>,
}

/// A valid proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the key (RFC 9449 §6.1).
    pub jkt: Thumbprint,
    /// The replay key of its `jti`.
    pub replay: Hash,
    /// Until when the replay key must be stored.
    pub until: Instant,
}

/// Nonces (RFC 9449 §8): a time window with an HMAC. Every node has the key, so nonces are valid across nodes and
/// restarts without being stored.
pub struct Nonces {
    key: Zeroizing<[u8; 32]>,
}
impl Nonces {
    /// Nonces under `key`.
    #[must_use]
    pub const fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key }
    }
    fn window(now: Instant) -> i64 {
        now.millis().div_euclid(i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX))
    }
    fn of(&self, window: i64) -> String {
        let tag = hmac_sha256(self.key.as_ref(), &[b"dpop nonce\0", &window.to_be_bytes()[..]].concat());
        base64url([&window.to_be_bytes()[..], &tag].concat())
    }
    /// The nonce of this window.
    #[must_use]
    pub fn issue(&self, now: Instant) -> String {
        self.of(Self::window(now))
    }
    /// Until when `nonce` is valid: it may be of this window, the previous one, or the next one, which a node with a
    /// slightly faster clock may have begun. `None` if it is not ours or too old.
    #[must_use]
    pub fn good_until(&self, nonce: &str, now: Instant) -> Option<Instant> {
        let this = Self::window(now);
        let window = [this, this - 1, this + 1].into_iter().find(|w| same(self.of(*w).as_bytes(), nonce.as_bytes()))?;
        let length = i64::try_from(WINDOW.as_millis()).ok()?;
        Some(Instant::from_millis(window.saturating_add(2).saturating_mul(length)))
    }
}
impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(…)")
    }
}

/// Checks a proof in the order of RFC 9449 §4.3; `None` if the request has none.
///
/// # Errors
/// `invalid_dpop_proof`; `use_dpop_nonce` for a missing nonce if one is required, and for a nonce that is not ours or
/// too old.
pub fn check(input: &Input<'_>, nonces: &Nonces, nonce_required: bool, now: Instant) -> Result<Option<Proof>, Refusal> {
    let refuse = |why| Refusal::new(ErrorCode::InvalidDpopProof, why);
    let token = match input.headers {
        [] => return Ok(None),
        [one] => *one,
        _ => return Err(refuse("more than one DPoP header")),
    };
    let parsed = jose::parse(token).map_err(|e| refuse(explain(e)))?;
    if !parsed.header().is_typ("dpop+jwt") {
        return Err(refuse("typ of the DPoP proof must be dpop+jwt"));
    }
    let jwk = parsed.header().jwk.as_ref().ok_or_else(|| refuse("the DPoP proof has no jwk"))?;
    let jwk = Jwk::parse(jwk).map_err(|_| refuse("jwk of the DPoP proof is not an acceptable public key"))?;
    // FAPI 2.0 §5.4.1; no client needs RS256 here, and the metadata do not offer it. A `kid` beside `jwk` has no
    // meaning.
    let verified = parsed.verify_embedded(&jwk, &Alg::FAPI).map_err(|e| refuse(explain(e)))?;
    let said = check_claims(&verified.claims, &DEMANDS, now).map_err(refuse)?;
    let (iat, jti) = (said.iat.ok_or_else(|| refuse(NO_IAT))?, said.jti.ok_or_else(|| refuse(NO_JTI))?);
    of_this_request(&verified.claims, input).map_err(refuse)?;
    // RFC 9449 §4.3 (10), (11): a nonce shows by our own clock when the proof was made; without one its iat counts.
    let until = match verified.claims.get("nonce") {
        None if nonce_required => return Err(Refusal::new(ErrorCode::UseDpopNonce, "the DPoP proof needs a nonce")),
        None => {
            check_claims(&verified.claims, &FRESH, now).map_err(refuse)?;
            iat + OLDEST
        }
        Some(nonce) => nonce
            .as_str()
            .and_then(|nonce| nonces.good_until(nonce, now))
            .ok_or(Refusal::new(ErrorCode::UseDpopNonce, "the nonce of the DPoP proof is not current"))?,
    };
    let jkt = verified.thumbprint;
    let replay = replay::key(replay::Use::Proof, &jkt.base64url(), jti);
    Ok(Some(Proof { jkt, replay, until }))
}

const fn explain(e: jose::Error) -> &'static str {
    match e {
        jose::Error::Malformed => "the DPoP proof is not a compact JWS",
        jose::Error::Algorithm => "the DPoP proof's algorithm is not allowed",
        jose::Error::Critical => "the DPoP proof has a critical header",
        _ => "the DPoP proof does not verify with its own key",
    }
}

const NO_IAT: &str = "the DPoP proof has no iat";
const NO_JTI: &str = "the DPoP proof has no usable jti";
const NOT_NOW: &str = "the DPoP proof is too old or from the future";

/// The required claims of every proof (RFC 9449 §4.2).
const DEMANDS: [ClaimCheck<'static, &str>; 3] = [
    must("jti", ClaimRule::Sized(512), NO_JTI),
    may("iat", ClaimRule::Date, "iat of the DPoP proof is not a date"),
    must("iat", ClaimRule::Date, NO_IAT),
];
/// The age of a proof without a nonce (RFC 9449 §11.1).
const FRESH: [ClaimCheck<'static, &str>; 2] =
    [must("iat", ClaimRule::NotAhead(AHEAD), NOT_NOW), must("iat", ClaimRule::GoodFor(OLDEST), NOT_NOW)];

/// Whether the proof was made for this request (RFC 9449 §4.3 (8), (9), (12)).
fn of_this_request(claims: &Claims, input: &Input<'_>) -> Result<(), &'static str> {
    if claims.text("htm") != Some(input.method) {
        return Err("htm of the DPoP proof is not the method of this request");
    }
    if !claims.text("htu").is_some_and(|htu| input.urls.iter().any(|url| same_target(htu, url))) {
        return Err("htu of the DPoP proof is not the address of this request");
    }
    if let Some(token) = input.token {
        let ath = claims.text("ath").and_then(from_base64url).and_then(|b| Hash::from_bytes(&b));
        if !ath.is_some_and(|ath| ath.same(&Hash::of(token))) {
            return Err("ath of the DPoP proof is not the hash of the access token");
        }
    }
    Ok(())
}

/// `htu` without query and fragment, normalized (RFC 9449 §4.3 (9), RFC 3986 §6.2.2, §6.2.3): scheme and host ignore
/// case, and a default port may be written or not.
fn same_target(htu: &str, url: &str) -> bool {
    let (Ok(a), Ok(b)) = (Url::parse(htu), Url::parse(url)) else { return false };
    a.username().is_empty()
        && a.password().is_none()
        && a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
        && a.path() == b.path()
}
