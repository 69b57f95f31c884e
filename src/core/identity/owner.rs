//! 連携サービスの確認・停止 after ⑤: who stands there, how long they may stay, and when somebody of this holder was there
//! before.

use super::cookie::ROW_LIFE;
use super::service::IdentityService;
use super::{Ending, Interaction, Misstep, Purpose, Stage, sql};
use crate::account::Account;
use crate::clock::Instant;
use crate::id::{AccountId, GrantId, HolderId};
use crate::keys::seal::Sealer;
use crate::secret::Hash;
use crate::store::{Result, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the page may be used after ⑤, whatever the customer does.
pub const MY_WHOLE: Duration = Duration::from_secs(20 * 60);
/// The longest time without a step after ⑤.
pub const MY_IDLE: Duration = Duration::from_secs(5 * 60);
/// How long the time of a visit is kept.
const VISITS: Duration = Duration::from_hours(2 * 365 * 24);

/// The holder of accounts who passed ① to ⑤ to see and stop links. It has no name, no mail address and no request, so
/// consent cannot be made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The person.
    pub holder: HolderId,
    /// The account that was verified.
    pub account: Account,
    /// Its opaque id.
    pub verified: AccountId,
    /// All accounts of the person, as the core bank lists them.
    pub accounts: Vec<(AccountId, Account)>,
    /// When the last check was passed.
    pub auth_time: Instant,
    /// When somebody passed the checks of this page for this person before.
    pub last_visit: Option<Instant>,
    /// What the last form did, for the page after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Stopped>,
}

/// What was stopped by the form posted last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// One link.
    One(GrantId),
    /// One account of a link, which goes on.
    Account(GrantId),
    /// The notices about one link, which goes on.
    Notices(GrantId),
    /// Every link; how many.
    All(u32),
    /// Nothing: the link had ended before.
    Before(GrantId),
}

impl Owner {
    /// When the page ends if the customer does nothing more.
    #[must_use]
    pub fn idle_until(&self, touched: Instant) -> Instant {
        touched + MY_IDLE
    }
    /// When the page ends whatever the customer does. Its cookie lives longer.
    #[must_use]
    pub fn whole_until(&self, started: Instant) -> Instant {
        (self.auth_time + MY_WHOLE).min(started + ROW_LIFE)
    }
    /// The account that the core bank calls so, if it is the person's.
    #[must_use]
    pub fn account_of(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.iter().find(|(known, _)| known == id).map(|(_, account)| account)
    }
}

impl Interaction {
    /// S5 → the customer's own page: the PIN was right.
    ///
    /// # Errors
    /// [`Misstep`] from any other stage, and for every other purpose.
    pub fn reached_links(
        self,
        accounts: Vec<(AccountId, Account)>,
        last_visit: Option<Instant>,
        now: Instant,
    ) -> std::result::Result<Self, Misstep> {
        let (Stage::Pin { matched, .. }, Purpose::My) = (self.stage, &self.purpose) else { return Err(Misstep) };
        let owner = Owner {
            holder: matched.holding.holder,
            account: matched.account,
            verified: matched.holding.id,
            accounts,
            auth_time: now,
            last_visit,
            done: None,
        };
        Ok(Self { stage: Stage::Links(Box::new(owner)), ..self })
    }
}

impl IdentityService {
    /// 終了する: from any stage of the customer's own page, and from its every other ending. Nothing happens for a link.
    pub(super) fn finish(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<Interaction> {
        match (&i.purpose, &i.stage) {
            (Purpose::Link(_), _) => Ok(i),
            (Purpose::My, Stage::Ended(_)) => {
                let i = Interaction { stage: Stage::Ended(Ending::Finished), ..i };
                sql::save(tx, &self.crypto, &i)?;
                Ok(i)
            }
            (Purpose::My, _) => sql::end(tx, &self.crypto, i, Ending::Finished, now),
        }
    }
    /// The PIN was right: ⑥, or the customer's own page.
    pub(super) fn passed(
        &self,
        tx: &mut Tx<'_, '_>,
        i: &Interaction,
        index: Hash,
        accounts: &[(AccountId, Account)],
        now: Instant,
    ) -> Result<std::result::Result<Interaction, Misstep>> {
        let (Stage::Pin { matched, .. }, Purpose::My) = (&i.stage, &i.purpose) else {
            return Ok(i.clone().proofed(index, accounts.to_vec(), now));
        };
        let last_visit = visit(tx, &self.crypto.sealer, &matched.holding.holder, now)?;
        Ok(i.clone().reached_links(accounts.to_vec(), last_visit, now))
    }
}

/// Notes that somebody passed the checks of this page for a person. Returns when that happened last.
fn visit(tx: &mut Tx<'_, '_>, sealer: &Sealer, holder: &HolderId, now: Instant) -> Result<Option<Instant>> {
    let name: Hash = sealer.index("my visit", holder.as_str());
    let before = tx.row("select at from my_visits where holder = ?1", &[name.into()])?;
    let before = before.map(|row| row.instant(0)).transpose()?;
    let sql = "insert into my_visits (holder, at) values (?1, ?2) on conflict (holder) do update set at = excluded.at";
    tx.execute(sql, &[name.into(), now.into()])?;
    Ok(before)
}

/// Housekeeping: deletes at most `limit` old times. Returns how many.
pub fn prune_visits(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    let sql = "delete from my_visits where holder in (select holder from my_visits where at < ?1 limit ?2)";
    tx.execute(sql, &[(now - VISITS).into(), limit.into()])
}
