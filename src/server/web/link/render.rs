//! Renders one screen from a view: page, text, status and headers.

use super::{HandlerError, ScreenContext};
use crate::client::Client;
use crate::config::Mode;
use crate::identity::{AccountForm, CallState, Ending, Message, Problem, Purpose, Stage, View};
use crate::kana::{Kana, KanaError};
use crate::linking::AtConsent;
use crate::pages::{
    AccountPage, CallPage, CancelledPage, Chrome, Closed, ClosedPage, CustomerPage, ExpiredPage, LockedPage,
    MyCancelledPage, PhonePage, PinPage,
};
use crate::web::page::{self, Leads, retry_later};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// Where the forms of a page lead: R35 to R37 offer 連携元画面へ, which leads to the app.
pub(super) fn leads(problems: &[Problem]) -> Leads {
    if problems.iter().any(|p| p.message.leads_back()) { Leads::ToTheApp } else { Leads::Here }
}

impl ScreenContext<'_> {
    /// The page of the current stage, with the errors of the last form.
    pub(super) async fn page(&self, view: &View, screen: &str) -> Result<HttpResponse, HandlerError> {
        let client = match &view.interaction.purpose {
            Purpose::Link(_) => Some(self.client(view).await?),
            Purpose::My => None,
        };
        let client = client.as_deref();
        let mut answer = match (&view.interaction.stage, view.interaction.at_consent(), client) {
            (_, Some((link, proofed)), Some(client)) => {
                let language = self.language(view);
                let interaction = &view.interaction;
                let at = AtConsent { interaction, link, proofed, client, language };
                self.consent_page(view, at).await?
            }
            (Stage::Done { grant }, _, _) => self.done_page(view, grant).await?,
            (Stage::Links(owner), _, _) => self.own_page(view, owner, screen).await?,
            (Stage::Ended(ending), _, _) => self.end_page(view, client, *ending),
            _ => {
                let again = matches!(view.interaction.stage, Stage::Account { .. }) && self.reconfirms(view).await?;
                self.form_page(view, client, again)
            }
        };
        retry_later(&mut answer);
        Ok(answer)
    }

    /// The frame of a page with forms.
    pub(super) fn frame(&self, view: &View) -> Chrome {
        let test = self.app.config.server.mode == Mode::Test;
        let my = view.interaction.purpose == Purpose::My;
        Chrome { my, ..Chrome::new(self.language(view), &self.path(view), view.step.reveal(), test) }
    }

    /// Whether the app asks a customer of an open link to confirm the identity again.
    async fn reconfirms(&self, view: &View) -> Result<bool, HandlerError> {
        match view.interaction.purpose.link() {
            Some(link) => Ok(self.app.linking.confirms_named(link, self.now).await?),
            None => Ok(false),
        }
    }

    /// ① to ⑤. On ① the app may ask for the checks again.
    fn form_page(&self, view: &View, client: Option<&Client>, reconfirms: bool) -> HttpResponse {
        let (pages, frame, problems) = (&self.app.pages, self.frame(view), self.problems(&view.interaction));
        let leads = leads(&problems);
        let typed = &self.typed;
        let policy = self.app.identity.policy();
        let rendered = match &view.interaction.stage {
            Stage::Account { typed: before } => {
                let filled = typed.account.clone().or_else(|| before.as_ref().map(AccountForm::of)).unwrap_or_default();
                let page = AccountPage {
                    provider: client.map(|c| c.provider_in(frame.language).to_owned()).unwrap_or_default(),
                    typed: (&filled).into(),
                    problems,
                    can_cancel: self.app.config.identity.cancel_on_account,
                    closing: view.closing,
                    reconfirm_by: client.filter(|_| reconfirms).map(|c| c.name_in(frame.language).to_owned()),
                };
                pages.account(&frame, &page)
            }
            Stage::Customer { account } => {
                let filled = typed.customer.clone().unwrap_or_default();
                let bad_character = match Kana::parse(&filled.name_kana) {
                    Err(KanaError::Character(c)) => Some(c),
                    _ => None,
                };
                let page = CustomerPage { account: account.into(), typed: (&filled).into(), problems, bad_character };
                pages.customer(&frame, &page)
            }
            Stage::Phone(matched) => {
                let window = policy.call_window.as_secs();
                pages.phone(&frame, &PhonePage { phone: matched.personal.phone().into(), window, problems })
            }
            Stage::Call { matched, calling } => {
                let (state, seconds_left) =
                    view.call.map_or((CallState::Expired, 0), |call| (call.state, call.seconds_left));
                let page = CallPage {
                    app: client.map(|c| c.name_in(frame.language).to_owned()).unwrap_or_default(),
                    phone: matched.personal.phone().into(),
                    called: (&calling.called).into(),
                    state,
                    early: problems.iter().any(|p| p.message == Message::CallWaiting),
                    problems: problems.into_iter().filter(|p| p.message != Message::CallWaiting).collect(),
                    until: calling.confirm_until,
                    seconds_left,
                    window: policy.confirm_window.as_secs(),
                    status_url: format!("{}/status", self.path(view)),
                };
                pages.call(&frame, &page)
            }
            Stage::Pin { matched, .. } => pages.pin(&frame, &PinPage { account: (&matched.account).into(), problems }),
            // Not forms of the checks: `page` renders these stages.
            Stage::Consent(_) | Stage::Links(_) | Stage::Done { .. } | Stage::Ended(_) => return self.on(view),
        };
        page::html(StatusCode::OK, leads, rendered)
    }

    /// The pages of ended interactions.
    fn end_page(&self, view: &View, client: Option<&Client>, ending: Ending) -> HttpResponse {
        let (pages, frame) = (&self.app.pages, self.frame(view));
        let app = client.map(|c| c.name_in(frame.language).to_owned()).unwrap_or_default();
        let (status, rendered) = match ending {
            Ending::Finished => (StatusCode::OK, pages.my_cancelled(&frame, &MyCancelledPage { finished: true })),
            Ending::Cancelled if client.is_none() => {
                (StatusCode::OK, pages.my_cancelled(&frame, &MyCancelledPage { finished: false }))
            }
            Ending::Cancelled => {
                (StatusCode::OK, pages.cancelled(&frame, &CancelledPage { app, at: self.now, reference: None }))
            }
            Ending::Locked { before, until } => {
                (StatusCode::FORBIDDEN, pages.locked(&frame, &LockedPage { before, until }))
            }
            Ending::Closed { until } => {
                let why = Closed::Hours { reopens: Some(until) };
                (StatusCode::SERVICE_UNAVAILABLE, pages.closed(&frame, &ClosedPage { why, can_return: true }))
            }
            Ending::NoAccount => {
                let page = ClosedPage { why: Closed::NoAccount, can_return: true };
                (StatusCode::FORBIDDEN, pages.closed(&frame, &page))
            }
            Ending::InvalidGrant => {
                let page = ClosedPage { why: Closed::InvalidGrant, can_return: true };
                (StatusCode::FORBIDDEN, pages.closed(&frame, &page))
            }
            Ending::Failed | Ending::Busy | Ending::Off => {
                let why = match ending {
                    Ending::Busy => Closed::Busy,
                    Ending::Off => Closed::Off,
                    _ => Closed::Failed,
                };
                (StatusCode::SERVICE_UNAVAILABLE, pages.closed(&frame, &ClosedPage { why, can_return: true }))
            }
            Ending::Expired(why) => {
                let page = ExpiredPage {
                    why,
                    window: self.app.identity.policy().call_window.as_secs(),
                    can_restart: view.interaction.may_restart(self.app.identity.policy(), self.now),
                    can_return: true,
                };
                (StatusCode::OK, pages.expired(&frame, &page))
            }
        };
        let leads = if client.is_some() { Leads::ToTheApp } else { Leads::Here };
        page::html(status, leads, rendered)
    }
}
