//! After 許可する: the answer to the app once more, while it may have been lost on its way (decision 8).

use super::{Counter, Stop};
use crate::authorize::{self, Outcome, oauth_answer};
use crate::client::Status;
use crate::grant::code::Binding;
use crate::grant::{Further, further};
use crate::id::GrantId;
use crate::identity::View;
use crate::pages::DonePage;
use crate::secret::{self, Kind};
use crate::web::page::{self, Leads};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

impl Counter<'_> {
    /// Sends the browser that pressed 許可する to the app with a further code, where it may have one; else the page that
    /// says whether the link is complete.
    pub(super) async fn handed_over(&self, view: &View, grant: &GrantId) -> Result<HttpResponse, Stop> {
        let (client, language) = (self.client(view).await?, self.language(view));
        let id = view.interaction.request;
        let stored = self.app.store.read(move |tx| authorize::sql::load(tx, id)).await?;
        let request = stored.map(|stored| stored.request).filter(|_| client.status == Status::Active);
        let mut outcome = Further::Over;
        if let Some(request) = request {
            let code = secret::issue(Kind::Code, &*self.app.random);
            let (hash, binding, grant) = (code.hash(), Binding::of(&request), grant.clone());
            // Made before anything is recorded: no code is written that then cannot be sent.
            let answer = oauth_answer(&request, &client, &Outcome::Code(code), self.app.voice(self.now));
            let (lifetime, now) = (self.app.config.tokens.code_lifetime.get(), self.now);
            if answer.is_ok() {
                let write = self.app.store.write(move |tx| further(tx, &grant, hash, &binding, lifetime, now));
                outcome = write.await?;
            }
            if outcome == Further::Issued {
                return Ok(page::answer(self.app, language, client.name_in(language.as_str()), answer));
            }
        }
        let app = client.name_in(language.as_str()).to_owned();
        let page = DonePage { app, complete: outcome == Further::Redeemed };
        Ok(page::html(StatusCode::OK, Leads::Here, self.app.pages.done(&self.frame(view), &page)))
    }
}
