//! The browser's cookie: what makes `/link/{interaction}` one browser's own (contract §2).

use super::App;
use crate::secret::{Hash, Secret};
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};

/// `__Host-` makes the browser itself see to Secure, Path=/ and no Domain; plain http (the demo) cannot have it.
fn name(https: bool) -> &'static str {
    if https { "__Host-renkei" } else { "renkei" }
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
    Cookie::build(name(https), value.reveal().to_owned())
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .path("/")
        .finish()
}
