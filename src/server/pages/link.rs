//! What each of the linking screens shows (R10–R73, requirements.md#forms): one context a page.

use super::parts::{CalledNumber, MaskedPhone, ShownAccount, SomeClient, problems};
use crate::clock::Instant;
use crate::consent::{Missing, Permission};
use crate::identity::{AccountForm, CallState, CustomerForm, Expired, Field, Message, Problem};
use chrono::NaiveDate;
use serde::{Serialize, Serializer};

/// What was typed at ①, given back as it was.
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

/// What was typed at ②, given back as it was.
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
        // The lists hold 1, 2, …: a posted 04 chooses the same line.
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
    /// What to fill in.
    pub typed: TypedAccount,
    /// What is wrong with it.
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// Whether 中止する is here (G19).
    pub can_cancel: bool,
    /// The service closes soon: said before anything is typed (requirements.md#closing).
    pub closing: Option<Instant>,
}

/// ② 「API連携認証 (お客様情報入力)」
#[derive(Debug, Clone, Serialize)]
pub struct CustomerPage {
    /// ご利用口座情報, from ①.
    pub account: ShownAccount,
    /// What to fill in.
    pub typed: TypedCustomer,
    /// What is wrong with it.
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// The character of the name that cannot be used, named in its message (requirements.md#kana).
    pub bad_character: Option<char>,
}

/// ③ SOA208 「API連携認証（電話番号の確認）」
#[derive(Debug, Clone, Serialize)]
pub struct PhonePage {
    /// お届け電話番号, masked.
    pub phone: MaskedPhone,
    /// How many seconds the next screen gives.
    pub window: u64,
    /// What kept us from going on (R35 and its like).
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
}

/// ④ SOA209 「API連携認証 (電話番号認証)」
#[derive(Debug, Clone, Serialize)]
pub struct CallPage {
    /// The app the customer links: said here against calls made for somebody else.
    pub app: String,
    /// 発信元, masked.
    pub phone: MaskedPhone,
    /// 発信先
    pub called: CalledNumber,
    /// What kept us from going on: no number is free.
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// Whether the call was seen.
    pub state: CallState,
    /// 確定する was pressed before the call (R56).
    pub early: bool,
    /// The end of the window.
    pub until: Instant,
    /// Seconds left of it, by the server's clock.
    pub seconds_left: u64,
    /// The whole window, in seconds.
    pub window: u64,
    /// The address of `call/status`; empty: the page does not ask.
    pub status_url: String,
}

/// ⑤ SOA211 「API連携認証（キャッシュカード暗証番号認証）」. There is no field for what was typed: a PIN never returns.
#[derive(Debug, Clone, Serialize)]
pub struct PinPage {
    /// ご利用口座情報, from ①.
    pub account: ShownAccount,
    /// What is wrong. R31 stands at the field, wherever it was put.
    #[serde(serialize_with = "pin_problems")]
    pub problems: Vec<Problem>,
}

fn pin_problems<S: Serializer>(given: &[Problem], s: S) -> Result<S::Ok, S::Error> {
    let at_pin = |p: &Problem| if p.message == Message::R31 { Problem::at(Field::Pin, p.message) } else { *p };
    problems(&given.iter().map(at_pin).collect::<Vec<_>>(), s)
}

/// One line of 連携する口座 on ⑥.
#[derive(Debug, Clone, Serialize)]
pub struct OfferedAccount {
    /// Its opaque name: the value of the `account` field.
    pub id: String,
    /// The account.
    pub account: ShownAccount,
    /// Ticked: the account just verified, or what was ticked before an error.
    pub chosen: bool,
}

/// ⑥ SOA206 「API連携認証 (情報連携認可)」
#[derive(Debug, Clone, Serialize)]
pub struct ConsentPage {
    /// Who asks.
    pub client: SomeClient,
    /// For what: in the order of the page.
    pub permissions: Vec<Permission>,
    /// Whether the app is told an identifier of the customer (`openid`).
    pub openid: bool,
    /// The first day of movements asked for, where the request names one;
    pub from: Option<NaiveDate>,
    /// the last one.
    pub to: Option<NaiveDate>,
    /// Of which accounts.
    pub accounts: Vec<OfferedAccount>,
    /// Whether the customer chooses among them; otherwise they are only shown.
    pub choose: bool,
    /// 認可期間 in days.
    pub days: u64,
    /// And its end.
    pub until: Instant,
    /// When ① to ⑤ were passed, where this way rests on that (decision 15).
    pub remembered: Option<Instant>,
    /// What 許可する lacked.
    #[serde(serialize_with = "missing")]
    pub missing: Option<Missing>,
    /// What kept us from going on (R34–R37).
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    /// The digest of this very page: 許可する is pressed on it and no other.
    pub shown: Option<String>,
    /// 受付番号, where it is known already.
    pub reference: Option<String>,
    /// The moment the page was made.
    pub at: Instant,
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

/// 「API連携認証の中止」 (R8)
#[derive(Debug, Clone, Serialize)]
pub struct CancelledPage {
    /// The app.
    pub app: String,
    /// When.
    pub at: Instant,
    /// 受付番号, where there is one.
    pub reference: Option<String>,
}

/// 「API連携認証の一時停止」 (R32, R33)
#[derive(Debug, Clone, Serialize)]
pub struct LockedPage {
    /// Locked before this attempt: R33 instead of R32.
    pub before: bool,
    /// When it is released; `None`: the institution does it (G5).
    pub until: Option<Instant>,
}

/// Why there is no service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Closed {
    /// R34: outside service hours.
    Hours {
        /// When it opens again.
        reopens: Option<Instant>,
    },
    /// R35: busy.
    Busy,
    /// This network has begun too many.
    TooOften {
        /// When it may again.
        until: Instant,
    },
    /// R35: too many have begun in all.
    TooMany {
        /// When to try again.
        until: Instant,
    },
    /// R30 at ⑥: none of the accounts asked for can be shared.
    NoAccount,
    /// R36: something of ours failed.
    Failed,
    /// R37: switched off.
    Off,
}

/// The dead ends R30 (at ⑥) and R34–R37: a page whose only way leads back to the app.
#[derive(Debug, Clone, Serialize)]
pub struct ClosedPage {
    /// Why.
    pub why: Closed,
    /// Whether 連携元画面へ is here: not where no app is known yet.
    pub can_return: bool,
}

/// 「お電話の期限が過ぎました」 and the other ways to be too late (R57, G28)
#[derive(Debug, Clone, Serialize)]
pub struct ExpiredPage {
    /// Why.
    pub why: Expired,
    /// The seconds of the call window.
    pub window: u64,
    /// Whether the same request can begin again.
    pub can_restart: bool,
    /// Whether 連携元画面へ is here.
    pub can_return: bool,
}

/// An interaction whose customer has agreed: nothing is left to do here.
#[derive(Debug, Clone, Serialize)]
pub struct DonePage {
    /// The app.
    pub app: String,
    /// Whether the app has taken the link.
    pub complete: bool,
}

/// What went wrong before there was an address to send the browser to (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Serialize)]
pub struct OAuthErrorPage {
    /// The code, for the app's developer.
    pub error: String,
    /// And the sentence.
    pub description: String,
}

/// `response_mode=form_post` (OAuth 2.0 Form Post Response Mode §2): a form that sends itself, with a button for
/// browsers without script.
#[derive(Clone, Serialize)]
pub struct FormPostPage {
    /// The app's name.
    pub app: String,
    /// The redirect URI.
    pub action: String,
    /// The answer's parameters.
    pub fields: Vec<(String, String)>,
}
impl std::fmt::Debug for FormPostPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormPostPage(…)")
    }
}
