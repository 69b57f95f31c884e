//! The linking screens: `/link/{interaction}/…` (contract §2, §3; domain §1.2–1.7).
//!
//! GET shows the stage that is, POST hands the form to the [`crate::identity::Desk`] (⑥: to `consent` and `grant`) and
//! goes on with 303; a form with something wrong comes back in place with 422 or 503. A page of another stage leads to
//! the current one, so that no screen can be skipped and none is seen twice.

mod agree;
mod consent;
mod form;
mod leave;
mod render;
mod status;

pub use status::get as status;

use super::error::log_failure;
use super::extract::{caller, same_origin};
use super::{App, Shared, cookie, page, paths};
use crate::client::Client;
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::identity::{Expired, Message, Posted, Problem, Seen, View, Visitor};
use crate::pages::{ExpiredPage, Language};
use crate::params::Params;
use crate::store;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use form::{Action, Typed};
use std::sync::Arc;

/// Where a handler stands: the browser, its way, the app that sent it.
struct Counter<'a> {
    req: &'a HttpRequest,
    app: &'a App,
    visitor: Visitor,
    now: Instant,
}

/// What stops a handler.
enum Stop {
    /// Not this browser's way.
    Foreign,
    /// The store.
    Store(store::Error),
    /// The page has its answer already.
    Answer(Box<HttpResponse>),
}
impl From<store::Error> for Stop {
    fn from(cause: store::Error) -> Self {
        Self::Store(cause)
    }
}

impl<'a> Counter<'a> {
    fn new(req: &'a HttpRequest, app: &'a App, id: &str) -> Result<Self, Stop> {
        let id = InteractionId::parse(id).ok_or(Stop::Foreign)?;
        let cookie = cookie::shown(req, app).ok_or(Stop::Foreign)?;
        let address = caller(req, app).map_or_else(String::new, |ip| ip.to_string());
        Ok(Self {
            req,
            app,
            visitor: Visitor { id, cookie, memory: cookie::memory_shown(req, app), address },
            now: app.now(),
        })
    }
    async fn view(&self, language: Option<Language>) -> Result<View, Stop> {
        let language = language.map(|l| l.as_str().to_owned());
        match self.app.desk.look(&self.visitor, language, self.now).await? {
            Seen::Foreign => Err(Stop::Foreign),
            Seen::Here(view) => Ok(*view),
        }
    }
    /// The app that sent the customer. A client's record outlives its interactions.
    async fn client(&self, view: &View) -> Result<Arc<Client>, Stop> {
        let client = self.app.authenticator.client(&view.interaction.client).await?;
        client.ok_or_else(|| Stop::Answer(Box::new(page::busy(self.app, self.language(view)))))
    }
    fn language(&self, view: &View) -> Language {
        let chosen = view.interaction.language.as_deref().and_then(Language::parse);
        chosen.unwrap_or_else(|| page::language(self.req, None))
    }
    fn path(&self, view: &View) -> String {
        paths::screen(&view.interaction.id, &view.interaction.stage)
    }
    /// 303 to the screen that is, with a rotated cookie where there is one.
    fn on(&self, view: &View) -> HttpResponse {
        let mut answer = page::see_other(&self.path(view));
        self.bind(&mut answer, view);
        answer
    }
    fn bind(&self, answer: &mut HttpResponse, view: &View) {
        if let Some(value) = &view.cookie
            && let Err(cause) = answer.add_cookie(&cookie::of(self.app, value))
        {
            tracing::error!(%cause, "the cookie could not be set");
        }
    }
    fn stopped(req: &HttpRequest, app: &App, stop: Stop) -> HttpResponse {
        let language = page::language(req, None);
        match stop {
            Stop::Answer(answer) => *answer,
            // Nothing is told, not even whether there is such a way.
            Stop::Foreign => {
                let page = ExpiredPage { why: Expired::Elsewhere, window: 0, can_restart: false, can_return: false };
                let rendered = app.pages.expired(&page::frame(app, language), &page);
                page::html(StatusCode::FORBIDDEN, page::Leads::Here, rendered)
            }
            Stop::Store(cause) => {
                log_failure(&cause);
                page::busy(app, language)
            }
        }
    }
}

/// `GET /link/{interaction}/{screen}`
pub async fn get(req: HttpRequest, app: Shared, at: web::Path<(String, String)>) -> HttpResponse {
    let (id, screen) = at.into_inner();
    match shown(&req, &app, &id, &screen).await {
        Ok(answer) => answer,
        Err(stop) => Counter::stopped(&req, &app, stop),
    }
}
async fn shown(req: &HttpRequest, app: &App, id: &str, screen: &str) -> Result<HttpResponse, Stop> {
    let counter = Counter::new(req, app, id)?;
    let asked = Params::parse(req.query_string()).ok();
    let asked = asked.as_ref().and_then(|p| p.get("ui_locales")).and_then(Language::of_ui_locales);
    let view = counter.view(asked).await?;
    if view.interaction.stage.screen() != screen {
        return Ok(counter.on(&view));
    }
    counter.page(&view, &Typed::default(), &[]).await
}

/// `POST /link/{interaction}/{screen}`
pub async fn post(req: HttpRequest, app: Shared, at: web::Path<(String, String)>, body: web::Bytes) -> HttpResponse {
    let (id, screen) = at.into_inner();
    // A form of another site is not looked at (architecture §6).
    if !same_origin(&req, &app) {
        return Counter::stopped(&req, &app, Stop::Foreign);
    }
    match posted(&req, &app, &id, &screen, &body).await {
        Ok(answer) => answer,
        Err(stop) => Counter::stopped(&req, &app, stop),
    }
}
async fn posted(req: &HttpRequest, app: &App, id: &str, screen: &str, body: &[u8]) -> Result<HttpResponse, Stop> {
    let counter = Counter::new(req, app, id)?;
    let form = form::read(screen, body);
    let Some(form) = form else { return Ok(counter.on(&counter.view(None).await?)) };
    let (seen, typed) = match form.action {
        Action::Desk(posted, typed) => {
            if !matches!(*posted, Posted::Cancel)
                && let Some(end) = counter.unserved(&form.step).await?
            {
                return Ok(end);
            }
            (app.desk.post(&counter.visitor, &form.step, *posted, counter.now).await?, *typed)
        }
        Action::Allow(choice, shown) => return counter.allow(&form.step, &choice, shown.as_deref()).await,
        Action::Deny => return counter.deny(&form.step).await,
        Action::Return => return counter.leave().await,
    };
    let view = match seen {
        Seen::Foreign => return Err(Stop::Foreign),
        Seen::Here(view) => *view,
    };
    if !view.taken || view.problems.is_empty() {
        return Ok(counter.on(&view));
    }
    let problems = view.problems.clone();
    let mut answer = counter.page(&view, &typed, &problems).await?;
    counter.bind(&mut answer, &view);
    Ok(answer)
}

/// The status of a form that comes back (contract §3).
fn status_of(problems: &[Problem]) -> StatusCode {
    let ours = |p: &Problem| matches!(p.message, Message::R34 | Message::R35 | Message::R36 | Message::R37);
    let waits = |p: &Problem| p.message == Message::CallWaiting;
    match problems {
        [] => StatusCode::OK,
        // 「認証中（認証着信待ち）」 is where things stand, not a mistake (domain G13).
        some if some.iter().all(waits) => StatusCode::OK,
        some if some.iter().any(ours) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
