//! ⑥: what the app asks for (R70–R72), as the page shows it and as the record will hold it.

use super::{Counter, Stop};
use crate::authorize::{self, Request};
use crate::client::Client;
use crate::clock::Instant;
use crate::consent::{self, Details, Missing, Offer, Terms, words};
use crate::id::AccountId;
use crate::identity::{Ending, Field, Message, Problem, Proofed, Seen, View};
use crate::pages::{ConsentPage, OfferedAccount, SomeClient};
use crate::secret::{Hash, base64url};
use crate::web::memory;
use crate::web::page::{self, Leads};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// What ⑥ is about.
pub(super) struct Matter {
    pub(super) request: Request,
    pub(super) offer: Offer,
}

impl Matter {
    /// The digest of the page, as its form carries it.
    pub(super) fn shown(&self) -> String {
        base64url(self.offer.shown.as_bytes())
    }
}

impl Counter<'_> {
    /// The page; or the end, where nothing of what is asked can be shared.
    pub(super) async fn consent_page(
        &self,
        view: &View,
        client: &Client,
        proofed: &Proofed,
    ) -> Result<HttpResponse, Stop> {
        let matter = self.matter(view, client, proofed).await?;
        if matter.offer.accounts.is_empty() {
            return match self.app.desk.conclude(&self.visitor, Ending::NoAccount, self.now).await? {
                Seen::Foreign => Err(Stop::Foreign),
                Seen::Here(view) => Ok(self.on(&view)),
            };
        }
        let mut page = self.consent_context(view, client, proofed, &matter, self.now);
        if let Some(chosen) = &view.interaction.errors.chosen {
            page.accounts.iter_mut().enumerate().for_each(|(place, line)| line.chosen = chosen.contains(&place));
        }
        let problems = self.problems(&view.interaction);
        let (missing, problems) = missing(problems);
        let reference = consent::reference(&self.app.sealer, &view.interaction.id);
        let page = ConsentPage { missing, problems, reference: Some(reference), shown: Some(matter.shown()), ..page };
        Ok(page::html(StatusCode::OK, Leads::ToTheApp, self.app.pages.consent(&self.frame(view), &page)))
    }

    /// The stored request and the offer made of it.
    pub(super) async fn matter(&self, view: &View, client: &Client, proofed: &Proofed) -> Result<Matter, Stop> {
        let id = view.interaction.request;
        let stored = self.app.store.read(move |tx| authorize::sql::load(tx, id)).await?;
        let language = self.language(view);
        let Some(stored) = stored else { return Err(Stop::Answer(Box::new(page::busy(self.app, language)))) };
        let institution = &self.app.config.institution;
        let terms = Terms {
            version: institution.terms_version.clone(),
            // Its text lies on the institution's site: edition and address name it.
            hash: Hash::of(format!("{} {}", institution.terms_version, institution.terms_url)),
        };
        let limits = stored.request.authorization_details.clone();
        // Whoever is not the person the app expects shares nothing with it (OpenID Connect Core §3.1.2.1).
        let expected = memory::expected(self.app, client, &stored.request, &proofed.holder);
        let offer = Offer {
            client: client.id.clone(),
            scope: stored.request.scope.clone(),
            accounts: if expected { consent::offered(proofed, limits.as_ref()) } else { Vec::new() },
            verified: proofed.verified.clone(),
            choose: limits.is_some(),
            limits,
            period: client.grant_lifetime.min(self.app.config.tokens.grant_lifetime.get()),
            terms,
            shown: Hash::of(""),
            language,
        };
        let mut matter = Matter { request: stored.request, offer };
        // Every word of the page, without the hour and the step token that are in it: the same page, the same digest.
        let page = self.consent_context(view, client, proofed, &matter, Instant::from_millis(0));
        let frame = crate::pages::Chrome { path: String::new(), step: String::new(), ..self.frame(view) };
        match self.app.pages.consent(&frame, &page) {
            Ok(text) => matter.offer.shown = words([text.as_str()]),
            Err(cause) => {
                crate::web::error::log_failure(&cause);
                return Err(Stop::Answer(Box::new(page::busy(self.app, language))));
            }
        }
        Ok(matter)
    }

    fn consent_context(
        &self,
        view: &View,
        client: &Client,
        proofed: &Proofed,
        matter: &Matter,
        at: Instant,
    ) -> ConsentPage {
        let offer = &matter.offer;
        let shown = |id: &AccountId| {
            let (_, account) = proofed.accounts.iter().find(|(known, _)| known == id)?;
            Some(OfferedAccount { id: id.to_string(), account: account.into(), chosen: *id == offer.verified })
        };
        let provider = &client.provider;
        ConsentPage {
            client: SomeClient {
                provider: self.provider(view, client),
                name: client.name_in(self.language(view).as_str()).to_owned(),
                registration_number: provider.registration_number.clone(),
                contact: provider.contact.clone(),
                terms_uri: provider.terms_uri.clone(),
            },
            permissions: Details::granted(&offer.scope, Vec::new(), offer.limits.as_ref()).permissions,
            from: offer.limits.as_ref().and_then(|l| l.from),
            to: offer.limits.as_ref().and_then(|l| l.to),
            openid: matter.request.openid(),
            accounts: offer.accounts.iter().filter_map(shown).collect(),
            choose: offer.choose,
            days: offer.period.as_secs() / 86_400,
            until: at + offer.period,
            remembered: proofed.remembered.map(|_| proofed.auth_time),
            missing: None,
            problems: Vec::new(),
            reference: None,
            shown: None,
            at,
        }
    }
}

/// What 許可する lacked, and what else is wrong.
fn missing(problems: Vec<Problem>) -> (Option<Missing>, Vec<Problem>) {
    let lacks = |field| problems.iter().any(|p| p.field == Some(field));
    let missing = match (lacks(Field::Account), lacks(Field::Agree)) {
        (true, true) => Some(Missing::Both),
        (true, false) => Some(Missing::Account),
        (false, true) => Some(Missing::Agreement),
        (false, false) => None,
    };
    let rest = problems.into_iter().filter(|p| !matches!(p.field, Some(Field::Account | Field::Agree)));
    (missing, rest.collect())
}

/// The same the other way: how the row keeps what 許可する lacked.
pub(super) fn lacking(missing: Missing) -> Vec<Problem> {
    let account = Problem::at(Field::Account, Message::AccountChoice);
    let agree = Problem::at(Field::Agree, Message::Agree);
    match missing {
        Missing::Account => vec![account],
        Missing::Agreement => vec![agree],
        Missing::Both => vec![account, agree],
    }
}
