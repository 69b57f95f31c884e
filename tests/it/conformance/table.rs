//! Which test shows what a module of the suite asks.

use crate::protocol::table::is_test;
use std::collections::BTreeSet;
use std::path::Path;

/// Plan by plan: module, tests under `tests/it`, and what the suite will say where that is not simply "passed".
/// `oidcc-formpost-basic-certification-test-plan` has the modules of the basic plan with `response_mode=form_post`; the
/// modules of the FAPI plans bear `fapi2-security-profile-final-` before their names.
const TABLE: &str = "
# oidcc-config-certification-test-plan
oidcc-discovery-endpoint-verification | conformance/discovery.rs::each_plan_finds_what_it_looks_for conformance/discovery.rs::every_member_is_registered_and_of_its_kind conformance/discovery.rs::the_keys_are_usable
# oidcc-basic-certification-test-plan
oidcc-server | conformance/basic.rs::the_code_flow_with_basic
oidcc-response-type-missing | conformance/basic.rs::a_response_type_that_is_missing conformance/basic.rs::errors_by_form_post
oidcc-userinfo-get | conformance/basic.rs::the_code_flow_with_basic
oidcc-userinfo-post-header | conformance/basic.rs::the_code_flow_with_basic
oidcc-userinfo-post-body | conformance/basic.rs::the_code_flow_with_basic
oidcc-ensure-request-without-nonce-succeeds-for-code-flow | conformance/basic.rs::without_a_nonce_there_is_none_in_the_id_token
oidcc-scope-profile | conformance/discovery.rs::each_plan_finds_what_it_looks_for | skipped: not in scopes_supported
oidcc-scope-email | conformance/discovery.rs::each_plan_finds_what_it_looks_for | skipped: not in scopes_supported
oidcc-scope-address | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing | skipped: not in scopes_supported
oidcc-scope-phone | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing | skipped: not in scopes_supported
oidcc-scope-all | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing | skipped: not in scopes_supported
oidcc-alternate-happy-flow | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing | skipped: asks for email
oidcc-display-page | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing
oidcc-display-popup | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing
oidcc-prompt-login | conformance/basic.rs::each_authorization_asks_the_customer_anew
oidcc-prompt-none-not-logged-in | conformance/basic.rs::nobody_is_logged_in conformance/basic.rs::errors_by_form_post
oidcc-prompt-none-logged-in | conformance/basic.rs::who_was_here_a_moment_ago_is_known
oidcc-id-token-hint | conformance/basic.rs::who_was_here_a_moment_ago_is_known
oidcc-max-age-10000 | conformance/basic.rs::who_was_here_a_moment_ago_is_known
oidcc-max-age-1 | conformance/basic.rs::each_authorization_asks_the_customer_anew
oidcc-ensure-request-with-unknown-parameter-succeeds | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing
oidcc-login-hint | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing
oidcc-ui-locales | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing
oidcc-claims-locales | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing
oidcc-ensure-request-with-acr-values-succeeds | conformance/basic.rs::what_may_stand_in_a_request_disturbs_nothing
oidcc-codereuse | conformance/basic.rs::a_code_is_refused_a_second_time
oidcc-codereuse-30seconds | conformance/basic.rs::a_code_is_refused_a_second_time
oidcc-ensure-registered-redirect-uri | conformance/basic.rs::a_redirect_uri_nobody_registered_is_a_page
oidcc-ensure-post-request-succeeds | conformance/basic.rs::a_request_by_post_is_answered_as_well
oidcc-server-client-secret-post | conformance/basic.rs::the_code_flow_with_a_secret_in_the_form
oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported | conformance/basic.rs::an_unsigned_request_object_is_refused_as_such | skipped: no alg none
oidcc-claims-essential | conformance/basic.rs::a_name_as_essential_claim_is_no_error | warned: we give no names
oidcc-ensure-request-object-with-redirect-uri | conformance/basic.rs::an_unsigned_request_object_is_refused_as_such | skipped: no alg none
oidcc-refresh-token | conformance/basic.rs::refresh_tokens_are_their_clients_own
oidcc-ensure-request-with-valid-pkce-succeeds | conformance/basic.rs::a_verifier_is_taken_where_there_was_a_challenge
# oidcc-formpost-basic-certification-test-plan
oidcc-server | conformance/basic.rs::the_answer_by_form_post
oidcc-response-type-missing | conformance/basic.rs::errors_by_form_post
oidcc-prompt-none-not-logged-in | conformance/basic.rs::errors_by_form_post
oidcc-prompt-none-logged-in | conformance/basic.rs::who_was_here_a_moment_ago_is_known
# fapi2-security-profile-final-test-plan
discovery-end-point-verification | conformance/discovery.rs::each_plan_finds_what_it_looks_for conformance/discovery.rs::every_member_is_registered_and_of_its_kind
happy-flow | conformance/fapi.rs::two_clients_on_the_happy_path conformance/fapi.rs::plain_oauth_has_no_id_token conformance/resource.rs::what_every_call_may_carry conformance/resource.rs::tokens_of_others_open_nothing
user-rejects-authentication | conformance/fapi.rs::the_customer_rejects
ensure-authorization-request-without-state-success | conformance/fapi.rs::state_and_nonce_come_back_whole_or_not_at_all
ensure-authorization-request-without-nonce-success | conformance/fapi.rs::state_and_nonce_come_back_whole_or_not_at_all
ensure-authorization-request-with-64-char-nonce-success | conformance/fapi.rs::state_and_nonce_come_back_whole_or_not_at_all
ensure-other-scope-order-succeeds | conformance/fapi.rs::scopes_in_the_other_order
test-claims-parameter-identity-claims | conformance/fapi.rs::claims_are_asked_for_in_every_form
access-token-type-header-case-sensitivity | conformance/resource.rs::what_every_call_may_carry conformance/fapi.rs::two_clients_on_the_happy_path
check-dpop-proof-nbf-exp | conformance/fapi.rs::proofs_ten_seconds_off_are_taken
ensure-dpopproof-with-iat-10seconds-before-succeeds | conformance/fapi.rs::proofs_ten_seconds_off_are_taken
ensure-dpopproof-with-iat-10seconds-after-succeeds | conformance/fapi.rs::proofs_ten_seconds_off_are_taken
ensure-mismatched-dpop-jkt-fails | conformance/fapi.rs::what_par_refuses
ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt | conformance/fapi.rs::a_code_bound_to_a_key_wants_that_key
ensure-token-endpoint-fails-with-mismatched-dpop-jkt | conformance/fapi.rs::a_code_bound_to_a_key_wants_that_key
ensure-dpopproof-at-par-endpoint-binding-success | conformance/fapi.rs::a_code_bound_to_a_key_wants_that_key conformance/fapi.rs::a_nonce_is_fetched_with_every_second_try
ensure-dpop-auth-code-binding-success | conformance/fapi.rs::a_code_bound_to_a_key_wants_that_key
ensure-different-nonce-inside-and-outside-request-object | conformance/fapi.rs::what_stands_beside_a_request_uri_is_not_used
ensure-different-state-inside-and-outside-request-object | conformance/fapi.rs::what_stands_beside_a_request_uri_is_not_used
ensure-authorization-request-with-long-nonce | conformance/fapi.rs::state_and_nonce_come_back_whole_or_not_at_all
ensure-authorization-request-with-long-state | conformance/fapi.rs::state_and_nonce_come_back_whole_or_not_at_all
state-only-outside-request-object-not-used | conformance/fapi.rs::what_stands_beside_a_request_uri_is_not_used
ensure-request-object-without-redirect-uri-fails | conformance/fapi.rs::what_par_refuses
plain-fapi-tolerate-unregistered-redirect-uri | conformance/fapi.rs::what_par_refuses
ensure-unsigned-authorization-request-without-using-par-fails | conformance/fapi.rs::without_par_there_is_an_error
ensure-redirect-uri-in-authorization-request | conformance/fapi.rs::what_par_refuses
ensure-response-type-code-idtoken-fails | conformance/fapi.rs::what_par_refuses
ensure-response-type-token-fails | conformance/fapi.rs::what_par_refuses
ensure-client-id-in-token-endpoint | conformance/fapi.rs::assertions_at_the_token_endpoint
ensure-holder-of-key-required | conformance/fapi.rs::a_proof_is_demanded_at_the_token_endpoint conformance/tls.rs::only_versions_and_suites_of_the_best_current_practice
ensure-authorization-code-is-bound-to-client | conformance/fapi.rs::codes_are_refused_to_others_later_and_again
attempt-reuse-authorization-code-after-one-second | conformance/fapi.rs::codes_are_refused_to_others_later_and_again
ensure-token-endpoint-fails-with-expired-auth-code | conformance/fapi.rs::codes_are_refused_to_others_later_and_again
ensure-signed-client-assertion-with-RS256-fails | conformance/fapi.rs::assertions_at_the_token_endpoint
ensure-client-assertion-in-token-endpoint | conformance/fapi.rs::assertions_at_the_token_endpoint
ensure-client-assertion-with-exp-is-5-minutes-in-past-fails | conformance/fapi.rs::assertions_at_the_token_endpoint
ensure-client-assertion-with-wrong-aud-fails | conformance/fapi.rs::assertions_at_the_token_endpoint
ensure-client-assertion-with-no-sub-fails | conformance/fapi.rs::assertions_at_the_token_endpoint
dpop-negative-tests | conformance/resource.rs::wrong_proofs_are_refused_and_odd_ones_taken
refresh-token | conformance/fapi.rs::refresh_with_new_keys_and_without_credentials
par-ensure-reused-request-uri-prior-to-auth-completion-succeeds | conformance/fapi.rs::a_request_uri_lasts_until_the_customer_has_answered
par-attempt-reuse-request_uri | conformance/fapi.rs::a_request_uri_lasts_until_the_customer_has_answered
par-attempt-to-use-expired-request_uri | conformance/fapi.rs::a_request_uri_is_for_one_client_and_not_for_ever
par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted | conformance/fapi.rs::assertions_at_the_par_endpoint
par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails | conformance/fapi.rs::assertions_at_the_par_endpoint
par-attempt-to-use-request_uri-for-different-client | conformance/fapi.rs::a_request_uri_is_for_one_client_and_not_for_ever
par-authorization-request-containing-request_uri-form-param | conformance/fapi.rs::what_par_refuses
par-attempt-invalid-http-method | conformance/fapi.rs::what_par_refuses
par-ensure-pkce-required | conformance/fapi.rs::what_par_refuses
ensure-pkce-code-verifier-required | conformance/fapi.rs::codes_are_refused_to_others_later_and_again
incorrect-pkce-code-verifier-rejected | conformance/fapi.rs::codes_are_refused_to_others_later_and_again
par-plain-pkce-rejected | conformance/fapi.rs::what_par_refuses
par-without-duplicate-parameters | conformance/fapi.rs::what_stands_beside_a_request_uri_is_not_used
par-test-array-as-audience-fails | conformance/fapi.rs::assertions_at_the_par_endpoint
par-test-par-endpoint-url-as-audience-fails | conformance/fapi.rs::assertions_at_the_par_endpoint
par-test-token-endpoint-url-as-audience-fails | conformance/fapi.rs::assertions_at_the_par_endpoint
# fapi2-message-signing-final-test-plan: what differs from the plan above
happy-flow | conformance/signing.rs::signed_requests_answered_in_the_open conformance/signing.rs::signed_requests_with_signed_answers
user-rejects-authentication | conformance/signing.rs::errors_are_signed_where_they_were_asked_for
ensure-request-object-with-multiple-aud-succeeds | conformance/signing.rs::what_a_signed_request_may_look_like
ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted | conformance/signing.rs::what_a_signed_request_may_look_like
ensure-different-nonce-inside-and-outside-request-object | conformance/signing.rs::what_stands_outside_the_object_is_not_used
ensure-different-state-inside-and-outside-request-object | conformance/signing.rs::what_stands_outside_the_object_is_not_used
state-only-outside-request-object-not-used | conformance/signing.rs::what_stands_outside_the_object_is_not_used
ensure-request-object-without-exp-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-request-object-without-nbf-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-request-object-without-redirect-uri-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-expired-request-object-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-request-object-with-bad-aud-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-request-object-with-exp-over-60-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-request-object-with-nbf-over-60-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-signed-request-object-with-RS256-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-request-object-signature-algorithm-is-not-none | conformance/signing.rs::request_objects_that_are_refused
ensure-request-object-with-invalid-signature-fails | conformance/signing.rs::request_objects_that_are_refused
ensure-matching-key-in-authorization-request | conformance/signing.rs::request_objects_that_are_refused
ensure-unsigned-request-at-par-endpoint-fails | conformance/signing.rs::request_objects_that_are_refused
plain-fapi-tolerate-unregistered-redirect-uri | conformance/signing.rs::request_objects_that_are_refused
ensure-response-type-code-idtoken-fails | conformance/signing.rs::request_objects_that_are_refused
par-ensure-pkce-required | conformance/signing.rs::request_objects_that_are_refused
par-plain-pkce-rejected | conformance/signing.rs::request_objects_that_are_refused
par-authorization-request-containing-request_uri | conformance/signing.rs::request_objects_that_are_refused
ensure-unsigned-authorization-request-without-using-par-fails | conformance/signing.rs::errors_are_signed_where_they_were_asked_for
refresh-token | conformance/signing.rs::signed_requests_answered_in_the_open conformance/fapi.rs::refresh_with_new_keys_and_without_credentials
discovery-end-point-verification | conformance/discovery.rs::each_plan_finds_what_it_looks_for conformance/discovery.rs::every_member_is_registered_and_of_its_kind
# fapi2-security-profile-final-test-plan, client_auth_type=mtls or sender_constrain=mtls
discovery-end-point-verification | mtls.rs::the_aliases_are_the_endpoints conformance/discovery.rs::every_member_is_registered_and_of_its_kind
happy-flow | conformance/certificate.rs::certificates_throughout conformance/certificate.rs::a_certificate_binds_what_a_signature_asks_for mtls.rs::a_token_is_worth_nothing_with_another_certificate
ensure-client-id-in-token-endpoint | conformance/certificate.rs::certificates_throughout mtls.rs::who_is_let_in_by_a_certificate
ensure-holder-of-key-required | conformance/certificate.rs::certificates_throughout conformance/certificate.rs::a_certificate_binds_what_a_signature_asks_for mtls.rs::a_certificate_binds_nobody_who_did_not_ask
ensure-authorization-code-is-bound-to-client | conformance/certificate.rs::certificates_throughout
refresh-token | conformance/certificate.rs::certificates_throughout conformance/certificate.rs::a_certificate_binds_what_a_signature_asks_for
# fapi2-security-profile-final-test-plan, fapi_client_credentials_grant
discovery-end-point-verification | conformance/credentials.rs::two_clients_act_for_themselves conformance/discovery.rs::every_member_is_registered_and_of_its_kind
happy-flow | conformance/credentials.rs::two_clients_act_for_themselves conformance/resource.rs::what_every_call_may_carry
access-token-type-header-case-sensitivity | conformance/resource.rs::what_every_call_may_carry
check-dpop-proof-nbf-exp | conformance/fapi.rs::proofs_ten_seconds_off_are_taken conformance/resource.rs::wrong_proofs_are_refused_and_odd_ones_taken
ensure-dpopproof-with-iat-10seconds-before-succeeds | conformance/fapi.rs::proofs_ten_seconds_off_are_taken
ensure-dpopproof-with-iat-10seconds-after-succeeds | conformance/fapi.rs::proofs_ten_seconds_off_are_taken
ensure-client-id-in-token-endpoint | conformance/credentials.rs::nobody_acts_without_proving_who_and_what
ensure-holder-of-key-required | conformance/credentials.rs::nobody_acts_without_proving_who_and_what
ensure-signed-client-assertion-with-RS256-fails | conformance/credentials.rs::nobody_acts_without_proving_who_and_what
ensure-client-assertion-in-token-endpoint | conformance/credentials.rs::nobody_acts_without_proving_who_and_what
ensure-client-assertion-with-exp-is-5-minutes-in-past-fails | conformance/credentials.rs::nobody_acts_without_proving_who_and_what
ensure-client-assertion-with-wrong-aud-fails | conformance/credentials.rs::nobody_acts_without_proving_who_and_what
ensure-client-assertion-with-no-sub-fails | conformance/credentials.rs::nobody_acts_without_proving_who_and_what
dpop-negative-tests | conformance/resource.rs::wrong_proofs_are_refused_and_odd_ones_taken
# openid-ssf-transmitter-test-plan, push and poll
openid-ssf-transmitter-metadata | streams/manage.rs::the_metadata_is_complete
openid-ssf-stream-control-happy-path | streams/manage.rs::a_stream_is_created_read_updated_replaced_and_deleted streams/manage.rs::a_status_is_the_receivers_own | warned: event types of our own
openid-ssf-stream-control-error-create-stream-with-broken-input | streams/manage.rs::what_is_broken_is_refused
openid-ssf-stream-control-error-create-stream-with-invalid-token | streams/manage.rs::only_a_token_for_this_server_is_accepted
openid-ssf-stream-control-error-create-stream-with-duplicate-config | streams/manage.rs::a_stream_is_created_read_updated_replaced_and_deleted
openid-ssf-stream-control-error-read-stream-with-invalid-token | streams/manage.rs::only_a_token_for_this_server_is_accepted
openid-ssf-stream-control-error-read-unknown-stream | streams/manage.rs::what_is_broken_is_refused
openid-ssf-stream-control-error-update-stream-with-invalid-token | streams/manage.rs::only_a_token_for_this_server_is_accepted
openid-ssf-stream-control-error-update-stream-with-invalid-body | streams/manage.rs::what_is_broken_is_refused
openid-ssf-stream-control-error-update-unknown-stream | streams/manage.rs::what_is_broken_is_refused
openid-ssf-stream-control-error-replace-stream-with-invalid-token | streams/manage.rs::only_a_token_for_this_server_is_accepted
openid-ssf-stream-control-error-replace-stream-with-invalid-body | streams/manage.rs::what_is_broken_is_refused
openid-ssf-stream-control-error-replace-unknown-stream | streams/manage.rs::what_is_broken_is_refused
openid-ssf-stream-control-error-delete-stream-with-invalid-token | streams/manage.rs::only_a_token_for_this_server_is_accepted
openid-ssf-stream-control-error-delete-unknown-stream | streams/manage.rs::what_is_broken_is_refused
openid-ssf-stream-subject-control | streams/manage.rs::the_metadata_is_complete | skipped: there are no endpoints to add or remove subjects
openid-ssf-transmitter-stream-verification-push | clients.rs::receivers_of_events streams/push.rs::nothing_leaves_before_the_endpoint_is_verified
openid-ssf-transmitter-stream-verification-error-push-no-auth | clients.rs::receivers_of_events streams/push.rs::a_header_is_kept_changed_and_removed
openid-ssf-transmitter-stream-verification-poll-only | streams/poll.rs::a_verification_is_echoed streams/poll.rs::the_form_of_a_token
openid-ssf-transmitter-stream-verification-poll-and-ack | streams/poll.rs::a_verification_is_echoed
openid-ssf-transmitter-stream-verification-ack-only | streams/poll.rs::what_is_not_acknowledged_comes_again
# openid-ssf-transmitter-caep-test-plan: what differs from the plan above
openid-ssf-transmitter-metadata | streams/manage.rs::the_metadata_is_complete
openid-ssf-transmitter-stream-caep-interop | clients.rs::receivers_of_events streams/poll.rs::the_form_of_a_token | warned: event types of our own
";

/// The plans this server has to pass.
pub(super) const PLANS: [&str; 7] = [
    "oidcc-config-certification-test-plan",
    "oidcc-basic-certification-test-plan",
    "oidcc-formpost-basic-certification-test-plan",
    "fapi2-security-profile-final-test-plan",
    "fapi2-message-signing-final-test-plan",
    "openid-ssf-transmitter-test-plan",
    "openid-ssf-transmitter-caep-test-plan",
];

/// Whether a module stands in the table, under the name by which the suite knows it.
pub(super) fn knows_module(name: &str) -> bool {
    let name = name.strip_prefix("fapi2-security-profile-final-").unwrap_or(name);
    TABLE.lines().any(|line| line.split(" | ").next() == Some(name))
}

#[test]
fn every_module_names_tests_that_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let (mut wrong, mut seen, mut plan) = (Vec::new(), BTreeSet::new(), "");
    for line in TABLE.lines().filter(|l| !l.is_empty()) {
        if let Some(name) = line.strip_prefix("# ") {
            plan = name;
            continue;
        }
        let mut cells = line.split(" | ");
        let (module, tests) = (cells.next().unwrap(), cells.next().unwrap_or_default());
        if !seen.insert((plan, module)) {
            wrong.push(format!("{plan}: {module} stands there twice"));
        }
        for test in tests.split_whitespace() {
            let (file, name) = test.split_once("::").unwrap_or((test, ""));
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            if !is_test(&text, name) {
                wrong.push(format!("{module}: there is no test {name} in {file}"));
            }
        }
        if tests.is_empty() {
            wrong.push(format!("{module}: no test"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
