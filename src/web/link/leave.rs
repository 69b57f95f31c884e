//! 連携元画面へ: back to the app with an error, `state` and `iss` (domain R8, G6, G8).

use super::{Counter, Stop};
use crate::authorize::sql::Consumed;
use crate::authorize::{self, Outcome, oauth_answer};
use crate::identity::{Ending, Stage, sql};
use crate::refusal::{Code, Refusal};
use crate::web::page;
use actix_web::HttpResponse;

impl Counter<'_> {
    /// Answers the app, when the way has ended without consent; otherwise leads to the screen that is. The request is
    /// used up by it: nobody gets a code any more for something the app was told has failed.
    pub(super) async fn leave(&self) -> Result<HttpResponse, Stop> {
        let view = self.view(None).await?;
        let Some(refusal) = refusal(&view.interaction.stage) else { return Ok(self.on(&view)) };
        let (client, id, now) = (self.client(&view).await?, view.interaction.request, self.now);
        let (seals, way) = (self.app.desk.seals().clone(), view.interaction.id.clone());
        let stored = self
            .app
            .store
            .write(move |tx| {
                // Used up before, by a press of this very button or by another browser: the app hears the same again.
                if authorize::sql::consume(tx, id, now)? == Consumed::First {
                    sql::end_others(tx, &seals, id, &way, now)?;
                }
                authorize::sql::load(tx, id)
            })
            .await?;
        let language = self.language(&view);
        let Some(stored) = stored else { return Ok(page::busy(self.app, language)) };
        let answer = oauth_answer(&stored.request, &client, &Outcome::Refused(refusal), self.app.voice(now));
        Ok(page::answer(self.app, language, client.name_in(language.as_str()), answer))
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
        Ending::Expired(_) => (Code::AccessDenied, "the customer did not complete in time"),
        Ending::Done => return None,
    };
    Some(Refusal::new(code, description))
}
