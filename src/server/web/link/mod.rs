//! The linking screens: `/link/{interaction}/…` (docs/requirements.md).
//!
//! GET shows the stage that is, POST hands the form to the [`crate::identity::Desk`] (⑥: to [`crate::linking`]) and
//! always goes on with 303: what was wrong stands in the interaction's row, what was typed in a sealed cookie, so that a
//! page can be loaded again. A page of another stage leads to the current one: no screen can be skipped.

mod after;
mod consent;
mod form;
mod render;
mod status;

pub use status::get as status;

use super::error::log_failure;
use super::extract::{caller, same_origin};
use super::typed::Typed;
use super::{App, Shared, cookie, page, paths};
use crate::client::{Client, Status};
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::identity::{BrowserNetwork, Expired, Interaction, Message, Posted, Problem, Seen, View, Visitor};
use crate::pages::{ExpiredPage, Language};
use crate::params::Params;
use crate::store;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use form::Action;
use std::net::IpAddr;
use std::sync::Arc;

/// What the handlers of one request share: the browser, its interaction, the app that sent it.
struct Counter<'a> {
    req: &'a HttpRequest,
    app: &'a App,
    visitor: Visitor,
    /// Where the browser comes from, for the record of a consent.
    address: Option<IpAddr>,
    /// What was typed before, from the browser's own cookie.
    typed: Typed,
    now: Instant,
}

/// What stops a handler.
enum Stop {
    /// Not this browser's interaction.
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
        let cookie = cookie::shown(req, app, &id).ok_or(Stop::Foreign)?;
        let address = caller(req, app);
        let typed = Typed::shown(req, app, &id);
        let (memory, network) = (cookie::memory_shown(req, app), BrowserNetwork::of(address));
        let visitor = Visitor { id, cookie, memory, network };
        Ok(Self { req, app, visitor, address, typed, now: app.now() })
    }
    async fn view(&self, language: Option<Language>) -> Result<View, Stop> {
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
        let chosen = view.interaction.language;
        chosen.unwrap_or_else(|| page::language(self.req, None))
    }
    fn path(&self, view: &View) -> String {
        paths::screen(&view.interaction.id, &view.interaction.stage)
    }
    /// 303 to the screen that is, with the interaction's cookie where the browser has to learn it.
    fn on(&self, view: &View) -> HttpResponse {
        let mut answer = page::see_other(&self.path(view));
        self.bind(&mut answer, view);
        answer
    }
    fn bind(&self, answer: &mut HttpResponse, view: &View) {
        if let Some(value) = &view.cookie {
            cookie::bind(answer, self.app, &view.interaction, value, self.now);
        }
    }
    /// What is wrong with the page that is shown: what its row holds, and what could not be written there.
    fn problems(&self, i: &Interaction) -> Vec<Problem> {
        let unwritten = self.typed.unwritten_at(i).filter(|_| i.live());
        unwritten.into_iter().chain(i.errors.problems.iter().copied()).collect()
    }
    /// 303 to the screen that is, which then says what the store has not heard of.
    fn on_unwritten(&self, view: &View, posted: Typed, problem: Problem) -> HttpResponse {
        let unwritten = Some((view.interaction.step, problem));
        let mut answer = self.on(view);
        self.typed.bring(Typed { unwritten, ..posted }, &mut answer, self.app, &view.interaction, self.now);
        answer
    }
    fn stopped(req: &HttpRequest, app: &App, stop: Stop) -> HttpResponse {
        let language = page::language(req, None);
        match stop {
            Stop::Answer(answer) => *answer,
            // Nothing is told, not even whether there is such an interaction.
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
    let mut answer = counter.page(&view).await?;
    counter.bind(&mut answer, &view);
    if !view.interaction.live() {
        counter.typed.bring(Typed::default(), &mut answer, app, &view.interaction, counter.now);
    }
    Ok(answer)
}

/// `POST /link/{interaction}/{screen}`
pub async fn post(req: HttpRequest, app: Shared, at: web::Path<(String, String)>, body: web::Bytes) -> HttpResponse {
    let (id, screen) = at.into_inner();
    // A form of another site is not looked at (requirements.md#same-origin).
    if !same_origin(&req, &app) {
        return Counter::stopped(&req, &app, Stop::Foreign);
    }
    let counter = match Counter::new(&req, &app, &id) {
        Ok(counter) => counter,
        Err(stop) => return Counter::stopped(&req, &app, stop),
    };
    let typed = form::typed(&screen, &body);
    match counter.posted(&screen, &body, &typed).await {
        Ok(answer) => answer,
        Err(Stop::Store(cause)) => counter.not_taken(&cause, typed).await,
        Err(stop) => Counter::stopped(&req, &app, stop),
    }
}

impl Counter<'_> {
    async fn posted(&self, screen: &str, body: &[u8], typed: &Typed) -> Result<HttpResponse, Stop> {
        let Some(form) = form::read(screen, body) else { return Ok(self.on(&self.view(None).await?)) };
        match form.action {
            Action::Desk(posted) => self.form(&form.step, *posted, typed).await,
            Action::Allow(choice, shown) => self.allow(&form.step, &choice, shown.as_deref()).await,
            Action::Deny => self.deny(&form.step).await,
            Action::Return => self.leave(&form.step).await,
        }
    }

    /// A form of the five checks. Whatever comes of it, the browser goes on with GET (RFC 9700 §4.12).
    async fn form(&self, step: &str, posted: Posted, typed: &Typed) -> Result<HttpResponse, Stop> {
        if !matches!(posted, Posted::Cancel) {
            let view = self.view(None).await?;
            if view.interaction.live() && self.client(&view).await?.status != Status::Active {
                let ended = self.app.linking.end_for_inactive_client(&self.visitor, step, self.now).await;
                return self.show(ended.map_err(|cause| self.failed(cause, &view))?);
            }
        }
        if matches!(posted, Posted::Customer(_))
            && let Err(until) = self.app.desk.admit_customer(&self.visitor, self.now).await
        {
            let problem = Problem::until(Message::TooOften, until.whole_minute());
            return Ok(self.on_unwritten(&self.view(None).await?, typed.clone(), problem));
        }
        let view = match self.app.desk.post(&self.visitor, step, posted, self.now).await? {
            Seen::Foreign => return Err(Stop::Foreign),
            Seen::Here(view) => *view,
        };
        let mut answer = self.on(&view);
        self.typed.bring(typed.clone(), &mut answer, self.app, &view.interaction, self.now);
        Ok(answer)
    }

    /// The store took nothing: the browser goes back to its own screen, with R36 and everything typed, if that can be read
    /// (requirements.md#typed).
    async fn not_taken(&self, cause: &store::Error, typed: Typed) -> HttpResponse {
        log_failure(cause);
        match self.view(None).await {
            Ok(view) if view.interaction.live() => self.on_unwritten(&view, typed, Problem::page(Message::R36)),
            Ok(view) => self.on(&view),
            Err(stop) => Self::stopped(self.req, self.app, stop),
        }
    }
}
