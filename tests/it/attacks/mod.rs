//! Attacks, each named after what it tries. What a row of RFC 9700 (OAuth 2.0 Security Best Current Practice) §4 or of our
//! own list demands is shown by the tests beside it, most of them here, some where the part is tested
//! ([`every_row_names_tests_that_exist`] reads this table).
//!
//! | RFC 9700 | what is tried | shown by |
//! |---|---|---|
//! | 4.1 | redirect URIs that are nearly registered | `redirects::an_address_that_is_nearly_the_registered_one_is_a_page`, `src/core/client/tests.rs::redirect_uris_match_to_the_letter`, `src/core/client/tests/metadata.rs::wrong_redirect_uris_have_their_own_code` |
//! | 4.2 | credentials in a Referer | `redirects::nothing_of_a_page_reaches_another_site` |
//! | 4.3 | credentials in the browser's history | `redirects::a_token_in_an_address_is_not_read`, `redirects::nothing_of_a_page_reaches_another_site` |
//! | 4.4 | mix-up | `codes::every_answer_names_its_issuer_so_that_none_can_be_mixed_up` |
//! | 4.5 | code injection | `codes::a_code_slipped_into_another_session_is_refused`, `codes::a_code_stolen_by_another_client_is_refused_and_stays_good`, `tests/it/flow/life.rs::a_replayed_code_ends_the_grant`, `tests/it/conformance/fapi.rs::a_code_bound_to_a_key_wants_that_key` |
//! | 4.6 | access token injection | `codes::no_token_travels_through_the_browser`, `codes::the_same_customer_is_another_to_every_app` |
//! | 4.7 | forged requests on each screen | `screens::no_form_of_any_screen_is_taken_from_elsewhere`, `tests/it/flow/screens.rs::a_form_from_elsewhere_is_refused` |
//! | 4.8 | PKCE talked away | `codes::pkce_cannot_be_talked_away`, `tests/it/conformance/basic.rs::a_verifier_is_taken_where_there_was_a_challenge` |
//! | 4.9 | a token leaks at a resource server | `oracles::introspection_tells_a_resource_server_only_of_its_own`, `tests/it/rar.rs::a_token_is_good_at_the_resources_it_was_asked_for` |
//! | 4.10 | stolen tokens, with and without their key | `replays::a_proof_is_good_once_at_all_endpoints_together`, `tests/it/conformance/resource.rs::wrong_proofs_are_refused_and_odd_ones_taken`, `tests/it/mtls.rs::a_token_is_worth_nothing_with_another_certificate` |
//! | 4.11 | open redirection | `redirects::an_address_that_is_nearly_the_registered_one_is_a_page`, `tests/it/protocol/authorize.rs::nothing_is_redirected_before_the_address_is_proved` |
//! | 4.12 | 307 | `redirects::a_browser_is_sent_on_by_303_alone` |
//! | 4.13 | a proxy's headers from somebody else | `outbound::a_header_that_only_a_proxy_may_write_is_nobodys`, `tests/it/mtls.rs::a_proxy_tells_the_certificate`, `src/server/web/extract.rs::a_caller_cannot_choose_the_address_it_is_counted_under` |
//! | 4.14 | refresh tokens in other hands, at once, after the end | `replays::a_revoked_link_stays_revoked_whatever_is_shown_again`, `tests/it/conformance/basic.rs::refresh_tokens_are_their_clients_own`, `tests/it/conformance/fapi.rs::refresh_with_new_keys_and_without_credentials` |
//! | 4.15 | a client that passes for a customer | `tests/it/client_credentials.rs::what_customers_give_is_never_in_it`, `tests/it/client_credentials.rs::it_says_that_no_customer_stands_behind_it` |
//! | 4.16 | clickjacking | `screens::no_page_lets_itself_be_framed` |
//! | 4.17 | other windows | `screens::nothing_is_said_to_other_windows` |
//!
//! | our own list | shown by |
//! |---|---|
//! | replay of assertion, proof, request_uri, step, report, code | `replays::an_assertion_is_good_once_at_all_endpoints_together`, `replays::a_proof_is_good_once_at_all_endpoints_together`, `replays::a_proof_is_good_once_where_something_is_written`, `replays::a_request_that_was_answered_is_answered_no_more`, `replays::a_report_of_the_bank_counts_once`, `tests/it/flow/screens.rs::a_step_token_works_once`, `tests/it/flow/call.rs::other_calls_do_not`, `tests/it/flow/life.rs::a_replayed_code_ends_the_grant` |
//! | revoke, lock, then show everything again; tokens cut, padded, re-encoded | `replays::a_revoked_link_stays_revoked_whatever_is_shown_again` |
//! | parameter pollution | `requests::a_parameter_counts_once_and_from_one_place` |
//! | oversized and deeply nested input, bodies that grow when unpacked | `requests::what_is_too_long_too_deep_or_too_many_is_refused`, `tests/it/urls.rs::an_encoded_body_is_refused_everywhere`, `tests/it/demo.rs::no_part_unpacks_a_body`, the fuzz targets (`tests/fuzz/main.rs`) |
//! | another kind of body, another method, another host, two lengths, another protocol | `requests::only_a_form_is_read_as_a_form`, `requests::a_method_is_what_it_is`, `tests/it/urls.rs::a_method_is_taken_or_405_says_which_are`, `tests/it/urls.rs::who_asks_for_the_head_alone_changes_nothing`, `requests::no_name_we_are_called_by_is_repeated`, `requests::a_request_has_one_length`, `requests::no_other_protocol_is_spoken`, `tests/it/mtls.rs::both_listeners_choose_http_1_1` |
//! | log injection | `requests::nothing_from_outside_begins_a_line_in_the_log` |
//! | alg confusion, `none`, an HMAC under the public key, `crit` | `jwts::a_header_does_not_choose_how_it_is_checked` |
//! | `jku`, `x5u`, `x5c`, embedded keys, `kid` tricks | `jwts::a_key_that_comes_along_is_not_believed` |
//! | tokens of one kind as another, re-encoded, mirrored | `jwts::a_token_of_one_kind_is_not_one_of_another`, `jwts::the_same_words_in_other_letters_are_another_token` |
//! | request objects: forged, another's, beside other parameters, referring on | `tests/it/protocol/jar.rs::a_bad_object_is_an_invalid_request_object`, `tests/it/protocol/jar.rs::only_what_is_inside_counts`, `tests/it/protocol/jar.rs::by_value_nothing_is_redirected_on_an_objects_unproved_word`, `jwts::a_token_of_one_kind_is_not_one_of_another` |
//! | more than was offered, asked or agreed | `tests/it/rar.rs::only_what_was_offered_is_taken`, `tests/it/rar.rs::details_nobody_can_have_are_refused_at_every_endpoint`, `tests/it/client_credentials.rs::what_customers_give_is_never_in_it` |
//! | certificates: another's, without the key, in a header | `tests/it/mtls.rs::who_is_let_in_by_a_certificate`, `tests/it/mtls.rs::a_certificate_without_its_key_is_worth_nothing`, `tests/it/mtls.rs::a_proxy_tells_the_certificate` |
//! | apps that register themselves: what they may not say, another's record, a change unseen | `tests/it/registration.rs::what_is_not_a_registration`, `tests/it/registration.rs::nobody_manages_another_app`, `tests/it/registration.rs::a_record_that_changed_is_not_approved_unseen`, `src/core/client/tests/metadata.rs::every_wrong_member_is_named` |
//! | markup, headers and templates in names and parameters | `injections::what_is_carried_along_arrives_as_it_was`, `injections::a_name_is_text_wherever_it_stands` |
//! | a remembered customer in another's hands | `injections::a_cookie_of_one_kind_is_not_one_of_another`, `tests/it/proofing_memory.rs::it_is_one_browsers_and_one_apps`, `tests/it/proofing_memory.rs::it_is_forgotten` |
//! | weaker algorithms by metadata | `src/core/client/tests/metadata.rs::every_wrong_member_is_named`, `src/core/client/tests/assertion.rs::algorithms_by_profile`, `tests/it/protocol/metadata.rs::keys_are_public_named_and_strong` |
//! | SSRF through jwks_uri, request_uri, logo, sector | `outbound::keys_inside_our_own_network_are_never_fetched`, `outbound::nothing_else_that_a_record_names_is_ever_fetched`, `outbound::a_network_named_for_one_client_opens_nothing_for_another`, `src/core/client/tests/assertion.rs::keys_in_a_private_network_are_fetched_for_the_client_that_may_enter_it`, `src/server/outbound/tests.rs::networks_named_for_one_open_nothing_for_others`, `src/server/outbound/tests.rs::addresses_written_out_or_resolved_are_refused_alike`, `src/server/outbound/tests.rs::bounds` |
//! | cookie tossing, a neighbour's cookies, session fixation, somebody else's way | `screens::a_tossed_cookie_opens_nothing`, `screens::a_neighbours_cookie_disturbs_nothing`, `screens::a_cookie_that_was_brought_along_is_never_adopted`, `screens::somebody_elses_interaction_answers_like_none` |
//! | cross-client request_uri, revocation, registration | `tests/it/flow/protocol.rs::pushing_is_strict`, `tests/it/flow/life.rs::the_app_ends_its_own_grant_and_no_other`, `tests/it/registration.rs::nobody_manages_another_app` |
//! | one client that keeps the store busy | `tests/it/client_limits.rs::two_hundred_pushed_requests_may_wait`, `tests/it/client_limits.rs::two_hundred_answers_at_once_and_twenty_a_second` |
//! | guesses in parallel | `outbound::thirty_browsers_guess_a_birth_date_no_oftener_than_one`, `tests/it/flow/lock.rs::fifty_parallel_wrong_pins_reach_the_core_three_times` |
//! | guesses at a client's secret, to find it or to keep its owner out | `outbound::a_thousand_wrong_secrets_keep_nobody_out`, `src/core/client/tests/metadata.rs::weak_secrets_are_refused_in_production`, `src/core/client/tests/secret.rs::an_unknown_client_costs_what_a_wrong_secret_costs` |
//! | timing; what an error gives away | `oracles::no_secret_is_compared_letter_by_letter`, `oracles::who_is_a_client_is_told_to_nobody`, `oracles::why_a_code_is_refused_is_told_to_nobody`, `oracles::a_token_at_the_wrong_endpoint_opens_nothing`, `oracles::what_fails_inside_stays_inside` |

mod codes;
mod injections;
mod jwts;
mod oracles;
mod outbound;
mod redirects;
mod replays;
mod requests;
mod screens;

use crate::protocol::table::is_test;
use crate::support::app::App;
use crate::support::http::Answer;
use crate::support::town::Town;
use std::fs;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A test on one engine: of what never reaches the store, or reaches it as everything does.
macro_rules! on_sqlite {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                $crate::support::town::run($crate::support::town::Engine::Sqlite, |_| {}, super::$test);
            })*
        }
    };
}
use on_sqlite;

/// A page in place: nobody is sent anywhere.
#[track_caller]
fn stays_here(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.header("location")), (400, None), "{why}: {}", answer.body);
    assert!(answer.page().id("oauth-error").is_some(), "{why}: a page");
}

/// The app hears of a broken request, with the `state` that is beyond doubt.
#[track_caller]
fn goes_back(answer: &Answer, app: &App, state: Option<&str>, why: &str) {
    assert_eq!(answer.status, 303, "{why}: {}", answer.body);
    let url = url::Url::parse(answer.location()).unwrap();
    assert!(answer.location().starts_with(&format!("{}?", app.redirect_uri)), "{why}: {url}");
    let told = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
    assert_eq!(told("error").as_deref(), Some("invalid_request"), "{why}");
    assert_eq!(told("error_description"), Some(format!("parameter {why} is repeated")));
    assert_eq!(told("state").as_deref(), state, "{why}");
    assert!(told("iss").is_some() && told("code").is_none(), "{why}");
}

/// Sends bytes as they are and reads what comes until the server hangs up.
pub(crate) async fn raw(w: &Town, request: &[u8]) -> String {
    let mut socket = tokio::net::TcpStream::connect(w.address()).await.unwrap();
    // The server may hang up in the middle of what it does not want to read.
    let _ = socket.write_all(request).await;
    let mut answer = Vec::new();
    let read = async { socket.read_to_end(&mut answer).await };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(10), read).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn every_row_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut missing, mut seen) = (Vec::new(), 0);
    for line in include_str!("mod.rs").lines().filter(|l| l.starts_with("//! |")) {
        for named in line.split('`').skip(1).step_by(2).filter(|n| n.contains("::")) {
            let (file, test) = named.rsplit_once("::").unwrap();
            let path =
                if file.contains('/') { root.join(file) } else { root.join(format!("tests/it/attacks/{file}.rs")) };
            let text = fs::read_to_string(&path).unwrap_or_default();
            seen += 1;
            if !is_test(&text, test) {
                missing.push(named.to_owned());
            }
        }
    }
    assert!(seen > 50, "the table was read");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    // And every test of these files stands in the table.
    let table = include_str!("mod.rs");
    for entry in fs::read_dir(root.join("tests/it/attacks")).unwrap() {
        let path = entry.unwrap().path();
        let (file, text) = (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap());
        for test in text.lines().filter_map(|l| l.strip_prefix("async fn ")?.split_once("(w: &Town)")) {
            assert!(
                table.contains(&format!("`{file}::{}`", test.0)) || test.1 != " {",
                "{file}::{} is in no row",
                test.0
            );
        }
    }
}
