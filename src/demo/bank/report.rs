//! What the bank reports about its accounts (docs/core-banking.md): the authorization server ends or narrows their links.
//!
//! The bank's books stay as they are: the same account can be linked again, and the next report be tried.

use crate::crypto::{Random, Secret, base64url, bytes};
use crate::hook::{Outcome, deliver, signed};
use crate::time::Clock;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The most reports that are listed.
const MAX_REPORTS: usize = 50;
/// The branch that an account moves to.
const NEW_BRANCH: &str = "022";

/// What has become of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChange {
    /// 移管
    Transferred,
    /// 解約
    Closed,
    /// 死亡
    Deceased,
    /// 取引停止
    Stopped,
}
impl AccountChange {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Transferred, Self::Closed, Self::Deceased, Self::Stopped];

    /// The word of the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transferred => "transferred",
            Self::Closed => "closed",
            Self::Deceased => "deceased",
            Self::Stopped => "stopped",
        }
    }
    /// The change of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.as_str() == word)
    }
}

/// Where reports go.
#[derive(Debug, Clone)]
pub struct ReporterSettings {
    /// The hook: `{issuer}/hooks/bank/events`.
    pub hook: String,
    /// The secret shared with the authorization server.
    pub secret: Secret,
}

/// A report that was sent.
#[derive(Debug, Clone)]
pub struct SentReport {
    /// When.
    pub at: DateTime<Utc>,
    /// What it says.
    pub change: AccountChange,
    /// Of which account: `115-ordinary-1100026`.
    pub account: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Signs and sends the bank's reports.
pub struct Reporter {
    settings: ReporterSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    http: reqwest::Client,
    sent: Mutex<VecDeque<SentReport>>,
}

impl Reporter {
    /// A bank that has reported nothing.
    #[must_use]
    pub fn new(
        settings: ReporterSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        http: reqwest::Client,
    ) -> Self {
        Self { settings, clock, random, http, sent: Mutex::default() }
    }

    /// What was reported, the newest first.
    #[must_use]
    pub fn sent(&self) -> Vec<SentReport> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Reports that this has become of an account, as of now.
    pub async fn report(&self, change: AccountChange, account: &str) -> Outcome {
        let at = self.clock.now();
        let mut body = json!({
            "v": 1,
            "event_id": base64url(bytes::<16>(self.random.as_ref())),
            "type": change.as_str(),
            "account": account,
            "at": at.timestamp(),
        });
        if let (AccountChange::Transferred, Some((_, number))) = (change, account.split_once('-')) {
            body["new_account"] = format!("{NEW_BRANCH}-{number}").into();
        }
        let report = signed(body.to_string(), &self.settings.secret, at);
        let outcome = deliver(&self.http, &self.settings.hook, report).await;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.truncate(MAX_REPORTS - 1);
        sent.push_front(SentReport { at, change, account: account.to_owned(), outcome });
        outcome
    }
}
