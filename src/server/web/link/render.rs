//! Renders one screen from a view: page, text, status and headers.

use super::{HandlerError, ScreenContext};
use crate::account::Account;
use crate::client::Client;
use crate::config::Mode;
use crate::identity::{
    ASKS_AFTER, AccountForm, CallState, CallView, Declared, Ending, Message, Problem, Purpose, Stage, View, WrongDate,
    fitting, names_era, western_year,
};
use crate::kana::{Kana, KanaError, is_kanji};
use crate::linking::AtConsent;
use crate::pages::{
    AccountPage, CallPage, Chrome, Closed, ClosedPage, CustomerPage, ExpiredPage, LockedPage, MyCancelledPage,
    PhonePage, PinPage, TimeLeft,
};
use crate::phone::Phone;
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
            (Stage::Ended(Ending::Denied { account }), _, Some(client)) => {
                self.denied_page(view, client, *account).await?
            }
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
        let (i, policy) = (&view.interaction, self.app.identity.policy());
        let time = i.live().then(|| TimeLeft::at(self.now, i.idle_until(policy), i.ends_at(policy)));
        let may_restart = i.live() && i.may_restart(policy, self.now);
        Chrome { my, time, may_restart, ..Chrome::new(self.language(view), &self.path(view), view.step.reveal(), test) }
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
        let (pages, problems) = (&self.app.pages, self.problems(&view.interaction));
        let frame = self.frame(view);
        let app = client.map(|c| c.name_in(frame.language).to_owned()).unwrap_or_default();
        let frame = Chrome { app, ..frame };
        let leads = leads(&problems);
        let typed = &self.typed;
        let policy = self.app.identity.policy();
        let rendered = match &view.interaction.stage {
            Stage::Account { typed: before } => {
                let filled = typed.account.clone().or_else(|| before.as_ref().map(AccountForm::of)).unwrap_or_default();
                let problems = match &typed.account {
                    Some(form) => fitting(problems, &form.parse().err().unwrap_or_default()),
                    None => problems,
                };
                let page = AccountPage {
                    provider: client.map(|c| c.provider_in(frame.language).to_owned()).unwrap_or_default(),
                    typed: (&filled).into(),
                    problems,
                    can_cancel: self.app.config.identity.cancel_on_account,
                    closing: view.closing,
                    minutes: policy.absolute.as_secs() / 60,
                    reconfirm_by: client.filter(|_| reconfirms).map(|c| c.name_in(frame.language).to_owned()),
                };
                pages.account(&frame, &page)
            }
            Stage::Customer { account } => {
                let problems = match &typed.customer {
                    Some(form) => fitting(problems, &form.problems(self.visitor.kind, self.now)),
                    None => problems,
                };
                pages.customer(&frame, &self.customer_page(account, problems))
            }
            Stage::Phone(matched) => {
                let window = policy.call_window.as_secs();
                let name = match &matched.personal {
                    Declared::Link(personal) => Some(personal.name.as_str().to_owned()),
                    Declared::My { .. } => None,
                };
                pages.phone(&frame, &PhonePage { name, phone: matched.personal.phone().into(), window, problems })
            }
            Stage::Call { matched, calling } => {
                let gone = CallView { state: CallState::Expired, seconds_left: 0, confirm_left: 0, asks: false };
                let seen = view.call.unwrap_or(gone);
                let longer = calling.confirm_until > calling.call_until;
                let page = CallPage {
                    app: frame.app.clone(),
                    phone: matched.personal.phone().into(),
                    called: (&calling.called).into(),
                    state: seen.state,
                    asks: seen.asks,
                    asks_after: ASKS_AFTER.as_secs(),
                    attempt: calling.attempt,
                    more: policy.call_attempts.saturating_sub(calling.attempt),
                    early: problems.iter().any(|p| p.message == Message::CallWaiting),
                    problems: problems.into_iter().filter(|p| p.message != Message::CallWaiting).collect(),
                    until: calling.call_until,
                    confirm_until: longer.then_some(calling.confirm_until),
                    seconds_left: seen.seconds_left,
                    confirm_left: seen.confirm_left,
                    window: policy.call_window.as_secs(),
                    status_url: format!("{}/status", self.path(view)),
                };
                pages.call(&frame, &page)
            }
            Stage::Pin { matched, .. } => {
                let warned = problems.iter().any(|p| view.last_try == Some(p.message));
                let last_try = view.last_try.filter(|_| !warned);
                pages.pin(&frame, &PinPage { account: (&matched.account).into(), problems, last_try })
            }
            // Not forms of the checks: `page` renders these stages.
            Stage::Consent(_) | Stage::Links(_) | Stage::Done { .. } | Stage::Ended(_) => return self.on(view),
        };
        page::html(StatusCode::OK, leads, rendered)
    }

    /// ② with what was typed, and what exactly is wrong with it.
    fn customer_page(&self, account: &Account, problems: Vec<Problem>) -> CustomerPage {
        let form = self.typed.customer.clone().unwrap_or_default();
        let says = |message| problems.iter().any(|p| p.message == message);
        let refused = match Kana::parse(&form.name_kana) {
            Err(KanaError::Characters(all)) => all,
            _ => Vec::new(),
        };
        let (bad_kanji, bad_characters) = refused.into_iter().partition(|c| is_kanji(*c));
        let date = [&form.birth_year, &form.birth_month, &form.birth_day].map(String::as_str);
        CustomerPage {
            account: account.into(),
            typed: (&form).into(),
            bad_kanji,
            bad_characters,
            era_year: names_era(&form.birth_year),
            western_year: western_year(&form.birth_year),
            wrong_date: says(Message::BirthDate).then(|| WrongDate::of(date, self.now)).flatten(),
            wrong_phone: says(Message::Phone).then(|| Phone::wrong(&form.phone)).flatten(),
            problems,
        }
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
            Ending::Cancelled | Ending::Denied { .. } => {
                (StatusCode::OK, pages.cancelled(&frame, &self.cancelled(view, app, None)))
            }
            Ending::Locked { before, until } => {
                (StatusCode::FORBIDDEN, pages.locked(&frame, &LockedPage { before, until }))
            }
            Ending::Closed { .. } => return self.closed_page(view, client),
            Ending::Off if view.reopened => return self.closed_page(view, client),
            Ending::NoAccount => {
                let page = ClosedPage { why: Closed::NoAccount, can_return: true };
                (StatusCode::FORBIDDEN, pages.closed(&frame, &page))
            }
            Ending::InvalidGrant => {
                let page = ClosedPage { why: Closed::InvalidGrant, can_return: true };
                (StatusCode::FORBIDDEN, pages.closed(&frame, &page))
            }
            Ending::NoDays => {
                let page = ClosedPage { why: Closed::NoDays, can_return: true };
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
                let (i, policy) = (&view.interaction, self.app.identity.policy());
                let idle = i.ended_idle(policy);
                let page = ExpiredPage {
                    why,
                    window: policy.call_window.as_secs(),
                    idle,
                    minutes: if idle { policy.idle } else { i.longest(policy) }.as_secs() / 60,
                    can_restart: i.may_restart(policy, self.now),
                    can_return: true,
                    gone: None,
                };
                (StatusCode::OK, pages.expired(&frame, &page))
            }
        };
        let leads = if client.is_some() { Leads::ToTheApp } else { Leads::Here };
        page::html(status, leads, rendered)
    }
}
