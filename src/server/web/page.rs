//! Pages as responses: status, headers and frame.

use super::error::{log_failure, nothing_here};
use super::headers::{CSP_LEAVING, CSP_PAGE};
use super::{App, Shared, cookie, extract};
use crate::authorize::AuthorizationResponse;
use crate::clock::Instant;
use crate::config::Mode;
use crate::keys::jose;
use crate::pages::{self, Chrome, Closed, ClosedPage, FormPostPage, Language, NowherePage, OAuthErrorPage};
use crate::params::Params;
use crate::refusal::Refusal;
use actix_web::http::header::{self, ContentType, Header, Quality};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, body};

/// Whether a page's form leads to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// The form is submitted to us, and the browser stays here.
    Here,
    /// The response to the form redirects to the app (requirements.md#csp).
    ToTheApp,
}

/// A rendered page. If rendering failed, the cause is logged.
#[must_use]
pub fn html(status: StatusCode, leads: Leads, rendered: Result<String, pages::Error>) -> HttpResponse {
    let csp = match leads {
        Leads::Here => CSP_PAGE,
        Leads::ToTheApp => CSP_LEAVING,
    };
    match rendered {
        Ok(body) => HttpResponse::build(status)
            .insert_header((header::CONTENT_SECURITY_POLICY, csp))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type(ContentType::html())
            .body(body),
        Err(cause) => {
            log_failure(&cause);
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// `HEAD` of an address where GET changes something: the headers of a page, without any look-up. No `Content-Length`,
/// because the response to a GET is not known (RFC 9110 §8.6).
pub async fn head() -> HttpResponse {
    let mut head = HttpResponse::Ok();
    head.insert_header((header::CONTENT_SECURITY_POLICY, CSP_PAGE))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type(ContentType::html());
    head.finish().set_body(body::None::new()).map_into_boxed_body()
}

/// The language of a request: `ui_locales` (of the language link or the app), then the browser's, then Japanese.
#[must_use]
pub fn language(req: &HttpRequest, params: Option<&Params>) -> Language {
    let asked = params.and_then(|p| p.get("ui_locales")).and_then(Language::of_ui_locales);
    asked.or_else(|| accepted(req)).unwrap_or_default()
}
/// The language that the browser prefers of those we have (RFC 9110 §12.5.4).
#[must_use]
pub fn accepted(req: &HttpRequest) -> Option<Language> {
    let mut tags = header::AcceptLanguage::parse(req).ok()?.0;
    tags.retain(|tag| tag.quality > Quality::ZERO);
    // Stable: what is preferred alike keeps the order of the header.
    tags.sort_by_key(|tag| std::cmp::Reverse(tag.quality));
    tags.iter().find_map(|tag| Language::of_ui_locales(&tag.item.to_string()))
}
/// The language of a page that no interaction is known for: that of the language link, then what this browser used last, then
/// what it prefers.
#[must_use]
pub fn used(req: &HttpRequest, app: &App) -> Language {
    let asked = extract::query(req).ok();
    let asked = asked.as_ref().and_then(|p| p.get("ui_locales")).and_then(Language::of_ui_locales);
    asked.or_else(|| cookie::used_language(req, app)).unwrap_or_else(|| language(req, None))
}

/// `GET /`
pub async fn home(req: HttpRequest, app: Shared) -> HttpResponse {
    let frame = Chrome { here: true, ..frame(&app, used(&req, &app)) };
    html(StatusCode::OK, Leads::Here, app.pages.nowhere(&frame, &NowherePage { home: true }))
}

/// The response for unknown addresses: a page for a browser that opens one, a line for programs.
pub async fn nowhere(req: HttpRequest, app: Shared) -> HttpResponse {
    if !opens(&req) {
        return nothing_here().await;
    }
    let frame = Chrome { here: true, ..frame(&app, used(&req, &app)) };
    html(StatusCode::NOT_FOUND, Leads::Here, app.pages.nowhere(&frame, &NowherePage { home: false }))
}
/// Whether a browser opens this address as a page: it says so in `Accept`, and no program of ours lives under it.
fn opens(req: &HttpRequest) -> bool {
    let programs = ["/oauth", "/ssf", "/hooks", "/assets", "/.well-known", "/admin", "/metrics", "/healthz", "/readyz"];
    let page = |line: &&str| line.split(',').any(|kind| kind.trim_start().starts_with("text/html"));
    let read = matches!(*req.method(), Method::GET | Method::HEAD);
    read && !programs.iter().any(|begin| req.path().starts_with(begin))
        && extract::header_values(req, header::ACCEPT).iter().any(page)
}

/// The frame of a page without a form.
#[must_use]
pub fn frame(app: &App, language: Language) -> Chrome {
    Chrome::new(language, "", "", app.config.server.mode == Mode::Test)
}

/// An error page instead of a redirect (RFC 6749 §4.1.2.1).
#[must_use]
pub fn oauth_error(app: &App, language: Language, refusal: &Refusal) -> HttpResponse {
    let page = OAuthErrorPage {
        error: refusal.code.as_str().to_owned(),
        description: refusal.description.clone().into_owned(),
    };
    html(StatusCode::BAD_REQUEST, Leads::Here, app.pages.oauth_error(&frame(app, language), &page))
}

/// A 503 may be tried again in a minute (RFC 9110 §10.2.3).
pub fn retry_later(answer: &mut HttpResponse) {
    if answer.status() == StatusCode::SERVICE_UNAVAILABLE && !answer.headers().contains_key(header::RETRY_AFTER) {
        retry_after(answer, 60);
    }
}
/// The time at which to try again is known.
pub fn retry_at(answer: &mut HttpResponse, at: Instant, now: Instant) {
    // The header has whole seconds, and must not be earlier than the time.
    let left = at.since(now);
    retry_after(answer, (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1));
}
fn retry_after(answer: &mut HttpResponse, seconds: u64) {
    answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
}

/// No interaction can begin now, from this network or from any: an error page, 429 (RFC 6585 §4) or 503.
#[must_use]
pub fn too_many(app: &App, frame: &Chrome, why: Closed, until: Instant, now: Instant) -> HttpResponse {
    let status = match why {
        Closed::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let rendered = app.pages.closed(frame, &ClosedPage { why, can_return: false });
    let mut answer = html(status, Leads::Here, rendered);
    retry_at(&mut answer, until, now);
    answer
}

/// R36: an error page (503). No response is sent to the app.
#[must_use]
pub fn failed(app: &App, language: Language) -> HttpResponse {
    let page = ClosedPage { why: Closed::Failed, can_return: false };
    let rendered = app.pages.closed(&frame(app, language), &page);
    let mut answer = html(StatusCode::SERVICE_UNAVAILABLE, Leads::Here, rendered);
    retry_after(&mut answer, 5);
    answer
}

/// Sends the response to the app: 303, or the page with the self-submitting form; an error page if signing failed.
#[must_use]
pub fn answer(
    app: &App,
    language: Language,
    name: &str,
    answer: Result<AuthorizationResponse, jose::Error>,
) -> HttpResponse {
    let answer = match answer {
        Ok(answer) => answer,
        Err(cause) => {
            log_failure(&cause);
            return failed(app, language);
        }
    };
    match answer {
        AuthorizationResponse::Redirect { url } => see_other(&url),
        AuthorizationResponse::FormPost { action, fields } => {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let page = FormPostPage { app: name.to_owned(), action, fields };
            html(StatusCode::OK, Leads::ToTheApp, app.pages.form_post(&frame(app, language), &page))
        }
    }
}

/// 303: whatever the method was, the browser continues with GET (RFC 9700 §4.12).
#[must_use]
pub fn see_other(url: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
