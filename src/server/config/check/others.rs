//! The rules of the sections about other systems, and about what they are given: `[mail]`, `[bank]`, `[outbound]`, `[tokens]`,
//! `[events]`, `[keys]` and `[registration]`.

use super::{Finding, Rule, full_name, loopback_name, networks};
use crate::config::{BankKind, MailKind, MailTls, Mode, Span};
use crate::scope;
use crate::stream::push::LONGEST_PUSH;
use std::time::Duration;

/// Nothing answers faster.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

pub(super) const RULES: &[Rule] = &[
    (
        "keys.algorithms",
        |c, _| c.keys.may_sign(),
        "must name RS256, which events and OpenID Connect need, and no algorithm twice",
    ),
    ("bank.parallel", |c, _| (1..=10_000).contains(&c.bank.parallel), "must be 1 to 10000"),
    ("bank.wait", |c, _| (Span::secs(1)..=Span::secs(30)).contains(&c.bank.wait), "must be 1s to 30s"),
    ("bank.event_secret_files", |c, _| c.bank.event_secret_files.len() <= 2, "must have at most two files"),
    (
        "mail.kind",
        |c, _| c.mail.kind == MailKind::Smtp || c.server.mode != Mode::Production,
        "file is refused in production",
    ),
    (
        "mail.from",
        |c, _| c.mail.from.split_once('@').is_some_and(|(l, d)| !l.is_empty() && d.contains('.')),
        "must be a mail address",
    ),
    (
        "mail.tls",
        |c, _| c.mail.tls != MailTls::None || loopback_name(&c.mail.host),
        "none is allowed only for a relay on loopback",
    ),
    (
        "mail.username",
        |c, _| c.mail.username.is_some() == c.mail.password_file.is_some(),
        "must be set together with password_file",
    ),
    ("mail.helo", |c, _| c.mail.helo.as_deref().is_none_or(full_name), "must be a full host name or an IP address"),
    ("mail.ca_file", |c, _| c.mail.ca_file.is_none() || c.mail.tls != MailTls::None, "has no effect without tls"),
    (
        "bank.kind",
        |c, _| c.bank.kind == BankKind::Http || c.server.mode != Mode::Production,
        "sample is refused in production",
    ),
    ("bank.url", |c, _| c.bank.kind == BankKind::Sample || c.bank.url.is_some(), "is missing"),
    (
        "bank.url",
        |c, _| c.server.mode != Mode::Production || c.bank.url.as_deref().is_none_or(|u| u.starts_with("https://")),
        "must be https in production",
    ),
    // RFC 9126 §2.2: short. FAPI 2.0 Security Profile §5.3.2.2: less than 600 seconds. A browser needs a few to come.
    (
        "tokens.request_lifetime",
        |c, _| (Span::secs(5)..Span::secs(600)).contains(&c.tokens.request_lifetime),
        "must be 5s or more, and less than 10m",
    ),
    ("tokens.code_lifetime", |c, _| (1..=60).contains(&c.tokens.code_lifetime.get().as_secs()), "must be 1s to 60s"),
    (
        "tokens.grant_lifetime",
        |c, _| (Span::days(1)..=Span::days(31)).contains(&c.tokens.grant_lifetime),
        "must be 1d to 31d",
    ),
    // ⑥ and the notice say it in days.
    (
        "tokens.grant_lifetime",
        |c, _| c.tokens.grant_lifetime.get().as_secs().is_multiple_of(86_400),
        "must be a whole number of days",
    ),
    (
        "tokens.client_scopes",
        |c, _| c.tokens.client_scopes.iter().all(|s| !scope::CUSTOMERS.contains(&s)),
        "contains a scope that only a customer can grant",
    ),
    // /oauth/jwks may be cached for five minutes, and other nodes load keys twice a minute.
    (
        "keys.publish_before",
        |c, _| (Span::secs(600)..=Span::days(30)).contains(&c.keys.publish_before),
        "must be 10m to 30d",
    ),
    (
        "keys.rotate_every",
        |c, _| c.keys.rotate_every > c.keys.publish_before && c.keys.rotate_every <= Span::days(400),
        "must be longer than publish_before, and at most 400d",
    ),
    // Its `exp` has whole seconds, and must not have passed when it is issued.
    (
        "tokens.id_token_lifetime",
        |c, _| (Span::secs(1)..=Span::days(1)).contains(&c.tokens.id_token_lifetime),
        "must be 1s to 1d",
    ),
    (
        "keys.keep_retired",
        |c, _| {
            let least = c.tokens.id_token_lifetime.get() + Duration::from_hours(1);
            (least..=Span::days(400).get()).contains(&c.keys.keep_retired.get())
        },
        "must be at least an hour longer than tokens.id_token_lifetime, and at most 400d",
    ),
    (
        "events.warn_before",
        |c, _| c.events.warn_before.len() <= 8 && c.events.warn_before.iter().all(|d| *d >= Span::secs(3600)),
        "must have at most 8 durations, each 1h or more",
    ),
    (
        "outbound.timeout",
        |c, _| (SHORTEST_WAIT..=LONGEST_PUSH).contains(&c.outbound.timeout.get()),
        "must be 100ms to 10s: a push must end before its lease does",
    ),
    ("events.give_up", |c, _| (Span::secs(3600)..=Span::days(30)).contains(&c.events.give_up), "must be 1h to 30d"),
    ("events.hold", |c, _| (Span::days(1)..=Span::days(3650)).contains(&c.events.hold), "must be 1d to 3650d"),
    ("registration.pending_most", |c, _| (1..=10_000).contains(&c.registration.pending_most), "must be 1 to 10000"),
    (
        "registration.pending_kept",
        |c, _| (Span::secs(3600)..=Span::days(365)).contains(&c.registration.pending_kept),
        "must be 1h to 365d",
    ),
    (
        "registration.software_statement_keys_file",
        |c, _| {
            let r = &c.registration;
            r.software_statement_keys_file.is_some() != r.software_statement_issuers.is_empty()
        },
        "must be set together with software_statement_issuers",
    ),
    ("tokens.note_uses", |c, _| (Span::secs(1)..=Span::secs(3600)).contains(&c.tokens.note_uses), "must be 1s to 1h"),
    ("tokens.open_grants", |c, _| (1..=1000).contains(&c.tokens.open_grants), "must be 1 to 1000"),
    (
        "tokens.default_audience",
        |c, _| {
            let audience = &c.tokens.default_audience;
            !audience.is_empty() && audience.bytes().all(|b| b.is_ascii_graphic())
        },
        "must be one word of ASCII characters",
    ),
    ("mail.host", |c, _| !c.mail.host.trim().is_empty(), "must not be empty"),
    ("mail.port", |c, _| c.mail.port > 0, "must be 1 to 65535"),
    (
        "mail.keep_address",
        |c, _| (Span::days(1)..=Span::days(366)).contains(&c.mail.keep_address),
        "must be 1d to 366d",
    ),
    (
        "bank.timeout",
        |c, _| (SHORTEST_WAIT..=Duration::from_mins(1)).contains(&c.bank.timeout.get()),
        "must be 100ms to 60s",
    ),
    (
        "tokens.keep_consents",
        |c, _| (Span::days(3 * 365)..=Span::days(36_500)).contains(&c.tokens.keep_consents),
        "must be 1095d (three years) to 36500d",
    ),
];

pub(super) const FINDINGS: &[Finding] = &[("bank.event_networks", |c| networks(&c.bank.event_networks))];
