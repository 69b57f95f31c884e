//! The content of 連携サービスの確認・停止: one context for each page. No context has a whole account number.

use super::parts::SomeClient;
use crate::account::{Account, AccountType};
use crate::clock::Instant;
use crate::consent::Permission;
use crate::id::AccountId;
use crate::my::ChangeKind;
use chrono::NaiveDate;
use serde::Serialize;

/// An account by its last three digits.
#[derive(Debug, Clone, Serialize)]
pub struct MaskedAccount {
    /// The core bank's opaque id: the value of the `account` field.
    pub id: String,
    /// 科目
    pub account_type: AccountType,
    /// 口座番号下3桁
    pub last3: String,
}
impl MaskedAccount {
    /// The account with this id.
    #[must_use]
    pub fn of(id: &AccountId, account: &Account) -> Self {
        let number = account.number.as_str();
        let last3 = number.get(number.len().saturating_sub(3)..).unwrap_or_default();
        Self { id: id.to_string(), account_type: account.account_type, last3: last3.to_owned() }
    }
}

/// One line of a link's history.
#[derive(Debug, Clone, Serialize)]
pub struct ShownChange {
    /// When.
    pub at: Instant,
    /// What.
    pub kind: ChangeKind,
    /// By whom: a word of `by`.
    pub by: &'static str,
}

/// One link.
#[derive(Debug, Clone, Serialize)]
pub struct ShownGrant {
    /// Its id, for the forms and the receipt.
    pub id: String,
    /// The app and its provider.
    pub client: SomeClient,
    /// The permissions, in the order of ⑥.
    pub permissions: Vec<Permission>,
    /// Whether the app gets an identifier of the customer.
    pub openid: bool,
    /// The first day of transactions, if limited.
    pub from: Option<NaiveDate>,
    /// The last day of transactions, if limited.
    pub to: Option<NaiveDate>,
    /// The accounts, the verified one first.
    pub accounts: Vec<MaskedAccount>,
    /// Whether the first of them is the verified one: without it the link ends.
    pub verified_first: bool,
    /// How many more accounts it covers.
    pub other_accounts: usize,
    /// When it was allowed.
    pub since: Instant,
    /// 認可期間 in days.
    pub days: u64,
    /// Its end.
    pub until: Instant,
    /// Days left, begun ones counted.
    pub days_left: u64,
    /// Whether the end is near.
    pub soon: bool,
    /// 最終利用日, if known.
    pub last_use: Option<Instant>,
    /// The address for notices about it, masked.
    pub notice_address: Option<String>,
    /// 受付番号
    pub reference: String,
    /// The version of the terms, if the record is kept.
    pub terms: Option<String>,
    /// What happened to it, oldest first. The last line of an ended link is its end.
    pub history: Vec<ShownChange>,
}

/// What the form posted last did.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StopOutcome {
    /// One link was stopped.
    One {
        /// The app.
        app: String,
        /// Its receipt.
        id: String,
    },
    /// One account of a link was stopped.
    Account {
        /// The app.
        app: String,
    },
    /// There are no more notices about a link.
    Notices {
        /// The app.
        app: String,
    },
    /// Every link was stopped.
    All {
        /// How many.
        n: u32,
    },
    /// The link had ended before.
    Before {
        /// The app.
        app: String,
    },
}

/// When the page ends by itself.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TimeLeft {
    /// Without a step.
    pub idle_until: Instant,
    /// Whatever the customer does.
    pub whole_until: Instant,
    /// Seconds to the first, by the server's clock.
    pub idle_left: u64,
    /// Seconds to the second.
    pub whole_left: u64,
}
impl TimeLeft {
    /// The time left at `now`.
    #[must_use]
    pub fn at(now: Instant, idle_until: Instant, whole_until: Instant) -> Self {
        let left = |until: Instant| until.since(now).as_secs();
        Self { idle_until, whole_until, idle_left: left(idle_until), whole_left: left(whole_until) }
    }
    /// Seconds until the page must be loaded again: then it shows nothing of the customer.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.idle_left.min(self.whole_left) + 1
    }
}

/// 連携サービスの確認・停止: every link with access.
#[derive(Debug, Clone, Serialize)]
pub struct MyLinksPage {
    /// The links, newest first.
    pub links: Vec<ShownGrant>,
    /// When this page was last opened for this person.
    pub last_visit: Option<Instant>,
    /// What the form posted last did.
    pub done: Option<StopOutcome>,
    /// When the page ends by itself.
    pub time: TimeLeft,
    /// The address of the page of ended links.
    pub ended_url: String,
    /// The address of receipts, without the id.
    pub receipt_url: String,
}

/// 終了した連携: what ended within a year.
#[derive(Debug, Clone, Serialize)]
pub struct MyEndedPage {
    /// The links, the latest end first.
    pub links: Vec<ShownGrant>,
    /// When the page ends by itself.
    pub time: TimeLeft,
    /// The address of the page of links.
    pub links_url: String,
    /// The address of receipts, without the id.
    pub receipt_url: String,
}

/// The sentences that a customer read on ⑥, as text.
#[derive(Debug, Clone, Serialize)]
pub struct ShownWords {
    /// Their language.
    pub language: &'static str,
    /// The sentences. What stands on buttons is none, nor what a link does on a screen.
    pub sentences: Vec<ShownSentence>,
}

/// One of them.
#[derive(Debug, Clone, Serialize)]
pub struct ShownSentence {
    /// `ticked` or `unticked` where it stood beside a box; otherwise empty.
    pub mark: &'static str,
    /// The text.
    pub text: String,
}

/// 連携の控え: what was agreed to, to print.
#[derive(Debug, Clone, Serialize)]
pub struct MyReceiptPage {
    /// The link.
    pub link: ShownGrant,
    /// What ⑥ said when the customer agreed; `None` where it was not kept: then the page says it in today's words.
    pub agreed: Option<ShownWords>,
    /// The address of this page for somebody who comes anew.
    pub own_page: String,
    /// Whether it has ended.
    pub ended: bool,
    /// When the page ends by itself.
    pub time: TimeLeft,
    /// The address of the page of links.
    pub links_url: String,
    /// The time of the page.
    pub at: Instant,
}

/// The end of the customer's own page: by 中止する or 終了する.
#[derive(Debug, Clone, Serialize)]
pub struct MyCancelledPage {
    /// 終了する was pressed: the page has no button any more.
    pub finished: bool,
}
