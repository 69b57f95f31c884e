//! Real client programs, written with `openid-client` from npm as anybody writes them, against the conformance profile
//! over real TLS. Each program judges what it gets and ends with an error otherwise; here they are only started.

use crate::support::profile::Profile;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// One profile for all of them, one program at a time: a second link of an app would end the first one's. The server asks
/// for DPoP nonces (RFC 9449 §8), as in production.
pub(crate) fn town() -> MutexGuard<'static, Profile> {
    static TOWN: OnceLock<Mutex<Profile>> = OnceLock::new();
    let start = || Mutex::new(Profile::start(&[("RENKEI__TOKENS__DPOP_NONCE_REQUIRED", "true")]));
    TOWN.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner)
}

/// RFC 9126, 7636, 7523, 9449.
#[test]
fn par_pkce_private_key_jwt_and_dpop() {
    town().runs("par_dpop.mjs");
}
/// RFC 8705.
#[test]
fn the_same_with_certificates() {
    town().runs("par_mtls.mjs");
}
/// RFC 6749 §6.
#[test]
fn refresh() {
    town().runs("refresh.mjs");
}
/// RFC 7662, 9701.
#[test]
fn introspection() {
    town().runs("introspection.mjs");
}
/// RFC 7009.
#[test]
fn revocation() {
    town().runs("revocation.mjs");
}
/// OpenID Connect Core, OAuth 2.0 Form Post Response Mode.
#[test]
fn openid_connect_with_a_secret_and_form_post() {
    town().runs("form_post.mjs");
}
/// RFC 9101.
#[test]
fn signed_requests() {
    town().runs("jar.mjs");
}
/// JARM.
#[test]
fn signed_answers() {
    town().runs("jarm.mjs");
}
/// RFC 9396.
#[test]
fn rich_requests_and_the_customers_choice() {
    town().runs("rar.mjs");
}
/// RFC 7591, 7592.
#[test]
fn registration() {
    town().runs("registration.mjs");
}
/// RFC 6749 §4.4.
#[test]
fn a_client_for_itself() {
    town().runs("client_credentials.mjs");
}
/// SSF 1.0, RFC 8935, 8936: what the suite asks of a transmitter, for each receiver of the profile.
#[test]
fn receivers_of_events() {
    town().runs("receivers.mjs");
}
/// RFC 8414, OpenID Connect Discovery: each value is tried, and what is not listed.
#[test]
fn every_line_of_the_metadata_is_true() {
    town().runs("metadata.mjs");
}

/// The profile as the conformance suite meets it: every client of every kind goes its whole way, by the very browser
/// commands that the suite is given.
#[test]
fn every_client_of_the_conformance_profile_passes_all_screens() {
    Profile::start(&[]).runs("every_kind.mjs");
}
