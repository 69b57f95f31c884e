//! 連携サービスの確認・停止: `/my` (docs/requirements.md#my). ① to ⑤ are the screens of a link; after ⑤ the customer sees
//! every link to their accounts, stops some, and prints what was agreed to. No request and no app belongs to it, so no
//! path leads from here to an authorization code.

use super::begin::answer;
use super::{HandlerError, ScreenContext, show_screen, take_form};
use crate::clock::Instant;
use crate::consent::Permission;
use crate::id::GrantId;
use crate::identity::{BrowserNetwork, Owner, Purpose, PurposeKind, Stage, StartRequest, Stopped, View, ViewResult};
use crate::my::{self, OwnGrant, StopRequest};
use crate::pages::{
    Chrome, Language, MaskedAccount, MyEndedPage, MyLinksPage, MyReceiptPage, ShownChange, ShownGrant, SomeClient,
    StopOutcome, TimeLeft,
};
use crate::store::{Result as StoreResult, Tx};
use crate::web::error::{ApiError, log_failure};
use crate::web::page::{self, Leads};
use crate::web::{Shared, cookie, extract, paths};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use std::time::Duration;

/// How long before its end a link is marked.
const SOON: Duration = Duration::from_hours(7 * 24);
const DAY: u64 = 86_400;

/// `GET /my`: a new interaction, whatever the browser has open.
pub async fn start(req: HttpRequest, app: Shared) -> HttpResponse {
    let now = app.now();
    // A picture or a frame on somebody's page opens nothing (Fetch Metadata §2.1).
    if req.headers().get("Sec-Fetch-Dest").is_some_and(|dest| dest != "document") {
        return HttpResponse::Forbidden().insert_header((CACHE_CONTROL, "no-store")).finish();
    }
    // Nobody comes with a language from an app: it is that of the link, then the one this browser used last.
    let language = page::used(&req, &app);
    let frame = Chrome { my: true, ..page::frame(&app, language) };
    let start = StartRequest {
        purpose: Purpose::My,
        unpushed: None,
        cookies: cookie::interactions(&req, &app),
        network: BrowserNetwork::of(extract::caller(&req, &app)),
        language: Some(language),
        // What a browser remembers of earlier checks never opens this page.
        recalled: None,
    };
    match app.identity.open(start, now).await {
        Ok(result) => answer(&app, &frame, result, now),
        Err(cause) => {
            log_failure(&cause);
            page::failed(&app, language)
        }
    }
}

/// `GET /my/{interaction}/{screen}`
pub async fn get(req: HttpRequest, app: Shared, at: web::Path<(String, String)>) -> HttpResponse {
    show_screen(&req, &app, PurposeKind::My, at.into_inner()).await
}

/// `POST /my/{interaction}/{screen}`
pub async fn post(req: HttpRequest, app: Shared, at: web::Path<(String, String)>, body: web::Bytes) -> HttpResponse {
    take_form(&req, &app, PurposeKind::My, at.into_inner(), &body).await
}

/// `GET /my/{interaction}/call/status`
pub async fn status(req: HttpRequest, app: Shared, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    super::status::of(&req, &app, PurposeKind::My, &id).await
}

/// `GET /my/{interaction}/receipt/{grant}`
pub async fn receipt(req: HttpRequest, app: Shared, at: web::Path<(String, String)>) -> HttpResponse {
    let (id, grant) = at.into_inner();
    let shown = async {
        let context = ScreenContext::new(&req, &app, PurposeKind::My, &id)?;
        let view = context.view(context.asked_language()).await?;
        let mut answer = match (&view.interaction.stage, GrantId::parse(&grant)) {
            (Stage::Links(owner), Some(grant)) => context.receipt_page(&view, owner, grant).await?,
            _ => context.on(&view),
        };
        context.bind(&mut answer, &view);
        Ok(answer)
    };
    match shown.await {
        Ok(answer) => answer,
        Err(stop) => ScreenContext::stopped(&req, &app, (PurposeKind::My, &id), stop).await,
    }
}

/// Whether a screen stands beside the one of the stage: the ended links beside the links.
pub(super) fn has_screen(view: &View, screen: &str) -> bool {
    matches!(view.interaction.stage, Stage::Links(_)) && screen == "ended"
}

impl ScreenContext<'_> {
    /// What is done in the store for the owner of the page.
    async fn of_owner<T: Send + 'static>(
        &self,
        owner: &Owner,
        work: impl Fn(&mut Tx<'_, '_>, &crate::identity::FieldCrypto, &Owner, Instant) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let (crypto, owner, now) = (self.app.identity.crypto().clone(), owner.clone(), self.now);
        self.app.store.read(move |tx| work(tx, &crypto, &owner, now)).await
    }
    fn own_frame(&self, view: &View, path: String) -> Chrome {
        Chrome { path, form_path: self.path(view), ..self.frame(view) }
    }
    fn time_left(&self, view: &View) -> TimeLeft {
        let (i, policy) = (&view.interaction, self.app.identity.policy());
        TimeLeft::at(self.now, i.idle_until(policy), i.ends_at(policy))
    }
    /// A page of the owner: it is loaded again when its time is over, and then shows nothing of the customer.
    fn own_answer(rendered: Result<String, crate::pages::Error>, time: TimeLeft) -> HttpResponse {
        let mut answer = page::html(StatusCode::OK, Leads::Here, rendered);
        answer.headers_mut().insert(HeaderName::from_static("refresh"), HeaderValue::from(time.first()));
        answer
    }

    /// The links, or the ended ones.
    pub(super) async fn own_page(
        &self,
        view: &View,
        owner: &Owner,
        screen: &str,
    ) -> Result<HttpResponse, HandlerError> {
        let (base, language, time) = (paths::screens(&view.interaction), self.language(view), self.time_left(view));
        let (links_url, ended_url) = (self.path(view), format!("{base}/ended"));
        let receipt_url = format!("{base}/receipt");
        let shown = |links: Vec<OwnGrant>| links.into_iter().map(|link| self.shown_link(link, language)).collect();
        if screen == "ended" {
            let links = shown(self.of_owner(owner, my::ended).await?);
            let page = MyEndedPage { links, time, links_url, receipt_url };
            return Ok(Self::own_answer(self.app.pages.my_ended(&self.own_frame(view, ended_url), &page), time));
        }
        let links = shown(self.of_owner(owner, my::open).await?);
        let done = match owner.done.clone() {
            Some(Stopped::All(n)) => Some(StopOutcome::All { n }),
            Some(Stopped::One(id)) => {
                let app = self.app_of(owner, id.clone(), language).await?;
                app.map(|app| StopOutcome::One { app, id: id.to_string() })
            }
            Some(Stopped::Account(id)) => {
                self.app_of(owner, id, language).await?.map(|app| StopOutcome::Account { app })
            }
            Some(Stopped::Notices(id)) => {
                self.app_of(owner, id, language).await?.map(|app| StopOutcome::Notices { app })
            }
            Some(Stopped::Before(id)) => self.app_of(owner, id, language).await?.map(|app| StopOutcome::Before { app }),
            None => None,
        };
        let page = MyLinksPage { links, last_visit: owner.last_visit, done, time, ended_url, receipt_url };
        Ok(Self::own_answer(self.app.pages.my_links(&self.own_frame(view, links_url), &page), time))
    }
    async fn app_of(&self, owner: &Owner, id: GrantId, language: Language) -> StoreResult<Option<String>> {
        let link = self.of_owner(owner, move |tx, crypto, owner, now| my::one(tx, crypto, owner, &id, now)).await?;
        Ok(link.map(|link| self.shown_link(link, language).client.name))
    }

    /// What was agreed to. A link that is not the owner's leads back to their own.
    async fn receipt_page(&self, view: &View, owner: &Owner, id: GrantId) -> Result<HttpResponse, HandlerError> {
        let path = format!("{}/receipt/{id}", paths::screens(&view.interaction));
        let found = self.of_owner(owner, move |tx, crypto, owner, now| {
            let Some(link) = my::one(tx, crypto, owner, &id, now)? else { return Ok(None) };
            let agreed = my::agreed(tx, crypto, &link)?;
            Ok(Some((link, agreed)))
        });
        let Some((link, agreed)) = found.await? else { return Ok(self.on(view)) };
        let (ended, time) = (!link.state.is_open(), self.time_left(view));
        let link = self.shown_link(link, self.language(view));
        let own_page = format!("{}{}", self.app.issuer(), paths::MY);
        let pages = &self.app.pages;
        let rendered = agreed.map(|words| pages.agreed(words)).transpose().and_then(|agreed| {
            let page = MyReceiptPage { link, agreed, ended, time, own_page, links_url: self.path(view), at: self.now };
            pages.my_receipt(&self.own_frame(view, path), &page)
        });
        Ok(Self::own_answer(rendered, time))
    }

    /// 停止を確定する: nothing is asked of the core bank, so its closure does not prevent it.
    pub(super) async fn stop(&self, step: &str, what: StopRequest) -> Result<HttpResponse, HandlerError> {
        let (identity, visitor, step, now) =
            (self.app.identity.clone(), self.visitor.clone(), step.to_owned(), self.now);
        let work = move |tx: &mut Tx<'_, '_>| my::stop(&identity, tx, &visitor, &step, &what, now);
        match self.app.store.ending().write(work).await? {
            ViewResult::Foreign => Err(HandlerError::Foreign),
            ViewResult::Here(view) => Ok(self.on(&view)),
        }
    }

    fn shown_link(&self, link: OwnGrant, language: Language) -> ShownGrant {
        let OwnGrant {
            grant,
            client,
            accounts,
            verified_first,
            other_accounts,
            last_use,
            notice_address,
            terms,
            history,
            ..
        } = link;
        let left = grant.expires_at.since(self.now);
        let days = grant.expires_at.since(grant.created_at.floor_second()).as_secs() / DAY;
        let in_order = [Permission::Balances, Permission::Transactions];
        ShownGrant {
            id: grant.id.to_string(),
            client: client.as_ref().map_or_else(
                || SomeClient { name: grant.client.to_string(), ..SomeClient::default() },
                |client| SomeClient::of(client, language),
            ),
            permissions: in_order.into_iter().filter(|p| grant.details.permissions.contains(p)).collect(),
            openid: grant.scope.has("openid"),
            from: grant.details.from,
            to: grant.details.to,
            accounts: accounts.iter().map(|(id, account)| MaskedAccount::of(id, account)).collect(),
            verified_first,
            other_accounts,
            since: grant.created_at,
            days,
            until: grant.expires_at,
            days_left: left.as_secs().div_ceil(DAY),
            soon: left <= SOON,
            last_use,
            notice_address,
            reference: grant.reference,
            terms,
            history: history.iter().map(|c| ShownChange { at: c.at, kind: c.kind, by: c.by }).collect(),
        }
    }
}
