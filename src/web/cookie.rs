//! The browser's cookie: what makes `/link/{interaction}` one browser's own (contract §2).

use super::App;
use crate::secret::{Hash, Secret};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, CookieBuilder, SameSite};
use std::time::Duration;

/// `__Host-` makes the browser itself see to Secure, Path=/ and no Domain; plain http (the demo) cannot have it.
fn name(https: bool) -> &'static str {
    if https { "__Host-renkei" } else { "renkei" }
}

/// The name of the memory's cookie: only browsers of apps that may have one (protocol A4) ever see it.
fn memory_name(https: bool) -> &'static str {
    if https { "__Host-renkei-memory" } else { "renkei-memory" }
}

/// SHA-256 of the memory a browser shows.
#[must_use]
pub fn memory_shown(req: &HttpRequest, app: &App) -> Option<Hash> {
    req.cookie(memory_name(app.config.https())).map(|cookie| Hash::of(cookie.value()))
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
    req.cookie(name(app.config.https())).map(|cookie| Hash::of(cookie.value()))
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
