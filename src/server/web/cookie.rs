//! The cookies of a browser (requirements.md#cookies): one for each interaction, which binds `/link/{interaction}` to
//! this browser; one for what was typed; one for a proofing session; one for the language used; one for what
//! this browser began last.
//!
//! With `__Host-` the browser itself enforces Secure, Path=/ and no Domain. Plain http (the demo) cannot have it.

use super::{App, begun};
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::identity::cookie::{ROW_LIFE, is_label, label};
use crate::identity::{Interaction, ShownCookie};
use crate::language::Language;
use crate::secret::{Hash, Secret};
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// The most interaction cookies that are read; a browser never has more of ours.
const MOST_SHOWN: usize = 16;
/// Longer than an interaction, so that the page after its end speaks the same language.
const LANGUAGE_LIFE: Duration = Duration::from_hours(24);

fn prefix(app: &App) -> &'static str {
    if app.config.https() { "__Host-renkei-" } else { "renkei-" }
}

/// All cookies of a browser, in the order received.
///
/// A browser also sends cookies of other servers on our domain, with bytes that are not UTF-8 (often Shift_JIS in
/// Japan) or names without a value. RFC 6265 §4.2.1 does not allow these, but they occur, so they are skipped.
fn all(req: &HttpRequest) -> impl Iterator<Item = (&str, &str)> {
    let pairs = req.headers().get_all(header::COOKIE).flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(|pair| std::str::from_utf8(pair.trim_ascii()).ok()?.split_once('='))
}
/// The values of the cookie `name`; usually one or none.
pub fn values<'r>(req: &'r HttpRequest, name: &'r str) -> impl Iterator<Item = &'r str> {
    all(req).filter(move |(shown, _)| *shown == name).map(|(_, value)| value)
}
/// Our cookies: the rest of each name after the prefix, and its value.
fn ours<'r>(req: &'r HttpRequest, app: &App) -> impl Iterator<Item = (&'r str, &'r str)> {
    let prefix = prefix(app);
    all(req).filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
}
fn value<'r>(req: &'r HttpRequest, app: &App, name: &str) -> Option<&'r str> {
    ours(req, app).find(|(rest, _)| *rest == name).map(|(_, value)| value)
}

/// Every interaction cookie of a browser.
#[must_use]
pub fn interactions(req: &HttpRequest, app: &App) -> Vec<ShownCookie> {
    let shown = ours(req, app).filter(|(rest, _)| is_label(rest));
    let shown = shown.map(|(rest, value)| ShownCookie { label: rest.to_owned(), value: Hash::of(value) });
    shown.take(MOST_SHOWN).collect()
}
/// SHA-256 of a browser's cookie for one interaction.
#[must_use]
pub fn interaction_cookie(req: &HttpRequest, app: &App, id: &InteractionId) -> Option<Hash> {
    value(req, app, label(id)).map(Hash::of)
}
/// SHA-256 of a browser's proofing cookie. Only apps with proofing sessions set one (decision 15).
#[must_use]
pub fn proofing_cookie(req: &HttpRequest, app: &App) -> Option<Hash> {
    value(req, app, PROOFING).map(Hash::of)
}
/// The sealed cookie with what was typed in this browser.
#[must_use]
pub fn typed_cookie<'r>(req: &'r HttpRequest, app: &App) -> Option<&'r str> {
    value(req, app, TYPED)
}
const PROOFING: &str = "memory";
const TYPED: &str = "typed";
const LANGUAGE: &str = "language";
const LAST: &str = "last";

/// The sealed cookie with the interaction this browser began last.
#[must_use]
pub fn last_cookie<'r>(req: &'r HttpRequest, app: &App) -> Option<&'r str> {
    value(req, app, LAST)
}
/// Sets it.
pub fn set_last(answer: &mut HttpResponse, app: &App, sealed: &str, lasting: Duration) {
    set(answer, app, LAST, sealed, lasting);
}

/// The language this browser used last, where it is not the one it prefers.
#[must_use]
pub fn used_language(req: &HttpRequest, app: &App) -> Option<Language> {
    value(req, app, LANGUAGE).and_then(Language::parse)
}
/// Remembers the language of an interaction for the page after its cookie is gone.
pub fn set_language(answer: &mut HttpResponse, app: &App, language: Language) {
    set(answer, app, LANGUAGE, language.as_str(), LANGUAGE_LIFE);
}

/// How long the cookies of an interaction live: until an hour after its start, like its row.
#[must_use]
pub fn left(i: &Interaction, now: Instant) -> Duration {
    (i.started + ROW_LIFE).since(now)
}

/// Sets an interaction's cookie, and remembers the interaction beyond its end.
pub fn bind(answer: &mut HttpResponse, app: &App, i: &Interaction, value: &Secret, now: Instant) {
    set(answer, app, label(&i.id), value.reveal(), left(i, now));
    begun::remember(answer, app, i);
}
/// Deletes the cookies of interactions that a browser no longer needs.
pub fn forget(answer: &mut HttpResponse, app: &App, labels: &[String]) {
    for label in labels {
        set(answer, app, label, "", Duration::ZERO);
    }
}
/// Sets the proofing cookie, for as long as the proofing session lasts.
pub fn remember(answer: &mut HttpResponse, app: &App, value: &Secret, lasting: Duration) {
    set(answer, app, PROOFING, value.reveal(), lasting);
}
/// Sets the cookie of what was typed; an empty value deletes it.
pub fn set_typed(answer: &mut HttpResponse, app: &App, sealed: &str, lasting: Duration) {
    set(answer, app, TYPED, sealed, if sealed.is_empty() { Duration::ZERO } else { lasting });
}

/// `Lax`, because the customer comes from the app's page, and the cookie must be sent then.
fn set(answer: &mut HttpResponse, app: &App, name: &str, value: &str, lasting: Duration) {
    let seconds = time::Duration::seconds(i64::try_from(lasting.as_secs()).unwrap_or(0));
    let cookie = Cookie::build(format!("{}{name}", prefix(app)), value.to_owned());
    let cookie = cookie.http_only(true).secure(app.config.https()).same_site(SameSite::Lax).path("/");
    // Cannot fail: names and values are base64url.
    if let Err(cause) = answer.add_cookie(&cookie.max_age(seconds).finish()) {
        tracing::error!(%cause, "a cookie could not be set");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn our_own_is_read_whatever_stands_beside_it() {
        // 「クッキー」 in Shift_JIS: its bytes are not UTF-8, and the second byte of a pair may be a letter or a bracket.
        let neighbour = b"\x83N\x83b\x83L\x81[=\x83N\x83b\x83L\x81[";
        let near = [&neighbour[..], b"; renkei=own"].concat();
        let far = [b"renkei=own; ", &neighbour[..]].concat();
        let one = |line: &[u8]| vec![line.to_vec()];
        for (lines, want, why) in [
            (vec![], &[][..], "no cookie at all"),
            (one(b"renkei=own"), &["own"], "alone"),
            (one(&near), &["own"], "behind bytes that are no text"),
            (one(&far), &["own"], "before them"),
            (vec![neighbour.to_vec(), b"renkei=own".to_vec()], &["own"], "in a line of its own"),
            (one(b"flag; =; =x; ;; renkei=own;"), &["own"], "among what is hardly a cookie"),
            (one(b"a=1;renkei=own"), &["own"], "without a space"),
            (one(b"a=%zz; renkei=own"), &["own"], "beside a broken escape"),
            (one(b"renkei=%41"), &["%41"], "an escape is not undone: none of ours has one"),
            (one(b"renkei=a=b"), &["a=b"], "a value may hold an equals sign"),
            (one(b"renkei="), &[""], "nothing is a value"),
            (one(b"renkei=one; renkei=two"), &["one", "two"], "twice"),
            (one(b"renkei-memory=x; xrenkei=x; Renkei=x; __Host-renkei=x; renkei =x"), &[], "other names"),
            (one(b"renkei"), &[], "the name alone"),
            (one(b"renkei=\x83\x83; renkei=own"), &["own"], "under our name, but no text"),
        ] {
            let mut req = TestRequest::default();
            for line in lines {
                req = req.append_header((header::COOKIE, header::HeaderValue::from_bytes(&line).unwrap()));
            }
            let req = req.to_http_request();
            assert_eq!(values(&req, "renkei").collect::<Vec<_>>(), want, "{why}");
        }
    }
}
