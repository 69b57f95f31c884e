//! Samples of every page, rendered by the tests in both languages and for the eye. People, numbers and names are invented.

use super::contexts::*;
use super::{Document, Error, Language, Pages};
use crate::time::{from_secs, jst_date};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

const APP: &str = "しんくみアプリwithCRECO";
const PROVIDER: &str = "アイ・ティ・リアライズ株式会社";

/// A page with one of its samples.
pub struct Sample {
    /// The page's name, as its template's.
    pub page: &'static str,
    /// What is particular about this one.
    pub case: &'static str,
    /// Renders it.
    pub render: Box<dyn Fn(&Pages, Language) -> Result<String, Error>>,
}

/// 2026-11-22 10:15:00 JST, a Sunday, and so many seconds more.
fn after(seconds: i64) -> DateTime<Utc> {
    from_secs(1_795_310_100) + TimeDelta::seconds(seconds)
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Sample> {
    let of_app = |case, page: AppPage| Sample {
        page: "app",
        case,
        render: Box::new(move |pages, language| pages.app(language, &page)),
    };
    let of_simulator = |case, page: SimulatorPage| Sample {
        page: "simulator",
        case,
        render: Box::new(move |pages, language| pages.simulator(language, &page)),
    };
    let of_kakeibo = |case, page: KakeiboPage| Sample {
        page: "kakeibo",
        case,
        render: Box::new(move |pages, language| pages.kakeibo(language, &page)),
    };
    let document = |document: Document| Sample {
        page: "document",
        case: document.name(),
        render: Box::new(move |pages, language| pages.document(language, document)),
    };
    let nothing = KakeiboPage { ok: false, notice: None, facts: vec![], start: "/kakeibo".into() };
    let mut all = vec![
        of_app("new", AppPage { events: vec![], ..app(None, None) }),
        of_app("linked", app(Some(AppNotice::Linked), Some(shown_link()))),
        of_app("refreshed", app(Some(AppNotice::Refreshed), Some(shown_link()))),
        of_app("revoked", app(Some(AppNotice::Revoked), None)),
        of_app("ended", app(Some(AppNotice::Ended), None)),
        of_app("refused", app(Some(AppNotice::Refused), None)),
        of_app("expired", app(Some(AppNotice::Expired), None)),
        of_app("unavailable", app(Some(AppNotice::Unavailable), None)),
        of_app("broken", app(Some(AppNotice::Broken), None)),
        of_app("not asked", app(Some(AppNotice::NotAsked), None)),
        of_app("failed", app(Some(AppNotice::Failed), Some(ShownGrant { accounts: vec![], ..shown_link() }))),
        of_simulator("new", simulator()),
        of_simulator("used", SimulatorPage { calls: calls(), mails: mails(), reports: reports(), ..simulator() }),
        of_simulator("refused", SimulatorPage { to: "12".into(), refused: true, ..simulator() }),
        of_kakeibo(
            "ok",
            KakeiboPage {
                ok: true,
                facts: vec![("sub".into(), "5f0c…".into()), ("scope".into(), "accounts openid".into())],
                ..nothing.clone()
            },
        ),
        of_kakeibo("refused", KakeiboPage { notice: Some(AppNotice::Refused), ..nothing.clone() }),
        of_kakeibo("new", nothing),
    ];
    all.extend(Document::ALL.map(document));
    all
}

fn app(notice: Option<AppNotice>, link: Option<ShownGrant>) -> AppPage {
    let event = |seconds, event: &str, next| TimelineEntry {
        at: after(seconds),
        event: event.into(),
        by: String::new(),
        next,
        notified: event == "grant.created",
    };
    let revoked = TimelineEntry { by: "institution".into(), notified: true, ..event(83, "grant.revoked", false) };
    AppPage {
        app: APP.into(),
        provider: PROVIDER.into(),
        institution: "みなと信用組合".into(),
        link_action: "/link".into(),
        my: "http://localhost:8080/my?ui_locales=ja".into(),
        sample: SampleCustomer::TARO,
        simulator: "http://localhost:8083".into(),
        notice,
        link,
        events: vec![
            event(80, "consent.granted", false),
            event(80, "grant.created", false),
            event(81, "token.issued", false),
            event(82, "grant.something_new", false),
            event(82, "app.unavailable", false),
            revoked,
            event(23 * 86_400, "grant.expiring", true),
            event(29 * 86_400, "grant.expiring", true),
            event(30 * 86_400, "grant.expired", true),
        ],
    }
}
fn shown_link() -> ShownGrant {
    let day = |ago: u64| jst_date(after(0)).checked_sub_days(Days::new(ago)).unwrap_or(NaiveDate::MIN);
    let line = |ago, what: &str, amount| ShownTransaction { date: day(ago), what: what.into(), amount };
    ShownGrant {
        accounts: vec![LinkedAccount {
            institution: "みなと信用組合".into(),
            account: ShownAccount { branch: "115".into(), account_type: "ordinary", number: "1100026".into() },
            balance: 1_284_530,
            as_of: after(90),
            transactions: vec![
                line(2, "電気料金", -8_214),
                line(4, "給与　ｶ)ﾐﾅﾄｼﾖｳｼﾞ", 268_400),
                line(5, "ATM 出金", -30_000),
                line(9, "カード利用代金", -41_876),
                line(13, "携帯電話料金", -5_390),
                line(19, "振込　ﾔﾏﾀﾞ ﾊﾅｺ", 12_000),
                line(22, "水道料金", -4_102),
                line(31, "給与　ｶ)ﾐﾅﾄｼﾖｳｼﾞ", 268_400),
            ],
        }],
        until: after(30 * 86_400),
        days_left: 29,
        days: 30,
    }
}
fn simulator() -> SimulatorPage {
    SimulatorPage {
        from: "09012343333".into(),
        to: String::new(),
        numbers: vec!["08001110001".into(), "08001110002".into()],
        sample: "09012343333".into(),
        calls: vec![],
        mails: vec![],
        refused: false,
        accounts: vec!["115-ordinary-1100026".into(), "115-savings-2200011".into()],
        changes: vec!["transferred", "closed", "deceased", "stopped"],
        reports: vec![],
        now: after(0),
    }
}
fn reports() -> Vec<ShownReport> {
    let report =
        |change, delivered| ShownReport { at: after(0), change, account: "115-ordinary-1100026".into(), delivered };
    vec![report("stopped", false), report("transferred", true)]
}
fn calls() -> Vec<PlacedCall> {
    let call = |from: Option<&str>, delivered| PlacedCall {
        at: after(0),
        from: from.map(str::to_owned),
        to: "08001110001".into(),
        delivered,
    };
    vec![call(Some("09012343333"), true), call(None, true), call(Some("0438201122"), false)]
}
fn mails() -> Vec<ReceivedMail> {
    vec![ReceivedMail {
        to: "taro@mail.example".into(),
        from: "no-reply@notice.minato.example".into(),
        subject: "【みなと信用組合】API連携認証 完了のお知らせ（受付番号 ABCD-1234）".into(),
        at: after(0),
        text: "お客さま\nいつもみなと信用組合をご利用いただき、ありがとうございます。".into(),
    }]
}
