//! The browser's cookie: what makes `/link/{interaction}` one browser's own (contract §2).

use super::App;
use crate::secret::{Hash, Secret};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, CookieBuilder, SameSite};
use actix_web::http::header;
use std::time::Duration;

/// `__Host-` makes the browser itself see to Secure, Path=/ and no Domain; plain http (the demo) cannot have it.
fn name(https: bool) -> &'static str {
    if https { "__Host-renkei" } else { "renkei" }
}

/// The name of the memory's cookie: only browsers of apps that may have one (protocol A4) ever see it.
fn memory_name(https: bool) -> &'static str {
    if https { "__Host-renkei-memory" } else { "renkei-memory" }
}

/// The values a browser shows under `name`, in the order they came; most have one or none.
///
/// A browser sends with ours what every neighbour on our host or domain has set: bytes that are no UTF-8 (Shift_JIS is
/// common in Japan), names without a value. RFC 6265 §4.2.1 knows no such cookies, but browsers do, so all is passed over
/// that is not asked for, and a value that is no text is none of ours.
pub fn values<'r>(req: &'r HttpRequest, name: &'r str) -> impl Iterator<Item = &'r str> {
    let lines = req.headers().get_all(header::COOKIE);
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok()
    })
}

/// SHA-256 of the memory a browser shows.
#[must_use]
pub fn memory_shown(req: &HttpRequest, app: &App) -> Option<Hash> {
    values(req, memory_name(app.config.https())).next().map(Hash::of)
}

/// The memory to set, for as long as it may be used.
#[must_use]
pub fn memory_of(app: &App, value: &Secret, lasting: Duration) -> Cookie<'static> {
    let https = app.config.https();
    let seconds = i64::try_from(lasting.as_secs()).unwrap_or(0);
    plain(memory_name(https), value, https).max_age(actix_web::cookie::time::Duration::seconds(seconds)).finish()
}

/// SHA-256 of the cookie a browser shows.
#[must_use]
pub fn shown(req: &HttpRequest, app: &App) -> Option<Hash> {
    values(req, name(app.config.https())).next().map(Hash::of)
}

/// The cookie to set. It lives as long as the browser: the interaction has its own end. `Lax`, because the customer
/// comes from the app's page and must be known when they do.
#[must_use]
pub fn of(app: &App, value: &Secret) -> Cookie<'static> {
    let https = app.config.https();
    plain(name(https), value, https).finish()
}
fn plain(name: &'static str, value: &Secret, https: bool) -> CookieBuilder<'static> {
    let cookie = Cookie::build(name, value.reveal().to_owned());
    cookie.http_only(true).secure(https).same_site(SameSite::Lax).path("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn our_own_is_read_whatever_stands_beside_it() {
        // 「クッキー」 in Shift_JIS: its bytes are no UTF-8, and the second of a pair may be a letter or a bracket.
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
