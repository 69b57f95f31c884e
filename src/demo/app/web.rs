//! The app's own addresses: the page with its three buttons, the two callbacks, its keys.

use super::App;
use super::flow::{Failed, Read};
use super::session::{COOKIE, Visitor};
use super::view;
use crate::crypto::Secret;
use crate::jose;
use crate::listener::Callers::{People, Programs};
use crate::listener::{head_only, healthy, language, look, own_page, page, serve};
use crate::pages::{self, AppNotice, Document};
use crate::wire::params;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::web::{Bytes, Data, Path, PayloadConfig, ServiceConfig, get, head, post};
use actix_web::{HttpRequest, HttpResponse};
use std::collections::HashMap;

/// No form of ours is longer.
const MAX_FORM: usize = 4096;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.app_data(PayloadConfig::new(MAX_FORM));
    serve(config, "/", People, [get().to(home), head().to(head_only), post().to(act)]);
    serve(config, "/callback", People, [get().to(callback), head().to(head_only)]);
    let [shown, its_head] = look(kakeibo);
    serve(config, "/kakeibo", People, [shown, its_head, post().to(kakeibo_act)]);
    serve(config, "/kakeibo/callback", People, [get().to(kakeibo_callback), head().to(head_only)]);
    serve(config, "/documents/{name}", People, look(document));
    serve(config, "/jwks", Programs, look(jwks));
    serve(config, "/healthz", Programs, look(healthy));
    serve(config, "/assets/{name}", People, look(pages::file));
}

/// The linked accounts, read anew at each visit: what is shown is what the grant still allows.
async fn home(app: Data<App>, request: HttpRequest) -> HttpResponse {
    if let Some(away) = elsewhere(&app, &request) {
        return away;
    }
    let visitor = Visitor::of(&request);
    let mut notice = None;
    if let Some(cookie) = &visitor.cookie {
        match app.refresh(cookie).await {
            // What is to be said once is read together with the link: an event may end it at any time.
            Ok(Read::Current) => {}
            Ok(Read::Ended { expired }) => {
                notice = Some(if expired { AppNotice::Expired } else { AppNotice::Ended });
            }
            Err(trouble) => notice = Some(view::notice(&Failed::Trouble(trouble)).0),
        }
    }
    page(view::home(&app, &visitor, notice), StatusCode::OK)
}

async fn act(app: Data<App>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if !own_page(request.headers(), &app.origin) {
        return HttpResponse::Forbidden().body("this form belongs to another page\n");
    }
    let visitor = Visitor::of(&request);
    let old = &visitor.cookie;
    match form(&body).get("action").map(String::as_str) {
        Some("link") => {
            let (cookie, set) = session(&app, old.clone());
            match app.begin(&cookie, visitor.language).await {
                Ok(url) => redirect(&url, set),
                Err(trouble) => failed(&app, &visitor, &Failed::Trouble(trouble)),
            }
        }
        // The page itself reads anew.
        Some("refresh") => {
            app.sessions.with(old.as_ref(), |s| s.flash = s.link.as_ref().map(|_| AppNotice::Refreshed));
            redirect("/", None)
        }
        Some("revoke") => match old {
            Some(cookie) => match app.end(cookie).await {
                Ok(()) => redirect("/", None),
                Err(trouble) => failed(&app, &visitor, &Failed::Trouble(trouble)),
            },
            None => redirect("/", None),
        },
        _ => HttpResponse::BadRequest().body("no such action\n"),
    }
}

async fn callback(app: Data<App>, request: HttpRequest) -> HttpResponse {
    let visitor = Visitor::of(&request);
    match app.finish(visitor.cookie.as_ref(), &query(&request)).await {
        Ok(()) => redirect("/", None),
        Err(trouble) => failed(&app, &visitor, &trouble),
    }
}

async fn kakeibo(app: Data<App>, request: HttpRequest) -> HttpResponse {
    if let Some(away) = elsewhere(&app, &request) {
        return away;
    }
    page(view::kakeibo(&app, &Visitor::of(&request), None), StatusCode::OK)
}

async fn kakeibo_act(app: Data<App>, request: HttpRequest) -> HttpResponse {
    if !own_page(request.headers(), &app.origin) {
        return HttpResponse::Forbidden().body("this form belongs to another page\n");
    }
    let visitor = Visitor::of(&request);
    let (cookie, set) = session(&app, visitor.cookie.clone());
    match app.kakeibo_begin(&cookie, visitor.language).await {
        Ok(url) => redirect(&url, set),
        Err(trouble) => kakeibo_failed(&app, &visitor, &Failed::Trouble(trouble)),
    }
}

async fn kakeibo_callback(app: Data<App>, request: HttpRequest) -> HttpResponse {
    let visitor = Visitor::of(&request);
    match app.kakeibo_finish(visitor.cookie.as_ref(), &query(&request)).await {
        Ok(()) => redirect("/kakeibo", None),
        Err(trouble) => kakeibo_failed(&app, &visitor, &trouble),
    }
}

/// A document of the provider.
async fn document(app: Data<App>, request: HttpRequest, name: Path<String>) -> HttpResponse {
    match Document::find(&name, false) {
        Some(found) => page(app.parts.pages.document(language(&request), found), StatusCode::OK),
        None => HttpResponse::NotFound().finish(),
    }
}

/// Where the server finds the key our assertions are signed with (RFC 7517 §5).
async fn jwks(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok().json(jose::set(app.key.public()))
}

fn failed(app: &App, visitor: &Visitor, why: &Failed) -> HttpResponse {
    let (notice, status) = view::notice(why);
    page(view::home(app, visitor, Some(notice)), status)
}

fn kakeibo_failed(app: &App, visitor: &Visitor, why: &Failed) -> HttpResponse {
    let (notice, status) = view::notice(why);
    page(view::kakeibo(app, visitor, Some(notice)), status)
}

fn redirect(to: &str, set: Option<Cookie<'static>>) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, to));
    if let Some(cookie) = set {
        answer.cookie(cookie);
    }
    answer.content_type(ContentType::plaintext()).finish()
}

/// The callback is registered as `localhost`: who comes by 127.0.0.1 would lose the cookie on the way.
fn elsewhere(app: &App, request: &HttpRequest) -> Option<HttpResponse> {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let own = app.origin.trim_start_matches("http://");
    (!host.eq_ignore_ascii_case(own)).then(|| redirect(&format!("{}{}", app.origin, request.path()), None))
}

/// The browser's session, or a new one and the cookie that opens it.
fn session(app: &App, old: Option<Secret>) -> (Secret, Option<Cookie<'static>>) {
    if let Some(old) = old
        && app.sessions.with(Some(&old), |_| ()).is_some()
    {
        return (old, None);
    }
    let fresh = app.sessions.open(app.parts.random.as_ref());
    let cookie = Cookie::build(COOKIE, fresh.reveal().to_owned())
        .path("/")
        .http_only(true)
        // Lax, for the way back from the server is a navigation from another site in production.
        .same_site(SameSite::Lax)
        .finish();
    (fresh, Some(cookie))
}

fn query(request: &HttpRequest) -> HashMap<String, String> {
    params(request.query_string())
}

fn form(body: &Bytes) -> HashMap<String, String> {
    std::str::from_utf8(body).map(params).unwrap_or_default()
}
