//! 連携元画面へ: back to the app with an error, `state` and `iss` (R8, G6, G8).

use super::{Counter, Stop};
use crate::authorize::sql::Consumed;
use crate::authorize::{self, Outcome, oauth_answer};
use crate::identity::{Ending, Posted, Seen, Stage, sql};
use crate::refusal::{Code, Refusal};
use crate::web::page;
use crate::web::typed::Typed;
use actix_web::HttpResponse;

impl Counter<'_> {
    /// Answers the app, when the interaction has ended without consent; otherwise leads to the screen that is. On a form
    /// that holds R35, R36 or R37 the press itself ends it. The request is used up: nobody gets a code any more for
    /// something the app was told has failed.
    pub(super) async fn leave(&self, step: &str) -> Result<HttpResponse, Stop> {
        let mut view = self.view(None).await?;
        if view.interaction.live() {
            let unwritten = self.typed.unwritten_at(&view.interaction).map(|p| p.message).filter(|m| m.leads_back());
            let posted = Posted::Return { unwritten };
            view = match self.app.desk.post(&self.visitor, step, posted, self.now).await? {
                Seen::Foreign => return Err(Stop::Foreign),
                Seen::Here(view) => *view,
            };
        }
        let Some(refusal) = refusal(&view.interaction.stage) else { return Ok(self.on(&view)) };
        let (client, id, now) = (self.client(&view).await?, view.interaction.request, self.now);
        let (seals, own) = (self.app.desk.seals().clone(), view.interaction.id.clone());
        let stored = self
            .app
            .store
            .write(move |tx| {
                // Used up before, by a press of this very button or by another browser: the app hears the same again.
                if authorize::sql::consume(tx, id, now)? == Consumed::First {
                    sql::end_others(tx, &seals, id, &own, now)?;
                }
                authorize::sql::load(tx, id)
            })
            .await?;
        let language = self.language(&view);
        let Some(stored) = stored else { return Ok(page::busy(self.app, language)) };
        let answer = oauth_answer(&stored.request, &client, &Outcome::Refused(refusal), self.app.voice(now));
        let mut answer = page::answer(self.app, language, client.name_in(language.as_str()), answer);
        self.typed.bring(Typed::default(), &mut answer, self.app, &view.interaction, now);
        Ok(answer)
    }
}

fn refusal(stage: &Stage) -> Option<Refusal> {
    let Stage::Ended(ending) = stage else { return None };
    let (code, description) = match ending {
        Ending::Cancelled => (Code::AccessDenied, "the customer cancelled"),
        Ending::Locked { .. } => (Code::AccessDenied, "the customer cannot be authenticated now"),
        Ending::Closed { .. } => (Code::TemporarilyUnavailable, "outside service hours"),
        Ending::NoAccount => (Code::AccessDenied, "no account can be shared"),
        Ending::Failed => (Code::ServerError, "the request cannot be completed"),
        Ending::Busy => (Code::TemporarilyUnavailable, "the service is busy"),
        Ending::Off => (Code::TemporarilyUnavailable, "the service is not offered now"),
        Ending::Expired(_) => (Code::AccessDenied, "the customer did not complete in time"),
    };
    Some(Refusal::new(code, description))
}
