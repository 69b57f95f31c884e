//! When an interaction is over: the page after 許可する, which sends the browser to the app again if allowed, those of a
//! cancellation and a closure, and 連携元画面へ.

use super::{HandlerError, ScreenContext};
use crate::client::{Client, Status};
use crate::clock::Instant;
use crate::id::GrantId;
use crate::identity::service_hours::Service;
use crate::identity::{Posted, PurposeKind, View, ViewResult, reference};
use crate::linking::{Left, RepeatedAnswer};
use crate::pages::{CancelRecord, CancelledPage, Closed, ClosedPage, DonePage, GoneApp, Language};
use crate::secret::Hash;
use crate::web::App;
use crate::web::begun::{self, Begun};
use crate::web::page::{self, Leads};
use crate::web::typed::Typed;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

/// The app of an interaction that this browser began and that is kept no longer, for the page that leads back to it.
pub(super) async fn gone(
    req: &HttpRequest,
    app: &App,
    (kind, id): (PurposeKind, &str),
    language: Language,
) -> Option<GoneApp> {
    let client = match (kind, begun::gone(req, app, id, app.now())?) {
        (PurposeKind::My, Begun::My) => return Some(GoneApp::default()),
        (PurposeKind::Link, Begun::Link(client)) => app.authenticator.client(&client).await.ok()??,
        _ => return None,
    };
    let home = client.client_uri.clone().filter(|_| client.status == Status::Active);
    Some(GoneApp { name: client.name_in(language).to_owned(), home })
}

impl ScreenContext<'_> {
    /// Sends the browser to the app with a further code, if allowed; otherwise shows whether the link is complete.
    pub(super) async fn done_page(&self, view: &View, grant: &GrantId) -> Result<HttpResponse, HandlerError> {
        let (client, language) = (self.client(view).await?, self.language(view));
        let app = client.name_in(language);
        let again =
            self.app.linking.repeat_answer((self.link(view)?, &view.interaction.id), grant, &client, self.now).await;
        let complete = match again.map_err(|cause| self.failed(cause, view))? {
            RepeatedAnswer::Answer(answer) => return Ok(page::answer(self.app, language, app, Ok(answer))),
            RepeatedAnswer::Redeemed => true,
            RepeatedAnswer::Over => false,
        };
        let page = DonePage { app: app.to_owned(), complete };
        Ok(page::html(StatusCode::OK, Leads::Here, self.app.pages.done(&self.frame(view), &page)))
    }

    /// The cancel page. `living`: when the links of this app and account end, for somebody who passed ① to ⑤ for it. From ② on
    /// it has the time and 受付番号 of its record, by which staff find it.
    pub(super) fn cancelled(&self, view: &View, app: String, living: Option<Vec<Instant>>) -> CancelledPage {
        let i = &view.interaction;
        let record = || CancelRecord { at: i.touched, reference: reference(&self.app.sealer, &i.id) };
        let record = i.recorded.then(record);
        CancelledPage { app, record, passed: living.is_some(), living: living.unwrap_or_default() }
    }

    /// The page after 拒否する.
    pub(super) async fn denied_page(
        &self,
        view: &View,
        client: &Client,
        account: Hash,
    ) -> Result<HttpResponse, HandlerError> {
        let living = self.app.linking.living(client, account, self.now).await?;
        let frame = self.frame(view);
        let page = self.cancelled(view, client.name_in(frame.language).to_owned(), Some(living));
        Ok(page::html(StatusCode::OK, Leads::ToTheApp, self.app.pages.cancelled(&frame, &page)))
    }

    /// The page of an interaction that met a closure. Once the service is open again, it says so.
    pub(super) fn closed_page(&self, view: &View, client: Option<&Client>) -> HttpResponse {
        let (policy, frame) = (self.app.identity.policy(), self.frame(view));
        let (status, why, until) = match policy.hours.open_at(self.now) {
            Service::Closed { until } => {
                (StatusCode::SERVICE_UNAVAILABLE, Closed::Hours { reopens: Some(until) }, Some(until))
            }
            Service::Open => {
                let can_restart = view.interaction.may_restart(policy, self.now);
                (StatusCode::OK, Closed::Reopened { can_restart }, None)
            }
        };
        let leads = if client.is_some() { Leads::ToTheApp } else { Leads::Here };
        let rendered = self.app.pages.closed(&frame, &ClosedPage { why, can_return: true });
        let mut answer = page::html(status, leads, rendered);
        if let Some(until) = until {
            page::retry_at(&mut answer, until, self.now);
        }
        answer
    }

    /// 連携元画面へ: the error response to the app if the interaction ended without consent; otherwise the current screen. On
    /// a form that shows R35, R36 or R37, this button itself ends the interaction.
    pub(super) async fn leave(&self, step: &str) -> Result<HttpResponse, HandlerError> {
        let mut view = self.view(None).await?;
        if view.interaction.live() {
            let unwritten = self.typed.unwritten_at(&view.interaction).map(|p| p.message).filter(|m| m.leads_back());
            let posted = Posted::Return { unwritten };
            view = match self.app.identity.post(&self.visitor, step, posted, self.now).await? {
                ViewResult::Foreign => return Err(HandlerError::Foreign),
                ViewResult::Here(view) => *view,
            };
        }
        let (client, language) = (self.client(&view).await?, self.language(&view));
        let left = self.app.linking.leave(self.link(&view)?, &view.interaction, &client, self.now).await;
        match left.map_err(|cause| self.failed(cause, &view))? {
            Left::Stays => Ok(self.on(&view)),
            Left::ToTheApp(answer) => {
                let mut answer = page::answer(self.app, language, client.name_in(language), Ok(answer));
                self.typed.bring(Typed::default(), &mut answer, self.app, &view.interaction, self.now);
                Ok(answer)
            }
        }
    }
}
