//! The messages customers read: every one of R30 to R37, R57, G14 and G17 by name. The Japanese text is here, exact;
//! the page's locale files hold the same text under [`Message::key`], so that an institution can word its own.

use crate::clock::Instant;
use serde::{Deserialize, Serialize};

/// A field of a screen, by the name it has in the form (requirements.md#forms).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// ① 店番
    Branch,
    /// ① 科目
    AccountType,
    /// ① 口座番号
    AccountNumber,
    /// ② お名前
    NameKana,
    /// ② 生年月日: the year, and the errors of the whole date
    BirthYear,
    /// ② 生年月日: the month
    BirthMonth,
    /// ② 生年月日: the day
    BirthDay,
    /// ② 電話番号
    Phone,
    /// ② メールアドレス
    Email,
    /// ② メールアドレス (確認用)
    EmailConfirm,
    /// ⑤ 暗証番号
    Pin,
    /// ⑥ the accounts to share
    Account,
    /// ⑥ the agreement
    Agree,
}
impl Field {
    /// Every field, in the order of the screens.
    pub const ALL: [Self; 13] = [
        Self::Branch,
        Self::AccountType,
        Self::AccountNumber,
        Self::NameKana,
        Self::BirthYear,
        Self::BirthMonth,
        Self::BirthDay,
        Self::Phone,
        Self::Email,
        Self::EmailConfirm,
        Self::Pin,
        Self::Account,
        Self::Agree,
    ];
    /// The field's name in the form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::AccountType => "account_type",
            Self::AccountNumber => "account_number",
            Self::NameKana => "name_kana",
            Self::BirthYear => "birth_year",
            Self::BirthMonth => "birth_month",
            Self::BirthDay => "birth_day",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::EmailConfirm => "email_confirm",
            Self::Pin => "pin",
            Self::Account => "account",
            Self::Agree => "agree",
        }
    }
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident = $key:literal, $ja:literal;)+) => {
        /// One message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Message { $($(#[$doc])* $name),+ }
        impl Message {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];
            /// Its key in the locale files.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key),+ }
            }
            /// Its exact Japanese text.
            #[must_use]
            pub const fn ja(self) -> &'static str {
                match self { $(Self::$name => $ja),+ }
            }
        }
    };
}
messages! {
    /// R17, R26: at the top when a field is empty.
    Missing = "error-missing", "入力されていない項目があります。";
    /// R17, R26: at each empty field.
    Required = "error-required", "必ず入力して下さい。";
    /// G17
    Branch = "error-branch", "半角数字3桁で入力して下さい。";
    /// G17
    AccountNumber = "error-account-number", "半角数字7桁以内で入力して下さい。";
    /// G17; the page adds every wrong character.
    Kana = "error-kana", "半角カタカナで入力して下さい。";
    /// G17
    KanaLong = "error-kana-long", "48文字以内で入力して下さい。";
    /// G17, G18
    BirthDate = "error-birth-date", "生年月日を正しく入力して下さい。";
    /// R22: the year alone is missing.
    BirthYear = "error-birth-year", "「年」を入力して下さい。";
    /// R22: the month is missing.
    BirthMonth = "error-birth-month", "「月」を選択して下さい。";
    /// R22: the day is missing.
    BirthDay = "error-birth-day", "「日」を選択して下さい。";
    /// G17
    Phone = "error-phone", "060・070・080・090・050で始まる番号は11桁、それ以外の番号は10桁の半角数字で入力して下さい。";
    /// G17
    Email = "error-email", "メールアドレスの形式が正しくありません。";
    /// A mobile carrier's old address, to which no notice can be delivered.
    EmailDots = "error-email-dots", "「.」が連続する、または「@」の直前に「.」があるメールアドレスには、お知らせをお届けできません。別のメールアドレスを入力して下さい。";
    /// G17
    EmailLong = "error-email-long", "64文字以内で入力して下さい。";
    /// G17
    EmailMismatch = "error-email-mismatch", "メールアドレスが一致していません。";
    /// G17
    Pin = "error-pin", "半角数字4桁で入力して下さい。";
    /// ⑥: none of the accounts is ticked.
    AccountChoice = "error-account-choice", "連携する口座を選んで下さい。";
    /// G17
    Agree = "error-agree", "API利用規定をご確認のうえ、同意のチェックを入れて下さい。";
    /// R30: no such account for this service.
    R30 = "error-r30", "ご指定の口座は、本サービスではお取り扱いできません。";
    /// R31: birth date, phone or PIN wrong.
    R31 = "error-r31", "本人認証情報が誤っています。本人認証項目をご確認のうえ、再度入力して下さい。";
    /// ②: what to check after R31.
    CheckCustomer = "check-customer", "生年月日とお届け電話番号をご確認ください。";
    /// ⑤: what to check after R31.
    CheckPin = "check-pin", "キャッシュカードの暗証番号（ATMでお使いの4桁）をご確認ください。";
    /// After R31 at ② and ⑤: the next failure locks the account for the day (G4).
    LastTryOfDay = "last-try-of-day", "あと1回誤りますと、API連携認証を本日はご利用いただけなくなります。ATMでのお引出しなど、その他のお取引に影響はありません。";
    /// After R31 at ⑤: the next failure sets the lasting lock (G5).
    LastTryBeforeLock = "last-try-before-lock", "あと1回誤りますと、API連携認証をご利用いただけなくなり、解除にはお問い合わせ先へのご連絡が必要となります。";
    /// R32: locked by this submit.
    R32 = "error-r32", "お取扱いができなくなりました。詳しくは本サービスのお問合せ窓口へご照会下さい。";
    /// R33: was locked before.
    R33 = "error-r33", "ただ今お取扱いできません。詳しくは本サービスのお問合せ窓口へご照会下さい。 理由コードはB84です。";
    /// R34: outside service hours.
    R34 = "error-r34", "ただ今の時間はサービスを行っていません。 ご了承下さい。";
    /// R35: busy.
    R35 = "error-r35", "ただ今受付が混雑しておりますので、しばらくしてからご利用下さい。";
    /// R36: the core bank failed.
    R36 = "error-r36", "調整のため連絡ができなくなりました。 なお、お急ぎの場合は本サービスのお問合せ窓口へご照会下さい。";
    /// R37: the service is switched off.
    R37 = "error-r37", "ご指定のサービスはただ今お取扱できません。 なお、お急ぎの場合は本サービスのお問合せ窓口へご照会下さい。";
    /// R57: the 120 seconds are over.
    R57 = "error-r57", "API連携認証の最初に戻って操作してください。";
    /// R56: confirmed before the call.
    CallWaiting = "call-waiting", "認証中（認証着信待ち）";
    /// G14: a call without its number came.
    CallWithheld = "call-withheld", "非通知のお電話がありました。お客様のお電話でしたら、先頭に186を付けておかけ直しください。";
    /// ③: other interactions hold every number; names the time when one is free.
    NoNumber = "error-no-number", "ただ今、ご案内できる電話番号がありません。{ $time }以降に、もう一度「電話番号の決定」を押してください。";
    /// ②: this network posted too often; names the time when it may post again.
    TooOften = "error-too-often", "短い時間に多くの入力があったため、受け付けを一時止めています。{ $time }以降に、もう一度お試しください。";
    /// ②, ⑤: the core bank is being asked about this account already.
    CheckUnderWay = "error-check-under-way", "この口座について別のお手続きを確認しています。少し待ってから、もう一度「次へ」を押してください。";
    /// The link that the app asks to change is over, or another person's.
    InvalidGrant = "error-invalid-grant", "変更する連携を確認できないため、このお手続きを終了しました。アプリの画面からもう一度お手続きください。";
    /// ⑥: the app asks for days that no link could hold.
    NoDays = "error-no-days", "アプリから求められた期間の明細は、提供できません。アプリの画面からもう一度お手続きください。";
    /// Too many R30 answers: the interaction is over (G3).
    UnknownAccounts = "error-unknown-accounts", "口座情報の確認ができない状態が続いたため、このお手続きを終了しました。キャッシュカードをお手元にご用意のうえ、アプリの画面からもう一度お手続きください。";
}

impl Message {
    /// Whether the customer can do nothing about it now: then the page offers 連携元画面へ instead of 中止する
    /// (requirements.md#leads-back).
    #[must_use]
    pub const fn leads_back(self) -> bool {
        matches!(self, Self::R34 | Self::R35 | Self::R36 | Self::R37)
    }
    /// Whether it says that a field is empty.
    #[must_use]
    pub const fn says_empty(self) -> bool {
        matches!(self, Self::Required | Self::BirthYear | Self::BirthMonth | Self::BirthDay)
    }
    /// Whether it is a line of its own below R31.
    #[must_use]
    pub const fn follows(self) -> bool {
        matches!(self, Self::CheckCustomer | Self::CheckPin | Self::LastTryOfDay | Self::LastTryBeforeLock)
    }
}

/// One error of a submitted form, at a field or for the whole page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// The field it belongs to; `None` for the summary alone.
    pub field: Option<Field>,
    /// The message.
    pub message: Message,
    /// The time in the message, if it names one.
    pub time: Option<Instant>,
}
impl Problem {
    /// A message at a field.
    #[must_use]
    pub const fn at(field: Field, message: Message) -> Self {
        Self { field: Some(field), message, time: None }
    }
    /// A message for the whole page.
    #[must_use]
    pub const fn page(message: Message) -> Self {
        Self { field: None, message, time: None }
    }
    /// A message for the whole page that names a time.
    #[must_use]
    pub const fn until(message: Message, time: Instant) -> Self {
        Self { field: None, message, time: Some(time) }
    }
}

impl Message {
    /// Its number, for R30 to R37.
    #[must_use]
    pub const fn number(self) -> Option<&'static str> {
        match self {
            Self::R30 => Some("R30"),
            Self::R31 => Some("R31"),
            Self::R32 => Some("R32"),
            Self::R33 => Some("R33"),
            Self::R34 => Some("R34"),
            Self::R35 => Some("R35"),
            Self::R36 => Some("R36"),
            Self::R37 => Some("R37"),
            _ => None,
        }
    }
}

/// What was wrong with the form posted last. The interaction's row keeps it, so that a page that is loaded again says
/// it again; what was typed does not: that rides in a cookie of the customer's own browser.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormErrors {
    /// Every problem, in the order of the fields.
    #[serde(with = "by_name", default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// ⑥: the positions of the accounts that were ticked on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Vec<usize>>,
    /// ⑥: whether the box for notices was ticked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notices: bool,
}
impl From<Vec<Problem>> for FormErrors {
    fn from(problems: Vec<Problem>) -> Self {
        Self { problems, chosen: None, notices: false }
    }
}
impl FormErrors {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty() && self.chosen.is_none()
    }
    /// The message that sends the customer back to the app, if any (requirements.md#leads-back).
    #[must_use]
    pub fn leading_back(&self) -> Option<Message> {
        self.problems.iter().map(|p| p.message).find(|m| m.leads_back())
    }
}

/// Stores problems by the names of field and message. A name this program does not know was written by a newer node
/// and is left out.
mod by_name {
    use super::{Field, Instant, Message, Problem};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct MessageJson<'a> {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<&'a str>,
        message: &'a str,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<Instant>,
    }

    pub(super) fn serialize<S: Serializer>(problems: &[Problem], s: S) -> Result<S::Ok, S::Error> {
        let named =
            |p: &Problem| MessageJson { field: p.field.map(Field::name), message: p.message.key(), time: p.time };
        s.collect_seq(problems.iter().map(named))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Problem>, D::Error> {
        let read = |named: MessageJson<'_>| {
            let message = Message::ALL.iter().copied().find(|m| m.key() == named.message)?;
            let field = match named.field {
                Some(name) => Some(Field::ALL.into_iter().find(|f| f.name() == name)?),
                None => None,
            };
            Some(Problem { field, message, time: named.time })
        };
        Ok(Vec::<MessageJson<'de>>::deserialize(d)?.into_iter().filter_map(read).collect())
    }
}
