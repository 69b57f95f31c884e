//! An account moves or closes, or its owner dies (G24): the grants verified by it end, and others that share it lose it. Nothing
//! is transferred to a new account number: the customer links it anew (R86).

use super::BATCH;
use crate::account::Account;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::grant::{self, Ended, Narrowed, Reason};
use crate::hook::SKEW;
use crate::identity::proofing_session;
use crate::notice_address;
use crate::secret::Hash;
use crate::store::{Result, Tx};
use std::time::Duration;

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChangeKind {
    /// 移管: the account has another branch or number now.
    Transferred,
    /// 解約
    Closed,
    /// 死亡
    Deceased,
    /// 取引停止: the institution stopped it.
    Stopped,
}
impl AccountChangeKind {
    const ALL: [Self; 4] = [Self::Transferred, Self::Closed, Self::Deceased, Self::Stopped];
    /// The word in the bank's report (docs/core-banking.md).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transferred => "transferred",
            Self::Closed => "closed",
            Self::Deceased => "deceased",
            Self::Stopped => "stopped",
        }
    }
    /// Parses the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == text)
    }
}

/// A change as the core bank reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChanged {
    /// The bank's id of the report. A report that is repeated has the same id.
    pub event_id: String,
    /// What happened.
    pub change: AccountChangeKind,
    /// The account it happened to.
    pub account: Account,
    /// When it happened.
    pub at: Instant,
}

/// The result of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It was new.
    Now {
        /// The number of grants that ended.
        ended: u64,
        /// The number of grants that lost the account and go on.
        narrowed: u64,
    },
    /// The report had come before.
    Before,
}

/// How long a report is stored, to recognise a repeated one.
const REMEMBERED: Duration = Duration::from_hours(365 * 24);

/// Takes the account out of every open grant that shares it, which ends those that were verified by it, and stores the report,
/// in one transaction. Reports may come late: a grant made after the change was checked against the changed account, so it stays.
pub fn changed(tx: &mut Tx<'_, '_>, report: &AccountChanged, index: &Hash, now: Instant) -> Result<ReportOutcome> {
    // A bank's id may contain anything, so its digest is stored.
    let id = Hash::of(&report.event_id);
    let new = tx.execute(
        "insert into account_events (id, change, account_index, at, heard_at) values (?1, ?2, ?3, ?4, ?5) \
         on conflict do nothing",
        &[id.into(), report.change.as_str().into(), (*index).into(), report.at.into(), now.into()],
    )?;
    if new == 0 {
        return Ok(ReportOutcome::Before);
    }
    proofing_session::forget_account(tx, index, None)?;
    grant::change::forget_account(tx, index)?;
    let open = grant::sql::sharing(tx, index, report.at + SKEW, BATCH)?;
    let (mut ended, mut narrowed) = (0, 0);
    for grant in open {
        // Nobody stands for the permission of somebody who died: the whole link ends.
        let changed = if report.change == AccountChangeKind::Deceased {
            // And nobody is written to.
            notice_address::forget(tx, &grant, now)?;
            match grant::end(tx, &grant, &Reason::Account, Actor::System, now)? {
                Ended::Now(grant) => Narrowed::Ended(grant),
                Ended::Before(_) | Ended::Unknown => Narrowed::Over,
            }
        } else {
            grant::narrow(tx, &grant, index, (&Reason::Account, Actor::System), now)?
        };
        match changed {
            Narrowed::Ended(_) => ended += 1,
            Narrowed::Now(_) => narrowed += 1,
            Narrowed::NotShared | Narrowed::Over => {}
        }
    }
    let entry = Entry {
        account: Some(*index),
        detail: serde_json::json!({"change": report.change.as_str(), "at": report.at.rfc3339(), "ended": ended, "narrowed": narrowed}),
        ..Entry::new(now, Actor::System, AuditAction::AccountChanged)
    };
    audit::append(tx, &entry)?;
    Ok(ReportOutcome::Now { ended, narrowed })
}

/// Housekeeping: deletes reports after a year. Returns how many rows were deleted.
pub fn prune(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "delete from account_events where id in (select id from account_events where heard_at < ?1 \
         order by heard_at limit ?2)",
        &[(now - REMEMBERED).into(), limit.into()],
    )
}
