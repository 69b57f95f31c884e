//! The content of each linking screen (R10–R73, requirements.md#forms): one context for each page.

use super::parts::{CalledNumber, MaskedPhone, ShownAccount, SomeClient, problems};
use crate::clock::Instant;
use crate::consent::{Missing, Permission};
use crate::identity::{AccountForm, CallState, CustomerForm, Field, Message, Problem, WrongDate};
use crate::phone::WrongPhone;
use chrono::NaiveDate;
use serde::{Serialize, Serializer};

/// What was typed at ①, unchanged.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TypedAccount {
    /// 店番
    pub branch: String,
    /// 科目: `ordinary` or `savings`
    pub account_type: String,
    /// 口座番号
    pub account_number: String,
}
impl From<&AccountForm> for TypedAccount {
    fn from(form: &AccountForm) -> Self {
        Self {
            branch: form.branch.clone(),
            account_type: form.account_type.clone(),
            account_number: form.account_number.clone(),
        }
    }
}

/// What was typed at ②, unchanged.
#[derive(Clone, Default, Serialize)]
pub struct TypedCustomer {
    /// お名前
    pub name_kana: String,
    /// 西暦 … 年
    pub birth_year: String,
    /// 月, `4` or `04`
    pub birth_month: String,
    /// 日
    pub birth_day: String,
    /// 電話番号
    pub phone: String,
    /// メールアドレス
    pub email: String,
    /// メールアドレス (確認用)
    pub email_confirm: String,
}
impl std::fmt::Debug for TypedCustomer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypedCustomer(…)")
    }
}
impl From<&CustomerForm> for TypedCustomer {
    fn from(form: &CustomerForm) -> Self {
        // The options are 1, 2, …; a submitted 04 selects option 4.
        let plain = |text: &str| text.trim().trim_start_matches('0').to_owned();
        Self {
            name_kana: form.name_kana.clone(),
            birth_year: form.birth_year.clone(),
            birth_month: plain(&form.birth_month),
            birth_day: plain(&form.birth_day),
            phone: form.phone.clone(),
            email: form.email.clone(),
            email_confirm: form.email_confirm.clone(),
        }
    }
}

/// ① SOA201 「API連携認証 (ご利用口座情報入力)」
#[derive(Debug, Clone, Serialize)]
pub struct AccountPage {
    /// 「XXX事業者」: the app's provider.
    pub provider: String,
    /// The values of the fields.
    pub typed: TypedAccount,
    /// The errors.
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// Whether the page has 中止する (G19).
    pub can_cancel: bool,
    /// The service closes soon: shown before anything is typed (requirements.md#closing).
    pub closing: Option<Instant>,
    /// How long the whole of it may take, in minutes.
    pub minutes: u64,
    /// The app that asks to confirm the identity again, where its request names an open link.
    pub reconfirm_by: Option<String>,
}

/// ② 「API連携認証 (お客様情報入力)」
#[derive(Debug, Clone, Serialize)]
pub struct CustomerPage {
    /// ご利用口座情報, from ①.
    pub account: ShownAccount,
    /// The values of the fields.
    pub typed: TypedCustomer,
    /// The errors.
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// The kanji of the name, for its message.
    pub bad_kanji: Vec<char>,
    /// Every other character of the name that cannot be used (requirements.md#kana).
    pub bad_characters: Vec<char>,
    /// Whether the year begins with an era: then 西暦 does not stand beside it.
    pub era_year: bool,
    /// The Western year of a year that was typed in an era (G18).
    pub western_year: Option<u32>,
    /// What exactly is wrong with the date.
    pub wrong_date: Option<WrongDate>,
    /// What exactly is wrong with the telephone number.
    pub wrong_phone: Option<WrongPhone>,
}

/// ③ SOA208 「API連携認証（電話番号の確認）」
#[derive(Debug, Clone, Serialize)]
pub struct PhonePage {
    /// お名前 as it was converted. The customer's own page asks for none.
    pub name: Option<String>,
    /// お届け電話番号, masked.
    pub phone: MaskedPhone,
    /// The call window of the next screen, in seconds.
    pub window: u64,
    /// Why the customer could not continue (R35 and others).
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
}

/// ④ SOA209 「API連携認証 (電話番号認証)」
#[derive(Debug, Clone, Serialize)]
pub struct CallPage {
    /// The app to link: shown so that nobody makes the call for another person.
    pub app: String,
    /// 発信元, masked.
    pub phone: MaskedPhone,
    /// 発信先
    pub called: CalledNumber,
    /// Why the customer could not continue: no number is free.
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// Whether the call has come.
    pub state: CallState,
    /// Whether the page asks if the call comes from the registered telephone.
    pub asks: bool,
    /// After how many seconds without a call it asks.
    pub asks_after: u64,
    /// Which number of this interaction it is, from 1 (G12).
    pub attempt: u32,
    /// How many more may follow.
    pub more: u32,
    /// 確定する was pressed before the call came (R56).
    pub early: bool,
    /// The end of the call window.
    pub until: Instant,
    /// Until when 確定する counts, if that is later.
    pub confirm_until: Option<Instant>,
    /// Seconds left for the call, by the server's clock.
    pub seconds_left: u64,
    /// Seconds left for 確定する.
    pub confirm_left: u64,
    /// The whole call window, in seconds.
    pub window: u64,
    /// The address of `call/status`; empty: the page does not poll.
    pub status_url: String,
}

/// ⑤ SOA211 「API連携認証（キャッシュカード暗証番号認証）」. It has no field for the PIN: a PIN is never sent back.
#[derive(Debug, Clone, Serialize)]
pub struct PinPage {
    /// ご利用口座情報, from ①.
    pub account: ShownAccount,
    /// The errors. R31 is always shown at the field.
    #[serde(serialize_with = "pin_problems")]
    pub problems: Vec<Problem>,
    /// The warning before the last try, where the errors do not have it: ② may have used up the others.
    #[serde(serialize_with = "key")]
    pub last_try: Option<Message>,
}
#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn key<S: Serializer>(message: &Option<Message>, s: S) -> Result<S::Ok, S::Error> {
    match message {
        Some(message) => s.serialize_str(message.key()),
        None => s.serialize_none(),
    }
}

fn pin_problems<S: Serializer>(given: &[Problem], s: S) -> Result<S::Ok, S::Error> {
    let at_pin = |p: &Problem| if p.message == Message::R31 { Problem::at(Field::Pin, p.message) } else { *p };
    problems(&given.iter().map(at_pin).collect::<Vec<_>>(), s)
}

/// One line of 連携する口座 on ⑥.
#[derive(Debug, Clone, Serialize)]
pub struct OfferedAccount {
    /// Its opaque id: the value of the `account` field.
    pub id: String,
    /// The account.
    pub account: ShownAccount,
    /// Ticked: at first the verified account, after an error and in the other language the customer's choice.
    pub chosen: bool,
}

/// ⑥ SOA206 「API連携認証 (情報連携認可)」
#[derive(Debug, Clone, Serialize)]
pub struct ConsentPage {
    /// The requesting app.
    pub client: SomeClient,
    /// The permissions, in the order of the page.
    pub permissions: Vec<Permission>,
    /// Whether the app gets an identifier of the customer (`openid`).
    pub openid: bool,
    /// What is linked already, if the request changes that link.
    pub existing: Option<ExistingLink>,
    /// The link that ends with this one, because the app has as many as allowed.
    pub ends: Option<EndingLink>,
    /// Whether the app asks to confirm the identity of a customer it has a link with.
    pub reconfirm: bool,
    /// Whether 同意 is ticked: never at first, only if this customer ticked it under the same sentences.
    pub agreed: bool,
    /// The box for notices.
    pub notices: NoticesBox,
    /// The first day of transactions, if the request names one.
    pub from: Option<NaiveDate>,
    /// The last day of transactions, if the request names one.
    pub to: Option<NaiveDate>,
    /// The accounts.
    pub accounts: Vec<OfferedAccount>,
    /// Whether the customer chooses among them; otherwise they are only listed.
    pub choose: bool,
    /// 認可期間 in days.
    pub days: u64,
    /// The end of 認可期間: a whole minute.
    pub until: Instant,
    /// When ① to ⑤ were passed, if they come from a proofing session (decision 15).
    pub remembered: Option<Instant>,
    /// What was missing for 許可する.
    #[serde(serialize_with = "missing")]
    pub missing: Option<Missing>,
    /// Why the customer could not continue (R34–R37).
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// 受付番号, if it is known.
    pub reference: Option<String>,
    /// The time of the page: a whole minute.
    pub at: Instant,
}

/// The link that a request changes, as ⑥ shows it.
#[derive(Debug, Clone, Serialize)]
pub struct ExistingLink {
    /// Whether it is replaced (`replace`) and not widened (`merge`).
    pub replaced: bool,
    /// What it covers.
    pub permissions: Vec<Permission>,
    /// The first day of its transactions, if it is limited.
    pub from: Option<NaiveDate>,
    /// The last day of its transactions, if it is limited.
    pub to: Option<NaiveDate>,
    /// What a merge makes of it: each account gets all of this.
    pub whole: Vec<Permission>,
    /// The first day of transactions after a merge.
    pub whole_from: Option<NaiveDate>,
    /// The last day of transactions after a merge.
    pub whole_to: Option<NaiveDate>,
    /// Its accounts that the core bank lists.
    pub accounts: Vec<ShownAccount>,
    /// Permissions of it that end with a replacement.
    pub ending: Vec<Permission>,
}

/// The box on ⑥ with which a customer asks for further notices.
#[derive(Debug, Clone, Serialize)]
pub struct NoticesBox {
    /// The address of ②, masked.
    pub masked: String,
    /// In how many days after the end of the link it is erased.
    pub days: u64,
    /// Whether it is ticked: not at first, after an error as the customer left it.
    pub wanted: bool,
}

/// The link that ends because the app has as many as allowed.
#[derive(Debug, Clone, Serialize)]
pub struct EndingLink {
    /// When the customer allowed it.
    pub since: Instant,
    /// Its 受付番号.
    pub reference: String,
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn missing<S: Serializer>(missing: &Option<Missing>, s: S) -> Result<S::Ok, S::Error> {
    match missing {
        None => s.serialize_none(),
        Some(Missing::Agreement) => s.serialize_str("agree"),
        Some(Missing::Account) => s.serialize_str("account"),
        Some(Missing::Both) => s.serialize_str("both"),
    }
}
