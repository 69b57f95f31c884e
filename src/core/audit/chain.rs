//! How a record is chained to the one before it.

use super::Entry;
use crate::clock::Instant;
use crate::secret::Hash;
use crate::store::{Result, Row, Tx};

/// The hash before the first record of every chain.
pub(super) fn root() -> Hash {
    Hash::of("renkei audit chain v1")
}

/// The columns of a record that its hash covers, as stored.
pub(super) struct ChainRow<'a> {
    pub(super) worker: &'a str,
    pub(super) n: i64,
    pub(super) at: Instant,
    pub(super) actor: &'a str,
    pub(super) action: &'a str,
    pub(super) client: Option<&'a str>,
    pub(super) interaction: Option<&'a str>,
    pub(super) grant: Option<&'a str>,
    pub(super) account: Option<&'a [u8]>,
    pub(super) detail: &'a str,
}

/// The columns that [`ChainRow::from_row`] reads, in its order.
macro_rules! columns {
    () => {
        "worker, n, at, actor, action, client_id, interaction, grant_id, account, detail, hash"
    };
}
pub(super) use columns;

/// How a link began and ended, in the words of the index `audit_story`: SQLite uses it only for a statement that repeats them.
macro_rules! story {
    () => {
        "(action = 'grant.created' or action = 'grant.activated' or action = 'grant.revoked' or action = 'grant.replaced' \
          or action = 'grant.expired')"
    };
}
pub(crate) use story;

impl<'a> ChainRow<'a> {
    pub(super) fn from_row(row: &'a Row) -> Result<Self> {
        Ok(Self {
            worker: row.text(0)?,
            n: row.int(1)?,
            at: row.instant(2)?,
            actor: row.text(3)?,
            action: row.text(4)?,
            client: row.opt_text(5)?,
            interaction: row.opt_text(6)?,
            grant: row.opt_text(7)?,
            account: row.opt_bytes(8)?,
            detail: row.text(9)?,
        })
    }

    /// SHA-256 over the previous hash and every column, each with its length in front, absent ones marked: two
    /// different records never give the same bytes.
    pub(super) fn hash(&self, before: &Hash) -> Hash {
        let mut bytes = before.as_bytes().to_vec();
        bytes.extend_from_slice(&self.n.to_be_bytes());
        bytes.extend_from_slice(&self.at.millis().to_be_bytes());
        let text = |t: Option<&'a str>| t.map(str::as_bytes);
        let parts = [
            Some(self.worker.as_bytes()),
            Some(self.actor.as_bytes()),
            Some(self.action.as_bytes()),
            text(self.client),
            text(self.interaction),
            text(self.grant),
            self.account,
            Some(self.detail.as_bytes()),
        ];
        for part in parts {
            match part {
                None => bytes.push(0),
                Some(part) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                    bytes.extend_from_slice(part);
                }
            }
        }
        Hash::of(bytes)
    }
}

pub(super) fn append(tx: &mut Tx<'_, '_>, entry: &Entry) -> Result<()> {
    let worker = tx.worker().to_owned();
    let tail = tx.row("select length, head from audit_chains where worker = ?1", &[worker.as_str().into()])?;
    let (length, before) = match &tail {
        Some(row) => (row.int(0)?, row.hash(1)?),
        None => (0, root()),
    };
    let (actor, detail) = (entry.actor.written(), entry.detail.to_string());
    let link = ChainRow {
        worker: &worker,
        n: length + 1,
        at: entry.at,
        actor: &actor,
        action: entry.action.as_str(),
        client: entry.client.as_ref().map(|c| c.as_str()),
        interaction: entry.interaction.as_ref().map(|i| i.as_str()),
        grant: entry.grant.as_ref().map(|g| g.as_str()),
        account: entry.account.as_ref().map(|a| &a.as_bytes()[..]),
        detail: &detail,
    };
    let hash = link.hash(&before);
    tx.execute(
        concat!("insert into audit (", columns!(), ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
        &[
            link.worker.into(),
            link.n.into(),
            link.at.into(),
            link.actor.into(),
            link.action.into(),
            link.client.into(),
            link.interaction.into(),
            link.grant.into(),
            link.account.into(),
            link.detail.into(),
            hash.into(),
        ],
    )?;
    let head = if tail.is_some() {
        "update audit_chains set length = ?2, head = ?3 where worker = ?1"
    } else {
        "insert into audit_chains (worker, length, head) values (?1, ?2, ?3)"
    };
    tx.execute(head, &[link.worker.into(), link.n.into(), hash.into()])?;
    tx.appended(link.n, &hash);
    Ok(())
}
