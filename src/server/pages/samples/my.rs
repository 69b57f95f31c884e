//! Samples of 連携サービスの確認・停止: its own pages, and those it shares with a link.

use super::super::my::*;
use super::*;
use crate::client::Downstream;
use crate::my::ChangeKind;

macro_rules! my_samples {
    ($($page:ident($context:ty) = [$($case:literal => $value:expr),+ $(,)?];)+) => {
        pub(super) fn all() -> Vec<Sample> {
            vec![$($(Sample {
                page: stringify!($page),
                case: $case,
                render: Box::new(|pages, chrome| {
                    let page: $context = $value;
                    let own = Chrome { my: true, app: String::new(), form_path: "/my/int-sample/links".into(), ..chrome.clone() };
                    pages.$page(&own, &page)
                }),
            }),+),+]
        }
    };
}
my_samples! {
    my_links(MyLinksPage) = [
        "none" => MyLinksPage { links: vec![], last_visit: None, ..links() },
        "one" => MyLinksPage { links: vec![narrowed()], ..links() },
        "many" => links(),
        "stopped" => MyLinksPage { done: Some(StopOutcome::One { app: APP.into(), id: "g-1".into() }), ..links() },
        "account stopped" => MyLinksPage { done: Some(StopOutcome::Account { app: APP.into() }), ..links() },
        "all stopped" => MyLinksPage { links: vec![], done: Some(StopOutcome::All { n: 2 }), ..links() },
        "ended before" => MyLinksPage { done: Some(StopOutcome::Before { app: APP.into() }), ..links() },
        "long" => MyLinksPage { links: vec![long()], ..links() },
    ];
    my_ended(MyEndedPage) = [
        "none" => MyEndedPage { links: vec![], ..ended() },
        "each" => ended(),
    ];
    my_receipt(MyReceiptPage) = [
        "open" => receipt(link("g-1", APP), false),
        "ended" => receipt(end_of("replaced"), true),
        "long" => receipt(long(), false),
        "words not kept" => MyReceiptPage { agreed: None, ..receipt(link("g-1", APP), false) },
        "identity" => receipt(ShownGrant { permissions: vec![], accounts: vec![], openid: true, ..link("g-1", APP) }, false),
    ];
    my_cancelled(MyCancelledPage) = [
        "left" => MyCancelledPage { finished: false },
        "finished" => MyCancelledPage { finished: true },
    ];
    account(AccountPage) = ["my" => account(), "my failed" => AccountPage { problems: vec![Problem::page(Message::R36)], ..account() }];
    customer(CustomerPage) = [
        "my" => customer(),
        "my empty" => CustomerPage { problems: missing(&[Field::BirthYear, Field::Phone]), ..customer() },
    ];
    phone(PhonePage) = ["my" => phone()];
    call(CallPage) = ["my" => call(CallState::Waiting)];
    pin(PinPage) = ["my" => pin()];
    locked(LockedPage) = [
        "my" => LockedPage { before: true, until: Some(NOW + MONTH) },
        "my for good" => LockedPage { before: true, until: None },
    ];
    closed(ClosedPage) = [
        "my" => ClosedPage { why: Closed::Hours { reopens: Some(NOW + Duration::from_secs(3600)) }, can_return: true },
        "my without a time" => ClosedPage { why: Closed::Hours { reopens: None }, can_return: true },
        "my busy" => ClosedPage { why: Closed::Busy, can_return: true },
        "my too many" => ClosedPage { why: Closed::TooMany { until: NOW }, can_return: false },
        "my too often" => ClosedPage { why: Closed::TooOften { until: NOW }, can_return: false },
        "my failed" => ClosedPage { why: Closed::Failed, can_return: true },
    ];
    expired(ExpiredPage) = [
        "my" => ExpiredPage { why: Expired::Time, can_restart: true, can_return: true, ..ExpiredPage::default() },
        "my elsewhere" => ExpiredPage { can_return: true, ..ExpiredPage::default() },
        "my gone" => ExpiredPage { why: Expired::Time, gone: Some(GoneApp::default()), ..ExpiredPage::default() },
        "my unknown accounts" => ExpiredPage { why: Expired::UnknownAccounts, can_return: true, ..ExpiredPage::default() },
    ];
}

fn masked(account_type: crate::account::AccountType, last3: &str) -> MaskedAccount {
    MaskedAccount { id: format!("acct-{last3}"), account_type, last3: last3.into() }
}
fn link(id: &str, app: &str) -> ShownGrant {
    ShownGrant {
        id: id.into(),
        client: SomeClient { name: app.into(), ..client() },
        permissions: vec![Permission::Balances, Permission::Transactions],
        openid: false,
        from: None,
        to: None,
        accounts: vec![
            masked(crate::account::AccountType::Ordinary, "026"),
            masked(crate::account::AccountType::Savings, "011"),
        ],
        verified_first: true,
        other_accounts: 0,
        since: NOW,
        days: 30,
        until: NOW + MONTH,
        days_left: 30,
        soon: false,
        last_use: Some(NOW),
        notice_address: Some("t***@example.jp".into()),
        reference: "ABCD-1234".into(),
        terms: Some("2026-04".into()),
        history: vec![ShownChange { at: NOW, kind: ChangeKind::Allowed, by: "customer" }],
    }
}
fn narrowed() -> ShownGrant {
    let narrowed = ShownChange { at: NOW, kind: ChangeKind::Narrowed, by: "institution" };
    let mut link = link("g-1", APP);
    link.accounts.pop();
    link.history.push(narrowed);
    ShownGrant { soon: true, days_left: 1, last_use: None, notice_address: None, ..link }
}
/// As long as a link can be in practice: its receipt must fit on two sheets.
fn long() -> ShownGrant {
    let downstream = |n: usize| Downstream {
        name: format!("株式会社データ分析サービス{n}"),
        purpose: "家計の分析".into(),
    };
    let mut link = link("g-9", "とても長い名前のサンプル家計簿アプリケーション for しんくみ（法人・個人事業主版）");
    link.client.downstream = (1..=6).map(downstream).collect();
    link.accounts = (0..6).map(|n| masked(crate::account::AccountType::Savings, &format!("{n:03}"))).collect();
    link.other_accounts = 1;
    link.openid = true;
    for kind in [ChangeKind::Widened, ChangeKind::Narrowed, ChangeKind::Changed] {
        link.history.push(ShownChange { at: NOW, kind, by: "client" });
    }
    link
}
fn end_of(by: &'static str) -> ShownGrant {
    let mut link = link("g-2", APP);
    link.history.push(ShownChange { at: NOW, kind: ChangeKind::Ended, by });
    link
}
fn time() -> TimeLeft {
    TimeLeft::at(NOW, NOW + Duration::from_secs(300), NOW + Duration::from_secs(1200))
}
fn links() -> MyLinksPage {
    MyLinksPage {
        links: vec![link("g-1", APP), ShownGrant { soon: true, days_left: 5, ..link("g-2", "かけいぼノート") }],
        last_visit: Some(NOW),
        done: None,
        time: time(),
        ended_url: "/my/int-sample/ended".into(),
        receipt_url: "/my/int-sample/receipt".into(),
    }
}
fn ended() -> MyEndedPage {
    let each = ["expired", "customer", "client", "institution", "account", "replaced", "replay"];
    MyEndedPage {
        links: each.into_iter().map(end_of).collect(),
        time: time(),
        links_url: "/my/int-sample/links".into(),
        receipt_url: "/my/int-sample/receipt".into(),
    }
}
fn receipt(link: ShownGrant, ended: bool) -> MyReceiptPage {
    let agreed = Some(words());
    let own_page = "https://link.minato.example/my".into();
    MyReceiptPage { link, agreed, own_page, ended, time: time(), links_url: "/my/int-sample/links".into(), at: NOW }
}
fn words() -> ShownWords {
    let sentences = [
        "API連携認証（情報連携認可）",
        "サンプル株式会社が以下の許可を求めています。",
        "口座情報・明細情報へのアクセス",
        "お客様の口座の資産情報へのアクセスを許可します。",
        "連携する口座",
        "普通預金 店番 ＊＊＊　口座番号 ＊＊＊＊026",
        "認可期間",
        "30日 2026年12月22日（火）10時15分まで",
        "当信用組合のAPI利用規定を確認し、同意します。",
    ];
    // As many as a change of a link with several accounts has.
    let mark = |said: &str| match said {
        _ if said.contains("同意します") => "ticked",
        _ if said.contains("口座番号") => "unticked",
        _ => "",
    };
    let shown = |said: &&str| ShownSentence { mark: mark(said), text: (*said).to_owned() };
    let many = sentences.iter().cycle().take(72).map(shown).collect();
    ShownWords { language: "ja", sentences: many }
}
