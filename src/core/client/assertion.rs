//! Client assertions: private_key_jwt (RFC 7523 §3, OpenID Connect Core §9, FAPI 2.0 §5.3.2.1).

use super::{Client, replay};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::claim_check::{ClaimCheck, ClaimRule, check, may, must};
use crate::keys::jose::{self, Alg, Header, Unverified, Verified};
use crate::secret::Hash;
use std::time::Duration;

/// `client_assertion_type` (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far a client's clock may be ahead: FAPI 2.0 §5.3.2.1 demands 10 s and forbids more than 60.
const AHEAD: Duration = Duration::from_secs(30);
/// How long after its `exp` an assertion is still accepted.
const LATE: Duration = Duration::from_secs(10);
/// The longest lifetime of an assertion; its `jti` is stored that long.
const LONGEST: Duration = Duration::from_secs(3600);

/// Why an assertion is refused, for the log. The client gets `invalid_client` and this sentence.
pub(super) type Rejection = &'static str;
const ANOTHER_KIND: Rejection = "the JWT was made for something other than client authentication";

/// The `sub` of the assertion (RFC 7523 §3.2). Unverified.
pub(super) fn issuer_of(assertion: &Unverified<'_>) -> Option<ClientId> {
    assertion.unverified_claims().text("sub").and_then(ClientId::parse)
}

/// The algorithms for a client's assertions.
pub(super) fn allowed(client: &Client) -> Vec<Alg> {
    client.auth_alg.map_or_else(|| client.profile.algs().to_vec(), |alg| vec![alg])
}

/// What the caller reads of an assertion that names a `kid`: that no key of the client has it. An unknown client has no
/// key at all, so it looks the same. Without a `kid` it would show who is a client: then the signature is what is wrong.
pub(super) const fn explain(e: jose::Error, names_key: bool) -> Rejection {
    match e {
        jose::Error::UnknownKey if names_key => {
            "the client has no key with the kid and the algorithm of the client assertion"
        }
        jose::Error::Malformed => "the client assertion is not a compact JWS",
        jose::Error::Algorithm => "the client assertion's algorithm is not allowed",
        jose::Error::Critical => "the client assertion has a critical header",
        _ => "the client assertion does not verify with the client's keys",
    }
}

/// The replay key of an accepted assertion's `jti`, and until when to store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedAssertion {
    pub(super) key: Hash,
    pub(super) until: Instant,
}

/// The messages for a missing `exp` and `jti`.
const NO_EXP: Rejection = "the client assertion has no exp";
const NO_JTI: Rejection = "the client assertion has no jti";

/// Checks an assertion whose signature is verified. `audiences[0]` is the issuer; the others are the endpoints OpenID
/// Connect clients may use as `aud` instead.
pub(super) fn judge(
    assertion: &Verified,
    client: &Client,
    audiences: &[String],
    now: Instant,
) -> Result<UsedAssertion, Rejection> {
    if of_another_kind(&assertion.header) {
        return Err(ANOTHER_KIND);
    }
    let id = client.id.as_str();
    let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
    // FAPI 2.0 §5.3.2.1 (8): the issuer as one string. OpenID Connect Core §9 also allows the token endpoint, and an
    // array.
    let aud = match client.profile.is_fapi() {
        true => ClaimRule::OneOf(audiences.get(..1).unwrap_or_default()),
        false => ClaimRule::Holds(&audiences),
    };
    let said = check(&assertion.claims, &demands(id, aud), now)?;
    let (exp, jti) = (said.exp.ok_or(NO_EXP)?, said.jti.ok_or(NO_JTI)?);
    Ok(UsedAssertion { key: replay::key(replay::Use::Assertion, id, jti), until: exp + LATE })
}

/// The rules for an assertion (RFC 7523 §3, FAPI 2.0 §5.3.2.1), in the order they are checked.
fn demands<'a>(id: &'a str, aud: ClaimRule<'a>) -> [ClaimCheck<'a, Rejection>; 15] {
    const BOTH: Rejection = "iss and sub of the client assertion must both be the client_id";
    const NO_DATE: Rejection = "a date of the client assertion is not a number";
    const FUTURE: Rejection = "the client assertion is from the future";
    let ahead = ClaimRule::NotAhead(AHEAD);
    [
        // A request object passes through browsers and may have the client as `sub` by mistake (RFC 9101 §10.8).
        may("response_type", ClaimRule::Absent, ANOTHER_KIND),
        may("redirect_uri", ClaimRule::Absent, ANOTHER_KIND),
        may("code_challenge", ClaimRule::Absent, ANOTHER_KIND),
        must("iss", ClaimRule::Is(id), BOTH),
        must("sub", ClaimRule::Is(id), BOTH),
        must("aud", aud, "aud of the client assertion must be the issuer"),
        may("exp", ClaimRule::Date, NO_DATE),
        must("exp", ClaimRule::Date, NO_EXP),
        must("exp", ClaimRule::GoodFor(LATE), "the client assertion has expired"),
        must("exp", ClaimRule::NotAhead(AHEAD + LONGEST), "the client assertion is valid for too long"),
        may("iat", ClaimRule::Date, NO_DATE),
        may("iat", ahead, FUTURE),
        may("nbf", ClaimRule::Date, NO_DATE),
        may("nbf", ahead, FUTURE),
        must("jti", ClaimRule::Sized(usize::MAX), NO_JTI),
    ]
}

/// RFC 8725 §3.11: a JWT for another use has its own `typ`. An assertion has the one of draft RFC 7523bis, the
/// general one, or none.
fn of_another_kind(header: &Header) -> bool {
    let typed = header.typ.as_ref().is_some_and(|typ| typ.to_ascii_lowercase().ends_with("+jwt"));
    typed && !header.is_typ("client-authentication+jwt")
}
