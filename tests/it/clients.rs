//! Real client programs, written with `openid-client` from npm as anybody writes them, against the conformance profile
//! over real TLS. Each program judges what it gets and ends with an error otherwise; here they are only started.

use crate::support::profile::Profile;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// One profile for all of them, one program at a time: a second link of an app would end the first one's. The server asks
/// for DPoP nonces (RFC 9449 §8), as in production.
pub fn town() -> MutexGuard<'static, Profile> {
    static TOWN: OnceLock<Mutex<Profile>> = OnceLock::new();
    let start = || Mutex::new(Profile::start(&[("RENKEI__TOKENS__DPOP_NONCE_REQUIRED", "true")]));
    TOWN.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner)
}

macro_rules! programs {
    ($($test:ident: $program:literal),* $(,)?) => { $(
        #[test]
        fn $test() {
            town().runs($program);
        }
    )* };
}

programs! {
    par_pkce_private_key_jwt_and_dpop: "par_dpop.mjs",
    the_same_with_certificates: "par_mtls.mjs",
    refresh: "refresh.mjs",
    introspection: "introspection.mjs",
    revocation: "revocation.mjs",
    openid_connect_with_a_secret_and_form_post: "form_post.mjs",
    signed_requests: "jar.mjs",
    signed_answers: "jarm.mjs",
    rich_requests_and_the_customers_choice: "rar.mjs",
    registration: "registration.mjs",
    a_client_for_itself: "client_credentials.mjs",
    every_line_of_the_metadata_is_true: "metadata.mjs",
}

/// The profile as the conformance suite meets it: every client of every kind goes its whole way, by the very browser
/// commands that the suite is given.
#[test]
fn every_client_of_the_conformance_profile_goes_its_whole_way() {
    Profile::start(&[]).runs("every_kind.mjs");
}
