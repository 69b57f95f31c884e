use super::*;
use std::path::Path;

const GOOD: &str = r##"
[server]
issuer = "https://link.minato.example"
tls_cert_file = "tls/cert.pem"
tls_key_file = "tls/key.pem"
master_key_file = "master.key"
[institution]
name = "みなと信用組合"
name_en = "Minato Credit Union"
kind = "shinkumi"
terms_url = "https://www.minato.example/terms"
terms_version = "2026-04-01"
terms_file = "terms.txt"
faq_url = "https://www.minato.example/faq"
phone = "0120-000-000"
copyright = "Copyright © 2026 みなと信用組合 All Rights Reserved."
[telephony]
called_numbers = ["08001110001", "08001110002", "08001110003"]
hook_secret_files = ["hook.secret"]
[mail]
kind = "smtp"
from = "notice@minato.example"
host = "mail.minato.example"
[bank]
kind = "http"
url = "https://core.minato.example/api"
"##;

fn read_text(text: &str, env: &[(&str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let file = dir.path().join("renkei.toml");
    std::fs::write(&file, text).map_err(|e| e.to_string())?;
    let env = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    load(&file, env).map_err(|e| e.to_string().replace(&dir.path().display().to_string(), ""))
}

#[test]
fn a_good_file_reads_and_paths_are_beside_it() {
    let config = read_text(GOOD, &[("RENKEI__SERVER__WORKERS", "3"), ("OTHER", "x")]).unwrap();
    assert_eq!((config.server.workers, config.server.mode), (3, Mode::Production));
    assert!(config.server.master_key_file.is_absolute() && config.server.master_key_file.ends_with("master.key"));
    assert_eq!(config.institution.kind.ja(), "当信用組合");
}

#[test]
fn what_is_wrong_is_said_with_line_and_key() {
    let with = |from: &str, to: &str| GOOD.replace(from, to);
    for (text, want) in [
        (with("kind = \"shinkumi\"", "kind = \"guild\""), "/renkei.toml:10: institution.kind: unknown variant `guild`"),
        (with("[bank]", "[bank]\nspeed = 1"), "/renkei.toml:25: bank.speed: unknown field `speed`"),
        (
            format!("{GOOD}[outbound]\nallow_networks = []\n"),
            "/renkei.toml:28: outbound.allow_networks: unknown field `allow_networks`, expected `ca_file` or `timeout`; \
             institution.networks, and allow_networks in the record of a client",
        ),
        (with("kind = \"http\"", "kind = \"sample\""), "bank.kind: sample is refused in production"),
        (
            with("terms_file = \"terms.txt\"\n", ""),
            "institution.terms_file: must name the file with the text of the terms",
        ),
        (
            with("https://www.minato.example/faq", "http://localhost:8083/faq"),
            "institution.faq_url: must be an https URL",
        ),
        (with("https://link.minato.example", "https://link.minato.example/"), "server.issuer: must be https://HOST"),
        (
            with("https://link.minato.example\"", "http://link.minato.example\""),
            "server.issuer: must be https in production",
        ),
        (with("kind = \"smtp\"", "kind = \"file\""), "mail.kind: file is refused in production"),
        (with("master_key_file", "mode = \"test\"\nmaster_key_file"), "server.mode: test needs"),
        (with("master_key_file", "mode = \"demo\"\nmaster_key_file"), "mode: unknown variant `demo`"),
        (with("\"08001110001\", ", ""), "telephony.called_numbers: must have 3 to 100"),
        (with("08001110002", "0800-111-0001"), "telephony.called_numbers: contains the same number twice"),
        (with("[mail]", "rest = \"9s\"\n[mail]"), "telephony.rest: must be 10s or more in production"),
        (with("[mail]", "rest = \"601s\"\n[mail]"), "telephony.rest: must be at most 10m"),
        (format!("{GOOD}[limits]\nby_network = false\n"), "limits.by_network: must be true in production"),
        (format!("{GOOD}[limits]\nstarts = 0\n"), "limits.starts: must be 1 to 1000000"),
        (format!("{GOOD}[limits]\ncustomer_posts = 0\n"), "limits.customer_posts: must be 1 to 1000000"),
        (format!("{GOOD}[limits]\nunknown_accounts = 0\n"), "limits.unknown_accounts: must be 1 to 1000000"),
        (format!("{GOOD}[limits]\nwrong_customers = 0\n"), "limits.wrong_customers: must be 1 to 1000000"),
        (format!("{GOOD}[store]\ntime_limit = \"99ms\"\n"), "store.time_limit: must be 100ms to 10s"),
        (format!("{GOOD}[store]\ntime_limit = \"11s\"\n"), "store.time_limit: must be 100ms to 10s"),
        (format!("{GOOD}parallel = 0\n"), "bank.parallel: must be 1 to 10000"),
        (format!("{GOOD}wait = \"31s\"\n"), "bank.wait: must be 1s to 30s"),
        (format!("{GOOD}[identity]\nsession = \"3301s\"\n"), "/renkei.toml:28: identity.session: must be 1m to 55m"),
        (format!("{GOOD}[identity]\nsession = \"59s\"\n"), "/renkei.toml:28: identity.session: must be 1m to 55m"),
        (format!("{GOOD}[tokens]\nid_token_lifetime = \"999ms\"\n"), "tokens.id_token_lifetime: must be 1s to 1d"),
        (format!("{GOOD}[identity]\nunfinished = 99\n"), "identity.unfinished: must be 100 to 1000000"),
        (format!("{GOOD}[identity]\nunify_account_error = true\n"), "unknown field `unify_account_error`"),
        (with("[mail]", "auto_call = true\n[mail]"), "telephony.auto_call: is allowed only with server.mode test"),
        (with("tls_key_file = \"tls/key.pem\"", ""), "server.tls_cert_file: must be set together"),
        (with("master_key_file", "mtls_listen = [\"[::]:9443\"]\nmaster_key_file"), "server.mtls_base_url: is missing"),
        (
            with("master_key_file", "mtls_base_url = \"https://mtls.example\"\nmaster_key_file"),
            "server.mtls_base_url: has no effect without",
        ),
        (
            with("master_key_file", "mtls_base_url = \"https://mtls.example/\"\nmaster_key_file"),
            "server.mtls_base_url: must be https://HOST",
        ),
        (
            with("master_key_file", "mtls_ca_file = \"ca.pem\"\nmaster_key_file"),
            "server.mtls_ca_file: has no effect without",
        ),
        (
            with("master_key_file", "mtls_crl_file = \"crl.pem\"\nmaster_key_file"),
            "server.mtls_crl_file: has no effect without",
        ),
        (
            with("master_key_file", "client_cert_header = true\nmaster_key_file"),
            "server.client_cert_header: needs trusted_proxies",
        ),
        (format!("{GOOD}[limits]\npushed_requests = 0\n"), "limits.pushed_requests: must be 1 to 100000"),
        (format!("{GOOD}[limits]\nanswers_per_second = 100001\n"), "limits.answers_per_second: must be 1 to 100000"),
        (format!("{GOOD}[limits]\nanswers_burst = 0\n"), "limits.answers_burst: must be 1 to 100000"),
        (format!("{GOOD}[tokens]\ngrant_lifetime = \"745h\"\n"), "tokens.grant_lifetime: must be 1d to 31d"),
        (format!("{GOOD}[tokens]\ngrant_lifetime = \"23h\"\n"), "tokens.grant_lifetime: must be 1d to 31d"),
        (
            format!("{GOOD}[tokens]\ngrant_lifetime = \"36h\"\n"),
            "tokens.grant_lifetime: must be a whole number of days",
        ),
        (
            format!("{GOOD}[tokens]\nrequest_lifetime = \"4999ms\"\n"),
            "/renkei.toml:28: tokens.request_lifetime: must be 5s",
        ),
        (
            format!("{GOOD}[tokens]\nrequest_lifetime = \"10m\"\n"),
            "/renkei.toml:28: tokens.request_lifetime: must be 5s",
        ),
        (
            format!("{GOOD}[keys]\nalgorithms = [\"PS256\", \"ES256\"]\n"),
            "/renkei.toml:28: keys.algorithms: must name RS256",
        ),
        (
            format!("{GOOD}[keys]\nalgorithms = [\"RS256\", \"RS256\"]\n"),
            "/renkei.toml:28: keys.algorithms: must name RS256",
        ),
        (format!("{GOOD}[keys]\nalgorithms = []\n"), "/renkei.toml:28: keys.algorithms: must name RS256"),
        (format!("{GOOD}[keys]\nalgorithms = [\"RS512\"]\n"), "an algorithm must be RS256, PS256, ES256 or EdDSA"),
        (with("[server]", "[server"), "/renkei.toml:2: "),
    ] {
        let said = read_text(&text, &[]).map(|_| ()).unwrap_err();
        assert!(said.contains(want), "{said:?} does not say {want:?}");
    }
    let said = read_text(GOOD, &[("RENKEI__TELEPHONY__CALL_WINDOW", "soon")]).map(|_| ()).unwrap_err();
    assert!(said.starts_with("RENKEI__TELEPHONY__CALL_WINDOW: not a duration"), "{said}");
    let said = read_text(GOOD, &[("RENKEI__OUTBOUND__ALLOW_NETWORKS", "[]")]).map(|_| ()).unwrap_err();
    assert!(said.contains("institution.networks, and allow_networks in the record of a client"), "{said}");
    assert!(load(Path::new("/nowhere.toml"), std::iter::empty()).is_err());
}

#[test]
fn a_lifetime_may_be_at_its_bound() {
    for lifetime in ["5s", "599s", "599999ms"] {
        let config = read_text(&format!("{GOOD}[tokens]\nrequest_lifetime = \"{lifetime}\"\n"), &[]).unwrap();
        assert_eq!(config.tokens.request_lifetime, Span::parse(lifetime).unwrap());
    }
}

/// Every limit of a number or a duration: the limit itself is accepted, one beyond is refused with the key's name.
#[test]
fn at_each_bound_and_one_beyond() {
    let with = |section: &str, key: &str, value: &str| {
        let kept = GOOD.lines().filter(|line| !line.starts_with(&format!("{key} = "))).collect::<Vec<_>>().join("\n");
        let (header, line) = (format!("[{section}]\n"), format!("{key} = {value}\n"));
        if kept.contains(&header) {
            kept.replace(&header, &format!("{header}{line}"))
        } else {
            format!("{kept}\n{header}{line}")
        }
    };
    let numbers = |n: usize| format!("{:?}", (0..n).map(|i| format!("0800111{i:04}")).collect::<Vec<_>>());
    let files = |n: usize| format!("{:?}", vec!["a.secret"; n]);
    let text = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    let span = |values: &[&str]| values.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>();
    for (section, key, fits, beyond) in [
        ("store", "connections", text(&["1", "256"]), text(&["0", "257"])),
        ("identity", "failures_per_day", text(&["1", "10"]), text(&["0", "11"])),
        ("identity", "wrong_pins_ever", text(&["3", "100"]), text(&["2", "101"])),
        ("identity", "unknown_accounts", text(&["1", "100"]), text(&["0", "101"])),
        ("identity", "concurrent", text(&["1", "1000000"]), text(&["0", "1000001"])),
        ("identity", "unfinished", text(&["100", "1000000"]), text(&["99", "1000001"])),
        ("identity", "session", span(&["15m", "55m"]), span(&["59s", "3301s"])),
        ("identity", "idle", span(&["1m", "30m"]), span(&["59s", "1801s"])),
        ("identity", "proofing_memory", span(&["0s", "15m"]), span(&["901s"])),
        ("telephony", "called_numbers", vec![numbers(3), numbers(100)], vec![numbers(2), numbers(101)]),
        ("telephony", "hook_secret_files", vec![files(1), files(2)], vec![files(0), files(3)]),
        ("telephony", "call_attempts", text(&["1", "3"]), text(&["0", "4"])),
        ("telephony", "rest", span(&["10s", "10m"]), span(&["9999ms", "601s"])),
        ("telephony", "call_window", span(&["30s", "120s"]), span(&["29s", "601s"])),
        ("telephony", "confirm_window", span(&["120s", "15m"]), span(&["119s", "901s"])),
        ("server", "workers", text(&["0", "1024"]), text(&["1025"])),
        ("server", "connections", text(&["64", "100000"]), text(&["63", "100001"])),
        ("server", "shutdown_grace", span(&["1s", "5m"]), span(&["999ms", "301s"])),
        ("server", "drain", span(&["0s", "5m"]), span(&["301s"])),
        ("mail", "port", text(&["1", "65535"]), text(&["0"])),
        ("mail", "keep_address", span(&["1d", "366d"]), span(&["23h", "367d"])),
        ("bank", "timeout", span(&["100ms", "60s"]), span(&["99ms", "61s"])),
        ("bank", "parallel", text(&["1", "10000"]), text(&["0", "10001"])),
        ("bank", "wait", span(&["1s", "30s"]), span(&["999ms", "30001ms"])),
        ("bank", "event_secret_files", vec![files(0), files(2)], vec![files(3)]),
        ("tokens", "request_lifetime", span(&["5s", "599999ms"]), span(&["4999ms", "600s"])),
        ("tokens", "code_lifetime", span(&["1s", "60s"]), span(&["999ms", "61s"])),
        ("tokens", "grant_lifetime", span(&["1d", "31d"]), span(&["86399s", "2678401s"])),
        ("tokens", "id_token_lifetime", span(&["1s", "1d"]), span(&["999ms", "86401s"])),
        ("tokens", "keep_consents", span(&["1095d", "36500d"]), span(&["1094d", "36501d"])),
        ("tokens", "note_uses", span(&["1s", "1h"]), span(&["999ms", "3601s"])),
        ("tokens", "open_grants", text(&["1", "1000"]), text(&["0", "1001"])),
        ("keys", "publish_before", span(&["10m", "30d"]), span(&["599s", "31d"])),
        ("keys", "rotate_every", span(&["2d", "400d"]), span(&["401d"])),
        ("keys", "keep_retired", span(&["400d"]), span(&["401d"])),
        ("outbound", "timeout", span(&["100ms", "10s"]), span(&["99ms", "10001ms"])),
        ("traces", "sample", text(&["0.001", "1.0"]), text(&["0.0", "1.001"])),
        ("events", "give_up", span(&["1h", "30d"]), span(&["3599s", "31d"])),
        ("events", "hold", span(&["1d", "3650d"]), span(&["86399s", "3651d"])),
        ("events", "warn_before", text(&["[]", "[\"1h\"]"]), text(&["[\"3599s\"]"])),
        ("registration", "pending_most", text(&["1", "10000"]), text(&["0", "10001"])),
        ("registration", "pending_kept", span(&["1h", "365d"]), span(&["3599s", "366d"])),
        ("limits", "starts", text(&["1", "1000000"]), text(&["0", "1000001"])),
        ("limits", "alarm_unknown_accounts", text(&["1", "1000000"]), text(&["0", "1000001"])),
        ("limits", "alarm_locks", text(&["1", "1000000"]), text(&["0", "1000001"])),
        ("limits", "alarm_numbers", text(&["1", "1000000"]), text(&["0", "1000001"])),
        ("limits", "alarm_calls", text(&["1", "1000000"]), text(&["0", "1000001"])),
        ("limits", "pushed_requests", text(&["1", "100000"]), text(&["0", "100001"])),
        ("limits", "answers_per_second", text(&["1", "100000"]), text(&["0", "100001"])),
        ("limits", "answers_burst", text(&["1", "100000"]), text(&["0", "100001"])),
    ] {
        for value in fits {
            let read = read_text(&with(section, key, &value), &[]).map(drop);
            assert_eq!(read, Ok(()), "{section}.{key} = {value}");
        }
        for value in beyond {
            let said = read_text(&with(section, key, &value), &[]).map(drop).unwrap_err();
            assert!(said.contains(&format!("{section}.{key}: ")), "{section}.{key} = {value}: {said}");
        }
    }
    // Rules about two keys: the later time may not be shorter than the earlier.
    for (rest, want) in [
        ("publish_before = \"1d\"\nrotate_every = \"86401s\"\nkeep_retired = \"65m\"", Ok(())),
        ("publish_before = \"1d\"\nrotate_every = \"1d\"", Err("keys.rotate_every")),
        ("keep_retired = \"3899s\"", Err("keys.keep_retired")),
    ] {
        let read = read_text(&format!("{GOOD}[keys]\n{rest}\n"), &[]).map(drop);
        match want {
            Ok(()) => assert_eq!(read, Ok(()), "{rest}"),
            Err(key) => assert!(read.as_ref().is_err_and(|said| said.contains(key)), "{rest}: {read:?}"),
        }
    }
}

/// After 許可する in the last moment there are five minutes for further codes (requirements.md#further-code).
#[test]
fn the_longest_interaction_leaves_time_for_further_codes() {
    for session in ["60s", "55m"] {
        let text = format!("{GOOD}[identity]\nsession = \"{session}\"\nidle = \"60s\"\n");
        let config = read_text(&text, &[]).unwrap();
        let left = crate::identity::cookie::ROW_LIFE.saturating_sub(config.identity.session.get());
        assert!(left >= renkei_core::grant::FURTHER_WINDOW, "{session}");
    }
}

/// The record of a start has the digest of the configuration, so it must not say anything about a password.
#[test]
fn the_digest_of_a_configuration_has_no_secret() {
    let good = read_text(GOOD, &[]).unwrap();
    let with = |url: &str| {
        let mut config = good.clone();
        config.store.url = url.to_owned();
        config
    };
    let (one, other) = (with("postgres://renkei:first@db/renkei"), with("postgres://renkei:second@db/renkei"));
    assert_eq!(one.digest().unwrap(), other.digest().unwrap());
    assert!(!one.shown().unwrap().to_string().contains("first"));
    assert_ne!(one.digest().unwrap(), with("postgres://renkei:first@db2/renkei").digest().unwrap());
    assert_eq!(one.digest().unwrap().len(), 64);
}
