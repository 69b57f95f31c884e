//! Samples of every context: tests render each page with all of them, in both languages, and people look at them.
//! People, numbers and names are invented.

mod contexts;
mod my;

use super::endings::*;
use super::link::*;
use super::parts::*;
use super::{Chrome, Error, InstitutionProfile, Language, Pages};
use crate::account::Account;
use crate::client::Downstream;
use crate::clock::Instant;
use crate::consent::{Missing, Permission};
use crate::identity::service_hours::Hours;
use crate::identity::{CallState, Expired, Field, Message, Problem, WrongDate};
use crate::phone::{Phone, WrongPhone};
use contexts::*;
use std::time::Duration;

/// 2026-11-22 10:15:00 JST, a Sunday.
const NOW: Instant = Instant::from_secs(1_795_310_100);
const MONTH: Duration = Duration::from_hours(30 * 24);

/// A page with one of its samples.
pub struct Sample {
    /// The page's name, like its template.
    pub page: &'static str,
    /// What is special in this sample.
    pub case: &'static str,
    /// Renders it.
    pub render: Box<dyn Fn(&Pages, &Chrome) -> Result<String, Error>>,
}

/// みなと信用組合, an invented institution.
///
/// # Panics
/// Never: the number is valid.
#[must_use]
#[expect(clippy::expect_used, reason = "a constant")]
pub fn institution() -> InstitutionProfile {
    InstitutionProfile {
        name: "みなと信用組合".into(),
        name_en: "Minato Credit Union".into(),
        us: "当信用組合".into(),
        logo: None,
        color: "#00707a".into(),
        terms_url: "https://www.minato.example/api-terms".into(),
        faq_url: "https://www.minato.example/api-faq".into(),
        phone: Phone::parse("0120-000-000").expect("ten digits"),
        department: "事務部".into(),
        contact_hours: "平日の午前9時～17時".into(),
        stop_contact: Phone::parse("0120-000-009"),
        copyright: "Copyright © 2026 みなと信用組合 All Rights Reserved.".into(),
        mail_domain: "notice.minato.example".into(),
        host: "link.minato.example".into(),
        customer_screen_id: "SOA202".into(),
        closed: Hours::seed(),
    }
}

/// A frame for a sample.
#[must_use]
pub fn chrome(language: Language, test_mode: bool) -> Chrome {
    let chrome = Chrome::new(language, "/link/int-sample/page", "step-sample", test_mode);
    Chrome { app: APP.into(), may_restart: true, ..chrome }
}

macro_rules! samples {
    ($($page:ident($context:ty) = [$($case:literal => $value:expr),+ $(,)?];)+) => {
        fn of_links() -> Vec<Sample> {
            vec![$($(Sample {
                page: stringify!($page),
                case: $case,
                render: Box::new(|pages, chrome| {
                    let page: $context = $value;
                    pages.$page(chrome, &page)
                }),
            }),+),+]
        }
    };
}

/// Every page with every sample.
#[must_use]
pub fn all() -> Vec<Sample> {
    of_links().into_iter().chain(my::all()).collect()
}
samples! {
    account(AccountPage) = [
        "first" => account(),
        "again" => AccountPage { typed: filled(), closing: Some(NOW + Duration::from_secs(600)), can_cancel: false, ..account() },
        "asked again" => AccountPage { reconfirm_by: Some(APP.into()), ..account() },
        "empty" => AccountPage {
            problems: missing(&[Field::Branch, Field::AccountNumber]),
            ..account()
        },
        "wrong" => AccountPage {
            typed: TypedAccount { branch: "5".into(), account_type: "savings".into(), account_number: String::new() },
            problems: vec![
                Problem::page(Message::Missing),
                Problem::at(Field::Branch, Message::Branch),
                Problem::at(Field::AccountNumber, Message::Required),
            ],
            ..account()
        },
        "long" => AccountPage {
            typed: TypedAccount { branch: "005".into(), account_type: "ordinary".into(), account_number: "12345678".into() },
            problems: vec![Problem::at(Field::AccountNumber, Message::AccountNumber)],
            ..account()
        },
        "failed" => AccountPage { problems: vec![Problem::page(Message::R36)], ..account() },
    ];
    customer(CustomerPage) = [
        "first" => customer(),
        "empty" => CustomerPage {
            problems: missing(&[Field::NameKana, Field::BirthYear, Field::Phone, Field::Email, Field::EmailConfirm]),
            ..customer()
        },
        "wrong" => CustomerPage {
            typed: typed(),
            problems: vec![
                Problem::at(Field::NameKana, Message::Kana),
                Problem::at(Field::BirthYear, Message::BirthDate),
                Problem::at(Field::Phone, Message::Phone),
                Problem::at(Field::Email, Message::Email),
                Problem::at(Field::EmailConfirm, Message::EmailMismatch),
            ],
            bad_kanji: vec!['髙'],
            bad_characters: vec!['&'],
            wrong_date: Some(WrongDate::Day { year: 1985, month: 2, days: 28 }),
            wrong_phone: Some(WrongPhone::Few { n: 9, missing: 2 }),
            ..customer()
        },
        "an era's end" => CustomerPage {
            typed: TypedCustomer { birth_year: "S65".into(), phone: "9012343333".into(), ..typed() },
            problems: vec![Problem::at(Field::BirthYear, Message::BirthDate), Problem::at(Field::Phone, Message::Phone)],
            era_year: true,
            wrong_date: WrongDate::of(["S65", "4", "12"], NOW),
            wrong_phone: Some(WrongPhone::Zero),
            ..customer()
        },
        "an era's beginning" => CustomerPage {
            typed: TypedCustomer { birth_year: "H1".into(), phone: "090a".into(), ..typed() },
            problems: vec![Problem::at(Field::BirthYear, Message::BirthDate), Problem::at(Field::Phone, Message::Phone)],
            era_year: true,
            wrong_date: WrongDate::of(["H1", "1", "7"], NOW),
            wrong_phone: Some(WrongPhone::Characters { others: vec!['a', '<'] }),
            ..customer()
        },
        "no year" => CustomerPage {
            typed: TypedCustomer { birth_year: "29".into(), phone: "0901234333333".into(), ..typed() },
            problems: vec![Problem::at(Field::BirthYear, Message::BirthDate), Problem::at(Field::Phone, Message::Phone)],
            wrong_date: Some(WrongDate::Year),
            wrong_phone: Some(WrongPhone::Many { n: 13, extra: 2 }),
            ..customer()
        },
        "too early" => CustomerPage {
            problems: vec![Problem::at(Field::BirthYear, Message::BirthDate)],
            wrong_date: Some(WrongDate::TooEarly),
            ..customer()
        },
        "not born yet" => CustomerPage {
            problems: vec![Problem::at(Field::BirthYear, Message::BirthDate)],
            wrong_date: Some(WrongDate::Future),
            ..customer()
        },
        "long" => CustomerPage {
            typed: typed(),
            problems: vec![
                Problem::at(Field::NameKana, Message::KanaLong),
                Problem::at(Field::Email, Message::EmailLong),
            ],
            ..customer()
        },
        "r30" => CustomerPage { typed: typed(), problems: vec![Problem::page(Message::R30)], ..customer() },
        "date" => CustomerPage {
            typed: TypedCustomer { birth_year: "昭和29年".into(), birth_month: String::new(), birth_day: String::new(), ..typed() },
            problems: vec![
                Problem::page(Message::Missing),
                Problem::at(Field::BirthMonth, Message::BirthMonth),
                Problem::at(Field::BirthDay, Message::BirthDay),
                Problem::at(Field::Email, Message::EmailDots),
            ],
            era_year: true,
            western_year: Some(1954),
            ..customer()
        },
        "year" => CustomerPage {
            problems: vec![Problem::page(Message::Missing), Problem::at(Field::BirthYear, Message::BirthYear)],
            ..customer()
        },
        "r31" => CustomerPage { typed: typed(), problems: r31(Message::CheckCustomer, None), ..customer() },
        "r31 last" => CustomerPage {
            typed: typed(),
            problems: r31(Message::CheckCustomer, Some(Message::LastTryOfDay)),
            ..customer()
        },
        "r35" => CustomerPage { typed: typed(), problems: vec![Problem::page(Message::R35)], ..customer() },
        "too often" => CustomerPage {
            typed: typed(),
            problems: vec![Problem::until(Message::TooOften, NOW + Duration::from_secs(600))],
            ..customer()
        },
        "under way" => CustomerPage {
            typed: typed(),
            problems: vec![Problem::page(Message::CheckUnderWay)],
            ..customer()
        },
        "r36" => CustomerPage { typed: typed(), problems: vec![Problem::page(Message::R36)], ..customer() },
        "r37" => CustomerPage { typed: typed(), problems: vec![Problem::page(Message::R37)], ..customer() },
    ];
    phone(PhonePage) = [
        "first" => phone(),
        "busy" => PhonePage { problems: vec![Problem::page(Message::R35)], ..phone() },
        "no number" => PhonePage {
            problems: vec![Problem::until(Message::NoNumber, NOW + Duration::from_secs(65))],
            ..phone()
        },
    ];
    call(CallPage) = [
        "waiting" => call(CallState::Waiting),
        "early" => CallPage { early: true, ..call(CallState::Waiting) },
        "seen" => call(CallState::Seen),
        "withheld" => call(CallState::Withheld),
        "asks" => CallPage { asks: true, seconds_left: 88, ..call(CallState::Waiting) },
        "new number" => CallPage { attempt: 2, more: 1, ..call(CallState::Waiting) },
        "last number" => CallPage { attempt: 3, more: 0, ..call(CallState::Waiting) },
        "longer" => CallPage { confirm_until: Some(NOW + Duration::from_secs(185)), ..call(CallState::Seen) },
        "expired" => CallPage { seconds_left: 0, ..call(CallState::Expired) },
        "expired, one more" => CallPage { seconds_left: 0, attempt: 2, more: 1, ..call(CallState::Expired) },
        "expired, the last" => CallPage { seconds_left: 0, attempt: 3, more: 0, ..call(CallState::Expired) },
        "no number" => CallPage {
            problems: vec![Problem::until(Message::NoNumber, NOW + Duration::from_secs(65))],
            seconds_left: 0,
            ..call(CallState::Expired)
        },
        "failed" => CallPage { problems: vec![Problem::page(Message::R36)], ..call(CallState::Waiting) },
    ];
    pin(PinPage) = [
        "first" => pin(),
        "empty" => PinPage { problems: missing(&[Field::Pin]), ..pin() },
        "short" => PinPage { problems: vec![Problem::at(Field::Pin, Message::Pin)], ..pin() },
        "wrong" => PinPage { problems: r31(Message::CheckPin, None), ..pin() },
        "last of the day" => PinPage { problems: r31(Message::CheckPin, Some(Message::LastTryOfDay)), ..pin() },
        "last" => PinPage { problems: r31(Message::CheckPin, Some(Message::LastTryBeforeLock)), ..pin() },
        "last, before it" => PinPage { last_try: Some(Message::LastTryOfDay), ..pin() },
        "failed" => PinPage { problems: vec![Problem::page(Message::R36)], ..pin() },
    ];
    consent(ConsentPage) = [
        "choose" => consent(),
        "by scope" => ConsentPage { choose: false, accounts: consent().accounts.into_iter().take(1).collect(), ..consent() },
        "merge" => ConsentPage { existing: Some(existing(false)), reconfirm: true, accounts: vec![consent().accounts[1].clone()], ..consent() },
        "replace" => ConsentPage { existing: Some(existing(true)), ..consent() },
        "beside" => ConsentPage { ends: Some(EndingLink { since: NOW, reference: "EFGH-5678".into() }), ..consent() },
        "not agreed" => ConsentPage { missing: Some(Missing::Agreement), ..consent() },
        "notices wanted" => ConsentPage {
            notices: NoticesBox { wanted: true, ..consent().notices },
            missing: Some(Missing::Agreement),
            ..consent()
        },
        "neither" => ConsentPage { missing: Some(Missing::Both), accounts: unticked(), ..consent() },
        "agreed already" => ConsentPage { agreed: true, missing: Some(Missing::Account), accounts: unticked(), ..consent() },
        "no account" => ConsentPage { missing: Some(Missing::Account), reference: None, accounts: unticked(), ..consent() },
        "identity" => ConsentPage {
            permissions: vec![], openid: true, choose: false,
            client: SomeClient { registration_number: None, contact: None, terms_uri: None, ..client() },
            ..consent()
        },
        "balances" => ConsentPage { permissions: vec![Permission::Balances], ..consent() },
        "transactions" => ConsentPage { permissions: vec![Permission::Transactions], openid: true, ..consent() },
        "days" => ConsentPage { from: day(9, 1), to: day(10, 31), ..consent() },
        "from a day" => ConsentPage { from: day(9, 1), ..consent() },
        "to a day" => ConsentPage { to: day(10, 31), ..consent() },
        "remembered" => ConsentPage { remembered: Some(NOW - Duration::from_secs(240)), ..consent() },
        "failed" => ConsentPage { problems: vec![Problem::page(Message::R36)], ..consent() },
    ];
    cancelled(CancelledPage) = [
        "reference" => CancelledPage { record: record(), ..cancelled() },
        "none" => cancelled(),
        "after the checks" => CancelledPage { record: record(), passed: true, ..cancelled() },
        "a link lives" => CancelledPage { record: record(), passed: true, living: vec![NOW + MONTH], ..cancelled() },
        "two links live" => CancelledPage {
            record: record(),
            passed: true,
            living: vec![NOW + MONTH, NOW + MONTH / 2],
            ..cancelled()
        },
    ];
    locked(LockedPage) = [
        "now" => LockedPage { before: false, until: Some(NOW.next_jst_midnight()) },
        "before" => LockedPage { before: true, until: Some(NOW.next_jst_midnight()) },
        "for good" => LockedPage { before: true, until: None },
    ];
    closed(ClosedPage) = [
        "hours" => ClosedPage { why: Closed::Hours { reopens: Some(NOW + Duration::from_hours(20)) }, can_return: true },
        "long" => ClosedPage { why: Closed::Hours { reopens: None }, can_return: false },
        "open again" => ClosedPage { why: Closed::Reopened { can_restart: true }, can_return: true },
        "open again, too late" => ClosedPage { why: Closed::Reopened { can_restart: false }, can_return: true },
        "busy" => ClosedPage { why: Closed::Busy, can_return: true },
        "invalid grant" => ClosedPage { why: Closed::InvalidGrant, can_return: true },
        "no account" => ClosedPage { why: Closed::NoAccount, can_return: true },
        "no days" => ClosedPage { why: Closed::NoDays, can_return: true },
        "failed" => ClosedPage { why: Closed::Failed, can_return: true },
        "off" => ClosedPage { why: Closed::Off, can_return: true },
        "too often" => ClosedPage { why: Closed::TooOften { until: NOW + Duration::from_secs(600) }, can_return: false },
        "too many" => ClosedPage { why: Closed::TooMany { until: NOW + Duration::from_secs(60) }, can_return: false },
    ];
    expired(ExpiredPage) = [
        "call" => ExpiredPage { why: Expired::Call, can_restart: true, ..expired() },
        "time" => ExpiredPage { why: Expired::Time, minutes: 30, ..expired() },
        "idle" => ExpiredPage { why: Expired::Time, idle: true, minutes: 15, can_restart: true, ..expired() },
        "idle and late" => ExpiredPage { why: Expired::Time, idle: true, minutes: 15, ..expired() },
        "accounts" => ExpiredPage { why: Expired::UnknownAccounts, ..expired() },
        "elsewhere" => ExpiredPage { can_return: false, ..expired() },
        "gone" => ExpiredPage { why: Expired::Time, can_return: false, gone: Some(gone()), ..expired() },
        "gone, no home" => ExpiredPage {
            why: Expired::Time,
            can_return: false,
            gone: Some(GoneApp { home: None, ..gone() }),
            ..expired()
        },
    ];
    done(DonePage) = [
        "complete" => DonePage { app: APP.into(), complete: true },
        "not handed over" => DonePage { app: APP.into(), complete: false }
    ];
    oauth_error(OAuthErrorPage) = [
        "client" => OAuthErrorPage { error: "invalid_client".into(), description: "unknown client <x>".into() },
    ];
    nowhere(NowherePage) = ["home" => NowherePage { home: true }, "nowhere" => NowherePage { home: false }];
    form_post(FormPostPage) = [
        "code" => FormPostPage {
            app: APP.into(),
            action: "https://app.example/callback?a=1&b=2".into(),
            fields: vec![("code".into(), "rk_ac_x".into()), ("state".into(), "a\"b<c>".into())],
        },
    ];
}
