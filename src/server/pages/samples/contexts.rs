//! What the samples are made of: an invented app, a filled form, a page of each kind to change.

use super::*;

pub(super) const APP: &str = "しんくみアプリwithCRECO";
pub(super) const PROVIDER: &str = "アイ・ティ・リアライズ株式会社";

pub(super) fn day(month: u32, day: u32) -> Option<chrono::NaiveDate> {
    chrono::NaiveDate::from_ymd_opt(2026, month, day)
}
pub(super) fn missing(fields: &[Field]) -> Vec<Problem> {
    let empty = fields.iter().map(|f| Problem::at(*f, Message::Required));
    std::iter::once(Problem::page(Message::Missing)).chain(empty).collect()
}
pub(super) fn r31(check: Message, last: Option<Message>) -> Vec<Problem> {
    [Message::R31, check].into_iter().chain(last).map(Problem::page).collect()
}

#[expect(clippy::expect_used, reason = "constants")]
pub(super) fn some_account(text: &str) -> ShownAccount {
    ShownAccount::from(&Account::parse(text).expect("an account"))
}
#[expect(clippy::expect_used, reason = "constants")]
pub(super) fn some_phone(text: &str) -> Phone {
    Phone::parse(text).expect("a number")
}

pub(super) fn account() -> AccountPage {
    AccountPage {
        provider: PROVIDER.into(),
        typed: TypedAccount::default(),
        problems: vec![],
        can_cancel: true,
        closing: None,
        minutes: 30,
        reconfirm_by: None,
    }
}
pub(super) fn filled() -> TypedAccount {
    TypedAccount { branch: "115".into(), account_type: "savings".into(), account_number: "2200011".into() }
}
pub(super) fn customer() -> CustomerPage {
    CustomerPage {
        account: some_account("115-ordinary-1100026"),
        typed: TypedCustomer::default(),
        problems: vec![],
        bad_kanji: vec![],
        bad_characters: vec![],
        era_year: false,
        western_year: None,
        wrong_date: None,
        wrong_phone: None,
    }
}
pub(super) fn typed() -> TypedCustomer {
    TypedCustomer {
        name_kana: "データ　タロウ <b>".into(),
        birth_year: "1985".into(),
        birth_month: "4".into(),
        birth_day: "12".into(),
        phone: "09012343333".into(),
        email: "taro@mail.example".into(),
        email_confirm: "taro@mail.example".into(),
    }
}
pub(super) fn phone() -> PhonePage {
    let phone = MaskedPhone::from(&some_phone("09012343333"));
    PhonePage { name: Some("ﾃﾞｰﾀ ﾀﾛｳ".into()), phone, window: 120, problems: vec![] }
}
pub(super) fn call(state: CallState) -> CallPage {
    CallPage {
        app: APP.into(),
        phone: MaskedPhone::from(&some_phone("09012343333")),
        called: CalledNumber::from(&some_phone("08001110001")),
        problems: vec![],
        state,
        asks: false,
        asks_after: 30,
        attempt: 1,
        more: 2,
        early: false,
        until: NOW + Duration::from_secs(125),
        confirm_until: None,
        seconds_left: 98,
        confirm_left: 98,
        window: 120,
        status_url: "/link/int-sample/call/status".into(),
    }
}
pub(super) fn expired() -> ExpiredPage {
    ExpiredPage { window: 120, can_return: true, ..ExpiredPage::default() }
}
pub(super) fn gone() -> GoneApp {
    GoneApp { name: APP.into(), home: Some("https://app.example/".into()) }
}
pub(super) fn pin() -> PinPage {
    PinPage { account: some_account("115-ordinary-1100026"), problems: vec![], last_try: None }
}
pub(super) fn client() -> SomeClient {
    SomeClient {
        name: APP.into(),
        provider: PROVIDER.into(),
        registration_number: Some("関東財務局長（電代）第000号".into()),
        contact: Some("https://app.example/contact".into()),
        terms_uri: Some("https://app.example/terms".into()),
        disclosure_uri: Some("https://app.example/disclosure".into()),
        downstream: vec![Downstream { name: "株式会社家計分析".into(), purpose: "家計簿の作成".into() }],
    }
}
pub(super) fn cancelled() -> CancelledPage {
    CancelledPage { app: APP.into(), record: None, passed: false, living: vec![] }
}
#[expect(clippy::unnecessary_wraps, reason = "the field is one")]
pub(super) fn record() -> Option<CancelRecord> {
    Some(CancelRecord { at: NOW, reference: "ABCD-1234".into() })
}
pub(super) fn unticked() -> Vec<OfferedAccount> {
    consent().accounts.into_iter().map(|line| OfferedAccount { chosen: false, ..line }).collect()
}
pub(super) fn existing(replaced: bool) -> ExistingLink {
    ExistingLink {
        replaced,
        permissions: vec![Permission::Balances],
        from: None,
        to: None,
        whole: vec![Permission::Balances, Permission::Transactions],
        whole_from: None,
        whole_to: None,
        accounts: vec![some_account("115-ordinary-1100026")],
        ending: if replaced { vec![Permission::Balances] } else { vec![] },
    }
}

pub(super) fn consent() -> ConsentPage {
    let offered =
        |id: &str, account: &str, chosen| OfferedAccount { id: id.into(), account: some_account(account), chosen };
    ConsentPage {
        client: client(),
        permissions: vec![Permission::Balances, Permission::Transactions],
        from: None,
        to: None,
        openid: false,
        existing: None,
        ends: None,
        reconfirm: false,
        agreed: false,
        notices: NoticesBox { masked: "t***@example.jp".into(), days: 31, wanted: false },
        accounts: vec![
            offered("acct-1", "115-ordinary-1100026", true),
            offered("acct-2", "115-savings-2200011", false),
        ],
        choose: true,
        days: 30,
        until: NOW + MONTH,
        remembered: None,
        missing: None,
        problems: vec![],
        reference: Some("ABCD-1234".into()),
        at: NOW,
    }
}
