//! ⑥: the page (R70–R72) and its buttons 許可する and 拒否する. `linking` does the work.

use super::form::{self, Action};
use super::{HandlerError, ScreenContext};
use crate::client::Client;
use crate::consent::{ChangeAction, ConsentChoice, ConsentWords, Details, Missing, Permission};
use crate::id::AccountId;
use crate::identity::{Field, Problem, Proofed, View, ViewResult, reference};
use crate::linking::{self, Approval, Approved, AtConsent, Denial, Offered, OtherLinks, PageFailed, SubmittedPage};
use crate::notice_address;
use crate::pages::{Chrome, ConsentPage, EndingLink, ExistingLink, Language, NoticesBox, OfferedAccount, SomeClient};
use crate::secret::{Hash, Secret};
use crate::web::page::{self, Leads};
use crate::web::typed::{Ticked, Typed};
use crate::web::{cookie, error};
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use std::time::Duration;

impl ScreenContext<'_> {
    /// The page; or the end of the interaction if nothing of the request can be shared.
    pub(super) async fn consent_page(&self, view: &View, at: AtConsent<'_>) -> Result<HttpResponse, HandlerError> {
        let offered = self.app.linking.offer(at, self.now).await;
        let offered = offered.map_err(|cause| self.failed(cause, view))?;
        if let Some(ending) = offered.nothing() {
            let ended = self.app.linking.nothing_to_offer(&self.visitor, ending, self.now).await;
            return self.show(ended.map_err(|cause| self.failed(cause, view))?);
        }
        let mut page = self.consent_context(at, &offered);
        page.notices.wanted = view.interaction.errors.notices;
        if let Some(chosen) = &view.interaction.errors.chosen {
            page.accounts.iter_mut().enumerate().for_each(|(place, line)| line.chosen = chosen.contains(&place));
        }
        if let Some(ticked) = &self.typed.ticked {
            page.notices.wanted = ticked.notices;
            page.agreed = self.agreement(view, at, &offered).is_some_and(|words| ticked.agrees_to(&words));
            let chosen = ticked.chosen(&offered.offer.accounts).unwrap_or_default();
            page.accounts.iter_mut().zip(chosen).for_each(|(line, chosen)| line.chosen = chosen);
        }
        let (missing, problems) = missing(self.problems(&view.interaction));
        let page = ConsentPage { missing, problems, ..page };
        let rendered = self.app.pages.shown_consent(&self.frame(view), &page);
        let rendered = rendered.map(|shown| shown.html(&self.app.linking.digest(at, &offered, shown.words())));
        Ok(page::html(StatusCode::OK, Leads::ToTheApp, rendered))
    }

    /// 許可する. A second submit waits for the result of the first.
    pub(super) async fn allow(
        &self,
        step: &str,
        choice: &ConsentChoice,
        page: Option<&SubmittedPage>,
    ) -> Result<HttpResponse, HandlerError> {
        let turn = self.app.identity.turn_of(&self.visitor).await;
        let view = self.view(None).await?;
        let Some((link, proofed)) = view.interaction.at_consent() else { return Ok(self.on(&view)) };
        if turn.is_none() {
            return Ok(self.on(&view));
        }
        let (client, language) = (self.client(&view).await?, self.language(&view));
        let at = AtConsent { interaction: &view.interaction, link, proofed, client: &client, language };
        let form = Approval { visitor: &self.visitor, step, choice, page, remote: self.remote() };
        let approved = self.app.linking.approve(at, form, |offered| self.words(&view, at, offered), self.now).await;
        match approved.map_err(|cause| self.failed(cause, &view))? {
            Approved::Screen(ViewResult::Here(view)) => Ok(self.shown_after_error(&view, choice).await),
            Approved::Screen(seen) => self.show(seen),
            Approved::Linked { answer, proofing_cookie: proofing } => {
                let mut answer = page::answer(self.app, language, client.name_in(language), Ok(answer));
                if let Some((value, lasting)) = proofing {
                    cookie::remember(&mut answer, self.app, &value, lasting);
                }
                if !self.typed.is_empty() {
                    cookie::set_typed(&mut answer, self.app, "", Duration::ZERO);
                }
                Ok(answer)
            }
        }
    }

    /// 拒否する
    pub(super) async fn deny(&self, step: &str, page: Option<&SubmittedPage>) -> Result<HttpResponse, HandlerError> {
        let view = self.view(None).await?;
        let Some((link, proofed)) = view.interaction.at_consent() else { return Ok(self.on(&view)) };
        let (client, language) = (self.client(&view).await?, self.language(&view));
        let at = AtConsent { interaction: &view.interaction, link, proofed, client: &client, language };
        let form = Denial { visitor: &self.visitor, step, page, remote: self.remote() };
        let denied = self.app.linking.deny(at, form, |offered| self.words(&view, at, offered), self.now).await;
        self.show(denied.map_err(|cause| self.failed(cause, &view))?)
    }

    /// ⑥ again after an error, with what was ticked; or another screen.
    async fn shown_after_error(&self, view: &View, choice: &ConsentChoice) -> HttpResponse {
        let mut answer = self.on(view);
        if !view.accepted {
            return answer;
        }
        let Ok(client) = self.client(view).await else { return answer };
        let Some(at) = self.at_consent(view, &client) else { return answer };
        if let Ok(offered) = self.app.linking.offer(at, self.now).await {
            // Where the agreement is what is missing, it is asked for again: the sentences may be new ones.
            let agrees = !view.interaction.errors.problems.iter().any(|p| p.field == Some(Field::Agree));
            let ticked = self.typed_of(view, at, &offered, (choice, agrees));
            self.typed.bring(ticked, &mut answer, self.app, &view.interaction, self.now);
        }
        answer
    }

    /// The interaction at ⑥; `None` if it is at another screen.
    fn at_consent<'v>(&self, view: &'v View, client: &'v Client) -> Option<AtConsent<'v>> {
        let (link, proofed) = view.interaction.at_consent()?;
        Some(AtConsent { interaction: &view.interaction, link, proofed, client, language: self.language(view) })
    }
    /// What is ticked on a page of ⑥ that goes to its other language. 同意 stays only if this is still what the server shows.
    pub(super) async fn ticked(&self, choice: &ConsentChoice, page: Option<&SubmittedPage>) -> Option<Typed> {
        let view = self.view(None).await.ok()?;
        let client = self.client(&view).await.ok()?;
        let at = self.at_consent(&view, &client)?;
        let words = |offered: &Offered| self.words(&view, at, offered);
        let (offered, same) = self.app.linking.offer_submitted(at, page, words, self.now).await.ok()?;
        Some(self.typed_of(&view, at, &offered, (choice, same)))
    }
    /// The same of a form that could not be handled.
    pub(super) async fn ticked_in(&self, screen: &str, body: &[u8]) -> Option<Typed> {
        match form::parse(self.visitor.kind, screen, body)?.action {
            Action::Allow(choice, page) => self.ticked(&choice, page.as_ref()).await,
            _ => None,
        }
    }
    fn typed_of(
        &self,
        view: &View,
        at: AtConsent<'_>,
        offered: &Offered,
        (choice, agrees): (&ConsentChoice, bool),
    ) -> Typed {
        let words = self.agreement(view, at, offered).filter(|_| agrees && choice.agree);
        let ticked = Ticked::new(words.as_ref(), choice.notices, &offered.offer.accounts, &choice.accounts);
        Typed { ticked: Some(ticked), ..Typed::default() }
    }
    /// The digest of what 同意 belongs to, in whatever language it was ticked: the Japanese sentences, which apply, and the
    /// edition of the terms.
    fn agreement(&self, view: &View, at: AtConsent<'_>, offered: &Offered) -> Option<Hash> {
        let at = AtConsent { language: Language::Ja, ..at };
        let frame = Chrome { language: Language::Ja, ..self.frame(view) };
        let shown = self.app.pages.shown_consent(&frame, &self.consent_context(at, offered)).ok()?;
        let terms = &offered.offer.terms;
        Some(Hash::of(format!("{}\n{}\n{}", shown.words().hash().base64url(), terms.version, terms.hash.base64url())))
    }

    /// The words of the page. The errors that may stand on it are no part of them.
    fn words(&self, view: &View, at: AtConsent<'_>, offered: &Offered) -> Result<ConsentWords, PageFailed> {
        let shown = self.app.pages.shown_consent(&self.frame(view), &self.consent_context(at, offered));
        Ok(shown.map_err(|cause| PageFailed(cause.to_string()))?.words().clone())
    }

    /// The content of the page for an offer.
    fn consent_context(&self, at: AtConsent<'_>, offered: &Offered) -> ConsentPage {
        let reference = reference(&self.app.sealer, &at.interaction.id);
        ConsentPage {
            reference: Some(reference),
            ..consent_context(at, offered, self.app.config.mail.address_retention())
        }
    }

    /// The network address and the user agent, for the record of a consent.
    fn remote(&self) -> Secret {
        let agent = self.req.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let agent: String = agent.chars().take(300).collect();
        let address = self.address.map(|ip| ip.to_string()).unwrap_or_default();
        Secret::new(format!("{address} {agent}"))
    }

    /// The response to a failed use case.
    pub(super) fn failed(&self, cause: linking::Error, view: &View) -> HandlerError {
        match cause {
            linking::Error::Store(cause) => HandlerError::Store(cause),
            other => {
                error::log_failure(&other);
                HandlerError::Answer(Box::new(page::failed(self.app, self.language(view))))
            }
        }
    }

    /// 303 to the current screen.
    pub(super) fn show(&self, seen: ViewResult) -> Result<HttpResponse, HandlerError> {
        match seen {
            ViewResult::Foreign => Err(HandlerError::Foreign),
            ViewResult::Here(view) => Ok(self.on(&view)),
        }
    }
}

/// The content of the page for an offer, without 受付番号.
fn consent_context(at: AtConsent<'_>, offered: &Offered, retention: Duration) -> ConsentPage {
    let AtConsent { proofed, client, language, .. } = at;
    let offer = &offered.offer;
    let shown = |id: &AccountId| {
        let (_, account) = proofed.accounts.iter().find(|(known, _)| known == id)?;
        Some(OfferedAccount { id: id.to_string(), account: account.into(), chosen: *id == offer.verified })
    };
    ConsentPage {
        client: SomeClient::of(client, language),
        permissions: Details::granted(&offer.scope, Vec::new(), offer.limits.as_ref()).permissions,
        from: offer.limits.as_ref().and_then(|l| l.from),
        to: offer.limits.as_ref().and_then(|l| l.to),
        openid: offered.request.openid(),
        existing: existing(proofed, offered),
        ends: match &offered.links {
            OtherLinks::Additional(Some(grant)) => {
                Some(EndingLink { since: grant.created_at, reference: grant.reference.clone() })
            }
            _ => None,
        },
        reconfirm: offered.reconfirm,
        notices: NoticesBox {
            masked: notice_address::masked(proofed.personal.email.as_str()),
            days: retention.as_secs().div_ceil(86_400),
            wanted: false,
        },
        agreed: false,
        accounts: offer.accounts.iter().filter_map(shown).collect(),
        choose: offer.choose,
        days: offer.period.as_secs() / 86_400,
        until: offer.page.until,
        remembered: proofed.remembered.map(|_| proofed.auth_time),
        missing: None,
        problems: Vec::new(),
        reference: None,
        at: offer.page.at,
    }
}

/// The link that the request changes.
fn existing(proofed: &Proofed, offered: &Offered) -> Option<ExistingLink> {
    let (OtherLinks::Changes(action, _), Some(link)) = (&offered.links, &offered.offer.existing) else { return None };
    let own = &link.details;
    let accounts = proofed.accounts.iter().filter(|(id, _)| own.accounts.contains(id));
    let replaced = *action == ChangeAction::Replace;
    let limits = offered.offer.limits.as_ref();
    let asked = Details::granted(&offered.offer.scope, offered.offer.accounts.clone(), limits);
    let page = offered.offer.page;
    let (_, whole) = action.agreed((&link.scope, own), (&offered.offer.scope, &asked), (page.at, page.until));
    let ends = |p: &&Permission| replaced && !asked.permissions.contains(p);
    Some(ExistingLink {
        replaced,
        permissions: own.permissions.clone(),
        from: own.from,
        to: own.to,
        accounts: accounts.map(|(_, account)| account.into()).collect(),
        ending: own.permissions.iter().filter(ends).copied().collect(),
        whole: whole.permissions,
        whole_from: whole.from,
        whole_to: whole.to,
    })
}

/// What was missing for 許可する, and the other problems.
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
