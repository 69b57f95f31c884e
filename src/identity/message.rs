//! What a customer is told: every message of domain §1.4, §1.9 G14, G17 by name. The Japanese text is here, exact;
//! the page's locale files hold the same text under [`Message::key`], so that an institution can word its own.

/// A field of a screen, by the name it has in the form (contract §3).
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
    /// ② 生年月日, year: the one place its errors stand at, whichever part is wrong
    BirthYear,
    /// ② 電話番号
    Phone,
    /// ② メールアドレス
    Email,
    /// ② メールアドレス (確認用)
    EmailConfirm,
    /// ⑤ 暗証番号
    Pin,
    /// ⑥ the agreement
    Agree,
}
impl Field {
    /// The form's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::AccountType => "account_type",
            Self::AccountNumber => "account_number",
            Self::NameKana => "name_kana",
            Self::BirthYear => "birth_year",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::EmailConfirm => "email_confirm",
            Self::Pin => "pin",
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
            /// Its name in the locale files.
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
    /// G17; the page may add the character that is wrong.
    Kana = "error-kana", "半角カタカナで入力して下さい。";
    /// G17
    KanaLong = "error-kana-long", "48文字以内で入力して下さい。";
    /// G17, G18
    BirthDate = "error-birth-date", "生年月日を正しく入力して下さい。";
    /// G17
    Phone = "error-phone", "10桁または11桁の半角数字で入力して下さい。";
    /// G17
    Email = "error-email", "メールアドレスの形式が正しくありません。";
    /// G17
    EmailLong = "error-email-long", "64文字以内で入力して下さい。";
    /// G17
    EmailMismatch = "error-email-mismatch", "メールアドレスが一致していません。";
    /// G17
    Pin = "error-pin", "半角数字4桁で入力して下さい。";
    /// G17
    Agree = "error-agree", "API利用規定をご確認のうえ、同意のチェックを入れて下さい。";
    /// R30: no such account for this service.
    R30 = "error-r30", "ご指定の口座は、本サービスではお取り扱いできません。";
    /// R31: birth date, phone or PIN wrong.
    R31 = "error-r31", "本人認証情報が誤っています。本人認証項目をご確認のうえ、再度入力して下さい。";
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
    CallWithheld = "call-withheld", "電話番号が通知されませんでした。先頭に186を付けておかけ直しください。";
}

/// What is wrong with a submitted form: one message, at a field or for the whole page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// The field it stands at; `None` for the summary alone.
    pub field: Option<Field>,
    /// What it says.
    pub message: Message,
}
impl Problem {
    /// A message at a field.
    #[must_use]
    pub const fn at(field: Field, message: Message) -> Self {
        Self { field: Some(field), message }
    }
    /// A message for the whole page.
    #[must_use]
    pub const fn page(message: Message) -> Self {
        Self { field: None, message }
    }
}
