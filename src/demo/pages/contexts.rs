//! What each page shows: a template reads these fields and nothing else.

use chrono::serde::ts_milliseconds;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// An account in full: only ever shown to its holder.
#[derive(Debug, Clone, Serialize)]
pub struct ShownAccount {
    /// 店番
    pub branch: String,
    /// 科目: `ordinary` or `savings`
    pub account_type: &'static str,
    /// 口座番号
    pub number: String,
}

/// One movement on an account.
#[derive(Debug, Clone, Serialize)]
pub struct ShownTransaction {
    /// The day.
    pub date: NaiveDate,
    /// 摘要
    pub what: String,
    /// Yen; negative is money that left.
    pub amount: i64,
}

/// A linked account in the sample app.
#[derive(Debug, Clone, Serialize)]
pub struct LinkedAccount {
    /// The institution's name.
    pub institution: String,
    /// The account.
    pub account: ShownAccount,
    /// 残高, yen.
    pub balance: i64,
    /// When it was asked for.
    #[serde(with = "ts_milliseconds")]
    pub as_of: DateTime<Utc>,
    /// 入出金明細, newest first.
    pub transactions: Vec<ShownTransaction>,
}

/// One entry of the time line.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineEntry {
    /// When.
    #[serde(with = "ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// An event's name, `grant.created`: known ones have a sentence in the locale files.
    pub event: String,
    /// Who caused it: some events have a sentence for each; empty if nobody says so.
    pub by: String,
    /// Still to come.
    pub next: bool,
    /// The authorization server has sent it.
    pub notified: bool,
}

/// What holds a link together.
#[derive(Debug, Clone, Serialize)]
pub struct ShownGrant {
    /// The accounts.
    pub accounts: Vec<LinkedAccount>,
    /// When the permission ends.
    #[serde(with = "ts_milliseconds")]
    pub until: DateTime<Utc>,
    /// Whole days left.
    pub days_left: i64,
    /// Days altogether.
    pub days: i64,
}

/// What the sample app has to say about the last thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AppNotice {
    /// The link exists now.
    Linked,
    /// It was ended.
    Revoked,
    /// Balances are fresh.
    Refreshed,
    /// The institution answered that no account was linked: `access_denied` and its like.
    Refused,
    /// The institution's service is not available now.
    Unavailable,
    /// The institution's answer was another error, or could not be believed.
    Broken,
    /// The answer belongs to nothing that this browser began.
    NotAsked,
    /// The time of the permission ran out.
    Expired,
    /// The link was ended elsewhere.
    Ended,
    /// The app itself failed.
    Failed,
}

/// The sample customer, as the sample bank has them. Everything is invented.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SampleCustomer {
    /// 店番
    pub branch: &'static str,
    /// 口座番号 of an ordinary deposit.
    pub number: &'static str,
    /// The kana name.
    pub name: &'static str,
    /// Year, month and day of birth.
    pub birth: [u16; 3],
    /// The registered telephone.
    pub phone: &'static str,
    /// The PIN.
    pub pin: &'static str,
}
impl SampleCustomer {
    /// The one who can link an account.
    pub const TARO: Self = Self {
        branch: "115",
        number: "1100026",
        name: "ﾃﾞｰﾀ ﾀﾛｳ",
        birth: [1985, 4, 12],
        phone: "09012343333",
        pin: "4071",
    };
}

/// The sample app: its one page, linked or not. Buttons: `name=action`, `link`, `refresh`, `revoke`.
#[derive(Debug, Clone, Serialize)]
pub struct AppPage {
    /// The app's name.
    pub app: String,
    /// Its provider.
    pub provider: String,
    /// The institution it links to.
    pub institution: String,
    /// Where `link` goes; empty: this page's own address.
    pub link_action: String,
    /// The institution's page where a customer sees and stops their links.
    pub my: String,
    /// Whose data to type, shown beside the button.
    pub sample: SampleCustomer,
    /// The phone and mailbox simulator.
    pub simulator: String,
    /// What has just happened.
    pub notice: Option<AppNotice>,
    /// The link, when there is one.
    pub link: Option<ShownGrant>,
    /// できごと of this link and of those before it.
    pub events: Vec<TimelineEntry>,
}

/// A call in the simulator's record.
#[derive(Debug, Clone, Serialize)]
pub struct PlacedCall {
    /// When.
    #[serde(with = "ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// 発信元; `None`: 非通知.
    pub from: Option<String>,
    /// 発信先
    pub to: String,
    /// Whether the hook took it.
    pub delivered: bool,
}

/// A report of the bank in the simulator's record.
#[derive(Debug, Clone, Serialize)]
pub struct ShownReport {
    /// When.
    #[serde(with = "ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// What became of the account, in the word of the report: `closed`.
    pub change: &'static str,
    /// The account: `115-ordinary-1100026`.
    pub account: String,
    /// Whether the hook took it.
    pub delivered: bool,
}

/// A mail in the simulator's mailbox.
#[derive(Debug, Clone, Serialize)]
pub struct ReceivedMail {
    /// The address.
    pub to: String,
    /// The sender.
    pub from: String,
    /// 件名
    pub subject: String,
    /// When.
    #[serde(with = "ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// The text.
    pub text: String,
}

/// The phone and mailbox simulator. The forms post `from`, `to`, `withheld=true` to `calls`, `account` and `type` to
/// `reports`, and nothing to `day`.
#[derive(Debug, Clone, Serialize)]
pub struct SimulatorPage {
    /// Filled in.
    pub from: String,
    /// Filled in: the number called last.
    pub to: String,
    /// Numbers to choose from.
    pub numbers: Vec<String>,
    /// The sample customer's number, as a hint.
    pub sample: String,
    /// Calls, newest first.
    pub calls: Vec<PlacedCall>,
    /// Mails, newest first.
    pub mails: Vec<ReceivedMail>,
    /// A number that was no number.
    pub refused: bool,
    /// The accounts the bank can report about.
    pub accounts: Vec<String>,
    /// What it can report, in the words of the reports.
    pub changes: Vec<&'static str>,
    /// Reports, newest first.
    pub reports: Vec<ShownReport>,
    /// The demonstration's clock.
    #[serde(with = "ts_milliseconds")]
    pub now: DateTime<Utc>,
}

/// The second sample app's page: what came back from the authorization server, or the way there.
#[derive(Debug, Clone, Serialize)]
pub struct KakeiboPage {
    /// Whether the code was exchanged.
    pub ok: bool,
    /// Why it came to nothing; without a reason, nobody has asked yet.
    pub notice: Option<AppNotice>,
    /// What was learnt: claims, scope, the end of the permission.
    pub facts: Vec<(String, String)>,
    /// Where the form that begins it goes.
    pub start: String,
}
