//! When an interaction is over: the page after 許可する, which sends the browser to the app again if allowed, and 連携元画面へ.

use super::{HandlerError, ScreenContext};
use crate::id::GrantId;
use crate::identity::{Posted, View, ViewResult};
use crate::linking::{Left, RepeatedAnswer};
use crate::pages::DonePage;
use crate::web::page::{self, Leads};
use crate::web::typed::Typed;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

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
