//! The rules that types cannot express: how keys depend on each other, and what a mode forbids (requirements.md#modes).

use super::{BankKind, Config, Error, MailKind, MailTls, Mode, Span};
use crate::client::rate::MOST;
use crate::network::Network;
use crate::phone::Phone;
use crate::scope;
use crate::stream::push::LONGEST_PUSH;
use std::time::Duration;
use url::{Host, Url};

type Rule = (&'static str, fn(&Config, Option<&Url>) -> bool, &'static str);

/// The key, the condition, and the error if it is false.
const RULES: &[Rule] = &[
    (
        "server.issuer",
        |c, u| u.is_some_and(|u| plain_origin(u, &c.server.issuer)),
        "must be https://HOST[:PORT] and nothing after it",
    ),
    ("server.issuer", |c, u| https(u) || c.server.mode != Mode::Production, "must be https in production"),
    (
        "server.mode",
        |c, u| c.server.mode != Mode::Test || u.is_some_and(local),
        "test needs an issuer on loopback, .test or .localhost",
    ),
    ("server.listen", |c, _| !c.server.listen.is_empty(), "must have at least one address"),
    (
        "server.tls_cert_file",
        |c, _| c.server.tls_cert_file.is_some() == c.server.tls_key_file.is_some(),
        "must be set together with tls_key_file",
    ),
    (
        "server.tls_cert_file",
        |c, u| {
            c.server.tls_cert_file.is_some()
                || !c.server.trusted_proxies.is_empty()
                || !https(u)
                || c.server.mode != Mode::Production
        },
        "is missing: without it, a proxy in trusted_proxies must end TLS",
    ),
    (
        "server.mtls_listen",
        |c, _| c.server.mtls_listen.is_empty() || c.server.tls_cert_file.is_some(),
        "needs tls_cert_file: a client shows its certificate only over TLS",
    ),
    (
        "server.mtls_base_url",
        |c, _| c.server.mtls_listen.is_empty() || c.server.mtls_base_url.is_some(),
        "is missing: without it, clients do not find mtls_listen",
    ),
    (
        "server.mtls_base_url",
        |c, _| c.server.mtls_base_url.as_deref().is_none_or(|b| b.starts_with("https://") && origin(b)),
        "must be https://HOST[:PORT] and nothing after it",
    ),
    (
        "server.mtls_base_url",
        |c, _| c.server.mtls_base_url.is_none() || c.server.sees_certificates(),
        "has no effect without mtls_listen or client_cert_header",
    ),
    (
        "server.mtls_ca_file",
        |c, _| c.server.mtls_ca_file.is_none() || c.server.sees_certificates(),
        "has no effect without mtls_listen or client_cert_header",
    ),
    (
        "server.mtls_crl_file",
        |c, _| c.server.mtls_crl_file.is_none() || c.server.mtls_ca_file.is_some(),
        "has no effect without mtls_ca_file",
    ),
    (
        "server.client_cert_header",
        |c, _| !c.server.client_cert_header || !c.server.trusted_proxies.is_empty(),
        "needs trusted_proxies: the header is read only from them",
    ),
    (
        "server.log",
        |c, _| ["error", "warn", "info", "debug"].contains(&c.server.log.as_str()),
        "must be error, warn, info or debug",
    ),
    ("server.drain", |c, _| c.server.drain_for() <= Duration::from_secs(300), "must be at most 5m"),
    ("server.connections", |c, _| (64..=100_000).contains(&c.server.connections), "must be 64 to 100000"),
    (
        "store.time_limit",
        |c, _| (Duration::from_millis(100)..=Duration::from_secs(10)).contains(&c.store.time_limit.get()),
        "must be 100ms to 10s",
    ),
    ("store.connections", |c, _| (1..=256).contains(&c.store.connections), "must be 1 to 256"),
    ("institution.color", |c, _| colour(&c.institution.color), "must be #rrggbb"),
    ("institution.terms_url", |c, _| document(c, &c.institution.terms_url), "must be an https URL"),
    ("institution.faq_url", |c, _| document(c, &c.institution.faq_url), "must be an https URL"),
    (
        "institution.stop_contact",
        |c, _| c.institution.stop_contact.as_deref().is_none_or(|number| Phone::parse(number).is_some()),
        "is not a Japanese telephone number",
    ),
    ("institution.phone", |c, _| Phone::parse(&c.institution.phone).is_some(), "is not a Japanese telephone number"),
    (
        "institution.networks",
        |c, _| Network::list(&c.institution.networks).is_ok(),
        "contains something that is not a network such as 10.1.0.0/16",
    ),
    (
        "keys.algorithms",
        |c, _| c.keys.may_sign(),
        "must name RS256, which events and OpenID Connect need, and no algorithm twice",
    ),
    ("hours.always_open", |c, _| !c.hours.always_open || c.server.mode != Mode::Production, "is refused in production"),
    ("identity.failures_per_day", |c, _| (1..=10).contains(&c.identity.failures_per_day), "must be 1 to 10"),
    ("identity.wrong_pins_ever", |c, _| (3..=100).contains(&c.identity.wrong_pins_ever), "must be 3 to 100"),
    ("identity.unknown_accounts", |c, _| (1..=100).contains(&c.identity.unknown_accounts), "must be 1 to 100"),
    ("identity.concurrent", |c, _| c.identity.concurrent > 0, "must be at least 1"),
    ("identity.unfinished", |c, _| (100..=1_000_000).contains(&c.identity.unfinished), "must be 100 to 1000000"),
    (
        "identity.session",
        // The row and the cookie of an interaction live for an hour. A browser that pressed 許可する at the very end still
        // needs five minutes of it, to get a further code (requirements.md#further-code).
        |c, _| (Span::secs(60)..=Span::secs(55 * 60)).contains(&c.identity.session),
        "must be 1m to 55m, so that five minutes of the cookie's hour are left for further codes",
    ),
    (
        "limits.by_network",
        |c, _| c.limits.by_network || c.server.mode != Mode::Production,
        "must be true in production",
    ),
    ("limits.starts", |c, _| c.limits.starts > 0, "must be at least 1"),
    ("limits.customer_posts", |c, _| c.limits.customer_posts > 0, "must be at least 1"),
    ("limits.unknown_accounts", |c, _| c.limits.unknown_accounts > 0, "must be at least 1"),
    ("limits.wrong_customers", |c, _| c.limits.wrong_customers > 0, "must be at least 1"),
    ("identity.idle", |c, _| c.identity.idle <= c.identity.session, "must not be longer than session"),
    (
        "identity.proofing_memory",
        |c, _| c.identity.proofing_memory.get() <= crate::client::PROOFING_MEMORY,
        "must be at most 15m",
    ),
    (
        "telephony.called_numbers",
        |c, _| (3..=100).contains(&c.telephony.called_numbers.len()),
        "must have 3 to 100 numbers",
    ),
    ("telephony.called_numbers", |c, _| all_different(&c.telephony.called_numbers), "contains the same number twice"),
    (
        "telephony.called_numbers",
        |c, _| c.telephony.called_numbers.iter().all(|n| Phone::parse(n).is_some()),
        "contains something that is not a Japanese telephone number",
    ),
    (
        "telephony.hook_secret_files",
        |c, _| (1..=2).contains(&c.telephony.hook_secret_files.len()),
        "must have one file, or two while the secret is replaced",
    ),
    ("bank.parallel", |c, _| (1..=10_000).contains(&c.bank.parallel), "must be 1 to 10000"),
    ("bank.wait", |c, _| (Span::secs(1)..=Span::secs(30)).contains(&c.bank.wait), "must be 1s to 30s"),
    ("bank.event_secret_files", |c, _| c.bank.event_secret_files.len() <= 2, "must have at most two files"),
    (
        "telephony.auto_call",
        |c, _| !c.telephony.auto_call || c.server.mode == Mode::Test,
        "is allowed only with server.mode test",
    ),
    ("telephony.call_attempts", |c, _| (1..=3).contains(&c.telephony.call_attempts), "must be 1 to 3"),
    (
        "telephony.rest",
        |c, _| c.telephony.rest >= Span::secs(10) || c.server.mode != Mode::Production,
        "must be 10s or more in production",
    ),
    ("telephony.rest", |c, _| c.telephony.rest <= Span::secs(600), "must be at most 10m"),
    (
        "telephony.confirm_window",
        |c, _| c.telephony.confirm_window >= c.telephony.call_window,
        "must not be shorter than call_window",
    ),
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
        |c, _| c.server.mode != Mode::Production || c.bank.url.as_deref().is_some_and(|u| u.starts_with("https://")),
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
    ("keys.publish_before", |c, _| c.keys.publish_before >= Span::secs(600), "must be 10m or more"),
    ("keys.rotate_every", |c, _| c.keys.rotate_every > c.keys.publish_before, "must be longer than publish_before"),
    // Its `exp` has whole seconds, and must not have passed when it is issued.
    ("tokens.id_token_lifetime", |c, _| c.tokens.id_token_lifetime >= Span::secs(1), "must be 1s or more"),
    (
        "keys.keep_retired",
        |c, _| c.keys.keep_retired.get() >= c.tokens.id_token_lifetime.get() + Duration::from_hours(1),
        "must be at least an hour longer than tokens.id_token_lifetime",
    ),
    (
        "events.warn_before",
        |c, _| c.events.warn_before.len() <= 8 && c.events.warn_before.iter().all(|d| *d >= Span::secs(3600)),
        "must have at most 8 durations, each 1h or more",
    ),
    (
        "outbound.timeout",
        |c, _| c.outbound.timeout.get() <= LONGEST_PUSH,
        "must be 10s or less: a push must end before its lease does",
    ),
    ("events.give_up", |c, _| c.events.give_up >= Span::secs(3600), "must be 1h or more"),
    ("events.hold", |c, _| c.events.hold >= Span::days(1), "must be 1d or more"),
    ("registration.pending_most", |c, _| (1..=10_000).contains(&c.registration.pending_most), "must be 1 to 10000"),
    ("registration.pending_kept", |c, _| c.registration.pending_kept >= Span::secs(3600), "must be 1h or more"),
    (
        "registration.software_statement_keys_file",
        |c, _| {
            let r = &c.registration;
            r.software_statement_keys_file.is_some() != r.software_statement_issuers.is_empty()
        },
        "must be set together with software_statement_issuers",
    ),
    ("limits.pushed_requests", |c, _| (1..=MOST).contains(&c.limits.pushed_requests), "must be 1 to 100000"),
    ("limits.answers_per_second", |c, _| (1..=MOST).contains(&c.limits.answers_per_second), "must be 1 to 100000"),
    ("limits.answers_burst", |c, _| (1..=MOST).contains(&c.limits.answers_burst), "must be 1 to 100000"),
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
    (
        "institution.terms_file",
        |c, _| c.institution.terms_file.is_some() || c.server.mode != Mode::Production,
        "must name the file with the text of the terms (API利用規定): each consent record holds its SHA-256",
    ),
];

pub(super) fn all(config: &Config) -> Result<(), Error> {
    let issuer = Url::parse(&config.server.issuer).ok();
    match RULES.iter().find(|(_, holds, _)| !holds(config, issuer.as_ref())) {
        Some((key, _, why)) => Err(Error::Key { key, why: (*why).to_owned() }),
        None => Ok(()),
    }
}

/// A document that pages lead to: on this machine too, outside production.
fn document(c: &Config, url: &str) -> bool {
    let here = || Url::parse(url).is_ok_and(|u| u.scheme() == "http" && local(&u));
    url.starts_with("https://") || c.server.mode != Mode::Production && here()
}
fn https(issuer: Option<&Url>) -> bool {
    issuer.is_some_and(|u| u.scheme() == "https")
}
/// RFC 8414 §2: no query and no fragment; ours has no path either.
fn plain_origin(u: &Url, written: &str) -> bool {
    matches!(u.scheme(), "https" | "http") && u.origin().ascii_serialization() == written
}
fn origin(written: &str) -> bool {
    Url::parse(written).is_ok_and(|u| plain_origin(&u, written))
}
fn local(u: &Url) -> bool {
    match u.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(d)) => d == "localhost" || d.ends_with(".localhost") || d.ends_with(".test"),
        None => false,
    }
}
fn loopback_name(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
/// A name that a relay accepts in EHLO (RFC 5321 §4.1.1.1).
fn full_name(host: &str) -> bool {
    Host::parse(host).is_ok_and(|host| !matches!(host, Host::Domain(name) if !name.contains('.')))
}
fn all_different(numbers: &[String]) -> bool {
    let read: Vec<_> = numbers.iter().filter_map(|n| Phone::parse(n)).collect();
    read.iter().enumerate().all(|(i, n)| !read[..i].contains(n))
}
fn colour(text: &str) -> bool {
    text.len() == 7 && text.starts_with('#') && text[1..].bytes().all(|b| b.is_ascii_hexdigit())
}
