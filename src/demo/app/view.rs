//! What stands on the app's pages.

use super::App;
use super::accounts::Statement;
use super::flow::Failed;
use super::session::{AccountLink, Visitor};
use super::timeline::Event;
use super::trouble::Trouble;
use crate::pages::{
    AppNotice, AppPage, Error, KakeiboPage, Language, LinkedAccount, SampleCustomer, ShownAccount, ShownGrant,
    ShownTransaction, TimelineEntry,
};
use crate::time::jst_date;
use crate::wire::with_query;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The app's name and its provider's: the client record says the same to the customer at the institution.
const NAME: [&str; 2] = ["しんくみアプリwithCRECO", "Shinkumi App with CRECO"];
const PROVIDER: &str = "アイ・ティ・リアライズ株式会社";
/// 認可期間, in days.
const DAYS: i64 = 30;

/// What the customer is told of a failure, and with which status.
pub(super) fn notice(why: &Failed) -> (AppNotice, StatusCode) {
    match why {
        Failed::NotAsked => (AppNotice::NotAsked, StatusCode::BAD_REQUEST),
        // The institution's answer is no error of this page.
        Failed::Trouble(Trouble::Refused(error)) => (refused(error), StatusCode::OK),
        Failed::Trouble(Trouble::Broken(what)) => {
            tracing::warn!(what, "sample app: an answer that must not be believed");
            (AppNotice::Broken, StatusCode::BAD_REQUEST)
        }
        Failed::Trouble(Trouble::Unreachable) => (AppNotice::Unavailable, StatusCode::BAD_GATEWAY),
        Failed::Trouble(Trouble::Internal) => (AppNotice::Failed, StatusCode::INTERNAL_SERVER_ERROR),
    }
}
/// The sentence for a code (docs/apps.md#codes). People never see the code itself.
pub(super) fn refused(code: &str) -> AppNotice {
    match code {
        "access_denied"
        | "account_selection_required"
        | "consent_required"
        | "interaction_required"
        | "login_required" => AppNotice::Refused,
        "temporarily_unavailable" => AppNotice::Unavailable,
        _ => AppNotice::Broken,
    }
}

/// The app's page. `notice` comes before what was to be said once.
pub(super) fn home(app: &App, visitor: &Visitor, notice: Option<AppNotice>) -> Result<String, Error> {
    let now = app.parts.clock.now();
    let (link, flash, events) = app
        .sessions
        .with(visitor.cookie.as_ref(), |s| {
            let events = s.timeline.events(&app.events.received, s.link.as_ref().map(|l| l.ends), now);
            (s.link.clone(), s.flash.take(), events)
        })
        .unwrap_or_default();
    let institution = app.settings.institution(visitor.language);
    let page = AppPage {
        app: NAME[usize::from(visitor.language == Language::En)].to_owned(),
        provider: PROVIDER.to_owned(),
        institution: institution.to_owned(),
        link_action: String::new(),
        sample: SampleCustomer::TARO,
        simulator: app.settings.simulator.clone(),
        my: with_query(&format!("{}/my", app.settings.issuer), [("ui_locales", visitor.language.as_str())]),
        notice: notice.or(flash),
        link: link.map(|link| link_summary(institution, &link, now)),
        events: events.into_iter().map(entry).collect(),
    };
    app.parts.pages.app(visitor.language, &page)
}

fn link_summary(institution: &str, link: &AccountLink, now: DateTime<Utc>) -> ShownGrant {
    let (as_of, statements) = link.snapshot.as_ref().map_or((now, &[][..]), |s| (s.at, &s.statements));
    ShownGrant {
        accounts: statements.iter().map(|s| account(institution, s, as_of)).collect(),
        until: link.ends,
        // By the calendar: 30 on the first day, whatever the hour.
        days_left: (jst_date(link.ends) - jst_date(now)).num_days().max(0),
        days: DAYS,
    }
}

fn account(institution: &str, statement: &Statement, as_of: DateTime<Utc>) -> LinkedAccount {
    let account = &statement.account;
    LinkedAccount {
        institution: institution.to_owned(),
        account: ShownAccount {
            branch: account.branch.clone(),
            account_type: if account.account_type == "savings" { "savings" } else { "ordinary" },
            number: account.account_number.clone(),
        },
        balance: statement.balance,
        as_of,
        transactions: statement
            .transactions
            .iter()
            .map(|t| ShownTransaction { date: t.date, what: t.description.clone(), amount: t.amount })
            .collect(),
    }
}

fn entry(event: Event) -> TimelineEntry {
    TimelineEntry {
        at: event.at,
        event: event.name,
        by: event.by.unwrap_or_default(),
        next: event.planned,
        notified: event.notified,
    }
}

/// The plain client's page: the claims of the id_token, as verified.
pub(super) fn kakeibo(app: &App, visitor: &Visitor, notice: Option<AppNotice>) -> Result<String, Error> {
    let claims = app.sessions.with(visitor.cookie.as_ref(), |s| s.claims.clone()).flatten();
    let fact = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    };
    let page = KakeiboPage {
        ok: notice.is_none() && claims.is_some(),
        notice,
        facts: claims.iter().flatten().map(fact).collect(),
        start: "/kakeibo".to_owned(),
    };
    app.parts.pages.kakeibo(visitor.language, &page)
}
