//! Every key that becomes a rule elsewhere reaches it: a change of the key changes the rule. What the rule does is tested where the
//! rule is (`tests/it/effects.rs` says where).

use super::{checks, institution, jobs, make_mailer};
use crate::config::{Config, InstitutionKind, Span};

fn config() -> Config {
    toml::from_str(include_str!("../../../config/default.toml")).unwrap()
}

type Case = (&'static str, fn(&mut Config));

/// In `rules`, each change changes something.
fn each_reaches(rules: fn(&Config) -> String, cases: &[Case]) {
    let before = rules(&config());
    for (key, change) in cases {
        let mut config = config();
        change(&mut config);
        assert_ne!(rules(&config), before, "{key} changes nothing");
    }
}

#[test]
fn the_keys_of_the_checks() {
    each_reaches(
        |c| format!("{:?}", checks::policy(c).unwrap()),
        &[
            ("hours.always_open", |c| c.hours.always_open = true),
            ("hours.closed", |c| c.hours.closed = Vec::new()),
            ("identity.failures_per_day", |c| c.identity.failures_per_day = 7),
            ("identity.wrong_pins_ever", |c| c.identity.wrong_pins_ever = 7),
            ("identity.unknown_accounts", |c| c.identity.unknown_accounts = 7),
            ("identity.session", |c| c.identity.session = Span::secs(77)),
            ("identity.idle", |c| c.identity.idle = Span::secs(77)),
            ("identity.concurrent", |c| c.identity.concurrent = 7),
            ("identity.unfinished", |c| c.identity.unfinished = 7),
            ("limits.by_network", |c| c.limits.by_network = false),
            ("limits.starts", |c| c.limits.starts = 7),
            ("limits.customer_posts", |c| c.limits.customer_posts = 7),
            ("limits.unknown_accounts", |c| c.limits.unknown_accounts = 7),
            ("limits.wrong_customers", |c| c.limits.wrong_customers = 7),
            ("limits.alarm_unknown_accounts", |c| c.limits.alarm_unknown_accounts = 7),
            ("limits.alarm_locks", |c| c.limits.alarm_locks = 7),
            ("limits.alarm_numbers", |c| c.limits.alarm_numbers = 7),
            ("limits.alarm_calls", |c| c.limits.alarm_calls = 7),
            ("bank.parallel", |c| c.bank.parallel = 7),
            ("bank.wait", |c| c.bank.wait = Span::secs(7)),
            ("bank.timeout", |c| c.bank.timeout = Span::secs(7)),
            ("store.time_limit", |c| c.store.time_limit = Span::secs(7)),
            ("telephony.called_numbers", |c| c.telephony.called_numbers.truncate(3)),
            ("telephony.call_window", |c| c.telephony.call_window = Span::secs(77)),
            ("telephony.confirm_window", |c| c.telephony.confirm_window = Span::secs(177)),
            ("telephony.call_attempts", |c| c.telephony.call_attempts = 1),
            ("telephony.rest", |c| c.telephony.rest = Span::secs(77)),
            ("telephony.auto_call", |c| c.telephony.auto_call = true),
        ],
    );
}

#[test]
fn the_keys_of_links_and_signing_keys_and_what_is_kept() {
    each_reaches(
        |c| {
            let kept = (jobs::retention(c), c.mail.address_retention());
            format!("{:?} {:?} {kept:?}", c.linking_rules().unwrap(), c.keys.policy())
        },
        &[
            ("server.issuer", |c| c.server.issuer = "https://other.example".into()),
            ("institution.terms_version", |c| c.institution.terms_version = "7".into()),
            ("tokens.code_lifetime", |c| c.tokens.code_lifetime = Span::secs(7)),
            ("tokens.grant_lifetime", |c| c.tokens.grant_lifetime = Span::days(7)),
            ("tokens.default_audience", |c| c.tokens.default_audience = "other".into()),
            ("tokens.open_grants", |c| c.tokens.open_grants = 7),
            ("tokens.keep_consents", |c| c.tokens.keep_consents = Span::days(1100)),
            ("identity.proofing_memory", |c| c.identity.proofing_memory = Span::secs(7)),
            ("events.warn_before", |c| c.events.warn_before.clear()),
            ("keys.algorithms", |c| c.keys.algorithms.truncate(1)),
            ("keys.rotate_every", |c| c.keys.rotate_every = Span::days(7)),
            ("keys.publish_before", |c| c.keys.publish_before = Span::days(7)),
            ("keys.keep_retired", |c| c.keys.keep_retired = Span::days(7)),
            ("mail.keep_address", |c| c.mail.keep_address = Span::days(7)),
            ("registration.pending_kept", |c| c.registration.pending_kept = Span::days(7)),
        ],
    );
}

#[test]
fn the_keys_of_the_pages() {
    each_reaches(
        |c| {
            let i = institution::profile(c).unwrap();
            let who = (&i.name, &i.name_en, &i.us, &i.department, &i.contact_hours, &i.copyright);
            let where_to = (&i.terms_url, &i.faq_url, &i.color, &i.mail_domain, &i.host, &i.customer_screen_id);
            format!("{who:?} {where_to:?} {:?}", i.closed)
                + i.phone.as_str()
                + &i.stop_contact.as_ref().map(|number| number.as_str().to_owned()).unwrap_or_default()
        },
        &[
            ("server.issuer", |c| c.server.issuer = "https://other.example".into()),
            ("institution.name", |c| c.institution.name = "別".into()),
            ("institution.name_en", |c| c.institution.name_en = "Other".into()),
            ("institution.kind", |c| c.institution.kind = InstitutionKind::Bank),
            ("institution.color", |c| c.institution.color = "#000000".into()),
            ("institution.terms_url", |c| c.institution.terms_url = "https://other.example/terms".into()),
            ("institution.faq_url", |c| c.institution.faq_url = "https://other.example/faq".into()),
            ("institution.phone", |c| c.institution.phone = "0120-111-111".into()),
            ("institution.department", |c| c.institution.department = "別".into()),
            ("institution.contact_hours", |c| c.institution.contact_hours = "別".into()),
            ("institution.stop_contact", |c| c.institution.stop_contact = Some("0120-111-111".into())),
            ("institution.copyright", |c| c.institution.copyright = "別".into()),
            ("identity.customer_screen_id", |c| c.identity.customer_screen_id = "X".into()),
            ("mail.from", |c| c.mail.from = "a@other.example".into()),
            ("hours.closed", |c| c.hours.closed.truncate(1)),
        ],
    );
}

/// `outbound.ca_file` and `outbound.timeout` are read.
#[test]
fn the_authorities_of_other_systems() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, "junk").unwrap();
    let mut config = config();
    super::outbound(&config).map(drop).unwrap();
    config.outbound.ca_file = Some(file.clone());
    assert!(super::outbound(&config).is_err(), "no certificate is in it");
}

#[test]
fn the_keys_of_the_relay() {
    let dir = tempfile::tempdir().unwrap();
    let (password, ca) = (dir.path().join("password"), dir.path().join("ca.pem"));
    for file in [&password, &ca] {
        std::fs::write(file, "swordfish").unwrap();
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let mut config = config();
    assert!(make_mailer::relay(&config).unwrap().login.is_none());
    (config.mail.host, config.mail.port) = ("mail.example".into(), 2525);
    (config.mail.username, config.mail.password_file) = (Some("renkei".into()), Some(password));
    config.mail.ca_file = Some(ca);
    let relay = make_mailer::relay(&config).unwrap();
    let login = relay.login.unwrap();
    assert_eq!((relay.host.as_str(), relay.port), ("mail.example", 2525));
    assert_eq!((login.username.as_str(), login.password.reveal()), ("renkei", "swordfish"));
    assert_eq!(relay.extra_ca.as_deref(), Some(b"swordfish".as_slice()));
}
