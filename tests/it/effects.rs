//! Every key of `config/default.toml` changes something: the tests that show what are named here. Who adds a key adds its line, or
//! the key goes away.

use crate::client_limits::{app, push};
use crate::serve::{ServeFolder, terminate};
use crate::support::http::RequestParts;
use crate::support::town::{Engine, HOOK_SECRET, Town, run};
use renkei_core::secret::Hash;
use renkei_server::config::{InstitutionKind, Span};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The key, and the tests that fail if it changes nothing: of the way from the key to the rule, and of what the rule does.
const EFFECTS: &[(&str, &[&str])] = &[
    (
        "server.issuer",
        &[
            "src/server/process/tests.rs::the_keys_of_the_pages",
            "tests/it/protocol/metadata.rs::both_documents_are_one_and_every_endpoint_is_there",
        ],
    ),
    ("server.mode", &["tests/it/client_command.rs::production_takes_no_weak_secret"]),
    ("server.listen", &["tests/it/serve.rs::it_serves_over_tls_with_the_headers_of_a_bank_and_stops_when_told"]),
    ("server.tls_cert_file", &["tests/it/serve.rs::a_renewed_certificate_is_served_after_sighup"]),
    ("server.tls_key_file", &["tests/it/serve.rs::a_renewed_certificate_is_served_after_sighup"]),
    ("server.mtls_listen", &["tests/it/conformance/tls.rs::only_versions_and_suites_of_the_best_current_practice"]),
    ("server.mtls_base_url", &["tests/it/conformance/discovery.rs::aliases_stand_for_endpoints_that_are_there"]),
    ("server.mtls_ca_file", &["tests/it/mtls.rs::who_vouches_is_read_again"]),
    ("server.mtls_crl_file", &["tests/it/mtls.rs::who_vouches_is_read_again"]),
    ("server.client_cert_header", &["tests/it/mtls.rs::a_proxy_tells_the_certificate"]),
    ("server.trusted_proxies", &["tests/it/proxies.rs::the_callers_address_is_what_a_trusted_proxy_says_last"]),
    ("server.data_dir", &["tests/it/effects.rs::the_files_and_the_log_are_as_configured"]),
    ("server.master_key_file", &["tests/it/staff.rs::a_wrong_master_key_stops_every_command"]),
    ("server.workers", &["tests/it/slow_peers.rs::more_connections_than_configured_wait"]),
    ("server.connections", &["tests/it/slow_peers.rs::more_connections_than_configured_wait"]),
    ("server.drain", &["tests/it/stops.rs::a_server_that_drains_is_not_ready_serves_on_and_closes_each_connection"]),
    ("server.shutdown_grace", &["tests/it/unresponsive_store.rs::a_stop_ends_in_time_whoever_does_not_answer"]),
    ("server.log", &["tests/it/refusals.rs::debug_says_more"]),
    ("server.log_format", &["tests/it/refusals.rs::a_failed_start_is_said_in_the_logs_format"]),
    ("admin.listen", &["tests/it/metrics.rs::operators_see_each_part_and_the_doctor_says_what_to_do"]),
    ("admin.socket", &["tests/it/admin_socket.rs::a_group_does_what_the_branch_does"]),
    ("admin.group", &["tests/it/admin_socket.rs::a_group_does_what_the_branch_does"]),
    ("admin.records_group", &["tests/it/admin_socket.rs::a_group_does_what_the_branch_does"]),
    ("traces.endpoint", &["tests/it/traces.rs::spans_reach_the_collector_joined_to_our_own_systems_and_name_nobody"]),
    ("traces.sample", &["tests/it/traces.rs::a_share_of_the_traces_is_sent"]),
    ("traces.follow", &["tests/it/traces.rs::spans_reach_the_collector_joined_to_our_own_systems_and_name_nobody"]),
    ("store.url", &["tests/it/store_schema.rs::a_url_is_no_file_and_keeps_its_password"]),
    ("store.url_file", &["tests/it/effects.rs::the_files_and_the_log_are_as_configured"]),
    (
        "store.connections",
        &["tests/it/doubt.rs::while_as_many_commits_are_in_doubt_as_there_are_connections_nothing_is_written"],
    ),
    (
        "store.time_limit",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "tests/it/unresponsive_store.rs::a_stopped_postgresql_is_503_and_then_all_is_well",
        ],
    ),
    ("institution.name", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    ("institution.name_en", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    ("institution.kind", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    ("institution.color", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    ("institution.logo_file", &["tests/it/institution_logo.rs::it_is_served_as_it_is_and_nothing_in_it_runs"]),
    ("institution.terms_url", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    (
        "institution.terms_version",
        &["tests/it/records.rs::a_start_says_which_program_served_with_which_terms_and_configuration"],
    ),
    ("institution.terms_file", &["tests/it/effects.rs::the_terms_of_a_consent_are_those_of_the_file"]),
    ("institution.faq_url", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    ("institution.phone", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    (
        "institution.department",
        &["src/server/process/tests.rs::the_keys_of_the_pages", "src/server/pages/tests/letter.rs::pages"],
    ),
    (
        "institution.contact_hours",
        &["src/server/process/tests.rs::the_keys_of_the_pages", "src/server/pages/tests/letter.rs::pages"],
    ),
    ("institution.stop_contact", &["tests/it/my.rs::a_number_staffed_at_night_is_named"]),
    ("institution.copyright", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    ("institution.networks", &["tests/it/attacks/outbound.rs::keys_inside_our_own_network_are_never_fetched"]),
    (
        "hours.always_open",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/demo_command/settings.rs::the_configuration_holds",
        ],
    ),
    (
        "hours.closed",
        &[
            "tests/it/flow/hours.rs::an_interaction_that_meets_the_closure",
            "tests/it/effects.rs::a_reload_changes_the_pages_the_hours_and_who_may_report",
        ],
    ),
    (
        "identity.failures_per_day",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/guesses.rs::two_birth_dates_and_a_pin_lock_until_midnight",
        ],
    ),
    (
        "identity.wrong_pins_ever",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/guesses.rs::ten_wrong_pins_lock_until_somebody_releases_and_a_success_forgets",
        ],
    ),
    (
        "identity.unknown_accounts",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/guesses.rs::after_five_unknown_accounts_the_interaction_ends",
        ],
    ),
    (
        "identity.session",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/service.rs::half_an_hour_altogether_and_a_quarter_at_rest",
        ],
    ),
    (
        "identity.idle",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/service.rs::half_an_hour_altogether_and_a_quarter_at_rest",
        ],
    ),
    (
        "identity.concurrent",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/guesses.rs::too_many_past_two_make_others_wait",
        ],
    ),
    (
        "identity.unfinished",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/limits.rs::what_is_kept_of_strangers_is_bounded",
        ],
    ),
    ("identity.cancel_on_account", &["tests/it/effects.rs::a_customer_sees_what_is_configured"]),
    (
        "identity.customer_screen_id",
        &[
            "src/server/process/tests.rs::the_keys_of_the_pages",
            "src/server/pages/tests/mod.rs::the_id_of_the_second_screen_is_the_configured_one",
        ],
    ),
    ("identity.proofing_memory", &["tests/it/proofing_memory.rs::a_configuration_that_grew_stricter_counts_at_once"]),
    (
        "telephony.called_numbers",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/call.rs::only_the_right_call_at_the_right_time_leads_on",
        ],
    ),
    ("telephony.hook_secret_files", &["tests/it/stops.rs::the_secret_of_a_hook_is_read_again_by_sighup"]),
    (
        "telephony.hook_networks",
        &[
            "src/server/telephony/tests.rs::only_from_where_the_gateway_stands",
            "tests/it/effects.rs::a_reload_changes_the_pages_the_hours_and_who_may_report",
        ],
    ),
    ("telephony.trust_from", &["src/server/telephony/tests.rs::who_called"]),
    (
        "telephony.call_window",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/call.rs::the_time_for_the_call_and_the_time_for_the_button",
        ],
    ),
    (
        "telephony.confirm_window",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/call.rs::with_more_time_to_confirm_the_call_still_has_its_own",
        ],
    ),
    (
        "telephony.rest",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/leases.rs::a_number_is_kept_for_a_minute_for_who_waited_longest",
        ],
    ),
    (
        "telephony.call_attempts",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/call.rs::another_attempt_where_the_institution_allows_it",
        ],
    ),
    (
        "telephony.auto_call",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/call.rs::in_a_test_the_call_may_come_by_itself",
        ],
    ),
    (
        "limits.by_network",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "tests/it/network_limits.rs::the_sixty_first_start_is_told_when_to_come_again",
        ],
    ),
    (
        "limits.starts",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "tests/it/network_limits.rs::the_sixty_first_start_is_told_when_to_come_again",
        ],
    ),
    (
        "limits.customer_posts",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "tests/it/network_limits.rs::who_types_too_often_keeps_what_was_typed",
        ],
    ),
    (
        "limits.unknown_accounts",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/limits.rs::thirty_unknown_accounts_and_fifteen_wrong_customers_an_hour",
        ],
    ),
    (
        "limits.wrong_customers",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/limits.rs::thirty_unknown_accounts_and_fifteen_wrong_customers_an_hour",
        ],
    ),
    (
        "limits.pushed_requests",
        &[
            "tests/it/effects.rs::the_limits_of_a_client_are_as_configured",
            "tests/it/client_limits.rs::two_hundred_pushed_requests_may_wait",
        ],
    ),
    (
        "limits.answers_per_second",
        &[
            "tests/it/effects.rs::the_limits_of_a_client_are_as_configured",
            "tests/it/client_limits.rs::two_hundred_answers_at_once_and_twenty_a_second",
        ],
    ),
    (
        "limits.answers_burst",
        &[
            "tests/it/effects.rs::the_limits_of_a_client_are_as_configured",
            "tests/it/client_limits.rs::two_hundred_answers_at_once_and_twenty_a_second",
        ],
    ),
    (
        "limits.alarm_unknown_accounts",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/limits.rs::an_apps_unknown_accounts_raise_an_alarm_and_refuse_nobody",
        ],
    ),
    (
        "limits.alarm_locks",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/limits.rs::many_locks_raise_an_alarm_and_refuse_nobody",
        ],
    ),
    (
        "limits.alarm_numbers",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/leases.rs::many_numbers_for_one_caller_raise_an_alarm_and_refuse_nobody",
        ],
    ),
    (
        "limits.alarm_calls",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/call.rs::calls_of_strangers_are_recorded_until_the_alarm_and_a_customers_own_all_the_same",
        ],
    ),
    ("mail.kind", &["tests/it/relay.rs::a_link_is_told_of_through_postfix"]),
    (
        "mail.from",
        &[
            "src/server/process/tests.rs::the_keys_of_the_pages",
            "tests/it/relay.rs::postfix_takes_a_mail_over_tls_with_a_ca_of_our_own",
        ],
    ),
    (
        "mail.host",
        &["src/server/process/tests.rs::the_keys_of_the_relay", "tests/it/relay.rs::a_link_is_told_of_through_postfix"],
    ),
    (
        "mail.port",
        &["src/server/process/tests.rs::the_keys_of_the_relay", "tests/it/relay.rs::a_link_is_told_of_through_postfix"],
    ),
    ("mail.tls", &["src/server/mail/tests.rs::a_relay_without_starttls_gets_nothing"]),
    (
        "mail.ca_file",
        &["src/server/process/tests.rs::the_keys_of_the_relay", "tests/it/relay.rs::a_link_is_told_of_through_postfix"],
    ),
    ("mail.helo", &["src/server/process/make_mailer.rs::ehlo_says_the_issuers_host_unless_another_name_is_configured"]),
    ("mail.username", &["src/server/process/tests.rs::the_keys_of_the_relay"]),
    ("mail.password_file", &["src/server/process/tests.rs::the_keys_of_the_relay"]),
    (
        "mail.keep_address",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/lifecycle.rs::an_address_is_erased",
        ],
    ),
    ("bank.kind", &["tests/it/guesses.rs::killed_while_it_asks"]),
    ("bank.url", &["tests/it/guesses.rs::killed_while_it_asks"]),
    ("bank.token_file", &["tests/it/guesses.rs::killed_while_it_asks"]),
    (
        "bank.timeout",
        &["src/server/process/tests.rs::the_keys_of_the_checks", "tests/it/guesses.rs::killed_while_it_asks"],
    ),
    (
        "bank.parallel",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/bank_queue.rs::as_many_as_may_and_the_proved_first",
        ],
    ),
    (
        "bank.wait",
        &[
            "src/server/process/tests.rs::the_keys_of_the_checks",
            "src/core/identity/tests/limits.rs::who_waits_too_long_for_the_core_bank_reads_r35",
        ],
    ),
    (
        "bank.event_secret_files",
        &["src/server/bank/events_tests.rs::a_report_is_read_when_signed_and_from_where_it_may_come"],
    ),
    ("bank.event_networks", &["tests/it/proxies.rs::the_callers_address_is_what_a_trusted_proxy_says_last"]),
    (
        "outbound.ca_file",
        &[
            "tests/it/clients.rs::every_client_of_the_conformance_profile_passes_all_screens",
            "src/server/process/tests.rs::the_authorities_of_other_systems",
        ],
    ),
    ("outbound.timeout", &["src/server/outbound/tests.rs::bounds"]),
    ("tokens.request_lifetime", &["tests/it/protocol/par.rs::a_pushed_request_lives_as_long_as_configured"]),
    (
        "tokens.code_lifetime",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/grant.rs::a_code_lives_sixty_seconds",
        ],
    ),
    (
        "tokens.grant_lifetime",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/grant.rs::a_token_never_outlives_its_grant",
        ],
    ),
    ("tokens.id_token_lifetime", &["tests/it/effects.rs::tokens_are_as_configured"]),
    ("tokens.default_audience", &["tests/it/effects.rs::tokens_are_as_configured"]),
    ("tokens.open_grants", &["tests/it/grant_management.rs::as_many_links_as_allowed"]),
    ("tokens.note_uses", &["tests/it/last_use.rs::a_thousand_introspections_are_one_write"]),
    ("tokens.client_scopes", &["tests/it/tokens.rs::a_client_acts_for_itself"]),
    ("tokens.dpop_nonce_required", &["tests/it/tokens.rs::a_nonce_costs_one_more_try"]),
    (
        "tokens.keep_consents",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/lifecycle.rs::tables_forget_what_they_may",
        ],
    ),
    (
        "events.warn_before",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/lifecycle.rs::a_grant_expires_once_and_its_client_hears_before",
        ],
    ),
    ("events.give_up", &["tests/it/streams/push.rs::an_endpoint_that_fails_for_days_is_paused"]),
    ("events.hold", &["tests/it/streams/manage.rs::a_stream_is_created_read_updated_replaced_and_deleted"]),
    (
        "keys.algorithms",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/keys.rs::an_algorithm_that_is_taken_out_leaves_like_after_a_rotation",
        ],
    ),
    (
        "keys.rotate_every",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/keys.rs::a_rotation_is_noticed_by_nobody",
        ],
    ),
    (
        "keys.publish_before",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/keys.rs::a_rotation_is_noticed_by_nobody",
        ],
    ),
    (
        "keys.keep_retired",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/keys.rs::a_rotation_is_noticed_by_nobody",
        ],
    ),
    ("registration.enabled", &["tests/it/registration.rs::without_the_key_there_is_nothing"]),
    ("registration.pending_most", &["tests/it/registration.rs::an_initial_token_is_what_it_was_made_for"]),
    (
        "registration.pending_kept",
        &[
            "src/server/process/tests.rs::the_keys_of_links_and_signing_keys_and_what_is_kept",
            "tests/it/registration.rs::who_is_never_approved_is_dropped",
        ],
    ),
    ("registration.software_statement_issuers", &["tests/it/registration.rs::a_software_statement_wins"]),
    ("registration.software_statement_keys_file", &["tests/it/registration.rs::a_software_statement_wins"]),
];

#[test]
fn every_key_has_a_test_of_its_effect() {
    let read = |name: &str| {
        let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{path}: {cause}"))
    };
    let mut keys = BTreeSet::new();
    let mut section = String::new();
    for line in read("config/default.toml").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ")
            && !section.is_empty()
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            keys.insert(format!("{section}.{key}"));
        }
    }
    assert!(keys.len() > 100, "config/default.toml was not understood");
    let named: BTreeSet<String> = EFFECTS.iter().map(|(key, _)| (*key).to_owned()).collect();
    assert_eq!(named.len(), EFFECTS.len(), "a key is named twice");
    let unshown: Vec<_> = keys.difference(&named).collect();
    assert!(unshown.is_empty(), "no test of what these keys do is named: {unshown:?}");
    let gone: Vec<_> = named.difference(&keys).collect();
    assert!(gone.is_empty(), "these keys are not there: {gone:?}");
    let mut files = BTreeMap::new();
    for (key, tests) in EFFECTS {
        assert!(!tests.is_empty(), "{key}");
        for test in *tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = files.entry(file).or_insert_with(|| read(file));
            assert!(text.contains(&format!("fn {name}(")), "{key}: there is no test {test}");
        }
        // The way from a key to its rule names the key.
        let (section, name) = key.split_once('.').unwrap();
        let variable = format!("RENKEI__{}__{}", section.to_uppercase(), name.to_uppercase());
        let shown = tests.iter().any(|test| {
            let text = &files[test.split_once("::").unwrap().0];
            text.contains(*key) || text.contains(&variable) || text.contains(&format!("{name} = "))
        });
        assert!(shown, "{key}: none of its tests names it");
    }
}

/// What the institution's keys do on ①, and that ① has no 中止する where the institution wants none.
#[test]
fn a_customer_sees_what_is_configured() {
    let first = async |w: &Town| {
        let mut browser = w.browser();
        browser.open(&w.creco().push("accounts").await.url).await;
        browser.page().html().to_owned()
    };
    run(
        Engine::Sqlite,
        |_| {},
        async |w: &Town| assert!(first(w).await.contains("value=\"cancel\""), "the default has 中止する"),
    );
    let change = |config: &mut renkei_server::config::Config| {
        let i = &mut config.institution;
        (i.name, i.name_en) = ("さかな信用組合".into(), "Sakana Credit Union".into());
        (i.terms_url, i.faq_url) = ("https://sakana.example/terms".into(), "https://sakana.example/faq".into());
        (i.phone, i.copyright) = ("0120-111-222".into(), "© さかな".into());
        (i.color, i.kind) = ("#123456".into(), InstitutionKind::Bank);
        config.identity.cancel_on_account = false;
    };
    run(Engine::Sqlite, change, async |w: &Town| {
        let html = first(w).await;
        for (key, want) in [
            ("institution.name", "さかな信用組合"),
            ("institution.faq_url", "https://sakana.example/faq"),
            ("institution.terms_url", "https://sakana.example/terms"),
            ("institution.phone", "0120-111-222"),
            ("institution.copyright", "© さかな"),
        ] {
            assert!(html.contains(want), "{key}: {html}");
        }
        assert!(!html.contains("value=\"cancel\""), "identity.cancel_on_account");
        let css = w.http.get("/assets/institution.css").await.expect(200);
        assert!(css.body.contains("#123456"), "institution.color: {}", css.body);
        let pages = &w.app().pages.institution();
        assert_eq!((pages.name_en.as_str(), pages.us.as_str()), ("Sakana Credit Union", "当行"));
    });
}

#[test]
fn the_terms_of_a_consent_are_those_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("terms.txt");
    fs::write(&file, "利用規定の全文").unwrap();
    let change = |config: &mut renkei_server::config::Config| config.institution.terms_file = Some(file.clone());
    run(Engine::Sqlite, change, async |w: &Town| {
        assert_eq!(w.app().linking.rules.terms.hash, Hash::of("利用規定の全文"), "institution.terms_file");
    });
}

#[test]
fn tokens_are_as_configured() {
    let change = |config: &mut renkei_server::config::Config| {
        config.tokens.id_token_lifetime = Span::secs(77);
        config.tokens.default_audience = "other-api".into();
    };
    run(Engine::Sqlite, change, async |w: &Town| {
        let creco = w.creco();
        let pending = creco.push("openid accounts").await;
        let mut browser = w.browser();
        browser.open(&pending.url).await;
        browser.walk_to(w, "consent").await;
        let tokens = creco.exchange(&pending, &browser.allow().await).await;
        let claims = crate::support::jws::claims(tokens.body["id_token"].as_str().unwrap());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 77, "tokens.id_token_lifetime");
        let said = w.accounts_api().introspect(&tokens.access_token).await;
        assert_eq!(said, json!({"active": false}), "tokens.default_audience: it is another API's");
    });
}

#[test]
fn the_limits_of_a_client_are_as_configured() {
    for (change, served) in [
        ((|config| config.limits.pushed_requests = 2) as fn(&mut renkei_server::config::Config), 2),
        (|config| (config.limits.answers_per_second, config.limits.answers_burst) = (1, 3), 3),
    ] {
        run(Engine::Sqlite, change, async |w: &Town| {
            let more = json!({"scope": "openid accounts", "grant_types": ["authorization_code"]});
            let app = app(w, "limited", more).await;
            for n in 0..served {
                assert_eq!(push(&app, &[]).await.status, 201, "{n} of {served}");
            }
            assert_eq!(push(&app, &[]).await.status, 429, "after {served}");
        });
    }
}

/// `store.url_file`, `server.data_dir`, `server.log_format`.
#[test]
fn the_files_and_the_log_are_as_configured() {
    let mut folder = ServeFolder::new();
    let url = folder.dir.path().join("store.url");
    fs::write(&url, "sqlite:other.db\n").unwrap();
    fs::set_permissions(&url, fs::Permissions::from_mode(0o600)).unwrap();
    for (name, value) in [
        ("RENKEI__STORE__URL_FILE", "store.url"),
        ("RENKEI__SERVER__DATA_DIR", "elsewhere"),
        ("RENKEI__SERVER__LOG_FORMAT", "text"),
    ] {
        folder.env.push((name, value.into()));
    }
    let mut child = folder.start();
    terminate(&child);
    let mut log = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(folder.dir.path().join("elsewhere/other.db").exists());
    assert!(log.contains("the server starts") && !log.lines().any(|line| line.starts_with('{')), "{log}");
}

/// A reload on a running server: what pages say, when the service is open, and who may report calls.
#[test]
fn a_reload_changes_the_pages_the_hours_and_who_may_report() {
    run(
        Engine::Sqlite,
        |_| {},
        async |w: &Town| {
            let first = async || {
                let mut browser = w.browser();
                browser.open(&w.creco().push("accounts").await.url).await;
                (browser.status(), browser.page().html().to_owned())
            };
            // Signed, and no report: only who has the secret and may report learns that (400).
            let report = async || {
                let at = w.now().secs();
                let tag = renkei_core::secret::hmac_sha256(HOOK_SECRET.as_bytes(), format!("{at}.{{}}").as_bytes());
                let ask = RequestParts::default()
                    .json("{}")
                    .header("x-hook-timestamp", at.to_string())
                    .header("x-hook-signature", renkei_core::secret::base64url(tag));
                w.http.send("POST", "/hooks/telephony/sip", ask).await.status
            };
            assert_eq!((first().await.0, report().await), (200, 400));
            let nothing = w.reload().unwrap();
            assert_eq!((nothing.changed.len(), nothing.restart.len()), (0, 0), "{nothing:?}");
            w.record_reload(&nothing).await;
            assert!(!w.staff(&["audit", "export"]).await.out.contains("server.reloaded"), "nothing changed");

            let said = w.reload_as(|config| {
                config.institution.phone = "0120-111-222".into();
                config.telephony.hook_networks = vec!["192.0.2.0/28".into()];
                config.identity.idle = Span::secs(120);
            });
            let said = said.unwrap();
            assert_eq!(said.changed, ["institution.phone", "telephony.hook_networks"]);
            assert_eq!(said.restart, ["identity.idle"]);
            w.record_reload(&said).await;
            let audit = w.staff(&["audit", "export"]).await.out;
            let record = audit.lines().find(|line| line.contains("server.reloaded")).unwrap();
            assert!(record.contains("institution.phone") && !record.contains("0120"), "{record}");
            assert!(first().await.1.contains("0120-111-222"));
            assert_eq!(report().await, 401);

            let said = w.reload_as(|config| config.hours.closed = vec!["daily 00:00-24:00".into()]).unwrap();
            assert_eq!(said.changed, ["hours.closed", "institution.phone", "telephony.hook_networks"]);
            let (status, page) = first().await;
            assert!(status == 503 && !page.contains("0120-111-222"), "{status}: {page}");

            // What is wrong changes nothing: the hook may report still, and the service stays closed.
            w.reload_as(|config| config.telephony.hook_secret_files = vec!["/nowhere".into()]).unwrap_err();
            assert_eq!((first().await.0, report().await), (503, 400), "as at the first reload of the hours");
        },
    );
}
