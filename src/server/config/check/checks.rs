//! The rules of `[institution]`, `[hours]`, `[identity]`, `[limits]` and `[telephony]`: what customers see and pass.

use super::{Finding, Rule, all_different, local, networks};
use crate::client::rate::MOST;
use crate::config::{Config, Mode, Span};
use crate::phone::Phone;
use url::Url;

pub(super) const RULES: &[Rule] = &[
    ("institution.color", |c, _| colour(&c.institution.color), "must be #rrggbb"),
    ("institution.terms_url", |c, _| document(c, &c.institution.terms_url), "must be an https URL"),
    ("institution.faq_url", |c, _| document(c, &c.institution.faq_url), "must be an https URL"),
    (
        "institution.stop_contact",
        |c, _| c.institution.stop_contact.as_deref().is_none_or(|number| Phone::parse(number).is_some()),
        "is not a Japanese telephone number",
    ),
    ("institution.phone", |c, _| Phone::parse(&c.institution.phone).is_some(), "is not a Japanese telephone number"),
    ("hours.always_open", |c, _| !c.hours.always_open || c.server.mode != Mode::Production, "is refused in production"),
    ("identity.failures_per_day", |c, _| (1..=10).contains(&c.identity.failures_per_day), "must be 1 to 10"),
    ("identity.wrong_pins_ever", |c, _| (3..=100).contains(&c.identity.wrong_pins_ever), "must be 3 to 100"),
    ("identity.unknown_accounts", |c, _| (1..=100).contains(&c.identity.unknown_accounts), "must be 1 to 100"),
    ("identity.concurrent", |c, _| (1..=1_000_000).contains(&c.identity.concurrent), "must be 1 to 1000000"),
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
    ("limits.starts", |c, _| some(c.limits.starts), "must be 1 to 1000000"),
    ("limits.customer_posts", |c, _| some(c.limits.customer_posts), "must be 1 to 1000000"),
    ("limits.unknown_accounts", |c, _| some(c.limits.unknown_accounts), "must be 1 to 1000000"),
    ("limits.wrong_customers", |c, _| some(c.limits.wrong_customers), "must be 1 to 1000000"),
    (
        "identity.idle",
        |c, _| (Span::secs(60)..=c.identity.session).contains(&c.identity.idle),
        "must be 1m or more, and not longer than session",
    ),
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
        "telephony.call_window",
        |c, _| (Span::secs(30)..=Span::secs(600)).contains(&c.telephony.call_window),
        "must be 30s to 10m",
    ),
    (
        "telephony.confirm_window",
        |c, _| (c.telephony.call_window..=Span::secs(900)).contains(&c.telephony.confirm_window),
        "must be at most 15m, and not shorter than call_window",
    ),
    ("limits.pushed_requests", |c, _| (1..=MOST).contains(&c.limits.pushed_requests), "must be 1 to 100000"),
    ("limits.answers_per_second", |c, _| (1..=MOST).contains(&c.limits.answers_per_second), "must be 1 to 100000"),
    ("limits.answers_burst", |c, _| (1..=MOST).contains(&c.limits.answers_burst), "must be 1 to 100000"),
    (
        "institution.terms_file",
        |c, _| c.institution.terms_file.is_some() || c.server.mode != Mode::Production,
        "must name the file with the text of the terms (API利用規定): each consent record holds its SHA-256",
    ),
    ("limits.alarm_unknown_accounts", |c, _| some(c.limits.alarm_unknown_accounts), "must be 1 to 1000000"),
    ("limits.alarm_locks", |c, _| some(c.limits.alarm_locks), "must be 1 to 1000000"),
    ("limits.alarm_numbers", |c, _| some(c.limits.alarm_numbers), "must be 1 to 1000000"),
    ("limits.alarm_calls", |c, _| some(c.limits.alarm_calls), "must be 1 to 1000000"),
    ("institution.name", |c, _| !c.institution.name.trim().is_empty(), "must not be empty"),
    ("institution.name_en", |c, _| !c.institution.name_en.trim().is_empty(), "must not be empty"),
    ("institution.terms_version", |c, _| !c.institution.terms_version.trim().is_empty(), "must not be empty"),
    ("institution.department", |c, _| !c.institution.department.trim().is_empty(), "must not be empty"),
    ("institution.contact_hours", |c, _| !c.institution.contact_hours.trim().is_empty(), "must not be empty"),
    ("institution.copyright", |c, _| !c.institution.copyright.trim().is_empty(), "must not be empty"),
];

pub(super) const FINDINGS: &[Finding] = &[
    ("institution.color", |c| faint(&c.institution.color)),
    ("institution.networks", |c| networks(&c.institution.networks)),
    ("telephony.hook_networks", |c| networks(&c.telephony.hook_networks)),
    ("hours.closed", |c| c.hours.windows().err().map(|why| why.to_string())),
];

fn some(number: u32) -> bool {
    (1..=1_000_000).contains(&number)
}
fn colour(text: &str) -> bool {
    text.len() == 7 && text.starts_with('#') && text[1..].bytes().all(|b| b.is_ascii_hexdigit())
}

/// That a colour has too little contrast against white, if so (WCAG 2.2, 1.4.11: 3:1 for parts of a page that are no text).
fn faint(text: &str) -> Option<String> {
    let part = |from: usize| {
        let part = f64::from(u8::from_str_radix(text.get(from..from + 2)?, 16).ok()?) / 255.0;
        Some(if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) })
    };
    let light = 0.2126 * part(1)? + 0.7152 * part(3)? + 0.0722 * part(5)?;
    let contrast = 1.05 / (light + 0.05);
    // Cut, not rounded: 2.999 is no 3.00.
    (contrast < 3.0)
        .then(|| format!("has a contrast of {:.2}:1 against white; wanted is 3:1", (contrast * 100.0).floor() / 100.0))
}

/// A document that pages lead to: on this machine too, outside production.
fn document(c: &Config, url: &str) -> bool {
    let here = || Url::parse(url).is_ok_and(|u| u.scheme() == "http" && local(&u));
    url.starts_with("https://") || c.server.mode != Mode::Production && here()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_a_contrast_of_three_to_one() {
        for (colour, faint_as) in [
            ("#000000", None),
            ("#00629b", None),
            ("#949494", None),
            ("#959595", Some("2.99")),
            ("#ff0000", None),
            ("#ffff00", Some("1.07")),
            ("#ffffff", Some("1.00")),
        ] {
            let said = faint(colour);
            assert_eq!(said.is_some(), faint_as.is_some(), "{colour}: {said:?}");
            assert!(faint_as.is_none_or(|ratio| said.as_ref().is_some_and(|said| said.contains(ratio))), "{said:?}");
        }
    }
}
