//! Samples of the demonstration's pages.

use super::{APP, MONTH, NOW, PROVIDER, some_account};
use crate::pages::sample::*;
use chrono::{Days, NaiveDate};
use std::time::Duration;

pub(super) fn app(notice: Option<AppNotice>, link: Option<ShownLink>) -> AppPage {
    let event = |after: u64, event: &str, next| TimelineEntry {
        at: NOW + Duration::from_secs(after),
        event: event.into(),
        next,
    };
    AppPage {
        app: APP.into(),
        provider: PROVIDER.into(),
        institution: "みなと信用組合".into(),
        link_action: "/link".into(),
        notice,
        link,
        events: vec![
            event(80, "consent.granted", false),
            event(80, "grant.created", false),
            event(81, "token.issued", false),
            event(82, "grant.something_new", false),
            event(23 * 86_400, "grant.expiring", true),
            event(30 * 86_400, "grant.expired", true),
        ],
    }
}
pub(super) fn shown_link() -> ShownLink {
    let day = |ago: u64| NOW.jst_date().checked_sub_days(Days::new(ago)).unwrap_or(NaiveDate::MIN);
    let line = |ago, what: &str, amount| ShownTransaction { date: day(ago), what: what.into(), amount };
    ShownLink {
        accounts: vec![LinkedAccount {
            institution: "みなと信用組合".into(),
            account: some_account("115-ordinary-1100026"),
            balance: 1_284_530,
            as_of: NOW + Duration::from_secs(90),
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
        until: NOW + MONTH,
        days_left: 29,
        days: 30,
    }
}
pub(super) fn simulator() -> SimulatorPage {
    SimulatorPage {
        from: "09012343333".into(),
        to: String::new(),
        numbers: vec!["08001110001".into(), "08001110002".into()],
        sample: "09012343333".into(),
        calls: vec![],
        mails: vec![],
        refused: false,
    }
}
pub(super) fn calls() -> Vec<PlacedCall> {
    let call = |from: Option<&str>, delivered| PlacedCall {
        at: NOW,
        from: from.map(str::to_owned),
        to: "08001110001".into(),
        delivered,
    };
    vec![call(Some("09012343333"), true), call(None, true), call(Some("0438201122"), false)]
}
pub(super) fn mails() -> Vec<ReceivedMail> {
    vec![ReceivedMail {
        to: "taro@mail.example".into(),
        from: "no-reply@notice.minato.example".into(),
        subject: "【みなと信用組合】API連携認証 完了のお知らせ（受付番号 ABCD-1234）".into(),
        at: NOW,
        text: "お客さま\nいつもみなと信用組合をご利用いただき、ありがとうございます。".into(),
    }]
}
