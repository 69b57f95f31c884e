//! The linking screens, `/link/{interaction}/…` (docs/requirements.md), and those of the customer's own page, `/my`: ① to ⑤
//! are the same ones. [`my`] has what is different.
//!
//! GET shows the current stage. POST gives the form to [`crate::identity::IdentityService`] (⑥: to [`crate::linking`])
//! and always responds with 303. Errors are stored in the interaction's row, and what was typed in a sealed cookie, so
//! that a page can be reloaded. A page of another stage redirects to the current one, so no screen can be skipped.

mod after;
mod begin;
mod consent;
mod form;
pub mod my;
mod render;
mod status;

pub use begin::begun;
pub use status::get as status;

use super::error::log_failure;
use super::extract::{caller, same_origin};
use super::notes::{self, RefusedRequest};
use super::typed::Typed;
use super::{App, Shared, cookie, page, paths};
use crate::client::{Client, Status};
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::identity::{
    AnsweredRequest, BrowserNetwork, Expired, Interaction, Message, Posted, Problem, PurposeKind, View, ViewResult,
    Visitor,
};
use crate::pages::{Chrome, ExpiredPage, Language};
use crate::params::Params;
use crate::store;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use form::Action;
use std::net::IpAddr;
use std::sync::Arc;

/// What the handlers of one request share: the browser, its interaction, the requesting app.
struct ScreenContext<'a> {
    req: &'a HttpRequest,
    app: &'a App,
    visitor: Visitor,
    /// The browser's address, for the consent record.
    address: Option<IpAddr>,
    /// What was typed before, from the browser's cookie.
    typed: Typed,
    now: Instant,
}

/// Why a handler stops.
enum HandlerError {
    /// Not this browser's interaction.
    Foreign,
    /// The store.
    Store(store::Error),
    /// A response is ready.
    Answer(Box<HttpResponse>),
}
impl From<store::Error> for HandlerError {
    fn from(cause: store::Error) -> Self {
        Self::Store(cause)
    }
}

impl<'a> ScreenContext<'a> {
    fn new(req: &'a HttpRequest, app: &'a App, kind: PurposeKind, id: &str) -> Result<Self, HandlerError> {
        let id = InteractionId::parse(id).ok_or(HandlerError::Foreign)?;
        let cookie = cookie::interaction_cookie(req, app, &id).ok_or(HandlerError::Foreign)?;
        let address = caller(req, app);
        let typed = Typed::from_request(req, app, &id);
        let (proofing, network) = (cookie::proofing_cookie(req, app), BrowserNetwork::of(address));
        let visitor = Visitor { id, kind, cookie, proofing_cookie: proofing, network };
        Ok(Self { req, app, visitor, address, typed, now: app.now() })
    }
    async fn view(&self, language: Option<Language>) -> Result<View, HandlerError> {
        match self.app.identity.look(&self.visitor, language, self.now).await? {
            ViewResult::Foreign => Err(HandlerError::Foreign),
            ViewResult::Here(view) => Ok(*view),
        }
    }
    /// The request that the interaction answers. One for the customer's own page has none.
    fn link<'v>(&self, view: &'v View) -> Result<&'v AnsweredRequest, HandlerError> {
        let failed = || HandlerError::Answer(Box::new(page::failed(self.app, self.language(view))));
        view.interaction.purpose.link().ok_or_else(failed)
    }
    /// The requesting app. A client's record is never deleted before its interactions.
    async fn client(&self, view: &View) -> Result<Arc<Client>, HandlerError> {
        let client = self.app.authenticator.client(&self.link(view)?.client).await?;
        client.ok_or_else(|| HandlerError::Answer(Box::new(page::failed(self.app, self.language(view)))))
    }
    /// What the language link asks for.
    fn asked_language(&self) -> Option<Language> {
        let asked = Params::parse(self.req.query_string()).ok();
        asked.as_ref().and_then(|p| p.get("ui_locales")).and_then(Language::of_ui_locales)
    }
    fn language(&self, view: &View) -> Language {
        let chosen = view.interaction.language;
        chosen.unwrap_or_else(|| page::language(self.req, None))
    }
    fn path(&self, view: &View) -> String {
        paths::screen(&view.interaction)
    }
    /// 303 to the current screen, with the interaction's cookie if it is new.
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
    /// The errors of the page: those stored in the interaction's row, and the one that could not be stored.
    fn problems(&self, i: &Interaction) -> Vec<Problem> {
        let unwritten = self.typed.unwritten_at(i).filter(|_| i.live());
        // After midnight a page that is loaded again does not speak of the day before.
        let over = |p: &Problem| p.message == Message::LastTryOfDay && p.time.is_some_and(|until| until <= self.now);
        unwritten.into_iter().chain(i.errors.problems.iter().copied().filter(|p| !over(p))).collect()
    }
    /// 303 to the current screen, which then shows an error that is not stored.
    fn on_unwritten(&self, view: &View, posted: Typed, problem: Problem) -> HttpResponse {
        let unwritten = Some((view.interaction.step, problem));
        let mut answer = self.on(view);
        self.typed.bring(Typed { unwritten, ..posted }, &mut answer, self.app, &view.interaction, self.now);
        answer
    }
    /// The response where a handler stops. `id`: the interaction in the address.
    async fn stopped(
        req: &HttpRequest,
        app: &App,
        (kind, id): (PurposeKind, &str),
        stop: HandlerError,
    ) -> HttpResponse {
        let language = page::used(req, app);
        let my = kind == PurposeKind::My;
        match stop {
            HandlerError::Answer(answer) => *answer,
            // The response reveals nothing, not even whether this interaction exists. Only the browser that began it is
            // told that its time is over.
            HandlerError::Foreign => {
                let gone = after::gone(req, app, (kind, id), language).await;
                if gone.is_none() {
                    let why = "the interaction is not this browser's, or the form is of another site";
                    notes::refused(req, RefusedRequest::plain("another_browser", why));
                }
                let why = if gone.is_some() { Expired::Time } else { Expired::Elsewhere };
                let page = ExpiredPage { why, gone, ..ExpiredPage::default() };
                // The answer to a form has no address that the language link could open.
                let here = req.method() == Method::GET;
                let rendered = app.pages.expired(&Chrome { my, here, ..page::frame(app, language) }, &page);
                page::html(StatusCode::FORBIDDEN, page::Leads::Here, rendered)
            }
            HandlerError::Store(cause) => {
                log_failure(&cause);
                page::failed(app, language)
            }
        }
    }
}

/// `GET /link/{interaction}/{screen}`
pub async fn get(req: HttpRequest, app: Shared, at: web::Path<(String, String)>) -> HttpResponse {
    show_screen(&req, &app, PurposeKind::Link, at.into_inner()).await
}
async fn show_screen(req: &HttpRequest, app: &App, kind: PurposeKind, at: (String, String)) -> HttpResponse {
    match render_screen(req, app, kind, &at.0, &at.1).await {
        Ok(answer) => answer,
        Err(stop) => ScreenContext::stopped(req, app, (kind, &at.0), stop).await,
    }
}
async fn render_screen(
    req: &HttpRequest,
    app: &App,
    kind: PurposeKind,
    id: &str,
    screen: &str,
) -> Result<HttpResponse, HandlerError> {
    let context = ScreenContext::new(req, app, kind, id)?;
    let view = context.view(context.asked_language()).await?;
    if view.interaction.stage.screen() != screen && !my::has_screen(&view, screen) {
        return Ok(context.on(&view));
    }
    let mut answer = context.page(&view, screen).await?;
    context.bind(&mut answer, &view);
    if context.language(&view) != page::used(req, app) || context.asked_language().is_some() {
        cookie::set_language(&mut answer, app, context.language(&view));
    }
    if !view.interaction.live() {
        context.typed.bring(Typed::default(), &mut answer, app, &view.interaction, context.now);
    }
    Ok(answer)
}

/// `POST /link/{interaction}/{screen}`
pub async fn post(req: HttpRequest, app: Shared, at: web::Path<(String, String)>, body: web::Bytes) -> HttpResponse {
    take_form(&req, &app, PurposeKind::Link, at.into_inner(), &body).await
}
async fn take_form(
    req: &HttpRequest,
    app: &App,
    kind: PurposeKind,
    (id, screen): (String, String),
    body: &[u8],
) -> HttpResponse {
    // Forms from other sites are refused (requirements.md#same-origin).
    if !same_origin(req, app) {
        return ScreenContext::stopped(req, app, (kind, ""), HandlerError::Foreign).await;
    }
    let context = match ScreenContext::new(req, app, kind, &id) {
        Ok(context) => context,
        Err(stop) => return ScreenContext::stopped(req, app, (kind, &id), stop).await,
    };
    let typed = form::typed(&screen, body);
    match context.posted(&screen, body, &typed).await {
        Ok(answer) => answer,
        Err(HandlerError::Store(cause)) => {
            let typed = context.ticked_in(&screen, body).await.unwrap_or(typed);
            context.store_failed(&cause, typed).await
        }
        Err(stop) => ScreenContext::stopped(req, app, (kind, &id), stop).await,
    }
}

impl ScreenContext<'_> {
    async fn posted(&self, screen: &str, body: &[u8], typed: &Typed) -> Result<HttpResponse, HandlerError> {
        let Some(form) = form::parse(self.visitor.kind, screen, body) else {
            return Ok(self.on(&self.view(None).await?));
        };
        match form.action {
            Action::Check(posted) => self.form(&form.step, *posted, typed).await,
            Action::Allow(choice, page) => self.allow(&form.step, &choice, page.as_ref()).await,
            Action::Deny(page) => self.deny(&form.step, page.as_ref()).await,
            Action::Language(language) => self.in_language(language, screen, typed).await,
            Action::ConsentLanguage(language, choice, page) => {
                let ticked = self.ticked(&choice, page.as_ref()).await.unwrap_or_default();
                self.in_language(language, screen, &ticked).await
            }
            Action::Return => self.leave(&form.step).await,
            Action::Stop(what) => self.stop(&form.step, what).await,
        }
    }

    /// A form of the five checks. The browser always continues with GET (RFC 9700 §4.12).
    async fn form(&self, step: &str, posted: Posted, typed: &Typed) -> Result<HttpResponse, HandlerError> {
        if self.visitor.kind == PurposeKind::Link && !matches!(posted, Posted::Cancel) {
            let view = self.view(None).await?;
            if view.interaction.live() && self.client(&view).await?.status != Status::Active {
                let ended = self.app.linking.end_for_inactive_client(&self.visitor, step, self.now).await;
                return self.show(ended.map_err(|cause| self.failed(cause, &view))?);
            }
        }
        if matches!(posted, Posted::Customer(_))
            && let Err(until) = self.app.identity.admit_customer(&self.visitor, self.now).await
        {
            let problem = Problem::until(Message::TooOften, until.whole_minute());
            return Ok(self.on_unwritten(&self.view(None).await?, typed.clone(), problem));
        }
        let view = match self.app.identity.post(&self.visitor, step, posted, self.now).await? {
            ViewResult::Foreign => return Err(HandlerError::Foreign),
            ViewResult::Here(view) => *view,
        };
        let mut answer = self.on(&view);
        self.typed.bring(typed.clone(), &mut answer, self.app, &view.interaction, self.now);
        Ok(answer)
    }

    /// The language link with what was typed and not submitted. It is no attempt: nothing is counted, the core bank is not
    /// asked, and the page's step token stays valid.
    async fn in_language(&self, language: Language, screen: &str, typed: &Typed) -> Result<HttpResponse, HandlerError> {
        let view = self.view(None).await?;
        let i = &view.interaction;
        let mut answer = page::see_other(&format!("{}?ui_locales={}", self.path(&view), language.as_str()));
        self.bind(&mut answer, &view);
        // A page that was left behind in another tab does not overwrite what was typed since.
        if i.stage.screen() == screen || !i.live() {
            let posted = Typed { unwritten: self.typed.unwritten, ..typed.clone() };
            self.typed.bring(posted, &mut answer, self.app, i, self.now);
        }
        Ok(answer)
    }

    /// The store did not write: the browser goes back to its screen, with R36 and everything typed, if the store can
    /// still be read (requirements.md#typed).
    async fn store_failed(&self, cause: &store::Error, typed: Typed) -> HttpResponse {
        log_failure(cause);
        match self.view(None).await {
            Ok(view) if view.interaction.live() => self.on_unwritten(&view, typed, Problem::page(Message::R36)),
            Ok(view) => self.on(&view),
            Err(stop) => {
                let of = (self.visitor.kind, self.visitor.id.as_str());
                Self::stopped(self.req, self.app, of, stop).await
            }
        }
    }
}
